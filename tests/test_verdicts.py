"""What each verdict and action comes to: for the sender, for staff, for everybody else."""

from __future__ import annotations

from typing import Any

import pytest

from tests.inline import filtering
from tornado_chat import AlertStaff, Draft, Hold, MuteSender, Pass, PurgeSender, Reject, Replace, Shadow, Verdict
from tornado_chat.testing import ChatFixture
from tornado_chat.verdicts import fault_of


@pytest.mark.parametrize(
    "verdict",
    [
        Pass(),
        Pass(actions=(AlertStaff("look"),)),
        Replace("x"),
        Reject("no", code="A_1"),
        Reject(""),
        Hold(),
        Hold("why", actions=(MuteSender(1), PurgeSender())),
        Shadow(),
    ],
)
def test_a_good_verdict_has_no_fault(verdict: Verdict) -> None:
    assert fault_of(verdict) is None


@pytest.mark.parametrize(
    ("verdict", "fault"),
    [
        (None, "a NoneType, which is no verdict"),
        (Shadow, "the class Shadow; write Shadow(...)"),
        (Reject("no", code="lower"), "a Reject whose code isn't a name such as TOO_FAST"),
        (Reject("no", code=7), "a Reject whose code isn't a name such as TOO_FAST"),  # type: ignore[arg-type]
        (Reject("x" * 8001), "a Reject whose message is no valid Unicode text of at most 8000 characters"),
        (Hold("\ud800"), "a Hold whose reason is no valid Unicode text of at most 8000 characters"),
        (Pass(actions=[AlertStaff("x")]), "a verdict whose actions are no tuple of at most 8"),  # type: ignore[arg-type]
        (Pass(actions=(PurgeSender(),) * 9), "a verdict whose actions are no tuple of at most 8"),
        (Shadow(actions=(MuteSender(0),)), "a verdict with an action that can't be taken: MuteSender"),
        (Shadow(actions=(MuteSender(10**9),)), "a verdict with an action that can't be taken: MuteSender"),
        (Shadow(actions=(AlertStaff(7),)), "a verdict with an action that can't be taken: AlertStaff"),  # type: ignore[arg-type]
        (Shadow(actions=("mute",)), "a verdict with an action that can't be taken: str"),  # type: ignore[arg-type]
        (Pass(actions=(MuteSender,)), "a verdict with an action that can't be taken: MuteSender"),  # type: ignore[arg-type]
    ],
    ids=repr,
)
def test_what_is_wrong_with_a_verdict_is_said(verdict: Any, fault: str) -> None:
    assert fault_of(verdict) == fault


def on_word(word: str, verdict: Verdict) -> Any:
    async def check(draft: Draft) -> Verdict:
        return verdict if word in draft.text else Pass()

    return check


@pytest.mark.gen_test
async def test_a_rejection_may_have_a_code_of_its_own(chat: ChatFixture) -> None:
    await chat.open(filtering(Reject("No begging", code="BEGGING")))
    alice = await chat.join("alice")
    assert (await alice.say("spare a coin?")).ack == "BEGGING"
    assert alice.notices == ["No begging"]
    assert alice.room["history"] == []


@pytest.mark.gen_test
async def test_a_shadow_is_seen_by_its_sender_and_staff_alone_now_and_later(chat: ChatFixture) -> None:
    await chat.open(filtering(on_word("spam", Shadow())))
    eve, alice, bob = await chat.join("eve"), await chat.join("alice"), await chat.join("bob", role="mod")
    answer = await eve.say("buy spam")
    assert answer.ack is None
    assert answer.notice is None
    await alice.say("hello")
    assert eve.messages == ["eve: buy spam", "alice: hello"]
    assert alice.messages == ["alice: hello"]
    assert bob.messages == ["eve: buy spam", "alice: hello"]
    guest = await chat.join(None)
    texts = [
        [(entry["text"], entry.get("shadow")) for entry in person.room["history"]]
        for person in (eve, alice, bob, guest)
    ]
    assert texts == [
        [("buy spam", None), ("hello", None)],
        [("hello", None)],
        [("buy spam", True), ("hello", None)],
        [("hello", None)],
    ]
    await chat.restart()
    await chat.open()
    assert [entry["text"] for entry in (await chat.join("eve")).room["history"]] == ["buy spam", "hello"]
    assert [entry["text"] for entry in (await chat.join("carol")).room["history"]] == ["hello"]


@pytest.mark.gen_test
async def test_a_held_message_waits_until_it_is_approved_or_denied(chat: ChatFixture) -> None:
    await chat.open(filtering(on_word("link", Hold("a link"))), "review")
    eve, alice, bob = await chat.join("eve"), await chat.join("alice"), await chat.join("bob", role="mod")
    for number in range(2):
        answer = await eve.say(f"link {number}")
        assert (answer.ack, answer.notice) == ("MESSAGE_HELD", "Your message waits for a moderator")
    assert alice.messages == []
    held = [payload for name, payload in bob.events if name == "message_held"]
    assert [(entry["id"], entry["text"], entry["plugin"], entry["reason"]) for entry in held] == [
        (1, "link 0", "judge", "a link"),
        (2, "link 1", "judge", "a link"),
    ]
    snapshots = [chat.chat.snapshot(person._seat) for person in (bob, alice, await chat.join(None))]
    assert [[entry["id"] for entry in shown.get("held", [])] for shown in snapshots] == [[1, 2], [], []]
    assert not [name for name, _ in [*alice.events, *eve.events] if name == "message_held"]
    await bob.say("/queue")
    assert bob.notices[-1] == "#1 eve: link 0 (a link)\n#2 eve: link 1 (a link)"
    assert (await alice.say("/approve 1")).notice == "You are not authorized to do that"
    assert (await bob.say("/approve 1")).notice == "The message of eve was posted"
    assert (await bob.say("/deny 2")).notice == "The message of eve was dropped"
    assert (await bob.say("/approve 2")).notice == "No message 2 is waiting"
    assert alice.messages == ["eve: link 0"]
    assert eve.notices[-1] == "A moderator did not let your message through: link 1"
    assert [payload for name, payload in bob.events if name == "message_reviewed"] == [
        {"id": 1, "approved": True, "by": "bob"},
        {"id": 2, "approved": False, "by": "bob"},
    ]


