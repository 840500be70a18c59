"""The database did it, and its answer was lost: what was refused is undone, and a deletion is finished."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tornado.ioloop import IOLoop

from tests.manual_clock import ManualClock
from tests.mongo_proxy import Loss, MongoProxy
from tests.test_resume import ERASER
from tornado_chat.config import Config

CUTS = pytest.mark.parametrize("cuts", [True, False])


@pytest.fixture
def network(embedded_uri: str, run: Callable[[Awaitable[Any]], Any], io_loop: IOLoop) -> Iterator[MongoProxy]:
    network = MongoProxy(int(re.findall(r":(\d+)/", embedded_uri)[0]))
    run(network.start())
    yield network
    run(network.stop())


@pytest.fixture
def config(make_config: Any, network: MongoProxy, tmp_path: Path) -> Config:
    (tmp_path / "eraser.py").write_text(ERASER)
    made: Config = make_config(
        app='plugins = ["mute", "eraser"]',
        plugins=f'[plugins]\npath = ["{tmp_path}"]\n',
        mongodb=f"mongodb://127.0.0.1:{network.port}/?directConnection=true",
        timeout=0.5,
    )
    return made


async def back(server: Any) -> None:
    """Wait until the server uses the database again, and has nothing left to do on it."""
    while tasks := [task for task in under_way(server) if task and not task.done()]:
        await asyncio.wait(tasks)


def under_way(server: Any) -> list[asyncio.Task[None] | None]:
    return [server._store.availability._task, *(chat._sanctions._settling._task for chat in server._registry.chats)]


async def room(connect: Any, server: Any, **more: Any) -> Any:
    client = await connect(server)
    assert (await client.auth(2, **more))[0] is None
    return client.data["room"]


@CUTS
@pytest.mark.gen_test
async def test_a_refused_mute_does_not_hold_after_a_restart(
    serve: Any, connect: Any, config: Config, network: MongoProxy, cuts: bool
) -> None:
    server = await serve(config)
    bob = await connect(server, token="token-bob")
    network.loss = Loss("update", "mutes", cuts=cuts)
    assert await bob.say("/mute eve 10m") == "INTERNAL_ERROR"
    assert network.loss.happened
    await back(server)
    await server.stop()
    assert (await room(connect, await serve(config)))["muteList"] == {}


@CUTS
@pytest.mark.gen_test
async def test_a_mute_that_could_not_be_lifted_holds_after_a_restart(
    serve: Any, connect: Any, config: Config, network: MongoProxy, cuts: bool
) -> None:
    server = await serve(config)
    bob = await connect(server, token="token-bob")
    assert await bob.say("/mute eve 10m") is None
    network.loss = Loss("delete", "mutes", cuts=cuts)
    assert await bob.say("/unmute eve") == "INTERNAL_ERROR"
    await back(server)
    await server.stop()
    assert list((await room(connect, await serve(config)))["muteList"]) == ["eve"]


@pytest.mark.gen_test
async def test_a_mute_that_ended_while_the_database_was_away_stays_ended(
    serve: Any, connect: Any, config: Config, network: MongoProxy
) -> None:
    server = await serve(config)
    bob = await connect(server, token="token-bob")
    assert await bob.say("/mute dave 10m") is None  # an admin who isn't here, so nobody knows it
    network.go(refuses=True)
    dave = await connect(server, token="token-dave")
    assert dave.data["room"]["muteList"] == {}
    network.pass_again()
    await back(server)
    await server.stop()
    assert (await room(connect, await serve(config)))["muteList"] == {}


@pytest.mark.gen_test
async def test_mutes_end_on_time_while_the_database_does_not_answer(
    serve: Any, connect: Any, config: Config, network: MongoProxy, clock: ManualClock
) -> None:
    server = await serve(config, clock=clock)
    bob = await connect(server, token="token-bob")
    for name, length in (("eve", "60s"), ("alice", "90s")):
        assert await bob.say(f"/mute {name} {length}") is None
    network.go(refuses=False)
    clock.advance(60)
    assert await bob.next("user_unmuted") == {"uname": "eve"}
    clock.advance(30)
    await bob.settle()
    assert [event[1] for event in bob.heard if event[0] == "user_unmuted"] == [{"uname": "eve"}, {"uname": "alice"}]


@CUTS
@pytest.mark.gen_test
async def test_a_deletion_is_finished_and_told_once(
    serve: Any, connect: Any, config: Config, network: MongoProxy, cuts: bool
) -> None:
    server = await serve(config)
    bob, guest = await connect(server, token="token-bob"), await connect(server, token=None)
    assert await bob.say("a") is None
    network.loss = Loss("update", "messages", cuts=cuts)
    assert await bob.say("/erase 1") == "INTERNAL_ERROR"
    assert await guest.next("message_deleted") == {"id": 1}
    await back(server)
    assert await bob.say("/erase 1") is None
    assert "no message 1" in await bob.next("system_message") or "no message 1" in await bob.next("system_message")
    await guest.settle()
    assert guest.names() == ["new_message", "message_deleted"]
    assert (await room(connect, server))["history"] == []


@pytest.mark.gen_test
async def test_a_deletion_that_nobody_was_told_of_is_told_after_a_restart(
    serve: Any, connect: Any, config: Config, network: MongoProxy
) -> None:
    server = await serve(config)
    bob = await connect(server, token="token-bob")
    assert await bob.say("a") is None
    network.loss = Loss("update", "messages", cuts=True, stays=True)
    assert await bob.say("/erase 1") == "INTERNAL_ERROR"
    await server.stop()
    network.pass_again()
    assert (await room(connect, await serve(config), since=1))["deleted"] == [1]
