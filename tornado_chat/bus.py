"""How an event of a room reaches the sockets: the port, and the direct call of a single process."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Protocol

from tornado_chat.events import Event

Deliver = Callable[[int, Event], Awaitable[None]]
Disconnect = Callable[[int, str], Awaitable[None]]
Wanted = Callable[[str | None, str], bool]
DisconnectWhere = Callable[[int, Wanted, str], Awaitable[None]]


class Bus(Protocol):
    """Takes events from the chats and brings them to every socket of the app, in the order they were published."""

    async def publish(self, app_id: int, event: Event) -> None: ...

    async def disconnect(self, app_id: int, uname: str) -> None:
        """Close every socket of a user in an app."""

    async def disconnect_where(self, app_id: int, wanted: Wanted, text: str) -> None:
        """Close the sockets of an app for which `wanted(uname or None for a guest, address)`, after showing a text."""


class DirectBus:
    """One process: publishing is calling what delivers."""

    def __init__(self) -> None:
        self._deliver: Deliver | None = None
        self._disconnect: Disconnect | None = None
        self._disconnect_where: DisconnectWhere | None = None

    def connect(
        self,
        deliver: Deliver,
        disconnect: Disconnect | None = None,
        disconnect_where: DisconnectWhere | None = None,
    ) -> None:
        """Name what brings an event to the sockets, and what closes them. What was published before goes to nobody."""
        self._deliver = deliver
        self._disconnect = disconnect
        self._disconnect_where = disconnect_where

    async def publish(self, app_id: int, event: Event) -> None:
        if self._deliver is not None:
            await self._deliver(app_id, event)

    async def disconnect(self, app_id: int, uname: str) -> None:
        if self._disconnect is not None:
            await self._disconnect(app_id, uname)

    async def disconnect_where(self, app_id: int, wanted: Wanted, text: str) -> None:
        if self._disconnect_where is not None:
            await self._disconnect_where(app_id, wanted, text)
