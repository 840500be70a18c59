"""SIGTERM drains, a second one ends at once, and SIGUSR2 restarts without refusing anybody."""

from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path
from typing import Any

import pytest
from tornado.httpclient import AsyncHTTPClient

from tests.client import Client
from tests.test_cli import children, demo
from tests.test_mongo_embedded import gone


async def talk(client: Client, told: dict[str, Any]) -> None:
    """Send messages until the connection ends; `told` has what was answered."""
    for number in range(100_000):
        told[f"m{number}"] = "no answer"
        told[f"m{number}"] = await client.say(f"m{number}", cid=f"m{number}")


@pytest.mark.gen_test(timeout=60)
async def test_sigterm_tells_the_clients_acks_what_is_under_way_and_ends_with_status_0(tmp_path: Path) -> None:
    async with demo(tmp_path) as (process, port):
        bob = await Client.connect(port)
        await bob.auth(2, "bob")
        told: dict[str, Any] = {}
        talking = asyncio.ensure_future(talk(bob, told))
        await bob.next("new_message")
        process.terminate()
        soonest, latest = (await bob.next("server_closing"))["come_back_in"]
        assert 0 < soonest < latest
        await asyncio.wait_for(asyncio.gather(process.wait(), bob.closed.wait()), 30)
        assert process.returncode == 0
        talking.cancel()
    heard = {event[1]["text"] for event in bob.heard if event[0] == "new_message"}
    acked = {text for text, answer in told.items() if answer is None}
    assert acked
    assert acked <= heard
    async with demo(tmp_path) as (_, port):
        again = await Client.connect(port)
        await again.auth(2, "bob", since=0)
        texts = [message["text"] for message in again.data["room"]["history"]]
        assert len(texts) == len(set(texts))
        assert heard == set(texts) or again.data["reload"]
        await again.close()


@pytest.mark.gen_test(timeout=60)
async def test_a_second_sigterm_is_at_once(tmp_path: Path) -> None:
    async with demo(tmp_path) as (process, port):
        (child,) = children(process.pid)
        client = await Client.connect(port)
        await client.auth()
        # Its stopping can't end: the database doesn't.
        os.kill(child, signal.SIGSTOP)
        process.terminate()
        await client.next("server_closing")
        process.terminate()
        await asyncio.wait_for(process.wait(), 10)
        assert process.returncode == -signal.SIGTERM
        os.kill(child, signal.SIGCONT)
        await gone(child)


@pytest.mark.gen_test(timeout=90)
async def test_sigusr2_restarts_in_place_and_nobody_is_refused(tmp_path: Path) -> None:
    async with demo(tmp_path) as (process, port):
        bob = await Client.connect(port)
        await bob.auth(2, "bob")
        assert await bob.say("before", cid="a") is None
        stop = asyncio.Event()
        knocks = 0

        async def knock() -> None:
            nonlocal knocks
            while not stop.is_set():
                _, writer = await asyncio.open_connection("127.0.0.1", port)
                writer.close()
                knocks += 1

        knocking = asyncio.ensure_future(knock())
        old = children(process.pid)
        for round in range(2):
            process.send_signal(signal.SIGUSR2)
            await asyncio.wait_for(bob.closed.wait(), 20)
            last = max(event[1]["id"] for event in bob.heard if event[0] == "new_message")
            bob = await Client.connect(port)  # waits in the queue until the new process takes it
            await bob.auth(2, "bob", since=last)
            assert (bob.data["reload"], bob.data["room"]["history"]) == (False, [])
            assert await bob.say("before", cid="a") is None  # sent again: the same answer, and no second message
            assert await bob.say(f"after {round}", cid=f"b{round}") is None
            assert process.returncode is None
        stop.set()
        await knocking
        assert knocks > 10
        assert children(process.pid) != old
        assert [event[1]["text"] for event in bob.heard if event[0] == "new_message"] == ["after 1"]
        assert (await AsyncHTTPClient().fetch(f"http://127.0.0.1:{port}/healthz")).code == 200
        process.terminate()
        assert await asyncio.wait_for(process.wait(), 20) == 0
