"""How the chatbox stands on a site's page: where, how large, in which colours and language, and what is heard."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.async_api import Frame, Page, expect

from tests.embedding import LOGGED_IN, TAG, Site, field_of, joined, site, start, visiting

LAUNCHER = "tornado-chat .launcher"

PHONE = {"width": 360, "height": 640}

PANEL = "tornado-chat .panel"

# Does what a page does that adds the tag by a script.
ADD_TAG = """([src, data, place]) => {
    const tag = document.createElement("script");
    window.policy ??= trustedTypes.createPolicy("site", { createScriptURL: (url) => url });
    tag.src = policy.createScriptURL(src);
    Object.assign(tag.dataset, data);
    document.querySelector(place).append(tag);
}"""

POLLING = 50  # ms; a frame that isn't shown has no animation frames, at which Playwright would look

# Counts the tones that are played; `gesture()` stands for what the browser waits for before it lets any be.
EARS = """
    window.tones = 0;
    const { start } = OscillatorNode.prototype;
    OscillatorNode.prototype.start = function (...times) { window.tones += 1; return start.apply(this, times); };
    const allowed = new Promise((resolve) => { window.gesture = resolve; });
    window.AudioContext = class extends AudioContext {
        state = "suspended";
        resume() { return allowed; }
    };
"""

__all__ = ["site", "start"]


async def chat_in(page: Page) -> Frame:
    """Return the box's frame, for scripts to run in."""
    frame = await (await page.wait_for_selector("tornado-chat iframe", state="attached")).content_frame()
    assert frame is not None
    return frame


@pytest.mark.gen_test(timeout=90)
async def test_it_is_put_where_the_tag_says(chromium: str, start: Any, site: Site) -> None:
    await start()
    target = "<div id=here></div>"
    async with visiting(chromium, viewport={"width": 900, "height": 700}) as (_, visit):
        page = visit.page
        await page.goto(site.page(TAG.format("data-mode=inline data-target='#here'"), body=target))
        await joined(visit)
        assert await page.evaluate("document.querySelector('#here > tornado-chat') !== null")
        assert (await page.locator("tornado-chat iframe").bounding_box())["height"] >= 320
        await expect(page.locator(LAUNCHER)).to_have_count(0)
        await expect(visit.frame.get_by_role("button", name="Make small")).to_have_count(0)

        await page.goto(site.page("", body=f"<main>{TAG.format('data-mode=inline')}<p>after</p></main>", path="/after"))
        await joined(visit)
        assert await page.evaluate("document.querySelector('main > script + tornado-chat + p') !== null")

        await page.goto(site.page("", body=TAG.format("data-mode=inline") * 2, path="/twice"))
        await page.wait_for_function("() => document.querySelectorAll('script + tornado-chat').length === 2")

        await page.goto(site.page(TAG.format("data-mode=page"), path="/page"))
        await joined(visit)
        box = await page.locator("tornado-chat iframe").bounding_box()
        assert (box["x"], box["y"], box["width"], box["height"]) == (0, 0, 900, 700)
        await page.evaluate("TornadoChat.close()")
        await expect(page.locator("tornado-chat")).to_be_hidden()
        assert (visit.troubles, visit.warnings) == ([], [])


@pytest.mark.gen_test(timeout=90)
async def test_on_a_phone_it_fills_the_screen_and_can_be_made_small(chromium: str, start: Any, site: Site) -> None:
    await start()
    async with visiting(chromium, viewport=PHONE, has_touch=True, is_mobile=True, reduced_motion="reduce") as (
        _,
        visit,
    ):
        page = visit.page
        await visit.listen("ready")
        await page.goto(site.page(LOGGED_IN, head="<meta name=viewport content='width=device-width'>"))
        await visit.happened("ready")
        chat = await chat_in(page)
        await chat.evaluate("window.told = []; addEventListener('message', ({ data }) => window.told.push(data.type))")
        await page.locator(LAUNCHER).tap()
        await joined(visit, "alice")
        await page.evaluate("TornadoChat.logout()")
        await chat.wait_for_function("() => told.includes('logout')", polling=POLLING)
        assert await chat.evaluate("told") == ["shown", "logout"]  # and no focus, which would bring up a keyboard
        await page.evaluate("TornadoChat.login('token-alice')")
        await joined(visit, "alice")
        box = await page.locator(PANEL).bounding_box()
        assert (box["x"], box["y"], box["width"], box["height"]) == (0, 0, 360, 640)
        await expect(page.locator(LAUNCHER)).to_be_hidden()
        await visit.frame.get_by_role("button", name="Make small").tap()
        await expect(page.locator(LAUNCHER)).to_be_visible()
        await expect(page.locator(PANEL)).to_be_hidden()


