"""How an event of a room reaches the sockets: the port, and the direct call of a single process."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Protocol

from tornado_chat.events import Event

Deliver = Callable[[int, Event], Awaitable[None]]


class Bus(Protocol):
    """Takes events from the chats and brings them to every socket of the app, in the order they were published."""

    async def publish(self, app_id: int, event: Event) -> None: ...


class DirectBus:
    """One process: publishing is calling what delivers."""

    def __init__(self) -> None:
        self._deliver: Deliver | None = None

    def connect(self, deliver: Deliver) -> None:
        """Name what brings an event to the sockets. Events published before this have nobody to go to."""
        self._deliver = deliver

    async def publish(self, app_id: int, event: Event) -> None:
        if self._deliver is not None:
            await self._deliver(app_id, event)
