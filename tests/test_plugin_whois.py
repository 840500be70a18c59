"""/whois: what staff are told of a user, from everywhere; addresses for those alone who may see them."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from tests.chats import load_plugin
from tests.inline import having
from tornado_chat import Call, Command, CommandRefused, NumberParam, Role, UserParam
from tornado_chat.errors import ConfigError
from tornado_chat.manual_clock import NEW_YEAR
from tornado_chat.testing import ChatFixture, Person

NOT_AUTHORIZED = "You are not authorized to do that"


async def whois(person: Person, name: str) -> list[str]:
    """Type /whois; return the lines of what its caller is told."""
    notice = (await person.say(f"/whois {name}")).notice
    assert notice is not None
    return notice.split("\n")


@pytest.mark.gen_test
async def test_it_tells_what_is_known_of_one_who_is_here(chat: ChatFixture) -> None:
    await chat.open("whois", "mute", "notes", "shadow")
    bob = await chat.join("bob", role="mod")
    eve = await chat.join("Eve", address="203.0.113.7", level=7, created_at=NEW_YEAR - timedelta(days=30, hours=5))
    for text in ("one", "two"):
        await eve.say(text)
    await bob.say("/note eve asks for passwords")
    await bob.say("/shadow eve 1d spam")
    await bob.say("/mute eve 10 being rude")
    await chat.advance(65)
    assert await whois(bob, "EVE") == [
        "Eve: member, here for 1 min 5 s",
        "first seen 2026-01-01 00:00, messages: 2",
        "account of 2025-12-01 (30 d 5 h old), level 7",
        "muted for another 8 min 55 s, by bob: being rude",
        "Shadow muted: Eve: another 23 h 58 min, by bob: spam",
        "Note 1, 2026-01-01, bob: asks for passwords",
        "lately:",
        "2026-01-01 00:00 bob: mute for 10 min: being rude",
        "2026-01-01 00:00 bob: shadow for 1 d: spam",
        "2026-01-01 00:00 bob: note: number 1",
    ]


@pytest.mark.gen_test
async def test_it_tells_what_is_known_of_one_who_is_not_here(chat: ChatFixture) -> None:
    await chat.open("whois", "ban")
    bob, eve = await chat.join("bob", role="mod"), await chat.join("Eve")
    await eve.say("hi")
    await chat.advance(3600)
    await bob.say("/ban eve spam")
    await chat.advance(3600)
    for _ in range(2):
        lines = await whois(bob, "eve")
        assert lines == [
            "Eve: not here for 2 h",
            "first seen 2026-01-01 00:00, messages: 1",
            "banned for good, by bob: spam",
            "lately:",
            "2026-01-01 01:00 bob: ban: spam",
        ]
        await chat.restart()
        await chat.open("whois", "ban")
        bob = await chat.join("bob", role="mod")
    await bob.say("/ban frank 2h")
    await chat.advance(1)
    assert (await whois(bob, "frank"))[:2] == ["frank: was never here", "banned for another 1 h 59 min, by bob"]


@pytest.mark.gen_test
@pytest.mark.parametrize("name", ["nobody", "x" * 340, '"a \u202e b"', "$where", "__proto__"])
async def test_of_one_who_was_never_here_it_tells_that(chat: ChatFixture, name: str) -> None:
    await chat.open("whois")
    (line,) = await whois(await chat.join("bob", role="mod"), name)
    assert line == f"{name.strip(chr(34))}: was never here".replace("\u202e", "\\u202e")


@pytest.mark.gen_test
async def test_addresses_are_for_those_who_may_see_them_and_of_those_below_them(chat: ChatFixture) -> None:
    await chat.open("whois")
    bob, carol = await chat.join("bob", role="mod", address="203.0.113.1"), await chat.join("carol", role="owner")
    await chat.join("dave", role="admin", address="203.0.113.9")
    await chat.join("eve", address="203.0.113.7")
    await chat.join("EVE", address="203.0.113.8")
    assert "203.0.113" not in "".join(await whois(bob, "eve"))
    assert (await whois(carol, "eve"))[2] == "from 203.0.113.7, 203.0.113.8"
    assert (await whois(carol, "bob"))[2] == "from 203.0.113.1"
    assert "203.0.113" not in "".join(await whois(carol, "dave"))
    await chat.open("whois", options={"whois": {"show_addresses": "mod"}})
    assert (await whois(bob, "eve"))[2] == "from 203.0.113.7, 203.0.113.8"
    assert (await whois(bob, "bob"))[2] == "from 203.0.113.1"


@pytest.mark.gen_test
async def test_what_was_done_to_an_address_is_for_those_who_may_see_it(chat: ChatFixture) -> None:
    await chat.open("whois", "ban")
    bob, carol = await chat.join("bob", role="mod"), await chat.join("carol", role="owner")
    await carol.say("/ban 203.0.113.7 7d proxy")
    assert await whois(bob, "203.0.113.7/32") == ["203.0.113.7/32: was never here"]
    assert (await whois(carol, "203.0.113.7/32"))[-1] == "2026-01-01 00:00 carol: ban for 7 d: proxy"


@pytest.mark.gen_test
async def test_what_one_may_not_know_of_a_peer_from_elsewhere_is_left_out(chat: ChatFixture) -> None:
    await chat.open("whois", "notes", options={"whois": {"entries": 0}})
    bob, carol = await chat.join("bob", role="mod"), await chat.join("carol", role="owner")
    await chat.join("kate", role="mod")
    await carol.say("/note kate watch her")
    assert await whois(bob, "kate") == ["kate: mod, here for 0 s", "first seen 2026-01-01 00:00, messages: 0"]
    assert (await whois(carol, "kate"))[-1] == "Note 1, 2026-01-01, carol: watch her"


@pytest.mark.gen_test
async def test_other_plugins_are_asked_only_what_they_can_tell_of_a_user(chat: ChatFixture) -> None:
    async def tell(call: Call) -> str:
        return f"{call.args['name']} has 3 strikes\n" * 9

    async def refuse(call: Call) -> str:
        raise CommandRefused("no")

    strikes = Command("strikes", tell, (UserParam("name"),), Role.MOD)
    notes = Command("notes", refuse, (UserParam("user"), NumberParam("page", required=False)))
    shadowed = Command("shadowed", tell, (NumberParam("name"),))
    await chat.open("whois", having(strikes, notes, shadowed))
    bob = await chat.join("bob", role="mod")
    assert await whois(bob, "eve") == ["eve: was never here", *["eve has 3 strikes"] * 5]


@pytest.mark.gen_test
async def test_there_is_an_end_to_what_it_tells(chat: ChatFixture) -> None:
    async def tell(call: Call) -> str:
        return ("x" * 1500 + "\n") * 5

    asked = [Command(name, tell, (UserParam("user"),)) for name in ("strikes", "notes", "shadowed")]
    await chat.open("whois", "mute", having(*asked), options={"whois": {"entries": 10}})
    bob = await chat.join("bob", role="mod")
    for _ in range(10):
        await bob.say("/mute eve 1 " + "r" * 330)
    lines = await whois(bob, "eve")
    assert (len("\n".join(lines)), len(lines[1])) == (8000, 330 + len("muted for another 1 min, by bob: "))


@pytest.mark.gen_test
async def test_how_much_of_the_log_is_shown_is_an_option(chat: ChatFixture) -> None:
    await chat.open("whois", "mute", options={"whois": {"entries": 2}})
    bob = await chat.join("bob", role="mod")
    for minutes in range(1, 5):
        await bob.say(f"/mute eve {minutes}")
    assert (await whois(bob, "eve"))[-3:] == [
        "lately:",
        "2026-01-01 00:00 bob: mute for 4 min",
        "2026-01-01 00:00 bob: mute for 3 min",
    ]


@pytest.mark.gen_test
async def test_a_member_may_not(chat: ChatFixture) -> None:
    await chat.open("whois")
    mallory = await chat.join("mallory")
    for name in ("eve", "mallory"):
        assert await whois(mallory, name) == [NOT_AUTHORIZED]


@pytest.mark.gen_test
async def test_what_cannot_be_told_is_told(chat: ChatFixture) -> None:
    await chat.open("whois")
    bob = await chat.join("bob", role="mod")
    assert (await bob.say("/whois")).notice == "Usage: /whois <user>"
    chat.store.away = True
    assert (await bob.say("/whois eve")).ack == "INTERNAL_ERROR"


@pytest.mark.gen_test
async def test_since_when_one_is_here_is_forgotten_when_they_go(chat: ChatFixture) -> None:
    await chat.open("whois")
    bob, eve = await chat.join("bob", role="mod"), await chat.join("eve")
    await chat.advance(60)
    tab = await chat.join("eve")
    await eve.leave()
    assert (await whois(bob, "eve"))[0] == "eve: member, here for 1 min"
    await tab.leave()
    await chat.join("eve")
    assert (await whois(bob, "eve"))[0] == "eve: member, here for 0 s"
    await chat.open("whois")
    assert (await whois(bob, "eve"))[0] == "eve: member, here"


@pytest.mark.gen_test
async def test_of_a_crowd_that_left_at_once_nothing_is_remembered_for_good(
    chat: ChatFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tornado_chat_plugins.whois.SWEEP_AT", 3)
    monkeypatch.setattr("tornado_chat.listeners.MAX_WAITING", 1)
    await chat.open("whois")
    state = next(made for _, made in chat.api("whois")._states)
    for number in range(20):
        crowd = [await chat.join(f"visitor {number} {each}") for each in range(2)]
        await asyncio.gather(*[each.leave() for each in crowd])
    await chat.join("alice")
    assert len(state._since) <= 4  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("options", "key"), [({"show_addresses": "member"}, "show_addresses"), ({"entries": 11}, "entries")]
)
def test_options_that_make_no_sense_stop_the_start(options: dict[str, Any], key: str) -> None:
    with pytest.raises(ConfigError, match=rf"apps/2\.toml: plugin\.whois\.{key}"):
        load_plugin("whois", **options)
