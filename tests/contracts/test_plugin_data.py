"""What every store must do with deleted messages, and with what plugins keep: in memory, embedded, on a real mongod."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from tornado.ioloop import IOLoop

from tests.manual_clock import START
from tornado_chat.models import Role, User
from tornado_chat.store import Kept, Posting, Store
from tornado_chat.store_memory import MemoryStore
from tornado_chat.store_mongo import MongoStore

ALICE = User(1, "alice", Role.MEMBER)


@pytest.fixture(params=["memory", "embedded_uri", "mongod_uri"])
def store(
    request: pytest.FixtureRequest, database: str, run: Callable[[Awaitable[Any]], Any], io_loop: IOLoop
) -> Iterator[Store]:
    if request.param == "memory":
        yield MemoryStore()
        return
    store = MongoStore(str(request.getfixturevalue(request.param)), database, timeout=5.0, retention_days=90)
    run(store.open())
    yield store
    run(store.close())


@pytest.mark.gen_test
async def test_a_value_is_kept_replaced_and_removed(store: Store) -> None:
    assert await store.plugin_get(2, "judge", "a") is None
    for new, value in (
        (True, b"1"),
        (False, '{"x":"\u00e9\u2028\U0001f600"}'.encode()),
        (False, b'"' + b"x" * 65_000 + b'"'),
    ):
        kept = Kept("a", value)
        assert await store.plugin_put(2, "judge", kept) is new
        assert await store.plugin_get(2, "judge", "a") == kept
    assert await store.plugin_delete(2, "judge", "a")
    assert not await store.plugin_delete(2, "judge", "a")
    assert await store.plugin_get(2, "judge", "a") is None


@pytest.mark.gen_test
async def test_an_expiry_comes_back_as_it_was(store: Store) -> None:
    kept = Kept("a", b"1", START + timedelta(hours=1))
    await store.plugin_put(2, "judge", kept)
    assert await store.plugin_get(2, "judge", "a") == kept
    assert await store.plugin_items(2, "judge", "", 10) == [kept]


@pytest.mark.gen_test
async def test_apps_and_plugins_are_apart(store: Store) -> None:
    for app_id, plugin in ((2, "a"), (2, "ab"), (22, "a"), (3, "a")):
        await store.plugin_put(app_id, plugin, Kept("key", f"{app_id}".encode()))
    assert [kept.value for kept in await store.plugin_items(2, "a", "", 10)] == [b"2"]
    assert await store.plugin_count(2, "a") == 1
    await store.plugin_delete(2, "a", "key")
    assert await store.plugin_get(22, "a", "key") is not None
    assert await store.plugin_count(2, "a") == 0


@pytest.mark.gen_test
async def test_items_come_in_order_by_prefix_and_so_many(store: Store) -> None:
    keys = ["b/10", "a", "b/2", "b/1", "c", "b", "b\u00e9", "b/\U0001f600", ":b/", "b.", "b$"]
    for key in keys:
        await store.plugin_put(2, "judge", Kept(key, b"1"))
    assert [kept.key for kept in await store.plugin_items(2, "judge", "b/", 10)] == [
        "b/1",
        "b/10",
        "b/2",
        "b/\U0001f600",
    ]
    assert [kept.key for kept in await store.plugin_items(2, "judge", "", 3)] == sorted(keys)[:3]
    assert await store.plugin_count(2, "judge") == len(keys)


@pytest.mark.gen_test
async def test_deleted_messages_are_gone_and_their_ids_with_them(store: Store) -> None:
    await store.append(2, [Posting(ALICE, f"message {number}", START) for number in range(5)], 5.0)
    await store.append(3, [Posting(ALICE, "elsewhere", START)], 5.0)
    await store.delete_messages(2, [1, 4, 5, 99], 6)
    assert [message.id for message in await store.recent(2, 10)] == [2, 3]
    assert len(await store.recent(3, 10)) == 1
    (later,) = await store.append(2, [Posting(ALICE, "later", START)], 5.0)
    assert later.id == 6


@pytest.mark.gen_test
async def test_where_a_message_is_from_and_whom_it_is_for_is_kept(store: Store) -> None:
    postings = [
        Posting(ALICE, "plain", START),
        Posting(ALICE, "bot", START, plugin="echo"),
        Posting(ALICE, "shadow", START, shadow=True),
    ]
    stored = await store.append(2, postings, 5.0)
    assert [(message.plugin, message.shadow) for message in stored] == [("", False), ("echo", False), ("", True)]
    assert await store.recent(2, 10) == stored
