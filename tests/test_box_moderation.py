"""The chatbox: moderating without a command line, and the page of several apps."""

from __future__ import annotations

import re
from typing import Any

import pytest
from playwright.async_api import Locator, expect

from tests.box import Box, box_config, open_box, watch
from tests.browsers import browser


@pytest.fixture
def config(tmp_path: Any, embedded_uri: str, database: str) -> Any:
    return box_config(tmp_path, embedded_uri, database, apps=(2, 3, 4))


def tab(box: Box, name: str) -> Locator:
    return box.page.get_by_role("tab", name=re.compile(f"^{name}"))


def case(box: Box, text: str) -> Locator:
    return box.page.locator(".case", has_text=text)


@pytest.mark.gen_test(timeout=120)
async def test_the_menu_does_what_the_commands_do(chromium: str, serve: Any, config: Any) -> None:
    server = await serve(config, demo=True)
    async with browser(chromium) as running:
        bob, eve = await open_box(running, server, "bob"), await open_box(running, server, "eve")
        alice = await open_box(running, server, "alice")
        for text in ("one", "two", "three"):
            await eve.say(text)
        await expect(bob.row("three")).to_be_visible()
        await bob.menu("one")
        await bob.choose("Delete")
        for box in (alice, eve):
            await expect(box.page.locator(".row.message", has_text="one")).to_have_count(0)
        await bob.menu("two")
        await bob.choose("Mute for", "1 hour")
        await expect(eve.page.locator(".wait")).to_be_visible()
        await bob.menu("two")
        await bob.choose("Unmute")
        await expect(eve.page.locator(".wait")).to_be_hidden()
        await bob.menu("two")
        await bob.choose("Mute for", "Other…")
        dialog = bob.page.get_by_role("dialog")
        await dialog.get_by_label("For", exact=True).select_option("7 days")
        await dialog.get_by_label("Reason").fill("spamming")
        await dialog.get_by_role("button", name="Mute").click()
        await expect(eve.page.locator(".wait")).to_contain_text(re.compile("7 d 0 h|6 d 23 h"))
        await bob.menu("two")
        await bob.choose("Warn…")
        await dialog.get_by_label("Reason").fill("be kind")
        await dialog.get_by_role("button", name="Warn").click()
        await expect(eve.row("be kind")).to_be_visible()
        await bob.menu("two")
        await bob.choose("Notes…")
        await dialog.get_by_label("New note").fill("keep an eye on <b>this</b> one")
        await dialog.get_by_role("button", name="Add").click()
        await expect(dialog.locator(".card")).to_contain_text("keep an eye on <b>this</b> one")
        await dialog.get_by_role("button", name="Remove").click()
        await expect(dialog.locator(".card")).to_contain_text("There is nothing")
        await dialog.get_by_role("button", name="Close").click()
        await bob.menu("two")
        await bob.choose("Who is this?")
        await expect(dialog.locator(".card")).to_contain_text("eve: member, here")
        await bob.page.keyboard.press("Escape")
        await expect(dialog).to_have_count(0)
        await bob.menu("two")
        await bob.choose("Delete all of theirs…")
        await dialog.get_by_role("button", name="Delete all").click()
        for box in (alice, eve, bob):
            await expect(box.rows).to_have_count(0)
        await bob.panel("People")
        await bob.page.locator(".person", has_text="eve").click()
        await bob.choose("Ban…")
        await dialog.get_by_label("For", exact=True).select_option("for good")
        await dialog.get_by_role("button", name="Ban").click()
        await expect(eve.page.locator(".connection")).to_contain_text("You are banned from this chat")
        await expect(alice.page.get_by_text("2 people here")).to_be_visible()
        await alice.say("thank you")
        await bob.menu("thank you")
        await bob.choose("Pin")
        await expect(alice.page.locator(".mode-pin")).to_contain_text("thank you")
        # Who moderates nothing is offered nothing; and nobody acts on who stands above them.
        await alice.menu("thank you")
        assert await alice.page.get_by_role("menuitem").all_inner_texts() == ["Copy text", "Delete"]  # it is her own
        await alice.page.keyboard.press("Escape")
        carol = await open_box(running, server, "carol")
        await carol.say("hello from above")
        await bob.menu("hello from above")
        names = await bob.page.get_by_role("menuitem").all_inner_texts()
        assert names == ["Mention", "Copy text", "Report", "Pin"] or "Mute for" not in "".join(names)
        assert (alice.troubles, bob.troubles, eve.troubles) == ([], [], [])


