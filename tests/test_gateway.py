"""The wire: `auth`, `new_message`, acks and `client_error`, by a raw client on a real socket."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from tornado_chat import Role, User

NO_DATA = "must send data object with `auth` event"
NO_APP_ID = "must send app_id integer with `auth` event"
NO_CALLBACK = "must provide callback to `auth` event"
NO_APP = "no app found with the app_id you sent to `auth` event"
EMPTY_ROOM = {"users": {}, "history": [], "muteList": {}, "modes": {}}


@pytest.mark.gen_test
async def test_guest_gets_the_room_without_user(serve: Any, connect: Any, make_config: Any) -> None:
    client = await connect(await serve(make_config()))
    assert await client.auth() == [None, {"room": EMPTY_ROOM}]


@pytest.mark.gen_test
async def test_user_gets_id_uname_and_role_and_nothing_else(serve: Any, connect: Any, make_config: Any) -> None:
    client = await connect(await serve(make_config()))
    alice = {"id": 1, "uname": "alice", "role": "member"}
    room = EMPTY_ROOM | {"users": {"alice": alice}}
    assert await client.auth(2, "token-alice") == [None, {"user": alice, "room": room}]


@pytest.mark.gen_test
async def test_token_hash_is_an_older_name_of_hashed_token(serve: Any, connect: Any, make_config: Any) -> None:
    client = await connect(await serve(make_config()))
    answer = await client.emit("auth", {"app_id": 2, "token_hash": "token-bob"})
    assert answer[1]["user"]["uname"] == "bob"


@pytest.mark.gen_test
@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ([], NO_DATA),
        ([None], NO_DATA),
        (["2"], NO_DATA),
        ([[2]], NO_DATA),
        ([{}], NO_APP_ID),
        ([{"app_id": None}], NO_APP_ID),
        ([{"app_id": "2"}], NO_APP_ID),
        ([{"app_id": True}], NO_APP_ID),
        ([{"app_id": 18.5}], NO_APP_ID),
        ([{"app_id": 2.0}], NO_APP_ID),
        ([{"app_id": -1}], NO_APP_ID),
        ([{"app_id": 0}], NO_APP_ID),
        ([{"app_id": 2**53}], NO_APP_ID),
        ([{"app_id": {"$ne": None}}], NO_APP_ID),
        ([{"app_id": 2}, "no function"], NO_CALLBACK),
        ([{"app_id": 404}], NO_APP),
    ],
)
async def test_a_bad_auth_is_a_client_error_and_may_be_tried_again(
    serve: Any, connect: Any, make_config: Any, arguments: list[Any], text: str
) -> None:
    client = await connect(await serve(make_config()))
    client.send(f"427{json.dumps(['auth', *arguments])}")
    assert await client.next("client_error") == text
    assert (await client.auth())[0] is None
    assert client.names() == ["client_error"]


@pytest.mark.gen_test
async def test_auth_without_a_callback_is_told_after_the_app_id_and_before_the_app(
    serve: Any, connect: Any, make_config: Any
) -> None:
    client = await connect(await serve(make_config()))
    client.tell("auth", {"app_id": "x"})
    assert await client.next("client_error") == NO_APP_ID
    client.tell("auth", {"app_id": 404})
    assert await client.next("client_error") == NO_CALLBACK


@pytest.mark.gen_test
async def test_a_second_auth_is_a_client_error(serve: Any, connect: Any, make_config: Any) -> None:
    client = await connect(await serve(make_config()), token="token-alice")
    client.tell("auth", {"app_id": 3}, None)
    await client.next("client_error")
    client.send('429["auth",{"app_id":3}]')
    assert await client.next("client_error") == "must send `auth` event only once per connection"


@pytest.mark.gen_test
@pytest.mark.parametrize(
    "token", ["wrong", "../users", "a?b", "a b", "", "x" * 129, "x" * 10_000, 5, True, [], {"$gt": ""}, "ünïcode"]
)
async def test_a_token_that_is_none_makes_a_guest(
    serve: Any, connect: Any, make_config: Any, api: Any, token: Any
) -> None:
    client = await connect(await serve(make_config()))
    assert "user" not in (await client.auth(2, token))[1]
    looked_up = [path for path in api.calls if "hashed-token-users" in path]
    assert looked_up == (["/v1/hashed-token-users/wrong"] if token == "wrong" else [])


@pytest.mark.gen_test
async def test_everyone_gets_a_message_the_sender_before_its_ack(serve: Any, connect: Any, make_config: Any) -> None:
    server = await serve(make_config())
    alice = await connect(server, token="token-alice")
    guest = await connect(server, token=None)
    elsewhere = await connect(server, token="token-eve", app_id=3)
    assert await alice.emit("new_message", "  <b>hello</b>\ufeff") == []
    expected = {"id": 1, "user": {"uname": "alice", "role": "member"}, "text": "<b>hello</b>"}
    assert alice.heard == [("new_message", expected)]
    assert await guest.next("new_message") == expected
    newcomer = await connect(server, token=None)
    assert newcomer.data["room"]["history"] == [expected]
    await elsewhere.settle()
    assert "new_message" not in elsewhere.names()


@pytest.mark.gen_test
async def test_a_bare_string_without_a_callback_is_posted(serve: Any, connect: Any, make_config: Any) -> None:
    alice = await connect(await serve(make_config()), token="token-alice")
    alice.tell("new_message", "hi")
    assert (await alice.next("new_message"))["text"] == "hi"


@pytest.mark.gen_test
async def test_messages_of_one_client_keep_their_order(serve: Any, connect: Any, make_config: Any) -> None:
    server = await serve(make_config())
    alice = await connect(server, token="token-alice")
    bob = await connect(server, token="token-bob")
    for number in range(40):
        alice.tell("new_message", f"a{number}")
        bob.tell("new_message", f"b{number}")
    heard = [await alice.next("new_message") for _ in range(80)]
    assert [message["id"] for message in heard] == list(range(1, 81))
    for name in "ab":
        texts = [message["text"] for message in heard if message["text"].startswith(name)]
        assert texts == [f"{name}{number}" for number in range(40)]


@pytest.mark.gen_test
async def test_a_guest_may_not_talk(serve: Any, connect: Any, make_config: Any) -> None:
    guest = await connect(await serve(make_config()), token=None)
    assert await guest.say("hi") == "USER_REQUIRED"
    guest.tell("new_message", "hi")
    guest.tell("new_message", "/mute alice 1")
    await guest.settle()
    assert guest.heard == []


@pytest.mark.gen_test
async def test_before_auth_a_message_is_a_client_error(serve: Any, connect: Any, make_config: Any) -> None:
    client = await connect(await serve(make_config()))
    assert await client.say("hi") == "USER_REQUIRED"
    assert client.heard == [("client_error", "must `auth` before `new_message`")]


@pytest.mark.gen_test
@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ([], "`new_message` requires string as first argument"),
        ([None], "`new_message` requires string as first argument"),
        ([5], "`new_message` requires string as first argument"),
        ([["hi"]], "`new_message` requires string as first argument"),
        ([{"toString": "hi"}], "`new_message` requires string as first argument"),
        (["hi", "x"], "`new_message` requires a callback"),
        (["hi", {}], "`new_message` requires a callback"),
        (["hi", []], "`new_message` requires a callback"),
        (["hi", 1], "`new_message` requires a callback"),
        ([""], "`new_message` text must be 1-350 chars"),
        ([" \ufeff\u00a0 "], "`new_message` text must be 1-350 chars"),
        (["x" * 351], "`new_message` text must be 1-350 chars"),
        (["😀" * 176], "`new_message` text must be 1-350 chars"),
        (["half an emoji: \ud83d"], "`new_message` text must be valid Unicode"),
    ],
)
async def test_a_bad_message_is_a_client_error_and_acked(
    serve: Any, connect: Any, make_config: Any, arguments: list[Any], text: str
) -> None:
    alice = await connect(await serve(make_config()), token="token-alice")
    assert await alice.emit("new_message", *arguments) == ["CLIENT_ERROR"]
    alice.tell("new_message", *arguments)
    await alice.settle()
    assert alice.heard == [("client_error", text)] * 2


@pytest.mark.gen_test
@pytest.mark.parametrize("text", ["x", "x" * 350, "😀" * 175, "\u0085", "  " + "x" * 350 + "  ", "a\nb", "a\0b"])
async def test_what_a_javascript_client_takes_for_1_to_350_characters_is_taken(
    serve: Any, connect: Any, make_config: Any, text: str
) -> None:
    alice = await connect(await serve(make_config()), token="token-alice")
    assert await alice.say(text) is None
    assert (await alice.next("new_message"))["text"] == text.strip(" ")


@pytest.mark.gen_test
@pytest.mark.parametrize("extra", [None, False, 0, ""])
async def test_a_second_argument_that_is_falsy_in_javascript_is_no_error(
    serve: Any, connect: Any, make_config: Any, extra: Any
) -> None:
    alice = await connect(await serve(make_config()), token="token-alice")
    assert await alice.emit("new_message", "hi", extra) == []


@pytest.mark.gen_test
async def test_events_that_are_none_are_client_errors(serve: Any, connect: Any, make_config: Any) -> None:
    client = await connect(await serve(make_config()))
    assert await client.emit("__proto__", 1) == ["CLIENT_ERROR"]
    client.tell("x\r\n" + "y" * 100)
    await client.next("client_error")
    assert await client.next("client_error") == "unknown event `x\\r\\n" + "y" * 34 + "…`"


@pytest.mark.gen_test
async def test_the_snapshot_and_what_follows_neither_miss_nor_double_a_message(
    serve: Any, connect: Any, make_config: Any
) -> None:
    server = await serve(make_config())
    alice = await connect(server, token="token-alice")

    async def talk() -> None:
        for number in range(60):
            await alice.say(f"message {number}")

    talking = asyncio.ensure_future(talk())
    tokens = [None, "token-eve", "token-bob", "token-carol", "token-dave"]
    clients = [await connect(server, token=tokens[number % 5]) for number in range(20)]
    await talking
    for client in clients:
        await client.settle()
        before = [message["id"] for message in client.data["room"]["history"]]
        after = [payload["id"] for name, payload in client.heard if name == "new_message"]
        assert before + after == list(range(1, 61))


@pytest.mark.gen_test
async def test_a_clients_next_message_begins_once_the_one_before_is_queued(
    serve: Any, connect: Any, make_config: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = await serve(make_config())
    alice = await connect(server, token="token-alice")
    batches: list[int] = []
    append = server._store.append

    async def count(app_id: int, postings: list[Any], patience: float) -> Any:
        batches.append(len(postings))
        return await append(app_id, postings, patience)

    monkeypatch.setattr(server._store, "append", count)
    texts = [f"number {number}" for number in range(30)]
    assert await asyncio.gather(*(alice.say(text) for text in texts)) == [None] * 30
    assert [event[1]["text"] for event in alice.heard if event[0] == "new_message"] == texts
    assert sum(batches) == 30
    assert len(batches) <= 10


@pytest.mark.gen_test
async def test_a_command_comes_after_what_its_sender_said_before(serve: Any, connect: Any, make_config: Any) -> None:
    server = await serve(make_config())
    bob = await connect(server, token="token-bob")
    await asyncio.gather(*(bob.say(text) for text in ("one", "two", "/mute eve 5", "three")))
    await bob.settle()
    names = [event[0] for event in bob.heard]
    assert names == ["new_message", "new_message", "user_muted", "system_message", "new_message"]


@pytest.mark.gen_test
async def test_one_who_sends_too_much_is_told_and_then_closed(serve: Any, connect: Any, make_config: Any) -> None:
    server = await serve(make_config(server="[limits]\nevent_rate = 0.1\nevent_burst = 5\n"))
    alice = await connect(server, token="token-alice")  # takes two of them
    witness = await connect(server, token=None)
    acks = [await alice.say(str(number)) for number in range(4)]
    assert acks == [None, None, None, "RATE_LIMITED"]
    assert await alice.next("client_error") == "too many events; send fewer, or you will be disconnected"
    for _ in range(5):
        alice.tell("new_message", "again")
    await asyncio.wait_for(alice.closed.wait(), 10)
    assert (await server.health()).closes == {"rate limit": 1}
    await witness.next("user_left")
    assert witness.names() == ["new_message"] * 3 + ["user_left"]


@pytest.mark.gen_test
async def test_who_is_banned_while_they_come_in_is_not_let_in(
    serve: Any, connect: Any, make_config: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = await serve(make_config())
    bob = await connect(server, token="token-bob")
    (chat,) = [chat for chat in server._registry.chats if chat.app_id == 2]
    join = chat.join

    async def ban_meanwhile(*args: Any) -> Any:
        seat = await join(*args)
        await chat._bans.ban(User(1, "carol", Role.OWNER), "eve", None, "spam")
        return seat

    monkeypatch.setattr(chat, "join", ban_meanwhile)
    eve = await connect(server)
    assert await eve.auth(2, "token-eve") == ["BANNED"]
    assert await eve.next("system_message") == "You are banned: spam"
    assert await eve.say("hello") == "USER_REQUIRED"
    await bob.next("user_left")
