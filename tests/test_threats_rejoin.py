"""Row D10 and foreign pages, where a client leaves the namespace and comes back on the same connection."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Any

import pytest
from tornado.websocket import WebSocketClosedError

from tests.client import Client
from tests.engine_client import PATIENCE
from tests.hostile import beside_a_witness, counted


@pytest.mark.gen_test
@pytest.mark.parametrize("then", [["41", "40"], ["40"], ["41", "40", '42["auth",{}]']])
async def test_d10_who_comes_and_goes_without_joining_is_closed(
    serve: Any, connect: Any, make_config: Any, caplog: Any, then: list[str]
) -> None:
    server = await serve(
        make_config(server="[limits]\nhandshake = 0.5\nevent_rate = 1000000.0\nevent_burst = 1000000\n")
    )
    async with beside_a_witness(server, connect, caplog) as witness:
        client = await Client.connect(server.port)
        async with asyncio.timeout(PATIENCE):
            while not client.closed.is_set():
                with suppress(WebSocketClosedError):  # it may be closed between two packets
                    for packet in then:
                        client.send(packet)
                await witness.settle()
        await counted(server, handshake_timeout=1)


@pytest.mark.gen_test
async def test_d10_who_left_may_come_back_in_time(serve: Any, connect: Any, make_config: Any, caplog: Any) -> None:
    server = await serve(make_config())
    async with beside_a_witness(server, connect, caplog) as witness:
        eve = await connect(server, token="token-eve")
        for _ in range(3):
            eve.send("41")
            assert (await witness.next("user_left"))["uname"] == "eve"
            eve.send("40")
            assert (await eve.auth(token="token-eve"))[0] is None
            assert (await witness.next("user_joined"))["uname"] == "eve"


@pytest.mark.gen_test
async def test_origins_bind_one_who_leaves_and_comes_back(serve: Any, connect: Any, make_config: Any) -> None:
    make_config(app='origins = ["https://good.example"]')
    server = await serve(make_config(app='origins = ["https://other.example"]', apps=(3,)))
    client = await connect(server, headers={"Origin": "https://good.example"})
    for _ in range(2):
        client.send('421["auth",{"app_id":3}]')
        assert "does not allow this page's origin" in await client.next("client_error")
        client.send("41")
        client.send("40")
