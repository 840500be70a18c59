"""The embedded database as a child: it loses nothing, comes back, goes with its parent, and shares no folder."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Awaitable, Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from tornado.ioloop import IOLoop

from tests.manual_clock import START
from tornado_chat.errors import StoreUnavailable
from tornado_chat.models import Role, User
from tornado_chat.mongo_embedded import EmbeddedMongo, EmbeddedMongoError
from tornado_chat.mongo_rows import Row, of_app
from tornado_chat.store import Kept, Posting
from tornado_chat.store_mongo import MongoStore

ALICE = User(1, "alice", Role.MEMBER)
KILLS = 5


@pytest.fixture
def embedded(tmp_path: Path, io_loop: IOLoop, run: Callable[[Awaitable[Any]], Any]) -> Iterator[EmbeddedMongo]:
    embedded = EmbeddedMongo(tmp_path / "data")
    run(embedded.start())
    yield embedded
    run(embedded.stop())


async def gone(pid: int) -> None:
    """Return once a process that is no child of ours has ended."""
    descriptor = os.pidfd_open(pid)
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_reader(descriptor, ended.set)
    try:
        await asyncio.wait_for(ended.wait(), 10)
    finally:
        loop.remove_reader(descriptor)
        os.close(descriptor)


@pytest.mark.gen_test(timeout=120)
async def test_nothing_acked_is_lost_and_no_id_doubled_when_it_is_killed_under_load(embedded: EmbeddedMongo) -> None:
    store = MongoStore(embedded.uri, "tornado_chat", timeout=2.0, retention_days=90)
    await store.open()
    acked: dict[int, str] = {}
    sent = 0

    async def write_until(stop: asyncio.Event) -> None:
        nonlocal sent
        while not stop.is_set():
            sent += 1
            text = f"message {sent}"
            try:
                for message in await store.append(2, [Posting(ALICE, text, START)], 2.0):
                    assert message.id not in acked
                    acked[message.id] = message.text
            except StoreUnavailable:
                await asyncio.sleep(0)

    for _ in range(KILLS):
        stop = asyncio.Event()
        writers = [asyncio.ensure_future(write_until(stop)) for _ in range(4)]
        wanted = len(acked) + 40
        while len(acked) < wanted:
            await asyncio.wait(writers, timeout=0.01)
        assert embedded.pid is not None
        os.kill(embedded.pid, signal.SIGKILL)
        stop.set()
        await asyncio.gather(*writers)
    while True:
        try:
            stored = {message.id: message.text for message in await store.recent(2, 100_000)}
            break
        except StoreUnavailable:
            continue
    assert {number: stored.get(number) for number in acked} == acked
    assert len(acked) >= 40 * KILLS
    await store.close()


@pytest.mark.gen_test
async def test_it_goes_when_it_is_stopped(tmp_path: Path) -> None:
    embedded = EmbeddedMongo(tmp_path)
    await embedded.start()
    pid = embedded.pid
    assert pid is not None
    await embedded.stop()
    assert embedded.pid is None
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


@pytest.mark.gen_test
async def test_it_goes_when_its_parent_is_killed_and_the_folder_can_be_used_at_once(tmp_path: Path) -> None:
    parent = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        "import asyncio, sys, pathlib\n"
        "from tornado_chat.mongo_embedded import EmbeddedMongo\n"
        "async def main():\n"
        "    embedded = EmbeddedMongo(pathlib.Path(sys.argv[1]))\n"
        "    await embedded.start()\n"
        "    print(embedded.pid, flush=True)\n"
        "    await asyncio.Event().wait()\n"
        "asyncio.run(main())",
        str(tmp_path),
        stdout=subprocess.PIPE,
    )
    assert parent.stdout is not None
    child = int(await parent.stdout.readline())
    parent.kill()
    successor = EmbeddedMongo(tmp_path)
    await asyncio.gather(gone(child), parent.wait(), successor.start())
    assert successor.pid is not None
    await successor.stop()


@pytest.mark.gen_test
async def test_a_folder_has_one_database_at_a_time(
    embedded: EmbeddedMongo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    second = EmbeddedMongo(tmp_path / "data")
    with pytest.raises(EmbeddedMongoError, match="data is in use by another tornado-chat"):
        await second.start()
    assert second.pid is None


@pytest.mark.gen_test
async def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(EmbeddedMongoError, match=r"data directory .*/file/data: Not a directory"):
        await EmbeddedMongo(tmp_path / "file" / "data").start()


@pytest.mark.gen_test(timeout=60)
async def test_what_has_run_out_is_removed_but_not_looked_for_before_each_operation(embedded: EmbeddedMongo) -> None:
    past = datetime.now(UTC) - timedelta(hours=1)
    for there in (["over"], []):
        store = MongoStore(embedded.uri, "tornado_chat", timeout=5.0, retention_days=90)
        await store.open()
        assert [kept.key for kept in await store.plugin_items(2, "x", "", 10)] == []
        if there:
            await store.plugin_put(2, "x", Kept("over", b"1", past))
            assert [kept.key for kept in await store.plugin_items(2, "x", "", 10)] == there
        await store.close()
        await embedded.stop()
        await embedded.start()


@pytest.mark.gen_test(timeout=60)
@pytest.mark.parametrize(
    "wanted",
    [
        of_app(2, gone=None),
        of_app(2, id={"$gte": 0, "$lt": 9}, gone=None),
        of_app(2, id={"$in": [5, 7], "$gte": 5, "$lte": 7}, gone=None),
    ],
)
async def test_messages_are_found_by_an_index(embedded: EmbeddedMongo, wanted: Row) -> None:
    store = MongoStore(embedded.uri, "tornado_chat", timeout=5.0, retention_days=90)
    await store.open()
    plan = (await store._messages.find(wanted, sort=[("id", -1)]).explain())["queryPlanner"]["winningPlan"]
    assert "USING INDEX" in plan[0]["detail"]
    await store.close()
