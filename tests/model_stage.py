"""The real thing beside the model: a server, its database and the network between them, in one loop."""

from __future__ import annotations

import asyncio
import re
import uuid
from collections.abc import Coroutine
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

from tests.client import Client
from tests.mongo_proxy import Loss, MongoProxy
from tests.test_resume import ERASER
from tornado_chat.config import load_config
from tornado_chat.errors import StoreUnavailable
from tornado_chat.manual_clock import ManualClock
from tornado_chat.server import Server

T = TypeVar("T")

PATIENCE = 20.0
APPS = (2, 3)
HISTORY = 4
TIMEOUT = 0.8  # seconds that the server waits for the database; a busy machine must not look like a fault


class Stage:
    """Runs a server that can be stopped, killed and cut off from its database."""

    def __init__(self, uri: str, folder: Path) -> None:
        self._loop = asyncio.new_event_loop()
        self._target = int(re.findall(r":(\d+)/", uri)[0])
        self._folder = folder
        self._database = f"model-{uuid.uuid4().hex}"
        self._dying: list[asyncio.Task[None]] = []
        # The present, for a real database deletes by itself what has run out; whole seconds, for it keeps thousandths.
        self.clock = ManualClock(datetime.now(UTC).replace(microsecond=0))
        (folder / "apps").mkdir(exist_ok=True)
        (folder / "eraser.py").write_text(ERASER)
        for app_id in APPS:
            (folder / "apps" / f"{app_id}.toml").write_text(
                f'id = {app_id}\nhistory = {HISTORY}\nidentity = "demo"\nplugins = ["mute", "eraser"]\n'
            )
        self.run(self._start(away=False))

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        return self._loop.run_until_complete(asyncio.wait_for(work, PATIENCE))

    async def _start(self, *, away: bool) -> None:
        self.network = MongoProxy(self._target)
        await self.network.start()
        if away:
            self.network.go(refuses=True)
        (self._folder / "server.toml").write_text(
            f'[server]\nport = 0\ndrain = 1.0\n[mongodb]\ndatabase = "{self._database}"\ntimeout = {TIMEOUT}\n'
            f'uri = "mongodb://127.0.0.1:{self.network.port}/?directConnection=true"\n[identity.demo]\n'
            '[plugins]\npath = ["."]\n[limits]\nevent_rate = 100000.0\nevent_burst = 100000\n'
        )
        self.server = Server(load_config(self._folder), clock=self.clock)
        await self.server.start()

    async def advance(self, seconds: int) -> None:
        """Let time pass."""
        self.clock.advance(seconds)

    async def together(self, works: list[Coroutine[Any, Any, T]]) -> list[T]:
        """Do all at once; return what each returned."""
        return await asyncio.gather(*works)

    # -- the database

    @property
    def noticed(self) -> bool:
        """Whether the server knows that the database is away."""
        return not self.server._store.availability.writable

    def lose(self, loss: Loss | None) -> None:
        """Lose an answer of the database, as soon as there is one such."""
        self.network.loss = loss

    def lost(self) -> bool:
        """Tell whether it was, and lose none any more."""
        loss, self.network.loss = self.network.loss, None
        return loss is not None and loss.happened

    async def database_back(self) -> None:
        """Let everything pass again, and wait until the server uses the database."""
        self.network.pass_again()
        assert self.server._opening is not None
        await asyncio.wait({self.server._opening})
        while not await self._answers():  # what was cut is noticed by who uses it next
            pass
        await self.quiet()

    async def _answers(self) -> bool:
        try:
            await self.server._store.ping()
        except StoreUnavailable:
            return False
        return True

    async def quiet(self) -> None:
        """Wait until the server has nothing to do any more on the database."""
        while tasks := [task for task in self._under_way() if task and not task.done()]:
            await asyncio.wait(tasks)

    def _under_way(self) -> list[asyncio.Task[None] | None]:
        server = self.server
        mutes = [chat._sanctions for chat in server._assembly.chats]
        ending = [task for each in mutes for task in (each._alarm._ringing, each._settling._task)]
        return [server._store.availability._task, *ending]

    # -- the server

    async def restart(self, clients: list[Client], *, abrupt: bool, away: bool) -> None:
        """Stop the server, or kill it as far as anybody else can tell, and start another one."""
        old, network = self.server, self.network
        if abrupt:
            for client in clients:
                client.drop()
            await network.stop()  # nothing that it does from now on is done
            network.go(refuses=True)
            self._dying.append(asyncio.create_task(old.stop()))
        else:
            await old.stop()
            await network.stop()
            await asyncio.gather(*(client.closed.wait() for client in clients))
        await self._start(away=away)

    async def gone(self, clients: int) -> None:
        """Wait until the server has noticed that no more than so many are connected."""
        while self.server._gateway.connections > clients:  # noqa: ASYNC110 - a turn of the loop is what it takes
            await asyncio.sleep(0)

    def close(self) -> None:
        """Stop everything, and leave nothing behind."""
        self.network.pass_again()
        self.run(self._close())
        for task in asyncio.all_tasks(self._loop):
            task.cancel()
        self._loop.run_until_complete(self._end())
        self._loop.close()

    async def _close(self) -> None:
        await self.server.stop()
        await self.network.stop()
        await asyncio.gather(*self._dying)

    async def _end(self) -> None:
        await asyncio.gather(*asyncio.all_tasks() - {asyncio.current_task()}, return_exceptions=True)
