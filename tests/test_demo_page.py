"""The demo's page: an ordinary site with the one tag, and a list of whom one may be."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from playwright.async_api import expect

from tests.box import Box, watch
from tests.browsers import browser
from tornado_chat.cli import DEMO_APP, demo_config


@pytest.fixture
def config(tmp_path: Any, embedded_uri: str, database: str) -> Any:
    """The demo's own configuration, on the session's database."""
    config = demo_config(0, tmp_path)
    table = msgspec.structs.replace(config.mongodb, uri=type(config.mongodb.uri)(embedded_uri), database=database)
    return msgspec.structs.replace(config, mongodb=table)


async def open_page(running: Any, server: Any, who: str) -> Box:
    """Open the page in a tab of its own and become `who`."""
    box = watch(await running.new_page())
    await box.page.goto(f"http://127.0.0.1:{server.port}/")
    await box.page.get_by_label("You are").select_option(who)
    await expect(box.page.locator("#state")).to_have_text(f"connected as {who}" if who else "connected as a guest")
    return box


@pytest.mark.gen_test(timeout=90)
async def test_two_tabs_talk_and_the_choice_stays_over_a_reload(chromium: str, serve: Any, config: Any) -> None:
    server = await serve(config, demo=True)
    assert DEMO_APP == 2  # the page has it too
    async with browser(chromium) as running:
        eve, bob = await open_page(running, server, "eve"), await open_page(running, server, "bob")
        chats = [box.page.frame_locator("iframe") for box in (eve, bob)]
        await chats[0].get_by_label("Message", exact=True).fill("that darn cat")
        await chats[0].get_by_label("Message", exact=True).press("Enter")
        for chat in chats:
            await expect(chat.locator(".row.message")).to_contain_text("that ■■■■ cat")
        await bob.page.reload()
        await expect(bob.page.locator("#state")).to_have_text("connected as bob")
        await bob.page.get_by_label("You are").select_option("")
        await expect(bob.page.locator("#state")).to_have_text("connected as a guest")
        await expect(chats[1].get_by_text("You are reading as a guest")).to_be_visible()
        assert eve.troubles + bob.troubles == []


@pytest.mark.gen_test(timeout=90)
async def test_the_moderators_page_opens_logged_in(chromium: str, serve: Any, config: Any) -> None:
    server = await serve(config, demo=True)
    async with browser(chromium) as running:
        bob = await open_page(running, server, "bob")
        async with bob.page.expect_popup() as opened:
            await bob.page.get_by_role("button", name="Open the moderators' page").click()
        page = await opened.value
        await expect(page.get_by_role("tab", name="Queue")).to_be_visible()
        assert "bob" not in page.url


@pytest.mark.gen_test(timeout=90)
async def test_who_was_kicked_comes_back_and_who_is_banned_does_not(chromium: str, serve: Any, config: Any) -> None:
    name, app_file = config.apps[DEMO_APP]
    app_file = msgspec.structs.replace(app_file, plugin={**app_file.plugin, "kick": {"away_secs": 0}})
    server = await serve(msgspec.structs.replace(config, apps={DEMO_APP: (name, app_file)}), demo=True)
    async with browser(chromium) as running:
        eve, bob = await open_page(running, server, "eve"), await open_page(running, server, "bob")
        field = bob.page.frame_locator("iframe").get_by_label("Message", exact=True)
        chat = eve.page.frame_locator("iframe")
        await field.fill("/kick eve calm down")
        await field.press("Enter")
        await expect(chat.locator(".row.notice", has_text="You were kicked: calm down")).to_be_visible()
        await expect(eve.page.locator("#state")).to_have_text("connected as eve")
        await field.fill("/ban eve 2d enough")
        await field.press("Enter")
        await expect(chat.locator(".connection")).to_contain_text("You are banned from this chat")
