"""/warn, and what strikes come to: each one climbs a ladder from a warning to a ban, and is forgotten in time."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Annotated

import msgspec
from msgspec import Meta

from tornado_chat import (
    Call,
    Command,
    CommandRefused,
    DurationParam,
    Listener,
    PluginApi,
    PluginLimit,
    PluginOptions,
    Reply,
    RestParam,
    Role,
    StoreUnavailable,
    Struck,
    TabOpened,
    User,
    UserParam,
    fold,
    hookimpl,
    is_uname,
    iso,
    name_key,
    span_text,
)

YEAR = 366 * 86_400
MAX_MARKS = 20  # of one name: as many as there are steps, and with longest reasons one value of the storage
MAX_WAITING = 500  # names that warnings wait for; the oldest go
WARNING_DAYS = 30  # that a warning waits for its reader
MAX_REASON = 200


class Step(msgspec.Struct, frozen=True):
    """What a strike comes to. `seconds` is how long a mute or a ban lasts; 0 is for good."""

    kind: str
    seconds: int = 0

    def __str__(self) -> str:
        length = f" for {span_text(self.seconds)}" if self.seconds else ""
        return {"warn": "a warning", "mute": f"a mute{length}", "ban": f"a ban{length}"}[self.kind]


class Options(PluginOptions):
    """Keys of [plugin.escalate]."""

    steps: Annotated[tuple[str, ...], Meta(min_length=1, max_length=20)] = ("warn", "mute 10m", "mute 1d", "ban")
    """What the first strike comes to, the second, and so on; the last step comes again and again."""
    decay_hours: Annotated[float, Meta(ge=0.1, le=87_600)] = 168
    """A strike is forgotten after so long."""
    pause: Annotated[float, Meta(ge=0, le=3600)] = 10
    """Seconds after a strike in which others don't count."""

    def __post_init__(self) -> None:
        for index, step in enumerate(self.steps):
            if _step(step) is None:
                raise ValueError(f'steps[{index}]: {step!r} is none of "warn", "mute 10m", "ban" and "ban 7d"')


class Mark(msgspec.Struct, frozen=True):
    """A strike: `by` a moderator or a plugin, of this rank."""

    at: datetime
    by: str
    role: Role
    reason: str


class Sheet(msgspec.Struct, frozen=True):
    """The strikes of one name that count, oldest first."""

    uname: str
    marks: tuple[Mark, ...] = ()


