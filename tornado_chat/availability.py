"""Whether the database can be used: what failed once is refused at once, until a probe says that it is back."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

from tornado_chat.errors import StoreAway, StoreUnavailable

log = logging.getLogger(__name__)

FIRST_PROBE = 0.1  # seconds after a failure; doubles up to LAST_PROBE
LAST_PROBE = 0.5  # so that a database that is back is used again within two seconds

Probe = Callable[[], Awaitable[None]]


class Availability:
    """Knows whether `name` answers, and whether it stores.

    `read` and `write` try that, each in a second or two; they raise StoreUnavailable. A database may answer and not
    store: its disk is full, or a majority of its members is away.
    """

    def __init__(self, name: str, read: Probe, write: Probe) -> None:
        self._name = name
        self._read = read
        self._write = write
        self._task: asyncio.Task[None] | None = None
        self._closed = False
        self._settlers: list[Probe] = []
        self.readable = True
        self.writable = True
        self.outages = 0
        self.refused = 0

    def require(self, *, writing: bool) -> None:
        """Raise StoreAway where the database is known to be away."""
        if not (self.writable if writing else self.readable):
            self.refused += 1
            what = "away" if not self.readable else "not storing anything"
            raise StoreAway(f"{self._name} is {what}; it is asked again every {LAST_PROBE:g} s")

    def on_return(self, settle: Probe) -> None:
        """Await `settle` each time that the database is back; where that fails, it isn't."""
        self._settlers.append(settle)

    def failed(self, error: StoreUnavailable) -> None:
        """Take note that an operation failed: refuse what comes, and begin to probe."""
        self.readable = self.writable = False
        if self._task is None and not self._closed:
            self.outages += 1
            log.error("%s; messages are refused until it is back", error)
            self._task = asyncio.get_running_loop().create_task(self._probe(), name="database probe")

    async def close(self) -> None:
        """Stop probing, and don't begin again."""
        self._closed = True
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait({self._task})

    async def _probe(self) -> None:
        began = asyncio.get_running_loop().time()
        pause = FIRST_PROBE
        try:
            while not self.writable:
                await asyncio.sleep(pause)
                pause = min(pause * 2, LAST_PROBE)
                await self._look()
        finally:
            self._task = None
        log.warning("%s is back after %.1f s", self._name, asyncio.get_running_loop().time() - began)

    async def _look(self) -> None:
        try:
            await self._read()
            self.readable = True
            await self._write()
            self.writable = True
            for settle in self._settlers:
                await settle()
        except StoreUnavailable as error:
            self.writable = False
            log.debug("%s", error)
        except Exception:
            log.exception("probing the database failed")
