"""The use-cases of one app: join, post, leave."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from functools import partial
from typing import Any

from tornado_chat.bus import Bus
from tornado_chat.clock import Clock
from tornado_chat.commands import is_command
from tornado_chat.errors import Ack, StoreUnavailable
from tornado_chat.events import new_message, user_payload
from tornado_chat.models import Message, User
from tornado_chat.moderation import Answer, Moderation
from tornado_chat.presence import Presence
from tornado_chat.room import Occupant, Room
from tornado_chat.sanctions import Sanctions
from tornado_chat.store import Posting, Store
from tornado_chat.text import duration_text
from tornado_chat.writer import Writer

NOT_STORED = Answer(
    Ack.INTERNAL_ERROR, "Your message was not sent: the chat can't store messages right now. Please try again."
)


@dataclass(frozen=True, slots=True)
class Seat:
    """One socket's place in a chat; `occupant` is None for a guest."""

    chat: Chat
    occupant: Occupant | None


class Chat:
    """One app's lobby. Load it before the first join; `history` is how many messages a newcomer is given."""

    def __init__(
        self,
        app_id: int,
        *,
        room: Room,
        sanctions: Sanctions,
        moderation: Moderation,
        store: Store,
        bus: Bus,
        clock: Clock,
        history: int,
        timeout: float,
    ) -> None:
        self.app_id = app_id
        self.moderation = moderation
        self._room = room
        self._sanctions = sanctions
        self._store = store
        self._bus = bus
        self._clock = clock
        self._history = history
        self._presence = Presence(app_id, room, bus, clock)
        self._writer = Writer(app_id, store, self._publish, timeout=timeout)

    async def load(self) -> None:
        """Read the app's history and mutes. Raises StoreUnavailable; then it may be called again."""
        history, mutes = await asyncio.gather(
            self._store.recent(self.app_id, self._history), self._store.mutes(self.app_id)
        )
        self._room.remember(history)
        self._sanctions.load(mutes)

    def set_owners(self, owners: frozenset[str]) -> None:
        """Take over who owns the app, as the identity provider says now."""
        self._room.owners = owners

    async def join(self, user: User | None) -> Seat:
        """Seat one socket of `user` (None: a guest), and tell the room of a user who wasn't here.

        The caller subscribes the socket after this and takes the snapshot in the same breath, so that it neither
        misses nor doubles a message, and isn't told of itself.
        """
        if user is None:
            return Seat(self, None)
        was_big = self._room.big
        occupant, first = self._room.enter(user)
        await self._sanctions.release(user)
        if first:
            await self._presence.came(user, was_big)
        return Seat(self, occupant)

    async def leave(self, seat: Seat) -> None:
        """Give the seat back, and tell the room where it was the user's last."""
        was_big = self._room.big
        if seat.occupant is not None and self._room.leave(seat.occupant):
            await self._presence.left(seat.occupant.user, was_big)

    def snapshot(self, seat: Seat) -> dict[str, Any]:
        """Return what `auth` answers: {user, room}, without `user` for a guest (seed). `room` is encoded already."""
        data: dict[str, Any] = {"room": self._room.snapshot(self._clock.now())}
        if seat.occupant is not None:
            data["user"] = user_payload(seat.occupant.user)
        return data

    async def submit(self, seat: Seat, text: str) -> Answer | asyncio.Future[Answer]:
        """Carry out a command, or check a message and queue it. `text` is trimmed, 1 to 350 units. Never raises.

        What is decided at once is the answer itself. A message that is queued has its answer once it is stored and
        published (the ack is None) or couldn't be; the future never fails. The next message of the same sender may be
        submitted as soon as this returns, and comes after this one.
        """
        if seat.occupant is None:
            return Answer(Ack.USER_REQUIRED)
        user = seat.occupant.user
        if is_command(text):
            return await self.moderation.command(user, text)
        if muted := self._muted(user):
            return muted
        decision = await self.moderation.screen(user, text)
        if isinstance(decision, Answer):
            return decision
        # A filter may have taken its time, and a moderator may have acted in it.
        if muted := self._muted(user):
            return muted
        try:
            stored = self._writer.queue(Posting(user, decision.text, self._clock.now()))
        except StoreUnavailable:
            return NOT_STORED
        answer: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        stored.add_done_callback(partial(_answer, answer))
        return answer

    async def post(self, seat: Seat, text: str) -> Answer:
        """Submit, and wait for the answer."""
        answer = await self.submit(seat, text)
        return answer if isinstance(answer, Answer) else await answer

    async def close(self) -> None:
        """Finish what is under way."""
        await self._writer.drain()
        await self._presence.close()
        await self._sanctions.close()

    def _muted(self, user: User) -> Answer | None:
        now = self._clock.now()
        mute = self._room.mute_binding(user, now)
        if mute is None:
            return None
        left = duration_text((mute.expires_at - now).total_seconds())
        reason = f": {mute.reason}" if mute.reason else ""
        return Answer(Ack.USER_MUTED, f"You are muted for another {left}{reason}")

    async def _publish(self, message: Message) -> None:
        self._room.remember([message])
        await self._bus.publish(self.app_id, new_message(message))


def _answer(answer: asyncio.Future[Answer], stored: asyncio.Future[Message]) -> None:
    if not answer.done():
        answer.set_result(Answer(None) if not stored.cancelled() and stored.exception() is None else NOT_STORED)
