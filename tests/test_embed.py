"""The one tag, on a page of another origin under a strict policy: the box, its button, and what both sides believe."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from playwright.async_api import Frame, Page, Route, expect

from tests.conftest import ROOT
from tests.embedding import Site, Visit, site, visiting

TAG = '<script src="CHAT/embed.js" data-app="2" {} async></script>'
LOGGED_IN = TAG.format('data-token="token-alice"')
LAUNCHER = "tornado-chat .launcher"
PHONE = {"width": 360, "height": 640}
PANEL = "tornado-chat .panel"

# The page answers after embed.js has had its chance to: what it would have sent would come first.
ANSWER = "addEventListener('message', ({ data, source }) => data.last && source.postMessage('end', '*'))"

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

__all__ = ["site"]


@pytest.fixture
def start(serve: Any, make_config: Any, site: Site) -> Callable[..., Awaitable[Any]]:
    """Start a server whose apps allow the site's pages."""

    async def start(more: str = "") -> Any:
        server = await serve(make_config(app=f'origins = ["{site.url}"]\n{more}'))
        site.chat = f"http://127.0.0.1:{server.port}"
        return server

    return start


def field_of(box: Any, label: str = "Message") -> Any:
    """Where one writes."""
    return box.get_by_label(label, exact=True)


async def chat_in(page: Page) -> Frame:
    """Return the box's frame, for scripts to run in."""
    frame = await (await page.wait_for_selector("tornado-chat iframe", state="attached")).content_frame()
    assert frame is not None
    return frame


async def joined(visit: Visit, uname: str = "") -> None:
    """Wait until the box is there, for a user or for a guest."""
    field = field_of(visit.frame)
    await expect(field if uname else visit.frame.get_by_text("You are reading as a guest")).to_be_visible()


@pytest.mark.gen_test(timeout=90)
async def test_one_tag_is_a_button_that_opens_the_chat(chromium: str, start: Any, site: Site, connect: Any) -> None:
    server = await start()
    bob = await connect(server, token="token-bob")
    async with visiting(chromium) as (_, visit):
        page = visit.page
        await visit.listen("ready", "login", "message", "mention", "unread", "open", "close", "state")
        await page.goto(site.page(LOGGED_IN))
        launcher = page.get_by_role("button", name="Open chat")
        await expect(launcher).to_have_attribute("aria-expanded", "false")
        assert await visit.happened("login") == [{"id": 1, "uname": "alice", "role": "member"}]
        await visit.happened("ready")
        await bob.say("hello")
        await bob.say("hello @alice")
        assert [each["text"] for each in await visit.happened("message", 2)] == ["hello", "hello @alice"]
        assert await visit.happened("mention") == [
            {"id": 2, "user": {"uname": "bob", "role": "mod"}, "text": "hello @alice"}
        ]
        assert await visit.happened("unread", 2) == [1, 2]
        await expect(page.get_by_role("button", name="Open chat, 2 unread messages")).to_be_visible()
        await expect(page.locator("tornado-chat .badge")).to_have_text("2")

        await launcher.click()
        await joined(visit, "alice")
        await expect(page.locator(LAUNCHER)).to_have_attribute("aria-expanded", "true")
        await expect(page.locator("tornado-chat .badge")).to_be_hidden()
        assert (await visit.happened("unread", 3))[-1] == 0
        field = field_of(visit.frame)
        await expect(field).to_be_focused()
        await field.press_sequentially("hi bob")
        await field.press("Enter")
        while (await bob.next("new_message"))["text"] != "hi bob":
            pass
        await field.press("Escape")
        await expect(page.locator(LAUNCHER)).to_be_focused()
        await expect(page.locator(LAUNCHER)).to_have_attribute("aria-expanded", "false")
        await expect(page.locator(PANEL)).to_be_hidden()
        await page.keyboard.press("Enter")
        await expect(field).to_be_focused()
        await page.evaluate("TornadoChat.close()")
        await expect(page.locator(LAUNCHER)).to_be_focused()
        assert await visit.happened("open", 2) == await visit.happened("close", 2) == [None, None]
        assert "joined" in await visit.happened("state")
        assert (visit.troubles, visit.warnings) == ([], [])
        assert [url for url in visit.urls if "token" in url] == []


