"""A clock that stands still at the present: MongoDB deletes by itself what has run out by its own clock."""

from __future__ import annotations

from tornado_chat import manual_clock
from tornado_chat.clock import SystemClock

START = SystemClock().now()


class ManualClock(manual_clock.ManualClock):
    def __init__(self) -> None:
        super().__init__(START)
