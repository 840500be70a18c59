"""What `auth` answers about a room, encoded once for each change and not once for each who joins."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable, Sequence, Set
from datetime import UTC, datetime
from itertools import islice, takewhile
from typing import NamedTuple

import msgspec

from tornado_chat.events import message_payload, mode_payload, mute_payload, user_payload
from tornado_chat.models import Message, Mode, Mute, Role, User

_FOREVER = datetime.max.replace(tzinfo=UTC)


class _Piece(NamedTuple):
    """A message as JSON, as each is shown it."""

    id: int
    sender: str
    for_all: bytes | None
    for_sender: bytes
    for_staff: bytes


class Snapshot:
    """{users, history, muteList} (seed) and {modes} as JSON. `history` is how many messages it has.

    Each user, message and mute is encoded when it comes; the parts are joined when somebody asks, and kept until they
    change. With a `count` the users are staff only, and `user_count` says how many are here in all.

    A shadow message is in the history of its sender and of staff only.
    """

    def __init__(self, history: int) -> None:
        self._members: dict[str, bytes] = {}  # "uname":{...} of each user, by uname
        self._staff: set[str] = set()
        # (id, sender, what everybody, the sender and staff are shown of it; None: nothing)
        self._messages: deque[_Piece] = deque(maxlen=history)
        self._shadows: Counter[str] = Counter()  # self._shadows[uname] = how many of the messages are shadows
        self._mutes: dict[str, tuple[datetime, bytes]] = {}  # (expiry, "uname":{...}), by folded uname
        self._users_part: bytes | None = None
        self._staff_part: bytes | None = None
        self._history_part: bytes | None = None
        self._staff_history_part: bytes | None = None
        self._mutes_part: bytes | None = None
        self._mutes_until = _FOREVER
        self._modes: dict[str, tuple[datetime, bytes]] = {}  # (end, "name":{...}), by name

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

    @property
    def staff(self) -> frozenset[str]:
        """The unames of the users who are more than members."""
        return frozenset(self._staff)

    def add_message(self, message: Message) -> None:
        """Append a message; the oldest falls out."""
        if len(self._messages) == self._messages.maxlen:
            self._forget(self._messages.popleft())
        shown = msgspec.json.encode(message_payload(message))
        if message.shadow:
            self._shadows[message.user.uname] += 1
            for_staff = msgspec.json.encode(message_payload(message, staff=True))
            self._messages.append(_Piece(message.id, message.user.uname, None, shown, for_staff))
        else:
            self._messages.append(_Piece(message.id, message.user.uname, shown, shown, shown))
        self._history_part = self._staff_history_part = None

    def drop_messages(self, ids: Set[int]) -> None:
        """Remove messages."""
        kept = [piece for piece in self._messages if piece.id not in ids]
        for piece in self._messages:
            if piece.id in ids:
                self._forget(piece)
        self._messages = deque(kept, self._messages.maxlen)
        self._history_part = self._staff_history_part = None

    def put_mute(self, mute: Mute) -> None:
        """Add a mute, instead of one of the same name."""
        self._mutes[mute.key] = (mute.expires_at, _entry(mute.uname.lower(), mute_payload(mute)))
        self._mutes_part = None

    def drop_mute(self, key: str) -> None:
        """Remove the mute of a folded uname."""
        if self._mutes.pop(key, None) is not None:
            self._mutes_part = None

    def put_mode(self, mode: Mode) -> None:
        """Add a mode, instead of what it was before."""
        self._modes[mode.name] = (mode.until or _FOREVER, _entry(mode.name, mode_payload(mode)))

    def drop_mode(self, name: str) -> None:
        """Remove a mode."""
        self._modes.pop(name, None)

    def encode(
        self,
        now: datetime,
        count: int | None,
        viewer: User | None = None,
        since: int | None = None,
        deleted: Sequence[int] = (),
        *,
        last: int | None = None,
    ) -> msgspec.Raw:
        """Return the snapshot at the time `now`, as `viewer` sees it (None: a guest).

        With `since` it has the messages after that one only, and says what was `deleted`; with `last`, no more than so
        many, the newest of what everybody sees.
        """
        if self._mutes_part is None or now >= self._mutes_until:
            binding = {key: mute for key, mute in self._mutes.items() if mute[0] > now}
            self._mutes_until = min((expiry for expiry, _ in binding.values()), default=_FOREVER)
            self._mutes_part = b'"muteList":{' + b",".join(piece for _, piece in binding.values()) + b"}"
        if last is not None:
            history = self._history_last(last)
        else:
            history = self._history(viewer) if since is None else self._history_since(since, viewer)
        modes = b'"modes":{' + b",".join(piece for end, piece in self._modes.values() if end > now) + b"}"
        parts = [self._users(count), history, self._mutes_part, modes]
        if since is not None:
            parts.append(b'"deleted":' + msgspec.json.encode(deleted))
        if count is not None:
            parts.append(b'"user_count":%d' % count)
        return msgspec.Raw(b"{" + b",".join(parts) + b"}")

    def _history(self, viewer: User | None) -> bytes:
        if self._shadows and viewer is not None:
            if viewer.role is not Role.MEMBER:
                if self._staff_history_part is None:
                    self._staff_history_part = _history_part(piece.for_staff for piece in self._messages)
                return self._staff_history_part
            if viewer.uname in self._shadows:
                own = viewer.uname
                return _history_part(
                    piece.for_sender if piece.sender == own else piece.for_all for piece in self._messages
                )
        if self._history_part is None:
            self._history_part = _history_part(piece.for_all for piece in self._messages)
        return self._history_part

    def _history_since(self, since: int, viewer: User | None) -> bytes:
        # From the newest back: who comes back has missed few.
        pieces = list(takewhile(lambda piece: piece.id > since, reversed(self._messages)))[::-1]
        staff = viewer is not None and viewer.role is not Role.MEMBER
        own = None if viewer is None else viewer.uname
        return _history_part(
            piece.for_staff if staff else piece.for_sender if piece.sender == own else piece.for_all for piece in pieces
        )

    def _history_last(self, last: int) -> bytes:
        seen = (piece.for_all for piece in reversed(self._messages) if piece.for_all is not None)
        return _history_part([*islice(seen, last)][::-1])

    def _forget(self, piece: _Piece) -> None:
        if piece.for_all is None:
            self._shadows[piece.sender] -= 1
            if not self._shadows[piece.sender]:
                del self._shadows[piece.sender]

    def _users(self, count: int | None) -> bytes:
        if count is None:
            if self._users_part is None:
                self._users_part = b'"users":{' + b",".join(self._members.values()) + b"}"
            return self._users_part
        if self._staff_part is None:
            self._staff_part = b'"users":{' + b",".join(self._members[uname] for uname in sorted(self._staff)) + b"}"
        return self._staff_part


def _history_part(pieces: Iterable[bytes | None]) -> bytes:
    return b'"history":[' + b",".join(piece for piece in pieces if piece is not None) + b"]"


def _entry(key: str, value: object) -> bytes:
    return msgspec.json.encode(key) + b":" + msgspec.json.encode(value)
