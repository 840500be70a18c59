"""A whole server: databases that are away, come back, freeze; restart; two in one process; several apps."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import time
from typing import Any

import pytest
from tornado.httpclient import AsyncHTTPClient

from tests.conftest import free_port, running_mongod

TIMEOUT = 1.0


async def healthz(server: Any) -> tuple[int, dict[str, Any]]:
    answer = await AsyncHTTPClient().fetch(f"http://127.0.0.1:{server.port}/healthz", raise_error=False)
    return answer.code, json.loads(answer.body)


async def until(condition: Any) -> None:
    """Wait for a condition that is itself asked over the network."""
    async with asyncio.timeout(15):
        while not await condition():
            pass


@pytest.mark.gen_test
async def test_healthz_says_that_all_is_well(serve: Any, connect: Any, make_config: Any) -> None:
    server = await serve(make_config())
    await connect(server)
    code, health = await healthz(server)
    assert (code, health.pop("version")) == (200, "0.1.0")
    assert health == {
        "status": "ok",
        "database": "up",
        "connections": 1,
        "plugin_failures": {},
        "closes": {},
        "refusals": {},
    }


@pytest.mark.gen_test(timeout=60)
async def test_a_database_that_is_away_at_start_is_waited_for(
    serve: Any,
    connect: Any,
    make_config: Any,
    caplog: pytest.LogCaptureFixture,
) -> None:
    port = free_port()
    server = await serve(make_config(mongodb=f"mongodb://user:hunter2@127.0.0.1:{port}/?authSource=admin", timeout=1.0))
    code, health = await healthz(server)
    assert (code, health["status"], health["database"]) == (503, "unavailable", "waiting")
    said = f"MongoDB at 127.0.0.1:{port}: ServerSelectionTimeoutError: 127.0.0.1:{port}: [Errno 111] Connection refused"

    async def told() -> bool:
        await healthz(server)
        return said in caplog.text

    await until(told)
    assert "hunter2" not in caplog.text
    client = await connect(server)
    assert await client.auth(2, "token-alice") == ["INTERNAL_ERROR"]


@pytest.mark.gen_test(timeout=60)
async def test_the_wait_ends_by_itself_when_the_database_comes(
    serve: Any, connect: Any, make_config: Any, mongod_command: list[str], tmp_path: Any
) -> None:
    mongod = running_mongod(mongod_command, tmp_path, free_port())
    server = await serve(make_config(mongodb=f"mongodb://127.0.0.1:{mongod.port}/", timeout=TIMEOUT))
    client = await connect(server)
    assert await client.auth(2, "token-alice") == ["INTERNAL_ERROR"]
    await asyncio.get_running_loop().run_in_executor(None, mongod.start)
    try:

        async def up() -> bool:
            return (await healthz(server))[0] == 200

        await until(up)
        assert (await client.auth(2, "token-alice"))[0] is None
        assert await client.say("at last") is None
    finally:
        mongod.kill()


@pytest.mark.gen_test(timeout=90)
@pytest.mark.parametrize("fault", ["killed", "frozen"])
async def test_a_database_that_goes_away_is_an_internal_error_in_time_and_recovered_from(
    serve: Any, connect: Any, make_config: Any, mongod_command: list[str], tmp_path: Any, fault: str
) -> None:
    with running_mongod(mongod_command, tmp_path, free_port()) as mongod:
        server = await serve(make_config(mongodb=f"mongodb://127.0.0.1:{mongod.port}/", timeout=TIMEOUT))
        alice = await connect(server, token="token-alice")
        bob = await connect(server, token="token-bob")
        assert await alice.say("before") is None
        pid = mongod.process.pid
        if fault == "killed":
            mongod.kill()
        else:
            os.kill(pid, signal.SIGSTOP)
        begun = time.monotonic()
        mods = [bob, *[await connect(server, token="token-bob") for _ in range(3)]]
        answers = await asyncio.gather(
            *(alice.say(f"lost {number}") for number in range(5)),
            *(mod.say(f"/mute lost{number} 5") for number, mod in enumerate(mods)),
        )
        # Alice's are handled one after another; the first waits its time, the others are refused at once.
        assert set(answers) == {"INTERNAL_ERROR"}
        assert time.monotonic() - begun < 3 * TIMEOUT
        assert (await healthz(server))[1]["database"] == "down"
        newcomer = await connect(server, token=None)
        assert [message["text"] for message in newcomer.data["room"]["history"]] == ["before"]
        if fault == "killed":
            await asyncio.get_running_loop().run_in_executor(None, mongod.start)
        else:
            os.kill(pid, signal.SIGCONT)

        async def recovered() -> bool:
            return (await healthz(server))[0] == 200

        await until(recovered)
        assert await alice.say("after") is None
        await newcomer.next("new_message")
        heard = [payload for name, payload in newcomer.heard if name == "new_message"]
        assert {payload["text"] for payload in heard} == {"after"}
        assert await bob.say("/mute eve 5") is None
        assert (await newcomer.next("user_muted"))["uname"] == "eve"
        # Nothing of what was refused was stored after all.
        restarted = await serve(make_config(mongodb=f"mongodb://127.0.0.1:{mongod.port}/", timeout=TIMEOUT))
        late = await connect(restarted, token=None)
        assert {message["text"] for message in late.data["room"]["history"]} == {"before", "after"}
        assert list(late.data["room"]["muteList"]) == ["eve"]


@pytest.mark.gen_test
async def test_fifty_who_send_at_once_into_a_dead_database_are_all_answered_in_time(
    serve: Any, connect: Any, make_config: Any, mongod_command: list[str], tmp_path: Any, api: Any
) -> None:
    users = 50
    for number in range(users):
        api.users[f"u{number}"] = {"id": 100 + number, "uname": f"user{number}", "role": "member"}
    with running_mongod(mongod_command, tmp_path, free_port()) as mongod:
        server = await serve(make_config(mongodb=f"mongodb://127.0.0.1:{mongod.port}/", timeout=TIMEOUT))
        clients = [await connect(server, token=f"u{number}") for number in range(users)]
        os.kill(mongod.process.pid, signal.SIGSTOP)
        begun = time.monotonic()
        assert set(await asyncio.gather(*(client.say("hello?") for client in clients))) == {"INTERNAL_ERROR"}
        # Motor's ten threads would have taken fifty times the timeout, ten at a time.
        assert time.monotonic() - begun < 3 * TIMEOUT
        os.kill(mongod.process.pid, signal.SIGCONT)


@pytest.mark.gen_test
async def test_history_and_ids_go_on_after_a_restart(serve: Any, connect: Any, make_config: Any) -> None:
    first = await serve(make_config(app="history = 3"))
    alice = await connect(first, token="token-alice")
    for number in range(5):
        await alice.say(f"message {number}")
    second = await serve(make_config(app="history = 3"))
    alice = await connect(second, token="token-alice")
    assert [message["id"] for message in alice.data["room"]["history"]] == [3, 4, 5]
    await alice.say("more")
    assert (await alice.next("new_message"))["id"] == 6


@pytest.mark.gen_test
async def test_two_servers_in_one_process_know_nothing_of_each_other(
    serve: Any, connect: Any, make_config: Any
) -> None:
    first = await serve(make_config())
    second = await serve(make_config())
    alice = await connect(first, token="token-alice")
    eve = await connect(second, token="token-eve")
    await eve.say("anyone?")
    await alice.settle()
    assert alice.heard == []


@pytest.mark.gen_test
async def test_default_toml_serves_every_app_that_the_site_has(
    serve: Any, connect: Any, make_config: Any, tmp_path: Any
) -> None:
    make_config(apps=(2,))
    (tmp_path / "conf" / "apps" / "default.toml").write_text("history = 1\n")
    server = await serve(make_config(apps=(2,)))
    eve = await connect(server, token="token-eve", app_id=3)
    await eve.say("one")
    await eve.say("two")
    late = await connect(server, token=None, app_id=3)
    assert [message["text"] for message in late.data["room"]["history"]] == ["two"]


@pytest.mark.gen_test
async def test_stopping_acks_what_is_under_way(serve: Any, connect: Any, make_config: Any) -> None:
    server = await serve(make_config())
    alice = await connect(server, token="token-alice")
    told: dict[str, Any] = {}

    async def talk(slot: int) -> None:
        for number in range(10_000):
            text = f"message {slot} {number}"
            told[text] = await alice.say(text)

    talking = [asyncio.ensure_future(talk(slot)) for slot in range(5)]
    await alice.next("new_message")
    # They go on talking: it must end all the same.
    await asyncio.wait_for(server.stop(), 10)
    await asyncio.wait_for(alice.closed.wait(), 10)
    for task in talking:
        task.cancel()
    heard = {payload["text"] for name, payload in alice.heard if name == "new_message"}
    acked = {text for text, answer in told.items() if answer is None}
    assert acked <= heard
    assert set(told.values()) <= {None, "INTERNAL_ERROR"}
    assert len(acked) >= 1
