"""The cases of the official suites of Engine.IO, revisions 4 and 3 (github.com/socketio/engine.io-protocol)."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from tornado.httpclient import AsyncHTTPClient, HTTPClientError
from tornado.httpserver import HTTPServer
from tornado.ioloop import IOLoop
from tornado.testing import bind_unused_port
from tornado.web import Application
from tornado.websocket import websocket_connect

from tests.engine_client import PATIENCE, EngineClient, read
from tornado_chat.engine import Engine, Limits
from tornado_chat.engine.polling import PollQueue

INTERVAL, TIMEOUT = 0.3, 0.2  # as in the official suites, in seconds

revisions = pytest.mark.parametrize("revision", [4, 3])


@pytest.fixture
def engine(io_loop: IOLoop) -> Iterator[Engine]:
    """An engine that says everything back."""
    made = Engine(Limits(event_rate=1000, event_burst=1000), ping_interval=INTERVAL, ping_timeout=TIMEOUT)

    async def echo(sid: str, text: str) -> None:
        made.establish(sid)
        await made.send(sid, text)

    made.on("message", echo)
    yield made
    io_loop.run_sync(made.shutdown)


@pytest.fixture
def client(io_loop: IOLoop, engine: Engine) -> Iterator[Callable[[int], EngineClient]]:
    socket, port = bind_unused_port()
    server = HTTPServer(Application([engine.route(r"/engine\.io/")]))
    server.add_sockets([socket])
    clients: list[EngineClient] = []

    def make(revision: int) -> EngineClient:
        clients.append(EngineClient(port, revision))
        return clients[-1]

    yield make
    for made in clients:
        made.close()
    server.stop()


@pytest.fixture
def polled(monkeypatch: pytest.MonkeyPatch) -> asyncio.Event:
    """Set once a poll waits."""
    event = asyncio.Event()
    wait = PollQueue.wait

    def waiting(self: PollQueue) -> asyncio.Future[list[str]]:
        poll = wait(self)
        if not poll.done():
            event.set()
        return poll

    monkeypatch.setattr(PollQueue, "wait", waiting)
    return event


async def closed(engine: Engine, reason: str) -> None:
    """Wait until one session was closed, for this reason."""
    event = asyncio.Event()
    engine.on("closing", lambda sid: event.set())
    if not engine.closes:
        await asyncio.wait_for(event.wait(), PATIENCE)
    assert {str(key): count for key, count in engine.closes.items()} == {reason: 1}
    assert engine.sessions == {}


# -- handshake


@pytest.mark.gen_test
@revisions
async def test_a_session_opens_over_polling(client: Any, revision: int) -> None:
    opened = await client(revision).open()
    expected = {"sid": opened["sid"], "upgrades": ["websocket"], "pingInterval": 300, "pingTimeout": 200}
    assert opened == expected | ({"maxPayload": 65536} if revision == 4 else {})
    assert isinstance(opened["sid"], str)


@pytest.mark.gen_test
@revisions
async def test_a_session_opens_over_websocket(client: Any, revision: int) -> None:
    someone = client(revision)
    await someone.open_websocket()
    assert someone.opened["upgrades"] == []


@pytest.mark.gen_test
@pytest.mark.parametrize(
    "query", ["transport={}", "EIO=abc&transport={}", "EIO=5&transport={}", "EIO=4", "EIO=4&transport=abc"]
)
async def test_an_unknown_revision_or_transport_is_refused(client: Any, engine: Engine, query: str) -> None:
    host = client(4).host
    url = f"http://{host}?{query.format('polling')}"
    assert (await AsyncHTTPClient().fetch(url, raise_error=False)).code == 400
    with pytest.raises(HTTPClientError, match="400"):
        await websocket_connect(f"ws://{host}?{query.format('websocket')}")
    assert engine.sessions == {}


@pytest.mark.gen_test
@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
async def test_a_handshake_with_another_method_is_refused(client: Any, method: str) -> None:
    answer = await client(4).fetch(method=method, body="" if method != "DELETE" else None)
    assert answer.code == 400


# -- message


@pytest.mark.gen_test
@revisions
@pytest.mark.parametrize("packets", [["4hello"], ["4test1", "4test2", "4test3"]])
async def test_packets_come_and_go_over_polling(client: Any, revision: int, packets: list[str]) -> None:
    someone = client(revision)
    await someone.open()
    assert await someone.post(*packets) == 200
    heard: list[str] = []
    while len(heard) < len(packets):
        heard += [packet for packet in await someone.poll() if packet != "2"]
    assert heard == packets


@pytest.mark.gen_test
@revisions
async def test_packets_come_and_go_over_websocket(client: Any, revision: int) -> None:
    socket = await client(revision).open_websocket()
    await socket.write_message("4hello")
    assert await read(socket) == "4hello"


@pytest.mark.gen_test
@revisions
@pytest.mark.parametrize(
    ("body", "reason"),
    [("abc", "bad packet"), ("", "bad packet"), ("7", "bad packet"), ("4hello\x1ebAQIDBA==", "binary packet")],
)
async def test_a_payload_that_is_none_or_binary_closes(
    client: Any, engine: Engine, revision: int, body: str, reason: str
) -> None:
    someone = client(revision)
    await someone.open()
    if revision == 3:
        body = {"4hello\x1ebAQIDBA==": "6:4hello10:b4AQIDBA==", "7": "1:7"}.get(body, body)
    assert (await someone.fetch(method="POST", body=body)).code == 400
    await closed(engine, reason)
    assert (await someone.fetch()).code == 400


@pytest.mark.gen_test
@revisions
@pytest.mark.parametrize(
    ("frame", "reason"), [("abc", "bad packet"), ("", "bad packet"), (b"\x01\x02", "binary packet")]
)
async def test_a_frame_that_is_no_packet_closes(
    client: Any, engine: Engine, revision: int, frame: str | bytes, reason: str
) -> None:
    socket = await client(revision).open_websocket()
    await socket.write_message(frame, binary=isinstance(frame, bytes))
    assert await read(socket) is None
    assert socket.close_code in {1003, 1008}
    await closed(engine, reason)


@pytest.mark.gen_test
@revisions
async def test_two_polls_at_a_time_close(client: Any, engine: Engine, revision: int) -> None:
    someone = client(revision)
    await someone.open()
    answers = await asyncio.gather(someone.fetch(), someone.fetch())
    assert sorted((answer.code, answer.body) for answer in answers if answer.code == 200) == [
        (200, b"1" if revision == 4 else b"1:1")
    ]
    assert sorted(answer.code for answer in answers) == [200, 400]
    await closed(engine, "duplicate poll")


@pytest.mark.gen_test
@revisions
async def test_a_poll_that_is_given_up_closes(
    client: Any, engine: Engine, revision: int, polled: asyncio.Event
) -> None:
    someone = client(revision)
    await someone.open()
    _, writer = await asyncio.open_connection("127.0.0.1", int(someone.host.split(":")[1].split("/")[0]))
    path = someone.url("polling").partition(someone.host.split("/")[0])[2]
    writer.write(f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
    await writer.drain()
    await asyncio.wait_for(polled.wait(), PATIENCE)
    writer.close()
    await closed(engine, "transport close")
    assert (await someone.fetch()).code == 400


# -- heartbeat


@pytest.mark.gen_test
async def test_polling_answers_pings_and_stays(client: Any) -> None:
    someone = client(4)
    await someone.open()
    for _ in range(3):
        assert await someone.poll() == ["2"]
        assert await someone.post("3") == 200


@pytest.mark.gen_test
async def test_a_websocket_answers_pings_and_stays(client: Any, engine: Engine) -> None:
    socket = await client(4).open_websocket()
    for _ in range(3):
        assert await read(socket) == "2"
        await socket.write_message("3")
    assert len(engine.sessions) == 1


@pytest.mark.gen_test
async def test_in_revision_3_the_client_pings(client: Any) -> None:
    someone = client(3)
    await someone.open()
    for data in ("", "probe", "é"):
        assert await someone.post(f"2{data}") == 200
        assert await someone.poll() == [f"3{data}"]
    socket = await client(3).open_websocket()
    for _ in range(3):
        await socket.write_message("2")
        assert await read(socket) == "3"


@pytest.mark.gen_test
@revisions
async def test_who_is_not_heard_of_is_closed(client: Any, engine: Engine, revision: int) -> None:
    someone = client(revision)
    begun = time.monotonic()
    await someone.open()
    await closed(engine, "ping timeout")
    assert time.monotonic() - begun > TIMEOUT
    assert (await someone.fetch()).code == 400
    engine.closes.clear()
    socket = await client(revision).open_websocket()
    while await read(socket) is not None:
        pass
    await closed(engine, "ping timeout")


# -- close


@pytest.mark.gen_test
@revisions
async def test_the_client_closes_a_session_that_polls(
    client: Any, engine: Engine, revision: int, polled: asyncio.Event
) -> None:
    someone = client(revision)
    await someone.open()
    poll = asyncio.ensure_future(someone.fetch())
    await asyncio.wait_for(polled.wait(), PATIENCE)
    assert await someone.post("1") == 200
    assert (await poll).body == (b"6" if revision == 4 else b"1:6")
    await closed(engine, "client disconnect")
    assert (await someone.fetch()).code == 400


@pytest.mark.gen_test
@revisions
async def test_the_client_closes_a_session_with_a_websocket(client: Any, engine: Engine, revision: int) -> None:
    socket = await client(revision).open_websocket()
    await socket.write_message("1")
    assert await read(socket) is None
    await closed(engine, "client disconnect")


# -- upgrade


@pytest.mark.gen_test
@revisions
async def test_polling_upgrades_to_a_websocket(
    client: Any, engine: Engine, revision: int, polled: asyncio.Event
) -> None:
    someone = client(revision)
    await someone.open()
    socket = await someone.websocket()
    poll = asyncio.ensure_future(someone.poll())
    await asyncio.wait_for(polled.wait(), PATIENCE)
    await socket.write_message("2probe")
    assert await read(socket) == "3probe"
    assert await poll == ["6"]
    await socket.write_message("5")
    await socket.write_message("4hello")
    assert await read(socket) == "4hello"
    assert (await someone.fetch()).code == 400
    assert await someone.post("4hello") == 400
    with pytest.raises(HTTPClientError, match="400"):
        await someone.websocket()
    await socket.write_message("4still here")
    assert await read(socket) == "4still here"


@pytest.mark.gen_test
@revisions
async def test_what_is_said_during_an_upgrade_arrives_once_and_in_order(
    client: Any, engine: Engine, revision: int
) -> None:
    someone = client(revision)
    await someone.open()
    for number in range(3):
        await engine.send(someone.sid, f"a{number}")
    heard = [packet for packet in await someone.poll() if packet != "2"]
    socket = await someone.websocket()
    await socket.write_message("2probe")
    assert await read(socket) == "3probe"
    for number in range(3):
        await engine.send(someone.sid, f"b{number}")
    await socket.write_message("5")
    while len(heard) < 6:
        if (packet := await read(socket)) != "2":
            heard.append(str(packet))
    assert heard == ["4a0", "4a1", "4a2", "4b0", "4b1", "4b2"]


@pytest.mark.gen_test
@pytest.mark.parametrize("error", [KeyError("x"), asyncio.CancelledError()], ids=repr)
async def test_an_application_that_fails_at_a_message_closes_its_client(
    client: Any, engine: Engine, error: BaseException
) -> None:
    async def fail(sid: str, text: str) -> None:
        raise error

    engine.on("message", fail)
    socket = await client(4).open_websocket()
    await socket.write_message("4hello")
    while await asyncio.wait_for(read(socket), PATIENCE) is not None:
        pass  # the open packet, perhaps a ping
    await closed(engine, "application error")
    assert not engine.sessions
