"""The time, as a value that tests can replace."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Protocol


class Timer(Protocol):
    """A callback that is due; cancelling it twice does no harm."""

    def cancel(self) -> None: ...


class Clock(Protocol):
    """Wall-clock time and timers."""

    def now(self) -> datetime:
        """Return the time in UTC, in whole milliseconds: MongoDB stores no finer one."""

    def monotonic(self) -> float:
        """Return seconds that only ever count up, from some point in time."""

    def call_later(self, seconds: float, callback: Callable[[], None]) -> Timer:
        """Call `callback` once, on the event loop, after `seconds`."""


class SystemClock:
    """The machine's clock and the running event loop's timers."""

    def now(self) -> datetime:
        return datetime.fromtimestamp(time.time_ns() // 1_000_000 / 1000, UTC)

    def monotonic(self) -> float:
        return time.monotonic()

    def call_later(self, seconds: float, callback: Callable[[], None]) -> Timer:
        return asyncio.get_running_loop().call_later(seconds, callback)