@pytest.mark.gen_test(timeout=120)
async def test_queue_and_reports_are_worked_off_by_keys_alone(chromium: str, serve: Any, config: Any) -> None:
    server = await serve(config, demo=True)
    async with browser(chromium) as running:
        eve, alice = await open_box(running, server, "eve"), await open_box(running, server, "alice")
        bob = await open_box(running, server, "bob")
        for number in (1, 2, 3):
            await eve.say(f"fudge {number}")
        shield = bob.page.get_by_role("button", name="Moderation, 3 waiting")
        await expect(shield).to_be_visible()
        await shield.focus()
        keys = bob.page.keyboard
        await keys.press("Enter")
        await expect(tab(bob, "Queue")).to_be_focused()
        await keys.press("ArrowDown")
        await expect(case(bob, "fudge 1")).to_be_focused()
        await keys.press("a")
        await expect(alice.row("fudge 1")).to_be_visible()
        await expect(case(bob, "fudge 2")).to_be_focused()
        await keys.press("j")
        await expect(case(bob, "fudge 3")).to_be_focused()
        await keys.press("d")
        await expect(case(bob, "fudge 3")).to_have_count(0)
        await expect(case(bob, "fudge 2")).to_be_focused()
        await keys.press("d")
        await expect(bob.page.get_by_text("All is calm")).to_be_visible()
        assert await alice.rows.count() == 1

        for text in ("gold", "silver", "bronze"):
            await eve.say(text)
        for text in ("gold", "silver", "bronze"):
            await expect(alice.row(text)).to_be_visible()
            await alice.menu(text)
            await alice.choose("Report", "spam")
        await expect(bob.page.get_by_role("button", name="Moderation, 3 waiting")).to_be_visible()
        await tab(bob, "Queue").focus()
        await keys.press("ArrowRight")
        await expect(tab(bob, "Reports")).to_be_focused()
        await expect(case(bob, "gold")).to_contain_text("alice: spam")
        await keys.press("ArrowDown")
        await keys.press("d")
        await expect(alice.page.locator(".row.message", has_text="gold")).to_have_count(0)
        await expect(case(bob, "silver")).to_be_focused()
        await keys.press("x")
        await expect(case(bob, "silver")).to_have_count(0)
        await expect(case(bob, "bronze")).to_be_focused()
        await keys.press("m")
        await expect(eve.page.locator(".wait")).to_be_visible()
        await expect(bob.page.locator(".case[aria-busy]")).to_have_count(0)
        await keys.press("x")
        await expect(bob.page.get_by_role("button", name="Moderation", exact=True)).to_be_visible()
        await keys.press("Escape")
        await expect(bob.page.get_by_role("button", name="Moderation", exact=True)).to_be_focused()


