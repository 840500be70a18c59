"""`history_before`: what was said before, as each may see it, and further back than the room remembers."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.inline import filtering
from tornado_chat.errors import ClientError, StoreUnavailable
from tornado_chat.models import MAX_ID, Message, Role, User
from tornado_chat.store import Posting
from tornado_chat.store_mongo import MongoStore
from tornado_chat.testing import ChatFixture
from tornado_chat.verdicts import Pass, Shadow

ALICE = User(1, "alice", Role.MEMBER)
BOB = User(8, "bob", Role.MOD)
HISTORY = 20
SMALL = f"history = {HISTORY}"


async def tell(store: MongoStore, count: int) -> None:
    """Have alice say "1" to `count` in app 2."""
    now = datetime.now(UTC)
    await store.append(2, [Posting(ALICE, str(number), now) for number in range(1, count + 1)], 5.0)


async def page(client: Any, **wanted: Any) -> tuple[list[int], bool]:
    """Return (ids, more) of what `history_before` answers."""
    error, answer = await client.emit("history_before", wanted)
    assert error is None
    return [message["id"] for message in answer["messages"]], answer["more"]


def answering_late(chat: ChatFixture) -> tuple[asyncio.Event, asyncio.Event]:
    """Have the database read old messages and keep them; return (it has read, it may answer)."""
    read, answered = asyncio.Event(), asyncio.Event()
    find = chat.store.before

    async def late(*args: Any) -> list[Message]:
        found = await find(*args)
        read.set()
        await answered.wait()
        return found

    chat.store.before = late  # type: ignore[method-assign]
    return read, answered


async def talk(person: Any, count: int) -> None:
    for number in range(count):
        assert (await person.say(str(number))).ack is None


@pytest.mark.gen_test
async def test_all_of_it_can_be_read_page_by_page(
    store: MongoStore, serve: Any, make_config: Any, connect: Any
) -> None:
    await tell(store, 130)
    guest = await connect(await serve(make_config(app=SMALL)), token=None)
    before, read = guest.data["room"]["history"][0]["id"], []
    assert before == 111
    more = True
    while more:
        ids, more = await page(guest, before=before, limit=50)
        read = ids + read
        before = ids[0]
    assert read == list(range(1, 111))
    assert await page(guest, before=1) == ([], False)
    assert await page(guest, before=115, limit=10) == (list(range(105, 115)), True)
    assert await page(guest, before=MAX_ID, limit=100) == (list(range(31, 131)), True)


@pytest.mark.gen_test
async def test_what_was_deleted_is_not_there_however_old(
    store: MongoStore, serve: Any, make_config: Any, connect: Any
) -> None:
    await tell(store, 60)
    server = await serve(make_config(app=f'plugins = ["mute", "purge", "audit"]\n{SMALL}'))
    guest, bob = await connect(server, token=None), await connect(server, token="token-bob")
    assert await bob.emit("command", "/delete 7") == [None, {"text": "Message 7 of alice was deleted", "data": None}]
    assert await guest.next("message_deleted") == {"id": 7}
    assert (await page(guest, before=10)) == ([1, 2, 3, 4, 5, 6, 8, 9], False)
    refused = ["COMMAND_REFUSED", {"text": "There is no message 7 that could be deleted", "data": None}]
    assert await bob.emit("command", "/delete 7") == refused
    _, answer = await bob.emit("command", "/log alice")
    assert [(entry["action"], entry["text"]) for entry in answer["data"]["entries"]] == [("delete", "7")]
    await bob.emit("command", "/purge alice")
    purged = await guest.next("messages_purged")
    assert purged["ids"] == [number for number in range(1, 61) if number != 7]
    assert await page(guest, before=61) == ([], False)
    await tell(store, 1)
    assert [message.id for message in await store.before(2, 1000, 100)] == [61]


@pytest.mark.gen_test
async def test_who_comes_back_hears_of_an_old_deletion(
    store: MongoStore, serve: Any, make_config: Any, connect: Any
) -> None:
    await tell(store, 60)
    server = await serve(make_config(app=f'plugins = ["mute", "purge"]\n{SMALL}'))
    bob = await connect(server, token="token-bob")
    await bob.emit("command", "/delete 7")
    late = await connect(server)
    await late.auth(since=60)
    assert (late.data["reload"], late.data["room"]["deleted"]) == (False, [7])


@pytest.mark.gen_test
async def test_a_superiors_old_message_stays(store: MongoStore, serve: Any, make_config: Any, connect: Any) -> None:
    owner = User(9, "olga", Role.OWNER)
    await store.append(2, [Posting(owner, "mine", datetime.now(UTC))], 5.0)
    await tell(store, 40)
    server = await serve(make_config(app=f'plugins = ["mute", "purge"]\n{SMALL}'))
    bob = await connect(server, token="token-bob")
    error, answer = await bob.emit("command", "/delete 1")
    assert (error, answer["text"]) == ("COMMAND_REFUSED", "You are not authorized to do that: olga is an owner")
    # Also where nobody but the message itself knows any more who that is.
    error, answer = await bob.emit("command", "/purge olga")
    assert (error, answer["text"]) == ("COMMAND_REFUSED", "You are not authorized to do that: olga is an owner")
    assert [message.text for message in await store.before(2, 2, 1)] == ["mine"]


@pytest.mark.gen_test
async def test_a_filter_takes_back_no_more_than_the_room_remembers(
    store: MongoStore, serve: Any, make_config: Any, connect: Any, tmp_path: Any
) -> None:
    await tell(store, 40)
    folder = tmp_path / "more"
    folder.mkdir()
    (folder / "judge.py").write_text(
        "from tornado_chat import *\n@hookimpl\ndef register_filters(api):\n    async def check(draft):\n"
        "        return Reject('no', actions=(PurgeSender(),))\n    return [Filter(check)]\n"
    )
    path = f'[plugins]\npath = ["{folder}"]'
    server = await serve(make_config(app=f'plugins = ["judge"]\n{SMALL}', plugins=path))
    alice = await connect(server, token="token-alice")
    assert await alice.say("spam") == "MESSAGE_REJECTED"
    assert (await alice.next("messages_purged"))["ids"] == list(range(21, 41))


@pytest.mark.gen_test
async def test_shadowed_messages_are_for_their_sender_and_staff(chat: ChatFixture) -> None:
    async def check(draft: Any) -> Any:
        return Shadow() if draft.text == "psst" else Pass()

    await chat.open(filtering(check))
    eve, alice, bob = await chat.join("eve"), await chat.join("alice"), await chat.join("bob", role="mod")
    await eve.say("psst")
    await alice.say("hello")

    async def seen(person: Any) -> list[tuple[str, bool]]:
        answer = await chat.chat.before(person._seat, 3, 10)
        return [(message["text"], message.get("shadow", False)) for message in answer["messages"]]

    assert await seen(eve) == [("psst", False), ("hello", False)]
    assert await seen(alice) == [("hello", False)]
    assert await seen(bob) == [("psst", True), ("hello", False)]


@pytest.mark.gen_test
async def test_what_is_deleted_while_a_page_is_looked_up_is_not_on_it(chat: ChatFixture) -> None:
    """However much it is, and also for who joins a look-up that is under way."""
    await chat.open("purge")
    alice, eve = await chat.join("alice"), await chat.join("eve")
    await talk(alice, 2)
    await talk(eve, 1350)
    read, answered = answering_late(chat)
    pages = [asyncio.ensure_future(chat.chat.before(alice._seat, 101, 100))]
    await read.wait()
    del chat.store.before
    assert await chat.api("purge").purge(BOB, "eve") == 1350
    assert 50 not in chat.chat._room.deleted  # it can't remember all of them
    pages.append(asyncio.ensure_future(chat.chat.before(alice._seat, 101, 100)))
    await asyncio.sleep(0)
    answered.set()
    for answer in await asyncio.gather(*pages):
        assert [message["id"] for message in answer["messages"]] == [1, 2]


@pytest.mark.gen_test
async def test_after_more_deletions_than_the_room_remembers_nothing_is_on_a_page_twice(chat: ChatFixture) -> None:
    await chat.open("purge")
    alice, eve = await chat.join("alice"), await chat.join("eve")
    await talk(eve, 1050)
    await talk(alice, 300)
    assert await chat.api("purge").purge(BOB, "eve") == 1050
    answer = await chat.chat.before(alice._seat, 1351, 100)
    assert [message["id"] for message in answer["messages"]] == list(range(1251, 1351))
    answer = await chat.chat.before(alice._seat, 1130, 100)
    assert ([message["id"] for message in answer["messages"]], answer["more"]) == (list(range(1051, 1130)), False)
    assert await chat.api("purge").purge(BOB, "alice") == 300
    assert [entry.message_id for entry in await chat.api("purge").audit(target="alice", action="delete", limit=5)]
    assert (await chat.chat.before(alice._seat, 1351, 100)) == {"messages": [], "more": False}


@pytest.mark.gen_test
async def test_a_purge_misses_nothing_that_falls_out_of_the_room_meanwhile(chat: ChatFixture) -> None:
    await chat.open("purge")
    alice, eve = await chat.join("alice"), await chat.join("eve")
    await talk(eve, 300)
    read, answered = answering_late(chat)
    purge = asyncio.ensure_future(chat.api("purge").purge(BOB, "eve"))
    await read.wait()
    await talk(alice, 40)
    answered.set()
    assert await purge == 300


@pytest.mark.gen_test
async def test_pages_of_nothing_but_what_one_may_not_see_are_passed_over(chat: ChatFixture) -> None:
    async def check(draft: Any) -> Any:
        return Shadow() if draft.text == "psst" else Pass()

    await chat.open(filtering(check))
    eve, alice, bob = await chat.join("eve"), await chat.join("alice"), await chat.join("bob", role="mod")
    await talk(alice, 5)
    for _ in range(30):
        await eve.say("psst")
    await talk(alice, 260)

    async def ids(person: Any) -> tuple[list[int], bool]:
        answer = await chat.chat.before(person._seat, 36, 4)
        return [message["id"] for message in answer["messages"]], answer["more"]

    assert await ids(bob) == await ids(eve) == ([32, 33, 34, 35], True)
    assert await ids(alice) == await ids(await chat.join(None)) == ([2, 3, 4, 5], True)


@pytest.mark.gen_test
@pytest.mark.parametrize(
    "wanted",
    [
        None, 1, "1", [], {}, {"before": None}, {"before": "5"}, {"before": True}, {"before": 0}, {"before": -1},
        {"before": 1.5}, {"before": MAX_ID + 1}, {"before": {"$gt": 0}}, {"before": 5, "limit": 0},
        {"before": 5, "limit": 101}, {"before": 5, "limit": True}, {"before": 5, "limit": "9"},
    ],
)  # fmt: skip
async def test_what_is_no_page_is_refused(wanted: Any, serve: Any, make_config: Any, connect: Any) -> None:
    guest = await connect(await serve(make_config()), token=None)
    assert await guest.emit("history_before", wanted) == ["CLIENT_ERROR"]
    assert await guest.next("client_error") == ClientError.HISTORY


@pytest.mark.gen_test
async def test_it_takes_a_callback_and_a_seat(serve: Any, make_config: Any, connect: Any) -> None:
    client = await connect(await serve(make_config()))
    assert await client.emit("history_before", {"before": 5}) == ["USER_REQUIRED"]
    assert await client.next("client_error") == ClientError.HISTORY_BEFORE_AUTH
    client.tell("history_before", {"before": 5})
    assert await client.next("client_error") == ClientError.HISTORY_CALLBACK


@pytest.mark.gen_test
async def test_while_the_database_is_away_or_many_ask_it_says_so(chat: ChatFixture) -> None:
    await chat.open("mute")
    alice = await chat.join("alice")
    for number in range(260):
        await alice.say(str(number))
    pages = chat.chat._back_pages
    chat.store.away = True
    with pytest.raises(StoreUnavailable):
        await pages.before(None, 5, 3)
    chat.store.away = False
    assert pages.lookups.used == 0
    assert [message.id for message in (await pages.before(None, 5, 3))[0]] == [2, 3, 4]
    while pages.lookups.take():
        pass
    with pytest.raises(StoreUnavailable, match="so many read old messages"):
        await pages.before(None, 5, 3)
