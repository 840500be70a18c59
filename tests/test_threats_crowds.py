"""THREATS: exhaustion. One address asks for thousands of things at once: it is stopped at a bound, others talk on.

How long others wait meanwhile is measured by scripts/bench. Here a witness goes on talking, and hears it all in order.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from tests.client import Client
from tests.engine_client import PATIENCE
from tests.hostile import HANDSHAKE, beside_a_witness, counted, frame, raw, refusals
from tests.test_gateway_hostile import kept
from tornado_chat.config import load_config
from tornado_chat.http_server import REFUSAL

MANY = 1500
AT_ONCE = 50
PROXIED = 'trusted_proxies = ["127.0.0.1"]\n'
DEMO = "[identity.demo]\n"


@asynccontextmanager
async def talking(talker: Client, witness: Client) -> AsyncIterator[None]:
    """Somebody says one thing after another meanwhile; each is acked, and the witness hears all in their order."""
    over = asyncio.Event()

    async def talk() -> list[str]:
        said: list[str] = []
        while not over.is_set() or len(said) < 3:
            said.append(f"meanwhile {len(said)}")
            assert await talker.say(said[-1]) is None
        return said

    talk_on = asyncio.ensure_future(talk())
    try:
        yield
    finally:
        over.set()
        said = await asyncio.wait_for(talk_on, PATIENCE)
    await witness.settle()
    assert said_by(witness, talker.data["user"]["uname"]) == said


def said_by(witness: Client, uname: str) -> list[str]:
    """What the witness has heard of somebody, in order."""
    heard = [event[1] for event in witness.heard if event[0] == "new_message"]
    return [message["text"] for message in heard if message["user"]["uname"] == uname]


def generous(limits: str = "", server: str = "") -> str:
    """Tables of server.toml under which the witness may say as much as it likes."""
    return f"{server}[limits]\nevent_rate = 100000.0\nevent_burst = 100000\n{limits}"


async def ask(port: int, request: bytes) -> tuple[bytes, asyncio.StreamWriter]:
    """Send a request; return the status of its answer, and the connection."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(request)
    line = await asyncio.wait_for(reader.readline(), PATIENCE)
    return b"".join(line.split()[1:2]), writer


@pytest.mark.gen_test(timeout=90)
@pytest.mark.parametrize("transport", ["websocket", "polling"])
@pytest.mark.parametrize("address", ["6.6.6.6", "2001:db8::%x"], ids=["IPv4", "IPv6"])
async def test_thousands_of_connections_from_one_address(
    serve: Any, connect: Any, make_config: Any, caplog: Any, transport: str, address: str
) -> None:
    server = await serve(make_config(server=generous(server=PROXIED)))  # 200 of an address, as it comes
    eve = await connect(server, token="token-eve")
    async with beside_a_witness(server, connect, caplog) as witness, talking(eve, witness):
        answers: Counter[bytes] = Counter()
        held: list[asyncio.StreamWriter] = []
        for start in range(0, MANY, AT_ONCE):
            requests = []
            for number in range(start, start + AT_ONCE):
                origin = f"X-Forwarded-For: {address % number if '%' in address else address}\r\n"
                request = HANDSHAKE.format("EIO=4&transport=websocket")
                if transport == "polling":
                    request = "GET /socket.io/?EIO=4&transport=polling HTTP/1.1\r\nHost: x\r\n\r\n"
                requests.append(ask(server.port, request.replace("Host: x\r\n", f"Host: x\r\n{origin}").encode()))
            for status, writer in await asyncio.gather(*requests):
                answers[status] += 1
                if status == b"101":
                    held.append(writer)
                else:
                    writer.close()
        assert answers == {b"101" if transport == "websocket" else b"200": 200, b"429": MANY - 200}
        assert refusals(server) == {"ADDRESS": MANY - 200}
        assert len(server._gateway._engine.sessions) == 202
        newcomer = await connect(server, token="token-bob", headers={"X-Forwarded-For": "7.7.7.7"})
        assert await newcomer.say("there is room for me") is None
        for writer in held:
            writer.close()


