"""Who is told of whom, in a small room and in a big one."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.client import Client
from tests.manual_clock import ManualClock
from tornado_chat.bus import DirectBus
from tornado_chat.events import Event
from tornado_chat.models import Role, User
from tornado_chat.presence import COUNT_EVERY, Presence
from tornado_chat.room import Occupant, Room


class House:
    def __init__(self, limit: int) -> None:
        self.clock = ManualClock()
        self.room = Room(3, limit)
        self.told: list[tuple[str, Any]] = []
        self.occupants: dict[str, Occupant] = {}
        bus = DirectBus()
        bus.connect(self._deliver)
        self.presence = Presence(2, self.room, bus, self.clock)

    async def _deliver(self, app_id: int, event: Event) -> None:
        self.told.append((event.name, event.payload))

    async def come(self, uname: str, role: Role = Role.MEMBER) -> None:
        was_big = self.room.big
        self.occupants[uname], _ = self.room.enter(User(1, uname, role))
        await self.presence.came(self.occupants[uname].user, was_big)

    async def go(self, uname: str) -> None:
        was_big = self.room.big
        self.room.leave(self.occupants[uname])
        await self.presence.left(self.occupants[uname].user, was_big)

    def names(self) -> list[str]:
        told, self.told = self.told, []
        return [name for name, _ in told]


@pytest.mark.gen_test
async def test_a_room_at_the_limit_tells_of_each() -> None:
    house = House(3)
    for uname in ("a", "b", "c"):
        await house.come(uname)
    await house.go("a")
    assert house.names() == ["user_joined"] * 3 + ["user_left"]


@pytest.mark.gen_test
async def test_a_room_above_it_tells_the_number_at_once_and_then_now_and_again() -> None:
    house = House(3)
    for number in range(4):
        await house.come(str(number))
    assert house.told[-1] == ("user_count", {"count": 4})
    house.names()
    for number in range(4, 50):
        await house.come(str(number))
    assert house.names() == []
    house.clock.advance(COUNT_EVERY)
    await asyncio.sleep(0)
    assert house.told == [("user_count", {"count": 50})]
    house.clock.advance(10 * COUNT_EVERY)
    await asyncio.sleep(0)
    assert house.names() == ["user_count"]  # the one from before: nothing changed since


@pytest.mark.gen_test
async def test_a_number_that_is_the_same_again_is_not_told_again() -> None:
    house = House(1)
    await house.come("a")
    await house.come("b")
    await house.come("c")
    await house.go("c")
    house.names()
    house.clock.advance(COUNT_EVERY)
    await asyncio.sleep(0)
    assert house.names() == []


@pytest.mark.gen_test
async def test_staff_are_told_of_in_a_big_room_too() -> None:
    house = House(0)
    await house.come("a")
    house.names()
    await house.come("bob", Role.MOD)
    await house.go("bob")
    assert house.names() == ["user_joined", "user_left"]


@pytest.mark.gen_test
async def test_a_room_stays_big_until_it_is_clearly_smaller_and_then_tells_of_all() -> None:
    house = House(10)
    for number in range(11):
        await house.come(str(number))
    house.names()
    await house.go("0")
    assert house.room.big
    assert house.names() == []
    await house.go("1")
    assert not house.room.big
    ((name, payload),) = house.told
    assert name == "users"
    assert list(payload["users"]) == [str(number) for number in range(2, 11)]
    house.names()
    await house.go("2")
    assert house.names() == ["user_left"]


@pytest.mark.gen_test
async def test_nothing_is_told_after_the_end() -> None:
    house = House(0)
    await house.come("a")
    await house.come("b")
    house.names()
    await house.presence.close()
    await house.come("c")
    house.clock.advance(COUNT_EVERY)
    await asyncio.sleep(0)
    assert house.names() == []


@pytest.mark.gen_test
async def test_clients_see_a_room_become_big_and_small_again(serve: Any, connect: Any, make_config: Any) -> None:
    clock = ManualClock()
    server = await serve(make_config(app="presence.limit = 2"), clock=clock)
    guest = await connect(server, token=None)
    users: dict[str, Client] = {}
    for name in ("alice", "eve", "carol"):
        users[name] = await connect(server, token=f"token-{name}")
    assert await guest.next("user_count") == {"count": 3}
    assert guest.names() == ["user_joined", "user_joined", "user_joined", "user_count"]  # carol owns the app
    newcomer = await connect(server, token=None)
    room = newcomer.data["room"]
    assert (list(room["users"]), room["user_count"]) == (["carol"], 3)
    await users["alice"].close()
    await users["eve"].close()
    everybody = (await guest.next("users"))["users"]
    assert list(everybody) == ["carol"]
    assert "user_left" not in guest.names()
    last = await connect(server, token=None)
    assert "user_count" not in last.data["room"]