@pytest.mark.gen_test(timeout=90)
async def test_sides_languages_and_colours(chromium: str, start: Any, site: Site) -> None:
    await start()
    async with visiting(chromium, viewport={"width": 900, "height": 700}, locale="de-AT") as (_, visit):
        page = visit.page
        tag = TAG.format("data-accent='#ffee00' data-theme=dark")
        await page.goto(site.page(tag, html="lang=he dir=rtl"))
        launcher = page.get_by_role("button", name="Chat öffnen")
        assert (await launcher.bounding_box())["x"] == 20
        assert await launcher.evaluate("(node) => getComputedStyle(node).backgroundColor") == "rgb(255, 238, 0)"
        assert await launcher.evaluate("(node) => getComputedStyle(node).color") == "rgb(0, 0, 0)"
        await launcher.click()
        root = visit.frame.locator(":root")
        await expect(root).to_have_attribute("data-theme", "dark")
        await expect(root).to_have_attribute("lang", "de")
        await page.evaluate("TornadoChat.theme({ theme: 'light', accent: '#123456', background: 'url(x)' })")
        await expect(root).to_have_attribute("data-theme", "light")
        launcher = page.locator(LAUNCHER)
        assert await launcher.evaluate("(node) => getComputedStyle(node).color") == "rgb(255, 255, 255)"
        assert ["background" in text for text in visit.warnings] == [True]
        for none in ("null", "''"):
            await page.evaluate(
                f"TornadoChat.theme({{ theme: {none}, accent: {none}, text: {none}, background: {none} }})"
            )
            await expect(root).to_have_css("--accent", "#4457d6")
            await expect(root).to_have_css("--background", "#ffffff")
            await expect(root).to_have_css("--text", "#1c1e26")
            assert await launcher.evaluate("(node) => getComputedStyle(node).backgroundColor") == "rgb(68, 87, 214)"
            await expect(page.locator(PANEL)).to_have_css("background-color", "rgb(255, 255, 255)")
            await page.evaluate("TornadoChat.theme({ accent: 'red', background: 'black', text: 'white' })")
            await expect(root).to_have_css("--accent", "red")
            await expect(root).to_have_css("color-scheme", "dark")
        assert len(visit.warnings) == 1
        await page.goto(site.page(TAG.format("data-side=right data-lang=en"), html="dir=rtl", path="/right"))
        assert (await page.get_by_role("button", name="Open chat").bounding_box())["x"] == 900 - 56 - 20


@pytest.mark.gen_test(timeout=90)
async def test_what_could_not_be_heard_in_time_is_not_heard_later(
    chromium: str, start: Any, site: Site, connect: Any
) -> None:
    server = await start()
    bob = await connect(server, token="token-bob")
    async with visiting(chromium) as (_, visit):
        page = visit.page
        await visit.listen("ready", "mention")
        await page.add_init_script(EARS)
        await page.clock.install()
        await page.goto(site.page(LOGGED_IN))
        await visit.happened("ready")
        for text in ("@alice one", "@alice two"):
            assert await bob.say(text) is None
        await visit.happened("mention", 2)
        await page.clock.fast_forward(2000)
        chat = await chat_in(page)
        await chat.evaluate("gesture()")
        assert await bob.say("@alice three") is None
        await chat.wait_for_function("() => tones > 1", polling=POLLING)
        assert await chat.evaluate("tones") == 2


@pytest.mark.gen_test(timeout=90)
@pytest.mark.parametrize("system", ["light", "dark"])
async def test_colours_without_a_theme_choose_the_one_that_is_readable_on_them(
    chromium: str, start: Any, site: Site, system: Any
) -> None:
    await start()
    async with visiting(chromium, color_scheme=system) as (_, visit):
        page, root = visit.page, visit.frame.locator(":root")

        async def looks(theme: str) -> None:
            await expect(root).to_have_css("color-scheme", theme)
            assert await page.evaluate("'dark' in document.querySelector('tornado-chat').dataset") is (theme == "dark")

        await page.goto(site.page(TAG.format("data-open data-background=white data-text=#222")))
        await looks("light")
        await page.evaluate("TornadoChat.theme({ background: '#123', text: 'white' })")
        await looks("dark")
        await page.evaluate("TornadoChat.theme({ theme: 'light' })")
        await looks("light")
        await page.evaluate("TornadoChat.theme({ accent: 'red' })")
        await looks("light")
        await page.goto(site.page(TAG.format("data-open data-theme=system data-background=black"), path="/black"))
        await looks("dark")
        await page.goto(site.page(TAG.format("data-open data-text=#222"), path="/text"))
        await looks("light")
        await page.goto(site.page(TAG.format("data-open data-accent=#222"), path="/accent"))
        await looks(system)


