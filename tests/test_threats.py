"""Rows D1 to D7 of what hurts servers of this kind: each input, its answer, and a neighbour who notices nothing."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.engine_client import PATIENCE
from tests.hostile import HANDSHAKE, QUICK, beside_a_witness, counted, frame, last_frame, raw, refusals


@pytest.mark.gen_test
@pytest.mark.parametrize(
    ("query", "headers"),
    [
        ("EIO=2&transport=websocket", {}),
        ("EIO=4&transport=websocket&sid=unknown", {}),
        ("EIO=4&transport=websocket&sid=" + "x" * 10_000, {}),
        ("EIO=4&transport=carrier-pigeon", {}),
        ("EIO=4&transport=polling", {}),
        ("EIO=4&transport=websocket&j=0", {}),
        ("EIO=4&transport=websocket", {"Origin": "https://evil.example"}),
        ("EIO=4&transport=websocket", {"Origin": "null"}),
        ("EIO=4&transport=websocket", {"Sec-WebSocket-Version": "8"}),
        ("EIO=4&transport=websocket", {"Sec-WebSocket-Key": "short"}),
    ],
)
async def test_d1_a_bad_websocket_request_is_refused_before_the_upgrade(
    serve: Any, connect: Any, make_config: Any, caplog: Any, query: str, headers: dict[str, str]
) -> None:
    server = await serve(make_config())
    async with beside_a_witness(server, connect, caplog):
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        request = HANDSHAKE.format(query)
        for name, value in headers.items():
            lines = [line for line in request.split("\r\n") if not line.startswith(f"{name}:")]
            request = "\r\n".join([*lines[:-2], f"{name}: {value}", "", ""])
        writer.write(request.encode() + frame(1, b"40") * 100)
        status = await asyncio.wait_for(reader.readline(), PATIENCE)
        assert status.split()[1] in {b"400", b"403"}
        assert len(server._gateway._engine.sessions) == 1
        writer.close()


@pytest.mark.gen_test
@pytest.mark.parametrize("chunked", [False, True])
async def test_d2_a_huge_post_is_refused_and_not_held(
    serve: Any, connect: Any, make_config: Any, poller: Any, caplog: Any, chunked: bool
) -> None:
    server = await serve(make_config())
    async with beside_a_witness(server, connect, caplog):
        polling = await poller(server)
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        size = "Transfer-Encoding: chunked" if chunked else "Content-Length: 20000000"
        path = "/" + polling.url("polling").split("/", 3)[3]
        writer.write(f"POST {path} HTTP/1.1\r\nHost: x\r\n{size}\r\n\r\n".encode())
        writer.write(
            b"10000\r\n" + b"x" * 65536 + b"\r\n10000\r\n" + b"x" * 65536 + b"\r\n" if chunked else b"x" * 65536
        )
        assert (await asyncio.wait_for(reader.readline(), PATIENCE)).split()[1] == b"413"
        assert refusals(server) == {"TOO_BIG": 1}
        writer.close()


@pytest.mark.gen_test
@pytest.mark.parametrize("number", ["NaN", "Infinity", "1e999", "-1e999"])
async def test_d3_what_is_no_json_closes(serve: Any, connect: Any, make_config: Any, caplog: Any, number: str) -> None:
    server = await serve(make_config())
    async with beside_a_witness(server, connect, caplog):
        attacker = await connect(server, token="token-eve")
        attacker.send(f'42["new_message",{number}]')
        await asyncio.wait_for(attacker.closed.wait(), PATIENCE)
        await counted(server, bad_packet=1)


@pytest.mark.gen_test
async def test_d3_what_is_json_but_no_message_is_refused_by_name(
    serve: Any, connect: Any, make_config: Any, caplog: Any
) -> None:
    server = await serve(make_config())
    async with beside_a_witness(server, connect, caplog):
        eve = await connect(server, token="token-eve")
        for value in ("9223372036854775808", '"\\ud800"', '{"a\\u0000":1}', "12345678901234567890123456789"):
            eve.send(f'42["new_message",{value}]')
            assert (await eve.next("client_error")).startswith("`new_message`")
        assert await eve.say("ordinary") is None


@pytest.mark.gen_test
@pytest.mark.parametrize("name", ["connect", "disconnect", "connect_error", "__proto__", "message", "error"])
async def test_d4_events_named_like_the_lifecycle_change_nothing(
    serve: Any, connect: Any, make_config: Any, caplog: Any, name: str
) -> None:
    server = await serve(make_config())
    async with beside_a_witness(server, connect, caplog) as witness:
        eve = await connect(server, token="token-eve")
        for arguments in ([], [{"sid": 1}], ["x", "y", "z"]):
            eve.tell(name, *arguments)
        await witness.next("user_joined")
        assert len(server._gateway._engine.sessions) == 2
        await eve.close()


@pytest.mark.gen_test
@pytest.mark.parametrize(
    "packet",
    [
        '459999999999-["x",{"_placeholder":true,"num":0}]',
        '451-["hello",{"_placeholder":true,"num":"splice"}]',
        '450-["x"]',
        '461-1["x",{"_placeholder":true,"num":0}]',
        b"\x00" * 60_000,
        "bAAAA",
    ],
)
async def test_d5_binary_packets_close(
    serve: Any, connect: Any, make_config: Any, caplog: Any, packet: str | bytes
) -> None:
    server = await serve(make_config())
    async with beside_a_witness(server, connect, caplog):
        eve = await connect(server)
        eve.send(packet)
        await asyncio.wait_for(eve.closed.wait(), PATIENCE)
        is_binary = isinstance(packet, bytes) or packet[0] == "b"
        await counted(server, **{"binary_packet" if is_binary else "bad_packet": 1})


@pytest.mark.gen_test
@pytest.mark.parametrize("by", ["bytes", "time"])
async def test_d6_one_who_stops_reading_is_closed(
    serve: Any, connect: Any, make_config: Any, caplog: Any, by: str
) -> None:
    limits = QUICK.replace("stall = 0.5", "stall = 60.0") if by == "bytes" else QUICK.replace("65536", "67108864")
    server = await serve(make_config(server=limits.replace("handshake = 0.5", "handshake = 60.0")))
    async with beside_a_witness(server, connect, caplog):
        reader, writer = await raw(server)
        writer.write(frame(1, b"40") + frame(1, b'420["auth",{"app_id":2}]'))
        await reader.readuntil(b"430[")
        reader._transport.pause_reading()  # type: ignore[attr-defined]
        engine = server._gateway._engine
        (session,) = [each for each in engine.sessions.values() if each is not next(iter(engine.sessions.values()))]
        over = asyncio.Event()
        engine.on("closing", lambda sid: over.set())
        async with asyncio.timeout(PATIENCE):
            while not over.is_set() and not (by == "time" and session in engine.slow):
                session.send("x" * 60_000)
                engine.outbox.flush()
                writer.write(frame(1, b"3")) if by == "time" else None
                await asyncio.sleep(0)
            await over.wait()
        await counted(server, slow_consumer=1)
        assert engine.slow == set()
        writer.close()


@pytest.mark.gen_test
async def test_d6_one_who_stops_polling_is_closed(
    serve: Any, connect: Any, make_config: Any, poller: Any, caplog: Any
) -> None:
    server = await serve(make_config(server=QUICK))
    async with beside_a_witness(server, connect, caplog):
        polling = await poller(server)
        for _ in range(3):
            await server._gateway._engine.send(polling.sid, "x" * 60_000)
        await counted(server, slow_consumer=1)
        assert (await polling.fetch()).code == 400


@pytest.mark.gen_test
@pytest.mark.parametrize(
    "flood",
    [
        frame(1, b'42["new_message","x"]'),
        frame(1, b'421["nothing"]'),
        frame(1, b"3"),
        frame(9, b"ping"),
        frame(0x1, b"", first=0),
    ],
)
async def test_d7_a_flood_is_closed(serve: Any, connect: Any, make_config: Any, caplog: Any, flood: bytes) -> None:
    server = await serve(make_config(server=QUICK))
    async with beside_a_witness(server, connect, caplog):
        reader, writer = await raw(server)
        writer.write(frame(1, b"40"))
        if flood[0] == 0x01:
            writer.write(flood)
            flood = frame(0, b"", first=0)
        for _ in range(20):
            writer.write(flood * 50)
        answer = await last_frame(reader)
        assert b"rate limit" in answer or b"fragments" in answer
        assert sum((await server.health()).closes.values()) == 1
        writer.close()


@pytest.mark.gen_test
async def test_d7_a_flood_of_posts_is_refused(
    serve: Any, connect: Any, make_config: Any, poller: Any, caplog: Any
) -> None:
    server = await serve(make_config(server=QUICK))
    async with beside_a_witness(server, connect, caplog):
        polling = await poller(server)
        assert await polling.post("40", *["3"] * 5000) == 429
        await counted(server, rate_limit=1)