@pytest.mark.gen_test(timeout=90)
async def test_readmes_tag_and_its_way_to_use_it_work(chromium: str, start: Any, site: Site, connect: Any) -> None:
    server = await start()
    bob = await connect(server, token="token-bob")
    readme = (ROOT / "README.md").read_text("utf-8")
    (tag,) = re.findall(r"^<script src=.*embed\.js.*</script>$", readme, re.MULTILINE)
    (script,) = re.findall(r"^```js\n(.*?)^```", readme, re.MULTILINE | re.DOTALL)
    assert "data-token" not in tag  # what is copied as it is makes a guest, and no token that isn't taken
    tag = tag.replace("https://chat.example.com", "CHAT").replace(" async", ' data-token="token-alice" async')
    async with visiting(chromium) as (_, visit):
        said: asyncio.Queue[str] = asyncio.Queue()
        visit.page.on("console", lambda message: said.put_nowait(message.text))
        await visit.listen("ready")
        await visit.page.add_init_script(f"addEventListener('DOMContentLoaded', () => {{ {script} }})")
        await visit.page.goto(site.page(tag, body="<button id=help>Help</button>"))
        await visit.happened("ready")
        assert await bob.say("hello @alice") is None
        assert await asyncio.wait_for(said.get(), 10) == "bob said hello @alice"
        await visit.page.locator("#help").click()
        await joined(visit, "alice")
        (policy,) = re.findall(r"`(script-src [^`]*)`", readme)
        assert policy.replace("https://chat.example.com", site.chat) in " ".join(site.policy.split())


@pytest.mark.gen_test(timeout=90)
async def test_what_is_closed_is_not_in_the_way_of_the_keyboard(chromium: str, start: Any, site: Site) -> None:
    await start()
    async with visiting(chromium) as (_, visit):
        page = visit.page
        await visit.listen("ready")
        await page.goto(site.page(LOGGED_IN))
        await visit.happened("ready")
        for name in ("Own", "Open chat"):
            await page.keyboard.press("Tab")
            await expect(page.get_by_role("button", name=name)).to_be_focused()
        await page.keyboard.press("Tab")
        assert await page.evaluate("document.activeElement.tagName") == "BODY"


@pytest.mark.gen_test(timeout=90)
async def test_the_sites_styles_and_policy_cannot_break_it(chromium: str, start: Any, site: Site) -> None:
    await start()
    site.styles = """
        * { display: none !important; position: static !important; color: red !important; scale: 0 !important }
        html, body { display: block !important; scale: none !important }
        tornado-chat { visibility: hidden !important; opacity: 0 !important; width: 1px !important }
        button, iframe, span { font-size: 90px !important; width: 3px !important }
    """
    async with visiting(chromium, viewport={"width": 900, "height": 700}) as (_, visit):
        await visit.page.goto(site.page(TAG.format("data-open")))
        await joined(visit)
        panel = await visit.page.locator(PANEL).bounding_box()
        launcher = await visit.page.locator(LAUNCHER).bounding_box()
        assert (panel["width"], launcher["width"], launcher["height"]) == (390, 56, 56)
        assert panel["x"] + panel["width"] == launcher["x"] + 56 == 880
        assert visit.troubles == []


@pytest.mark.gen_test(timeout=90)
async def test_users_come_and_go_as_the_site_says(chromium: str, start: Any, site: Site) -> None:
    await start()
    async with visiting(chromium) as (_, visit):
        page = visit.page
        await visit.listen("login", "logout", "ready")
        await page.goto(site.page(TAG.format("data-open data-login-url=https://site.example/login data-title=Tea")))
        await joined(visit)
        await expect(visit.frame.get_by_role("link", name="Log in")).to_have_attribute(
            "href", "https://site.example/login"
        )
        await expect(visit.frame.get_by_role("heading", name="Tea")).to_be_visible()
        await page.evaluate("TornadoChat.login('token-alice')")
        await joined(visit, "alice")
        await page.evaluate("TornadoChat.login('token-bob')")
        assert [user["uname"] for user in await visit.happened("login", 2)] == ["alice", "bob"]
        await page.evaluate("TornadoChat.logout()")
        await joined(visit)
        assert await visit.happened("logout") == [None]
        await page.evaluate("TornadoChat.login('not a token')")
        await page.evaluate("TornadoChat.on('opne', () => 0)")
        assert [text.partition(" expects")[0] for text in visit.warnings] == [
            "tornado-chat: login()",
            'tornado-chat: on("opne")',
        ]
        await page.evaluate("TornadoChat.destroy()")
        await expect(page.locator("tornado-chat")).to_have_count(0)
        await page.evaluate("TornadoChat.open()")
        assert "no box" in visit.warnings[-1]
        assert visit.troubles == []


