"""Clients that never give up: they come back with `since`, and send each text again until it is acked."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import random
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from scripts.faults.transcript import Transcript
from scripts.faults.wire import Broken, Connection

APP = 2
PATIENCE = 5.0  # seconds for an ack; more than the server gives its database
FIRST_PAUSE, LAST_PAUSE = 0.05, 1.0  # seconds between two attempts


@dataclass(slots=True)
class Ledger:
    """What all clients together were told: each acked text, and when."""

    acked: list[tuple[str, float, float]] = field(default_factory=list)
    """(text, seconds from the first time it was sent to its ack, when that was), in the order of the acks."""
    unknown: int = 0
    """Texts given up: a server without `cid` can't be asked again without risking a double."""
    refused: list[str] = field(default_factory=list)
    counted: asyncio.Condition = field(default_factory=asyncio.Condition)

    async def note(self, text: str, seconds: float) -> None:
        """Take down an ack."""
        async with self.counted:
            self.acked.append((text, seconds, time.monotonic()))
            self.counted.notify_all()

    async def each(self, lanes: set[str], number: int) -> None:
        """Wait until each of the lanes had an ack, and all of them together so many."""
        begin = len(self.acked)

        def well() -> bool:
            since = self.acked[begin:]
            return len(since) >= number and lanes <= {text.rpartition("/")[0] for text, _, _ in since}

        async with self.counted:
            await self.counted.wait_for(well)


class Client:
    """One client in the room, as the user of `token` (None: a guest). `buffer` is its kernel's receive buffer."""

    def __init__(self, port: int, name: str, token: str | None = None, *, buffer: int = 0) -> None:
        self.name = name
        self.transcript = Transcript()
        self.connects = 0
        self.has_cid = False
        self.connection: Connection | None = None
        self._port = port
        self._token = token
        self._buffer = buffer
        self._here = asyncio.Event()
        self._come_back: tuple[float, float] | None = None
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Connect, and stay connected until told to stop."""
        self._task = asyncio.get_running_loop().create_task(self._stay(), name=self.name)

    async def stop(self) -> None:
        """Go."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait({self._task})
            if not self._task.cancelled():
                self._task.result()
        if self.connection is not None:
            self.connection.reset()
            await self.connection.closed.wait()

    async def here(self) -> Connection:
        """Return the connection, once there is one that has been let in."""
        while True:
            await self._here.wait()
            if self.connection is not None and not self.connection.transport.is_closing():
                return self.connection
            await asyncio.sleep(0)  # its end is being noticed

    async def _stay(self) -> None:
        pauses = backoff()
        while True:
            connection: Connection | None = None
            try:
                connection = await Connection.open(self._port, self._event, patience=PATIENCE, buffer=self._buffer)
                answer = await connection.emit("auth", self._credentials(), patience=PATIENCE, told=self._join)
                if answer and answer[0] is None:
                    self.connection = connection
                    self.connects += 1
                    pauses = backoff()
                    self._here.set()
                    await connection.closed.wait()
            except OSError:
                pass  # what faults are for: it is tried again
            finally:
                self._here.clear()
                if connection is not None:
                    connection.reset()
            await asyncio.sleep(self._pause(next(pauses)))

    def _pause(self, ours: float) -> float:
        asked, self._come_back = self._come_back, None
        return ours if asked is None else random.uniform(*asked)

    def _credentials(self) -> dict[str, Any]:
        token = {} if self._token is None else {"hashed_token": self._token}
        return {"app_id": APP, "since": self.transcript.newest} | token

    def _join(self, answer: list[Any]) -> None:
        if not answer or answer[0] is not None:
            return
        room = answer[1]["room"]
        self.has_cid = "reload" in answer[1]  # the two came together
        if answer[1].get("reload", True):
            self.transcript.reload(room["history"])
        else:
            self.transcript.resume(room["history"], room["deleted"])

    def _event(self, name: str, args: list[Any]) -> None:
        if name == "new_message":
            self.transcript.add(args[0])
        elif name == "server_closing":
            least, most = args[0]["come_back_in"]
            self._come_back = least / 1000, most / 1000


class Poster(Client):
    """A client that talks: in each of its lanes one text after another, the next one when the last was acked."""

    def __init__(self, port: int, token: str, ledger: Ledger, *, lanes: int, pause: float, padding: int = 0) -> None:
        super().__init__(port, token.removeprefix("token-"), token)
        self._ledger = ledger
        self._lanes = lanes
        self._gap = pause
        self._padding = "x" * padding
        self._talking = False
        self._tasks: list[asyncio.Task[None]] = []

    @property
    def lanes(self) -> set[str]:
        """The names of its lanes."""
        return {f"{self.name}/{lane}" for lane in range(self._lanes)}

    def talk(self) -> None:
        """Begin."""
        self._talking = True
        loop = asyncio.get_running_loop()
        self._tasks = [loop.create_task(self._lane(name)) for name in sorted(self.lanes)]

    async def hush(self) -> None:
        """Stop once all that was begun is acked."""
        self._talking = False
        await asyncio.gather(*self._tasks)

    async def stop(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await super().stop()

    async def say(self, text: str) -> bool:
        """Send a text until it is acked; tell whether it was, which is always so where the server knows `cid`."""
        begin = time.monotonic()
        for pause in backoff():
            connection = await self.here()
            cid = [{"cid": text.partition(" ")[0].replace("/", ":")}] if self.has_cid else []
            ack: str | None = "no answer"
            try:
                answer = await connection.emit("new_message", text, *cid, patience=PATIENCE)
                ack = answer[0] if answer else None
            except Broken:
                connection.reset()
            if ack is None:
                await self._ledger.note(text, time.monotonic() - begin)
                return True
            if ack not in {"no answer", "INTERNAL_ERROR", "RATE_LIMITED"}:
                self._ledger.refused.append(f"{ack}: {text[:40]}")
                return False
            if not self.has_cid:
                self._ledger.unknown += 1
                return False
            await asyncio.sleep(pause)
        return False

    async def _lane(self, name: str) -> None:
        for number in itertools.count(1):
            if not self._talking:
                return
            await self.say(f"{name}/{number} {self._padding}".strip())
            await asyncio.sleep(self._gap)


def backoff() -> Iterator[float]:
    """Return longer and longer pauses, for ever."""
    pause = FIRST_PAUSE
    while True:
        yield pause * random.uniform(0.5, 1.0)
        pause = min(pause * 2, LAST_PAUSE)


@contextlib.asynccontextmanager
async def staying(clients: list[Client], joined: Callable[[Client], bool] = lambda _: True) -> Any:
    """Have clients in the room for the length of a `with`; those for which `joined` says so are waited for."""
    for client in clients:
        client.start()
    try:
        await asyncio.gather(*(client.here() for client in clients if joined(client)))
        yield
    finally:
        await asyncio.gather(*(client.stop() for client in clients))
