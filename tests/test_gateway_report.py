"""The event `report`, by a raw client on a real socket."""

from __future__ import annotations

import json
from typing import Any

import pytest

BAD = "must send the id of a message with `report` event"
APP = 'plugins = ["mute", "report"]\n[plugin.report]\nmin_said = 0\nmin_minutes = 0\nthreshold = 2'


@pytest.mark.gen_test
async def test_a_report_is_answered_and_staff_are_told(serve: Any, connect: Any, make_config: Any) -> None:
    server = await serve(make_config(app=APP))
    alice, eve, bob = [await connect(server, token=f"token-{name}") for name in ("alice", "eve", "bob")]
    await eve.say("buy spam")
    assert await alice.emit("report", {"message_id": 1, "reason": "spam & more"}) == []
    assert await alice.next("system_message") == "Thank you. Moderators are told of message 1."
    assert await bob.next("system_message") == "alice reported message 1 of eve (spam & more): buy spam"
    assert await bob.next("plugin_event") == {
        "plugin": "report",
        "name": "report",
        "data": {
            "message_id": 1,
            "uname": "eve",
            "text": "buy spam",
            "count": 1,
            "by": "alice",
            "reason": "spam & more",
        },
    }
    await eve.settle()
    assert eve.names() == ["user_joined", "new_message"]
    await bob.emit("report", {"message_id": 1})
    assert await eve.next("message_deleted") == {"id": 1}


@pytest.mark.gen_test
async def test_the_command_and_the_event_are_one(serve: Any, connect: Any, make_config: Any) -> None:
    server = await serve(make_config(app=APP))
    alice, eve = [await connect(server, token=f"token-{name}") for name in ("alice", "eve")]
    await eve.say("buy spam")
    assert await alice.say("/report 1") is None
    await alice.next("system_message")
    assert await alice.emit("report", {"message_id": 1}) == []
    assert await alice.next("system_message") == "You have reported that message already"
    assert await alice.emit("report", {"message_id": 7, "reason": "/mute eve"}) == []
    assert await alice.next("system_message") == "There is no message 7 that could be reported"


@pytest.mark.gen_test
@pytest.mark.parametrize(
    "arguments",
    [
        [],
        [None],
        [1],
        ["1"],
        [[1]],
        [{}],
        [{"message_id": None}],
        [{"message_id": "1"}],
        [{"message_id": True}],
        [{"message_id": 1.5}],
        [{"message_id": 1.0}],
        [{"message_id": 0}],
        [{"message_id": -1}],
        [{"message_id": 2**53}],
        [{"message_id": {"$gt": 0}}],
        [{"message_id": 1, "reason": None}],
        [{"message_id": 1, "reason": 7}],
        [{"message_id": 1, "reason": ["spam"]}],
        [{"message_id": 1, "reason": {"$ne": ""}}],
        [{"message_id": 1, "reason": "x" * 351}],
        [{"message_id": 1, "reason": "\U0001f600" * 176}],
        [{"message_id": 1, "reason": "half an emoji: \ud83d"}],
        [{"message_id": 1}, "more"],
        [{"message_id": 1}, {}],
    ],
    ids=repr,
)
async def test_a_bad_report_is_a_client_error_and_acked(
    serve: Any, connect: Any, make_config: Any, arguments: list[Any]
) -> None:
    server = await serve(make_config(app=APP))
    alice, eve = [await connect(server, token=f"token-{name}") for name in ("alice", "eve")]
    await eve.say("hello")
    assert await alice.emit("report", *arguments) == ["CLIENT_ERROR"]
    alice.tell("report", *arguments)
    await alice.settle()
    assert [event for event in alice.heard if event[0] in {"client_error", "system_message"}] == [
        ("client_error", BAD)
    ] * 2


@pytest.mark.gen_test
@pytest.mark.parametrize("reason", ["", "x" * 350, "\U0001f600" * 175, "a\nb\0c", "\u202egnol", "<b>", '"', "  "])
async def test_a_reason_may_be_whatever_can_be_said(serve: Any, connect: Any, make_config: Any, reason: str) -> None:
    server = await serve(make_config(app=APP))
    alice, eve = [await connect(server, token=f"token-{name}") for name in ("alice", "eve")]
    await eve.say("hello")
    assert await alice.emit("report", {"message_id": 1, "reason": reason, "more": 1}) == []
    assert await alice.next("system_message") == "Thank you. Moderators are told of message 1."


@pytest.mark.gen_test
async def test_before_auth_and_for_guests_there_is_no_report(serve: Any, connect: Any, make_config: Any) -> None:
    server = await serve(make_config(app=APP))
    client = await connect(server)
    assert await client.emit("report", {"message_id": 1}) == ["USER_REQUIRED"]
    assert await client.emit("report", "junk") == ["USER_REQUIRED"]
    assert client.heard == [("client_error", "must `auth` before `report`")] * 2
    guest = await connect(server, token=None)
    assert await guest.emit("report", {"message_id": 1}) == ["USER_REQUIRED"]
    guest.tell("report", {"message_id": 1})
    await guest.settle()
    assert guest.heard == []


@pytest.mark.gen_test
async def test_a_report_without_a_callback_is_one_too(serve: Any, connect: Any, make_config: Any) -> None:
    server = await serve(make_config(app=APP))
    alice, eve = [await connect(server, token=f"token-{name}") for name in ("alice", "eve")]
    await eve.say("hello")
    alice.send(f"42{json.dumps(['report', {'message_id': 1}])}")
    assert await alice.next("system_message") == "Thank you. Moderators are told of message 1."


@pytest.mark.gen_test
async def test_another_apps_message_can_not_be_reported(serve: Any, connect: Any, make_config: Any) -> None:
    server = await serve(make_config(app=APP))
    eve = await connect(server, token="token-eve", app_id=3)
    alice = await connect(server, token="token-alice")
    await eve.say("hello")
    await alice.emit("report", {"message_id": 1})
    assert await alice.next("system_message") == "There is no message 1 that could be reported"


@pytest.mark.gen_test
async def test_an_app_without_the_plugin_says_so(serve: Any, connect: Any, make_config: Any) -> None:
    alice = await connect(await serve(make_config(app='plugins = ["mute"]')), token="token-alice")
    assert await alice.emit("report", {"message_id": 1}) == []
    assert await alice.next("system_message") == "Unknown command: /report"


@pytest.mark.gen_test
async def test_one_whom_the_site_can_not_vouch_for_reports_nothing(serve: Any, connect: Any, make_config: Any) -> None:
    server = await serve(make_config(app=APP))
    alice, eve = [await connect(server, token=f"token-{name}") for name in ("alice", "eve")]
    await eve.say("hello")
    (connection,) = [each for each in server._gateway._connections.values() if each.seat.occupant.user.uname == "alice"]
    connection.seat.occupant.vouched_until = 0.0
    assert await alice.emit("report", {"message_id": 1}) == ["INTERNAL_ERROR"]
    assert "can't be asked who you are" in await alice.next("system_message")
