"""A message that is sent again under its `cid` is done once, and has its first answer."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.client import Client
from tests.inline import filtering
from tornado_chat import Hold
from tornado_chat.errors import Ack
from tornado_chat.moderation import Answer
from tornado_chat.repeats import Repeats
from tornado_chat.testing import ChatFixture


@pytest.mark.gen_test
async def test_a_message_is_stored_and_shown_once(serve: Any, connect: Any, make_config: Any) -> None:
    server = await serve(make_config())
    alice, bob = await connect(server, token="token-alice"), await connect(server, token="token-bob")
    assert [await alice.say("hi", cid="one") for _ in range(3)] == [None] * 3
    assert await bob.say("hi", cid="one") is None  # another user's
    assert await alice.say("there", cid="two") is None
    texts = [event[1]["text"] for event in bob.heard if event[0] == "new_message"]
    assert texts == ["hi", "hi", "there"]


@pytest.mark.gen_test
async def test_the_first_answer_survives_a_restart(serve: Any, connect: Any, make_config: Any) -> None:
    config = make_config(app="history = 2")
    server = await serve(config)
    alice = await connect(server, token="token-alice")
    for text in "abcd":  # more than the room remembers
        assert await alice.say(text, cid=text) is None
    await server.stop()
    server = await serve(config)
    alice = await connect(server, token="token-alice")
    for text in "abcde":
        assert await alice.say(text, cid=text) is None
    assert [event[1]["text"] for event in alice.heard if event[0] == "new_message"] == ["e"]
    ids = [message["id"] for message in (await connect(server, token=None)).data["room"]["history"]]
    assert ids == sorted(set(ids))


@pytest.mark.gen_test
async def test_two_at_once_from_two_tabs_are_one(serve: Any, connect: Any, make_config: Any) -> None:
    server = await serve(make_config())
    tabs = [await connect(server, token="token-alice") for _ in range(4)]
    assert await asyncio.gather(*(tab.say("hi", cid="x") for tab in tabs)) == [None] * 4
    assert tabs[0].names().count("new_message") == 1


@pytest.mark.gen_test
async def test_a_command_is_carried_out_once(serve: Any, connect: Any, make_config: Any) -> None:
    server = await serve(make_config(app='plugins = ["mute"]'))
    bob = await connect(server, token="token-bob")
    for _ in range(2):
        assert await bob.say("/mute eve 10m", cid="m") is None
    await bob.settle()
    assert bob.names().count("user_muted") == 1
    assert [event[1] for event in bob.heard if event[0] == "system_message"] == ["eve was muted for 10 min"] * 2


@pytest.mark.gen_test
@pytest.mark.parametrize("cid", ["", "a b", "x" * 65, 1, None, ["x"], {"$gt": ""}, "\u00e9", "a\n"])
async def test_a_cid_that_is_none_is_refused(serve: Any, connect: Any, make_config: Any, cid: Any) -> None:
    server = await serve(make_config())
    alice = await connect(server, token="token-alice")
    assert await alice.emit("new_message", "hi", {"cid": cid}) == ["CLIENT_ERROR"]
    assert await alice.next("client_error") == "`new_message` cid must be 1-64 characters of A-Z a-z 0-9 _ . : -"
    for extra in ([], {}, {"sid": "x"}, [{"cid": "x"}]):
        assert await alice.emit("new_message", "hi", extra) == ["CLIENT_ERROR"]
        assert "requires a callback" in await alice.next("client_error")
    assert await alice.say("hi") is None


@pytest.mark.gen_test
async def test_what_was_refused_is_looked_at_again(chat: ChatFixture) -> None:
    await chat.open("mute")
    alice = await chat.join("alice")
    chat.store.away = True
    assert (await alice.say("hi", cid="x")).ack is Ack.INTERNAL_ERROR
    chat.store.away = False
    assert (await alice.say("hi", cid="x")).ack is None
    assert (await alice.say("hi", cid="x")).ack is None
    assert alice.messages == ["alice: hi"]


@pytest.mark.gen_test
async def test_an_answer_is_kept_for_a_day_and_so_many(chat: ChatFixture) -> None:
    clock, done = 0.0, 0
    repeats = Repeats(lambda: clock, size=2)

    async def do() -> Answer:
        nonlocal done
        done += 1
        return Answer(None, str(done))

    async def ask(cid: str) -> Any:
        return (await repeats.once((1, cid), do)).notice  # type: ignore[union-attr]

    assert [await ask(cid) for cid in "aab"] == ["1", "1", "2"]
    clock = 86_401.0
    assert [await ask(cid) for cid in "abc"] == ["3", "4", "5"]
    assert [await ask(cid) for cid in "bca"] == ["4", "5", "6"]


@pytest.mark.gen_test
async def test_who_waits_for_the_first_is_answered_where_that_breaks_off(chat: ChatFixture) -> None:
    repeats = Repeats(lambda: 0.0)
    begun = asyncio.Event()

    async def hang() -> Answer:
        begun.set()
        await asyncio.Event().wait()
        raise AssertionError

    first = asyncio.ensure_future(repeats.once((1, "x"), hang))
    await begun.wait()
    second = await repeats.once((1, "x"), hang)
    first.cancel()
    assert isinstance(second, asyncio.Future)
    assert (await second).ack is Ack.INTERNAL_ERROR
    assert not repeats._flights


@pytest.mark.gen_test
async def test_a_message_that_was_held_waits_once(chat: ChatFixture) -> None:
    await chat.open(filtering(Hold("why")), "review")
    bob, eve = await chat.join("bob", "mod"), await chat.join("eve")
    for _ in range(2):
        assert (await eve.say("darn", cid="x")).ack is Ack.MESSAGE_HELD
    assert [name for name, _ in bob.events].count("message_held") == 1


@pytest.mark.gen_test
async def test_the_answer_does_not_wait_for_the_one_who_asked_first(serve: Any, connect: Any, make_config: Any) -> None:
    server = await serve(make_config())
    first = await connect(server, token="token-alice")
    first.send('421["new_message","hi",{"cid":"x"}]')
    await first.close()
    second = await Client.connect(server.port)
    await second.auth(token="token-alice", since=0)
    assert await second.say("hi", cid="x") is None
    third = await Client.connect(server.port)
    await third.auth(since=0)
    assert [message["text"] for message in third.data["room"]["history"]] == ["hi"]
