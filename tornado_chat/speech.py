"""What becomes of what a user says in one app: refused, held, or queued to be stored and shown."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from functools import partial

from tornado_chat.actions import Actions
from tornado_chat.app_part import AppPart, Ground
from tornado_chat.errors import Ack, StoreUnavailable
from tornado_chat.happenings import Rejected
from tornado_chat.models import BOT_ID, Draft, Message, Person, Role, User
from tornado_chat.moderation import Answer, Deliver, Moderation, Refuse, Withhold
from tornado_chat.people import People
from tornado_chat.store import Posting
from tornado_chat.text import duration_text
from tornado_chat.verdicts import Action, PurgeSender
from tornado_chat.writer import Writer

log = logging.getLogger(__name__)

HELD = "Your message waits for a moderator"
TOO_MANY_HELD = "Too many messages of yours wait for a moderator already"
NOT_STORED = Answer(
    Ack.INTERNAL_ERROR, "Your message was not sent: the chat can't store messages right now. Please try again."
)


class Speech(AppPart):
    """Takes a message through mutes, gates and filters, and does what these want done beside."""

    def __init__(self, ground: Ground, *, writer: Writer, actions: Actions, people: People) -> None:
        super().__init__(ground)
        self._writer = writer
        self._actions = actions
        self._people = people

    async def say(
        self, moderation: Moderation, user: User, text: str, cid: str, *, me: bool = False
    ) -> Answer | asyncio.Future[Answer]:
        """Say something (1 to 350 units, trimmed) as `user`; see Chat.submit. Never raises."""
        if silenced := self._silenced(user):
            return silenced
        person = await self._person(user)
        screening = await moderation.screen(user, text, person=person)
        decision = screening.decision
        if isinstance(decision, Refuse):
            return await self._refuse(user, text, decision, screening.actions)
        actions = screening.actions
        if actions:  # what is purged is what was said before this
            await self._carry_out([item for item in actions if isinstance(item[1], PurgeSender)], user)
            actions = [item for item in actions if not isinstance(item[1], PurgeSender)]
        # A filter may have taken its time, and a moderator may have acted in it.
        if silenced := self._silenced(user):
            return silenced
        if moderation.accepts:
            accepted = moderation.accept(Draft(self._app_id, user, decision.text, text, person))
            actions = [*actions, *accepted.actions]
            if isinstance(accepted.decision, Refuse):
                return await self._refuse(user, text, accepted.decision, actions)
        if isinstance(decision, Withhold):
            answer: Answer | asyncio.Future[Answer] = await self._hold(user, decision, cid, me)
        else:
            answer = self._queue(user, decision, cid, me)
        if actions:
            await self._carry_out(actions, user)
        return answer

    async def _refuse(self, user: User, text: str, refusal: Refuse, actions: Sequence[tuple[str, Action]]) -> Answer:
        await self._carry_out(actions, user)
        self._happened(Rejected(user, text, refusal.plugin, refusal.code, refusal.message))
        return Answer(refusal.code, refusal.message)

    def _queue(self, user: User, decision: Deliver, cid: str, me: bool) -> Answer | asyncio.Future[Answer]:
        posting = Posting(user, decision.text, self._clock.now(), shadow=decision.shadow, cid=cid, me=me)
        try:
            stored = self._writer.queue(posting)
        except StoreUnavailable:
            return NOT_STORED
        answer: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        stored.add_done_callback(partial(_answer, answer))
        return answer

    async def _hold(self, user: User, decision: Withhold, cid: str, me: bool) -> Answer:
        if not self._actions.may_hold(user):
            return Answer(Ack.MESSAGE_REJECTED, TOO_MANY_HELD)
        try:
            await self._actions.hold(user, decision.text, decision.plugin, decision.reason, cid, me=me)
        except StoreUnavailable as error:
            log.warning("app %d: a message could not be held: %s", self._app_id, error)
            return NOT_STORED
        return Answer(Ack.MESSAGE_HELD, HELD)

    async def _carry_out(self, actions: Sequence[tuple[str, Action]], sender: User) -> None:
        for plugin, action in actions:
            await self._actions.carry_out(User(BOT_ID, plugin, Role.MOD), plugin, action, sender)

    async def _person(self, user: User) -> Person | None:
        """Return what is known of one who speaks; the database is asked once."""
        known = self._people.known(user.uname)
        if known is not None:
            return known
        try:
            return await self._people.of(user.uname) or self._people.new(user)
        except StoreUnavailable:
            return None  # then the message won't be stored either

    def _silenced(self, user: User) -> Answer | None:
        now = self._clock.now()
        if len(self._room.bans) and self._room.bans.binding(user, "", now) is not None:
            return Answer(Ack.BANNED)  # of their own tabs none is left that could show more
        mute = self._room.mute_binding(user, now)
        if mute is None:
            return None
        left = duration_text((mute.expires_at - now).total_seconds())
        reason = f": {mute.reason}" if mute.reason else ""
        return Answer(Ack.USER_MUTED, f"You are muted for another {left}{reason}")


def _answer(answer: asyncio.Future[Answer], stored: asyncio.Future[Message]) -> None:
    if not answer.done():
        answer.set_result(Answer(None) if not stored.cancelled() and stored.exception() is None else NOT_STORED)
