"""The port to the database. store_mongo.py is behind it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from typing import Protocol

import msgspec

from tornado_chat.models import Message, Mute, User
from tornado_chat.records import Records

SERVER = ""  # under this name the server keeps things; no plugin has it, so none can meet them


class Posting(msgspec.Struct, frozen=True):
    """A message that isn't stored yet, so it has no id.

    `cid` is what its client calls it, unique for its user; empty where the client doesn't.
    """

    user: User
    text: str
    at: datetime
    plugin: str = ""
    shadow: bool = False
    cid: str = ""
    me: bool = False


def message_of(app_id: int, number: int, posting: Posting) -> Message:
    """Return what a posting becomes once it has a number."""
    return Message(
        app_id,
        number,
        posting.at,
        posting.user,
        posting.text,
        posting.plugin,
        posting.shadow,
        posting.cid,
        posting.me,
    )


class Deletion(msgspec.Struct, frozen=True):
    """A message that was deleted when `after` was the newest message of its app."""

    id: int
    after: int


class Kept(msgspec.Struct, frozen=True):
    """Something that a plugin keeps; `value` is JSON.

    After `expires_at` it is as good as gone, and removed some time later.
    """

    key: str
    value: bytes
    expires_at: datetime | None = None


class Store(Protocol):
    """Messages, counters and mutes of every app, and what its plugins keep.

    Every method raises StoreUnavailable where the database doesn't do it within the configured timeout.
    """

    @property
    def records(self) -> Records:
        """Bans, the audit log, and what is known of people."""

    def on_return(self, settle: Callable[[], Awaitable[None]]) -> None:
        """Await `settle` each time that the database is back after an operation failed, whose fate is unknown."""

    async def append(self, app_id: int, postings: Sequence[Posting], timeout: float) -> list[Message]:
        """Store `postings` (1 or more) in order, with ids that count up and are never used twice.

        A posting with a `cid` that its user has used before isn't stored again: it gets the message of the first.
        Answers within `timeout` seconds. All are durable when this returns. Where it raises, none of them will ever be
        in what `recent` returns, once a later `append` has returned.
        """

    async def recent(self, app_id: int, limit: int) -> list[Message]:
        """Return the last `limit` messages of an app, oldest first."""

    async def before(self, app_id: int, before: int, limit: int, viewer: str | None = None) -> list[Message]:
        """Return the last `limit` messages of an app whose ids are below `before`, oldest first.

        With `viewer`, the shadow messages of all but this uname are passed over ("": of all).
        """

    async def mutes(self, app_id: int) -> list[Mute]:
        """Return an app's mutes, oldest first; those that have run out may be among them."""

    async def save_mute(self, mute: Mute) -> None:
        """Store a mute; it replaces one of the same name in the same app."""

    async def delete_mute(self, mute: Mute) -> None:
        """Remove this very mute, and not one that replaced it."""

    async def void_mute(self, mute: Mute) -> None:
        """See to it that this very mute isn't there, also where storing it got no answer and is still under way."""

    async def delete_messages(self, app_id: int, ids: Sequence[int], newest: int) -> None:
        """Remove messages; ids that there are none of are passed over. `newest` is the app's newest message.

        That they are gone, and since when, is remembered as long as they would have been.
        """

    async def deletions(self, app_id: int, since: int) -> list[Deletion]:
        """Return what was deleted when message `since`, or a newer one, was the newest."""

    async def plugin_get(self, app_id: int, plugin: str, key: str) -> Kept | None:
        """Return what a plugin put under a key; it may have run out."""

    async def plugin_put(self, app_id: int, plugin: str, kept: Kept) -> bool:
        """Keep a value under its key, instead of what was there; return whether the key is new."""

    async def plugin_delete(self, app_id: int, plugin: str, key: str) -> bool:
        """Remove a key; return whether it was there."""

    async def plugin_items(self, app_id: int, plugin: str, prefix: str, limit: int) -> list[Kept]:
        """Return the first `limit` whose keys begin with `prefix`, in order of the keys; some may have run out."""

    async def plugin_count(self, app_id: int, plugin: str) -> int:
        """Return how many keys a plugin has in an app, those that have run out lately among them."""
