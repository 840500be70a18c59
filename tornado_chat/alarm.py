"""Ends what has an end: mutes, modes, messages that wait. One timer for all of a kind."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime

from tornado_chat.clock import Clock, Timer

# However far away the next end is, the clock is looked at this often (seconds): it may be set forward.
LONGEST_NAP = 60.0


class Alarm:
    """Awaits `ring` when the time that `due` tells (None: never) has come, one call at a time.

    `ring` ends all that is due by then, and must leave nothing behind that is. Set the alarm whenever `due` may have
    changed.
    """

    def __init__(self, clock: Clock, due: Callable[[], datetime | None], ring: Callable[[], Awaitable[None]]) -> None:
        self._clock = clock
        self._due = due
        self._ring = ring
        self._timer: Timer | None = None
        self._ringing: asyncio.Task[None] | None = None
        self._closed = False

    def set(self) -> None:
        """Look when it is to ring next."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        due = self._due()
        if due is not None and not self._closed:
            wait = (due - self._clock.now()).total_seconds()
            self._timer = self._clock.call_later(min(max(wait, 0.0), LONGEST_NAP), self._tick)

    async def close(self) -> None:
        """Ring no more; what is under way comes to its end."""
        self._closed = True
        if self._timer is not None:
            self._timer.cancel()
        if self._ringing is not None:
            await asyncio.shield(self._ringing)

    def _tick(self) -> None:
        if self._ringing is None:
            self._ringing = asyncio.get_running_loop().create_task(self._work())

    async def _work(self) -> None:
        try:
            await self._ring()
        finally:
            self._ringing = None
            self.set()
