"""Writes whose fate may be unknown, one at a time: what one left behind is put right before the next."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from tornado_chat.errors import StoreUnavailable

Repair = Callable[[], Awaitable[None]]


class Settling:
    """The writes of one kind (`what`, for errors) of one app. Whoever waits, waits `timeout` seconds at most.

    The database and what is remembered of it see them in the same order.
    """

    def __init__(self, what: str, timeout: float) -> None:
        self._what = what
        self._timeout = timeout
        self._lock = asyncio.Lock()
        self._unsettled: dict[str, Repair] = {}  # self._unsettled[key of what a failed write was about]

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """Wait for one's turn, and act, within the time limit altogether. Raises StoreUnavailable."""
        try:
            async with asyncio.timeout(self._timeout), self._lock:
                for key, repair in list(self._unsettled.items()):
                    await repair()
                    del self._unsettled[key]
                yield
        except TimeoutError:
            raise StoreUnavailable(f"{self._what} are waiting for the database") from None

    async def write(self, key: str, write: Awaitable[None], repair: Repair) -> None:
        """In one's turn: await `write`. Where it fails, `repair` is awaited before anybody's next turn.

        `repair` brings the database back to what is remembered then.
        """
        self._unsettled[key] = repair
        await write
        del self._unsettled[key]
