"""What the chat talks about: users, roles, messages, mutes. Plain values; no I/O."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any

import msgspec

MAX_ID = 2**53 - 1
"""The largest integer that a JavaScript client holds exactly; ids on the wire stay below it."""

MAX_UNAME = 64
"""Longest uname, in code points."""

# Unicode's Default_Ignorable_Code_Point, without those that str.isprintable() refuses, and the blank Braille pattern.
_INVISIBLE = frozenset(
    "\u034f\u115f\u1160\u17b4\u17b5\u180b\u180c\u180d\u180f\u2800\u3164\uffa0"
    + "".join(map(chr, [*range(0xFE00, 0xFE10), *range(0xE0100, 0xE01F0)]))
)


def fold(uname: str) -> str:
    """Return the form under which unames are compared: compatibility forms made plain, then case-folded.

    The only place where the server decides that two spellings are one name. Full-width letters and the like are the
    letters that they look like, and what can't be seen doesn't count, so that a mute can't be dodged with them: nor do
    several spaces count for more than one.
    """
    # Twice: case-folding takes some letters with two marks apart.
    plain = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", uname).casefold())
    return " ".join("".join(char for char in plain if char not in _INVISIBLE).split())


def is_uname(text: str) -> bool:
    """Tell whether a user can have this name: 1 to 64 printable characters that show, no space at either end."""
    return len(text) <= MAX_UNAME and text.isprintable() and text == text.strip() and fold(text) != ""


class Role(StrEnum):
    """A user's role in one app. The value is what goes over the wire."""

    ADMIN = "admin"
    OWNER = "owner"
    MOD = "mod"
    MEMBER = "member"

    @property
    def rank(self) -> int:
        """0 for a member, 3 for an admin: admin > owner > mod > member."""
        return _RANK[self]

    def outranks(self, other: Role) -> bool:
        """Tell whether this role is strictly above `other`; a peer may never act on a peer."""
        return self.rank > other.rank


BOT_ID = 0
"""The id of every plugin's bot; no user's id is used for it on purpose."""

_RANK: Mapping[Role, int] = {Role.MEMBER: 0, Role.MOD: 1, Role.OWNER: 2, Role.ADMIN: 3}


class User(msgspec.Struct, frozen=True, omit_defaults=True, repr_omit_defaults=True):
    """A logged-in user of one app, as the identity provider names them.

    `level` and `created_at` (when they registered with the site) are for plugins; None where the site doesn't say.
    Nobody else is ever told of them.
    """

    id: int
    uname: str
    role: Role
    level: int | None = None
    created_at: datetime | None = None

    @property
    def key(self) -> str:
        """The folded uname; equal for two spellings of one name."""
        return fold(self.uname)


class Message(msgspec.Struct, frozen=True):
    """A stored message. `id` counts up per app and is never used twice.

    `plugin` is the plugin that posted it, empty for what a user said. A `shadow` one is for its sender and staff alone.
    `cid` is what its sender's client calls it, for its eyes alone. `me`: it says what its sender does ("/me waves").
    """

    app_id: int
    id: int
    at: datetime
    user: User
    text: str
    plugin: str = ""
    shadow: bool = False
    cid: str = ""
    me: bool = False


class HeldMessage(msgspec.Struct, frozen=True):
    """A message that waits for a moderator. `id` counts the held messages of an app."""

    id: int
    at: datetime
    expires_at: datetime
    user: User
    text: str
    plugin: str
    reason: str
    cid: str = ""
    me: bool = False


class Person(msgspec.Struct, frozen=True):
    """What an app remembers of a name: when it was first and last seen here, and how many messages it has `said`."""

    uname: str
    first_seen: datetime
    last_seen: datetime
    said: int = 0


class Draft(msgspec.Struct, frozen=True):
    """A message on its way through the filters.

    `text` is what the filter before left, `original` what the user sent (after trimming). `person` is what is known of
    the user from before this message; None where the database can't say.
    """

    app_id: int
    user: User
    text: str
    original: str
    person: Person | None = None


class Mute(msgspec.Struct, frozen=True):
    """A timed mute of one name in one app.

    `by_role` is the actor's role when the mute was made: it binds only users whom that role
    outranks, so that nobody can silence a superior by muting the name while it is offline.
    """

    app_id: int
    uname: str
    mins: int
    expires_at: datetime
    by: str
    by_role: Role
    reason: str
    at: datetime

    @property
    def key(self) -> str:
        """The folded uname."""
        return fold(self.uname)

    def binds(self, user: User) -> bool:
        """Tell whether this mute silences `user`."""
        return self.key == user.key and self.by_role.outranks(user.role)


class Ban(msgspec.Struct, frozen=True):
    """Keeps a name, or a network of addresses, out of one app; for good where `expires_at` is None.

    `target` is a uname, or a network such as 203.0.113.7/32 where `network` is True. As with a mute, it binds only
    whom `by_role` outranks, and guests.
    """

    app_id: int
    target: str
    network: bool
    expires_at: datetime | None
    by: str
    by_role: Role
    reason: str
    at: datetime

    @property
    def key(self) -> str:
        """Unique among the bans of an app: some call themselves like a network, and no folded name begins so."""
        return f" {self.target}" if self.network else fold(self.target)

    def holds(self, now: datetime) -> bool:
        """Tell whether it isn't over."""
        return self.expires_at is None or self.expires_at > now

    def outlasts(self, other: Ban) -> bool:
        """Tell whether it holds at least as long."""
        return self.expires_at is None or (other.expires_at is not None and self.expires_at >= other.expires_at)

    def binds(self, user: User | None) -> bool:
        """Tell whether it keeps this one (None: a guest) out."""
        return user is None or self.by_role.outranks(user.role)


class Mode(msgspec.Struct, frozen=True):
    """A state of a room that somebody turned on: slow, lock, members, ... It ends by itself at `until`, if ever.

    `value` is what JSON can hold; what it means is the mode's own business.
    """

    name: str
    value: Any
    since: datetime
    until: datetime | None
    by: str
    reason: str = ""


class AuditEntry(msgspec.Struct, frozen=True, omit_defaults=True):
    """One act of a moderator or plugin; `id`s are in order of time.

    `text` is what was deleted, for staff's eyes, `seconds` how long a sanction lasts (0: no end, or not a sanction),
    `plugin` what it was done by.
    """

    id: str
    at: datetime
    actor: str
    role: Role
    action: str
    target: str = ""
    reason: str = ""
    message_id: int = 0
    text: str = ""
    seconds: int = 0
    plugin: str = ""
