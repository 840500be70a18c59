"""What every database behind the Store port must do; runs on the embedded one and on a real mongod."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from datetime import timedelta
from typing import Any
from unittest.mock import AsyncMock

import msgspec
import pytest
from pymongo.errors import DuplicateKeyError
from tornado.ioloop import IOLoop

from tornado_chat.clock import SystemClock
from tornado_chat.errors import ConfigError, StoreUnavailable
from tornado_chat.models import MAX_ID, Mute, Role, User
from tornado_chat.mongo_rows import mute_row
from tornado_chat.store import Deletion, Posting
from tornado_chat.store_mongo import MongoStore

# The present: MongoDB deletes by itself what has run out.
START = SystemClock().now()
ALICE = User(1, "alice", Role.MEMBER)
TIMEOUT = 5.0


@pytest.fixture(params=["embedded_uri", "mongod_uri"])
def uri(request: pytest.FixtureRequest) -> str:
    return str(request.getfixturevalue(request.param))


@pytest.fixture
def open_store(
    uri: str, database: str, run: Callable[[Awaitable[Any]], Any], io_loop: IOLoop
) -> Iterator[Callable[..., MongoStore]]:
    """Opens a store on the test's database; called twice, it is a restart."""
    stores = []

    def make(**options: Any) -> MongoStore:
        store = MongoStore(uri, database, **({"timeout": TIMEOUT, "retention_days": 90} | options))
        stores.append(store)
        run(store.open())
        return store

    yield make
    for store in stores:
        run(store.close())


@pytest.fixture
def store(open_store: Callable[..., MongoStore]) -> MongoStore:
    return open_store()


def posting(text: str, user: User = ALICE, cid: str = "") -> Posting:
    return Posting(user, text, START, cid=cid)


def a_mute(uname: str = "Eve", app_id: int = 2, **changes: Any) -> Mute:
    mute = Mute(app_id, uname, 10, START + timedelta(minutes=10), "bob", Role.MOD, "spam", START)
    return msgspec.structs.replace(mute, **changes)


@pytest.mark.gen_test
async def test_a_mute_that_was_voided_does_not_come_in_late(store: MongoStore) -> None:
    late, kept = a_mute(), a_mute("Frank")
    await store.void_mute(late)  # it isn't there yet
    await store.save_mute(kept)
    await store.void_mute(kept)
    assert await store.mutes(2) == []
    version = round(late.at.timestamp() * 1000)
    with pytest.raises(DuplicateKeyError):  # as its insert does that was under way
        await store._mutes.replace_one({"_id": "2:eve", "version": {"$lt": version}}, mute_row(late), upsert=True)
    assert await store.mutes(2) == []
    newer = a_mute(at=START + timedelta(milliseconds=1))
    await store.save_mute(newer)
    await store.void_mute(late)
    assert await store.mutes(2) == [newer]


@pytest.mark.gen_test
async def test_a_mute_may_be_saved_again_and_with_a_clock_that_was_set_back(store: MongoStore) -> None:
    for mute in (a_mute(), a_mute(), a_mute(at=START - timedelta(hours=1), reason="earlier")):
        await store.save_mute(mute)
        assert await store.mutes(2) == [mute]


@pytest.mark.gen_test
async def test_ids_count_up_from_one_in_each_app(store: MongoStore) -> None:
    first = await store.append(2, [posting("a"), posting("b")], TIMEOUT)
    other = await store.append(3, [posting("x")], TIMEOUT)
    second = await store.append(2, [posting("c")], TIMEOUT)
    assert [message.id for message in first + second] == [1, 2, 3]
    assert [message.id for message in other] == [1]


@pytest.mark.gen_test
async def test_recent_gives_the_last_ones_oldest_first_as_they_were_stored(store: MongoStore) -> None:
    stored = await store.append(2, [posting(str(number)) for number in range(30)], TIMEOUT)
    await store.append(3, [posting("another app's")], TIMEOUT)
    assert await store.recent(2, 10) == stored[-10:]
    assert await store.recent(4, 10) == []


