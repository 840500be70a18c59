"""What becomes of what a user says: the last question to the gates, commands that speak, what is done beside."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.inline import filtering, having, plugin
from tornado_chat import (
    Alerted,
    AlertStaff,
    Call,
    Command,
    CommandRefused,
    Draft,
    Gate,
    Hold,
    Listener,
    MuteSender,
    Pass,
    Reject,
    Replace,
    RestParam,
    Role,
    Say,
    Strike,
    Struck,
    User,
)
from tornado_chat.events import iso
from tornado_chat.testing import ChatFixture

BOB = User(8, "bob", Role.MOD)


def counting(accepted: list[str], limit: int = 2) -> Any:
    def accept(draft: Draft) -> Pass | Reject:
        if len(accepted) >= limit:
            return Reject("enough", code="ENOUGH")
        accepted.append(draft.text)
        return Pass()

    return having(Gate(accept=accept), name="counter")


@pytest.mark.gen_test
async def test_a_gate_accepts_what_filters_let_through_as_they_left_it(chat: ChatFixture) -> None:
    async def check(draft: Any) -> Any:
        return {"no": Reject("no"), "hold": Hold("why")}.get(draft.text, Replace(draft.text.upper()))

    accepted: list[str] = []
    await chat.open(counting(accepted), filtering(check))
    alice = await chat.join("alice")
    acks = [(await alice.say(text)).ack for text in ("no", "one", "no", "hold", "two")]
    assert acks == ["MESSAGE_REJECTED", None, "MESSAGE_REJECTED", "MESSAGE_HELD", "ENOUGH"]
    assert accepted == ["ONE", "hold"]
    assert alice.messages == ["alice: ONE"]


@pytest.mark.gen_test
@pytest.mark.parametrize(("on_error", "ack"), [("reject", "MESSAGE_REJECTED"), ("allow", None)])
async def test_a_gate_that_fails_to_accept_is_handled_by_on_error(
    chat: ChatFixture, on_error: str, ack: str | None
) -> None:
    def accept(draft: Draft) -> Any:
        raise KeyError

    await chat.open(having(Gate(accept=accept)), options={"judge": {"on_error": on_error}})
    alice = await chat.join("alice")
    for _ in range(7):
        assert (await alice.say("hello")).ack == ack
    assert chat.chat.plugins.supervisor.suspensions == {"judge": 1}


@pytest.mark.gen_test
@pytest.mark.parametrize("answer", [None, True, Hold(), "no"])
async def test_a_gate_accepts_or_refuses_and_nothing_else(chat: ChatFixture, answer: Any) -> None:
    await chat.open(having(Gate(accept=lambda draft: answer)))
    assert (await (await chat.join("alice")).say("hello")).ack == "MESSAGE_REJECTED"


@pytest.mark.gen_test
async def test_a_dry_run_and_exempt_roles_count_for_accepting_too(chat: ChatFixture) -> None:
    accepted: list[str] = []
    await chat.open(counting(accepted, 0), options={"counter": {"dry_run": True}})
    assert (await (await chat.join("alice")).say("hello")).ack is None
    await chat.open(counting(accepted, 0), options={"counter": {"exempt_roles": ["mod"]}})
    assert (await (await chat.join("bob", role="mod")).say("hello")).ack is None
    assert (await (await chat.join("eve")).say("hello")).ack == "ENOUGH"


def speaking(said: Say | None = None) -> Any:
    async def run(call: Call) -> Say:
        return said or Say(call.args["text"], me=True)

    return having(Command("do", run, (RestParam("text"),)), name="speaker")


@pytest.mark.gen_test
async def test_a_command_may_speak_for_its_caller_through_mutes_and_filters(chat: ChatFixture) -> None:
    async def check(draft: Any) -> Any:
        return Reject("no") if draft.text == "bad" else Pass()

    await chat.open(speaking(), filtering(check), "mute")
    alice, bob = await chat.join("alice"), await chat.join("bob", role="mod")
    assert (await alice.say("/do wave")).ack is None
    assert (await alice.say("/do bad")).ack == "MESSAGE_REJECTED"
    at = iso(chat.clock.now())
    shown = {"id": 1, "at": at, "user": {"uname": "alice", "role": "member"}, "text": "wave", "me": True}
    assert [payload for name, payload in bob.events if name == "new_message"] == [shown]
    assert bob.room["history"] == [shown]
    await bob.say("/mute alice 5")
    assert (await alice.say("/do wave")).ack == "USER_MUTED"
    await chat.restart()
    await chat.open(speaking())
    assert (await chat.join("bob")).room["history"] == [shown]


@pytest.mark.gen_test
async def test_a_spoken_command_that_is_sent_twice_is_said_once(chat: ChatFixture) -> None:
    await chat.open(speaking())
    alice = await chat.join("alice")
    for _ in range(2):
        assert (await alice.say("/do wave", cid="a")).ack is None
    assert alice.messages == ["alice: wave"]


@pytest.mark.gen_test
async def test_an_action_that_is_held_is_one_when_it_is_approved(chat: ChatFixture) -> None:
    await chat.open(speaking(), filtering(Hold()))
    alice = await chat.join("alice")
    assert (await alice.say("/do wave")).ack == "MESSAGE_HELD"
    await chat.restart()
    await chat.open(speaking())
    alice = await chat.join("alice")
    await chat.api("speaker").approve(BOB, 1)
    assert alice.events[-1][1]["me"] is True


@pytest.mark.parametrize("text", ["", "  ", "x" * 351, "\ud800"])
def test_what_cannot_be_said_is_no_say(text: str) -> None:
    with pytest.raises(ValueError, match="a message must be 1 to 350 characters"):
        Say(text)


@pytest.mark.gen_test
async def test_strikes_and_alerts_reach_listeners(chat: ChatFixture) -> None:
    heard: list[Any] = []

    async def hear(happening: Any) -> None:
        heard.append(happening)

    judge = filtering(Reject("no", actions=(Strike("spam"), AlertStaff("look"))))
    await chat.open(judge, having(Listener(Struck, hear), Listener(Alerted, hear), name="ear"))
    alice, bob = await chat.join("alice"), await chat.join("bob", role="mod")
    await alice.say("x")
    assert heard == [Struck(alice.user, "judge", "spam"), Alerted("judge", "look")]
    api = chat.api("ear")
    await api.alert("look again")
    await chat.settle()
    assert bob.notices == ["look", "look again"]
    assert heard[-1] == Alerted("ear", "look again")


@pytest.mark.gen_test
async def test_a_plugins_events_go_to_one_to_staff_or_to_all(chat: ChatFixture) -> None:
    await chat.open(plugin("tool"))
    alice, bob, guest = await chat.join("alice"), await chat.join("bob", role="mod"), await chat.join(None)
    api = chat.api("tool")
    await api.emit("all", [1])
    await api.emit("staff", {"a": None}, to="staff")
    await api.emit("one", "x", to=alice.user)
    seen = [[payload["name"] for name, payload in person.events if name == "plugin_event"] for person in chat.people]
    assert seen == [["all", "one"], ["all", "staff"], ["all"]]
    assert guest.events == [("plugin_event", {"plugin": "tool", "name": "all", "data": [1]})]
    assert bob.events[-1][1]["data"] == {"a": None}
    with pytest.raises(ValueError, match="65536 are allowed"):
        await api.emit("big", "x" * 70_000)
    with pytest.raises(ValueError, match="JSON"):
        await api.emit("bad", object())


@pytest.mark.gen_test
async def test_rank_and_names_are_told(chat: ChatFixture) -> None:
    await chat.open(plugin("tool"))
    await chat.join("Carol", role="owner")
    api = chat.api("tool")
    assert api.require_rank(BOB, "eve") == "eve"
    with pytest.raises(CommandRefused, match="Carol is an owner"):
        api.require_rank(BOB, "carol")
    assert api.public_name(BOB) == "bob"
    chat.hide_actor = True
    await chat.open(plugin("tool"))
    api = chat.api("tool")
    assert api.public_name(BOB) == "A moderator"
    assert api.public_name(api.bot) == "tool"


@pytest.mark.gen_test
async def test_what_a_user_is_beyond_name_and_role_reaches_plugins_alone(chat: ChatFixture) -> None:
    await chat.open(plugin("tool"))
    alice = await chat.join("alice", level=7)
    assert (chat.api("tool").users[0].level, chat.api("tool").users[0].created_at) == (7, None)
    assert alice.room["users"] == {"alice": {"id": 1, "uname": "alice", "role": "member"}}


@pytest.mark.gen_test
async def test_who_is_banned_while_their_message_is_checked_does_not_say_it(chat: ChatFixture) -> None:
    async def check(draft: Draft) -> Any:
        await chat.api("judge").ban(BOB, draft.user.uname)
        return Pass()

    await chat.open(filtering(check))
    alice, eve = await chat.join("alice"), await chat.join("eve")
    assert (await eve.say("one last thing")).ack == "BANNED"
    assert alice.messages == []


@pytest.mark.gen_test
async def test_what_a_plugin_does_makes_no_sanction_of_the_same_moment_shorter(chat: ChatFixture) -> None:
    async def check(draft: Draft) -> Any:
        return Reject("no", actions=(MuteSender(int(draft.text)),))

    await chat.open(filtering(check), "ban")
    eve, tab, bob = await chat.join("eve"), await chat.join("eve"), await chat.join("bob", role="mod")
    api = chat.api("judge")
    await asyncio.gather(eve.say("3600"), tab.say("60"))
    await chat.settle()
    assert [mute.mins for mute in api.mutes] == [60]
    await asyncio.gather(bob.say("/ban eve 2h"), api.ban(api.bot, "eve", 60), api.ban(api.bot, "eve", 90))
    assert [ban.by for ban in api.bans] == ["bob"]
    assert (await api.ban(api.bot, "eve")).expires_at is None
    assert (await api.ban(BOB, "eve", 60)).expires_at is not None
    assert [(mute.mins, mute.by) for mute in [await api.mute(api.bot, "mallory", 60)]] == [(1, "judge")]
    assert (await api.mute(BOB, "mallory", 30)).by == "bob"
