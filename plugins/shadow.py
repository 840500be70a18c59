"""/shadow: what a user says is shown to them, who notice nothing, and to staff; to nobody else."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Annotated, Any

import msgspec

from tornado_chat import (
    Call,
    Command,
    CommandRefused,
    Draft,
    DurationParam,
    Filter,
    NumberParam,
    Pass,
    PluginApi,
    PluginLimit,
    PluginOptions,
    RankRefused,
    Reject,
    Reply,
    RestParam,
    Role,
    Shadow,
    StoreUnavailable,
    User,
    UserParam,
    Verdict,
    because,
    fold,
    hookimpl,
    is_uname,
    iso,
    list_reply,
    name_key,
    span_text,
)

LONGEST = 10 * 366 * 1440  # minutes; what is longer is for good
MOST = 1000  # as many as storage gives at a time
AWAY = Reject("Your message was not sent: the chat can't store messages right now. Please try again.", "INTERNAL_ERROR")

Minutes = Annotated[int, msgspec.Meta(ge=0, le=LONGEST)]


class Options(PluginOptions):
    """Keys of [plugin.shadow]."""

    default_mins: Minutes = 0
    """How long a shadow mute lasts that names no duration, in minutes; 0: for good."""
    max_mins: Minutes = 0
    """The longest that may be given, in minutes; 0: any, and for good."""

    def __post_init__(self) -> None:
        if self.max_mins and not 0 < self.default_mins <= self.max_mins:
            raise ValueError("where there is a max_mins, default_mins must be 1 or more, and not above it")


class Shadowed(msgspec.Struct, frozen=True):
    """A shadow mute of a name, until then or for good. It binds members: staff would see through it."""

    uname: str
    at: datetime
    until: datetime | None
    by: str
    by_role: Role
    reason: str = ""


class State:
    """One app's shadow mutes: read from storage when they are first asked for, and kept."""

    def __init__(self, api: PluginApi) -> None:
        self._api = api
        self._shadowed: dict[str, Shadowed] = {}  # self._shadowed[folded uname], in the order they were made
        self._is_read = False
        self._reading: asyncio.Task[None] | None = None

    async def of(self, user: User) -> Shadowed | None:
        """Return the shadow mute of a user who speaks. Raises StoreUnavailable."""
        if not self._is_read:
            await self._ready()
        return self._holding(user.key) if self._shadowed else None

    async def of_name(self, uname: str) -> Shadowed | None:
        """Return the shadow mute of a name, in any case. Raises StoreUnavailable."""
        await self._ready()
        return self._holding(fold(uname))

    async def current(self) -> list[Shadowed]:
        """Return those that hold, in the order they were made; the others are forgotten. Raises StoreUnavailable."""
        await self._ready()
        now = self._api.now()
        self._shadowed = {key: made for key, made in self._shadowed.items() if made.until is None or made.until > now}
        return list(self._shadowed.values())

    async def put(self, made: Shadowed, seconds: int | None) -> None:
        """Add one, instead of one of the same name. Raises StoreUnavailable, PluginLimit."""
        key = fold(made.uname)
        await self._api.storage.put(name_key(made.uname), made, expires_in=seconds)
        self._shadowed.pop(key, None)
        self._shadowed[key] = made

    async def drop(self, made: Shadowed) -> None:
        """Remove one. Raises StoreUnavailable."""
        key = fold(made.uname)
        await self._api.storage.delete(name_key(made.uname))
        self._shadowed.pop(key, None)

    def _holding(self, key: str) -> Shadowed | None:
        made = self._shadowed.get(key)
        return made if made is not None and (made.until is None or made.until > self._api.now()) else None

    async def _ready(self) -> None:
        # In a task of its own: a filter that waits too long is cancelled, and the next one finds it done.
        if self._reading is None:
            self._reading = asyncio.create_task(self._read())
            self._reading.add_done_callback(_retrieve)
        await asyncio.shield(self._reading)

    async def _read(self) -> None:
        try:
            stored = [msgspec.convert(value, Shadowed) for _, value in await self._api.storage.items(limit=MOST)]
        except StoreUnavailable:
            self._reading = None
            raise
        self._shadowed = {fold(made.uname): made for made in sorted(stored, key=lambda made: made.at)}
        self._is_read = True


