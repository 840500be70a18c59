"""/mods: who of the staff is here, by role; for everybody, or for staff alone."""

from __future__ import annotations

import pytest

from tests.chats import load_plugin
from tornado_chat.errors import ConfigError
from tornado_chat.testing import ChatFixture


@pytest.mark.gen_test
async def test_everybody_may_ask_who_of_the_staff_is_here(chat: ChatFixture) -> None:
    await chat.open("mods")
    eve = await chat.join("eve")
    assert (await eve.say("/mods")).notice == "No moderator is here"
    for name, role in (("bob", "mod"), ("carol", "owner"), ("Kate B.", "mod"), ("dave", "admin"), ("bob", "mod")):
        person = await chat.join(name, role=role)
    assert (await eve.say("/mods")).notice == "admin: dave\nowner: carol\nmod: bob, Kate B."
    await person.leave()
    await chat.people[3].leave()
    assert (await eve.say("/mods")).notice == "admin: dave\nowner: carol\nmod: bob"
    assert (await eve.say("/mods x")).notice == '"x" is too much. Usage: /mods'


@pytest.mark.gen_test
async def test_a_large_staff_is_cut(chat: ChatFixture) -> None:
    await chat.open("mods")
    for role in ("mod", "owner", "admin"):
        for number in range(40):
            await chat.join(f"{role}{number}".ljust(64, "x"), role=role)
    notice = (await chat.people[0].say("/mods")).notice
    assert notice is not None
    assert notice.split("\n")[2].endswith("mod29".ljust(64, "x") + " and 10 more")


@pytest.mark.gen_test
async def test_who_may_ask_is_an_option(chat: ChatFixture) -> None:
    await chat.open("mods", options={"mods": {"role": "mod"}})
    eve, bob = await chat.join("eve"), await chat.join("bob", role="mod")
    assert (await eve.say("/mods")).notice == "You are not authorized to do that"
    assert (await bob.say("/mods")).notice == "mod: bob"


def test_options_that_make_no_sense_stop_the_start() -> None:
    with pytest.raises(ConfigError, match=r"apps/2\.toml: plugin\.mods\.role"):
        load_plugin("mods", role="guest")
