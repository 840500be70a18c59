"""What the server answers to plain HTTP."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from tornado.httpclient import AsyncHTTPClient, HTTPResponse


async def get(server: Any, path: str, **options: Any) -> HTTPResponse:
    return await AsyncHTTPClient().fetch(f"http://127.0.0.1:{server.port}{path}", raise_error=False, **options)


@pytest.mark.gen_test
@pytest.mark.parametrize("name", ["socket.io.js", "socket.io.min.js"])
async def test_the_client_is_where_sites_load_it_from(serve: Any, make_config: Any, name: str) -> None:
    answer = await get(await serve(make_config()), f"/socket.io/{name}", headers={"Origin": "https://any.example"})
    assert answer.code == 200
    assert b"Socket.IO v4" in answer.body[:100]
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    assert "javascript" in answer.headers["Content-Type"]


@pytest.mark.gen_test
async def test_the_demo_page_has_a_strict_policy_and_is_there_in_a_demo_alone(serve: Any, make_config: Any) -> None:
    plain = await serve(make_config())
    demo = await serve(make_config(), demo=True)
    for path in ("/", "/demo.js", "/demo.css"):
        assert (await get(plain, path)).code == 404
        answer = await get(demo, path)
        assert answer.code == 200
        assert "default-src 'none'; script-src 'self'" in answer.headers["Content-Security-Policy"]
        assert "unsafe" not in answer.headers["Content-Security-Policy"]
    for path in ("/demo.html", "/../demo.py", "/%2e%2e/demo.py", "/socket.io/../web/demo.py"):
        assert (await get(demo, path)).code in {400, 404}


@pytest.mark.gen_test
async def test_a_body_that_is_too_long_is_refused_and_nothing_of_it_is_taken(serve: Any, make_config: Any) -> None:
    server = await serve(make_config())
    session = "/socket.io/?EIO=4&transport=polling&sid="
    session += json.loads((await get(server, "/socket.io/?EIO=4&transport=polling")).body[1:])["sid"]
    packet = b'42["' + b"x" * 60_000 + b'"]'
    for body, code in ((b"40", 200), (packet, 200), (packet + b"\x1e" + packet, 413)):
        assert (await get(server, session, method="POST", body=body)).code == code
    assert (await get(server, session)).body.count(b"unknown event") == 1


@pytest.mark.gen_test
@pytest.mark.parametrize("size", ["1000000", "abc", "-1", "1e3", "²"])
async def test_no_address_takes_a_huge_body_or_a_length_that_is_none(serve: Any, make_config: Any, size: str) -> None:
    server = await serve(make_config())
    for path in ("/healthz", "/socket.io/?EIO=4&transport=polling", "/socket.io/socket.io.js"):
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.write(f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Length: {size}\r\n\r\n".encode() + b"x" * 1000)
        answer = await asyncio.wait_for(reader.readline(), 10)
        assert answer.split()[1][:1] == b"4"
        assert await asyncio.wait_for(reader.read(), 10) is not None
        writer.close()
