"""THREATS: XSS and reserved names, in Chromium: whatever comes from outside is text in the demo's page, and no more."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Locator, Page, expect

from tests.client import Client
from tests.test_demo_page import browser, open_page, say
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
        if what == "alert":
            return Pass(actions=(AlertStaff(text),))
        if what == "tell":
            await api.tell(draft.user, text)
            await api.tell_all(text)
            await api.tell_staff(text)
        if what == "post":
            await api.post(text, text)
        if what == "mute":
            return Reject("muted", actions=(MuteSender(60, text),))
        return Pass()
    return [Filter(check)]
"""

# What an attacker would have made: elements that the page doesn't make itself, or attributes that do something.
FOREIGN = """() => [...document.querySelectorAll("#messages *, #users *, #mutes *")].filter((node) =>
    !["LI", "SPAN", "BUTTON"].includes(node.tagName) ||
    node.getAttributeNames().some((name) => !["class", "dir", "data-id", "data-by", "disabled"].includes(name))
).map((node) => node.outerHTML)"""


@pytest.fixture
def start(serve: Any, make_config: Any) -> Callable[[], Awaitable[Any]]:
    """Start a server with the demo's page for the users of the fake API, and the plugin above."""

    async def start() -> Any:
        directory: Path = make_config(plugins='[plugins]\npath = ["more"]').directory
        (directory / "more").mkdir()
        (directory / "more" / "judge.py").write_text(JUDGE)
        app = 'id = 2\nplugins = ["mute", "help", "review", "lock", "judge"]\n'
        (directory / "apps" / "2.toml").write_text(app)
        return await serve(load_config(directory), demo=True)

    return start


@pytest.fixture
def enter(connect: Any, api: Any) -> Callable[..., Awaitable[Client]]:
    """Let a user of any name come in by a socket."""

    async def enter(server: Any, uname: str, role: str = "member") -> Client:
        number = 100 + len(api.users)
        api.users[f"token-{number}"] = {"id": number, "uname": uname, "role": role}
        client: Client = await connect(server, token=f"token-{number}")
        assert client.data["user"]["uname"] == uname
        return client

    return enter


@pytest.fixture(autouse=True)
def tokens(api: Any) -> None:
    """What the page sends for those in its list, alice and the others, are their names."""
    api.users |= {token.removeprefix("token-"): user for token, user in api.users.items()}


async def open_as(running: Any, server: Any, uname: str, api: Any, role: str = "member") -> tuple[Page, list[str]]:
    """Open the page as a user of any name."""
    token = f"page-{len(api.users)}"
    api.users[token] = {"id": 100 + len(api.users), "uname": uname, "role": role}
    page, troubles = await open_page(running, server, "")
    await page.evaluate("token => document.getElementById('who').append(new Option(token, token))", token)
    await page.get_by_label("You are").select_option(token)
    await expect(page.locator("#state")).to_have_text(f"connected as {uname}")
    return page, troubles


async def texts(found: Locator) -> list[str]:
    return [str(await one.text_content()) for one in await found.all()]


def row(page: Page, uname: str, where: str = "#users") -> Locator:
    """The line of one name in a list."""
    return page.locator(f"{where} li").filter(has=page.locator("span").get_by_text(uname, exact=True))


@pytest.mark.gen_test(timeout=120)
async def test_hostile_unames_are_text_wherever_they_are_shown(chromium: str, start: Any, enter: Any, api: Any) -> None:
    server = await start()
    async with browser(chromium) as running:
        bob, bobs_troubles = await open_page(running, server, "bob")
        guest, guests_troubles = await open_page(running, server, "")
        clients = {uname: await enter(server, uname) for uname in MARKUP}
        lines = bob.locator("#messages li")
        for uname, client in clients.items():
            assert await client.say("hello") is None
            assert await client.say(f"hold:{uname}") == "MESSAGE_HELD"
            await expect(row(bob, uname)).to_have_count(1)
            await row(bob, uname).get_by_role("button", name="Mute 10 min").click()
            await expect(row(bob, uname, "#mutes")).to_have_count(1)
            assert await client.say("muted?") == "USER_MUTED"
            await row(bob, uname, "#mutes").get_by_role("button", name="Unmute").click()
            await expect(row(bob, uname, "#mutes")).to_have_count(0)
            assert await client.say("free") is None
            await expect(lines.last).to_contain_text(": free")
            shown = await texts(lines)
            for line in (
                f"{uname} came in",
                f"{uname}: hello",
                f"waiting: {uname}: hold:{uname} ({uname}); /approve ",
                f"{uname} was muted for 10 min",
                f"{uname} was unmuted",
            ):
                assert [text for text in shown if text.startswith(line)], line
            shown = await texts(guest.locator("#messages li"))
            for line in (f"{uname} is muted for 10 min", f"{uname} may talk again"):
                assert [text for text in shown if text.startswith(line)], line
        await row(bob, MARKUP[0]).get_by_role("button", name="Mute 10 min").click()
        for page in (bob, guest):
            await expect(row(page, MARKUP[0], "#mutes")).to_have_count(1)
            await page.reload()  # and from what `auth` answers
            await expect(page.locator("#users li")).to_have_count(len(MARKUP) + 1)
            assert sorted(await texts(page.locator("#users li > span:first-child"))) == sorted([*MARKUP, "bob"])
            names = await texts(page.locator("#messages .name"))
            assert names == [uname for uname in MARKUP for _ in range(2)]
            assert await texts(page.locator("#mutes li > span:first-child")) == MARKUP[:1]
            assert await page.evaluate(FOREIGN) == []
        for uname, client in clients.items():
            await client.close()
            await expect(lines.get_by_text(f"{uname} left", exact=True)).to_have_count(1)
        await expect(bob.locator("#users li")).to_have_count(1)
        assert await bob.evaluate(FOREIGN) == []
        assert await bob.evaluate("document.scripts.length") == 2
        assert bobs_troubles + guests_troubles == []


