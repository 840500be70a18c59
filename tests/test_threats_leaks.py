"""THREATS: leaks and log injection, in a process of its own, whose log, pages and answers are all looked through."""

from __future__ import annotations

import asyncio
import json
import os
import time
from pathlib import Path
from typing import Any

import jwt
import pytest
from fake_moneypot import SECRET

from tests.chats import make_services
from tests.client import PATIENCE, Client
from tests.process import Process
from tornado_chat.config import load_config
from tornado_chat.plugins import discover, load_plugins

ENVIRON = {
    "WEBHOOK_SECRET": "hush-of-the-webhook",
    "FEED_TOKEN": "hush-of-the-feed",
    "CHAT_SECRET": "hush-of-the-signed-tokens-32-bytes-long",
    "API_KEY": "hush-of-another-plugin",
}
TOKEN = "hush-token-of-eve"

# A plugin of the operator's that has an API key, and logs more than it should.
CARELESS = """
from tornado_chat import *

class Options(PluginOptions):
    key: str
    port: int

@hookimpl
def register_filters(api):
    async def check(draft):
        what, _, text = draft.text.partition(":")
        if what == "options":
            api.log.warning("my options are %r, and those of %s", api.options, draft)
        if what == "ask":
            url = f"http://x:{api.options.key}@127.0.0.1:{api.options.port}/?key={api.options.key}"
            await api.http.get(url, params={"key": api.options.key}, headers={"Authorization": api.options.key})
        if what == "raise":
            raise ValueError(f"{text} {api.options.key}")
        if what == "log":
            api.log.info("%s said %s", draft.user.uname, text)
            api.log.warning(f"{draft.user.uname} said {text}")
            api.log.error("said: %(text)s", {"text": text})
        if what == "trace":
            try:
                raise KeyError(text) from RuntimeError(text)
            except KeyError:
                api.log.exception("could not find %s", text)
        if what == "verdict":
            return Reject(text)
        if what == "junk":
            return text
        return Pass()
    return [Filter(check)]

@hookimpl
def register_commands(api):
    async def fail(call):
        raise ValueError(call.args.get("what", ""))
    async def refuse(call):
        raise CommandRefused(call.args.get("what", ""))
    what = (RestParam("what", required=False),)
    return [Command("fail", fail, params=what), Command("refuse", refuse, params=what)]

@hookimpl
def register_listeners(api):
    async def told(happening):
        api.log.info("told of %s", happening)
        if "raise" in happening.text:
            raise ValueError(happening.text)
    return [Listener(Rejected, told)]
"""


@pytest.fixture
def directory(tmp_path: Path, embedded_uri: str, database: str, api_url: str) -> Path:
    """Files with every secret that there can be: app 2 asks the site's API, app 3 takes signed tokens."""
    (tmp_path / "apps").mkdir()
    (tmp_path / "more").mkdir()
    (tmp_path / "more" / "careless.py").write_text(CARELESS)
    (tmp_path / "server.toml").write_text(
        f'[server]\nport = 0\n[mongodb]\nuri = "{embedded_uri}"\ndatabase = "{database}"\n'
        f'[identity.moneypot]\napi = "{api_url}"\napp_secret = "{SECRET}"\ntimeout = 0.3\n'
        f'[plugins]\npath = ["more"]\nreach = ["127.0.0.0/8"]\n[limits]\nevent_rate = 10000.0\n'
    )
    plugins = (
        '[plugin.webhook]\nurl = "http://127.0.0.1:9/hook"\nsecret = {env = "WEBHOOK_SECRET"}\ntries = 1\n'
        'events = ["posted", "rejected"]\n[plugin.feed]\ntoken = {env = "FEED_TOKEN"}\n'
        '[plugin.careless]\nkey = {env = "API_KEY"}\nport = 9\nexempt_roles = []\n'
    )
    names = '"mute", "webhook", "feed", "careless"'
    (tmp_path / "apps" / "2.toml").write_text(f"id = 2\nplugins = [{names}]\n{plugins}")
    (tmp_path / "apps" / "3.toml").write_text(
        f'id = 3\nidentity = "signed"\nplugins = [{names}, "signed"]\n{plugins}'
        '[[plugin.signed.keys]]\nalg = "HS256"\nkey = {env = "CHAT_SECRET"}\n'
    )
    return tmp_path


def signed(**claims: Any) -> str:
    claims = {"sub": "7", "uname": "zoe", "exp": int(time.time()) + 60, **claims}
    return jwt.encode(claims, ENVIRON["CHAT_SECRET"], algorithm="HS256")


