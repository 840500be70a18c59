"""Bans, by name and by address: who is kept out, who may do it, and that it holds over restarts and faults."""

from __future__ import annotations

from ipaddress import ip_network
from typing import Any

import pytest

from tests.inline import plugin
from tests.manual_clock import ManualClock
from tornado_chat import Call, Command, CommandRefused, PluginApi, RestParam, Role, StoreUnavailable, User, UserParam
from tornado_chat.server import Server
from tornado_chat.testing import ChatFixture, JoinRefused

CAROL = User(9, "carol", Role.OWNER)
BOB = User(8, "bob", Role.MOD)


def register_commands(api: PluginApi) -> list[Command]:
    async def out(call: Call) -> str:
        ban = await api.ban(call.user, call.args["user"], None, call.args.get("reason", ""))
        return f"{ban.target} is out"

    return [Command("out", out, (UserParam("user"), RestParam("reason", required=False)), Role.MOD)]


TOOL = plugin("tool", register_commands=register_commands)


@pytest.mark.gen_test
async def test_a_ban_closes_what_is_there_and_keeps_out_what_comes(chat: ChatFixture) -> None:
    await chat.open(TOOL)
    eve, bob = await chat.join("Eve"), await chat.join("bob", role="mod")
    second = await chat.join("Eve")
    await bob.say("/out EVE spam")
    assert eve.notices == second.notices == ["You are banned: spam"]
    assert chat.api("tool").find("eve") is None
    for spelling in ("Eve", "eve", "ＥＶＥ"):
        with pytest.raises(JoinRefused, match="BANNED: You are banned: spam"):
            await chat.join(spelling)
    await chat.join("eva")


@pytest.mark.gen_test
async def test_a_ban_ends_by_itself_and_can_be_lifted(chat: ChatFixture) -> None:
    await chat.open(TOOL)
    api = chat.api("tool")
    await api.ban(BOB, "eve", 600, "spam")
    assert [(ban.target, ban.by) for ban in api.bans] == [("eve", "bob")]
    with pytest.raises(JoinRefused, match="You are banned for another 10 min: spam"):
        await chat.join("eve")
    await chat.advance(600)
    await chat.join("eve")
    assert api.bans == []
    await api.ban(BOB, "mallory", None)
    assert (await api.unban(BOB, "MALLORY")).target == "mallory"
    await chat.join("mallory")
    with pytest.raises(CommandRefused, match="User not in banlist"):
        await api.unban(BOB, "mallory")


@pytest.mark.gen_test
async def test_bans_survive_a_restart(chat: ChatFixture) -> None:
    await chat.open(TOOL)
    await chat.api("tool").ban(BOB, "eve", None, "spam")
    await chat.api("tool").ban(BOB, "203.0.113.0/24", 60)
    await chat.restart()
    await chat.open(TOOL)
    with pytest.raises(JoinRefused, match="BANNED"):
        await chat.join("eve")
    with pytest.raises(JoinRefused, match="BANNED"):
        await chat.join(None, address="203.0.113.9")
    await chat.advance(60)
    await chat.join(None, address="203.0.113.9")


@pytest.mark.gen_test
async def test_an_address_is_banned_for_guests_and_users_and_not_for_superiors(chat: ChatFixture) -> None:
    await chat.open(TOOL)
    api = chat.api("tool")
    guest = await chat.join(None, address="203.0.113.7")
    eve = await chat.join("eve", address="203.0.113.7")
    other = await chat.join("frank", address="203.0.114.7")
    dave = await chat.join("dave", role="admin", address="203.0.113.7")
    assert api.addresses("EVE") == ["203.0.113.7"]
    assert (await api.ban(BOB, "203.0.113.7", None, "bots")).target == "203.0.113.7/32"
    assert guest.notices == eve.notices == ["You are banned: bots"]
    assert chat.people == [other, dave]
    await chat.join("carol", role="owner", address="203.0.113.7")
    for uname in (None, "grace"):
        with pytest.raises(JoinRefused, match="BANNED"):
            await chat.join(uname, address="203.0.113.7")
    assert api.addresses("eve") == []


