"""/whois: all that is known of a user, for staff."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from tornado_chat import (
    AuditEntry,
    Ban,
    Call,
    Command,
    CommandRefused,
    Joined,
    Left,
    Listener,
    Mute,
    Person,
    PluginApi,
    PluginOptions,
    Reply,
    Role,
    User,
    UserParam,
    because,
    fold,
    hookimpl,
    iso,
    one_line,
    parse_network,
    span_text,
)

# Commands of other plugins that only tell something about a user; what they answer the asker is shown, too.
ASKED = ("shadowed", "strikes", "notes")
ASKED_LINES = 5  # of each answer
SWEEP_AT = 1000
MOST = 8000  # characters that can be shown
MAX_TOLD = 15_000  # bytes of what another command tells as data
MAX_CHARS = 200  # of a text of a row, so that all of it is less than 64 KB


class Options(PluginOptions):
    """Keys of [plugin.whois]."""

    show_addresses: Literal["mod", "owner", "admin"] = "owner"
    """The lowest role that is shown the addresses of those below it."""
    entries: Annotated[int, Meta(ge=0, le=10)] = 5
    """Entries of the audit log that are shown."""


class State:
    """Since when those who are here are here, as far as they came while this was loaded."""

    def __init__(self, api: PluginApi) -> None:
        self._api = api
        self._since: dict[str, datetime] = {}  # self._since[uname] of those who are here
        self._sweep_at = SWEEP_AT

    async def joined(self, happening: Joined) -> None:
        """Take note of one who came."""
        self._since[happening.user.uname] = self._api.now()
        if len(self._since) > self._sweep_at:  # where a crowd leaves at once, a listener isn't told of each
            here = {user.uname for user in self._api.users}
            self._since = {uname: at for uname, at in self._since.items() if uname in here}
            self._sweep_at = max(SWEEP_AT, 2 * len(self._since))

    async def left(self, happening: Left) -> None:
        """Forget one who went."""
        self._since.pop(happening.user.uname, None)

    def of(self, user: User) -> datetime | None:
        """Return since when one is here."""
        return self._since.get(user.uname)


class Facts(msgspec.Struct):
    """What is known of a user, as far as the one who asks may know it."""

    uname: str
    here: User | None
    since: datetime | None
    person: Person | None
    addresses: list[str] | None  # None: not to be told
    mute: Mute | None
    ban: Ban | None
    told: dict[str, Reply]  # told[name of another plugin's command]
    entries: list[AuditEntry]

    def lines(self, now: datetime) -> Iterable[str]:
        """Return all of it in words."""
        yield from self._presence(now)
        yield from self._account(now)
        if self.mute is not None:
            left = span_text((self.mute.expires_at - now).total_seconds())
            yield f"muted for another {left}, by {self.mute.by}{because(self.mute.reason)}"
        if self.ban is not None:
            end = self.ban.expires_at
            lasting = "for good" if end is None else f"for another {span_text((end - now).total_seconds())}"
            yield f"banned {lasting}, by {self.ban.by}{because(self.ban.reason)}"
        for reply in self.told.values():
            yield from reply.text.split("\n")[:ASKED_LINES] if reply.text else ()
        if self.entries:
            yield from ["lately:", *map(_line, self.entries)]

    def data(self) -> dict[str, Any]:
        """Return all of it for programs. What isn't known, or not to be told, is null."""
        person, here, mute, ban = self.person, self.here, self.mute, self.ban
        return {
            "uname": self.uname,
            "here": here is not None,
            "role": None if here is None else here.role.value,
            "since": _iso(self.since),
            "first_seen": None if person is None else iso(person.first_seen),
            "last_seen": None if person is None else iso(person.last_seen),
            "said": None if person is None else person.said,
            "created_at": None if here is None else _iso(here.created_at),
            "level": None if here is None else here.level,
            "addresses": self.addresses,
            "mute": None if mute is None else _sanction(mute),
            "ban": None if ban is None else _sanction(ban),
            "told": {name: reply.data for name, reply in self.told.items() if reply.data is not None},
            "entries": [_row(entry) for entry in self.entries],
        }

    def _presence(self, now: datetime) -> Iterable[str]:
        if self.here is not None:
            lasting = "" if self.since is None else f" for {span_text((now - self.since).total_seconds())}"
            yield f"{self.uname}: {self.here.role}, here{lasting}"
        elif self.person is not None:
            yield f"{self.uname}: not here for {span_text((now - self.person.last_seen).total_seconds())}"
        else:
            yield f"{self.uname}: was never here"
        if self.person is not None:
            yield f"first seen {self.person.first_seen:%Y-%m-%d %H:%M}, messages: {self.person.said}"

    def _account(self, now: datetime) -> Iterable[str]:
        parts = []
        if self.here is not None and self.here.created_at is not None:
            age = max((now - self.here.created_at).total_seconds(), 0)
            parts.append(f"account of {self.here.created_at:%Y-%m-%d} ({span_text(age)} old)")
        if self.here is not None and self.here.level is not None:
            parts.append(f"level {self.here.level}")
        if parts:
            yield ", ".join(parts)
        if self.addresses is not None:
            yield f"from {', '.join(self.addresses) or 'an unknown address'}"


