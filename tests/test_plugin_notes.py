"""/note, /notes, /unnote: what staff write down stays, and is for staff above the user alone."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.chats import load_plugin
from tornado_chat.errors import ConfigError
from tornado_chat.testing import ChatFixture, Person

NOT_AUTHORIZED = "You are not authorized to do that"
DAY = 86_400


async def told(person: Person, line: str) -> str:
    """Type a command; return what its caller is told."""
    notice = (await person.say(line)).notice
    assert notice is not None
    return notice


@pytest.mark.gen_test
async def test_notes_are_numbered_and_shown_to_staff_newest_first(chat: ChatFixture) -> None:
    await chat.open("notes")
    eve, bob, kate = await chat.join("Eve"), await chat.join("bob", role="mod"), await chat.join("kate", role="mod")
    assert await told(bob, "/notes eve") == "There are no notes about Eve"
    assert await told(bob, "/note eve asks for passwords") == "Note 1 about Eve was written down"
    await chat.advance(DAY)
    assert await told(kate, "/note EVE  still\u202e does 'it' \"") == "Note 2 about Eve was written down"
    assert (await told(bob, "/notes eve")).split("\n") == [
        "Note 2, 2026-01-02, kate: still\\u202e does 'it' \"",
        "Note 1, 2026-01-01, bob: asks for passwords",
    ]
    assert await told(kate, "/unnote eve 1") == "Note 1 about Eve was removed"
    assert await told(kate, "/unnote eve 1") == "There is no note 1 about Eve"
    assert await told(kate, "/note eve third") == "Note 3 about Eve was written down"
    assert eve.events == [event for event in eve.events if event[0] == "user_joined"]
    acts = [(entry.actor, entry.action, entry.target, entry.reason) for entry in await chat.api("notes").audit(limit=2)]
    assert acts == [("kate", "note", "Eve", "number 3"), ("kate", "unnote", "Eve", "number 1, by bob")]


@pytest.mark.gen_test
async def test_nobody_finds_what_is_written_about_themselves_in_the_log(chat: ChatFixture) -> None:
    await chat.open("notes", "audit", "whois")
    bob, carol = await chat.join("bob", role="mod"), await chat.join("carol", role="owner")
    await carol.say("/note bob takes bribes")
    await carol.say("/unnote bob 1")
    for line in ("/log bob", "/log * bribes", "/log more", "/whois bob"):
        assert "takes" not in await told(bob, line)


@pytest.mark.gen_test
async def test_they_are_about_absent_users_too_and_survive_a_reload_and_a_restart(chat: ChatFixture) -> None:
    await chat.open("notes")
    bob = await chat.join("bob", role="mod")
    long_name = "\N{ARABIC LIGATURE SALLALLAHOU ALAYHE WASALLAM}" * 60  # folded, it has 1,080 characters
    for name in ('"a b"', "ＥＶＥ", long_name):
        await bob.say(f"/note {name} once")
    await chat.open("notes")
    assert await told(bob, "/notes eve") == "Note 1, 2026-01-01, bob: once"
    await chat.restart()
    await chat.open("notes")
    bob = await chat.join("bob", role="mod")
    for name in ('"A b"', "eve", long_name):
        assert await told(bob, f"/notes {name}") == "Note 1, 2026-01-01, bob: once"


@pytest.mark.gen_test
async def test_notes_are_kept_for_so_long_after_the_last_one(chat: ChatFixture) -> None:
    await chat.open("notes", options={"notes": {"keep_days": 2}})
    bob = await chat.join("bob", role="mod")
    await bob.say("/note eve once")
    await chat.advance(1.5 * DAY)
    await bob.say("/note eve twice")
    await chat.advance(1.5 * DAY)
    assert len((await told(bob, "/notes eve")).split("\n")) == 2
    await chat.advance(DAY)
    assert await told(bob, "/notes eve") == "There are no notes about eve"


@pytest.mark.gen_test
async def test_two_who_write_at_the_same_time_are_both_kept(chat: ChatFixture) -> None:
    await chat.open("notes")
    bob, kate = await chat.join("bob", role="mod"), await chat.join("kate", role="mod")
    await asyncio.gather(*(person.say(f"/note eve {n}") for n in range(5) for person in (bob, kate)))
    assert (await told(bob, "/notes eve")).startswith("Note 10, ")


@pytest.mark.gen_test
async def test_there_is_an_end_to_them_and_the_longest_fit(chat: ChatFixture) -> None:
    await chat.open("notes")
    bob = await chat.join("bob", role="mod")
    for _ in range(30):
        await bob.say("/note eve " + "\N{OGHAM LETTER BEITH}" * 340)
    assert await told(bob, "/note eve x") == "There are 30 notes about eve; /unnote some first"
    assert (await told(bob, "/notes eve 3")).endswith("\N{OGHAM LETTER BEITH}\npage 3 of 3")


@pytest.mark.gen_test
async def test_that_there_is_no_room_for_more_users_is_told(chat: ChatFixture, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tornado_chat.storage.MAX_KEYS", 1)
    await chat.open("notes")
    bob = await chat.join("bob", role="mod")
    await bob.say("/note eve x")
    assert await told(bob, "/note frank x") == "There are notes about too many users; /unnote some first"
    await bob.say("/unnote eve 1")
    assert await told(bob, "/note frank x") == "Note 1 about frank was written down"


@pytest.mark.gen_test
@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("/note", "Usage: /note <user> <text>"),
        ("/note eve", "Usage: /note <user> <text>"),
        ("/note \u202e x", "No user can have that name"),
        ("/notes", "Usage: /notes <user> [page]"),
        ("/notes " + "x" * 300, "There are no notes about xxx"),
        ("/unnote eve", "Usage: /unnote <user> <number>"),
        ("/unnote eve 0", "number must be a whole number"),
        ("/unnote eve 7", "There is no note 7 about eve"),
    ],
)
async def test_what_cannot_be_done_is_told(chat: ChatFixture, line: str, why: str) -> None:
    await chat.open("notes")
    assert why in await told(await chat.join("bob", role="mod"), line)


@pytest.mark.gen_test
@pytest.mark.parametrize("line", ["/note alice x", "/notes mallory", "/unnote eve 1"])
async def test_a_member_may_not(chat: ChatFixture, line: str) -> None:
    await chat.open("notes")
    mallory, bob = await chat.join("mallory"), await chat.join("bob", role="mod")
    await bob.say("/note eve x")
    assert await told(mallory, line) == NOT_AUTHORIZED
    assert await told(bob, "/notes eve") == "Note 1, 2026-01-01, bob: x"


@pytest.mark.gen_test
@pytest.mark.parametrize("name", ["bob", "kate", "Carol", "dave"])
async def test_nobody_writes_or_reads_about_a_peer_a_superior_or_himself(chat: ChatFixture, name: str) -> None:
    await chat.open("notes")
    bob, dave = await chat.join("bob", role="mod"), await chat.join("dave", role="admin")
    for uname, role in (("kate", "mod"), ("carol", "owner")):
        await chat.join(uname, role=role)
    await dave.say(f"/note {name} watch out")
    for line in (f"/note {name} x", f"/notes {name}", f"/unnote {name} 1"):
        assert (await told(bob, line)).startswith(f"{NOT_AUTHORIZED}: ")


@pytest.mark.gen_test
async def test_what_a_superior_wrote_stays(chat: ChatFixture) -> None:
    await chat.open("notes")
    bob, carol = await chat.join("bob", role="mod"), await chat.join("carol", role="owner")
    await carol.say("/note eve x")
    assert await told(bob, "/unnote eve 1") == f"{NOT_AUTHORIZED}: carol wrote it"
    assert await told(bob, "/notes eve") == "Note 1, 2026-01-01, carol: x"
    assert [entry.action for entry in await chat.api("notes").audit(actor="bob")] == ["refused /unnote"]


@pytest.mark.gen_test
async def test_what_could_not_be_stored_is_told(chat: ChatFixture) -> None:
    await chat.open("notes")
    bob = await chat.join("bob", role="mod")
    chat.store.away = True
    for line in ("/note eve x", "/notes eve", "/unnote eve 1"):
        assert (await bob.say(line)).ack == "INTERNAL_ERROR"
    chat.store.away = False
    assert await told(bob, "/notes eve") == "There are no notes about eve"


@pytest.mark.parametrize("options", [{"keep_days": 0}, {"keep_days": 4000}, {"keep_days": "1"}])
def test_options_that_make_no_sense_stop_the_start(options: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match=r"apps/2\.toml: plugin\.notes\.keep_days"):
        load_plugin("notes", **options)
