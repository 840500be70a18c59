"""A clock that stands still an hour from now: MongoDB deletes by itself what has run out by its own clock.

In an hour the tests are done; what a test stores for seven minutes must not be gone because the session is eight old.
"""

from __future__ import annotations

from datetime import timedelta

from tornado_chat import manual_clock
from tornado_chat.clock import SystemClock

START = SystemClock().now() + timedelta(hours=1)


class ManualClock(manual_clock.ManualClock):
    def __init__(self) -> None:
        super().__init__(START)
