"""A plugin that does everything wrong in one app: each of its messages is answered, and the other app goes on."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from tornado.httpclient import AsyncHTTPClient

from tornado_chat.config import load_config

HOSTILE = """
import asyncio, itertools
from tornado.web import RequestHandler
from tornado_chat import *

turn = itertools.count().__next__

async def misbehave(*_):
    kind = turn() % 12
    if kind == 0: raise KeyError
    if kind == 1: await asyncio.Event().wait()
    if kind == 2: return "junk"
    if kind == 3: raise asyncio.CancelledError
    if kind == 4: raise SystemExit(1)
    if kind == 5: raise GeneratorExit
    if kind == 6: raise KeyboardInterrupt
    if kind == 7: raise StoreUnavailable("mine")
    if kind == 8:
        while True:
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                pass
    if kind == 9: return Replace("x" * 351)
    if kind == 10: raise RecursionError
    return misbehave

class Page(RequestHandler):
    async def get(self):
        await misbehave()

@hookimpl
def register_filters(api):
    async def flood(draft):
        for _ in range(1000):
            await api.tell(draft.user, "flood")
        return Pass()
    return [Filter(misbehave), Filter(flood)]

@hookimpl
def register_gates(api):
    return [Gate(speak=misbehave)]

@hookimpl
def register_listeners(api):
    return [Listener(kind, misbehave) for kind in (Posted, Rejected, Joined, Left, Suspended)]

@hookimpl
def register_commands(api):
    api.every(0.1, misbehave)
    return [Command("bad", misbehave)]

@hookimpl
def register_routes(api):
    return [Route("page", Page)]
"""


@pytest.mark.gen_test(timeout=120)
@pytest.mark.parametrize("on_error", ["allow", "reject", "hold"])
async def test_whatever_it_does_every_message_is_answered_and_another_app_goes_on(
    serve: Any, connect: Any, make_config: Any, monkeypatch: pytest.MonkeyPatch, on_error: str
) -> None:
    monkeypatch.setattr("tornado_chat.supervision.GRACE", 0.05)
    monkeypatch.setattr("tornado_chat.moderation.COMMAND_SECONDS", 0.1)
    monkeypatch.setattr("tornado_chat.plugin_set.PATIENCE", 0.1)
    monkeypatch.setattr("tornado_chat.listeners.LISTEN_SECONDS", 0.1)
    monkeypatch.setattr("tornado_chat.listeners.CLOSE_SECONDS", 0.1)
    monkeypatch.setattr("tornado_chat.web.plugin_routes.ROUTE_SECONDS", 0.1)
    directory: Path = make_config().directory
    (directory / "more").mkdir()
    (directory / "more" / "hostile.py").write_text(HOSTILE)
    (directory / "apps" / "2.toml").write_text(
        f'id = 2\nplugins = ["hostile", "help"]\n[plugin.hostile]\non_error = "{on_error}"\ntimeout_ms = 50\n'
    )
    with (directory / "server.toml").open("a") as file:
        file.write('[plugins]\npath = ["more"]\n[limits]\nevent_rate = 10000.0\n')
    from tornado_chat.config import load_config

    server = await serve(load_config(directory))
    before = len(asyncio.all_tasks())
    eve, alice = await connect(server, token="token-eve"), await connect(server, token="token-alice", app_id=3)

    async def suffer() -> list[Any]:
        acks = []
        for number in range(40):
            acks.append(await eve.say("/bad" if number % 4 == 0 else f"hello {number}"))
        return acks

    async def ask() -> set[int]:
        url = f"http://127.0.0.1:{server.port}/plugins/hostile/2/page"
        answers = [await AsyncHTTPClient().fetch(url, raise_error=False) for _ in range(15)]
        return {answer.code for answer in answers}

    async def witness() -> list[Any]:
        return [await alice.say(f"fine {number}") for number in range(60)]

    suffered, codes, seen = await asyncio.gather(suffer(), ask(), witness())
    assert seen == [None] * 60
    assert set(suffered) <= {None, "MESSAGE_REJECTED", "MESSAGE_HELD", "INTERNAL_ERROR"}
    assert codes <= {200, 500, 503}
    assert [event[1]["text"] for event in alice.heard if event[0] == "new_message"] == [f"fine {n}" for n in range(60)]
    assert await eve.say("/help") is None
    health = await server.health()
    assert health.plugin_failures["hostile"] > 20
    await eve.close()
    await alice.close()
    (directory / "apps" / "2.toml").write_text('id = 2\nplugins = ["help"]\n')
    assert await server.reload()
    eve = await connect(server, token="token-eve")
    assert await eve.say("at last") is None
    assert len(asyncio.all_tasks()) <= before + 8  # its own socket's, and the test's


@pytest.mark.gen_test
async def test_one_that_cancels_its_caller_has_failed_and_no_more(serve: Any, connect: Any, make_config: Any) -> None:
    directory: Path = make_config().directory
    (directory / "more").mkdir()
    (directory / "more" / "hostile.py").write_text(
        "import asyncio\nfrom tornado_chat import *\n@hookimpl\ndef register_filters(api):\n"
        "    async def check(draft):\n        if 'cancel' in draft.text: asyncio.current_task().cancel()\n"
        "        if 'wait' in draft.text: await asyncio.sleep(0)\n"
        "        return Pass()\n    return [Filter(check)]\n"
    )
    (directory / "apps" / "2.toml").write_text('id = 2\nplugins = ["hostile"]\n')
    with (directory / "server.toml").open("a") as file:
        file.write('[plugins]\npath = ["more"]\n')
    server = await serve(load_config(directory))
    eve, alice = await connect(server, token="token-eve"), await connect(server, token="token-alice")
    eve.tell("new_message", "cancel")
    assert (await alice.next("new_message"))["text"] == "cancel"  # nothing waited, so nothing was cancelled
    assert await eve.say("cancel and wait") == "MESSAGE_REJECTED"
    assert await eve.say("fine") is None
    assert await alice.say("hello") is None