@pytest.mark.gen_test(timeout=120)
async def test_what_plugins_say_is_text(chromium: str, start: Any, enter: Any) -> None:
    server = await start()
    async with browser(chromium) as running:
        bob, troubles = await open_page(running, server, "bob")
        alice, alices_troubles = await open_page(running, server, "alice")
        eve = await enter(server, "eve")
        dave = await enter(server, "dave", "admin")
        for text in [*MARKUP, *LINES]:
            await say(alice, f"reject:{text}")
            await expect(alice.get_by_label("Message", exact=True)).to_have_value(f"reject:{text}")
            assert await eve.say(f"hold:{text}") == "MESSAGE_HELD"
            await eve.say(f"alert:{text}")
            await eve.say(f"tell:{text}")
            if text in MARKUP:  # the others are nobody's name
                await eve.say(f"post:{text}")
            assert await dave.say(f"/lock 1 {text}") is None
            assert await dave.say("/unlock") is None
            await eve.say(f"mute:{text}")
            await expect(row(bob, "eve", "#mutes")).to_have_count(1)
            assert await eve.say("x") == "USER_MUTED"
            assert await dave.say("/unmute eve") is None
            assert await dave.say(f"after {text!a}") is None
            for page in (bob, alice):
                await expect(page.locator("#messages .text").last).to_have_text(f"after {text!a}")
            shown = await texts(bob.locator("#messages li"))
            for line in (
                f"waiting: eve: hold:{text} ({text}); /approve ",
                text,
                f"dave locked the chat for 1 min: {' '.join(text.split())}",
                *([f"{text}bot: {text}"] if text in MARKUP else []),
            ):
                assert [told for told in shown if told.startswith(line)], line
            assert text in await texts(alice.locator("#messages li"))
        await say(alice, "mute:<b>why</b>")
        await expect(row(alice, "alice", "#mutes")).to_have_count(1)
        await say(alice, "<i>x</i>")
        await expect(alice.locator("#messages")).to_contain_text("You are muted for another 1 min: <b>why</b>")
        for page in (bob, alice):
            assert await page.evaluate(FOREIGN) == []
            await page.reload()
            await expect(page.locator("#messages .name").first).to_be_visible()
            assert await page.evaluate(FOREIGN) == []
        waiting = [text for text in await texts(bob.locator("#messages .notice")) if text.startswith("waiting: ")]
        assert len(waiting) == len(MARKUP) + len(LINES)
        assert troubles + alices_troubles == []


@pytest.mark.gen_test(timeout=90)
async def test_what_users_say_is_text_with_links_and_line_separators(chromium: str, start: Any, enter: Any) -> None:
    server = await start()
    async with browser(chromium) as running:
        page, troubles = await open_page(running, server, "alice")
        eve = await enter(server, "eve")
        for text in [*MARKUP, *LINES]:
            assert await eve.say(text) is None
        await expect(page.locator("#messages .text")).to_have_count(len(MARKUP) + len(LINES))
        for _ in range(2):
            assert await texts(page.locator("#messages .text")) == [*MARKUP, *LINES]
            assert await page.evaluate(FOREIGN) == []
            assert await page.locator("#messages a, #messages iframe").count() == 0
            await page.reload()
            await expect(page.locator("#messages .text")).to_have_count(len(MARKUP) + len(LINES))
        assert troubles == []


