"""Notices when many newcomers come or talk at once, and has only people talk then who have been here before."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable
from datetime import datetime, timedelta
from itertools import islice
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from tornado_chat import (
    Gate,
    Joined,
    Listener,
    ModeChanged,
    Pass,
    Person,
    PluginApi,
    PluginOptions,
    Reject,
    Rejected,
    Role,
    StoreUnavailable,
    User,
    Visitor,
    hookimpl,
    span_text,
)

MODE = "members"  # what it means is the business of the plugin of this name
LOOK_UPS = 50  # people who came, of whom it is looked up in one window how long they are known
SPEAKERS = 1000  # who are counted in one window
SAMPLE = 20  # people of whom it is looked up whether the app remembers anybody for long
DAY_MINUTES = 1440


class Options(PluginOptions):
    """Keys of [plugin.raid]."""

    joins: Annotated[int, Meta(ge=0, le=1000)] = 20
    """How many people come within `window` who were never here before; 0: however many."""
    new_speakers: Annotated[int, Meta(ge=0, le=SPEAKERS)] = 8
    """How many newcomers talk for the first time within `window`; 0: however many."""
    window: Annotated[float, Meta(gt=0, le=3600)] = 30.0
    """Seconds in which they are counted."""
    share: Annotated[float, Meta(ge=0, le=1)] = 0.5
    """Which part of all who come, or talk, in that time they must be."""
    fresh_mins: Annotated[int, Meta(ge=1, le=7 * DAY_MINUTES)] = 30
    """Who was here for the first time no longer ago than that is a newcomer, in minutes."""
    action: Literal["members", "alert"] = "members"
    """Let only people talk who have been here before, or only tell staff."""
    minutes: Annotated[int, Meta(ge=1, le=DAY_MINUTES)] = 10
    """For how long, in minutes."""
    shut: bool = True
    """Whether newcomers are kept out meanwhile, too."""
    cooldown_mins: Annotated[int, Meta(ge=1, le=7 * DAY_MINUTES)] = 30
    """For how long nothing is done after a moderator turned it off, or after an alert, in minutes."""
    learn_days: Annotated[float, Meta(ge=0, le=365)] = 7.0
    """Nothing is done before the app remembers people for so long, in days: on the first day all are newcomers."""


class Value(msgspec.Struct):
    """The mode's value."""

    before: Annotated[datetime, Meta(tz=True)]
    shut: bool = False


class Crowd:
    """Who did something within the last `window` seconds, and who of them are newcomers."""

    def __init__(self, window: float, limit: int) -> None:
        self._window = window
        self._limit = limit
        self._seen: OrderedDict[str, tuple[float, bool]] = OrderedDict()  # [folded uname] = (at, new), oldest first

    def add(self, key: str, now: float, *, new: bool) -> None:
        """Note that this one did it. A newcomer stays one for as long as they are remembered here."""
        new = new or self._seen.get(key, (now, False))[1]
        self._seen[key] = (now, new)
        self._seen.move_to_end(key)

    def full(self, now: float) -> bool:
        """Tell whether no more are to be added."""
        while self._seen and now - next(iter(self._seen.values()))[0] >= self._window:
            self._seen.popitem(last=False)
        return len(self._seen) >= self._limit

    def spike(self, least: int, share: float) -> int:
        """Return how many newcomers there are where these are `least` or more, and such a share of all; else 0."""
        count = sum(new for _, new in self._seen.values())
        return count if least and count >= least and count >= share * len(self._seen) else 0

    def clear(self) -> None:
        """Begin anew."""
        self._seen.clear()


