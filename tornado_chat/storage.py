"""What a plugin keeps over restarts, apart for each app: small JSON values under keys, some with an expiry."""

from __future__ import annotations

import hashlib
from datetime import timedelta
from typing import Any

import msgspec

from tornado_chat.clock import Clock
from tornado_chat.errors import PluginLimit
from tornado_chat.models import fold
from tornado_chat.store import Kept, Store
from tornado_chat.text import is_unicode

MAX_KEY = 200  # code points
MAX_VALUE = 64 * 1024  # bytes of JSON
MAX_KEYS = 10_000
MAX_ITEMS = 1000
LONGEST = 10 * 366 * 86_400.0  # seconds


class PluginStorage:
    """Every method raises StoreUnavailable where the database doesn't answer in time, ValueError for a bad key."""

    def __init__(self, app_id: int, plugin: str, store: Store, clock: Clock) -> None:
        self._app_id = app_id
        self._plugin = plugin
        self._store = store
        self._clock = clock
        self._count: int | None = None  # of keys; at least as many as there are

    async def get(self, key: str, default: Any = None) -> Any:
        """Return the value of a key, or `default` where there is none, or it has expired."""
        kept = await self._store.plugin_get(self._app_id, self._plugin, _checked(key))
        return default if kept is None or self._is_over(kept) else msgspec.json.decode(kept.value)

    async def put(self, key: str, value: Any, expires_in: float | None = None) -> None:
        """Keep a value (what JSON can hold, up to 64 KB) under a key, for `expires_in` seconds or for ever.

        Raises PluginLimit where the plugin has 10,000 keys in this app; ValueError or TypeError for what isn't JSON.
        """
        if expires_in is not None and not 0 < expires_in <= LONGEST:
            raise ValueError(f"expires_in must be more than 0 and at most {LONGEST:.0f} seconds")
        encoded = msgspec.json.encode(value)
        if len(encoded) > MAX_VALUE:
            raise ValueError(f"the value of {key!r} has {len(encoded)} bytes as JSON; {MAX_VALUE} are allowed")
        _checked(key)
        if self._count is None or self._count >= MAX_KEYS:
            self._count = await self._store.plugin_count(self._app_id, self._plugin)
        if self._count >= MAX_KEYS:
            raise PluginLimit(f"plugin {self._plugin} keeps {MAX_KEYS} keys in app {self._app_id} already")
        at = None if expires_in is None else self._clock.now() + timedelta(seconds=expires_in)
        if await self._store.plugin_put(self._app_id, self._plugin, Kept(key, encoded, at)):
            self._count += 1

    async def delete(self, key: str) -> None:
        """Remove a key, where it is there."""
        if await self._store.plugin_delete(self._app_id, self._plugin, _checked(key)) and self._count:
            self._count -= 1

    async def items(self, prefix: str = "", limit: int = 100) -> list[tuple[str, Any]]:
        """Return (key, value) of the first `limit` (1 to 1000) keys that begin with `prefix`, in order of the keys."""
        if not 1 <= limit <= MAX_ITEMS:
            raise ValueError(f"limit must be 1 to {MAX_ITEMS}")
        found = await self._store.plugin_items(self._app_id, self._plugin, _checked(prefix, 0), limit)
        return [(kept.key, msgspec.json.decode(kept.value)) for kept in found if not self._is_over(kept)]

    def _is_over(self, kept: Kept) -> bool:
        return kept.expires_at is not None and kept.expires_at <= self._clock.now()


def _checked(key: str, least: int = 1) -> str:
    if not isinstance(key, str) or not least <= len(key) <= MAX_KEY or not is_unicode(key) or "\0" in key:
        raise ValueError(f"a key must be text of {least} to {MAX_KEY} characters, without NUL")
    return key


def name_key(uname: str) -> str:
    """Return a key for what is kept of a name, in any case: 64 characters, where a folded name may be too long."""
    return hashlib.sha256(fold(uname).encode()).hexdigest()
