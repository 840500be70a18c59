"""The audit log: every act is in it, in order, and nothing of it is lost while the database is away."""

from __future__ import annotations

from typing import Any

import pytest

from tests.inline import filtering, having, plugin
from tornado_chat import Hold, Listener, MuteSender, Recorded, Reject, Role, User
from tornado_chat.errors import CommandRefused
from tornado_chat.testing import ChatFixture

TOOL = plugin("tool")
BOB = User(8, "bob", Role.MOD)


def brief(entries: list[Any]) -> list[tuple[Any, ...]]:
    return [(entry.actor, entry.action, entry.target, entry.reason, entry.text) for entry in entries]


@pytest.mark.gen_test
async def test_every_act_is_in_it_newest_first_with_what_was_deleted(chat: ChatFixture) -> None:
    await chat.open(TOOL, "mute")
    eve, bob = await chat.join("Eve"), await chat.join("bob", role="mod")
    api = chat.api("tool")
    for text in ("buy now", "buy more", "last"):
        await eve.say(text)
    await bob.say("/mute eve 10 spam")
    await bob.say("/unmute eve")
    await api.delete(BOB, 1, "an ad")
    await api.purge(BOB, "eve", "more ads")
    await api.clear(BOB)
    await api.disconnect(BOB, "eve", "bye", "enough")
    await api.ban(BOB, "eve", 60, "spam")
    await api.unban(BOB, "eve")
    await api.turn_on(BOB, "slow", 5)
    await api.record(BOB, "note", "eve", text="watch this one")
    assert brief(await api.audit(limit=100)) == [
        ("bob", "note", "eve", "", "watch this one"),
        ("bob", "slow on", "", "", ""),
        ("bob", "unban", "eve", "", ""),
        ("bob", "ban", "eve", "spam", ""),
        ("bob", "kick", "Eve", "enough", ""),
        ("bob", "clear", "", "", ""),
        ("bob", "delete", "Eve", "more ads", "last"),
        ("bob", "delete", "Eve", "more ads", "buy more"),
        ("bob", "purge", "Eve", "more ads", ""),
        ("bob", "delete", "Eve", "an ad", "buy now"),
        ("bob", "unmute", "Eve", "", ""),
        ("bob", "mute", "Eve", "spam", ""),
    ]
    (muted,) = await api.audit(action="mute")
    assert (muted.seconds, muted.plugin, muted.role) == (600, "mute", Role.MOD)
    (deleted,) = await api.audit(words="BUY NOW")
    assert (deleted.message_id, deleted.plugin) == (1, "tool")


@pytest.mark.gen_test
async def test_what_bots_and_reviewers_do_is_in_it(chat: ChatFixture) -> None:
    await chat.open(TOOL, filtering(Hold("why", (MuteSender(60, "bad"),))))
    eve, frank = await chat.join("eve"), await chat.join("frank")
    await eve.say("one")
    await frank.say("two")
    api = chat.api("tool")
    await api.approve(BOB, 1)
    await api.deny(BOB, 2)
    assert brief(await api.audit()) == [
        ("bob", "deny", "frank", "why", "two"),
        ("bob", "approve", "eve", "why", "one"),
        ("judge", "mute", "frank", "bad", ""),
        ("judge", "mute", "eve", "bad", ""),
    ]


@pytest.mark.gen_test
async def test_what_a_moderator_may_not_do_is_in_it_and_what_members_try_is_not(chat: ChatFixture) -> None:
    await chat.open(TOOL, "mute")
    eve, bob = await chat.join("eve"), await chat.join("bob", role="mod")
    await chat.join("carol", role="owner")
    await bob.say("/mute carol 10 hush")
    await bob.say("/mute bob")
    await eve.say("/mute bob 10")
    assert brief(await chat.api("tool").audit()) == [
        ("bob", "refused /mute", "", "You are not authorized to do that: bob is a mod", "/mute bob"),
        ("bob", "refused /mute", "", "You are not authorized to do that: carol is an owner", "/mute carol 10 hush"),
    ]


@pytest.mark.gen_test
async def test_it_is_found_by_name_in_any_case_and_page_by_page(chat: ChatFixture) -> None:
    await chat.open(TOOL)
    api = chat.api("tool")
    for number in range(7):
        await api.record(BOB, "note", f"user{number % 2}", text=f"number {number}")
    first = await api.audit(target="USER0", limit=2)
    assert [entry.text for entry in first] == ["number 6", "number 4"]
    second = await api.audit(target="user0", limit=2, before=first[-1].id)
    assert [entry.text for entry in second] == ["number 2", "number 0"]
    assert await api.audit(actor="nobody") == []
    for limit in (0, 501):
        with pytest.raises(ValueError, match="limit must be"):
            await api.audit(limit=limit)


