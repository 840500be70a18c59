"""/lock: only staff speak, for a while, also over a restart and a reload."""

from __future__ import annotations

import pytest

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
    assert bob.notices == ["bob locked the chat for 60 min"]
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
