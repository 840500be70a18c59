"""/rules, and the greeting: for who comes for the first time, once."""

from __future__ import annotations

import tomllib
from typing import Any

import pytest

from tests.chats import load_plugin
from tests.test_docs import PLUGINS, snippets
from tornado_chat.errors import ConfigError
from tornado_chat.testing import ChatFixture

GREETING = {"rules": {"greet": "Welcome, {uname}!\nType /rules."}}


@pytest.mark.gen_test
async def test_everybody_may_read_the_rules(chat: ChatFixture) -> None:
    await chat.open("rules", options={"rules": {"text": "1. Be kind.\n2. No <b>spam</b>."}})
    alice = await chat.join("alice")
    assert alice.notices == []
    assert (await alice.say("/rules")).notice == "1. Be kind.\n2. No <b>spam</b>."
    assert (await alice.say("/rules 1")).notice == '"1" is too much. Usage: /rules'
    await chat.open("rules")
    assert (await alice.say("/rules")).notice == "Be kind. No spam, no scams, and no secrets of others."


@pytest.mark.gen_test
async def test_who_comes_for_the_first_time_is_greeted_once(chat: ChatFixture) -> None:
    await chat.open("rules", options=GREETING)
    alice, bob, guest = await chat.join("{uname} Ä"), await chat.join("bob", role="mod"), await chat.join(None)
    assert alice.notices == ["Welcome, {uname} Ä!\nType /rules."]
    assert bob.notices == guest.notices == []
    tab = await chat.join("{uname} Ä")
    assert tab.notices == []
    await tab.leave()
    await alice.leave()
    await chat.advance(3600)
    assert (await chat.join("{UNAME} ä")).notices == []
    await chat.restart()
    await chat.open("rules", options=GREETING)
    assert (await chat.join("{uname} Ä")).notices == []


@pytest.mark.gen_test
async def test_who_has_been_here_before_the_greeting_was_is_not_greeted(chat: ChatFixture) -> None:
    await chat.open("rules")
    eve = await chat.join("eve")
    await eve.say("hello")
    await chat.open("rules", options=GREETING)
    assert (await chat.join("eve")).notices == []


@pytest.mark.gen_test
async def test_a_raid_and_a_database_that_is_away_do_no_harm(
    chat: ChatFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tornado_chat_plugins.rules.MOST", 10)
    await chat.open("rules", options=GREETING)
    people = [await chat.join(f"user{number}") for number in range(150)]
    assert sum(len(person.notices) for person in people) == 100
    chat.store.away = True
    assert (await chat.join("late")).notices == []
    assert chat.chat.plugins.supervisor.failures == {}


@pytest.mark.parametrize(
    ("options", "key"), [({"text": ""}, "text"), ({"text": "x" * 4001}, "text"), ({"greet": "x" * 2001}, "greet")]
)
def test_options_that_make_no_sense_stop_the_start(options: dict[str, Any], key: str) -> None:
    with pytest.raises(ConfigError, match=rf"apps/2\.toml: plugin\.rules\.{key}"):
        load_plugin("rules", **options)


def test_the_plugin_pages_example_is_one() -> None:
    (example,) = snippets(PLUGINS, "toml rules")
    assert load_plugin("rules", **tomllib.loads(example)["plugin"]["rules"])


@pytest.mark.gen_test
async def test_the_greeting_comes_after_the_answer_to_auth(serve: Any, connect: Any, make_config: Any) -> None:
    app = 'plugins = ["rules"]\n[plugin.rules]\ngreet = "Hi, {uname}"'
    server = await serve(make_config(app=app))
    alice = await connect(server, token="token-alice")
    assert alice.data["user"]["uname"] == "alice"
    assert await alice.next("system_message") == "Hi, alice"
