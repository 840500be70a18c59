"""Messages that wait for a moderator: kept over restarts, bounded in number and in time."""

from __future__ import annotations

import logging
from datetime import timedelta

import msgspec

from tornado_chat.clock import Clock
from tornado_chat.errors import StoreUnavailable
from tornado_chat.models import HeldMessage, User
from tornado_chat.store import Kept, Store

log = logging.getLogger(__name__)

SERVER = ""  # no plugin has this name, so what the server keeps can't be met by one
PREFIX = "held/"
LAST_ID = "held_last_id"
MAX_HELD = 200  # as many as a moderator looks through
LIFETIME = timedelta(days=1)


class Holding:
    """The messages of one app that wait."""

    def __init__(self, app_id: int, store: Store, clock: Clock) -> None:
        self._app_id = app_id
        self._store = store
        self._clock = clock
        self._last_id = 0
        self._held: dict[int, HeldMessage] = {}

    async def load(self) -> None:
        """Read what waits. Raises StoreUnavailable."""
        last = await self._store.plugin_get(self._app_id, SERVER, LAST_ID)
        rows = await self._store.plugin_items(self._app_id, SERVER, PREFIX, 2 * MAX_HELD)
        held = [msgspec.json.decode(row.value, type=HeldMessage) for row in rows]
        self._held = {entry.id: entry for entry in sorted(held, key=lambda entry: entry.id)}
        self._last_id = max([int(last.value) if last else 0, *self._held])

    @property
    def waiting(self) -> list[HeldMessage]:
        """What waits, oldest first."""
        self._forget_old()
        return list(self._held.values())

    async def add(
        self, user: User, text: str, plugin: str, reason: str, cid: str = "", *, me: bool = False
    ) -> HeldMessage:
        """Keep a message. Raises StoreUnavailable where it couldn't be, or too many wait."""
        self._forget_old()
        if len(self._held) >= MAX_HELD:
            raise StoreUnavailable(f"{MAX_HELD} messages of app {self._app_id} wait for a moderator already")
        self._last_id += 1
        now = self._clock.now()
        held = HeldMessage(self._last_id, now, now + LIFETIME, user, text, plugin, reason, cid, me)
        self._held[held.id] = held  # before it is stored, so that many at once don't pass the bound
        try:
            await self._keep(LAST_ID, b"%d" % held.id)
            await self._keep(_key(held), msgspec.json.encode(held), held)
        except BaseException:
            self._held.pop(held.id, None)
            raise
        return held

    def take(self, held_id: int) -> HeldMessage | None:
        """Take a message out, so that nobody else can; None where none of this number waits."""
        self._forget_old()
        return self._held.pop(held_id, None)

    def put_back(self, held: HeldMessage) -> None:
        """Undo `take`: what was to become of the message couldn't be done."""
        self._held[held.id] = held
        self._held = dict(sorted(self._held.items()))

    async def forget(self, held: HeldMessage) -> None:
        """Remove a message that was taken from the store. Raises StoreUnavailable."""
        await self._store.plugin_delete(self._app_id, SERVER, _key(held))

    async def _keep(self, key: str, value: bytes, held: HeldMessage | None = None) -> None:
        await self._store.plugin_put(self._app_id, SERVER, Kept(key, value, held.expires_at if held else None))

    def _forget_old(self) -> None:
        now = self._clock.now()
        for held_id in [held.id for held in self._held.values() if held.expires_at <= now]:
            del self._held[held_id]


def _key(held: HeldMessage) -> str:
    return f"{PREFIX}{held.id:012d}"
