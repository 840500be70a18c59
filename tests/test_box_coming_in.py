"""The chatbox, where one comes in, is sent away, is another user, or waits to be heard."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec
import pytest
from playwright.async_api import Locator, expect

from tests.box import box_config, open_box
from tests.browsers import browser
from tests.embedding import TAG, Site, cut_off, server_for, site, visit_as, visiting
from tornado_chat.config_tables import DEFAULT_PLUGINS
from tornado_chat.server import Server

__all__ = ["site"]


@pytest.fixture
def config(tmp_path: Any, embedded_uri: str, database: str) -> Any:
    return box_config(tmp_path, embedded_uri, database)


def read_out(page: Any) -> Locator:
    """What a screen reader is given to say."""
    return page.locator("[aria-live=polite].unseen")


async def restarted(server: Server, config: Any) -> Server:
    """Start a server that has stopped, again, on the same port."""
    settings = msgspec.structs.replace(config.server, port=server.port)
    second = Server(msgspec.structs.replace(config, server=settings), demo=True)
    await second.start()
    return second


@pytest.mark.gen_test(timeout=90)
async def test_what_was_typed_without_a_connection_is_no_flood(
    chromium: str, serve: Any, make_config: Any, site: Site
) -> None:
    await server_for(site, serve, make_config, *DEFAULT_PLUGINS)
    async with visiting(chromium) as (context, visit):
        field = await visit_as(visit, site, "alice")
        lines = [
            "I",
            "am in a",
            "tunnel",
            "just now",
            "and write",
            "seven",
            "short lines",
            "eight",
            "or nine",
            "of them",
        ]
        await cut_off(context, visit)
        for line in lines:
            await field.fill(line)
            await field.press("Enter")
        await context.set_offline(False)
        failed = visit.frame.locator(".row.pending")
        await expect(visit.frame.locator(".row.pending .waiting")).to_have_count(0)
        sent = await visit.frame.locator(".row.message .words").all_inner_texts()
        unsent = await failed.locator(".words").all_inner_texts()
        # One was refused; those after it weren't tried, and nothing is lost.
        assert sent + unsent == lines
        assert 1 < len(unsent) < len(lines)
        await expect(failed.get_by_text("This was not sent.")).to_have_count(len(unsent) - 1)
        await expect(visit.frame.locator(".wait")).to_be_hidden()
        await expect(failed.get_by_role("button", name="Send again")).to_have_count(len(unsent))


@pytest.mark.gen_test(timeout=120)
async def test_what_waits_survives_that_the_page_is_left(chromium: str, serve: Any, config: Any) -> None:
    server = await serve(config, demo=True)
    async with browser(chromium) as running:
        alice, eve = await open_box(running, server, "alice"), await open_box(running, server, "eve")
        url = alice.page.url
        await server.stop()
        await expect(alice.page.locator(".connection")).to_contain_text("Connection lost")
        for box, texts in ((alice, ["from alice", "and more"]), (eve, ["from eve"])):
            for text in texts:
                await box.say(text)
            await expect(box.page.locator(".row.pending .words")).to_have_text(texts)
            await box.page.goto("about:blank")
        second = await restarted(server, config)
        try:
            for box, who in ((alice, "alice"), (eve, "bob")):
                await box.page.goto(url)
                await box.become(who)
            # Somebody else doesn't say what she had written.
            await expect(alice.rows.locator(".words")).to_have_text(["from alice", "and more"])
            await expect(eve.rows.locator(".words")).to_have_text(["from alice", "and more"])
            await expect(eve.page.locator(".row.pending")).to_have_count(0)
        finally:
            await second.stop()


@pytest.mark.gen_test(timeout=90)
async def test_what_waits_survives_a_new_token_of_the_same_user(
    chromium: str, serve: Any, make_config: Any, site: Site, connect: Any, api: Any
) -> None:
    server = await server_for(site, serve, make_config, "help")
    api.users["token-alice-2"] = api.users["token-alice"]
    eve = await connect(server, token="token-eve")
    async with visiting(chromium) as (context, visit):
        field = await visit_as(visit, site, "alice")
        await cut_off(context, visit)
        for text in ("one", "two"):
            await field.fill(text)
            await field.press("Enter")
        await visit.page.evaluate("TornadoChat.login('token-alice-2')")
        await field.fill("more")
        await field.press("Enter")
        await context.set_offline(False)
        await expect(visit.frame.locator(".row.message .words")).to_have_text(["one", "two", "more"])
        await cut_off(context, visit)
        await field.fill("three")
        await field.press("Enter")
        await visit.page.evaluate("TornadoChat.login('token-bob')")
        await field.fill("by whom?")
        await field.press("Enter")
        await context.set_offline(False)
        await expect(visit.frame.locator(".row.pending")).to_have_count(0)
        await eve.say("last")
        await expect(visit.frame.locator(".row.message .words")).to_have_text(["one", "two", "more", "last"])
        await expect(visit.frame.locator(".row.pending")).to_have_count(0)


@pytest.mark.gen_test(timeout=90)
async def test_who_is_sent_away_is_told_so_and_has_no_field(chromium: str, serve: Any, config: Any) -> None:
    server = await serve(config, demo=True)
    async with browser(chromium) as running:
        eve, bob = await open_box(running, server, "eve"), await open_box(running, server, "bob")
        state = eve.page.locator(".connection")
        await read_out(eve.page).evaluate(
            "element => { window.heard = []; new MutationObserver(() => window.heard.push(element.textContent))"
            ".observe(element, { childList: true }); }"
        )
        await bob.say("/kick eve calm down")
        await expect(state).to_contain_text("You were sent out")
        notices = eve.page.locator(".row.notice")
        # A line for each time that it is refused would be many.
        await expect(notices.get_by_text("come back in")).to_have_count(1)
        told = await notices.last.inner_text()
        await expect(notices.get_by_text(told, exact=True)).to_have_count(0, timeout=20_000)
        await expect(notices.get_by_text("come back in")).to_have_count(1)
        assert await eve.page.evaluate("window.heard.filter((text) => text.includes('come back in')).length") == 1
        await bob.say("/ban eve 1h spamming")
        await expect(state).to_contain_text("You are banned", timeout=40_000)
        await expect(eve.field).to_be_hidden()


@pytest.mark.gen_test(timeout=90)
async def test_an_app_that_is_gone_is_a_refusal(chromium: str, serve: Any, make_config: Any, site: Site) -> None:
    server = await server_for(site, serve, make_config, "help")
    async with visiting(chromium) as (_, visit):
        await visit_as(visit, site, "alice")
        del server._registry.table.apps[2]
        for sid in list(server._gateway._connections):
            await server._gateway._server.disconnect(sid)
        await expect(visit.frame.locator(".connection")).to_contain_text("The server doesn't let you in.")
        await expect(visit.frame.locator(".row.notice")).to_have_count(0)


@pytest.mark.gen_test(timeout=90)
async def test_the_next_user_has_nothing_of_the_last_one(
    chromium: str, serve: Any, make_config: Any, site: Site, connect: Any, api: Any
) -> None:
    server = await server_for(site, serve, make_config, "ignore", "help")
    eve = await connect(server, token="token-eve")
    async with visiting(chromium) as (_, visit):
        await visit.listen("login", "logout", "state")
        field = await visit_as(visit, site, "bob")
        await eve.say("hello from eve")
        words = visit.frame.locator(".row.message .words")
        await expect(words).to_be_visible()
        await field.fill("/ignore eve")
        await field.press("Enter")
        await expect(words).to_be_hidden()
        await field.fill("what bob began")
        await visit.page.evaluate("TornadoChat.login('token-alice')")
        await visit.happened("login", 2)
        await expect(words).to_be_visible()
        await expect(field).to_have_value("")
        # Nobody was away for it.
        assert "offline" not in await visit.happened("state", 3)


@pytest.mark.gen_test(timeout=90)
async def test_a_logout_is_one_at_once_and_a_token_may_be_tried_again(
    chromium: str, serve: Any, make_config: Any, site: Site, connect: Any
) -> None:
    server = await server_for(site, serve, make_config, "ban")
    bob = await connect(server, token="token-bob")
    async with visiting(chromium) as (_, visit):
        await visit.listen("login", "logout")
        field = await visit_as(visit, site, "alice")
        await bob.say("/ban alice 1h")
        await visit.happened("logout")
        await expect(field).to_be_hidden()
        await bob.say("/unban alice")
        await visit.page.evaluate("TornadoChat.login('token-alice')")
        await visit.happened("login", 2)
        await expect(field).to_be_visible()
        await server.stop()
        await expect(visit.frame.locator(".connection")).to_be_visible()
        await visit.page.evaluate("TornadoChat.logout()")
        await visit.happened("logout", 2)
        await expect(field).to_be_hidden()


@pytest.mark.gen_test(timeout=90)
async def test_the_focus_stays_with_who_took_it_while_the_box_came_in(
    chromium: str, serve: Any, make_config: Any, site: Site
) -> None:
    await server_for(site, serve, make_config, "help")
    async with visiting(chromium) as (_, visit):
        let_through = asyncio.Event()

        async def late(route: Any) -> None:
            await let_through.wait()
            await route.continue_()

        await visit.page.add_init_script(
            "window.WebSocket = class { constructor() { setTimeout(() => this.onclose()); } close() {} };"
        )
        await visit.page.route("**/socket.io/**", late)
        await visit.page.goto(site.page(TAG.format('data-token="token-alice"'), body="<input id=own>"))
        await visit.page.get_by_role("button", name="Open chat").click()
        own = visit.page.locator("#own")
        await own.focus()
        await own.press_sequentially("abc")
        let_through.set()
        await expect(visit.frame.get_by_label("Message", exact=True)).to_be_visible()
        await expect(own).to_be_focused()
        # With a drawer over the field, who opens the box can write all the same.
        await visit.frame.get_by_role("button", name="People").click()
        await visit.page.evaluate("TornadoChat.close(); TornadoChat.open()")
        await expect(visit.frame.get_by_label("Message", exact=True)).to_be_focused()
