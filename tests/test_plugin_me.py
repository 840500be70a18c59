"""/me: said in one's own name, through mutes, gates and filters."""

from __future__ import annotations

from typing import Any

import pytest

from tests.chats import load_plugin
from tests.inline import filtering
from tornado_chat import Pass, Replace
from tornado_chat.errors import ConfigError
from tornado_chat.events import iso
from tornado_chat.testing import ChatFixture


@pytest.mark.gen_test
async def test_it_says_what_one_does(chat: ChatFixture) -> None:
    await chat.open("me", "purge")
    alice, guest = await chat.join("alice"), await chat.join(None)
    answer = await alice.say("/me waves  at 'all'")
    assert (answer.ack, answer.notice) == (None, None)
    at = iso(chat.clock.now())
    shown = {"id": 1, "at": at, "user": {"uname": "alice", "role": "member"}, "text": "waves at 'all'", "me": True}
    assert guest.events == [("new_message", shown)]
    await chat.restart()
    await chat.open("me", "purge")
    alice = await chat.join("alice")
    assert alice.room["history"] == [shown]
    assert (await alice.say("/delete 1")).notice == "Message 1 of alice was deleted"


@pytest.mark.gen_test
async def test_it_is_muted_and_filtered_as_anything_that_is_said(chat: ChatFixture) -> None:
    async def check(draft: Any) -> Any:
        return Replace("hm") if "bad" in draft.text else Pass()

    await chat.open("me", "mute", "shadow", filtering(check))
    alice, eve, bob = await chat.join("alice"), await chat.join("eve"), await chat.join("bob", role="mod")
    await eve.say("/me is bad")
    assert alice.messages == ["eve: hm"]
    await bob.say("/shadow eve")
    assert (await eve.say("/me waves")).ack is None
    assert len(alice.messages) == 1
    await bob.say("/mute eve 5")
    assert (await eve.say("/me waves")).ack == "USER_MUTED"


@pytest.mark.gen_test
async def test_no_command_hides_in_it(chat: ChatFixture) -> None:
    await chat.open("me", "mute")
    eve = await chat.join("eve")
    await eve.say("/me /mute alice")
    assert eve.messages == ["eve: /mute alice"]


@pytest.mark.gen_test
@pytest.mark.parametrize(
    ("line", "told"), [("/me", "Usage: /me <text>"), ("/me \ufeff\x85", "Say what you do: /me waves")]
)
async def test_nothing_is_not_said_and_does_not_suspend_it(chat: ChatFixture, line: str, told: str) -> None:
    await chat.open("me")
    eve = await chat.join("eve")
    for _ in range(6):
        assert (await eve.say(line)).notice == told
    assert (await eve.say("/me " + "x" * 346)).ack is None


@pytest.mark.gen_test
async def test_who_may_is_an_option(chat: ChatFixture) -> None:
    await chat.open("me", options={"me": {"role": "mod"}})
    eve, bob = await chat.join("eve"), await chat.join("bob", role="mod")
    assert (await eve.say("/me waves")).notice == "You are not authorized to do that"
    await bob.say("/me waves")
    assert eve.messages == ["bob: waves"]


def test_options_that_make_no_sense_stop_the_start() -> None:
    with pytest.raises(ConfigError, match=r"apps/2\.toml: plugin\.me\.role"):
        load_plugin("me", role="guest")