@pytest.mark.gen_test(timeout=90)
async def test_a_button_says_which_chat_it_opens(chromium: str, start: Any, site: Site) -> None:
    await start('[box]\ntitle = "Tea"')
    async with visiting(chromium) as (_, visit):
        await visit.page.goto(site.page(TAG.format("")))
        button = visit.page.get_by_role("button", name="Open chat: Tea", exact=True)
        await expect(button).to_have_attribute("title", "Open chat: Tea")
        await visit.page.goto(site.page(TAG.format("data-title=Coffee"), path="/named"))
        await visit.page.evaluate("TornadoChat.open()")
        await joined(visit)
        await expect(visit.page.get_by_role("button", name="Close chat: Coffee", exact=True)).to_be_visible()


@pytest.mark.gen_test(timeout=90)
async def test_docked_boxes_are_never_on_each_other(chromium: str, start: Any, site: Site) -> None:
    await start()
    tag = '<script src="CHAT/embed.js" data-app="{}" data-open {}></script>'
    body = tag.format(2, "") + tag.format(3, "data-side=right") + tag.format(4, "data-side=left")
    async with visiting(chromium) as (_, visit):
        page = visit.page

        async def places() -> list[float]:
            boxes = [await launcher.bounding_box() for launcher in await page.locator(LAUNCHER).all()]
            return sorted(box["x"] for box in boxes if box)

        async def opened() -> Any:
            return await page.evaluate("TornadoChat.boxes.filter((box) => box.isOpen).map((box) => box.settings.app)")

        await page.goto(site.page("", body=body))
        left, second, first = await places()
        assert (left, first - second) == (20, 68)
        assert await opened() == [2, 4]
        await page.evaluate("TornadoChat.boxes[1].open()")
        assert await opened() == [3, 4]
        await page.evaluate("TornadoChat.boxes[0].destroy()")
        await page.evaluate(ADD_TAG, [f"{site.chat}/embed.js", {"app": "5"}, "head"])
        await page.wait_for_function("() => TornadoChat.boxes.length === 3")
        assert await places() == [left, second, first]
        await page.evaluate("TornadoChat.boxes[2].open()")
        assert await opened() == [4, 5]


@pytest.mark.gen_test(timeout=90)
async def test_what_is_in_a_window_of_its_own_sounds_there_alone(
    chromium: str, start: Any, site: Site, connect: Any
) -> None:
    server = await start()
    bob = await connect(server, token="token-bob")
    async with visiting(chromium) as (context, visit):
        page = visit.page
        await context.add_init_script(EARS)
        await visit.listen("ready", "mention")
        await page.goto(site.page(LOGGED_IN))
        await visit.happened("ready")
        chat = await chat_in(page)
        hear = "({ data }) => { if (data.type === 'shown') window.told = data; }"
        await chat.evaluate(f"gesture(); window.told = {{}}; addEventListener('message', {hear})")
        async with page.expect_popup() as opening:
            assert await page.evaluate("TornadoChat.open(); TornadoChat.popOut()")
        popup = await opening.value
        await expect(field_of(popup)).to_be_visible()
        await popup.evaluate("gesture()")
        await chat.wait_for_function("() => told.open === false && told.elsewhere", polling=POLLING)
        assert await bob.say("@alice one") is None
        await popup.wait_for_function("() => tones > 1")
        await visit.happened("mention")
        assert await chat.evaluate("tones") == 0

        await page.evaluate("TornadoChat.open()")
        await chat.wait_for_function("() => told.open && !told.elsewhere", polling=POLLING)
        await page.evaluate("TornadoChat.close()")
        await chat.wait_for_function("() => told.open === false && told.elsewhere", polling=POLLING)
        await popup.close()
        await chat.wait_for_function("() => told.open === false && !told.elsewhere", polling=POLLING)
        assert await bob.say("@alice two") is None
        await chat.wait_for_function("() => tones > 1", polling=POLLING)