@pytest.mark.gen_test(timeout=90)
async def test_thousands_of_slow_headers(
    serve: Any, connect: Any, make_config: Any, caplog: Any, monkeypatch: Any
) -> None:
    monkeypatch.setattr("tornado_chat.server.IDLE", 1.0)
    server = await serve(make_config(server=generous("connections_per_address = 50\n")))
    eve = await connect(server, token="token-eve")
    async with beside_a_witness(server, connect, caplog) as witness:
        slow: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = []
        for _ in range(0, MANY, AT_ONCE):
            slow += await asyncio.gather(*(asyncio.open_connection("127.0.0.1", server.port) for _ in range(AT_ONCE)))
        ends = [asyncio.ensure_future(reader.read()) for reader, _ in slow]
        for _, writer in slow:
            writer.write(b"GET /socket.io/?EIO=4&transport=polling HTTP/1.1\r\nX: ")
        said: list[str] = []
        while not all(end.done() for end in ends):
            said.append(f"meanwhile {len(said)}")
            assert await eve.say(said[-1]) is None
            assert server._http_connections.used <= 100  # two for each that may be kept
            for end, (_, writer) in zip(ends, slow, strict=True):
                if not end.done():
                    writer.write(b"x")
        assert said_by(witness, "eve") == said
        came = Counter(b"" if end.exception() else end.result() for end in ends)
        assert set(came) <= {REFUSAL, b""}
        assert server._http_connections.refused >= came[REFUSAL] > 0
        newcomer = await connect(server, token="token-bob")
        assert await newcomer.say("there is room for me") is None
        for _, writer in slow:
            writer.close()


@pytest.mark.gen_test(timeout=60)
@pytest.mark.parametrize(
    "packet", ["40/n{},", '42/n{},["auth",{{"app_id":2}}]', "41/n{},", '42/n{},1["new_message","x"]']
)
async def test_thousands_of_namespaces(serve: Any, connect: Any, make_config: Any, caplog: Any, packet: str) -> None:
    server = await serve(make_config(server=generous()))
    async with beside_a_witness(server, connect, caplog) as witness:
        eve = await connect(server, token="token-eve")
        before = kept(server)
        async with talking(eve, witness):
            crowd = await Client.connect(server.port)
            for number in range(2 * MANY):
                crowd.send(packet.format(number))
            await crowd.settle()
            manager = server._gateway._server.manager
            assert set(manager._members) == {"/"}
            assert set(manager._by_session) == {"/"}
            assert len(manager._groups) == len(before) - 4
            assert len(server._gateway._connections) == 3
            assert crowd.heard == []
            await crowd.close()
        await counted(server, transport_close=1)
        assert kept(server) == before


@pytest.mark.gen_test(timeout=60)
async def test_thousands_of_namespaces_at_the_rate_that_is_set_are_cut(
    serve: Any, connect: Any, make_config: Any, caplog: Any
) -> None:
    server = await serve(make_config())
    async with beside_a_witness(server, connect, caplog):
        reader, writer = await raw(server)
        writer.write(b"".join(frame(1, f"40/n{number},".encode()) for number in range(2 * MANY)))
        await asyncio.wait_for(reader.read(), PATIENCE)
        assert reader.at_eof()
        await counted(server, rate_limit=1)
        writer.close()


@pytest.mark.gen_test(timeout=60)
@pytest.mark.parametrize("identity", [None, DEMO], ids=["moneypot", "demo"])
async def test_thousands_of_apps(
    serve: Any, connect: Any, make_config: Any, caplog: Any, monkeypatch: Any, api: Any, identity: str | None
) -> None:
    monkeypatch.setattr("tornado_chat.identity_moneypot.CACHE_SIZE", 100)
    config = make_config(identity=identity, app='identity = "demo"' if identity else "", server=generous())
    default = config.directory / "apps" / "default.toml"
    default.write_text('identity = "demo"\n' if identity else "")
    server = await serve(load_config(config.directory))
    prefix = "" if identity else "token-"
    eve, witness = await connect(server, token=f"{prefix}eve"), await connect(server, token=f"{prefix}alice")
    crowd = await connect(server)
    async with talking(eve, witness):
        for app_id in range(101 if identity else 4, MANY):
            crowd.send(f'421["auth",{{"app_id":{app_id}}}]')
            assert (await crowd.next("client_error")).startswith("no app found")
    if identity is None:
        moneypot = server._identities["moneypot"]
        assert (len(moneypot._apps._answers), len(moneypot._apps._old)) == (100, 100)
        assert max(api.calls.values()) == 1
        assert sum("answers app" in record.getMessage() for record in caplog.records) == 100
    assert [chat.app_id for chat in server._registry.chats] == [2, 3]
    assert list(server._registry._chats) == [2, 3]
