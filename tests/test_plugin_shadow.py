"""/shadow: its target notices nothing, staff see it, nobody else does; for a while, also over restarts."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.chats import load_plugin
from tornado_chat.errors import ConfigError
from tornado_chat.testing import ChatFixture, Person

NOT_AUTHORIZED = "You are not authorized to do that"


async def told(person: Person, line: str) -> str:
    """Type a command; return what its caller is told."""
    notice = (await person.say(line)).notice
    assert notice is not None
    return notice


def seen(person: Person) -> list[tuple[str, bool]]:
    """What one was shown of messages: (text, whether it is marked)."""
    return [(each["text"], "shadow" in each) for name, each in person.events if name == "new_message"]


@pytest.mark.gen_test
async def test_its_target_notices_nothing_staff_see_it_and_nobody_else_does(chat: ChatFixture) -> None:
    await chat.open("shadow", "mute")
    alice, bob = await chat.join("alice"), await chat.join("bob", role="mod")
    eve, tab = await chat.join("Eve"), await chat.join("EVE")
    before = [list(eve.events), list(tab.events)]
    assert await told(bob, "/shadow eve 10m being rude") == "Eve was shadow muted for 10 min"
    assert [eve.events, tab.events] == before
    for person in (eve, tab):
        answer = await person.say("buy gold")
        assert (answer.ack, answer.notice) == (None, None)
    assert seen(eve) == seen(tab) == [("buy gold", False)]
    assert seen(bob) == [("buy gold", True)] * 2
    assert seen(alice) == []
    assert [each["text"] for each in (await chat.join("frank")).room["history"]] == []
    await alice.say("hello")
    assert seen(alice) == [("hello", False)]
    await chat.advance(600)
    await eve.say("am I back?")
    assert seen(alice)[-1] == ("am I back?", False)


@pytest.mark.gen_test
async def test_it_binds_who_was_away_and_survives_a_reload_and_a_restart(chat: ChatFixture) -> None:
    await chat.open("shadow")
    bob = await chat.join("bob", role="mod")
    long_name = "\N{ARABIC LIGATURE SALLALLAHOU ALAYHE WASALLAM}" * 60  # folded, it has 1,080 characters
    for name in ("ＥＶＥ", long_name):
        assert await told(bob, f"/shadow {name} spam") == f"{name} was shadow muted for good"
    await chat.open("shadow")
    for _ in range(2):
        alice = await chat.join("alice")
        for name in ("eve", long_name):
            await (await chat.join(name)).say("hi")
        assert seen(alice) == []
        await chat.restart()
        await chat.open("shadow")
    bob, alice, eve = await chat.join("bob", role="mod"), await chat.join("alice"), await chat.join("eve")
    assert await told(bob, "/unshadow Eve") == "ＥＶＥ is not shadow muted any more"
    await eve.say("hello")
    assert seen(alice) == [("hello", False)]
    await chat.restart()
    await chat.open("shadow")
    alice, eve = await chat.join("alice"), await chat.join("eve")
    await eve.say("hello")
    assert seen(alice) == [("hello", False)]


@pytest.mark.gen_test
async def test_staff_see_who_is_shadow_muted_for_how_long_by_whom_and_why(chat: ChatFixture) -> None:
    await chat.open("shadow")
    bob = await chat.join("bob", role="mod")
    assert await told(bob, "/shadows") == "Nobody is shadow muted"
    await bob.say("/shadow eve")
    await bob.say('/shadow "a \u202e b" 2d spam')
    await bob.say("/shadow carla 1m")
    await bob.say("/shadow eve 3h again")
    await chat.advance(3600)
    await chat.restart()
    await chat.open("shadow")
    bob = await chat.join("bob", role="mod")
    lines = ["eve: another 2 h, by bob: again"]
    assert (await told(bob, "/shadows")).split("\n") == lines
    assert await told(bob, "/shadowed EVE") == "Shadow muted: eve: another 2 h, by bob: again"
    assert await told(bob, "/shadowed carla") == "carla is not shadow muted"
    acts = [(entry.action, entry.target, entry.seconds, entry.reason) for entry in await chat.api("shadow").audit()]
    assert acts[:2] == [("shadow", "eve", 10_800, "again"), ("shadow", "carla", 60, "")]
    for number in range(20):
        await bob.say(f"/shadow user{number}")
    assert (await told(bob, "/shadows 2")).split("\n") == [*lines, "page 2 of 2"]


@pytest.mark.gen_test
@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("/shadow", "Usage: /shadow <user> [duration] [reason]"),
        ("/shadow eve 1om", '"1om" is no duration'),
        ("/shadow eve 99999999999d", "A shadow mute lasts at most 3660 d"),
        ("/shadow \u202e", "No user can have that name"),
        ("/shadow " + "x" * 300, "No user can have that name"),
        ("/unshadow", "Usage: /unshadow <user>"),
        ("/unshadow eve", "eve is not shadow muted"),
        ("/shadowed", "Usage: /shadowed <user>"),
        ("/shadows x", "page must be a whole number"),
    ],
)
async def test_what_cannot_be_done_is_told(chat: ChatFixture, line: str, why: str) -> None:
    await chat.open("shadow")
    bob = await chat.join("bob", role="mod")
    assert why in await told(bob, line)
    assert await told(bob, "/shadows") == "Nobody is shadow muted"


@pytest.mark.gen_test
async def test_how_long_it_lasts_is_an_option(chat: ChatFixture) -> None:
    await chat.open("shadow", options={"shadow": {"default_mins": 60, "max_mins": 1440}})
    bob = await chat.join("bob", role="mod")
    assert await told(bob, "/shadow eve") == "eve was shadow muted for 1 h"
    for line in ("/shadow eve 2d", "/shadow eve 0"):
        assert await told(bob, line) == "A shadow mute lasts at most 1 d"


@pytest.mark.gen_test
@pytest.mark.parametrize("line", ["/shadow alice", "/unshadow eve", "/shadows", "/shadowed eve"])
async def test_a_member_may_not(chat: ChatFixture, line: str) -> None:
    await chat.open("shadow")
    alice, mallory, bob = await chat.join("alice"), await chat.join("mallory"), await chat.join("bob", role="mod")
    await bob.say("/shadow eve")
    assert await told(mallory, line) == NOT_AUTHORIZED
    await alice.say("hello")
    assert seen(mallory) == [("hello", False)]
    assert await told(bob, "/shadows") == "eve: for good, by bob"


@pytest.mark.gen_test
@pytest.mark.parametrize("name", ["bob", "kate", "CAROL", "dave"])
async def test_nobody_shadow_mutes_a_peer_a_superior_or_himself(chat: ChatFixture, name: str) -> None:
    await chat.open("shadow")
    bob = await chat.join("bob", role="mod")
    for uname, role in (("kate", "mod"), ("carol", "owner"), ("dave", "admin")):
        await chat.join(uname, role=role)
    assert (await told(bob, f"/shadow {name}")).startswith(f"{NOT_AUTHORIZED}: ")
    assert await told(bob, "/shadows") == "Nobody is shadow muted"


@pytest.mark.gen_test
async def test_staff_are_not_shadow_muted_and_become_so_once_they_are_members(chat: ChatFixture) -> None:
    await chat.open("shadow")
    carol, kate = await chat.join("carol", role="owner"), await chat.join("kate", role="mod")
    assert await told(carol, "/shadow kate") == "kate is staff, who see what is shadow muted; /mute works"
    await kate.leave()
    assert await told(carol, "/shadow kate") == "kate was shadow muted for good"
    alice, kate = await chat.join("alice"), await chat.join("kate", role="mod")
    await kate.say("hello")
    assert seen(alice) == [("hello", False)]
    await kate.leave()
    await (await chat.join("kate")).say("hm")
    assert len(seen(alice)) == 1


@pytest.mark.gen_test
async def test_what_a_superior_did_stays(chat: ChatFixture) -> None:
    await chat.open("shadow")
    bob, carol = await chat.join("bob", role="mod"), await chat.join("carol", role="owner")
    await carol.say("/shadow eve")
    for line in ("/shadow eve 1s", "/unshadow eve"):
        assert await told(bob, line) == f"{NOT_AUTHORIZED}: carol shadow muted eve"
    refused = await chat.api("shadow").audit(actor="bob")
    assert [entry.action for entry in refused] == ["refused /unshadow", "refused /shadow"]
    assert await told(carol, "/unshadow eve") == "eve is not shadow muted any more"


@pytest.mark.gen_test
async def test_nothing_is_shown_to_all_while_it_is_not_known_who_is_shadow_muted(chat: ChatFixture) -> None:
    await chat.open("shadow")
    await (await chat.join("bob", role="mod")).say("/shadow eve")
    await chat.restart()
    await chat.open("shadow")
    alice, eve, bob = await chat.join("alice"), await chat.join("eve"), await chat.join("bob", role="mod")
    chat.store.away = True
    for _ in range(7):
        assert (await eve.say("hello")).ack == "INTERNAL_ERROR"
    assert (await bob.say("/shadow frank")).ack == "INTERNAL_ERROR"
    chat.store.away = False
    assert (await eve.say("hello")).ack is None
    assert seen(alice) == []
    assert (await alice.say("hello")).ack is None
    assert await told(bob, "/shadows") == "eve: for good, by bob"


@pytest.mark.gen_test
async def test_a_slow_database_is_read_all_the_same(chat: ChatFixture, monkeypatch: pytest.MonkeyPatch) -> None:
    await chat.open("shadow")
    await (await chat.join("bob", role="mod")).say("/shadow eve")
    answer: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    items = chat.store.plugin_items
    asked: list[Any] = []

    async def slow(*args: Any) -> Any:
        asked.append(args)
        await answer
        return await items(*args)

    await chat.open("shadow", options={"shadow": {"timeout_ms": 1}})
    monkeypatch.setattr(chat.store, "plugin_items", slow)
    alice, eve = await chat.join("alice"), await chat.join("eve")
    for _ in range(2):
        assert (await eve.say("hello")).ack == "MESSAGE_REJECTED"
    answer.set_result(None)
    await chat.settle()
    assert (await eve.say("hello")).ack is None
    assert seen(alice) == []
    assert len(asked) == 1


@pytest.mark.gen_test
async def test_there_is_an_end_to_them(chat: ChatFixture, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tornado_chat_plugins.shadow.MOST", 2)
    await chat.open("shadow")
    bob = await chat.join("bob", role="mod")
    await bob.say("/shadow a 1s")
    await bob.say("/shadow b")
    assert await told(bob, "/shadow c") == "2 names are shadow muted; lift some first"
    assert await told(bob, "/shadow b 1m") == "b was shadow muted for 1 min"
    await chat.advance(1)
    assert await told(bob, "/shadow c") == "c was shadow muted for good"


@pytest.mark.parametrize(
    ("options", "key"),
    [
        ({"default_mins": -1}, "default_mins"),
        ({"max_mins": 6_000_000}, "max_mins"),
        ({"max_mins": 60}, "default_mins must be 1 or more"),
    ],
)
def test_options_that_make_no_sense_stop_the_start(options: dict[str, Any], key: str) -> None:
    with pytest.raises(ConfigError, match=r"apps/2\.toml: plugin\.shadow") as caught:
        load_plugin("shadow", **options)
    assert key in str(caught.value)


@pytest.mark.gen_test
async def test_it_is_stored_in_a_real_database(serve: Any, connect: Any, make_config: Any) -> None:
    config = make_config(app='plugins = ["shadow"]')
    server = await serve(config)
    bob = await connect(server, token="token-bob")
    await bob.say("/shadow eve spam")
    assert await bob.next("system_message") == "eve was shadow muted for good"
    await server.stop()
    server = await serve(config)
    alice, eve, bob = [await connect(server, token=f"token-{name}") for name in ("alice", "eve", "bob")]
    assert await eve.say("gold") is None
    assert await alice.say("hello") is None
    assert (await eve.next("new_message"))["text"] == "gold"
    assert (await alice.next("new_message"))["text"] == "hello"
    assert (await bob.next("new_message"))["shadow"] is True
