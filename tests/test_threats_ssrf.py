"""THREATS: SSRF. The bundled webhook in a running server is sent where it must not go: nothing is, not even a SYN."""

from __future__ import annotations

import asyncio
import re
import socket
from collections.abc import Iterator
from typing import Any

import pytest
from tornado.httpclient import AsyncHTTPClient
from tornado.httpserver import HTTPServer
from tornado.netutil import bind_sockets
from tornado.web import Application, RequestHandler

from tests.hostile import beside_a_witness

LINK_LOCAL = "169.254.169.254"


@pytest.fixture
def inside() -> Iterator[socket.socket]:
    """A service of this machine that nobody is meant to ask: who connects to it waits in its backlog."""
    listening = socket.create_server(("127.0.0.1", 0))
    listening.setblocking(False)
    yield listening
    listening.close()


@pytest.fixture(autouse=True)
def wanted(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What somebody wanted to connect to beyond this machine: it is noted, and none of it is done."""
    noted: list[Any] = []
    connect = socket.socket.connect

    def guard(self: socket.socket, address: Any) -> None:
        if self.family in {socket.AF_INET, socket.AF_INET6} and address[0] not in {"127.0.0.1", "::1"}:
            noted.append(address)
            raise ConnectionRefusedError(f"a test wanted to connect to {address}")
        connect(self, address)

    monkeypatch.setattr(socket.socket, "connect", guard)
    return noted


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> dict[str, list[list[str]]]:
    """A DNS of the test's own. names["hook.example"] = [addresses of the first answer, of the second...]."""
    zone: dict[str, list[list[str]]] = {}
    ask = socket.getaddrinfo

    def resolve(host: Any, port: Any, *args: Any, **kwargs: Any) -> Any:
        if host not in zone:
            return ask(host, port, *args, **kwargs)
        answer = zone[host].pop(0) if len(zone[host]) > 1 else zone[host][0]
        return [entry for address in answer for entry in ask(address, port, *args, **kwargs)]

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    return zone


async def told_of(server: Any, name: str) -> None:
    """Wait until the webhook has counted one `sent` or `failed`, as /metrics has it."""
    line = re.compile(rf'^tornado_chat_plugin_count_total{{[^}}]*name="{name}"[^}}]*}} 1.0$', re.MULTILINE)
    async with asyncio.timeout(10):
        page = ""
        while not line.search(page):
            page = (await AsyncHTTPClient().fetch(f"http://127.0.0.1:{server.port}/metrics")).body.decode()


def asked(listening: socket.socket) -> bool:
    """Tell whether somebody has connected."""
    try:
        listening.accept()[0].close()
    except BlockingIOError:
        return False
    return True


async def post_with_hook(
    serve: Any, connect: Any, make_config: Any, caplog: Any, url: str, *, reach: str = "[]", then: str = "failed"
) -> None:
    """Have a message said in a server whose webhook is at `url`."""
    app = f'plugins = ["webhook"]\n[plugin.webhook]\nurl = "{url}"\nevents = ["posted"]\ntries = 1\n'
    server = await serve(make_config(app=app, apps=(2,), plugins=f"[plugins]\nreach = {reach}"))
    eve = await connect(server, token="token-eve")
    assert await eve.say("tell them") is None
    await told_of(server, then)
    await eve.close()


@pytest.mark.gen_test
@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "localhost",
        "127.1",
        "2130706433",
        "0x7f.0.0.1",
        "0.0.0.0",
        "[::1]",
        "[::]",
        "[::ffff:127.0.0.1]",
        "[64:ff9b::7f00:1]",
        "user@127.0.0.1",
        LINK_LOCAL,
        f"[::ffff:{LINK_LOCAL}]",
        "[64:ff9b::a9fe:a9fe]",
        "[fe80::1]",
        "10.0.0.1",
        "172.16.0.1",
        "192.168.1.1",
        "100.100.100.200",
        "[fd00:ec2::254]",
    ],
)
@pytest.mark.parametrize("scheme", ["http", "https"])
async def test_a_webhook_at_an_address_that_is_not_public_is_sent_nothing(
    serve: Any,
    connect: Any,
    make_config: Any,
    caplog: Any,
    inside: socket.socket,
    wanted: list[Any],
    host: str,
    scheme: str,
) -> None:
    url = f"{scheme}://{host}:{inside.getsockname()[1]}/latest/meta-data"
    await post_with_hook(serve, connect, make_config, caplog, url)
    assert "plugins may not ask" in caplog.text
    assert (asked(inside), wanted) == (False, [])


