"""Writes whose fate may be unknown, one at a time: what one left behind is put right before the next."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from tornado_chat.errors import StoreUnavailable

log = logging.getLogger(__name__)

Repair = Callable[[], Awaitable[None]]


class Settling:
    """The writes of one kind (`what`, for logs and errors) of one app. Whoever waits, waits `timeout` seconds at most.

    The database and what is remembered of it see them in the same order.
    """

    def __init__(self, what: str, timeout: float) -> None:
        self._what = what
        self._timeout = timeout
        self._lock = asyncio.Lock()
        self._unsettled: dict[str, list[Repair]] = {}  # self._unsettled[key of what a failed write was about]
        self._task: asyncio.Task[None] | None = None
        self._closed = False

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """Wait for one's turn, and act, within the time limit altogether. Raises StoreUnavailable."""
        try:
            async with asyncio.timeout(self._timeout), self._lock:
                await self._put_right()
                yield
        except TimeoutError:
            self._soon()  # what was cut off may never have been reported as failed
            raise StoreUnavailable(f"{self._what} are waiting for the database") from None

    async def write(self, key: str, write: Awaitable[None], repair: Repair) -> None:
        """In one's turn: await `write`. Where it fails, `repair` is awaited before anybody's next turn.

        `repair` brings the database back to what is remembered then.
        """
        self._doubt(key, repair)
        await write
        del self._unsettled[key]

    def later(self, key: str, repair: Repair) -> None:
        """Await `repair` soon; nobody waits for it."""
        self._doubt(key, repair)
        self._soon()

    async def settle(self) -> None:
        """Put right what was left behind. Raises StoreUnavailable."""
        if self._unsettled:
            async with self._lock:
                await self._put_right()

    async def close(self) -> None:
        """Settle what can be settled."""
        self._closed = True
        if self._task is not None:
            await asyncio.shield(self._task)
        await self._settle_all()

    def _doubt(self, key: str, repair: Repair) -> None:
        self._unsettled.setdefault(key, []).append(repair)

    async def _put_right(self) -> None:
        unsettled, self._unsettled = self._unsettled, {}
        try:
            for failure in await asyncio.gather(*map(_in_turn, unsettled.values()), return_exceptions=True):
                if failure is not None:
                    raise failure
        except BaseException:
            for key, repairs in unsettled.items():
                self._unsettled[key] = [*repairs, *self._unsettled.get(key, [])]
            raise

    def _soon(self) -> None:
        if self._task is None and not self._closed:
            self._task = asyncio.get_running_loop().create_task(self._settle_all())
            self._task.add_done_callback(self._done)

    def _done(self, _: asyncio.Task[None]) -> None:
        self._task = None

    async def _settle_all(self) -> None:
        try:
            while self._unsettled:
                await self.settle()
        except StoreUnavailable as error:
            # Once the database is back, it is tried again. The TTL index, or the next start, removes what has run out.
            log.warning("what is stored of %s isn't right for now: %s", self._what, error)


async def _in_turn(repairs: list[Repair]) -> None:
    for repair in repairs:
        await repair()
