"""The use-cases of one app: join, post, leave."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from tornado_chat.actions import Actions
from tornado_chat.app_part import Ground
from tornado_chat.audit import RETAIN_DAYS, Audit
from tornado_chat.back_pages import BackPages
from tornado_chat.bans import Bans, Protected
from tornado_chat.bus import Bus
from tornado_chat.clock import Clock
from tornado_chat.commands import InstalledCommand, describe, is_command, usable
from tornado_chat.errors import Ack, ChatFull, StoreUnavailable
from tornado_chat.events import held_payload, iso, user_payload
from tornado_chat.gates import Visitor
from tornado_chat.happenings import Happening, Joined, Left, Posted, Suspended, TabOpened
from tornado_chat.holding import HELD_HOURS, MAX_HELD, Holding
from tornado_chat.http import HttpClient
from tornado_chat.models import HeldMessage, Message, Role, User
from tornado_chat.moderation import Answer, Moderation
from tornado_chat.modes import Modes
from tornado_chat.people import People
from tornado_chat.plugin_set import PluginSet
from tornado_chat.presence import Presence
from tornado_chat.quota import Quota
from tornado_chat.rechecks import Rechecks, Voucher
from tornado_chat.repeats import Repeats
from tornado_chat.room import Occupant, Room
from tornado_chat.sanctions import Sanctions
from tornado_chat.services import Services
from tornado_chat.speech import HELD, Speech
from tornado_chat.store import Store
from tornado_chat.supervision import Part, Supervisor
from tornado_chat.text import duration_text, js_trim, one_line
from tornado_chat.writer import MAX_WAITING, Writer

log = logging.getLogger(__name__)

MAX_CALLS = 1000
UNKNOWN = Answer(
    Ack.INTERNAL_ERROR, "Your message was not sent: the site can't be asked who you are. Please try again later."
)
BUSY = Answer(Ack.INTERNAL_ERROR, "Your message was not sent: the chat is too busy. Please try again.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """How much an app may have.

    Messages that wait to be stored (`quota` has those of all apps), connections, calls of plugins under way.
    """

    unstored: int = MAX_WAITING
    quota: Quota | None = None
    connections: int = 10_000
    plugin_calls: int = MAX_CALLS


@dataclass(frozen=True, slots=True)
class Seat:
    """One socket's place in a chat; `occupant` is None for a guest."""

    chat: Chat
    occupant: Occupant | None
    address: str = ""


