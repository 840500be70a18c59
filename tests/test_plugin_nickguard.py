"""nickguard: whose names look like the staff's, what is remembered of those, and what else a name may not be."""

from __future__ import annotations

from typing import Any

import pytest

from tests.client import Client
from tests.work import driven, steps
from tornado_chat.errors import ConfigError
from tornado_chat.models import Role, User, is_uname
from tornado_chat.testing import ChatFixture, JoinRefused
from tornado_chat_plugins.nickguard import MAX_STAFF, Guard

DOUBLE = "Your name looks like {}'s, who is on the staff here. Please choose another one."
TITLE = "Your name is one for staff. Please choose another one."
MIXED = "Your name mixes alphabets. Please choose another one."
HIDDEN = "Your name has characters that can't be seen. Please choose another one."


def names(*lines: str) -> list[str]:
    return ",".join(lines).split(",")


async def refused(chat: ChatFixture, uname: str, role: str = "member") -> str:
    """Return what one is told who wants to come in; empty where they may."""
    assert is_uname(uname)
    try:
        await (await chat.join(uname, role=role)).leave()
    except JoinRefused as error:
        return error.notice if error.code == "NAME_REFUSED" and error.notice else error.code or "?"
    return ""


async def with_staff(chat: ChatFixture, **options: Any) -> None:
    await chat.open("nickguard", options={"nickguard": options})
    for uname, role in (("donald", "admin"), ("kate", "mod"), ('o\'Neil "Q"', "owner")):
        await chat.join(uname, role=role)


@pytest.mark.gen_test
@pytest.mark.parametrize(
    "uname",
    names(
        "dоnald,donаld,d0nald,dona1d,donaId,DONAld,dónàld,ｄonald,𝐝𝐨𝐧𝐚𝐥𝐝,donaӏd,dona|d,d.o.n.a.l.d,d o n a l d",
        "D_O_N_A_L_D,@donald,donald\ufe0f,do\u034fnald,Admin-Donald,donald_admin,donald [ADMIN],donald_official",
        "realdonald,donaldMod,Donald (staff),DonaldAdmin,the_real_donald,donald.support,dоnald_admin,d0nald-team",
    ),
)
async def test_a_name_that_looks_like_one_of_the_staffs_is_kept_out(chat: ChatFixture, uname: str) -> None:
    await with_staff(chat, invisible=False)
    assert await refused(chat, uname) == DOUBLE.format("donald")


@pytest.mark.gen_test
@pytest.mark.parametrize(
    "uname",
    names(
        "kate_,katerina,kat,skate,katie,kate_from_hull,kate2,Donaldo,mcdonald,ronald,duck_donald_fan,adamin,modesty",
        "systematic,supportive_sue,badminton_ben,ownership,staffordshire,administer_of_tea,modem_noises,offical_typo",
        "IM_wannabe,Anna-Maria,root_beer,Amira,さくら,さくらKate,Γιάννης,дмитрий_2,ivanov_иван,❤️cookie,Zoë,4711,x,_,o'Neil",
        "d.o.n,real,team bot,null,__proto__,constructor",
    ),
)
async def test_other_names_may_come_in_and_speak(chat: ChatFixture, uname: str) -> None:
    await with_staff(chat)
    person = await chat.join(uname)
    assert (await person.say("hi")).ack is None


@pytest.mark.gen_test
@pytest.mark.parametrize(
    "uname",
    names(
        "admin,ADMIN,Administrator,аdmin,adm1n,4dm1n,a_d_m_i_n,admin_,admin2,mod 1,Moderator,Support_Team,SupportTeam",
        "supportteam,the admin,HelpDesk,System,Officia1,sеcurity-team,official support,mod-bot,modbot,Head Admin",
        "real_owner",
    ),
)
async def test_a_name_that_says_it_is_staffs_is_kept_out_unless_it_is(chat: ChatFixture, uname: str) -> None:
    await with_staff(chat)
    assert await refused(chat, uname) == TITLE
    assert await refused(chat, uname, "mod") == ""


@pytest.mark.gen_test
async def test_words_and_names_to_protect_are_an_option(chat: ChatFixture) -> None:
    await with_staff(chat, protect=["Админ", "Streamer Joe"])
    for uname in ("админ", "АДМИН", "streamer_joe", "StreamerJ0e"):
        assert await refused(chat, uname) == TITLE
    assert await refused(chat, "moderator") == ""
    await chat.open("nickguard", options={"nickguard": {"protect": [], "allow": ["Kaте", "ADMIN"]}})
    assert await refused(chat, "admin") == ""
    assert await refused(chat, "kaте") == ""