@pytest.mark.gen_test
async def test_an_ipv6_address_stands_for_its_64(chat: ChatFixture) -> None:
    await chat.open(TOOL)
    await chat.api("tool").ban(BOB, "2001:db8:1:2:3::4", None)
    with pytest.raises(JoinRefused):
        await chat.join(None, address="2001:db8:1:2:ffff::1")
    await chat.join(None, address="2001:db8:1:3::1")
    assert (await chat.api("tool").unban(BOB, "2001:db8:1:2::77")).network


@pytest.mark.gen_test
@pytest.mark.parametrize("target", ["127.0.0.1", "127.5.0.0/16", "::1", "0.0.0.0", "0.0.0.0/0", "10.0.0.0/7", "::/8"])
async def test_loopback_and_half_the_internet_cannot_be_banned(chat: ChatFixture, target: str) -> None:
    await chat.open(TOOL)
    with pytest.raises(CommandRefused, match=r"can't be banned|too much to ban"):
        await chat.api("tool").ban(CAROL, target, None)
    assert chat.api("tool").bans == []


def test_a_trusted_proxy_cannot_be_banned(make_config: Any) -> None:
    server = Server(make_config(server='trusted_proxies = ["203.0.113.0/28"]'))
    chat = server._assembly.chats[0]
    assert chat._bans._protected(ip_network("203.0.113.7/32"))
    assert chat._bans._protected(ip_network("203.0.0.0/16"))
    assert not chat._bans._protected(ip_network("203.0.114.0/24"))


@pytest.mark.gen_test
async def test_who_may_ban_whom(chat: ChatFixture) -> None:
    await chat.open(TOOL)
    api = chat.api("tool")
    eve, bob, kate = await chat.join("eve"), await chat.join("bob", role="mod"), await chat.join("kate", role="mod")
    carol = await chat.join("carol", role="owner")
    assert (await eve.say("/out bob")).notice == "You are not authorized to do that"
    for target, told in (
        ("kate", "You are not authorized to do that: kate is a mod"),
        ("CAROL", "You are not authorized to do that: carol is an owner"),
        ("bob", "You are not authorized to do that: bob is a mod"),
    ):
        assert (await bob.say(f"/out {target}")).notice == told
    await carol.say("/out kate")
    assert kate not in chat.people
    with pytest.raises(CommandRefused, match="an owner banned kate"):
        await api.unban(bob.user, "kate")  # type: ignore[arg-type]
    with pytest.raises(CommandRefused, match="an owner banned kate"):
        await api.ban(bob.user, "kate", 60)  # type: ignore[arg-type]
    refused = await api.audit(action="refused /out")
    assert [(entry.actor, entry.text) for entry in refused] == [
        ("bob", "/out bob"),
        ("bob", "/out CAROL"),
        ("bob", "/out kate"),
    ]


@pytest.mark.gen_test
async def test_a_ban_of_an_absent_name_does_not_bind_a_superior(chat: ChatFixture) -> None:
    await chat.open(TOOL)
    await chat.api("tool").ban(BOB, "dave", None)
    with pytest.raises(JoinRefused):
        await chat.join("dave")
    await chat.join("dave", role="admin")


@pytest.mark.gen_test
async def test_a_ban_is_not_turned_into_a_mute(chat: ChatFixture) -> None:
    await chat.open(TOOL, "mute")
    bob = await chat.join("bob", role="mod")
    await bob.say("/out eve")
    assert (await bob.say("/mute eve 10")).notice == "eve is banned; a mute would not hold longer"
    assert [ban.target for ban in chat.api("tool").bans] == ["eve"]


