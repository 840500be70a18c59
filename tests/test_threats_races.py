"""Rows D7, D8 and D11, where two things happen at once: sockets that go or come while the server is busy with them."""

from __future__ import annotations

import asyncio
import socket
import struct
from typing import Any

import pytest

from tests.engine_client import PATIENCE
from tests.hostile import HANDSHAKE, beside_a_witness, counted, frame, last_frame, raw


def reset(writer: asyncio.StreamWriter) -> None:
    """Break the connection off; what was written goes before."""
    writer.transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


async def warm(server: Any) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """An HTTP connection that the server has accepted: what is written to two of them it reads in the same moment."""
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    writer.write(b"HEAD /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
    await reader.readuntil(b"\r\n\r\n")
    return reader, writer


@pytest.mark.gen_test
@pytest.mark.parametrize("control", [8, 9, 10])
async def test_d7_control_frames_of_one_who_is_gone_are_not_told_one_by_one(
    serve: Any, connect: Any, make_config: Any, caplog: Any, control: int
) -> None:
    server = await serve(make_config())
    async with beside_a_witness(server, connect, caplog):
        _, writer = await raw(server)
        writer.write(frame(1, b"40") + frame(control, b"x" * 100) * 90)
        reset(writer)
        await counted(server, **{"transport_close" if control == 8 else "transport_error": 1})
        assert [record.getMessage() for record in caplog.records] == []


@pytest.mark.gen_test
@pytest.mark.parametrize("said", [b"", b"2probe", b"2probe 5", b"2probe 5 40"])
@pytest.mark.parametrize("upgrade_first", [True, False])
async def test_d11_an_upgrade_of_a_session_that_just_closes_comes_to_an_end(
    serve: Any, connect: Any, make_config: Any, poller: Any, caplog: Any, said: bytes, upgrade_first: bool
) -> None:
    server = await serve(make_config())
    async with beside_a_witness(server, connect, caplog):
        polling = await poller(server)
        path = f"/socket.io/?EIO=4&transport=polling&sid={polling.sid}"
        leave = f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\n1".encode()
        upgrade = HANDSHAKE.format(f"EIO=4&transport=websocket&sid={polling.sid}").encode()
        upgrade += b"".join(frame(1, packet) for packet in said.split())
        sockets = [await warm(server) for _ in range(2)]
        for (_, writer), data in zip(sockets, (upgrade, leave) if upgrade_first else (leave, upgrade), strict=True):
            writer.write(data)
        reader, writer = sockets[0 if upgrade_first else 1]
        status = await asyncio.wait_for(reader.readline(), PATIENCE)
        if status.split()[1] == b"101":
            assert b"\x88" in await last_frame(reader)
        else:
            assert status.split()[1] == b"400"
        await counted(server, client_disconnect=1)
        assert len(server._gateway._engine.wheel) <= 1 + 1  # the witness, and the watch over the slow ones
        for _, writer in sockets:
            writer.close()
