"""The official socket.io-client on Node, versions 1 to 4: the seed's example word for word, and a conversation.

The chatbox's own client goes through the same.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
from pathlib import Path
from typing import Any
from unittest.mock import ANY

import pytest

from tornado_chat.web.client import CLIENT, STATIC

NODE = Path(__file__).parent / "node"


async def run_node(node: str, *arguments: str) -> str:
    """Run a script of tests/node to its end; return what it printed."""
    process = await asyncio.create_subprocess_exec(
        node, *arguments, cwd=NODE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    try:
        output, errors = await asyncio.wait_for(process.communicate(), 40)
    except TimeoutError:
        process.kill()
        raise
    assert process.returncode == 0, errors.decode()
    return output.decode()


CLIENTS = [
    (version, transports)
    for transports in ("polling,websocket", "websocket", "polling")
    for version in ("1", "2", "3", "4", "box")
    if version != "box" or "," not in transports  # it changes the transport only with the connection
]

every_client = pytest.mark.parametrize(("version", "transports"), CLIENTS, indirect=["version"])


@pytest.fixture
def version(request: pytest.FixtureRequest) -> str:
    """What the scripts of tests/node load: a major version, or the path of the chatbox's client."""
    return str(request.getfixturevalue("box_client") if request.param == "box" else request.param)


@pytest.mark.gen_test(timeout=60)
@every_client
async def test_the_seeds_full_example_works_with_another_url_and_nothing_else(
    node: str, serve: Any, make_config: Any, version: str, transports: str
) -> None:
    server = await serve(make_config())
    printed = await run_node(node, "seed_example.mjs", f"http://127.0.0.1:{server.port}", version, transports)
    lines = [json.loads(line) for line in printed.splitlines()]
    assert [line[0] for line in lines] == [
        "[socket] Connected",
        "[socket] Auth success:",
        "[socket] Successfully sent message to server",
        "[socket] Received chat message:",
        "[socket] err when sending message:",
        "[socket] Disconnected",
    ]
    donald = {"id": 69, "uname": "donald", "role": "admin"}
    room = {"users": {"donald": donald}, "history": [], "muteList": {}, "modes": {}}
    assert lines[1][1] == {"user": donald, "room": room, "now": ANY}
    assert lines[3][1] == {"id": 1, "at": ANY, "user": {"uname": "donald", "role": "admin"}, "text": "Hello, world!"}
    assert lines[4][1:] == [None]


@pytest.mark.gen_test(timeout=60)
@every_client
async def test_a_conversation_with_mute_unmute_reconnect_and_heartbeats(
    node: str, serve: Any, make_config: Any, version: str, transports: str
) -> None:
    server = await serve(make_config(server="heartbeat = 0.5"))
    url = f"http://127.0.0.1:{server.port}"
    assert "as it should" in await run_node(node, "conversation.mjs", url, version, transports)
    # A client that closes its session may have a poll on the way, which then finds none.
    assert (await server.health()).refusals.keys() <= {"session"}


@pytest.mark.gen_test(timeout=60)
@every_client
async def test_sending_again_and_coming_back(
    node: str, serve: Any, make_config: Any, version: str, transports: str
) -> None:
    server = await serve(make_config())
    url = f"http://127.0.0.1:{server.port}"
    assert "as it should" in await run_node(node, "resume.mjs", url, version, transports)


def test_the_client_that_the_server_serves_is_npms_own(node: str) -> None:
    ours = (STATIC / "socket.io" / CLIENT).read_bytes()
    assert ours == (NODE / "node_modules" / "socket.io-client" / "dist" / CLIENT).read_bytes()
