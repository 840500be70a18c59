"""The events of the room and their payloads, exactly as the seed's README gives them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

import msgspec

from tornado_chat.models import HeldMessage, Message, Mode, Mute, User

SYSTEM_MESSAGE = "system_message"
CLIENT_ERROR = "client_error"


class Event(msgspec.Struct, frozen=True):
    """Something that the sockets in an app's lobby are told: all of them, or those of the unames in `to`."""

    name: str
    payload: Mapping[str, Any] | str
    to: frozenset[str] | None = None


def iso(at: datetime) -> str:
    """Return a UTC time as JavaScript's toISOString() writes it: milliseconds and a Z."""
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def user_payload(user: User) -> dict[str, Any]:
    """Return {id, uname, role}: all that anyone is ever told of a user."""
    return {"id": user.id, "uname": user.uname, "role": user.role.value}


def message_payload(message: Message, *, staff: bool = False) -> dict[str, Any]:
    """Return {id, at, user: {uname, role}, text}, as in history and `new_message`; `at` is an ISO time.

    `plugin` is there where a plugin posted it, `me` where it says what its sender does; `shadow` is for staff's eyes,
    where it is one.
    """
    user = message.user
    payload = {
        "id": message.id,
        "at": iso(message.at),
        "user": {"uname": user.uname, "role": user.role.value},
        "text": message.text,
    }
    if message.plugin:
        payload["plugin"] = message.plugin
    if message.me:
        payload["me"] = True
    if staff and message.shadow:
        payload["shadow"] = True
    return payload


def held_payload(held: HeldMessage) -> dict[str, Any]:
    """Return what staff are shown of a message that waits. Its `id` is no message's id yet.

    `me` is there where it says what its sender does.
    """
    payload: dict[str, Any] = {
        "id": held.id,
        "at": iso(held.at),
        "expires_at": iso(held.expires_at),
        "user": {"uname": held.user.uname, "role": held.user.role.value},
        "text": held.text,
        "plugin": held.plugin,
        "reason": held.reason,
    }
    if held.me:
        payload["me"] = True
    return payload


def mute_payload(mute: Mute) -> dict[str, Any]:
    """Return {uname, mins, expires_at}, as in muteList and `user_muted`."""
    return {"uname": mute.uname, "mins": mute.mins, "expires_at": iso(mute.expires_at)}


def mode_payload(mode: Mode) -> dict[str, Any]:
    """Return {value, until, reason}, as in `modes`. Who turned it on is not said."""
    return {"value": mode.value, "until": None if mode.until is None else iso(mode.until), "reason": mode.reason}


def new_message(message: Message, *, to: frozenset[str] | None = None, staff: bool = False) -> Event:
    """A message was stored."""
    return Event("new_message", message_payload(message, staff=staff), to)


def message_deleted(message_id: int) -> Event:
    """A message was deleted."""
    return Event("message_deleted", {"id": message_id})


def messages_purged(uname: str, ids: Iterable[int]) -> Event:
    """All that the room remembers of a user was deleted."""
    return Event("messages_purged", {"uname": uname, "ids": list(ids)})


def room_purged(ids: Iterable[int]) -> Event:
    """All that the room remembers was deleted. There is no uname then."""
    return Event("messages_purged", {"ids": list(ids)})


def mode_changed(mode: Mode, *, on: bool) -> Event:
    """A mode was turned on or changed, or off."""
    return Event("mode_changed", {"name": mode.name, "on": on} | (mode_payload(mode) if on else {}))


def plugin_event(plugin: str, name: str, data: Any, to: frozenset[str] | None = None) -> Event:
    """Something that a plugin says to clients that know it."""
    return Event("plugin_event", {"plugin": plugin, "name": name, "data": data}, to)


def message_held(held: HeldMessage, staff: frozenset[str]) -> Event:
    """A message waits for a moderator; staff are told."""
    return Event("message_held", held_payload(held), staff)


def message_reviewed(held: HeldMessage, by: str, approved: bool, staff: frozenset[str]) -> Event:
    """A message waits no more: a moderator approved or denied it, or it waited too long (`by` is empty)."""
    return Event("message_reviewed", {"id": held.id, "approved": approved, "by": by}, staff)


def notice(text: str, to: frozenset[str] | None = None) -> Event:
    """A text for some, or for all, that is shown in the chat."""
    return Event(SYSTEM_MESSAGE, text, to)


def user_joined(user: User) -> Event:
    """A user's first socket came into the lobby."""
    return Event("user_joined", user_payload(user))


def user_left(user: User) -> Event:
    """A user's last socket left the lobby."""
    return Event("user_left", user_payload(user))


def user_updated(user: User) -> Event:
    """A user who is here has another role, or id, than before."""
    return Event("user_updated", user_payload(user))


def server_closing(soonest: int, latest: int) -> Event:
    """The server stops, and is to be back soon; clients come back at a time of their own choice in between (ms)."""
    return Event("server_closing", {"come_back_in": [soonest, latest]})


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
