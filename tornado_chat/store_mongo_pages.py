"""Old messages in MongoDB, found without a deep sort. Part of motor's home; see store_mongo.py."""

from __future__ import annotations

from functools import partial

from motor.motor_asyncio import AsyncIOMotorCollection
from pymongo import DESCENDING

from tornado_chat.models import Message
from tornado_chat.mongo_rows import Row, message_of
from tornado_chat.store_mongo_records import Guard

STEPS = 6  # the last one looks at all that is left


async def page_before(
    messages: AsyncIOMotorCollection[Row], guarded: Guard, app_id: int, before: int, limit: int, *, viewer: str | None
) -> list[Message]:
    """Return the last `limit` messages of an app before the id `before`, oldest first; see Store.before.

    Ids count up with few gaps, so a range of them holds about as many messages: the embedded database sorts a range in
    a fraction of the time that it takes for all. Where it holds too few, because many were deleted, it is widened.
    """
    wanted: Row = {"app_id": app_id, "gone": None}
    shadow: Row = {} if viewer is None else {"shadow": None}
    rows = await _last(messages, guarded, wanted | shadow, lowest=0, before=before, limit=limit)
    if viewer:
        # Not by an $or, for which the embedded database reads all that there is.
        own: Row = {"shadow": True, "user.uname": viewer}
        lowest = rows[-1]["id"] if len(rows) == limit else 0
        rows += await _last(messages, guarded, wanted | own, lowest=lowest, before=before, limit=limit)
        rows = sorted(rows, key=lambda row: -row["id"])[:limit]
    return [message_of(row) for row in reversed(rows)]


async def _last(
    messages: AsyncIOMotorCollection[Row], guarded: Guard, wanted: Row, *, lowest: int, before: int, limit: int
) -> list[Row]:
    """Return the last `limit` rows that are wanted, newest first, with an id from `lowest` to below `before`."""
    found: list[Row] = []
    upper, width = before, 2 * limit
    for step in range(STEPS):
        lower = lowest if step == STEPS - 1 else max(upper - width, lowest)
        most = limit - len(found)
        ids = {"id": {"$gte": lower, "$lt": upper}}
        find = messages.find(wanted | ids, {"_id": False}, sort=[("id", DESCENDING)], limit=most)
        found += await guarded(partial(find.to_list, most), writing=False)
        if len(found) >= limit or lower == lowest:
            break
        upper, width = lower, 8 * width
    return found
