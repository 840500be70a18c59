"""What blocks the event loop is named while it does, and cut off where it is a plugin's; in a process of its own."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from tests.client import Client
from tornado_chat.loop_watch import LoopWatch
from tornado_chat.supervision import PluginBlocked

PATIENCE = 30.0
PLUGIN = """
import re, time
from tornado_chat import Filter, Pass, hookimpl

@hookimpl
def register_filters(api):
    async def check(draft):
        if draft.text == "loop":
            while True:
                pass
        if draft.text == "sleep":
            time.sleep(3600)
        if draft.text == "regex":
            re.match(r"(a+)+$", "a" * 40 + "b")
        if draft.text == "catch":
            while True:
                try:
                    time.sleep(0.01)
                except Exception:
                    pass
        return Pass()
    return [Filter(check)]
"""


@pytest.mark.gen_test(timeout=120)
async def test_a_plugin_that_never_gives_the_loop_back_is_named_and_cut_off(tmp_path: Path) -> None:
    (tmp_path / "apps").mkdir()
    (tmp_path / "plugins.d").mkdir()
    (tmp_path / "server.toml").write_text(
        # A regular expression keeps the threads that talk to the database waiting, too; they have longer than it takes.
        f'[server]\nport = 0\ndata_dir = "{tmp_path}/data"\n[mongodb]\ntimeout = 10\n'
        '[identity.demo]\n[plugins]\npath = ["plugins.d"]\n'
    )
    for app_id, plugins in ((2, '["blocker"]'), (3, "[]")):
        (tmp_path / "apps" / f"{app_id}.toml").write_text(f'id = {app_id}\nidentity = "demo"\nplugins = {plugins}\n')
    (tmp_path / "plugins.d" / "blocker.py").write_text(PLUGIN)
    process = await asyncio.create_subprocess_exec(
        *[sys.executable, "-m", "tornado_chat", "serve", "--conf", str(tmp_path)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stdout is not None
    assert process.stderr is not None
    line = await asyncio.wait_for(process.stdout.readline(), PATIENCE)
    port = int(line.rpartition(b":")[2])
    eve, bob = await Client.connect(port), await Client.connect(port)
    await eve.auth(2, "eve")
    await bob.auth(3, "bob")
    for text in ("loop", "sleep", "regex", "catch"):
        blocked = asyncio.ensure_future(eve.say(text))
        assert await asyncio.wait_for(bob.say(f"while {text}"), PATIENCE) is None
        assert await asyncio.wait_for(blocked, PATIENCE) == "MESSAGE_REJECTED"
    assert await eve.say("hello") is None
    process.terminate()
    _, errors = await asyncio.wait_for(process.communicate(), PATIENCE)
    assert process.returncode == 0
    log = errors.decode()
    assert log.count("plugin blocker keeps the whole server from going on") == 4
    assert (
        f"at {tmp_path}/plugins.d/blocker.py line 8, in check; await what is slow" in log or "line 9, in check" in log
    )
    assert log.count("app 2: filter of plugin blocker was cut off: it kept the whole server from going on") == 4


@pytest.mark.gen_test
async def test_what_is_no_plugin_is_named_and_left_alone(caplog: pytest.LogCaptureFixture) -> None:
    watch = LoopWatch(lambda path: None, beat=0.02, slow=0.02, longest=0.05)
    watch.start()
    try:
        end = time.monotonic() + 0.5
        while time.monotonic() < end:
            pass
    finally:
        watch.stop()
    (record,) = caplog.records
    assert record.getMessage().startswith("something keeps the whole server from going on")
    assert f"at {__file__} line" in record.getMessage()


@pytest.mark.gen_test
async def test_a_plugin_is_cut_off_where_it_is(caplog: pytest.LogCaptureFixture) -> None:
    watch = LoopWatch(lambda path: "mine" if path == __file__ else None, beat=0.02, slow=0.02, longest=0.05)
    watch.start()
    try:
        with pytest.raises(PluginBlocked):
            _spin()
    finally:
        watch.stop()
    assert [record.getMessage().split(" at ")[0] for record in caplog.records][-1] == "plugin mine is cut off"


@pytest.mark.gen_test
async def test_a_loop_that_is_free_is_left_alone(caplog: pytest.LogCaptureFixture) -> None:
    watch = LoopWatch(lambda path: "mine", beat=0.02, slow=0.5, longest=0.6)
    watch.start()
    beats: set[float] = set()
    while len(beats) < 4:  # seen to beat some times
        beats.add(watch._beat)
        await asyncio.wait({asyncio.ensure_future(_tick())})
    watch.stop()
    assert caplog.records == []


async def _tick() -> None:
    await asyncio.to_thread(lambda: None)


def _spin() -> Any:
    while True:
        pass
