"""The chatbox in Chromium, as its users have it: what it shows, and what they do."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import msgspec
from playwright.async_api import Browser, Locator, Page, expect

from tornado_chat.cli import DEMO_APP, demo_config
from tornado_chat.config import Config
from tornado_chat.config_tables import BoxTable

# All that the box has something for, and nothing that minds what is said fast or again.
PLUGINS = (
    "mute", "ban", "kick", "purge", "slow", "lock", "members", "unique", "pin", "wordlist", "review", "report",
    "escalate", "notes", "whois", "audit", "ignore", "me", "help",
)  # fmt: skip
ROLES = {"bob": "bob (mod)", "carol": "carol (owner)", "dave": "dave (admin)"}


def box_config(folder: Any, uri: str, database: str, *, apps: tuple[int, ...] = (DEMO_APP,), **app: Any) -> Config:
    """Return the demo's configuration with those plugins, for some apps, on a database of the tests."""
    config = demo_config(0, folder)
    name, settings = config.apps[DEMO_APP]
    options = {"wordlist": {"words": ["fudge"], "action": "hold"}}
    table = msgspec.structs.replace(config.mongodb, uri=type(config.mongodb.uri)(uri), database=database)
    made = {
        number: (name, msgspec.structs.replace(settings, id=number, plugins=PLUGINS, plugin=options, **app))
        for number in apps
    }
    return msgspec.structs.replace(config, mongodb=table, apps=made)


def box_table(**settings: Any) -> BoxTable:
    """Return [box] of an app."""
    return BoxTable(**settings)


@dataclass
class Box:
    """One tab with the box in it. `troubles` is what went wrong in the page: errors, refused scripts, dialogs."""

    page: Page
    troubles: list[str] = field(default_factory=list)

    @property
    def field(self) -> Locator:
        return self.page.get_by_label("Message", exact=True)

    @property
    def rows(self) -> Locator:
        """The messages that have a row."""
        return self.page.locator(".row.message")

    def row(self, text: str) -> Locator:
        return self.page.locator(".row", has_text=text).last

    async def say(self, text: str) -> None:
        """Type a line and send it."""
        await self.field.fill(text)
        await self.field.press("Enter")

    async def become(self, who: str) -> None:
        """Log in as one of the demo's users, with their button."""
        await self.page.locator(".guest").get_by_role("button", name=ROLES.get(who, who), exact=True).click()
        await expect(self.field).to_be_visible()

    async def menu(self, text: str) -> None:
        """Open the menu of the message with a text."""
        row = self.page.locator(".row.message", has_text=text).last
        await row.hover()
        await row.locator(".more").click()

    async def choose(self, *labels: str) -> None:
        """Choose in an open menu, and in the one that it opens."""
        for label in labels:
            await self.page.get_by_role("menuitem", name=label, exact=True).click()

    async def panel(self, name: str) -> None:
        """Open one of the drawers."""
        await self.page.locator(".head-buttons").get_by_role("button", name=name).click()


def watch(page: Page) -> Box:
    """Return a page as a box, noting from now on what goes wrong in it."""
    box = Box(page)
    page.set_default_timeout(10_000)
    page.on("pageerror", lambda error: box.troubles.append(str(error)))
    page.on("console", lambda line: box.troubles.append(line.text) if line.type == "error" else None)
    page.on("dialog", lambda dialog: box.troubles.append(f"dialog: {dialog.message}"))
    return box


async def open_box(browser: Browser, server: Any, who: str = "", *, path: str = "/chat/2", **options: Any) -> Box:
    """Open the box's page in a tab of its own, as a guest or as one of the demo's users."""
    box = watch(await browser.new_page(**options))
    await box.page.goto(f"http://127.0.0.1:{server.port}{path}")
    await expect(box.page.locator(".guest")).to_be_visible()
    if who:
        await box.become(who)
    return box