class Watch:
    """Watches one app."""

    def __init__(self, api: PluginApi) -> None:
        self._api = api
        self._options: Options = api.options
        self._came = Crowd(self._options.window, max(LOOK_UPS, 2 * self._options.joins))
        self._spoke = Crowd(self._options.window, SPEAKERS)
        self._quiet_until = 0.0
        self._learnt = not self._options.learn_days
        self._learn_at = 0.0
        self._busy = False
        self._checked = False

    @property
    def idle(self) -> bool:
        """Whether there is nothing to watch for: it is on already, or was turned off."""
        return self._api.mode(MODE) is not None or self._api.monotonic() < self._quiet_until

    async def came(self, user: User) -> None:
        """Note that somebody came in."""
        self._require_members()
        now = self._api.monotonic()
        if self.idle or not self._options.joins or self._came.full(now):
            return
        try:
            person = await self._api.person(user.uname)
        except StoreUnavailable:
            return
        self._came.add(user.key, now, new=self._is_new(person, timedelta(seconds=self._options.window)))
        if (count := self._came.spike(self._options.joins, self._options.share)) and await self._remembers():
            await self._alarm(f"{count} people who were never here before came")

    async def spoke(self, user: User) -> bool:
        """Note that somebody wants to talk, and tell whether that is part of a raid."""
        now = self._api.monotonic()
        if self.idle or not self._options.new_speakers or self._spoke.full(now):
            return False
        try:
            person = await self._api.person(user.uname)
        except StoreUnavailable:
            return False
        fresh = timedelta(minutes=self._options.fresh_mins)
        new = person is None or (person.said == 0 and self._is_new(person, fresh))
        self._spoke.add(user.key, now, new=new)
        if not new or not self._spoke.spike(self._options.new_speakers, self._options.share):
            return False
        return await self._remembers()

    async def too_many_talk(self) -> None:
        """Do what is to be done where `spoke` says that it is a raid."""
        if count := self._spoke.spike(self._options.new_speakers, self._options.share):
            await self._alarm(f"{count} newcomers talked for the first time")

    async def _alarm(self, what: str) -> None:
        """Do what is to be done, once."""
        if self._busy or self.idle:
            return
        self._busy = True
        try:
            await self._act(f"{what} within {self._options.window:g} s")
        except StoreUnavailable as error:
            self._api.log.warning("app %d: a raid, but the mode can't be turned on: %s", self._api.app_id, error)
        finally:
            self._busy = False

    def overruled(self) -> None:
        """A moderator says that it is none."""
        self._quiet_until = self._api.monotonic() + 60 * self._options.cooldown_mins
        self._came.clear()
        self._spoke.clear()

    async def keeps_out(self, user: User) -> str | None:
        """Return what one is told who may not come in; None where they may."""
        mode = self._api.mode(MODE)
        if mode is None or user.role is not Role.MEMBER:
            return None
        try:
            value = msgspec.convert(mode.value, Value)
            if not value.shut:
                return None
            person = await self._api.person(user.uname)
        except (msgspec.ValidationError, StoreUnavailable):  # some other plugin's; or nobody can talk anyway
            return None
        if person is not None and person.first_seen <= value.before:
            return None
        told = "Too many newcomers came at once: nobody new is let in"
        if mode.until is None:
            return told
        return f"{told} for another {span_text((mode.until - self._api.now()).total_seconds())}"

    async def _act(self, what: str) -> None:
        api, options = self._api, self._options
        if options.action == "alert":
            self.overruled()
            await api.alert(f"This may be a raid: {what}")
            return
        before = api.now() - timedelta(minutes=options.fresh_mins)
        value = {"before": before.isoformat(), "shut": options.shut}
        await api.turn_on(api.bot, MODE, value, 60 * options.minutes, "raid")
        self._came.clear()
        self._spoke.clear()
        lasts = span_text(60 * options.minutes)
        await api.tell_all(f"Many newcomers at once: for {lasts} only people can talk who have been here before")
        await api.alert(f"This may be a raid: {what}. If it is none: /members off")

    async def _remembers(self) -> bool:
        """Tell whether the app remembers anybody for long enough to know who is new."""
        now = self._api.monotonic()
        if self._learnt or now < self._learn_at:
            return self._learnt
        self._learn_at = now + 60.0
        least = self._api.now() - timedelta(days=self._options.learn_days)
        senders = [message.user.uname for message in self._api.history if not message.plugin]
        names = dict.fromkeys([*islice((user.uname for user in self._api.users), SAMPLE), *senders])
        try:
            for name in islice(names, 2 * SAMPLE):
                person = await self._api.person(name)
                if person is not None and person.first_seen <= least:
                    self._learnt = True
                    break
        except StoreUnavailable:
            self._learn_at = now
        return self._learnt

    def _is_new(self, person: Person | None, age: timedelta) -> bool:
        return person is None or self._api.now() - person.first_seen < age

    def _require_members(self) -> None:
        """Say once where nobody minds the mode."""
        if self._checked:
            return
        self._checked = True
        if self._options.action == "members" and not any(
            command.name == MODE for command in self._api.commands(self._api.bot)
        ):
            self._api.log.warning("app %d: raid needs the plugin members, which is not loaded", self._api.app_id)


@hookimpl
def register_gates(api: PluginApi) -> Iterable[Gate]:
    watch: Watch = api.state(Watch)
    options: Options = api.options

    async def speak(user: User) -> Pass | Reject:
        if user.role is not Role.MEMBER or not await watch.spoke(user):
            return Pass()
        if options.action == "alert":
            await watch.too_many_talk()
            return Pass()
        return Reject("Too many newcomers talk at once. Please try again later.", code="MEMBERS_ONLY")

    async def join(visitor: Visitor) -> Pass | Reject:
        told = None if visitor.user is None else await watch.keeps_out(visitor.user)
        return Pass() if told is None else Reject(told)

    yield Gate(join=join, speak=speak)


@hookimpl
def register_listeners(api: PluginApi) -> Iterable[Listener]:
    watch: Watch = api.state(Watch)

    async def joined(happening: Joined) -> None:
        if happening.user.role is Role.MEMBER:
            await watch.came(happening.user)

    async def rejected(happening: Rejected) -> None:
        # What the gate said above, where it wasn't a dry run.
        if happening.plugin == api.bot.uname:
            await watch.too_many_talk()

    async def changed(change: ModeChanged) -> None:
        if change.mode.name == MODE and not change.on and change.by not in {"", api.bot.uname}:
            watch.overruled()

    yield Listener(Joined, joined)
    yield Listener(Rejected, rejected)
    yield Listener(ModeChanged, changed)
