"""Who is kept out, by name or by address. Checks rank, stores, closes the connections that are there."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import timedelta
from functools import partial

from tornado_chat.app_part import AppPart, Ground
from tornado_chat.errors import NOT_AUTHORIZED, NOT_BANNED, CommandRefused, RankRefused
from tornado_chat.events import notice
from tornado_chat.happenings import Banned, Unbanned
from tornado_chat.models import BOT_ID, Ban, Role, User, is_uname
from tornado_chat.networks import Network, is_local, parse_network
from tornado_chat.sanctions import Sanctions, a_role
from tornado_chat.settling import Settling
from tornado_chat.text import because, span_text

MAX_BANS = 10_000  # of which one moderator, or plugin, may make half
WIDEST = {4: 8, 6: 16}  # the shortest prefix that may be banned: less is half of the Internet

Protected = Callable[[Network], bool]


class Bans(AppPart):
    """The bans of one app. `protected` tells which networks can't be banned, since everybody may come from there."""

    def __init__(self, ground: Ground, *, sanctions: Sanctions, protected: Protected) -> None:
        super().__init__(ground)
        self._sanctions = sanctions
        self._protected = protected
        self._settling = Settling(f"the bans of app {ground.app_id}", ground.timeout)

    def load(self, bans: Iterable[Ban]) -> None:
        """Take over stored bans at start."""
        for ban in bans:
            self._room.bans.put(ban)

    async def ban(
        self, actor: User, target: str, seconds: int | None, reason: str, plugin: str = "", *, as_name: bool = False
    ) -> Ban:
        """Ban a name, here or not, or an address or network, for `seconds` (1 or more; None: for good).

        It replaces a ban that the target has, a bot's only a shorter one. Connections that it keeps out are closed. An
        IPv6 address stands for its /64; with `as_name` the target is a name, whatever it looks like. Raises
        CommandRefused where the actor doesn't outrank the name, or who banned it before, or the network can't be
        banned; StoreUnavailable.
        """
        if seconds is not None and seconds < 1:
            raise CommandRefused("A ban lasts at least 1 s")
        network = None if as_name else parse_network(target)
        async with self._settling.turn():
            spelled = self._name(actor, target) if network is None else self._network(network)
            now = self._clock.now()
            ban = Ban(
                app_id=self._app_id,
                target=spelled,
                network=network is not None,
                expires_at=None if seconds is None else now + timedelta(seconds=seconds),
                by=actor.uname,
                by_role=actor.role,
                reason=reason,
                at=now,
            )
            known = self._room.bans.get(ban.key, now)
            self._require_rank(actor, known)
            # As with mutes: a moderator may have banned them in the same moment.
            if actor.id == BOT_ID and known is not None and known.outlasts(ban):
                return known
            if known is None and len(self._room.bans) >= MAX_BANS // 2:
                self._require_place(actor, self._room.bans.current(now))
            await self._settling.write(ban.key, self._store.records.save_ban(ban), partial(self._repair, ban))
            self._room.bans.put(ban)
        await self._close(ban, network)
        self._happened(Banned(ban))
        entry = self._audit.entry(actor, "ban", ban.target, reason=reason, seconds=seconds or 0, plugin=plugin)
        await self._audit.record(entry)
        return ban

    async def unban(self, actor: User, target: str, plugin: str = "", *, as_name: bool = False) -> Ban:
        """Lift the ban of a name, an address or a network, and return it.

        Raises CommandRefused where there is none, or a superior made it; StoreUnavailable.
        """
        network = None if as_name else parse_network(target)
        async with self._settling.turn():
            bans, now = self._room.bans, self._clock.now()
            ban = bans.of_name(target, now) if network is None else bans.of_network(str(network), now)
            if ban is None:
                raise CommandRefused(NOT_BANNED)
            self._require_rank(actor, ban)
            await self._settling.write(ban.key, self._store.records.delete_ban(ban), partial(self._repair, ban))
            self._room.bans.drop(ban)
        self._happened(Unbanned(ban.target, actor.uname))
        await self._audit.record(self._audit.entry(actor, "unban", ban.target, plugin=plugin))
        return ban

    async def settle(self) -> None:
        """Bring the database back to what the room knows. Raises StoreUnavailable."""
        await self._settling.settle()

    async def close(self) -> None:
        """Settle what can be settled."""
        await self._settling.close()

    @property
    def current(self) -> list[Ban]:
        """The bans that hold, in the order they were made."""
        return self._room.bans.current(self._clock.now())

    def notice_of(self, user: User | None, address: str) -> str | None:
        """Return what one who wants to come in (None: a guest) is told where a ban keeps them out, else None."""
        now = self._clock.now()
        ban = self._room.bans.binding(user, address, now)
        if ban is None:
            return None
        left = "" if ban.expires_at is None else f" for another {span_text((ban.expires_at - now).total_seconds())}"
        return f"You are banned{left}{because(ban.reason)}"

    def _name(self, actor: User, uname: str) -> str:
        if not is_uname(uname):
            raise CommandRefused("No user can have that name")
        return self._sanctions.require_rank(actor, uname)

    def _network(self, network: Network) -> str:
        if is_local(network) or self._protected(network):
            raise CommandRefused(
                f"{network} can't be banned: it is this machine or a proxy, and so would be all who come through it"
            )
        if network.prefixlen < WIDEST[network.version]:
            raise CommandRefused(f"{network} is too much to ban; at most a /{WIDEST[network.version]}")
        return str(network)

    def _require_rank(self, actor: User, ban: Ban | None) -> None:
        if ban is not None and ban.by_role.outranks(actor.role):
            raise RankRefused(f"{NOT_AUTHORIZED}: {a_role(ban.by_role)} banned {ban.target}")

    def _require_place(self, actor: User, current: Sequence[Ban]) -> None:
        if len(current) >= MAX_BANS:
            raise CommandRefused(f"{MAX_BANS} names and networks are banned; unban some first")
        # Or one moderator, or plugin, could keep everybody else from banning.
        if actor.role is Role.MOD and sum(ban.by == actor.uname for ban in current) >= MAX_BANS // 2:
            raise CommandRefused(f"You have banned {MAX_BANS // 2} names and networks; unban some first")

    async def _close(self, ban: Ban, network: Network | None) -> None:
        text = f"You are banned{because(ban.reason)}"
        if network is not None:
            await self._bus.disconnect_where(self._app_id, self._is_kept_out, text)
            return
        spellings = frozenset(self._room.spellings(ban.key))
        await self._bus.publish(self._app_id, notice(text, spellings))
        for spelled in spellings:
            await self._bus.disconnect(self._app_id, spelled)

    def _is_kept_out(self, uname: str | None, address: str) -> bool:
        user = None if uname is None else self._room.find(uname)
        return self._room.bans.binding(user, address, self._clock.now()) is not None

    async def _repair(self, attempted: Ban) -> None:
        known = self._room.bans.get(attempted.key, self._clock.now())
        records = self._store.records
        await (records.void_ban(attempted) if known is None else records.save_ban(known))
