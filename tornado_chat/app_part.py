"""What the parts of one app have in common, such as mutes, bans, modes and what is said."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from tornado_chat.audit import Audit
from tornado_chat.bus import Bus
from tornado_chat.clock import Clock
from tornado_chat.happenings import Happening
from tornado_chat.room import Room
from tornado_chat.store import Store


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """What all parts of an app work with.

    `timeout` is how many seconds whoever acts waits for the database at most; `happened` is told what was done.
    """

    app_id: int
    room: Room
    store: Store
    bus: Bus
    clock: Clock
    audit: Audit
    timeout: float
    happened: Callable[[Happening], None]


class AppPart:
    """One part of an app, with the ground that it shares with the others."""

    def __init__(self, ground: Ground) -> None:
        self._app_id = ground.app_id
        self._room = ground.room
        self._store = ground.store
        self._bus = ground.bus
        self._clock = ground.clock
        self._audit = ground.audit
        self._happened = ground.happened
