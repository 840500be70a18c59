"""What was said before: the history of an app, page by page, further back than the room remembers."""

from __future__ import annotations

import asyncio
from typing import Any

from tornado_chat.app_part import AppPart, Ground
from tornado_chat.errors import StoreUnavailable
from tornado_chat.events import message_payload
from tornado_chat.models import Message, Role, User
from tornado_chat.quota import Quota

MOST = 100  # messages of a page
USUAL = 50
AT_ONCE = 8  # look-ups in the database, so that who scrolls leaves room for who writes


class BackPages(AppPart):
    """The pages of one app. Those who want the same page at the same time share one look-up."""

    def __init__(self, ground: Ground) -> None:
        super().__init__(ground)
        self.lookups = Quota(AT_ONCE)
        self._flights: dict[tuple[int, int], asyncio.Task[list[Message]]] = {}

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
        wanted = limit - len(found)
        older = await self._older(min(before, room.floor + 1), wanted + 1)
        more = len(older) > wanted
        # What was deleted meanwhile was told to all, and must not come back.
        gone = room.deleted
        shown = [message for message in older[-wanted:] if message.id not in gone] if wanted else []
        known = [message for message in found if message.id not in gone]
        return [message for message in shown if _is_for(viewer, message)] + known, more

    async def _older(self, before: int, limit: int) -> list[Message]:
        flight = self._flights.get((before, limit))
        if flight is None:
            if not self.lookups.take():
                raise StoreUnavailable("so many read old messages that one more has to wait")
            flight = asyncio.get_running_loop().create_task(self._store.before(self._app_id, before, limit))
            self._flights[before, limit] = flight
            flight.add_done_callback(lambda _: self._landed(before, limit))
        return await asyncio.shield(flight)

    def _landed(self, before: int, limit: int) -> None:
        del self._flights[before, limit]
        self.lookups.give()


def _is_for(viewer: User | None, message: Message) -> bool:
    if not message.shadow:
        return True
    return viewer is not None and (viewer.role is not Role.MEMBER or viewer.uname == message.user.uname)
