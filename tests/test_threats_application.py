"""What attackers of a chat try, each beside a healthy witness who notices nothing.

| threat | where its tests are |
|---|---|
| cross-site WebSocket hijacking | here; test_origins.py; at `auth`: test_gateway_hostile.py |
| leaks | here; test_threats_leaks.py, test_identity_moneypot.py, test_http_client.py, test_logs.py |
| XSS in the chatbox | test_box_hostile.py, in a real browser |
| impersonation | here; test_plugin_nickguard.py, test_models.py, test_sanctions.py, test_box_hostile.py |
| exhaustion | test_threats_crowds.py; test_bounds.py, test_threats_http.py, test_threats_sessions.py (D12) |
| ReDoS | test_threats_redos.py; test_plugin_wordlist.py, test_loop_watch.py |
| injection | here |
| reserved names | test_original_bugs.py; test_box_hostile.py |
| log injection | here; test_threats_leaks.py, test_logs.py |
| privilege | here; test_threats_privilege.py, test_privileges.py, test_rechecks.py; audited: test_audit.py |
| SSRF | test_threats_ssrf.py, test_http_client.py |
| plugins that misbehave | test_hostile_plugins.py |

Not tried here: how much longer others wait meanwhile, which scripts/bench/crowds.py measures.
"""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from fake_moneypot import SECRET
from tornado.httpclient import AsyncHTTPClient

from tests.client import Client
from tests.hostile import HANDSHAKE, beside_a_witness
from tornado_chat.models import fold, is_uname


@pytest.mark.gen_test
@pytest.mark.parametrize(
    "headers",
    [
        "Origin: https://evil\r\n",
        "Origin: null\r\n",
        "Origin: https://good.example.evil\r\n",
        "Origin: https://good.example@evil\r\n",
        "Origin: https://evil/https://good.example\r\n",
        "Origin: https://evil\r\nX-Forwarded-Host: evil\r\n",
        "Origin: https://evil\r\nForwarded: host=evil\r\n",
        "Origin: https://evil\r\nX-Forwarded-Host: good.example\r\n",
        "Origin: https://evil\r\nX-Forwarded-Host: good.example\r\nX-Forwarded-For: 127.0.0.1\r\n",
        "Origin: https://evil\r\nX-Forwarded-Host: evil, good.example\r\nX-Forwarded-Proto: https\r\n",
        "Origin: https://evil\r\nForwarded: host=good.example;proto=https\r\n",
        "Origin: https://evil\r\nX-Host: evil\r\nX-Original-Host: evil\r\nX-Forwarded-Server: evil\r\n",
        "Origin: https://evil\r\nX-Original-URL: https://good.example/\r\nReferer: https://good.example/\r\n",
        "Origin: https://evil\r\nOrigin: https://good.example\r\n",
        "Origin: https://good.example\r\nOrigin: https://evil\r\n",
        "Origin: http://good.example\r\n",
        "Origin: https://GOOD.example.evil\r\n",
        "Origin: \r\n",
        "Origin: x://[\r\n",
    ],
)
@pytest.mark.parametrize("proxies", ["[]", '["127.0.0.1"]'], ids=["alone", "behind-a-proxy"])
@pytest.mark.parametrize("transport", ["websocket", "polling"])
async def test_cross_site_websocket_hijacking(
    serve: Any, connect: Any, make_config: Any, caplog: Any, headers: str, transport: str, proxies: str
) -> None:
    server = await serve(
        make_config(app='origins = ["https://good.example"]', server=f"trusted_proxies = {proxies}", apps=(2, 3))
    )
    async with beside_a_witness(server, connect, caplog):
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        request = HANDSHAKE.format("EIO=4&transport=websocket")
        if transport == "polling":
            request = "GET /socket.io/?EIO=4&transport=polling HTTP/1.1\r\nHost: x\r\n\r\n"
        writer.write(request.replace("Host: x\r\n", f"Host: x\r\n{headers}").encode())
        assert (await asyncio.wait_for(reader.readline(), 10)).startswith(b"HTTP/1.1 403 ")
        writer.close()
        await writer.wait_closed()
        good = await Client.connect(server.port, headers={"Origin": "https://good.example"})
        assert (await good.auth())[0] is None
        await good.close()


