"""The port to what moderation remembers: bans, the audit log, people. store_mongo_records.py is behind it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

import msgspec

from tornado_chat.models import AuditEntry, Ban, Person


class AuditQuery(msgspec.Struct, frozen=True):
    """Which entries of an audit log are wanted; names count in any case, empty ones don't count."""

    actor: str = ""
    target: str = ""
    action: str = ""
    before: str = ""
    """Only what was done before the entry of this id."""


class Records(Protocol):
    """Every method raises StoreUnavailable where the database doesn't do it within the configured timeout."""

    async def bans(self, app_id: int) -> list[Ban]:
        """Return an app's bans, oldest first; those that have run out may be among them."""

    async def save_ban(self, ban: Ban) -> None:
        """Store a ban; it replaces one of the same target in the same app."""

    async def delete_ban(self, ban: Ban) -> None:
        """Remove this very ban, and not one that replaced it."""

    async def void_ban(self, ban: Ban) -> None:
        """See to it that this very ban isn't there, also where storing it got no answer and is still under way."""

    async def add_audit(self, app_id: int, entries: Sequence[AuditEntry], expires_at: datetime) -> None:
        """Store entries (1 or more) until then. One that is stored already, by its id, is passed over."""

    async def find_audit(self, app_id: int, query: AuditQuery, limit: int) -> list[AuditEntry]:
        """Return the newest `limit` entries that fit, newest first."""

    async def person(self, app_id: int, uname: str) -> Person | None:
        """Return what is known of a name, in any case."""

    async def save_people(self, app_id: int, people: Sequence[Person]) -> None:
        """Store what is known of people (1 or more). The earliest first_seen, latest last_seen and most said count."""
