"""Messages that wait for a moderator: kept over restarts, bounded in number and in time."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta

import msgspec

from tornado_chat.alarm import Alarm
from tornado_chat.clock import Clock
from tornado_chat.errors import StoreUnavailable
from tornado_chat.models import HeldMessage, User
from tornado_chat.store import SERVER, Kept, Store

log = logging.getLogger(__name__)

PREFIX = "held/"
LAST_ID = "held_last_id"
MAX_HELD = 200  # as many as a moderator looks through
MOST_OF_ONE = 20  # of one sender, or one alone fills the queue, and nobody else's message can wait
MOST_HELD = 1000  # that an operator may allow; `auth` answers them all to staff
HELD_HOURS = 24


class Holding:
    """The messages of one app that wait: `most` at a time, for `hours` each.

    `expired` is awaited, once, with each that has waited too long.
    """

    def __init__(
        self,
        app_id: int,
        store: Store,
        clock: Clock,
        expired: Callable[[HeldMessage], Awaitable[None]],
        *,
        most: int = MAX_HELD,
        hours: float = HELD_HOURS,
    ) -> None:
        self._app_id = app_id
        self._store = store
        self._clock = clock
        self._expired = expired
        self._most = most
        self._lifetime = timedelta(hours=hours)
        self._last_id = 0
        self._held: dict[int, HeldMessage] = {}
        self._alarm = Alarm(clock, self._due, self._end_due)

    async def load(self) -> None:
        """Read what waits. Raises StoreUnavailable."""
        last = await self._store.plugin_get(self._app_id, SERVER, LAST_ID)
        rows = await self._store.plugin_items(self._app_id, SERVER, PREFIX, 2 * MOST_HELD)
        held = [msgspec.json.decode(row.value, type=HeldMessage) for row in rows]
        self._held = {entry.id: entry for entry in sorted(held, key=lambda entry: entry.id)}
        self._last_id = max([int(last.value) if last else 0, *self._held])
        self._alarm.set()

    @property
    def waiting(self) -> list[HeldMessage]:
        """What waits, oldest first."""
        now = self._clock.now()
        return [held for held in self._held.values() if held.expires_at > now]

    def is_full_of(self, user: User) -> bool:
        """Tell whether so many messages of one sender wait that one more shouldn't."""
        return sum(held.user.key == user.key for held in self.waiting) >= MOST_OF_ONE

    async def add(
        self, user: User, text: str, plugin: str, reason: str, cid: str = "", *, me: bool = False
    ) -> HeldMessage:
        """Keep a message. Raises StoreUnavailable where it couldn't be, or too many wait."""
        if len(self.waiting) >= self._most:
            raise StoreUnavailable(f"{self._most} messages of app {self._app_id} wait for a moderator already")
        self._last_id += 1
        now = self._clock.now()
        held = HeldMessage(self._last_id, now, now + self._lifetime, user, text, plugin, reason, cid, me)
        self._held[held.id] = held  # before it is stored, so that many at once don't pass the bound
        try:
            await self._keep(LAST_ID, b"%d" % held.id)
            await self._keep(_key(held), msgspec.json.encode(held), held)
        except BaseException:
            self._held.pop(held.id, None)
            raise
        self._alarm.set()
        return held

    def get(self, held_id: int) -> HeldMessage | None:
        """Return a message that waits, expired or not; None where none of this number does."""
        return self._held.get(held_id)

    def take(self, held_id: int) -> HeldMessage | None:
        """Take a message out, so that nobody else can; None where none of this number waits."""
        held = self._held.get(held_id)
        if held is None or held.expires_at <= self._clock.now():
            return None
        return self._held.pop(held_id)

    def put_back(self, held: HeldMessage) -> None:
        """Undo `take`: what was to become of the message couldn't be done."""
        self._held[held.id] = held
        self._held = dict(sorted(self._held.items()))
        self._alarm.set()

    async def forget(self, held: HeldMessage) -> None:
        """Remove a message that was taken from the store. Raises StoreUnavailable."""
        await self._store.plugin_delete(self._app_id, SERVER, _key(held))

    async def close(self) -> None:
        """Stop the timer and finish what is under way."""
        await self._alarm.close()

    def _due(self) -> datetime | None:
        return min((held.expires_at for held in self._held.values()), default=None)

    async def _end_due(self) -> None:
        now = self._clock.now()
        for held in [held for held in self._held.values() if held.expires_at <= now]:
            if self._held.pop(held.id, None) is not None:
                await self._expired(held)

    async def _keep(self, key: str, value: bytes, held: HeldMessage | None = None) -> None:
        await self._store.plugin_put(self._app_id, SERVER, Kept(key, value, held.expires_at if held else None))


def _key(held: HeldMessage) -> str:
    return f"{PREFIX}{held.id:012d}"
