"""Plugins are exchanged while the chat runs: what is under way ends with what it met; nothing of the old goes on."""

from __future__ import annotations

import asyncio
import os
from typing import Any

import pytest

from tests.inline import plugin
from tornado_chat import Command, Draft, Filter, HttpError, Pass, PluginApi, Replace, Verdict
from tornado_chat.config import load_config
from tornado_chat.errors import ConfigError
from tornado_chat.http_client import RequestsHttpClient
from tornado_chat.testing import ChatFixture


@pytest.mark.gen_test
async def test_a_message_under_way_keeps_what_it_met(chat: ChatFixture) -> None:
    begun, released = asyncio.Event(), asyncio.Event()
    apis: list[PluginApi] = []

    def register_filters(api: PluginApi) -> list[Filter]:
        apis.append(api)

        async def check(draft: Draft) -> Verdict:
            if draft.text == "slow":
                begun.set()
                await released.wait()
                try:
                    await api.http.get("http://127.0.0.1:9/", timeout=1)
                except HttpError as error:
                    return Replace(str(error).rpartition(": ")[2])
            return Replace(f"{draft.text} {len(apis)}")

        return [Filter(check)]

    slow = plugin("slow", register_filters=register_filters)
    chat.http = RequestsHttpClient()  # type: ignore[assignment]
    await chat.open(slow, options={"slow": {"timeout_ms": 10_000}})
    alice = await chat.join("alice")
    under_way = asyncio.ensure_future(alice.say("slow"))
    await begun.wait()
    reloading = asyncio.ensure_future(chat.open(slow))
    assert (await (await chat.join("bob")).say("fast")).ack is None
    assert not reloading.done()
    released.set()
    await reloading
    assert (await under_way).ack is None
    assert sorted(alice.messages) == ["alice: ConnectionError", "bob: fast 2"]  # not: the client is closed


@pytest.mark.gen_test
async def test_what_never_comes_to_an_end_is_not_waited_for(chat: ChatFixture, monkeypatch: Any) -> None:
    monkeypatch.setattr("tornado_chat.plugin_set.PATIENCE", 0.01)
    begun = asyncio.Event()

    async def check(draft: Draft) -> Verdict:
        begun.set()
        await asyncio.Event().wait()
        return Pass()

    def register_filters(api: PluginApi) -> list[Filter]:
        return [Filter(check)]

    hanging = plugin("hanging", register_filters=register_filters)
    await chat.open(hanging, options={"hanging": {"timeout_ms": 10_000}})
    alice = await chat.join("alice")
    under_way = asyncio.ensure_future(alice.say("hello"))
    await begun.wait()
    await asyncio.wait_for(chat.open(), 5)
    assert (await alice.say("again")).ack is None
    under_way.cancel()


@pytest.mark.gen_test
async def test_a_set_that_cannot_be_built_leaves_the_old_one_at_work(chat: ChatFixture) -> None:
    runs: list[int] = []

    def register_commands(api: PluginApi) -> list[Command]:
        async def run() -> None:
            runs.append(1)

        api.every(10, run)
        return []

    await chat.open(plugin("clockwork", register_commands=register_commands))

    def failing(api: PluginApi) -> list[Command]:
        raise KeyError("x")

    with pytest.raises(ConfigError):
        await chat.open(
            plugin("clockwork", register_commands=register_commands), plugin("bad", register_commands=failing)
        )
    await chat.advance(10)
    assert runs == [1]


@pytest.mark.gen_test
async def test_new_secrets_are_known_before_the_new_configuration_is_used(
    serve: Any, make_config: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    directory = make_config().directory
    read: list[Any] = []
    server = await serve(load_config(directory, os.environ), reading=read.append)
    monkeypatch.setenv("FEED_TOKEN", "a long secret")
    (directory / "apps" / "2.toml").write_text(
        'id = 2\nplugins = ["feed"]\n[plugin.feed]\ntoken = {env = "FEED_TOKEN"}\n'
    )
    assert await server.reload()
    (directory / "apps" / "2.toml").write_text("id = 2\nplugins = ['nowhere']\n")
    assert not await server.reload()
    assert ["a long secret" in config.secrets for config in read] == [True, False]


@pytest.mark.gen_test
async def test_reloads_at_the_same_time_are_done_one_after_another(serve: Any, connect: Any, make_config: Any) -> None:
    server = await serve(make_config())
    alice = await connect(server, token="token-alice")
    assert await asyncio.gather(*(server.reload() for _ in range(5))) == [True] * 5
    assert await alice.say("hello") is None
    assert (await alice.next("new_message"))["text"] == "hello"


@pytest.mark.gen_test
async def test_origins_and_identity_are_taken_over(serve: Any, connect: Any, make_config: Any) -> None:
    config = make_config(identity="[identity.demo]", app='identity = "demo"')
    server = await serve(config)
    page = {"Origin": "https://site.example"}
    for allowed in (False, True):
        if allowed:
            (config.directory / "apps" / "2.toml").write_text(
                'id = 2\nidentity = "demo"\norigins = ["https://site.example"]\n'
            )
            assert await server.reload()
            client = await connect(server, token="alice", headers=page)
            assert client.data["user"]["uname"] == "alice"
        else:
            with pytest.raises(Exception, match="403"):
                await connect(server, headers=page)


@pytest.mark.gen_test
async def test_the_default_files_apps_are_exchanged_too(serve: Any, connect: Any, make_config: Any) -> None:
    config = make_config(identity="[identity.demo]", app='identity = "demo"')
    default = config.directory / "apps" / "default.toml"
    default.write_text('identity = "demo"\nplugins = ["help"]\n')
    server = await serve(load_config(config.directory, os.environ))
    alice = await connect(server, token="alice", app_id=7)
    default.write_text('identity = "demo"\nplugins = ["mute"]\n')
    assert await server.reload()
    await alice.say("/help")
    assert await alice.next("system_message") == "Unknown command: /help"
    (config.directory / "apps" / "7.toml").write_text('id = 7\nidentity = "demo"\nplugins = ["help"]\n')
    assert await server.reload()
    await alice.say("/help")
    assert (await alice.next("system_message")).startswith("/help [command]")


@pytest.mark.gen_test
async def test_a_module_that_is_imported_for_ever_holds_nobody_up(
    serve: Any, connect: Any, make_config: Any, tmp_path: Any, monkeypatch: pytest.MonkeyPatch, caplog: Any
) -> None:
    monkeypatch.setattr("tornado_chat.reloader.IMPORT_SECONDS", 0.2)
    (tmp_path / "conf" / "more").mkdir(parents=True)
    slow = tmp_path / "conf" / "more" / "idle.py"
    slow.write_text("")
    config = make_config(app='plugins = ["idle"]', plugins='[plugins]\npath = ["more"]')
    server = await serve(config)
    alice = await connect(server, token="token-alice")
    slow.write_text("import threading\nthreading.Event().wait()\n")
    reloading = asyncio.ensure_future(server.reload())
    assert await alice.say("meanwhile") is None
    assert not await reloading
    assert "importing a plugin, takes more than 0.2 s" in caplog.text
    slow.write_text("")
    monkeypatch.setattr("tornado_chat.reloader.IMPORT_SECONDS", 10.0)
    assert await server.reload()