class Desk:
    """Where shadow mutes are given and lifted."""

    def __init__(self, api: PluginApi, state: State) -> None:
        self._api = api
        self._state = state
        self._options: Options = api.options

    async def shadow(self, call: Call) -> str:
        """/shadow"""
        uname: str = call.args["user"]
        seconds: int = call.args.get("duration", self._options.default_mins * 60)
        longest = (self._options.max_mins or LONGEST) * 60
        if seconds > longest or (not seconds and self._options.max_mins):
            raise CommandRefused(f"A shadow mute lasts at most {span_text(longest)}")
        if not is_uname(uname):
            raise CommandRefused("No user can have that name")
        spelled = self._api.require_rank(call.user, uname)
        here = self._api.find(uname)
        if here is not None and here.role is not Role.MEMBER:
            raise CommandRefused(f"{spelled} is staff, who see what is shadow muted; /mute works")
        known = await self._state.of_name(uname)
        _require_above(call.user, known)
        if known is None and len(await self._state.current()) >= MOST:
            raise CommandRefused(f"{MOST} names are shadow muted; lift some first")
        now = self._api.now()
        until = now + timedelta(seconds=seconds) if seconds else None
        reason: str = call.args.get("reason", "")
        made = Shadowed(spelled, now, until, call.user.uname, call.user.role, reason)
        try:
            await self._state.put(made, seconds or None)
        except PluginLimit as error:
            raise CommandRefused("Too many names are shadow muted; lift some first") from error
        await self._api.record(call.user, "shadow", spelled, reason=reason, seconds=seconds)
        return f"{spelled} was shadow muted {f'for {span_text(seconds)}' if seconds else 'for good'}"

    async def unshadow(self, call: Call) -> str:
        """/unshadow"""
        uname: str = call.args["user"]
        known = await self._state.of_name(uname)
        if known is None:
            raise CommandRefused(f"{uname} is not shadow muted")
        self._api.require_rank(call.user, uname)
        _require_above(call.user, known)
        await self._state.drop(known)
        await self._api.record(call.user, "unshadow", known.uname)
        return f"{known.uname} is not shadow muted any more"

    async def shadows(self, call: Call) -> Reply:
        """/shadows"""
        current = await self._state.current()
        page, nothing = call.args.get("page", 1), "Nobody is shadow muted"
        return list_reply("shadows", current[::-1], page, nothing, line=self._line, row=_row)

    async def shadowed(self, call: Call) -> Reply:
        """/shadowed"""
        known = await self._state.of_name(call.args["user"])
        if known is None:
            return Reply(f"{call.args['user']} is not shadow muted", {"shadow": None})
        return Reply(f"Shadow muted: {self._line(known)}", {"shadow": _row(known)})

    def _line(self, made: Shadowed) -> str:
        end = made.until
        left = "for good" if end is None else f"another {span_text((end - self._api.now()).total_seconds())}"
        return f"{made.uname}: {left}, by {made.by}{because(made.reason)}"


@hookimpl
def register_commands(api: PluginApi) -> Iterable[Command]:
    desk = Desk(api, api.state(State))
    user = UserParam("user")
    duration, reason = DurationParam("duration", required=False, skip=True), RestParam("reason", required=False)
    yield Command(
        name="shadow",
        run=desk.shadow,
        params=(user, duration, reason),
        role=Role.MOD,
        help="shows what a user says to nobody but them and staff",
    )
    yield Command(name="unshadow", run=desk.unshadow, params=(user,), role=Role.MOD, help="ends a shadow mute")
    yield Command(
        name="shadows",
        run=desk.shadows,
        params=(NumberParam("page", required=False, least=1, most=1000),),
        role=Role.MOD,
        help="lists who is shadow muted",
    )
    yield Command(
        name="shadowed",
        run=desk.shadowed,
        params=(user,),
        role=Role.MOD,
        help="tells whether a user is shadow muted",
    )


@hookimpl
def register_filters(api: PluginApi) -> Iterable[Filter]:
    state: State = api.state(State)

    async def check(draft: Draft) -> Verdict:
        if draft.user.role is not Role.MEMBER:
            return Pass()
        try:
            return Pass() if await state.of(draft.user) is None else Shadow()
        except StoreUnavailable:
            return AWAY  # it couldn't be stored either, most likely; and it must not be shown to all by mistake

    yield Filter(check)


def _row(made: Shadowed) -> dict[str, Any]:
    return {
        "uname": made.uname,
        "expires_at": None if made.until is None else iso(made.until),
        "at": iso(made.at),
        "by": made.by,
        "reason": made.reason,
    }


def _require_above(actor: User, known: Shadowed | None) -> None:
    if known is not None and known.by_role.outranks(actor.role):
        raise RankRefused(f"You are not authorized to do that: {known.by} shadow muted {known.uname}")


def _retrieve(reading: asyncio.Task[None]) -> None:
    if not reading.cancelled():
        reading.exception()
