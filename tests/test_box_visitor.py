"""The chatbox, as one reads and writes in it: what is completed, linked, called, read out, and kept in its place."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from playwright.async_api import Locator, Page, expect

from tests.box import Box, box_config, open_box, watch
from tests.browsers import browser
from tests.embedding import Site, server_for, site, visit_as, visiting
from tornado_chat.models import Role, User
from tornado_chat.store import Posting
from tornado_chat.store_mongo import MongoStore

ALICE = User(1, "alice", Role.MEMBER)

EVE = User(5, "eve", Role.MEMBER)

EVELYN = User(9, "evelyn", Role.MEMBER)

# Where each message stands that can be seen: its text and its distance from the top, in pixels.
PLACES = """() => {
  const { top, bottom } = document.querySelector(".timeline").getBoundingClientRect();
  const places = {};
  for (const words of document.querySelectorAll(".row.message .words")) {
    const box = words.getBoundingClientRect();
    if (box.height && box.top >= top && box.bottom <= bottom) places[words.textContent] = Math.round(box.top - top);
  }
  return places;
}"""

__all__ = ["site"]


@pytest.fixture
def config(tmp_path: Any, embedded_uri: str, database: str) -> Any:
    return box_config(tmp_path, embedded_uri, database)


async def tell(store: MongoStore, *said: tuple[User, str]) -> None:
    """Have users say some texts in app 2, before the server starts."""
    await store.append(2, [Posting(user, text, datetime.now(UTC)) for user, text in said], 5.0)


def read_out(page: Any) -> Locator:
    """What a screen reader is given to say."""
    return page.locator("[aria-live=polite].unseen")


@pytest.mark.gen_test(timeout=90)
@pytest.mark.parametrize(
    ("typed", "key", "left"),
    [
        ("/mute eve", "Enter", ""),
        ("/mute EVE", "Enter", ""),
        ("hi @eve", "Enter", ""),
        ("hello @", "Enter", ""),
        ("/ban eve 7", "Enter", ""),
        ("/mute 42max", "Enter", "/mute 42maximus "),
        ("/ban", "Tab", "/ban "),
        ("/mut", "Enter", "/mute "),
        ("hi @evel", "Enter", "hi @evelyn "),
    ],
)
async def test_what_is_typed_whole_is_not_completed_to_something_else(
    chromium: str, store: MongoStore, serve: Any, config: Any, typed: str, key: str, left: str
) -> None:
    await tell(store, (EVE, "hello"), (EVELYN, "hello"), (User(42, "42maximus", Role.MEMBER), "hello"))
    server = await serve(config, demo=True)
    async with browser(chromium) as running:
        bob = await open_box(running, server, "bob")
        await bob.field.press_sequentially(typed)
        await expect(bob.page.get_by_role("option").first).to_be_visible()
        await bob.field.press(key)
        await expect(bob.field).to_have_value(left)
        if left == "":
            await expect(bob.page.locator(".row.notice, .row.message.own").last).to_be_visible()
            await expect(bob.page.locator(".rows")).not_to_contain_text("evelyn for")


@pytest.mark.gen_test(timeout=90)
async def test_a_link_reads_as_it_leads(chromium: str, serve: Any, config: Any, connect: Any) -> None:
    server = await serve(config, demo=True)
    bob = await connect(server, token="bob")
    async with browser(chromium) as running:
        alice = await open_box(running, server, "alice")
        for text in ("\u202ehttps://evil.example/moc.knab//:sptth", "שלום https://evil.example/moc.knab//:sptth"):
            await bob.say(text)
            link = alice.rows.last.locator("a")
            await expect(link).to_have_attribute("href", "https://evil.example/moc.knab//:sptth")
            ends = """a => [0, a.textContent.length - 1].map((at) => {
              const range = document.createRange();
              range.setStart(a.firstChild, at);
              range.setEnd(a.firstChild, at + 1);
              return range.getBoundingClientRect().x;
            })"""
            first, last = await link.evaluate(ends)
            assert first < last
        await bob.say("“https://example.com/a” and https://example.com/b。")
        links = alice.rows.last.locator("a")
        await expect(links).to_have_count(2)
        assert [await link.inner_text() for link in await links.all()] == [
            "https://example.com/a",
            "https://example.com/b",
        ]


@pytest.mark.gen_test(timeout=90)
async def test_only_who_is_called_is_mentioned(chromium: str, serve: Any, config: Any, connect: Any) -> None:
    server = await serve(config, demo=True)
    bob = await connect(server, token="bob")
    async with browser(chromium) as running:
        alice = await open_box(running, server, "alice")
        for text in ("write to bob@alice.example", "@alice-2 hi", "@alice.b hi", "well, @Alice.", "(@alice) hi"):
            await bob.say(text)
        await expect(alice.rows).to_have_count(5)
        called = alice.page.locator(".row.mentioned .words")
        await expect(called).to_have_text(["well, @Alice.", "(@alice) hi"])


@pytest.mark.gen_test(timeout=90)
async def test_a_name_with_spaces_is_called_as_a_whole(
    chromium: str, serve: Any, make_config: Any, site: Site, connect: Any, api: Any
) -> None:
    server = await server_for(site, serve, make_config, "help")
    api.users["token-ann"] = {"id": 91, "uname": "Ann @ Home", "role": "member"}
    bob = await connect(server, token="token-bob")
    async with visiting(chromium) as (_, visit):
        await visit_as(visit, site, "ann")
        texts = ["hi @ann @ home, you", "@Ann hi", "@Ann @ Homer", "@Ann @ Home @bob"]
        for text in texts:
            await bob.say(text)
        await expect(visit.frame.locator(".row.message .words")).to_have_text(texts)
        await expect(visit.frame.locator(".mention.own")).to_have_text(["@ann @ home", "@Ann @ Home"])
        await expect(visit.frame.locator(".row.mentioned")).to_have_count(2)


@pytest.mark.gen_test(timeout=90)
async def test_what_the_server_says_is_read_out_also_among_many_messages(
    chromium: str, serve: Any, config: Any, connect: Any
) -> None:
    server = await serve(config, demo=True)
    bob = await connect(server, token="bob")
    async with browser(chromium) as running:
        eve = await open_box(running, server, "eve")
        await eve.say("/help report")
        await expect(read_out(eve.page)).to_contain_text("/report")
        await asyncio.gather(*(bob.say(f"quick {number}") for number in range(5)), bob.say("/mute eve 10m"))
        await expect(read_out(eve.page)).to_contain_text("You are muted")
        await bob.say("/unmute eve")
        await eve.field.fill("x" * 400)
        await expect(read_out(eve.page)).to_contain_text("too long")


@pytest.mark.gen_test(timeout=90)
async def test_nothing_under_a_drawer_is_reached(chromium: str, serve: Any, config: Any) -> None:
    server = await serve(config, demo=True)
    async with browser(chromium) as running:
        alice = await open_box(running, server, "alice", viewport={"width": 390, "height": 620}, has_touch=True)
        await open_box(running, server, "bob")
        assert await alice.field.evaluate("field => getComputedStyle(field).fontSize") == "16px"
        await alice.panel("People")
        for _ in range(8):
            await alice.page.keyboard.press("Shift+Tab")
            assert await alice.page.evaluate("document.activeElement.closest('.middle') === null")
        await alice.page.locator(".person", has_text="bob").click()
        await alice.choose("Mention")
        await expect(alice.field).to_be_focused()
        await expect(alice.field).to_have_value("@bob ")
        await expect(alice.page.locator(".drawer")).to_be_hidden()
        await alice.panel("People")
        await alice.page.set_viewport_size({"width": 1080, "height": 620})
        await expect(alice.page.locator(".middle")).not_to_have_attribute("inert", "")


async def places_after(page: Page, change: Any, gone: str) -> tuple[dict[str, int], dict[str, int]]:
    """Return where messages stand before and after a change that takes a message away."""
    before = await page.evaluate(PLACES)
    await change()
    await expect(page.get_by_text(gone, exact=True)).to_be_hidden()
    await page.evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
    return before, await page.evaluate(PLACES)


async def back_to(box: Box, text: str) -> None:
    """Read back to a message: have it at the top."""
    timeline = box.page.locator(".timeline")
    await timeline.hover()
    await box.page.mouse.wheel(0, -900)
    await expect(box.page.locator(".newer")).to_be_visible()
    await box.page.get_by_text(text, exact=True).evaluate(
        "words => { const row = words.closest('.row'), list = row.closest('.timeline');"
        " list.scrollTop += row.getBoundingClientRect().top - list.getBoundingClientRect().top + 3; }"
    )
    await expect(box.page.locator(".newer")).to_be_visible()


@pytest.mark.gen_test(timeout=90)
async def test_who_reads_back_is_not_moved_where_something_goes(
    chromium: str, store: MongoStore, serve: Any, config: Any
) -> None:
    await tell(store, *((EVE if 60 <= number <= 72 else ALICE, f"line {number}") for number in range(1, 101)))
    server = await serve(config, demo=True)
    async with browser(chromium) as running:
        guest, bob = await open_box(running, server, "carol"), await open_box(running, server, "bob")
        await back_to(guest, "line 70")
        before, after = await places_after(guest.page, lambda: bob.say("/purge eve"), "line 71")
        stay = [text for text in before if text in after]
        assert stay
        assert abs(after[stay[0]] - before[stay[0]]) <= 1


@pytest.mark.gen_test(timeout=90)
async def test_who_reads_back_is_not_moved_by_ignoring_somebody(
    chromium: str, store: MongoStore, serve: Any, config: Any
) -> None:
    await tell(store, *((EVE if number % 2 else ALICE, f"line {number}") for number in range(1, 91)))
    server = await serve(config, demo=True)
    async with browser(chromium) as running:
        carol = await open_box(running, server, "carol")
        await back_to(carol, "line 51")

        async def ignore() -> None:
            await carol.menu("line 53")
            await carol.choose("Ignore")

        before, after = await places_after(carol.page, ignore, "line 53")
        assert abs(after["line 52"] - before["line 52"]) <= 1
        # The day is said although who spoke first on it isn't shown.
        await carol.page.locator(".timeline").evaluate("list => { list.scrollTop = 0; }")
        await expect(carol.page.locator(".day").first).to_be_visible()


@pytest.mark.gen_test(timeout=90)
async def test_a_docked_box_keeps_the_place_that_is_read(
    chromium: str, serve: Any, make_config: Any, site: Site, connect: Any
) -> None:
    server = await server_for(site, serve, make_config, "help")
    bob = await connect(server, token="token-bob")
    for number in range(60):
        await bob.say(f"line {number}")
    async with visiting(chromium) as (_, visit):
        await visit_as(visit, site, "alice")
        timeline = visit.frame.locator(".timeline")
        await timeline.hover()
        await visit.page.mouse.wheel(0, -600)
        await expect(visit.frame.locator(".newer")).to_be_visible()
        top = await timeline.evaluate("list => list.scrollTop")
        await visit.page.evaluate("TornadoChat.close()")
        await expect(timeline).to_be_hidden()
        await visit.page.evaluate("TornadoChat.open()")
        await expect(timeline).to_be_visible()
        assert abs(await timeline.evaluate("list => list.scrollTop") - top) <= 1
        # Escape leaves the line for the field, and not the chat.
        await timeline.focus()
        await visit.page.keyboard.press("ArrowUp")
        await visit.page.keyboard.press("Escape")
        await expect(visit.frame.get_by_label("Message", exact=True)).to_be_focused()
        assert await visit.page.evaluate("TornadoChat.boxes[0].isOpen")


@pytest.mark.gen_test(timeout=90)
async def test_today_is_yesterday_tomorrow(chromium: str, serve: Any, config: Any, connect: Any) -> None:
    server = await serve(config, demo=True)
    bob = await connect(server, token="bob")
    await bob.say("before midnight")
    async with browser(chromium) as running:
        guest = watch(await running.new_page())
        await guest.page.clock.install()
        await guest.page.goto(f"http://127.0.0.1:{server.port}/chat/2")
        await expect(guest.page.locator(".guest")).to_be_visible()
        await expect(guest.page.locator(".day")).to_have_text("Today")
        await guest.page.clock.set_system_time(datetime.now() + timedelta(days=1))  # noqa: DTZ005 - the browser's zone
        await bob.say("something more")
        await expect(guest.page.locator(".day").first).to_have_text("Yesterday")


@pytest.mark.gen_test(timeout=90)
async def test_the_field_is_as_high_as_a_draft_and_leaves_a_composition_alone(
    chromium: str, serve: Any, config: Any
) -> None:
    server = await serve(config, demo=True)
    async with browser(chromium) as running:
        eve = await open_box(running, server, "eve")
        await eve.field.fill("one\ntwo\nthree\nfour")
        height = await eve.field.evaluate("field => field.offsetHeight")
        await eve.page.reload()
        await eve.become("eve")
        await expect(eve.field).to_have_js_property("offsetHeight", height)
        await eve.page.reload()
        await eve.become("alice")
        await expect(eve.field).to_have_value("")
        await eve.page.reload()
        await eve.become("eve")
        await expect(eve.field).to_have_value("one\ntwo\nthree\nfour")
        # Safari ends a composition with this key, which sends nothing.
        await eve.field.evaluate(
            "field => field.dispatchEvent(new KeyboardEvent('keydown', {key: 'Enter', keyCode: 229, bubbles: true}))"
        )
        await expect(eve.field).to_have_value("one\ntwo\nthree\nfour")
        await expect(eve.page.locator(".row.message, .row.pending")).to_have_count(0)


@pytest.mark.gen_test(timeout=90)
async def test_the_list_of_people_stands_still_when_somebody_comes(
    chromium: str, serve: Any, make_config: Any, site: Site, connect: Any, api: Any
) -> None:
    server = await server_for(site, serve, make_config, "help")
    for number in range(41):
        api.users[f"token-{number}"] = {"id": 200 + number, "uname": f"user{number:02}", "role": "member"}
    for number in range(40):
        await connect(server, token=f"token-{number}")
    async with visiting(chromium) as (_, visit):
        await visit_as(visit, site, "alice")
        await visit.frame.get_by_role("button", name="People").click()
        await visit.frame.locator(".person").first.focus()
        place = visit.frame.locator(".panel-body").first
        await place.evaluate("body => { body.scrollTop = 600; }")
        await connect(server, token="token-40")
        await expect(visit.frame.locator(".person", has_text="user40")).to_be_visible()
        assert await place.evaluate("body => body.scrollTop") == 600
