"""The chatbox of those who moderate together: what they mend, what another was quicker with, long lists, who one is."""

from __future__ import annotations

import re
from typing import Any

import msgspec
import pytest
from playwright.async_api import Locator, expect

from tests.box import Box, box_config, open_box, watch
from tests.browsers import browser
from tornado_chat.config import Config

BANS = 25  # more than one page


@pytest.fixture
def config(tmp_path: Any, embedded_uri: str, database: str) -> Config:
    return box_config(tmp_path, embedded_uri, database, apps=(2, 3))


def tab(box: Box, name: str) -> Locator:
    return box.page.get_by_role("tab", name=re.compile(f"^{name}"))


def case(box: Box, text: str) -> Locator:
    return box.page.locator(".case", has_text=text)


def said(box: Box, text: str) -> Locator:
    """The message that says just this; a row also has the time."""
    return box.page.locator(".row.message", has=box.page.locator(".words", has_text=re.compile(f"^{re.escape(text)}$")))


async def choose_by_keys(box: Box, text: str, *labels: str) -> None:
    """Choose in the menu of a message without a mouse."""
    await said(box, text).focus()
    await box.page.keyboard.press("Enter")
    for label in labels:
        await box.page.get_by_role("menuitem", name=label, exact=True).focus()
        await box.page.keyboard.press("Enter")


@pytest.mark.gen_test(timeout=120)
async def test_a_dialog_shows_what_was_refused_and_the_focus_goes_back(
    chromium: str, serve: Any, config: Config
) -> None:
    server = await serve(config, demo=True)
    async with browser(chromium) as running:
        bob, eve = await open_box(running, server, "bob"), await open_box(running, server, "eve")
        carol = await open_box(running, server, "carol")
        for text in ("one", "2", "three"):
            await eve.say(text)
            await expect(bob.row(text)).to_be_visible()
        keys, dialog = bob.page.keyboard, bob.page.get_by_role("dialog")
        await choose_by_keys(bob, "three", "Mute for", "Other…")
        await dialog.get_by_label("For", exact=True).select_option("Other…")
        other = dialog.get_by_label("Such as 30m, 12h or 3d")
        await expect(other).to_be_focused()
        await keys.type("soon")
        await keys.press("Enter")  # the browser asks for a duration
        await expect(other).to_be_focused()
        assert await other.evaluate("field => field.validity.patternMismatch")
        await other.fill("60d")
        await dialog.get_by_label("Reason").fill("minutes of spam")
        await keys.press("Enter")
        await expect(dialog.get_by_role("alert")).to_have_text("A mute lasts at most 30 d")
        await other.fill("45m")
        await keys.press("Enter")
        await expect(dialog).to_have_count(0)
        await expect(said(bob, "three")).to_be_focused()
        await expect(eve.page.locator(".wait")).to_contain_text(re.compile("another (44|45):"))

        await choose_by_keys(bob, "three", "Ban…")
        await expect(dialog).to_have_accessible_name("Ban eve")
        await keys.press("Escape")
        await expect(dialog).to_have_count(0)
        await expect(said(bob, "three")).to_be_focused()

        # What is pinned is the message, not what its text could be read as.
        await choose_by_keys(bob, "2", "Pin")
        await expect(eve.page.locator(".mode-pin")).to_contain_text("eve: 2")
        await choose_by_keys(bob, "2", "Unpin")
        await expect(eve.page.locator(".mode-pin")).to_have_count(0)
        # Nor is what another one pinned meanwhile unpinned.
        await carol.say("/pin 1")
        await expect(bob.page.locator(".mode-pin")).to_contain_text("eve: one")
        await said(bob, "one").focus()
        await keys.press("Enter")
        await carol.say("/pin 3")
        await expect(bob.page.locator(".mode-pin")).to_contain_text("eve: three")
        await bob.choose("Unpin")
        await bob.say("there")
        await expect(eve.row("there")).to_be_visible()
        await expect(eve.page.locator(".mode-pin")).to_contain_text("eve: three")
        await choose_by_keys(bob, "one", "Pin")
        await expect(eve.page.locator(".mode-pin")).to_contain_text("eve: one")
        await choose_by_keys(bob, "one", "Delete")
        await expect(eve.page.locator(".mode-pin")).to_have_count(0)
        await expect(bob.page.locator(".row:focus")).to_have_count(1)  # beside the one that is gone

        # The row of an open menu is made anew, as the first one that eve's name stands over.
        await said(bob, "three").focus()
        await keys.press("Enter")
        await carol.say("/delete 2")
        await expect(said(bob, "2")).to_have_count(0)
        await keys.press("Escape")
        await expect(said(bob, "three")).to_be_focused()

        await choose_by_keys(bob, "three", "Kick")
        await expect(eve.row("You were kicked")).to_be_visible()
        await expect(bob.page.get_by_text("2 people here")).to_be_visible()
        assert (bob.troubles, eve.troubles) == ([], [])