@pytest.mark.gen_test
async def test_mixed_alphabets_and_what_cannot_be_seen_are_kept_out(chat: ChatFixture) -> None:
    await with_staff(chat)
    assert await refused(chat, "раypal") == MIXED
    assert await refused(chat, "bоb smith") == MIXED
    assert await refused(chat, "bo\u3164b") == HIDDEN
    assert await refused(chat, "bob\ufe0f") == HIDDEN
    await chat.open("nickguard", options={"nickguard": {"mixed": False, "invisible": False, "lookalikes": False}})
    for uname in ("раypal", "bo\u3164b", "d0nald"):
        assert await refused(chat, uname) == ""


@pytest.mark.gen_test
async def test_such_a_name_may_be_let_in_and_say_nothing(chat: ChatFixture) -> None:
    await with_staff(chat, action="mute")
    double, guest = await chat.join("d0nald"), await chat.join(None)
    answer = await double.say("send me your password")
    assert (answer.ack, answer.notice) == ("NAME_REFUSED", DOUBLE.format("donald"))
    assert guest.messages == []


@pytest.mark.gen_test
async def test_one_who_came_before_their_double_says_nothing_any_more(chat: ChatFixture) -> None:
    await chat.open("nickguard")
    other = await chat.join("k4te")
    assert (await other.say("hi")).ack is None
    await chat.join("kate", role="mod")
    assert (await other.say("hi")).ack == "NAME_REFUSED"


@pytest.mark.gen_test
async def test_the_staffs_names_are_remembered_over_a_reload_and_a_restart(chat: ChatFixture) -> None:
    await with_staff(chat)
    await chat.open("nickguard")
    assert await refused(chat, "d0nald") == DOUBLE.format("donald")
    await chat.restart()
    await chat.open("nickguard")
    assert await refused(chat, "d0nald") == DOUBLE.format("donald")
    assert await refused(chat, 'o\'Nei1 "Q"') == DOUBLE.format('o\'Neil "Q"')


@pytest.mark.gen_test
async def test_who_spoke_lately_as_staff_is_known_though_nothing_was_stored(chat: ChatFixture) -> None:
    await chat.open()
    kate = await chat.join("kate", role="mod")
    await kate.say("hello")
    await kate.leave()
    await chat.open("nickguard")
    assert await refused(chat, "k4te") == DOUBLE.format("kate")


@pytest.mark.gen_test
async def test_who_was_made_staff_in_mid_session_is_known_when_they_speak(chat: ChatFixture) -> None:
    await chat.open("nickguard")
    guard = chat.api("nickguard").state(Guard)
    assert await refused(chat, "k4te") == ""
    assert await guard.judge(User(7, "kate", Role.MOD)) == ""
    assert await refused(chat, "k4te") == DOUBLE.format("kate")
    await chat.advance(10)
    await chat.restart()
    await chat.open("nickguard")
    assert await refused(chat, "k4te") == DOUBLE.format("kate")


@pytest.mark.gen_test
async def test_who_is_no_longer_staff_keeps_their_name_and_it_is_nobodys_else_to_guard(chat: ChatFixture) -> None:
    await with_staff(chat)
    await next(person for person in chat.people if person.user is not None and person.user.uname == "kate").leave()
    kate = await chat.join("kate")
    assert (await kate.say("just me")).ack is None
    assert await refused(chat, "k4te") == ""
    await chat.advance(10)
    await chat.restart()
    await chat.open("nickguard")
    assert await refused(chat, "k4te") == ""
    assert await refused(chat, "d0nald") == DOUBLE.format("donald")


@pytest.mark.gen_test
async def test_a_name_that_is_spelled_the_same_is_no_double_whatever_its_id(chat: ChatFixture) -> None:
    await with_staff(chat)
    guard = chat.api("nickguard").state(Guard)
    assert await guard.judge(User(999, "kate", Role.MEMBER)) == ""
    assert await guard.judge(User(999, "KATE", Role.MEMBER)) == DOUBLE.format("kate")


@pytest.mark.gen_test
async def test_a_name_is_forgotten_when_its_owner_has_not_come_for_long(chat: ChatFixture) -> None:
    await with_staff(chat, remember_days=2)
    await chat.advance(86_400)
    assert await refused(chat, "d0nald") == DOUBLE.format("donald")
    await chat.advance(86_401)
    assert await refused(chat, "do0nald") == ""
    assert await refused(chat, "dona1d") == ""
    await chat.restart()
    await chat.open("nickguard")
    assert await refused(chat, "d0nald") == ""


