"""Rows that replace each other, by their version: an older one can't come in late."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from pymongo.errors import DuplicateKeyError

from tornado_chat.mongo_rows import Row

VOID_FOR = timedelta(days=1)  # no write is under way for as long


async def put_newer(collection: Any, row: Row) -> None:
    """Put a row in the place of an older one of its _id (by its `at`, in ms as `version`), where there is one.

    An older one that comes in late, from a connection that was thought to be dead, so finds the place taken.
    """
    version = _version(row)
    row = row | {"version": version, "void": False}  # said aloud: the embedded database keeps keys that aren't
    try:
        await collection.replace_one({"_id": row["_id"], "version": {"$lt": version}}, row, upsert=True)
    except DuplicateKeyError:
        # The same again; or the clock was set back, and what is there only looks newer; or it has no version yet.
        await collection.replace_one({"_id": row["_id"]}, row)


async def put_void(collection: Any, row: Row) -> None:
    """See to it that this row isn't there, and doesn't come in late; one that replaced it stays.

    A void row keeps its place for a day.
    """
    version = _version(row)
    void = row | {"version": version, "void": True, "expires_at": row["at"] + VOID_FOR}
    try:
        await collection.replace_one({"_id": row["_id"], "version": {"$lte": version}}, void, upsert=True)
    except DuplicateKeyError:  # a newer one, or one that was stored before there were versions
        await collection.delete_one({"_id": row["_id"], "at": row["at"], "version": None})


def this_very(row: Row) -> Row:
    """Return what finds this very row, and not one that replaced it."""
    return {"_id": row["_id"], "at": row["at"], "version": {"$in": [_version(row), None]}}


def _version(row: Row) -> int:
    # A number: the embedded database doesn't compare times as precisely.
    at: datetime = row["at"]
    return round(at.timestamp() * 1000)
