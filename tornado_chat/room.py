"""One app's lobby in memory: who is here, what was said lately, who is muted. No I/O."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from tornado_chat.events import message_payload, mute_payload, user_payload
from tornado_chat.models import Message, Mute, Role, User, fold


@dataclass(slots=True)
class Occupant:
    """A user who is in the lobby with one or more sockets. All of them share it, so a new role binds every tab."""

    user: User
    sockets: int = 0


class Room:
    """The lobby of one app. `history` is how many messages it remembers (1 or more)."""

    def __init__(self, history: int) -> None:
        self._occupants: dict[str, Occupant] = {}  # self._occupants[uname as the API spells it]
        self._history: deque[Message] = deque(maxlen=history)
        self._mutes: dict[str, Mute] = {}  # self._mutes[folded uname]
        self.owners: frozenset[str] = frozenset()

    def enter(self, user: User) -> tuple[Occupant, bool]:
        """Add one socket of `user`; return the occupant, and whether this is their first socket."""
        occupant = self._occupants.get(user.uname)
        first = occupant is None
        if occupant is None:
            occupant = self._occupants[user.uname] = Occupant(user)
        occupant.user = user
        occupant.sockets += 1
        return occupant, first

    def leave(self, occupant: Occupant) -> bool:
        """Take one socket away; return whether it was the occupant's last."""
        occupant.sockets -= 1
        if occupant.sockets:
            return False
        self._occupants.pop(occupant.user.uname, None)
        return True

    @property
    def users(self) -> list[User]:
        """Who is here, in the order they came."""
        return [occupant.user for occupant in self._occupants.values()]

    def known(self, uname: str) -> tuple[str, Role]:
        """Return how a name is spelled and the highest role known under it, in any case.

        Looks at who is here, then at who spoke lately, then at the app's owners; a name that is nowhere is a member's.
        """
        key = fold(uname)
        here = [user for user in self.users if user.key == key]
        spoken = (message.user for message in reversed(self._history) if message.user.key == key)
        found = here or [user for user in [next(spoken, None)] if user]
        roles = [user.role for user in found] + [Role.OWNER for owner in self.owners if fold(owner) == key]
        return found[0].uname if found else uname, max(roles, key=lambda role: role.rank, default=Role.MEMBER)

    def remember(self, messages: Iterable[Message]) -> None:
        """Append messages to the history; the oldest fall out."""
        self._history.extend(messages)

    def set_mute(self, mute: Mute) -> None:
        """Add a mute; it replaces one of the same name."""
        self._mutes[mute.key] = mute

    def drop_mute(self, mute: Mute) -> bool:
        """Remove this very mute; return False where it is gone or was replaced meanwhile."""
        if self._mutes.get(mute.key) is not mute:
            return False
        del self._mutes[mute.key]
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

    def snapshot(self, now: datetime) -> dict[str, Any]:
        """Return {users, history, muteList} as `auth` answers it (seed)."""
        return {
            "users": {user.uname: user_payload(user) for user in self.users},
            "history": [message_payload(message) for message in self._history],
            "muteList": {mute.uname.lower(): mute_payload(mute) for mute in self.mutes if mute.expires_at > now},
        }