@pytest.mark.gen_test
async def test_while_the_database_is_away_people_come_in_and_those_known_are_guarded(chat: ChatFixture) -> None:
    await with_staff(chat)
    await chat.restart()
    await chat.open("nickguard")
    chat.store.away = True
    assert await refused(chat, "bob") == ""
    await chat.join("donald", role="admin")
    assert await refused(chat, "d0nald") == DOUBLE.format("donald")
    assert await refused(chat, "k4te") == ""
    chat.store.away = False
    await chat.advance(10)
    assert await refused(chat, "k4te") == DOUBLE.format("kate")


@pytest.mark.gen_test
async def test_the_memory_is_bounded(chat: ChatFixture) -> None:
    await chat.open("nickguard")
    guard = chat.api("nickguard").state(Guard)
    for number in range(MAX_STAFF + 500):
        guard.saw(User(number + 1, f"mod{number}x", Role.MOD))
    assert len(guard._staff) == len(guard._forms) == len(guard._bare) == MAX_STAFF
    for number in range(12_000):
        await guard.judge(User(50_000 + number, f"user{number}x", Role.MEMBER))
    assert len(guard._judged) <= 10_000


@pytest.mark.gen_test
async def test_a_name_is_judged_as_quickly_beside_many_staff_as_beside_few(chat: ChatFixture) -> None:
    await chat.open("nickguard")
    guard = chat.api("nickguard").state(Guard)

    def cost() -> int:
        guard._judged.clear()
        return steps(lambda: driven(guard.judge(User(50_000, "userx", Role.MEMBER))))

    guard.saw(User(1, "mod0x", Role.MOD))
    assert await guard.judge(User(50_000, "userx", Role.MEMBER)) == ""
    few = cost()
    for number in range(MAX_STAFF):
        guard.saw(User(number + 1, f"mod{number}x", Role.MOD))
    assert cost() <= few + 20


@pytest.mark.gen_test
async def test_what_is_stored_by_another_version_keeps_nobody_out(chat: ChatFixture) -> None:
    await chat.open("nickguard")
    await chat.api("nickguard").storage.put("staff:1", {"name": "kate"})
    await chat.open("nickguard")
    assert await refused(chat, "bob") == ""


@pytest.mark.gen_test
async def test_impersonation_of_an_admin_in_another_alphabet_on_the_wire(
    serve: Any, connect: Any, make_config: Any, api: Any
) -> None:
    """The row "impersonation" of what attackers try: аdmin with a Cyrillic а, by the official flow of `auth`."""
    api.users["token-admin"] = {"id": 90, "uname": "admin", "role": "admin"}
    for number, uname in enumerate(("аdmin", "dаve", "d4ve", "ｄave"), 91):
        api.users[f"token-{number}"] = {"id": number, "uname": uname, "role": "member"}
    server = await serve(make_config(app='plugins = ["mute", "nickguard"]'))
    admin, dave = await connect(server, token="token-admin"), await connect(server, token="token-dave")
    for number, notice in ((91, TITLE), (92, DOUBLE), (93, DOUBLE), (94, DOUBLE)):
        double = await Client.connect(server.port)
        assert await double.auth(token=f"token-{number}") == ["NAME_REFUSED"]
        assert await double.next("system_message") in {notice, notice.format("dave"), DOUBLE.format("admin")}
        await double.close()
    alice = await connect(server, token="token-alice")
    assert sorted(alice.data["room"]["users"]) == ["admin", "alice", "dave"]
    assert [await client.say("hi") for client in (admin, dave, alice)] == [None, None, None]


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"protect": ["mod", "_"]}, r"protect\[1\]: '_' has no letter"),
        ({"action": "ban"}, "action"),
        ({"remember_days": 0}, "remember_days"),
        ({"lookalikes": "yes"}, "lookalikes"),
        ({"mixed": 1}, "mixed"),
        ({"invisible": None}, "invisible"),
        ({"allow": "kate"}, "allow"),
    ],
)
@pytest.mark.gen_test
async def test_options_that_make_no_sense_stop_the_start(chat: ChatFixture, options: dict[str, Any], told: str) -> None:
    with pytest.raises(ConfigError, match=told):
        await chat.open("nickguard", options={"nickguard": options})
