"""The demo page in a real browser: two tabs, talk, mute, and text that stays text."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from playwright.async_api import Browser, Page, expect

from tests.browsers import browser
from tornado_chat.cli import DEMO_APP, demo_config


@pytest.fixture
def config(tmp_path: Any, embedded_uri: str, database: str) -> Any:
    """The demo's own configuration, on the session's database."""
    config = demo_config(0, tmp_path)
    table = msgspec.structs.replace(config.mongodb, uri=type(config.mongodb.uri)(embedded_uri), database=database)
    return msgspec.structs.replace(config, mongodb=table)


async def open_page(browser: Browser, server: Any, who: str) -> tuple[Page, list[str]]:
    """Open the page in a tab of its own and become `who`; also return the list of what goes wrong in it."""
    page = await browser.new_page()
    page.set_default_timeout(10_000)
    troubles: list[str] = []
    page.on("pageerror", lambda error: troubles.append(str(error)))
    page.on("console", lambda line: troubles.append(line.text) if line.type == "error" else None)
    page.on("dialog", lambda dialog: troubles.append(f"dialog: {dialog.message}"))
    await page.goto(f"http://127.0.0.1:{server.port}/")
    if who:
        await page.get_by_label("You are").select_option(who)
    await expect(page.locator("#state")).to_have_text(f"connected as {who}" if who else "connected as a guest")
    return page, troubles


async def say(page: Page, text: str) -> None:
    await page.get_by_label("Message", exact=True).fill(text)
    await page.get_by_role("button", name="Send").click()


@pytest.mark.gen_test(timeout=90)
async def test_two_tabs_talk_and_a_moderator_mutes(chromium: str, serve: Any, config: Any) -> None:
    server = await serve(config, demo=True)
    async with browser(chromium) as running:
        eve, eves_troubles = await open_page(running, server, "eve")
        bob, bobs_troubles = await open_page(running, server, "bob")
        guest, guests_troubles = await open_page(running, server, "")
        await expect(eve.locator("#users")).to_contain_text("bob")
        await expect(eve.locator("#messages")).to_contain_text("bob came in")
        await say(eve, "Hello, bob")
        for page in (eve, bob, guest):
            await expect(page.locator("#messages li[data-id='1']")).to_have_text("eve: Hello, bob")
        await expect(guest.get_by_role("button", name="Send")).to_be_disabled()
        await expect(eve.get_by_role("button", name="Mute 10 min")).to_have_count(0)

        await bob.get_by_role("button", name="Mute 10 min").click()
        await expect(bob.locator("#messages")).to_contain_text("eve was muted for 10 min")
        await expect(guest.locator("#mutes")).to_contain_text("eve until")
        await expect(guest.locator("#messages")).to_contain_text("eve is muted for 10 min")
        await expect(bob.locator("#messages")).not_to_contain_text("eve is muted")
        await say(eve, "unfair")
        await expect(eve.locator("#messages")).to_contain_text("You are muted for another")
        await expect(eve.get_by_label("Message", exact=True)).to_have_value("unfair")

        await bob.get_by_role("button", name="Unmute").click()
        await expect(guest.locator("#messages")).to_contain_text("eve may talk again")
        await expect(guest.locator("#mutes li")).to_have_count(0)
        await eve.get_by_role("button", name="Send").click()
        await expect(guest.locator("#messages")).to_contain_text("eve: unfair")
        await say(bob, "that darn cat")
        await expect(guest.locator("#messages")).to_contain_text("that ■■■■ cat")
        assert eves_troubles + bobs_troubles + guests_troubles == []


@pytest.mark.gen_test(timeout=90)
async def test_markup_is_shown_as_text_and_runs_nothing(chromium: str, serve: Any, config: Any) -> None:
    hostile = [
        "<script>alert(1)</script>",
        "<img src=x onerror=alert(2)>",
        '"><svg onload=alert(3)>',
        "javascript:alert(4)",
        "{{constructor.constructor('alert(5)')()}}",
        "\u2028</li><b>bold</b>",
    ]
    server = await serve(config, demo=True)
    async with browser(chromium) as running:
        eve, troubles = await open_page(running, server, "eve")
        for text in hostile:
            await say(eve, text)
        await expect(eve.locator("#messages .text")).to_have_count(len(hostile))
        assert [await line.text_content() for line in await eve.locator("#messages .text").all()] == [
            text.strip() for text in hostile
        ]
        await eve.reload()
        await expect(eve.locator("#messages .text")).to_have_count(len(hostile))
        assert await eve.locator("#messages script, #messages img, #messages svg, #messages b").count() == 0
        assert troubles == []


@pytest.mark.gen_test(timeout=90)
async def test_a_restarted_server_is_found_again_with_its_history(chromium: str, serve: Any, config: Any) -> None:
    first = await serve(config, demo=True)
    async with browser(chromium) as running:
        eve, _ = await open_page(running, first, "eve")
        await say(eve, "before")
        await expect(eve.locator("#messages")).to_contain_text("eve: before")
        await first.stop()
        await expect(eve.locator("#state")).to_have_text("offline; reconnecting…")
        same_port = msgspec.structs.replace(config, server=msgspec.structs.replace(config.server, port=first.port))
        second = await serve(same_port, demo=True)
        await expect(eve.locator("#state")).to_have_text("connected as eve", timeout=20_000)
        await say(eve, "after")
        await expect(eve.locator("#messages .text")).to_have_text(["before", "after"])
        assert (await second.health()).connections == 1
        assert second.port == first.port
        assert DEMO_APP == 2  # the page has it too


@pytest.mark.gen_test(timeout=90)
async def test_what_plugins_do_is_seen(chromium: str, serve: Any, config: Any, tmp_path: Any) -> None:
    (tmp_path / "judge.py").write_text(
        "from tornado_chat import *\n@hookimpl\ndef register_filters(api):\n    async def check(draft):\n"
        "        if draft.text == 'spam': return Shadow()\n"
        "        if draft.text == 'link': return Hold('a link')\n"
        "        if draft.text == 'flood': return Reject('Enough', actions=(PurgeSender(),))\n"
        "        return Pass()\n    return [Filter(check)]\n"
        "@hookimpl\ndef register_commands(api):\n    async def run(call): await api.post('beep')\n"
        "    return [Command('beep', run)]\n"
    )
    name, app_file = config.apps[DEMO_APP]
    app_file = msgspec.structs.replace(app_file, plugins=(*app_file.plugins, "judge"))
    changed = msgspec.structs.replace(config, apps={DEMO_APP: (name, app_file)}, plugin_path=(tmp_path,))
    server = await serve(changed, demo=True)
    async with browser(chromium) as running:
        eve, eves_troubles = await open_page(running, server, "eve")
        bob, bobs_troubles = await open_page(running, server, "bob")
        await say(eve, "/help")
        await expect(eve.locator("#messages")).to_contain_text("/help [command] - lists what you can do")
        await say(eve, "spam")
        await expect(bob.locator("#messages li[data-id='1']")).to_have_text(
            "eve: spam (only its sender and staff see this)"
        )
        await expect(eve.locator("#messages li[data-id='1']")).to_have_text("eve: spam")
        await say(eve, "link")
        await expect(bob.locator("#messages")).to_contain_text("waiting: eve: link (a link); /approve 1 or /deny 1")
        await say(bob, "/approve 1")
        await expect(eve.locator("#messages li[data-id='2']")).to_have_text("eve: link")
        await say(bob, "/beep")
        await expect(eve.locator("#messages li[data-id='3']")).to_contain_text("judge")
        await say(eve, "flood")
        await expect(bob.locator("#messages li[data-id='1']")).to_have_count(0)
        await expect(bob.locator("#messages li[data-id='2']")).to_have_count(0)
        await expect(bob.locator("#messages li[data-id='3']")).to_have_count(1)
        assert eves_troubles == bobs_troubles == []


@pytest.mark.gen_test(timeout=90)
async def test_what_is_held_does_not_come_back_into_the_field(chromium: str, serve: Any, config: Any) -> None:
    server = await serve(config, demo=True)
    async with browser(chromium) as running:
        eve, _ = await open_page(running, server, "eve")
        bob, _ = await open_page(running, server, "bob")
        await say(eve, "meet me at the casino")
        await expect(eve.locator("#messages")).to_contain_text("Your message waits for a moderator")
        await expect(eve.get_by_label("Message", exact=True)).to_have_value("")
        await expect(bob.locator("#messages")).to_contain_text("waiting: eve: meet me at the casino")


@pytest.mark.gen_test(timeout=90)
async def test_who_is_ignored_is_hidden_also_after_a_reload(chromium: str, serve: Any, config: Any) -> None:
    server = await serve(config, demo=True)
    async with browser(chromium) as running:
        alice, _ = await open_page(running, server, "alice")
        eve, _ = await open_page(running, server, "eve")
        await say(eve, "look at me")
        await expect(alice.locator("#messages li[data-id='1']")).to_be_visible()
        await say(alice, "/ignore EVE")
        await expect(alice.locator("#messages li[data-id='1']")).to_be_hidden()
        await alice.reload()
        await say(eve, "and now")
        await expect(alice.locator("#messages li[data-id='2']")).to_be_hidden()
        await expect(alice.locator("#messages li[data-id='1']")).to_be_hidden()
        await say(alice, "/unignore eve")
        await expect(alice.locator("#messages li[data-id='1']")).to_be_visible()


@pytest.mark.gen_test(timeout=90)
async def test_who_was_kicked_comes_back_by_themselves(chromium: str, serve: Any, config: Any) -> None:
    name, app_file = config.apps[DEMO_APP]
    app_file = msgspec.structs.replace(app_file, plugin={**app_file.plugin, "kick": {"away_secs": 0}})
    server = await serve(msgspec.structs.replace(config, apps={DEMO_APP: (name, app_file)}), demo=True)
    async with browser(chromium) as running:
        eve, _ = await open_page(running, server, "eve")
        bob, _ = await open_page(running, server, "bob")
        await say(bob, "/kick eve calm down")
        await expect(eve.locator("#messages")).to_contain_text("You were kicked: calm down")
        await expect(bob.locator("#messages")).to_contain_text("eve left")
        await expect(eve.locator("#state")).to_have_text("connected as eve")
        await say(bob, "/ban eve 2d enough")
        await expect(eve.locator("#state")).to_have_text("you are banned")
        await expect(eve.locator("#messages")).to_contain_text("You are banned for another")
