"""Asks again who the users of a room are: who lost a role has it no more, and who was banned goes, in mid-session."""

from __future__ import annotations

import asyncio
import heapq
import itertools
import logging
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from tornado_chat.bus import Bus
from tornado_chat.clock import Clock, Timer
from tornado_chat.errors import IdentityUnavailable
from tornado_chat.events import notice, user_updated
from tornado_chat.models import User
from tornado_chat.room import Occupant, Room

log = logging.getLogger(__name__)

AT_ONCE = 4  # questions of one app; the site's API has other work
PRECISION = 0.001  # seconds; a timer may come a little before its time
SPREAD = 0.2  # of the time between two questions: who came together isn't asked about together
SIGNED_OUT = "Your sign-in is no longer valid here; please sign in again"


@dataclass(frozen=True, slots=True)
class Voucher:
    """Who knows a user, and for how long that is good.

    `ask` returns the user as they are now, None where the token stands for nobody any more, and raises
    IdentityUnavailable. It is asked every `every` seconds; where there is no answer for `grace` seconds, the user can't
    talk until there is one.
    """

    ask: Callable[[], Awaitable[User | None]]
    every: float
    grace: float


@dataclass(order=True, slots=True)
class _Due:
    at: float
    number: int
    occupant: Occupant = field(compare=False)
    voucher: Voucher = field(compare=False)


class Rechecks:
    """Those of one app. `changed` is told of each user whose role has changed."""

    def __init__(
        self, app_id: int, room: Room, bus: Bus, clock: Clock, changed: Callable[[User], Awaitable[None]]
    ) -> None:
        self._app_id = app_id
        self._room = room
        self._bus = bus
        self._clock = clock
        self._changed = changed
        self._queue: list[_Due] = []
        self._numbers = itertools.count()
        self._watched: dict[str, _Due] = {}  # self._watched[uname]: the entry that counts; others are left over
        self._tasks: set[asyncio.Task[None]] = set()
        self._timer: Timer | None = None
        self._closed = False

    def watch(self, occupant: Occupant, voucher: Voucher) -> None:
        """Begin with a user who came; one who is watched already is asked about with the newest voucher."""
        occupant.vouched_until = self._clock.monotonic() + voucher.grace
        self._put(occupant, voucher, voucher.every)

    def hurry(self) -> int:
        """Ask about everybody now, so many at a time; return how many that are."""
        for due in list(self._watched.values()):
            self._put(due.occupant, due.voucher, 0.0)
        return len(self._watched)

    async def close(self) -> None:
        """Ask nothing more."""
        self._closed = True
        if self._timer is not None:
            self._timer.cancel()
        for task in list(self._tasks):
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)

    def _put(self, occupant: Occupant, voucher: Voucher, seconds: float) -> None:
        wait = seconds * random.uniform(1 - SPREAD, 1)  # noqa: S311 - nothing secret
        due = _Due(self._clock.monotonic() + wait, next(self._numbers), occupant, voucher)
        self._watched[occupant.user.uname] = due
        heapq.heappush(self._queue, due)
        self._arm()

    def _arm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        while self._queue and not self._counts(self._queue[0]):
            heapq.heappop(self._queue)
        if self._queue and len(self._tasks) < AT_ONCE and not self._closed:
            self._timer = self._clock.call_later(max(self._queue[0].at - self._clock.monotonic(), 0.0), self._tick)

    def _counts(self, due: _Due) -> bool:
        """Tell whether an entry is the newest of a user who is still here; forget those of who has gone."""
        uname = due.occupant.user.uname
        if self._watched.get(uname) is not due:
            return False
        if due.occupant.sockets == 0:
            del self._watched[uname]
            return False
        return True

    def _tick(self) -> None:
        self._timer = None
        now = self._clock.monotonic() + PRECISION
        while self._queue and self._queue[0].at <= now and len(self._tasks) < AT_ONCE:
            due = heapq.heappop(self._queue)
            if self._counts(due):
                task = asyncio.get_running_loop().create_task(self._check(due))
                self._tasks.add(task)
                task.add_done_callback(self._done)
        self._arm()

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("app %d: asking again who a user is failed", self._app_id, exc_info=error)
        self._arm()

    async def _check(self, due: _Due) -> None:
        occupant, before = due.occupant, due.occupant.user
        try:
            user = await due.voucher.ask()
        except IdentityUnavailable as error:
            log.debug("app %d: it isn't known whether %s is still who they were: %s", self._app_id, before.uname, error)
        else:
            if not self._counts(due):
                return  # they left, or came in anew with another token
            if user is None or user.uname != before.uname:
                await self._send_away(before.uname)
                return
            occupant.vouched_until = self._clock.monotonic() + due.voucher.grace
            if user != occupant.user:
                await self.update(occupant, user)
        if self._counts(due):
            self._put(occupant, due.voucher, due.voucher.every)

    async def _send_away(self, uname: str) -> None:
        log.info("app %d: the site doesn't know %s by their token any more", self._app_id, uname)
        del self._watched[uname]
        await self._bus.publish(self._app_id, notice(SIGNED_OUT, frozenset([uname])))
        await self._bus.disconnect(self._app_id, uname)

    async def update(self, occupant: Occupant, user: User) -> None:
        """Have somebody be what their site says now, such as of another role, and tell everybody."""
        log.info("app %d: %s is %s from now on", self._app_id, user.uname, user.role)
        self._room.update(occupant, user)
        await self._bus.publish(self._app_id, user_updated(user))
        await self._changed(user)
