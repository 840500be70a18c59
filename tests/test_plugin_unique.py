"""/unique: what was said lately may not be said again, by anybody."""

from __future__ import annotations

import asyncio

import pytest

from tests.inline import filtering
from tornado_chat import Draft, Pass, Shadow, Verdict
from tornado_chat.testing import ChatFixture
from tornado_chat_plugins import unique

TOLD = "Unique chat: that has been said already. Say it in other words."
DENIED = "You are not authorized to do that"


@pytest.mark.gen_test
async def test_what_was_said_may_not_be_said_again_by_anybody(chat: ChatFixture) -> None:
    await chat.open("unique")
    alice, eve, bob = await chat.join("alice"), await chat.join("eve"), await chat.join("bob", role="mod")
    await alice.say("what a lovely day")
    assert (await eve.say("What a lovely day!")).ack is None
    await bob.say("/unique")
    assert alice.notices == ["bob turned unique chat on for 1 h: nobody may say what was said already"]
    for again in (
        "what a lovely day",
        "WHAT A LOVELY DAY!!! ☀️☀️",
        "w-h-a-t a\u200b lovely   ｄａｙ",
        "what ạ́ lóvely day",
    ):
        answer = await eve.say(again)
        assert (answer.ack, answer.notice) == ("NOT_UNIQUE", TOLD)
    assert (await alice.say("what a lovely day")).ack == "NOT_UNIQUE"
    assert (await alice.say("what a lovely night")).ack is None
    assert (await eve.say("what a lovely night")).ack == "NOT_UNIQUE"
    assert (await alice.say("आज का दिन कितना सुंदर है")).ack is None
    assert (await alice.say("आज की दिन कितना सुंदर है")).ack is None


@pytest.mark.gen_test
async def test_short_messages_and_staff_may_repeat(chat: ChatFixture) -> None:
    await chat.open("unique")
    alice, bob = await chat.join("alice"), await chat.join("bob", role="mod")
    await bob.say("/unique")
    for short in ("hello all!!!!!", "123456789", "👍👍👍👍👍👍👍👍👍👍👍👍", "...............?"):
        assert [(await alice.say(short)).ack, (await alice.say(short)).ack] == [None, None]
    assert [(await alice.say("1234567890")).ack, (await alice.say("1234567890")).ack] == [None, "NOT_UNIQUE"]
    assert [(await bob.say("read the rules, please")).ack for _ in range(2)] == [None, None]
    assert (await alice.say("read the rules please")).ack == "NOT_UNIQUE"


@pytest.mark.gen_test
async def test_a_message_that_was_refused_was_not_said(chat: ChatFixture) -> None:
    await chat.open("unique", "wordlist", options={"wordlist": {"words": ["darn"]}})
    alice, bob = await chat.join("alice"), await chat.join("bob", role="mod")
    await bob.say("/unique")
    assert [(await alice.say("darn this weather")).ack for _ in range(2)] == ["MESSAGE_REJECTED"] * 2
    chat.store.away = True
    assert (await alice.say("what a lovely day")).ack == "INTERNAL_ERROR"
    chat.store.away = False
    await chat.advance(5)
    assert (await alice.say("what a lovely day")).ack is None


@pytest.mark.gen_test
async def test_what_two_tabs_or_users_say_in_the_same_moment_is_said_once(chat: ChatFixture) -> None:
    await chat.open("unique")
    alice, eve, bob = await chat.join("alice"), await chat.join("eve"), await chat.join("bob", role="mod")
    tab = await chat.join("eve")
    await bob.say("/unique")
    acks = [answer.ack for answer in await asyncio.gather(*[who.say("what a lovely day") for who in (eve, tab, alice)])]
    assert acks == [None, "NOT_UNIQUE", "NOT_UNIQUE"]
    assert alice.messages == ["eve: what a lovely day"]
    assert [answer.ack for answer in await asyncio.gather(eve.say("short"), tab.say("short"))] == [None, None]


@pytest.mark.gen_test
async def test_it_survives_a_reload_and_a_restart_with_what_the_room_remembers(chat: ChatFixture) -> None:
    await chat.open("unique")
    alice, bob = await chat.join("alice"), await chat.join("bob", role="mod")
    await bob.say("/r9k 2h")
    await alice.say("what a lovely day")
    await chat.open("unique")
    assert (await alice.say("what a lovely day")).ack == "NOT_UNIQUE"
    await chat.restart()
    await chat.open("unique")
    alice = await chat.join("alice")
    assert (await alice.say("what a lovely day")).ack == "NOT_UNIQUE"
    assert alice.room["modes"]["unique"]["until"] == "2026-01-01T02:00:00.000Z"


