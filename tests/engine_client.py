"""A raw Engine.IO client: polls, posts and WebSockets, each step by itself."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from tornado.httpclient import AsyncHTTPClient, HTTPResponse
from tornado.websocket import WebSocketClientConnection, websocket_connect

PATIENCE = 10.0  # seconds until a test that waits in vain fails


class EngineClient:
    """One session, in revision 4 or 3 of the protocol."""

    def __init__(self, port: int, revision: int, path: str = "engine.io") -> None:
        self.revision = revision
        self.host = f"127.0.0.1:{port}/{path}/"
        self.sid: str | None = None
        self.opened: dict[str, Any] = {}
        self.sockets: list[WebSocketClientConnection] = []

    def url(self, transport: str, scheme: str = "http") -> str:
        sid = f"&sid={self.sid}" if self.sid else ""
        return f"{scheme}://{self.host}?EIO={self.revision}&transport={transport}{sid}"

    async def fetch(self, **options: Any) -> HTTPResponse:
        client = AsyncHTTPClient(force_instance=True)
        try:
            return await client.fetch(self.url("polling"), raise_error=False, request_timeout=PATIENCE, **options)
        finally:
            client.close()

    async def open(self) -> dict[str, Any]:
        """Begin with a poll; return what the open packet says."""
        (packet,) = self.split((await self.fetch()).body.decode())
        self.opened = json.loads(packet[1:])
        self.sid = self.opened["sid"]
        return self.opened

    async def poll(self) -> list[str]:
        answer = await self.fetch()
        assert answer.code == 200, (answer.code, answer.body)
        return self.split(answer.body.decode())

    async def post(self, *packets: str) -> int:
        """Send packets in one request; return the status."""
        return (await self.fetch(method="POST", body=self.join(*packets))).code

    async def websocket(self) -> WebSocketClientConnection:
        connecting = websocket_connect(self.url("websocket", "ws"), max_message_size=1 << 24)
        self.sockets.append(await asyncio.wait_for(connecting, PATIENCE))
        return self.sockets[-1]

    def close(self) -> None:
        for socket in self.sockets:
            socket.close()

    async def open_websocket(self) -> WebSocketClientConnection:
        """Begin with a WebSocket."""
        socket = await self.websocket()
        packet = str(await read(socket))
        self.opened = json.loads(packet[1:])
        self.sid = self.opened["sid"]
        return socket

    async def upgrade(self) -> WebSocketClientConnection:
        socket = await self.websocket()
        await socket.write_message("2probe")
        assert await read(socket) == "3probe"
        await socket.write_message("5")
        return socket

    def join(self, *packets: str) -> str:
        if self.revision == 4:
            return "\x1e".join(packets)
        return "".join(f"{len(packet)}:{packet}" for packet in packets)

    def split(self, body: str) -> list[str]:
        if self.revision == 4:
            return body.split("\x1e")
        packets = []
        while body:
            length, _, rest = body.partition(":")
            packets.append(rest[: int(length)])
            body = rest[int(length) :]
        return packets


async def read(socket: WebSocketClientConnection) -> str | bytes | None:
    """Return the next message, None at the end."""
    return await asyncio.wait_for(socket.read_message(), PATIENCE)
