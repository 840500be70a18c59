"""Messages that wait for a moderator: for how long, how many, and that none is lost or told of twice."""

from __future__ import annotations

from typing import Any

import pytest

from tests.inline import filtering
from tests.manual_clock import ManualClock
from tornado_chat import Draft, Hold, Pass, StoreUnavailable, User, Verdict
from tornado_chat.errors import ConfigError, StoreAway
from tornado_chat.holding import Holding
from tornado_chat.models import HeldMessage, Role
from tornado_chat.store_memory import MemoryStore
from tornado_chat.testing import ChatFixture, Person

DAY = 86_400
EVE = User(5, "eve", Role.MEMBER)
BOB = User(2, "bob", Role.MOD)


async def check(draft: Draft) -> Verdict:
    return Hold("a link") if "link" in draft.text else Pass()


holding = filtering(check)


def reviewed(person: Person) -> list[Any]:
    return [payload for name, payload in person.events if name == "message_reviewed"]


@pytest.mark.gen_test
async def test_what_waits_too_long_is_dropped_and_staff_and_its_sender_are_told_once(chat: ChatFixture) -> None:
    await chat.open(holding, "review")
    eve, alice, bob = await chat.join("eve"), await chat.join("alice"), await chat.join("bob", role="mod")
    await eve.say("link 1")
    await chat.advance(60)
    await eve.say("link 2")
    await chat.advance(DAY - 61)
    assert reviewed(bob) == []
    await chat.advance(1)
    assert reviewed(bob) == [{"id": 1, "approved": False, "by": ""}]
    assert eve.notices[-1] == "No moderator looked at your message in time, so it was dropped: link 1"
    assert (await bob.say("/approve 1")).notice == "No message 1 is waiting"
    await chat.advance(3 * DAY)
    assert [each["id"] for each in reviewed(bob)] == [1, 2]
    assert len([text for text in eve.notices if "was dropped" in text]) == 2
    assert reviewed(alice) == reviewed(eve) == []
    assert alice.notices == []


@pytest.mark.gen_test
async def test_the_time_goes_on_over_a_restart(chat: ChatFixture) -> None:
    await chat.open(holding, "review")
    await (await chat.join("eve")).say("link")
    await chat.advance(DAY / 2)
    await chat.restart()
    await chat.open(holding, "review")
    eve, bob = await chat.join("eve"), await chat.join("bob", role="mod")
    await chat.advance(DAY / 2 - 1)
    assert reviewed(bob) == []
    await chat.advance(1)
    assert [each["id"] for each in reviewed(bob)] == [1]
    assert len(eve.notices) == 1
    await chat.restart()
    await chat.open(holding, "review")
    bob = await chat.join("bob", role="mod")
    await chat.advance(DAY)
    assert reviewed(bob) == []


@pytest.mark.gen_test
async def test_what_ran_out_while_the_server_was_down_does_not_wait(chat: ChatFixture) -> None:
    await chat.open(holding, "review")
    await (await chat.join("eve")).say("link")
    await chat.restart()
    chat.clock.advance(DAY)
    await chat.open(holding, "review")
    bob = await chat.join("bob", role="mod")
    assert (await bob.say("/queue")).notice == "No message waits"
    assert "held" not in chat.chat.snapshot(bob._seat)
    await chat.settle()
    assert [key for _, _, key in chat.store._kept if key.startswith("held/")] == []


@pytest.mark.gen_test
async def test_a_message_that_could_not_be_approved_in_its_last_moment_is_dropped_once(chat: ChatFixture) -> None:
    await chat.open(holding, "review")
    eve, bob = await chat.join("eve"), await chat.join("bob", role="mod")
    await eve.say("link")
    chat.store.away = True
    await chat.advance(DAY - 1)
    assert (await bob.say("/approve 1")).ack == "INTERNAL_ERROR"
    await chat.advance(1)
    chat.store.away = False
    await chat.advance(DAY)
    assert [each["approved"] for each in reviewed(bob)] == [False]
    assert eve.messages == []


@pytest.mark.gen_test
async def test_how_many_wait_and_for_how_long_is_the_operators() -> None:
    clock, store = ManualClock(), MemoryStore()
    over: list[HeldMessage] = []

    async def expired(held: HeldMessage) -> None:
        over.append(held)

    few = Holding(2, store, clock, expired, most=2, hours=0.5)
    await few.load()
    for _ in range(2):
        await few.add(EVE, "hi", "judge", "")
    with pytest.raises(StoreUnavailable, match="2 messages of app 2 wait"):
        await few.add(EVE, "hi", "judge", "")
    clock.advance(1800)
    assert few.waiting == []
    assert few.take(1) is None
    await few.add(EVE, "hi", "judge", "")
    await few.close()
    assert [held.id for held in over] == [1, 2]
    clock.advance(1800)
    assert len(over) == 2  # it is closed


