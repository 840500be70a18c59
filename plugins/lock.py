"""/lock and /unlock: for a while only staff speak. A lock survives a restart and ends by itself."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Annotated

import msgspec

from tornado_chat import (
    Call,
    Command,
    CommandRefused,
    DurationParam,
    Gate,
    Pass,
    PluginApi,
    PluginOptions,
    Reject,
    RestParam,
    Role,
    User,
    Visitor,
    duration_text,
    hookimpl,
)

KEY = "lock"
DAY_MINUTES = 1440


class Options(PluginOptions):
    """Keys of [plugin.lock]."""

    default_mins: Annotated[int, msgspec.Meta(ge=1, le=30 * DAY_MINUTES)] = 10
    """How long a lock lasts that names no duration, in minutes."""
    guests: bool = True
    """Whether guests may come in at all."""


class Lock(msgspec.Struct, frozen=True):
    """A lock that holds `until` then."""

    until: datetime
    reason: str = ""


class State:
    """One app's lock: read from storage when it is first asked for, and kept."""

    def __init__(self, api: PluginApi) -> None:
        self._api = api
        self._lock: Lock | None = None
        self._read = False

    async def current(self) -> Lock | None:
        """Return the lock that holds now."""
        if not self._read:
            stored = await self._api.storage.get(KEY)
            if not self._read:  # a command may have set it meanwhile
                self._lock = None if stored is None else msgspec.convert(stored, Lock)
                self._read = True
        return self._lock if self._lock is not None and self._lock.until > self._api.now() else None

    async def set(self, seconds: int, reason: str) -> None:
        """Lock for so many seconds."""
        lock = Lock(self._api.now() + timedelta(seconds=seconds), reason)
        await self._api.storage.put(KEY, lock, expires_in=seconds)
        self._lock, self._read = lock, True

    async def clear(self) -> None:
        """Unlock."""
        await self._api.storage.delete(KEY)
        self._lock, self._read = None, True


@hookimpl
def register_commands(api: PluginApi) -> Iterable[Command]:
    options: Options = api.options
    state: State = api.state(State)

    async def lock(call: Call) -> None:
        seconds = call.args.get("duration", options.default_mins * 60)
        if not 1 <= seconds <= 30 * DAY_MINUTES * 60:
            raise CommandRefused("A lock lasts from 1 s to 30 days")
        reason = call.args.get("reason", "")
        await state.set(seconds, reason)
        await api.tell_all(f"{call.user.uname} locked the chat for {duration_text(seconds)}{_because(reason)}")

    async def unlock(call: Call) -> None:
        if await state.current() is None:
            raise CommandRefused("The chat is not locked")
        await state.clear()
        await api.tell_all(f"{call.user.uname} unlocked the chat")

    yield Command(
        name="lock",
        run=lock,
        params=(DurationParam("duration", required=False), RestParam("reason", required=False)),
        role=Role.MOD,
        help="lets only staff speak for a while",
    )
    yield Command(name="unlock", run=unlock, role=Role.MOD, help="lets everybody speak again")


@hookimpl
def register_gates(api: PluginApi) -> Iterable[Gate]:
    options: Options = api.options
    state: State = api.state(State)

    async def speak(user: User) -> Pass | Reject:
        if user.role is not Role.MEMBER or (lock := await state.current()) is None:
            return Pass()
        left = duration_text((lock.until - api.now()).total_seconds())
        return Reject(f"The chat is locked for another {left}{_because(lock.reason)}", code="LOCKED")

    async def join(visitor: Visitor) -> Pass | Reject:
        if visitor.user is None and not options.guests:
            return Reject("Log in to come in", code="USER_REQUIRED")
        return Pass()

    yield Gate(join=join, speak=speak)


def _because(reason: str) -> str:
    return f": {reason}" if reason else ""
