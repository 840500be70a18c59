"""Group commit: one writer per app stores all that waits in one go, then publishes it in id order."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from tornado_chat.errors import StoreAway, StoreUnavailable
from tornado_chat.models import Message
from tornado_chat.quota import Quota
from tornado_chat.store import Posting, Store

log = logging.getLogger(__name__)

# A batch of 250 is one message of MongoDB's wire protocol, and one screenful of work for a slow reader.
MAX_BATCH = 250
# Four seconds of what the embedded database can take. Whoever comes after that is told at once.
MAX_WAITING = 2000


@dataclass(slots=True)
class _Waiting:
    posting: Posting
    deadline: float  # event-loop time by which the sender must have an answer
    stored: asyncio.Future[Message]


class Writer:
    """Stores one app's messages.

    `publish` is awaited for each stored message, in id order, before its sender is answered. `timeout` is how many
    seconds a sender waits at most. `limit` is how many may wait in this app, `quota` how many in all.
    """

    def __init__(
        self,
        app_id: int,
        store: Store,
        publish: Callable[[Message], Awaitable[None]],
        *,
        timeout: float,
        limit: int = MAX_WAITING,
        quota: Quota | None = None,
    ) -> None:
        self._app_id = app_id
        self._store = store
        self._publish = publish
        self._timeout = timeout
        self._own = Quota(limit)
        self._all = quota or Quota(limit)
        self._published = 0  # the highest id that the room knows
        self._waiting: deque[_Waiting] = deque()
        self._task: asyncio.Task[None] | None = None
        self._newest: asyncio.Future[Message] | None = None

    @property
    def waiting(self) -> Quota:
        """How many wait in this app."""
        return self._own

    def begin_after(self, newest: int) -> None:
        """Take the messages up to `newest` as published."""
        self._published = newest

    def queue(self, posting: Posting) -> asyncio.Future[Message]:
        """Have one message stored and published, after those that were queued before.

        Raises StoreUnavailable, here or in the future; then the message wasn't published, and never will be. Whoever
        cancels the future, or lets go of it, doesn't unsend the message.
        """
        if not self._own.take():
            raise StoreUnavailable(f"{self._own.limit} messages of app {self._app_id} are waiting to be stored")
        if not self._all.take():
            self._own.give()
            raise StoreUnavailable(f"{self._all.limit} messages of all apps are waiting to be stored")
        loop = asyncio.get_running_loop()
        entry = _Waiting(posting, loop.time() + self._timeout, loop.create_future())
        self._waiting.append(entry)
        if self._task is None:
            self._task = loop.create_task(self._run(), name=f"writer of app {self._app_id}")
        entry.stored.add_done_callback(self._leave)
        self._newest = entry.stored
        return entry.stored

    async def write(self, posting: Posting) -> Message:
        """Queue one message and wait until it is stored and published. Raises StoreUnavailable."""
        # The writer, not the sender, decides: a sender who goes away doesn't unsend the message.
        return await asyncio.shield(self.queue(posting))

    async def settled(self) -> None:
        """Wait until what is queued now is stored and published, or refused; not for what comes after."""
        if self._newest is not None and not self._newest.done():
            await asyncio.wait({self._newest})

    async def drain(self) -> None:
        """Wait until nothing waits any more."""
        if self._task is not None:
            await asyncio.shield(self._task)

    async def _run(self) -> None:
        try:
            while self._waiting:
                await self._write_batch([self._waiting.popleft() for _ in range(min(len(self._waiting), MAX_BATCH))])
        finally:
            self._task = None

    async def _write_batch(self, batch: list[_Waiting]) -> None:
        patience = batch[0].deadline - asyncio.get_running_loop().time()
        try:
            messages = await self._store.append(self._app_id, [entry.posting for entry in batch], patience)
            stored = list(zip(batch, messages, strict=True))
        except StoreUnavailable as error:
            # Those who wait behind this batch would only wait as long again for the same answer.
            self._fail([*batch, *self._waiting], error)
            self._waiting.clear()
            return
        except Exception:
            log.exception("app %d: storing %d messages failed", self._app_id, len(batch))
            self._fail(batch, StoreUnavailable("internal error"))
            return
        for entry, message in stored:
            if message.id > self._published:  # else it was sent before, and published then
                self._published = message.id
                try:
                    await self._publish(message)
                except Exception:
                    log.exception("app %d: publishing message %d failed", self._app_id, message.id)
            if not entry.stored.done():
                entry.stored.set_result(message)

    def _fail(self, entries: list[_Waiting], error: StoreUnavailable) -> None:
        level = logging.DEBUG if isinstance(error, StoreAway) else logging.WARNING
        log.log(level, "app %d: %d messages were refused: %s", self._app_id, len(entries), error)
        for entry in entries:
            if not entry.stored.done():
                entry.stored.set_exception(StoreUnavailable(str(error)))

    def _leave(self, stored: asyncio.Future[Message]) -> None:
        self._own.give()
        self._all.give()
        if not stored.cancelled():
            stored.exception()  # or asyncio prints a failure that no sender waits for any more