def test_ids_go_on_after_a_restart(open_store: Callable[..., MongoStore], run: Callable[[Awaitable[Any]], Any]) -> None:
    run(open_store().append(2, [posting("a"), posting("b")], TIMEOUT))
    after = open_store()
    assert [message.text for message in run(after.recent(2, 250))] == ["a", "b"]
    assert [message.id for message in run(after.append(2, [posting("c")], TIMEOUT))] == [3]


def test_an_id_is_not_used_again_when_its_message_is_gone(
    open_store: Callable[..., MongoStore], run: Callable[[Awaitable[Any]], Any]
) -> None:
    store = open_store()
    run(store.append(2, [posting("a"), posting("b")], TIMEOUT))
    run(store._messages.delete_many({"app_id": 2}))
    assert [message.id for message in run(open_store().append(2, [posting("c")], TIMEOUT))] == [3]


@pytest.mark.gen_test
async def test_a_counter_that_was_lost_is_set_right_before_it_is_used(store: MongoStore) -> None:
    await store.append(2, [posting("a"), posting("b")], TIMEOUT)
    await store._counters.delete_many({})
    assert [message.id for message in await store.append(2, [posting("c"), posting("d")], TIMEOUT)] == [3, 4]
    assert [message.text for message in await store.recent(2, 250)] == ["a", "b", "c", "d"]


@pytest.mark.gen_test
async def test_two_writers_at_once_share_no_id(store: MongoStore) -> None:
    batches = await asyncio.gather(*(store.append(2, [posting("x"), posting("y")], TIMEOUT) for _ in range(25)))
    ids = [message.id for batch in batches for message in batch]
    assert sorted(ids) == list(range(1, 51))
    assert all(batch[1].id == batch[0].id + 1 for batch in batches)


@pytest.mark.gen_test
@pytest.mark.parametrize(
    "text", ["<b>", "a\u2028b\u2029", "😀" * 175, "\0", "$where: 1", "a.b", '"\\', "\ufeffx\u202e\u0663"]
)
async def test_any_text_comes_back_as_it_was(store: MongoStore, text: str) -> None:
    await store.append(2, [posting(text)], TIMEOUT)
    assert [message.text for message in await store.recent(2, 1)] == [text]


@pytest.mark.gen_test
@pytest.mark.parametrize("uname", ["__proto__", "constructor", "$where", "a.b", "Ünïcode", "straße"])
async def test_any_name_comes_back_as_it_was(store: MongoStore, uname: str) -> None:
    await store.append(MAX_ID, [posting("hi", User(MAX_ID, uname, Role.ADMIN))], TIMEOUT)
    assert [message.user for message in await store.recent(MAX_ID, 1)] == [User(MAX_ID, uname, Role.ADMIN)]
    await store.save_mute(a_mute(uname))
    assert await store.mutes(2) == [a_mute(uname)]


@pytest.mark.gen_test
async def test_a_mute_replaces_one_of_the_same_name_in_the_same_app(store: MongoStore) -> None:
    await store.save_mute(a_mute("Eve"))
    await store.save_mute(a_mute("EVE", at=START + timedelta(seconds=1), mins=20))
    await store.save_mute(a_mute("Eve", app_id=3))
    assert [(mute.uname, mute.mins) for mute in await store.mutes(2)] == [("EVE", 20)]
    assert [mute.mins for mute in await store.mutes(3)] == [10]


@pytest.mark.gen_test
async def test_deleting_a_mute_leaves_the_one_that_replaced_it(store: MongoStore) -> None:
    old, new = a_mute("Eve"), a_mute("Eve", at=START + timedelta(seconds=1))
    await store.save_mute(old)
    await store.save_mute(new)
    await store.delete_mute(old)
    assert await store.mutes(2) == [new]
    await store.delete_mute(new)
    assert await store.mutes(2) == []


@pytest.mark.gen_test
async def test_mutes_come_oldest_first(store: MongoStore) -> None:
    mutes = [a_mute(f"user{number}", at=START + timedelta(seconds=number)) for number in (3, 1, 2)]
    for mute in mutes:
        await store.save_mute(mute)
    assert [mute.uname for mute in await store.mutes(2)] == ["user1", "user2", "user3"]


