"""What the original server got wrong. Its wire is in test_gateway, its commands are in test_sanctions."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from tornado.httpclient import AsyncHTTPClient

from tests.client import Client


@pytest.mark.gen_test
async def test_a_raw_disconnect_event_changes_nothing(serve: Any, connect: Any, make_config: Any) -> None:
    server = await serve(make_config())
    alice = await connect(server, token="token-alice")
    eve = await connect(server, token="token-eve")
    for name in ("disconnect", "connect"):
        eve.tell(name, "x")
        eve.tell(name)
        eve.tell(name, {"a": 1}, 2, 3)
    await eve.settle()
    assert await eve.say("still here") is None
    await alice.next("new_message")
    assert alice.names() == ["user_joined", "new_message"]
    assert eve.names() == ["new_message"]
    newcomer = await connect(server, token=None)
    assert set(newcomer.data["room"]["users"]) == {"alice", "eve"}


@pytest.mark.gen_test
async def test_joining_is_told_to_the_others_alone_and_before_the_joiners_ack(
    serve: Any, connect: Any, make_config: Any
) -> None:
    server = await serve(make_config())
    alice = await connect(server, token="token-alice")
    eve = await connect(server, token="token-eve")
    joined = {"id": 5, "uname": "eve", "role": "member"}
    assert await alice.next("user_joined") == joined
    second_tab = await connect(server, token="token-eve")
    guest = await connect(server, token=None)
    await second_tab.close()
    await guest.close()
    assert await alice.say("nobody joined or left meanwhile") is None
    await eve.close()
    assert await alice.next("user_left") == joined
    assert alice.names() == ["user_joined", "new_message", "user_left"]
    assert "user_joined" not in eve.names()


@pytest.mark.gen_test
async def test_a_user_in_two_apps_is_announced_in_both(serve: Any, connect: Any, make_config: Any) -> None:
    server = await serve(make_config())
    watchers = [await connect(server, token="token-alice", app_id=app_id) for app_id in (2, 3)]
    tabs = [await connect(server, token="token-eve", app_id=app_id) for app_id in (2, 3)]
    for watcher in watchers:
        assert (await watcher.next("user_joined"))["uname"] == "eve"
    await tabs[0].close()
    assert (await watchers[0].next("user_left"))["uname"] == "eve"
    await watchers[1].settle()
    assert watchers[1].names() == ["user_joined"]


@pytest.mark.gen_test
@pytest.mark.parametrize("transport", ["websocket", "polling"])
async def test_a_socket_that_goes_while_the_api_is_slow_leaves_no_ghost(
    serve: Any, connect: Any, make_config: Any, api: Any, transport: str
) -> None:
    server = await serve(make_config())
    alice = await connect(server, token="token-alice")
    api.mood = "slow"
    auth = '421["auth",{"app_id":2,"hashed_token":"token-eve"}]'
    if transport == "websocket":
        ghost = await connect(server)
        ghost.send(auth)
        await asyncio.wait_for(api.held.wait(), 10)
        await ghost.close()
    else:
        http, url = AsyncHTTPClient(), f"http://127.0.0.1:{server.port}/socket.io/?EIO=4&transport=polling"
        url += "&sid=" + json.loads((await http.fetch(url)).body[1:])["sid"]
        await http.fetch(url, method="POST", body="40")
        posting = asyncio.ensure_future(http.fetch(url, method="POST", body=auth, raise_error=False))
        await asyncio.wait_for(api.held.wait(), 10)
        await http.fetch(url, method="POST", body="1", raise_error=False)
    # The API answers after all: eve exists, but nobody is there to be her.
    api.mood = "ok"
    api.released.set()
    if transport == "polling":
        await posting
    await connect(server, token="token-bob")
    eve = await connect(server, token="token-eve")
    assert set(eve.data["room"]["users"]) == {"alice", "bob", "eve"}
    await eve.close()
    await alice.next("user_left")
    assert [(name, payload["uname"]) for name, payload in alice.heard] == [
        ("user_joined", "bob"),
        ("user_joined", "eve"),
        ("user_left", "eve"),
    ]


@pytest.mark.gen_test
@pytest.mark.parametrize("uname", ["constructor", "__proto__", "toString", "hasOwnProperty", "$where", "a.b"])
async def test_names_that_mean_something_in_javascript_are_names_like_others(
    serve: Any, connect: Any, make_config: Any, api: Any, uname: str
) -> None:
    api.users["token-odd"] = {"id": 7, "uname": uname, "role": "member"}
    server = await serve(make_config())
    bob = await connect(server, token="token-bob")
    odd = await connect(server, token="token-odd")
    assert (await bob.next("user_joined"))["uname"] == uname
    assert odd.data["room"]["users"][uname]["uname"] == uname
    assert odd.data["room"]["muteList"] == {}
    assert await odd.say("not muted") is None
    await bob.say(f"/mute {uname} 5")
    assert await odd.say("muted") == "USER_MUTED"
    newcomer = await connect(server, token=None)
    assert newcomer.data["room"]["muteList"][uname.lower()]["uname"] == uname


@pytest.mark.gen_test
async def test_any_case_of_a_name_is_the_same_name(serve: Any, connect: Any, make_config: Any, api: Any) -> None:
    api.users["token-kate"] = {"id": 8, "uname": "Kate", "role": "member"}
    server = await serve(make_config())
    bob = await connect(server, token="token-bob")
    kate = await connect(server, token="token-kate")
    await bob.say("/mute kATE 10")
    assert (await kate.next("user_muted"))["uname"] == "Kate"
    assert await bob.next("system_message") == "Kate was muted for 10 min"
    newcomer = await connect(server, token=None)
    assert list(newcomer.data["room"]["muteList"]) == ["kate"]
    await bob.say("/unmute KATE")
    assert await kate.next("user_unmuted") == {"uname": "Kate"}


@pytest.mark.gen_test
@pytest.mark.parametrize("mood", ["html", "error500", "error503", "junk", "null", "drop", "redirect", "slow", "drip"])
async def test_an_api_that_gives_no_answer_is_an_internal_error_and_the_process_lives(
    serve: Any, connect: Any, make_config: Any, api: Any, mood: str
) -> None:
    server = await serve(make_config())
    witness = await connect(server, token="token-alice")
    api.mood = mood
    client = await connect(server)
    assert await client.auth(2, "token-eve") == ["INTERNAL_ERROR"]
    assert await witness.say("still here") is None
    api.mood = "ok"
    assert (await client.auth(2, "token-eve"))[1]["user"]["uname"] == "eve"


@pytest.mark.gen_test
async def test_an_app_that_the_api_answers_with_an_error_is_no_app(
    serve: Any, connect: Any, make_config: Any, api: Any
) -> None:
    del api.apps[3]
    client = await connect(await serve(make_config()))
    client.send('421["auth",{"app_id":3}]')
    assert await client.next("client_error") == "no app found with the app_id you sent to `auth` event"


@pytest.mark.gen_test
async def test_owner_is_who_the_apps_owners_name_letter_for_letter(
    serve: Any, connect: Any, make_config: Any, api: Any
) -> None:
    api.users["token-other-carol"] = {"id": 9, "uname": "Carol", "role": "owner"}
    server = await serve(make_config())
    roles = {}
    for token, app_id in (("token-carol", 2), ("token-carol", 3), ("token-other-carol", 2)):
        client = await connect(server, token=token, app_id=app_id)
        roles[token, app_id] = client.data["user"]["role"]
    assert list(roles.values()) == ["owner", "member", "member"]


@pytest.mark.gen_test
async def test_auth_on_every_reconnect_asks_the_api_once(serve: Any, connect: Any, make_config: Any, api: Any) -> None:
    server = await serve(make_config())
    for _ in range(5):
        client: Client = await connect(server, token="token-alice")
        await client.close()
    assert api.calls == {"/v1/apps/2": 1, "/v1/hashed-token-users/token-alice": 1}


@pytest.mark.gen_test
async def test_a_message_without_a_callback_from_a_guest_kills_nothing(
    serve: Any, connect: Any, make_config: Any
) -> None:
    server = await serve(make_config())
    guest = await connect(server, token=None)
    guest.tell("new_message", "hi")
    guest.tell("new_message")
    guest.tell("new_message", None)
    await guest.settle()
    assert (await server.health()).database == "up"
    assert guest.names() == ["client_error", "client_error"]
