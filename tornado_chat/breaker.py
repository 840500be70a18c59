"""Spares a service that fails, and those who would wait for it: until it answers again, it is asked seldom."""

from __future__ import annotations

from collections.abc import Callable

FAILURES = 5  # in a row; one odd answer is no outage
FIRST_PAUSE = 1.0  # seconds; doubles up to LAST_PAUSE
LAST_PAUSE = 8.0


class Breaker:
    """Opens after FAILURES in a row. While it is open, one question is let through after each pause.

    `monotonic` gives seconds of a steady clock.
    """

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._failures = 0
        self._pause = FIRST_PAUSE
        self._next = 0.0
        self.refused = 0

    @property
    def open(self) -> bool:
        """Whether the service is known to fail."""
        return self._failures >= FAILURES

    def allows(self) -> bool:
        """Tell whether a question may be asked now; whoever is told True asks it, and says how it went."""
        if not self.open:
            return True
        now = self._monotonic()
        if now < self._next:
            self.refused += 1
            return False
        self._next = now + self._pause
        return True

    def succeeded(self) -> None:
        """Take note of an answer."""
        self._failures = 0
        self._pause = FIRST_PAUSE

    def failed(self) -> None:
        """Take note that there was none."""
        self._failures += 1
        if self.open:
            self._next = self._monotonic() + self._pause
            self._pause = min(self._pause * 2, LAST_PAUSE)