@pytest.mark.gen_test
async def test_the_indexes_of_the_design_are_there(store: MongoStore) -> None:
    messages = (await store._messages.index_information()).values()
    unique = [index["key"] for index in messages if index.get("unique")]
    # The embedded database forgets an index's direction, which only costs it a sort.
    assert [[name for name, _ in key] for key in unique] == [["app_id", "id"], ["cid"]]
    assert [index["expireAfterSeconds"] for index in messages if "expireAfterSeconds" in index] == [90 * 86_400]
    mutes = (await store._mutes.index_information()).values()
    assert [index["expireAfterSeconds"] for index in mutes if "expireAfterSeconds" in index] == [0]


@pytest.mark.parametrize("days", [30, 0])
def test_another_retention_takes_effect_at_the_next_start(
    open_store: Callable[..., MongoStore], run: Callable[[Awaitable[Any]], Any], days: int
) -> None:
    open_store(retention_days=90)
    indexes = run(open_store(retention_days=days)._messages.index_information()).values()
    expected = [days * 86_400] if days else []
    assert [index["expireAfterSeconds"] for index in indexes if "expireAfterSeconds" in index] == expected


@pytest.mark.gen_test
async def test_a_batch_that_meets_a_stored_id_halfway_is_stored_once_and_overwrites_nothing(store: MongoStore) -> None:
    await store.append(2, [posting("a"), posting("b"), posting("c")], TIMEOUT)
    await store._messages.delete_one({"id": 2})
    await store._counters.update_one({"_id": 2}, {"$set": {"seq": 1}})
    await store.append(2, [posting("x"), posting("y")], TIMEOUT)
    await store.append(2, [posting("z")], TIMEOUT)
    stored = [(message.id, message.text) for message in await store.recent(2, 250)]
    assert stored == [(1, "a"), (3, "c"), (4, "x"), (5, "y"), (6, "z")]


@pytest.mark.gen_test
async def test_what_timed_out_and_was_stored_all_the_same_is_removed_before_the_next_message(store: MongoStore) -> None:
    await store.append(2, [posting("a")], TIMEOUT)
    insert_many = store._messages.insert_many

    class SlowAnswer:
        """The collection, but the answer to an insert doesn't come in time."""

        def __getattr__(self, name: str) -> Any:
            return getattr(collection, name)

        async def insert_many(self, rows: Any, **options: Any) -> None:
            await insert_many(rows, **options)
            await asyncio.Event().wait()

    collection, store._messages = store._messages, SlowAnswer()  # type: ignore[assignment]
    with pytest.raises(StoreUnavailable, match="didn't answer within"):
        await store.append(2, [posting("not sent")], 0.5)
    store._messages = collection
    assert await store._messages.count_documents({"text": "not sent"}) == 1
    await until_writable(store)
    await store.append(2, [posting("b")], TIMEOUT)
    assert [message.text for message in await store.recent(2, 250)] == ["a", "b"]


@pytest.mark.gen_test
async def test_an_insert_that_arrives_after_its_sender_was_refused_stores_nothing(store: MongoStore) -> None:
    """A connection that was given up may still hold an insert, which a stalled database carries out when it wakes."""
    late: list[Any] = []

    class Stalled:
        def __getattr__(self, name: str) -> Any:
            return getattr(collection, name)

        async def insert_many(self, rows: Any, **_: Any) -> None:
            late.extend(rows)
            await asyncio.Event().wait()

    collection, store._messages = store._messages, Stalled()  # type: ignore[assignment]
    with pytest.raises(StoreUnavailable, match="didn't answer within"):
        await store.append(2, [posting("late", cid="x"), posting("late too")], 0.2)
    store._messages = collection
    await until_writable(store)
    (again,) = await store.append(2, [posting("late", cid="x")], TIMEOUT)
    for row in late:
        with pytest.raises(DuplicateKeyError):
            await store._messages.insert_one(row)
    assert [(message.id, message.text) for message in await store.recent(2, 250)] == [(again.id, "late")]