class Ladder:
    """One app's strikes, and the warnings that wait for those who aren't here."""

    def __init__(self, api: PluginApi) -> None:
        self._api = api
        self._options: Options = api.options
        self._steps = [step for text in self._options.steps if (step := _step(text)) is not None]
        self._decay = timedelta(hours=self._options.decay_hours)
        self._turn = asyncio.Lock()
        self._struck: dict[str, float] = {}  # self._struck[folded uname], by the steady clock; of the last moments
        self._waiting: dict[str, tuple[str, ...]] | None = None  # warnings by _key; None until they are read

    def step(self, number: int) -> Step:
        """Return what the strike of this number (1 or more) comes to."""
        return self._steps[min(number, len(self._steps)) - 1]

    async def sheet(self, uname: str) -> Sheet:
        """Return what counts against a name. Raises StoreUnavailable."""
        stored = await self._api.storage.get(f"sheet/{name_key(uname)}")
        sheet = Sheet(uname) if stored is None else msgspec.convert(stored, Sheet)
        since = self._api.now() - self._decay
        return Sheet(sheet.uname, tuple(mark for mark in sheet.marks if mark.at > since))

    async def strike(self, uname: str, by: User, why: str, text: str) -> str | None:
        """Give a name, which the bot may touch, a strike, and draw the consequences; `text` is for its owner.

        Returns what was done; None where a strike of a moment ago counts for this one. Raises StoreUnavailable.
        """
        key, now = fold(uname), self._api.monotonic()
        if self._is_recent(key, now):
            return None
        self._struck[key] = now
        try:
            async with self._turn:
                sheet = await self.sheet(uname)
                last = sheet.marks[-1].at if sheet.marks else None
                if last is not None and timedelta() <= self._api.now() - last < timedelta(seconds=self._options.pause):
                    return None  # it was given before a restart
                mark = Mark(self._api.now(), by.uname, by.role, why[:MAX_REASON])
                sheet = Sheet(uname, (*sheet.marks, mark)[-MAX_MARKS:])
                done = await self._act(sheet, text)
                await self._keep(sheet)
                return done
        except BaseException:
            self._struck.pop(key, None)
            raise

    async def forgive(self, actor: User, uname: str) -> int:
        """Forget the strikes of a name, and warnings that wait for it; return how many strikes that were.

        Raises CommandRefused where there are none, or a superior gave one; StoreUnavailable.
        """
        async with self._turn:
            sheet = await self.sheet(uname)
            if not sheet.marks:
                raise CommandRefused(f"{uname} has no strikes")
            for mark in sheet.marks:
                if mark.role.outranks(actor.role):
                    raise CommandRefused(f"You are not authorized to do that: {mark.by}, who is above you, gave one")
            await self._api.storage.delete(f"sheet/{name_key(uname)}")
            waiting = await self._read_waiting()
            if waiting.pop(name_key(uname), None):
                await self._api.storage.delete(f"warning/{name_key(uname)}")
        self._struck.pop(fold(uname), None)
        await self._api.record(actor, "forgive", sheet.uname)
        return len(sheet.marks)

    async def warn(self, uname: str, text: str) -> None:
        """Show a text to somebody, now or when they come next. Raises StoreUnavailable."""
        if self._api.find(uname) is not None:
            try:
                await self._api.tell(uname, text)
            except PluginLimit:
                self._api.log.warning("app %d: a warning waits: too many are told of theirs", self._api.app_id)
            else:
                return
        waiting, key = await self._read_waiting(), name_key(uname)
        if len(waiting) >= MAX_WAITING and key not in waiting:
            oldest = next(iter(waiting))
            del waiting[oldest]
            await self._api.storage.delete(f"warning/{oldest}")
        texts = (*waiting.get(key, ()), text)[-10:]
        await self._api.storage.put(f"warning/{key}", texts, expires_in=WARNING_DAYS * 86_400)
        waiting[key] = texts

    async def greet(self, user: User) -> None:
        """Show somebody who came the warnings that waited for them. Raises StoreUnavailable."""
        waiting, key = await self._read_waiting(), name_key(user.uname)
        if (texts := waiting.pop(key, None)) is None:
            return
        try:
            await self._api.tell(user, "\n".join(texts))
        except PluginLimit:
            waiting[key] = texts
            raise
        await self._api.storage.delete(f"warning/{key}")

    def _is_recent(self, key: str, now: float) -> bool:
        pause = self._options.pause
        if len(self._struck) > 1000:
            self._struck = {each: at for each, at in self._struck.items() if at + pause > now}
        return key in self._struck and self._struck[key] + pause > now

    async def _act(self, sheet: Sheet, text: str) -> str:
        """Do what the last strike of a sheet comes to; return what that was. What holds already is made no shorter."""
        api, number, uname = self._api, len(sheet.marks), sheet.uname
        step, following = self.step(number), self.step(number + 1)
        why = f"strike {number}: {sheet.marks[-1].reason}"
        until = api.now() + timedelta(seconds=step.seconds or 100 * YEAR)
        key = fold(uname)
        ban = next((ban for ban in api.bans if not ban.network and ban.key == key), None)
        mute = next((mute for mute in api.mutes if mute.key == key), None)
        if ban is not None and (step.kind != "ban" or ban.expires_at is None or ban.expires_at >= until):
            return f"strike {number}, and nothing else, since they are banned"
        if step.kind == "ban":
            await api.ban(api.bot, uname, step.seconds or None, why, as_name=True)
            return f"strike {number}, {step}"
        if step.kind == "mute" and mute is not None and mute.by_role.outranks(api.bot.role):
            await self.warn(uname, f"{text} (strike {number}; the next one means {following})")
            return f"strike {number}, and nothing else, since {mute.by} muted them"
        if step.kind == "mute" and (mute is None or mute.expires_at < until):
            await api.mute(api.bot, uname, step.seconds, why)
            text = f"{text}. You are muted for {span_text(step.seconds)}"
        await self.warn(uname, f"{text} (strike {number}; the next one means {following})")
        return f"strike {number}, {step}"

    async def _keep(self, sheet: Sheet) -> None:
        try:
            await self._api.storage.put(f"sheet/{name_key(sheet.uname)}", sheet, expires_in=self._decay.total_seconds())
        except PluginLimit as error:
            self._api.log.warning("app %d: a strike is not remembered: %s", self._api.app_id, error)

    async def _read_waiting(self) -> dict[str, tuple[str, ...]]:
        if self._waiting is None:
            stored = await self._api.storage.items("warning/", 1000)
            if self._waiting is None:  # nobody else has read it meanwhile
                self._waiting = {key.removeprefix("warning/"): tuple(texts) for key, texts in stored}
        return self._waiting


