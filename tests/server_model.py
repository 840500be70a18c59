"""What a chat server must do, without a server: lobbies, who is in them, what they must have heard. No I/O."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from tornado_chat.events import iso
from tornado_chat.identity_demo import DEMO_USERS
from tornado_chat.models import Role

USERS = {user.uname: user for user in DEMO_USERS}  # alice and eve are members, bob a mod, carol an owner, dave an admin
CARDS = {user.uname: {"id": user.id, "uname": user.uname, "role": user.role.value} for user in DEMO_USERS}
OWNERS = {user.uname for user in DEMO_USERS if user.role is Role.OWNER}

Event = tuple[str, dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Line:
    """A message that is there."""

    id: int
    uname: str
    text: str
    cid: str = ""

    @property
    def payload(self) -> dict[str, Any]:
        user = {"uname": self.uname, "role": USERS[self.uname].role.value}
        return {"id": self.id, "user": user, "text": self.text}


@dataclass(frozen=True, slots=True)
class Penalty:
    """A mute."""

    uname: str
    mins: int
    ends: datetime
    by: Role

    @property
    def payload(self) -> dict[str, Any]:
        return {"uname": self.uname, "mins": self.mins, "expires_at": iso(self.ends)}


@dataclass(slots=True, eq=False)
class Visitor:
    """Somebody with one socket in a lobby, or away and about to come back. `uname` is None for a guest."""

    uname: str | None
    here: bool = False
    shown: list[Line] = field(default_factory=list)
    newest: int = 0  # the highest id that was ever shown
    due: list[Event] = field(default_factory=list)  # what this socket must have heard, in order

    @property
    def role(self) -> Role:
        return USERS[self.uname].role if self.uname else Role.MEMBER

    def show(self, line: Line) -> None:
        self.shown.append(line)
        self.newest = max(self.newest, line.id)

    def hide(self, ids: set[int]) -> None:
        self.shown = [line for line in self.shown if line.id not in ids]


@dataclass(slots=True)
class Doubt:
    """What was refused and may have been done all the same. Once the database is back, none is left."""

    said: list[Line] = field(default_factory=list)  # without ids
    deleted: list[int] = field(default_factory=list)  # done then, whatever happens
    mutes: dict[str, list[Penalty | None]] = field(default_factory=dict)


class Lobby:
    """One app."""

    def __init__(self, history: int) -> None:
        self._size = history
        self.visitors: list[Visitor] = []  # who are here
        self.said: list[Line] = []
        self.room: list[Line] = []  # what the server remembers of it
        self.newest = 0
        self._floor = 0  # of what came after this message, the server knows everything
        self._perhaps: set[int] = set()  # older than the room, and perhaps deleted before a restart: nobody can tell
        self._gone: dict[int, int] = {}  # self._gone[id] = what was the newest message then
        self.mutes: dict[str, Penalty] = {}  # by lowercase uname
        self._stored: dict[tuple[str, str], str] = {}  # self._stored[uname, cid] = text
        self._remembered: set[tuple[str, str]] = set()  # what is answered without the database
        self.doubt = Doubt()

    # -- who is here

    @property
    def users(self) -> dict[str, Any]:
        """Who is here, as `auth` answers it."""
        return {visitor.uname: CARDS[visitor.uname] for visitor in self.visitors if visitor.uname}

    def covers(self, since: int) -> bool:
        """Tell whether one who was shown message `since` can be told all that came after it."""
        return self._floor <= since <= self.newest

    def missed(self, since: int) -> list[Line]:
        """What came after message `since`."""
        return [line for line in self.room if line.id > since]

    def deleted_after(self, since: int) -> set[int]:
        """What one must be told of who has heard of all deletions that came before message `since` was followed."""
        return {number for number, after in self._gone.items() if after >= since and number <= since}

    @property
    def gone(self) -> set[int]:
        """All that was ever deleted."""
        return set(self._gone) | self._perhaps

    def join(self, visitor: Visitor, *, resumes: bool) -> None:
        """Seat a visitor; one who `resumes` was here before and tells what was shown last."""
        mute = self.mutes.get(visitor.uname or "")
        if mute is not None and not mute.by.outranks(visitor.role):
            self._lift(mute.uname.lower())
        if visitor.uname and visitor.uname not in self.users:
            self._tell("user_joined", CARDS[visitor.uname])
        self.visitors.append(visitor)
        visitor.here, visitor.due = True, []
        if resumes and self.covers(visitor.newest):
            visitor.hide(self.gone)
            for line in self.missed(visitor.newest):
                visitor.show(line)
        else:
            visitor.shown = list(self.room)
            visitor.newest = max((line.id for line in self.room), default=0)

    def leave(self, visitor: Visitor) -> None:
        visitor.here = False
        self.visitors.remove(visitor)
        if visitor.uname and visitor.uname not in self.users:
            self._tell("user_left", CARDS[visitor.uname])

    # -- what they say

    def remembers(self, visitor: Visitor, cid: str) -> bool:
        """Tell whether the first answer is known without asking the database."""
        return (visitor.uname, cid) in self._remembered

    def has(self, visitor: Visitor, cid: str) -> bool:
        """Tell whether a message of this name was stored, and perhaps deleted since."""
        return (visitor.uname, cid) in self._stored

    def obstacle(self, visitor: Visitor) -> str | None:
        """What one is answered who may not speak."""
        if visitor.uname is None:
            return "USER_REQUIRED"
        return "USER_MUTED" if visitor.uname in self.mutes else None

    def answered(self, visitor: Visitor, cid: str) -> None:
        """It was answered with null."""
        if visitor.uname and cid:
            self._remembered.add((visitor.uname, cid))

    def post(self, line: Line) -> None:
        """It was stored under a new id."""
        assert line.id > self.newest
        self.newest = line.id
        self.said.append(line)
        if line.cid:
            self._stored[line.uname, line.cid] = line.text
        if len(self.room) == self._size:
            self._floor = self.room.pop(0).id
        self.room.append(line)
        for visitor in self.visitors:
            visitor.show(line)
        self._tell("new_message", line.payload)

    def find(self, number: int) -> Line | None:
        return next((line for line in self.said if line.id == number), None)

    def may_delete(self, visitor: Visitor, line: Line) -> bool:
        return line.uname == visitor.uname or visitor.role.outranks(USERS[line.uname].role)

    def delete(self, number: int) -> None:
        self._drop(number)
        for visitor in self.visitors:
            visitor.hide({number})
        self._tell("message_deleted", {"id": number})

    def _drop(self, number: int) -> None:
        self._gone[number] = self.newest
        self.said = [line for line in self.said if line.id != number]
        self.room = [line for line in self.room if line.id != number]

    # -- what is done to them

    def may_touch(self, actor: Visitor, name: str) -> bool:
        """Tell whether an actor stands above a name, as far as its rank is known, and above who muted it."""
        _, role = self._known(name)
        mute = self.mutes.get(name.lower())
        return actor.role.outranks(role) and not (mute is not None and mute.by.outranks(actor.role))

    def penalty(self, actor: Visitor, name: str, seconds: int, now: datetime) -> Penalty:
        spelled, _ = self._known(name)
        return Penalty(spelled, math.ceil(seconds / 60), now + timedelta(seconds=seconds), actor.role)

    def mute(self, penalty: Penalty) -> None:
        self.mutes[penalty.uname.lower()] = penalty
        self._tell("user_muted", penalty.payload)

    def unmute(self, name: str) -> None:
        self._lift(name.lower())

    def expire(self, now: datetime) -> None:
        for name in [name for name, mute in self.mutes.items() if mute.ends <= now]:
            self._lift(name)

    def _known(self, name: str) -> tuple[str, Role]:
        lower = name.lower()
        seen = lower in self.users or any(line.uname == lower for line in self.room)
        if seen or lower in OWNERS:
            return (lower if seen else name), USERS[lower].role
        return name, Role.MEMBER

    def _lift(self, name: str) -> None:
        mute = self.mutes.pop(name)
        self.doubt.mutes.setdefault(name, []).append(mute)
        self._tell("user_unmuted", {"uname": mute.uname})

    def _tell(self, name: str, payload: dict[str, Any]) -> None:
        for visitor in self.visitors:
            visitor.due.append((name, payload))

    # -- what happens to the server

    def settle(self) -> None:
        """The database is there: what was refused and done is undone; a deletion is finished."""
        deleted, self.doubt = self.doubt.deleted, Doubt()
        for number in dict.fromkeys(deleted):
            if self.find(number):
                self.delete(number)

    def stop(self) -> None:
        """The server is gone, and everybody with it; nobody is told that the others leave."""
        for visitor in self.visitors:
            visitor.here = False
        self.visitors = []

    def start(self, room: dict[str, Any], now: datetime) -> None:
        """The server has read what is stored. `room` is what it answers: where there was a doubt, it decides."""
        known = {line.id for line in self.said}
        history = [(message["id"], message["user"]["uname"], message["text"]) for message in room["history"]]
        for number, uname, text in history:
            if number not in known:
                line = next(line for line in self.doubt.said if (line.uname, line.text) == (uname, text))
                self.doubt.said.remove(line)
                self.said.append(Line(number, uname, text, line.cid))
                assert number > self.newest
                self.newest = number
                if line.cid:
                    self._stored[uname, line.cid] = text
        kept = {number for number, _, _ in history}
        for line in self.said[-self._size :]:
            if line.id not in kept and line.id in self.doubt.deleted:
                self._drop(line.id)
        old = {line.id for line in self.said[: -self._size]}
        self._perhaps |= old.intersection(self.doubt.deleted)
        self.said = [line for line in self.said if line.id not in self._perhaps]
        for name, candidates in self.doubt.mutes.items():
            found = room["muteList"].get(name)
            for mute in candidates:
                if mute is not None and mute.ends > now and mute.payload == found:
                    self.mutes[name] = mute
            if found is None and None in candidates:
                self.mutes.pop(name, None)
        self.doubt = Doubt()
        self.room = self.said[-self._size :]
        self._floor = self.room[0].id - 1 if len(self.room) == self._size else 0
        self._remembered = {(line.uname, line.cid) for line in self.room if line.cid}