@pytest.mark.gen_test
async def test_a_cid_is_stored_once_for_its_user_in_its_app(store: MongoStore) -> None:
    first = await store.append(2, [posting("a", cid="x"), posting("b", cid="y")], TIMEOUT)
    again = await store.append(2, [posting("c"), posting("a", cid="x"), posting("d", cid="z")], TIMEOUT)
    assert again[1].id == first[0].id
    others = await store.append(2, [posting("a", cid="x", user=User(2, "Bob", Role.MEMBER))], TIMEOUT)
    others += await store.append(3, [posting("a", cid="x")], TIMEOUT)
    assert [message.text for message in await store.recent(2, 250)] == ["a", "b", "c", "d", "a"]
    assert [message.cid for message in await store.recent(2, 250)] == ["x", "y", "", "z", "x"]
    await store.delete_messages(2, [first[0].id], others[0].id)
    assert (await store.append(2, [posting("a", cid="x")], TIMEOUT))[0].id == first[0].id
    assert [message.text for message in await store.recent(2, 250)] == ["b", "c", "d", "a"]


@pytest.mark.gen_test
async def test_it_is_known_what_was_deleted_and_when(store: MongoStore) -> None:
    await store.append(2, [posting(text) for text in "abcd"], TIMEOUT)
    await store.delete_messages(2, [1], 2)
    await store.delete_messages(2, [2, 3, 99], 4)
    await store.delete_messages(2, [1], 4)
    assert await store.deletions(2, 0) == [Deletion(1, 2), Deletion(2, 4), Deletion(3, 4)]
    assert await store.deletions(2, 3) == [Deletion(2, 4), Deletion(3, 4)]
    assert await store.deletions(3, 0) == []
    rows = await store._messages.find({"gone": {"$gt": 0}}).to_list(None)
    assert not any("text" in row or "user" in row for row in rows)


@pytest.mark.gen_test
async def test_old_messages_are_found_before_an_id_as_each_may_see_them(store: MongoStore) -> None:
    eve = User(2, "eve", Role.MEMBER)
    postings = [posting(str(number)) for number in range(1, 6)]
    postings += [Posting(eve, str(number), START, shadow=True) for number in range(6, 10)]
    stored = await store.append(2, [*postings, posting("10")], TIMEOUT)
    await store.append(3, [posting("another app's")], TIMEOUT)
    assert await store.before(2, 9, 4) == stored[4:8]
    assert await store.before(2, MAX_ID, 100) == stored
    assert await store.before(2, 1, 100) == []
    assert await store.before(4, 10, 100) == []

    async def ids(before: int, limit: int, viewer: str | None) -> list[int]:
        return [message.id for message in await store.before(2, before, limit, viewer)]

    assert await ids(11, 3, None) == await ids(11, 3, "eve") == [8, 9, 10]
    assert await ids(11, 3, "") == await ids(11, 3, "alice") == [4, 5, 10]
    assert await ids(11, 7, "eve") == [4, 5, 6, 7, 8, 9, 10]
    assert await ids(11, 20, "eve") == list(range(1, 11))


@pytest.mark.gen_test
async def test_old_messages_are_found_behind_many_that_are_gone_or_whose_fate_is_unknown(store: MongoStore) -> None:
    stored = await store.append(2, [posting(str(number)) for number in range(1, 401)], TIMEOUT)
    await store.delete_messages(2, range(4, 390), 400)
    row = await store._messages.find_one({"app_id": 2, "id": 2})
    store._unsettled[2] = [[row]]  # as after an insert that got no answer
    await store.append(2, [posting("next")], TIMEOUT)
    assert await store.before(2, 390, 2) == [stored[0], stored[2]]
    assert await store.before(2, 391, 2) == [stored[2], stored[389]]
    assert await store.before(2, 3, 1) == [stored[0]]
    assert await store.before(2, 1, 1) == []


