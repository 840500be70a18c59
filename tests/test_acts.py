"""Every command that acts on users and messages, with whatever is typed after it, on a real database."""

from __future__ import annotations

from typing import Any

import pytest

from tests.hostile import beside_a_witness
from tornado_chat import Role

MEMBERS = {"delete", "me", "mods", "rules"}
COMMANDS = {
    "announce": ["announce"],
    "audit": ["log"],
    "ban": ["ban", "banip", "bans", "unban"],
    "kick": ["kick"],
    "me": ["me"],
    "mods": ["mods"],
    "mute": ["mute", "mutes", "unmute"],
    "notes": ["note", "notes", "unnote"],
    "pin": ["pin", "unpin"],
    "purge": ["clear", "delete", "purge"],
    "rules": ["rules"],
    "shadow": ["shadow", "shadowed", "shadows", "unshadow"],
    "whois": ["whois"],
}
TYPED = [
    "",
    "nobody",
    '"no body" 10m \'why\' "',
    "'nobody'",
    '"',
    "@",
    "@@nobody x",
    "\ufeff\x85",
    "\u202e\u200b reason \u202e",
    "аdmin 5 kyrillic",
    "\N{ROCKET}" * 150,
    "x" * 330,
    '$where 1 {"$gt": ""}',
    "__proto__ 1 constructor",
    "a.b\\c/d 1",
    "no\x00body 1 \x00",
    "%s {0} {uname} 1",
    "\N{ARABIC LIGATURE SALLALLAHOU ALAYHE WASALLAM}" * 60,
    "0",
    "1 1 1 1",
    "-1",
    "#99999999999999999999",
    "9007199254740993",
    "nobody 999999999999d x",
    "nobody 9999999999999999999 x",
    "203.0.113.7/33",
    "203.0.113.7%eth0",
    "::/0",
    "more",
    "*",
]


@pytest.mark.gen_test(timeout=120)
@pytest.mark.parametrize("plugin", COMMANDS)
async def test_whatever_is_typed_is_answered_and_no_plugin_fails(
    serve: Any, connect: Any, make_config: Any, caplog: Any, plugin: str
) -> None:
    limits = "[limits]\nevent_rate = 10000.0\nevent_burst = 10000\n"
    server = await serve(make_config(server=limits, app=f'plugins = ["{plugin}"]'))
    async with beside_a_witness(server, connect, caplog):
        (chat,) = [chat for chat in server._registry.chats if chat.app_id == 2]
        commands = {each.command.name: each.command.role for each in chat.plugins.moderation.commands.values()}
        assert {name: role is Role.MEMBER for name, role in commands.items()} == {
            name: name in MEMBERS for name in COMMANDS[plugin]
        }
        bob, eve = await connect(server, token="token-bob"), await connect(server, token="token-eve")
        for line in [f"/{name} {typed}".strip() for name in commands for typed in TYPED]:
            assert await bob.say(line) is None, line
            eve.heard.clear()
            assert await eve.say(line) is None, line
            if line.split()[0].removeprefix("/") not in MEMBERS:
                assert ("system_message", "You are not authorized to do that") in eve.heard, line
        assert chat.plugins.supervisor.failures == {}