@pytest.mark.gen_test
async def test_it_ends_by_itself_or_is_turned_off_and_the_room_is_told(chat: ChatFixture) -> None:
    await chat.open("unique", options={"unique": {"default_mins": 0}})
    alice, bob = await chat.join("alice"), await chat.join("bob", role="mod")
    await bob.say("/unique 5m")
    await alice.say("what a lovely day")
    await chat.advance(300)
    assert (await alice.say("what a lovely day")).ack is None
    await bob.say("/UniqueChat")
    await chat.advance(86400)
    assert alice.room["modes"]["unique"]["until"] is None
    await bob.say("/unique off")
    assert (await bob.say("/unique off")).notice == "Unique chat is not on"
    assert (await alice.say("what a lovely day")).ack is None
    assert alice.notices == [
        "bob turned unique chat on for 5 min: nobody may say what was said already",
        "Unique chat is over",
        "bob turned unique chat on: nobody may say what was said already",
        "bob turned unique chat off",
    ]


@pytest.mark.gen_test
async def test_memory_is_bounded_in_number_and_in_time(chat: ChatFixture) -> None:
    await chat.open("unique", options={"unique": {"remember": 3, "remember_mins": 10, "min_chars": 3}})
    alice, bob = await chat.join("alice"), await chat.join("bob", role="mod")
    await bob.say("/unique 1d")
    for text in ("one", "two", "three", "four"):
        assert (await alice.say(text)).ack is None
    assert (await alice.say("two")).ack == "NOT_UNIQUE"
    assert (await alice.say("one")).ack is None
    await chat.advance(599)
    assert (await alice.say("one")).ack == "NOT_UNIQUE"
    await chat.advance(1)
    assert (await alice.say("one")).ack is None
    await bob.say("/unique off")
    assert chat.api("unique").state(unique.Said)._said is None


@pytest.mark.gen_test
async def test_what_is_shown_to_its_sender_alone_counts_for_them_alone(chat: ChatFixture) -> None:
    async def check(draft: Draft) -> Verdict:
        return Shadow() if draft.user.uname == "eve" else Pass()

    await chat.open("unique", filtering(check))
    alice, eve, bob = await chat.join("alice"), await chat.join("eve"), await chat.join("bob", role="mod")
    await bob.say("/unique")
    assert [(await eve.say("what a lovely day")).ack for _ in range(2)] == [None, "NOT_UNIQUE"]
    assert [(await alice.say("what a lovely day")).ack for _ in range(2)] == [None, "NOT_UNIQUE"]


@pytest.mark.gen_test
async def test_a_member_may_not_turn_it_on_or_off(chat: ChatFixture) -> None:
    await chat.open("unique")
    alice, bob = await chat.join("alice"), await chat.join("bob", role="mod")
    assert (await alice.say("/unique")).notice == DENIED
    assert alice.room["modes"] == {}
    await bob.say("/unique")
    assert (await alice.say("/r9k off")).notice == DENIED
    assert "unique" in alice.room["modes"]


@pytest.mark.gen_test
async def test_the_room_is_not_told_who_did_it_where_the_app_hides_that(chat: ChatFixture) -> None:
    chat.hide_actor = True
    await chat.open("unique")
    alice, bob = await chat.join("alice"), await chat.join("bob", role="mod")
    await bob.say("/unique")
    await bob.say("/unique off")
    assert alice.notices == [
        "A moderator turned unique chat on for 1 h: nobody may say what was said already",
        "A moderator turned unique chat off",
    ]


@pytest.mark.gen_test
@pytest.mark.parametrize(
    ("typed", "told"),
    [
        ("0", "Unique chat lasts from 1 s to 30 days"),
        ("31d", "Unique chat lasts from 1 s to 30 days"),
        ("99999999999999999999", '"99999999999999999999" is no duration.'),
        ("on", '"on" is no duration. Usage: /unique [duration|off]'),
    ],
)
async def test_arguments_that_make_no_sense_change_nothing(chat: ChatFixture, typed: str, told: str) -> None:
    await chat.open("unique")
    bob = await chat.join("bob", role="mod")
    answer = await bob.say(f"/unique {typed}")
    assert answer.notice is not None
    assert answer.notice.startswith(told)
    assert bob.room["modes"] == {}
