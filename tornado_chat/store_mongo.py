"""The store on MongoDB. The only module that imports motor or pymongo."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
from collections import defaultdict
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from typing import Any, TypeVar

from bson import ObjectId
from motor.motor_asyncio import AsyncIOMotorClient
from pymongo import ASCENDING, DESCENDING, ReturnDocument, UpdateOne
from pymongo.errors import BulkWriteError, ConfigurationError, InvalidURI, PyMongoError
from pymongo.uri_parser import parse_uri
from pymongo.write_concern import WriteConcern

from tornado_chat.availability import Availability
from tornado_chat.errors import ConfigError, StoreUnavailable
from tornado_chat.models import Message, Mute
from tornado_chat.mongo_rows import (
    Row,
    deletion_of,
    kept_of,
    message_row,
    mute_of,
    mute_row,
    of_app,
    plugin_id,
)
from tornado_chat.mongo_rows import message_of as message_in
from tornado_chat.patience import in_time
from tornado_chat.store import Deletion, Kept, Posting, message_of
from tornado_chat.store_mongo_pages import page_before
from tornado_chat.store_mongo_records import MongoRecords, only_duplicates
from tornado_chat.store_mongo_versions import put_newer, put_void, this_very

log = logging.getLogger(__name__)

T = TypeVar("T")

FIRST_RETRY = 0.25  # seconds; doubles up to LAST_RETRY
LAST_RETRY = 5.0
PROBE = 1.0  # seconds that a probe may take


class MongoStore:
    """Messages {app_id, id, at, user, text, cid}, counters {_id: app_id, seq}, mutes {_id: "app:folded", ...},
    plugin_data {_id: "app:plugin:key", value, expires_at}, and health, which the probe writes to.

    A message that was deleted leaves its row behind, without text and user: `gone` is what was the newest message then.
    One of which it isn't known whether it was stored, and whose sender was told that it wasn't, leaves a row with
    `gone` 0: its ids are taken, so that it can't come in later from a connection that was thought to be dead.

    `uri` is a mongodb:// URI, `timeout` is in seconds and bounds every operation,
    `retention_days` is how long messages are kept (0: for ever), `name` is what the log calls the database.
    Raises ConfigError for a URI that can't be used.
    """

    def __init__(
        self,
        uri: str,
        database: str,
        *,
        timeout: float,
        retention_days: int,
        name: str | None = None,
    ) -> None:
        self._timeout = timeout
        self._retention_days = retention_days
        if uri.startswith("mongodb+srv:"):
            raise ConfigError(
                "server.toml: mongodb.uri: mongodb+srv:// asks the DNS and would hold up the chat; "
                "name the hosts instead: mongodb://a.example.com,b.example.com/?replicaSet=NAME&tls=true"
            )
        milliseconds = max(int(timeout * 1000), 1)
        try:
            hosts = parse_uri(uri, connect_timeout=timeout)["nodelist"]
            self._where = name or "MongoDB at " + ", ".join(f"{host}:{port}" for host, port in hosts)
            self._client: AsyncIOMotorClient[dict[str, Any]] = AsyncIOMotorClient(
                uri,
                appname="tornado-chat",
                tz_aware=True,
                tzinfo=UTC,
                # Motor's own defaults wait 30 s for a server and for ever on a socket. timeoutMS bounds the whole
                # operation, so that its thread comes free when the caller has long had an answer.
                timeoutMS=milliseconds,
                serverSelectionTimeoutMS=milliseconds,
                connectTimeoutMS=milliseconds,
                # On a replica set a write is tried once more where the primary steps down; the server sees to it that
                # it is done once.
                retryWrites=True,
            )
        except (InvalidURI, ConfigurationError, ValueError, TypeError) as error:
            # Not its message: that quotes the URI, and with it the password.
            raise ConfigError(
                f"server.toml: mongodb.uri: expected mongodb://[user:password@]host[:port], with each of them "
                f"percent-encoded ({type(error).__name__})"
            ) from None
        db = self._client.get_database(database, write_concern=WriteConcern(w="majority", j=True))
        self._messages = db.messages
        self._counters = db.counters
        self._mutes = db.mutes
        self._plugin_data = db.plugin_data
        self._records = MongoRecords(db, self._guarded)
        self._ready = asyncio.Event()
        self._health = db.health
        # self._unsettled[app_id] = [rows] of inserts that may or may not have been done
        self._unsettled: dict[int, list[list[Row]]] = {}
        self._turns: defaultdict[int, asyncio.Lock] = defaultdict(asyncio.Lock)  # of appending and settling, by app
        self.availability = Availability(self._where, self.ping, self._probe)

    @property
    def ready(self) -> bool:
        """Whether the indexes are known to be there; until then nothing is written."""
        return self._ready.is_set()

    async def open(self) -> None:
        """Make the indexes; where the database is away, say so and try until it is back."""
        wait = FIRST_RETRY
        while not self.ready:
            try:
                # Nobody waits for this. The driver, which looks every half second, shall say what is wrong.
                await self._bounded(self._make_indexes(), self._timeout + 1.0)
            except StoreUnavailable as error:
                log.error(
                    "%s; the chat waits for it and tries again in %g s. "
                    "If address or password are wrong, change mongodb.uri in server.toml.",
                    error,
                    wait,
                )
                await asyncio.sleep(wait)
                wait = min(wait * 2, LAST_RETRY)
            else:
                self._ready.set()
                log.info("%s is ready", self._where)

    @property
    def records(self) -> MongoRecords:
        """Bans, the audit log, and what is known of people."""
        return self._records

    async def ping(self) -> None:
        """Raise StoreUnavailable unless the database answers."""
        await self._bounded(self._client.admin.command("ping"), min(PROBE, self._timeout))

    @property
    def where(self) -> str:
        """What the log calls the database."""
        return self._where

    async def close(self) -> None:
        """Settle what is unsettled, where the database is there, and give back the connections."""
        await self.availability.close()
        if self._unsettled and self.availability.writable:
            try:
                await self._bounded(self._settle_all(), PROBE)
            except StoreUnavailable as error:
                log.warning("messages that were refused may show after the next start: %s", error)
        # It says good-bye to the database, and waits for an answer: not on the event loop, and not for long.
        closed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        threading.Thread(target=_close, args=(self._client, closed), name="database close", daemon=True).start()
        await asyncio.wait({closed}, timeout=PROBE)

    def on_return(self, settle: Callable[[], Awaitable[None]]) -> None:
        self.availability.on_return(settle)

    async def append(self, app_id: int, postings: Sequence[Posting], timeout: float) -> list[Message]:
        self._require(writing=True)
        return await self._within(self._append(app_id, postings), min(timeout, self._timeout))

    async def recent(self, app_id: int, limit: int) -> list[Message]:
        find = self._messages.find(of_app(app_id, gone=None), {"_id": False}, sort=[("id", DESCENDING)], limit=limit)
        return [message_in(row) for row in await self._guarded(lambda: find.to_list(limit), writing=False)][::-1]

    async def before(self, app_id: int, before: int, limit: int, viewer: str | None = None) -> list[Message]:
        return await page_before(self._messages, self._guarded, app_id, before, limit, viewer=viewer)

    async def mutes(self, app_id: int) -> list[Mute]:
        rows = await self._guarded(
            lambda: self._mutes.find(of_app(app_id, void={"$ne": True})).to_list(None), writing=False
        )
        return sorted((mute_of(row) for row in rows), key=lambda mute: mute.at)

    async def save_mute(self, mute: Mute) -> None:
        await self._guarded(lambda: put_newer(self._mutes, mute_row(mute)), writing=True)

    async def void_mute(self, mute: Mute) -> None:
        await self._guarded(lambda: put_void(self._mutes, mute_row(mute)), writing=True)

    async def delete_mute(self, mute: Mute) -> None:
        await self._guarded(lambda: self._mutes.delete_one(this_very(mute_row(mute))), writing=True)

    async def delete_messages(self, app_id: int, ids: Sequence[int], newest: int) -> None:
        if not ids:
            return
        # With the range the embedded database finds them in a hundredth of the time.
        wanted = of_app(app_id, id={"$in": list(ids), "$gte": min(ids), "$lte": max(ids)}, gone=None)
        gone = {"$set": {"gone": newest}, "$unset": {"text": "", "user": ""}}
        await self._guarded(lambda: self._messages.update_many(wanted, gone), writing=True)

    async def deletions(self, app_id: int, since: int) -> list[Deletion]:
        find = self._messages.find(of_app(app_id, gone={"$gte": max(since, 1)}), {"id": True, "gone": True})
        rows = await self._guarded(lambda: find.to_list(None), writing=False)
        return sorted(map(deletion_of, rows), key=lambda deletion: (deletion.after, deletion.id))

    async def plugin_get(self, app_id: int, plugin: str, key: str) -> Kept | None:
        wanted = {"_id": plugin_id(app_id, plugin, key)}
        row = await self._guarded(lambda: self._plugin_data.find_one(wanted), writing=False)
        return None if row is None else kept_of(row)

    async def plugin_put(self, app_id: int, plugin: str, kept: Kept) -> bool:
        row = {
            "_id": plugin_id(app_id, plugin, kept.key),
            "app_id": app_id,
            "plugin": plugin,
            "key": kept.key,
            "value": kept.value.decode(),  # as text: the embedded database can't replace a row that has bytes
            "expires_at": kept.expires_at,
        }
        replace = self._plugin_data.replace_one
        put = await self._guarded(lambda: replace({"_id": row["_id"]}, row, upsert=True), writing=True)
        return bool(put.matched_count == 0)

    async def plugin_delete(self, app_id: int, plugin: str, key: str) -> bool:
        wanted = {"_id": plugin_id(app_id, plugin, key)}
        gone = await self._guarded(lambda: self._plugin_data.delete_one(wanted), writing=True)
        return bool(gone.deleted_count)

    async def plugin_items(self, app_id: int, plugin: str, prefix: str, limit: int) -> list[Kept]:
        # A range of the _id's own index: what begins with the prefix, up to the last code point there is.
        first = plugin_id(app_id, plugin, prefix)
        find = self._plugin_data.find(
            {"_id": {"$gte": first, "$lt": f"{first}\U0010ffff"}}, sort=[("_id", ASCENDING)], limit=limit
        )
        return [kept_of(row) for row in await self._guarded(lambda: find.to_list(limit), writing=False)]

    async def plugin_count(self, app_id: int, plugin: str) -> int:
        wanted = of_app(app_id, plugin=plugin)
        return int(await self._guarded(lambda: self._plugin_data.count_documents(wanted), writing=False))

    async def _append(self, app_id: int, postings: Sequence[Posting]) -> list[Message]:
        async with self._turns[app_id]:
            await self._settle(app_id)
            messages = await self._insert(app_id, postings)
            if messages is None:
                # The counter is behind the messages, as in a database that was restored from parts.
                await self._raise_counter(app_id)
                messages = await self._insert(app_id, postings)
        if messages is None:
            raise StoreUnavailable(f"{self._where}: message ids of app {app_id} are taken by somebody else")
        return messages

    async def _insert(self, app_id: int, postings: Sequence[Posting]) -> list[Message] | None:
        """Store postings under new ids; None, and what was stored is unsettled, where some of these are taken."""
        counter = await self._counters.find_one_and_update(
            {"_id": app_id},
            {"$inc": {"seq": len(postings)}},
            upsert=True,
            return_document=ReturnDocument.AFTER,
        )
        if counter is None:  # the embedded database answers so where it can't write
            raise StoreUnavailable(f"{self._where} gave no message ids")
        first = counter["seq"] - len(postings) + 1
        messages = [message_of(app_id, number, posting) for number, posting in enumerate(postings, first)]
        rows = [{"_id": ObjectId(), **message_row(message)} for message in messages]
        try:
            # Not in order, so that one that was sent before doesn't keep those after it out.
            await self._messages.insert_many(rows, ordered=False)
        except BulkWriteError as error:
            try:
                firsts = await self._firsts(rows, error)
                if firsts is None:
                    await self._messages.delete_many({"_id": {"$in": [row["_id"] for row in rows]}})
                    return None
            except BaseException:
                self._unsettled.setdefault(app_id, []).append(rows)
                raise
            return [firsts.get(index, message) for index, message in enumerate(messages)]
        except BaseException:  # the time-out's cancellation too
            # Their fate is unknown, and their senders are told that nothing was sent.
            self._unsettled.setdefault(app_id, []).append(rows)
            raise
        return messages

    async def _firsts(self, rows: list[Row], error: BulkWriteError) -> dict[int, Message] | None:
        """Return the messages, by index, that were sent before under the same cid; None where other ids are taken.

        Raises the error again where it is of another kind.
        """
        if not only_duplicates(error):
            raise error
        problems = error.details["writeErrors"]
        cids = [rows[problem["index"]].get("cid") for problem in problems]
        found = self._messages.find({"cid": {"$in": [cid for cid in cids if cid]}}, {"cid": True, "id": True})
        numbers = {row["cid"]: row["id"] for row in await found.to_list(None)}
        if not all(cid in numbers for cid in cids):
            return None
        # As it was sent this time: what was stored may be deleted by now.
        return {
            problem["index"]: message_in(rows[problem["index"]] | {"id": numbers[cid]})
            for problem, cid in zip(problems, cids, strict=True)
        }

    async def _settle(self, app_id: int) -> None:
        """Void what may have been stored although its senders were told that it wasn't.

        A row that isn't there is put there, void: the insert may still be under way on a connection that was given up.
        What is unsettled is known to this process only: where it is killed before the database is back, such a message
        stays in the history.
        """
        unsettled = self._unsettled.pop(app_id, [])
        try:
            while unsettled:
                try:
                    await self._messages.bulk_write([_void(row) for row in unsettled[-1]], ordered=False)
                except BulkWriteError as error:
                    # An id that is somebody else's keeps the late row out just as well.
                    if not only_duplicates(error):
                        raise
                unsettled.pop()
        finally:
            if unsettled:
                self._unsettled.setdefault(app_id, []).extend(unsettled)

    async def _settle_all(self) -> None:
        for app_id in list(self._unsettled):
            async with self._turns[app_id]:
                await self._settle(app_id)

    async def _probe(self) -> None:
        """Store something, as durably as a message. Raises StoreUnavailable."""
        row = {"_id": "probe", "at": datetime.now(UTC)}
        await self._bounded(self._health.replace_one({"_id": row["_id"]}, row, upsert=True), min(PROBE, self._timeout))
        await self._bounded(self._settle_all(), self._timeout)

    async def _raise_counter(self, app_id: int) -> None:
        newest = await self._messages.find_one(of_app(app_id), sort=[("id", DESCENDING)])
        if newest is not None:
            await self._counters.update_one({"_id": app_id}, {"$max": {"seq": newest["id"]}}, upsert=True)

    async def _make_indexes(self) -> None:
        await self._messages.create_index([("app_id", ASCENDING), ("id", DESCENDING)], unique=True)
        await self._messages.create_index("cid", unique=True, sparse=True)
        deleted = {"gone": {"$gt": 0}}
        await self._messages.create_index([("app_id", ASCENDING), ("gone", ASCENDING)], partialFilterExpression=deleted)
        await self._mutes.create_index("app_id")
        await self._mutes.create_index("expires_at", expireAfterSeconds=0)
        await self._plugin_data.create_index([("app_id", ASCENDING), ("plugin", ASCENDING)])
        await self._plugin_data.create_index("expires_at", expireAfterSeconds=0)
        await self._records.make_indexes()
        await self._set_retention(self._retention_days * 86_400)

    async def _set_retention(self, seconds: int) -> None:
        for name, index in (await self._messages.index_information()).items():
            if index["key"] == [("at", ASCENDING)] and index.get("expireAfterSeconds") != seconds:
                await self._messages.drop_index(name)
        if seconds:
            await self._messages.create_index("at", expireAfterSeconds=seconds)

    def _require(self, *, writing: bool) -> None:
        if not self.ready:
            raise StoreUnavailable(f"{self._where} hasn't answered since the start")
        self.availability.require(writing=writing)

    async def _guarded(self, operation: Callable[[], Awaitable[T]], *, writing: bool) -> T:
        self._require(writing=writing)
        return await self._within(operation(), self._timeout)

    async def _within(self, operation: Awaitable[T], timeout: float) -> T:
        """Return what `operation` returns, within `timeout` seconds. Raises StoreUnavailable for any other end.

        Then the database counts as away, until the probe has been answered.
        """
        try:
            return await self._bounded(operation, timeout)
        except StoreUnavailable as error:
            self.availability.failed(error)
            raise

    async def _bounded(self, operation: Awaitable[T], timeout: float) -> T:
        try:
            return await in_time(operation, timeout)
        except TimeoutError:
            raise StoreUnavailable(f"{self._where} didn't answer within {timeout:.1f} s") from None
        except PyMongoError as error:
            raise StoreUnavailable(f"{self._where}: {type(error).__name__}: {_first_line(error)}") from error


def _close(client: AsyncIOMotorClient[dict[str, Any]], closed: asyncio.Future[None]) -> None:
    client.close()
    with contextlib.suppress(RuntimeError):  # the loop has ended
        closed.get_loop().call_soon_threadsafe(closed.set_result, None)


def _void(row: Row) -> UpdateOne:
    place = {key: row[key] for key in ("app_id", "id", "at")}
    return UpdateOne(
        {"_id": row["_id"]},
        {"$set": place | {"gone": 0}, "$unset": dict.fromkeys(("cid", "text", "user", "plugin", "shadow"), "")},
        upsert=True,
    )


def _first_line(error: PyMongoError) -> str:
    if isinstance(error, BulkWriteError):
        # Its message quotes the rows, and with them what people wrote.
        return f"code {[problem['code'] for problem in error.details['writeErrors']]}"
    # pymongo appends a dump of the whole topology to its message.
    return str(error).partition(", Timeout:")[0].splitlines()[0][:200] if str(error) else ""
