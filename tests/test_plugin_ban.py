"""/ban, /banip, /unban, /bans: what is typed, who may, what is told to whom. What a ban is: test_bans.py."""

from __future__ import annotations

from typing import Any

import pytest

from tests.chats import load_plugin
from tornado_chat.errors import ConfigError
from tornado_chat.testing import ChatFixture, JoinRefused, Person

NOT_AUTHORIZED = "You are not authorized to do that"


async def told(person: Person, line: str) -> str:
    """Type a command; return what its caller is told."""
    notice = (await person.say(line)).notice
    assert notice is not None
    return notice


@pytest.mark.gen_test
async def test_a_ban_is_for_good_or_for_so_long_and_tells_everybody(chat: ChatFixture) -> None:
    await chat.open("ban")
    alice, _, bob = await chat.join("alice"), await chat.join("Eve"), await chat.join("bob", role="mod")
    assert await told(bob, "/ban eve being rude") == "Eve was banned for good"
    assert alice.notices == ["bob banned Eve for good: being rude"]
    assert [person.user and person.user.uname for person in chat.people] == ["alice", "bob"]
    with pytest.raises(JoinRefused, match="BANNED: You are banned: being rude"):
        await chat.join("eve")
    assert await told(bob, "/ban EVE 2h 30m cool down") == "EVE was banned for 2 h 30 min"
    assert len(alice.notices) == 1  # she wasn't here
    with pytest.raises(JoinRefused, match="BANNED: You are banned for another 2 h 30 min: cool down"):
        await chat.join("eve")
    await chat.advance(9000)
    await chat.join("eve")


@pytest.mark.gen_test
async def test_bans_survive_a_restart_and_are_listed_with_time_left_by_whom_and_why(chat: ChatFixture) -> None:
    await chat.open("ban")
    bob = await chat.join("bob", role="mod")
    assert await told(bob, "/bans") == "Nobody is banned"
    await bob.say("/ban eve 1d")
    await bob.say('/ban "frank the \u202etank" a reason')
    await bob.say("/ban 203.0.113.7 3d proxies")
    await chat.advance(3600)
    await chat.restart()
    await chat.open("ban")
    bob, carol = await chat.join("bob", role="mod"), await chat.join("carol", role="owner")
    listed = "{}: another 2 d 23 h, by bob: proxies\neve: another 23 h, by bob"
    assert await told(bob, "/bans") == listed.format("an address")
    assert await told(carol, "/bans") == listed.format("203.0.113.7/32")
    assert await told(bob, "/unban EVE") == "eve was unbanned"
    assert await told(bob, "/unban eve") == "User not in banlist"
    await chat.join("eve")


@pytest.mark.gen_test
async def test_who_may_see_addresses_is_an_option(chat: ChatFixture) -> None:
    await chat.open("ban", options={"ban": {"show_addresses": "admin"}})
    carol, dave = await chat.join("carol", role="owner"), await chat.join("dave", role="admin")
    await carol.say("/ban 2001:db8::1")
    assert await told(carol, "/bans") == "an address: for good, by carol"
    assert await told(dave, "/bans") == "2001:db8::/64: for good, by carol"


@pytest.mark.gen_test
async def test_an_address_or_network_is_banned_and_guests_with_it(chat: ChatFixture) -> None:
    await chat.open("ban")
    bob = await chat.join("bob", role="mod", address="203.0.113.1")
    eve, guest = await chat.join("eve", address="203.0.113.7"), await chat.join(None, address="203.0.113.8")
    alice = await chat.join("alice", address="198.51.100.1")
    assert await told(bob, "/ban 203.0.113.0/24 10 a raid") == "203.0.113.0/24 was banned for 10 min"
    assert eve.notices == guest.notices == ["You are banned: a raid"]
    assert chat.people == [bob, alice]
    assert alice.notices == []  # whose address it is, is nobody's business
    assert await told(bob, "/unban 203.0.113.0/24") == "203.0.113.0/24 was unbanned"
    await chat.join("eve", address="203.0.113.7")