class Desk:
    """Gathers what is known of a user."""

    def __init__(self, api: PluginApi, state: State) -> None:
        self._api = api
        self._state = state
        self._options: Options = api.options

    async def whois(self, call: Call) -> Reply:
        """/whois"""
        facts = await self._facts(call.user, call.args["user"])
        lines = facts.lines(self._api.now())
        return Reply("\n".join(one_line(line, 400) for line in lines)[:MOST], facts.data())

    async def _facts(self, asker: User, uname: str) -> Facts:
        key = fold(uname)
        here, person = self._api.find(uname), await self._api.person(uname)
        known = here or person
        told = await self._told_elsewhere(asker, uname)
        return Facts(
            uname=uname if known is None else known.uname,
            here=here,
            since=None if here is None else self._state.of(here),
            person=person,
            addresses=self._addresses(asker, here),
            mute=next((mute for mute in self._api.mutes if mute.key == key), None),
            ban=next((ban for ban in self._api.bans if not ban.network and ban.key == key), None),
            told=told,
            entries=await self._acts(asker, uname),
        )

    def _addresses(self, asker: User, here: User | None) -> list[str] | None:
        if here is None or not self._shows_addresses(asker):
            return None
        may = asker.role.outranks(here.role) or asker.key == here.key
        return self._api.addresses(here.uname)[:10] if may else None

    def _shows_addresses(self, asker: User) -> bool:
        return asker.role.rank >= Role(self._options.show_addresses).rank

    async def _told_elsewhere(self, asker: User, uname: str) -> dict[str, Reply]:
        commands = {command.name: command for command in self._api.commands(asker)}
        told: dict[str, Reply] = {}
        for command in [commands[name] for name in ASKED if name in commands]:
            user, *others = command.params or (None,)
            if not isinstance(user, UserParam) or any(param.required for param in others):
                continue
            try:
                answer = await command.run(Call(asker, {user.name: uname}))
            except CommandRefused:  # as about a superior
                continue
            if isinstance(answer, str):
                told[command.name] = Reply(answer)
            elif isinstance(answer, Reply):
                small = len(msgspec.json.encode(answer.data)) <= MAX_TOLD
                told[command.name] = answer if small else Reply(answer.text)
        return told

    async def _acts(self, asker: User, uname: str) -> list[AuditEntry]:
        if not self._options.entries or (parse_network(uname) is not None and not self._shows_addresses(asker)):
            return []
        return await self._api.audit(target=uname, limit=self._options.entries)


@hookimpl
def register_commands(api: PluginApi) -> Iterable[Command]:
    desk = Desk(api, api.state(State))
    yield Command(
        name="whois",
        run=desk.whois,
        params=(UserParam("user"),),
        role=Role.MOD,
        help="tells what is known of a user",
    )


@hookimpl
def register_listeners(api: PluginApi) -> Iterable[Listener]:
    state = api.state(State)
    yield Listener(Joined, state.joined)
    yield Listener(Left, state.left)


def _line(entry: AuditEntry) -> str:
    lasting = f" for {span_text(entry.seconds)}" if entry.seconds else ""
    text = f" | {entry.text}" if entry.text else ""
    return f"{entry.at:%Y-%m-%d %H:%M} {entry.actor}: {entry.action}{lasting}{because(entry.reason)}{text}"


def _row(entry: AuditEntry) -> dict[str, Any]:
    return {
        "at": iso(entry.at),
        "actor": entry.actor,
        "action": entry.action,
        "seconds": entry.seconds or None,
        "reason": entry.reason[:MAX_CHARS],
        "text": entry.text[:MAX_CHARS],
    }


def _sanction(given: Mute | Ban) -> dict[str, Any]:
    reason = given.reason[:MAX_CHARS]
    return {"expires_at": _iso(given.expires_at), "at": iso(given.at), "by": given.by, "reason": reason}


def _iso(at: datetime | None) -> str | None:
    return None if at is None else iso(at)
