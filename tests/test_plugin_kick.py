"""/kick: out of every tab, and not back at once, whatever happens to the server meanwhile."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.chats import load_plugin
from tornado_chat.errors import ConfigError
from tornado_chat.testing import ChatFixture, JoinRefused

NOT_AUTHORIZED = "You are not authorized to do that"


@pytest.mark.gen_test
async def test_who_is_kicked_leaves_in_every_tab_and_comes_back_later(chat: ChatFixture) -> None:
    await chat.open("kick")
    alice, bob = await chat.join("alice"), await chat.join("bob", role="mod")
    tabs = [await chat.join("Eve"), await chat.join("Eve"), await chat.join("eve")]
    assert (await bob.say('/kick "eve" go  and calm down')).notice == "Eve was kicked"
    for tab in tabs:
        assert tab.notices == ["You were kicked: go and calm down"]
    assert alice.notices == ["bob kicked Eve: go and calm down"]
    assert chat.people == [alice, bob]
    with pytest.raises(JoinRefused) as caught:
        await chat.join("EVE")
    assert caught.value.code == "KICKED"
    assert caught.value.notice == "You were kicked: go and calm down. You can come back in 30 s."
    await chat.join("frank")
    await chat.join(None)
    await chat.advance(29)
    with pytest.raises(JoinRefused, match="You can come back in 1 s"):
        await chat.join("eve")
    await chat.advance(1)
    eve = await chat.join("eve")
    assert (await eve.say("sorry")).ack is None
    (entry,) = await chat.api("kick").audit(action="kick")
    assert (entry.actor, entry.target, entry.reason) == ("bob", "Eve", "go and calm down")


@pytest.mark.gen_test
async def test_how_long_one_stays_away_is_an_option_and_outlives_a_reload_and_a_restart(chat: ChatFixture) -> None:
    options = {"kick": {"away_secs": 600}}
    await chat.open("kick", options=options)
    bob = await chat.join("bob", role="mod")
    long_name = "\N{ARABIC LIGATURE SALLALLAHOU ALAYHE WASALLAM}" * 60  # folded, it has 1,080 characters
    for name in ("eve", long_name):
        await chat.join(name)
        await bob.say(f"/kick {name}")
    await chat.open("kick", options=options)
    for _ in range(2):
        for name in ("eve", long_name):
            with pytest.raises(JoinRefused, match="KICKED"):
                await chat.join(name)
        await chat.restart()
        await chat.open("kick", options=options)
    await chat.advance(600)
    await chat.join("eve")


@pytest.mark.gen_test
async def test_without_a_time_away_who_is_kicked_may_come_back_at_once(chat: ChatFixture) -> None:
    await chat.open("kick", options={"kick": {"away_secs": 0}})
    bob = await chat.join("bob", role="mod")
    await chat.join("eve")
    await bob.say("/kick eve")
    assert await chat.join("eve") in chat.people


@pytest.mark.gen_test
async def test_the_room_is_told_no_name_where_actors_are_hidden_and_nothing_where_it_is_not_to_know(
    chat: ChatFixture,
) -> None:
    chat.hide_actor = True
    await chat.open("kick")
    alice, bob = await chat.join("alice"), await chat.join("bob", role="mod")
    eve = await chat.join("eve")
    await bob.say("/kick eve")
    assert alice.notices == ["A moderator kicked eve"]
    assert eve.notices == ["You were kicked"]
    await chat.open("kick", options={"kick": {"public": False}})
    await chat.join("frank")
    assert (await bob.say("/kick frank")).notice == "frank was kicked"
    assert len(alice.notices) == 1


@pytest.mark.gen_test
async def test_a_member_may_not(chat: ChatFixture) -> None:
    await chat.open("kick")
    mallory, _ = await chat.join("mallory"), await chat.join("eve")
    assert (await mallory.say("/kick eve")).notice == NOT_AUTHORIZED
    assert len(chat.people) == 2


@pytest.mark.gen_test
@pytest.mark.parametrize("name", ["bob", "kate", "CAROL", "dave"])
async def test_nobody_kicks_a_peer_a_superior_or_himself(chat: ChatFixture, name: str) -> None:
    await chat.open("kick")
    bob = await chat.join("bob", role="mod")
    for uname, role in (("kate", "mod"), ("carol", "owner"), ("dave", "admin")):
        await chat.join(uname, role=role)
    notice = (await bob.say(f"/kick {name} bye")).notice
    assert notice is not None
    assert notice.startswith(f"{NOT_AUTHORIZED}: ")
    assert len(chat.people) == 4
    await chat.join(name.lower(), role="admin")  # and nothing keeps them out


@pytest.mark.gen_test
async def test_one_who_is_a_superior_when_they_come_back_is_let_in(chat: ChatFixture) -> None:
    await chat.open("kick")
    bob = await chat.join("bob", role="mod")
    await chat.join("eve")
    await bob.say("/kick eve")
    assert await chat.join("eve", role="mod") in chat.people


@pytest.mark.gen_test
@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("/kick", "Usage: /kick <user> [reason]"),
        ("/kick eve", "eve is not here"),
        ("/kick " + "x" * 340, "x" * 340 + " is not here"),
        ("/kick \u202e", "\\u202e is not here"),
    ],
)
async def test_who_is_not_here_is_told(chat: ChatFixture, line: str, told: str) -> None:
    await chat.open("kick")
    bob = await chat.join("bob", role="mod")
    assert (await bob.say(line)).notice == told
    assert bob.notices == [told]


@pytest.mark.gen_test
async def test_it_works_while_the_database_is_away_and_nobody_else_is_kept_out(chat: ChatFixture) -> None:
    await chat.open("kick")
    bob = await chat.join("bob", role="mod")
    await chat.join("eve")
    chat.store.away = True
    kicking = asyncio.ensure_future(bob.say("/kick eve"))
    while not kicking.done():
        await chat.advance(1)
    assert kicking.result().notice == "eve was kicked"
    with pytest.raises(JoinRefused, match="KICKED"):
        await chat.join("eve")
    await chat.open("kick")
    await chat.join("frank")
    chat.store.away = False


@pytest.mark.gen_test
async def test_nobody_waits_for_a_slow_database(chat: ChatFixture, monkeypatch: pytest.MonkeyPatch) -> None:
    await chat.open("kick")
    answer: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    items = chat.store.plugin_items

    async def slow(*args: Any) -> Any:
        await answer
        return await items(*args)

    monkeypatch.setattr(chat.store, "plugin_items", slow)
    monkeypatch.setattr("tornado_chat_plugins.kick.PATIENCE", 0.01)
    bob = await chat.join("bob", role="mod")
    await chat.join("eve")
    answer.set_result(None)
    await bob.say("/kick eve")
    with pytest.raises(JoinRefused):
        await chat.join("eve")


@pytest.mark.gen_test
async def test_what_is_kept_has_an_end(chat: ChatFixture, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tornado_chat_plugins.kick.MOST", 3)
    await chat.open("kick")
    bob = await chat.join("bob", role="mod")
    for number in range(6):
        await chat.join(f"user{number}")
        await bob.say(f"/kick user{number}")
    await chat.join("user0")
    for number in (3, 4, 5):
        with pytest.raises(JoinRefused):
            await chat.join(f"user{number}")


@pytest.mark.parametrize(
    ("options", "key"),
    [({"away_secs": -1}, "away_secs"), ({"away_secs": 90_000}, "away_secs"), ({"public": 1}, "public")],
)
def test_options_that_make_no_sense_stop_the_start(options: dict[str, Any], key: str) -> None:
    with pytest.raises(ConfigError, match=rf"apps/2\.toml: plugin\.kick\.{key}"):
        load_plugin("kick", **options)


@pytest.mark.gen_test
async def test_real_sockets_are_closed_and_kept_out(serve: Any, connect: Any, make_config: Any) -> None:
    server = await serve(make_config(app='plugins = ["kick"]'))
    bob = await connect(server, token="token-bob")
    tabs = [await connect(server, token="token-eve") for _ in range(2)]
    await bob.say("/kick EVE spam")
    for tab in tabs:
        assert await tab.next("system_message") == "You were kicked: spam"
        await asyncio.wait_for(tab.gone.wait(), 10)
    await bob.next("user_left")
    again = await connect(server)
    assert await again.auth(2, "token-eve") == ["KICKED"]
