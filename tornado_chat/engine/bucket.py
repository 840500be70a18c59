"""A token bucket: how often something may happen."""

from __future__ import annotations


class TokenBucket:
    """Holds at most `burst` tokens, and gets `rate` of them a second. Times are in seconds, of any steady clock."""

    __slots__ = ("_at", "_tokens", "burst", "rate")

    def __init__(self, rate: float, burst: float, now: float) -> None:
        self.rate = rate
        self.burst = burst
        self._tokens = float(burst)
        self._at = now

    def spend(self, now: float) -> float:
        """Take a token, and return how many are left. Less than 0: debt, which is never more than `burst`."""
        tokens = self._tokens + (now - self._at) * self.rate
        self._at = now
        self._tokens = max(min(tokens, self.burst) - 1, -self.burst)
        return self._tokens