@hookimpl
def register_commands(api: PluginApi) -> Iterable[Command]:
    ladder: Ladder = api.state(Ladder)

    async def warn(call: Call) -> str:
        name, reason = call.args["user"], call.args["reason"]
        if not is_uname(name):
            raise CommandRefused("No user can have that name")
        uname = api.require_rank(call.user, name)
        if api.find(name) is None and await api.person(name) is None:
            raise CommandRefused(f"{name} was never here")
        text = f"{api.public_name(call.user)} warned you: {reason}"
        try:
            api.require_rank(api.bot, uname)
        except CommandRefused:  # staff, whom an owner may warn: the plugin itself stands above members only
            await ladder.warn(uname, text)
            done: str | None = "no strike, since nothing could follow"
        else:
            done = await ladder.strike(uname, call.user, reason, text)
        if done is None:
            raise CommandRefused(f"{uname} got a strike a moment ago; this one doesn't count")
        await api.record(call.user, "warn", uname, reason=reason)
        return f"{uname} was warned: {done}"

    async def strikes(call: Call) -> Reply:
        sheet = await ladder.sheet(call.args["user"])
        count, shown = len(sheet.marks), sheet.marks[-10:]
        following = str(ladder.step(count + 1))
        lines = [f"{mark.at:%Y-%m-%d %H:%M} UTC, {mark.by}: {mark.reason}" for mark in shown]
        says = f"{sheet.uname} has {count or 'no'} strike{'' if count == 1 else 's'}"
        rows = [{"at": iso(mark.at), "by": mark.by, "reason": mark.reason} for mark in shown]
        data = {"uname": sheet.uname, "count": count, "strikes": rows, "next": following}
        return Reply("\n".join([f"{says}; the next one means {following}", *lines]), data)

    async def forgive(call: Call) -> str:
        uname = api.require_rank(call.user, call.args["user"])
        count = await ladder.forgive(call.user, uname)
        return f"{count} strike{'s' if count > 1 else ''} of {uname} {'are' if count > 1 else 'is'} forgotten"

    user = UserParam("user")
    yield Command("warn", warn, [user, RestParam("reason")], Role.MOD, "gives a user a strike")
    yield Command("strikes", strikes, [user], Role.MOD, "shows the strikes of a user")
    yield Command("forgive", forgive, [user], Role.MOD, "forgets the strikes of a user")


@hookimpl
def register_listeners(api: PluginApi) -> Iterable[Listener]:
    ladder: Ladder = api.state(Ladder)

    async def struck(happening: Struck) -> None:
        uname, why = happening.user.uname, " ".join(happening.reason.split())[:MAX_REASON] or "you broke the rules"
        if happening.user.role is not Role.MEMBER:
            return
        try:
            api.require_rank(api.bot, uname)
            by = User(api.bot.id, happening.plugin, Role.MOD)
            done = await ladder.strike(uname, by, why, f"You are warned: {why}")
            if done is not None:
                await api.record(api.bot, "strike", uname, reason=why)
        except (CommandRefused, StoreUnavailable, PluginLimit) as error:
            api.log.warning("app %d: a strike of %s came to nothing: %s", api.app_id, uname, error)

    async def came(happening: TabOpened) -> None:
        try:
            await ladder.greet(happening.user)
        except (StoreUnavailable, PluginLimit) as error:
            api.log.warning("app %d: a warning waits on: %s", api.app_id, error)

    yield Listener(Struck, struck)
    yield Listener(TabOpened, came)


def _step(text: str) -> Step | None:
    """Return what `warn`, `mute 10m`, `ban` or `ban 7d` is, None for anything else."""
    kind, *words = text.split() or [""]
    try:
        seconds = DurationParam("duration").take(words) if words else 0
    except ValueError:
        return None
    fits = {"warn": seconds == 0, "mute": seconds > 0, "ban": True}.get(kind, False)
    return Step(kind, seconds) if fits and not words and seconds <= YEAR else None
