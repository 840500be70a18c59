"""What an app remembers of people: since when they come, how much they have said; written now and then, bounded."""

from __future__ import annotations

from typing import Any

import pytest

from tests.inline import filtering, plugin
from tests.manual_clock import START, ManualClock
from tornado_chat import Pass, Reject, Role, User
from tornado_chat.people import MAX_BATCH, People
from tornado_chat.store_memory import MemoryStore
from tornado_chat.testing import ChatFixture

EVE = User(1, "Eve", Role.MEMBER)


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore()


@pytest.mark.gen_test
async def test_filters_see_what_was_known_before_the_message(chat: ChatFixture) -> None:
    said: list[int] = []

    async def check(draft: Any) -> Any:
        said.append(draft.person.said)
        return Reject("no") if draft.text == "no" else Pass()

    await chat.open(plugin("tool"), filtering(check))
    eve = await chat.join("Eve")
    for text in ("one", "no", "two", "three"):
        await eve.say(text)
    assert said == [0, 1, 1, 2]
    api = chat.api("tool")
    person = await api.person("EVE")
    assert person is not None
    assert (person.uname, person.said) == ("Eve", 3)
    assert await api.person("nobody") is None


@pytest.mark.gen_test
async def test_it_survives_a_restart_and_the_first_time_stays(chat: ChatFixture) -> None:
    await chat.open(plugin("tool"))
    eve = await chat.join("Eve")
    await eve.say("hello")
    first = await chat.api("tool").person("eve")
    await chat.advance(3600)
    await chat.restart()
    await chat.open(plugin("tool"))
    await chat.join("eve")
    again = await chat.api("tool").person("eve")
    assert first is not None
    assert again is not None
    assert (again.first_seen, again.said) == (first.first_seen, 1)
    assert again.last_seen > first.last_seen


@pytest.mark.gen_test
async def test_one_who_only_reads_is_remembered_too(store: MemoryStore, clock: ManualClock) -> None:
    people = People(2, store, clock)
    people.came(EVE)
    people.came(EVE)
    await people.close()
    person = await store.records.person(2, "eve")
    assert person is not None
    assert (person.first_seen, person.said) == (START, 0)


@pytest.mark.gen_test
async def test_a_herd_is_written_a_few_at_a_time(store: MemoryStore, clock: ManualClock) -> None:
    sizes: list[int] = []
    save = store.records.save_people

    async def counted(app_id: int, batch: Any) -> None:
        sizes.append(len(batch))
        await save(app_id, batch)

    store.records.save_people = counted  # type: ignore[method-assign]
    people = People(2, store, clock)
    for number in range(MAX_BATCH + 5):
        people.came(User(number, f"user{number}", Role.MEMBER))
    await people.close()
    assert sizes == [MAX_BATCH, 5]


@pytest.mark.gen_test
async def test_what_is_remembered_is_bounded(store: MemoryStore, clock: ManualClock) -> None:
    people = People(2, store, clock, size=3)
    for number in range(10):
        people.came(User(number, f"user{number}", Role.MEMBER))
        people.spoke(User(number, f"user{number}", Role.MEMBER))
    assert (len(people._known), len(people._seen)) == (3, 3)
    await people.close()


@pytest.mark.gen_test
async def test_the_database_away_refuses_nobody_who_could_be_heard(chat: ChatFixture) -> None:
    await chat.open(plugin("tool"), filtering(Pass()))
    eve = await chat.join("eve")
    chat.store.away = True
    assert (await eve.say("hello")).ack == "INTERNAL_ERROR"
    chat.store.away = False
    assert (await eve.say("hello")).ack is None
