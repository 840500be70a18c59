"""/whois: all that is known of a user, for staff."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Annotated, Literal

from msgspec import Meta

from tornado_chat import (
    AuditEntry,
    Call,
    Command,
    CommandRefused,
    Joined,
    Left,
    Listener,
    PluginApi,
    PluginOptions,
    Reply,
    Role,
    User,
    UserParam,
    because,
    fold,
    hookimpl,
    one_line,
    parse_network,
    span_text,
)

# Commands of other plugins that only tell something about a user; what they answer the asker is shown, too.
ASKED = ("shadowed", "strikes", "notes")
ASKED_LINES = 5  # of each answer
SWEEP_AT = 1000
MOST = 8000  # characters that can be shown


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


class Desk:
    """Gathers what is known of a user."""

    def __init__(self, api: PluginApi, state: State) -> None:
        self._api = api
        self._state = state
        self._options: Options = api.options

    async def whois(self, call: Call) -> str:
        """/whois"""
        uname: str = call.args["user"]
        lines = [
            *await self._presence(uname),
            *self._account(call.user, uname),
            *self._sanctions(uname),
            *await self._told_elsewhere(call.user, uname),
            *await self._acts(call.user, uname),
        ]
        return "\n".join(one_line(line, 400) for line in lines)[:MOST]

    async def _presence(self, uname: str) -> list[str]:
        now, here, person = self._api.now(), self._api.find(uname), await self._api.person(uname)
        if here is not None:
            since = self._state.of(here)
            lasting = "" if since is None else f" for {span_text((now - since).total_seconds())}"
            lines = [f"{here.uname}: {here.role}, here{lasting}"]
        elif person is not None:
            lines = [f"{person.uname}: not here for {span_text((now - person.last_seen).total_seconds())}"]
        else:
            lines = [f"{uname}: was never here"]
        if person is not None:
            lines.append(f"first seen {person.first_seen:%Y-%m-%d %H:%M}, messages: {person.said}")
        return lines

    def _account(self, asker: User, uname: str) -> Iterable[str]:
        here = self._api.find(uname)
        if here is None:
            return
        parts = []
        if here.created_at is not None:
            age = max((self._api.now() - here.created_at).total_seconds(), 0)
            parts.append(f"account of {here.created_at:%Y-%m-%d} ({span_text(age)} old)")
        if here.level is not None:
            parts.append(f"level {here.level}")
        if parts:
            yield ", ".join(parts)
        if self._shows_addresses(asker) and (asker.role.outranks(here.role) or asker.key == here.key):
            yield f"from {', '.join(self._api.addresses(uname)[:10]) or 'an unknown address'}"

    def _shows_addresses(self, asker: User) -> bool:
        return asker.role.rank >= Role(self._options.show_addresses).rank

    def _sanctions(self, uname: str) -> Iterable[str]:
        key, now = fold(uname), self._api.now()
        for mute in self._api.mutes:
            if mute.key == key:
                left = span_text((mute.expires_at - now).total_seconds())
                yield f"muted for another {left}, by {mute.by}{because(mute.reason)}"
        for ban in self._api.bans:
            if not ban.network and ban.key == key:
                end = ban.expires_at
                lasting = "for good" if end is None else f"for another {span_text((end - now).total_seconds())}"
                yield f"banned {lasting}, by {ban.by}{because(ban.reason)}"

    async def _told_elsewhere(self, asker: User, uname: str) -> list[str]:
        commands = {command.name: command for command in self._api.commands(asker)}
        lines: list[str] = []
        for command in [commands[name] for name in ASKED if name in commands]:
            user, *others = command.params or (None,)
            if not isinstance(user, UserParam) or any(param.required for param in others):
                continue
            try:
                answer = await command.run(Call(asker, {user.name: uname}))
            except CommandRefused:  # as about a superior
                continue
            said = answer.text if isinstance(answer, Reply) else answer
            if isinstance(said, str):
                lines += said.split("\n")[:ASKED_LINES]
        return lines

    async def _acts(self, asker: User, uname: str) -> list[str]:
        if not self._options.entries or (parse_network(uname) is not None and not self._shows_addresses(asker)):
            return []
        entries = await self._api.audit(target=uname, limit=self._options.entries)
        return ["lately:", *map(_line, entries)] if entries else []


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
