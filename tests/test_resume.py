"""Coming back: `auth` with `since` answers exactly what came after it, or says that it can't."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from tests.client import Client

ERASER = """
from tornado_chat import Command, MessageIdParam, hookimpl

@hookimpl
def register_commands(api):
    async def erase(call):
        await api.delete(call.user, call.args["number"])

    yield Command(name="erase", run=erase, params=(MessageIdParam("number"),), help="deletes a message")
"""


def said(data: dict[str, Any]) -> list[str]:
    return [message["text"] for message in data["room"]["history"]]


async def back(connect: Any, server: Any, since: Any, token: str = "token-alice") -> dict[str, Any]:
    client = await Client.connect(server.port)
    answer = await client.auth(token=token, since=since)
    assert answer[0] is None
    await client.close()
    return client.data


@pytest.mark.gen_test
async def test_what_came_after_is_answered_and_nothing_else(serve: Any, connect: Any, make_config: Any) -> None:
    server = await serve(make_config())
    bob = await connect(server, token="token-bob")
    for text in "abcde":
        assert await bob.say(text) is None
    for since in range(6):
        data = await back(connect, server, since)
        assert (data["reload"], said(data), data["room"]["deleted"]) == (False, list("abcde")[since:], [])
    newer = await back(connect, server, 6)
    assert (newer["reload"], said(newer)) == (True, list("abcde"))
    assert "reload" not in bob.data
    assert "deleted" not in bob.data["room"]


@pytest.mark.gen_test
async def test_beyond_what_the_room_remembers_the_client_is_told_to_reload(
    serve: Any, connect: Any, make_config: Any
) -> None:
    server = await serve(make_config(app="history = 3"))
    bob = await connect(server, token="token-bob")
    for text in "abcde":
        await bob.say(text)
    known = [await back(connect, server, since) for since in (1, 2, 3)]
    assert [(data["reload"], said(data)) for data in known] == [
        (True, ["c", "d", "e"]),
        (False, ["c", "d", "e"]),
        (False, ["d", "e"]),
    ]


@pytest.mark.gen_test
async def test_deletions_and_sanctions_come_too_also_after_a_restart(
    serve: Any, connect: Any, make_config: Any, tmp_path: Path
) -> None:
    (tmp_path / "eraser.py").write_text(ERASER)
    config = make_config(
        app='history = 10\nplugins = ["mute", "eraser"]', plugins=f'[plugins]\npath = ["{tmp_path}"]\n'
    )
    server = await serve(config)
    bob, alice = await connect(server, token="token-bob"), await connect(server, token="token-alice")
    for text in "abc":
        assert await alice.say(text) is None
    assert await bob.say("/erase 1") is None
    assert await alice.say("d") is None
    assert await bob.say("/erase 3") is None
    assert await bob.say("/mute eve 10m") is None
    for told in ([3], [1, 3]):  # after a restart nobody knows who was told of what
        early, late = await back(connect, server, 3), await back(connect, server, 4)
        assert (said(early), early["room"]["deleted"]) == (["d"], [1, 3])
        assert (said(late), late["room"]["deleted"]) == ([], told)
        assert list(late["room"]["muteList"]) == ["eve"]
        await server.stop()
        server = await serve(config)


@pytest.mark.gen_test
@pytest.mark.parametrize("since", [-1, 2**53, 1.5, True, "1", [], {"$gt": 0}])
async def test_a_since_that_is_no_id_is_refused(serve: Any, connect: Any, make_config: Any, since: Any) -> None:
    server = await serve(make_config())
    client = await Client.connect(server.port)
    client.tell("auth", {"app_id": 2, "since": 1})  # without a callback
    assert "callback" in await client.next("client_error")
    client.send('42["auth",{"app_id":2}]')
    await client.next("client_error")
    asked = asyncio.ensure_future(client.emit("auth", {"app_id": 2, "since": since}))
    assert await client.next("client_error") == "`since` of `auth` must be the id of a message"
    asked.cancel()
    assert (await client.auth(since=0))[0] is None


@pytest.mark.gen_test
async def test_under_load_those_who_come_and_go_miss_and_double_nothing(
    serve: Any, connect: Any, make_config: Any
) -> None:
    """A reader who is cut off again and again has, in the end, every message once and in order."""
    server = await serve(make_config(server="[limits]\nevent_rate = 1000.0\nevent_burst = 1000\n"))
    talkers = [await connect(server, token=f"token-{name}") for name in ("alice", "bob", "eve")]

    async def talk(talker: Client, name: str) -> None:
        for number in range(60):
            assert await talker.say(f"{name} {number}") is None

    talking = asyncio.gather(*(talk(talker, str(number)) for number, talker in enumerate(talkers)))
    seen: list[int] = []
    while not talking.done():
        reader = await Client.connect(server.port)
        assert (await reader.auth(since=max(seen, default=0)))[0] is None
        assert reader.data["reload"] is False
        if not talking.done():
            await asyncio.wait(
                {talking, asyncio.ensure_future(reader.next("new_message"))}, return_when="FIRST_COMPLETED"
            )
        await reader.settle()
        seen += [message["id"] for message in reader.data["room"]["history"]]
        seen += [event[1]["id"] for event in reader.heard if event[0] == "new_message"]
        await reader.close()
    await talking
    last = await Client.connect(server.port)
    await last.auth(since=max(seen))
    seen += [message["id"] for message in last.data["room"]["history"]]
    assert seen == list(range(1, 181))


@pytest.mark.gen_test
async def test_after_a_restart_a_room_that_is_not_full_still_knows_every_deletion(
    serve: Any, connect: Any, make_config: Any, tmp_path: Path
) -> None:
    (tmp_path / "eraser.py").write_text(ERASER)
    config = make_config(app='history = 3\nplugins = ["eraser"]', plugins=f'[plugins]\npath = ["{tmp_path}"]\n')
    server = await serve(config)
    alice = await connect(server, token="token-alice")
    for order in ("a", "/erase 1", "b", "/erase 2", "c"):
        assert await alice.say(order) is None
    await server.stop()
    data = await back(connect, await serve(config), 1)
    assert (data["reload"], said(data), data["room"]["deleted"]) == (False, ["c"], [1, 2])