@pytest.mark.gen_test
async def test_a_ban_that_could_not_be_stored_does_not_hold(chat: ChatFixture) -> None:
    await chat.open(TOOL)
    await chat.join("eve")
    api = chat.api("tool")
    chat.store.away = True
    with pytest.raises(StoreUnavailable):
        await api.ban(BOB, "eve", None)
    chat.store.away = False
    await chat.join("eve")
    # The next one puts right what the one that failed may have left in the database.
    await api.ban(BOB, "frank", None)
    assert [ban.target for ban in await chat.store.records.bans(2)] == ["frank"]


@pytest.mark.gen_test
async def test_bans_have_an_end(chat: ChatFixture, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tornado_chat.bans.MAX_BANS", 2)
    await chat.open(TOOL)
    api = chat.api("tool")
    await api.ban(BOB, "a", 1)
    with pytest.raises(CommandRefused, match="You have banned 1 names and networks"):
        await api.ban(BOB, "b", None)
    await api.ban(CAROL, "b", None)
    for actor in (BOB, CAROL):
        with pytest.raises(CommandRefused, match="2 names and networks are banned"):
            await api.ban(actor, "c", None)
    assert (await api.ban(BOB, "a", 1)).by == "bob"  # what is there may be changed
    await chat.advance(1)
    await api.ban(BOB, "c", None)
    with pytest.raises(CommandRefused, match="at least 1 s"):
        await api.ban(BOB, "d", 0)
    with pytest.raises(CommandRefused, match="No user can have that name"):
        await api.ban(BOB, "\u202e", None)


@pytest.mark.gen_test
async def test_a_network_ban_closes_real_sockets_by_their_real_address(
    serve: Any, connect: Any, make_config: Any, tmp_path: Any, clock: ManualClock
) -> None:
    folder = tmp_path / "conf" / "plugins.d"
    folder.mkdir(parents=True)
    (folder / "banner.py").write_text(
        "from tornado_chat import Command, Role, UserParam, hookimpl\n"
        "@hookimpl\ndef register_commands(api):\n"
        "    async def out(call):\n        return (await api.ban(call.user, call.args['target'], None)).target\n"
        "    return [Command('out', out, (UserParam('target'),), Role.MOD)]\n"
    )
    config = make_config(
        server='trusted_proxies = ["127.0.0.1"]',
        app='plugins = ["banner"]',
        plugins='[plugins]\npath = ["plugins.d"]',
    )
    server = await serve(config)

    def behind(address: str) -> dict[str, str]:
        return {"X-Forwarded-For": address}

    bob = await connect(server, token="token-bob", headers=behind("198.51.100.1"))
    eve = await connect(server, token="token-eve", headers=behind("203.0.113.7"))
    guest = await connect(server, token=None, headers=behind("203.0.113.8"))
    await bob.say("/out 127.0.0.1")
    assert "can't be banned" in await bob.next("system_message")
    await bob.say("/out 203.0.113.0/24")
    assert await bob.next("system_message") == "203.0.113.0/24"
    for client in (eve, guest):
        assert await client.next("system_message") == "You are banned"
        await client.gone.wait()
    back = await connect(server, headers=behind("203.0.113.9"))
    assert await back.auth(2, "token-eve") == ["BANNED"]
    assert await bob.say("still here") is None


@pytest.mark.gen_test
async def test_who_is_called_like_an_address_is_banned_and_the_address_is_not(chat: ChatFixture) -> None:
    await chat.open(TOOL)
    await chat.join("203.0.113.7", address="198.51.100.1")
    await chat.join("eve", address="203.0.113.7")
    api = chat.api("tool")
    made = await api.ban(BOB, "203.0.113.7", as_name=True)
    assert (made.target, made.network) == ("203.0.113.7", False)
    assert [user.uname for user in api.users] == ["eve"]
    with pytest.raises(CommandRefused, match="User not in banlist"):
        await api.unban(BOB, "203.0.113.7")
    assert (await api.unban(BOB, "203.0.113.7", as_name=True)).target == "203.0.113.7"
    await chat.join("203.0.113.7", address="198.51.100.1")
