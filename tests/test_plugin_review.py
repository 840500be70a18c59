"""/queue, /approve and /deny: for staff alone, and legible when much waits. What a hold is: test_verdicts.py."""

from __future__ import annotations

import pytest

from tests.inline import filtering
from tornado_chat import Hold
from tornado_chat.testing import ChatFixture


@pytest.mark.gen_test
async def test_the_commands_are_for_staff(chat: ChatFixture) -> None:
    await chat.open(filtering(Hold()), "review")
    eve = await chat.join("eve")
    await eve.say("hello")
    for line in ("/queue", "/approve 1", "/deny 1"):
        assert (await eve.say(line)).notice == "You are not authorized to do that"


@pytest.mark.gen_test
async def test_a_long_queue_is_cut(chat: ChatFixture) -> None:
    await chat.open(filtering(Hold()), "review", options={"judge": {"exempt_roles": ["mod"]}})
    eve, bob = await chat.join("eve"), await chat.join("bob", role="mod")
    for number in range(13):
        await eve.say("x" * 340 + str(number))
    await bob.say("/queue")
    lines = bob.notices[-1].split("\n")
    assert lines[0].startswith("#1 eve: xxx")
    assert lines[-1] == "and 3 more"
    assert len(lines) == 11


@pytest.mark.gen_test
async def test_wrong_numbers_are_told(chat: ChatFixture) -> None:
    await chat.open("review")
    bob = await chat.join("bob", role="mod")
    assert (await bob.say("/approve x")).notice.startswith('"x" is no message\'s number.')  # type: ignore[union-attr]
    assert (await bob.say("/deny #7")).notice == "No message 7 is waiting"
    assert (await bob.say("/queue")).notice == "No message waits"