@pytest.mark.gen_test
@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("/ban 127.0.0.1", "can't be banned"),
        ("/ban ::1", "can't be banned"),
        ("/ban ::ffff:127.0.0.1", "can't be banned"),
        ("/ban 203.0.0.0/15", "203.0.0.0/15 is too much to ban; at most a /16"),
        ("/ban 0.0.0.0/0", "0.0.0.0/0 is too much to ban; at most a /16"),
        ("/ban 2001::/31", "2001::/31 is too much to ban; at most a /32"),
        ("/ban", "Usage: /ban <target> [duration] [reason]; target: a name, an address"),
        ("/ban @", "that is no name"),
        ('/ban "eve', "a name in quotes has no end"),
        ("/ban eve 1om", '"1om" is no duration'),
        ("/ban eve 9999999999999999", '"9999999999999999" is no duration'),
        ("/ban eve 999999999999d", "A ban lasts at most 3660 d"),
        ("/ban \u202e", "No user can have that name"),
        ("/banip eve 999999999999d", "A ban lasts at most 3660 d"),
        ("/unban", "Usage: /unban <target>"),
        ("/unban \u202e", "User not in banlist"),
        ("/unban 203.0.113.7", "User not in banlist"),
        ("/bans 0", "page must be a whole number from 1 to 1000"),
    ],
)
async def test_what_cannot_be_banned_is_told(chat: ChatFixture, line: str, why: str) -> None:
    await chat.open("ban")
    bob = await chat.join("bob", role="mod")
    assert why in await told(bob, line)
    assert chat.api("ban").bans == []


@pytest.mark.gen_test
async def test_how_much_may_be_banned_is_an_option(chat: ChatFixture) -> None:
    await chat.open("ban", options={"ban": {"widest_ipv4": 24, "widest_ipv6": 48}})
    bob = await chat.join("bob", role="mod")
    assert "at most a /24" in await told(bob, "/ban 203.0.112.0/23")
    assert "at most a /48" in await told(bob, "/ban 2001:db8::/47")
    assert await told(bob, "/ban 203.0.113.0/24") == "203.0.113.0/24 was banned for good"


@pytest.mark.gen_test
async def test_who_is_called_like_an_address_is_banned_by_name(chat: ChatFixture) -> None:
    await chat.open("ban")
    bob = await chat.join("bob", role="mod")
    alice = await chat.join("alice", address="203.0.113.7")
    for line in ("@203.0.113.7", '"203.0.113.7"'):
        await chat.join("203.0.113.7", address="198.51.100.1")
        assert await told(bob, f"/ban {line}") == "203.0.113.7 was banned for good"
        assert await told(bob, f"/unban {line}") == "203.0.113.7 was unbanned"
    assert alice in chat.people
    await chat.join("203.0.113.7", address="198.51.100.1")
    assert await told(bob, "/banip 203.0.113.7") == "203.0.113.7 was banned, with 1 address, for good"
    assert alice in chat.people


@pytest.mark.gen_test
async def test_the_ban_of_a_network_and_of_one_who_is_called_like_it_are_two(chat: ChatFixture) -> None:
    await chat.open("ban", options={"ban": {"show_addresses": "mod"}})
    bob = await chat.join("bob", role="mod")
    assert await told(bob, "/ban 203.0.113.0/24") == "203.0.113.0/24 was banned for good"
    assert await told(bob, "/unban @203.0.113.0/24") == "User not in banlist"
    assert await told(bob, "/ban @203.0.113.0/24 1m") == "203.0.113.0/24 was banned for 1 min"
    await chat.restart()
    await chat.open("ban")
    bob = await chat.join("bob", role="mod")
    assert len(chat.api("ban").bans) == 2
    await chat.advance(60)
    await chat.join("203.0.113.0/24", address="198.51.100.1")
    with pytest.raises(JoinRefused):
        await chat.join("alice", address="203.0.113.7")
    assert await told(bob, "/unban 203.0.113.0/24") == "203.0.113.0/24 was unbanned"
    await chat.join("alice", address="203.0.113.7")


@pytest.mark.gen_test
async def test_addresses_that_a_superior_banned_are_not_let_in_by_the_name(chat: ChatFixture) -> None:
    await chat.open("ban")
    bob, carol = await chat.join("bob", role="mod"), await chat.join("carol", role="owner")
    await chat.join("eve", address="203.0.113.7")
    await carol.say("/banip eve")
    await carol.say("/ban eve 1m")
    await chat.advance(60)
    assert await told(bob, "/unban eve") == f"{NOT_AUTHORIZED}: a superior banned the address"
    assert await told(carol, "/unban eve") == "eve was unbanned, with 1 address,"


