"""The store in memory, for the tests of plugins: the same contract, and nothing survives the process."""

from __future__ import annotations

from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime

from tornado_chat.errors import StoreAway
from tornado_chat.models import AuditEntry, Ban, Message, Mute, Person, fold
from tornado_chat.records import AuditQuery
from tornado_chat.store import Deletion, Kept, Posting, message_of


class MemoryStore:
    """Keeps everything in dicts. While `away` is True, every operation raises StoreUnavailable."""

    def __init__(self) -> None:
        self.away = False
        self.records = MemoryRecords(self)
        self._messages: dict[int, list[Message]] = {}  # self._messages[app_id], oldest first
        self._counters: dict[int, int] = {}
        self._cids: dict[tuple[int, int, str], Message] = {}  # self._cids[app_id, user id, cid]
        self._deletions: dict[int, list[Deletion]] = {}  # self._deletions[app_id]
        self._mutes: dict[tuple[int, str], Mute] = {}  # self._mutes[app_id, folded uname]
        self._kept: dict[tuple[int, str, str], Kept] = {}  # self._kept[app_id, plugin, key]

    def on_return(self, settle: Callable[[], Awaitable[None]]) -> None:
        """Nothing is ever half done here."""

    async def append(self, app_id: int, postings: Sequence[Posting], timeout: float) -> list[Message]:
        self.check()
        return [self._append(app_id, posting) for posting in postings]

    def _append(self, app_id: int, posting: Posting) -> Message:
        key = (app_id, posting.user.id, posting.cid)
        if posting.cid and key in self._cids:
            return self._cids[key]
        self._counters[app_id] = number = self._counters.get(app_id, 0) + 1
        message = message_of(app_id, number, posting)
        self._messages.setdefault(app_id, []).append(message)
        if posting.cid:
            self._cids[key] = message
        return message

    async def recent(self, app_id: int, limit: int) -> list[Message]:
        self.check()
        return list(deque(self._messages.get(app_id, ()), limit))

    async def before(self, app_id: int, before: int, limit: int, viewer: str | None = None) -> list[Message]:
        self.check()
        found = (each for each in self._messages.get(app_id, ()) if each.id < before)
        return list(deque((each for each in found if viewer in (None, each.user.uname) or not each.shadow), limit))

    async def mutes(self, app_id: int) -> list[Mute]:
        self.check()
        found = [mute for (app, _), mute in self._mutes.items() if app == app_id]
        return sorted(found, key=lambda mute: mute.at)

    async def save_mute(self, mute: Mute) -> None:
        self.check()
        self._mutes[mute.app_id, mute.key] = mute

    async def delete_mute(self, mute: Mute) -> None:
        self.check()
        found = self._mutes.get((mute.app_id, mute.key))
        if found is not None and found.at == mute.at:
            del self._mutes[mute.app_id, mute.key]

    async def void_mute(self, mute: Mute) -> None:
        await self.delete_mute(mute)

    async def delete_messages(self, app_id: int, ids: Sequence[int], newest: int) -> None:
        self.check()
        gone = set(ids)
        here = self._messages.get(app_id, [])
        self._deletions.setdefault(app_id, []).extend(
            Deletion(message.id, newest) for message in here if message.id in gone
        )
        self._messages[app_id] = [message for message in here if message.id not in gone]

    async def deletions(self, app_id: int, since: int) -> list[Deletion]:
        self.check()
        return [deletion for deletion in self._deletions.get(app_id, []) if deletion.after >= since]

    async def plugin_get(self, app_id: int, plugin: str, key: str) -> Kept | None:
        self.check()
        return self._kept.get((app_id, plugin, key))

    async def plugin_put(self, app_id: int, plugin: str, kept: Kept) -> bool:
        self.check()
        new = (app_id, plugin, kept.key) not in self._kept
        self._kept[app_id, plugin, kept.key] = kept
        return new

    async def plugin_delete(self, app_id: int, plugin: str, key: str) -> bool:
        self.check()
        return self._kept.pop((app_id, plugin, key), None) is not None

    async def plugin_items(self, app_id: int, plugin: str, prefix: str, limit: int) -> list[Kept]:
        self.check()
        keys = sorted(
            key for app, name, key in self._kept if app == app_id and name == plugin and key.startswith(prefix)
        )
        return [self._kept[app_id, plugin, key] for key in keys[:limit]]

    async def plugin_count(self, app_id: int, plugin: str) -> int:
        self.check()
        return sum(app == app_id and name == plugin for app, name, _ in self._kept)

    def check(self) -> None:
        """Raise StoreAway while the store is away."""
        if self.away:
            raise StoreAway("the store is away")


class MemoryRecords:
    """Bans, the audit log and people, in the store's own dicts."""

    def __init__(self, store: MemoryStore) -> None:
        self._store = store
        self._bans: dict[tuple[int, str], Ban] = {}  # self._bans[app_id, ban.key]
        self._audit: dict[int, dict[str, AuditEntry]] = {}  # self._audit[app_id][entry.id]
        self._people: dict[tuple[int, str], Person] = {}  # self._people[app_id, folded uname]

    async def bans(self, app_id: int) -> list[Ban]:
        self._store.check()
        return sorted((ban for (app, _), ban in self._bans.items() if app == app_id), key=lambda ban: ban.at)

    async def save_ban(self, ban: Ban) -> None:
        self._store.check()
        self._bans[ban.app_id, ban.key] = ban

    async def delete_ban(self, ban: Ban) -> None:
        self._store.check()
        found = self._bans.get((ban.app_id, ban.key))
        if found is not None and found.at == ban.at:
            del self._bans[ban.app_id, ban.key]

    async def void_ban(self, ban: Ban) -> None:
        await self.delete_ban(ban)

    async def add_audit(self, app_id: int, entries: Sequence[AuditEntry], expires_at: datetime) -> None:
        self._store.check()
        known = self._audit.setdefault(app_id, {})
        for entry in entries:
            known.setdefault(entry.id, entry)

    async def find_audit(self, app_id: int, query: AuditQuery, limit: int) -> list[AuditEntry]:
        self._store.check()
        entries = sorted(self._audit.get(app_id, {}).values(), key=lambda entry: entry.id, reverse=True)
        return [entry for entry in entries if _fits(entry, query)][:limit]

    async def person(self, app_id: int, uname: str) -> Person | None:
        self._store.check()
        return self._people.get((app_id, fold(uname)))

    async def save_people(self, app_id: int, people: Sequence[Person]) -> None:
        self._store.check()
        for person in people:
            key = (app_id, fold(person.uname))
            known = self._people.get(key, person)
            self._people[key] = Person(
                person.uname,
                min(known.first_seen, person.first_seen),
                max(known.last_seen, person.last_seen),
                max(known.said, person.said),
            )


def _fits(entry: AuditEntry, query: AuditQuery) -> bool:
    return (
        (not query.actor or fold(entry.actor) == fold(query.actor))
        and (not query.target or fold(entry.target) == fold(query.target))
        and (not query.action or entry.action == query.action)
        and (not query.before or entry.id < query.before)
    )
