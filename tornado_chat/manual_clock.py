"""A clock that stands still until a test moves it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

NEW_YEAR = datetime(2026, 1, 1, tzinfo=UTC)


class ManualTimer:
    """A callback that is due at a time."""

    def __init__(self, due: datetime, callback: Callable[[], None]) -> None:
        self.due = due
        self.callback = callback
        self.cancelled = False

    def cancel(self) -> None:
        self.cancelled = True


class ManualClock:
    """`advance` moves the time and calls what has become due, in order of time."""

    def __init__(self, start: datetime = NEW_YEAR) -> None:
        self._start = start
        self._now = start
        self._timers: list[ManualTimer] = []

    def now(self) -> datetime:
        return self._now

    def monotonic(self) -> float:
        return (self._now - self._start).total_seconds()

    def call_later(self, seconds: float, callback: Callable[[], None]) -> ManualTimer:
        timer = ManualTimer(self._now + timedelta(seconds=seconds), callback)
        self._timers.append(timer)
        if seconds <= 0:  # as the loop does; nobody may advance this clock any more
            asyncio.get_running_loop().call_soon(self.advance, 0)
        return timer

    def advance(self, seconds: float) -> None:
        """Move the time by so many seconds (0 or more)."""
        end = self._now + timedelta(seconds=seconds)
        while due := [timer for timer in self._timers if timer.due <= end]:
            timer = min(due, key=lambda timer: timer.due)
            self._timers.remove(timer)
            if not timer.cancelled:
                self._now = max(self._now, timer.due)
                timer.callback()
        self._now = end

    def due_before(self, seconds: float) -> float | None:
        """Return in how many seconds the first timer within `seconds` is due, None where none is."""
        end = self._now + timedelta(seconds=seconds)
        due = [timer.due for timer in self._timers if not timer.cancelled and timer.due <= end]
        return max((min(due) - self._now).total_seconds(), 0.0) if due else None
