"""One timer for many deadlines."""

from __future__ import annotations

import asyncio
import logging
from typing import Protocol

log = logging.getLogger(__name__)

SLOTS = 512


class Timed(Protocol):
    """What has a deadline. `slot` belongs to the wheel."""

    slot: set[Timed] | None

    def tick(self, now: float) -> float | None:
        """Do what is due at `now` (event-loop time), and return when to be called next, or None for never."""


class TimerWheel:
    """Calls `tick` of each that is scheduled within one `resolution` (seconds) after its time.

    Adding and removing are O(1), and nothing runs while nothing is scheduled. A deadline further away than the wheel
    goes around is met by looking at it once a round.
    """

    def __init__(self, resolution: float) -> None:
        self._resolution = resolution
        self._slots: list[set[Timed]] = [set() for _ in range(SLOTS)]
        self._count = 0
        self._turn = 0  # the next slot to be looked at, counted from the loop's time 0
        self._timer: asyncio.TimerHandle | None = None

    def __len__(self) -> int:
        return self._count

    def schedule(self, timed: Timed, when: float) -> None:
        """Have `timed` called at the event-loop time `when`, instead of any time before."""
        self.cancel(timed)
        loop = asyncio.get_running_loop()
        if self._timer is None:
            self._turn = int(loop.time() / self._resolution)
            self._arm(loop)
        turn = int(when / self._resolution) + 1
        turn = min(max(turn, self._turn), self._turn + SLOTS - 1)
        slot = self._slots[turn % SLOTS]
        slot.add(timed)
        timed.slot = slot
        self._count += 1

    def cancel(self, timed: Timed) -> None:
        """Forget `timed`."""
        if timed.slot is not None:
            timed.slot.discard(timed)
            timed.slot = None
            self._count -= 1

    def close(self) -> None:
        """Stop the timer."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _arm(self, loop: asyncio.AbstractEventLoop) -> None:
        self._timer = loop.call_at((self._turn + 1) * self._resolution, self._advance)

    def _advance(self) -> None:
        loop = asyncio.get_running_loop()
        now = loop.time()
        self._timer = None
        last = int(now / self._resolution)
        due: list[Timed] = []
        for turn in range(self._turn, min(last, self._turn + SLOTS - 1) + 1):
            due += self._slots[turn % SLOTS]
        self._turn = last + 1
        for timed in due:
            self.cancel(timed)
            try:
                when = timed.tick(now)
            except Exception:
                log.exception("a timer failed")
                continue
            if when is not None:
                self.schedule(timed, when)
        if self._count and self._timer is None:
            self._arm(loop)
