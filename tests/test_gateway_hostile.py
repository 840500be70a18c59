"""The wire, when it is ill used: what is no packet, foreign pages, sockets that go at the wrong moment."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from tornado.httpclient import AsyncHTTPClient, HTTPClientError
from tornado.websocket import websocket_connect

from tests.client import Client


def kept(server: Any) -> list[int]:
    """How many of each kind of thing that a connection needs there are: sessions, members, members of each group..."""
    sio = server._gateway._server
    manager, engine = sio.manager, sio.engine
    members, by_session = manager._members["/"], manager._by_session["/"]
    groups = [len(group) for group in manager._groups.values()]
    return [len(engine.sessions), len(sio.environ), len(members), len(by_session), *groups]


@pytest.mark.gen_test
@pytest.mark.parametrize(
    "frame",
    [
        b"binary",
        "4",
        "4abc",
        "42",
        "42{}",
        "42[]",
        "42null",
        '42["new_message",NaN]',
        '42["new_message",1e999,"\\ud800"]',
        '42["new_message",NaN,"\\ud800"]',
        '42[{"a":1}]',
        "42" + "[" * 60_000,
        '42²["x"]',
        '451-["x",{"_placeholder":true,"num":0}]',
        '4599-["x"]',
        "461-[]",
        "43",
        "431",
        '44{"message":"x"}',
        "49",
    ],
)
async def test_what_is_no_packet_closes_its_socket_and_disturbs_nobody(
    serve: Any, connect: Any, make_config: Any, frame: str | bytes, caplog: pytest.LogCaptureFixture
) -> None:
    server = await serve(make_config())
    attacker = await connect(server, token="token-eve")
    witness = await connect(server, token="token-alice")
    attacker.send(frame)
    assert (await witness.next("user_left"))["uname"] == "eve"
    await asyncio.wait_for(attacker.closed.wait(), 10)
    assert await witness.say("still here") is None
    assert [record for record in caplog.records if record.exc_info] == []


@pytest.mark.gen_test
async def test_a_page_of_an_origin_that_no_app_names_is_refused_before_the_upgrade(
    serve: Any, make_config: Any
) -> None:
    server = await serve(make_config(app='origins = ["https://good.example"]'))
    for origin in ("https://evil.example", "https://good.example.evil", "null", "http://good.example", "x://["):
        with pytest.raises(HTTPClientError, match="403"):
            await Client.connect(server.port, headers={"Origin": origin, "X-Forwarded-Host": "evil.example"})
        answer = await AsyncHTTPClient().fetch(
            f"http://127.0.0.1:{server.port}/socket.io/?EIO=4&transport=polling",
            headers={"Origin": origin},
            raise_error=False,
        )
        assert answer.code == 403


@pytest.mark.gen_test
async def test_origins_are_each_apps_own(serve: Any, connect: Any, make_config: Any, tmp_path: Any) -> None:
    make_config(app='origins = ["https://good.example"]')
    config = make_config(app='origins = ["https://other.example"]', apps=(3,))
    server = await serve(config)
    client = await connect(server, headers={"Origin": "https://good.example"})
    client.send('421["auth",{"app_id":3}]')
    expected = "the app you sent to `auth` event does not allow this page's origin"
    assert await client.next("client_error") == expected
    assert (await client.auth(2))[0] is None


@pytest.mark.gen_test
async def test_a_page_of_the_servers_own_may_use_every_app(serve: Any, connect: Any, make_config: Any) -> None:
    server = await serve(make_config())
    client = await connect(server, headers={"Origin": f"http://127.0.0.1:{server.port}"})
    assert (await client.auth())[0] is None


@pytest.mark.gen_test
async def test_nothing_is_compressed_once_for_each_client(serve: Any, make_config: Any) -> None:
    server = await serve(make_config())
    client = await Client.connect(server.port, headers={"Sec-WebSocket-Extensions": "permessage-deflate"})
    assert "Sec-Websocket-Extensions" not in client._socket.headers
    await client.close()


@pytest.mark.gen_test
async def test_nothing_is_kept_of_a_socket_that_left(serve: Any, connect: Any, make_config: Any) -> None:
    server = await serve(make_config())
    witness = await connect(server, token="token-alice")
    for _ in range(3):
        client = await connect(server, token="token-eve")
        await client.close()
        await witness.next("user_left")
    assert (await server.health()).connections == 1
    assert kept(server) == [1] * 6


@pytest.mark.gen_test
async def test_what_comes_behind_a_packet_that_closes_is_ignored(
    serve: Any, connect: Any, make_config: Any, caplog: pytest.LogCaptureFixture
) -> None:
    server = await serve(make_config())
    witness = await connect(server, token="token-alice")
    for _ in range(3):
        client = await connect(server, join=False)
        client.send("4x")
        client.send("40")
        client.send('421["auth",{"app_id":2}]')
        await asyncio.wait_for(client.closed.wait(), 10)
    await witness.settle()
    assert (await server.health()).connections == 1
    assert kept(server) == [1] * 6
    assert [record for record in caplog.records if record.exc_info] == []


@pytest.mark.gen_test
async def test_one_who_leaves_with_a_packet_hears_nothing_more(serve: Any, connect: Any, make_config: Any) -> None:
    server = await serve(make_config())
    alice = await connect(server, token="token-alice")
    eve = await connect(server, token="token-eve")
    eve.send("41")
    await alice.next("user_left")
    await alice.say("is she gone?")
    eve.send("40")
    await alice.settle()
    assert eve.heard == []


@pytest.mark.gen_test
async def test_one_who_left_with_a_packet_is_closed_if_it_stays(serve: Any, connect: Any, make_config: Any) -> None:
    server = await serve(make_config(server="[limits]\nhandshake = 0.5"))
    eve = await connect(server, token="token-eve")
    eve.send("41")
    await asyncio.wait_for(eve.closed.wait(), 10)
    assert (await server.health()).closes == {"handshake timeout": 1}


@pytest.mark.gen_test
async def test_the_libraries_write_nothing_of_a_client_past_our_log(
    serve: Any, make_config: Any, capfd: pytest.CaptureFixture[str]
) -> None:
    server = await serve(make_config())
    url = f"http://127.0.0.1:{server.port}/socket.io/?EIO=4&transport=polling&sid=x%0aforged%1b[31m"
    assert (await AsyncHTTPClient().fetch(url, raise_error=False)).code == 400
    assert "forged" not in capfd.readouterr().err


@pytest.mark.gen_test
async def test_an_upgrade_that_comes_to_nothing_leaves_polling_as_it_is(serve: Any, make_config: Any) -> None:
    server = await serve(make_config())
    http, path = AsyncHTTPClient(), f"127.0.0.1:{server.port}/socket.io/?EIO=4"
    url = f"http://{path}&transport=polling"
    session = json.loads((await http.fetch(url)).body[1:])["sid"]
    url += f"&sid={session}"
    await http.fetch(url, method="POST", body="40")
    assert (await http.fetch(url)).body.startswith(b"40")
    probe = await websocket_connect(f"ws://{path}&transport=websocket&sid={session}")
    probe.close()
    assert await probe.read_message() is None
    await http.fetch(url, method="POST", body='421["auth",{"app_id":2,"hashed_token":"token-alice"}]')
    answer = b"6"  # what the upgrade left behind
    while answer == b"6":
        answer = (await http.fetch(url, request_timeout=10)).body
    assert answer.startswith(b'431[null,{"room":')