class Chat:
    """One app's lobby. Equip it and load it before the first join.

    `history` is how many messages a newcomer is given, `presence_limit` how many users make the room big, `timeout`
    how many seconds a sender waits for the database, `retain` how many days the audit log, and with it what was
    deleted, is kept. `held` is how many messages may wait for a moderator, `held_hours` how long each.
    `protected` tells which networks can't be banned.
    """

    def __init__(
        self,
        app_id: int,
        *,
        store: Store,
        bus: Bus,
        clock: Clock,
        history: int,
        presence_limit: int,
        timeout: float,
        bounds: Bounds | None = None,
        retain: float = RETAIN_DAYS,
        held: int = MAX_HELD,
        held_hours: float = HELD_HOURS,
        protected: Protected = lambda _: False,
    ) -> None:
        bounds = bounds or Bounds()
        self.app_id = app_id
        self._store = store
        self._bus = bus
        self._clock = clock
        self._history = history
        self._room = Room(history, presence_limit)
        self._audit = Audit(app_id, store, clock, self._happened, retain=retain)
        self._ground = ground = Ground(
            app_id=app_id,
            room=self._room,
            store=store,
            bus=bus,
            clock=clock,
            audit=self._audit,
            timeout=timeout,
            happened=self._happened,
        )
        self._people = People(app_id, store, clock)
        self._sanctions = Sanctions(ground)
        self._bans = Bans(ground, sanctions=self._sanctions, protected=protected)
        self._modes = Modes(ground)
        self._presence = Presence(app_id, self._room, bus, clock)
        self._writer = Writer(app_id, store, self._publish, timeout=timeout, limit=bounds.unstored, quota=bounds.quota)
        self._repeats = Repeats(clock.monotonic)
        self._rechecks = Rechecks(app_id, self._room, bus, clock, self._sanctions.release)
        self.sockets = Quota(bounds.connections)
        """The app's connections."""
        self._plugin_calls = bounds.plugin_calls
        self._busy = 0  # how often there were too many calls of plugins under way
        self._holding = Holding(app_id, store, clock, self._expire, most=held, hours=held_hours)
        self._actions = Actions(ground, sanctions=self._sanctions, holding=self._holding, writer=self._writer)
        self._back_pages = BackPages(ground)
        self._speech = Speech(ground, writer=self._writer, actions=self._actions, people=self._people)
        self._plugins = PluginSet(Moderation(app_id, {}, (), monotonic=clock.monotonic), self._supervisor())
        store.on_return(self._settle)
        self._loaded = False
        self._background: set[asyncio.Task[None]] = set()

    def services(self, make_http: Callable[[], HttpClient], *, hide_actor: bool = False) -> Services:
        """Return what a new set of plugins is to work with. `hide_actor`: the room isn't told who did something."""
        return Services(
            ground=self._ground,
            sanctions=self._sanctions,
            bans=self._bans,
            modes=self._modes,
            actions=self._actions,
            people=self._people,
            supervisor=self._supervisor(),
            make_http=make_http,
            recheck=self.recheck,
            hide_actor=hide_actor,
        )

    @property
    def plugins(self) -> PluginSet:
        """The plugins that the chat works with."""
        return self._plugins

    def equip(self, plugins: PluginSet) -> PluginSet:
        """Work with these plugins from now on; return those of before, which the caller closes.

        What is under way goes on with the old ones.
        """
        old, self._plugins = self._plugins, plugins
        if self._loaded:
            plugins.start()
        return old

    async def load(self) -> None:
        """Read the app's history, sanctions, modes and held messages.

        Raises StoreUnavailable; then it may be called again.
        """
        history, mutes, bans, _, _ = await asyncio.gather(
            self._store.recent(self.app_id, self._history),
            self._store.mutes(self.app_id),
            self._store.records.bans(self.app_id),
            self._holding.load(),
            self._modes.load(),
        )
        full = len(history) == self._history  # else the room remembers everything, and every deletion
        deletions = await self._store.deletions(self.app_id, history[0].id - 1 if full else 0)
        self._room.restore(history, deletions)
        self._writer.begin_after(self._room.newest)
        for message in history:
            if message.cid:
                self._repeats.remember((message.user.id, message.cid), Answer(None))
        for held in self._holding.waiting:
            if held.cid:
                self._repeats.remember((held.user.id, held.cid), Answer(Ack.MESSAGE_HELD, HELD))
        self._sanctions.load(mutes)
        self._bans.load(bans)
        self._loaded = True
        self._plugins.start()

    def set_owners(self, owners: frozenset[str]) -> None:
        """Take over who owns the app, as the identity provider says now."""
        self._room.owners = owners

    async def admit(self, visitor: Visitor) -> Answer | None:
        """Tell whether this one may join: None where they may, else what they are told. Never raises.

        Bans keep out first, then the gates are asked.
        """
        return self.banned(visitor) or await self._plugins.moderation.admit(visitor)

    def banned(self, visitor: Visitor) -> Answer | None:
        """Return what one whom a ban keeps out is told, else None. Gates take their time: ask again at the end."""
        notice = self._bans.notice_of(visitor.user, visitor.address)
        return None if notice is None else Answer(Ack.BANNED, notice)

    async def join(self, user: User | None, voucher: Voucher | None = None, address: str = "", token: str = "") -> Seat:
        """Seat one socket of `user` (None: a guest), from `address`, and tell the room of a user who wasn't here.

        `voucher` says who knows the user, where that may change, `token` is what they came with. Raises ChatFull.

        The caller subscribes the socket after this and takes the snapshot in the same breath, so that it neither
        misses nor doubles a message, and isn't told of itself.
        """
        if not self.sockets.take():
            raise ChatFull(f"app {self.app_id} has {self.sockets.limit} connections already")
        if user is None:
            return Seat(self, None, address)
        was_big = self._room.big
        occupant, before = self._room.enter(user, address, token)
        user = occupant.user
        if voucher is not None:
            self._rechecks.watch(occupant, voucher)
        await self._sanctions.release(user)
        if before is None:
            await self._presence.came(user, was_big)
            self._happened(Joined(user))
        elif occupant.user != before:  # who may have come in once more meanwhile
            await self._rechecks.update(occupant, occupant.user)
        self._people.came(user)
        self._happened(TabOpened(user))
        return Seat(self, occupant, address)

    async def leave(self, seat: Seat) -> None:
        """Give the seat back, and tell the room where it was the user's last."""
        self.sockets.give()
        was_big = self._room.big
        if seat.occupant is not None and self._room.leave(seat.occupant, seat.address):
            await self._presence.left(seat.occupant.user, was_big)
            self._happened(Left(seat.occupant.user))

    async def preview(self, address: str, last: int) -> dict[str, Any] | None:
        """Return what a guest's `auth` from an address would answer, with the `last` messages of the history.

        None for one who may not join, and where much is under way.
        """
        if self._overloaded() or await self.admit(Visitor(None, address)) is not None:
            return None
        return self.snapshot(Seat(self, None, address), last=last)

    def snapshot(self, seat: Seat, since: int | None = None, *, last: int | None = None) -> dict[str, Any]:
        """Return what `auth` answers: {user, room, now}, without `user` for a guest (seed). `room` is encoded already.

        Staff are also told what is `held`, where something is. To one who was here until message `since`, `room` has
        what came after it; or, where that can't be told, all of it, and `reload` is True. With `last`, the history has
        that many messages at most.
        """
        user = None if seat.occupant is None else seat.occupant.user
        resumes = since is not None and self._room.covers(since)
        now = self._clock.now()
        room = self._room.snapshot(now, user, since if resumes else None, last)
        data: dict[str, Any] = {"room": room, "now": iso(now)}
        if since is not None:
            data["reload"] = not resumes
        if user is not None:
            data["user"] = user_payload(user)
            if user.role is not Role.MEMBER and (held := self._actions.held):
                data["held"] = [held_payload(entry) for entry in held]
        return data

    def commands(self, seat: Seat) -> list[dict[str, Any]]:
        """Return the commands that this one may use, for completion and help; a guest may use none."""
        if seat.occupant is None:
            return []
        return [describe(command) for command in usable(self._plugins.moderation.commands, seat.occupant.user)]

    async def before(self, seat: Seat, before: int, limit: int) -> dict[str, Any]:
        """Return what `history_before` answers: {messages, more}; see BackPages. Raises StoreUnavailable."""
        viewer = None if seat.occupant is None else seat.occupant.user
        return await self._back_pages.answer(viewer, before, limit)

    async def report(self, seat: Seat, message_id: int, reason: str) -> Answer:
        """Have a message reported, as `/report` does where a plugin has it. Never raises.

        `reason` is valid Unicode.
        """
        if seat.occupant is None:
            return Answer(Ack.USER_REQUIRED)
        if seat.occupant.vouched_until < self._clock.monotonic():
            return UNKNOWN
        if self._overloaded():
            return BUSY
        said = await self._plugins.moderation.command(seat.occupant.user, f"/report {message_id} {reason}".strip())
        return said if isinstance(said, Answer) else Answer(None)

    async def submit(self, seat: Seat, text: str, cid: str = "") -> Answer | asyncio.Future[Answer]:
        """Carry out a command, or check a message and queue it. `text` is trimmed, 1 to 350 units. Never raises.

        What is decided at once is the answer itself. A message that is queued has its answer once it is stored and
        published (the ack is None) or couldn't be; the future never fails. The next message of the same sender may be
        submitted as soon as this returns, and comes after this one. What the same user has sent with the same `cid`
        before is not done again, and has the answer that it had then.
        """
        if seat.occupant is None:
            return Answer(Ack.USER_REQUIRED)
        if seat.occupant.vouched_until < self._clock.monotonic():
            return UNKNOWN
        if self._overloaded():
            return BUSY
        user = seat.occupant.user
        if not cid:
            return await self._submit(user, text, cid)
        return await self._repeats.once((user.id, cid), lambda: self._submit(user, text, cid))

    def _overloaded(self) -> bool:
        """Tell, and count, whether so many calls of plugins are under way that one more would only wait."""
        busy = self._plugins.supervisor.in_flight >= self._plugin_calls
        self._busy += busy
        return busy

    @property
    def bounds(self) -> dict[str, tuple[int, int, int]]:
        """How much of what is bounded is in use: (in use, limit, how often one more was refused), by its setting."""
        return {
            "connections_per_app": (self.sockets.used, self.sockets.limit, self.sockets.refused),
            "unstored_per_app": (self._writer.waiting.used, self._writer.waiting.limit, self._writer.waiting.refused),
            "plugin_calls": (self._plugins.supervisor.in_flight, self._plugin_calls, self._busy),
        }

    def recheck(self) -> int:
        """Ask again who everybody is; return of how many that can be asked."""
        return self._rechecks.hurry()

    async def _submit(self, user: User, text: str, cid: str) -> Answer | asyncio.Future[Answer]:
        moderation = self._plugins.moderation
        if not is_command(text):
            return await self._speech.say(moderation, user, text, cid)
        answer = await moderation.command(user, text, partial(self._denied, user), cid=cid)
        if isinstance(answer, Answer):
            return answer
        return await self._speech.say(moderation, user, js_trim(answer.say.text), cid, me=answer.say.me)

    async def _denied(self, user: User, installed: InstalledCommand, text: str, why: str) -> None:
        """Write down what a moderator tried and may not do. What members try is not worth a line each."""
        if user.role is Role.MEMBER:
            return
        name, plugin = installed.command.name, installed.part.plugin
        await self._audit.record(self._audit.entry(user, f"refused /{name}", reason=why, text=text, plugin=plugin))

    async def post(self, seat: Seat, text: str, cid: str = "") -> Answer:
        """Submit, and wait for the answer."""
        answer = await self.submit(seat, text, cid)
        return answer if isinstance(answer, Answer) else await answer

    async def close(self) -> None:
        """Finish what is under way."""
        # At the same time: what is to be stored doesn't wait for a plugin.
        await asyncio.gather(self._plugins.close(), self._writer.drain())
        await self._writer.drain()
        await self._presence.close()
        await self._rechecks.close()
        await self._sanctions.close()
        await self._bans.close()
        await self._modes.close()
        with contextlib.suppress(StoreUnavailable):
            await self._actions.settle()
        await self._holding.close()
        await asyncio.gather(self._audit.close(), self._people.close(), self._back_pages.close())

    async def _settle(self) -> None:
        """Put right, or finish, what the database was asked when it was lost. Raises StoreUnavailable."""
        for part in (self._sanctions, self._bans, self._modes, self._actions):
            await part.settle()

    async def _publish(self, message: Message) -> None:
        self._room.remember([message])
        if not message.plugin:
            self._people.spoke(message.user)
        await self._actions.show(message)
        self._happened(Posted(message))

    async def _expire(self, held: HeldMessage) -> None:
        await self._actions.expire(held)

    def _happened(self, happening: Happening) -> None:
        self._plugins.audience.tell(happening)

    def _supervisor(self) -> Supervisor:
        return Supervisor(self.app_id, self._suspended, self._clock.monotonic)

    def _suspended(self, part: Part, seconds: float, why: str) -> None:
        """Tell staff and listeners of a part of a plugin that failed too often."""
        text = f"{part} failed too often and is suspended for {duration_text(seconds)}: it {one_line(why)}"
        task = asyncio.get_running_loop().create_task(self._actions.tell_staff(text))
        self._background.add(task)
        task.add_done_callback(self._background.discard)
        self._happened(Suspended(part.plugin, part.what, seconds, why))
