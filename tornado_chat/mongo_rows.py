"""What the collections hold, from and to the chat's own values."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from tornado_chat.models import Message, Mute, Role, User
from tornado_chat.store import Deletion, Kept, Posting

Row = dict[str, Any]


def of_app(app_id: int, **wanted: Any) -> Row:
    """Return the filter for what an app has, and `wanted`.

    With the operator: for `{"app_id": 2}` the embedded database reads the whole collection, whatever indexes there are.
    """
    return {"app_id": {"$eq": app_id}, **wanted}


def message_row(message: Message) -> Row:
    """Return a message as it is stored, without an _id."""
    user = message.user
    row: Row = {
        "app_id": message.app_id,
        "id": message.id,
        "at": message.at,
        "user": {"id": user.id, "uname": user.uname, "role": user.role.value},
        "text": message.text,
    }
    if message.plugin:
        row["plugin"] = message.plugin
    if message.shadow:
        row["shadow"] = True
    if message.me:
        row["me"] = True
    if message.cid:
        row["cid"] = cid_key(message.app_id, message)
    return row


def message_of(row: Row) -> Message:
    """Return the message that a row holds."""
    user = row["user"]
    return Message(
        row["app_id"],
        row["id"],
        utc(row["at"]),
        User(user["id"], user["uname"], Role(user["role"])),
        row["text"],
        row.get("plugin", ""),
        row.get("shadow", False),
        row["cid"].split(":", 2)[2] if "cid" in row else "",
        row.get("me", False),
    )


def cid_key(app_id: int, posting: Posting | Message) -> str:
    """Return what is unique in the database: a user's own id of a message."""
    return f"{app_id}:{posting.user.id}:{posting.cid}"


def deletion_of(row: Row) -> Deletion:
    """Return the deletion that a row is left of."""
    return Deletion(row["id"], row["gone"])


def plugin_id(app_id: int, plugin: str, key: str) -> str:
    """Return the _id of what a plugin keeps."""
    return f"{app_id}:{plugin}:{key}"


def kept_of(row: Row) -> Kept:
    """Return what a plugin keeps."""
    expires_at = row["expires_at"]
    return Kept(row["key"], row["value"].encode(), None if expires_at is None else utc(expires_at))


def mute_id(mute: Mute) -> str:
    """Return the _id of a mute."""
    return f"{mute.app_id}:{mute.key}"


def mute_row(mute: Mute) -> Row:
    """Return a mute as it is stored."""
    return {
        "_id": mute_id(mute),  # MongoDB would take it from the filter; the embedded database doesn't
        "app_id": mute.app_id,
        "uname": mute.uname,
        "mins": mute.mins,
        "expires_at": mute.expires_at,
        "by": mute.by,
        "by_role": mute.by_role.value,
        "reason": mute.reason,
        "at": mute.at,
    }


def mute_of(row: Row) -> Mute:
    """Return the mute that a row holds."""
    return Mute(
        row["app_id"],
        row["uname"],
        row["mins"],
        utc(row["expires_at"]),
        row["by"],
        Role(row["by_role"]),
        row["reason"],
        utc(row["at"]),
    )


def utc(at: datetime) -> datetime:
    """Return the same time with Python's own UTC."""
    # The embedded database answers times with a zone object of its own that equals UTC and isn't UTC.
    return at.astimezone(UTC)
