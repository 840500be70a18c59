"""/slow: one message of each user in so many seconds, over all tabs, restarts and reloads."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from tests.inline import filtering, waiting
from tornado_chat import Draft, Hold, Pass, Role, User, Verdict
from tornado_chat.testing import ChatFixture
from tornado_chat_plugins import slow

WAIT = "Slow mode: you can send your next message in {}"
DENIED = "You are not authorized to do that"


@pytest.mark.gen_test
async def test_a_user_waits_in_all_tabs_and_is_told_how_long(chat: ChatFixture) -> None:
    await chat.open("slow")
    alice, tab, eve = await chat.join("alice"), await chat.join("alice"), await chat.join("eve")
    bob = await chat.join("bob", role="mod")
    await bob.say("/slow 10")
    assert alice.notices == ["bob turned slow mode on: one message every 10 s, for 1 h"]
    assert (await alice.say("one")).ack is None
    await chat.advance(3)
    answer = await tab.say("two")
    assert (answer.ack, answer.notice) == ("SLOW_MODE", WAIT.format("7 s"))
    assert (await eve.say("mine")).ack is None
    await chat.advance(6.5)
    assert (await alice.say("two")).notice == WAIT.format("1 s")
    await chat.advance(0.5)
    assert (await alice.say("two")).ack is None
    assert (await tab.say("three")).notice == WAIT.format("10 s")


@pytest.mark.gen_test
async def test_what_was_said_before_it_was_turned_on_counts(chat: ChatFixture) -> None:
    await chat.open("slow")
    alice, bob = await chat.join("alice"), await chat.join("bob", role="mod")
    await alice.say("hi")
    await bob.say("/slow 60")
    await chat.advance(20)
    assert (await alice.say("hi again")).notice == WAIT.format("40 s")


@pytest.mark.gen_test
@pytest.mark.parametrize("role", ["mod", "owner", "admin"])
async def test_staff_never_wait(chat: ChatFixture, role: str) -> None:
    await chat.open("slow")
    bob = await chat.join("bob", role=role)
    await bob.say("/slow 600")
    assert [(await bob.say(f"line {number}")).ack for number in range(5)] == [None] * 5


@pytest.mark.gen_test
async def test_a_member_may_not_turn_it_on_or_off(chat: ChatFixture) -> None:
    await chat.open("slow")
    alice, bob = await chat.join("alice"), await chat.join("bob", role="mod")
    assert (await alice.say("/slow 10")).notice == DENIED
    assert alice.room["modes"] == {}
    await bob.say("/slow 10")
    assert (await alice.say("/slow off")).notice == DENIED
    assert "slow" in alice.room["modes"]


@pytest.mark.gen_test
async def test_a_refused_message_does_not_reset_the_clock(chat: ChatFixture) -> None:
    await chat.open("slow", "wordlist", options={"wordlist": {"words": ["darn"]}})
    alice, bob = await chat.join("alice"), await chat.join("bob", role="mod")
    await bob.say("/slow 10")
    assert (await alice.say("darn")).ack == "MESSAGE_REJECTED"
    assert (await alice.say("hello")).ack is None
    for _ in range(9):
        await chat.advance(1)
        assert (await alice.say("hello?")).ack == "SLOW_MODE"
    await chat.advance(1)
    assert (await alice.say("darn!")).ack == "MESSAGE_REJECTED"
    assert (await alice.say("hello!")).ack is None


@pytest.mark.gen_test
async def test_a_message_that_could_not_be_stored_costs_a_moment_only(chat: ChatFixture) -> None:
    await chat.open("slow")
    alice, bob = await chat.join("alice"), await chat.join("bob", role="mod")
    await bob.say("/slow 600")
    await alice.say("one")
    await chat.advance(600)
    chat.store.away = True
    assert (await alice.say("two")).ack == "INTERNAL_ERROR"
    chat.store.away = False
    await chat.advance(10)
    assert (await alice.say("two")).ack is None
    assert (await alice.say("three")).notice == WAIT.format("10 min")


@pytest.mark.gen_test
async def test_the_rest_of_the_wait_survives_a_reload_and_a_restart(chat: ChatFixture) -> None:
    await chat.open("slow")
    alice, bob = await chat.join("alice"), await chat.join("bob", role="mod")
    await bob.say("/slow 100 2h")
    await alice.say("hi")
    await chat.advance(10)
    await chat.open("slow")
    assert (await alice.say("hi")).notice == WAIT.format("1 min 30 s")
    await chat.restart()
    chat.clock.advance(20)
    await chat.open("slow")
    alice = await chat.join("ALICE")
    assert (await alice.say("hi")).notice == WAIT.format("1 min 10 s")
    await chat.advance(70)
    assert (await alice.say("hi")).ack is None
    assert alice.room["modes"]["slow"] == {"value": 100, "until": "2026-01-01T02:00:00.000Z", "reason": ""}


@pytest.mark.gen_test
async def test_a_message_that_waits_for_a_moderator_counts_when_it_was_sent(chat: ChatFixture) -> None:
    async def check(draft: Draft) -> Verdict:
        return Hold("new") if draft.user.role is Role.MEMBER else Pass()

    plugins = ("slow", "review", filtering(check))
    await chat.open(*plugins)
    alice, bob = await chat.join("alice"), await chat.join("bob", role="mod")
    await bob.say("/slow 100")
    assert (await alice.say("hi")).ack == "MESSAGE_HELD"
    await chat.advance(10)
    assert (await alice.say("hi")).notice == WAIT.format("1 min 30 s")
    await bob.say("/approve 1")
    assert bob.messages == ["alice: hi"]
    assert (await alice.say("hi")).notice == WAIT.format("1 min 30 s")
    await chat.advance(90)
    assert (await alice.say("ho")).ack == "MESSAGE_HELD"
    await chat.restart()
    await chat.open(*plugins)
    assert (await (await chat.join("alice")).say("hu")).notice == WAIT.format("1 min 40 s")


@pytest.mark.gen_test
async def test_of_messages_sent_at_once_from_many_tabs_one_is_posted(chat: ChatFixture) -> None:
    go_on = asyncio.Event()

    await chat.open("slow", waiting(go_on))
    bob = await chat.join("bob", role="mod")
    await bob.say("/slow 100")
    tabs = [await chat.join("alice") for _ in range(5)]
    saying = [asyncio.ensure_future(tab.say("hi")) for tab in tabs]
    await chat.settle()
    go_on.set()
    acks = [answer.ack for answer in await asyncio.gather(*saying)]
    assert sorted(map(str, acks)) == ["None", *["SLOW_MODE"] * 4]


@pytest.mark.gen_test
async def test_it_ends_by_itself_or_is_turned_off_and_the_room_is_told(chat: ChatFixture) -> None:
    await chat.open("slow", options={"slow": {"seconds": 5, "default_mins": 0}})
    alice, bob = await chat.join("alice"), await chat.join("bob", role="mod")
    await bob.say("/slow 20 1m")
    await chat.advance(59)
    assert alice.room["modes"]["slow"]["value"] == 20
    await chat.advance(1)
    assert alice.room["modes"] == {}
    await bob.say("/slow")
    await chat.advance(30 * 86400)
    assert alice.room["modes"]["slow"]["until"] is None
    await bob.say("/slow OFF")
    assert (await bob.say("/slow off")).notice == "Slow mode is not on"
    assert [(await alice.say("a")).ack, (await alice.say("b")).ack] == [None, None]
    assert alice.notices == [
        "bob turned slow mode on: one message every 20 s, for 1 min",
        "Slow mode is over",
        "bob turned slow mode on: one message every 5 s",
        "bob turned slow mode off",
    ]


@pytest.mark.gen_test
async def test_it_can_be_changed_while_it_is_on(chat: ChatFixture) -> None:
    await chat.open("slow")
    alice, bob = await chat.join("alice"), await chat.join("bob", role="mod")
    await bob.say("/slow 60")
    await alice.say("hi")
    await bob.say("/slow 10")
    assert (await alice.say("ho")).notice == WAIT.format("10 s")


@pytest.mark.gen_test
async def test_the_room_is_not_told_who_did_it_where_the_app_hides_that(chat: ChatFixture) -> None:
    chat.hide_actor = True
    await chat.open("slow")
    alice, bob = await chat.join("alice"), await chat.join("bob", role="mod")
    await bob.say("/slow 10 5m")
    await bob.say("/slow off")
    assert alice.notices == [
        "A moderator turned slow mode on: one message every 10 s, for 5 min",
        "A moderator turned slow mode off",
    ]


@pytest.mark.gen_test
@pytest.mark.parametrize(
    ("typed", "told"),
    [
        ("0", "seconds must be a whole number from 1 to 21600."),
        ("-1", "seconds must be a whole number from 1 to 21600."),
        ("99999999999999999999", "seconds must be a whole number from 1 to 21600."),
        ("²", "seconds must be a whole number from 1 to 21600."),
        ("10 soon", '"soon" is no duration.'),
        ("10 10m now", '"now" is too much.'),
        ("10 0", "Slow mode lasts from 1 s to 30 days"),
        ("10 31d", "Slow mode lasts from 1 s to 30 days"),
    ],
)
async def test_arguments_that_make_no_sense_change_nothing(chat: ChatFixture, typed: str, told: str) -> None:
    await chat.open("slow")
    bob = await chat.join("bob", role="mod")
    answer = await bob.say(f"/slow {typed}")
    assert answer.notice is not None
    assert answer.notice.startswith(told)
    assert bob.room["modes"] == {}


@pytest.mark.gen_test
async def test_a_clock_that_is_set_back_makes_nobody_wait_longer_than_the_mode_says(chat: ChatFixture) -> None:
    await chat.open("slow")
    alice, bob = await chat.join("alice"), await chat.join("bob", role="mod")
    await bob.say("/slow 10")
    await alice.say("hi")
    chat.clock._now -= timedelta(hours=5)
    assert (await alice.say("ho")).notice == WAIT.format("10 s")


@pytest.mark.gen_test
async def test_who_may_speak_anyway_is_forgotten(chat: ChatFixture) -> None:
    await chat.open("slow")
    await chat.api("slow").turn_on(chat.api("slow").bot, "slow", 30)
    state = chat.api("slow").state(slow.State)
    for number in range(3000):
        chat.clock.advance(60)
        user = User(number, f"user{number}", Role.MEMBER)
        state.queued(user)
        if number % 2:
            state.stored(user)
    assert state._said is None
    assert len(state._under_way) <= 1000
    assert state.left(User(1, "nobody", Role.MEMBER)) == 0
    for number in range(3000):
        chat.clock.advance(60)
        user = User(number, f"user{number}", Role.MEMBER)
        state.queued(user)
        state.stored(user)
    assert state._said is not None
    assert len(state._said) <= 1000


@pytest.mark.gen_test
async def test_a_slow_mode_of_another_plugin_with_a_value_that_is_no_number_holds_nobody_up(chat: ChatFixture) -> None:
    await chat.open("slow")
    alice = await chat.join("alice")
    await chat.api("slow").turn_on(chat.api("slow").bot, "slow", {"fast": [1]})
    assert [(await alice.say("a")).ack, (await alice.say("b")).ack] == [None, None]


@pytest.mark.gen_test
async def test_clients_are_told_on_the_wire_and_a_second_server_start_goes_on_with_it(
    serve: Any, connect: Any, make_config: Any
) -> None:
    settings = make_config(app='plugins = ["slow"]')
    server = await serve(settings)
    alice, bob = await connect(server, token="token-alice"), await connect(server, token="token-bob")
    assert await bob.say("/slow 300 1h") is None
    changed = await alice.next("mode_changed")
    assert (changed["name"], changed["on"], changed["value"]) == ("slow", True, 300)
    assert [await alice.say("one"), await alice.say("two")] == [None, "SLOW_MODE"]
    notices = [await alice.next("system_message"), await alice.next("system_message")]
    assert notices[0] == "bob turned slow mode on: one message every 5 min, for 1 h"
    assert notices[1].startswith("Slow mode: you can send your next message in ")
    await server.stop()
    server = await serve(settings)
    alice = await connect(server, token="token-alice")
    assert alice.data["room"]["modes"]["slow"] == {key: changed[key] for key in ("value", "until", "reason")}
    assert await alice.say("two") == "SLOW_MODE"
