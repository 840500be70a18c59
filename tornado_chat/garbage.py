"""When Python looks through everything for garbage: seldom, and not while newcomers wait."""

from __future__ import annotations

import asyncio
import gc
import time
from collections.abc import Callable

EVERY = 1.0  # seconds between two looks whether it is time
YOUNG = (700, 10)  # as Python has it: what is new is looked through often, in a millisecond
NEVER = 1_000_000_000
ROUNDS = 10  # looks at what is new before one at everything is worth it; as Python has it
PAUSES = 100  # times what the last one took, until the next one: a hundredth of the time is spent so
LONGEST = 30.0  # seconds that newcomers may put it off


class Collector:
    """Does the full collections of this process between `start` and `stop`, which are called in the loop's thread.

    One stops everything for 0.1 to 0.4 s where there are 5,000 clients. Python itself does one whenever it has a
    quarter more objects than after the last: a dozen while those 5,000 come, two fifths of the time that took.
    `busy()` tells whether newcomers wait.
    """

    def __init__(self, busy: Callable[[], bool], clock: Callable[[], float] = time.monotonic) -> None:
        self._busy = busy
        self._clock = clock
        self._before = gc.get_threshold()
        self._not_before = 0.0
        self._timer: asyncio.TimerHandle | None = None

    def start(self) -> None:
        """Begin. What there is by now is taken to stay, and isn't looked through again."""
        gc.collect()
        gc.freeze()
        gc.set_threshold(*YOUNG, NEVER)
        self._not_before = self._clock()
        self._look()

    def stop(self) -> None:
        """Leave it to Python again."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
            gc.set_threshold(*self._before)
            gc.unfreeze()

    def _look(self) -> None:
        self._timer = asyncio.get_running_loop().call_later(EVERY, self._look)
        now = self._clock()
        if gc.get_count()[2] < ROUNDS or now < self._not_before + (LONGEST if self._busy() else 0.0):
            return
        gc.collect()
        done = self._clock()
        self._not_before = done + PAUSES * (done - now)
