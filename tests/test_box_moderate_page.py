"""The moderators' page and their log: who one is in each app, what is added, and where one reads."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from playwright.async_api import Page, expect

from tests.box import Box, box_config, open_box, watch
from tests.browsers import browser
from tornado_chat.audit import Audit
from tornado_chat.models import AuditEntry
from tornado_chat.records import AuditQuery


@pytest.fixture
def config(tmp_path: Any, embedded_uri: str, database: str) -> Any:
    return box_config(tmp_path, embedded_uri, database, apps=(2, 3))


async def open_page(running: Any, server: Any, apps: str, who: str = "") -> Box:
    """Open the page of some apps, as a guest or as one of the demo's users."""
    box = watch(await running.new_page(viewport={"width": 1300, "height": 700}))
    await box.page.goto(f"http://127.0.0.1:{server.port}/moderate/{apps}")
    if who:
        await box.page.get_by_role("button", name=who, exact=True).click()
        await expect(box.page.get_by_role("tablist").first).to_be_visible()
    return box


async def send_away(server: Any) -> None:
    """Close every connection, as a network does that fails."""
    for sid in list(server._gateway._connections):
        await server._gateway._server.disconnect(sid)


def tabs(page: Page) -> Any:
    return page.get_by_role("tablist")


@pytest.mark.gen_test(timeout=90)
async def test_each_app_may_have_one_in_by_another_token(chromium: str, serve: Any, config: Any, connect: Any) -> None:
    server = await serve(config, demo=True)
    dave = await connect(server, token="dave", app_id=3)
    await dave.say("/ban bob")
    async with browser(chromium) as running:
        page = (await open_page(running, server, "2,3", "bob")).page
        third = page.locator(".column").nth(1)
        await expect(third.locator(".connection.refused", has_text="banned")).to_be_visible()
        await page.get_by_label("Token").fill("carol")
        await page.get_by_role("button", name="Log in").click()
        await expect(tabs(page)).to_have_count(2)
        await expect(page.get_by_label("Token")).to_be_hidden()
        # Each is remembered for this tab.
        await page.reload()
        await expect(tabs(page)).to_have_count(2)
        for column, who in ((page.locator(".column").nth(0), "bob"), (third, "carol")):
            await column.get_by_role("button", name="People").click()
            await expect(column.locator(".person", has_text="you")).to_contain_text(who)
        # Where one is a guest and isn't elsewhere, it says so.
        no_moderator = page.get_by_text("You don't moderate this app.")
        await expect(no_moderator.and_(page.locator(":visible"))).to_have_count(0)
        await page.evaluate("delete sessionStorage['tornado-chat:token:3']")
        await page.reload()
        await expect(third.get_by_text("You don't moderate this app.")).to_be_visible()
        await expect(tabs(page)).to_have_count(1)
        await expect(no_moderator.first).to_be_hidden()
        await page.get_by_role("button", name="Log out").click()
        await expect(page.get_by_text("You are reading as a guest")).to_have_count(2)


@pytest.mark.gen_test(timeout=90)
async def test_a_token_that_nobody_has_is_told_each_time(chromium: str, serve: Any, config: Any) -> None:
    server = await serve(config, demo=True)
    async with browser(chromium) as running:
        page = (await open_page(running, server, "2,3")).page
        token, said = page.get_by_label("Token"), page.get_by_text("Nobody here has that token")
        await token.fill("nonsense")
        await token.press("Enter")
        await expect(said).to_be_visible()
        await page.evaluate("document.querySelector('.guest .failure').textContent = 'before'")
        await token.fill("nonsense")
        await token.press("Enter")
        await expect(said).to_be_visible()


@pytest.mark.gen_test(timeout=90)
async def test_a_panel_that_was_closed_stays_closed(chromium: str, serve: Any, config: Any) -> None:
    server = await serve(config, demo=True)
    async with browser(chromium) as running:
        page = (await open_page(running, server, "2", "bob")).page
        await page.get_by_role("button", name="Close").click()
        await expect(tabs(page)).to_have_count(0)
        await page.evaluate(
            "window.heard = 0; new MutationObserver(() => { window.heard += 1; }).observe("
            "document.querySelector('.here'), {childList: true, characterData: true, subtree: true})"
        )
        await send_away(server)
        await page.wait_for_function("() => window.heard > 0")  # it came in anew
        await expect(page.get_by_label("Message", exact=True)).to_be_visible()
        await expect(tabs(page)).to_have_count(0)


