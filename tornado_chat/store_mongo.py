"""The store on MongoDB. The only module that imports motor or pymongo."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Sequence
from datetime import UTC, datetime
from typing import Any, TypeVar

from bson import ObjectId
from motor.motor_asyncio import AsyncIOMotorClient
from pymongo import ASCENDING, DESCENDING, ReturnDocument
from pymongo.errors import BulkWriteError, ConfigurationError, InvalidURI, PyMongoError
from pymongo.uri_parser import parse_uri
from pymongo.write_concern import WriteConcern

from tornado_chat.errors import ConfigError, StoreUnavailable
from tornado_chat.models import Message, Mute, Role, User
from tornado_chat.store import Kept, Posting

log = logging.getLogger(__name__)

T = TypeVar("T")

FIRST_RETRY = 0.25  # seconds; doubles up to LAST_RETRY
LAST_RETRY = 5.0
DUPLICATE_KEY = 11000


class MongoStore:
    """Messages {app_id, id, at, user, text}, counters {_id: app_id, seq}, mutes {_id: "app:folded", ...}, and
    plugin_data {_id: "app:plugin:key", value, expires_at}.

    `uri` is a mongodb:// URI, `timeout` is in seconds and bounds every operation,
    `retention_days` is how long messages are kept (0: for ever), `name` is what the log calls the database. Raises
    ConfigError for a URI that can't be used.
    """

    def __init__(
        self, uri: str, database: str, *, timeout: float, retention_days: int, name: str | None = None
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
                # A retried write that timed out could be done twice.
                retryWrites=False,
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
        self._ready = asyncio.Event()
        # self._unsettled[app_id] = [_ids of the rows] of inserts that may or may not have been done
        self._unsettled: dict[int, list[list[ObjectId]]] = {}

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
                await self._within(self._make_indexes(), self._timeout + 1.0)
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

    async def ping(self) -> None:
        """Raise StoreUnavailable unless the database answers."""
        await self._within(self._client.admin.command("ping"), self._timeout)

    async def close(self) -> None:
        """Give back the connections."""
        self._client.close()

    async def append(self, app_id: int, postings: Sequence[Posting], timeout: float) -> list[Message]:
        self._require_ready()
        return await self._within(self._append(app_id, postings), min(timeout, self._timeout))

    async def recent(self, app_id: int, limit: int) -> list[Message]:
        self._require_ready()
        find = self._messages.find({"app_id": app_id}, {"_id": False}, sort=[("id", DESCENDING)], limit=limit)
        return [_message(row) for row in await self._within(find.to_list(limit), self._timeout)][::-1]

    async def mutes(self, app_id: int) -> list[Mute]:
        self._require_ready()
        rows = await self._within(self._mutes.find({"app_id": app_id}).to_list(None), self._timeout)
        return sorted((_mute(row) for row in rows), key=lambda mute: mute.at)

    async def save_mute(self, mute: Mute) -> None:
        self._require_ready()
        row = {
            "_id": _mute_id(mute),  # MongoDB would take it from the filter; the embedded database doesn't
            "app_id": mute.app_id,
            "uname": mute.uname,
            "mins": mute.mins,
            "expires_at": mute.expires_at,
            "by": mute.by,
            "by_role": mute.by_role.value,
            "reason": mute.reason,
            "at": mute.at,
        }
        await self._within(self._mutes.replace_one({"_id": row["_id"]}, row, upsert=True), self._timeout)

    async def delete_mute(self, mute: Mute) -> None:
        self._require_ready()
        await self._within(self._mutes.delete_one({"_id": _mute_id(mute), "at": mute.at}), self._timeout)

    async def delete_messages(self, app_id: int, ids: Sequence[int]) -> None:
        self._require_ready()
        gone = self._messages.delete_many({"app_id": app_id, "id": {"$in": list(ids)}})
        await self._within(gone, self._timeout)

    async def plugin_get(self, app_id: int, plugin: str, key: str) -> Kept | None:
        self._require_ready()
        row = await self._within(self._plugin_data.find_one({"_id": _plugin_id(app_id, plugin, key)}), self._timeout)
        return None if row is None else _kept(row)

    async def plugin_put(self, app_id: int, plugin: str, kept: Kept) -> bool:
        self._require_ready()
        row = {
            "_id": _plugin_id(app_id, plugin, kept.key),
            "app_id": app_id,
            "plugin": plugin,
            "key": kept.key,
            "value": kept.value.decode(),  # as text: the embedded database can't replace a row that has bytes
            "expires_at": kept.expires_at,
        }
        put = self._plugin_data.replace_one({"_id": row["_id"]}, row, upsert=True)
        return (await self._within(put, self._timeout)).matched_count == 0

    async def plugin_delete(self, app_id: int, plugin: str, key: str) -> bool:
        self._require_ready()
        gone = self._plugin_data.delete_one({"_id": _plugin_id(app_id, plugin, key)})
        return bool((await self._within(gone, self._timeout)).deleted_count)

    async def plugin_items(self, app_id: int, plugin: str, prefix: str, limit: int) -> list[Kept]:
        self._require_ready()
        # A range of the _id's own index: what begins with the prefix, up to the last code point there is.
        first = _plugin_id(app_id, plugin, prefix)
        find = self._plugin_data.find(
            {"_id": {"$gte": first, "$lt": f"{first}\U0010ffff"}}, sort=[("_id", ASCENDING)], limit=limit
        )
        return [_kept(row) for row in await self._within(find.to_list(limit), self._timeout)]

    async def plugin_count(self, app_id: int, plugin: str) -> int:
        self._require_ready()
        counted = self._plugin_data.count_documents({"app_id": app_id, "plugin": plugin})
        return int(await self._within(counted, self._timeout))

    async def _append(self, app_id: int, postings: Sequence[Posting]) -> list[Message]:
        await self._settle(app_id)
        try:
            return await self._insert(app_id, postings)
        except BulkWriteError as error:
            if any(problem["code"] != DUPLICATE_KEY for problem in error.details["writeErrors"]):
                raise
        # The counter is behind the messages, as in a database that was restored from parts.
        await self._settle(app_id)
        await self._raise_counter(app_id)
        return await self._insert(app_id, postings)

    async def _insert(self, app_id: int, postings: Sequence[Posting]) -> list[Message]:
        counter = await self._counters.find_one_and_update(
            {"_id": app_id},
            {"$inc": {"seq": len(postings)}},
            upsert=True,
            return_document=ReturnDocument.AFTER,
        )
        first = counter["seq"] - len(postings) + 1
        messages = [
            Message(app_id, first + offset, posting.at, posting.user, posting.text, posting.plugin, posting.shadow)
            for offset, posting in enumerate(postings)
        ]
        rows = [_row(message) for message in messages]
        try:
            await self._messages.insert_many(rows)
        except BaseException:  # the time-out's cancellation too
            # Their fate is unknown, and their senders are told that nothing was sent.
            self._unsettled.setdefault(app_id, []).append([row["_id"] for row in rows])
            raise
        return messages

    async def _settle(self, app_id: int) -> None:
        """Remove what was stored after all, although its senders were told that it wasn't.

        What is unsettled is known to this process only: where it ends before the app's next message, such a message
        stays in the history.
        """
        unsettled = self._unsettled.pop(app_id, [])
        try:
            while unsettled:
                await self._messages.delete_many({"_id": {"$in": unsettled[-1]}})
                unsettled.pop()
        finally:
            if unsettled:
                self._unsettled.setdefault(app_id, []).extend(unsettled)

    async def _raise_counter(self, app_id: int) -> None:
        newest = await self._messages.find_one({"app_id": app_id}, sort=[("id", DESCENDING)])
        if newest is not None:
            await self._counters.update_one({"_id": app_id}, {"$max": {"seq": newest["id"]}}, upsert=True)

    async def _make_indexes(self) -> None:
        await self._messages.create_index([("app_id", ASCENDING), ("id", DESCENDING)], unique=True)
        await self._mutes.create_index("app_id")
        await self._mutes.create_index("expires_at", expireAfterSeconds=0)
        await self._plugin_data.create_index([("app_id", ASCENDING), ("plugin", ASCENDING)])
        await self._plugin_data.create_index("expires_at", expireAfterSeconds=0)
        await self._set_retention(self._retention_days * 86_400)

    async def _set_retention(self, seconds: int) -> None:
        for name, index in (await self._messages.index_information()).items():
            if index["key"] == [("at", ASCENDING)] and index.get("expireAfterSeconds") != seconds:
                await self._messages.drop_index(name)
        if seconds:
            await self._messages.create_index("at", expireAfterSeconds=seconds)

    def _require_ready(self) -> None:
        if not self.ready:
            raise StoreUnavailable(f"{self._where} hasn't answered since the start")

    async def _within(self, operation: Awaitable[T], timeout: float) -> T:
        """Return what `operation` returns, within `timeout` seconds. Raises StoreUnavailable for any other end."""
        try:
            return await asyncio.wait_for(operation, max(timeout, 0))
        except TimeoutError:
            raise StoreUnavailable(f"{self._where} didn't answer within {timeout:.1f} s") from None
        except PyMongoError as error:
            raise StoreUnavailable(f"{self._where}: {type(error).__name__}: {_first_line(error)}") from error


def _first_line(error: PyMongoError) -> str:
    if isinstance(error, BulkWriteError):
        # Its message quotes the rows, and with them what people wrote.
        return f"code {[problem['code'] for problem in error.details['writeErrors']]}"
    # pymongo appends a dump of the whole topology to its message.
    return str(error).partition(", Timeout:")[0].splitlines()[0][:200] if str(error) else ""


def _row(message: Message) -> dict[str, Any]:
    user = message.user
    return {
        "_id": ObjectId(),
        "app_id": message.app_id,
        "id": message.id,
        "at": message.at,
        "user": {"id": user.id, "uname": user.uname, "role": user.role.value},
        "text": message.text,
    } | {key: value for key, value in (("plugin", message.plugin), ("shadow", message.shadow)) if value}


def _message(row: dict[str, Any]) -> Message:
    user = row["user"]
    return Message(
        row["app_id"],
        row["id"],
        _utc(row["at"]),
        User(user["id"], user["uname"], Role(user["role"])),
        row["text"],
        row.get("plugin", ""),
        row.get("shadow", False),
    )


def _plugin_id(app_id: int, plugin: str, key: str) -> str:
    return f"{app_id}:{plugin}:{key}"


def _kept(row: dict[str, Any]) -> Kept:
    expires_at = row["expires_at"]
    return Kept(row["key"], row["value"].encode(), None if expires_at is None else _utc(expires_at))


def _mute_id(mute: Mute) -> str:
    return f"{mute.app_id}:{mute.key}"


def _mute(row: dict[str, Any]) -> Mute:
    return Mute(
        row["app_id"],
        row["uname"],
        row["mins"],
        _utc(row["expires_at"]),
        row["by"],
        Role(row["by_role"]),
        row["reason"],
        _utc(row["at"]),
    )


def _utc(at: datetime) -> datetime:
    # The embedded database answers times with a zone object of its own that equals UTC and isn't UTC.
    return at.astimezone(UTC)
