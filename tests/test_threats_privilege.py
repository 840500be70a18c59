"""THREATS: privilege. Every command of staff, and every act of a plugin in somebody's name, with whom it is refused."""

from __future__ import annotations

import asyncio
import inspect
import json
from typing import Any

import pytest

from tests.hostile import beside_a_witness
from tests.inline import filtering, plugin
from tornado_chat import CommandRefused, Hold, Pass, PluginApi, Role, User
from tornado_chat.config import load_config
from tornado_chat.errors import NOT_AUTHORIZED
from tornado_chat.plugins import discover
from tornado_chat.testing import ChatFixture

LINES = {  # that would do something, were they typed by a moderator
    "mute": "/mute alice 5",
    "unmute": "/unmute frank",
    "mutes": "/mutes",
    "lock": "/lock 5",
    "approve": "/approve 1",
    "deny": "/deny 1",
    "ban": "/ban alice",
    "kick": "/kick alice",
    "purge": "/purge alice",
    "clear": "/clear",
    "slow": "/slow 10",
}
HAVE_COMMANDS = [name for name, found in discover([]).items() if hasattr(found.load(), "register_commands")]
PLUGINS = (
    f"plugins = {json.dumps([*HAVE_COMMANDS, 'judge'])}\n"
    '[plugin.tip]\nurl = "https://pay.example.com/orders"\nsecret = "a secret of thirty-two characters"\n'
)
LIFTED = "[limits]\nevent_rate = 100000.0\nevent_burst = 100000\n"
JUDGE = """
from tornado_chat import *
@hookimpl
def register_filters(api):
    async def check(draft):
        return Hold("why") if draft.text.startswith("hold") else Pass()
    return [Filter(check)]
"""


@pytest.fixture
def start(serve: Any, make_config: Any) -> Any:
    """Start a server with every command that there is, in apps 2 and 3."""

    async def start() -> Any:
        directory = make_config(app=PLUGINS, plugins='[plugins]\npath = ["more"]', server=LIFTED).directory
        (directory / "more").mkdir()
        (directory / "more" / "judge.py").write_text(JUDGE)
        return await serve(load_config(directory))

    return start


def staff_commands(server: Any) -> dict[str, str]:
    """A line for each command of staff of an app that is loaded, by all of its names."""
    (chat, *_) = server._registry.chats
    commands = chat.plugins.moderation.commands
    names = [name for name, installed in commands.items() if installed.command.role is not Role.MEMBER]
    return {name: LINES.get(name, f"/{name} alice 1") for name in names}


@pytest.mark.gen_test(timeout=60)
async def test_who_is_no_staff_of_this_app_is_refused_and_nothing_changes(
    start: Any, connect: Any, caplog: Any, api: Any
) -> None:
    api.users["token-anna"] = {"id": 50, "uname": "anna", "role": "owner"}  # of what, the site doesn't say
    api.users["token-root"] = {"id": 51, "uname": "root", "role": "superadmin"}
    server = await start()
    async with beside_a_witness(server, connect, caplog) as alice:
        bob = await connect(server, token="token-bob")
        assert await bob.say("/mute frank 60") is None
        eve = await connect(server, token="token-eve")
        assert await eve.say("hold this") == "MESSAGE_HELD"
        assert await eve.next("system_message") == "Your message waits for a moderator"
        strangers = [
            eve,
            await connect(server, token="token-anna"),
            await connect(server, token="token-root"),
            await connect(server, token="token-carol", app_id=3),  # she owns app 2
        ]
        staff = staff_commands(server)
        assert set(LINES) < set(staff)
        assert len(staff) > 30
        for client in strangers:
            assert client.data["user"]["role"] == "member"
            assert "held" not in client.data
            for name, line in staff.items():
                for typed in (line, line.upper(), f"/{name}", f"{line} \u200b", f"/{name} 1 2 3 4"):
                    assert await client.say(typed) is None
                    assert await client.next("system_message") == NOT_AUTHORIZED
            await client.say("/help")
            listed = await client.next("system_message")
            assert "/help [command] - lists what you can do" in listed
            assert [name for name in staff if f"/{name} " in listed or f"/{name}\n" in listed] == []
            _, usable = await client.emit("commands")
            assert {command["role"] for command in usable} == {"member"}
            assert not {name for command in usable for name in (command["name"], *command["aliases"])} & set(staff)
        guest = await connect(server, token=None)
        for line in staff.values():
            assert await guest.say(line) == "USER_REQUIRED"
        assert await guest.emit("commands") == [None, []]
        newcomer = await connect(server, token="token-bob")
        assert list(newcomer.data["room"]["muteList"]) == ["frank"]
        assert [held["text"] for held in newcomer.data["held"]] == ["hold this"]
        assert {name for name in alice.names() if name not in {"user_joined", "user_muted"}} == {"new_message"}


