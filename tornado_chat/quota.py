"""How much of something there may be at a time; whoever asks for more is told, and counted."""

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