@pytest.mark.gen_test(timeout=60)
@pytest.mark.parametrize("mood", ["ok", "slow", "drip", "html", "error500", "junk", "null", "drop", "redirect"])
async def test_no_secret_is_in_any_log_page_or_answer(directory: Path, api: Any, mood: str) -> None:
    process = await Process.start(directory, ENVIRON)
    told: list[Any] = []
    alice = await Client.connect(process.port)
    await alice.auth(token="token-alice")
    api.mood = mood
    stranger, zoe, forger = [await Client.connect(process.port) for _ in range(3)]
    bad = signed(aud="other")
    good = signed()
    told += [await stranger.auth(token=TOKEN), await zoe.auth(3, good), await forger.auth(3, bad)]
    assert zoe.data["user"]["uname"] == "zoe"
    for line in ("options:", "ask:", "raise:x", "hello", "verdict:no"):
        told += [await alice.say(line), await zoe.say(line)]
    failed = 'name="failed"'
    async with asyncio.timeout(PATIENCE):
        while (metrics := await process.fetch("metrics")).count(failed) < 2:  # both webhooks have been tried
            pass
    told += [metrics, await process.fetch("healthz"), await process.fetch("plugins/feed/2/messages")]
    told += [await process.fetch("plugins/feed/2/messages?token=x"), alice.heard, zoe.heard, stranger.heard]
    for client in (alice, stranger, zoe, forger):
        await client.close()
    await process.stop()
    secrets = [*ENVIRON.values(), TOKEN, good, bad, good.rpartition(".")[2], SECRET]
    assert "my options are" in process.log  # else nothing was looked through
    assert "could not be sent: POST http://127.0.0.1:9/hook" in process.log
    if mood != "ok":
        assert "auth for app 2: the answer of http" in process.log
        assert told[0] == ["INTERNAL_ERROR"]
    found = [
        (secret, text) for text in [*process.log.splitlines(), *map(str, told)] for secret in secrets if secret in text
    ]
    assert found == []


def test_no_secret_is_in_the_repr_of_a_configuration_or_of_options(directory: Path) -> None:
    plain = directory / "apps" / "3.toml"
    text = plain.read_text()
    for name, value in ENVIRON.items():
        text = text.replace(f'{{env = "{name}"}}', json.dumps(value))
    plain.write_text(text)  # in the file itself, for those who have it so
    config = load_config(directory, {**os.environ, **ENVIRON})
    shown = [repr(config), str(config), repr(config.identity), repr(config.mongodb), *map(repr, config.app_files)]
    catalog = discover(config.plugin_path)
    for where, file in config.app_files:
        bundled = [name for name in file.plugins if name != "careless"]
        options = {name: table for name, table in file.plugin.items() if name in bundled}
        loaded = load_plugins(where, bundled, options, catalog, make_services(), identity=file.identity)
        shown += [repr(api.options) for api in loaded.apis.values()] + [repr(vars(api)) for api in loaded.apis.values()]
    assert len(shown) > 10
    assert [text for text in shown for secret in [*ENVIRON.values(), SECRET] if secret in text] == []


HOSTILE = [
    "bob\r\n2026-01-02 03:04:05,678 INFO tornado_chat: login ok",
    "\x1b[2J\x1b[31mred\x1b]0;title\x07",
    "a\u2028b\u2029c\x85d",
    "\x00\x08\x08\x7f",
    "\u202egnitirw",
    "100% %s %d %(x)s {0}",
]


@pytest.mark.gen_test(timeout=60)
async def test_no_text_of_a_user_makes_a_line_of_the_log_or_moves_the_cursor(directory: Path, api: Any) -> None:
    process = await Process.start(directory, ENVIRON)
    alice = await Client.connect(process.port)
    await alice.auth(token="token-alice")
    for text in HOSTILE:
        for what in ("log", "raise", "trace", "verdict", "verdict:raise", "junk"):
            await alice.say(f"{what}:{text}")
        for line in (f"/fail {text}", f"/refuse {text}", f"/{text}", f"/mute {text}"):
            await alice.say(line)
        await alice.emit(text, text)
        api.users["token-odd"] = {"id": 7, "uname": text, "role": text}
        api.apps[2]["name"] = text
        odd = await Client.connect(process.port, headers={"User-Agent": ascii(text), "X-Forwarded-For": ascii(text)})
        await odd.auth(token="token-odd")
        odd.send("42" + json.dumps(["auth", {"app_id": text, "hashed_token": text}]))
        odd.send(json.dumps(text))
        await asyncio.wait_for(odd.closed.wait(), PATIENCE)
    for request in (
        b"GET /socket.io/?EIO=4&transport=\x1b[2J HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET /x\x1b[2Jy HTTP/1.1\r\nHost: x\r\n\r\n",
        b"G\x1b[2J / HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nX\x1b[2J: y\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nOrigin: https://\x1b[2Jevil\r\n\r\n",
        b"GET /socket.io/?EIO=4&transport=polling HTTP/1.1\r\nHost: x\r\nOrigin: https://\xc2\x9b2Jevil\r\n\r\n",
        b"GET /socket.io/?EIO=4&transport=polling HTTP/1.1\r\nHost: \x1b[2J\r\nOrigin: https://evil%0d%0aok\r\n\r\n",
        b"POST /plugins/feed/2/messages%0d%0aok HTTP/1.1\r\nHost: x\r\nContent-Length: 1\x1b[2J\r\n\r\n",
    ):
        reader, writer = await asyncio.open_connection("127.0.0.1", process.port)
        writer.write(request)
        writer.write_eof()
        await asyncio.wait_for(reader.read(), PATIENCE)
        writer.close()
    await alice.close()
    await process.stop()
    lines = process.log.split("\n")
    assert [line for line in lines if not line.isprintable()] == []
    assert [line for line in lines if line.startswith("2026-01-02 03:04:05,678")] == []
    own = [line for line in lines if line and not line.startswith("    | ")]
    assert [line for line in own if " tornado_chat" not in line and " tornado." not in line] == []
    said = [line for line in own if "alice said" in line]
    assert len(said) == 2 * len(HOSTILE)
    assert "said bob\\r\\n2026-01-02" in process.log
    assert "    | ValueError: " in process.log
    assert "    | KeyError: " in process.log
