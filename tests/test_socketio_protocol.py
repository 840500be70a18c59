"""The cases of the official suite of Socket.IO, revision 5, and what was otherwise in revision 4 (EIO=3)."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from tornado.httpserver import HTTPServer
from tornado.ioloop import IOLoop
from tornado.testing import bind_unused_port
from tornado.web import Application
from tornado.websocket import WebSocketClientConnection

from tests.engine_client import EngineClient, read
from tornado_chat.engine import Engine, Limits
from tornado_chat.gateway_packets import ascii_json
from tornado_chat.gateway_server import NoAck, SocketServer


@pytest.fixture
def server(io_loop: IOLoop) -> Iterator[SocketServer]:
    """Says `message` back as `message-back`, acks `message-with-ack` with what came; "/" and "/custom"."""
    engine = Engine(Limits(handshake=1.0), escape=ascii_json)

    async def handle(sid: str, name: str | int, args: list[Any], id: int | None) -> Any:
        if name == "message":
            space = next(space for space in made.manager.get_namespaces() if made.manager.is_connected(sid, space))
            await made.emit("message-back", tuple(args), to=sid, namespace=space)
            return NoAck
        return tuple(args)

    async def connected(sid: str, environ: dict[str, Any], auth: Any) -> None:
        await made.emit("auth", auth, to=sid)
        for session in engine.sessions.values():
            session.establish()

    made = SocketServer(engine, handle, namespaces=("/", "/custom"))
    made.on("connect", connected)
    made.on("connect", lambda sid, environ, auth: None, namespace="/custom")
    yield made
    io_loop.run_sync(engine.shutdown)


@pytest.fixture
def client(io_loop: IOLoop, server: SocketServer) -> Iterator[Callable[[int], EngineClient]]:
    socket, port = bind_unused_port()
    http = HTTPServer(Application([server.engine.route(r"/socket\.io/")]))
    http.add_sockets([socket])
    clients: list[EngineClient] = []

    def make(revision: int = 4) -> EngineClient:
        clients.append(EngineClient(port, revision, "socket.io"))
        return clients[-1]

    yield make
    for made in clients:
        made.close()
    http.stop()


async def joined(client: Any) -> WebSocketClientConnection:
    """A client in the main namespace, behind what it is told there."""
    socket: WebSocketClientConnection = await client().open_websocket()
    await socket.write_message("40")
    assert str(await read(socket)).startswith("42")  # said while it connects
    assert set(json.loads(str(await read(socket))[2:])) == {"sid"}
    return socket


@pytest.mark.gen_test
@pytest.mark.parametrize(("sent", "auth"), [("40", None), ('40{"token":"123"}', {"token": "123"})])
async def test_it_connects_to_the_main_namespace_with_and_without_a_payload(client: Any, sent: str, auth: Any) -> None:
    socket = await client().open_websocket()
    await socket.write_message(sent)
    assert json.loads(str(await read(socket))[2:]) == ["auth", *([] if auth is None else [auth])]
    answer = str(await read(socket))
    assert answer.startswith("40")
    assert isinstance(json.loads(answer[2:])["sid"], str)


@pytest.mark.gen_test
@pytest.mark.parametrize("sent", ["40/custom", "40/custom,", '40/custom,{"token":"abc"}'])
async def test_it_connects_to_another_namespace(client: Any, sent: str) -> None:
    socket = await client().open_websocket()
    await socket.write_message(sent)
    answer = str(await read(socket))
    assert answer.startswith("40/custom,{")
    await socket.write_message('42/custom,["message","hi"]')
    assert await read(socket) == '42/custom,["message-back","hi"]'


@pytest.mark.gen_test
@pytest.mark.parametrize("sent", ["40/random", "40/random,"])
async def test_an_unknown_namespace_is_refused_by_name(client: Any, sent: str) -> None:
    socket = await client().open_websocket()
    await socket.write_message(sent)
    assert await read(socket) == '44/random,{"message":"Invalid namespace"}'


@pytest.mark.gen_test
@pytest.mark.parametrize(
    "sent", ["4abc", "4", "4²", "49", '42{"a":1}', "42", "43", "42[]", '42abc["message-with-ack"]']
)
async def test_what_is_no_packet_closes(client: Any, server: SocketServer, sent: str) -> None:
    for begin in (client().open_websocket, lambda: joined(client)):
        socket = await begin()
        await socket.write_message(sent)
        assert await read(socket) is None
        assert socket.close_reason.startswith("no Socket.IO packet")
    assert {str(reason): count for reason, count in server.engine.closes.items()} == {"bad packet": 2}


@pytest.mark.gen_test
async def test_one_who_never_connects_to_a_namespace_is_closed(client: Any) -> None:
    socket = await client().open_websocket()
    await socket.write_message('42["message","hi"]')  # it isn't connected: nobody takes it
    assert await read(socket) is None
    assert socket.close_reason == "handshake timeout"


@pytest.mark.gen_test
async def test_one_namespace_is_left_without_the_other(client: Any) -> None:
    socket = await joined(client)
    await socket.write_message("40/custom")
    assert str(await read(socket)).startswith("40/custom,")
    await socket.write_message("41/custom,")
    await socket.write_message('42/custom,["message","gone"]')
    await socket.write_message('42["message","still here"]')
    assert await read(socket) == '42["message-back","still here"]'


@pytest.mark.gen_test
async def test_connecting_twice_is_connecting_once(client: Any, server: SocketServer) -> None:
    socket = await joined(client)
    await socket.write_message("40")
    await socket.write_message('42["message","hi"]')
    assert await read(socket) == '42["message-back","hi"]'
    assert len(server.manager._members["/"]) == 1


@pytest.mark.gen_test
async def test_plain_packets_come_back(client: Any) -> None:
    socket = await joined(client)
    await socket.write_message('42["message",1,"2",{"3":[false]},null,"é 😀"]')
    assert await read(socket) == '42["message-back",1,"2",{"3":[false]},null,"é 😀"]'


@pytest.mark.gen_test
async def test_acks_come_back(client: Any) -> None:
    socket = await joined(client)
    await socket.write_message('42456["message-with-ack",1,"2",{"3":[false]}]')
    assert await read(socket) == '43456[1,"2",{"3":[false]}]'
    await socket.write_message('420["message-with-ack"]')
    assert await read(socket) == "430[]"


@pytest.mark.gen_test
@pytest.mark.parametrize("packet", ['452-["message",{"_placeholder":true,"num":0}]', '461-1["x"]', b"\x01\x02\x03"])
async def test_binary_packets_are_refused_aloud(client: Any, packet: str | bytes) -> None:
    socket = await joined(client)
    await socket.write_message(packet, binary=isinstance(packet, bytes))
    assert await read(socket) is None
    assert socket.close_code in {1003, 1008}
    assert socket.close_reason


@pytest.mark.gen_test
async def test_a_client_of_revision_4_is_connected_without_asking(client: Any) -> None:
    socket = await client(3).open_websocket()
    assert str(await read(socket)).startswith("42")
    assert await read(socket) == "40"
    await socket.write_message('427["message-with-ack","hi"]')
    assert await read(socket) == '437["hi"]'
    await socket.write_message("40/random")
    assert await read(socket) == '44/random,"Invalid namespace"'
    await socket.write_message("40/custom")
    assert await read(socket) == "40/custom,"


@pytest.mark.gen_test
async def test_what_polls_in_revision_3_gets_ascii(client: Any) -> None:
    someone = client(3)
    answer = (await someone.fetch()).body.decode()
    packets = someone.split(answer)
    someone.sid = json.loads(packets[0][1:])["sid"]
    text = '42["message","é 😀"]'
    units = len(text.encode("utf-16-le")) // 2
    assert (await someone.fetch(method="POST", body=f"{units}:{text}")).code == 200
    twice = text.encode().decode("latin-1")  # as engine.io-parser 1.x writes it
    assert (await someone.fetch(method="POST", body=f"{len(twice)}:{twice}")).code == 200
    heard: list[str] = packets[1:]
    async with asyncio.timeout(10):
        while sum("message-back" in packet for packet in heard) < 2:
            heard += await someone.poll()
    assert heard[-2:] == ['42["message-back","\\u00e9 \\ud83d\\ude00"]'] * 2
