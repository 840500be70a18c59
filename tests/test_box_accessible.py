"""The chatbox for everyone: axe-core, the keyboard alone, a screen reader, both directions, phones, any length."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any

import pytest
from playwright.async_api import Page, expect

from tests.box import Box, box_config, open_box, watch
from tests.browsers import browser
from tests.conftest import ROOT
from tornado_chat.models import Role, User
from tornado_chat.store import Posting
from tornado_chat.store_mongo import MongoStore

AXE = ROOT / "tornado_chat" / "web" / "box" / "node_modules" / "axe-core" / "axe.min.js"
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


@pytest.fixture
def config(tmp_path: Any, embedded_uri: str, database: str) -> Any:
    return box_config(tmp_path, embedded_uri, database, apps=(2, 3))


async def violations(page: Page) -> list[str]:
    """Return what axe-core finds wrong with a page as it is now."""
    found = await page.evaluate(
        f"{AXE.read_text('utf-8')}; axe.run({{ runOnly: {RULES!r} }}).then((r) => r.violations.map("
        "(v) => v.id + ': ' + v.nodes.map((n) => n.html + ' ' + n.failureSummary).join(' | ')))"
    )
    return list(found)


async def fill_room(eve: Box, bob: Box) -> None:
    """Have a bit of everything on the page."""
    await eve.say("hello @bob, see https://example.com")
    await bob.say("/me waves")
    await bob.say("good morning @eve")
    await bob.say("/pin be kind")
    await bob.say("/slow 1 10m")
    await eve.say("fudge")
    await expect(bob.page.locator(".mode")).to_have_count(2)
    await eve.say("/nonsense")
    await expect(eve.row("Unknown command")).to_be_visible()


@pytest.mark.gen_test(timeout=120)
@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_axe_finds_nothing(chromium: str, serve: Any, config: Any, scheme: Any) -> None:
    server = await serve(config, demo=True)
    look = {"color_scheme": scheme, "reduced_motion": "reduce"}  # what is fading in has too little contrast yet
    async with browser(chromium) as running:
        guest = await open_box(running, server, **look, path="/chat/3")
        assert await violations(guest.page) == []
        eve = await open_box(running, server, "eve", **look)
        bob = await open_box(running, server, "bob", **look, viewport={"width": 900, "height": 700})
        await fill_room(eve, bob)
        for box in (eve, bob):
            assert await violations(box.page) == []
        await bob.panel("Moderation")
        for name in ("Queue", "Reports", "Mutes", "Bans", "Modes", "Log"):
            await bob.page.get_by_role("tab", name=re.compile(f"^{name}")).click()
            assert await violations(bob.page) == [], name
        await bob.menu("hello @bob")
        assert await violations(bob.page) == []
        await bob.choose("Warn…")
        await expect(bob.page.get_by_role("dialog")).to_be_visible()
        assert await violations(bob.page) == []
        await eve.panel("People")
        assert await violations(eve.page) == []
        await eve.panel("Settings")
        assert await violations(eve.page) == []
        await eve.field.press_sequentially("/m")
        await expect(eve.page.get_by_role("option").first).to_be_visible()
        assert await violations(eve.page) == []
        page = await running.new_page(**look, viewport={"width": 1200, "height": 700})
        await page.goto(f"http://127.0.0.1:{server.port}/moderate/2,3")
        await page.locator(".guest").get_by_role("button", name="bob").click()
        await expect(page.get_by_role("tab", name="Log")).to_have_count(2)
        assert await violations(page) == []


@pytest.mark.gen_test(timeout=120)
@pytest.mark.parametrize("theme", ["light", "dark"])
async def test_whatever_the_accent_is_it_can_be_read(chromium: str, serve: Any, config: Any, theme: str) -> None:
    server = await serve(config, demo=True)
    async with browser(chromium) as running:
        bob = await open_box(running, server, "bob")
        await bob.say("good morning @eve, see https://example.com @alice")
        await bob.say("/pin be kind")
        for accent in ("ffee58", "7cb342", "d4af37", "ff0000", "1a237e", "000000", "ffffff"):
            path = f"/chat/2#theme={theme}&accent=%23{accent}"
            eve = await open_box(running, server, "eve", path=path, reduced_motion="reduce")
            await expect(eve.row("good morning")).to_be_visible()
            assert await violations(eve.page) == [], accent
            await eve.page.close()


@pytest.mark.gen_test(timeout=90)
async def test_it_is_used_with_the_keyboard_alone(chromium: str, serve: Any, config: Any) -> None:
    server = await serve(config, demo=True)
    async with browser(chromium) as running:
        eve, bob = await open_box(running, server, "eve"), await open_box(running, server, "bob")
        await eve.say("one")
        await eve.say("two")
        await expect(bob.row("two")).to_be_visible()
        keys = bob.page.keyboard
        await bob.page.locator(".timeline").focus()
        await keys.press("ArrowUp")
        await expect(bob.row("two")).to_be_focused()
        await keys.press("ArrowUp")
        await expect(bob.row("one")).to_be_focused()
        await keys.press("Enter")
        await expect(bob.page.get_by_role("menuitem", name="Mention")).to_be_focused()
        await keys.press("d")
        await expect(bob.page.get_by_role("menuitem", name="Delete", exact=True)).to_be_focused()
        await keys.press("Enter")
        await expect(eve.page.locator(".row.message", has_text="one")).to_have_count(0)
        await bob.row("two").focus()
        await keys.press("Enter")
        await keys.press("Escape")
        await expect(bob.row("two")).to_be_focused()
        await keys.press("Escape")
        await expect(bob.field).to_be_focused()
        await keys.press("Shift+Tab")
        await expect(bob.page.locator(".timeline")).to_be_focused()
        await keys.press("Shift+Tab")
        await expect(bob.page.get_by_role("button", name="Moderation")).to_be_focused()


@pytest.mark.gen_test(timeout=90)
async def test_what_comes_up_is_read_out_and_history_is_not(
    chromium: str, store: MongoStore, serve: Any, config: Any
) -> None:
    await store.append(2, [Posting(User(1, "alice", Role.MEMBER), "long ago", datetime.now(UTC))], 5.0)
    server = await serve(config, demo=True)
    async with browser(chromium) as running:
        bob, eve = await open_box(running, server, "bob"), await open_box(running, server, "eve")
        read = eve.page.locator("[aria-live=polite].unseen")
        await expect(eve.row("long ago")).to_be_visible()
        await bob.say("now you hear me")
        await expect(read).to_have_text("bob: now you hear me")
        for number in range(6):
            await bob.say(f"quick {number}")
        await expect(read).to_have_text(re.compile(r"\d new messages|bob: quick"))
        assert await eve.page.locator(".timeline").get_attribute("aria-live") == "off"


@pytest.mark.gen_test(timeout=90)
async def test_german_right_to_left_and_small(chromium: str, serve: Any, config: Any) -> None:
    server = await serve(config, demo=True)
    async with browser(chromium) as running:
        german = watch(await running.new_page(locale="de-DE", viewport={"width": 320, "height": 480}))
        await german.page.goto(f"http://127.0.0.1:{server.port}/chat/2?lang=de")
        await expect(german.page.get_by_text("Du liest als Gast mit")).to_be_visible()
        await german.page.get_by_role("button", name="eve", exact=True).click()
        field = german.page.get_by_label("Nachricht", exact=True)
        await field.fill("مرحبا " + "x" * 200)
        await field.press("Enter")
        words = german.page.locator(".row.message .words")
        assert await words.evaluate("node => getComputedStyle(node).direction") == "rtl"
        await expect(german.page.locator(".day")).to_have_text("Heute")
        wide = "document.documentElement.scrollWidth > innerWidth || document.querySelector('.timeline').scrollWidth >"
        assert not await german.page.evaluate(f"{wide} document.querySelector('.timeline').clientWidth")
        # The whole of it turned around: the field's button is on the left, and nothing sticks out.
        await german.page.evaluate("document.documentElement.dir = 'rtl'")
        send = await german.page.get_by_role("button", name="Senden").bounding_box()
        typed = await field.bounding_box()
        assert send is not None
        assert typed is not None
        assert send["x"] < typed["x"]
        assert not await german.page.evaluate(f"{wide} document.querySelector('.timeline').clientWidth")


@pytest.mark.gen_test(timeout=90)
async def test_nothing_moves_for_who_wants_that(chromium: str, serve: Any, config: Any) -> None:
    server = await serve(config, demo=True)
    async with browser(chromium) as running:
        for reduced, moves in (("reduce", False), ("no-preference", True)):
            box = await open_box(running, server, reduced_motion=reduced)
            seconds = await box.page.locator(".icon-button").first.evaluate(
                "n => getComputedStyle(n).transitionDuration"
            )
            assert (seconds != "0s") is moves


@pytest.mark.gen_test(timeout=120)
async def test_ten_thousand_messages_are_a_few_hundred_rows(
    chromium: str, store: MongoStore, serve: Any, config: Any
) -> None:
    server = await serve(config, demo=True)
    async with browser(chromium) as running:
        eve = await open_box(running, server, "eve")
        most = """() => { const room = document.querySelectorAll(".rows > li").length; return room; }"""
        # As the server would send them: through the socket's own way in.
        await eve.page.evaluate(
            """() => { window.most = 0; new MutationObserver(() => {
                window.most = Math.max(window.most, document.querySelectorAll(".rows > li").length);
            }).observe(document.querySelector(".rows"), { childList: true }); }"""
        )
        from tornado_chat.events import new_message
        from tornado_chat.models import Message

        alice = User(1, "alice", Role.MEMBER)
        for start in range(1, 10_001, 500):
            for number in range(start, start + 500):
                message = Message(2, number, datetime.now(UTC), alice, f"line {number}")
                await server._gateway.deliver(2, new_message(message))
            await expect(eve.rows.last).to_contain_text(f"line {start + 499}")
        assert await eve.page.evaluate(most) <= 240
        for _ in range(60):
            await eve.page.locator(".timeline").evaluate("t => { t.scrollTop = 0; }")
            await eve.page.evaluate("() => new Promise(requestAnimationFrame)")
        first = await eve.rows.first.get_attribute("data-id")
        assert int(first or 0) < 8000
        assert await eve.page.evaluate("window.most") <= 241
        await eve.page.locator(".newer").click()
        await expect(eve.rows.last).to_contain_text("line 10000")
        assert eve.troubles == []
