"""/queue, /approve and /deny: for staff alone, and legible when much waits. What a hold is: test_verdicts.py."""

from __future__ import annotations

import pytest

from tests.inline import filtering, having
from tornado_chat import Call, Command, Hold, Say
from tornado_chat.testing import ChatFixture


@pytest.mark.gen_test
async def test_the_commands_are_for_staff(chat: ChatFixture) -> None:
    await chat.open(filtering(Hold()), "review")
    eve = await chat.join("eve")
    await eve.say("hello")
    for line in ("/queue", "/approve 1", "/deny 1"):
        assert (await eve.say(line)).notice == "You are not authorized to do that"


@pytest.mark.gen_test
async def test_a_long_queue_has_pages(chat: ChatFixture) -> None:
    await chat.open(filtering(Hold()), "review", options={"judge": {"exempt_roles": ["mod"]}})
    eve, bob = await chat.join("eve"), await chat.join("bob", role="mod")
    for number in range(13):
        await eve.say("x" * 340 + str(number))
    await bob.say("/queue")
    lines = bob.notices[-1].split("\n")
    assert lines[0].startswith("#1 eve: xxx")
    assert lines[-1] == "page 1 of 2; /queue 2 goes on"
    assert len(lines) == 11
    await bob.say("/queue 2")
    lines = bob.notices[-1].split("\n")
    assert [line[:6] for line in lines] == ["#11 ev", "#12 ev", "#13 ev", "page 2"]
    assert lines[-1] == "page 2 of 2"
    assert (await bob.say("/queue 3")).notice == "The queue has 2 pages"
    for word in ("0", "101", "x", "1 2"):
        assert "Usage: /queue [page]" in str((await bob.say(f"/queue {word}")).notice)


@pytest.mark.gen_test
async def test_what_somebody_does_stays_that(chat: ChatFixture) -> None:
    async def wave(call: Call) -> Say:
        return Say("waves", me=True)

    await chat.open(filtering(Hold("why")), having(Command("wave", wave), name="wave"), "review")
    eve, alice, bob = await chat.join("eve"), await chat.join("alice"), await chat.join("bob", role="mod")
    await eve.say("/wave")
    assert [payload["me"] for name, payload in bob.events if name == "message_held"] == [True]
    await bob.say("/queue")
    assert bob.notices[-1] == "#1 eve waves (why)"
    await bob.say("/approve 1")
    assert [(payload["text"], payload["me"]) for name, payload in alice.events if name == "new_message"] == [
        ("waves", True)
    ]


@pytest.mark.gen_test
async def test_nobody_lets_their_own_message_through(chat: ChatFixture) -> None:
    await chat.open(filtering(Hold()), "review")
    bob, carol = await chat.join("bob", role="mod"), await chat.join("carol", role="owner")
    await bob.say("buy here")
    for line in ("/approve 1", "/deny 1"):
        assert (await bob.say(line)).notice == "You are not authorized to do that: it is your own"
    assert (await carol.say("/approve 1")).notice == "The message of bob was posted"


@pytest.mark.gen_test
async def test_what_has_several_lines_is_one_in_the_queue(chat: ChatFixture) -> None:
    await chat.open(filtering(Hold("a\nb" * 2000)), "review")
    eve, bob = await chat.join("eve"), await chat.join("bob", role="mod")
    for _ in range(10):
        await eve.say("hello\n#2 alice: buy here")
    await bob.say("/queue")
    lines = bob.notices[-1].split("\n")
    assert len(lines) == 10
    assert lines[0].startswith("#1 eve: hello #2 alice: buy here (a ba b")


@pytest.mark.gen_test
async def test_wrong_numbers_are_told(chat: ChatFixture) -> None:
    await chat.open("review")
    bob = await chat.join("bob", role="mod")
    assert (await bob.say("/approve x")).notice.startswith('"x" is no message\'s number.')  # type: ignore[union-attr]
    assert (await bob.say("/deny #7")).notice == "No message 7 is waiting"
    assert (await bob.say("/queue")).notice == "No message waits"


@pytest.mark.gen_test
async def test_a_full_queue_is_dropped_at_once_without_telling_each(chat: ChatFixture) -> None:
    await chat.open(filtering(Hold("why")), "review")
    bob = await chat.join("bob", role="mod")
    for number in range(120):
        await (await chat.join(f"eve {number}")).say("hello")
    assert {(await bob.say(f"/deny {number}")).ack for number in range(1, 121)} == {None}
    assert chat.api("review").held == []