@pytest.mark.gen_test(timeout=120)
async def test_two_work_off_one_queue(chromium: str, serve: Any, config: Config) -> None:
    server = await serve(config, demo=True)
    async with browser(chromium) as running:
        eve = await open_box(running, server, "eve")
        bob, carol = await open_box(running, server, "bob"), await open_box(running, server, "carol")
        for number in (1, 2, 3, 4):
            await eve.say(f"fudge {number}")
        await bob.page.get_by_role("button", name="Moderation, 4 waiting").press("Enter")
        keys = bob.page.keyboard
        await keys.press("ArrowDown")
        await keys.press("j")
        await expect(case(bob, "fudge 2")).to_be_focused()
        # Another one is quicker with what stands before it: a key still means the same message.
        await carol.say("/approve 1")
        await expect(case(bob, "fudge 1")).to_have_count(0)
        await expect(case(bob, "fudge 2")).to_be_focused()
        # A key that is held down decides once.
        await keys.down("d")
        await keys.down("d")
        await keys.down("d")
        await expect(case(bob, "fudge 2")).to_have_count(0)
        await expect(case(bob, "fudge 3")).to_be_focused()
        await keys.down("d")
        await keys.up("d")
        await carol.say("/queue")
        await expect(carol.row("#3 eve: fudge 3")).to_be_visible()
        await carol.say("/approve 3")
        await expect(case(bob, "fudge 4")).to_be_focused()
        await keys.press("Tab")
        await expect(case(bob, "fudge 4").get_by_role("button", name="eve")).to_be_focused()
        await keys.press("Tab")
        await expect(bob.page.get_by_role("button", name="Approve")).to_be_focused()
        await keys.press("Enter")
        await expect(eve.row("fudge 4")).to_be_visible()
        await expect(bob.page.locator(".empty:focus")).to_contain_text("All is calm")
        await expect(bob.page.locator("[role=status].unseen")).to_contain_text("The message of eve was posted")
        assert (bob.troubles, carol.troubles) == ([], [])


@pytest.mark.gen_test(timeout=120)
async def test_long_lists_have_pages_and_what_is_left_runs(
    chromium: str, serve: Any, config: Config, connect: Any
) -> None:
    server = await serve(config, demo=True)
    client = await connect(server, token="carol")
    for number in range(BANS):
        assert await client.say(f"/ban villain{number}") is None
    async with browser(chromium) as running:
        bob = await open_box(running, server, "bob")
        await bob.panel("Moderation")
        await tab(bob, "Bans").click()
        cases = bob.page.locator(".case:visible")
        await expect(cases).to_have_count(20)
        await expect(bob.page.get_by_text("1 / 2")).to_be_visible()
        await bob.page.get_by_role("button", name="More").click()
        await expect(cases).to_have_count(5)
        await expect(cases.first).to_be_focused()
        await bob.page.get_by_role("button", name="Back").click()
        await expect(case(bob, f"villain{BANS - 1}")).to_be_focused()
        # Nobody undoes what a superior did; that is said, and nothing is lost.
        await case(bob, f"villain{BANS - 1}").get_by_role("button", name="Undo").click()
        await expect(bob.page.get_by_role("alert").filter(visible=True)).to_contain_text("not authorized")
        await expect(cases).to_have_count(20)

        # The server says nothing where a ban is over.
        assert await client.say("/ban moment 5s") is None
        await expect(case(bob, "moment")).to_be_visible()
        await expect(case(bob, "moment")).to_have_count(0, timeout=15_000)

        await tab(bob, "Mutes").click()
        assert await client.say('/mute "eve" 30m') is None
        left = case(bob, "eve").locator(".left")
        await expect(left).to_have_text(re.compile("another (30|29):"))
        first = await left.inner_text()
        await expect(left).not_to_have_text(first)

        await tab(bob, "Modes").click()
        slow = bob.page.get_by_role("switch", name="Slow mode")
        await slow.check()
        await expect(slow).to_have_accessible_description(re.compile("another (10:00|9:)"))
        await bob.page.get_by_label("Seconds between").fill("25")
        await bob.page.keyboard.press("Enter")
        await expect(bob.page.locator(".mode")).to_contain_text("one message every 25 sec")
        # Another number doesn't change how long it lasts.
        assert await client.say("/slow 30 1d") is None
        await expect(slow).to_have_accessible_description(re.compile("another (1 d|23 h)"))
        await bob.page.get_by_label("Seconds between").fill("20")
        await bob.page.keyboard.press("Enter")
        await expect(bob.page.locator(".mode")).to_contain_text("one message every 20 sec")
        await expect(slow).to_have_accessible_description(re.compile("another (1 d|23 h)"))
        assert await client.say("/pin Be kind") is None
        await bob.page.get_by_role("button", name="Unpin").click()
        await expect(bob.page.locator(".mode-pin")).to_have_count(0)

        await tab(bob, "Log").click()
        entries = bob.page.locator(".log > li")
        await expect(entries.first).to_contain_text("pin")
        await bob.page.get_by_role("button", name="Older").click()
        await expect(entries).to_have_count(20)
        # Who has read on keeps their place until they ask for what is new.
        assert await client.say("/ban latecomer") is None
        await bob.page.get_by_role("button", name="Show what is new").click()
        await expect(entries.first).to_contain_text("latecomer")
        await expect(entries).to_have_count(10)
        assert bob.troubles == []


