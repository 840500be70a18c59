"""What plugins keep: apart for each plugin and app, bounded, gone when it has run out."""

from __future__ import annotations

from typing import Any

import pytest

from tornado_chat.errors import PluginLimit, StoreUnavailable
from tornado_chat.manual_clock import ManualClock
from tornado_chat.storage import MAX_KEYS, PluginStorage, name_key
from tornado_chat.store_memory import MemoryStore


class Shelf:
    def __init__(self) -> None:
        self.store = MemoryStore()
        self.clock = ManualClock()

    def of(self, plugin: str = "judge", app_id: int = 2) -> PluginStorage:
        return PluginStorage(app_id, plugin, self.store, self.clock)


@pytest.fixture
def shelf() -> Shelf:
    return Shelf()


@pytest.mark.gen_test
async def test_what_is_put_is_there_until_it_is_deleted(shelf: Shelf) -> None:
    storage = shelf.of()
    assert await storage.get("a") is None
    assert await storage.get("a", 7) == 7
    for value in (None, 0, "x", [1, {"b": 2.5}], {"c": "\u00e9"}):
        await storage.put("a", value)
        assert await storage.get("a", "nothing") == value
    await storage.delete("a")
    await storage.delete("a")
    assert await storage.get("a") is None


@pytest.mark.gen_test
async def test_plugins_and_apps_do_not_see_each_other(shelf: Shelf) -> None:
    await shelf.of("judge", 2).put("a", 1)
    assert await shelf.of("other", 2).get("a") is None
    assert await shelf.of("judge", 3).get("a") is None
    assert await shelf.of("judge", 2).get("a") == 1


@pytest.mark.gen_test
async def test_what_has_run_out_is_gone(shelf: Shelf) -> None:
    storage = shelf.of()
    await storage.put("a", 1, expires_in=10)
    await storage.put("b", 2)
    shelf.clock.advance(9)
    assert await storage.items() == [("a", 1), ("b", 2)]
    shelf.clock.advance(1)
    assert await storage.get("a", "gone") == "gone"
    assert await storage.items() == [("b", 2)]


@pytest.mark.gen_test
async def test_items_come_by_prefix_in_order_and_bounded(shelf: Shelf) -> None:
    storage = shelf.of()
    for key in ("b/2", "a", "b/10", "b/1", "c"):
        await storage.put(key, key)
    assert [key for key, _ in await storage.items("b/")] == ["b/1", "b/10", "b/2"]
    assert [key for key, _ in await storage.items(limit=2)] == ["a", "b/1"]
    for limit in (0, 1001):
        with pytest.raises(ValueError, match="limit must be 1 to 1000"):
            await storage.items(limit=limit)


@pytest.mark.gen_test
@pytest.mark.parametrize("key", ["", "x" * 201, "\ud800", "a\0b", 7])
async def test_a_bad_key_is_an_error(shelf: Shelf, key: Any) -> None:
    for method in (shelf.of().get(key), shelf.of().put(key, 1), shelf.of().delete(key)):
        with pytest.raises(ValueError, match="a key must be text of 1 to 200 characters"):
            await method


@pytest.mark.gen_test
async def test_values_and_times_have_bounds(shelf: Shelf) -> None:
    storage = shelf.of()
    with pytest.raises(ValueError, match="65538 bytes as JSON; 65536 are allowed"):
        await storage.put("a", "x" * 65_536)
    with pytest.raises(TypeError):
        await storage.put("a", object())
    for seconds in (0, -1, float("nan"), 1e12):
        with pytest.raises(ValueError, match="expires_in must be"):
            await storage.put("a", 1, expires_in=seconds)
    assert await storage.items() == []


@pytest.mark.gen_test
async def test_a_plugin_has_so_many_keys_and_no_more(shelf: Shelf) -> None:
    storage = shelf.of()
    for number in range(MAX_KEYS):
        await storage.put(str(number), number)
    with pytest.raises(PluginLimit, match="keeps 10000 keys in app 2 already"):
        await storage.put("more", 1)
    await storage.delete("17")
    await storage.put("more", 1)
    with pytest.raises(PluginLimit):
        await storage.put("and more", 1)
    with pytest.raises(PluginLimit):
        await shelf.of().put("and more", 1)  # as after a restart


@pytest.mark.gen_test
async def test_a_database_that_is_away_is_said(shelf: Shelf) -> None:
    shelf.store.away = True
    with pytest.raises(StoreUnavailable):
        await shelf.of().get("a")


@pytest.mark.gen_test
async def test_any_name_has_a_key_which_is_the_same_for_its_spellings(shelf: Shelf) -> None:
    storage = shelf.of()
    longest = "\ufb03" * 100  # a ligature, three letters once it is folded
    for name in ("Eve", 'a"b c', longest):
        await storage.put(name_key(name), name)
    assert await storage.get(name_key("EVE")) == "Eve"
    assert await storage.get(name_key("eva")) is None
    assert await storage.get(name_key(longest)) == longest
