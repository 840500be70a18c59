"""The port to the database. store_mongo.py is behind it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

import msgspec

from tornado_chat.models import Message, Mute, User


class Posting(msgspec.Struct, frozen=True):
    """A message that isn't stored yet, so it has no id."""

    user: User
    text: str
    at: datetime


class Store(Protocol):
    """Messages, counters and mutes of every app.

    Every method raises StoreUnavailable where the database doesn't do it within the configured timeout.
    """

    async def append(self, app_id: int, postings: Sequence[Posting], timeout: float) -> list[Message]:
        """Store `postings` (1 or more) in order, with ids that count up and are never used twice.

        Answers within `timeout` seconds. All are durable when this returns.
        """

    async def recent(self, app_id: int, limit: int) -> list[Message]:
        """Return the last `limit` messages of an app, oldest first."""

    async def mutes(self, app_id: int) -> list[Mute]:
        """Return an app's mutes, oldest first; those that have run out may be among them."""

    async def save_mute(self, mute: Mute) -> None:
        """Store a mute; it replaces one of the same name in the same app."""

    async def delete_mute(self, mute: Mute) -> None:
        """Remove this very mute, and not one that replaced it."""
