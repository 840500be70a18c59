"""What every database behind the Records port must do; runs on the embedded one, on a real mongod and in memory."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from datetime import timedelta
from typing import Any

import msgspec
import pytest

from tornado_chat.clock import SystemClock
from tornado_chat.errors import StoreUnavailable
from tornado_chat.models import AuditEntry, Ban, Person, Role
from tornado_chat.records import AuditQuery, Records
from tornado_chat.store_memory import MemoryStore
from tornado_chat.store_mongo import MongoStore

# The present: MongoDB deletes by itself what has run out.
NOW = SystemClock().now()
LATER = NOW + timedelta(days=1)
BAN = Ban(2, "Eve", False, LATER, "bob", Role.MOD, "spam", NOW)
ENTRY = AuditEntry("00a", NOW, "Bob", Role.MOD, "mute", "Eve", "spam", 7, "buy now", 600, "mute")


@pytest.fixture(params=["embedded_uri", "mongod_uri", "memory"])
def records(request: pytest.FixtureRequest, run: Callable[[Awaitable[Any]], Any], database: str) -> Iterator[Records]:
    if request.param == "memory":
        yield MemoryStore().records
        return
    store = MongoStore(request.getfixturevalue(request.param), database, timeout=5.0, retention_days=90)
    run(store.open())
    yield store.records
    run(store.close())


@pytest.mark.gen_test
async def test_bans_are_each_apps_own_and_come_back_as_they_were(records: Records) -> None:
    network = msgspec.structs.replace(BAN, target="203.0.113.0/24", network=True, expires_at=None, at=LATER)
    await records.save_ban(network)
    await records.save_ban(BAN)
    await records.save_ban(msgspec.structs.replace(BAN, app_id=3))
    assert await records.bans(2) == [BAN, network]


@pytest.mark.gen_test
async def test_a_ban_replaces_one_of_the_same_target_in_any_case(records: Records) -> None:
    await records.save_ban(BAN)
    newer = msgspec.structs.replace(BAN, target="EVE", reason="more spam", at=LATER)
    await records.save_ban(newer)
    assert await records.bans(2) == [newer]
    await records.delete_ban(BAN)
    assert await records.bans(2) == [newer]
    await records.delete_ban(newer)
    assert await records.bans(2) == []


@pytest.mark.gen_test
async def test_a_ban_that_was_voided_is_gone_and_one_that_replaced_it_stays(records: Records) -> None:
    forever = msgspec.structs.replace(BAN, expires_at=None)
    await records.void_ban(forever)
    assert await records.bans(2) == []
    await records.save_ban(forever)
    assert await records.bans(2) == [forever]
    await records.void_ban(forever)
    assert await records.bans(2) == []
    newer = msgspec.structs.replace(forever, at=LATER)
    await records.save_ban(newer)
    await records.void_ban(forever)
    assert await records.bans(2) == [newer]


@pytest.mark.gen_test
async def test_entries_are_found_newest_first_and_page_by_page(records: Records) -> None:
    entries = [msgspec.structs.replace(ENTRY, id=f"00{number:x}", message_id=number) for number in range(10, 15)]
    await records.add_audit(2, entries, LATER)
    await records.add_audit(3, [msgspec.structs.replace(ENTRY, id="00f")], LATER)
    assert await records.find_audit(2, AuditQuery(), 2) == entries[:2:-1]
    assert await records.find_audit(2, AuditQuery(before="00d"), 2) == entries[2:0:-1]
    assert await records.find_audit(2, AuditQuery(), 100) == entries[::-1]
    assert await records.find_audit(20, AuditQuery(), 100) == []


@pytest.mark.gen_test
async def test_entries_are_found_by_actor_target_and_action_in_any_case(records: Records) -> None:
    other = msgspec.structs.replace(ENTRY, id="00b", actor="carol", target="frank", action="ban")
    await records.add_audit(2, [ENTRY, other], LATER)
    for query in (AuditQuery(actor="bob"), AuditQuery(target="EVE"), AuditQuery(action="mute")):
        assert await records.find_audit(2, query, 10) == [ENTRY]
    assert await records.find_audit(2, AuditQuery(actor="carol", target="eve"), 10) == []


@pytest.mark.gen_test
async def test_an_entry_that_is_sent_again_is_stored_once(records: Records) -> None:
    newer = msgspec.structs.replace(ENTRY, id="00b")
    await records.add_audit(2, [ENTRY], LATER)
    await records.add_audit(2, [ENTRY, newer], LATER)
    assert await records.find_audit(2, AuditQuery(), 10) == [newer, ENTRY]


@pytest.mark.gen_test
async def test_of_people_the_earliest_the_latest_and_the_most_count(records: Records) -> None:
    await records.save_people(2, [Person("Eve", NOW, NOW, 3), Person("bob", NOW, NOW)])
    before = NOW - timedelta(hours=1)
    await records.save_people(2, [Person("eve", before, before, 1)])
    assert await records.person(2, "EVE") == Person("eve", before, NOW, 3)
    await records.save_people(2, [Person("Eve", LATER, LATER, 12)])
    assert await records.person(2, "eve") == Person("Eve", before, LATER, 12)
    assert await records.person(2, "nobody") is None
    assert await records.person(3, "eve") is None


@pytest.mark.gen_test
async def test_what_can_not_be_asked_is_said(mongod_uri: str, database: str) -> None:
    store = MongoStore(mongod_uri, database, timeout=5.0, retention_days=90)
    with pytest.raises(StoreUnavailable):
        await store.records.bans(2)
    with pytest.raises(StoreUnavailable):
        await store.records.save_people(2, [Person("eve", NOW, NOW)])
    await store.close()
