"""Plugins of a folder, in a running server: what they may touch, and what becomes of one that fails."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

PLUGIN = """
from tornado_chat import Call, Command, PluginApi, PluginOptions, RestParam, UserParam, hookimpl


class Options(PluginOptions):
    minutes: int = 1


@hookimpl
def register_commands(api: PluginApi) -> list[Command]:
    async def who(call: Call) -> str:
        api.log.warning("asked by %s", call.user.uname)
        return f"app {api.app_id}: " + ", ".join(f"{user.uname} {user.role}" for user in api.users)

    async def hush(call: Call) -> str:
        mute = await api.mute(call.user, call.args["user"], api.options.minutes * 60, call.args.get("why", ""))
        return f"{mute.uname} {mute.mins} {mute.reason}"

    async def speak(call: Call) -> str:
        return (await api.unmute(call.user, call.args["user"])).uname

    return [
        Command(name="who", run=who),
        Command(name="hush", run=hush, params=[UserParam("user"), RestParam("why", required=False)]),
        Command(name="speak", run=speak, params=[UserParam("user")]),
    ]
"""


@pytest.mark.gen_test
async def test_a_plugin_of_a_folder_uses_every_member_of_its_api(
    serve: Any, connect: Any, make_config: Any, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "conf" / "more").mkdir(parents=True)
    (tmp_path / "conf" / "more" / "hush.py").write_text(PLUGIN)
    config = make_config(app='plugins = ["hush"]\n[plugin.hush]\nminutes = 2', plugins='[plugins]\npath = ["more"]')
    server = await serve(config)
    bob = await connect(server, token="token-bob")
    eve = await connect(server, token="token-eve", app_id=3)
    for line, answer in (
        ("/who", "app 2: bob mod"),
        ("/hush eve too loud", "eve 2 too loud"),
        ("/speak EVE", "eve"),
        ("/speak eve", "User not in mutelist"),
        ("/hush carol", "You are not authorized to do that: carol is an owner"),
    ):
        assert await bob.say(line) is None
        assert await bob.next("system_message") == answer
    assert bob.names().count("user_muted") == bob.names().count("user_unmuted") == 1
    assert await eve.say("/who") is None
    assert await eve.next("system_message") == "app 3: eve member"
    records = [record for record in caplog.records if record.name == "tornado_chat.plugin.hush"]
    assert [record.getMessage() for record in records] == ["asked by bob", "asked by eve"]


@pytest.mark.gen_test
async def test_a_filter_that_fails_is_named_counted_and_survived(
    serve: Any, connect: Any, make_config: Any, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "conf" / "more").mkdir(parents=True)
    (tmp_path / "conf" / "more" / "grumpy.py").write_text(
        "from tornado_chat import Filter, Pass, hookimpl\n"
        "@hookimpl\n"
        "def register_filters(api):\n"
        "    async def check(draft):\n"
        "        if 'boom' in draft.text: raise RuntimeError('boom')\n"
        "        return Pass() if 'junk' not in draft.text else True\n"
        "    return [Filter(check)]\n"
    )
    config = make_config(app='plugins = ["grumpy"]', plugins='[plugins]\npath = ["more"]')
    server = await serve(config)
    alice = await connect(server, token="token-alice")
    for text in ("boom", "junk"):
        assert await alice.say(text) == "MESSAGE_REJECTED"
        assert "could not be checked" in await alice.next("system_message")
    assert await alice.say("hello") is None
    assert (await server.health()).plugin_failures == {"grumpy": 2}
    assert "filter of plugin grumpy raised RuntimeError" in caplog.text


@pytest.mark.gen_test
async def test_it_disconnects(serve: Any, connect: Any, make_config: Any, tmp_path: Path) -> None:
    (tmp_path / "conf" / "more").mkdir(parents=True)
    (tmp_path / "conf" / "more" / "oust.py").write_text(
        "from tornado_chat import Command, Role, UserParam, hookimpl\n"
        "@hookimpl\n"
        "def register_commands(api):\n"
        "    async def oust(call):\n"
        "        return str(await api.disconnect(call.user, call.args['user'], 'Out!'))\n"
        "    return [Command('oust', oust, [UserParam('user')], Role.MOD)]\n"
    )
    server = await serve(make_config(app='plugins = ["oust"]', plugins='[plugins]\npath = ["more"]'))
    bob = await connect(server, token="token-bob")
    tabs = [await connect(server, token="token-eve") for _ in range(2)]
    elsewhere = await connect(server, token="token-eve", app_id=3)
    for line, answer in (
        ("/oust carol", "You are not authorized to do that: carol is an owner"),
        ("/oust nobody", "0"),
        ("/oust EVE", "1"),
    ):
        await bob.say(line)
        assert await bob.next("system_message") == answer
    for tab in tabs:
        assert await tab.next("system_message") == "Out!"
        await tab.gone.wait()
    assert (await bob.next("user_left"))["uname"] == "eve"
    assert bob.names().count("user_left") == 1
    assert await elsewhere.say("still here") is None
    again = await connect(server, token="token-eve")
    assert again.data["user"]["uname"] == "eve"