@pytest.mark.gen_test(timeout=90)
async def test_only_an_app_that_there_is_can_be_added(chromium: str, serve: Any, config: Any) -> None:
    server = await serve(config, demo=True)
    async with browser(chromium) as running:
        page = (await open_page(running, server, "2,2", "bob")).page
        await expect(page.locator(".column")).to_have_count(1)
        await expect(page.get_by_role("button", name="Take")).to_have_count(0)
        url = page.url
        field, add = page.get_by_label("App number"), page.get_by_role("button", name="Add")
        await field.fill("2")
        await add.click()
        await expect(page.get_by_role("tab", name="Queue")).to_be_focused()
        await field.fill(str(2**53))
        await add.click()
        await page.wait_for_function("() => document.querySelector('input[type=number]').validationMessage !== ''")
        assert await field.evaluate("field => field.validationMessage") == "There is no such app."
        assert page.url == url
        await field.fill("3")
        await add.click()
        await page.wait_for_url("**/moderate/2,3")


@pytest.mark.gen_test(timeout=90)
async def test_an_address_may_be_written_otherwise(chromium: str, serve: Any, config: Any) -> None:
    server = await serve(config, demo=True)
    async with browser(chromium) as running:
        page = (await open_page(running, server, "2%2C3")).page
        await page.get_by_role("button", name="Take").first.click()
        await page.wait_for_url("**/moderate/3")
        await expect(page.locator(".column")).to_have_count(1)


@pytest.mark.gen_test(timeout=90)
async def test_who_is_banned_isnt_told_that_nobody_has_their_token(
    chromium: str, serve: Any, config: Any, connect: Any
) -> None:
    server = await serve(config, demo=True)
    dave = await connect(server, token="dave")
    await dave.say("/ban bob")
    async with browser(chromium) as running:
        page = (await open_page(running, server, "2")).page
        await page.get_by_role("button", name="bob", exact=True).click()
        await expect(page.locator(".connection.refused", has_text="banned")).to_be_visible()
        await expect(page.get_by_label("Token")).to_be_visible()
        await expect(page.get_by_text("Nobody here has that token")).to_have_count(0)


@pytest.mark.gen_test(timeout=120)
async def test_the_log_stays_where_it_is_read(chromium: str, serve: Any, config: Any, connect: Any) -> None:
    server = await serve(config, demo=True)
    carol = await connect(server, token="carol")
    for number in range(25):
        await carol.say(f"/mute somebody{number} 10m reason{number}")
    async with browser(chromium) as running:
        one, other = await open_box(running, server, "bob"), await open_box(running, server, "bob")
        for box in (one, other):
            await box.panel("Moderation")
            await box.page.get_by_role("tab", name="Log").click()
            await expect(box.page.locator(".log > li")).to_have_count(10)
        await other.page.get_by_label("Search the log").fill("reason3")
        await other.page.get_by_role("button", name="Find").click()
        await expect(other.page.locator(".log > li")).to_have_count(1)
        rows = one.page.locator(".log > li")
        older = one.page.get_by_role("button", name="Older")
        for count in (20, 25):
            await older.click()
            await expect(rows).to_have_count(count)
        assert len(set(await rows.all_inner_texts())) == 25
        # What is new waits until it is asked for; the focus is on it then.
        await carol.say("/unmute somebody0")
        await one.page.get_by_role("button", name="new").click()
        await expect(rows.first).to_be_focused()
        await expect(rows.first).to_contain_text("unmute")
        # Who did it is found, and a half-typed search isn't one.
        await one.page.get_by_label("Search the log").fill("carol")
        await one.page.get_by_role("button", name="Find").click()
        await expect(rows.first).to_contain_text("unmute")
        await one.page.get_by_label("Search the log").fill("carol and nobody el")
        await carol.say("/mute somebody0 10m once more")
        await expect(rows.first).to_contain_text("once more")


