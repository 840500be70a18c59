"""Newcomers get in a few at a time: turns are counted by ticks of the event loop, and by real sockets."""

from __future__ import annotations

import asyncio
import math
import socket
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from tornado.httpserver import HTTPServer
from tornado.testing import bind_unused_port
from tornado.web import Application

from tests.engine_client import PATIENCE, EngineClient, read
from tornado_chat.addresses import TrustedProxies
from tornado_chat.engine import Engine, Limits, Refusal
from tornado_chat.engine.pace import LEAST, MOST, Pace
from tornado_chat.http_server import BoundedHTTPServer
from tornado_chat.quota import Quota

HANDSHAKE = b"GET /engine.io/?EIO=4&transport=polling HTTP/1.1\r\nHost: x\r\n\r\n"
HERD = 30


class Ticks:
    """Counts the ticks of the event loop."""

    def __init__(self) -> None:
        self.now = 0
        self._handle = asyncio.get_running_loop().call_soon(self._next)

    def _next(self) -> None:
        self.now += 1
        self._handle = asyncio.get_running_loop().call_soon(self._next)

    def stop(self) -> None:
        self._handle.cancel()


class Stuck(Pace):
    """Whoever waits for a turn gets one of `turns`, and no more until it is opened; accepting goes on."""

    def __init__(self, turns: int) -> None:
        super().__init__()
        self.turns = turns

    async def turn(self) -> None:
        self.turns -= 1
        if self.turns < 0 and not self._open:
            self._waiting.append(asyncio.get_running_loop().create_future())
            await self._waiting[-1]

    def _next(self) -> None:
        self._handle = None

    async def waited_for(self, count: int) -> None:
        """Return when so many wait."""
        await until(lambda: len(self._waiting) == count)


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE):
        while not holds():  # noqa: ASYNC110 - whatever it is, it takes some ticks
            await asyncio.sleep(0)


def slowest() -> Pace:
    """A pace that no tick is short enough for: each has as few turns as can be."""
    return Pace(tick=0, rate=0)


async def taken_by(pace: Pace, count: int) -> list[int]:
    """Let so many wait for their turns; return in which tick each had it, in the order they asked."""
    ticks = Ticks()
    had: dict[int, int] = {}

    async def come(number: int) -> None:
        await pace.turn()
        had[number] = ticks.now

    await asyncio.gather(*(come(number) for number in range(count)))
    ticks.stop()
    assert list(had) == list(range(count))
    return list(had.values())


@pytest.mark.gen_test
async def test_a_tick_has_few_turns_while_ticks_are_long() -> None:
    assert set(Counter(await taken_by(slowest(), 10 * LEAST)).values()) == {LEAST}


@pytest.mark.gen_test
async def test_a_tick_has_one_turn_more_after_each_that_was_short() -> None:
    counts = list(Counter(await taken_by(Pace(tick=math.inf, rate=0), 49)).values())
    assert counts == [4, 5, 6, 7, 8, 9, 10]


@pytest.mark.gen_test
async def test_a_long_tick_brings_turns_of_its_own_so_that_nobody_starves() -> None:
    counts = list(Counter(await taken_by(Pace(tick=0, rate=1e12), LEAST + 5 * MOST)).values())
    assert counts == [LEAST, *5 * [MOST]]


@pytest.mark.gen_test
async def test_a_newcomer_alone_does_not_wait() -> None:
    pace = slowest()
    for _ in range(LEAST):
        with pytest.raises(StopIteration):
            pace.turn().send(None)
    assert not pace.crowded
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert pace._handle is None  # and nothing runs while nobody comes


@pytest.mark.gen_test
async def test_whoever_is_cancelled_takes_no_turn() -> None:
    pace = slowest()
    tasks = [asyncio.ensure_future(pace.turn()) for _ in range(3 * LEAST)]
    await asyncio.sleep(0)
    assert pace.crowded
    for task in tasks[LEAST : 2 * LEAST]:
        task.cancel()
    await asyncio.gather(*tasks[2 * LEAST :])
    assert not pace._waiting
    await until(lambda: pace._handle is None)
    assert not pace.crowded


@pytest.mark.gen_test
async def test_who_waits_is_let_in_at_the_end() -> None:
    pace = slowest()
    waiting = asyncio.gather(*(pace.turn() for _ in range(100)))
    await asyncio.sleep(0)
    pace.open()
    assert not pace._waiting
    await waiting
    assert all(pace.take() for _ in range(100))


# -- over sockets


@pytest.fixture
def begin(io_loop: Any, run: Any) -> Iterator[Callable[[Engine], int]]:
    """begin(engine) serves it in a BoundedHTTPServer, and returns the port."""
    servers: list[tuple[Engine, BoundedHTTPServer]] = []

    def start(engine: Engine) -> int:
        server = BoundedHTTPServer(
            Application([engine.route(r"/engine\.io/")]),
            quota=Quota(1000),
            per_address=1000,
            proxies=TrustedProxies(()),
            pace=engine.pace,
        )
        listening, port = bind_unused_port()
        server.add_sockets([listening])
        servers.append((engine, server))
        return port

    yield start
    for engine, server in servers:
        server.stop()
        run(engine.shutdown())
        run(server.close_all_connections())


