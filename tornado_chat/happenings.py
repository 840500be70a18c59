"""What a plugin can listen to: things that have happened in an app's room."""

from __future__ import annotations

import msgspec

from tornado_chat.models import Message, Mute, User


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


class Suspended(msgspec.Struct, frozen=True):
    """A part of a plugin failed too often and isn't called for `seconds`."""

    plugin: str
    part: str
    seconds: float
    reason: str


Happening = Posted | Rejected | Held | Deleted | Muted | Unmuted | Joined | Left | Suspended
HAPPENINGS: tuple[type[Happening], ...] = (
    Posted,
    Rejected,
    Held,
    Deleted,
    Muted,
    Unmuted,
    Joined,
    Left,
    Suspended,
)