@pytest.mark.gen_test
async def test_a_database_that_failed_is_refused_at_once_and_used_again_when_it_is_back(store: MongoStore) -> None:
    answers = asyncio.Event()
    ping, store.availability._read = store.availability._read, AsyncMock(side_effect=StoreUnavailable("away"))
    store.availability.failed(StoreUnavailable("it broke"))
    for operation in (store.append(2, [posting("a")], TIMEOUT), store.recent(2, 1), store.mutes(2)):
        with pytest.raises(StoreUnavailable, match="is away"):
            await operation
    assert (store.availability.outages, store.availability.refused) == (1, 3)

    async def back() -> None:
        answers.set()
        await ping()

    store.availability._read = back
    await asyncio.wait_for(answers.wait(), TIMEOUT)
    await until_writable(store)
    assert len(await store.append(2, [posting("a")], TIMEOUT)) == 1


@pytest.mark.gen_test
async def test_a_database_that_answers_and_does_not_store_is_still_read(store: MongoStore) -> None:
    await store.append(2, [posting("a")], TIMEOUT)
    refused = asyncio.Event()
    write = store.availability._write

    async def full() -> None:
        refused.set()
        raise StoreUnavailable("disk full")

    store.availability._write = full
    store.availability.failed(StoreUnavailable("disk full"))
    await asyncio.wait_for(refused.wait(), TIMEOUT)
    assert len(await store.recent(2, 1)) == 1
    with pytest.raises(StoreUnavailable, match="not storing anything"):
        await store.append(2, [posting("b")], TIMEOUT)
    store.availability._write = write
    await until_writable(store)
    assert len(await store.append(2, [posting("b")], TIMEOUT)) == 1


@pytest.mark.gen_test
async def test_a_database_that_gives_no_ids_is_away(store: MongoStore) -> None:
    """As the embedded one does on a full disk."""
    counters = store._counters
    store._counters = AsyncMock(find_one_and_update=AsyncMock(return_value=None))
    with pytest.raises(StoreUnavailable, match="no message ids"):
        await store.append(2, [posting("a")], TIMEOUT)
    assert not store.availability.writable
    store._counters = counters
    await until_writable(store)
    assert len(await store.append(2, [posting("a")], TIMEOUT)) == 1


@pytest.mark.gen_test
async def test_who_has_something_to_settle_is_asked_when_it_is_back_until_that_works(store: MongoStore) -> None:
    settle = AsyncMock(side_effect=[StoreUnavailable("away again"), None, None])
    store.on_return(settle)
    for times in (2, 3):
        store.availability.failed(StoreUnavailable("it broke"))
        await until_writable(store)
        assert settle.await_count == times


@pytest.mark.gen_test
async def test_a_store_that_is_closed_is_not_probed(store: MongoStore) -> None:
    await store.close()
    store.availability.failed(StoreUnavailable("what was under way came to nothing"))
    assert store.availability._task is None


async def until_writable(store: MongoStore) -> None:
    """Wait for the probe's end."""
    if store.availability._task is not None:
        await asyncio.wait({store.availability._task}, timeout=TIMEOUT)
    assert store.availability.writable


def test_before_it_is_open_a_store_says_so(uri: str, database: str, run: Callable[[Awaitable[Any]], Any]) -> None:
    store = MongoStore(uri, database, timeout=TIMEOUT, retention_days=90)
    with pytest.raises(StoreUnavailable, match="hasn't answered since the start"):
        run(store.recent(2, 1))
    run(store.close())


@pytest.mark.parametrize(
    "uri",
    ["http://localhost", "mongodb://", "mongodb://localhost:99999", "mongodb://h/?tls=maybe", "mongodb://u:s3/cret@h/"],
)
def test_a_uri_that_cannot_be_used_is_told_as_such(uri: str) -> None:
    with pytest.raises(ConfigError, match=r"mongodb\.uri: expected mongodb://") as caught:
        MongoStore(uri, "x", timeout=TIMEOUT, retention_days=90)
    assert "cret" not in str(caught.value)


def test_a_uri_that_would_ask_the_dns_is_refused_with_what_to_do() -> None:
    with pytest.raises(ConfigError, match="name the hosts instead"):
        MongoStore("mongodb+srv://db.example.com", "x", timeout=TIMEOUT, retention_days=90)