def send_handshake(port: int) -> socket.socket:
    """Connect and ask for a session, while the event loop stands still."""
    client = socket.create_connection(("127.0.0.1", port))
    client.sendall(HANDSHAKE)
    client.setblocking(False)
    return client


async def answer(client: socket.socket) -> bytes:
    return await asyncio.wait_for(asyncio.get_running_loop().sock_recv(client, 65536), PATIENCE)


@pytest.mark.gen_test
async def test_who_is_in_is_served_while_a_herd_comes(begin: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    engine = Engine(Limits(), pace=slowest())
    came: list[str] = []
    accepted: list[int] = []
    connected: list[int] = []

    async def connect(sid: str, environ: dict[str, str]) -> None:
        connected.append(ticks.now)
        came.append("newcomer")

    async def message(sid: str, text: str) -> None:
        engine.establish(sid)
        came.append(text)
        await engine.send(sid, text)

    def accept(server: Any, stream: Any, address: Any) -> None:
        accepted.append(ticks.now)
        HTTPServer.handle_stream(server, stream, address)

    engine.on("connect", connect)
    engine.on("message", message)
    port = begin(engine)
    ticks = Ticks()
    member = EngineClient(port, 4)
    websocket = await member.open_websocket()
    await websocket.write_message("4established")
    assert await read(websocket) == "4established"

    monkeypatch.setattr(BoundedHTTPServer, "handle_stream", accept)
    monkeypatch.setattr(BoundedHTTPServer, "on_close", HTTPServer.on_close)
    came.clear()
    connected.clear()
    herd = [send_handshake(port) for _ in range(HERD)]
    for number in range(3):
        await websocket.write_message(f"4{number}")
        assert await read(websocket) == f"4{number}"
    assert came.index("0") <= 3 * LEAST
    for client in herd:
        assert b'"sid"' in await answer(client)
        client.close()
    assert came.count("newcomer") == len(accepted) == HERD
    assert max(Counter(connected).values()) <= 2 * LEAST  # some who had to wait, and some who hadn't
    assert max(Counter(accepted).values()) <= LEAST + 1
    ticks.stop()
    member.close()


@pytest.mark.gen_test
async def test_what_newcomers_send_waits_for_its_turn_and_what_the_others_send_does_not(begin: Any) -> None:
    engine = Engine(Limits(), pace=(pace := Stuck(100)))
    heard: list[str] = []

    async def message(sid: str, text: str) -> None:
        heard.append(text)
        engine.establish(sid)
        await engine.send(sid, text)

    engine.on("message", message)
    port = begin(engine)
    member, newcomer = EngineClient(port, 4), EngineClient(port, 4)
    inside, outside = await member.open_websocket(), await newcomer.open_websocket()
    await inside.write_message("4first")
    assert await read(inside) == "4first"
    pace.turns = 0
    await outside.write_message("4newcomer's")
    await pace.waited_for(1)
    await inside.write_message("4member's")
    assert await read(inside) == "4member's"
    assert heard == ["first", "member's"]
    pace.open()
    assert await read(outside) == "4newcomer's"
    member.close()
    newcomer.close()


@pytest.mark.gen_test
async def test_a_server_that_closes_refuses_those_who_wait(begin: Any) -> None:
    engine = Engine(Limits(), pace=(pace := Stuck(0)))
    port = begin(engine)
    herd = [send_handshake(port) for _ in range(5)]
    await pace.waited_for(5)
    await engine.shutdown()
    for client in herd:
        assert (await answer(client)).startswith(b"HTTP/1.1 503 ")
        client.close()
    assert engine.refusals[Refusal.FULL] == 5
    assert not engine.sessions


@pytest.mark.gen_test
async def test_who_goes_while_waiting_leaves_nothing(begin: Any) -> None:
    engine = Engine(Limits(), pace=(pace := Stuck(0)))
    told: list[str] = []

    async def tell(sid: str, _: Any) -> None:
        told.append(sid)

    engine.on("connect", tell)
    engine.on("disconnect", tell)
    port = begin(engine)
    herd = [send_handshake(port) for _ in range(5)]
    await pace.waited_for(5)
    for client in herd:
        client.close()
    other = EngineClient(port, 4)  # whose request comes after their ends
    opening = asyncio.ensure_future(other.open())
    await pace.waited_for(6)
    pace.open()
    await opening
    assert told == [other.sid]
    assert list(engine.sessions) == [other.sid]
    assert not engine._tasks


@pytest.mark.gen_test
async def test_a_session_that_ends_while_it_waits_is_over_after_its_turn(begin: Any) -> None:
    engine = Engine(Limits(), pace=(pace := Stuck(100)))
    over = asyncio.Event()

    async def disconnect(sid: str, _: str) -> None:
        over.set()

    engine.on("disconnect", disconnect)
    client = EngineClient(begin(engine), 4)
    websocket = await client.open_websocket()
    pace.turns = 0
    await websocket.write_message("4never answered")
    await pace.waited_for(1)
    websocket.close()
    await until(lambda: not engine.sessions)
    assert not over.is_set()
    pace.open()
    await asyncio.wait_for(over.wait(), PATIENCE)
    await until(lambda: not engine._tasks)
