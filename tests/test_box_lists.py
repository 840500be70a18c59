"""The moderators' lists in the chatbox: whom a key means, where the focus is, what is said where something fails."""

from __future__ import annotations

import re
from typing import Any

import pytest
from playwright.async_api import Locator, expect

from tests.box import Box, box_config, open_box
from tests.box_wire import hold_back, let_go
from tests.browsers import browser
from tornado_chat.config import Config
from tornado_chat.config_tables import PresenceTable


@pytest.fixture
def config(tmp_path: Any, embedded_uri: str, database: str) -> Config:
    return box_config(tmp_path, embedded_uri, database)


def tab(box: Box, name: str) -> Locator:
    return box.page.get_by_role("tab", name=re.compile(f"^{name}"))


def case(box: Box, text: str) -> Locator:
    return box.page.locator(".case:visible", has_text=text)


def alert(box: Box) -> Locator:
    return box.page.get_by_role("alert").filter(visible=True)


async def type_at_once(box: Box, key: str) -> None:
    """Have a key typed in the very moment that an item is given the focus; `pressed` tells what came of it."""
    await box.page.evaluate(
        """key => addEventListener("focusin", function typed({ target }) {
          if (!target.matches(".case")) return;
          removeEventListener("focusin", typed);
          target.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true }));
          window.decided = target.ariaBusy === "true";
        })""",
        key,
    )


@pytest.mark.gen_test(timeout=120)
async def test_another_page_takes_the_focus_only_from_where_it_was_asked_for(
    chromium: str, serve: Any, config: Config, connect: Any
) -> None:
    server = await serve(config, demo=True)
    client = await connect(server, token="bob")
    for number in range(25):
        assert await client.say(f"/ban villain{number}") is None
    async with browser(chromium) as running:
        bob = await open_box(running, server, "bob")
        await bob.panel("Moderation")
        await tab(bob, "Bans").click()
        await expect(case(bob, "villain24")).to_be_visible()
        more, back = (bob.page.get_by_role("button", name=name, exact=True) for name in ("More", "Back"))

        # One that fails is forgotten.
        await hold_back(bob, "/bans 2")
        await more.click()
        await let_go(bob, "no command")
        await expect(alert(bob)).to_be_visible()
        await bob.field.press_sequentially("yo")
        assert await client.say("/ban latecomer") is None
        await expect(case(bob, "latecomer")).to_be_visible()
        await expect(alert(bob)).to_have_count(0)
        await expect(bob.page.get_by_text("1 / 2")).to_be_visible()
        await expect(bob.field).to_be_focused()

        # One that is slow doesn't tear away who has gone on to something else.
        await hold_back(bob, "/bans 2")
        await more.click()
        await bob.field.focus()
        await let_go(bob, "/bans 2")
        await expect(case(bob, "villain0")).to_be_visible()
        await expect(bob.field).to_be_focused()

        # A key that was meant for something else decides nothing.
        await type_at_once(bob, "u")
        await back.click()
        await expect(case(bob, "latecomer")).to_be_focused()
        assert await bob.page.evaluate("window.decided") is False
        assert bob.troubles == []


@pytest.mark.gen_test(timeout=120)
async def test_a_decision_that_leaves_the_item_is_told_and_a_key_still_means_that_item(
    chromium: str, serve: Any, config: Config
) -> None:
    server = await serve(config, demo=True)
    async with browser(chromium) as running:
        eve, alice = await open_box(running, server, "eve"), await open_box(running, server, "alice")
        carol, bob = await open_box(running, server, "carol"), await open_box(running, server, "bob")
        for text in ("gold", "silver", "bronze"):
            await eve.say(text)
        for number, text in enumerate(("gold", "silver", "bronze"), start=1):
            await expect(alice.row(text)).to_be_visible()
            await alice.say(f"/report {number} spam")
        await bob.panel("Moderation")
        await tab(bob, "Reports").click()
        await case(bob, "gold").focus()
        # CapsLock.
        await bob.page.keyboard.press("Shift+M")
        await expect(alert(bob)).to_contain_text("eve was muted for 10")
        await expect(case(bob, "gold")).to_be_focused()
        await type_at_once(bob, "x")
        await carol.say("/dismiss 1")
        await expect(case(bob, "silver")).to_be_focused()
        assert await bob.page.evaluate("window.decided") is False
        # A keyboard of another script.
        await case(bob, "bronze").focus()
        await case(bob, "bronze").dispatch_event("keydown", {"key": "л", "code": "KeyK", "bubbles": True})
        await expect(case(bob, "silver")).to_be_focused()
        assert bob.troubles == []


