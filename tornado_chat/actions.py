"""What can be done in a room beside posting and muting: tell, delete, purge, disconnect, hold, approve."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from tornado_chat.app_part import AppPart, Ground
from tornado_chat.errors import NOT_AUTHORIZED, CommandRefused, RankRefused, StoreAway, StoreUnavailable
from tornado_chat.events import (
    Event,
    message_deleted,
    message_held,
    message_reviewed,
    messages_purged,
    new_message,
    notice,
    plugin_event,
    room_purged,
)
from tornado_chat.happenings import Alerted, Deleted, Held, Struck
from tornado_chat.holding import Holding
from tornado_chat.models import AuditEntry, HeldMessage, Message, Role, User, fold
from tornado_chat.sanctions import Sanctions, a_role
from tornado_chat.store import Posting
from tornado_chat.verdicts import Action, AlertStaff, MuteSender, PurgeSender, Strike
from tornado_chat.writer import Writer

log = logging.getLogger(__name__)

PURGED_PAGE = 500  # messages that are looked through at a time
PURGED_PAGES = 4


@dataclass(frozen=True, slots=True)
class _Erasure:
    ids: Sequence[int]
    event: Event
    happening: Deleted
    entries: Sequence[AuditEntry]


class Actions(AppPart):
    """One app's."""

    def __init__(self, ground: Ground, *, sanctions: Sanctions, holding: Holding, writer: Writer) -> None:
        super().__init__(ground)
        self._sanctions = sanctions
        self._holding = holding
        self._writer = writer
        self._unsettled: list[_Erasure] = []  # that may have been done in the database
        self._unforgotten: list[HeldMessage] = []  # reviewed, and may still be stored as waiting
        self._half_withdrawn: dict[int, HeldMessage] = {}  # self._half_withdrawn[message id]

    async def tell(self, uname: str, text: str) -> None:
        """Show a text to one user, in all tabs; to one who isn't here, nothing is done."""
        await self._bus.publish(self._app_id, notice(text, self._spellings(uname)))

    async def tell_staff(self, text: str) -> None:
        """Show a text to the staff who are here."""
        await self._bus.publish(self._app_id, notice(text, self._room.staff))

    async def tell_all(self, text: str) -> None:
        """Show a text to everybody who is here; it isn't kept."""
        await self._bus.publish(self._app_id, notice(text))

    async def alert(self, text: str, plugin: str) -> None:
        """Show a text to the staff who are here, and tell listeners."""
        await self.tell_staff(text)
        self._happened(Alerted(plugin, text))

    async def emit(self, plugin: str, name: str, data: Any, to: User | Role | Literal["staff"] | None) -> None:
        """Send a `plugin_event` to a user, to the staff who are here, to a role and those above it, or to everybody."""
        await self._bus.publish(self._app_id, plugin_event(plugin, name, data, self._receivers(to)))

    def _receivers(self, to: User | Role | str | None) -> frozenset[str] | None:
        if to is None:
            return None
        if isinstance(to, User):
            return frozenset([to.uname])
        least = to if isinstance(to, Role) else Role.MOD
        if least is Role.MEMBER:  # everybody but guests
            return frozenset(user.uname for user in self._room.users)
        if least is Role.MOD:
            return self._room.staff
        here = [user for uname in self._room.staff if (user := self._room.find(uname)) is not None]
        return frozenset(user.uname for user in here if user.role.rank >= least.rank)

    async def post(self, user: User, text: str, plugin: str) -> Message:
        """Store and show a message of a plugin's own; no filter is asked. Raises StoreUnavailable."""
        return await self._writer.write(Posting(user, text, self._clock.now(), plugin))

    async def show(self, message: Message) -> None:
        """Show a message that was stored to those it is for."""
        if not message.shadow:
            await self._bus.publish(self._app_id, new_message(message))
            return
        staff = self._room.staff
        await self._bus.publish(self._app_id, new_message(message, to=frozenset([message.user.uname]) - staff))
        await self._bus.publish(self._app_id, new_message(message, to=staff, staff=True))

    async def delete(self, actor: User, message_id: int, reason: str = "", plugin: str = "") -> Message:
        """Delete one message, however old, and return it.

        Raises CommandRefused where there is none, or its sender is not below the actor (one's own may be deleted);
        StoreUnavailable.
        """
        if self._room.find_message(message_id) is None and 1 <= message_id <= min(self._room.floor, self._room.newest):
            return await self._delete_old(actor, message_id, reason, plugin)
        message = self._deletable(actor, message_id)
        await self._erase(self._erasure_of(message, actor, reason, plugin))
        return message

    async def _delete_old(self, actor: User, message_id: int, reason: str, plugin: str) -> Message:
        found = await self._store.before(self._app_id, message_id + 1, 1)
        if not found or found[0].id != message_id:
            raise CommandRefused(f"There is no message {message_id} that could be deleted")
        message = found[0]
        self._require_deletable(actor, message)
        await self._erase(self._erasure_of(message, actor, reason, plugin))
        return message

    async def purge(
        self, actor: User, uname: str, reason: str = "", plugin: str = "", *, reaches_back: bool = True
    ) -> int:
        """Delete what a name said: all that the room remembers, and what is among the 2,000 messages before.

        Not the latter where it doesn't `reaches_back`. Returns how many messages that were. Raises CommandRefused where
        the actor doesn't outrank the name, or whoever said something under it; StoreUnavailable.
        """
        self._sanctions.require_rank(actor, uname)
        await self._writer.settled()  # what was said a moment ago may still wait to be stored
        recent = self._room.messages_of(uname)
        older = await self._older_of(uname) if reaches_back else []
        for message in older:
            self._require_deletable(actor, message)
        # What fell out of the room meanwhile is among the first, what was said meanwhile among the last.
        found = {message.id: message for message in [*older, *recent, *self._room.messages_of(uname)]}
        messages = [found[number] for number in sorted(found.keys() - self._room.deleted)]
        spelled, _ = self._room.known(uname)
        ids = tuple(message.id for message in messages)
        purged = self._audit.entry(actor, "purge", spelled, reason=reason, plugin=plugin)
        entries = [purged, *self._deletions(actor, messages, reason, plugin)]
        happening = Deleted(ids, actor.uname, spelled)
        await self._erase(_Erasure(ids, messages_purged(spelled, ids), happening, entries))
        return len(messages)

    async def clear(self, actor: User, reason: str = "", plugin: str = "") -> int:
        """Delete all that the room remembers, whoever said it; return how many messages that were.

        Raises StoreUnavailable.
        """
        await self._writer.settled()
        messages = self._room.history
        ids = tuple(message.id for message in messages)
        cleared = self._audit.entry(actor, "clear", reason=reason, plugin=plugin)
        entries = [cleared, *self._deletions(actor, messages, reason, plugin)]
        await self._erase(_Erasure(ids, room_purged(ids), Deleted(ids, actor.uname), entries))
        return len(messages)

    async def settle(self) -> None:
        """Finish the deletions of which it isn't known whether they were done: a text can't be undeleted.

        And forget what waits no more.

        Raises StoreUnavailable.
        """
        while self._unsettled:
            erasure = self._unsettled[0]
            if not self._room.deleted.issuperset(erasure.ids):  # else somebody did it again meanwhile
                await self._carry_through(erasure)
            self._unsettled = [other for other in self._unsettled if other is not erasure]
        self._half_withdrawn.clear()
        while self._unforgotten:
            await self._holding.forget(self._unforgotten[0])
            del self._unforgotten[0]

    async def withdraw(self, actor: User, message_id: int, reason: str, plugin: str) -> HeldMessage:
        """Take a message that was shown back, and have it wait for a moderator.

        Raises CommandRefused as `delete` does; StoreUnavailable.
        """
        message = self._deletable(actor, message_id)
        held = self._half_withdrawn.pop(message_id, None)
        if held is None or self._holding.get(held.id) is None:
            held = await self._holding.add(message.user, message.text, plugin, reason, me=message.me)
        try:
            await self._erase(self._erasure_of(message, actor, reason, plugin))
        except StoreAway:
            # What is still shown doesn't wait as well.
            if self._holding.take(held.id) is not None:
                await self._forget(held)
            raise
        except StoreUnavailable:
            # It may be deleted by now, and if not it will be, when the database is back: it has to wait.
            self._half_withdrawn[message_id] = held
            raise
        await self._was_held(held)
        return held

    async def disconnect(self, actor: User, uname: str, text: str, reason: str = "", plugin: str = "") -> int:
        """Close every connection of a name that is here, after telling it `text`; return how many users that were.

        Raises CommandRefused where the actor doesn't outrank the name.
        """
        spelled_here = self._sanctions.require_rank(actor, uname)
        spellings = self._spellings(uname)
        if text:
            await self._bus.publish(self._app_id, notice(text, spellings))
        for spelled in spellings:
            await self._bus.disconnect(self._app_id, spelled)
        if spellings:
            await self._audit.record(self._audit.entry(actor, "kick", spelled_here, reason=reason, plugin=plugin))
        return len(spellings)

    def may_hold(self, user: User) -> bool:
        """Tell whether one more message of a user's may wait for a moderator, as far as they alone are concerned."""
        return not self._holding.is_full_of(user)

    async def hold(
        self, user: User, text: str, plugin: str, reason: str, cid: str = "", *, me: bool = False
    ) -> HeldMessage:
        """Keep a message for a moderator, and tell staff. Raises StoreUnavailable."""
        held = await self._holding.add(user, text, plugin, reason, cid, me=me)
        await self._was_held(held)
        return held

    @property
    def held(self) -> list[HeldMessage]:
        """What waits for a moderator, oldest first."""
        return self._holding.waiting

    async def approve(self, actor: User, held_id: int) -> Message:
        """Post a message that waits, as its sender's. Raises CommandRefused where none waits; StoreUnavailable."""
        held = self._take(actor, held_id)
        try:
            posting = Posting(held.user, held.text, self._clock.now(), cid=held.cid, me=held.me)
            message = await self._writer.write(posting)
        except BaseException:
            self._holding.put_back(held)
            raise
        await self._reviewed(held, actor, approved=True)
        return message

    async def deny(self, actor: User, held_id: int) -> HeldMessage:
        """Drop a message that waits, and return it.

        Raises CommandRefused where none waits, or its sender stands above the actor.
        """
        held = self._take(actor, held_id)
        if held.user.role.outranks(actor.role):
            self._holding.put_back(held)
            raise RankRefused(f"{NOT_AUTHORIZED}: {held.user.uname} is {a_role(held.user.role)}")
        await self._reviewed(held, actor, approved=False)
        return held

    async def expire(self, held: HeldMessage) -> None:
        """Drop a message that waited too long, and tell staff and its sender."""
        await self._bus.publish(self._app_id, message_reviewed(held, "", approved=False, staff=self._room.staff))
        await self.tell(held.user.uname, f"No moderator looked at your message in time, so it was dropped: {held.text}")
        await self._forget(held)

    async def carry_out(self, bot: User, plugin: str, action: Action, sender: User) -> None:
        """Do what a verdict wants done beside; what can't be done is logged."""
        try:
            match action:
                case MuteSender(seconds=seconds, reason=reason):
                    await self._sanctions.mute(bot, sender.uname, seconds, reason, plugin)
                case PurgeSender():
                    await self.purge(bot, sender.uname, plugin=plugin, reaches_back=False)
                case AlertStaff(text=text):
                    await self.alert(text, plugin)
                case Strike(reason=reason):
                    self._happened(Struck(sender, plugin, reason))
        except (CommandRefused, StoreUnavailable) as error:
            kind = type(action).__name__
            log.warning("app %d: plugin %s: %s was not done: %s", self._app_id, plugin, kind, error)

    def _deletable(self, actor: User, message_id: int) -> Message:
        message = self._room.find_message(message_id)
        if message is None:
            raise CommandRefused(f"There is no message {message_id} that could be deleted")
        self._require_deletable(actor, message)
        return message

    def _require_deletable(self, actor: User, message: Message) -> None:
        if message.plugin or message.user.key == actor.key:
            return
        self._sanctions.require_rank(actor, message.user.uname)
        # The room may have forgotten who that was; the message hasn't.
        if not actor.role.outranks(message.user.role) and self._room.find(message.user.uname) is None:
            raise RankRefused(f"{NOT_AUTHORIZED}: {message.user.uname} is {a_role(message.user.role)}")

    async def _older_of(self, uname: str) -> list[Message]:
        """Return what a name said in the messages before those that the room remembers, as far as purges reach."""
        key, before, found = fold(uname), self._room.begins, list[Message]()
        for _ in range(PURGED_PAGES if self._room.floor else 0):
            page = await self._store.before(self._app_id, before, PURGED_PAGE)
            found = [message for message in page if not message.plugin and message.user.key == key] + found
            if len(page) < PURGED_PAGE:
                break
            before = page[0].id
        return found

    def _erasure_of(self, message: Message, actor: User, reason: str, plugin: str) -> _Erasure:
        ids = (message.id,)
        entries = self._deletions(actor, [message], reason, plugin)
        return _Erasure(ids, message_deleted(message.id), Deleted(ids, actor.uname), entries)

    async def _was_held(self, held: HeldMessage) -> None:
        await self._bus.publish(self._app_id, message_held(held, self._room.staff))
        self._happened(Held(held.id, held.user, held.text, held.plugin, held.reason))

    async def _erase(self, erasure: _Erasure) -> None:
        try:
            await self._carry_through(erasure)
        except StoreAway:  # it wasn't asked
            raise
        except StoreUnavailable:
            self._unsettled.append(erasure)
            raise

    async def _carry_through(self, erasure: _Erasure) -> None:
        if erasure.ids:
            await self._store.delete_messages(self._app_id, erasure.ids, self._room.newest)
            self._room.forget(set(erasure.ids))
            await self._bus.publish(self._app_id, erasure.event)
            self._happened(erasure.happening)
        await self._audit.record(*erasure.entries)

    def _deletions(self, actor: User, messages: Sequence[Message], reason: str, plugin: str) -> list[AuditEntry]:
        return [
            self._audit.entry(
                actor,
                "delete",
                message.user.uname,
                reason=reason,
                message_id=message.id,
                text=message.text,
                plugin=plugin,
            )
            for message in messages
        ]

    def _take(self, actor: User, held_id: int) -> HeldMessage:
        held = self._holding.take(held_id)
        if held is None:
            raise CommandRefused(f"No message {held_id} is waiting")
        if held.user.key == actor.key and not actor.role.rank > held.user.role.rank:
            self._holding.put_back(held)
            raise RankRefused(f"{NOT_AUTHORIZED}: it is your own")
        return held

    async def _reviewed(self, held: HeldMessage, actor: User, *, approved: bool) -> None:
        event = message_reviewed(held, actor.uname, approved, self._room.staff)
        await asyncio.gather(self._bus.publish(self._app_id, event), self._forget(held))
        action = "approve" if approved else "deny"
        entry = self._audit.entry(
            actor, action, held.user.uname, reason=held.reason, text=held.text, plugin=held.plugin
        )
        await self._audit.record(entry)

    async def _forget(self, held: HeldMessage) -> None:
        try:
            await self._holding.forget(held)
        except StoreUnavailable as error:
            # After a restart it would wait again; better twice looked at than not at all.
            self._unforgotten.append(held)
            log.warning("app %d: held message %d stays stored for now: %s", self._app_id, held.id, error)

    def _spellings(self, uname: str) -> frozenset[str]:
        """The unames of those who are here under a name, in any case."""
        return frozenset(self._room.spellings(fold(uname)))
