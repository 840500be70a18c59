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
    if viewer is not None:
        wanted |= {"$or": [{"shadow": None}, {"user.uname": viewer}]} if viewer else {"shadow": None}
    found: list[Row] = []
    upper, width = before, 2 * limit
    for step in range(STEPS):
        lower = 0 if step == STEPS - 1 else max(upper - width, 0)
        most = limit - len(found)
        find = messages.find(
            wanted | {"id": {"$gte": lower, "$lt": upper}}, {"_id": False}, sort=[("id", DESCENDING)], limit=most
        )
        found += await guarded(partial(find.to_list, most), writing=False)
        if len(found) >= limit or lower == 0:
            break
        upper, width = lower, 8 * width
    return [message_of(row) for row in reversed(found)]