@pytest.mark.gen_test(timeout=120)
async def test_nothing_that_comes_between_tears_a_reader_of_the_log_away(
    chromium: str, serve: Any, config: Any, connect: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked, go_on = asyncio.Event(), asyncio.Event()
    find = Audit.find

    async def find_slowly(audit: Audit, query: AuditQuery, limit: int, words: str = "") -> list[AuditEntry]:
        if query.before:
            asked.set()
            await go_on.wait()
        return await find(audit, query, limit, words)

    monkeypatch.setattr(Audit, "find", find_slowly)
    server = await serve(config, demo=True)
    carol = await connect(server, token="carol")
    for number in range(25):
        await carol.say(f"/mute somebody{number} 10m reason{number}")
    async with browser(chromium) as running:
        box = await open_box(running, server, "bob")
        await box.panel("Moderation")
        await box.page.get_by_role("tab", name="Log").click()
        field, rows = box.page.get_by_label("Search the log"), box.page.locator(".log > li")
        await field.fill("REASON")
        await field.press("Enter")
        await expect(rows.first).to_contain_text("reason24")
        newer = box.page.get_by_role("button", name="new")
        await box.page.get_by_role("button", name="Older").click()
        await asked.wait()
        await carol.say("/unmute somebody0")
        await expect(newer).to_be_visible()
        go_on.set()
        await expect(rows).to_have_count(20)
        # Nor does a network that fails: what is new can be asked for, with the same words.
        await newer.click()
        await expect(rows).to_have_count(10)
        await box.page.get_by_role("button", name="Older").click()
        await expect(rows).to_have_count(20)
        await expect(newer).to_be_hidden()
        await send_away(server)
        await expect(newer).to_be_visible()
        await expect(rows).to_have_count(20)
        await expect(field).to_have_value("REASON")


@pytest.mark.gen_test(timeout=90)
async def test_a_tab_with_an_older_token_loses_its_panel_for_good(
    chromium: str, serve: Any, make_config: Any, connect: Any, api: Any
) -> None:
    server = await serve(make_config(app='plugins = ["mute"]\n'))
    alice = await connect(server, token="token-alice")
    async with browser(chromium) as running:
        pages = []
        for token in ("token-bob", "token-again"):
            page = (await open_page(running, server, "2")).page
            await page.get_by_label("Token").fill(token)
            await page.get_by_label("Token").press("Enter")
            await expect(page.get_by_label("Message", exact=True)).to_be_visible()
            pages.append(page)
            # Demoted: the site's answer of a moment ago for the older token still has the old role.
            api.users["token-again"] = {**api.users["token-bob"], "role": "member"}
        for page in pages:
            await expect(page.get_by_text("You don't moderate this app.")).to_be_visible()
            await expect(tabs(page)).to_have_count(0)
        await alice.settle()
        assert [args for name, *args in alice.heard if name == "user_updated"] == [
            [{"id": 2, "uname": "bob", "role": "member"}]
        ]


@pytest.mark.gen_test(timeout=90)
async def test_the_next_one_finds_nothing_searched_for(chromium: str, serve: Any, config: Any, connect: Any) -> None:
    server = await serve(config, demo=True)
    dave = await connect(server, token="dave")
    for number in range(3):
        await dave.say(f"/mute somebody{number} 10m reason{number}")
    async with browser(chromium) as running:
        page = (await open_page(running, server, "2", "bob")).page
        field, rows = page.get_by_label("Search the log"), page.locator(".log > li")
        await page.get_by_role("tab", name="Log").click()
        await field.fill("reason1")
        await field.press("Enter")
        await expect(rows).to_have_count(1)
        await page.get_by_role("button", name="Log out").click()
        await page.get_by_role("button", name="carol", exact=True).click()
        await page.get_by_role("tab", name="Log").click()
        await expect(rows).to_have_count(3)
        await expect(field).to_have_value("")
