#!/usr/bin/env python3
"""How many messages a server takes, and how many it delivers, for each second of its own CPU time.

    scripts/venv bench && .venv/bin/python scripts/bench/fanout.py --readers 200 --seconds 10

Starts a server of its own with the embedded database (or the one at --mongodb), pinned to one core; the load runs on
the others. Readers count whole messages in the bytes that arrive and do nothing else, so that they cost little. Senders
keep --in-flight messages each on the way. Every reader must see every acked message exactly once and in order, or it
fails.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psutil

SENDERS = ("alice", "bob", "carol", "dave", "eve")
EVENT = re.compile(rb'42\["new_message",\{"id":(\d+)')
APP = 2


def text_frame(text: str) -> bytes:
    """Return a client's WebSocket text frame (masked with zeros, which the protocol allows)."""
    data = text.encode()
    length = bytes([0x80 | len(data)]) if len(data) < 126 else bytes([0xFE]) + len(data).to_bytes(2, "big")
    return b"\x81" + length + bytes(4) + data


class Reader(asyncio.Protocol):
    """A guest, or a user, on a WebSocket of its own; `ids` are those of the messages that came."""

    def __init__(self, token: str | None) -> None:
        self.token = token
        self.ids: list[int] = []
        self.joined: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.acks: dict[int, asyncio.Future[None]] = {}
        self._rest = b""
        self._arrived = asyncio.Event()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 - for the type checker
        self.transport = transport
        key = base64.b64encode(os.urandom(16)).decode()
        transport.write(
            f"GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: bench\r\nUpgrade: websocket\r\n"
            f"Connection: Upgrade\r\nSec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n\r\n".encode()
        )
        transport.write(text_frame("40"))

    def data_received(self, data: bytes) -> None:
        data = self._rest + data
        # An event is cut only at the end of a chunk; what comes after the last "42[" or "43" waits for the next one.
        cut = max(data.rfind(b"42["), data.rfind(b"43"), data.rfind(b"40{"))
        whole, self._rest = (data, b"") if data.endswith((b"}]", b"}", b"[]", b"2")) else (data[:cut], data[cut:])
        if b"40{" in whole:
            payload = {"app_id": APP} | ({"hashed_token": self.token} if self.token else {})
            self.transport.write(text_frame("420" + json.dumps(["auth", payload])))
        if not self.joined.done() and b"430[" in whole:
            self.joined.set_result(None)
        self.ids += map(int, EVENT.findall(whole))
        self._arrived.set()
        for number in re.findall(rb"43(\d+)\[\]", whole):
            self.acks.pop(int(number)).set_result(None)
        if whole.endswith(b"\x012"):
            self.transport.write(text_frame("3"))

    async def send(self, number: int, text: str) -> None:
        """Send a message and wait for its ack."""
        acked = self.acks[number] = asyncio.get_running_loop().create_future()
        self.transport.write(text_frame(f"42{number}" + json.dumps(["new_message", text])))
        await acked

    async def wait_for(self, count: int) -> None:
        """Return once `count` messages have come."""
        while len(self.ids) < count:
            self._arrived.clear()
            await self._arrived.wait()


async def load(port: int, options: argparse.Namespace, process: psutil.Process) -> dict[str, float]:
    """Run the load and return the figures."""
    loop = asyncio.get_running_loop()

    async def connect(token: str | None) -> Reader:
        _, reader = await loop.create_connection(lambda: Reader(token), "127.0.0.1", port)
        await reader.joined
        return reader

    readers = [await connect(None) for _ in range(options.readers)]
    senders = [await connect(SENDERS[number % len(SENDERS)]) for number in range(options.senders)]
    stop = time.monotonic() + options.seconds
    acked = 0

    async def talk(sender: Reader, slot: int) -> None:
        nonlocal acked
        number = slot
        while time.monotonic() < stop:
            number += options.in_flight
            await sender.send(number, f"message {number} with a few words in it")
            acked += 1

    cpu, own, begun = sum(process.cpu_times()[:2]), time.process_time(), time.monotonic()
    await asyncio.gather(*(talk(sender, slot + 1) for sender in senders for slot in range(options.in_flight)))
    took, cpu = time.monotonic() - begun, sum(process.cpu_times()[:2]) - cpu
    own = time.process_time() - own
    expected = list(range(1, acked + 1))
    async with asyncio.timeout(60):
        await asyncio.gather(*(reader.wait_for(acked) for reader in readers))
    wrong = sum(reader.ids != expected for reader in readers)
    if wrong:
        sys.exit(f"{wrong} of {len(readers)} readers missed, doubled or disordered something")
    delivered = acked * (len(readers) + len(senders))
    return {
        "acked messages per second": acked / took,
        "deliveries per second": delivered / took,
        "deliveries per CPU second of the server": delivered / cpu,
        "CPU of the server, % of a core": 100 * cpu / took,
        "CPU of the load, % of a core": 100 * own / took,
    }


def main() -> None:
    """Start a server, load it, print a table."""
    parser = argparse.ArgumentParser(description="Fan-out of one server.")
    parser.add_argument("--readers", type=int, default=200)
    parser.add_argument("--senders", type=int, default=4)
    parser.add_argument("--in-flight", type=int, default=8)
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--mongodb", default="embedded", help="a mongodb:// URI instead of the embedded database")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        conf = Path(name)
        (conf / "apps").mkdir()
        (conf / "server.toml").write_text(
            f'[server]\nport = 0\ndata_dir = "{conf}/data"\n[mongodb]\nuri = "{options.mongodb}"\n'
            f'database = "bench-{os.getpid()}"\n[identity.demo]\n'
        )
        (conf / "apps" / f"{APP}.toml").write_text(
            f'id = {APP}\nidentity = "demo"\nplugins = ["mute", "wordlist"]\n[plugin.wordlist]\nwords = ["darn"]\n'
        )
        command = [sys.executable, "-m", "tornado_chat", "serve", "--conf", str(conf)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as server:
            assert server.stdout is not None  # noqa: S101 - for the type checker: it was made with a pipe
            port = int(server.stdout.readline().rpartition(":")[2])
            process = psutil.Process(server.pid)
            cores = psutil.Process().cpu_affinity()
            if len(cores) > 1:
                process.cpu_affinity(cores[:1])
                psutil.Process().cpu_affinity(cores[1:])
            try:
                figures = asyncio.run(load(port, options, process))
            finally:
                server.terminate()
        print(f"{options.readers} readers, {options.senders} senders with {options.in_flight} in flight each")
        for label, figure in figures.items():
            print(f"{figure:12,.0f}  {label}")


if __name__ == "__main__":
    main()
