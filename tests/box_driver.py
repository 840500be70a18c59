"""The chatbox's own Socket.IO client in a Node of its own, and servers and networks that misbehave as a test wants."""

from __future__ import annotations

import asyncio
import contextlib
import json
import subprocess
from pathlib import Path
from typing import Any

from tornado.httpserver import HTTPServer
from tornado.netutil import bind_sockets
from tornado.web import Application
from tornado.websocket import WebSocketHandler

from scripts.faults.proxy import Proxy, _reset

NODE = Path(__file__).parent / "node"
PATIENCE = 20.0  # seconds until a test that waits in vain fails
OPEN = '0{"sid":"s","upgrades":[],"pingInterval":25000,"pingTimeout":20000,"maxPayload":65536}'
CONNECT = '40{"sid":"n"}'


class Box:
    """The client. What it tells is kept in order; see node/box_socket.mjs. Troubles not `expected` fail a test."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self.told: list[list[Any]] = []  # what next() went over
        self.expected: list[list[Any]] = []  # of its troubles

    @classmethod
    async def start(cls, node: str, bundle: Path, port: int, **options: Any) -> Box:
        names = ["news", "done", "new_message", "system_message"]
        given = {"ways": ["websocket", "polling"], "delay": [0, 0], "holds": False, "names": names} | options
        command = [node, "box_socket.mjs", str(bundle), f"http://127.0.0.1:{port}", json.dumps(given)]
        return cls(
            await asyncio.create_subprocess_exec(
                *command, cwd=NODE, stdin=subprocess.PIPE, stdout=subprocess.PIPE, limit=1 << 20
            )
        )

    def do(self, *command: Any) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(command).encode() + b"\n")

    async def next(self, *kinds: str) -> list[Any]:
        """Return what is told next of these kinds, without the kind where it is one; whatever else is skipped."""
        assert self._process.stdout is not None
        while True:
            line = await asyncio.wait_for(self._process.stdout.readline(), PATIENCE)
            said = json.loads(line)
            self.told.append(said)
            if said[0] in kinds:
                return said[1:] if len(kinds) == 1 else said

    async def ask(self, id: int, *event: Any) -> list[Any]:
        """Emit an event with a callback; return what that gets."""
        self.do("ask", id, *event)
        answered, *answer = await self.next("ack")
        assert answered == id
        return answer

    def told_of(self, *kinds: str) -> list[list[Any]]:
        return [said for said in self.told if said[0] in kinds]

    async def close(self) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        rest = await asyncio.wait_for(self._process.stdout.read(), PATIENCE)
        self.told += map(json.loads, rest.splitlines())
        await asyncio.wait_for(self._process.wait(), PATIENCE)


class Peer(WebSocketHandler):
    """A client's WebSocket at a Fake: `heard` has its frames, None at its end. Or a request of its polled session."""

    def initialize(self, fake: Fake) -> None:
        self._fake = fake
        self._poll: asyncio.Future[str] | None = None
        self._left = asyncio.Event()  # its client has closed the connection
        self.heard: asyncio.Queue[str | bytes | None] = asyncio.Queue()

    def check_origin(self, origin: str) -> bool:
        return True

    async def get(self, *args: Any, **kwargs: Any) -> None:
        self._fake.knocks.put_nowait(None)
        if self._fake.silent:
            await asyncio.wait_for(self._fake.gone.wait(), PATIENCE)
        elif "Upgrade" in self.request.headers:
            await super().get(*args, **kwargs)
        elif self.get_argument("sid", None) is None:
            self.finish(OPEN)
        else:
            self._poll = asyncio.ensure_future(self._fake.payloads.get())
            with contextlib.suppress(asyncio.CancelledError):
                self.finish(await self._poll)

    async def post(self) -> None:
        self._fake.sizes.append(len(self.request.body))
        for packet in self.request.body.decode().split("\x1e"):
            self._fake.posted.put_nowait(packet)
        if self._fake.deaf:
            await asyncio.wait_for(self._left.wait(), PATIENCE)
            return
        self.finish("ok")

    def on_connection_close(self) -> None:
        self._left.set()
        self._fake.gone.set()
        self._fake.given_up.put_nowait(None)
        if self._poll is not None:
            self._poll.cancel()
        super().on_connection_close()

    def open(self, *_args: str, **_kwargs: str) -> None:
        self._fake.peers.put_nowait(self)

    def on_message(self, message: str | bytes) -> None:
        self.heard.put_nowait(message)

    def on_close(self) -> None:
        self.heard.put_nowait(None)

    def say(self, *packets: str | bytes) -> None:
        for packet in packets:
            self.write_message(packet, binary=isinstance(packet, bytes))

    async def hear(self) -> str | bytes | None:
        return await asyncio.wait_for(self.heard.get(), PATIENCE)


class Fake:
    """A server that does nothing by itself. With `silent` it leaves what comes without an answer."""

    def __init__(self) -> None:
        self.silent = False
        self.knocks: asyncio.Queue[None] = asyncio.Queue()  # one for each poll and WebSocket
        self.peers: asyncio.Queue[Peer] = asyncio.Queue()
        self.gone = asyncio.Event()  # a connection that had no answer was closed by the client
        self.deaf = False  # then it leaves posts without an answer
        self.given_up: asyncio.Queue[None] = asyncio.Queue()  # one for each request that the client gave up
        self.payloads: asyncio.Queue[str] = asyncio.Queue()  # what polls are answered with
        self.posted: asyncio.Queue[str] = asyncio.Queue()
        self.sizes: list[int] = []  # of posts, in bytes
        sockets = bind_sockets(0, "127.0.0.1")
        self.port = int(sockets[0].getsockname()[1])
        self._server = HTTPServer(Application([(r"/socket\.io/", Peer, {"fake": self})]))
        self._server.add_sockets(sockets)

    async def peer(self) -> Peer:
        """Return the next WebSocket."""
        return await asyncio.wait_for(self.peers.get(), PATIENCE)

    async def join(self) -> Peer:
        """Return the next WebSocket once the client is connected."""
        peer = await self.peer()
        peer.say(OPEN)
        assert await peer.hear() == "40"
        peer.say(CONNECT)
        return peer

    async def post(self) -> str:
        """Return the next packet that was posted."""
        return await asyncio.wait_for(self.posted.get(), PATIENCE)

    async def stop(self) -> None:
        self._server.stop()
        self.gone.set()
        await self._server.close_all_connections()


class PickyProxy(Proxy):
    """A network that lets no WebSocket through: it answers 403, resets the connection, or says nothing."""

    def __init__(self, target: int, manner: str) -> None:
        super().__init__(target)
        self.manner = manner  # empty: it lets them through
        self.refused = asyncio.Event()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        if b"upgrade: websocket" in head.lower() and self.manner:
            self.refused.set()
            if self.manner == "answers":
                writer.write(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
            elif self.manner == "is silent":
                await reader.read()
            writer.close() if self.manner == "answers" else _reset(writer)
            return
        there_reader, there_writer = await asyncio.open_connection("127.0.0.1", self._target)
        there_writer.write(head)
        both = {writer, there_writer}
        self._pipes |= both
        await asyncio.gather(self._pipe(reader, there_writer, both), self._pipe(there_reader, writer, both))
        self._pipes -= both
