"""When a session must be heard of, when it is pinged, and until when it must be established."""

from __future__ import annotations

from enum import Enum

from tornado_chat.engine.reasons import CloseReason


class Due(Enum):
    """What else than the session's end can be due."""

    PING = "ping"


class Deadlines:
    """The deadlines of one session. All times are of the event loop's clock, in seconds.

    Revision 4: the server pings, and the client must answer within `timeout`. Revision 3: the client pings, and must
    within `interval` and `timeout`. Whatever else comes is a sign of life as well.
    """

    __slots__ = ("_handshake_by", "_heard_by", "_interval", "_ping_at", "_timeout")

    def __init__(self, interval: float, timeout: float) -> None:
        self._interval = interval
        self._timeout = timeout
        self._handshake_by: float | None = None
        self._heard_by: float | None = None
        self._ping_at: float | None = None  # None in revision 3

    def start(self, now: float, ping_at: float | None) -> None:
        """Begin; `ping_at` is None where the client pings."""
        self._ping_at = ping_at
        self.heard(now)

    def establish_by(self, when: float | None) -> None:
        """Close the session at `when`, unless this is called again before."""
        self._handshake_by = when

    @property
    def established(self) -> bool:
        """Whether the session may stay."""
        return self._handshake_by is None

    def heard(self, now: float) -> None:
        """Take note of a sign of life."""
        self._heard_by = now + self._interval + self._timeout if self._ping_at is None else None

    def pinged(self, now: float, ping_at: float) -> None:
        """Take note that a ping was sent; `ping_at` is when the next one is."""
        self._heard_by = now + self._timeout
        self._ping_at = ping_at

    def due(self, now: float) -> CloseReason | Due | None:
        """Return what is due."""
        if self._handshake_by is not None and now >= self._handshake_by:
            return CloseReason.HANDSHAKE_TIMEOUT
        if self._heard_by is not None:
            return CloseReason.PING_TIMEOUT if now >= self._heard_by else None
        return Due.PING if self._ping_at is not None and now >= self._ping_at else None

    def next(self, now: float) -> float:
        """Return when something can be due next."""
        deadlines = [self._handshake_by, self._heard_by]
        if self._ping_at is not None and (self._heard_by is None or self._ping_at > now):
            deadlines.append(self._ping_at)
        return min(deadline for deadline in deadlines if deadline is not None)