@pytest.mark.gen_test
async def test_the_address_of_who_is_here_is_banned_with_the_name_and_both_are_lifted(chat: ChatFixture) -> None:
    await chat.open("ban")
    alice, bob = await chat.join("alice", address="198.51.100.9"), await chat.join("bob", role="mod")
    await chat.join("eve", address="203.0.113.7")
    await chat.join("eve", address="2001:db8::1")
    await chat.join("eve2", address="203.0.113.7")
    assert await told(bob, "/banip Eve 1h spam") == "eve was banned, with 2 addresses, for 1 h"
    assert alice.notices == ["bob banned eve for 1 h: spam"]
    assert chat.people == [alice, bob]
    for name, address in (("eve", "198.51.100.9"), ("x", "203.0.113.7"), ("x", "2001:db8::2"), (None, "203.0.113.7")):
        with pytest.raises(JoinRefused, match="You are banned for another 1 h: spam"):
            await chat.join(name, address=address)
    assert "203.0.113" not in "".join(bob.notices) + await told(bob, "/bans")
    await chat.restart()
    await chat.open("ban")
    bob = await chat.join("bob", role="mod")
    assert await told(bob, "/unban eve") == "eve was unbanned, with 2 addresses,"
    await chat.join("eve2", address="203.0.113.7")


@pytest.mark.gen_test
async def test_what_the_addresses_of_one_who_is_banned_cannot_be_is_told(chat: ChatFixture) -> None:
    await chat.open("ban")
    bob = await chat.join("bob", role="mod")
    assert "their address is not known" in await told(bob, "/banip eve")
    await chat.join("eve", address="127.0.0.1")
    assert await told(bob, "/banip eve") == "eve was banned for good; their address could not be"
    assert await told(bob, "/unban eve") == "eve was unbanned"


@pytest.mark.gen_test
async def test_the_addresses_are_let_in_by_name_also_where_that_is_banned_no_more(chat: ChatFixture) -> None:
    await chat.open("ban")
    bob = await chat.join("bob", role="mod")
    await chat.join("eve", address="203.0.113.7")
    await bob.say("/banip eve")
    await bob.say("/ban eve 1")
    await chat.advance(60)
    with pytest.raises(JoinRefused):
        await chat.join("eve", address="203.0.113.7")
    assert await told(bob, "/unban eve") == "eve was unbanned, with 1 address,"
    await chat.join("eve", address="203.0.113.7")


@pytest.mark.gen_test
async def test_the_room_is_told_no_name_where_actors_are_hidden_and_nothing_where_it_is_not_to_know(
    chat: ChatFixture,
) -> None:
    chat.hide_actor = True
    await chat.open("ban")
    alice, bob = await chat.join("alice"), await chat.join("bob", role="mod")
    await chat.join("eve")
    await bob.say("/ban eve")
    assert alice.notices == ["A moderator banned eve for good"]
    assert "by bob" in await told(bob, "/bans")
    await chat.open("ban", options={"ban": {"public": False}})
    await chat.join("frank")
    await bob.say("/ban frank")
    assert len(alice.notices) == 1


@pytest.mark.gen_test
async def test_how_long_a_ban_lasts_is_an_option(chat: ChatFixture) -> None:
    await chat.open("ban", options={"ban": {"default_mins": 60, "max_mins": 1440}})
    bob = await chat.join("bob", role="mod")
    assert await told(bob, "/ban eve") == "eve was banned for 1 h"
    assert await told(bob, "/ban eve 1d") == "eve was banned for 1 d"
    for line in ("/ban eve 1d1s", "/ban eve 0"):
        assert await told(bob, line) == "A ban lasts at most 1 d"
    await chat.open("ban", options={"ban": {"default_mins": 60}})
    assert await told(bob, "/ban eve 0") == "eve was banned for good"


