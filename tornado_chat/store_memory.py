"""The store in memory, for the tests of plugins: the same contract, and nothing survives the process."""

from __future__ import annotations

from collections import deque
from collections.abc import Awaitable, Callable, Sequence

from tornado_chat.errors import StoreUnavailable
from tornado_chat.models import Message, Mute
from tornado_chat.store import Deletion, Kept, Posting, message_of


class MemoryStore:
    """Keeps everything in dicts. While `away` is True, every operation raises StoreUnavailable."""

    def __init__(self) -> None:
        self.away = False
        self._messages: dict[int, list[Message]] = {}  # self._messages[app_id], oldest first
        self._counters: dict[int, int] = {}
        self._cids: dict[tuple[int, int, str], Message] = {}  # self._cids[app_id, user id, cid]
        self._deletions: dict[int, list[Deletion]] = {}  # self._deletions[app_id]
        self._mutes: dict[tuple[int, str], Mute] = {}  # self._mutes[app_id, folded uname]
        self._kept: dict[tuple[int, str, str], Kept] = {}  # self._kept[app_id, plugin, key]

    def on_return(self, settle: Callable[[], Awaitable[None]]) -> None:
        """Nothing is ever half done here."""

    async def append(self, app_id: int, postings: Sequence[Posting], timeout: float) -> list[Message]:
        self._check()
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
        self._check()
        return list(deque(self._messages.get(app_id, ()), limit))

    async def mutes(self, app_id: int) -> list[Mute]:
        self._check()
        found = [mute for (app, _), mute in self._mutes.items() if app == app_id]
        return sorted(found, key=lambda mute: mute.at)

    async def save_mute(self, mute: Mute) -> None:
        self._check()
        self._mutes[mute.app_id, mute.key] = mute

    async def delete_mute(self, mute: Mute) -> None:
        self._check()
        found = self._mutes.get((mute.app_id, mute.key))
        if found is not None and found.at == mute.at:
            del self._mutes[mute.app_id, mute.key]

    async def delete_messages(self, app_id: int, ids: Sequence[int], newest: int) -> None:
        self._check()
        gone = set(ids)
        here = self._messages.get(app_id, [])
        self._deletions.setdefault(app_id, []).extend(
            Deletion(message.id, newest) for message in here if message.id in gone
        )
        self._messages[app_id] = [message for message in here if message.id not in gone]

    async def deletions(self, app_id: int, since: int) -> list[Deletion]:
        self._check()
        return [deletion for deletion in self._deletions.get(app_id, []) if deletion.after >= since]

    async def plugin_get(self, app_id: int, plugin: str, key: str) -> Kept | None:
        self._check()
        return self._kept.get((app_id, plugin, key))

    async def plugin_put(self, app_id: int, plugin: str, kept: Kept) -> bool:
        self._check()
        new = (app_id, plugin, kept.key) not in self._kept
        self._kept[app_id, plugin, kept.key] = kept
        return new

    async def plugin_delete(self, app_id: int, plugin: str, key: str) -> bool:
        self._check()
        return self._kept.pop((app_id, plugin, key), None) is not None

    async def plugin_items(self, app_id: int, plugin: str, prefix: str, limit: int) -> list[Kept]:
        self._check()
        keys = sorted(
            key for app, name, key in self._kept if app == app_id and name == plugin and key.startswith(prefix)
        )
        return [self._kept[app_id, plugin, key] for key in keys[:limit]]

    async def plugin_count(self, app_id: int, plugin: str) -> int:
        self._check()
        return sum(app == app_id and name == plugin for app, name, _ in self._kept)

    def _check(self) -> None:
        if self.away:
            raise StoreUnavailable("the store is away")
