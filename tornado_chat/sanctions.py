"""What moderators lay on users, and lift: mutes. Checks rank, stores, tells the room, ends each mute exactly once."""

from __future__ import annotations

import math
from collections.abc import Iterable
from datetime import datetime, timedelta
from functools import partial

from tornado_chat.alarm import Alarm
from tornado_chat.app_part import AppPart, Ground
from tornado_chat.errors import NOT_AUTHORIZED, NOT_MUTED, CommandRefused, RankRefused
from tornado_chat.events import user_muted, user_unmuted
from tornado_chat.happenings import Muted, Unmuted
from tornado_chat.models import BOT_ID, Mute, Role, User, is_uname
from tornado_chat.settling import Settling

MAX_BOT_MUTES = 1000  # of one plugin at a time: a raid has more heads than a moderator has
MAX_MUTES = 200  # of one moderator at a time; every `auth` answers the whole list


class Sanctions(AppPart):
    """The mutes of one app."""

    def __init__(self, ground: Ground) -> None:
        super().__init__(ground)
        self._settling = Settling(f"the mutes of app {ground.app_id}", ground.timeout)
        self._alarm = Alarm(ground.clock, self._due, self._end_due)

    def load(self, mutes: Iterable[Mute]) -> None:
        """Take over stored mutes at start; those that have run out meanwhile end at the first tick."""
        for mute in mutes:
            self._room.set_mute(mute)
        self._alarm.set()

    async def mute(self, actor: User, uname: str, seconds: int, reason: str, plugin: str = "") -> Mute:
        """Mute a name, here or not, for `seconds` (1 or more); it replaces a mute that the name has.

        A bot's mute makes none shorter: then the one that holds is returned.
        Raises CommandRefused where the actor doesn't outrank the target, or isn't above who muted it before;
        StoreUnavailable where it wasn't stored.
        """
        if seconds < 1:
            raise CommandRefused("A mute lasts at least 1 s")
        if not is_uname(uname):
            raise CommandRefused("No user can have that name")
        async with self._settling.turn():
            spelled = self._require_above(actor, uname)
            if (ban := self._room.bans.of_name(uname, self._clock.now())) is not None:
                raise CommandRefused(f"{ban.target} is banned; a mute would not hold longer")
            now = self._clock.now()
            known = self._room.mute_of(spelled)
            # Several plugins, or one and a moderator, may mute for what was said in the same moment.
            if actor.id == BOT_ID and known is not None and known.expires_at >= now + timedelta(seconds=seconds):
                return known
            mute = Mute(
                app_id=self._app_id,
                uname=spelled,
                mins=math.ceil(seconds / 60),
                expires_at=now + timedelta(seconds=seconds),
                by=actor.uname,
                by_role=actor.role,
                reason=reason,
                at=now,
            )
            most = MAX_BOT_MUTES if actor.id == BOT_ID else MAX_MUTES
            if sum(other.by == mute.by and other.key != mute.key for other in self._room.mutes) >= most:
                raise CommandRefused(f"You have muted {most} names; unmute some first")
            await self._settling.write(mute.key, self._store.save_mute(mute), partial(self._repair, mute))
            self._room.set_mute(mute)
        # Not within the time limit: it is stored, and it holds.
        self._alarm.set()
        await self._bus.publish(self._app_id, user_muted(mute))
        self._happened(Muted(mute))
        entry = self._audit.entry(actor, "mute", mute.uname, reason=reason, seconds=seconds, plugin=plugin)
        await self._audit.record(entry)
        return mute

    async def unmute(self, actor: User, uname: str, plugin: str = "") -> Mute:
        """Lift the mute of a name and return it. Raises CommandRefused where there is none or rank forbids it."""
        async with self._settling.turn():
            mute = self._room.mute_of(uname)
            if mute is None:
                raise CommandRefused(NOT_MUTED)
            self._require_above(actor, uname)
            await self._settling.write(mute.key, self._store.delete_mute(mute), partial(self._repair, mute))
        await self._end(mute, actor.uname)
        await self._audit.record(self._audit.entry(actor, "unmute", mute.uname, plugin=plugin))
        return mute

    async def release(self, user: User) -> None:
        """End a mute of the user's name that doesn't bind them: it was made while nobody knew their rank."""
        mute = self._room.mute_of(user.uname)
        if mute is not None and not mute.binds(user):
            await self._end(mute)
            self._forget([mute])

    async def settle(self) -> None:
        """Bring the database back to what the room knows. Raises StoreUnavailable."""
        await self._settling.settle()

    async def close(self) -> None:
        """Stop the timer, finish what is under way, and settle what can be settled."""
        await self._alarm.close()
        await self._settling.close()

    async def _repair(self, attempted: Mute) -> None:
        known = self._room.mute_of(attempted.key)
        await (self._store.void_mute(attempted) if known is None else self._store.save_mute(known))

    def require_rank(self, actor: User, uname: str) -> str:
        """Check that an actor stands above a name, and return how that is spelled. Raises CommandRefused."""
        spelled, role = self._room.known(uname)
        if not actor.role.outranks(role):
            raise RankRefused(f"{NOT_AUTHORIZED}: {spelled} is {a_role(role)}")
        return spelled

    def _require_above(self, actor: User, uname: str) -> str:
        """As require_rank; raises CommandRefused also where the name has a mute of a superior's."""
        spelled = self.require_rank(actor, uname)
        mute = self._room.mute_of(uname)
        if mute is not None and mute.by_role.outranks(actor.role):
            raise RankRefused(f"{NOT_AUTHORIZED}: {a_role(mute.by_role)} muted {spelled}")
        return spelled

    def _due(self) -> datetime | None:
        return min((mute.expires_at for mute in self._room.mutes), default=None)

    async def _end_due(self) -> None:
        due = [mute for mute in self._room.mutes if mute.expires_at <= self._clock.now()]
        for mute in due:
            await self._end(mute)
        self._forget(due)

    async def _end(self, mute: Mute, by: str = "") -> None:
        """Tell the room that a mute is over; once, whoever ends it, and not where another has replaced it."""
        if self._room.drop_mute(mute):
            await self._bus.publish(self._app_id, user_unmuted(mute))
            self._happened(Unmuted(mute.uname, by))

    def _forget(self, ended: Iterable[Mute]) -> None:
        for mute in ended:
            self._settling.later(mute.key, partial(self._repair, mute))


def a_role(role: Role) -> str:
    """Return "a mod", "an owner"."""
    return f"{'an' if role.value[0] in 'ao' else 'a'} {role}"
