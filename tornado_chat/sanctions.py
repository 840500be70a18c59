"""What moderators lay on users, and lift: mutes. Checks rank, stores, tells the room, ends each mute exactly once."""

from __future__ import annotations

import asyncio
import logging
import math
from collections.abc import Iterable
from datetime import timedelta

from tornado_chat.bus import Bus
from tornado_chat.clock import Clock, Timer
from tornado_chat.errors import NOT_AUTHORIZED, NOT_MUTED, CommandRefused, StoreUnavailable
from tornado_chat.events import user_muted, user_unmuted
from tornado_chat.models import MAX_UNAME, Mute, User
from tornado_chat.room import Room
from tornado_chat.store import Store

log = logging.getLogger(__name__)

MAX_MUTES = 1000  # every `auth` answers the whole list
# However far away the next expiry is, the clock is looked at this often (seconds): it may be set forward.
LONGEST_NAP = 60.0


class Sanctions:
    """The mutes of one app."""

    def __init__(self, app_id: int, room: Room, store: Store, bus: Bus, clock: Clock) -> None:
        self._app_id = app_id
        self._room = room
        self._store = store
        self._bus = bus
        self._clock = clock
        self._lock = asyncio.Lock()  # the database and the room see mutes in the same order
        self._timer: Timer | None = None
        self._ending: asyncio.Task[None] | None = None

    def load(self, mutes: Iterable[Mute]) -> None:
        """Take over stored mutes at start; those that have run out meanwhile end at the first tick."""
        for mute in mutes:
            self._room.set_mute(mute)
        self._arm()

    async def mute(self, actor: User, uname: str, seconds: int, reason: str) -> Mute:
        """Mute a name, here or not, for `seconds` (1 or more); it replaces a mute that the name has.

        Raises CommandRefused where the actor doesn't outrank the target, StoreUnavailable where it wasn't stored.
        """
        if len(uname) > MAX_UNAME:
            raise CommandRefused(f"No user has a name of more than {MAX_UNAME} characters")
        spelled = self._require_rank(actor, uname)
        now = self._clock.now()
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
        async with self._lock:
            if self._room.mute_of(uname) is None and len(self._room.mutes) >= MAX_MUTES:
                raise CommandRefused(f"The mutelist is full ({MAX_MUTES} names)")
            await self._store.save_mute(mute)
            self._room.set_mute(mute)
            await self._bus.publish(self._app_id, user_muted(mute))
        self._arm()
        return mute

    async def unmute(self, actor: User, uname: str) -> Mute:
        """Lift the mute of a name and return it. Raises CommandRefused where there is none or rank forbids it."""
        async with self._lock:
            mute = self._room.mute_of(uname)
            if mute is None:
                raise CommandRefused(NOT_MUTED)
            self._require_rank(actor, uname)
            await self._store.delete_mute(mute)
            if self._room.drop_mute(mute):
                await self._bus.publish(self._app_id, user_unmuted(mute))
        return mute

    async def close(self) -> None:
        """Stop the timer and finish what is under way."""
        if self._timer is not None:
            self._timer.cancel()
        if self._ending is not None:
            await asyncio.shield(self._ending)

    def _require_rank(self, actor: User, uname: str) -> str:
        spelled, role = self._room.known(uname)
        if not actor.role.outranks(role):
            raise CommandRefused(f"{NOT_AUTHORIZED}: {spelled} is {'an' if role.value[0] in 'ao' else 'a'} {role}")
        return spelled

    def _arm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        due = min((mute.expires_at for mute in self._room.mutes), default=None)
        if due is not None:
            wait = (due - self._clock.now()).total_seconds()
            self._timer = self._clock.call_later(min(max(wait, 0.0), LONGEST_NAP), self._tick)

    def _tick(self) -> None:
        if self._ending is None:
            self._ending = asyncio.get_running_loop().create_task(self._end_due())

    async def _end_due(self) -> None:
        ended = []
        try:
            async with self._lock:
                for mute in self._room.mutes:
                    if mute.expires_at <= self._clock.now() and self._room.drop_mute(mute):
                        ended.append(mute)
                        await self._bus.publish(self._app_id, user_unmuted(mute))
            # Not under the lock: a database that is away must not hold up the moderators.
            await asyncio.gather(*map(self._forget, ended))
        finally:
            self._ending = None
            self._arm()

    async def _forget(self, mute: Mute) -> None:
        try:
            await self._store.delete_mute(mute)
        except StoreUnavailable as error:
            # The TTL index, or the next start, removes it; the mute itself has ended.
            log.warning("app %d: an ended mute stays stored for now: %s", self._app_id, error)