@pytest.mark.gen_test(timeout=90)
async def test_a_token_that_is_not_taken_is_told(chromium: str, start: Any, site: Site) -> None:
    await start()
    async with visiting(chromium) as (_, visit):
        page = visit.page
        await visit.listen("logout", "login", "state")
        await page.goto(site.page(TAG.format("data-open data-token=token-nobody")))
        await joined(visit)
        assert await visit.happened("logout") == [None]
        assert ["the token was not taken" in text for text in visit.warnings] == [True]
        await page.evaluate("TornadoChat.login('token-nobody')")
        await visit.happened("logout", 2)
        await page.evaluate("TornadoChat.login('token-alice')")
        await visit.happened("login")
        await page.evaluate("TornadoChat.login('token-other')")
        await visit.happened("logout", 3)
        await page.evaluate("TornadoChat.login('token-alice')")
        await visit.happened("login", 2)
        await page.evaluate("TornadoChat.logout()")
        assert await visit.happened("logout", 4) == [None] * 4
        assert ["the token was not taken" in text for text in visit.warnings] == [True, True]
        assert "token-" not in "".join(visit.warnings)
        assert visit.troubles == []


@pytest.mark.gen_test(timeout=90)
async def test_where_one_logs_in_is_an_address_as_the_sites_page_has_them(
    chromium: str, start: Any, site: Site
) -> None:
    await start()
    async with visiting(chromium) as (_, visit):
        await visit.page.goto(site.page(TAG.format("data-open data-login-url='/login?to=chat'"), path="/a/page"))
        link = visit.frame.get_by_role("link", name="Log in")
        await expect(link).to_have_attribute("href", f"{site.url}/login?to=chat")
        assert visit.warnings == []


@pytest.mark.gen_test(timeout=90)
async def test_a_frame_of_the_chat_that_is_not_the_tags_is_told_nothing(chromium: str, start: Any, site: Site) -> None:
    await start()
    async with visiting(chromium) as (_, visit):
        page = visit.page
        await visit.listen("ready", "unread", "login")
        await page.goto(site.page(LOGGED_IN, body="<iframe id=stray src=CHAT/healthz></iframe>"))
        await visit.happened("ready")
        stray = await (await page.query_selector("#stray")).content_frame()
        await stray.evaluate(
            """() => new Promise((resolve) => {
                window.got = [];
                addEventListener("message", ({ data }) => { window.got.push(data); });
                resolve();
            })"""
        )
        await page.evaluate(ANSWER)
        await stray.evaluate(
            """() => {
                for (const type of ["hello", "ready"]) parent.postMessage({ tornadoChat: 1, type }, "*");
                parent.postMessage({ tornadoChat: 1, type: "unread", count: 7 }, "*");
                parent.postMessage({ tornadoChat: 1, type: "user", user: { uname: "mallory" } }, "*");
                parent.postMessage({ last: true }, "*");
            }"""
        )
        await stray.wait_for_function("() => window.got.includes('end')")
        assert await stray.evaluate("window.got") == ["end"]
        # Nor is what the page says to itself.
        await page.evaluate("postMessage({ tornadoChat: 1, type: 'unread', count: 7 }, '*')")
        await page.evaluate("new Promise((resolve) => { addEventListener('message', resolve); postMessage('x', '*') })")
        assert [each for each in await page.evaluate("window.happened") if each[0] == "unread"] == []
        assert [each[1]["uname"] for each in await page.evaluate("window.happened") if each[0] == "login"] == ["alice"]


@pytest.mark.gen_test(timeout=90)
async def test_what_has_taken_the_chats_place_in_its_frame_is_told_nothing(
    chromium: str, start: Any, site: Site
) -> None:
    await start()
    site.page("", path="/evil")
    async with visiting(chromium) as (_, visit):
        page = visit.page
        await visit.listen("ready", "login")
        await page.goto(site.page(LOGGED_IN))
        await visit.happened("ready")
        async with page.expect_event("framenavigated", lambda frame: frame.url.endswith("/evil")) as moved:
            await page.evaluate(
                "(url) => { document.querySelector('tornado-chat').shadowRoot.querySelector('iframe').src = url }",
                f"{site.other_url}/evil",
            )
        await page.evaluate(ANSWER)
        evil = await moved.value
        await evil.evaluate(
            """() => {
                window.got = [];
                addEventListener("message", ({ data }) => { window.got.push(data); });
                parent.postMessage({ tornadoChat: 1, type: "hello" }, "*");
                parent.postMessage({ tornadoChat: 1, type: "user", user: { uname: "mallory" } }, "*");
                parent.postMessage({ last: true }, "*");
            }"""
        )
        await evil.wait_for_function("() => window.got.includes('end')")
        assert await evil.evaluate("window.got") == ["end"]
        assert [user["uname"] for user in await visit.happened("login")] == ["alice"]
        # What is sent to the frame is for the chat's origin alone.
        await page.evaluate("TornadoChat.login('token-bob')")
        await evil.evaluate("parent.postMessage({ last: true }, '*')")
        await evil.wait_for_function("() => window.got.length > 1")
        assert await evil.evaluate("window.got") == ["end", "end"]


