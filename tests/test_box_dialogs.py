"""The chatbox's dialogs: what they send, what becomes of what was typed, and where the focus goes."""

from __future__ import annotations

import re
from typing import Any

import pytest
from playwright.async_api import Locator, expect

from tests.box import Box, box_config, open_box
from tests.box_wire import hold_back, let_go
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

        asked = await open_dialog(bob, "hello", "Mute for", "Other…")
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


@pytest.mark.gen_test(timeout=120)
async def test_only_a_click_beside_a_dialog_closes_it(chromium: str, serve: Any, config: Config) -> None:
    server = await serve(config, demo=True)
    async with browser(chromium) as running:
        eve, bob = await open_box(running, server, "eve"), await open_box(running, server, "bob")
        await eve.say("hello")
        asked = await open_dialog(bob, "hello", "Ban…")
        reason = asked.get_by_label("Reason")
        await reason.fill("spam")
        at = await reason.bounding_box()
        assert at is not None
        mouse = bob.page.mouse
        await mouse.move(at["x"] + 30, at["y"] + 10)
        await mouse.down()
        await mouse.move(3, 3)
        await mouse.up()
        await asked.click(position={"x": 100, "y": 4})
        await expect(reason).to_have_value("spam")
        await mouse.click(3, 3)
        await expect(asked).to_have_count(0)
        assert bob.troubles == []


@pytest.mark.gen_test(timeout=120)
async def test_what_is_typed_while_a_note_is_sent_is_kept(chromium: str, serve: Any, config: Config) -> None:
    server = await serve(config, demo=True)
    async with browser(chromium) as running:
        eve, bob = await open_box(running, server, "eve"), await open_box(running, server, "bob")
        await eve.say("hello")
        shown = await open_dialog(bob, "hello", "Notes…")
        field, notes, keys = shown.get_by_label("New note"), shown.locator(".card > li"), bob.page.keyboard
        await expect(field).to_be_focused()
        await hold_back(bob, "/note eve")
        await keys.type("one")
        await keys.press("Enter")
        await keys.press("Enter")
        await expect(field).to_have_value("")
        await keys.type("two")
        await keys.press("Enter")  # not while the first is under way
        await let_go(bob, "/note eve")
        await expect(notes).to_have_count(1)
        await expect(notes).to_contain_text("one")
        await expect(field).to_have_value("two")
        await expect(shown.locator("[aria-busy]")).to_have_count(0)
        # What comes to nothing is given back.
        await hold_back(bob, "/note eve")
        await keys.press("Enter")
        await expect(field).to_have_value("")
        await let_go(bob, "/nonsense")
        await expect(shown.get_by_role("alert")).to_contain_text("nonsense")
        await expect(field).to_have_value("two")
        await expect(notes).to_have_count(1)
        # One that fits the field fits the command.
        await field.fill("")
        await keys.type("x" * 360)
        await keys.press("Enter")
        await expect(notes).to_have_count(2)
        await expect(shown.get_by_role("alert")).to_have_count(0)
        assert bob.troubles == []


@pytest.mark.gen_test(timeout=120)
async def test_what_fails_after_a_dialog_was_closed_is_told(chromium: str, serve: Any, config: Config) -> None:
    server = await serve(config, demo=True)
    async with browser(chromium) as running:
        eve, bob = await open_box(running, server, "eve"), await open_box(running, server, "bob")
        await eve.say("hello")
        for labels, words in ((("Ban…",), "/ban eve"), (("Notes…",), "/note eve")):
            asked = await open_dialog(bob, "hello", *labels)
            await hold_back(bob, words)
            await asked.get_by_role("textbox").last.fill("spam")
            await bob.page.keyboard.press("Enter")
            await bob.page.keyboard.press("Escape")
            await expect(asked).to_have_count(0)
            errors = await bob.page.locator(".notice.error").count()
            await let_go(bob, "/nonsense")
            await expect(bob.page.locator(".notice.error")).to_have_count(errors + 1)
        assert bob.troubles == []


