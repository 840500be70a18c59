"""/members: for a while only those talk whom the app knew before. A mode of the room, which `raid` turns on too."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Annotated

import msgspec
from msgspec import Meta

from tornado_chat import (
    Call,
    Command,
    CommandRefused,
    Draft,
    DurationParam,
    Gate,
    Listener,
    Mode,
    ModeChanged,
    Pass,
    Person,
    PluginApi,
    PluginLimit,
    PluginOptions,
    Reject,
    RestParam,
    Role,
    StoreUnavailable,
    User,
    because,
    hookimpl,
    span_text,
)

MODE = "members"
DAY_MINUTES = 1440


class Options(PluginOptions):
    """Keys of [plugin.members]."""

    default_mins: Annotated[int, Meta(ge=0, le=30 * DAY_MINUTES)] = 30
    """How long it lasts where no duration is named, in minutes; 0: until it is turned off."""
    known_mins: Annotated[int, Meta(ge=0, le=365 * DAY_MINUTES)] = 10
    """How long before it was turned on somebody must have been here for the first time, in minutes."""
    min_said: Annotated[int, Meta(ge=0, le=1_000_000)] = 20
    """Or how many messages somebody must have said; 0: however many, that isn't enough."""


class Value(msgspec.Struct):
    """The mode's value. Who was here before then may talk."""

    before: Annotated[datetime, Meta(tz=True)]


class Door:
    """Says who may talk in one app while the mode is on."""

    def __init__(self, api: PluginApi) -> None:
        self._api = api
        self._options: Options = api.options

    def before(self, mode: Mode) -> datetime:
        """Return since when the mode's newcomers are there."""
        try:
            return msgspec.convert(mode.value, Value).before
        except msgspec.ValidationError:  # some other plugin's doing
            return mode.since - timedelta(minutes=self._options.known_mins)

    def judge(self, user: User, mode: Mode, person: Person | None) -> Pass | Reject:
        """Answer for a member, of whom this is known."""
        before = self.before(mode)
        if person is not None and (person.first_seen <= before or 0 < self._options.min_said <= person.said):
            return Pass()
        # A server that was updated lately doesn't remember people for long, but it has the room's history.
        if any(said.at <= before and said.user.key == user.key and not said.plugin for said in self._api.history):
            return Pass()
        left = " right now"
        if mode.until is not None:
            left = f" for another {span_text((mode.until - self._api.now()).total_seconds())}"
        told = f"Only people who have been here before can talk{left}{because(mode.reason)}"
        return Reject(told, code="MEMBERS_ONLY")


@hookimpl
def register_commands(api: PluginApi) -> Iterable[Command]:
    options: Options = api.options
    door: Door = api.state(Door)

    async def members(call: Call) -> None:
        name = api.public_name(call.user)
        duration = call.args.get("duration", options.default_mins * 60 or None)
        if duration == "off":
            if await api.turn_off(call.user, MODE) is None:
                raise CommandRefused("Members-only mode is not on")
            with contextlib.suppress(PluginLimit):
                await api.tell_all(f"{name} turned members-only mode off")
            return
        if duration is not None and not 1 <= duration <= 30 * DAY_MINUTES * 60:
            raise CommandRefused("Members-only mode lasts from 1 s to 30 days")
        before = api.now() - timedelta(minutes=options.known_mins)
        if (mode := api.mode(MODE)) is not None:
            before = min(before, door.before(mode))  # or who came meanwhile would be let in by whoever prolongs it
        reason = call.args.get("reason", "")
        await api.turn_on(call.user, MODE, {"before": before.isoformat()}, duration, reason)
        lasts = "" if duration is None else f" for {span_text(duration)}"
        with contextlib.suppress(PluginLimit):
            await api.tell_all(f"{name} turned members-only mode on{lasts}{because(reason)}")

    yield Command(
        name="members",
        run=members,
        params=(DurationParam("duration", required=False, off=True), RestParam("reason", required=False)),
        role=Role.MOD,
        help="lets only people talk who have been here before",
    )


@hookimpl
def register_gates(api: PluginApi) -> Iterable[Gate]:
    door: Door = api.state(Door)

    async def speak(user: User) -> Pass | Reject:
        mode = api.mode(MODE)
        if mode is None or user.role is not Role.MEMBER:
            return Pass()
        try:
            person = await api.person(user.uname)
        except StoreUnavailable:
            told = "It can't be looked up right now whether you may talk. Please try again."
            return Reject(told, code="MEMBERS_ONLY")
        return door.judge(user, mode, person)

    def accept(draft: Draft) -> Pass | Reject:
        mode = api.mode(MODE)  # which may be younger than the message, where a filter took its time
        if mode is None or draft.user.role is not Role.MEMBER:
            return Pass()
        return door.judge(draft.user, mode, draft.person)

    yield Gate(speak=speak, accept=accept)


@hookimpl
def register_listeners(api: PluginApi) -> Iterable[Listener]:
    async def changed(change: ModeChanged) -> None:
        if change.mode.name == MODE and not change.on and not change.by:
            await api.tell_all("Everybody can talk again")

    yield Listener(ModeChanged, changed)