@pytest.mark.gen_test
@pytest.mark.parametrize(
    "answers",
    [
        [["127.0.0.1"]],
        [[LINK_LOCAL]],
        [["10.1.2.3", "127.0.0.1", "::1"]],
        [[LINK_LOCAL], ["127.0.0.1"]],
    ],
)
async def test_a_name_that_stands_for_such_an_address_is_sent_nothing(
    serve: Any,
    connect: Any,
    make_config: Any,
    caplog: Any,
    inside: socket.socket,
    wanted: list[Any],
    names: dict[str, list[list[str]]],
    answers: list[list[str]],
) -> None:
    names["hook.example"] = list(answers)
    url = f"http://hook.example:{inside.getsockname()[1]}/"
    await post_with_hook(serve, connect, make_config, caplog, url)
    assert f"plugins may not ask {', '.join(answers[0])};" in caplog.text
    assert (asked(inside), wanted) == (False, [])


@pytest.mark.gen_test
async def test_of_a_names_addresses_only_those_that_may_be_asked_are(
    serve: Any,
    connect: Any,
    make_config: Any,
    caplog: Any,
    inside: socket.socket,
    wanted: list[Any],
    names: dict[str, list[list[str]]],
) -> None:
    # To whoever asks again before connecting, it says another thing.
    names["hook.example"] = [[LINK_LOCAL, "127.0.0.1"], [LINK_LOCAL]]
    got: list[bytes] = []
    site = HTTPServer(Application([("/hook", Hook, {"got": got, "to": ""})]))
    site.add_sockets([inside])
    url = f"http://hook.example:{inside.getsockname()[1]}/hook"
    await post_with_hook(serve, connect, make_config, caplog, url, reach='["127.0.0.1"]', then="sent")
    assert (len(got), wanted) == (1, [])
    assert b'"tell them"' in got[0]
    site.stop()
    await site.close_all_connections()


class Hook(RequestHandler):
    """Keeps what it is sent, and redirects to `to`, where that isn't empty."""

    def initialize(self, got: list[bytes], to: str) -> None:
        self.got, self.to = got, to

    def post(self) -> None:
        self.got.append(self.request.body)
        if self.to:
            self.redirect(self.to, status=307)


@pytest.mark.gen_test
@pytest.mark.parametrize("to", [None, f"http://{LINK_LOCAL}/latest/meta-data", "//10.0.0.1/", "file:///etc/passwd"])
async def test_a_redirect_is_not_followed(
    serve: Any,
    connect: Any,
    make_config: Any,
    caplog: Any,
    inside: socket.socket,
    wanted: list[Any],
    to: str | None,
) -> None:
    got: list[bytes] = []
    to = to or f"http://127.0.0.1:{inside.getsockname()[1]}/"
    site = HTTPServer(Application([("/hook", Hook, {"got": got, "to": to})]))
    sockets = bind_sockets(0, "127.0.0.1")
    site.add_sockets(sockets)
    url = f"http://127.0.0.1:{sockets[0].getsockname()[1]}/hook"
    await post_with_hook(serve, connect, make_config, caplog, url, reach='["127.0.0.1"]')
    assert len(got) == 1
    assert "could not be sent: 307" in caplog.text
    assert (asked(inside), wanted) == (False, [])
    site.stop()
    await site.close_all_connections()


@pytest.mark.gen_test
async def test_others_notice_nothing_of_a_webhook_that_is_refused(
    serve: Any, connect: Any, make_config: Any, caplog: Any, inside: socket.socket
) -> None:
    url = f"http://127.0.0.1:{inside.getsockname()[1]}/"
    app = f'plugins = ["webhook"]\n[plugin.webhook]\nurl = "{url}"\nevents = ["posted"]\ntries = 1\n'
    server = await serve(make_config(app=app, apps=(2,)))
    async with beside_a_witness(server, connect, caplog):
        await told_of(server, "failed")
    assert not asked(inside)
