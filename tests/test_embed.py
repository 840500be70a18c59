"""The one tag, on a page of another origin under a strict policy: the box, its button, and what both sides believe."""

from __future__ import annotations

import asyncio
import re
from typing import Any

import pytest
from playwright.async_api import expect

from tests.conftest import ROOT
from tests.embedding import LOGGED_IN, TAG, Site, field_of, joined, site, start, visiting

LAUNCHER = "tornado-chat .launcher"

PANEL = "tornado-chat .panel"

# The page answers after embed.js has had its chance to: what it would have sent would come first.
ANSWER = "addEventListener('message', ({ data, source }) => data.last && source.postMessage('end', '*'))"

__all__ = ["site", "start"]


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
