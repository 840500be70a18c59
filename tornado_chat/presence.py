"""Who is told of whom: one by one in a room that can be overlooked, by their number in a big one."""

from __future__ import annotations

import asyncio

from tornado_chat.bus import Bus
from tornado_chat.clock import Clock, Timer
from tornado_chat.events import user_count, user_joined, user_left, users
from tornado_chat.models import Role, User
from tornado_chat.room import Room

COUNT_EVERY = 5.0  # seconds; what people make of the number of users doesn't need it sooner


class Presence:
    """Tells a room who comes and goes.

    In a big room (Room.big) only staff are told of one by one. Of the others the number is told, when the room becomes
    big and then at most every COUNT_EVERY seconds; when it is small again, everybody is told once who is here.
    """

    def __init__(self, app_id: int, room: Room, bus: Bus, clock: Clock) -> None:
        self._app_id = app_id
        self._room = room
        self._bus = bus
        self._clock = clock
        self._told = 0  # the number told last
        self._timer: Timer | None = None
        self._telling: asyncio.Task[None] | None = None
        self._closed = False

    async def came(self, user: User, was_big: bool) -> None:
        """Tell the room of a user who wasn't here. `was_big` is the room before them."""
        if not self._room.big or user.role is not Role.MEMBER:
            await self._bus.publish(self._app_id, user_joined(user))
        if self._room.big:
            await self._count(at_once=not was_big)

    async def left(self, user: User, was_big: bool) -> None:
        """Tell the room of a user who isn't here any more. `was_big` is the room with them."""
        if was_big and not self._room.big:
            await self._bus.publish(self._app_id, users(self._room.users))
            return
        if not self._room.big or user.role is not Role.MEMBER:
            await self._bus.publish(self._app_id, user_left(user))
        if self._room.big:
            await self._count(at_once=False)

    async def close(self) -> None:
        """Tell nothing more."""
        self._closed = True
        if self._timer is not None:
            self._timer.cancel()
        if self._telling is not None:
            await asyncio.shield(self._telling)

    async def _count(self, *, at_once: bool) -> None:
        if at_once:
            await self._tell()
        elif self._timer is None and not self._closed:
            self._timer = self._clock.call_later(COUNT_EVERY, self._tick)

    def _tick(self) -> None:
        self._timer = None
        if self._room.big and self._room.count != self._told:
            self._telling = asyncio.get_running_loop().create_task(self._tell())

    async def _tell(self) -> None:
        self._told = self._room.count
        await self._bus.publish(self._app_id, user_count(self._told))