@pytest.mark.gen_test
async def test_held_messages_survive_a_restart_run_out_and_never_share_a_number(chat: ChatFixture) -> None:
    holding = filtering(on_word("link", Hold()))
    await chat.open(holding, "review")
    eve = await chat.join("eve")
    for number in range(3):
        await eve.say(f"link {number}")
    bob = await chat.join("bob", role="mod")
    await bob.say("/deny 3")
    await chat.restart()
    await chat.open(holding, "review")
    bob = await chat.join("bob", role="mod")
    await (await chat.join("eve")).say("link 3")
    await bob.say("/queue")
    assert bob.notices == ["#1 eve: link 0\n#2 eve: link 1\n#4 eve: link 3"]
    await chat.advance(86_401)
    await bob.say("/queue")
    assert bob.notices[-1] == "No message waits"


@pytest.mark.gen_test
async def test_too_many_held_messages_are_refused(chat: ChatFixture) -> None:
    await chat.open(filtering(Hold()))
    people = [await chat.join(f"user{number}") for number in range(11)]
    acks = [(await person.say(f"link {number}")).ack for number in range(20) for person in people]
    assert acks == ["MESSAGE_HELD"] * 200 + ["INTERNAL_ERROR"] * 20


@pytest.mark.gen_test
async def test_a_held_message_is_not_lost_where_the_database_is_away(chat: ChatFixture) -> None:
    await chat.open(filtering(on_word("link", Hold())), "review")
    eve, bob = await chat.join("eve"), await chat.join("bob", role="mod")
    chat.store.away = True
    assert (await eve.say("link 0")).ack == "INTERNAL_ERROR"
    chat.store.away = False
    await eve.say("link 1")
    chat.store.away = True
    assert (await bob.say("/approve 2")).ack == "INTERNAL_ERROR"
    chat.store.away = False
    await bob.say("/queue")
    assert bob.notices[-1] == "#2 eve: link 1"


@pytest.mark.gen_test
async def test_a_rejection_goes_before_a_hold_and_a_hold_before_a_shadow(chat: ChatFixture) -> None:
    shadow = filtering(on_word("s", Shadow()), "shadow")
    hold = filtering(on_word("h", Hold()), "hold")
    reject = filtering(on_word("r", Reject("no")), "reject")
    await chat.open(shadow, hold, reject)
    eve = await chat.join("eve")
    assert [(await eve.say(text)).ack for text in ("s", "sh", "hr", "shr", "x")] == [
        None,
        "MESSAGE_HELD",
        "MESSAGE_REJECTED",
        "MESSAGE_REJECTED",
        None,
    ]


@pytest.mark.gen_test
async def test_actions_are_taken_whatever_the_verdict(chat: ChatFixture) -> None:
    actions = (PurgeSender(), MuteSender(60, "spam"), AlertStaff("eve spams"))
    await chat.open(filtering(on_word("spam", Reject("no", actions=actions))))
    eve, alice, bob = await chat.join("eve"), await chat.join("alice"), await chat.join("bob", role="mod")
    await eve.say("hello")
    await alice.say("hi")
    await eve.say("spam")
    assert [payload for name, payload in alice.events if name == "messages_purged"] == [{"uname": "eve", "ids": [1]}]
    assert [entry["text"] for entry in alice.room["history"]] == ["hi"]
    assert [payload["uname"] for name, payload in alice.events if name == "user_muted"] == ["eve"]
    assert bob.notices == ["eve spams"]
    assert alice.notices == []
    assert (await eve.say("me?")).notice == "You are muted for another 1 min: spam"
    await chat.advance(60)
    assert (await eve.say("me!")).ack is None


@pytest.mark.gen_test
async def test_who_is_muted_for_a_message_that_passes_has_said_it(chat: ChatFixture) -> None:
    await chat.open(filtering(on_word("last", Replace("my last words", actions=(MuteSender(60), PurgeSender())))))
    eve, alice = await chat.join("eve"), await chat.join("alice")
    await eve.say("first")
    assert (await eve.say("last")).ack is None
    assert (await eve.say("more")).ack == "USER_MUTED"
    assert [entry["text"] for entry in alice.room["history"]] == ["my last words"]


@pytest.mark.gen_test
async def test_an_action_against_staff_is_not_taken_and_logged(
    chat: ChatFixture, caplog: pytest.LogCaptureFixture
) -> None:
    await chat.open(filtering(on_word("spam", Pass(actions=(MuteSender(60), PurgeSender())))))
    bob = await chat.join("bob", role="mod")
    await bob.say("before")
    assert (await bob.say("spam")).ack is None
    assert (await bob.say("after")).ack is None
    assert (
        "app 2: plugin judge: MuteSender was not done: You are not authorized to do that: bob is a mod" in caplog.text
    )
    assert len(bob.room["history"]) == 3
