"""/log: all that was done, for staff alone, page by page, and without addresses for who may not see them."""

from __future__ import annotations

from typing import Any

import pytest

from tests.chats import load_plugin
from tests.inline import filtering
from tornado_chat import MuteSender, Reject
from tornado_chat.errors import ConfigError
from tornado_chat.testing import ChatFixture, Person

NOT_AUTHORIZED = "You are not authorized to do that"


async def log(person: Person, line: str = "/log") -> list[str]:
    """Type a command; return the lines of what its caller is told, without the day."""
    notice = (await person.say(line)).notice
    assert notice is not None
    return [each.removeprefix("2026-01-01 ") for each in notice.split("\n")]


@pytest.mark.gen_test
async def test_who_did_what_to_whom_when_and_why_and_what_was_deleted(chat: ChatFixture) -> None:
    chat.hide_actor = True  # which is for the room, not for staff
    await chat.open("audit", "mute", "ban", "purge")
    eve, bob, kate = await chat.join("Eve"), await chat.join("bob", role="mod"), await chat.join("kate", role="mod")
    assert await log(bob) == ["There is nothing"]
    await eve.say("buy\n2026-01-01 00:00:00 kate (mod) ban bob \u202egold")
    await bob.say("/mute eve 10 being rude")
    await chat.advance(61)
    await bob.say("/delete 1 an ad")
    await bob.say("/mute bob")
    await kate.say("/ban eve 2h")
    lines = [
        "00:01:01 kate (mod) ban Eve for 2 h",
        "00:01:01 bob (mod) refused /mute: You are not authorized to do that: bob is a mod | /mute bob",
        "00:01:01 bob (mod) delete Eve #1: an ad | buy\\n2026-01-01 00:00:00 kate (mod) ban bob \\u202egold",
        "00:00:00 bob (mod) mute Eve for 10 min: being rude",
    ]
    assert await log(bob) == await log(bob, "/log *") == lines
    await chat.restart()
    await chat.open("audit")
    bob = await chat.join("bob", role="mod")
    assert await log(bob, "/log EVE") == [lines[0], *lines[2:]]
    assert await log(bob, '/log "bob"') == lines[1:]
    assert await log(bob, "/log @eve GOLD") == await log(bob, "/log * buy") == [lines[2]]
    assert await log(bob, "/log eve mute") == [lines[3]]
    assert await log(bob, "/log kate mute") == ["There is nothing"]


@pytest.mark.gen_test
async def test_what_plugins_do_is_in_it(chat: ChatFixture) -> None:
    await chat.open("audit", filtering(Reject("no", actions=(MuteSender(60, "bad"),))))
    eve, bob = await chat.join("eve"), await chat.join("bob", role="mod")
    await eve.say("hi")
    assert await log(bob) == ["00:00:00 judge (plugin) mute eve for 1 min: bad"]


@pytest.mark.gen_test
async def test_it_is_read_page_by_page_by_each_for_themselves(chat: ChatFixture) -> None:
    await chat.open("audit", "mute")
    bob, carol = await chat.join("bob", role="mod"), await chat.join("carol", role="owner")
    for number in range(25):
        await bob.say(f"/mute user{number} 5 reason{number % 2}")
    more = "/log more shows what was before"
    pages = [await log(bob), await log(bob, "/log MORE"), await log(bob, "/log more"), await log(bob, "/log more")]
    assert [len(page) for page in pages] == [11, 11, 5, 1]
    assert [page[-1] for page in pages[:2]] == [more, more]
    shown = [line.split()[4] for page in pages[:3] for line in page if line != more]
    assert shown == [f"user{number}" for number in reversed(range(25))]
    assert pages[3] == ["There is nothing to go on with; /log [user] [words] begins"]
    assert len(await log(carol, "/log bob reason1")) == 11
    await bob.say("/mute user99")
    assert len(await log(bob)) == 11
    assert [line.split()[4] for line in await log(carol, "/log more")] == ["user3", "user1"]
    assert await log(carol, "/log more please") == ["There is nothing to go on with; /log [user] [words] begins"]


@pytest.mark.gen_test
async def test_who_is_called_more_can_be_looked_for(chat: ChatFixture) -> None:
    await chat.open("audit", "mute")
    bob = await chat.join("bob", role="mod")
    await bob.say("/mute more")
    for line in ("/log @more", '/log "more"'):
        assert await log(bob, line) == ["00:00:00 bob (mod) mute more for 10 min"]


@pytest.mark.gen_test
async def test_how_much_is_shown_is_an_option(chat: ChatFixture) -> None:
    await chat.open("audit", "mute", options={"audit": {"page": 2}})
    bob = await chat.join("bob", role="mod")
    for number in range(3):
        await bob.say(f"/mute user{number}")
    assert len(await log(bob)) == 3


