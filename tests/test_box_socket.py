"""The chatbox's own Socket.IO client, against networks, servers and pages that come and go."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from playwright.async_api import async_playwright
from tornado.ioloop import IOLoop

from tests.box_driver import CONNECT, OPEN, Fake, PickyProxy


@pytest.fixture
def network(
    io_loop: IOLoop, run: Callable[[Awaitable[Any]], Any]
) -> Iterator[Callable[[int, str], Awaitable[PickyProxy]]]:
    made: list[PickyProxy] = []

    async def make(target: int, manner: str) -> PickyProxy:
        made.append(PickyProxy(target, manner))
        await made[-1].start()
        return made[-1]

    yield make
    for each in made:
        run(each.stop())


# -- ways


@pytest.mark.gen_test
@pytest.mark.parametrize("manner", ["answers", "resets", "is silent"])
async def test_where_no_websocket_comes_through_it_polls_and_later_tries_again(
    serve: Any, make_config: Any, network: Any, box: Any, manner: str
) -> None:
    server = await serve(make_config())
    between = await network(server.port, manner)
    client = await box(between.port, holds=True)
    if manner == "is silent":
        await between.refused.wait()
        client.do("fire", 10_000)  # what a way may take, not what the whole attempt may
    await client.next("connect")
    assert client.told_of("way") == [["way", "websocket"], ["way", "polling"]]
    assert (await client.ask(1, "auth", {"app_id": 2, "hashed_token": "token-alice"}))[0] is None
    assert await client.ask(2, "new_message", "by polling") == []
    assert [said[2]["text"] for said in client.told_of("event")] == ["by polling"]  # before its ack
    between.manner = ""
    between.cut()
    assert await client.next("disconnect") == ["transport close"]
    client.do("fire", 1000)
    await client.next("connect")
    assert client.told_of("way")[2:] == [["way", "websocket"]]
    assert (await client.ask(3, "auth", {"app_id": 2, "since": 1}))[0] is None


@pytest.mark.gen_test
async def test_it_comes_back_when_the_server_does(serve: Any, make_config: Any, box: Any) -> None:
    config = make_config()
    first = await serve(config)
    client = await box(first.port)
    await client.next("connect")
    await first.stop()
    assert await client.next("disconnect") == ["transport close"]
    assert await client.next("connect_error") == ["transport close"]
    port = first.port
    await serve(msgspec.structs.replace(config, server=msgspec.structs.replace(config.server, port=port)))
    await client.next("connect")
    assert (await client.ask(1, "auth", {"app_id": 2}))[0] is None


# -- its own time


@pytest.mark.gen_test
async def test_each_attempt_that_fails_doubles_the_wait_up_to_30_s(fake: Fake, box: Any) -> None:
    port = fake.port
    await fake.stop()
    client = await box(port, connects=False, holds=True, delay=[500, 1500])
    client.do("connect")
    for number in range(9):
        await client.next("connect_error")
        wait = client.told_of("timer")[-1][1]
        factor = min(2**number, 20)
        assert 500 * factor <= wait <= 1500 * factor
        client.do("fire", wait)


@pytest.mark.gen_test
async def test_a_server_that_closes_is_come_back_to_when_it_says(fake: Fake, box: Any, bundle: Any) -> None:
    usual = (500, 1500)
    junk = [7, [], [1], [5, 1], [-1, 1], ["1", "2"], [None, None], [0, [1]]]
    asked: list[tuple[Any, tuple[int, int]]] = [
        ({"come_back_in": [3000, 4000]}, (3000, 4000)),
        ({"come_back_in": [40_000, 60_000]}, (20_000, 30_000)),
        *((payload, usual) for payload in (None, 1, {}, *({"come_back_in": each} for each in junk))),
    ]
    client = await box(fake.port, bundle=bundle("connection.ts"), holds=True)
    for number, (payload, (soonest, latest)) in enumerate(asked, 1):
        peer = await fake.join()
        assert await peer.hear() == f'42{number}["auth",{{"app_id":2}}]'
        peer.say(f'43{number}[null,{{"room":{{}}}}]')
        while await client.next("state") != ["joined"]:
            pass
        peer.say("42" + json.dumps(["server_closing", payload]))
        peer.close()
        assert await client.next("state") == ["offline"]
        assert soonest <= client.told_of("timer")[-1][1] <= latest, payload
        client.do("page", "online")


@pytest.mark.gen_test
async def test_a_server_that_stops_pinging_is_left(fake: Fake, box: Any) -> None:
    client = await box(fake.port, holds=True)
    peer = await fake.join()
    await client.next("connect")
    peer.say("2")
    assert await peer.hear() == "3"
    assert client.told_of("timer")[-1] == ["timer", 45_000]
    client.do("fire", 45_000)
    assert await client.next("disconnect") == ["ping timeout"]
    assert await peer.hear() is None
    client.do("fire", 0)
    await fake.join()


@pytest.mark.gen_test
async def test_a_poll_that_hangs_is_left(fake: Fake, box: Any) -> None:
    client = await box(fake.port, holds=True, ways=["polling"])
    assert await fake.post() == "40"
    fake.payloads.put_nowait(f"{CONNECT}\x1e2")
    assert await fake.post() == "3"
    client.do("fire", 45_000)
    assert await client.next("disconnect") == ["ping timeout"]
    client.do("fire", 0)
    assert await fake.post() == "40"


@pytest.mark.gen_test
async def test_what_a_lost_session_still_asks_for_is_given_up(fake: Fake, box: Any) -> None:
    client = await box(fake.port, holds=True, ways=["polling"])
    assert await fake.post() == "40"
    fake.deaf = True
    fake.payloads.put_nowait(f"{CONNECT}\x1e2")
    assert await fake.post() == "3"
    for _ in range(3):  # to open it, for those two packets, and for the next
        await asyncio.wait_for(fake.knocks.get(), 10)
    client.do("fire", 45_000)
    assert await client.next("disconnect") == ["ping timeout"]
    for _ in range(2):  # its poll, and its post that was not answered
        await asyncio.wait_for(fake.given_up.get(), 10)


@pytest.mark.gen_test
async def test_a_server_that_never_says_who_one_is_is_left(fake: Fake, box: Any) -> None:
    client = await box(fake.port, holds=True)
    peer = await fake.peer()
    peer.say(OPEN)
    assert await peer.hear() == "40"
    client.do("fire", 20_000)
    assert await client.next("connect_error") == ["transport close"]
    client.do("fire", 0)
    await fake.join()
    await client.next("connect")


# -- connecting and not


@pytest.mark.gen_test
async def test_connect_does_nothing_where_it_is_done(fake: Fake, box: Any) -> None:
    client = await box(fake.port, holds=True, delay=[100, 100])
    client.do("connect")
    peer = await fake.join()
    client.do("connect")
    await client.next("connect")
    client.do("connect")
    client.do("emit", "heard")
    assert await peer.hear() == '42["heard"]'
    assert client.told_of("way") == [["way", "websocket"]]
    peer.close()
    await client.next("disconnect")
    client.do("connect")  # one that waits doesn't wait any more
    await fake.join()
    await client.next("connect")
    client.do("fire", 100)
    client.do("disconnect")
    await client.next("disconnect")
    assert len(client.told_of("way")) == 2


@pytest.mark.gen_test
@pytest.mark.parametrize("way", ["websocket", "polling"])
async def test_disconnect_in_the_middle_of_a_handshake(fake: Fake, box: Any, way: str) -> None:
    fake.silent = True
    client = await box(fake.port, ways=[way])
    await fake.knocks.get()
    client.do("disconnect")
    await fake.gone.wait()
    fake.silent = False
    client.do("connect")
    if way == "polling":
        assert await fake.post() == "40"
        client.do("disconnect")
        assert await fake.post() == "1"
    else:
        peer = await fake.peer()
        peer.say(OPEN)
        assert await peer.hear() == "40"
        client.do("disconnect")
        assert await peer.hear() is None
    assert len(client.told_of("way")) <= 2
    assert client.told_of("connect", "connect_error", "disconnect") == []


@pytest.mark.gen_test
async def test_who_is_sent_away_stays_away(serve: Any, make_config: Any, connect: Any, box: Any) -> None:
    server = await serve(make_config(app='plugins = ["kick"]'))
    client = await box(server.port, holds=True)
    await client.next("connect")
    assert (await client.ask(1, "auth", {"app_id": 2, "hashed_token": "token-alice"}))[0] is None
    bob = await connect(server, token="token-bob")
    assert await bob.say("/kick alice") is None
    assert await client.next("disconnect") == ["io server disconnect"]
    client.do("fire", 10**9)
    client.do("page", "online")
    client.do("connect")
    await client.next("connect")
    assert len(client.told_of("way")) == 2


@pytest.mark.gen_test
async def test_the_page_and_its_network_go_and_come(fake: Fake, box: Any) -> None:
    client = await box(fake.port, holds=True)
    client.do("page", "pageshow")  # that of every page that is loaded
    peer = await fake.join()
    await client.next("connect")
    client.do("page", "offline")
    assert await client.next("disconnect") == ["transport close"]
    assert await peer.hear() is None
    client.do("page", "offline")
    client.do("page", "online")
    peer = await fake.join()
    await client.next("connect")
    client.do("page", "pagehide")
    assert await client.next("disconnect") == ["transport close"]
    assert [await peer.hear(), await peer.hear()] == ["41", None]
    client.do("fire", 10**9)
    client.do("page", "online")
    client.do("page", "pageshow")
    await fake.join()
    await client.next("connect")
    assert len(client.told_of("way")) == 3


@pytest.mark.gen_test(timeout=60)
async def test_in_a_browser_it_comes_back_with_its_page_and_its_network(
    chromium: str, box_client: Path, serve: Any, make_config: Any
) -> None:
    server = await serve(make_config())
    code = await asyncio.to_thread(box_client.read_text)
    start = """async ([code, way]) => {
        const module = await import(URL.createObjectURL(new Blob([code], { type: "text/javascript" })));
        window.told = [];
        window.socket = new module.Socket(location.origin, { ways: [module[way]], delay: [0, 0] });
        for (const name of ["connect", "disconnect"]) socket.on(name, () => told.push(name));
        addEventListener("pageshow", (event) => told.push(event.persisted));
        socket.connect();
    }"""
    guest = "new Promise((answer) => socket.emit('auth', { app_id: 2 }, (error) => answer(error)))"
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=chromium,
            args=["--no-sandbox", "--disable-gpu", "--disable-background-networking"],
            ignore_default_args=["--disable-back-forward-cache"],
        )
        for way in ("webSocket", "polling"):
            context = await browser.new_context(bypass_csp=True)
            page = await context.new_page()
            await page.goto(f"http://127.0.0.1:{server.port}/socket.io/socket.io.js")  # any page that may be kept
            await page.evaluate(start, [code, way])
            await page.wait_for_function("socket.connected")
            await context.set_offline(True)
            await page.wait_for_function("!socket.connected")
            await context.set_offline(False)
            await page.wait_for_function("socket.connected")
            assert await page.evaluate(guest) is None
            await page.goto(f"http://127.0.0.1:{server.port}/healthz")
            await page.evaluate("history.back()")
            await page.wait_for_function("window.told?.length > 5")
            assert await page.evaluate("told") == [*["connect", "disconnect"] * 2, True, "connect"]
            assert await page.evaluate(guest) is None
            await context.close()
        await browser.close()
