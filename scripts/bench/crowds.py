"""How others fare while a crowd comes, or one address takes all it can get: ratios of acks with and without it.

    .venv/bin/python scripts/bench/crowds.py [--only WORD] [--seconds 15] [--rounds 1] [--before FOLDER]

One user talks, five messages a second, from a process of his own; the crowd is another process, and has what those two
and the database leave it. First the crowd is there and quiet (the herd sits in the room and reads), then it does what
it does. The server runs with its default limits, except for the herd's, which must let 5,000 in.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import multiprocessing
import os
import resource
import socket
import statistics
import struct
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from multiprocessing.connection import Connection
from pathlib import Path

from load import UPGRADE, Client, clock, connect, connect_many, split_frames, text_frame
from servers import LOAD_CORE, Options, run

Begin = Callable[[], Awaitable[None]]  # says that all is ready, and waits for the word
Crowd = Callable[[int, float, Begin], Awaitable[list[float]]]  # returns how long what it wanted took, in seconds
RESET = struct.pack("ii", 1, 0)
EACH = 0.2  # seconds between two messages of the one who talks
PATIENCE = 60.0  # seconds
WAITS = ("p50", "p90", "p99", "worst")
COLUMNS = ("crowd", *WAITS, *(f"quiet: {each}" for each in WAITS), "p50, ratio", "p99, ratio", "refused", "back in, s")


async def herd(port: int, seconds: float, begin: Begin) -> list[float]:
    """5,000 readers lose the connection in the same moment and come back at once, again and again."""
    clients = await connect_many(port, 5000, lambda: Client(None))
    await begin()
    end = clock() + seconds
    took: list[float] = []
    while clock() < end:
        for client in clients:
            client.transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
            client.transport.abort()
        begun = clock()
        clients = await connect_many(port, 5000, lambda: Client(None), at_once=5000)
        took.append(clock() - begun)
    return took


async def connections(port: int, seconds: float, begin: Begin) -> list[float]:
    """One address opens a WebSocket after the other and keeps each that it gets: 100, and then it tries on."""
    await begin()
    end = clock() + seconds
    kept: list[object] = []

    async def one() -> None:
        while clock() < end:
            try:
                reader, writer = await asyncio.open_connection("127.0.0.1", port)
                writer.write(UPGRADE)
                if b" 101 " in await reader.readline():
                    kept.append(writer)
                    continue
                writer.close()
            except OSError:
                await asyncio.sleep(0)

    await asyncio.gather(*(one() for _ in range(10)))
    return []


async def slow_headers(port: int, seconds: float, begin: Begin) -> list[float]:
    """A thousand connections, as far as they are let in, send a header byte by byte."""
    await begin()
    end = clock() + seconds

    async def one() -> None:
        while clock() < end:
            with contextlib.suppress(OSError):
                _, writer = await asyncio.open_connection("127.0.0.1", port)
                writer.write(b"GET / HTTP/1.1\r\nX-Slow: ")
                while clock() < end and not writer.transport.is_closing():
                    writer.write(b"a")
                    await asyncio.sleep(0.5)
            await asyncio.sleep(0.1)

    await asyncio.gather(*(one() for _ in range(1000)))
    return []


def _events(packet: Callable[[int], str]) -> Crowd:
    async def attack(port: int, seconds: float, begin: Begin) -> list[float]:
        await begin()
        end = clock() + seconds

        async def one() -> None:
            number = 0
            while clock() < end:
                with contextlib.suppress(OSError):
                    reader, writer = await asyncio.open_connection("127.0.0.1", port)
                    writer.write(UPGRADE + text_frame("40"))
                    gone = asyncio.ensure_future(reader.read())
                    while clock() < end and not gone.done():
                        writer.write(b"".join(text_frame(packet(number + at)) for at in range(10)))
                        number += 10
                        await asyncio.wait({gone}, timeout=0.5)
                    gone.cancel()
                    writer.close()

        await asyncio.gather(*(one() for _ in range(100)))
        return []

    return attack


namespaces = _events(lambda number: f"40/room-{number},")
apps = _events(lambda number: f'42{number}["auth",{{"app_id":{1000 + number}}}]')
CROWDS: dict[str, tuple[Crowd, str]] = {
    "5,000 come back at once, again and again": (
        herd,
        "connections = 20000\nconnections_per_address = 20000\nhandshake = 60.0\n",
    ),
    "one address opens connections without end": (connections, ""),
    "one address has 1,000 slow headers": (slow_headers, ""),
    "100 sockets ask for thousands of namespaces": (namespaces, ""),
    "100 sockets ask for thousands of apps": (apps, ""),
}


@dataclass(slots=True)
class Found:
    """Milliseconds until each ack, quiet and amid the crowd; how long the crowd took, in seconds; acks that refused."""

    quiet: list[float] = field(default_factory=list)
    amid: list[float] = field(default_factory=list)
    took: list[float] = field(default_factory=list)
    refused: int = 0

    def cells(self) -> list[str]:
        """What the table says of it."""
        figures = []
        for waits in self.amid, self.quiet:
            waits.sort()
            figures += [waits[len(waits) * part // 100] for part in (50, 90, 99)] + [waits[-1]]
        back = f"{statistics.median(self.took):.1f}" if self.took else ""
        ratios = [figures[0] / figures[4], figures[2] / figures[6]]
        return [*(f"{each:.0f}" for each in figures), *(f"{each:.1f}" for each in ratios), str(self.refused), back]


async def _talk(seconds: float, client: Client) -> tuple[list[float], int]:
    """Say something each time it is due, whether or not what was said before is answered.

    Returns the milliseconds until each answer, and how many refused what was said.
    """
    due: list[float] = []
    waits: list[float] = []
    rest, refused = b"", 0

    def heard(data: bytes) -> None:
        nonlocal rest, refused
        packets, rest = split_frames(rest + data)
        for packet in packets:
            if packet.startswith(b"43"):
                number, _, answer = packet[2:].partition(b"[")
                refused += answer != b"]"
                waits.append(1000 * (clock() - due[int(number)]))

    client.heard = heard
    begun = clock()
    while (at := begun + len(due) * EACH) < begun + seconds:
        await asyncio.sleep(at - clock())
        due.append(at)
        client.send(f'42{len(due) - 1}["new_message","it is {at}"]')
    async with asyncio.timeout(PATIENCE):
        while len(waits) < len(due):  # noqa: ASYNC110 - what is waited for is in other hands
            await asyncio.sleep(0.01)
    return waits, refused


def _crowd(name: str, port: int, seconds: float, pipe: Connection) -> None:
    os.nice(10)
    resource.setrlimit(resource.RLIMIT_NOFILE, (12000, max(12000, resource.getrlimit(resource.RLIMIT_NOFILE)[1])))

    async def begin() -> None:
        pipe.send(None)
        await asyncio.to_thread(pipe.recv)

    pipe.send(asyncio.run(CROWDS[name][0](port, seconds, begin)))


async def _measure(name: str, port: int, seconds: float, found: Found) -> None:
    # From an address of its own: what the crowd's address is refused isn't refused to him.
    client = await connect(port, lambda: Client("alice"), number=7)
    pipe, theirs = multiprocessing.Pipe()
    crowd = multiprocessing.get_context("spawn").Process(target=_crowd, args=(name, port, seconds + 1, theirs))
    crowd.start()
    await asyncio.to_thread(pipe.recv)
    waits, refused = await _talk(seconds / 2, client)
    found.quiet += waits
    found.refused += refused
    pipe.send(None)
    await asyncio.sleep(0.5)
    waits, refused = await _talk(seconds, client)
    found.amid += waits
    found.refused += refused
    found.took += await asyncio.to_thread(pipe.recv)
    await asyncio.to_thread(crowd.join, PATIENCE)


def main() -> None:
    """Measure, print a table."""
    os.sched_setaffinity(0, {LOAD_CORE})
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--only", default="", help="the crowds whose names have this in them")
    parser.add_argument("--seconds", type=float, default=15.0)
    parser.add_argument("--rounds", type=int, default=1, help="run each this often, and take all together")
    parser.add_argument("--before", type=Path, help="a checkout of another version: take turns with it")
    given = parser.parse_args()
    print(f"| {' | '.join(COLUMNS)} |\n{'|---' * len(COLUMNS)}|")
    versions = {"before: ": given.before, "": None} if given.before else {"": None}
    for name, (_, limits) in CROWDS.items():
        if given.only not in name:
            continue
        found = {label: Found() for label in versions}
        for _ in range(given.rounds):
            for label, source in versions.items():
                with run("ours", replace(Options(), limits=limits, source=source)) as server:
                    asyncio.run(_measure(name, server.port, given.seconds, found[label]))
        for label in versions:
            print("| " + " | ".join([label + name, *found[label].cells()]) + " |", flush=True)


if __name__ == "__main__":
    main()