@pytest.mark.gen_test
async def test_the_longest_entries_fit_and_what_was_deleted_is_shown_whole(chat: ChatFixture) -> None:
    await chat.open("audit", "purge")
    eve, bob = await chat.join("e" * 64), await chat.join("b" * 64, role="mod")
    for number in range(1, 12):
        await eve.say("x" * 349 + "y")
        await bob.say(f"/delete {number} " + "r" * 330)
    lines = await log(bob)
    assert len(lines) == 11
    assert all(line.endswith("r… | " + "x" * 349 + "y") for line in lines[:10])


@pytest.mark.gen_test
async def test_addresses_are_for_those_who_may_see_them(chat: ChatFixture) -> None:
    await chat.open("audit", "ban")
    bob, carol = await chat.join("bob", role="mod"), await chat.join("carol", role="owner")
    await carol.say("/ban 203.0.113.7 spam")
    await carol.say("/ban 2001:db8::/32")
    await bob.say("/unban 203.0.113.7 ")
    lines = await log(bob)
    refused = "You are not authorized to do that: an owner banned an address"
    assert lines[0] == f"00:00:00 bob (mod) refused /unban: {refused} | /unban an address"
    assert lines[1:] == ["00:00:00 carol (owner) ban an address", "00:00:00 carol (owner) ban an address: spam"]
    assert await log(bob, "/log * 203.0.113") == ["There is nothing"]
    for line in ("/log 203.0.113.7", "/log 203.0.113.7/32 x"):
        assert await log(bob, line) == [f"{NOT_AUTHORIZED}: it takes an owner"]
    assert await log(carol, "/log 203.0.113.7") == ["00:00:00 carol (owner) ban 203.0.113.7/32: spam"]
    found = [line.split()[3] for line in await log(carol, "/log * 203.0.113")]
    assert found == ["refused", "refused", "refused", "ban"]


@pytest.mark.gen_test
async def test_who_may_read_and_who_sees_addresses_are_options(chat: ChatFixture) -> None:
    await chat.open("audit", "ban", options={"audit": {"role": "owner", "show_addresses": "admin"}})
    bob, carol = await chat.join("bob", role="mod"), await chat.join("carol", role="owner")
    await bob.say("/ban 203.0.113.7")
    assert await log(bob) == [NOT_AUTHORIZED]
    assert (await log(carol))[-1] == "00:00:00 bob (mod) ban an address"
    assert (await log(await chat.join("dave", role="admin")))[-1] == "00:00:00 bob (mod) ban 203.0.113.7/32"


@pytest.mark.gen_test
@pytest.mark.parametrize("line", ["/log", "/log eve", "/log more", "/log * x"])
async def test_a_member_may_not(chat: ChatFixture, line: str) -> None:
    await chat.open("audit", "mute")
    mallory, bob = await chat.join("mallory"), await chat.join("bob", role="mod")
    await bob.say("/mute eve")
    await log(bob)
    assert await log(mallory, line) == [NOT_AUTHORIZED]


@pytest.mark.gen_test
async def test_what_cannot_be_read_is_told(chat: ChatFixture) -> None:
    await chat.open("audit")
    bob = await chat.join("bob", role="mod")
    assert (await log(bob, '/log "eve'))[0].startswith("a name in quotes has no end. Usage: /log [user] [words]")
    assert await log(bob, "/log " + "x" * 340) == ["There is nothing"]
    chat.store.away = True
    assert (await bob.say("/log")).ack == "INTERNAL_ERROR"


@pytest.mark.gen_test
async def test_whose_place_is_remembered_has_an_end(chat: ChatFixture, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tornado_chat_plugins.audit.MOST_READERS", 1)
    await chat.open("audit", "mute", options={"audit": {"page": 1}})
    bob, carol = await chat.join("bob", role="mod"), await chat.join("carol", role="owner")
    for number in range(3):
        await bob.say(f"/mute user{number}")
    await log(bob)
    await log(carol)
    assert len(await log(carol, "/log more")) == 2
    assert (await log(bob, "/log more"))[0].startswith("There is nothing to go on with")


@pytest.mark.parametrize(
    ("options", "key"),
    [
        ({"role": "member"}, "role"),
        ({"show_addresses": ""}, "show_addresses"),
        ({"page": 11}, "page"),
        ({"page": 0}, "page"),
    ],
)
def test_options_that_make_no_sense_stop_the_start(options: dict[str, Any], key: str) -> None:
    with pytest.raises(ConfigError, match=rf"apps/2\.toml: plugin\.audit\.{key}"):
        load_plugin("audit", **options)