@pytest.mark.gen_test(timeout=60)
async def test_who_is_demoted_in_mid_session_is_staff_no_more(start: Any, connect: Any, caplog: Any, api: Any) -> None:
    server = await start()
    async with beside_a_witness(server, connect, caplog):
        bob, carol = await connect(server, token="token-bob"), await connect(server, token="token-carol")
        second_tab = await connect(server, token="token-bob")
        eve = await connect(server, token="token-eve")
        assert await bob.say("/mute frank 60") is None
        assert await eve.say("hold this") == "MESSAGE_HELD"
        for tab in (bob, second_tab):
            assert (await tab.next("message_held"))["text"] == "hold this"
        assert await bob.next("system_message") == "frank was muted for 60 min"
        api.users["token-bob"]["role"] = "member"
        assert await carol.say("/reload") is None
        assert (await bob.next("user_updated"))["role"] == "member"
        for tab in (bob, second_tab):
            for line in staff_commands(server).values():
                assert await tab.say(line) is None
                assert await tab.next("system_message") == NOT_AUTHORIZED
        assert await eve.say("hold that") == "MESSAGE_HELD"
        assert (await carol.next("message_held"))["text"] == "hold this"
        assert (await carol.next("message_held"))["text"] == "hold that"
        for tab in (bob, second_tab):
            await tab.settle()
            assert tab.names().count("message_held") == 1
        again = await connect(server, token="token-bob")
        assert "held" not in again.data
        assert await carol.say("/mute bob 5") is None  # he is below her now, as he was before
        assert await second_tab.say("hm") == "USER_MUTED"


@pytest.mark.gen_test
async def test_who_is_demoted_while_a_command_is_on_its_way_has_not_got_it_done(chat: ChatFixture) -> None:
    """The role counts that one has when the command is carried out."""
    await chat.open("mute")
    bob, eve = await chat.join("bob", "mod"), await chat.join("eve")
    occupant = bob._seat.occupant
    assert occupant is not None
    chat.chat._room.update(occupant, User(occupant.user.id, "bob", Role.MEMBER))
    assert (await bob.say("/mute eve 5")).notice == NOT_AUTHORIZED
    assert (await eve.say("hi")).ack is None


ACTS: dict[str, Any] = {
    "mute": lambda api, actor, uname: api.mute(actor, uname, 60),
    "unmute": lambda api, actor, uname: api.unmute(actor, uname),
    "delete": lambda api, actor, uname: api.delete(actor, _message_of(api, uname)),
    "purge": lambda api, actor, uname: api.purge(actor, uname),
    "disconnect": lambda api, actor, uname: api.disconnect(actor, uname, "bye"),
    "ban": lambda api, actor, uname: api.ban(actor, uname, 60),
    "unban": lambda api, actor, uname: api.unban(actor, uname),
    "withdraw": lambda api, actor, uname: api.withdraw(actor, _message_of(api, uname)),
    "require_rank": lambda api, actor, uname: _nothing(api.require_rank(actor, uname)),
    "approve": lambda api, actor, uname: api.approve(actor, _held_of(api, uname)),
    "deny": lambda api, actor, uname: api.deny(actor, _held_of(api, uname)),
}


# Acts on nobody, or on everybody: whoever may do them is the command's business.
UNRANKED = {"public_name", "turn_on", "turn_off", "record", "audit", "clear"}


async def _nothing(_: Any) -> None:
    return None


def _message_of(api: PluginApi, uname: str) -> int:
    return next(message.id for message in api.history if message.user.uname == uname)


def _held_of(api: PluginApi, uname: str) -> int:
    return next(held.id for held in api.held if held.user.uname == uname)


