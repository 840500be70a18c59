"""Listeners: what a plugin registers to be told after the fact, and how they are told."""

from __future__ import annotations

import asyncio
import inspect
import logging
from collections import deque
from collections.abc import Callable, Coroutine, Iterable
from dataclasses import dataclass
from typing import Any

from tornado_chat.happenings import HAPPENINGS, Happening, Posted
from tornado_chat.supervision import Part, PluginFailed

log = logging.getLogger(__name__)

MAX_WAITING = 1000  # happenings that one listener may be behind
LISTEN_SECONDS = 60.0  # that a listener may take for one
CLOSE_SECONDS = 2.0  # that listeners have for what they were told before their app ends


@dataclass(frozen=True, slots=True)
class Listener:
    """Is told of every happening of one kind, such as Posted, in order, one after another.

    `run` takes the happening. What it returns means nothing; nobody waits for it.
    """

    kind: type[Happening]
    run: Callable[[Any], Coroutine[Any, Any, Any]]

    def __post_init__(self) -> None:
        if self.kind not in HAPPENINGS:
            kinds = ", ".join(kind.__name__ for kind in HAPPENINGS)
            raise ValueError(f"`kind` of a Listener must be one of: {kinds}")
        if not inspect.iscoroutinefunction(self.run):
            raise ValueError("`run` of a Listener must be an `async def`")


@dataclass(frozen=True, slots=True)
class InstalledListener:
    """A listener of one app, and the part of a plugin that it is."""

    part: Part
    listener: Listener


class _Ear:
    """One listener and what it wasn't told yet."""

    def __init__(self, installed: InstalledListener) -> None:
        self._part = installed.part
        self._run = installed.listener.run
        self._waiting: deque[Happening] = deque()
        self._told: asyncio.Future[None] | None = None
        self.dropped = 0
        self.task: asyncio.Task[None] | None = None

    def tell(self, happening: Happening) -> None:
        if isinstance(happening, Posted) and happening.message.plugin == self._part.plugin:
            return  # or a plugin that answers would answer itself
        if len(self._waiting) >= MAX_WAITING or self._part.seconds_left:
            if not self.dropped:
                log.warning(
                    "app %d: %s is behind or suspended; it misses what happens",
                    self._part.supervisor.app_id,
                    self._part,
                )
            self.dropped += 1
            return
        self._waiting.append(happening)
        if self.task is None:
            self.task = asyncio.get_running_loop().create_task(self._work(), name=str(self._part))

    async def _work(self) -> None:
        try:
            while self._waiting:
                try:
                    await self._part.call(self._run, self._waiting.popleft(), timeout=LISTEN_SECONDS)
                except PluginFailed as error:
                    self._part.failed(error)
                else:
                    self._part.succeeded()
                # One that never waits must not keep the loop for a thousand happenings.
                await asyncio.sleep(0)
        finally:
            self.task = None


class Audience:
    """The listeners of one app."""

    def __init__(self, listeners: Iterable[InstalledListener] = ()) -> None:
        self._ears: dict[type[Happening], list[_Ear]] = {}
        for installed in listeners:
            self._ears.setdefault(installed.listener.kind, []).append(_Ear(installed))

    @property
    def dropped(self) -> int:
        """How many happenings some listener was never told of."""
        return sum(ear.dropped for ears in self._ears.values() for ear in ears)

    def listens(self, kind: type[Happening]) -> bool:
        """Tell whether anybody listens to this kind."""
        return kind in self._ears

    def tell(self, happening: Happening) -> None:
        """Have every listener of this kind told; returns at once, never raises."""
        for ear in self._ears.get(type(happening), ()):
            ear.tell(happening)

    async def close(self) -> None:
        """Give listeners a moment for what they were told, then end them."""
        tasks = [ear.task for ears in self._ears.values() for ear in ears if ear.task is not None]
        if tasks:
            _, late = await asyncio.wait(tasks, timeout=CLOSE_SECONDS)
            for task in late:
                task.cancel()
