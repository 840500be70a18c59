"""/lock and /unlock: for a while only staff speak. A lock is a mode: it survives a restart and ends by itself."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable
from typing import Annotated

import msgspec

from tornado_chat import (
    Call,
    Command,
    CommandRefused,
    Draft,
    DurationParam,
    Gate,
    Listener,
    ModeChanged,
    Pass,
    PluginApi,
    PluginLimit,
    PluginOptions,
    Reject,
    RestParam,
    Role,
    User,
    Visitor,
    because,
    hookimpl,
    span_text,
)

MODE = "lock"
DAY_MINUTES = 1440


class Options(PluginOptions):
    """Keys of [plugin.lock]."""

    default_mins: Annotated[int, msgspec.Meta(ge=1, le=30 * DAY_MINUTES)] = 10
    """How long a lock lasts that names no duration, in minutes."""
    guests: bool = True
    """Whether guests may come in at all."""


@hookimpl
def register_commands(api: PluginApi) -> Iterable[Command]:
    options: Options = api.options

    async def lock(call: Call) -> None:
        seconds = call.args.get("duration", options.default_mins * 60)
        if not 1 <= seconds <= 30 * DAY_MINUTES * 60:
            raise CommandRefused("A lock lasts from 1 s to 30 days")
        reason = call.args.get("reason", "")
        await api.turn_on(call.user, MODE, seconds=seconds, reason=reason)
        name = api.public_name(call.user)
        with contextlib.suppress(PluginLimit):
            await api.tell_all(f"{name} locked the chat for {span_text(seconds)}{because(reason)}")

    async def unlock(call: Call) -> None:
        if await api.turn_off(call.user, MODE) is None:
            raise CommandRefused("The chat is not locked")
        with contextlib.suppress(PluginLimit):
            await api.tell_all(f"{api.public_name(call.user)} unlocked the chat")

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

    def judge(user: User) -> Pass | Reject:
        if user.role is not Role.MEMBER or (lock := api.mode(MODE)) is None:
            return Pass()
        left = "" if lock.until is None else f" for another {span_text((lock.until - api.now()).total_seconds())}"
        return Reject(f"The chat is locked{left}{because(lock.reason)}", code="LOCKED")

    async def speak(user: User) -> Pass | Reject:
        return judge(user)

    def accept(draft: Draft) -> Pass | Reject:
        return judge(draft.user)  # the lock may be younger than the message, where a filter took its time

    async def join(visitor: Visitor) -> Pass | Reject:
        if visitor.user is None and not options.guests:
            return Reject("Log in to come in", code="USER_REQUIRED")
        return Pass()

    yield Gate(join=join, speak=speak, accept=accept)


@hookimpl
def register_listeners(api: PluginApi) -> Iterable[Listener]:
    async def changed(change: ModeChanged) -> None:
        if change.mode.name == MODE and not change.on and not change.by:
            await api.tell_all("The chat is no longer locked")

    yield Listener(ModeChanged, changed)