@pytest.mark.gen_test
async def test_words_are_looked_for_beyond_the_first_page(chat: ChatFixture, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tornado_chat.audit.PAGE", 3)
    await chat.open(TOOL)
    api = chat.api("tool")
    for number in range(10):
        await api.record(BOB, "note", "eve", text=f"number {number}")
    assert [entry.text for entry in await api.audit(words="NUMBER 1")] == ["number 1"]


@pytest.mark.gen_test
async def test_what_was_done_while_the_database_was_away_is_written_when_it_is_back(chat: ChatFixture) -> None:
    heard: list[Any] = []

    async def hear(recorded: Recorded) -> None:
        heard.append(recorded.entry.action)

    await chat.open(TOOL, having(Listener(Recorded, hear)))
    await chat.join("eve")
    api = chat.api("tool")
    chat.store.away = True
    await api.disconnect(BOB, "eve")
    await api.record(BOB, "note", "eve")
    await chat.advance(5)
    chat.store.away = False
    await chat.advance(1)
    assert [entry.action for entry in await api.audit()] == ["note", "kick"]
    assert heard == ["kick", "note"]


@pytest.mark.gen_test
async def test_a_stop_writes_what_waits(chat: ChatFixture) -> None:
    await chat.open(TOOL)
    chat.store.away = True
    await chat.api("tool").record(BOB, "note", "eve")
    chat.store.away = False
    await chat.restart()
    await chat.open(TOOL)
    assert [entry.action for entry in await chat.api("tool").audit()] == ["note"]


@pytest.mark.gen_test
async def test_a_withdrawn_message_waits_and_is_in_it(chat: ChatFixture) -> None:
    await chat.open(TOOL)
    eve, bob = await chat.join("eve"), await chat.join("bob", role="mod")
    await eve.say("dubious")
    await bob.say("mine")
    api = chat.api("tool")
    with pytest.raises(CommandRefused):
        await api.withdraw(api.bot, 2, "reported")
    held = await api.withdraw(api.bot, 1, "reported")
    assert (held.text, held.reason, held.plugin) == ("dubious", "reported", "tool")
    assert [entry["text"] for entry in eve.room["history"]] == ["mine"]
    assert [name for name, _ in bob.events if name in {"message_deleted", "message_held"}] == [
        "message_deleted",
        "message_held",
    ]
    await api.approve(BOB, held.id)
    assert eve.messages[-1] == "eve: dubious"
    assert [entry.action for entry in await api.audit()] == ["approve", "delete"]


@pytest.mark.gen_test
async def test_it_is_bounded_and_says_so(
    chat: ChatFixture, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("tornado_chat.audit.MAX_WAITING", 2)
    await chat.open(TOOL, filtering(Reject("no")))
    api = chat.api("tool")
    chat.store.away = True
    for number in range(3):
        await api.record(BOB, f"note {number}")
    assert "the audit log can't be stored, and loses its oldest entries" in caplog.text
    chat.store.away = False
    await chat.advance(1)
    assert [entry.action for entry in await api.audit()] == ["note 2", "note 1"]


@pytest.mark.gen_test
@pytest.mark.parametrize(("retain", "kept"), [(30.0, ["mute", "delete"]), (1e-9, [])])
async def test_it_is_kept_with_what_was_deleted_for_as_long_as_the_operator_says(
    serve: Any, connect: Any, make_config: Any, retain: float, kept: list[str]
) -> None:
    app = f'plugins = ["mute", "purge"]\n[moderation]\nretain = {retain:.10f}'
    server = await serve(make_config(app=app, apps=(2,)))
    bob, eve = await connect(server, token="token-bob"), await connect(server, token="token-eve")
    await eve.say("hello")
    assert await bob.say("/delete 1") is None
    assert await bob.say("/mute eve 10") is None
    (chat,) = server._registry.chats
    entries = await chat.plugins.apis["mute"].audit(target="eve")
    assert [entry.action for entry in entries] == kept
    assert [entry.text for entry in entries if entry.action == "delete"] == ["hello"] * len(kept[1:])