@pytest.mark.gen_test(timeout=120)
async def test_only_what_there_are_commands_for_is_offered(chromium: str, serve: Any, config: Config) -> None:
    name, app = config.apps[2]
    few = msgspec.structs.replace(app, plugins=("mute", "lock"), plugin={})
    server = await serve(msgspec.structs.replace(config, apps={2: (name, few)}), demo=True)
    async with browser(chromium) as running:
        bob, eve = await open_box(running, server, "bob"), await open_box(running, server, "eve")
        await eve.say("hello")
        await bob.menu("hello")
        items = bob.page.get_by_role("menuitem")
        await expect(items).to_have_text(["Mention", "Copy text", "Ignore", re.compile("Mute for")])
        await bob.page.keyboard.press("Escape")
        await bob.panel("Moderation")
        await expect(bob.page.get_by_role("tab")).to_have_text(["Mutes", "Modes"])
        await bob.page.keyboard.press("End")
        await expect(tab(bob, "Modes")).to_be_focused()
        await expect(bob.page.get_by_role("switch")).to_have_count(1)
        await bob.page.keyboard.press("ArrowRight")
        await expect(tab(bob, "Mutes")).to_be_focused()
        panel = bob.page.get_by_role("tabpanel")
        assert await panel.get_attribute("id") == await tab(bob, "Mutes").get_attribute("aria-controls")
        assert (bob.troubles, eve.troubles) == ([], [])


OPENER = """([url, token]) => {
  addEventListener("message", ({ data, source }) => {
    if (data?.tornadoChat !== 1 || data.type !== "hello") return;
    source.postMessage({ tornadoChat: 1, type: "init", token, options: {} }, location.origin);
  });
  open(url);
}"""


@pytest.mark.gen_test(timeout=120)
async def test_the_page_of_several_apps_knows_who_one_is(chromium: str, serve: Any, config: Config) -> None:
    server = await serve(config, demo=True)
    url = f"http://127.0.0.1:{server.port}/moderate/2,3"
    async with browser(chromium) as running:
        box = watch(await running.new_page(viewport={"width": 1100, "height": 700}))
        page = box.page
        await page.goto(url)
        token, logout = page.get_by_label("Token"), page.get_by_role("button", name="Log out")
        assert await token.get_attribute("type") == "password"
        await token.fill("nobody at all")
        await token.press("Enter")
        await expect(page.get_by_text("Nobody here has that token")).to_be_visible()
        await page.reload()
        await expect(page.get_by_text("You are reading as a guest")).to_have_count(2)
        await token.fill("bob")
        await token.press("Enter")
        await expect(page.get_by_role("tablist")).to_have_count(2)
        await expect(token).to_be_hidden()
        assert await page.get_by_role("heading", level=1).all_inner_texts() == ["Moderate"]
        assert await page.get_by_role("main").count() == 1

        eve = await open_box(running, server, "eve", path="/chat/3")
        await eve.say("fudge")
        await expect(page.get_by_role("button", name=re.compile("App 3 ?1 ?waiting"))).to_be_visible()
        await expect(page).to_have_title("(1) Moderate")
        second = page.locator(".column").nth(1)
        await page.get_by_role("switch", name="Keys 1–2").focus()
        await page.keyboard.press("2")
        await expect(second.get_by_role("tab", name="Queue")).to_be_focused()
        await page.get_by_role("switch", name="Keys 1–2").uncheck()
        await page.keyboard.press("1")
        await expect(page.get_by_role("switch", name="Keys 1–2")).to_be_focused()

        await logout.click()
        await expect(page.get_by_role("tablist")).to_have_count(0)
        await page.reload()
        await expect(token).to_be_visible()
        await expect(page.get_by_text("You are reading as a guest")).to_have_count(2)
        assert page.url == url
        assert [each for each in box.troubles if "nobody" in each or "bob" in each] == []

        site = await running.new_page()
        await site.goto(f"http://127.0.0.1:{server.port}/chat/2")
        async with site.expect_popup() as coming:
            await site.evaluate(OPENER, [url, "carol"])
        popup = await coming.value
        await expect(popup.get_by_role("tablist")).to_have_count(2)
        await expect(popup.get_by_label("Token")).to_be_hidden()