@pytest.mark.gen_test(timeout=120)
async def test_the_focus_goes_back_to_a_name_whose_row_was_made_anew(chromium: str, serve: Any, config: Config) -> None:
    server = await serve(config, demo=True)
    async with browser(chromium) as running:
        eve, bob = await open_box(running, server, "eve"), await open_box(running, server, "bob")
        await bob.panel("People")
        person, keys = bob.page.locator(".person", has_text="eve"), bob.page.keyboard
        people = bob.page.locator(".person")
        await person.focus()
        await keys.press("Enter")
        alice = await open_box(running, server, "alice")
        await expect(people).to_have_count(3)
        await keys.press("Escape")
        await expect(person).to_be_focused()
        await keys.press("Enter")
        await bob.page.get_by_role("menuitem", name="Ban…").press("Enter")
        await expect(dialog(bob)).to_be_visible()
        await alice.page.close()
        await expect(people).to_have_count(2)
        await keys.press("Escape")
        await expect(dialog(bob)).to_have_count(0)
        await expect(person).to_be_focused()
        # Who is gone has no row.
        await keys.press("Enter")
        await eve.page.close()
        await expect(people).to_have_count(1)
        await keys.press("Escape")
        await expect(bob.page.get_by_role("button", name="People")).to_be_focused()
        assert bob.troubles == []


@pytest.mark.gen_test(timeout=120)
async def test_what_is_told_of_somebody_is_read_from_its_beginning(chromium: str, serve: Any, config: Config) -> None:
    server = await serve(config, demo=True)
    async with browser(chromium) as running:
        eve = await open_box(running, server, "eve")
        bob = await open_box(running, server, "bob", viewport={"width": 360, "height": 480})
        await eve.say("hello")
        for number in range(8):
            await bob.say(f"/note eve a note of several words, the one with the number {number}")
            await expect(bob.row(f"Note {number + 1} about")).to_be_visible()
        shown = await open_dialog(bob, "hello", "Who is this?")
        body = shown.locator("> div")
        await expect(shown.get_by_role("heading")).to_be_in_viewport(ratio=1)
        assert await body.evaluate("body => body.scrollHeight > body.clientHeight && body.scrollTop === 0")
        await bob.page.keyboard.press("End")
        await expect(shown.get_by_role("button", name="Close")).to_be_in_viewport()
        await bob.page.keyboard.press("Escape")
        await expect(shown).to_have_count(0)
        # However many there are, the field that is typed into is in sight.
        await open_dialog(bob, "hello", "Notes…")
        await expect(shown.get_by_label("New note")).to_be_focused()
        await expect(shown.locator(".card > li")).to_have_count(8)
        await expect(shown.get_by_label("New note")).to_be_in_viewport(ratio=1)
        assert bob.troubles == []


@pytest.mark.gen_test(timeout=90)
async def test_what_was_not_answered_is_done_once_when_it_is_tried_again(
    chromium: str, serve: Any, config: Config
) -> None:
    server = await serve(config, demo=True)
    handlers = server._gateway._handlers
    real = handlers["command"]

    async def cut_off(connection: Any, args: list[Any], id: int | None) -> Any:
        answer = await real(connection, args, id)
        if not args[0].startswith("/note "):
            return answer
        handlers["command"] = real
        sid = next(sid for sid, each in server._gateway._connections.items() if each is connection)
        await server._gateway._server.disconnect(sid)
        return answer

    async with browser(chromium) as running:
        eve, bob = await open_box(running, server, "eve"), await open_box(running, server, "bob")
        await eve.say("hello")
        await expect(bob.row("hello")).to_be_visible()
        notes = await open_dialog(bob, "hello", "Notes…")
        handlers["command"] = cut_off
        field = notes.get_by_role("textbox")
        await field.fill("once")
        await field.press("Enter")
        await expect(notes.get_by_text("No answer came")).to_be_visible()
        await expect(field).to_have_value("once")
        await eve.say("are you back?")
        await expect(bob.row("are you back?")).to_be_visible()
        await field.press("Enter")
        await expect(notes.locator("li", has_text="once")).to_have_count(1)
        await expect(field).to_have_value("")
        await expect(notes.locator("li")).to_have_count(1)
