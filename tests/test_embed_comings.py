"""How chatboxes come and go on a site's page: several, again, or not at all, where the chat can't be reached."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from playwright.async_api import Route, expect

from tests.embedding import LOGGED_IN, TAG, Site, Visit, joined, site, start, visiting

LAUNCHER = "tornado-chat .launcher"

PANEL = "tornado-chat .panel"

# Makes `loaded` what a wait for the frame's next `load` is; it comes whatever has been loaded.
WATCH = """() => {
    const frame = document.querySelector("tornado-chat").shadowRoot.querySelector("iframe");
    window.loaded = new Promise((resolve) => frame.addEventListener("load", resolve));
}"""

# Does what a page does that adds the tag by a script.
ADD_TAG = """([src, data, place]) => {
    const tag = document.createElement("script");
    window.policy ??= trustedTypes.createPolicy("site", { createScriptURL: (url) => url });
    tag.src = policy.createScriptURL(src);
    Object.assign(tag.dataset, data);
    document.querySelector(place).append(tag);
}"""

HELLO_PATIENCE = 8000  # ms, as embed_box.ts has it

__all__ = ["site", "start"]


@pytest.mark.gen_test(timeout=90)
async def test_several_boxes_are_beside_each_other_and_the_same_one_is_there_once(
    chromium: str, start: Any, site: Site
) -> None:
    await start()
    tag = '<script src="CHAT/embed.js" data-app="{}" data-token="token-alice" async></script>'
    async with visiting(chromium) as (_, visit):
        page = visit.page
        await page.goto(site.page("".join(tag.format(app) for app in (2, 3, 2))))
        await expect(page.locator(LAUNCHER)).to_have_count(2)
        await page.wait_for_function("() => TornadoChat.boxes.length === 2")
        boxes = [await launcher.bounding_box() for launcher in await page.locator(LAUNCHER).all()]
        assert abs(boxes[0]["x"] - boxes[1]["x"]) >= 56
        await visit.told("on this page already")
        assert sorted(await page.evaluate("TornadoChat.boxes.map((box) => box.settings.app)")) == [2, 3]
        await page.evaluate("TornadoChat.open()")
        assert await page.evaluate("TornadoChat.boxes.map((box) => box.isOpen)") == [True, False]
        await page.evaluate("TornadoChat.destroy()")
        await page.evaluate("TornadoChat.open()")
        assert await page.evaluate("TornadoChat.boxes.map((box) => box.isOpen)") == [True]
        await expect(page.locator("tornado-chat")).to_have_count(1)
        assert visit.troubles == []


@pytest.mark.gen_test(timeout=90)
async def test_a_box_that_was_taken_out_may_come_again(chromium: str, start: Any, site: Site) -> None:
    await start()
    async with visiting(chromium) as (_, visit):
        page = visit.page
        await page.goto(site.page("".join(TAG.replace('"2"', f'"{app}"').format("") for app in (2, 3))))
        await page.wait_for_function("() => TornadoChat.boxes.length === 2")
        await page.evaluate("{ const [box] = TornadoChat.boxes; box.destroy(); box.destroy(); }")
        assert await page.evaluate("TornadoChat.boxes.length") == 1
        await page.evaluate("for (const box of TornadoChat.boxes) box.destroy()")
        assert await page.evaluate("TornadoChat.boxes.length") == 0
        await page.evaluate("TornadoChat.push((chat) => { window.pushed = chat.boxes.length; })")
        assert await page.evaluate("window.pushed") is None
        await page.evaluate(ADD_TAG, [f"{site.chat}/embed.js", {"app": "2"}, "head"])
        await page.wait_for_function("() => window.pushed === 1")
        await page.evaluate("TornadoChat.open()")
        await joined(visit)
        assert (visit.troubles, visit.warnings) == ([], [])


@pytest.mark.gen_test(timeout=90)
@pytest.mark.parametrize("data", [{}, {"mode": "inline"}, {"mode": "inline", "target": "main"}])
async def test_a_box_that_went_with_what_it_was_in_may_come_again(
    chromium: str, start: Any, site: Site, data: dict[str, str]
) -> None:
    await start()
    async with visiting(chromium) as (_, visit):
        page = visit.page
        await visit.listen("ready")
        await page.goto(site.page("", body="<main></main>"))
        for _ in range(2):
            await page.evaluate(
                """() => {
                    const body = document.createElement("body");
                    body.append(document.createElement("main"));
                    document.body.replaceWith(body);
                }"""
            )
            await page.evaluate(ADD_TAG, [f"{site.chat}/embed.js", {"app": "2", "open": "", **data}, "main"])
            await joined(visit)
            await page.wait_for_function("() => TornadoChat.boxes.length === 1")
        assert (visit.troubles, visit.warnings) == ([], [])


class Bad:
    """A network that lets the first requests for the box fail, each as soon as a test lets it, the others pass."""

    def __init__(self, visit: Visit, *ways: Callable[[Route], Awaitable[None]]) -> None:
        self._visit = visit
        self._ways = [*ways]
        self._next = asyncio.Event()

    async def begin(self) -> None:
        await self._visit.page.route("**/chat/*", self._answer)

    async def _answer(self, route: Route) -> None:
        if not self._ways:
            await route.continue_()
            return
        await self._next.wait()
        self._next.clear()
        await self._ways.pop(0)(route)

    async def fail(self) -> None:
        """Let a request fail, and wait until the page could know."""
        page = self._visit.page
        await page.wait_for_selector("tornado-chat iframe", state="attached")
        await page.evaluate(WATCH)
        self._next.set()
        await page.evaluate("window.loaded")


async def unreachable(route: Route) -> None:
    await route.abort("connectionrefused")


async def unavailable(route: Route) -> None:
    await route.fulfill(status=503, content_type="text/plain", body="unavailable")


@pytest.mark.gen_test(timeout=90)
async def test_a_frame_that_could_not_load_is_asked_for_again(chromium: str, start: Any, site: Site) -> None:
    await start()
    async with visiting(chromium) as (_, visit):
        page = visit.page
        await page.clock.install()
        bad = Bad(visit, unreachable, unavailable)
        await bad.begin()
        await page.goto(site.page(LOGGED_IN.replace("async", "data-open async")), wait_until="commit")
        await bad.fail()
        await page.clock.fast_forward(HELLO_PATIENCE)
        await bad.fail()
        assert [text.partition(";")[0] for text in visit.warnings] == [
            f"tornado-chat: no chat at {site.chat}/chat/2#mode=docked"
        ]
        await page.clock.fast_forward(HELLO_PATIENCE)  # it takes twice as long each time
        assert len(visit.warnings) == 1
        await page.clock.fast_forward(HELLO_PATIENCE)
        await joined(visit, "alice")
        await page.clock.fast_forward(100 * HELLO_PATIENCE)
        assert len(visit.warnings) == 2
        await expect(page.locator("tornado-chat iframe")).to_have_count(1)


@pytest.mark.gen_test(timeout=90)
async def test_who_opens_a_box_that_could_not_load_does_not_wait(chromium: str, start: Any, site: Site) -> None:
    await start()
    async with visiting(chromium) as (_, visit):
        page = visit.page
        bad = Bad(visit, unavailable)
        await bad.begin()
        await page.goto(site.page(LOGGED_IN))
        await bad.fail()
        await page.locator(LAUNCHER).click()
        await joined(visit, "alice")
        assert await page.evaluate("document.activeElement.tagName") == "TORNADO-CHAT"
        assert visit.warnings == []


@pytest.mark.gen_test(timeout=90)
@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_visitors_are_told_of_a_chat_that_does_not_come_and_see_no_broken_page(
    chromium: str, start: Any, site: Site, scheme: Any
) -> None:
    await start()
    site.page(TAG.format("data-open"), path="/framed")
    async with visiting(chromium, locale="de-AT", color_scheme=scheme) as (_, visit):
        page = visit.page
        note, frame = page.locator(f"{PANEL} > p"), page.locator("tornado-chat iframe")
        await page.clock.install()
        await page.goto(f"{site.other_url}/framed")
        await visit.told("frame-ancestors")
        await expect(note).to_have_text("")
        await expect(frame).to_be_hidden()
        await page.clock.fast_forward(HELLO_PATIENCE)
        await expect(note).to_have_text("Der Chat ist gerade nicht erreichbar.")
        await expect(frame).to_be_hidden()
        await expect(note).to_have_css("color", "rgb(28, 30, 38)" if scheme == "light" else "rgb(233, 234, 240)")
        panel = "rgb(255, 255, 255)" if scheme == "light" else "rgb(22, 24, 31)"
        await expect(page.locator(PANEL)).to_have_css("background-color", panel)


@pytest.mark.gen_test(timeout=90)
async def test_what_a_box_said_while_it_had_no_chat_goes_when_it_comes(chromium: str, start: Any, site: Site) -> None:
    await start()
    async with visiting(chromium) as (_, visit):
        page = visit.page
        await page.clock.install()
        bad = Bad(visit, unreachable)
        await bad.begin()
        await page.goto(site.page(LOGGED_IN.replace("async", "data-open async")), wait_until="commit")
        await bad.fail()
        await page.clock.fast_forward(HELLO_PATIENCE)
        await joined(visit, "alice")
        await expect(page.locator("tornado-chat iframe")).to_be_visible()
        await expect(page.locator(f"{PANEL} > p")).to_be_hidden()


@pytest.mark.gen_test(timeout=90)
async def test_a_wrong_app_is_told_on_the_console(chromium: str, start: Any, site: Site) -> None:
    await start()
    async with visiting(chromium) as (_, visit):
        page = visit.page
        await page.clock.install()
        await page.goto(site.page(TAG.replace('"2"', '"99"').format("data-open")))
        await expect(visit.frame.get_by_text("there is no app 99 here")).to_be_attached()
        await page.clock.fast_forward(HELLO_PATIENCE)
        await visit.told(
            f"no chat at {site.chat}/chat/99#mode=docked; is there an app 99, and is {site.url} in its origins?"
        )
        assert "frame-ancestors" not in "".join(visit.troubles)