@pytest.mark.gen_test
async def test_what_was_denied_while_the_database_was_away_does_not_wait_again(chat: ChatFixture) -> None:
    await chat.open(holding, "review")
    eve, bob = await chat.join("eve"), await chat.join("bob", role="mod")
    await eve.say("link")
    chat.store.away = True
    assert (await bob.say("/deny 1")).notice == "The message of eve was dropped"
    chat.store.away = False
    await chat.chat._settle()  # as when the database is back
    await chat.restart()
    await chat.open(holding, "review")
    assert chat.api("review").held == []


@pytest.mark.gen_test
async def test_one_alone_does_not_fill_the_queue(chat: ChatFixture) -> None:
    await chat.open(holding, "review")
    eve, tab, alice = await chat.join("eve"), await chat.join("eve"), await chat.join("alice")
    bob = await chat.join("bob", role="mod")
    acks = [(await who.say(f"link {number}")).ack for number in range(11) for who in (eve, tab)]
    assert (acks.count("MESSAGE_HELD"), acks[-2:]) == (20, ["MESSAGE_REJECTED", "MESSAGE_REJECTED"])
    assert eve.notices[-1] == "Too many messages of yours wait for a moderator already"
    assert (await alice.say("link")).ack == "MESSAGE_HELD"
    await bob.say("/deny 1")
    assert (await eve.say("link")).ack == "MESSAGE_HELD"
    await eve.say("hello")
    await chat.api("review").withdraw(BOB, 1)  # what was shown is taken back however many wait
    assert len(chat.api("review").held) == 22


@pytest.mark.gen_test
async def test_a_message_that_is_withdrawn_waits_and_is_shown_no_more(chat: ChatFixture) -> None:
    await chat.open("review")
    eve, bob = await chat.join("eve"), await chat.join("bob", role="mod")
    await eve.say("hello")
    api = chat.api("review")
    await api.withdraw(api.bot, 1, "why")
    assert eve.room["history"] == []
    assert [name for name, _ in bob.events][-2:] == ["message_deleted", "message_held"]
    assert [(held.text, held.reason) for held in api.held] == [("hello", "why")]
    await bob.say("/approve 1")
    assert [entry["text"] for entry in eve.room["history"]] == ["hello"]


@pytest.mark.gen_test
async def test_a_message_that_can_not_wait_is_not_withdrawn(chat: ChatFixture) -> None:
    await chat.open(holding, "review")
    eve = await chat.join("eve")
    await eve.say("hello")
    api = chat.api("review")
    chat.store.away = True
    with pytest.raises(StoreUnavailable):
        await api.withdraw(api.bot, 1)
    chat.store.away = False
    for number in range(200):
        await chat.chat._actions.hold(User(number, f"user {number}", Role.MEMBER), "link", "review", "")
    with pytest.raises(StoreUnavailable, match="200 messages"):
        await api.withdraw(api.bot, 1)
    assert [entry["text"] for entry in eve.room["history"]] == ["hello"]


@pytest.mark.gen_test
@pytest.mark.parametrize(("error", "waits"), [(StoreAway, False), (StoreUnavailable, True)])
async def test_a_message_that_can_not_be_taken_back_waits_only_where_it_may_be_gone(
    chat: ChatFixture, monkeypatch: pytest.MonkeyPatch, error: type[StoreUnavailable], waits: bool
) -> None:
    await chat.open("review")
    eve, bob = await chat.join("eve"), await chat.join("bob", role="mod")
    await eve.say("hello")
    api = chat.api("review")

    async def fail(*_: Any) -> None:
        raise error("the store is away")

    with monkeypatch.context() as patch:
        patch.setattr(chat.store, "delete_messages", fail)
        for _ in range(2):
            with pytest.raises(StoreUnavailable):
                await api.withdraw(api.bot, 1)
    assert [held.text for held in api.held] == ["hello"] * waits
    assert [entry["text"] for entry in eve.room["history"]] == ["hello"]
    assert "message_held" not in [name for name, _ in bob.events]
    await api.withdraw(api.bot, 1)
    assert [held.text for held in api.held] == ["hello"]
    assert eve.room["history"] == []


@pytest.mark.gen_test
async def test_an_apps_file_says_how_many_may_wait_and_for_how_long(serve: Any, make_config: Any) -> None:
    config = make_config(app="[moderation]\nheld = 7\nheld_hours = 0.5")
    server = await serve(config)
    chat = await server._registry.load(2)
    assert (chat._holding._most, chat._holding._lifetime.total_seconds()) == (7, 1800)
    assert config.needs_restart(make_config(app="[moderation]\nheld = 8\nheld_hours = 0.5")) == [
        f"history, presence, moderation.retain or moderation.held of app {app_id}" for app_id in (2, 3)
    ]
    for wrong in ("held = 0", "held = 1001", "held_hours = 0", "held_hours = 721.0"):
        with pytest.raises(ConfigError, match=f"moderation.{wrong.split()[0]}"):
            make_config(app=f"[moderation]\n{wrong}")