def test_every_act_in_somebodys_name_is_tried_here() -> None:
    acting = [name for name, member in vars(PluginApi).items() if callable(member) and _takes_an_actor(member)]
    assert set(acting) == {*ACTS, *UNRANKED}


def _takes_an_actor(member: Any) -> bool:
    return "actor" in inspect.signature(member).parameters


@pytest.mark.gen_test
@pytest.mark.parametrize("act", ACTS)
@pytest.mark.parametrize(
    ("actor", "target"),
    [
        ("eve", "alice"),
        ("eve", "bob"),
        ("eve", "dave"),
        ("bob", "bill"),
        ("bob", "bob"),
        ("bob", "carol"),
        ("bob", "dave"),
        ("carol", "carla"),
        ("carol", "dave"),
        ("dave", "dora"),
    ],
)
async def test_nobody_acts_on_a_peer_or_a_superior_or_himself(
    chat: ChatFixture, act: str, actor: str, target: str
) -> None:
    roles = {"eve": "member", "alice": "member", "bob": "mod", "bill": "mod", "carol": "owner", "carla": "owner"}
    roles |= {"dave": "admin", "dora": "admin"}
    taken: list[PluginApi] = []

    def take(api: PluginApi) -> list[Any]:
        taken.append(api)
        return []

    async def hold(draft: Any) -> Any:
        return Hold() if draft.text == "hold" else Pass()

    options = {"judge": {"exempt_roles": []}}
    await chat.open(plugin("tool", register_commands=take), filtering(hold), options=options)
    people = {name: await chat.join(name, role) for name, role in roles.items()}
    (api,) = taken
    await people[target].say("hello")
    assert (await people[target].say("hold")).ack == "MESSAGE_HELD"
    for victim in (target, actor):
        if roles[victim] != "admin":  # above whom nobody stands
            await chat.chat._sanctions.mute(User(99, "dean", Role.ADMIN), victim, 60, "")
    if act == "unban" and roles[target] != "admin":
        await chat.chat._bans.ban(User(99, "dean", Role.ADMIN), "somebody else", 60, "")
        target = "somebody else"
    seen = [len(people[name].events) for name in roles]
    user = people[actor].user
    if (act, actor) == ("delete", target):
        assert (await api.delete(user, _message_of(api, target))).user == user  # one's own may be
        return
    if (act, actor) == ("withdraw", target):
        assert (await api.withdraw(user, _message_of(api, target))).user == user
        return
    if act == "approve" and actor != target and user.role is not Role.MEMBER:
        assert (await api.approve(user, _held_of(api, target))).text == "hold"  # to the sender's good
        return
    if act == "deny" and actor != target and roles[actor] == roles[target] != "member":
        assert (await api.deny(user, _held_of(api, target))).text == "hold"  # whom else should a lone admin's wait for
        return
    if act in {"approve", "deny"} and user.role is Role.MEMBER:
        return  # whoever may review is the command's business: /approve and /deny are for staff
    with pytest.raises(CommandRefused):
        await ACTS[act](api, user, target)
    await chat.settle()
    assert [len(people[name].events) for name in roles] == seen
    assert len(chat.people) == len(roles)
    assert [message.text for message in api.history] == ["hello"]
    assert [held.text for held in api.held] == ["hold"]


@pytest.mark.gen_test
async def test_the_acts_that_are_refused_are_done_for_who_stands_above(chat: ChatFixture) -> None:
    """Else the test above would pass where nothing works at all."""
    taken: list[PluginApi] = []

    def take(api: PluginApi) -> list[Any]:
        taken.append(api)
        return []

    async def hold(draft: Any) -> Any:
        return Hold() if draft.text == "hold" else Pass()

    await chat.open(plugin("tool", register_commands=take), filtering(hold))
    bob, eve = await chat.join("bob", "mod"), await chat.join("eve")
    (api,) = taken
    for act in ("delete", "purge", "approve", "deny", "mute", "unmute", "disconnect"):
        if act != "unmute":
            await eve.say("hello")
            await eve.say("hold")
        await asyncio.wait_for(ACTS[act](api, bob.user, "eve"), 10)
    assert [name for name, _ in bob.events if name in {"user_muted", "user_unmuted"}] == ["user_muted", "user_unmuted"]
    assert [name for name, _ in bob.events].count("message_reviewed") == 2
