"""/kick: closes all connections of a user, who can't come back for a moment."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Annotated

import msgspec

from tornado_chat import (
    Call,
    Command,
    CommandRefused,
    Gate,
    Pass,
    PluginApi,
    PluginLimit,
    PluginOptions,
    Reject,
    RestParam,
    Role,
    StoreUnavailable,
    UserParam,
    Visitor,
    because,
    duration_text,
    fold,
    hookimpl,
    name_key,
)

MOST = 1000  # users who are kept out at a time
PATIENCE = 0.3  # seconds that one who comes in waits for the database at most


class Options(PluginOptions):
    """Keys of [plugin.kick]."""

    away_secs: Annotated[int, msgspec.Meta(ge=0, le=86_400)] = 30
    """How long who was kicked can't come back, in seconds."""
    public: bool = True
    """Whether the room is told."""


class Kicked(msgspec.Struct, frozen=True):
    """A user who can't come in before `until`; it binds only whom `by_role` outranks."""

    key: str
    until: datetime
    by_role: Role
    reason: str


class State:
    """Who can't come back yet. It is read once, and holds also where it can't be stored."""

    def __init__(self, api: PluginApi) -> None:
        self._api = api
        self._kicked: dict[str, Kicked] = {}  # self._kicked[folded uname]
        self._is_read = False
        self._reading: asyncio.Task[None] | None = None

    async def of(self, key: str) -> Kicked | None:
        """Return what keeps a user out now. Where the database is away, what was stored before doesn't."""
        if not self._is_read:
            with contextlib.suppress(StoreUnavailable, TimeoutError):
                async with asyncio.timeout(PATIENCE):
                    await self._ready()
        kicked = self._kicked.get(key)
        return kicked if kicked is not None and kicked.until > self._api.now() else None

    def put(self, kicked: Kicked) -> None:
        """Keep a user out."""
        if len(self._kicked) >= MOST:
            now = self._api.now()
            held = [other for other in self._kicked.values() if other.until > now]
            self._kicked = {other.key: other for other in held[1 - MOST :]}
        self._kicked[kicked.key] = kicked

    async def store(self, kicked: Kicked, seconds: int) -> None:
        """Have it outlive a restart, where that can be."""
        with contextlib.suppress(StoreUnavailable, PluginLimit):
            await self._api.storage.put(name_key(kicked.key), kicked, expires_in=seconds)

    async def _ready(self) -> None:
        if self._reading is None:
            self._reading = asyncio.create_task(self._read())
            self._reading.add_done_callback(_retrieve)
        await asyncio.shield(self._reading)

    async def _read(self) -> None:
        try:
            for _, stored in await self._api.storage.items(limit=MOST):
                kicked = msgspec.convert(stored, Kicked)
                self._kicked.setdefault(kicked.key, kicked)
            self._is_read = True
        except StoreUnavailable:
            self._reading = None
            raise


@hookimpl
def register_commands(api: PluginApi) -> Iterable[Command]:
    options: Options = api.options
    state: State = api.state(State)

    async def kick(call: Call) -> str:
        uname, reason = call.args["user"], call.args.get("reason", "")
        spelled = api.require_rank(call.user, uname)
        if api.find(uname) is None:
            raise CommandRefused(f"{spelled} is not here")
        kicked = Kicked(fold(uname), api.now() + timedelta(seconds=options.away_secs), call.user.role, reason)
        # First, or a page that comes back at once would be faster.
        state.put(kicked)
        await api.disconnect(call.user, uname, f"You were kicked{because(reason)}", reason)
        if options.public:
            with contextlib.suppress(PluginLimit):
                await api.tell_all(f"{api.public_name(call.user)} kicked {spelled}{because(reason)}")
        if options.away_secs:
            await state.store(kicked, options.away_secs)
        return f"{spelled} was kicked"

    yield Command(
        name="kick",
        run=kick,
        params=(UserParam("user"), RestParam("reason", required=False)),
        role=Role.MOD,
        help="sends a user out, who may come back a little later",
    )


@hookimpl
def register_gates(api: PluginApi) -> Iterable[Gate]:
    state: State = api.state(State)

    async def join(visitor: Visitor) -> Pass | Reject:
        if visitor.user is None or (kicked := await state.of(visitor.user.key)) is None:
            return Pass()
        if not kicked.by_role.outranks(visitor.user.role):
            return Pass()
        left = duration_text((kicked.until - api.now()).total_seconds())
        return Reject(f"You were kicked{because(kicked.reason)}. You can come back in {left}.", code="KICKED")

    yield Gate(join=join)


def _retrieve(reading: asyncio.Task[None]) -> None:
    if not reading.cancelled():
        reading.exception()
