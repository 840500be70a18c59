"""Every command of every bundled plugin, typed by one who may not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.chats import documented_options
from tornado_chat import Role
from tornado_chat.errors import NOT_AUTHORIZED
from tornado_chat.testing import ChatFixture

FILES = (Path(__file__).parent.parent / "plugins").glob("[!_]*.py")
WITH_COMMANDS = sorted(path.stem for path in FILES if "def register_commands(" in path.read_text("utf-8"))
FOR_MEMBERS = {"delete", "help", "ignore", "ignores", "me", "mods", "rain", "report", "rules", "tip", "unignore"}
REQUIRED = {"tip": documented_options("tip") | {"secret": "s" * 16}}


@pytest.mark.gen_test
@pytest.mark.parametrize("plugin", WITH_COMMANDS)
async def test_a_member_is_refused_every_command_of_staff_by_any_of_its_names_whatever_follows(
    chat: ChatFixture, plugin: str
) -> None:
    options: dict[str, Any] = {plugin: REQUIRED[plugin]} if plugin in REQUIRED else {}
    await chat.open(plugin, options=options)
    alice, eve = await chat.join("alice"), await chat.join("eve")
    commands = {each.command.name: each.command for each in chat.chat.plugins.moderation.commands.values()}
    for command in commands.values():
        assert (command.role is Role.MEMBER) == (command.name in FOR_MEMBERS), command.name
        if command.role is Role.MEMBER:
            continue
        for name in command.names:
            for typed in ("", "eve", "1", "off", "alice 1 why", "@eve \u202e"):
                eve.events.clear()
                answer = await alice.say(f"/{name} {typed}".strip())
                assert answer.notice == NOT_AUTHORIZED, name
                assert eve.events == [], name
    assert await chat.api(plugin).audit() == []
