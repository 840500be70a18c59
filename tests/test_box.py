"""The chatbox: a conversation as visitors have it, in two and three browsers at once."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from playwright.async_api import expect

from tests.box import box_config, box_table, open_box
from tests.browsers import browser
from tornado_chat.models import Role, User
from tornado_chat.server import Server
from tornado_chat.store import Posting
from tornado_chat.store_mongo import MongoStore

ALICE = User(1, "alice", Role.MEMBER)

# How many tones were played, and each text that was read out.
SPIES = """
window.tones = 0;
const start = OscillatorNode.prototype.start;
OscillatorNode.prototype.start = function (...args) { window.tones += 1; return start.apply(this, args); };
"""

NO_WEBSOCKETS = "window.WebSocket = class { constructor() { setTimeout(() => this.onclose()); } close() {} };"


@pytest.fixture
def config(tmp_path: Any, embedded_uri: str, database: str) -> Any:
    return box_config(tmp_path, embedded_uri, database)


async def tell(store: MongoStore, texts: list[str], *, ago: timedelta = timedelta()) -> None:
    """Have alice say some texts in app 2, before the server starts."""
    await store.append(2, [Posting(ALICE, text, datetime.now(UTC) - ago) for text in texts], 5.0)


@pytest.mark.gen_test(timeout=90)
async def test_people_talk_and_a_guest_reads(chromium: str, serve: Any, config: Any) -> None:
    server = await serve(config, demo=True)
    async with browser(chromium) as running:
        alice, bob = await open_box(running, server, "alice"), await open_box(running, server, "bob")
        guest = await open_box(running, server)
        for box in (alice, bob, guest):
            await expect(box.page.get_by_text("2 people here")).to_be_visible()
        text = "Hi <b>bob</b> & co, see https://example.org/a_(b). javascript:alert(1) "
        text += "HTTP://EXAMPLE.com/x, www.example.net"
        await alice.say(text)
        for box in (alice, bob, guest):
            # Not the line that is shown as under way: it has no links yet.
            words = box.rows.filter(has_text="Hi <b>bob</b>").locator(".words")
            await expect(words).to_have_text(text)
            links = words.locator("a")
            assert [await link.get_attribute("href") for link in await links.all()] == [
                "https://example.org/a_(b)",
                "http://example.com/x",
                "https://www.example.net/",
            ]
            for link in await links.all():
                assert await link.get_attribute("rel") == "noopener noreferrer nofollow ugc"
                assert await link.get_attribute("target") == "_blank"
        await expect(alice.row("Hi <b>bob</b>")).to_have_class(re.compile(r"\bown\b"))
        await expect(alice.row("Hi <b>bob</b>").locator(".head")).to_contain_text("you")
        await expect(bob.row("Hi <b>bob</b>")).not_to_have_class(re.compile(r"\bown\b"))
        await bob.say("hello")
        hello = alice.row("hello")
        await expect(hello.locator(".badge")).to_have_text("mod")
        await expect(hello.locator("time")).to_have_text(re.compile(r"\d{1,2}:\d\d"))
        await expect(alice.page.locator(".day")).to_have_text("Today")
        hues = [await box.row("hello").locator(".name").evaluate("n => n.style.cssText") for box in (alice, bob, guest)]
        assert len(set(hues)) == 1
        assert hues[0].startswith("--hue")
        assert await alice.row("Hi <b>bob</b>").locator(".name").evaluate("n => n.style.cssText") != hues[0]
        await bob.say("/me waves")
        await expect(guest.row("waves").locator(".text")).to_have_text("bob waves")
        await expect(guest.page.get_by_text("You are reading as a guest")).to_be_visible()
        await expect(guest.field).to_be_hidden()
        for box in (alice, bob, guest):
            assert box.troubles == []


@pytest.mark.gen_test(timeout=90)
async def test_a_mention_is_seen_and_heard_once_and_may_be_silent(chromium: str, serve: Any, config: Any) -> None:
    server = await serve(config, demo=True)
    async with browser(chromium) as running:
        context = await running.new_context()
        await context.add_init_script(SPIES)
        alice = await open_box(context, server, "alice")
        bob = await open_box(running, server, "bob")
        await bob.say("not for you")
        await bob.say("you there, @Alice?")
        await expect(alice.row("you there")).to_have_class(re.compile(r"\bmentioned\b"))
        await expect(alice.row("you there").locator(".mention.own")).to_have_text("@Alice")
        await expect(alice.row("not for you")).not_to_have_class(re.compile(r"\bmentioned\b"))
        await alice.page.wait_for_function("() => window.tones === 2")
        await alice.panel("Settings")
        await alice.page.get_by_role("switch", name="Sound").uncheck()
        await bob.say("@alice again")
        await expect(alice.row("again")).to_have_class(re.compile(r"\bmentioned\b"))
        await bob.say("@alicea is somebody else")
        await expect(alice.row("somebody else")).not_to_have_class(re.compile(r"\bmentioned\b"))
        assert await alice.page.evaluate("window.tones") == 2
        await alice.page.reload()
        await alice.become("alice")
        await alice.panel("Settings")
        await expect(alice.page.get_by_role("switch", name="Sound")).not_to_be_checked()


@pytest.mark.gen_test(timeout=90)
async def test_history_comes_at_once_and_older_ones_on_scroll(
    chromium: str, store: MongoStore, serve: Any, config: Any
) -> None:
    await tell(store, [f"old {number}" for number in range(1, 201)], ago=timedelta(days=40))
    await tell(store, [f"then {number}" for number in range(201, 301)], ago=timedelta(days=1))
    await tell(store, [f"now {number}" for number in range(301, 361)])
    server = await serve(config, demo=True)
    async with browser(chromium) as running:
        alice = await open_box(running, server, "alice")
        await expect(alice.rows.last).to_contain_text("now 360")
        timeline = alice.page.locator(".timeline")
        days: set[str] = set()
        for _ in range(60):
            days |= set(await alice.page.locator(".day").all_inner_texts())
            number = await alice.rows.first.get_attribute("data-id")
            if number == "1":
                break
            await timeline.evaluate("t => { t.scrollTop = 0; }")
            await alice.page.wait_for_function(
                "n => ![n, undefined].includes(document.querySelector('.row.message')?.dataset.id)",
                arg=number,
            )
        await expect(alice.page.get_by_text("This is where it all began")).to_be_visible()
        assert {"Today", "Yesterday"} < days
        assert len(days) == 3
        # Nothing is missed or doubled on the way back down.
        assert await alice.rows.count() <= 240
        bob = await open_box(running, server, "bob")
        await bob.say("and on it goes")
        await bob.say("and on")
        newer = alice.page.locator(".newer")
        await expect(newer).to_have_text("2 new messages")
        await newer.click()
        await expect(alice.rows.last).to_contain_text("and on")
        ids = await alice.rows.evaluate_all("rows => rows.map((row) => Number(row.dataset.id))")
        assert ids == list(range(ids[0], 363))
        await expect(newer).to_be_hidden()


@pytest.mark.gen_test(timeout=90)
async def test_who_reads_back_is_not_moved(chromium: str, store: MongoStore, serve: Any, config: Any) -> None:
    await tell(store, [f"line {number}" for number in range(1, 101)])
    server = await serve(config, demo=True)
    async with browser(chromium) as running:
        alice, bob = await open_box(running, server, "alice"), await open_box(running, server, "bob")
        await alice.page.locator(".timeline").evaluate("t => { t.scrollTop -= 700; }")
        await expect(alice.page.locator(".newer")).to_be_visible()
        place = """() => { const t = document.querySelector(".timeline").getBoundingClientRect();
            const row = [...document.querySelectorAll(".row")].find((r) => r.getBoundingClientRect().bottom > t.top);
            return [row.dataset.id, Math.round(row.getBoundingClientRect().top)]; }"""
        before = await alice.page.evaluate(place)
        for number in range(12):
            await bob.say(f"more {number}")
        await expect(alice.page.locator(".newer")).to_have_text("12 new messages")
        assert await alice.page.evaluate(place) == before
        await bob.say("/delete 3")
        await expect(bob.page.locator(".row[data-id='3']")).to_have_count(0)
        assert await alice.page.evaluate(place) == before


@pytest.mark.gen_test(timeout=90)
async def test_what_is_typed_is_completed_counted_and_kept(chromium: str, serve: Any, config: Any) -> None:
    server = await serve(config, demo=True)
    async with browser(chromium) as running:
        bob, eve = await open_box(running, server, "bob"), await open_box(running, server, "eve")
        await expect(bob.page.get_by_text("2 people here")).to_be_visible()
        choices = bob.page.get_by_role("option")
        await bob.field.press_sequentially("/mut")
        await expect(choices.first).to_contain_text("/mute <user> [duration] [reason]")
        await bob.field.press("Enter")
        await expect(bob.field).to_have_value("/mute ")
        await expect(choices).to_have_text(["eve"])
        await expect(bob.page.locator(".usage")).to_contain_text("/mute <user> [duration] [reason]")
        await bob.field.press("Tab")
        await expect(bob.field).to_have_value("/mute eve ")
        await expect(choices.first).to_have_text("10m")
        await bob.field.press("Escape")
        await expect(choices).to_have_count(0)
        await bob.field.fill("")
        await bob.field.press_sequentially("well, @e")
        await bob.field.press("Tab")
        await expect(bob.field).to_have_value("well, @eve ")
        await bob.page.reload()
        await bob.become("bob")
        await expect(bob.field).to_have_value("well, @eve ")
        counter = bob.page.locator(".counter")
        await bob.field.fill("x" * 280)
        await expect(counter).to_have_text("")
        await bob.field.fill("x" * 340)
        await expect(counter).to_have_text("10")
        await bob.field.fill("x" * 351)
        await expect(counter).to_have_text("-1")
        await expect(bob.page.get_by_role("button", name="Send")).to_be_disabled()
        await expect(bob.field).to_have_attribute("aria-invalid", "true")
        assert eve.troubles == []


@pytest.mark.gen_test(timeout=90)
async def test_who_has_to_wait_sees_for_how_long(chromium: str, serve: Any, config: Any) -> None:
    server = await serve(config, demo=True)
    async with browser(chromium) as running:
        eve, bob = await open_box(running, server, "eve"), await open_box(running, server, "bob")
        wait, send = eve.page.locator(".wait"), eve.page.get_by_role("button", name="Send")
        await bob.say("/slow 2")
        await expect(eve.page.locator(".mode")).to_contain_text("Slow mode: one message every 2 sec")
        await eve.say("one")
        await expect(bob.row("one")).to_be_visible()
        await eve.field.fill("two")
        await expect(wait).to_have_text(re.compile("your next message in 0:0[12]"))
        await expect(send).to_be_disabled()
        await expect(wait).to_be_hidden()
        await eve.field.press("Enter")
        await expect(bob.row("two")).to_be_visible()
        await bob.say("/mute eve 1h")
        await expect(wait).to_have_text(re.compile(r"muted for another (1 h 0 min|59:\d\d)"))
        await eve.field.fill("three")
        await expect(send).to_be_disabled()
        await bob.say("/unmute eve")
        await expect(wait).to_be_hidden()
        await expect(eve.field).to_have_value("three")
        await expect(send).to_be_enabled()


@pytest.mark.gen_test(timeout=90)
async def test_people_are_searched_and_ignored(chromium: str, serve: Any, config: Any) -> None:
    server = await serve(config, demo=True)
    async with browser(chromium) as running:
        alice, eve = await open_box(running, server, "alice"), await open_box(running, server, "eve")
        bob = await open_box(running, server, "bob")
        await alice.panel("People")
        people = alice.page.locator(".person")
        await expect(people).to_contain_text(["bob", "alice", "eve"])
        await alice.page.get_by_label("Search for a name").fill("EV")
        await expect(people).to_have_count(1)
        await eve.say("buy gold")
        await expect(alice.row("buy gold")).to_be_visible()
        await people.click()
        await alice.choose("Ignore")
        await expect(alice.page.locator(".row.message .words", has_text="buy gold")).to_be_hidden()
        await eve.say("more gold")
        await expect(bob.row("more gold")).to_be_visible()
        await bob.say("enough")
        await expect(alice.row("enough")).to_be_visible()
        await expect(alice.page.locator(".row.message .words", has_text="more gold")).to_be_hidden()
        await alice.page.reload()
        await alice.become("alice")
        await expect(alice.page.locator(".row.message .words", has_text="more gold")).to_be_hidden()
        await alice.panel("Settings")
        await alice.page.locator(".ignored .person", has_text="eve").click()
        await alice.choose("Don't ignore any more")
        await expect(alice.page.locator(".row.message .words", has_text="more gold")).to_be_visible()


@pytest.mark.gen_test(timeout=90)
async def test_what_the_server_refuses_can_be_sent_again_or_changed(
    chromium: str, serve: Any, tmp_path: Any, embedded_uri: str, database: str
) -> None:
    config = box_config(tmp_path, embedded_uri, database)
    server = await serve(config, demo=True)
    async with browser(chromium) as running:
        eve, bob = await open_box(running, server, "eve"), await open_box(running, server, "bob")
        await bob.say("/lock 10m")
        await expect(eve.page.locator(".mode")).to_contain_text("Locked")
        await eve.say("let me in")
        failed = eve.page.locator(".row.pending")
        await expect(failed.locator(".failure")).to_be_visible()
        await failed.get_by_role("button", name="Edit").click()
        await expect(eve.field).to_have_value("let me in")
        await expect(failed).to_have_count(0)
        await eve.field.press("Enter")
        await expect(failed.get_by_role("button", name="Send again")).to_be_visible()
        await bob.say("/unlock")
        await expect(eve.page.locator(".mode")).to_have_count(0)
        await failed.get_by_role("button", name="Send again").click()
        await expect(bob.row("let me in")).to_be_visible()
        await expect(failed).to_have_count(0)
        await eve.say("fudge")
        # What waits is not gone for who wrote it.
        await expect(eve.page.locator(".row.notice").last).to_contain_text("waits for a moderator: fudge")
        await expect(failed).to_have_count(0)


@pytest.mark.gen_test(timeout=120)
async def test_a_restart_loses_and_doubles_nothing(chromium: str, serve: Any, config: Any) -> None:
    server = await serve(config, demo=True)
    port = server.port
    async with browser(chromium) as running:
        alice, bob = await open_box(running, server, "alice"), await open_box(running, server, "bob")
        await alice.say("before")
        await expect(bob.row("before")).to_be_visible()
        await server.stop()
        await expect(alice.page.locator(".connection")).to_contain_text("Connection lost")
        # What is said meanwhile waits, is shown as waiting, and is sent once.
        await expect(alice.page.get_by_role("button", name="Try now")).to_be_visible()
        await alice.say("meanwhile")
        await expect(alice.page.locator(".row.pending")).to_contain_text("meanwhile")
        on_port = msgspec.structs.replace(config, server=msgspec.structs.replace(config.server, port=port))
        second = Server(on_port, demo=True)
        await second.start()
        try:
            # By themselves; the button only hurries them.
            await expect(alice.page.locator(".connection")).to_be_hidden(timeout=40_000)
            await expect(alice.page.locator(".row.pending")).to_have_count(0)
            await expect(bob.row("meanwhile")).to_be_visible(timeout=40_000)
            await bob.say("after")
            await expect(alice.row("after")).to_be_visible()
            for box in (alice, bob):
                texts = await box.rows.locator(".words").all_inner_texts()
                assert texts == ["before", "meanwhile", "after"]
        finally:
            await second.stop()


@pytest.mark.gen_test(timeout=90)
async def test_a_guest_is_led_to_where_one_logs_in(
    chromium: str, serve: Any, tmp_path: Any, embedded_uri: str, database: str
) -> None:
    table = box_table(title="Tea & <i>talk</i>", login_url="https://www.example.com/login")
    server = await serve(box_config(tmp_path, embedded_uri, database, box=table), demo=True)
    async with browser(chromium) as running:
        guest = await open_box(running, server)
        await expect(guest.page.get_by_role("heading", level=1)).to_have_text("Tea & <i>talk</i>")
        link = guest.page.get_by_role("link", name="Log in")
        assert await link.get_attribute("href") == "https://www.example.com/login"
        assert await link.get_attribute("target") == "_top"


@pytest.mark.gen_test(timeout=120)
async def test_where_websockets_do_not_come_through_it_polls(chromium: str, serve: Any, config: Any) -> None:
    server = await serve(config, demo=True)
    async with browser(chromium) as running:
        context = await running.new_context()
        await context.add_init_script(NO_WEBSOCKETS)
        alice, bob = await open_box(context, server, "alice"), await open_box(running, server, "bob")
        await alice.say("by post")
        await expect(bob.row("by post")).to_be_visible()
        await bob.say("got it: \u2028 \U0001f600")
        await expect(alice.row("got it")).to_be_visible()
        await alice.page.reload()
        await alice.become("alice")
        await expect(alice.row("by post")).to_be_visible()
        assert alice.troubles == []
        await expect(bob.page.get_by_text("2 people here")).to_be_visible()
        await alice.page.close()
        # A page that goes says so; where that is lost with it, the server notices that nobody asks any more.
        await expect(bob.page.get_by_text("1 person here")).to_be_visible(timeout=60_000)
