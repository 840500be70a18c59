"""How fast newcomers are let in: a few in each tick of the event loop, so that those who are in come first."""

from __future__ import annotations

import asyncio
from collections import deque

TICK = 0.003  # seconds that a tick should take at most while newcomers wait
LEAST = 4  # turns in each tick, whatever it takes: a newcomer needs about four, and so one gets in
RATE = 1000  # turns a second, however long the ticks are: newcomers don't starve beside a busy room
MOST = 40  # turns that a long tick brings


class Pace:
    """Shares out turns, in the order they were asked for. A turn is one piece of work for one who isn't in yet.

    While nobody waits there is no limit that a lone newcomer could meet. While some do, each tick has as many turns as
    keep it short: one more after a tick that took less than `tick` seconds, half as many after one that took longer.
    """

    def __init__(self, tick: float = TICK, rate: float = RATE) -> None:
        self._tick = tick
        self._rate = rate
        self._share = LEAST  # turns that a tick has
        self._left = LEAST  # of this tick's
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._taken = False  # whether any was taken in this tick
        self._refused = False  # whether somebody got none in this tick
        self._begun = 0.0  # when this tick began, in event-loop time
        self._handle: asyncio.Handle | None = None  # None while nobody comes
        self._open = False

    @property
    def crowded(self) -> bool:
        """Whether somebody had to wait in this tick, or in the one before."""
        return self._refused or bool(self._waiting)

    def take(self) -> bool:
        """Take a turn in this tick; False where it has none left, or others wait for theirs."""
        if self._open:
            return True
        if self._handle is None:
            loop = asyncio.get_running_loop()
            self._begun = loop.time()
            self._left = self._share
            self._handle = loop.call_soon(self._next)
        if self._left <= 0 or self._waiting:
            self._refused = True
            return False
        self._left -= 1
        self._taken = True
        return True

    async def turn(self) -> None:
        """Wait for one's turn. Whoever is cancelled meanwhile takes none."""
        if not self.take():
            turn = asyncio.get_running_loop().create_future()
            self._waiting.append(turn)
            await turn

    def open(self) -> None:
        """Let everybody in from now on: the end is near, and nobody is to wait for it."""
        self._open = True
        self._release(len(self._waiting))

    def _next(self) -> None:
        """Begin the next tick."""
        loop = asyncio.get_running_loop()
        now = loop.time()
        took, self._begun = now - self._begun, now
        if self._refused:
            self._share = self._share + 1 if took < self._tick else max(self._share // 2, LEAST)
        self._handle = loop.call_soon(self._next) if self._taken or self._refused else None
        self._left = max(self._share, min(int(took * self._rate), MOST))
        self._taken = False
        self._release(self._left)
        self._refused = bool(self._waiting)

    def _release(self, count: int) -> None:
        while self._waiting and count > 0:
            turn = self._waiting.popleft()
            if not turn.done():
                turn.set_result(None)
                self._taken = True
                self._left -= 1
                count -= 1
