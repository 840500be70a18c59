"""/slow: each user waits between two messages. A mode of the room; what a user has waited survives a restart."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Annotated

from msgspec import Meta

from tornado_chat import (
    Call,
    Command,
    CommandRefused,
    Draft,
    DurationParam,
    Gate,
    Held,
    Listener,
    ModeChanged,
    NumberParam,
    Pass,
    PluginApi,
    PluginLimit,
    PluginOptions,
    Posted,
    Reject,
    Role,
    User,
    hookimpl,
    span_text,
)

MODE = "slow"
LONGEST = 6 * 3600  # seconds between two messages
DAY_MINUTES = 1440
# Longer than the database is waited for. A message that isn't stored then costs its sender no more than this.
UNDER_WAY = timedelta(seconds=10)


class Options(PluginOptions):
    """Keys of [plugin.slow]."""

    seconds: Annotated[int, Meta(ge=1, le=LONGEST)] = 30
    """How long each waits after `/slow` without a number, in seconds."""
    default_mins: Annotated[int, Meta(ge=0, le=30 * DAY_MINUTES)] = 60
    """How long it lasts where no duration is named, in minutes; 0: until it is turned off."""


class State:
    """When each user of one app said something last, by the clock on the wall, which goes on over a restart."""

    def __init__(self, api: PluginApi) -> None:
        self._api = api
        self._said: dict[str, datetime] | None = None  # self._said[folded uname], what was posted or held
        self._under_way: dict[str, datetime] = {}  # self._under_way[folded uname], queued, and not known to be stored
        self._sweep_at = 1000

    def left(self, user: User) -> float:
        """Return how many seconds the user has to wait; 0 where they may speak."""
        mode = self._api.mode(MODE)
        if mode is None or not isinstance(mode.value, int | float) or user.role is not Role.MEMBER:
            return 0.0
        now = self._api.now()
        last = self._known().get(user.key)
        under_way = self._under_way.get(user.key)
        if under_way is not None and now - under_way < UNDER_WAY:
            last = under_way
        if last is None:
            return 0.0
        # At most all of it, where the clock was set back.
        return min(max(mode.value - (now - last).total_seconds(), 0.0), mode.value)

    def queued(self, user: User) -> None:
        """Note that a message of the user's is about to be stored."""
        self._under_way[user.key] = self._api.now()
        if len(self._under_way) > self._sweep_at:
            self._sweep()

    def stored(self, user: User) -> None:
        """Note that it was."""
        at = self._under_way.pop(user.key, None)  # None: it had waited for a moderator
        if at is not None and self._said is not None:
            self._said[user.key] = at
            if len(self._said) > self._sweep_at:
                self._sweep()

    def _known(self) -> dict[str, datetime]:
        if self._said is None:
            said = [(message.at, message.user.key) for message in self._api.history if not message.plugin]
            said += [(held.at, held.user.key) for held in self._api.held]
            self._said = {key: at for at, key in sorted(said)}
        return self._said

    def _sweep(self) -> None:
        """Forget who may speak anyway. Done when they have doubled, so it costs next to nothing for each message."""
        now = self._api.now()
        self._under_way = {key: at for key, at in self._under_way.items() if now - at < UNDER_WAY}
        if self._said is not None:
            self._said = {key: at for key, at in self._said.items() if (now - at).total_seconds() < LONGEST}
        self._sweep_at = max(1000, 2 * len(self._under_way), 2 * len(self._said or ()))


@hookimpl
def register_commands(api: PluginApi) -> Iterable[Command]:
    options: Options = api.options

    async def slow(call: Call) -> None:
        name = api.public_name(call.user)
        seconds = call.args.get("seconds", options.seconds)
        if seconds == "off":
            if await api.turn_off(call.user, MODE) is None:
                raise CommandRefused("Slow mode is not on")
            with contextlib.suppress(PluginLimit):
                await api.tell_all(f"{name} turned slow mode off")
            return
        duration = call.args.get("duration", options.default_mins * 60 or None)
        if duration is not None and not 1 <= duration <= 30 * DAY_MINUTES * 60:
            raise CommandRefused("Slow mode lasts from 1 s to 30 days")
        await api.turn_on(call.user, MODE, seconds, duration)
        lasts = "" if duration is None else f", for {span_text(duration)}"
        with contextlib.suppress(PluginLimit):
            await api.tell_all(f"{name} turned slow mode on: one message every {span_text(seconds)}{lasts}")

    yield Command(
        name="slow",
        run=slow,
        params=(
            NumberParam("seconds", required=False, least=1, most=LONGEST, off=True),
            DurationParam("duration", required=False),
        ),
        role=Role.MOD,
        help="makes everybody wait between two messages",
    )


@hookimpl
def register_gates(api: PluginApi) -> Iterable[Gate]:
    state: State = api.state(State)

    def judge(user: User) -> Pass | Reject:
        left = state.left(user)
        if not left:
            return Pass()
        return Reject(f"Slow mode: you can send your next message in {span_text(left)}", code="SLOW_MODE")

    async def speak(user: User) -> Pass | Reject:
        return judge(user)

    def accept(draft: Draft) -> Pass | Reject:
        answer = judge(draft.user)  # another tab may have been quicker
        if isinstance(answer, Pass):
            state.queued(draft.user)
        return answer

    yield Gate(speak=speak, accept=accept)


@hookimpl
def register_listeners(api: PluginApi) -> Iterable[Listener]:
    state: State = api.state(State)

    async def posted(happening: Posted) -> None:
        if not happening.message.plugin:
            state.stored(happening.message.user)

    async def held(happening: Held) -> None:
        state.stored(happening.user)

    async def changed(change: ModeChanged) -> None:
        if change.mode.name == MODE and not change.on and not change.by:
            await api.tell_all("Slow mode is over")

    yield Listener(Posted, posted)
    yield Listener(Held, held)
    yield Listener(ModeChanged, changed)
