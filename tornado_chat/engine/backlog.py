"""How a peer gets on that reads more slowly than it is sent."""

from __future__ import annotations


class Backlog:
    """Bytes for one peer, from when the network first didn't take them until it has taken all. Times in seconds."""

    __slots__ = ("_given", "_since", "_taken")

    def __init__(self, unsent: int, now: float) -> None:
        self._given = unsent
        self._taken = 0  # of the bytes given
        self._since = now  # when it last took any

    def give(self, size: int) -> None:
        """Add bytes."""
        self._given += size

    def idle(self, unsent: int, now: float) -> float:
        """Return for how long the peer has taken nothing."""
        if self._given - unsent > self._taken:
            self._taken = self._given - unsent
            self._since = now
        return now - self._since
