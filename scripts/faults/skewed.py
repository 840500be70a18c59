"""tornado-chat with a clock that jumps an hour ahead, and back, each time it gets SIGUSR1."""

from __future__ import annotations

import signal
import sys
from datetime import datetime, timedelta

from tornado_chat import server
from tornado_chat.cli import main
from tornado_chat.clock import SystemClock

JUMP = timedelta(hours=1)


class SkewedClock(SystemClock):
    """The machine's clock, set wrong now and then."""

    ahead = False

    def now(self) -> datetime:
        return super().now() + (JUMP if SkewedClock.ahead else -JUMP)


def _jump(*_: object) -> None:
    SkewedClock.ahead = not SkewedClock.ahead


if __name__ == "__main__":
    server.SystemClock = SkewedClock  # type: ignore[misc]
    signal.signal(signal.SIGUSR1, _jump)
    sys.exit(main())