@pytest.mark.gen_test(timeout=120)
async def test_sanctions_are_undone_modes_switched_and_the_log_searched(chromium: str, serve: Any, config: Any) -> None:
    server = await serve(config, demo=True)
    async with browser(chromium) as running:
        bob, eve = await open_box(running, server, "bob"), await open_box(running, server, "eve")
        carol = await open_box(running, server, "carol")
        await bob.panel("Moderation")
        await tab(bob, "Mutes").click()
        await carol.say("/mute eve 1h too loud")
        await expect(case(bob, "eve")).to_contain_text(
            re.compile("another (59:|1 h 0 min).*by carol.*too loud", re.DOTALL)
        )
        await carol.say("/unmute eve")
        await expect(case(bob, "eve")).to_have_count(0)
        await bob.say("/mute eve 1h")
        await case(bob, "eve").get_by_role("button", name="Undo").click()
        await expect(case(bob, "eve")).to_have_count(0)
        await expect(eve.page.locator(".wait")).to_be_hidden()
        await tab(bob, "Bans").click()
        await bob.say("/ban mallory 1d scam")
        await bob.say("/ban 203.0.113.7")
        await expect(case(bob, "mallory")).to_contain_text("scam")
        await expect(case(bob, "an address")).to_contain_text("for good")
        await case(bob, "mallory").get_by_role("button", name="Undo").click()
        await expect(case(bob, "mallory")).to_have_count(0)
        await tab(bob, "Modes").click()
        for label, mode in (
            ("Slow mode, seconds", "Slow mode: one message every 10 sec"),
            ("Locked: only staff talk", "Locked: only staff can talk"),
            ("Members only", "Members only"),
            ("Unique messages only", "Unique messages only"),
        ):
            switch = bob.page.get_by_role("switch", name=label)
            await switch.check()
            await expect(eve.page.locator(".mode", has_text=mode)).to_be_visible()
            await switch.uncheck()
            await expect(eve.page.locator(".mode", has_text=mode)).to_have_count(0)
        await carol.say("/slow 5")
        await expect(bob.page.get_by_role("switch", name="Slow mode, seconds")).to_be_checked()
        await tab(bob, "Log").click()
        entries = bob.page.locator(".log > li")
        await expect(entries.first).to_contain_text("slow")
        await bob.page.get_by_role("button", name="Older").click()
        await expect(bob.page.locator(".log > li", has_text="too loud")).to_be_visible()
        await bob.page.get_by_label("Search the log").fill("scam")
        await bob.page.keyboard.press("Enter")
        await expect(entries).to_have_count(1)
        await expect(entries).to_contain_text("mallory")
        assert bob.troubles == []


@pytest.mark.gen_test(timeout=120)
async def test_one_minds_three_apps_side_by_side(chromium: str, serve: Any, config: Any) -> None:
    server = await serve(config, demo=True)
    async with browser(chromium) as running:
        bob = watch(await running.new_page(viewport={"width": 1300, "height": 700}))
        await bob.page.goto(f"http://127.0.0.1:{server.port}/moderate/2,3")
        await bob.page.get_by_label("App number").fill("4")
        await bob.page.get_by_role("button", name="Add").click()
        await bob.page.wait_for_url("**/moderate/2,3,4")
        await bob.page.get_by_role("button", name="bob", exact=True).click()
        await expect(bob.page.get_by_role("tab", name="Queue")).to_have_count(3)
        eve = await open_box(running, server, "eve", path="/chat/3")
        await eve.say("fudge in three")
        await expect(case(bob, "fudge in three")).to_be_visible()
        await expect(bob.page.locator(".chip", has_text="App 3").locator(".number")).to_have_text("1")
        await bob.page.locator("h1").first.click()
        await bob.page.keyboard.press("2")
        await bob.page.keyboard.press("ArrowDown")
        await bob.page.keyboard.press("a")
        await expect(eve.row("fudge in three")).to_be_visible()
        await expect(bob.page.locator(".column").nth(1).locator(".row.message")).to_have_count(1)
        await expect(bob.page.locator(".column").nth(0).locator(".row.message")).to_have_count(0)
        await bob.page.get_by_role("button", name="Take App 3 away").click()
        await bob.page.wait_for_url("**/moderate/2,4")
        # The token is remembered for this tab, and is in no address.
        await expect(bob.page.get_by_role("tab", name="Queue")).to_have_count(2)
        assert "bob" not in bob.page.url
        stranger = watch(await running.new_page())
        await stranger.page.goto(f"http://127.0.0.1:{server.port}/moderate/2")
        await stranger.page.get_by_label("Token").fill("alice")
        await stranger.page.get_by_role("button", name="Log in").click()
        await expect(stranger.page.get_by_text("You don't moderate this app")).to_be_visible()
        assert (bob.troubles, stranger.troubles) == ([], [])
