"""The feed, over real HTTP: what was said, to whom it is for, and what routes do when they fail."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from tornado.httpclient import AsyncHTTPClient
from tornado.web import HTTPError, RequestHandler

from tests.inline import filtering, having
from tornado_chat import Route, Shadow
from tornado_chat.config import load_config
from tornado_chat.testing import ChatFixture

URL = "/plugins/feed/2/messages"


@pytest.mark.gen_test
async def test_it_answers_what_was_said_after_a_message(chat: ChatFixture) -> None:
    await chat.open("feed", options={"feed": {"limit": 2}})
    alice = await chat.join("alice")
    for text in ("one", "two <b>", "three"):
        await alice.say(text)
    answer = await chat.fetch(URL)
    assert (answer.status, answer.headers["access-control-allow-origin"]) == (200, "*")
    assert [(entry["id"], entry["text"]) for entry in answer.json()["messages"]] == [(2, "two <b>"), (3, "three")]
    assert answer.json()["messages"][0]["user"] == {"uname": "alice", "role": "member"}
    assert [entry["id"] for entry in (await chat.fetch(f"{URL}?after=2")).json()["messages"]] == [3]
    for after in ("-1", "x", "9" * 17, "%D9%A3"):
        assert (await chat.fetch(f"{URL}?after={after}")).status == 400


@pytest.mark.gen_test
async def test_it_shows_no_shadow(chat: ChatFixture) -> None:
    await chat.open(filtering(Shadow()), "feed")
    await (await chat.join("eve")).say("spam")
    assert (await chat.fetch(URL)).json() == {"messages": []}


@pytest.mark.gen_test
async def test_it_may_want_a_token(chat: ChatFixture) -> None:
    await chat.open("feed", options={"feed": {"token": "s3cret"}})
    for given in (
        {},
        {"Authorization": "Bearer no"},
        {"Authorization": "Bearer s3cret "[:-2]},
        {"Authorization": "\xe9"},
    ):
        assert (await chat.fetch(URL, headers=given)).status == 401
    assert (await chat.fetch(URL, headers={"Authorization": "Bearer s3cret"})).status == 200
    assert (await chat.fetch(URL, method="OPTIONS")).status == 204


class Failing(RequestHandler):
    def initialize(self, how: str) -> None:
        self._how = how

    async def get(self, what: str) -> None:
        if what == "hang":
            await asyncio.Event().wait()
        if what == "deny":
            raise HTTPError(403)
        if what == "fine":
            self.finish(self._how)
            return
        raise KeyError(what)

    def post(self, what: str) -> None:
        self.finish(f"sync {what}")


@pytest.mark.gen_test
async def test_a_route_is_bounded_named_counted_and_suspended(
    chat: ChatFixture, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("tornado_chat.web.plugin_routes.ROUTE_SECONDS", 0.05)
    await chat.open(having(Route("do/(.*)", Failing, {"how": "hello"}), name="page"))
    assert (await chat.fetch("/plugins/page/2/do/fine")).text == "hello"
    assert (await chat.fetch("/plugins/page/2/do/x", method="POST")).text == "sync x"
    assert (await chat.fetch("/plugins/page/2/do/deny")).status == 403
    assert (await chat.fetch("/plugins/page/2/do/hang")).status == 500
    assert "app 2: route do/(.*) of plugin page gave no answer within 50 ms" in caplog.text
    for _ in range(4):
        assert (await chat.fetch("/plugins/page/2/do/raise")).status == 500
    refused = await chat.fetch("/plugins/page/2/do/fine")
    assert (refused.status, refused.headers["retry-after"]) == (503, "5")
    await chat.advance(5)
    assert (await chat.fetch("/plugins/page/2/do/fine")).status == 200


@pytest.mark.gen_test
@pytest.mark.parametrize(
    "path",
    [
        "/plugins/page/3/do/x",
        "/plugins/other/2/do/x",
        "/plugins/page/2/",
        "/plugins/page/02x/do/x",
        "/plugins/",
        "/plugins/page/99999999999999999/do",
    ],
)
async def test_what_no_plugin_has_is_not_found(chat: ChatFixture, path: str) -> None:
    await chat.open(having(Route("do/(.*)", Failing, {"how": ""}), name="page"))
    assert (await chat.fetch(path)).status == 404


@pytest.mark.gen_test
async def test_a_server_has_the_routes_of_the_apps_that_load_the_plugin(
    serve: Any, connect: Any, make_config: Any
) -> None:
    directory = make_config(app='plugins = ["mute"]').directory
    (directory / "apps" / "2.toml").write_text('id = 2\nplugins = ["feed"]\n')
    server = await serve(load_config(directory))
    alice = await connect(server, token="token-alice")
    await alice.say("hello")
    fetch = AsyncHTTPClient().fetch
    answer = await fetch(f"http://127.0.0.1:{server.port}{URL}")
    assert b'"hello"' in answer.body
    missing = await fetch(f"http://127.0.0.1:{server.port}/plugins/feed/3/messages", raise_error=False)
    assert missing.code == 404
