"""The use-cases of one app, without a wire: join, post, leave, on a real store."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import msgspec
import pytest

from tests.chats import APP, make_chat, with_filters
from tests.manual_clock import ManualClock
from tornado_chat.bus import DirectBus
from tornado_chat.chat import Seat
from tornado_chat.errors import Ack
from tornado_chat.events import Event
from tornado_chat.models import Draft, Role, User
from tornado_chat.moderation import Answer
from tornado_chat.store_mongo import MongoStore
from tornado_chat.verdicts import Pass, Verdict

ALICE = User(1, "alice", Role.MEMBER)
BOB = User(2, "bob", Role.MOD)


class House:
    """One app's chat with all that it needs; `told` is what the room heard."""

    def __init__(
        self, store: MongoStore, clock: ManualClock, *checks: Callable[[Draft], Coroutine[Any, Any, Verdict]]
    ) -> None:
        self.told: list[Event] = []
        bus = DirectBus()
        bus.connect(self._hear)
        self.chat = make_chat(store, clock, bus, history=3)
        self.sanctions = with_filters(self.chat, *checks).sanctions

    async def _hear(self, app_id: int, event: Event) -> None:
        assert app_id == APP
        self.told.append(event)

    def names(self) -> list[str]:
        return [event.name for event in self.told]


@pytest.fixture
def house(store: MongoStore, clock: ManualClock) -> House:
    return House(store, clock)


@pytest.mark.gen_test
async def test_a_user_joins_once_and_leaves_once(house: House) -> None:
    seats = [await house.chat.join(ALICE) for _ in range(3)]
    for seat in seats:
        await house.chat.leave(seat)
    assert house.names() == ["user_joined", "user_left"]


@pytest.mark.gen_test
async def test_a_guest_comes_and_goes_unseen(house: House) -> None:
    guest = await house.chat.join(None)
    assert guest.occupant is None
    assert await house.chat.post(guest, "hi") == Answer(Ack.USER_REQUIRED)
    await house.chat.leave(guest)
    assert house.told == []


@pytest.mark.gen_test
async def test_a_new_role_binds_every_tab(house: House) -> None:
    first = await house.chat.join(BOB)
    await house.chat.join(User(2, "bob", Role.MEMBER))
    assert house.chat.snapshot(first)["user"]["role"] == "member"


@pytest.mark.gen_test
async def test_loading_brings_back_history_and_mutes(house: House, store: MongoStore, clock: ManualClock) -> None:
    seat = await house.chat.join(ALICE)
    for number in range(5):
        assert await house.chat.post(seat, f"message {number}") == Answer(None)
    await house.sanctions.mute(BOB, "eve", 60, "")
    restarted = House(store, clock)
    await restarted.chat.load()
    room = msgspec.json.decode(restarted.chat.snapshot(Seat(restarted.chat, None))["room"])
    assert [message["id"] for message in room["history"]] == [3, 4, 5]
    assert list(room["muteList"]) == ["eve"]


@pytest.mark.gen_test
async def test_who_is_muted_while_a_filter_thinks_is_not_heard(store: MongoStore, clock: ManualClock) -> None:
    thinking, thought = asyncio.Event(), asyncio.Event()

    async def slow(draft: Draft) -> Verdict:
        thinking.set()
        await thought.wait()
        return Pass()

    house = House(store, clock, slow)
    seat = await house.chat.join(ALICE)
    post: asyncio.Future[Any] = asyncio.ensure_future(house.chat.post(seat, "quick, before they mute me"))
    await thinking.wait()
    await house.sanctions.mute(BOB, "alice", 60, "")
    thought.set()
    assert (await post).ack is Ack.USER_MUTED
    assert house.names() == ["user_joined", "user_muted"]


@pytest.mark.gen_test
async def test_closing_waits_for_what_is_being_stored(house: House) -> None:
    seat = await house.chat.join(ALICE)
    posts = [asyncio.ensure_future(house.chat.post(seat, f"message {number}")) for number in range(20)]
    await asyncio.sleep(0)
    await house.chat.close()
    assert [await post for post in posts] == [Answer(None)] * 20
    assert house.names().count("new_message") == 20
