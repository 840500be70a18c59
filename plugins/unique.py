"""/unique: nobody may say what was said lately, as in Twitch's unique chat (r9k). A mode of the room."""

from __future__ import annotations

import contextlib
from collections import OrderedDict
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
    Filter,
    Gate,
    Listener,
    Message,
    ModeChanged,
    Pass,
    PluginApi,
    PluginLimit,
    PluginOptions,
    Posted,
    Reject,
    Role,
    User,
    Verdict,
    hookimpl,
    normalise,
    span_text,
)

MODE = "unique"
DAY_MINUTES = 1440
UNDER_WAY = 5.0  # seconds; the database isn't waited for longer
TOLD = Reject("Unique chat: that has been said already. Say it in other words.", code="NOT_UNIQUE")


class Options(PluginOptions):
    """Keys of [plugin.unique]."""

    default_mins: Annotated[int, Meta(ge=0, le=30 * DAY_MINUTES)] = 60
    """How long it lasts where no duration is named, in minutes; 0: until it is turned off."""
    min_chars: Annotated[int, Meta(ge=1, le=350)] = 10
    """Messages of fewer letters and digits may be said again."""
    remember: Annotated[int, Meta(ge=1, le=100_000)] = 1000
    """How many messages are remembered."""
    remember_mins: Annotated[int, Meta(ge=1, le=30 * DAY_MINUTES)] = 720
    """For how long, in minutes."""


class Said:
    """What was said lately in one app, while the mode is on. `_said` is None until it is read from the history."""

    def __init__(self, api: PluginApi) -> None:
        self._api = api
        self._options: Options = api.options
        # self._said[letters and digits, folded uname of the one who alone saw it or ""] = when, oldest first
        self._said: OrderedDict[tuple[str, str], datetime] | None = None
        self._under_way: OrderedDict[str, float] = OrderedDict()  # self._under_way[letters and digits] = when

    def knows(self, text: str, user: User) -> bool:
        """Tell whether somebody said this, as far as `user` could see."""
        if self._said is None:
            self._said = OrderedDict()
            for message in self._api.history:
                self.add(message)
        plain = _plain(text)
        if len(plain) < self._options.min_chars:
            return False
        oldest = self._api.now() - timedelta(minutes=self._options.remember_mins)
        return any(self._said.get(key, oldest) > oldest for key in ((plain, ""), (plain, user.key)))

    def queue(self, draft: Draft) -> bool:
        """Note that this is about to be stored; return False where another tab, or user, was quicker with the same."""
        plain, now = _plain(draft.text), self._api.monotonic()
        if len(plain) < self._options.min_chars:
            return True
        if self.knows(draft.text, draft.user) or now - self._under_way.get(plain, now - UNDER_WAY) < UNDER_WAY:
            return False
        self._under_way[plain] = now
        self._under_way.move_to_end(plain)
        while now - next(iter(self._under_way.values())) >= UNDER_WAY:
            self._under_way.popitem(last=False)
        return True

    def add(self, message: Message) -> None:
        """Remember a message."""
        plain = _plain(message.text)
        self._under_way.pop(plain, None)
        if self._said is None or message.plugin or len(plain) < self._options.min_chars:
            return
        key = (plain, message.user.key if message.shadow else "")
        self._said[key] = message.at
        self._said.move_to_end(key)
        if len(self._said) > self._options.remember:
            self._said.popitem(last=False)

    def forget(self) -> None:
        """Forget all."""
        self._said = None


@hookimpl
def register_commands(api: PluginApi) -> Iterable[Command]:
    options: Options = api.options

    async def unique(call: Call) -> None:
        name = api.public_name(call.user)
        duration = call.args.get("duration", options.default_mins * 60 or None)
        if duration == "off":
            if await api.turn_off(call.user, MODE) is None:
                raise CommandRefused("Unique chat is not on")
            with contextlib.suppress(PluginLimit):
                await api.tell_all(f"{name} turned unique chat off")
            return
        if duration is not None and not 1 <= duration <= 30 * DAY_MINUTES * 60:
            raise CommandRefused("Unique chat lasts from 1 s to 30 days")
        await api.turn_on(call.user, MODE, seconds=duration)
        lasts = "" if duration is None else f" for {span_text(duration)}"
        with contextlib.suppress(PluginLimit):
            await api.tell_all(f"{name} turned unique chat on{lasts}: nobody may say what was said already")

    yield Command(
        name="unique",
        run=unique,
        params=(DurationParam("duration", required=False, off=True),),
        role=Role.MOD,
        aliases=("uniquechat", "r9k"),
        help="lets nobody say what was said already",
    )


@hookimpl
def register_filters(api: PluginApi) -> Iterable[Filter]:
    said: Said = api.state(Said)

    async def check(draft: Draft) -> Verdict:
        if draft.user.role is not Role.MEMBER or api.mode(MODE) is None or not said.knows(draft.text, draft.user):
            return Pass()
        return TOLD

    yield Filter(check)


@hookimpl
def register_gates(api: PluginApi) -> Iterable[Gate]:
    said: Said = api.state(Said)

    def accept(draft: Draft) -> Pass | Reject:
        if draft.user.role is not Role.MEMBER or api.mode(MODE) is None or said.queue(draft):
            return Pass()
        return TOLD

    yield Gate(accept=accept)


@hookimpl
def register_listeners(api: PluginApi) -> Iterable[Listener]:
    said: Said = api.state(Said)

    async def posted(happening: Posted) -> None:
        said.add(happening.message)

    async def changed(change: ModeChanged) -> None:
        if change.mode.name != MODE or change.on:
            return
        said.forget()
        if not change.by:
            await api.tell_all("Unique chat is over")

    yield Listener(Posted, posted)
    yield Listener(ModeChanged, changed)


def _plain(text: str) -> str:
    """Return the letters and digits of a text, case-folded, without accents, with the vowel signs of Indian scripts."""
    return "".join(word for word in normalise(text).words if any(map(str.isalnum, word)))  # an emoji is a word too
