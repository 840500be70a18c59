"""One app's lobby in memory: who is here, what was said lately, who is muted. No I/O."""

from __future__ import annotations

import math
from collections import Counter, deque
from collections.abc import Iterable, Iterator, Set
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime

import msgspec

from tornado_chat.ban_list import BanList
from tornado_chat.models import Message, Mode, Mute, Role, User, fold
from tornado_chat.snapshot import Snapshot
from tornado_chat.store import Deletion

MAX_DELETIONS = 1000  # a room whose messages are all deleted never overflows, and would remember them for ever
PRESENCE_LIMIT = 1000  # users; as many names as anyone reads, and 100 KB for each newcomer


@dataclass(slots=True)
class Occupant:
    """A user who is in the lobby with one or more sockets. All of them share it, so a new role binds every tab."""

    user: User
    token: int = 0  # the newest that they came in with, hashed
    old_tokens: set[int] = field(default_factory=set)  # those before it
    sockets: int = 0
    addresses: Counter[str] = field(default_factory=Counter)  # of the sockets
    vouched_until: float = math.inf  # by a steady clock, in seconds: until then it is known who they are


class Room:
    """The lobby of one app. `history` is how many messages it remembers (1 or more).

    With more than `presence_limit` users it is `big`, until they are nine tenths of that or fewer.
    """

    def __init__(self, history: int, presence_limit: int = PRESENCE_LIMIT) -> None:
        self._occupants: dict[str, Occupant] = {}  # self._occupants[uname as the API spells it]
        self._spellings: dict[str, dict[str, Occupant]] = {}  # self._spellings[folded uname][uname]
        self._presence_limit = presence_limit
        self._snapshot = Snapshot(history)
        self.big = False
        self._history: deque[Message] = deque(maxlen=history)
        self._deletions: deque[Deletion] = deque()  # in the order they were made
        self._watchers = 0  # look-ups of old messages that are under way
        self._gone: set[int] = set()  # what was deleted while they were
        self._floor = 0  # of what came after this message, the room knows everything
        self.newest = 0
        """The id of the newest message that was ever shown here."""
        self._mutes: dict[str, Mute] = {}  # self._mutes[folded uname]
        self._modes: dict[str, Mode] = {}  # self._modes[name]
        self.bans = BanList()
        self.owners: frozenset[str] = frozenset()

    def enter(self, user: User, address: str = "", token: str = "") -> tuple[Occupant, User | None]:
        """Add one socket of `user`, from there; return the occupant, and who they were, None for their first socket.

        A token that they came in with before another one changes nothing: their tabs come in anew when they are told of
        a role, and would take the old and the new one from each other for ever.
        """
        mark = hash(token)
        occupant = self._occupants.get(user.uname)
        before = None if occupant is None else occupant.user
        if occupant is None:
            occupant = self._occupants[user.uname] = Occupant(user, mark)
            self._spellings.setdefault(user.key, {})[user.uname] = occupant
        if mark != occupant.token and mark not in occupant.old_tokens:
            occupant.old_tokens.add(occupant.token)
            occupant.token = mark
        if mark == occupant.token:
            self.update(occupant, user)
        occupant.sockets += 1
        occupant.addresses[address] += 1
        self.big = self.big or self.count > self._presence_limit
        return occupant, before

    def update(self, occupant: Occupant, user: User) -> None:
        """Take over what is new about a user of the same uname."""
        occupant.user = user
        self._snapshot.put_user(user)

    def leave(self, occupant: Occupant, address: str = "") -> bool:
        """Take one socket away; return whether it was the occupant's last."""
        occupant.sockets -= 1
        occupant.addresses -= Counter([address])
        if occupant.sockets:
            return False
        user = occupant.user
        if self._occupants.pop(user.uname, None) is not None:
            self._snapshot.drop_user(user.uname)
            del self._spellings[user.key][user.uname]
            if not self._spellings[user.key]:
                del self._spellings[user.key]
        self.big = self.big and self.count > self._presence_limit * 9 // 10
        return True

    @property
    def count(self) -> int:
        """How many users are here."""
        return len(self._occupants)

    @property
    def users(self) -> list[User]:
        """Who is here, in the order they came."""
        return [occupant.user for occupant in self._occupants.values()]

    def find(self, uname: str) -> User | None:
        """Return who is here under a name, in any case; of several spellings, the highest in rank."""
        here = self._spellings.get(fold(uname), {})
        return max((occupant.user for occupant in here.values()), key=lambda user: user.role.rank, default=None)

    def addresses(self, uname: str) -> list[str]:
        """Return the addresses that those who are here under a name, in any case, come from."""
        here = self._spellings.get(fold(uname), {}).values()
        return list(dict.fromkeys(address for occupant in here for address in occupant.addresses if address))

    def spellings(self, key: str) -> list[str]:
        """Return the unames of those who are here under a folded uname."""
        return list(self._spellings.get(key, ()))

    def known(self, uname: str) -> tuple[str, Role]:
        """Return how a name is spelled and the highest role known under it, in any case.

        Looks at who is here, then at who spoke lately, then at the app's owners; a name that is nowhere is a member's.
        """
        key = fold(uname)
        here = [occupant.user for occupant in self._spellings.get(key, {}).values()]
        spoken = (message.user for message in reversed(self._history) if message.user.key == key and not message.plugin)
        found = here or [user for user in [next(spoken, None)] if user]
        roles = [user.role for user in found] + [Role.OWNER for owner in self.owners if fold(owner) == key]
        return found[0].uname if found else uname, max(roles, key=lambda role: role.rank, default=Role.MEMBER)

    def remember(self, messages: Iterable[Message]) -> None:
        """Append messages to the history; the oldest fall out."""
        for message in messages:
            if len(self._history) == self._history.maxlen:
                self._floor = max(self._floor, self._history[0].id)
            self._history.append(message)
            self._snapshot.add_message(message)
            self.newest = max(self.newest, message.id)
        while self._deletions and self._deletions[0].after < self._floor:
            self._deletions.popleft()

    def restore(self, messages: list[Message], deletions: Iterable[Deletion]) -> None:
        """Take over what was stored: the last messages, oldest first, and what was deleted since the first of them."""
        if len(messages) == self._history.maxlen:
            self._floor = messages[0].id - 1
        self.remember(messages)
        restored = list(deletions)
        self.newest = max([self.newest, *(deletion.after for deletion in restored)])
        # It isn't known who was told of them before the restart, so all who come back are.
        self._add_deletions(Deletion(deletion.id, self.newest) for deletion in restored)

    def covers(self, since: int) -> bool:
        """Tell whether all that came after message `since` is known here, so that a client needn't begin anew."""
        return self._floor <= since <= self.newest

    @property
    def floor(self) -> int:
        """Of what came after the message of this id the room knows everything; 0: of all that there is."""
        return self._floor

    @property
    def begins(self) -> int:
        """The id of the oldest message here. What is older is in the database alone, unless it is deleted."""
        return self._history[0].id if self._history else self.newest + 1

    @contextmanager
    def deletions(self) -> Iterator[Set[int]]:
        """Within it, the set has the ids of what is deleted meanwhile, and perhaps of more that was deleted."""
        self._watchers += 1
        try:
            yield self._gone
        finally:
            self._watchers -= 1
            if not self._watchers:
                self._gone = set()

    @property
    def deleted(self) -> frozenset[int]:
        """The ids of what was deleted lately."""
        return frozenset(deletion.id for deletion in self._deletions)

    def find_message(self, message_id: int) -> Message | None:
        """Return a message that the room remembers."""
        return next((message for message in reversed(self._history) if message.id == message_id), None)

    def messages_of(self, uname: str) -> list[Message]:
        """Return what the room remembers of a name, in any case, oldest first."""
        key = fold(uname)
        return [message for message in self._history if not message.plugin and message.user.key == key]

    def forget(self, ids: Set[int]) -> None:
        """Remove messages from the history, and remember that they are gone, also those that are older."""
        self._add_deletions(Deletion(number, self.newest) for number in sorted(ids))
        if self._watchers:
            self._gone |= ids
        self._history = deque((message for message in self._history if message.id not in ids), self._history.maxlen)
        self._snapshot.drop_messages(ids)

    def _add_deletions(self, deletions: Iterable[Deletion]) -> None:
        self._deletions.extend(deletions)
        while len(self._deletions) > MAX_DELETIONS:
            self._floor = max(self._floor, self._deletions.popleft().after + 1)

    @property
    def history(self) -> list[Message]:
        """What was said lately, oldest first."""
        return list(self._history)

    @property
    def staff(self) -> frozenset[str]:
        """The unames of all who are here and more than members."""
        return self._snapshot.staff

    def set_mute(self, mute: Mute) -> None:
        """Add a mute; it replaces one of the same name."""
        self._mutes[mute.key] = mute
        self._snapshot.put_mute(mute)

    def drop_mute(self, mute: Mute) -> bool:
        """Remove this very mute; return False where it is gone or was replaced meanwhile."""
        if self._mutes.get(mute.key) is not mute:
            return False
        del self._mutes[mute.key]
        self._snapshot.drop_mute(mute.key)
        return True

    def mute_of(self, uname: str) -> Mute | None:
        """Return the mute of a name, in any case."""
        return self._mutes.get(fold(uname))

    def mute_binding(self, user: User, now: datetime) -> Mute | None:
        """Return the mute that silences `user` at the time `now`."""
        mute = self._mutes.get(user.key)
        return mute if mute and mute.expires_at > now and mute.binds(user) else None

    @property
    def mutes(self) -> list[Mute]:
        """All mutes, in the order they were made."""
        return list(self._mutes.values())

    def set_mode(self, mode: Mode) -> None:
        """Turn a mode on, or change it."""
        self._modes.pop(mode.name, None)
        self._modes[mode.name] = mode
        self._snapshot.put_mode(mode)

    def drop_mode(self, mode: Mode) -> bool:
        """Turn this very mode off; return False where it is off or was replaced meanwhile."""
        if self._modes.get(mode.name) is not mode:
            return False
        del self._modes[mode.name]
        self._snapshot.drop_mode(mode.name)
        return True

    def mode(self, name: str) -> Mode | None:
        """Return a mode that is on, or is about to end."""
        return self._modes.get(name)

    @property
    def modes(self) -> list[Mode]:
        """All modes, in the order they were turned on."""
        return list(self._modes.values())

    def snapshot(
        self, now: datetime, viewer: User | None = None, since: int | None = None, last: int | None = None
    ) -> msgspec.Raw:
        """Return {users, history, muteList, modes} as `auth` answers it to `viewer` (seed), as JSON.

        In a big room `users` has staff only, and `user_count` tells how many are here. With `since`, which the room
        must cover, `history` has what came after that message, and `deleted` the ids of what was deleted after it. A
        deletion between that message and the next is among them, also where the client has heard of it: deleting
        again changes nothing. With `last`, `history` has that many messages at most, the newest.
        """
        count = self.count if self.big else None
        if since is None:
            return self._snapshot.encode(now, count, viewer, last=last)
        deleted = [deletion.id for deletion in self._deletions if deletion.after >= since]
        return self._snapshot.encode(now, count, viewer, since, deleted)
