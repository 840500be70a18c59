"""What a plugin can listen to: things that have happened in an app's room."""

from __future__ import annotations

import msgspec

from tornado_chat.models import AuditEntry, Ban, Message, Mode, Mute, User


class Posted(msgspec.Struct, frozen=True):
    """A message was stored and shown; with `message.shadow`, to its sender and staff alone."""

    message: Message


class Rejected(msgspec.Struct, frozen=True):
    """A filter or gate refused what a user wanted to say. `message` is what the user was told."""

    user: User
    text: str
    plugin: str
    code: str
    message: str


class Held(msgspec.Struct, frozen=True):
    """A message waits for a moderator. `id` counts held messages, and is no message's id."""

    id: int
    user: User
    text: str
    plugin: str
    reason: str


class Deleted(msgspec.Struct, frozen=True):
    """Messages were deleted. `uname` is whose they were where a user was purged, else empty."""

    ids: tuple[int, ...]
    by: str
    uname: str = ""


class Muted(msgspec.Struct, frozen=True):
    """A name was muted."""

    mute: Mute


class Unmuted(msgspec.Struct, frozen=True):
    """A mute ended; `by` is empty where its time was over."""

    uname: str
    by: str = ""


class Joined(msgspec.Struct, frozen=True):
    """A user's first socket came into the lobby."""

    user: User


class Left(msgspec.Struct, frozen=True):
    """A user's last socket left the lobby."""

    user: User


class TabOpened(msgspec.Struct, frozen=True):
    """A user's socket came into the lobby, the first or another one; it has its answer to `auth`."""

    user: User


class Banned(msgspec.Struct, frozen=True):
    """A name or network was banned."""

    ban: Ban


class Unbanned(msgspec.Struct, frozen=True):
    """A ban ended; `by` is empty where its time was over."""

    target: str
    by: str = ""


class ModeChanged(msgspec.Struct, frozen=True):
    """A mode of the room was turned on (or changed), or off; `by` is empty where its time was over."""

    mode: Mode
    on: bool
    by: str


class Struck(msgspec.Struct, frozen=True):
    """A filter, gate or moderator gives a user a strike."""

    user: User
    plugin: str
    reason: str


class Alerted(msgspec.Struct, frozen=True):
    """Staff were alerted by a plugin."""

    plugin: str
    text: str


class Recorded(msgspec.Struct, frozen=True):
    """Something went into the audit log."""

    entry: AuditEntry


class Suspended(msgspec.Struct, frozen=True):
    """A part of a plugin failed too often and isn't called for `seconds`."""

    plugin: str
    part: str
    seconds: float
    reason: str


Happening = (
    Posted
    | Rejected
    | Held
    | Deleted
    | Muted
    | Unmuted
    | Banned
    | Unbanned
    | Joined
    | TabOpened
    | Left
    | ModeChanged
    | Struck
    | Alerted
    | Recorded
    | Suspended
)
HAPPENINGS: tuple[type[Happening], ...] = (
    Posted,
    Rejected,
    Held,
    Deleted,
    Muted,
    Unmuted,
    Banned,
    Unbanned,
    Joined,
    TabOpened,
    Left,
    ModeChanged,
    Struck,
    Alerted,
    Recorded,
    Suspended,
)
