"""What one app remembers of people: since when they come, and how much they have said. Written now and then."""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict

import msgspec

from tornado_chat.clock import Clock, Timer
from tornado_chat.errors import StoreUnavailable
from tornado_chat.models import Person, User, fold
from tornado_chat.store import Store

log = logging.getLogger(__name__)

SIZE = 10_000  # people who are remembered without asking the database
WRITE_EVERY = 5.0  # seconds; as much is forgotten where the process is killed
MAX_BATCH = 200  # rows that are written at a time: a herd that comes back must not keep the database from messages


class People:
    """Counts in memory and writes behind; `size` bounds both. Only those who speak are read from the database."""

    def __init__(self, app_id: int, store: Store, clock: Clock, *, size: int = SIZE) -> None:
        self._app_id = app_id
        self._store = store
        self._clock = clock
        self._size = size
        self._known: OrderedDict[str, Person] = OrderedDict()  # self._known[folded uname], read or new, oldest first
        self._seen: OrderedDict[str, None] = OrderedDict()  # folded unames who came lately and were noted
        self._unwritten: dict[str, Person] = {}  # self._unwritten[folded uname]
        self._asked: dict[str, asyncio.Future[Person | None]] = {}
        self._timer: Timer | None = None
        self._writing: asyncio.Task[None] | None = None
        self._closed = False

    def came(self, user: User) -> None:
        """Take note that a user is here."""
        if user.key in self._seen:
            self._seen.move_to_end(user.key)
            return
        self._seen[user.key] = None
        if len(self._seen) > self._size:
            self._seen.popitem(last=False)
        now = self._clock.now()
        known = self._known.get(user.key)
        if known is not None:
            self._put(msgspec.structs.replace(known, last_seen=now))
        elif len(self._unwritten) < self._size:
            self._unwritten[user.key] = Person(user.uname, now, now)
            self._arm()

    def known(self, uname: str) -> Person | None:
        """Return what is remembered of a name without asking the database."""
        return self._known.get(fold(uname))

    async def of(self, uname: str) -> Person | None:
        """Return what is known of a name, in any case; None where it was never here. Raises StoreUnavailable."""
        key = fold(uname)
        if (known := self._known.get(key)) is not None:
            return known
        flight = self._asked.get(key)
        if flight is None:
            flight = self._asked[key] = asyncio.ensure_future(self._ask(key, uname))
            flight.add_done_callback(_retrieve)
        return await asyncio.shield(flight)

    def new(self, user: User) -> Person:
        """Return, and remember, a user who isn't known."""
        now = self._clock.now()
        person = Person(user.uname, now, now)
        self._remember(user.key, person)
        return person

    def spoke(self, user: User) -> None:
        """Count a message of a user, who was asked about before."""
        now = self._clock.now()
        known = self._known.get(user.key) or Person(user.uname, now, now)
        self._put(msgspec.structs.replace(known, uname=user.uname, last_seen=now, said=known.said + 1))

    async def close(self) -> None:
        """Write what isn't written."""
        self._closed = True
        if self._timer is not None:
            self._timer.cancel()
        if self._writing is not None:
            await asyncio.wait({self._writing})
        while self._unwritten and await self._write():
            pass

    async def _ask(self, key: str, uname: str) -> Person | None:
        try:
            found = await self._store.records.person(self._app_id, uname)
            waiting = self._unwritten.get(key)
            if found is None or waiting is None:
                person = found or waiting
            else:
                person = msgspec.structs.replace(found, last_seen=max(found.last_seen, waiting.last_seen))
            if person is not None:
                self._remember(key, person)
            return person
        finally:
            del self._asked[key]

    def _put(self, person: Person) -> None:
        key = fold(person.uname)
        self._remember(key, person)
        self._unwritten[key] = person
        self._arm()

    def _remember(self, key: str, person: Person) -> None:
        self._known[key] = person
        self._known.move_to_end(key)
        if len(self._known) > self._size:
            self._known.popitem(last=False)

    def _arm(self) -> None:
        if self._timer is None and not self._closed and self._writing is None:
            self._timer = self._clock.call_later(WRITE_EVERY, self._tick)

    def _tick(self) -> None:
        self._timer = None
        self._writing = asyncio.get_running_loop().create_task(self._work(), name=f"people of app {self._app_id}")

    async def _work(self) -> None:
        try:
            await self._write()
        finally:
            self._writing = None
            if self._unwritten:
                self._arm()

    async def _write(self) -> bool:
        """Write some of what isn't written, and tell whether that could be done."""
        batch = dict(list(self._unwritten.items())[:MAX_BATCH])
        try:
            await self._store.records.save_people(self._app_id, list(batch.values()))
        except StoreUnavailable as error:
            log.debug("app %d: what is known of %d people waits: %s", self._app_id, len(batch), error)
            return False
        for key, person in batch.items():
            if self._unwritten.get(key) is person:
                del self._unwritten[key]
        return True


def _retrieve(flight: asyncio.Future[Person | None]) -> None:
    if not flight.cancelled():
        flight.exception()
