"""What `auth` answers about a room, encoded once for each change and not once for each who joins."""

from __future__ import annotations

from collections import deque
from datetime import UTC, datetime

import msgspec

from tornado_chat.events import message_payload, mute_payload, user_payload
from tornado_chat.models import Message, Mute, Role, User

_FOREVER = datetime.max.replace(tzinfo=UTC)


class Snapshot:
    """{users, history, muteList} (seed) as JSON. `history` is how many messages it has.

    Each user, message and mute is encoded when it comes; the parts are joined when somebody asks, and kept until they
    change. With a `count` the users are staff only, and `user_count` says how many are here in all.
    """

    def __init__(self, history: int) -> None:
        self._members: dict[str, bytes] = {}  # "uname":{...} of each user, by uname
        self._staff: set[str] = set()
        self._messages: deque[bytes] = deque(maxlen=history)
        self._mutes: dict[str, tuple[datetime, bytes]] = {}  # (expiry, "uname":{...}), by folded uname
        self._users_part: bytes | None = None
        self._staff_part: bytes | None = None
        self._history_part: bytes | None = None
        self._mutes_part: bytes | None = None
        self._mutes_until = _FOREVER

    def put_user(self, user: User) -> None:
        """Add a user, or show the one of this uname as they are now."""
        piece = _entry(user.uname, user_payload(user))
        if self._members.get(user.uname) == piece:
            return
        if user.role is not Role.MEMBER or user.uname in self._staff:
            self._staff_part = None
        if user.role is Role.MEMBER:
            self._staff.discard(user.uname)
        else:
            self._staff.add(user.uname)
        self._members[user.uname] = piece
        self._users_part = None

    def drop_user(self, uname: str) -> None:
        """Remove a user."""
        if self._members.pop(uname, None) is not None:
            self._users_part = None
        if uname in self._staff:
            self._staff.discard(uname)
            self._staff_part = None

    def add_message(self, message: Message) -> None:
        """Append a message; the oldest falls out."""
        self._messages.append(msgspec.json.encode(message_payload(message)))
        self._history_part = None

    def put_mute(self, mute: Mute) -> None:
        """Add a mute, instead of one of the same name."""
        self._mutes[mute.key] = (mute.expires_at, _entry(mute.uname.lower(), mute_payload(mute)))
        self._mutes_part = None

    def drop_mute(self, key: str) -> None:
        """Remove the mute of a folded uname."""
        if self._mutes.pop(key, None) is not None:
            self._mutes_part = None

    def encode(self, now: datetime, count: int | None) -> msgspec.Raw:
        """Return the snapshot at the time `now`."""
        if self._history_part is None:
            self._history_part = b'"history":[' + b",".join(self._messages) + b"]"
        if self._mutes_part is None or now >= self._mutes_until:
            binding = {key: mute for key, mute in self._mutes.items() if mute[0] > now}
            self._mutes_until = min((expiry for expiry, _ in binding.values()), default=_FOREVER)
            self._mutes_part = b'"muteList":{' + b",".join(piece for _, piece in binding.values()) + b"}"
        parts = [self._users(count), self._history_part, self._mutes_part]
        if count is not None:
            parts.append(b'"user_count":%d' % count)
        return msgspec.Raw(b"{" + b",".join(parts) + b"}")

    def _users(self, count: int | None) -> bytes:
        if count is None:
            if self._users_part is None:
                self._users_part = b'"users":{' + b",".join(self._members.values()) + b"}"
            return self._users_part
        if self._staff_part is None:
            self._staff_part = b'"users":{' + b",".join(self._members[uname] for uname in sorted(self._staff)) + b"}"
        return self._staff_part


def _entry(key: str, value: object) -> bytes:
    return msgspec.json.encode(key) + b":" + msgspec.json.encode(value)
