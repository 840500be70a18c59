"""Modes of a room: told, stored, ended by themselves exactly once."""

from __future__ import annotations

from typing import Any

import pytest

from tests.inline import having, plugin
from tornado_chat import Listener, ModeChanged, Role, StoreUnavailable, User
from tornado_chat.testing import ChatFixture, Person

TOOL = plugin("tool")
BOB = User(8, "bob", Role.MOD)


def told(person: Person) -> list[Any]:
    return [payload for name, payload in person.events if name == "mode_changed"]


@pytest.mark.gen_test
async def test_a_mode_is_told_and_shown_and_ends_by_itself_once(chat: ChatFixture) -> None:
    changes: list[Any] = []

    async def hear(change: ModeChanged) -> None:
        changes.append((change.mode.name, change.on, change.by))

    await chat.open(TOOL, having(Listener(ModeChanged, hear)))
    alice, api = await chat.join("alice"), chat.api("tool")
    mode = await api.turn_on(BOB, "slow", 30, 60, "calm down")
    assert api.mode("slow") == mode
    assert api.modes == [mode]
    shown = {"value": 30, "until": "2026-01-01T00:01:00.000Z", "reason": "calm down"}
    assert alice.room["modes"] == {"slow": shown}
    assert told(alice) == [{"name": "slow", "on": True, **shown}]
    await chat.advance(60)
    assert told(alice)[1:] == [{"name": "slow", "on": False}]
    await chat.advance(600)
    assert len(told(alice)) == 2
    assert (alice.room["modes"], api.modes, api.mode("slow")) == ({}, [], None)
    assert changes == [("slow", True, "bob"), ("slow", False, "")]


@pytest.mark.gen_test
async def test_a_mode_is_changed_and_turned_off_by_hand(chat: ChatFixture) -> None:
    await chat.open(TOOL)
    alice, api = await chat.join("alice"), chat.api("tool")
    await api.turn_on(BOB, "slow", 30, 60)
    await api.turn_on(BOB, "slow", 5)
    assert alice.room["modes"] == {"slow": {"value": 5, "until": None, "reason": ""}}
    await chat.advance(3600)
    assert api.mode("slow") is not None
    assert (await api.turn_off(BOB, "slow")).value == 5  # type: ignore[union-attr]
    assert await api.turn_off(BOB, "slow") is None
    assert told(alice)[-1] == {"name": "slow", "on": False}
    assert [(entry.actor, entry.action) for entry in await api.audit()] == [
        ("bob", "slow off"),
        ("bob", "slow on"),
        ("bob", "slow on"),
    ]


@pytest.mark.gen_test
async def test_modes_survive_a_restart_and_end_after_it(chat: ChatFixture) -> None:
    await chat.open(TOOL)
    await chat.api("tool").turn_on(BOB, "slow", 30, 60)
    await chat.api("tool").turn_on(BOB, "lock")
    await chat.advance(30)
    await chat.restart()
    await chat.open(TOOL)
    alice = await chat.join("alice")
    assert list(alice.room["modes"]) == ["lock", "slow"]
    await chat.advance(30)
    assert told(alice) == [{"name": "slow", "on": False}]
    await chat.restart()
    await chat.open(TOOL)
    assert [mode.name for mode in chat.api("tool").modes] == ["lock"]


@pytest.mark.gen_test
async def test_a_mode_that_ran_out_meanwhile_ends_at_the_start(chat: ChatFixture) -> None:
    await chat.open(TOOL)
    await chat.api("tool").turn_on(BOB, "slow", 30, 60)
    await chat.restart()
    chat.clock.advance(3600)
    await chat.open(TOOL)
    assert chat.api("tool").mode("slow") is None
    assert (await chat.join("alice")).room["modes"] == {}


@pytest.mark.gen_test
async def test_what_could_not_be_stored_is_not_on(chat: ChatFixture) -> None:
    await chat.open(TOOL)
    alice, api = await chat.join("alice"), chat.api("tool")
    await api.turn_on(BOB, "lock")
    chat.store.away = True
    with pytest.raises(StoreUnavailable):
        await api.turn_on(BOB, "slow", 30)
    with pytest.raises(StoreUnavailable):
        await api.turn_off(BOB, "lock")
    chat.store.away = False
    assert [mode.name for mode in api.modes] == ["lock"]
    assert len(told(alice)) == 1
    await api.turn_on(BOB, "unique")
    await chat.restart()
    await chat.open(TOOL)
    assert [mode.name for mode in chat.api("tool").modes] == ["lock", "unique"]


@pytest.mark.gen_test
async def test_the_database_away_does_not_keep_a_mode_from_ending(chat: ChatFixture) -> None:
    await chat.open(TOOL)
    alice, api = await chat.join("alice"), chat.api("tool")
    await api.turn_on(BOB, "slow", 30, 60)
    chat.store.away = True
    await chat.advance(60)
    assert told(alice)[-1] == {"name": "slow", "on": False}


@pytest.mark.gen_test
async def test_what_is_no_mode_is_refused(chat: ChatFixture) -> None:
    await chat.open(TOOL)
    api = chat.api("tool")
    for name in ("", "Slow", "a b", "x" * 33, "ſlow"):
        with pytest.raises(ValueError, match="a mode's name must be"):
            await api.turn_on(BOB, name)
    with pytest.raises(ValueError, match="more than 4096 bytes"):
        await api.turn_on(BOB, "slow", "x" * 5000)
    with pytest.raises(ValueError, match="a reason must be text"):
        await api.turn_on(BOB, "slow", 1, 1, "\ud800")
    for number in range(20):
        await api.turn_on(BOB, f"m{number}")
    with pytest.raises(ValueError, match="has 20 modes already"):
        await api.turn_on(BOB, "one_more")
    await api.turn_on(BOB, "m0", 2)


@pytest.mark.gen_test
@pytest.mark.parametrize(
    ("name", "lines"),
    [
        ("lock", ("/lock 5", "/unlock")),
        ("slow", ("/slow 5", "/slow off")),
        ("unique", ("/unique 5", "/unique off")),
        ("members", ("/members 5", "/members off")),
    ],
)
async def test_a_mode_is_turned_on_and_off_however_often_the_room_was_told(
    chat: ChatFixture, name: str, lines: tuple[str, str]
) -> None:
    await chat.open(name)
    bob = await chat.join("bob", role="mod")
    assert {(await bob.say(line)).ack for _ in range(60) for line in lines} == {None}
    await bob.say(lines[0])
    assert chat.api(name).mode(name) is not None