@pytest.mark.gen_test(timeout=90)
async def test_a_page_of_another_origin_can_neither_show_it_nor_log_anybody_in(
    chromium: str, start: Any, site: Site, connect: Any
) -> None:
    server = await start()
    bob = await connect(server, token="token-bob")
    site.page(LOGGED_IN.replace("async", "data-open async"), path="/framed")
    async with visiting(chromium) as (context, visit):
        await visit.listen("ready", "login")
        await visit.page.goto(f"{site.other_url}/framed")
        await expect(visit.page.locator(LAUNCHER)).to_be_visible()
        await visit.told("frame-ancestors")

        # It may open a window; what it says there counts for nothing, and it is told nothing but the greeting.
        await visit.page.evaluate(
            """(url) => {
                window.got = [];
                addEventListener("message", ({ data, source }) => {
                    window.got.push(data);
                    source.postMessage({ tornadoChat: 1, type: "init", token: "token-alice", options: {} }, "*");
                    source.postMessage({ tornadoChat: 1, type: "login", token: "token-alice" }, "*");
                });
                window.opened = open(url);
            }""",
            f"{site.chat}/chat/2",
        )
        await visit.page.wait_for_function("() => window.got.length > 0")
        popup = context.pages[-1]
        await expect(popup.get_by_text("You are reading as a guest")).to_be_visible()
        assert await bob.say("hello") is None
        await expect(popup.get_by_text("hello", exact=True)).to_be_visible()
        assert await visit.page.evaluate("window.got") == [{"tornadoChat": 1, "type": "hello"}]
        await expect(field_of(popup)).to_be_hidden()


@pytest.mark.gen_test(timeout=90)
async def test_windows_of_their_own_are_handed_the_token(chromium: str, start: Any, site: Site) -> None:
    await start()
    async with visiting(chromium) as (_, visit):
        page = visit.page
        await visit.listen("ready", "close")
        await page.goto(site.page(LOGGED_IN.replace("async", "data-open data-lang=de async")))
        await visit.happened("ready")
        async with page.expect_popup() as opening:
            assert await page.evaluate("TornadoChat.popOut()")
        popup = await opening.value
        await expect(field_of(popup, "Nachricht")).to_be_visible()
        assert await visit.happened("close") == [None]
        await page.evaluate("TornadoChat.logout()")
        await expect(popup.get_by_text("Du liest als Gast mit")).to_be_visible()
        await page.evaluate("TornadoChat.login('token-bob')")
        await expect(field_of(popup, "Nachricht")).to_be_visible()
        async with page.expect_popup() as opening:
            assert await page.evaluate("TornadoChat.moderate([2, 3, 2])")
        moderation = await opening.value
        assert moderation.url.startswith(f"{site.chat}/moderate/2,3?lang=de#")
        for wrong in ("[]", "'2'", "[2, 0]", "[1,2,3,4,5,6,7,8,9]", "{}"):
            assert await page.evaluate(f"TornadoChat.moderate({wrong})") is False
        assert "token" not in popup.url + moderation.url


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
async def test_what_a_tag_says_wrong_is_named_and_passed_over(chromium: str, start: Any, site: Site) -> None:
    await start()
    wrong = (
        "data-side=up data-mode=floating data-target='##' data-open=maybe data-theme=pink data-accent='red;x' "
        "data-background='url(https://evil.example)' data-text=nocolour data-login-url='javascript:alert(1)' "
        "data-lang=../x data-sound=loud data-token='to ken' data-title=" + "x" * 81
    )
    none = "".join(
        f'<script src="CHAT/embed.js" {app} async></script>' for app in ("", "data-app=x", "data-app=0", "data-app=1e3")
    )
    async with visiting(chromium) as (_, visit):
        page = visit.page
        await visit.listen("ready")
        await page.goto(site.page(none + TAG.format(wrong)))
        await visit.happened("ready")
        await expect(page.locator("tornado-chat")).to_have_count(1)
        await expect(page.locator(LAUNCHER)).to_have_attribute("aria-expanded", "false")
        told = "\n".join(visit.warnings)
        for name in (
            *("side", "mode", "target", "open", "theme", "accent", "background", "text", "login-url", "lang", "sound"),
            *("token", "title", "app"),
        ):
            assert f"data-{name}=" in told
        assert "to ken" not in told
        assert visit.troubles == []


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
