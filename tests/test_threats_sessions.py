"""Rows D8 to D14 of what hurts servers of this kind, and other inputs of that family."""

from __future__ import annotations

import asyncio
import base64
import json
from typing import Any

import pytest
from tornado.httpclient import HTTPClientError

from tests.client import Client
from tests.engine_client import PATIENCE, EngineClient, read
from tests.hostile import HANDSHAKE, QUICK, beside_a_witness, counted, frame, last_frame, raw, refusals


@pytest.mark.gen_test
@pytest.mark.parametrize(
    "data",
    [
        frame(1, b"x"),
        frame(1, b""),
        frame(1, "²".encode()),
        frame(1, b"\0"),
        frame(1, b"\xff\xfe"),
        frame(1, b"42" + b"[" * 65_000),
        frame(1, b"4", mask=False),
        frame(3, b"4"),
        frame(0xB),
        frame(1, b"4", first=0xC0),
        frame(9, b"x" * 126),
        frame(9, b"x", first=0),
        frame(0, b"x"),
        frame(1, b"x", first=0) * 2,
        b"\x81\xfe\x00\x05" + bytes(4) + b"40000",
        b"\x81\xff" + (1 << 40).to_bytes(8) + bytes(4),
        b"\x81\xff" + b"\xff" * 8 + bytes(4),
    ],
)
async def test_d8_a_malformed_frame_closes_with_a_reason(
    serve: Any, connect: Any, make_config: Any, caplog: Any, data: bytes
) -> None:
    server = await serve(make_config())
    async with beside_a_witness(server, connect, caplog):
        reader, writer = await raw(server)
        writer.write(frame(1, b"40") + data)
        answer = await last_frame(reader)
        close = answer[answer.rindex(b"\x88") :]
        assert int.from_bytes(close[2:4]) in {1002, 1003, 1007, 1008, 1009}
        assert len(close) > 4
        assert sum((await server.health()).closes.values()) == 1
        writer.close()


@pytest.mark.gen_test
async def test_d8_frames_in_one_byte_pieces_are_taken(serve: Any, connect: Any, make_config: Any, caplog: Any) -> None:
    server = await serve(make_config())
    async with beside_a_witness(server, connect, caplog):
        reader, writer = await raw(server)
        writer.transport.get_extra_info("socket").setsockopt(6, 1, 1)
        data = frame(1, b"4", first=0) + frame(9, b"hi") + frame(0, b"0") + frame(1, b'420["auth",{"app_id":2}]')
        for byte in data:
            writer.write(bytes([byte]))
            await writer.drain()
        await asyncio.wait_for(reader.readuntil(b"430[null"), PATIENCE)
        writer.close()


@pytest.mark.gen_test
@pytest.mark.parametrize("count", [17, 60])
async def test_d9_many_packets_in_one_post_are_all_handled(
    serve: Any, connect: Any, make_config: Any, poller: Any, caplog: Any, count: int
) -> None:
    server = await serve(make_config())
    async with beside_a_witness(server, connect, caplog):
        polling = await poller(server)
        assert await polling.post("40", *(f'42{number}["nothing"]' for number in range(count))) == 200
        heard: list[str] = []
        async with asyncio.timeout(PATIENCE):
            while sum(packet.startswith("43") for packet in heard) < count:
                heard += await polling.poll()
        acks = [packet for packet in heard if packet.startswith("43")]
        assert acks == [f'43{number}["CLIENT_ERROR"]' for number in range(count)]


@pytest.mark.gen_test
@pytest.mark.parametrize(
    "sent", [[], ["40"], ["40", '421["auth",{}]'], ["40", '421["auth",{"app_id":404}]'], ["40", "41"]]
)
async def test_d10_who_never_joins_is_closed(
    serve: Any, connect: Any, make_config: Any, poller: Any, caplog: Any, sent: list[str]
) -> None:
    server = await serve(make_config(server=QUICK))
    async with beside_a_witness(server, connect, caplog):
        client = await Client.connect(server.port, join=False)
        for packet in sent:
            client.send(packet)
        await asyncio.wait_for(client.closed.wait(), PATIENCE)
        await counted(server, handshake_timeout=1)
        await poller(server)
        await counted(server, handshake_timeout=2)


@pytest.mark.gen_test
@pytest.mark.parametrize("says", [None, "2probe", "5", "40", "2probe2probe"])
async def test_d11_an_upgrade_that_is_not_carried_out_is_closed(
    serve: Any, connect: Any, make_config: Any, poller: Any, caplog: Any, says: str | None
) -> None:
    server = await serve(make_config(server=QUICK.replace("0.5", "1.0")))
    async with beside_a_witness(server, connect, caplog):
        polling = await poller(server)
        assert await polling.post("40", '420["auth",{"app_id":2}]') == 200
        socket = await polling.websocket()
        if says:
            await socket.write_message(says)
        while await read(socket) is not None:
            pass
        heard = ""
        async with asyncio.timeout(PATIENCE):
            while "430[null" not in heard:
                heard += "".join(await polling.poll())
        assert (await server.health()).closes == {}
        assert len(server._gateway._engine.wheel) == 2 + 1  # two sessions, and the watch over the slow ones