@pytest.mark.gen_test
@pytest.mark.parametrize(
    ("hosts", "origin"),
    [
        (["good.example"], "https://evil"),
        (["https://evil"], "https://evil"),
        (["evil:443"], "https://evil"),
        (["evil."], "https://evil"),
        (["evil@x"], "https://evil"),
        (["evil/"], "https://evil"),
        (["evil evil"], "https://evil"),
        (["x", "evil"], "https://evil"),
        (["evil", "x"], "https://evil"),
        (["evil, x"], "https://evil"),
        ([""], ""),
        ([""], "https://"),
        (["null"], "null"),
        (["null"], "://null"),
    ],
)
@pytest.mark.parametrize("transport", ["websocket", "polling"])
async def test_cross_site_websocket_hijacking_with_a_forged_host(
    serve: Any, connect: Any, make_config: Any, caplog: Any, hosts: list[str], origin: str, transport: str
) -> None:
    """A page of the server's own host may connect; nothing else passes for one."""
    server = await serve(make_config(app='origins = ["https://good.example"]'))
    async with beside_a_witness(server, connect, caplog):
        request = HANDSHAKE.format("EIO=4&transport=websocket")
        if transport == "polling":
            request = "GET /socket.io/?EIO=4&transport=polling HTTP/1.1\r\nHost: x\r\n\r\n"
        lines = "".join(f"Host: {host}\r\n" for host in hosts) + f"Origin: {origin}\r\n"
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.write(request.replace("Host: x\r\n", lines).encode())
        assert (await asyncio.wait_for(reader.readline(), 10)).split()[1:2] in ([b"403"], [b"400"], [])
        assert len(server._gateway._engine.sessions) == 1
        writer.close()


@pytest.mark.gen_test
@pytest.mark.parametrize("origin", ["https://evil", "null", "http://localhost:1"])
async def test_cross_site_websocket_hijacking_where_the_operator_lets_every_page_in(
    serve: Any, connect: Any, make_config: Any, caplog: Any, origin: str
) -> None:
    """No cookie says who one is, so a page has no more than what it brings; in another app it isn't let in."""
    make_config(app='origins = ["*"]')
    server = await serve(make_config(app='origins = ["https://good.example"]', apps=(3,)))
    async with beside_a_witness(server, connect, caplog):
        url = f"http://127.0.0.1:{server.port}/socket.io/?EIO=4&transport=polling"
        answer = await AsyncHTTPClient().fetch(url, headers={"Origin": origin, "Cookie": "token=token-carol"})
        assert answer.headers["Access-Control-Allow-Origin"] == origin
        assert "Set-Cookie" not in answer.headers
        page = await Client.connect(server.port, headers={"Origin": origin, "Cookie": "token=token-carol"})
        page.send('421["auth",{"app_id":3}]')
        assert "does not allow this page's origin" in await page.next("client_error")
        assert (await page.auth())[0] is None
        assert "user" not in page.data
        await page.close()


@pytest.mark.gen_test
@pytest.mark.parametrize("mood", ["ok", "html", "error500", "junk", "drop", "redirect", "slow", "drip"])
async def test_leaks(
    serve: Any, connect: Any, make_config: Any, caplog: Any, api: Any, api_url: str, mood: str
) -> None:
    caplog.set_level("DEBUG", logger="tornado_chat")
    identity = f'[identity.moneypot]\napi = "{api_url}"\napp_secret = "{SECRET}"\ntimeout = 0.3\n'
    server = await serve(make_config(identity=identity))
    async with beside_a_witness(server, connect, caplog):
        api.mood = mood
        token = "secret-token-of-alice"
        stranger = await Client.connect(server.port)
        told = [await stranger.auth(token=token), stranger.heard]
        api.mood = "ok"
        for page in ("metrics", "healthz"):
            answer = await AsyncHTTPClient().fetch(f"http://127.0.0.1:{server.port}/{page}", raise_error=False)
            told.append(answer.body.decode())
        told += [repr(server._config), repr(server._identities)]
        # Not what the stand-in for the site's API logs, in the same process.
        told += [record.getMessage() for record in caplog.records if not record.name.startswith("tornado.")]
        assert [text for text in map(str, told) if SECRET in text or token in text] == []


@pytest.mark.parametrize(
    "uname",
    [
        "admin\u200b",
        "ad\u200dmin",
        "\u202eadmin",
        "admin\u2066",
        " admin",
        "admin ",
        "ad\u00admin",
        "admin\n",
        "ADMIN",
        "\uff41\uff44\uff4d\uff49\uff4e",
        "adm\u0131\u0307n",
        "\u115fadmin",
        "admin\ufe0f",
        "admin \u115f",
    ],
)
def test_impersonation(uname: str) -> None:
    """Refused, or the same name for every mute and every check of rank."""
    assert not is_uname(uname) or fold(uname) in {"admin", fold("admi\u0307n"), fold("adm\u0131\u0307n")}


@pytest.mark.gen_test
@pytest.mark.parametrize(
    "uname", ["ADMIN", "\uff41dmin", "admin\ufe0f", "admin \u115f", "\uff41\uff44\uff4d\uff49\uff4e"]
)
async def test_impersonation_dodges_no_mute(
    serve: Any, connect: Any, make_config: Any, caplog: Any, api: Any, uname: str
) -> None:
    api.users["token-twin"] = {"id": 99, "uname": uname, "role": "member"}
    server = await serve(make_config())
    async with beside_a_witness(server, connect, caplog):
        bob, twin = await connect(server, token="token-bob"), await connect(server, token="token-twin")
        assert await bob.say("/mute admin 5") is None
        assert await twin.say("free?") == "USER_MUTED"