@pytest.mark.gen_test(timeout=120)
async def test_what_failed_is_shown_as_long_as_it_matters(chromium: str, serve: Any, config: Config) -> None:
    server = await serve(config, demo=True)
    async with browser(chromium) as running:
        bob, carol = await open_box(running, server, "bob"), await open_box(running, server, "carol")
        calm = bob.page.get_by_text("All is calm").filter(visible=True)
        await bob.panel("Moderation")
        await expect(calm).to_be_visible()  # in the queue
        # Nothing is said of a list before it is known.
        await hold_back(bob, "/bans")
        await tab(bob, "Bans").click()
        await expect(calm).to_have_count(0)
        await let_go(bob, "no command")
        await expect(alert(bob)).to_be_visible()
        await expect(calm).to_have_count(0)
        # What went wrong with loading goes with the next load.
        await carol.say("/ban mallory")
        await expect(case(bob, "mallory")).to_be_visible()
        await expect(alert(bob)).to_have_count(0)
        # What went wrong with a decision stays, whatever is loaded, until the tab is left.
        await case(bob, "mallory").get_by_role("button", name="Undo").click()
        await expect(alert(bob)).to_contain_text("not authorized")
        await carol.say("/ban trudy")
        await expect(case(bob, "trudy")).to_be_visible()
        await expect(alert(bob)).to_contain_text("not authorized")
        await tab(bob, "Mutes").click()
        await expect(calm).to_be_visible()
        await tab(bob, "Bans").click()
        await expect(case(bob, "trudy")).to_be_visible()
        await expect(alert(bob)).to_have_count(0)
        assert bob.troubles == []


@pytest.mark.gen_test(timeout=120)
async def test_names_in_lists_have_the_menu_and_networks_have_none(
    chromium: str, serve: Any, config: Config, connect: Any
) -> None:
    server = await serve(config, demo=True)
    async with browser(chromium) as running:
        bob, carol = await open_box(running, server, "bob"), await open_box(running, server, "carol")
        await carol.say("hello")
        client = await connect(server, token="bob")
        assert await client.say("/mute mallory 1h") is None
        await carol.say("/ban 203.0.113.7")
        await bob.panel("Moderation")
        await tab(bob, "Mutes").click()
        name = case(bob, "mallory").get_by_role("button", name="mallory")
        await name.click()
        items = bob.page.get_by_role("menuitem")
        # Of who isn't here no address is known.
        await expect(items.filter(has_text="Ban with address")).to_have_count(0)
        await expect(items.filter(has_text="Unmute")).to_be_visible()
        # The row is made anew; the focus goes there.
        assert await client.say("/mute mallory 2h louder") is None
        await expect(case(bob, "louder")).to_be_visible()
        await bob.page.keyboard.press("Escape")
        await expect(case(bob, "mallory")).to_be_focused()
        await bob.page.keyboard.press("Tab")
        await expect(name).to_be_focused()
        await bob.page.keyboard.press("Enter")
        await bob.choose("Mute for", "7 days")
        await expect(case(bob, "mallory")).to_contain_text(re.compile("7 d|6 d"))
        await tab(bob, "Bans").click()
        await expect(case(bob, "an address")).to_be_visible()
        await expect(case(bob, "an address").get_by_role("button")).to_have_count(0)
        await bob.menu("hello")
        await expect(items.filter(has_text="Who is this?")).to_be_visible()  # whoever it is
        assert bob.troubles == []


@pytest.mark.gen_test(timeout=120)
async def test_where_there_are_too_many_to_know_the_server_says_who_is_here(
    chromium: str, serve: Any, tmp_path: Any, embedded_uri: str, database: str
) -> None:
    config = box_config(tmp_path, embedded_uri, database, presence=PresenceTable(limit=1))
    server = await serve(config, demo=True)
    async with browser(chromium) as running:
        eve, carol = await open_box(running, server, "eve"), await open_box(running, server, "carol")
        await eve.say("hello")
        await expect(carol.page.get_by_text("2 people here")).to_be_visible()
        await carol.menu("hello")
        await expect(carol.page.get_by_role("menuitem", name="Ban with address…")).to_be_visible()
        assert carol.troubles == []
