"""/lock: only staff speak, for a while, also over a restart and a reload."""

from __future__ import annotations

import asyncio

import pytest

from tests.inline import waiting
from tornado_chat.testing import ChatFixture, JoinRefused


@pytest.mark.gen_test
async def test_a_lock_is_for_members_and_ends_by_itself(chat: ChatFixture) -> None:
    await chat.open("lock")
    alice, bob = await chat.join("alice"), await chat.join("bob", role="mod")
    assert (await alice.say("/lock")).notice == "You are not authorized to do that"
    await bob.say("/lock 2m calm down")
    assert alice.notices[-1] == "bob locked the chat for 2 min: calm down"
    await chat.advance(30)
    answer = await alice.say("why?")
    assert (answer.ack, answer.notice) == ("LOCKED", "The chat is locked for another 1 min 30 s: calm down")
    assert (await bob.say("because")).ack is None
    await chat.advance(90)
    assert (await alice.say("ah")).ack is None


@pytest.mark.gen_test
async def test_it_survives_a_reload_and_a_restart_and_can_be_lifted(chat: ChatFixture) -> None:
    await chat.open("lock", options={"lock": {"default_mins": 60}})
    bob = await chat.join("bob", role="mod")
    await bob.say("/lock")
    assert bob.notices == ["bob locked the chat for 1 h"]
    await chat.open("lock")
    assert (await (await chat.join("alice")).say("hi")).ack == "LOCKED"
    await chat.restart()
    await chat.open("lock")
    alice, bob = await chat.join("alice"), await chat.join("bob", role="mod")
    assert (await alice.say("hi")).ack == "LOCKED"
    await bob.say("/unlock")
    assert (await alice.say("hi")).ack is None
    assert (await bob.say("/unlock")).notice == "The chat is not locked"


@pytest.mark.gen_test
@pytest.mark.parametrize(
    ("duration", "told"), [("0", "A lock lasts from 1 s to 30 days"), ("31d", "A lock lasts from 1 s to 30 days")]
)
async def test_a_lock_has_bounds(chat: ChatFixture, duration: str, told: str) -> None:
    await chat.open("lock")
    bob = await chat.join("bob", role="mod")
    assert (await bob.say(f"/lock {duration}")).notice == told


@pytest.mark.gen_test
async def test_a_lock_that_could_not_be_stored_does_not_hold(chat: ChatFixture) -> None:
    await chat.open("lock")
    alice, bob = await chat.join("alice"), await chat.join("bob", role="mod")
    assert (await alice.say("hi")).ack is None
    chat.store.away = True
    assert (await bob.say("/lock")).ack == "INTERNAL_ERROR"
    chat.store.away = False
    assert (await alice.say("hi")).ack is None


@pytest.mark.gen_test
async def test_guests_may_be_kept_out(chat: ChatFixture) -> None:
    await chat.open("lock")
    await chat.join(None)
    await chat.open("lock", options={"lock": {"guests": False}})
    with pytest.raises(JoinRefused, match="USER_REQUIRED: Log in to come in"):
        await chat.join(None)


@pytest.mark.gen_test
async def test_a_lock_is_a_mode_of_the_room_and_its_end_is_told_once(chat: ChatFixture) -> None:
    await chat.open("lock")
    alice, bob = await chat.join("alice"), await chat.join("bob", role="mod")
    await bob.say('/lock 1m "quiet" <b>please</b> 🤫')
    (lock,) = alice.room["modes"].items()
    assert lock == (
        "lock",
        {"value": True, "until": "2026-01-01T00:01:00.000Z", "reason": '"quiet" <b>please</b> 🤫'},
    )
    await chat.advance(60)
    await chat.advance(3600)
    assert alice.room["modes"] == {}
    assert alice.notices[1:] == ["The chat is no longer locked"]
    await bob.say("/lock 1m")
    await bob.say("/unlock")
    await chat.advance(3600)
    assert alice.notices[2:] == ["bob locked the chat for 1 min", "bob unlocked the chat"]


@pytest.mark.gen_test
async def test_the_end_is_told_where_it_came_while_the_server_was_away(chat: ChatFixture) -> None:
    await chat.open("lock")
    await (await chat.join("bob", role="mod")).say("/lock 1m")
    await chat.restart()
    chat.clock.advance(3600)
    await chat.open("lock")
    alice = await chat.join("alice")
    assert (await alice.say("hi")).ack is None
    assert (alice.room["modes"], alice.notices) == ({}, ["The chat is no longer locked"])


@pytest.mark.gen_test
async def test_the_room_is_not_told_who_locked_it_where_the_app_hides_that(chat: ChatFixture) -> None:
    chat.hide_actor = True
    await chat.open("lock")
    alice, bob = await chat.join("alice"), await chat.join("bob", role="mod")
    await bob.say("/lock 1m")
    await bob.say("/unlock")
    assert alice.notices == ["A moderator locked the chat for 1 min", "A moderator unlocked the chat"]
    assert "bob" not in str([payload for name, payload in alice.events if name == "mode_changed"])


@pytest.mark.gen_test
async def test_a_member_may_not_lock_or_unlock(chat: ChatFixture) -> None:
    await chat.open("lock")
    alice, bob = await chat.join("alice"), await chat.join("bob", role="mod")
    await bob.say("/lock")
    assert (await alice.say("/unlock")).notice == "You are not authorized to do that"
    assert (await alice.say("hi")).ack == "LOCKED"


@pytest.mark.gen_test
async def test_a_message_that_was_being_looked_at_when_the_chat_was_locked_is_refused(chat: ChatFixture) -> None:
    go_on = asyncio.Event()
    await chat.open("lock", waiting(go_on))
    alice, bob = await chat.join("alice"), await chat.join("bob", role="mod")
    saying = asyncio.ensure_future(alice.say("hi"))
    await bob.say("/lock")
    go_on.set()
    assert (await saying).ack == "LOCKED"
    assert bob.messages == []
