"""/ban, /banip, /unban and /bans: who is kept out, by name or by address."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Annotated, Any, Literal, NamedTuple

from msgspec import Meta
from msgspec.structs import replace

from tornado_chat import (
    Ban,
    Banned,
    Call,
    Command,
    CommandRefused,
    DurationParam,
    Listener,
    NumberParam,
    Param,
    PluginApi,
    PluginLimit,
    PluginOptions,
    RankRefused,
    Reply,
    RestParam,
    Role,
    StoreUnavailable,
    Unbanned,
    User,
    UserParam,
    because,
    hookimpl,
    iso,
    list_reply,
    name_key,
    parse_network,
    span_text,
)

LONGEST = 10 * 366 * 1440  # minutes; what is longer is for good
MAX_ADDRESSES = 20  # that one user is banned with
MAX_REASON = 350  # of a row; a plugin's may be longer, and a page must have less than 64 KB
CHANGED_SECONDS = 1.0  # between two times that staff's clients are told

Minutes = Annotated[int, Meta(ge=0, le=LONGEST)]
StaffRole = Literal["mod", "owner", "admin"]


class Options(PluginOptions):
    """Keys of [plugin.ban]."""

    default_mins: Minutes = 0
    """How long a ban lasts that names no duration, in minutes; 0: for good."""
    max_mins: Minutes = 0
    """The longest ban that may be given, in minutes; 0: any, and for good."""
    address_role: StaffRole = "mod"
    """The lowest role that may ban addresses and networks."""
    show_addresses: StaffRole = "owner"
    """The lowest role that is shown which addresses are banned."""
    widest_ipv4: Annotated[int, Meta(ge=8, le=32)] = 16
    """The largest network of IPv4 that may be banned, as the length of its prefix."""
    widest_ipv6: Annotated[int, Meta(ge=16, le=64)] = 32
    """The same of IPv6."""
    public: bool = True
    """Whether the room is told when somebody who is here is banned."""

    def __post_init__(self) -> None:
        if self.max_mins and not 0 < self.default_mins <= self.max_mins:
            raise ValueError("where there is a max_mins, default_mins must be 1 or more, and not above it")


class Target(NamedTuple):
    """What is to be banned: a name, or an address or network."""

    text: str
    is_name: bool


@dataclass(frozen=True, slots=True)
class TargetParam(Param):
    """A name, an address or a network. What has an @ before it, or is in quotes, is a name, whatever it looks like."""

    @property
    def kind(self) -> str:
        return "user"

    @property
    def hint(self) -> str:
        return f"{self.name}: a name, an address such as 203.0.113.7, or a network such as 203.0.113.0/24"

    def take(self, words: list[str]) -> Target:
        named = words[0].startswith(("@", '"'))
        text = UserParam(self.name).take(words)
        return Target(text, named or parse_network(text) is None)


class Desk:
    """Where one app's bans are given and lifted. What is banned together with a name is let in together."""

    def __init__(self, api: PluginApi) -> None:
        self._api = api
        self._options: Options = api.options

    async def ban(self, call: Call) -> str:
        """/ban"""
        target: Target = call.args["target"]
        seconds, reason = _seconds(self._options, call), call.args.get("reason", "")
        if not target.is_name:
            _check_address(self._options, call.user, target.text)
        here = target.is_name and self._api.find(target.text) is not None
        made = await self._api.ban(call.user, target.text, seconds, reason, as_name=target.is_name)
        if here:
            await self._tell_room(call.user, made, seconds)
        return f"{made.target} was banned{_lasting(seconds)}"

    async def ban_with_addresses(self, call: Call) -> str:
        """/banip"""
        uname: str = call.args["user"]
        seconds, reason = _seconds(self._options, call), call.args.get("reason", "")
        _require(call.user, self._options.address_role, "ban addresses")
        if self._api.find(uname) is None:
            raise CommandRefused(f"{uname} is not here, so their address is not known; /ban bans the name")
        addresses = self._api.addresses(uname)[:MAX_ADDRESSES]
        made = await self._api.ban(call.user, uname, seconds, reason, as_name=True)
        networks = set()
        for address in addresses:
            # The name is banned by now, and nothing else would say so. One that is everybody's can't be banned.
            with contextlib.suppress(CommandRefused, StoreUnavailable):
                networks.add((await self._api.ban(call.user, address, seconds, reason)).target)
        if networks:
            await self._keep(uname, networks, seconds)
        await self._tell_room(call.user, made, seconds)
        failed = "" if networks else "; their address could not be"
        return f"{made.target} was banned{_and_addresses(len(networks))}{_lasting(seconds)}{failed}"

    async def unban(self, call: Call) -> str:
        """/unban"""
        target: Target = call.args["target"]
        if not target.is_name:
            _require(call.user, self._options.address_role, "let addresses in")
            return f"{(await self._api.unban(call.user, target.text)).target} was unbanned"
        networks = await self._networks(target.text)
        spelled = target.text
        try:
            spelled = (await self._api.unban(call.user, target.text, as_name=True)).target
        except RankRefused:
            raise
        except CommandRefused:  # its time is over, and that of an address perhaps not
            if not networks:
                raise
        lifted = 0
        for network in networks:
            try:
                await self._api.unban(call.user, network)
                lifted += 1
            except RankRefused:  # its text has the address
                raise RankRefused("You are not authorized to do that: a superior banned the address") from None
            except CommandRefused:  # its time is over
                continue
        if networks:
            await self._api.storage.delete(f"with/{name_key(target.text)}")
        return f"{spelled} was unbanned{_and_addresses(lifted)}"

    async def bans(self, call: Call) -> Reply:
        """/bans"""
        now = self._api.now()
        shows = call.user.role.rank >= Role(self._options.show_addresses).rank

        def line(ban: Ban) -> str:
            end = ban.expires_at
            left = "for good" if end is None else f"another {span_text((end - now).total_seconds())}"
            return f"{ban.target}: {left}, by {ban.by}{because(ban.reason)}"

        bans = [ban if shows or not ban.network else replace(ban, target="an address") for ban in self._api.bans[::-1]]
        return list_reply("bans", bans, call.args.get("page", 1), "Nobody is banned", line=line, row=_row)

    async def changed(self) -> None:
        """Tell staff's clients that the list is another one."""
        await self._api.emit("changed", {}, to="staff")

    async def _networks(self, uname: str) -> list[str]:
        found: list[str] = await self._api.storage.get(f"with/{name_key(uname)}", [])
        return found

    async def _keep(self, uname: str, networks: Iterable[str], seconds: int | None) -> None:
        # Where that can't be, they are let in one by one.
        with contextlib.suppress(PluginLimit, StoreUnavailable):
            kept = list(dict.fromkeys([*await self._networks(uname), *networks]))
            await self._api.storage.put(f"with/{name_key(uname)}", kept[-5 * MAX_ADDRESSES :], expires_in=seconds)

    async def _tell_room(self, actor: User, made: Ban, seconds: int | None) -> None:
        if not self._options.public:
            return
        with contextlib.suppress(PluginLimit):
            await self._api.tell_all(
                f"{self._api.public_name(actor)} banned {made.target}{_lasting(seconds)}{because(made.reason)}"
            )