@pytest.mark.gen_test
async def test_d11_a_session_may_try_few_upgrades_and_one_at_a_time(
    serve: Any, connect: Any, make_config: Any, poller: Any, caplog: Any
) -> None:
    server = await serve(make_config())
    async with beside_a_witness(server, connect, caplog):
        polling = await poller(server)
        for _ in range(4):
            socket = await polling.websocket()
            with pytest.raises(HTTPClientError, match="400"):
                await polling.websocket()
            await socket.write_message("nonsense")
            assert await read(socket) is None
        with pytest.raises(HTTPClientError, match="400"):
            await polling.websocket()
        assert refusals(server) == {"PROBING": 5}


@pytest.mark.gen_test
async def test_d12_connections_are_counted_by_real_addresses(
    serve: Any, connect: Any, make_config: Any, caplog: Any
) -> None:
    proxied = 'trusted_proxies = ["127.0.0.1"]\n[limits]\nconnections_per_address = 2'
    server = await serve(make_config(server=proxied))
    async with beside_a_witness(server, connect, caplog):
        for address in ("1.2.3.4", "1.2.3.5", "2001:db8::1", "2001:db8:0:1::1"):
            for hops in (address, f"6.6.6.6, {address}"):
                await connect(server, headers={"X-Forwarded-For": hops})
            with pytest.raises(HTTPClientError, match="429"):
                await connect(server, headers={"X-Forwarded-For": f"9.9.9.9, {address}"})
        with pytest.raises(HTTPClientError, match="429"):
            await connect(server, headers={"X-Forwarded-For": "2001:db8::ffff"})  # of the same /64
        assert refusals(server) == {"ADDRESS": 5}


@pytest.mark.gen_test
async def test_d12_a_stranger_can_not_choose_an_address(serve: Any, connect: Any, make_config: Any) -> None:
    server = await serve(make_config(server="[limits]\nconnections_per_address = 2"))
    clients = [await connect(server, headers={"X-Forwarded-For": f"1.1.1.{number}"}) for number in range(2)]
    with pytest.raises(HTTPClientError, match="429"):
        await connect(server, headers={"X-Forwarded-For": "1.1.1.9"})
    await clients[0].close()
    await counted(server, transport_close=1)
    await connect(server, headers={"X-Forwarded-For": "1.1.1.9"})


@pytest.mark.gen_test
async def test_d12_a_full_server_says_so(serve: Any, connect: Any, make_config: Any, caplog: Any) -> None:
    server = await serve(make_config(server="[limits]\nconnections = 1"))
    async with beside_a_witness(server, connect, caplog):
        answer = await EngineClient(server.port, 4, "socket.io").fetch()
        assert (answer.code, answer.headers["Retry-After"]) == (503, "5")


@pytest.mark.gen_test
async def test_d13_no_compression_is_agreed_on(serve: Any, make_config: Any) -> None:
    server = await serve(make_config())
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    offer = "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n\r\n"
    writer.write((HANDSHAKE.format("EIO=4&transport=websocket")[:-2] + offer).encode())
    answer = await reader.readuntil(b"\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 101")
    assert b"Extensions" not in answer
    writer.close()


@pytest.mark.gen_test
async def test_d14_many_who_drop_at_once_are_let_go_some_at_a_time(
    serve: Any, connect: Any, make_config: Any, caplog: Any
) -> None:
    server = await serve(make_config(server="[limits]\nconnections_per_address = 1000"))
    async with beside_a_witness(server, connect, caplog):
        crowd = [await Client.connect(server.port, join=True) for _ in range(300)]
        engine = server._gateway._engine
        at_once: list[int] = []
        spawn = engine.spawn

        def count(work: Any) -> Any:
            if work.__name__ == "_end":
                at_once[-1] += 1
            else:
                at_once.append(0)
            return spawn(work)

        engine.spawn = count
        loop = asyncio.get_running_loop()
        turn = loop.call_soon

        def new_turn() -> None:
            at_once.append(0)
            if len(engine.sessions) > 1 or engine._dead:
                turn(new_turn)

        turn(new_turn)
        for session in list(engine.sessions.values())[1:]:
            session.close(session._engine.reason.SERVER)
        await counted(server, server_disconnect=300)
        assert sum(at_once) == 300
        assert max(at_once) <= 50
        manager = server._gateway._server.manager
        assert [len(group) for group in manager._groups.values()] == [1, 1]
        for client in crowd:
            await client.close()


@pytest.mark.gen_test
async def test_other_inputs_of_the_family_are_refused(
    serve: Any, connect: Any, make_config: Any, poller: Any, caplog: Any
) -> None:
    server = await serve(make_config())
    async with beside_a_witness(server, connect, caplog):
        for headers, body in (
            ({"Content-Type": "application/octet-stream"}, b"\x00\x04\xff4abc"),
            ({"Content-Type": "application/x-www-form-urlencoded"}, b"&".join(b"d=40" for _ in range(1000))),
            ({"Content-Encoding": "gzip"}, base64.b64decode("H4sIAAAAAAAAAzMxAABE9A8OAgAAAA==")),
            ({}, b"\xff\xfe"),
        ):
            polling = await poller(server)
            assert (await polling.fetch(method="POST", headers=headers, body=body)).code == 400
        for name in ('{"a":1}', "7.5", "null", "[]"):
            eve = await connect(server)
            eve.send(f"42[{name}]")
            await asyncio.wait_for(eve.closed.wait(), PATIENCE)
        eve = await connect(server)
        eve.send("42" + "9" * 101 + json.dumps(["nothing"]))
        await asyncio.wait_for(eve.closed.wait(), PATIENCE)
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.write(b"GET /socket.io/?EIO=4&tran")
        writer.transport.abort()
        assert await reader.read() == b""
