"""Rows D1, D2 and their neighbours in HTTP: requests that are malformed, endless, too big or left halfway."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.engine_client import PATIENCE, EngineClient
from tests.hostile import beside_a_witness

GET = b"GET /socket.io/?EIO=4&transport=polling HTTP/1.1\r\nHost: x\r\n"


def post(polling: EngineClient) -> bytes:
    """The first lines of a request that carries packets."""
    return f"POST /socket.io/?EIO=4&transport=polling&sid={polling.sid} HTTP/1.1\r\nHost: x\r\n".encode()


async def answer(server: Any, request: bytes) -> bytes:
    """Send the bytes of a request; return all that comes until the server closes, as it must."""
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    writer.write(request)
    came = await asyncio.wait_for(reader.read(), PATIENCE)
    writer.close()
    return came


@pytest.mark.gen_test
@pytest.mark.parametrize("length", ["abc", "5, 5", "-5", "1_0", "²", "9" * 5000, "+5", "5;q=1"])
async def test_d2_a_length_that_is_none_is_a_bad_request(
    serve: Any, connect: Any, make_config: Any, poller: Any, caplog: Any, length: str
) -> None:
    server = await serve(make_config())
    async with beside_a_witness(server, connect, caplog):
        header = f"Connection: close\r\nContent-Length: {length}\r\n\r\n".encode("latin-1")
        for request in (GET, post(await poller(server))):
            status = (await answer(server, request + header + b"x=1&x"))[:12]
            assert status in {b"HTTP/1.1 400", b"HTTP/1.1 413"} or (request is GET and length == "5, 5")
        assert len(caplog.records) <= 2  # one line a request
