"""Sessions over real sockets, with sends, groups, upgrades, stalls and closes in any order."""

from __future__ import annotations

import asyncio
import random
from typing import Any

import pytest
from tornado.httpserver import HTTPServer
from tornado.ioloop import IOLoop
from tornado.testing import bind_unused_port
from tornado.web import Application
from tornado.websocket import WebSocketClientConnection

from tests.engine_client import PATIENCE, EngineClient, read
from tornado_chat.engine import Engine, Group, Limits, Packet

LIMITS = Limits(event_rate=10_000, event_burst=10_000, stall=60, client_buffer=1 << 26)
WORDS = ["short", "é 😀", "x" * 20_000]


class Person:
    """A client that keeps what it hears, and can upgrade, stop reading for a while, and go."""

    def __init__(self, client: EngineClient) -> None:
        self.client = client
        self.heard: list[str] = []
        self.expected: list[str] = []
        self.gone = False
        self.reading = asyncio.Event()
        self.reading.set()
        self.socket: WebSocketClientConnection | None = None
        self._polling = True
        self._task: asyncio.Task[None] | None = None
        self._more = asyncio.Event()

    async def come(self, *, websocket: bool) -> None:
        if websocket:
            self.socket = await self.client.open_websocket()
            self._task = asyncio.create_task(self._read())
        else:
            await self.client.open()
            self._task = asyncio.create_task(self._poll())

    async def upgrade(self) -> None:
        if self.socket is not None or self._task is None:
            return
        socket = await self.client.websocket()
        await socket.write_message("2probe")
        assert await read(socket) == "3probe"
        self._polling = False
        await asyncio.wait_for(self._task, PATIENCE)
        await socket.write_message("5")
        self.socket = socket
        self._task = asyncio.create_task(self._read())

    async def go(self) -> None:
        self.gone = True
        if self.socket is not None:
            await self.socket.write_message("1")
        else:
            await self.client.post("1")

    async def heard_all(self) -> None:
        self.reading.set()
        async with asyncio.timeout(PATIENCE):
            while len(self.heard) < len(self.expected):
                self._more.clear()
                await self._more.wait()

    async def end(self) -> None:
        self.reading.set()
        if self._task is not None:
            await asyncio.wait_for(self._task, PATIENCE)
        self.client.close()

    def _hear(self, packet: str) -> None:
        if packet[0] == "4":
            self.heard.append(packet[1:])
            self._more.set()

    async def _poll(self) -> None:
        while self._polling:
            await self.reading.wait()
            answer = await self.client.fetch()
            if answer.code != 200:
                return
            for packet in self.client.split(answer.body.decode()):
                self._hear(packet)

    async def _read(self) -> None:
        assert self.socket is not None
        while (packet := await self.socket.read_message()) is not None:
            self._hear(str(packet))
            await self.reading.wait()


class Play:
    """One run: an engine, some people, two groups, and a random order of things."""

    def __init__(self, engine: Engine, port: int, seed: int) -> None:
        self.chance = random.Random(seed)
        self.engine = engine
        self.port = port
        self.groups: list[Group] = [engine.group(), engine.group()]
        self.members: list[list[Person]] = [[], []]
        self.people: list[Person] = []
        self.said = 0

    async def run(self) -> None:
        for number in range(6):
            person = Person(EngineClient(self.port, 4))
            await person.come(websocket=number % 3 == 0)
            self.people.append(person)
        for _ in range(120):
            await self.step()
        for person in self.people:
            if not person.gone:
                await person.heard_all()
                assert person.heard == person.expected
            else:
                assert person.heard == person.expected[: len(person.heard)]

    async def step(self) -> None:
        person = self.chance.choice(self.people)
        group = self.chance.randrange(2)
        text = f"{self.said} {self.chance.choice(WORDS)}"
        match self.chance.choices(range(8), [20, 30, 12, 6, 6, 8, 1, 16])[0]:
            case 0 if not person.gone:
                self.said += 1
                await self.engine.send(person.client.sid or "", text)
                person.expected.append(text)
            case 1:
                self.said += 1
                self.groups[group].send(Packet("4" + text))
                for member in self.members[group]:
                    member.expected.append(text)
            case 2 if not person.gone and person not in self.members[group]:
                self.groups[group].add(self.engine.sessions[person.client.sid or ""])
                self.members[group].append(person)
            case 3 if person in self.members[group]:
                self.leave(person, group)
            case 4 if not person.gone:
                person.reading.set()
                await person.upgrade()
            case 5:
                person.reading.clear() if self.chance.random() < 0.5 else person.reading.set()
            case 6 if not person.gone:
                for number in range(2):
                    if person in self.members[number]:
                        self.leave(person, number)
                await person.go()
            case 7:
                await asyncio.sleep(0)

    def leave(self, person: Person, group: int) -> None:
        self.members[group].remove(person)
        if (session := self.engine.sessions.get(person.client.sid or "")) is not None:
            self.groups[group].discard(session)


@pytest.mark.gen_test(timeout=60)
@pytest.mark.parametrize("seed", range(25))
async def test_nothing_is_lost_doubled_or_reordered_and_nothing_is_left(io_loop: IOLoop, seed: int) -> None:
    before = asyncio.all_tasks()
    engine = Engine(LIMITS)
    connect: dict[str, Any] = {}

    async def connected(sid: str, environ: dict[str, str]) -> None:
        engine.establish(sid)
        connect[sid] = environ

    engine.on("connect", connected)
    socket, port = bind_unused_port()
    server = HTTPServer(Application([engine.route(r"/engine\.io/")]))
    server.add_sockets([socket])
    play = Play(engine, port, seed)
    await play.run()
    await engine.shutdown()
    for person in play.people:
        await person.end()
    server.stop()
    await server.close_all_connections()
    assert len(connect) == len(play.people)
    assert engine.sessions == {}
    assert engine.slow == set()
    assert sum(engine.closes.values()) == len(play.people)
    assert engine.outbox._own == {}
    assert [timed for slot in engine.wheel._slots for timed in slot if timed is not engine._watch] == []
    assert {task for task in asyncio.all_tasks() - before if "Engine" in repr(task) or "Session" in repr(task)} == set()
    assert engine._tasks == set()
