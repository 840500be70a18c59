"""`command`: a command for a client's program: its answer comes back, with data, and is shown to nobody."""

from __future__ import annotations

from typing import Any

import pytest

from tests.inline import having
from tornado_chat import Command, Reply, Role
from tornado_chat.errors import ClientError
from tornado_chat.testing import ChatFixture

LISTS = 'plugins = ["mute", "ban", "audit", "report", "notes", "me", "help", "purge"]'


@pytest.mark.gen_test
async def test_the_answer_comes_to_the_callback_alone(serve: Any, make_config: Any, connect: Any) -> None:
    server = await serve(make_config(app=LISTS))
    alice, bob = await connect(server, token="token-alice"), await connect(server, token="token-bob")
    assert await bob.emit("command", " /mute eve 10 spam ") == [
        None,
        {"text": "eve was muted for 10 min", "data": None},
    ]
    assert (await alice.next("user_muted"))["uname"] == "eve"
    error, answer = await bob.emit("command", "/mutes", {"cid": "one"})
    assert error is None
    (row,) = answer["data"]["mutes"]
    assert (row["uname"], row["mins"], row["by"], row["reason"]) == ("eve", 10, "bob", "spam")
    again = await bob.emit("command", "/mutes", {"cid": "one"})
    assert again == [None, {"text": answer["text"], "data": None}]
    refused = ["COMMAND_REFUSED", {"text": "You are not authorized to do that", "data": None}]
    assert await alice.emit("command", "/mute bob") == refused
    assert (await alice.emit("command", "/nonsense"))[0] == "COMMAND_REFUSED"
    assert (await bob.emit("command", "/mute"))[0] == "COMMAND_REFUSED"
    for client in (alice, bob):
        await client.settle()
        assert "system_message" not in client.names()


@pytest.mark.gen_test
async def test_what_a_command_says_is_a_message(serve: Any, make_config: Any, connect: Any) -> None:
    server = await serve(make_config(app=LISTS))
    alice, bob = await connect(server, token="token-alice"), await connect(server, token="token-bob")
    assert await alice.emit("command", "/me waves") == [None, {"text": None, "data": None}]
    assert (await bob.next("new_message"))["text"] == "waves"
    await bob.emit("command", "/mute alice 10")
    error, answer = await alice.emit("command", "/me waves")
    assert (error, answer["data"]) == ("USER_MUTED", None)
    assert "muted" in answer["text"]


@pytest.mark.gen_test
async def test_it_comes_after_what_was_said_before(serve: Any, make_config: Any, connect: Any) -> None:
    bob = await connect(await serve(make_config(app=LISTS)), token="token-bob")
    bob.tell("new_message", "one")
    assert (await bob.emit("command", "/delete 1"))[0] is None


@pytest.mark.gen_test
async def test_lists_have_rows(chat: ChatFixture) -> None:
    await chat.open("mute", "ban", "audit", "report", "notes", "purge")
    bob, eve, alice = await chat.join("bob", role="mod"), await chat.join("eve"), await chat.join("alice")
    await eve.say("buy gold")
    await alice.say("/report 1 spam")
    _, _, data = await bob.run("/reports")
    reports = [{"uname": "alice", "reason": "spam"}]
    assert data["reports"] == [{"message_id": 1, "uname": "eve", "text": "buy gold", "count": 1, "reports": reports}]
    await bob.run("/ban mallory 1d scam")
    await bob.run("/ban 203.0.113.7")
    _, _, data = await bob.run("/bans")
    shown = [(ban["target"], ban["network"], ban["by"], ban["reason"]) for ban in data["bans"]]
    assert shown == [("an address", True, "bob", ""), ("mallory", False, "bob", "scam")]
    _, _, data = await bob.run("/log bob")
    assert [entry["action"] for entry in data["entries"]] == ["ban", "ban"]
    assert "203.0.113.7" not in str(data)
    await bob.run("/note eve watch this one")
    _, _, data = await bob.run("/notes eve")
    assert [(note["number"], note["by"], note["text"]) for note in data["notes"]] == [(1, "bob", "watch this one")]
    await bob.run("/dismiss 1")
    await chat.advance(2)
    told = [(each["plugin"], each["name"]) for name, each in bob.events if name == "plugin_event"]
    assert {("ban", "changed"), ("report", "report"), ("report", "closed"), ("audit", "entry")} <= set(told)
    assert not [name for name, _ in eve.events if name == "plugin_event"]


@pytest.mark.gen_test
@pytest.mark.parametrize("data", [object(), "x" * 70_000, float, {1: {2: set}}])
async def test_junk_is_a_failure_of_its_plugin(data: Any, chat: ChatFixture) -> None:
    async def run(_: Any) -> Reply:
        return Reply("a text", data)

    await chat.open(having(Command("list", run, role=Role.MEMBER), name="lister"))
    alice = await chat.join("alice")
    assert await alice.run("/list") == ("INTERNAL_ERROR", "The command failed. Please try again.", None)


@pytest.mark.gen_test
@pytest.mark.parametrize(
    "args",
    [(), (None,), (5,), ("hello",), ("",), (["/mutes"],), ("/mutes", "x"), ("/mutes", {"cid": "a b"}),
     ("/" + "x" * 350,),
     ("/mutes", {"cid": "a"}, "more"), ("/\ud800",)],
)  # fmt: skip
async def test_what_is_no_command_is_refused(args: Any, serve: Any, make_config: Any, connect: Any) -> None:
    bob = await connect(await serve(make_config(app=LISTS)), token="token-bob")
    assert await bob.emit("command", *args) == ["CLIENT_ERROR"]
    assert "`" in await bob.next("client_error")


@pytest.mark.gen_test
async def test_guests_and_who_is_not_in_yet_run_none(serve: Any, make_config: Any, connect: Any) -> None:
    server = await serve(make_config(app=LISTS))
    guest, early = await connect(server, token=None), await connect(server)
    assert await guest.emit("command", "/help") == ["USER_REQUIRED", {"text": None, "data": None}]
    assert await early.emit("command", "/help") == ["USER_REQUIRED"]
    assert await early.next("client_error") == ClientError.COMMAND_BEFORE_AUTH
    guest.tell("command", "/help")
    assert await guest.next("client_error") == ClientError.COMMAND_CALLBACK
