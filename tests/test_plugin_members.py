"""/members: only people who have been here before talk, for a while."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.inline import waiting
from tornado_chat import StoreUnavailable
from tornado_chat.testing import ChatFixture

DENIED = "You are not authorized to do that"


@pytest.mark.gen_test
async def test_who_was_here_before_talks_and_who_came_a_moment_ago_does_not(chat: ChatFixture) -> None:
    await chat.open("members")
    alice, lurker = await chat.join("alice"), await chat.join("lurker")
    await alice.say("hi")
    await chat.advance(3600)
    eve, bob = await chat.join("eve"), await chat.join("bob", role="mod")
    await eve.say("buy my things")
    await chat.advance(599)
    await bob.say('/members 10m "raid" <b>')
    assert alice.notices == ['bob turned members-only mode on for 10 min: "raid" <b>']
    late = await chat.join("late")
    told = 'Only people who have been here before can talk for another 10 min: "raid" <b>'
    for one in (eve, late):
        answer = await one.say("buy my things")
        assert (answer.ack, answer.notice) == ("MEMBERS_ONLY", told)
    assert [(await alice.say("hm")).ack, (await lurker.say("hm")).ack] == [None, None]
    await chat.advance(600)
    assert alice.notices[1:] == ["Everybody can talk again"]
    assert [(await eve.say("a")).ack, (await late.say("b")).ack] == [None, None]


@pytest.mark.gen_test
async def test_who_has_said_enough_talks_however_new(chat: ChatFixture) -> None:
    await chat.open("members", options={"members": {"min_said": 3}})
    alice, eve, bob = await chat.join("alice"), await chat.join("eve"), await chat.join("bob", role="mod")
    for number in range(3):
        await alice.say(f"line {number}")
    await eve.say("line")
    await eve.say("line 2")
    await bob.say("/members")
    assert [(await alice.say("a")).ack, (await eve.say("b")).ack] == [None, "MEMBERS_ONLY"]
    await chat.open("members", options={"members": {"min_said": 0}})
    assert (await alice.say("a")).ack == "MEMBERS_ONLY"


@pytest.mark.gen_test
async def test_how_long_before_can_be_set(chat: ChatFixture) -> None:
    await chat.open("members", options={"members": {"known_mins": 60, "default_mins": 5}})
    alice = await chat.join("alice")
    await chat.advance(60)
    eve = await chat.join("eve")
    await chat.advance(3540)
    bob = await chat.join("bob", role="mod")
    await bob.say("/members")
    assert [(await alice.say("a")).ack, (await eve.say("b")).ack] == [None, "MEMBERS_ONLY"]
    assert bob.notices == ["bob turned members-only mode on for 5 min"]


@pytest.mark.gen_test
async def test_whoever_prolongs_it_lets_nobody_in_who_came_meanwhile(chat: ChatFixture) -> None:
    await chat.open("members")
    eve, bob = await chat.join("eve"), await chat.join("bob", role="mod")
    await bob.say("/members 20m")
    await chat.advance(1140)
    await bob.say("/members 20m")
    await chat.advance(600)
    assert (await eve.say("hi")).ack == "MEMBERS_ONLY"
    await bob.say("/members off")
    assert (await eve.say("hi")).ack is None
    await bob.say("/members 20m")
    assert (await eve.say("hi")).ack is None


@pytest.mark.gen_test
@pytest.mark.parametrize("role", ["mod", "owner", "admin"])
async def test_staff_always_talk(chat: ChatFixture, role: str) -> None:
    await chat.open("members")
    bob = await chat.join("bob", role=role)
    await bob.say("/members")
    assert (await bob.say("hi")).ack is None


@pytest.mark.gen_test
async def test_it_survives_a_reload_and_a_restart(chat: ChatFixture) -> None:
    await chat.open("members")
    await (await chat.join("alice")).say("hi")
    await chat.advance(3600)
    eve, bob = await chat.join("eve"), await chat.join("bob", role="mod")
    await bob.say("/members 2h")
    await chat.open("members")
    assert (await eve.say("hi")).ack == "MEMBERS_ONLY"
    await chat.restart()
    await chat.open("members")
    alice, eve = await chat.join("ALICE"), await chat.join("eve")
    assert [(await alice.say("hi")).ack, (await eve.say("hi")).ack] == [None, "MEMBERS_ONLY"]
    mode = alice.room["modes"]["members"]
    assert mode == {"value": {"before": "2026-01-01T00:50:00+00:00"}, "until": "2026-01-01T03:00:00.000Z", "reason": ""}


@pytest.mark.gen_test
async def test_who_is_in_the_history_is_known_to_a_server_that_began_to_remember_people_lately(
    chat: ChatFixture,
) -> None:
    await chat.open("members")
    await (await chat.join("alice")).say("hi")
    await chat.restart()
    chat.store.records._people.clear()
    chat.clock.advance(3600)
    await chat.open("members")
    alice, eve, bob = await chat.join("alice"), await chat.join("eve"), await chat.join("bob", role="mod")
    await bob.say("/members")
    assert [(await alice.say("hi")).ack, (await eve.say("hi")).ack] == [None, "MEMBERS_ONLY"]


@pytest.mark.gen_test
async def test_a_database_that_is_away_keeps_quiet_only_those_of_whom_nothing_is_known(
    chat: ChatFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    await chat.open("members")
    alice = await chat.join("alice")
    await alice.say("hi")
    await chat.advance(3600)
    eve, bob = await chat.join("eve"), await chat.join("bob", role="mod")
    await bob.say("/members")

    async def person(*_: object) -> None:
        raise StoreUnavailable("away")

    monkeypatch.setattr(chat.store.records, "person", person)
    answer = await eve.say("hi")
    told = "It can't be looked up right now whether you may talk. Please try again."
    assert (answer.ack, answer.notice) == ("MEMBERS_ONLY", told)
    assert (await alice.say("hi")).ack is None


@pytest.mark.gen_test
async def test_a_message_that_was_being_looked_at_when_it_was_turned_on_is_refused(chat: ChatFixture) -> None:
    go_on = asyncio.Event()
    await chat.open("members", waiting(go_on))
    alice = await chat.join("alice")
    await chat.advance(3600)
    eve, bob = await chat.join("eve"), await chat.join("bob", role="mod")
    saying = [asyncio.ensure_future(one.say("hi")) for one in (alice, eve)]
    await bob.say("/members")
    go_on.set()
    assert [answer.ack for answer in await asyncio.gather(*saying)] == [None, "MEMBERS_ONLY"]


@pytest.mark.gen_test
@pytest.mark.parametrize("value", [True, None, {"before": "soon"}, {"before": "2020-01-01T00:00:00"}, [1]])
async def test_another_plugin_may_turn_it_on(chat: ChatFixture, value: Any) -> None:
    await chat.open("members")
    alice = await chat.join("alice")
    await chat.advance(3600)
    eve = await chat.join("eve")
    api = chat.api("members")
    await api.turn_on(api.bot, "members", value)
    assert (await alice.say("hi")).ack is None
    assert (await eve.say("hi")).notice == "Only people who have been here before can talk right now"


@pytest.mark.gen_test
async def test_a_member_may_not_turn_it_on_or_off(chat: ChatFixture) -> None:
    await chat.open("members")
    alice, bob = await chat.join("alice"), await chat.join("bob", role="mod")
    assert (await alice.say("/members")).notice == DENIED
    assert alice.room["modes"] == {}
    await bob.say("/members")
    assert (await alice.say("/members off")).notice == DENIED
    assert "members" in alice.room["modes"]


@pytest.mark.gen_test
async def test_the_room_is_not_told_who_did_it_where_the_app_hides_that(chat: ChatFixture) -> None:
    chat.hide_actor = True
    await chat.open("members", options={"members": {"default_mins": 0}})
    alice, bob = await chat.join("alice"), await chat.join("bob", role="mod")
    await bob.say("/members")
    await chat.advance(30 * 86400)
    await bob.say("/members off")
    assert (await bob.say("/members off")).notice == "Members-only mode is not on"
    assert alice.notices == [
        "A moderator turned members-only mode on",
        "A moderator turned members-only mode off",
    ]


@pytest.mark.gen_test
@pytest.mark.parametrize(
    ("typed", "told"),
    [
        ("0", "Members-only mode lasts from 1 s to 30 days"),
        ("31d", "Members-only mode lasts from 1 s to 30 days"),
        ("99999999999999999999", '"99999999999999999999" is no duration.'),
        ("raid", '"raid" is no duration. Usage: /members [duration|off] [reason]'),
    ],
)
async def test_arguments_that_make_no_sense_change_nothing(chat: ChatFixture, typed: str, told: str) -> None:
    await chat.open("members")
    bob = await chat.join("bob", role="mod")
    answer = await bob.say(f"/members {typed}")
    assert answer.notice is not None
    assert answer.notice.startswith(told)
    assert bob.room["modes"] == {}
