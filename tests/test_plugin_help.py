"""/help: everybody sees what they may use, from every plugin, and nothing else; clients can ask for the same list."""

from __future__ import annotations

from typing import Any

import pytest

from tests.inline import having
from tornado_chat import Call, ChoiceParam, Command, Role
from tornado_chat.testing import ChatFixture


async def run(call: Call) -> str:
    return "rolled"


ROLL = Command(
    "roll", run, (ChoiceParam("die", choices=("d6", "d20")),), help="throws a die", aliases=("r",), cooldown=5
)
SECRET = Command("secret", run, role=Role.ADMIN, help="does a thing")


@pytest.mark.gen_test
async def test_it_lists_what_the_asker_may_use(chat: ChatFixture) -> None:
    await chat.open("mute", "help", having(ROLL, SECRET), options={"help": {"rules": "Be kind."}})
    alice, bob, dave = (
        await chat.join("alice"),
        await chat.join("bob", role="mod"),
        await chat.join("dave", role="admin"),
    )
    for person in (alice, bob, dave):
        await person.say("/help")
    common = ["/help [command] - lists what you can do"]
    assert alice.notices[-1].split("\n") == ["Be kind.", *common, "/roll <die> - throws a die"]
    mutes = [
        "/mute <user> [duration] [reason] - keeps a user from speaking for a while",
        "/mutes [page] - lists who is muted",
        "/roll <die> - throws a die",
        "/unmute <user> - ends a mute",
    ]
    assert bob.notices[-1].split("\n") == ["Be kind.", *common, *mutes]
    assert "/secret - does a thing" in dave.notices[-1]


@pytest.mark.gen_test
async def test_it_says_more_of_one_command(chat: ChatFixture) -> None:
    await chat.open("help", having(ROLL, SECRET))
    alice = await chat.join("alice")
    for name in ("/roll", "r", "ROLL"):
        await alice.say(f"/help {name}")
        assert alice.notices[-1] == "/roll <die> - throws a die\ndie: d6, d20\nalso: /r\nonce in 5 s"
    await alice.say("/help secret")
    assert alice.notices[-1] == "You have no command /secret; /help lists those that you have"


@pytest.mark.gen_test
async def test_aliases_and_cooldowns_are_kept(chat: ChatFixture) -> None:
    await chat.open(having(ROLL))
    alice, eve = await chat.join("alice"), await chat.join("eve")
    for text in ("/roll d5", "/roll d6", "/r D20", "/roll"):
        await alice.say(text)
    await eve.say("/r d6")
    assert alice.notices == [
        '"d5" is none of d6, d20. Usage: /roll <die>; die: d6, d20',
        "rolled",
        "You can use /roll again in 5 s",
        "Usage: /roll <die>; die: d6, d20",
    ]
    assert eve.notices == ["rolled"]
    await chat.advance(5)
    await alice.say("/r d6")
    assert alice.notices[-1] == "rolled"


@pytest.mark.gen_test
async def test_a_client_asks_for_the_list(serve: Any, connect: Any, make_config: Any) -> None:
    server = await serve(make_config())
    stranger = await connect(server)
    assert await stranger.emit("commands") == ["USER_REQUIRED"]
    assert await stranger.next("client_error") == "must `auth` before `commands`"
    guest = await connect(server, token=None)
    assert await guest.emit("commands") == [None, []]
    alice, bob = await connect(server, token="token-alice"), await connect(server, token="token-bob")
    _, commands = await alice.emit("commands", {"ignored": True})
    assert [command["name"] for command in commands] == ["help"]
    _, commands = await bob.emit("commands")
    assert [command["name"] for command in commands] == ["help", "mute", "mutes", "reload", "unmute"]
    assert commands[1]["usage"] == "/mute <user> [duration] [reason]"
    bob.tell("commands")
    assert await bob.next("client_error") == "must provide callback to `commands` event"
