"""What the chatbox's own Socket.IO client takes from a server, what it doesn't, and what it sends."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.box_driver import CONNECT, OPEN, Fake

BEYOND = "é Ελλάδα 😀 \u2028\u2029 \x1e \\ \"'"
ENDS = ("disconnect", "connect_error")

BEFORE_OPEN = [
    *["", "0", "4", "0{}", "0[]", "0null", CONNECT, b"0", OPEN.encode(), "6", "2"],
    *(OPEN.replace("25000", number) for number in ('"25000"', "0", "-1", "1e999", "2147483647", "null")),
    OPEN.replace('"s"', "1"),
    OPEN.replace('"s"', '""'),
    OPEN.replace("65536", '"65536"'),
]
BEFORE_CONNECT = [
    *["40", "40[]", "40null", '40{"sid":1}', '40/x,{"sid":"n"}', '401{"sid":"n"}'],
    *["41", '44{"message":"no"}'],
]
CONNECTED = [
    *["", "9", "x", "0", OPEN, "1", "3", "5", "2probe", "6x", "bAAAA", b"4", b"\x04"],
    *["4", "42", "42{}", "42[]", "42[1]", '42["x"', '42"x"', '42/x,["x"]', "4 2", "421", '42x["x"]', "42[,]"],
    *['42["connect"]', '42["connect_error"]', '42["disconnect","io server disconnect"]'],
    *["43[]", "43x[]", "431{}", "431", "43-1[]", '451-["x",{"_placeholder":true,"num":0}]', "461-[]"],
    *["41x", "41/x", CONNECT, "44{}", "47", "4٢"],
]


@pytest.mark.gen_test(timeout=60)
async def test_junk_ends_the_connection_which_comes_back(fake: Fake, box: Any) -> None:
    """Whatever the protocol doesn't have at its place is "transport close", and never an event, nor an exception."""
    client = await box(fake.port, ways=["websocket"])
    for junk in BEFORE_OPEN:
        peer = await fake.peer()
        peer.say(junk, '42["news"]')
        assert await peer.hear() is None, junk
        assert await client.next(*ENDS, "connect") == ["connect_error", "transport close"], junk
    for junk in BEFORE_CONNECT:
        peer = await fake.peer()
        peer.say(OPEN, junk, '42["news"]')
        assert [await peer.hear(), await peer.hear()] == ["40", None], junk
        assert await client.next(*ENDS, "connect") == ["connect_error", "transport close"], junk
    for junk in CONNECTED:
        peer = await fake.join()
        peer.say(junk, '42["news"]')
        assert await peer.hear() is None, junk
        await client.next("connect")
        assert await client.next(*ENDS, "connect") == ["disconnect", "transport close"], junk
    assert client.told_of("event", "ack") == []


@pytest.mark.gen_test
async def test_junk_in_a_poll_ends_the_session(fake: Fake, box: Any) -> None:
    client = await box(fake.port, ways=["polling"])
    for junk in ["", "x", '42["news"]\x1e\x1e42["news"]', "<html>", "bAAAA"]:
        assert await fake.post() == "40"
        fake.payloads.put_nowait(CONNECT)
        await client.next("connect")
        fake.payloads.put_nowait(junk)
        assert await client.next("disconnect") == ["transport close"]
        assert await fake.post() == "1"
    assert client.told_of("event") == [["event", "news"]]


@pytest.mark.gen_test
async def test_what_comes_late_or_early_is_ignored(fake: Fake, box: Any) -> None:
    client = await box(fake.port)
    first = await fake.peer()
    first.say(OPEN, '42["news","early"]', "6", CONNECT)
    await client.next("connect")
    client.do("ask", 1, "question")
    assert [await first.hear(), await first.hear()] == ["40", '421["question"]']
    first.close()
    second = await fake.join()
    await client.next("connect")
    second.say('431["late"]', "43999[]", '43123456789012345678901234567890["far"]', '425["news",1]')
    assert await client.next("event") == ["news", 1]
    assert client.told_of("ack") == []


