"""The HTTP client of plugins and identities, against real sockets: what it asks, refuses, and when it gives up."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import pytest
from tornado.httpserver import HTTPServer
from tornado.netutil import bind_sockets
from tornado.web import Application, RequestHandler

from tornado_chat.addresses import Reach
from tornado_chat.errors import HttpError
from tornado_chat.http_client import RequestsHttpClient

SECRET = "s3cret"


class Site(RequestHandler):
    """Answers what it was asked; some paths misbehave."""

    hang: asyncio.Event

    async def get(self, path: str) -> None:
        if path == "hang":
            await self.hang.wait()
        elif path == "drip":
            self.set_header("Content-Length", "1000")
            while not self.hang.is_set():
                self.write(b".")
                await self.flush()
                try:
                    await asyncio.wait_for(self.hang.wait(), 0.02)
                except TimeoutError:
                    continue
        elif path == "big":
            self.write(b"x" * 3000)
        elif path == "redirect":
            self.redirect("/echo")
        elif path == "cut":
            self.request.connection.stream.close()  # type: ignore[union-attr, attr-defined]
        else:
            self.set_cookie("kept", "never")
            self.write(
                {
                    "query": self.request.query,
                    "cookie": self.request.headers.get("Cookie", ""),
                    "x": self.request.headers.get("X", ""),
                }
            )

    async def post(self, path: str) -> None:
        self.set_status(201)
        self.write({"body": self.request.body.decode(), "type": self.request.headers.get("Content-Type", "")})


@pytest.fixture
def site(io_loop: Any, run: Callable[[Awaitable[Any]], Any]) -> Iterator[str]:
    Site.hang = asyncio.Event()
    server = HTTPServer(Application([(r"/(.*)", Site)]))
    sockets = bind_sockets(0, "127.0.0.1")
    server.add_sockets(sockets)
    yield f"http://127.0.0.1:{sockets[0].getsockname()[1]}"
    Site.hang.set()
    server.stop()
    run(server.close_all_connections())


@pytest.fixture
def client(run: Callable[[Awaitable[Any]], Any], io_loop: Any) -> Iterator[RequestsHttpClient]:
    client = RequestsHttpClient(max_in_flight=2, max_answer=2000)
    yield client
    run(client.close())


@pytest.mark.gen_test
async def test_it_asks_and_sends(client: RequestsHttpClient, site: str) -> None:
    answer = await client.get(f"{site}/echo", params={"a": "b c"}, headers={"X": "y"})
    assert answer.status == 200
    assert answer.headers["content-type"].startswith("application/json")
    assert answer.json() == {"query": "a=b+c", "cookie": "", "x": "y"}
    assert json.loads(answer.text) == answer.json()
    assert (await client.get(f"{site}/echo")).json()["cookie"] == ""
    sent = await client.post(f"{site}/echo", json={"a": [1]})
    assert (sent.status, sent.json()) == (201, {"body": '{"a":[1]}', "type": "application/json"})
    sent = await client.post(f"{site}/echo", body=b"raw", headers={"Content-Type": "text/plain"})
    assert sent.json() == {"body": "raw", "type": "text/plain"}


@pytest.mark.gen_test
async def test_a_redirect_is_an_answer(client: RequestsHttpClient, site: str) -> None:
    assert (await client.get(f"{site}/redirect")).status == 302


@pytest.mark.gen_test
@pytest.mark.parametrize("path", ["hang", "drip", "big"])
async def test_what_takes_too_long_or_is_too_much_is_an_error(client: RequestsHttpClient, site: str, path: str) -> None:
    with pytest.raises(HttpError, match=f"GET {site}/{path}: no answer within 0.2 s"):
        await client.get(f"{site}/{path}", timeout=0.2)


@pytest.mark.gen_test
@pytest.mark.parametrize(
    "url",
    [
        "ftp://example.com/x",
        "file:///etc/passwd",
        "example.com",
        "http://",
        "http://[",
        "http://a:b",
        "",
        "//x",
        "http://x:99999999/",
    ],
)
async def test_what_is_no_address_of_http_is_an_error(client: RequestsHttpClient, url: str) -> None:
    with pytest.raises(HttpError):
        await client.get(url)


@pytest.mark.gen_test
async def test_no_error_holds_what_may_be_secret(client: RequestsHttpClient, site: str) -> None:
    address = site.replace("//", f"//user:{SECRET}@")
    for url in (
        f"{address}/cut?token={SECRET}",
        f"{address}/hang?token={SECRET}",
        f"http://user:{SECRET}@127.0.0.1:9/?key={SECRET}",
        f"ftp://{SECRET}",
    ):
        with pytest.raises(HttpError) as caught:
            await client.get(url, params={"secret": SECRET}, headers={"Authorization": SECRET}, timeout=0.5)
        assert SECRET not in str(caught.value)
        assert caught.value.__cause__ is None


@pytest.mark.gen_test
async def test_too_many_at_once_are_refused_at_once(client: RequestsHttpClient, site: str) -> None:
    hanging = [asyncio.ensure_future(client.get(f"{site}/hang")) for _ in range(2)]
    await asyncio.sleep(0)
    with pytest.raises(HttpError, match="2 requests are already under way"):
        await client.get(f"{site}/echo")
    Site.hang.set()
    assert [answer.status for answer in await asyncio.gather(*hanging)] == [200, 200]
    assert (await client.get(f"{site}/echo")).status == 200


@pytest.mark.gen_test
async def test_a_caller_who_goes_away_is_cancelled(client: RequestsHttpClient, site: str) -> None:
    asking = asyncio.ensure_future(client.get(f"{site}/hang"))
    await asyncio.sleep(0)
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    assert (await client.get(f"{site}/echo")).status == 200


@pytest.mark.gen_test
async def test_a_closed_client_asks_nothing(site: str) -> None:
    client = RequestsHttpClient(workers=1)
    asking = [asyncio.ensure_future(client.get(f"{site}/hang", timeout=1)) for _ in range(2)]
    await asyncio.sleep(0)
    await client.close()
    await client.close()
    with pytest.raises(HttpError, match="the client is closed"):
        await client.get(f"{site}/echo")
    with pytest.raises(HttpError, match="the client was closed"):
        await asking[1]  # it was still waiting for the one thread
    Site.hang.set()
    await asyncio.gather(asking[0], return_exceptions=True)


@pytest.mark.gen_test
async def test_a_client_that_is_not_used_costs_no_thread(site: str) -> None:
    before = threading.active_count()
    client = RequestsHttpClient()
    assert threading.active_count() == before
    await client.close()


@pytest.mark.gen_test
@pytest.mark.parametrize("timeout", [0.0, 31.0, float("nan")])
async def test_a_timeout_has_bounds(client: RequestsHttpClient, timeout: float) -> None:
    with pytest.raises(ValueError, match=r"timeout must be 0.05 to 30 seconds"):
        await client.get("http://127.0.0.1:9/", timeout=timeout)


@pytest.mark.gen_test
@pytest.mark.parametrize(
    ("networks", "asked"), [([], False), (["10.0.0.0/8"], False), (["127.0.0.1"], True), (["127.0.0.0/8"], True)]
)
async def test_plugins_reach_no_further_than_the_operator_says(site: str, networks: list[str], asked: bool) -> None:
    """THREATS: SSRF. Whatever the name is, the address counts, and nothing is sent to it."""
    client = RequestsHttpClient(reach=Reach(networks))
    try:
        for url in (site, site.replace("127.0.0.1", "localhost")):
            if asked:
                assert (await client.get(f"{url}/ok")).status in {200, 404}
            else:
                with pytest.raises(HttpError, match=r"may not ask .*127\.0\.0\.1; .* plugins\.reach"):
                    await client.get(f"{url}/ok")
    finally:
        await client.close()


@pytest.mark.parametrize(
    ("address", "allowed"),
    [
        ("93.184.216.34", True),
        ("2606:2800:220:1::1", True),
        ("169.254.169.254", False),
        ("127.0.0.1", False),
        ("::1", False),
        ("10.0.0.1", False),
        ("192.168.1.1", False),
        ("fe80::1%eth0", False),
        ("::ffff:127.0.0.1", False),
        ("::ffff:169.254.169.254", False),
        ("0.0.0.0", False),
        ("fd00::1", True),
        ("168.63.129.16", False),
        ("192.0.0.192", False),
        ("224.0.0.1", False),
        ("ff0e::1", False),
        ("fec0::1", False),
        ("::127.0.0.1", False),
        ("::ffff:0:127.0.0.1", False),
        ("64:ff9b::a9fe:a9fe", False),
        ("64:ff9b::5db8:d822", True),
        ("64:ff9b:1::1", False),
        ("2002:7f00:1::", False),
        ("2002:5db8:d822::1", True),
    ],
)
def test_what_is_reached_is_public_or_named(address: str, allowed: bool) -> None:
    assert Reach(["fd00::/8"]).allows(address) is allowed
