"""/warn and strikes: what each comes to, that none is lost or counted twice, and whom nobody can hit."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.chats import documented_options, load_plugin
from tests.inline import filtering
from tornado_chat import Draft, MuteSender, Pass, Reject, Strike, Verdict
from tornado_chat.errors import ConfigError
from tornado_chat.testing import ChatFixture, JoinRefused

HOUR = 3600
DAY = 24 * HOUR


async def check(draft: Draft) -> Verdict:
    if "spam" in draft.text:
        return Reject("no", actions=(Strike("spam"),))
    if "silence" in draft.text:
        return Reject("no", actions=(MuteSender(2 * DAY), Strike("spam")))
    return Reject("no", actions=(Strike(),)) if "bad" in draft.text else Pass()


judge = filtering(check)


async def opened(chat: ChatFixture, **options: Any) -> None:
    await chat.open(judge, "mute", "escalate", options={"escalate": options})


def warned(person: Any) -> list[str]:
    return [text for text in person.notices if "warn" in text]


@pytest.mark.gen_test
async def test_each_strike_is_one_step_up_the_ladder(chat: ChatFixture) -> None:
    await opened(chat)
    eve, alice, bob = await chat.join("eve"), await chat.join("alice"), await chat.join("bob", role="mod")
    await eve.say("spam")
    assert eve.notices[-1] == "You are warned: spam (strike 1; the next one means a mute for 10 min)"
    assert (await eve.say("hello")).ack is None
    await chat.advance(60)
    await eve.say("spam")
    assert (await eve.say("hello")).notice == "You are muted for another 10 min: strike 2: spam"
    assert warned(eve)[-1] == (
        "You are warned: spam. You are muted for 10 min (strike 2; the next one means a mute for 1 d)"
    )
    await chat.advance(600)
    await eve.say("spam")
    assert [payload["mins"] for name, payload in alice.events if name == "user_muted"] == [10, 1440]
    await chat.advance(DAY)
    await eve.say("spam")
    with pytest.raises(JoinRefused, match="BANNED: You are banned: strike 4: spam"):
        await chat.join("EVE")
    assert warned(alice) == warned(bob) == []
    await chat.settle()
    entries = reversed(await chat.api("escalate").audit())
    assert [(entry.actor, entry.action, entry.target) for entry in entries] == [
        ("escalate", "strike", "eve"),
        ("escalate", "mute", "eve"),
        ("escalate", "strike", "eve"),
        ("escalate", "mute", "eve"),
        ("escalate", "strike", "eve"),
        ("escalate", "ban", "eve"),
        ("escalate", "strike", "eve"),
    ]


@pytest.mark.gen_test
async def test_a_burst_of_strikes_is_one_step(chat: ChatFixture) -> None:
    await opened(chat, pause=10)
    eve, bob = await chat.join("eve"), await chat.join("bob", role="mod")
    await asyncio.gather(*(eve.say(f"spam {number}") for number in range(20)))
    await chat.settle()
    assert len(warned(eve)) == 1
    await chat.advance(9)
    await eve.say("spam")
    assert (await bob.say("/strikes eve")).notice == (
        "eve has 1 strike; the next one means a mute for 10 min\n2026-01-01 00:00 UTC, judge: spam"
    )
    await chat.advance(1)
    await eve.say("spam")
    assert (await eve.say("hello")).ack == "USER_MUTED"
    assert (await bob.say("/strikes EVE")).notice.startswith("eve has 2 strikes; ")  # type: ignore[union-attr]


@pytest.mark.gen_test
async def test_a_burst_over_a_restart_or_reload_is_one_step_too(chat: ChatFixture) -> None:
    await opened(chat)
    eve = await chat.join("eve")
    await eve.say("spam")
    await opened(chat)
    await eve.say("spam")
    assert (await eve.say("hello")).ack is None
    await chat.restart()
    await opened(chat)
    eve = await chat.join("eve")
    await eve.say("spam")
    assert (await eve.say("hello")).ack is None
    await chat.advance(10)
    await eve.say("spam")
    assert (await eve.say("hello")).ack == "USER_MUTED"


@pytest.mark.gen_test
async def test_strikes_are_forgotten_in_time(chat: ChatFixture) -> None:
    await opened(chat, decay_hours=2, steps=["warn", "warn", "mute 5m"])
    eve, bob = await chat.join("eve"), await chat.join("bob", role="mod")
    await eve.say("spam")
    await chat.advance(HOUR)
    await eve.say("spam")
    await chat.advance(HOUR)
    assert (await bob.say("/strikes eve")).notice == (
        "eve has 1 strike; the next one means a warning\n2026-01-01 01:00 UTC, judge: spam"
    )
    await eve.say("spam")
    assert (await eve.say("hello")).ack is None
    await chat.advance(60)
    await eve.say("spam")
    assert (await eve.say("hello")).ack == "USER_MUTED"
    await chat.advance(2 * HOUR)
    assert (await bob.say("/strikes eve")).notice == "eve has no strikes; the next one means a warning"


@pytest.mark.gen_test
async def test_the_last_step_comes_again_and_bans_may_be_left_out(chat: ChatFixture) -> None:
    await opened(chat, steps=["mute 1m"], pause=0)
    eve = await chat.join("eve")
    for number in range(1, 25):
        await eve.say("bad")
        reason = f"strike {min(number, 20)}: you broke the rules"
        assert (await eve.say("hello")).notice == f"You are muted for another 1 min: {reason}"
        await chat.advance(60)


@pytest.mark.gen_test
async def test_a_ban_may_have_an_end(chat: ChatFixture) -> None:
    await opened(chat, steps=["ban 2h"])
    await (await chat.join("eve")).say("spam")
    with pytest.raises(JoinRefused, match="BANNED"):
        await chat.join("eve")
    await chat.advance(2 * HOUR)
    await chat.join("eve")


@pytest.mark.gen_test
async def test_a_warning_by_a_moderator_is_a_strike(chat: ChatFixture) -> None:
    await opened(chat)
    eve, alice, bob = await chat.join("eve"), await chat.join("alice"), await chat.join("bob", role="mod")
    assert (await bob.say("/warn EVE no  begging")).notice == "eve was warned: strike 1, a warning"
    assert eve.notices == ["bob warned you: no begging (strike 1; the next one means a mute for 10 min)"]
    assert alice.notices == []
    assert (await bob.say("/warn eve again")).notice == "eve got a strike a moment ago; this one doesn't count"
    await chat.advance(10)
    assert (await bob.say("/warn eve again")).notice == "eve was warned: strike 2, a mute for 10 min"
    assert (await eve.say("why?")).notice == "You are muted for another 10 min: strike 2: again"
    entries = await chat.api("escalate").audit(action="warn")
    assert [(entry.actor, entry.target, entry.reason) for entry in reversed(entries)] == [
        ("bob", "eve", "no begging"),
        ("bob", "eve", "again"),
    ]


@pytest.mark.gen_test
async def test_who_warned_is_not_told_where_the_app_hides_it(chat: ChatFixture) -> None:
    chat.hide_actor = True
    await opened(chat)
    eve, bob = await chat.join("eve"), await chat.join("bob", role="mod")
    await bob.say("/warn eve stop")
    assert eve.notices[-1].startswith("A moderator warned you: stop (")
    assert "bob" not in eve.notices[-1]


@pytest.mark.gen_test
async def test_one_who_is_not_here_is_warned_once_when_they_come(chat: ChatFixture) -> None:
    await opened(chat, pause=0)
    eve, bob = await chat.join("Eve"), await chat.join("bob", role="mod")
    await eve.leave()
    assert (await bob.say("/warn eve stop")).notice == "eve was warned: strike 1, a warning"
    await bob.say("/warn eve really")
    await chat.restart()
    await opened(chat)
    eve = await chat.join("Eve")
    (text,) = eve.notices
    assert [line.partition(" (")[0] for line in text.split("\n")] == [
        "bob warned you: stop",
        "bob warned you: really. You are muted for 10 min",
    ]
    tab = await chat.join("Eve")
    assert tab.notices == []
    await chat.restart()
    await opened(chat)
    assert (await chat.join("Eve")).notices == []


@pytest.mark.gen_test
@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("/warn", "Usage: /warn <user> <reason>"),
        ("/warn eve", "Usage: /warn <user> <reason>"),
        ("/warn nobody stop", "nobody was never here"),
        ('/warn "x\u200b" stop', "No user can have that name"),
        ("/warn " + "x" * 65 + " stop", "No user can have that name"),
        ("/warn bob stop", "You are not authorized to do that: bob is a mod"),
        ("/warn ben stop", "You are not authorized to do that: ben is a mod"),
        ("/warn olga stop", "You are not authorized to do that: olga is an owner"),
        ("/forgive olga", "You are not authorized to do that: olga is an owner"),
        ("/forgive eve", "eve has no strikes"),
        ("/strikes", "Usage: /strikes <user>"),
        ('/strikes "o\'neil \u202e"', "o'neil \u202e has no strikes; the next one means a warning"),
    ],
)
async def test_what_a_moderator_may_not_do(chat: ChatFixture, line: str, told: str) -> None:
    await opened(chat)
    await chat.join("eve")
    bob = await chat.join("bob", role="mod")
    await chat.join("ben", role="mod")
    await chat.join("olga", role="owner")
    assert (await bob.say(line)).notice == told


@pytest.mark.gen_test
async def test_members_neither_warn_nor_see_nor_forgive(chat: ChatFixture) -> None:
    await opened(chat)
    eve = await chat.join("eve")
    for line in ("/warn alice stop", "/strikes eve", "/forgive eve"):
        assert (await eve.say(line)).notice == "You are not authorized to do that"


@pytest.mark.gen_test
async def test_staff_get_no_strikes_and_an_owner_may_warn_a_moderator(chat: ChatFixture) -> None:
    await opened(chat, steps=["ban"])
    bob, olga = await chat.join("bob", role="mod"), await chat.join("olga", role="owner")
    await bob.say("spam")
    assert (await bob.say("hello")).ack is None
    assert (await olga.say("/strikes bob")).notice == "bob has no strikes; the next one means a ban"
    assert (await olga.say("/warn bob stop")).notice == "bob was warned: no strike, since nothing could follow"
    assert bob.notices[-1] == "olga warned you: stop"
    assert (await olga.say("/strikes bob")).notice == "bob has no strikes; the next one means a ban"
    assert (await bob.say("hello")).ack is None


@pytest.mark.gen_test
async def test_strikes_can_be_forgiven_but_not_those_of_a_superior(chat: ChatFixture) -> None:
    await opened(chat)
    eve, bob, olga = await chat.join("eve"), await chat.join("bob", role="mod"), await chat.join("olga", role="owner")
    await eve.say("spam")
    assert (await bob.say("/forgive eve")).notice == "1 strike of eve is forgotten"
    await eve.say("spam")  # at once: what was forgiven is no burst
    assert warned(eve)[-1].startswith("You are warned: spam (strike 1;")
    await chat.advance(10)
    await olga.say("/warn eve stop")
    assert (await bob.say("/forgive eve")).notice == (
        "You are not authorized to do that: olga, who is above you, gave one"
    )
    await eve.leave()
    await olga.say("/unmute eve")
    await chat.advance(10)
    await olga.say("/warn eve again")
    assert (await olga.say("/forgive eve")).notice == "3 strikes of eve are forgotten"
    assert (await chat.join("eve")).notices == []
    assert [entry.actor for entry in await chat.api("escalate").audit(action="forgive")] == ["olga", "bob"]


@pytest.mark.gen_test
async def test_no_mute_and_no_ban_is_made_shorter(chat: ChatFixture) -> None:
    await opened(chat, steps=["mute 10m", "ban 1h"])
    eve, dora = await chat.join("eve"), await chat.join("dora")
    bob, olga = await chat.join("bob", role="mod"), await chat.join("olga", role="owner")
    await eve.say("silence")
    await chat.advance(600)
    assert "another 2870 min" in str((await eve.say("hello")).notice)
    await bob.say("/mute dora 1m")
    assert (await bob.say("/warn dora stop")).notice == "dora was warned: strike 1, a mute for 10 min"
    assert "another 10 min" in str((await dora.say("hello")).notice)
    api = chat.api("escalate")
    await api.ban(olga.user, "dora")  # type: ignore[arg-type]
    await chat.advance(10)
    assert (await bob.say("/warn dora stop")).notice == (
        "dora was warned: strike 2, and nothing else, since they are banned"
    )
    assert [ban.expires_at for ban in api.bans] == [None]


@pytest.mark.gen_test
async def test_what_an_owner_muted_a_strike_does_not_make_longer(chat: ChatFixture) -> None:
    await opened(chat, steps=["mute 30d"])
    eve, bob, olga = await chat.join("eve"), await chat.join("bob", role="mod"), await chat.join("olga", role="owner")
    await olga.say("/mute eve 10")
    for number, person in ((1, bob), (2, olga)):
        told = f"eve was warned: strike {number}, and nothing else, since olga muted them"
        assert (await person.say("/warn eve stop")).notice == told
        assert "stop (strike" in eve.notices[-1]
        await chat.advance(60)
    assert "another 8 min" in str((await eve.say("hello")).notice)


@pytest.mark.gen_test
async def test_a_strike_that_can_not_be_stored_costs_nobody_their_next_one(
    chat: ChatFixture, caplog: pytest.LogCaptureFixture
) -> None:
    await opened(chat)
    eve, bob = await chat.join("eve"), await chat.join("bob", role="mod")
    await eve.say("hello")
    chat.store.away = True
    assert (await bob.say("/warn eve stop")).ack == "INTERNAL_ERROR"
    for _ in range(7):
        await eve.say("spam")
    assert "a strike of eve came to nothing: the store is away" in caplog.text
    chat.store.away = False
    assert chat.chat.plugins.supervisor.failures == {}
    await eve.say("spam")
    assert (await bob.say("/strikes eve")).notice.startswith("eve has 1 strike;")  # type: ignore[union-attr]


@pytest.mark.gen_test
async def test_a_raid_is_struck_each_once_and_its_warnings_wait_where_they_are_too_many(chat: ChatFixture) -> None:
    await opened(chat)
    raid = [await chat.join(f"raider{number}") for number in range(150)]
    for person in raid:
        await chat.chat.post(person._seat, "spam")
    await chat.settle()
    told = [person for person in raid if warned(person)]
    assert 90 <= len(told) < 150
    assert chat.chat.plugins.supervisor.failures == {}
    await chat.advance(30)
    assert len(warned(await chat.join("raider149"))) == 1
    assert len(await chat.api("escalate").storage.items("sheet/", 1000)) == 150


@pytest.mark.gen_test
async def test_names_in_every_script_and_the_longest_reasons_fit(chat: ChatFixture) -> None:
    await opened(chat, steps=["warn"], pause=0)
    name = "\ufdfa" * 64
    person, bob = await chat.join(name), await chat.join("bob", role="mod")
    await chat.join('d\'Arc "the" Maid')
    for _ in range(21):
        assert (await bob.say(f"/warn {name} " + "\U0001f600" * 130)).ack is None
    assert warned(person)[-1].endswith("(strike 20; the next one means a warning)")
    assert len((await bob.say(f"/strikes {name}")).notice.split("\n")) == 11  # type: ignore[union-attr]
    await person.leave()
    for _ in range(12):
        await bob.say(f"/warn {name} " + "\U0001f600" * 130)
    (text,) = (await chat.join(name)).notices
    assert len(text.split("\n")) == 10


@pytest.mark.gen_test
async def test_only_so_many_absent_names_have_warnings_that_wait(chat: ChatFixture) -> None:
    await opened(chat)
    api = chat.api("escalate")
    for number in range(500):
        await api.storage.put(f"warning/{number:03d}", ["old"])
    eve, bob = await chat.join("eve"), await chat.join("bob", role="mod")
    await eve.leave()
    await bob.say("/warn eve stop")
    assert len(await api.storage.items("warning/", 1000)) == 500
    assert len((await chat.join("eve")).notices) == 1


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"steps": []}, "plugin.escalate.steps"),
        ({"steps": ["warn"] * 21}, "plugin.escalate.steps"),
        ({"steps": ["warn", "kick"]}, 'steps[1]: \'kick\' is none of "warn", "mute 10m", "ban" and "ban 7d"'),
        ({"steps": [""]}, "steps[0]: ''"),
        ({"steps": ["mute"]}, "steps[0]: 'mute'"),
        ({"steps": ["mute 0"]}, "steps[0]: 'mute 0'"),
        ({"steps": ["mute 10m please"]}, "steps[0]"),
        ({"steps": ["mute 367d"]}, "steps[0]"),
        ({"steps": ["warn 5m"]}, "steps[0]"),
        ({"decay_hours": 0}, "plugin.escalate.decay_hours"),
        ({"pause": -1}, "plugin.escalate.pause"),
        ({"bans": False}, "plugin.escalate.bans: unknown key"),
    ],
)
def test_options_that_do_not_fit_are_named(options: dict[str, Any], told: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load_plugin("escalate", **options)
    assert told in str(caught.value)


def test_the_documented_example_is_one() -> None:
    assert load_plugin("escalate", **documented_options("escalate"))


@pytest.mark.gen_test
async def test_who_is_called_like_an_address_does_not_get_that_banned(chat: ChatFixture) -> None:
    await opened(chat, steps=["ban"])
    await chat.join("203.0.113.7", address="198.51.100.1")
    alice, bob = await chat.join("alice", address="203.0.113.7"), await chat.join("bob", role="mod")
    await bob.say("/warn 203.0.113.7 stop")
    assert [(ban.target, ban.network) for ban in chat.api("escalate").bans] == [("203.0.113.7", False)]
    assert alice in chat.people