@pytest.mark.gen_test
async def test_a_listener_that_fails_keeps_nothing_up(fake: Fake, box: Any) -> None:
    client = await box(fake.port)
    peer = await fake.join()
    peer.say('42["fail"]', '42["news",1]')
    assert await client.next("event") == ["news", 1]
    client.expected = [["trouble", "Error: a listener failed"]]


@pytest.mark.gen_test
async def test_each_ack_comes_to_its_own_callback_and_once(fake: Fake, box: Any) -> None:
    client = await box(fake.port)
    peer = await fake.join()
    await client.next("connect")
    for number in range(3):
        client.do("ask", number, "question", number)
    asked = [str(await peer.hear())[2:].partition("[") for _ in range(3)]
    for id, _, rest in reversed(asked):
        peer.say(f"43{id}[{rest.partition(',')[2]}", f"43{id}[null]")
    peer.say('42["done"]')
    await client.next("event")
    assert client.told_of("ack") == [["ack", number, number] for number in (2, 1, 0)]


@pytest.mark.gen_test
@pytest.mark.parametrize("way", ["websocket", "polling"])
async def test_long_and_unusual_texts_arrive_as_they_were_sent(fake: Fake, box: Any, way: str) -> None:
    client = await box(fake.port, ways=[way])
    long = "é" * 30_000  # 60 KB
    if way == "websocket":
        peer = await fake.join()
        hear, say = peer.hear, peer.say
    else:
        hear, say = fake.post, lambda *packets: fake.payloads.put_nowait("\x1e".join(packets))
        assert await hear() == "40"
        say(CONNECT)
    await client.next("connect")
    for text in (BEYOND, "\ud83d", long, long):
        client.do("emit", "said", text)
    for text in (BEYOND, "\ud83d", long, long):
        assert json.loads(str(await hear())[2:]) == ["said", text]
    say(*(f"42{json.dumps(['news', text], ensure_ascii=False)}" for text in (BEYOND, long, long)))
    assert [(await client.next("event"))[1] for _ in range(3)] == [BEYOND, long, long]
    assert max(fake.sizes, default=0) <= 65_536  # as the server said in its open packet


@pytest.mark.gen_test
async def test_many_events_in_one_poll_keep_their_order(fake: Fake, box: Any) -> None:
    client = await box(fake.port, ways=["polling"])
    await fake.post()
    fake.payloads.put_nowait(CONNECT)
    await client.next("connect")
    fake.payloads.put_nowait("\x1e".join(f'42["news",{number}]' for number in range(2000)))
    assert [(await client.next("event"))[1] for _ in range(2000)] == list(range(2000))
    fake.payloads.put_nowait('42["news","last"]\x1e42["leave"]\x1e42["news","too late"]')
    assert await client.next("disconnect") == ["io client disconnect"]
    assert [await fake.post(), await fake.post()] == ["41", "1"]
    client.do("connect")
    await fake.post()
    fake.payloads.put_nowait(f'{CONNECT}\x1e42["done"]')
    assert await client.next("event") == ["done"]
    assert client.told_of("event")[2000:] == [["event", "news", "last"], ["event", "done"]]


@pytest.mark.gen_test
async def test_what_is_emitted_without_a_connection_is_dropped(fake: Fake, box: Any) -> None:
    client = await box(fake.port, connects=False)
    client.do("emit", "before")
    client.do("connect")
    first = await fake.peer()
    client.do("ask", 1, "too early")
    client.do("echo")
    await client.next("echo")
    first.say(OPEN, CONNECT)
    await client.next("connect")
    client.do("emit", "said")
    client.do("disconnect")
    client.do("ask", 2, "after")
    client.do("connect")
    assert [await first.hear() for _ in range(4)] == ["40", '42["said"]', "41", None]
    second = await fake.join()
    await client.next("connect")
    client.do("emit", "again")
    assert await second.hear() == '42["again"]'
