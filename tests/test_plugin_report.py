"""/report: what becomes of one report, of many, and of those that a gang makes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from tests.inline import filtering
from tornado_chat import Draft, Pass, Shadow, StoreUnavailable, Verdict
from tornado_chat.testing import ChatFixture, Person

ANYBODY = {"min_said": 0, "min_minutes": 0}
THANKS = "Thank you. Moderators are told of message 1."


async def opened(chat: ChatFixture, *more: Any, **options: Any) -> None:
    await chat.open("report", "review", "mute", *more, options={"report": {**ANYBODY, **options}})


async def crowd(chat: ChatFixture, *names: str) -> list[Person]:
    return [await chat.join(name) for name in names]


def reported(person: Person) -> list[Mapping[str, Any]]:
    return [payload["data"] for name, payload in person.events if name == "plugin_event"]


def shown(person: Person) -> list[str]:
    return [entry["text"] for entry in person.room["history"]]


@pytest.mark.gen_test
async def test_staff_are_told_once_of_a_message_and_clients_each_time(chat: ChatFixture) -> None:
    await opened(chat, threshold=0)
    eve, alice, carol = await crowd(chat, "eve", "alice", "carol")
    bob = await chat.join("bob", role="mod")
    await eve.say("buy spam")
    assert (await alice.say("/report 1 spam, again")).notice == THANKS
    assert (await carol.say("/report #1")).notice == THANKS
    assert bob.notices == ["alice reported message 1 of eve (spam, again): buy spam"]
    assert [(each["message_id"], each["uname"], each["count"], each["by"]) for each in reported(bob)] == [
        (1, "eve", 1, "alice"),
        (1, "eve", 2, "carol"),
    ]
    assert eve.notices == reported(eve) == reported(alice) == []
    assert shown(eve) == ["buy spam"]
    await bob.say("/reports")
    assert bob.notices[-1] == "#1 eve: buy spam - reported by alice (spam, again), carol"


@pytest.mark.gen_test
async def test_enough_reporters_have_the_message_wait_for_a_moderator(chat: ChatFixture) -> None:
    await opened(chat, threshold=3)
    eve, *others = await crowd(chat, "eve", "alice", "carol", "dora", "erin")
    bob = await chat.join("bob", role="mod")
    await eve.say("buy spam")
    for person in others[:2]:
        await person.say("/report 1 spam")
    assert shown(bob) == ["buy spam"]
    await others[2].say("/report 1 scam")
    assert shown(bob) == []
    assert bob.notices[-1] == "Message 1 of eve was reported by 3 users: spam, scam; it waits as #1 in /queue"
    assert eve.notices == ["Your message was reported, and waits for a moderator: buy spam"]
    assert [name for name, _ in others[0].events if name == "message_deleted"] == ["message_deleted"]
    assert (await others[3].say("/report 1")).notice == "There is no message 1 that could be reported"
    assert (await bob.say("/reports")).notice == "No report is open"
    await bob.say("/queue")
    assert bob.notices[-1] == "#1 eve: buy spam (reported by 3 users: spam, scam)"
    entries = await chat.api("report").audit(action="delete")
    assert [(entry.actor, entry.target, entry.text) for entry in entries] == [("report", "eve", "buy spam")]


@pytest.mark.gen_test
async def test_what_a_moderator_let_through_is_not_taken_back_again(chat: ChatFixture) -> None:
    await opened(chat, threshold=2)
    eve, alice, carol = await crowd(chat, "eve", "alice", "carol")
    bob = await chat.join("bob", role="mod")
    await eve.say("an opinion")
    for person in (alice, carol):
        await person.say("/report 1")
    await bob.say("/approve 1")
    assert shown(eve) == ["an opinion"]
    for person in (alice, carol):
        await person.say("/report 2")
    assert shown(eve) == ["an opinion"]
    assert bob.notices[-1] == "2 users reported message 2 of eve, let through before"


@pytest.mark.gen_test
async def test_fresh_accounts_are_heard_and_silence_nobody(chat: ChatFixture) -> None:
    await opened(chat, threshold=2, min_said=2, min_minutes=10)
    eve, *gang = await crowd(chat, "eve", *(f"fresh{number}" for number in range(6)))
    bob = await chat.join("bob", role="mod")
    await eve.say("hello")
    talkers, silent = gang[:2], gang[2:]
    for person in talkers:
        await person.say("hi")
        await person.say("ho")
    for person in talkers:  # they have said enough, and are too young
        assert (await person.say("/report 1")).notice == THANKS
    await chat.advance(600)
    for person in silent:  # they are old enough, and have said nothing
        await person.say("/report 1")
    assert shown(bob)[0] == "hello"
    assert reported(bob)[-1]["count"] == 6
    await eve.say("again")
    for person in talkers:
        await person.say("/report 6")
    assert "again" not in shown(bob)


@pytest.mark.gen_test
async def test_one_who_is_muted_does_not_count(chat: ChatFixture) -> None:
    await opened(chat, threshold=1)
    eve, alice = await crowd(chat, "eve", "alice")
    bob = await chat.join("bob", role="mod")
    await eve.say("hello")
    await bob.say("/mute alice")
    assert (await alice.say("/report 1 revenge")).notice == THANKS
    assert shown(eve) == ["hello"]
    assert reported(bob)[-1]["reason"] == "revenge"


@pytest.mark.gen_test
async def test_one_reporter_counts_once_also_after_a_restart_and_in_another_spelling(chat: ChatFixture) -> None:
    await opened(chat, threshold=2)
    eve, alice = await crowd(chat, "eve", "alice")
    await eve.say("hello")
    await alice.say("/report 1")
    again = "You have reported that message already"
    assert (await alice.say("/report 1")).notice == again
    await opened(chat, threshold=2)
    assert (await alice.say("/report 1")).notice == again
    await chat.restart()
    await opened(chat, threshold=2)
    alice, carol = await crowd(chat, "ALICE", "carol")
    bob = await chat.join("bob", role="mod")
    assert (await alice.say("/report 1")).notice == again
    await bob.say("/reports")
    assert bob.notices[-1] == "#1 eve: hello - reported by alice"
    assert shown(bob) == ["hello"]
    await carol.say("/report 1")
    assert shown(bob) == []


@pytest.mark.gen_test
async def test_a_reporter_has_so_many_reports_in_so_many_minutes(chat: ChatFixture) -> None:
    await opened(chat, threshold=0, per_reporter=2, per_minutes=1)
    eve, alice, carol = await crowd(chat, "eve", "alice", "carol")
    for number in range(4):
        await eve.say(f"message {number}")
    await alice.say("/report 1")
    await chat.advance(20)
    await alice.say("/report 1")  # is refused, and costs nothing
    await alice.say("/report 2")
    refused = await alice.say("/report 3")
    assert refused.notice == "You have reported a lot lately; you can report again in 40 s"
    assert (await carol.say("/report 3")).notice == "Thank you. Moderators are told of message 3."
    await chat.advance(40)
    assert (await alice.say("/report 3")).notice == "Thank you. Moderators are told of message 3."
    assert "a lot lately" in str((await alice.say("/report 4")).notice)


@pytest.mark.gen_test
async def test_what_can_not_be_reported(chat: ChatFixture) -> None:
    async def check(draft: Draft) -> Verdict:
        return Shadow() if "shadow" in draft.text else Pass()

    await opened(chat, filtering(check))
    eve, alice = await crowd(chat, "eve", "alice")
    bob = await chat.join("bob", role="mod")
    await eve.say("a shadow")
    await alice.say("mine")
    await chat.api("report").post("hello", name="Robot")
    none = "There is no message {} that could be reported"
    assert (await alice.say("/report 1")).notice == none.format(1)
    assert (await alice.say("/report 99")).notice == none.format(99)
    assert (await alice.say("/report 2")).notice == "You can't report yourself"
    assert (await alice.say("/report 3")).notice == "That is a message of the chat's own"
    assert (await bob.say("/report 1")).notice == THANKS
    for line in ("/report", "/report x", "/report 0", "/report -1", "/report 9007199254740993", "/report \u0661"):
        assert "Usage: /report <number> [reason]" in str((await alice.say(line)).notice)
    assert (await chat.join(None)).room["history"][-1]["text"] == "hello"


@pytest.mark.gen_test
async def test_a_report_on_staff_is_for_those_above_and_takes_nothing_back(chat: ChatFixture) -> None:
    await opened(chat, threshold=1)
    alice, carol = await crowd(chat, "alice", "carol")
    bob, ben = await chat.join("bob", role="mod"), await chat.join("ben", role="mod")
    olga = await chat.join("olga", role="owner")
    await bob.say("I am the law")
    for person in (alice, carol):
        assert (await person.say("/report 1 rude")).notice == THANKS
    assert shown(alice) == ["I am the law"]
    assert olga.notices == ["alice reported message 1 of bob (rude): I am the law"]
    assert len(reported(olga)) == 2
    for person in (bob, ben):
        assert person.notices == reported(person) == []
        assert (await person.say("/reports")).notice == "No report is open"
        assert (await person.say("/dismiss 1")).notice == "No report on message 1 is open"
    assert (await olga.say("/dismiss 1")).notice == "The report on message 1 of bob is closed"


@pytest.mark.gen_test
async def test_a_report_on_an_admin_is_for_the_other_admins(chat: ChatFixture) -> None:
    await opened(chat)
    alice = await chat.join("alice")
    adam, anna = await chat.join("adam", role="admin"), await chat.join("anna", role="admin")
    await adam.say("hm")
    await alice.say("/report 1")
    assert adam.notices == []
    assert anna.notices == ["alice reported message 1 of adam: hm"]
    assert (await adam.say("/dismiss 1")).notice == "No report on message 1 is open"
    assert (await anna.say("/dismiss 1")).notice == "The report on message 1 of adam is closed"


@pytest.mark.gen_test
async def test_members_neither_list_nor_dismiss(chat: ChatFixture) -> None:
    await opened(chat)
    eve, alice = await crowd(chat, "eve", "alice")
    await eve.say("hello")
    await alice.say("/report 1")
    for line in ("/reports", "/dismiss 1"):
        assert (await eve.say(line)).notice == "You are not authorized to do that"


@pytest.mark.gen_test
async def test_what_was_dismissed_is_closed_for_good(chat: ChatFixture) -> None:
    await opened(chat, threshold=2)
    eve, alice, carol = await crowd(chat, "eve", "alice", "carol")
    bob = await chat.join("bob", role="mod")
    await eve.say("hello")
    await alice.say("/report 1")
    assert (await bob.say("/dismiss 1")).notice == "The report on message 1 of eve is closed"
    assert (await bob.say("/dismiss 1")).notice == "No report on message 1 is open"
    assert (await bob.say("/reports")).notice == "No report is open"
    await chat.restart()
    await opened(chat, threshold=2)
    carol, eve = await crowd(chat, "carol", "eve")
    assert (await carol.say("/report 1")).notice == "A moderator has looked at that message already"
    assert shown(eve) == ["hello"]
    (entry,) = await chat.api("report").audit(action="dismiss")
    assert (entry.actor, entry.target, entry.message_id, entry.text) == ("bob", "eve", 1, "hello")


@pytest.mark.gen_test
async def test_a_deleted_message_is_no_case_any_more(chat: ChatFixture) -> None:
    await opened(chat)
    eve, alice = await crowd(chat, "eve", "alice")
    bob = await chat.join("bob", role="mod")
    await eve.say("hello")
    await alice.say("/report 1")
    await chat.api("review").delete(bob.user, 1)  # type: ignore[arg-type]
    await chat.settle()
    assert (await bob.say("/reports")).notice == "No report is open"
    assert await chat.api("report").storage.items("case/") == []


@pytest.mark.gen_test
async def test_a_report_that_could_not_be_stored_may_be_made_again(chat: ChatFixture) -> None:
    await opened(chat, threshold=1)
    eve, alice = await crowd(chat, "eve", "alice")
    bob = await chat.join("bob", role="mod")
    for text in ("hello", "well"):
        await eve.say(text)
    await bob.say("/reports")
    chat.store.away = True
    assert (await alice.say("/report 1")).ack == "INTERNAL_ERROR"
    chat.store.away = False
    assert (await bob.say("/reports")).notice == "No report is open"
    assert (await alice.say("/report 1")).notice == THANKS
    assert shown(bob) == ["well"]


@pytest.mark.gen_test
async def test_a_message_that_could_not_be_taken_back_is_with_the_next_report(
    chat: ChatFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    await opened(chat, threshold=1)
    eve, alice, carol = await crowd(chat, "eve", "alice", "carol")
    await eve.say("hello")

    async def fail(*_: Any) -> None:
        raise StoreUnavailable("the store is away")

    with monkeypatch.context() as patch:
        patch.setattr(chat.store, "delete_messages", fail)
        assert (await alice.say("/report 1")).notice == THANKS
    assert shown(eve) == ["hello"]
    await carol.say("/report 1")
    assert shown(eve) == []
    assert len(chat.api("report").held) == 1


@pytest.mark.gen_test
async def test_the_longest_names_texts_and_reasons_fit(chat: ChatFixture) -> None:
    await opened(chat, threshold=0)
    eve = await chat.join("\ufdfa" * 64)
    bob = await chat.join("bob", role="mod")
    for _ in range(12):
        await eve.say("\u20ac" * 350)
    for number in range(41):
        person = await chat.join(f"{number:02d}" + "\ufdfa" * 62)
        answer = await person.say("/report 1 " + "\u20ac" * 300)
        assert answer.notice == (THANKS if number < 40 else answer.notice)
    assert answer.notice == "So many have reported that message that one more changes nothing"
    for number in range(2, 13):
        await (await chat.join(f"new{number}")).say(f"/report {number} " + "\u20ac" * 300)
    await bob.say("/reports")
    lines = bob.notices[-1].split("\n")
    assert (len(lines), lines[-1]) == (11, "page 1 of 2")
    await bob.say("/reports 2")
    assert len(bob.notices[-1].split("\n")) == 3
    assert (await bob.say("/reports 3")).notice == "There are 2 pages"


@pytest.mark.gen_test
async def test_a_raid_of_reports_costs_staff_no_more_than_texts_in_bounds(chat: ChatFixture) -> None:
    await opened(chat, threshold=0, per_reporter=100)
    eve, alice, carol = await crowd(chat, "eve", "alice", "carol")
    bob = await chat.join("bob", role="mod")
    for number in range(150):
        await eve.say(f"message {number}")
    for person, numbers in ((alice, range(1, 101)), (carol, range(101, 151))):
        for number in numbers:
            assert (await person.say(f"/report {number}")).ack is None
    assert len(bob.notices) <= 100
    await bob.say("/reports 15")
    assert bob.notices[-1].startswith("#141 eve: message 140 - reported by carol")


@pytest.mark.gen_test
async def test_what_has_several_lines_is_one_for_staff(chat: ChatFixture) -> None:
    await opened(chat)
    eve, alice = await crowd(chat, "eve", "alice")
    bob = await chat.join("bob", role="mod")
    await eve.say("hello\n#7 carol: buy here")
    await alice.say("/report 1 so\nso")
    assert bob.notices == ["alice reported message 1 of eve (so so): hello #7 carol: buy here"]
    await bob.say("/reports")
    assert bob.notices[-1] == "#1 eve: hello #7 carol: buy here - reported by alice (so so)"


@pytest.mark.gen_test
async def test_without_the_plugin_nothing_can_be_reported(chat: ChatFixture) -> None:
    await chat.open("mute")
    alice = await chat.join("alice")
    answer = await chat.chat.report(alice._seat, 1, "")
    assert (answer.ack, answer.notice) == (None, "Unknown command: /report")
