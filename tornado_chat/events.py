"""The events of the room and their payloads, exactly as the seed's README gives them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

import msgspec

from tornado_chat.models import Message, Mute, User

SYSTEM_MESSAGE = "system_message"
CLIENT_ERROR = "client_error"


class Event(msgspec.Struct, frozen=True):
    """Something that every socket in an app's lobby is told."""

    name: str
    payload: Mapping[str, Any]


def iso(at: datetime) -> str:
    """Return a UTC time as JavaScript's toISOString() writes it: milliseconds and a Z."""
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def user_payload(user: User) -> dict[str, Any]:
    """Return {id, uname, role}: all that anyone is ever told of a user."""
    return {"id": user.id, "uname": user.uname, "role": user.role.value}


def message_payload(message: Message) -> dict[str, Any]:
    """Return {id, user: {uname, role}, text}, as in history and `new_message`."""
    user = message.user
    return {"id": message.id, "user": {"uname": user.uname, "role": user.role.value}, "text": message.text}


def mute_payload(mute: Mute) -> dict[str, Any]:
    """Return {uname, mins, expires_at}, as in muteList and `user_muted`."""
    return {"uname": mute.uname, "mins": mute.mins, "expires_at": iso(mute.expires_at)}


def new_message(message: Message) -> Event:
    """A message was stored."""
    return Event("new_message", message_payload(message))


def user_joined(user: User) -> Event:
    """A user's first socket came into the lobby."""
    return Event("user_joined", user_payload(user))


def user_left(user: User) -> Event:
    """A user's last socket left the lobby."""
    return Event("user_left", user_payload(user))


def user_count(count: int) -> Event:
    """How many users are in a lobby that has too many to tell of each."""
    return Event("user_count", {"count": count})


def users(here: Iterable[User]) -> Event:
    """Who is in the lobby, now that each is told of again."""
    return Event("users", {"users": {user.uname: user_payload(user) for user in here}})


def user_muted(mute: Mute) -> Event:
    """A user was muted."""
    return Event("user_muted", mute_payload(mute))


def user_unmuted(mute: Mute) -> Event:
    """A mute ended, by a moderator or by itself."""
    return Event("user_unmuted", {"uname": mute.uname})