@pytest.mark.gen_test
@pytest.mark.parametrize(
    "uname", ["don  ald", "don   ald", "DON ald", "don \u115fald", "\u3164don ald", "don ald\u2800"]
)
async def test_impersonation_with_spaces_dodges_no_mute(
    serve: Any, connect: Any, make_config: Any, caplog: Any, api: Any, uname: str
) -> None:
    api.users["token-twin"] = {"id": 99, "uname": uname, "role": "member"}
    server = await serve(make_config())
    async with beside_a_witness(server, connect, caplog):
        bob, twin = await connect(server, token="token-bob"), await connect(server, token="token-twin")
        assert await bob.say('/mute "don ald" 5') is None
        assert await twin.say("free?") == "USER_MUTED"


@pytest.mark.gen_test
@pytest.mark.parametrize(
    "uname",
    [
        "admin\u200b",
        "ad\u200dmin",
        "\u202eadmin",
        "admin\u2066",
        " admin",
        "admin ",
        "ad\u00admin",
        "admin\n",
        "\u00a0",
        "\u3164",
    ],
)
async def test_impersonation_with_what_can_not_be_seen_is_no_user(
    serve: Any, connect: Any, make_config: Any, caplog: Any, api: Any, uname: str
) -> None:
    api.users["token-twin"] = {"id": 99, "uname": uname, "role": "member"}
    server = await serve(make_config())
    async with beside_a_witness(server, connect, caplog):
        twin = await Client.connect(server.port)
        assert await twin.auth(token="token-twin") == ["INTERNAL_ERROR"]
        await twin.close()


NOT_AN_APP = [{"$ne": None}, True, "1", 1.5, -1, 0, 2**53, None, [2], {"$gt": 0}, "2; drop", 10**400]


@pytest.mark.gen_test
async def test_injection_of_apps(serve: Any, connect: Any, make_config: Any, caplog: Any, api: Any) -> None:
    server = await serve(make_config())
    async with beside_a_witness(server, connect, caplog):
        asked = dict(api.calls)
        for value in NOT_AN_APP:
            client = await Client.connect(server.port)
            client.send("421" + json.dumps(["auth", {"app_id": value}]))
            assert await client.next("client_error") == "must send app_id integer with `auth` event"
            await client.close()
        assert dict(api.calls) == asked


@pytest.mark.gen_test
@pytest.mark.parametrize(
    "token", [{"$gt": ""}, "../users", "x" * 10_240, "a/b", "a?b=c", "%2e%2e", 7, True, ["x"], "a b", "\u0130", ""]
)
async def test_injection_of_tokens(
    serve: Any, connect: Any, make_config: Any, caplog: Any, api: Any, token: Any
) -> None:
    server = await serve(make_config())
    async with beside_a_witness(server, connect, caplog):
        asked = dict(api.calls)
        client = await Client.connect(server.port)
        assert (await client.auth(token=token))[0] is None
        assert "user" not in client.data  # a guest
        assert dict(api.calls) == asked
        await client.close()


@pytest.mark.gen_test
@pytest.mark.parametrize("text", ["bob\r\n2026-01-01 INFO login ok", "\x1b[2J\x1b[31mred", "a\u2028b", "\x00\x07"])
async def test_log_injection(serve: Any, connect: Any, make_config: Any, caplog: Any, text: str, api: Any) -> None:
    server = await serve(make_config())
    async with beside_a_witness(server, connect, caplog):
        api.users["token-log"] = {"id": 98, "uname": text, "role": "member"}
        client = await Client.connect(server.port)
        client.send("42" + json.dumps([text, text]))
        await client.next("client_error")
        assert (await client.auth(token="token-log")) == ["INTERNAL_ERROR"]
        lines = [record.getMessage() for record in caplog.records]
        assert [line for line in lines if any(not char.isprintable() for char in line)] == []


@pytest.mark.gen_test
@pytest.mark.parametrize("target", ["carol", "dave", "bob", "BOB", "second"])
async def test_privilege(serve: Any, connect: Any, make_config: Any, caplog: Any, api: Any, target: str) -> None:
    """A mod and an owner, an admin, himself, a peer."""
    api.users["token-second"] = {"id": 97, "uname": "second", "role": "mod"}
    server = await serve(make_config())
    async with beside_a_witness(server, connect, caplog):
        bob = await connect(server, token="token-bob")
        victim = await connect(server, token=f"token-{target.lower()}")
        await bob.say(f"/mute {target} 5")
        assert "not authorized" in await bob.next("system_message")
        assert await victim.say("I am not") is None


@pytest.mark.gen_test
async def test_privilege_ends_at_the_app(serve: Any, connect: Any, make_config: Any, caplog: Any) -> None:
    server = await serve(make_config())
    async with beside_a_witness(server, connect, caplog):
        carol = await connect(server, token="token-carol", app_id=3)  # she owns app 2
        assert carol.data["user"]["role"] == "member"
        await carol.say("/mute eve 5")
        assert "not authorized" in await carol.next("system_message")
        eve = await connect(server, token="token-eve")
        assert await eve.say("here I may talk") is None
