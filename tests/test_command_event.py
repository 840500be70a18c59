"""`command`: a command for a client's program: its answer comes back, with data, and is shown to nobody."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest

from tests.inline import filtering, having
from tests.test_official_client import run_node
from tornado_chat import Call, Command, CommandRefused, Hold, Reject, Reply, Say, list_reply
from tornado_chat.errors import ClientError
from tornado_chat.moderation import COMMAND_FAILED
from tornado_chat.replies import MAX_DATA
from tornado_chat.testing import ChatFixture

LISTS = 'plugins = ["mute", "ban", "audit", "report", "notes", "me", "help", "purge"]'


def answering(answer: Any, **more: Any) -> Any:
    """Return a plugin with the command /do, which returns this, or raises it."""

    async def run(call: Call) -> Any:
        if isinstance(answer, Exception):
            raise answer
        return answer

    return having(Command("do", run, **more))


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
@pytest.mark.parametrize(
    ("answer", "text", "data"),
    [
        (None, None, None),
        ("done", "done", None),
        (Reply("done", {"a": [1, None, "ü"]}), "done", {"a": [1, None, "ü"]}),
        (Reply(None, []), None, []),
        (Reply("done"), "done", None),
        (Reply(), None, None),
        (Reply("done", "x" * (MAX_DATA - 2)), "done", "x" * (MAX_DATA - 2)),
    ],
    ids=lambda value: repr(value)[:30],
)
async def test_who_types_a_command_is_shown_the_text_alone(
    chat: ChatFixture, answer: Any, text: str | None, data: Any
) -> None:
    await chat.open(answering(answer))
    alice = await chat.join("alice")
    assert await alice.run("/do") == (None, text, data)
    assert alice.events == []
    assert (await alice.say("/do")).ack is None
    assert alice.notices == ([] if text is None else [text])


@pytest.mark.gen_test
@pytest.mark.parametrize(
    "answer",
    [
        7,
        Reply(7),  # type: ignore[arg-type]
        Reply("half an emoji: \ud83d"),
        Reply("x" * 8001),
        Reply("x", "half an emoji: \ud83d"),
        Reply("x", "x" * (MAX_DATA - 1)),
        Reply("x", object()),
        Reply("x", {("a", "b"): 1}),
        Reply("x", {1: {2: set}}),
        Reply("x", msgspec.Raw(b'], "hello"')),  # which would be no packet any more
    ],
    ids=lambda value: ascii(value)[:30],
)
async def test_junk_is_a_failure_of_its_plugin(
    chat: ChatFixture, answer: Any, caplog: pytest.LogCaptureFixture
) -> None:
    await chat.open(answering(answer))
    alice = await chat.join("alice")
    assert await alice.run("/do") == ("INTERNAL_ERROR", COMMAND_FAILED, None)
    assert (await alice.say("/do")).ack == "INTERNAL_ERROR"
    assert chat.chat.plugins.supervisor.failures == {"judge": 2}
    assert caplog.records[0].getMessage().startswith("app 2: command /do of plugin judge returned ")


@pytest.mark.gen_test
async def test_data_that_never_ends_is_a_failure_of_its_plugin(chat: ChatFixture) -> None:
    endless: list[Any] = []
    endless.append(endless)
    await chat.open(answering(Reply("x", endless)))
    alice = await chat.join("alice")
    assert (await alice.run("/do")).code == "INTERNAL_ERROR"
    assert chat.chat.plugins.supervisor.failures == {"judge": 1}


@pytest.mark.gen_test
async def test_a_refusal_has_a_code_says_why_and_of_staff_is_written_down(chat: ChatFixture) -> None:
    await chat.open("mute", "audit", answering(CommandRefused("Not on a Sunday")))
    alice, bob = await chat.join("alice"), await chat.join("bob", "mod")
    await chat.join("carol", "owner")
    refused = "COMMAND_REFUSED"
    assert await alice.run("/do") == (refused, "Not on a Sunday", None)
    assert await alice.run("/what") == (refused, "Unknown command: /what", None)
    assert await alice.run("/") == (refused, "Unknown command: /", None)
    assert (await bob.run("/mute")).text == (await bob.say("/mute")).notice
    assert (await bob.run("/mute carol")).code == refused
    assert [entry.action for entry in await chat.api("audit").audit()] == ["refused /mute"]


@pytest.mark.gen_test
async def test_a_cooldown_is_one_for_both_ways(chat: ChatFixture) -> None:
    await chat.open(answering("done", cooldown=10))
    alice = await chat.join("alice")
    assert (await alice.run("/do")).code is None
    assert await alice.run("/do") == ("COMMAND_REFUSED", "You can use /do again in 10 s", None)
    assert (await alice.say("/do")).notice == "You can use /do again in 10 s"
    await chat.advance(10)
    assert (await alice.say("/do")).notice == "done"
    assert (await alice.run("/do")).code == "COMMAND_REFUSED"


@pytest.mark.gen_test
@pytest.mark.parametrize(
    ("verdict", "code", "text"),
    [
        (Reject("no", code="NOT_NOW"), "NOT_NOW", "no"),
        (Hold(), "MESSAGE_HELD", "Your message waits for a moderator"),
    ],
)
async def test_a_filter_may_stop_what_a_command_says(chat: ChatFixture, verdict: Any, code: str, text: str) -> None:
    await chat.open(answering(Say("hello")), filtering(verdict, "strict"))
    alice = await chat.join("alice")
    assert await alice.run("/do") == (code, text, None)
    assert alice.events == []


@pytest.mark.gen_test
async def test_a_cid_is_met_once_whichever_way_it_came(chat: ChatFixture) -> None:
    done = 0

    async def run(call: Call) -> Reply:
        nonlocal done
        done += 1
        return Reply(f"done {done}", {"done": done})

    await chat.open(having(Command("do", run)))
    alice = await chat.join("alice")
    assert await alice.run("/do", cid="a") == (None, "done 1", {"done": 1})
    assert await alice.run("/do", cid="a") == (None, "done 1", None)
    assert (await alice.say("/do", cid="a")).notice == "done 1"
    assert (await alice.say("hello", cid="b")).ack is None
    assert await alice.run("/do", cid="b") == (None, None, None)
    assert await alice.run("/what", cid="c") == await alice.run("/do", cid="c")  # also a refusal is the first answer
    assert done == 1


@pytest.mark.gen_test
async def test_a_message_is_no_command(chat: ChatFixture) -> None:
    await chat.open()
    alice = await chat.join("alice")
    with pytest.raises(ValueError, match="begins with a slash"):
        await alice.run("hello")
    with pytest.raises(ValueError, match="350"):
        await alice.run("/" + "x" * 350)


@pytest.mark.parametrize(("page", "rows", "number"), [(1, [1, 2], 1), (2, [3], 2), (9, [3], 2)])
def test_text_and_data_of_a_list_are_of_one_page(page: int, rows: list[int], number: int) -> None:
    reply = list_reply("numbers", [1, 2, 3], page, "none", line=str, row=lambda item: item, size=2)
    assert reply.data == {"numbers": rows, "page": number, "pages": 2}
    assert reply.text == "\n".join([*map(str, rows), f"page {number} of 2"])
    nothing = list_reply("numbers", (), page, "none", line=str, row=str)
    assert nothing == Reply("none", {"numbers": [], "page": 1, "pages": 1})


@pytest.mark.gen_test
@pytest.mark.parametrize(
    "args",
    [
        (),
        (None,),
        (5,),
        ("hello",),
        ("",),
        ("  ",),
        (["/mutes"],),
        ({"text": "/mutes"},),
        ("\u200b/mutes",),
        ("\x85/mutes",),  # to JavaScript that is no space
        ("/mutes", "x"),
        ("/mutes", ["x"]),
        ("/mutes", {"cid": "a b"}),
        ("/mutes", {"cid": ""}),
        ("/mutes", {"cid": None}),
        ("/mutes", {"cid": {"$gt": ""}}),
        ("/mutes", {"cid": "x" * 65}),
        ("/" + "x" * 350,),
        ("/" + "\U0001f600" * 175,),
        ("/mutes", {"cid": "a"}, "more"),
        ("/mutes \ud83d",),
    ],
    ids=ascii,
)
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


@pytest.mark.gen_test
async def test_one_whom_the_site_can_not_vouch_for_runs_nothing(serve: Any, make_config: Any, connect: Any) -> None:
    server = await serve(make_config(app=LISTS))
    bob = await connect(server, token="token-bob")
    (connection,) = server._gateway._connections.values()
    connection.seat.occupant.vouched_until = 0.0
    code, answer = await bob.emit("command", "/mute alice")
    assert code == "INTERNAL_ERROR"
    assert "can't be asked who you are" in answer["text"]


@pytest.mark.gen_test
async def test_who_sends_too_many_and_a_server_that_closes_run_nothing(
    serve: Any, make_config: Any, connect: Any
) -> None:
    server = await serve(make_config(app=LISTS, server="[limits]\nevent_rate = 1\nevent_burst = 3"))
    bob = await connect(server, token="token-bob")
    answers = [await bob.emit("command", "/mutes") for _ in range(4)]
    assert ["RATE_LIMITED"] in answers
    carol = await connect(server, token="token-carol")
    server._gateway.refuse_events()
    assert await carol.emit("command", "/mute bob") == ["INTERNAL_ERROR"]


@pytest.mark.gen_test
async def test_the_first_answer_to_what_was_said_survives_a_restart(serve: Any, make_config: Any, connect: Any) -> None:
    config = make_config(app=LISTS)
    server = await serve(config)
    alice = await connect(server, token="token-alice")
    first = await alice.emit("command", "/me waves", {"cid": "wave"})
    await server.stop()
    alice = await connect(await serve(config), token="token-alice")
    assert await alice.emit("command", "/me waves", {"cid": "wave"}) == first == [None, {"text": None, "data": None}]
    assert len(alice.data["room"]["history"]) == 1
    await alice.settle()
    assert "new_message" not in alice.names()


@pytest.mark.gen_test(timeout=60)
@pytest.mark.parametrize("version", ["1", "2", "3", "4"])
async def test_the_official_client_runs_commands(node: str, serve: Any, make_config: Any, version: str) -> None:
    server = await serve(make_config(app=LISTS))
    printed = await run_node(node, "command.mjs", f"http://127.0.0.1:{server.port}", version, "websocket")
    done, refused, listed, junk = [json.loads(line) for line in printed.splitlines()]
    assert done == [None, {"text": "eve was muted for 10 min", "data": None}]
    assert refused == ["COMMAND_REFUSED", {"text": "User not in mutelist", "data": None}]
    assert listed[0] is None
    assert listed[1]["text"].startswith("eve: another ")
    assert [row["uname"] for row in listed[1]["data"]["mutes"]] == ["eve"]
    assert junk == ["CLIENT_ERROR"]
