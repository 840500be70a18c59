"""Mutes from end to end: the commands, rank, what is told to whom, expiry, restart."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import pytest

from tests.manual_clock import START, ManualClock
from tornado_chat.events import iso

USAGE = "Usage: /mute <user> [duration] [reason]; duration: 10 (minutes), 90s, 10m, 2h or 1d2h"
Enter = Callable[[], Awaitable[tuple[Any, Any, Any]]]
NOT_AUTHORIZED = "You are not authorized to do that"


async def order(client: Any, text: str) -> Any:
    """Type a command; return what the server says to it."""
    assert await client.say(text) is None
    return await client.next("system_message")


@pytest.fixture
def enter_bob_and_eve(serve: Any, connect: Any, make_config: Any, clock: ManualClock) -> Enter:
    """Starts a server on the manual clock, with bob, a mod, and eve, a member, in app 2; returns all three."""

    async def enter() -> tuple[Any, Any, Any]:
        server = await serve(make_config(), clock=clock)
        return server, await connect(server, token="token-bob"), await connect(server, token="token-eve")

    return enter


@pytest.mark.gen_test
async def test_a_mute_is_told_to_the_room_and_binds_every_tab(enter_bob_and_eve: Enter, connect: Any) -> None:
    server, bob, eve = await enter_bob_and_eve()
    eves_other_tab = await connect(server, token="token-eve")
    guest = await connect(server, token=None)
    assert await order(bob, "/mute eve 10") == "eve was muted for 10 min"
    muted = {"uname": "eve", "mins": 10, "expires_at": iso(START + timedelta(minutes=10))}
    for client in (bob, eve, eves_other_tab, guest):
        assert await client.next("user_muted") == muted
    for tab in (eve, eves_other_tab):
        assert await tab.say("may I?") == "USER_MUTED"
        assert await tab.next("system_message") == "You are muted for another 10 min"
    newcomer = await connect(server, token=None)
    assert newcomer.data["room"]["muteList"] == {"eve": muted}
    await guest.settle()
    assert guest.names() == ["user_muted"]


@pytest.mark.gen_test
async def test_a_mute_ends_by_itself_exactly_once(enter_bob_and_eve: Enter, clock: ManualClock) -> None:
    _, bob, eve = await enter_bob_and_eve()
    await order(bob, "/mute eve 10")
    clock.advance(599)
    assert await eve.say("still?") == "USER_MUTED"
    assert await eve.next("system_message") == "You are muted for another 1 s"
    clock.advance(1)
    assert await bob.next("user_unmuted") == {"uname": "eve"}
    assert await eve.say("free") is None
    clock.advance(10_000)
    await bob.settle()
    assert bob.names().count("user_unmuted") == 1
    assert await order(bob, "/unmute eve") == "User not in mutelist"


@pytest.mark.gen_test
async def test_a_new_mute_replaces_the_old_one_and_its_end(enter_bob_and_eve: Enter, clock: ManualClock) -> None:
    _, bob, eve = await enter_bob_and_eve()
    await order(bob, "/mute eve 10")
    await order(bob, "/mute eve 20")
    clock.advance(600)
    assert await eve.say("free?") == "USER_MUTED"
    clock.advance(600)
    await bob.next("user_unmuted")
    await bob.settle()
    assert bob.names().count("user_unmuted") == 1


@pytest.mark.gen_test
async def test_unmute_tells_the_room(enter_bob_and_eve: Enter, clock: ManualClock) -> None:
    _, bob, eve = await enter_bob_and_eve()
    await order(bob, "/mute eve 10")
    assert await order(bob, "/unmute EVE") == "eve was unmuted"
    assert await eve.next("user_unmuted") == {"uname": "eve"}
    assert await eve.say("thanks") is None
    clock.advance(10_000)
    await bob.settle()
    assert bob.names().count("user_unmuted") == 1


@pytest.mark.gen_test
async def test_mutes_survive_a_restart_and_end_after_it(
    serve: Any, connect: Any, make_config: Any, clock: ManualClock
) -> None:
    first = await serve(make_config(), clock=clock)
    bob = await connect(first, token="token-bob")
    await order(bob, "/mute eve 10 being loud")
    await order(bob, "/mute nobody 7")
    later = ManualClock()
    later.advance(400)
    second = await serve(make_config(), clock=later)
    eve = await connect(second, token="token-eve")
    assert list(eve.data["room"]["muteList"]) == ["eve", "nobody"]
    later.advance(20)
    assert await eve.next("user_unmuted") == {"uname": "nobody"}
    assert await eve.say("hi") == "USER_MUTED"
    later.advance(180)
    assert await eve.next("user_unmuted") == {"uname": "eve"}
    assert await eve.say("hi") is None


@pytest.mark.gen_test
@pytest.mark.parametrize(
    ("actor", "target", "answer"),
    [
        ("alice", "eve", NOT_AUTHORIZED),
        ("bob", "bob", f"{NOT_AUTHORIZED}: bob is a mod"),
        ("bob", "carol", f"{NOT_AUTHORIZED}: carol is an owner"),
        ("bob", "dave", f"{NOT_AUTHORIZED}: dave is an admin"),
        ("bob", "DAVE", f"{NOT_AUTHORIZED}: dave is an admin"),
        ("carol", "dave", f"{NOT_AUTHORIZED}: dave is an admin"),
        ("carol", "bob", "bob was muted for 5 min"),
        ("dave", "carol", "carol was muted for 5 min"),
        ("bob", "eve", "eve was muted for 5 min"),
    ],
)
async def test_only_who_outranks_the_target_may_mute(
    serve: Any, connect: Any, make_config: Any, actor: str, target: str, answer: str
) -> None:
    server = await serve(make_config())
    clients = {name: await connect(server, token=f"token-{name}") for name in ("alice", "bob", "carol", "dave", "eve")}
    assert await order(clients[actor], f"/mute {target} 5") == answer
    told = [name for name, client in clients.items() if "user_muted" in client.names()]
    assert bool(told) == answer.endswith("5 min")


@pytest.mark.gen_test
async def test_an_owner_who_is_away_is_still_an_owner(serve: Any, connect: Any, make_config: Any) -> None:
    bob = await connect(await serve(make_config()), token="token-bob")
    assert await order(bob, "/mute Carol 5") == f"{NOT_AUTHORIZED}: Carol is an owner"


@pytest.mark.gen_test
async def test_a_mute_of_a_name_that_turns_out_to_be_a_superiors_binds_nobody(
    serve: Any, connect: Any, make_config: Any
) -> None:
    server = await serve(make_config())
    bob = await connect(server, token="token-bob")
    assert await order(bob, "/mute dave 5") == "dave was muted for 5 min"
    dave = await connect(server, token="token-dave")
    # Those who were told of it are told that it is over, before he is there.
    assert await bob.next("user_unmuted") == {"uname": "dave"}
    assert bob.names() == ["user_muted", "system_message", "user_unmuted", "user_joined"]
    assert dave.data["room"]["muteList"] == {}
    assert await dave.say("I think not") is None


@pytest.mark.gen_test
async def test_a_muted_mod_may_not_unmute_himself(serve: Any, connect: Any, make_config: Any) -> None:
    server = await serve(make_config())
    bob = await connect(server, token="token-bob")
    dave = await connect(server, token="token-dave")
    await order(dave, "/mute bob 5")
    assert await bob.say("hm") == "USER_MUTED"
    await bob.next("system_message")
    assert await order(bob, "/unmute bob") == f"{NOT_AUTHORIZED}: bob is a mod"


@pytest.mark.gen_test
async def test_mutes_are_each_apps_own(serve: Any, connect: Any, make_config: Any) -> None:
    server = await serve(make_config())
    bob = await connect(server, token="token-bob")
    await order(bob, "/mute eve 5")
    eve_elsewhere = await connect(server, token="token-eve", app_id=3)
    assert eve_elsewhere.data["room"]["muteList"] == {}
    assert await eve_elsewhere.say("hi") is None


@pytest.mark.gen_test
@pytest.mark.parametrize(
    ("line", "answer"),
    [
        ("/mute eve", "eve was muted for 10 min"),
        ("/mute eve 1 x", "eve was muted for 1 min"),
        ("/mute eve 10m", "eve was muted for 10 min"),
        ("/mute eve 10 mins", "eve was muted for 10 min"),
        ("/mute\teve  10\u00a0m spam spam", "eve was muted for 10 min"),
        ("/mute eve 2h", "eve was muted for 120 min"),
        ("/mute eve 90s", "eve was muted for 1 min 30 s"),
        ("/MUTE EVE 5", "eve was muted for 5 min"),
        ("/mute", USAGE),
        ("/mute eve ten", USAGE),
        ("/mute eve -5", USAGE),
        ("/mute eve 1.5", USAGE),
        ("/mute eve ٣", USAGE),
        ("/mute eve 0", "A mute lasts at least 1 s"),
        ("/mute eve 0d0h", "A mute lasts at least 1 s"),
        ("/mute eve 99999999999", "A mute lasts at most 30 d"),
        ("/mute eve " + "9" * 300, USAGE),
        ("/mute " + "x" * 65, "No user can have that name"),
        ("/mute \u202eeve", "No user can have that name"),
        ("/unmute", "Usage: /unmute <user>"),
        ("/unmute eve", "User not in mutelist"),
        ("/unmute eve now", "Usage: /unmute <user>"),
        ("/ mute eve 5", "Unknown command: /"),
        ("/", "Unknown command: /"),
        ("/mute eve 1h 30m", "eve was muted for 90 min"),
        ("/mutexyz eve 5", "Unknown command: /mutexyz"),
        ("/unmuted eve", "Unknown command: /unmuted"),
        ("/mutefoo /mute foo 1", "Unknown command: /mutefoo"),
        ("/\u212aick", "Unknown command: /\u212aick"),
        ("/a\u0007b", "Unknown command: /a\\x07b"),
    ],
)
async def test_a_command_answers_its_caller_alone_and_is_never_broadcast(
    serve: Any, connect: Any, make_config: Any, line: str, answer: str
) -> None:
    server = await serve(make_config())
    eve = await connect(server, token="token-eve")
    bob = await connect(server, token="token-bob")
    told = await order(bob, line)
    # Before the usage text it is said which word is wrong.
    assert told.endswith(answer) if answer.startswith("Usage") else told == answer
    await eve.settle()
    assert set(eve.names()) <= {"user_joined", "user_muted"}
    newcomer = await connect(server, token=None)
    assert newcomer.data["room"]["history"] == []


@pytest.mark.gen_test
async def test_the_mutelist_has_an_end(
    serve: Any, connect: Any, make_config: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tornado_chat.sanctions.MAX_MUTES", 2)
    server = await serve(make_config())
    bob = await connect(server, token="token-bob")
    for name in ("a", "b"):
        await order(bob, f"/mute {name}")
    assert await order(bob, "/mute c") == "You have muted 2 names; unmute some first"
    assert await order(bob, "/mute a 20") == "a was muted for 20 min"
    dave = await connect(server, token="token-dave")
    assert await order(dave, "/mute c") == "c was muted for 10 min"


@pytest.mark.gen_test
async def test_what_a_superior_muted_stays_muted(serve: Any, connect: Any, make_config: Any) -> None:
    server = await serve(make_config())
    bob = await connect(server, token="token-bob")
    carol = await connect(server, token="token-carol")
    assert await order(carol, "/mute eve 1d") == "eve was muted for 1440 min"
    for line in ("/mute eve 1s", "/unmute eve"):
        assert await order(bob, line) == f"{NOT_AUTHORIZED}: an owner muted eve"
    eve = await connect(server, token="token-eve")
    assert await eve.say("hi") == "USER_MUTED"
    assert await order(carol, "/unmute eve") == "eve was unmuted"


@pytest.mark.gen_test
async def test_names_may_be_quoted_and_mentioned(serve: Any, connect: Any, make_config: Any, api: Any) -> None:
    api.users["token-duck"] = {"id": 9, "uname": "Donald Duck", "role": "member"}
    server = await serve(make_config())
    bob = await connect(server, token="token-bob")
    duck = await connect(server, token="token-duck")
    assert await order(bob, '/mute "donald duck" 5 quacking') == "Donald Duck was muted for 5 min"
    assert await duck.say("quack") == "USER_MUTED"
    assert await order(bob, '/unmute @"Donald Duck"') == "Donald Duck was unmuted"
    assert await order(bob, "/mute @eve 5") == "eve was muted for 5 min"
    for line in ('/mute "eve', '/mute ""', "/mute @", '/mute "'):
        assert (await order(bob, line)).endswith(USAGE)


@pytest.mark.gen_test
async def test_a_mute_cannot_be_dodged_with_letters_that_look_the_same(
    serve: Any, connect: Any, make_config: Any, api: Any
) -> None:
    api.users["token-wide"] = {"id": 9, "uname": "\uff45\uff56\uff45", "role": "member"}
    server = await serve(make_config())
    bob = await connect(server, token="token-bob")
    wide = await connect(server, token="token-wide")
    await order(bob, "/mute eve 5")
    assert await wide.say("I am somebody else") == "USER_MUTED"