@hookimpl
def register_commands(api: PluginApi) -> Iterable[Command]:
    desk: Desk = api.state(Desk)
    how = (DurationParam("duration", required=False, skip=True), RestParam("reason", required=False))
    yield Command(
        name="ban",
        run=desk.ban,
        params=(TargetParam("target"), *how),
        role=Role.MOD,
        help="keeps a user, an address or a network out",
    )
    yield Command(
        name="banip",
        run=desk.ban_with_addresses,
        params=(UserParam("user"), *how),
        role=Role.MOD,
        help="keeps a user who is here out, and who comes from the same address",
    )
    yield Command(name="unban", run=desk.unban, params=(TargetParam("target"),), role=Role.MOD, help="ends a ban")
    yield Command(
        name="bans",
        run=desk.bans,
        params=(NumberParam("page", required=False, least=1, most=1000),),
        role=Role.MOD,
        help="lists who is banned",
    )


@hookimpl
def register_listeners(api: PluginApi) -> Iterable[Listener]:
    changed = api.throttle(CHANGED_SECONDS, api.state(Desk).changed)

    async def happened(happening: Banned | Unbanned) -> None:
        changed()

    yield Listener(Banned, happened)
    yield Listener(Unbanned, happened)


def _row(ban: Ban) -> dict[str, Any]:
    return {
        "target": ban.target,
        "network": ban.network,
        "expires_at": None if ban.expires_at is None else iso(ban.expires_at),
        "at": iso(ban.at),
        "by": ban.by,
        "reason": ban.reason[:MAX_REASON],
    }


def _seconds(options: Options, call: Call) -> int | None:
    """Return how long the ban is to last; None: for good."""
    seconds: int = call.args.get("duration", options.default_mins * 60)
    longest = (options.max_mins or LONGEST) * 60
    if seconds > longest or (not seconds and options.max_mins):
        raise CommandRefused(f"A ban lasts at most {span_text(longest)}")
    return seconds or None


def _check_address(options: Options, actor: User, text: str) -> None:
    _require(actor, options.address_role, "ban addresses")
    network = parse_network(text)
    if network is None:
        return
    widest = options.widest_ipv4 if network.version == 4 else options.widest_ipv6
    if network.prefixlen < widest:
        raise CommandRefused(f"{network} is too much to ban; at most a /{widest}")


def _require(actor: User, role: StaffRole, what: str) -> None:
    if actor.role.rank < Role(role).rank:
        raise RankRefused(f"You are not authorized to do that: it takes an {role} to {what}")


def _lasting(seconds: int | None) -> str:
    return " for good" if seconds is None else f" for {span_text(seconds)}"


def _and_addresses(count: int) -> str:
    return f", with {count} address{'es' if count > 1 else ''}," if count else ""
