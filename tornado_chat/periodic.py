"""What a plugin does now and then, for as long as its app runs."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

from tornado_chat.clock import Clock, Timer
from tornado_chat.supervision import Part, PluginFailed

RUN_SECONDS = 60.0  # that one run may take
SHORTEST = 0.1  # seconds between two runs
LONGEST = 30 * 86_400.0


class Periodic:
    """Calls `run` every `seconds`, counted from the end of the run before; one run at a time."""

    def __init__(self, part: Part, seconds: float, run: Callable[[], Coroutine[Any, Any, Any]], clock: Clock) -> None:
        self._part = part
        self._seconds = seconds
        self._run = run
        self._clock = clock
        self._timer: Timer | None = None
        self._task: asyncio.Task[None] | None = None
        self._stopped = False

    def start(self) -> None:
        """Begin to count."""
        if not self._stopped:
            self._timer = self._clock.call_later(self._seconds, self._tick)

    def stop(self) -> None:
        """End it for good; a run that is under way is cancelled."""
        self._stopped = True
        if self._timer is not None:
            self._timer.cancel()
        if self._task is not None:
            self._task.cancel()

    def _tick(self) -> None:
        if not self._stopped:
            self._task = asyncio.get_running_loop().create_task(self._work(), name=str(self._part))

    async def _work(self) -> None:
        try:
            if not self._part.seconds_left:
                await self._part.call(self._run, timeout=RUN_SECONDS)
                self._part.succeeded()
        except PluginFailed as error:
            self._part.failed(error)
        finally:
            self._task = None
            self.start()


class Throttle(Periodic):
    """Calls `run` when it is asked to, then not for `seconds`; what is asked for meanwhile is one run after them."""

    def __init__(self, part: Part, seconds: float, run: Callable[[], Coroutine[Any, Any, Any]], clock: Clock) -> None:
        super().__init__(part, seconds, run, clock)
        self._asked = False

    def ask(self) -> None:
        """Have `run` called, now or soon."""
        self._asked = True
        if self._timer is None and self._task is None:
            self._tick()

    def _tick(self) -> None:
        self._timer = None
        if self._asked:
            self._asked = False
            super()._tick()
