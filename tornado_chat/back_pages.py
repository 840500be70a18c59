"""What was said before: the history of an app, page by page, further back than the room remembers."""

from __future__ import annotations

import asyncio
from typing import Any

from tornado_chat.app_part import AppPart, Ground
from tornado_chat.errors import StoreBusy
from tornado_chat.events import message_payload
from tornado_chat.models import Message, Role, User
from tornado_chat.patience import in_time
from tornado_chat.quota import Quota

MOST = 100  # messages of a page
USUAL = 50
AT_ONCE = 2  # look-ups in the database, so that who scrolls leaves room for who writes
WAITING = 32  # look-ups that are under way or wait for their turn


class BackPages(AppPart):
    """The pages of one app. Those who want the same page at the same time share one look-up."""

    def __init__(self, ground: Ground) -> None:
        super().__init__(ground)
        self.lookups = Quota(WAITING)
        self._turns = asyncio.Semaphore(AT_ONCE)
        # Less than the database has, or a search that is slow would count as a database that is away.
        self._patience = ground.timeout / 2
        self._flights: dict[tuple[int, int, str | None], asyncio.Task[list[Message]]] = {}

    async def answer(self, viewer: User | None, before: int, limit: int) -> dict[str, Any]:
        """Return a page as clients are shown it: {messages, more}. Raises StoreUnavailable."""
        messages, more = await self.before(viewer, before, limit)
        staff = viewer is not None and viewer.role is not Role.MEMBER
        return {"messages": [message_payload(message, staff=staff) for message in messages], "more": more}

    async def before(self, viewer: User | None, before: int, limit: int) -> tuple[list[Message], bool]:
        """Return the last `limit` (1 to 100) messages before the one with the id `before`, and whether there are more.

        Oldest first, as `viewer` (None: a guest) may see them. Raises StoreUnavailable, also where too many ask.
        """
        room = self._room
        found = [message for message in room.history if message.id < before and _is_for(viewer, message)]
        if len(found) > limit or not room.floor:
            return found[-limit:], len(found) > limit
        wanted, oldest = limit - len(found), min(before, room.begins)
        # What is deleted meanwhile is told to all, and must not come back.
        with room.deletions() as gone:
            older = await self._older(oldest, wanted + 1, None)
            if not all(_is_for(viewer, message) for message in older):
                older = await self._older(oldest, wanted + 1, "" if viewer is None else viewer.uname)
            page = [*older[max(len(older) - wanted, 0) :], *found]
            return [message for message in page if message.id not in gone], len(older) > wanted

    async def close(self) -> None:
        """Give up what is under way."""
        for flight in (flights := list(self._flights.values())):
            flight.cancel()
        await asyncio.gather(*flights, return_exceptions=True)

    async def _older(self, before: int, limit: int, viewer: str | None) -> list[Message]:
        key = (before, limit, viewer)
        flight = self._flights.get(key)
        if flight is None:
            if not self.lookups.take():
                raise StoreBusy("so many read old messages that one more has to wait")
            self._flights[key] = flight = asyncio.get_running_loop().create_task(self._look_up(*key))
            flight.add_done_callback(lambda flight: self._landed(key, flight))
        return await asyncio.shield(flight)

    async def _look_up(self, before: int, limit: int, viewer: str | None) -> list[Message]:
        # Who joins this flight later must not be shown either what is deleted from now on.
        with self._room.deletions():
            try:
                return await in_time(self._in_turn(before, limit, viewer), self._patience)
            except TimeoutError:
                raise StoreBusy(f"old messages were not found within {self._patience:g} s") from None

    async def _in_turn(self, before: int, limit: int, viewer: str | None) -> list[Message]:
        async with self._turns:
            return await self._store.before(self._app_id, before, limit, viewer)

    def _landed(self, key: tuple[int, int, str | None], flight: asyncio.Task[list[Message]]) -> None:
        del self._flights[key]
        self.lookups.give()
        if not flight.cancelled():
            flight.exception()  # or asyncio prints a failure that nobody waits for any more


def _is_for(viewer: User | None, message: Message) -> bool:
    if not message.shadow:
        return True
    return viewer is not None and (viewer.role is not Role.MEMBER or viewer.uname == message.user.uname)