@pytest.mark.gen_test
@pytest.mark.parametrize("line", ["/ban eve", "/ban 203.0.113.7", "/banip eve", "/unban frank", "/bans"])
async def test_a_member_may_not(chat: ChatFixture, line: str) -> None:
    await chat.open("ban")
    mallory, bob = await chat.join("mallory"), await chat.join("bob", role="mod")
    await chat.join("eve", address="203.0.113.7")
    await bob.say("/ban frank")
    assert await told(mallory, line) == NOT_AUTHORIZED
    assert [ban.target for ban in chat.api("ban").bans] == ["frank"]


@pytest.mark.gen_test
@pytest.mark.parametrize("name", ["bob", "kate", "Carol", "dave"])
async def test_nobody_bans_a_peer_a_superior_or_himself(chat: ChatFixture, name: str) -> None:
    await chat.open("ban")
    bob = await chat.join("bob", role="mod")
    for uname, role in (("kate", "mod"), ("carol", "owner"), ("dave", "admin")):
        await chat.join(uname, role=role, address="203.0.113.7")
    for line in (f"/ban {name}", f"/banip {name}"):
        assert (await told(bob, line)).startswith(f"{NOT_AUTHORIZED}: ")
    assert chat.api("ban").bans == []
    assert len(chat.people) == 4
    await bob.say("/ban 203.0.113.7")
    assert len(chat.people) == 4  # it binds those below him


@pytest.mark.gen_test
async def test_what_a_superior_banned_stays_banned(chat: ChatFixture) -> None:
    await chat.open("ban")
    bob, carol = await chat.join("bob", role="mod"), await chat.join("carol", role="owner")
    await chat.join("eve", address="203.0.113.7")
    await carol.say("/banip eve")
    for line in ("/unban eve", "/ban eve 1s", "/unban 203.0.113.7", "/ban 203.0.113.7 1s"):
        assert (await told(bob, line)).startswith(f"{NOT_AUTHORIZED}: an owner banned ")
    assert len(chat.api("ban").bans) == 2
    assert [entry.action for entry in await chat.api("ban").audit(actor="bob")] == [
        "refused /ban",
        "refused /unban",
    ] * 2


@pytest.mark.gen_test
async def test_who_may_ban_addresses_is_an_option(chat: ChatFixture) -> None:
    await chat.open("ban", options={"ban": {"address_role": "owner"}})
    bob, carol = await chat.join("bob", role="mod"), await chat.join("carol", role="owner")
    await chat.join("eve", address="203.0.113.7")
    for line in ("/ban 203.0.113.7", "/banip eve"):
        assert await told(bob, line) == f"{NOT_AUTHORIZED}: it takes an owner to ban addresses"
    assert await told(carol, "/ban 203.0.113.7") == "203.0.113.7/32 was banned for good"
    assert await told(bob, "/unban 203.0.113.7") == f"{NOT_AUTHORIZED}: it takes an owner to let addresses in"
    assert await told(bob, "/ban eve") == "eve was banned for good"


@pytest.mark.gen_test
async def test_a_ban_that_could_not_be_stored_is_told_and_nobody_is_closed(chat: ChatFixture) -> None:
    await chat.open("ban")
    eve, bob = await chat.join("eve", address="203.0.113.7"), await chat.join("bob", role="mod")
    chat.store.away = True
    for line in ("/ban eve", "/banip eve", "/ban 203.0.113.7"):
        assert (await bob.say(line)).ack == "INTERNAL_ERROR"
    chat.store.away = False
    assert (await eve.say("hello")).ack is None
    assert bob.messages == ["eve: hello"]


@pytest.mark.parametrize(
    ("options", "key"),
    [
        ({"default_mins": -1}, "default_mins"),
        ({"max_mins": 6_000_000}, "max_mins"),
        ({"max_mins": 60}, "default_mins must be 1 or more"),
        ({"max_mins": 60, "default_mins": 61}, "default_mins must be 1 or more"),
        ({"address_role": "member"}, "address_role"),
        ({"show_addresses": "all"}, "show_addresses"),
        ({"widest_ipv4": 7}, "widest_ipv4"),
        ({"widest_ipv6": 65}, "widest_ipv6"),
        ({"public": "yes"}, "public"),
    ],
)
def test_options_that_make_no_sense_stop_the_start(options: dict[str, Any], key: str) -> None:
    with pytest.raises(ConfigError, match=r"apps/2\.toml: plugin\.ban") as caught:
        load_plugin("ban", **options)
    assert key in str(caught.value)
