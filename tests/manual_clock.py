"""A clock that stands still until a test moves it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta

from tornado_chat.clock import SystemClock

# The present: MongoDB deletes by itself what has run out by its own clock.
START = SystemClock().now()


class ManualTimer:
    def __init__(self, due: datetime, callback: Callable[[], None]) -> None:
        self.due = due
        self.callback = callback
        self.cancelled = False

    def cancel(self) -> None:
        self.cancelled = True


class ManualClock:
    """`advance` moves the time and calls what has become due, in order of time."""

    def __init__(self) -> None:
        self._now = START
        self._timers: list[ManualTimer] = []

    def now(self) -> datetime:
        return self._now

    def call_later(self, seconds: float, callback: Callable[[], None]) -> ManualTimer:
        timer = ManualTimer(self._now + timedelta(seconds=seconds), callback)
        self._timers.append(timer)
        if seconds <= 0:  # as the loop does; nobody may advance this clock any more
            asyncio.get_running_loop().call_soon(self.advance, 0)
        return timer

    def advance(self, seconds: float) -> None:
        end = self._now + timedelta(seconds=seconds)
        while due := [timer for timer in self._timers if timer.due <= end]:
            timer = min(due, key=lambda timer: timer.due)
            self._timers.remove(timer)
            if not timer.cancelled:
                self._now = max(self._now, timer.due)
                timer.callback()
        self._now = end
