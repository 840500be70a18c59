"""/announce, and what is announced by itself: only while people talk, in order, and on over restarts."""

from __future__ import annotations

import tomllib
from typing import Any

import pytest

from tests.chats import load_plugin
from tests.test_docs import PLUGINS, snippets
from tornado_chat.errors import ConfigError
from tornado_chat.testing import ChatFixture

TIMED = {"announce": {"messages": ["one", "two", "three"], "every_mins": 10, "bot_name": "Radio"}}


@pytest.mark.gen_test
async def test_an_announcement_is_a_bots_message_and_its_author_is_in_the_log(chat: ChatFixture) -> None:
    await chat.open("announce", "audit")
    alice, bob = await chat.join("alice"), await chat.join("bob", role="mod")
    answer = await bob.say("/announce The \N{ROCKET} starts  at '8'")
    assert (answer.ack, answer.notice) == (None, None)
    assert alice.messages == ["announcement: The \N{ROCKET} starts at '8'"]
    assert alice.room["history"][0]["plugin"] == "announce"
    assert "bob" not in str(alice.events[1:])
    assert (await bob.say("/log")).notice == "2026-01-01 00:00:00 bob (mod) announce | The \N{ROCKET} starts at '8'"


@pytest.mark.gen_test
async def test_who_may_announce_is_an_option(chat: ChatFixture) -> None:
    await chat.open("announce")
    eve, bob = await chat.join("eve"), await chat.join("bob", role="mod")
    assert (await eve.say("/announce hi")).notice == "You are not authorized to do that"
    await chat.open("announce", options={"announce": {"role": "owner"}})
    assert (await bob.say("/announce hi")).notice == "You are not authorized to do that"
    assert eve.messages == []


@pytest.mark.gen_test
async def test_what_cannot_be_announced_is_told(chat: ChatFixture) -> None:
    await chat.open("announce")
    bob = await chat.join("bob", role="mod")
    assert (await bob.say("/announce")).notice == "Usage: /announce <text>"
    for _ in range(6):
        assert (await bob.say("/announce \ufeff\x85")).notice == "There is nothing to announce"
    assert (await bob.say("/announce " + "\N{ROCKET}" * 170)).ack is None
    chat.store.away = True
    assert (await bob.say("/announce hi")).ack == "INTERNAL_ERROR"


@pytest.mark.gen_test
async def test_announcements_come_by_themselves_in_order_while_somebody_speaks(chat: ChatFixture) -> None:
    await chat.open("announce", options=TIMED)
    alice = await chat.join("alice")
    await chat.advance(600)
    assert alice.messages == []  # nobody has spoken
    await alice.say("hi")
    await chat.advance(30)
    assert alice.messages == ["alice: hi", "Radio: one"]
    await chat.advance(3600)
    assert len(alice.messages) == 2
    for text in ("two", "three", "one"):
        await alice.say("hi")
        await chat.advance(630)
        assert alice.messages[-1] == f"Radio: {text}"
    await alice.say("hi")
    await chat.advance(30)
    await alice.say("hi again")
    await chat.advance(500)
    assert alice.messages[-2:] == ["Radio: two", "alice: hi again"]


@pytest.mark.gen_test
async def test_they_go_on_after_a_reload_and_a_restart_where_they_were(chat: ChatFixture) -> None:
    await chat.open("announce", options=TIMED)
    alice = await chat.join("alice")
    await alice.say("hi")
    for _ in range(5):
        await chat.advance(130)
        await chat.open("announce", options=TIMED)
    assert alice.messages == ["alice: hi", "Radio: one"]
    await chat.restart()
    await chat.open("announce", options=TIMED)
    alice = await chat.join("alice")
    await chat.advance(700)
    assert alice.messages == []
    await alice.say("hi")
    await chat.advance(30)
    assert alice.messages == ["alice: hi", "Radio: two"]


@pytest.mark.gen_test
async def test_what_bots_and_the_shadow_muted_say_does_not_count(chat: ChatFixture) -> None:
    await chat.open("announce", "shadow", options=TIMED)
    eve, bob = await chat.join("eve"), await chat.join("bob", role="mod")
    await bob.say("/shadow eve")
    await eve.say("hi")
    await bob.say("/announce hello")
    await chat.advance(700)
    assert bob.messages == ["eve: hi", "Radio: hello"]


@pytest.mark.gen_test
async def test_they_wait_for_the_database(chat: ChatFixture) -> None:
    await chat.open("announce", options=TIMED)
    alice = await chat.join("alice")
    await alice.say("hi")
    chat.store.away = True
    await chat.advance(700)
    assert chat.chat.plugins.supervisor.failures == {}
    chat.store.away = False
    await chat.advance(630)
    assert alice.messages == ["alice: hi", "Radio: one"]


@pytest.mark.parametrize(
    ("options", "key"),
    [
        ({"bot_name": " x"}, "bot_name ' x' can't be a bot's name"),
        ({"messages": ["ok", ""]}, "messages[1]: a message must be 1 to 350 characters"),
        ({"messages": ["x" * 351]}, "messages[0]: a message must be 1 to 350 characters"),
        ({"messages": "hello"}, "messages"),
        ({"messages": ["x"] * 101}, "messages"),
        ({"every_mins": 0}, "every_mins"),
        ({"role": "member"}, "role"),
    ],
)
def test_options_that_make_no_sense_stop_the_start(options: dict[str, Any], key: str) -> None:
    with pytest.raises(ConfigError, match=r"apps/2\.toml: plugin\.announce") as caught:
        load_plugin("announce", **options)
    assert key in str(caught.value)


def test_the_plugin_pages_example_is_one() -> None:
    (example,) = snippets(PLUGINS, "toml announce")
    assert load_plugin("announce", **tomllib.loads(example)["plugin"]["announce"])
