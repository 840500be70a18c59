"""What the tests of hostile input share: bare bytes, a healthy witness, and what the server counted."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from tests.client import Client
from tests.engine_client import PATIENCE

QUICK = "[limits]\nhandshake = 0.5\nstall = 0.5\nclient_buffer = 65536\nevent_rate = 1.0\nevent_burst = 50\n"
HANDSHAKE = (
    "GET /socket.io/?{} HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)


@asynccontextmanager
async def beside_a_witness(server: Any, connect: Any, caplog: pytest.LogCaptureFixture) -> AsyncIterator[Client]:
    """A healthy client, who talks before and after; and nothing was raised."""
    witness = await connect(server, token="token-alice")
    assert await witness.say("before") is None
    yield witness
    assert await witness.say("after") is None
    said = [event[1] for event in witness.heard if event[0] == "new_message"]
    assert [message["text"] for message in said if message["user"]["uname"] == "alice"] == ["before", "after"]
    assert [record for record in caplog.records if record.exc_info] == []
    assert "never retrieved" not in caplog.text


async def counted(server: Any, **closes: int) -> None:
    """Wait until connections were closed for these reasons, and no others."""
    wanted = {name.replace("_", " "): count for name, count in closes.items()}
    async with asyncio.timeout(PATIENCE):
        health = await server.health()
        while health.closes != wanted or health.connections != len(server._gateway._engine.sessions):
            assert sum(health.closes.values()) <= sum(wanted.values()), health.closes
            health = await server.health()


def frame(opcode: int, data: bytes = b"", *, first: int = 0x80, mask: bool = True) -> bytes:
    """A client's frame, masked with zeros."""
    size = bytes([len(data) | 0x80 * mask]) if len(data) < 126 else bytes([126 | 0x80 * mask]) + len(data).to_bytes(2)
    return bytes([first | opcode]) + size + bytes(4 * mask) + data


async def raw(
    server: Any, query: str = "EIO=4&transport=websocket"
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """A WebSocket as bare bytes, behind its open packet."""
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port, limit=1 << 24)
    writer.write(HANDSHAKE.format(query).encode())
    assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 101")
    head = await reader.readexactly(2)
    await reader.readexactly(head[1])
    return reader, writer


async def last_frame(reader: asyncio.StreamReader) -> bytes:
    """Read to the close frame; return what came."""
    came = b""
    async with asyncio.timeout(PATIENCE):
        while (at := came.rfind(b"\x88")) < 0 or len(came) < at + 2 + came[at + 1]:
            came += await reader.read(65536) or b"\x88\0"
    return came


def refusals(server: Any) -> dict[str, int]:
    return {refusal.name: count for refusal, count in server._gateway.refusals.items()}
