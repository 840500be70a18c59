"""What is measured. Each scenario takes a running server and returns its figures, or raises where one is wrong."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Awaitable, Callable, Mapping

from load import Client, Reading, Sender, Stream, clock, connect, connect_many
from servers import Running

SENDERS = ("alice", "bob", "carol", "dave")
IN_FLIGHT = 8
PATIENCE = 60.0  # seconds
STAMP = re.compile(rb"at (\d+) with")

Figures = Mapping[str, float]
Scenario = Callable[[Running, int, float], Awaitable[Figures]]


class Reader:
    """A guest who reads; `at` is its place in the stream that all readers share."""

    def __init__(self, stream: Stream) -> None:
        self.at = 0
        self.reads = 0
        self._stream = stream
        self.client = Client(None, self._heard)

    def _heard(self, data: bytes) -> None:
        self._stream.take(self.at, data)
        self.at += len(data)
        self.reads += 1


async def _senders(server: Running, text: Callable[[int], str]) -> list[Sender]:
    return [Sender(await connect(server.port, lambda name=name: Client(name)), text) for name in SENDERS]


async def _until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE):
        while not holds():  # noqa: ASYNC110 - what is waited for is in other clients' hands
            await asyncio.sleep(0.01)


def _check(stream: Stream, readers: list[Reader], senders: list[Sender], reading: Reading) -> int:
    """Read all there is; return how many messages were acked. Raises where one was lost, doubled or out of order."""
    reading.until(lambda: sum(sender.acked - sender.sent for sender in senders) == 0, PATIENCE)
    acked = sum(sender.acked for sender in senders)
    reading.until(lambda: all(len(sender.ids) >= acked for sender in senders), PATIENCE)
    reading.until(lambda: len(stream.ids()) >= acked, PATIENCE)
    reading.until(lambda: all(reader.at == len(stream.bytes) for reader in readers), PATIENCE)
    expected = list(range(1, acked + 1))
    if stream.ids() != expected or any(sender.ids != expected for sender in senders):
        raise ValueError("a message was lost, doubled or out of order")
    return acked


async def throughput(server: Running, count: int, seconds: float) -> Figures:
    """`count` readers; four senders keep eight messages each on the way."""
    stream = Stream()
    senders = await _senders(server, lambda number: f"message {number} with a few words in it")
    readers: list[Reader] = []

    def make() -> Client:
        readers.append(Reader(stream))
        return readers[-1].client

    await connect_many(server.port, count, make)
    reading = Reading([*(reader.client for reader in readers), *(sender.client for sender in senders)])
    cpu, own, begun = server.cpu(), time.process_time(), clock()
    for sender in senders:
        sender.talk(IN_FLIGHT)
    while clock() < begun + seconds:
        reading.turn(0.05)
    for sender in senders:
        sender.talking = False
    acked = _check(stream, readers, senders, reading)
    took, cpu, own = clock() - begun, server.cpu() - cpu, time.process_time() - own
    reading.close()
    delivered = acked * (count + len(senders))
    return {
        "acked messages/s": acked / took,
        "deliveries/s": delivered / took,
        "deliveries per CPU second": delivered / cpu,
        "CPU of the server, %": 100 * cpu / took,
        "CPU of the load, %": 100 * own / took,
        "reads of a reader/s": sum(reader.reads for reader in readers) / count / took,
    }


async def latency(server: Running, count: int, seconds: float) -> Figures:
    """`count` readers; 20 messages a second in all, evenly. From the call that sends to the read that finds it."""
    waits: list[float] = []

    def heard(data: bytes) -> None:
        now = time.perf_counter_ns()
        waits.extend((now - int(stamp)) / 1e6 for stamp in STAMP.findall(data))

    senders = await _senders(server, lambda number: f"sent at {time.perf_counter_ns()} with a few words in it")
    readers = await connect_many(server.port, count, lambda: Client(None, heard))
    reading = Reading([*readers, *(sender.client for sender in senders)])
    cpu, own, begun = server.cpu(), time.process_time(), clock()
    sent = 0
    while (due := begun + sent / 20) < begun + seconds:
        while clock() < due:
            reading.turn(due - clock())
        senders[sent % len(senders)].say()
        sent += 1
    reading.until(lambda: len(waits) == sent * count, PATIENCE)
    took, cpu, own = clock() - begun, server.cpu() - cpu, time.process_time() - own
    reading.close()
    waits.sort()
    return {
        "p50, ms": waits[len(waits) // 2],
        "p99, ms": waits[len(waits) * 99 // 100],
        "CPU of the server, %": 100 * cpu / took,
        "CPU of the load, %": 100 * own / took,
    }


async def connecting(server: Running, count: int, _seconds: float) -> Figures:
    """`count` clients connect and authenticate as users, 100 at a time, in a room with a history of 250 messages."""
    (sender, *_) = await _senders(server, lambda number: f"message {number} of a history of two hundred and fifty")
    for _ in range(250):
        sender.say()
    await _until(lambda: sender.acked == 250)
    cpu, own, begun = server.cpu(), time.process_time(), clock()
    await connect_many(server.port, count, lambda: Client("eve"))
    took, cpu, own = clock() - begun, server.cpu() - cpu, time.process_time() - own
    return {
        "connects/s": count / took,
        "connects per CPU second": count / cpu,
        "CPU of the server, %": 100 * cpu / took,
        "CPU of the load, %": 100 * own / took,
    }


async def idle(server: Running, count: int, seconds: float) -> Figures:
    """`count` connections that have joined and only answer heartbeats, over more than one of those."""
    await connect_many(server.port, 200, lambda: Client(None))  # what a server sets up once isn't theirs
    await asyncio.sleep(3)
    before = server.memory()
    clients = await connect_many(server.port, count, lambda: Client(None))
    await asyncio.sleep(3)
    memory = server.memory() - before
    cpu, begun = server.cpu(), clock()
    await asyncio.sleep(max(seconds, 30))
    took, cpu = clock() - begun, server.cpu() - cpu
    if lost := sum(client.lost for client in clients):
        raise ValueError(f"{lost} of {count} were disconnected")
    return {"KB a connection": memory / count / 1024, "CPU of the server, %": 100 * cpu / took}


async def dropping(server: Running, count: int, _seconds: float) -> Figures:
    """`count` clients go in one moment; another one asks something and waits for the answer, again and again."""
    clients = await connect_many(server.port, count, lambda: Client("eve"))
    waits: list[float] = []
    asked = 0.0

    def heard(_data: bytes) -> None:
        nonlocal asked
        waits.append(clock() - asked)
        asked = clock()
        control.send('421["new_message","a guest may not speak"]')

    control = await connect(server.port, lambda: Client(None))
    control.heard = heard
    asked = clock()
    control.send('421["new_message","a guest may not speak"]')
    await asyncio.sleep(1)
    normal = max(waits)
    cpu = server.cpu()
    for client in clients:
        client.transport.abort()
    asked_at = len(waits)
    await _until(lambda: len(waits) > asked_at + 100)
    await asyncio.sleep(3)
    return {
        "longest wait of another client, ms": 1000 * max(waits[asked_at:]),
        "the same before, ms": 1000 * normal,
        "CPU seconds": server.cpu() - cpu,
    }
