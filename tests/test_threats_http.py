"""Rows D1, D2 and their neighbours in HTTP: requests that are malformed, endless, too big or left halfway."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any

import pytest

from tests.engine_client import PATIENCE, EngineClient
from tests.hostile import beside_a_witness, counted

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


@pytest.mark.gen_test
@pytest.mark.parametrize("chunked", [False, True])
@pytest.mark.parametrize(
    ("known", "size", "status"), [(True, 20_000_000, 413), (False, 20_000_000, 413), (False, 60_000, 400)]
)
async def test_d2_one_who_sends_all_before_reading_can_read_the_refusal(
    serve: Any,
    connect: Any,
    make_config: Any,
    poller: Any,
    caplog: Any,
    known: bool,
    size: int,
    status: int,
    chunked: bool,
) -> None:
    server = await serve(make_config())
    async with beside_a_witness(server, connect, caplog):
        polling = await poller(server)
        if not known:
            polling.sid = "unknown"
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        head = f"Transfer-Encoding: chunked\r\n\r\n{size:x}\r\n" if chunked else f"Content-Length: {size}\r\n\r\n"
        writer.write(post(polling) + head.encode())
        for _ in range(size // 10_000):
            writer.write(b"x" * 10_000)
            await asyncio.wait_for(writer.drain(), PATIENCE)
        writer.write(b"\r\n0\r\n\r\n" if chunked else b"")
        expected = 400 if chunked and not known else status  # how much will come isn't known beforehand
        assert (await asyncio.wait_for(reader.readline(), PATIENCE)).split()[1] == str(expected).encode()
        assert sum(server._gateway.refusals.values()) == 1
        writer.close()


@pytest.mark.gen_test
async def test_d2_a_refused_body_that_never_ends_is_not_waited_for(
    serve: Any, connect: Any, make_config: Any, poller: Any, caplog: Any, monkeypatch: Any
) -> None:
    monkeypatch.setattr("tornado_chat.engine.handler.LINGER", 0.1)
    server = await serve(make_config())
    async with beside_a_witness(server, connect, caplog):
        polling = await poller(server)
        for head in (b"Content-Length: 20000000\r\n\r\nx", b"Content-Length: 20000000\r\nExpect: 100-continue\r\n\r\n"):
            came = await answer(server, post(polling) + head)
            assert came.startswith(b"HTTP/1.1 413")
            assert came.endswith(b"payload too big")


@pytest.mark.gen_test
async def test_d2_a_session_can_not_have_many_bodies_under_way(
    serve: Any, connect: Any, make_config: Any, poller: Any, caplog: Any
) -> None:
    server = await serve(make_config())
    async with beside_a_witness(server, connect, caplog):
        polling = await poller(server)
        first, second = [await asyncio.open_connection("127.0.0.1", server.port) for _ in range(2)]
        for reader, writer in (first, second):
            writer.write(post(polling) + b"Content-Length: 60001\r\nExpect: 100-continue\r\n\r\n")
            status = await asyncio.wait_for(reader.readline(), PATIENCE)
            assert status.split()[1] == (b"100" if reader is first[0] else b"400")
        await counted(server, duplicate_post=1)
        first[1].write(b"x" * 60001)
        await first[0].readuntil(b"400")  # behind the 100
        for _, writer in (first, second):
            writer.close()


@pytest.mark.gen_test
@pytest.mark.parametrize("rest", [b"x" * 5, b"zz\r\n", b""])
async def test_d2_a_post_that_breaks_off_does_not_hinder_the_next(
    serve: Any, connect: Any, make_config: Any, poller: Any, caplog: Any, rest: bytes
) -> None:
    server = await serve(make_config())
    async with beside_a_witness(server, connect, caplog) as witness:
        polling = await poller(server)
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        size = b"Transfer-Encoding: chunked" if rest == b"zz\r\n" else b"Content-Length: 10"
        writer.write(post(polling) + size + b"\r\nExpect: 100-continue\r\n\r\n")
        await reader.readuntil(b"100 (Continue)\r\n\r\n")
        writer.write(rest)
        writer.write_eof()
        await reader.read()
        writer.close()
        await witness.settle()
        assert await polling.post("40") == 200
        assert (await polling.poll())[0].startswith("40")
        assert (await server.health()).closes == {}


@pytest.mark.gen_test
@pytest.mark.parametrize("method", ["GET", "OPTIONS", "PUT"])
@pytest.mark.parametrize(
    "size", ["Content-Length: 60000, 60000", "Content-Length: 60000", "Transfer-Encoding: chunked"]
)
async def test_d2_only_a_post_has_a_body(
    serve: Any, connect: Any, make_config: Any, caplog: Any, method: str, size: str
) -> None:
    server = await serve(make_config())
    async with beside_a_witness(server, connect, caplog):
        body = b"5\r\nabcde\r\n" if "chunked" in size else b"x" * 50_000
        head = f"{method} /socket.io/?EIO=4&transport=polling HTTP/1.1\r\nHost: x\r\n{size}\r\n\r\n".encode()
        assert (await answer(server, head + body)).split(b"\r\n")[0] == b"HTTP/1.1 400 Bad Request"
        assert len(server._gateway._engine.sessions) == 1


@pytest.mark.gen_test
@pytest.mark.parametrize("bytes_of_it", [b"", b"4", b"GET / HTTP/1.1\r\nX: " + b"x" * 100])
async def test_d2_a_request_that_never_ends_is_closed(
    serve: Any, connect: Any, make_config: Any, poller: Any, caplog: Any, monkeypatch: Any, bytes_of_it: bytes
) -> None:
    monkeypatch.setattr("tornado_chat.server.IDLE", 0.3)
    monkeypatch.setattr("tornado_chat.server.BODY", 0.3)
    server = await serve(make_config())
    async with beside_a_witness(server, connect, caplog):
        polling = await poller(server)
        start = post(polling) + b"Content-Length: 100\r\n\r\n" if len(bytes_of_it) < 2 else b""
        assert await answer(server, start + bytes_of_it) == b""
        assert await polling.post("40") == 200


@pytest.mark.gen_test
async def test_d9_no_packet_is_lost_to_a_question_whether_anything_changed(
    serve: Any, connect: Any, make_config: Any, poller: Any, caplog: Any
) -> None:
    server = await serve(make_config())
    async with beside_a_witness(server, connect, caplog):
        polling = await poller(server)
        assert await polling.post("40") == 200
        came = await polling.fetch(headers={"If-None-Match": "*"})
        assert (came.code, came.body[:2]) == (200, b"40")


@pytest.mark.gen_test
@pytest.mark.parametrize("session", [True, False], ids=["accepted", "refused"])
async def test_d2_a_body_that_is_cut_off_leaves_nothing_behind(
    serve: Any, connect: Any, make_config: Any, poller: Any, caplog: Any, session: bool
) -> None:
    server = await serve(make_config())
    async with beside_a_witness(server, connect, caplog):
        request = post(await poller(server)) if session else post_to_nobody()
        before = asyncio.all_tasks()
        _, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.write(request + b"Content-Length: 100\r\n\r\nabc")
        while not (begun := {task for task in asyncio.all_tasks() - before if "_execute" in repr(task)}):
            await asyncio.to_thread(lambda: None)
        writer.transport.abort()
        ended, late = await asyncio.wait(begun, timeout=PATIENCE)
        assert (len(ended), late) == (1, set())


def post_to_nobody() -> bytes:
    return b"POST /socket.io/?EIO=4&transport=polling&sid=nobody HTTP/1.1\r\nHost: x\r\n"


@pytest.mark.gen_test
async def test_d1_headers_without_end_are_refused(serve: Any, connect: Any, make_config: Any, caplog: Any) -> None:
    server = await serve(make_config())
    async with beside_a_witness(server, connect, caplog):
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.write(GET + b"X: " + b"x" * 100_000)
        came = b""
        with contextlib.suppress(ConnectionResetError):  # it is closed with bytes on the way
            came = await asyncio.wait_for(reader.read(), PATIENCE)
        assert came == b""
        writer.close()
        # What a browser sends with many cookies fits.
        kept = await answer(server, GET + b"Cookie: " + b"x" * 12_000 + b"\r\nConnection: close\r\n\r\n")
        assert kept.startswith(b"HTTP/1.1 200")
