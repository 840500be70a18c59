"""The audit log of one app: who did what to whom, and why. It is written in order, and again where that failed."""

from __future__ import annotations

import asyncio
import itertools
import logging
import secrets
from collections import deque
from collections.abc import Callable, Sequence
from datetime import timedelta

import msgspec

from tornado_chat.clock import Clock
from tornado_chat.errors import StoreUnavailable
from tornado_chat.happenings import Happening, Recorded
from tornado_chat.models import AuditEntry, User
from tornado_chat.records import AuditQuery
from tornado_chat.store import Store

log = logging.getLogger(__name__)

MAX_BATCH = 500
MAX_WAITING = 5000  # entries, while the database is away; none are made then but by what needs no database
RETRY = 1.0  # seconds
PAGE = 1000  # entries that a search for words reads at a time
MAX_PAGES = 5  # that it looks through; what a page costs the embedded database is mostly the same for any size
RETAIN_DAYS = 30.0


class Audit:
    """`retain` is how many days an entry is kept. `happened` is told of each."""

    def __init__(
        self,
        app_id: int,
        store: Store,
        clock: Clock,
        happened: Callable[[Happening], None],
        *,
        retain: float = RETAIN_DAYS,
    ) -> None:
        self._app_id = app_id
        self._store = store
        self._clock = clock
        self._happened = happened
        self.retain = timedelta(days=retain)
        self._waiting: deque[AuditEntry] = deque()
        self._task: asyncio.Task[None] | None = None
        self._tried = asyncio.Event()
        self._numbers = itertools.count()

    def entry(
        self,
        actor: User,
        action: str,
        target: str = "",
        *,
        reason: str = "",
        message_id: int = 0,
        text: str = "",
        seconds: int = 0,
        plugin: str = "",
    ) -> AuditEntry:
        """Return an entry of now."""
        now = self._clock.now()
        # In order of time, and of the acts of one millisecond; unique over restarts.
        number = next(self._numbers) & 0xFFFF
        return AuditEntry(
            f"{int(now.timestamp() * 1000):012x}{number:04x}{secrets.token_hex(4)}",
            now,
            actor.uname,
            actor.role,
            action,
            target,
            reason,
            message_id,
            text,
            seconds,
            plugin,
        )

    async def record(self, *entries: AuditEntry) -> None:
        """Write entries down; returns once they are stored, or that failed and is tried again until it is done.

        Never raises: what they are about has been done.
        """
        for entry in entries:
            if len(self._waiting) >= MAX_WAITING:
                log.error("app %d: the audit log can't be stored, and loses its oldest entries", self._app_id)
                self._waiting.popleft()
            self._waiting.append(entry)
            self._happened(Recorded(entry))
        if not entries:
            return
        if self._task is None:
            self._tried.clear()
            self._task = asyncio.get_running_loop().create_task(self._write(), name=f"audit of app {self._app_id}")
        await self._tried.wait()

    async def find(self, query: AuditQuery, limit: int, words: str = "") -> list[AuditEntry]:
        """Return the newest `limit` (1 to 500) entries that fit, newest first; with `words`, those that have them.

        For words the newest 5,000 are looked through. Raises StoreUnavailable.
        """
        if not words:
            return await self._store.records.find_audit(self._app_id, query, limit)
        wanted = words.casefold()
        found: list[AuditEntry] = []
        for _ in range(MAX_PAGES):
            page = await self._store.records.find_audit(self._app_id, query, PAGE)
            found += [entry for entry in page if wanted in _words_of(entry)]
            if len(found) >= limit or len(page) < PAGE:
                break
            query = msgspec.structs.replace(query, before=page[-1].id)
        return found[:limit]

    async def close(self) -> None:
        """Try once more to store what waits."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait({self._task})
        if self._waiting:
            try:
                await self._store_batch()
            except StoreUnavailable as error:
                log.error("app %d: %d entries of the audit log are lost: %s", self._app_id, len(self._waiting), error)

    async def _write(self) -> None:
        try:
            while self._waiting:
                try:
                    await self._store_batch()
                except StoreUnavailable as error:
                    if not self._tried.is_set():
                        log.warning("app %d: the audit log waits for the database: %s", self._app_id, error)
                    self._tried.set()
                    await self._pause()
        finally:
            self._tried.set()
            self._task = None

    async def _store_batch(self) -> None:
        batch: Sequence[AuditEntry] = [self._waiting[at] for at in range(min(len(self._waiting), MAX_BATCH))]
        await self._store.records.add_audit(self._app_id, batch, self._clock.now() + self.retain)
        for entry in batch:
            if self._waiting and self._waiting[0] is entry:  # the oldest may have been lost meanwhile
                self._waiting.popleft()

    async def _pause(self) -> None:
        due: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        timer = self._clock.call_later(RETRY, lambda: None if due.done() else due.set_result(None))
        try:
            await due
        finally:
            timer.cancel()


def _words_of(entry: AuditEntry) -> str:
    return f"{entry.actor}\n{entry.action}\n{entry.target}\n{entry.reason}\n{entry.text}".casefold()
