"""The chatbox: a conversation as visitors have it, in two and three browsers at once."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from playwright.async_api import expect

from tests.box import Box, open_box
from tests.browsers import browser
from tornado_chat.cli import demo_config
from tornado_chat.models import Role, User
from tornado_chat.store import Posting
from tornado_chat.store_mongo import MongoStore

ALICE = User(1, "alice", Role.MEMBER)
EVE = User(2, "eve", Role.MEMBER)


@pytest.fixture
def config(tmp_path: Any, embedded_uri: str, database: str) -> Any:
    """The demo's own configuration, on the session's database."""
    config = demo_config(0, tmp_path)
    table = msgspec.structs.replace(config.mongodb, uri=type(config.mongodb.uri)(embedded_uri), database=database)
    return msgspec.structs.replace(config, mongodb=table)


async def tell(store: MongoStore, texts: list[str], *, user: User = ALICE, ago: timedelta = timedelta()) -> None:
    """Have somebody say some texts in app 2, before the server starts."""
    await store.append(2, [Posting(user, text, datetime.now(UTC) - ago) for text in texts], 5.0)


@pytest.mark.gen_test(timeout=90)
async def test_two_talk_and_a_guest_reads(chromium: str, serve: Any, config: Any) -> None:
    server = await serve(config, demo=True)
    async with browser(chromium) as running:
        alice, bob = await open_box(running, server, "alice"), await open_box(running, server, "bob")
        guest = await open_box(running, server)
        await expect(guest.page.get_by_text("3 people here")).to_have_count(0)
        await expect(guest.page.get_by_text("2 people here")).to_be_visible()
        await alice.say("Hello <b>bob</b> & co, see https://example.org/a_(b).")
        for each in (alice, bob, guest):
            await expect(each.row("Hello <b>bob</b>").locator(".words")).to_have_text(
                "Hello <b>bob</b> & co, see https://example.org/a_(b)."
            )
        # alice is new here, and the demo's `links` refuses her link; she may still send it again, or change it.
        assert await bob.page.locator(".row.message b").count() == 0
        for box in (alice, bob, guest):
            assert box.troubles == []
