"""How much of something there may be at a time, or a second; whoever asks for more is told, and counted."""

from __future__ import annotations


class Quota:
    """At most `limit` (1 or more) at a time. `refused` counts those who asked for one more."""

    __slots__ = ("limit", "refused", "used")

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.used = 0
        self.refused = 0

    def take(self) -> bool:
        """Take one; False, and nothing is taken, where there is none left."""
        if self.used >= self.limit:
            self.refused += 1
            return False
        self.used += 1
        return True

    def give(self) -> None:
        """Give one back."""
        self.used -= 1


class Allowance:
    """At most `burst` at once, and `rate` a second on and on. What is refused costs nothing."""

    __slots__ = ("_at", "_burst", "_left", "_rate")

    def __init__(self, burst: float, rate: float, now: float) -> None:
        self._burst = burst
        self._rate = rate
        self._left = burst
        self._at = now

    def take(self, now: float) -> bool:
        """Take one at `now`, in seconds of a steady clock; False where there is none left."""
        self._left = min(self._left + (now - self._at) * self._rate, self._burst)
        self._at = now
        if self._left < 1:
            return False
        self._left -= 1
        return True
