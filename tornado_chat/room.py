"""One app's lobby in memory: who is here, what was said lately, who is muted. No I/O."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

import msgspec

from tornado_chat.models import Message, Mute, Role, User, fold
from tornado_chat.snapshot import Snapshot

PRESENCE_LIMIT = 1000  # users; as many names as anyone reads, and 100 KB for each newcomer


@dataclass(slots=True)
class Occupant:
    """A user who is in the lobby with one or more sockets. All of them share it, so a new role binds every tab."""

    user: User
    sockets: int = 0


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
        self._mutes: dict[str, Mute] = {}  # self._mutes[folded uname]
        self.owners: frozenset[str] = frozenset()

    def enter(self, user: User) -> tuple[Occupant, bool]:
        """Add one socket of `user`; return the occupant, and whether this is their first socket."""
        occupant = self._occupants.get(user.uname)
        first = occupant is None
        if occupant is None:
            occupant = self._occupants[user.uname] = Occupant(user)
            self._spellings.setdefault(user.key, {})[user.uname] = occupant
        occupant.user = user
        occupant.sockets += 1
        self._snapshot.put_user(user)
        self.big = self.big or self.count > self._presence_limit
        return occupant, first

    def leave(self, occupant: Occupant) -> bool:
        """Take one socket away; return whether it was the occupant's last."""
        occupant.sockets -= 1
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

    def known(self, uname: str) -> tuple[str, Role]:
        """Return how a name is spelled and the highest role known under it, in any case.

        Looks at who is here, then at who spoke lately, then at the app's owners; a name that is nowhere is a member's.
        """
        key = fold(uname)
        here = [occupant.user for occupant in self._spellings.get(key, {}).values()]
        spoken = (message.user for message in reversed(self._history) if message.user.key == key)
        found = here or [user for user in [next(spoken, None)] if user]
        roles = [user.role for user in found] + [Role.OWNER for owner in self.owners if fold(owner) == key]
        return found[0].uname if found else uname, max(roles, key=lambda role: role.rank, default=Role.MEMBER)

    def remember(self, messages: Iterable[Message]) -> None:
        """Append messages to the history; the oldest fall out."""
        for message in messages:
            self._history.append(message)
            self._snapshot.add_message(message)

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

    def snapshot(self, now: datetime) -> msgspec.Raw:
        """Return {users, history, muteList} as `auth` answers it (seed), as JSON.

        In a big room `users` has staff only, and `user_count` tells how many are here.
        """
        return self._snapshot.encode(now, self.count if self.big else None)
