"""Old messages in MongoDB. Part of motor's home; see store_mongo.py."""

from __future__ import annotations

from motor.motor_asyncio import AsyncIOMotorCollection
from pymongo import DESCENDING

from tornado_chat.models import Message
from tornado_chat.mongo_rows import Row, message_of, of_app
from tornado_chat.store_mongo_records import Guard


async def page_before(
    messages: AsyncIOMotorCollection[Row], guarded: Guard, app_id: int, before: int, limit: int, *, viewer: str | None
) -> list[Message]:
    """Return the last `limit` messages of an app before the id `before`, oldest first; see Store.before."""

    async def last(lowest: int, **wanted: object) -> list[Row]:
        wanted = of_app(app_id, id={"$gte": lowest, "$lt": before}, gone=None) | wanted
        find = messages.find(wanted, {"_id": False}, sort=[("id", DESCENDING)], limit=limit)
        return await guarded(lambda: find.to_list(limit), writing=False)

    rows = await last(0) if viewer is None else await last(0, shadow=None)
    if viewer:
        # Not by an $or, for which the embedded database reads all that there is.
        lowest = rows[-1]["id"] if len(rows) == limit else 0
        rows += await last(lowest, **{"shadow": True, "user.uname": viewer})
        rows = sorted(rows, key=lambda row: -row["id"])[:limit]
    return [message_of(row) for row in reversed(rows)]
