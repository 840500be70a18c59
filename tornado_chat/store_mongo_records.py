"""Bans, the audit log and people on MongoDB. store_mongo.py opens the database and bounds what is asked of it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from typing import Any, Protocol, TypeVar

from motor.motor_asyncio import AsyncIOMotorDatabase
from pymongo import ASCENDING, DESCENDING, UpdateOne
from pymongo.errors import BulkWriteError

from tornado_chat.models import AuditEntry, Ban, Person, Role, fold
from tornado_chat.mongo_rows import Row, of_app, utc
from tornado_chat.records import AuditQuery
from tornado_chat.store_mongo_versions import put_newer, put_void, this_very

T = TypeVar("T")

DUPLICATE_KEY = 11000


class Guard(Protocol):
    """Begins an operation on the database, and awaits it within the time limit. Raises StoreUnavailable otherwise."""

    async def __call__(self, operation: Callable[[], Awaitable[T]], *, writing: bool) -> T: ...


class MongoRecords:
    """bans {_id: "app:target", ...}, audit {_id: "app:id", ...}, people {_id: "app:folded", ...}."""

    def __init__(self, db: AsyncIOMotorDatabase[dict[str, Any]], guard: Guard) -> None:
        self._bans = db.bans
        self._audit = db.audit
        self._people = db.people
        self._guard = guard

    async def make_indexes(self) -> None:
        """Make the indexes; not guarded."""
        await self._bans.create_index("app_id")
        await self._bans.create_index("expires_at", expireAfterSeconds=0)
        for keys in ([], ["actor_key"], ["target_key"]):
            fields = [("app_id", ASCENDING), *((key, ASCENDING) for key in keys), ("entry", DESCENDING)]
            await self._audit.create_index(fields)
        await self._audit.create_index("expires_at", expireAfterSeconds=0)

    async def bans(self, app_id: int) -> list[Ban]:
        rows = await self._guard(
            lambda: self._bans.find(of_app(app_id, void={"$ne": True})).to_list(None), writing=False
        )
        return sorted((_ban_of(row) for row in rows), key=lambda ban: ban.at)

    async def save_ban(self, ban: Ban) -> None:
        await self._guard(lambda: put_newer(self._bans, _ban_row(ban)), writing=True)

    async def void_ban(self, ban: Ban) -> None:
        await self._guard(lambda: put_void(self._bans, _ban_row(ban)), writing=True)

    async def delete_ban(self, ban: Ban) -> None:
        await self._guard(lambda: self._bans.delete_one(this_very(_ban_row(ban))), writing=True)

    async def add_audit(self, app_id: int, entries: Sequence[AuditEntry], expires_at: datetime) -> None:
        await self._guard(
            lambda: self._insert_new([_audit_row(app_id, entry, expires_at) for entry in entries]), writing=True
        )

    async def find_audit(self, app_id: int, query: AuditQuery, limit: int) -> list[AuditEntry]:
        # By no time and by no range of the _id: for those the embedded database looks at each entry, 1 s for 100,000 of
        # them. This takes it 0.2 s.
        wanted = of_app(app_id)
        if query.before:
            wanted["entry"] = {"$lt": query.before}
        if query.actor:
            wanted["actor_key"] = fold(query.actor)
        if query.target:
            wanted["target_key"] = fold(query.target)
        if query.action:
            wanted["action"] = query.action
        find = self._audit.find(wanted, sort=[("entry", DESCENDING)], limit=limit)
        rows, now = await self._guard(lambda: find.to_list(limit), writing=False), datetime.now(UTC)
        return [_entry_of(row) for row in rows if utc(row["expires_at"]) > now]

    async def person(self, app_id: int, uname: str) -> Person | None:
        row = await self._guard(lambda: self._people.find_one({"_id": f"{app_id}:{fold(uname)}"}), writing=False)
        if row is None:
            return None
        return Person(row["uname"], _time(row["first_seen"]), _time(row["last_seen"]), row["said"])

    async def save_people(self, app_id: int, people: Sequence[Person]) -> None:
        updates = [
            UpdateOne(
                {"_id": f"{app_id}:{fold(person.uname)}"},
                {
                    "$set": {"app_id": app_id, "uname": person.uname},
                    # As numbers: the embedded database can't compare times here.
                    "$min": {"first_seen": _milliseconds(person.first_seen)},
                    "$max": {"last_seen": _milliseconds(person.last_seen), "said": person.said},
                },
                upsert=True,
            )
            for person in people
        ]
        await self._guard(lambda: self._people.bulk_write(updates, ordered=False), writing=True)

    async def _insert_new(self, rows: list[Row]) -> None:
        try:
            await self._audit.insert_many(rows, ordered=False)
        except BulkWriteError as error:
            # What an insert that seemed to fail has stored after all is not stored again.
            if not only_duplicates(error):
                raise


def only_duplicates(error: BulkWriteError) -> bool:
    """Tell whether all that went wrong is that some rows, or their unique keys, were there already."""
    problems = error.details["writeErrors"]
    return not error.details["writeConcernErrors"] and all(problem["code"] == DUPLICATE_KEY for problem in problems)


def _milliseconds(at: datetime) -> int:
    return round(at.timestamp() * 1000)


def _time(milliseconds: int) -> datetime:
    return datetime.fromtimestamp(milliseconds / 1000, UTC)


def _ban_id(ban: Ban) -> str:
    return f"{ban.app_id}:{ban.key}"


def _ban_row(ban: Ban) -> Row:
    return {
        "_id": _ban_id(ban),
        "app_id": ban.app_id,
        "target": ban.target,
        "network": ban.network,
        "expires_at": ban.expires_at,
        "by": ban.by,
        "by_role": ban.by_role.value,
        "reason": ban.reason,
        "at": ban.at,
    }


def _ban_of(row: Row) -> Ban:
    expires_at = row["expires_at"]
    return Ban(
        row["app_id"],
        row["target"],
        row["network"],
        None if expires_at is None else utc(expires_at),
        row["by"],
        Role(row["by_role"]),
        row["reason"],
        utc(row["at"]),
    )


def _audit_row(app_id: int, entry: AuditEntry, expires_at: datetime) -> Row:
    return {
        "_id": f"{app_id}:{entry.id}",
        "entry": entry.id,
        "app_id": app_id,
        "at": entry.at,
        "actor": entry.actor,
        "actor_key": fold(entry.actor),
        "role": entry.role.value,
        "action": entry.action,
        "target": entry.target,
        "target_key": fold(entry.target),
        "reason": entry.reason,
        "message_id": entry.message_id,
        "text": entry.text,
        "seconds": entry.seconds,
        "plugin": entry.plugin,
        "expires_at": expires_at,
    }


def _entry_of(row: Row) -> AuditEntry:
    return AuditEntry(
        row["entry"],
        utc(row["at"]),
        row["actor"],
        Role(row["role"]),
        row["action"],
        row["target"],
        row["reason"],
        row["message_id"],
        row["text"],
        row["seconds"],
        row["plugin"],
    )
