"""The chatbox's dialogs: what they send, what becomes of what was typed, and where the focus goes."""

from __future__ import annotations

import re
from typing import Any

import pytest
from playwright.async_api import Locator, expect

from tests.box import Box, box_config, open_box
from tests.browsers import browser
from tornado_chat.config import Config


@pytest.fixture
def config(tmp_path: Any, embedded_uri: str, database: str) -> Config:
    return box_config(tmp_path, embedded_uri, database)


def dialog(box: Box) -> Locator:
    return box.page.get_by_role("dialog")


async def open_dialog(box: Box, text: str, *labels: str) -> Locator:
    """Open a dialog from the menu of the message with a text."""
    await box.menu(text)
    await box.choose(*labels)
    await expect(dialog(box)).to_be_visible()
    return dialog(box)


@pytest.mark.gen_test(timeout=120)
async def test_the_span_chosen_holds_whatever_the_reason_begins_with(chromium: str, serve: Any, config: Config) -> None:
    server = await serve(config, demo=True)
    async with browser(chromium) as running:
        eve, bob = await open_box(running, server, "eve"), await open_box(running, server, "bob")
        await eve.say("hello")
        await expect(bob.row("hello")).to_be_visible()
        await bob.panel("Moderation")
        await bob.page.get_by_role("tab", name="Mutes").click()
        case = bob.page.locator(".case", has_text="eve")

        asked = await open_dialog(bob, "hello", "Mute for…", "Other…")
        other = asked.get_by_label("Such as 30m, 12h or 3d")
        await asked.get_by_label("For", exact=True).select_option("Other…")
        # What would take a pattern longer than anybody waits.
        await other.fill(f"{'1' * 40}!")
        assert await other.evaluate("field => field.validity.patternMismatch")
        for fits in ("10", "10m", " 1d2h "):
            await other.fill(fits)
            assert await other.evaluate("field => field.validity.valid")
        await other.fill("10")
        await asked.get_by_label("Reason").fill("days of spam")
        await bob.page.keyboard.press("Enter")
        await expect(case).to_contain_text(re.compile("another (10:00|9:).*days of spam", re.DOTALL))

        asked = await open_dialog(bob, "hello", "Warn…")
        await asked.get_by_label("Reason").fill("2d of spam")
        await bob.page.keyboard.press("Enter")
        await expect(eve.row("2d of spam")).to_be_visible()

        await bob.page.get_by_role("tab", name="Bans").click()
        asked = await open_dialog(bob, "hello", "Ban…")
        await asked.get_by_label("For", exact=True).select_option("for good")
        await asked.get_by_label("Reason").fill("2d of spamming")
        await bob.page.keyboard.press("Enter")
        await expect(case).to_contain_text(re.compile("for good.*2d of spamming", re.DOTALL))
        assert bob.troubles == []
