"""THREATS: XSS and reserved names, in Chromium: whatever comes from outside is text in the chatbox, and no more."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import expect

from tests.box import Box, watch
from tests.browsers import browser
from tests.client import Client
from tornado_chat.config import load_config

MARKUP = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(2)>",
    '"><svg onload=alert(3)>',
    "javascript:alert(4)",
    "<a href='javascript:alert(5)'>x</a>",
    "{{constructor.constructor('alert(6)')()}}",
    "${alert(7)}",
    "</span></li><b>bold</b>",
    "&lt;b&gt; &#x3c;i>",
    'a" onmouseover="alert(8)',
    "--><iframe srcdoc='<script>alert(9)</script>'>",
]
LINES = ["a\u2028b", "a\u2029<b>b</b>", "\u202e<b>evil</b>"]
RESERVED = ["__proto__", "constructor", "toString", "hasOwnProperty", "$where", "a.b", "__defineGetter__", "valueOf"]

# Holds, refuses, tells and posts what it is asked to, under whatever name.
JUDGE = """
from tornado_chat import *

@hookimpl
def register_filters(api):
    async def check(draft):
        what, _, text = draft.text.partition(":")
        if what == "hold":
            return Hold(text)
        if what == "reject":
            return Reject(text)
        if what == "tell":
            await api.tell_all(text)
            await api.tell_staff(text)
        if what == "post":
            await api.post(text, text)
        if what == "pin":
            await api.turn_on(api.bot, "pin", {"uname": text, "text": text})
            await api.turn_on(api.bot, "odd", text, reason=text)
        return Pass()
    return [Filter(check)]
"""

# What an attacker would have made: elements that the box doesn't make itself, attributes that do something, and links
# that lead elsewhere than to a web page.
FOREIGN = """() => [...document.querySelectorAll("main *")].filter((node) => {
    const known = ["MAIN", "HEADER", "SECTION", "DIV", "H1", "H2", "H3", "SPAN", "BUTTON", "BDI", "P", "OL", "UL", "LI",
        "TIME", "A", "FORM", "TEXTAREA", "INPUT", "LABEL", "SELECT", "OPTION", "KBD", "CODE", "SVG", "PATH", "DIALOG"];
    return !known.includes(node.tagName.toUpperCase())
        || node.getAttributeNames().some((name) => name.startsWith("on") || name === "srcdoc" || name === "src")
        || (node.tagName === "A" && !["http:", "https:"].includes(node.protocol));
}).map((node) => node.outerHTML)"""
SCRIPTS = "document.scripts.length"


@pytest.fixture
def start(serve: Any, make_config: Any) -> Callable[[], Awaitable[Any]]:
    """Start a server for the users of the fake API, with the plugin above."""

    async def start() -> Any:
        directory: Path = make_config(plugins='[plugins]\npath = ["more"]').directory
        (directory / "more").mkdir()
        (directory / "more" / "judge.py").write_text(JUDGE)
        app = 'id = 2\nplugins = ["mute", "help", "review", "report", "audit", "purge", "whois", "notes", "judge"]\n'
        (directory / "apps" / "2.toml").write_text(app)
        return await serve(load_config(directory))

    return start


@pytest.fixture
def enter(connect: Any, api: Any) -> Callable[..., Awaitable[Client]]:
    """Let a user of any name come in by a socket."""

    async def enter(server: Any, uname: str, role: str = "member") -> Client:
        token = f"token-{len(api.users)}"
        api.users[token] = {"id": 100 + len(api.users), "uname": uname, "role": role}
        client: Client = await connect(server, token=token)
        assert client.data["user"]["uname"] == uname
        return client

    return enter


async def open_as(running: Any, server: Any, token: str) -> Box:
    """Open the moderators' page, which has a field for a token, and log in."""
    box = watch(await running.new_page(viewport={"width": 1000, "height": 900}))
    await box.page.goto(f"http://127.0.0.1:{server.port}/moderate/2")
    await box.page.get_by_label("Token").fill(token)
    await box.page.get_by_role("button", name="Log in").click()
    await expect(box.field).to_be_visible()
    return box


async def clean(box: Box) -> None:
    """The page has nothing that it didn't make, and nothing ran."""
    assert await box.page.evaluate(FOREIGN) == []
    assert await box.page.evaluate(SCRIPTS) == 2  # its data and its script
    assert box.troubles == []


@pytest.mark.gen_test(timeout=120)
async def test_hostile_names_are_text_wherever_they_are_shown(chromium: str, start: Any, enter: Any) -> None:
    server = await start()
    async with browser(chromium) as running:
        bob = await open_as(running, server, "token-bob")
        names = [*MARKUP, *RESERVED]
        for uname in names:
            client = await enter(server, uname)
            assert await client.say("hello") is None
            assert await client.say(f"hold:{uname}") == "MESSAGE_HELD"
        await expect(bob.rows).to_have_count(len(names))
        assert await bob.page.locator(".row .name").all_inner_texts() == names
        await expect(bob.page.locator(".case")).to_have_count(len(names))
        assert await bob.page.locator(".case > .name").all_inner_texts() == names
        await bob.panel("People")
        shown = await bob.page.locator(".person-name").all_inner_texts()
        assert sorted(shown) == sorted([*names, "bob"])
        for uname in (MARKUP[0], "__proto__"):
            person = bob.page.locator(".person").filter(has=bob.page.get_by_text(uname, exact=True))
            await person.click()
            await expect(bob.page.locator(".menu-title")).to_have_text(uname)
            await bob.choose("Mute for", "10 minutes")
            await expect(person.locator(".state")).to_be_visible()
            await person.click()
            await bob.choose("Notes…")
            dialog = bob.page.get_by_role("dialog")
            await dialog.get_by_label("New note").fill(MARKUP[1])
            await dialog.get_by_role("button", name="Add").click()
            await expect(dialog.locator(".card li > bdi")).to_have_text(MARKUP[1])
            await clean(bob)
            await bob.page.keyboard.press("Escape")
        await clean(bob)


@pytest.mark.gen_test(timeout=120)
async def test_what_plugins_and_users_say_is_text(chromium: str, start: Any, enter: Any) -> None:
    server = await start()
    async with browser(chromium) as running:
        bob = await open_as(running, server, "token-bob")
        eve = await enter(server, "eve")
        for text in [*MARKUP, *LINES]:
            assert await eve.say(text) is None
            await expect(bob.rows.last.locator(".words")).to_have_text(text)
            await eve.say(f"tell:{text}")
            await eve.say(f"pin:{text}")
            await eve.say(f"hold:{text}")
            if text in MARKUP:  # the others are nobody's name
                await eve.say(f"post:{text}")
            await bob.say(f"reject:{text}")
            await expect(bob.page.locator(".failure bdi").last).to_have_text(text)
            await bob.page.get_by_role("button", name="Discard").click()
            await expect(bob.page.locator(".mode-pin")).to_contain_text(text)
        await clean(bob)
        await bob.page.reload()
        await expect(bob.rows.first).to_be_visible()
        await clean(bob)


@pytest.mark.gen_test(timeout=90)
async def test_the_policy_forbids_markup_even_where_code_would_make_some(chromium: str, start: Any) -> None:
    server = await start()
    async with browser(chromium) as running:
        page = await running.new_page()
        await page.goto(f"http://127.0.0.1:{server.port}/chat/2")
        refused = "try { document.body.innerHTML = '<b>x</b>'; 'made'; } catch (error) { error.name; }"
        assert await page.evaluate(refused) == "TypeError"
        assert "unsafe-inline" not in (await page.request.get(page.url)).headers["content-security-policy"]