@pytest.mark.gen_test(timeout=90)
async def test_what_is_written_from_right_to_left_does_not_turn_the_words_around_it(
    chromium: str, start: Any, enter: Any
) -> None:
    server = await start()
    async with browser(chromium) as running:
        bob, _ = await open_page(running, server, "bob")
        mallory = await enter(server, "\u05d0\u05d1")
        assert await mallory.say("hold:\u202eyppa dna") == "MESSAGE_HELD"
        line = bob.locator("#messages li").filter(has_text="waiting: ")
        await expect(line).to_have_count(1)
        left = await line.evaluate(
            """line => ["waiting", "/approve"].map((word) => {
                const node = [...line.childNodes].find((node) => node.nodeType === 3 && node.data.includes(word));
                const range = document.createRange();
                const start = node.data.indexOf(word);
                range.setStart(node, start);
                range.setEnd(node, start + word.length);
                const box = range.getBoundingClientRect();
                return box.top * 10000 + box.left;
            })"""
        )
        assert left[0] < left[1]
        assert [await span.get_attribute("dir") for span in await line.locator("span").all()] == ["auto"] * 3


@pytest.mark.gen_test(timeout=120)
async def test_reserved_names_are_ordinary_users_to_the_page(chromium: str, start: Any, enter: Any) -> None:
    server = await start()
    async with browser(chromium) as running:
        bob, troubles = await open_page(running, server, "bob")
        for uname in RESERVED:
            client = await enter(server, uname)
            await expect(row(bob, uname)).to_have_count(1)
            await expect(row(bob, uname).locator(".role")).to_have_count(0)
            assert await client.say("hello") is None
            await expect(bob.locator("#messages li").last).to_have_text(f"{uname}: hello")
            await row(bob, uname).get_by_role("button", name="Mute 10 min").click()
            await expect(row(bob, uname, "#mutes")).to_have_count(1)
            await expect(row(bob, uname).get_by_role("button")).to_have_count(0)
            assert await client.say("muted?") == "USER_MUTED"
            await bob.reload()  # and from what `auth` answers
            await expect(row(bob, uname, "#mutes")).to_have_count(1)
            await expect(row(bob, uname).get_by_role("button")).to_have_count(0)
            await row(bob, uname, "#mutes").get_by_role("button", name="Unmute").click()
            await expect(row(bob, uname, "#mutes")).to_have_count(0)
            await expect(row(bob, uname).get_by_role("button")).to_have_count(1)
            assert await client.say("free") is None
            await client.close()
            await expect(row(bob, uname)).to_have_count(0)
            await expect(bob.locator("#messages li").last).to_have_text(f"{uname} left")
        assert troubles == []


@pytest.mark.gen_test(timeout=120)
async def test_who_has_a_reserved_name_uses_the_page_like_anybody(
    chromium: str, start: Any, enter: Any, api: Any
) -> None:
    server = await start()
    async with browser(chromium) as running:
        bob = await enter(server, "robert", "mod")
        for uname in RESERVED:
            page, troubles = await open_as(running, server, uname, api)
            await expect(page.locator("#users li")).to_have_count(2)
            await expect(page.locator("#users .role")).to_have_text(["mod"])
            await say(page, f"I am {uname}")
            await expect(page.locator("#messages li.own").last).to_have_text(f"{uname}: I am {uname}")
            assert await bob.say(f"/mute {uname} 5") is None
            await expect(row(page, uname, "#mutes")).to_have_count(1)
            await say(page, "muted?")
            await expect(page.locator("#messages")).to_contain_text("You are muted for another")
            assert await bob.say(f"/unmute {uname}") is None
            await expect(page.locator("#mutes li")).to_have_count(0)
            await page.close()
            while (await bob.next("user_left"))["uname"] != uname:
                pass
            assert troubles == []


@pytest.mark.gen_test(timeout=90)
async def test_a_name_with_quotes_and_spaces_is_muted_and_nobody_else(chromium: str, start: Any, enter: Any) -> None:
    server = await start()
    async with browser(chromium) as running:
        bob, troubles = await open_page(running, server, "bob")
        alice = await enter(server, "alice")
        for uname in ('alice" x', "@alice", '"alice"', "alice \\", 'say "alice" 10', "alice 10"):
            client = await enter(server, uname)
            await row(bob, uname).get_by_role("button", name="Mute 10 min").click()
            await expect(row(bob, uname, "#mutes")).to_have_count(1)
            assert await client.say("muted?") == "USER_MUTED"
            assert await alice.say("not I") is None
            await row(bob, uname, "#mutes").get_by_role("button", name="Unmute").click()
            await expect(bob.locator("#mutes li")).to_have_count(0)
        assert troubles == []
