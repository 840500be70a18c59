"""Every bound: who hits it is told, it is counted in /metrics, and there is room again afterwards."""

from __future__ import annotations

import asyncio
import re
from contextlib import suppress
from typing import Any

import msgspec
import pytest
from tornado.httpclient import AsyncHTTPClient

from tests.client import Client
from tests.inline import filtering
from tornado_chat.config_tables import LimitsTable
from tornado_chat.errors import Ack, ChatFull, StoreUnavailable
from tornado_chat.http_server import REFUSAL
from tornado_chat.testing import ChatFixture
from tornado_chat.verdicts import Pass


async def metric(server: Any, name: str) -> float:
    page = (await AsyncHTTPClient().fetch(f"http://127.0.0.1:{server.port}/metrics")).body.decode()
    (value,) = re.findall(rf"^{re.escape(name)} (\S+)$", page, re.MULTILINE)
    return float(value)


async def begun(port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Open a connection that has sent something: the kernel keeps one that hasn't."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"G")
    return reader, writer


@pytest.mark.gen_test
async def test_connections_per_app(serve: Any, connect: Any, make_config: Any) -> None:
    server = await serve(make_config(server="[limits]\nconnections_per_app = 2\n"))
    alice, guest = await connect(server, token="token-alice"), await connect(server, token=None)
    third = await Client.connect(server.port)
    assert await third.auth() == ["INTERNAL_ERROR"]
    assert await third.next("system_message") == "This chat is full. Please try again later."
    assert (await third.auth(3))[0] is None  # another app
    assert await metric(server, 'tornado_chat_bound_used{bound="connections_per_app"}') == 2
    assert await metric(server, 'tornado_chat_bound_limit{bound="connections_per_app"}') == 2
    assert await metric(server, 'tornado_chat_shed_total{bound="connections_per_app"}') == 1
    await guest.close()
    fourth = await Client.connect(server.port)
    while await fourth.auth() == ["INTERNAL_ERROR"]:  # the server hears of the end a moment later
        pass
    assert await alice.say("hi") is None
    await fourth.close()


@pytest.mark.gen_test
async def test_every_limit_is_on_the_page(serve: Any, connect: Any, make_config: Any) -> None:
    server = await serve(make_config(server="[limits]\nevent_rate = 0.1\nevent_burst = 4\n"))
    alice = await connect(server, token="token-alice")
    for _ in range(5):
        alice.tell("new_message", "hi")
    assert "too many events" in await alice.next("client_error")
    assert await metric(server, 'tornado_chat_shed_total{bound="event_rate"}') >= 1
    once = {"stall", "handshake", "event_burst"}  # how long, and how much at once: parts of the others
    for field in msgspec.structs.fields(LimitsTable):
        if field.name not in once:
            assert await metric(server, f'tornado_chat_bound_limit{{bound="{field.name}"}}') >= 0


@pytest.mark.gen_test
async def test_http_connections(serve: Any, make_config: Any) -> None:
    server = await serve(make_config(server="[limits]\nhttp_connections = 10\n"))
    idle = [await begun(server.port) for _ in range(10)]
    reader, last = await begun(server.port)
    assert await asyncio.wait_for(reader.read(), 10) == REFUSAL
    last.close()
    assert b"Content-Length: %d\r\n" % len(REFUSAL.partition(b"\r\n\r\n")[2]) in REFUSAL
    for _, writer in idle[:5]:
        writer.close()
        await writer.wait_closed()
    while server._http_connections.used > 9:  # not all of the five are known to be closed
        _, writer = await begun(server.port)
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()
    assert await metric(server, 'tornado_chat_shed_total{bound="http_connections"}') >= 1
    for _, writer in [*idle, (reader, last)]:
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()


@pytest.mark.gen_test
@pytest.mark.parametrize(("proxies", "refused"), [("[]", True), ('["127.0.0.1"]', False)])
async def test_http_connections_of_one_address(serve: Any, make_config: Any, proxies: str, refused: bool) -> None:
    server = await serve(make_config(server=f"trusted_proxies = {proxies}\n[limits]\nconnections_per_address = 3\n"))
    idle = [await begun(server.port) for _ in range(6)]
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    writer.write(b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    answer = await asyncio.wait_for(reader.read(), 10)
    assert (answer == REFUSAL) is refused
    for _, each in [*idle, (reader, writer)]:
        each.close()
        with suppress(ConnectionError):
            await each.wait_closed()


@pytest.mark.gen_test
async def test_messages_that_wait_to_be_stored(serve: Any, connect: Any, make_config: Any) -> None:
    server = await serve(make_config(server="[limits]\nunstored_per_app = 3\nunstored = 4\n"))
    alice, eve = await connect(server, token="token-alice"), await connect(server, token="token-eve", app_id=3)
    released = asyncio.Event()
    insert = server._store._insert

    async def hold(*args: Any) -> Any:
        await released.wait()
        return await insert(*args)

    server._store._insert = hold
    waiting = [asyncio.ensure_future(alice.say(f"{number}")) for number in range(3)]
    others = asyncio.ensure_future(eve.say("one"))
    while await metric(server, 'tornado_chat_bound_used{bound="unstored"}') < 4:
        pass
    assert await alice.say("too many") == "INTERNAL_ERROR"
    assert "try again" in await alice.next("system_message")
    assert await eve.say("too many in all") == "INTERNAL_ERROR"
    released.set()
    assert await asyncio.gather(*waiting, others) == [None] * 4
    assert await alice.say("there is room again") is None
    assert await metric(server, 'tornado_chat_shed_total{bound="unstored_per_app"}') == 1
    assert await metric(server, 'tornado_chat_shed_total{bound="unstored"}') == 1
    assert await metric(server, 'tornado_chat_bound_used{bound="unstored"}') == 0


@pytest.mark.gen_test
async def test_calls_of_plugins(chat: ChatFixture) -> None:
    released = asyncio.Event()

    asked = asyncio.Event()

    async def wait(_draft: Any) -> Pass:
        asked.set()
        await released.wait()
        return Pass()

    await chat.open(filtering(wait))
    chat.chat._plugin_calls = 1
    alice, bob = await chat.join("alice"), await chat.join("bob")
    waits = asyncio.ensure_future(alice.say("hi"))
    await asked.wait()
    answer = await chat.chat.post(bob._seat, "me too")
    assert (answer.ack, "too busy" in (answer.notice or "")) == (Ack.INTERNAL_ERROR, True)
    released.set()
    assert (await waits).ack is None
    assert (await bob.say("now")).ack is None
    assert chat.chat.bounds["plugin_calls"] == (0, 1, 1)


@pytest.mark.gen_test
async def test_look_ups(serve: Any, connect: Any, make_config: Any, api: Any) -> None:
    server = await serve(make_config(server="[limits]\nlookups = 1\n"))
    known = await connect(server, token="token-alice")
    api.mood = "slow"
    first, second = await Client.connect(server.port), await Client.connect(server.port)
    waits = asyncio.ensure_future(first.auth(token="token-eve"))
    await asyncio.wait_for(api.held.wait(), 10)
    assert await second.auth(token="token-bob") == ["INTERNAL_ERROR"]
    assert await metric(server, 'tornado_chat_shed_total{bound="lookups"}') == 1
    api.mood = "ok"
    api.released.set()
    assert (await waits)[0] is None
    assert (await second.auth(token="token-bob"))[0] is None
    assert await known.say("hi") is None


@pytest.mark.gen_test
async def test_a_message_that_is_too_long(serve: Any, connect: Any, make_config: Any) -> None:
    server = await serve(make_config(server="[limits]\nmessage = 4096\n"))
    alice, eve = await connect(server, token="token-alice"), await connect(server, token="token-eve")
    eve.send("42" + '["new_message","' + "x" * 4096 + '"]')
    await asyncio.wait_for(eve.closed.wait(), 10)
    assert (await alice.next("user_left"))["uname"] == "eve"


@pytest.mark.gen_test(timeout=30)
async def test_500_who_send_at_once_into_a_database_that_went_away_are_answered_in_time(
    serve: Any, connect: Any, make_config: Any, mongod_command: list[str], tmp_path: Any
) -> None:
    """Row D15: motor's threads must not serve them one after another."""
    from tests.conftest import free_port, running_mongod

    with running_mongod(mongod_command, tmp_path, free_port()) as mongod:
        wide = "[limits]\nconnections_per_address = 1000\nhttp_connections = 2000\n"
        config = make_config(mongodb=f"mongodb://127.0.0.1:{mongod.port}/", timeout=1.0, server=wide)
        server = await serve(config)
        tabs = [await connect(server, token=f"token-{name}") for name in ("alice", "eve", "bob") for _ in range(20)]
        assert await tabs[0].say("before") is None
        mongod.kill()
        loop = asyncio.get_running_loop()
        began = loop.time()
        slowest = 0.0

        async def say(number: int) -> Any:
            nonlocal slowest
            answer = await tabs[number % len(tabs)].say(f"{number}")
            slowest = max(slowest, loop.time() - began)
            return answer

        assert set(await asyncio.gather(*(say(number) for number in range(500)))) == {"INTERNAL_ERROR"}
        newcomer = await connect(server, token=None)
        assert [message["text"] for message in newcomer.data["room"]["history"]] == ["before"]
        assert await tabs[0].say("known to be away") == "INTERNAL_ERROR"
        assert await metric(server, "tornado_chat_database_up") == 0
        await loop.run_in_executor(None, mongod.start)
        while not server._store.availability.writable:
            await asyncio.wait({server._store.availability._task})
        assert await tabs[0].say("after") is None
        assert await metric(server, "tornado_chat_database_outages_total") == 1
        assert slowest < 10  # a hang, not a measurement: one after another they would take minutes


@pytest.mark.gen_test
async def test_a_full_chat_says_so_to_who_embeds_it(chat: ChatFixture) -> None:
    await chat.open("mute")
    chat.chat.sockets.limit = 1
    await chat.join("alice")
    with pytest.raises(ChatFull):
        await chat.join("bob")
    assert issubclass(StoreUnavailable, Exception)
