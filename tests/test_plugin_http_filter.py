"""http_filter: what a service of the operator's is asked, what its answers come to, and what becomes of none."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import pytest
from tornado.httpserver import HTTPServer
from tornado.netutil import bind_sockets
from tornado.web import Application, RequestHandler

from tests.chats import documented_options, load_plugin
from tornado_chat import HttpError, HttpResponse, Secret, signed_headers
from tornado_chat.errors import ConfigError
from tornado_chat.http_client import RequestsHttpClient
from tornado_chat.testing import ChatFixture

URL = "https://filter.example.com/check?key=s3cret-key"
REFUSED = "Your message could not be checked, so it was not sent. Please try again."


async def opened(chat: ChatFixture, answer: Any = None, *more: Any, **options: Any) -> None:
    if answer is not None:
        chat.http.answer(URL, json=answer)
    await chat.open("http_filter", "mute", *more, options={"http_filter": {"url": URL, **options}})


@pytest.mark.gen_test
async def test_the_service_is_told_who_says_what_and_not_from_where(chat: ChatFixture) -> None:
    await opened(chat, {"verdict": "pass"})
    alice = await chat.join("alice", address="203.0.113.7", level=3)
    assert (await alice.say("hello")).ack is None
    await chat.advance(60)
    await alice.say("  again\u202e ")
    asked = [json.loads(body) for _, _, body in chat.http.requests]
    assert asked == [
        {
            "app_id": 2,
            "user": {"id": 1, "uname": "alice", "role": "member"},
            "text": text,
            "person": {"said": said, "first_seen": "2026-01-01T00:00:00Z"},
        }
        for said, text in enumerate(("hello", "again\u202e"))
    ]


@pytest.mark.gen_test
@pytest.mark.parametrize(
    ("answer", "ack", "notice"),
    [
        ({"verdict": "pass", "confidence": 0.1, "text": "ignored"}, None, None),
        ({"verdict": "reject"}, "MESSAGE_REJECTED", "No."),
        ({"verdict": "reject", "message": "No links", "code": "LINK"}, "LINK", "No links"),
        ({"verdict": "hold", "reason": "odd"}, "MESSAGE_HELD", "Your message waits for a moderator"),
        ({"verdict": "shadow"}, None, None),
        ({"verdict": "replace", "text": "h*llo"}, None, None),
    ],
)
async def test_each_verdict_is_what_it_says(
    chat: ChatFixture, answer: dict[str, Any], ack: str | None, notice: str | None
) -> None:
    await opened(chat, answer, message="No.")
    alice, eve = await chat.join("alice"), await chat.join("eve")
    said = await eve.say("hello")
    assert (said.ack, said.notice) == (ack, notice)
    shown = {"pass": ["eve: hello"], "replace": ["eve: h*llo"]}
    assert alice.messages == shown.get(answer["verdict"], [])
    assert eve.messages == (["eve: hello"] if answer["verdict"] == "shadow" else alice.messages)


@pytest.mark.gen_test
async def test_an_answer_may_strike_alert_and_mute(chat: ChatFixture) -> None:
    answer = {"verdict": "reject", "strike": "spam", "alert": "eve spams", "mute_seconds": 60, "reason": "spam"}
    await opened(chat, answer, "escalate")
    eve, bob = await chat.join("eve"), await chat.join("bob", role="mod")
    await eve.say("hello")
    assert bob.notices == ["eve spams"]
    assert (await eve.say("hello")).notice == "You are muted for another 1 min: spam"
    assert (await bob.say("/strikes eve")).notice.startswith("eve has 1 strike")  # type: ignore[union-attr]


@pytest.mark.gen_test
async def test_staff_are_not_asked_about(chat: ChatFixture) -> None:
    await opened(chat, {"verdict": "reject"})
    for role in ("mod", "owner", "admin"):
        assert (await (await chat.join(role, role=role)).say("hello")).ack is None
    assert chat.http.requests == []


@pytest.mark.gen_test
@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"[]",
        b"{}",
        b"<html>",
        b'"pass"',
        b'{"verdict": null}',
        b'{"verdict": "allow"}',
        b'{"verdict": "PASS"}',
        b'{"verdict": true}',
        b'{"verdict": "replace"}',
        b'{"verdict": "replace", "text": "   "}',
        b'{"verdict": "replace", "text": "' + b"x" * 351 + b'"}',
        b'{"verdict": "replace", "text": "\\ud800"}',
        b'{"verdict": "replace", "text": 5}',
        b'{"verdict": "reject", "code": "lower"}',
        b'{"verdict": "reject", "message": "' + b"x" * 8001 + b'"}',
        b'{"verdict": "hold", "reason": ["a"]}',
        b'{"verdict": "pass", "mute_seconds": -1}',
        b'{"verdict": "pass", "mute_seconds": 1e9}',
        b'{"verdict": "pass", "mute_seconds": "60"}',
        b'{"verdict": "pass"',
        b'{"verdict": "' + b"pass" * 200_000 + b'"}',
        b"[" * 100_000,
        b'{"verdict": "pass", "text": "\xff"}',
    ],
    ids=lambda body: body[:40],
)
async def test_junk_is_no_answer(chat: ChatFixture, body: bytes, caplog: pytest.LogCaptureFixture) -> None:
    await opened(chat)
    chat.http.answers[URL] = HttpResponse(200, {}, body)
    eve = await chat.join("eve")
    said = await eve.say("hello")
    assert (said.ack, said.notice) == ("MESSAGE_REJECTED", REFUSED)
    assert chat.chat.plugins.supervisor.failures == {"http_filter": 1}
    assert len(caplog.text) < 10_000


@pytest.mark.gen_test
@pytest.mark.parametrize("status", [204, 301, 400, 404, 429, 500, 503])
async def test_any_other_status_is_no_answer(chat: ChatFixture, status: int) -> None:
    await opened(chat)
    chat.http.answer(URL, status=status, json={"verdict": "pass"})
    assert (await (await chat.join("eve")).say("hello")).ack == "MESSAGE_REJECTED"


@pytest.mark.gen_test
@pytest.mark.parametrize(
    ("on_error", "ack"), [("reject", "MESSAGE_REJECTED"), ("allow", None), ("hold", "MESSAGE_HELD")]
)
async def test_without_an_answer_it_fails_as_the_operator_says_and_then_is_not_asked_for_a_while(
    chat: ChatFixture, on_error: str, ack: str | None, caplog: pytest.LogCaptureFixture
) -> None:
    await opened(chat, on_error=on_error, secret="s3cret-of-the-filter")
    chat.http.answers[URL] = HttpError("POST https://filter.example.com/check: no answer within 0.4 s")
    eve, bob = await chat.join("eve"), await chat.join("bob", role="mod")
    for number in range(8):
        assert (await eve.say(f"hello {number}")).ack == ack
    assert len(chat.http.requests) == 5
    assert bob.notices == [
        "filter of plugin http_filter failed too often and is suspended for 5 s: it raised HttpError"
    ]
    assert "no answer within 0.4 s" in caplog.text
    assert "s3cret" not in caplog.text
    chat.http.answer(URL, json={"verdict": "pass"})
    await chat.advance(5)
    assert (await eve.say("hello again")).ack is None
    assert len(chat.http.requests) == 6


@pytest.mark.gen_test
async def test_only_so_many_messages_wait_for_an_answer(chat: ChatFixture) -> None:
    asked: list[str] = []
    answered = asyncio.Event()

    class Slow:
        async def post(self, url: str, *, body: bytes, headers: Any, timeout: float) -> HttpResponse:
            asked.append(url)
            assert timeout == 9.0
            await answered.wait()
            return HttpResponse(200, {}, b'{"verdict": "pass"}')

        async def close(self) -> None:
            pass

    chat.http = Slow()  # type: ignore[assignment]
    await opened(chat, at_once=2, timeout=9.0, timeout_ms=10_000)
    people = [await chat.join(f"user{number}") for number in range(4)]
    waiting = [asyncio.ensure_future(person.say("hello")) for person in people]
    await chat.settle()
    answered.set()
    assert [(await each).ack for each in waiting] == [None, None, "MESSAGE_REJECTED", "MESSAGE_REJECTED"]
    assert len(asked) == 2
    assert (await people[0].say("hello")).ack is None


class Service(RequestHandler):
    """Passes what is signed with the secret that it knows."""

    def initialize(self, got: list[Any]) -> None:
        self.got = got

    async def post(self) -> None:
        self.got.append((dict(self.request.headers), self.request.body))
        if b"wait" in self.request.body:
            await asyncio.sleep(5)
        self.finish({"verdict": "pass"})


@pytest.fixture
def service(io_loop: Any, run: Callable[[Awaitable[Any]], Any]) -> Iterator[tuple[str, list[Any]]]:
    got: list[Any] = []
    server = HTTPServer(Application([("/check", Service, {"got": got})]))
    sockets = bind_sockets(0, "127.0.0.1")
    server.add_sockets(sockets)
    yield f"http://127.0.0.1:{sockets[0].getsockname()[1]}/check", got
    server.stop()
    run(server.close_all_connections())


@pytest.mark.gen_test
async def test_over_real_http_it_is_signed_and_bounded_in_time(
    chat: ChatFixture, service: tuple[str, list[Any]]
) -> None:
    url, got = service
    chat.http = RequestsHttpClient()  # type: ignore[assignment]
    table = {"url": url, "secret": "s3cret", "timeout": 0.2, "timeout_ms": 5000}
    await chat.open("http_filter", options={"http_filter": table})
    eve = await chat.join("eve")
    assert (await eve.say("hello")).ack is None
    ((headers, body),) = got
    signed = signed_headers(body, Secret("s3cret"), chat.clock.now())
    for name in ("X-Tornado-Chat-Signature", "X-Tornado-Chat-Timestamp", "Content-Type"):
        assert headers[name] == signed[name]
    assert "203.0.113" not in str(headers)
    began = asyncio.get_running_loop().time()
    assert (await eve.say("wait")).ack == "MESSAGE_REJECTED"
    assert asyncio.get_running_loop().time() - began < 3


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({}, "plugin.http_filter.url: missing"),
        ({"url": "file:///etc/passwd"}, "plugin.http_filter.url"),
        ({"url": "http://x y"}, "plugin.http_filter.url"),
        ({"url": "http://x", "timeout": 0}, "plugin.http_filter.timeout"),
        ({"url": "http://x", "timeout": 10}, "plugin.http_filter.timeout"),
        ({"url": "http://x", "at_once": 0}, "plugin.http_filter.at_once"),
        ({"url": "http://x", "on_failure": "open"}, "plugin.http_filter.on_failure: unknown key"),
    ],
)
def test_options_that_do_not_fit_are_named(options: dict[str, Any], told: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load_plugin("http_filter", **options)
    assert told in str(caught.value)


def test_the_documented_example_is_one() -> None:
    assert load_plugin("http_filter", **documented_options("http_filter") | {"secret": "x"})
