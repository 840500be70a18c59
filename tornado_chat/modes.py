"""States of one app's room that moderators turn on, and that end by themselves: slow, lock, members and the like."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import msgspec

from tornado_chat.alarm import Alarm
from tornado_chat.app_part import AppPart, Ground
from tornado_chat.events import mode_changed
from tornado_chat.happenings import ModeChanged
from tornado_chat.models import Mode, User
from tornado_chat.settling import Settling
from tornado_chat.store import SERVER, Kept

PREFIX = "mode/"
MAX_MODES = 20
MAX_VALUE = 4096  # bytes of JSON
_NAME = re.compile(r"[a-z][a-z0-9_]{0,31}", re.ASCII)


class Modes(AppPart):
    """The modes of one app. They survive a restart; each is told of when it is turned on, changed or off."""

    def __init__(self, ground: Ground) -> None:
        super().__init__(ground)
        self._settling = Settling(f"the modes of app {ground.app_id}", ground.timeout)
        self._alarm = Alarm(ground.clock, self._due, self._end_due)

    async def load(self) -> None:
        """Read the modes that were on. Raises StoreUnavailable."""
        rows = await self._store.plugin_items(self._app_id, SERVER, PREFIX, 2 * MAX_MODES)
        for row in rows:
            self._room.set_mode(msgspec.json.decode(row.value, type=Mode))
        self._alarm.set()

    def get(self, name: str) -> Mode | None:
        """Return a mode that is on."""
        mode = self._room.mode(name)
        return mode if mode is not None and (mode.until is None or mode.until > self._clock.now()) else None

    @property
    def current(self) -> list[Mode]:
        """The modes that are on, in the order they were turned on."""
        return [mode for mode in self._room.modes if self.get(mode.name) is mode]

    async def turn_on(
        self, actor: User, name: str, value: Any, *, seconds: float | None, reason: str, plugin: str = ""
    ) -> Mode:
        """Turn a mode on for `seconds` (None: until it is turned off), or change it.

        Raises ValueError for a name that isn't a-z, 0-9, _, a value of more than 4 KB as JSON, too many modes;
        StoreUnavailable.
        """
        now = self._clock.now()
        until = None if seconds is None else now + timedelta(seconds=seconds)
        mode = Mode(name, value, now, until, actor.uname, reason)
        if not _NAME.fullmatch(name):
            raise ValueError(f"a mode's name must be a-z, 0-9 or _, not {name!r}")
        if len(msgspec.json.encode(value)) > MAX_VALUE:
            raise ValueError(f"the value of mode {name} has more than {MAX_VALUE} bytes as JSON")
        async with self._settling.turn():
            if self._room.mode(name) is None and len(self._room.modes) >= MAX_MODES:
                raise ValueError(f"app {self._app_id} has {MAX_MODES} modes already")
            await self._settling.write(name, self._save(mode), partial(self._repair, name))
            self._room.set_mode(mode)
        self._alarm.set()
        await self._bus.publish(self._app_id, mode_changed(mode, on=True))
        self._happened(ModeChanged(mode, on=True, by=actor.uname))
        entry = self._audit.entry(actor, f"{name} on", reason=reason, seconds=int(seconds or 0), plugin=plugin)
        await self._audit.record(entry)
        return mode

    async def turn_off(self, actor: User, name: str, plugin: str = "") -> Mode | None:
        """Turn a mode off, and return it; None where it isn't on. Raises StoreUnavailable."""
        async with self._settling.turn():
            mode = self._room.mode(name)
            if mode is None:
                return None
            await self._settling.write(name, self._delete(name), partial(self._repair, name))
            self._room.drop_mode(mode)
        await self._over(mode, actor.uname)
        await self._audit.record(self._audit.entry(actor, f"{name} off", plugin=plugin))
        return mode

    async def settle(self) -> None:
        """Bring the database back to what the room knows. Raises StoreUnavailable."""
        await self._settling.settle()

    async def close(self) -> None:
        """Stop the timer, finish what is under way, and settle what can be settled."""
        await self._alarm.close()
        await self._settling.close()

    def _due(self) -> datetime | None:
        return min((mode.until for mode in self._room.modes if mode.until is not None), default=None)

    async def _end_due(self) -> None:
        now = self._clock.now()
        for mode in [mode for mode in self._room.modes if mode.until is not None and mode.until <= now]:
            if self._room.drop_mode(mode):
                await self._over(mode, "")
                self._settling.later(mode.name, partial(self._repair, mode.name))

    async def _over(self, mode: Mode, by: str) -> None:
        await self._bus.publish(self._app_id, mode_changed(mode, on=False))
        self._happened(ModeChanged(mode, on=False, by=by))

    async def _save(self, mode: Mode) -> None:
        kept = Kept(f"{PREFIX}{mode.name}", msgspec.json.encode(mode), mode.until)
        await self._store.plugin_put(self._app_id, SERVER, kept)

    async def _delete(self, name: str) -> None:
        await self._store.plugin_delete(self._app_id, SERVER, f"{PREFIX}{name}")

    async def _repair(self, name: str) -> None:
        known = self._room.mode(name)
        await (self._delete(name) if known is None else self._save(known))
