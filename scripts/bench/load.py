"""The load: clients on raw sockets that cost little enough not to be the bottleneck.

All readers of a room are sent the same bytes. So one stream is kept for all: whoever is first appends to it, and
everybody else's bytes are compared with it as they arrive, at the speed of memcmp. What each reader got is then the
same, in the same order, and is looked at once, at the end.
"""

from __future__ import annotations

import asyncio
import os
import re
import select
import socket
import struct
import time
from collections.abc import Callable, Iterable

UPGRADE = (
    b"GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: bench\r\nUpgrade: websocket\r\n"
    b"Connection: Upgrade\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)
PING, PONG = b"\x81\x012", b"\x81\x81\0\0\0\x003"
READ_SIZE = 256 * 1024
MESSAGE = re.compile(rb'42\["new_message",\{"id":(\d+)')


def text_frame(text: str) -> bytes:
    """Return a client's WebSocket text frame (masked with zeros, which the protocol allows)."""
    data = text.encode()
    length = bytes([0x80 | len(data)]) if len(data) < 126 else bytes([0xFE]) + struct.pack("!H", len(data))
    return b"\x81" + length + bytes(4) + data


class Stream:
    """What every reader must get: the bytes of the first who got them."""

    def __init__(self) -> None:
        self.bytes = bytearray()

    def take(self, at: int, data: bytes) -> None:
        """Compare what a reader got at its place `at`, or append it. Raises ValueError where they differ."""
        if at == len(self.bytes):
            self.bytes += data
        elif not self.bytes.startswith(data, at):
            known = self.bytes[at:]
            if not data.startswith(known):
                raise ValueError(f"a reader got something else at byte {at}")
            self.bytes += data[len(known) :]

    def ids(self) -> list[int]:
        """The ids of the messages, in the order they came."""
        return [int(found) for found in MESSAGE.findall(self.bytes)]


class Client(asyncio.Protocol):
    """One client: connects, joins as the user of `token` (None: a guest), then hands what comes to `heard`."""

    def __init__(self, token: str | None, heard: Callable[[bytes], None] | None = None) -> None:
        self.joined: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.heard = heard or self._answer_pings
        self.lost = False
        self._token = f',"hashed_token":"{token}"' if token else ""
        self._step = 0
        self._came = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 - for the type checker
        self.transport = transport
        transport.write(UPGRADE)

    def data_received(self, data: bytes) -> None:
        if self._step == 3:
            self.heard(data)
            return
        self._came += data
        if self._step == 0 and b'"pingInterval"' in self._came:
            self._step = 1
            self.transport.write(text_frame("40"))
        if self._step == 1 and b'40{"sid"' in self._came:
            self._step = 2
            self.transport.write(text_frame(f'420["auth",{{"app_id":2{self._token}}}]'))
        if self._step == 2 and (at := self._came.find(b"430[null")) >= 0 and (end := self._end(at)) is not None:
            self._step = 3
            rest, self._came = self._came[end:], b""
            self.joined.set_result(None)
            if rest:
                self.heard(rest)

    def _end(self, at: int) -> int | None:
        """Return where the frame ends whose text begins at `at`, or None while it isn't complete."""
        for wide in (0, 2, 8):
            head = self._came[at - wide - 2 : at]
            size = head[1] if not wide else int.from_bytes(head[2:])
            if head[0] == 0x81 and (size < 126 if not wide else head[1] == {2: 126, 8: 127}[wide]):
                return at + size if at + size <= len(self._came) else None
        raise ValueError("no frame")

    def _answer_pings(self, data: bytes) -> None:
        if PING in data:
            self.transport.write(PONG)

    def connection_lost(self, exc: Exception | None) -> None:
        self.lost = True
        if not self.joined.done():
            self.joined.set_exception(exc or ConnectionResetError("closed before it had joined"))

    def send(self, text: str) -> None:
        """Send one packet."""
        self.transport.write(text_frame(text))


async def connect(port: int, client: Callable[[], Client], number: int = 0) -> Client:
    """Connect a client and let it join. Many addresses: one has ports for some 28,000 connections only."""
    loop = asyncio.get_running_loop()
    _, made = await loop.create_connection(client, "127.0.0.1", port, local_addr=(f"127.0.0.{2 + number % 8}", 0))
    await made.joined
    return made


async def connect_many(port: int, count: int, client: Callable[[], Client], at_once: int = 100) -> list[Client]:
    """Connect clients, some at a time."""
    clients: list[Client] = []
    numbers = iter(range(count))

    async def work() -> None:
        for number in numbers:
            clients.append(await connect(port, client, number))

    await asyncio.gather(*(work() for _ in range(at_once)))
    return clients


class Sender:
    """One user who talks, and keeps `in_flight` messages on the way until told to stop."""

    def __init__(self, client: Client, make_text: Callable[[int], str]) -> None:
        self.client = client
        self.ids: list[int] = []
        self.acked = 0
        self.sent = 0
        self.talking = False
        self._make_text = make_text
        self._rest = b""
        client.heard = self._heard

    def talk(self, in_flight: int) -> None:
        """Begin."""
        self.talking = True
        for _ in range(in_flight):
            self.say()

    def say(self) -> None:
        """Send one message."""
        self.sent += 1
        self.client.send(f'42{self.sent}["new_message","{self._make_text(self.sent)}"]')

    def _heard(self, data: bytes) -> None:
        packets, self._rest = split_frames(self._rest + data)
        for packet in packets:
            if packet.startswith(b"43"):
                self.acked += 1
                if packet.find(b"[]", 3, 16) < 0:
                    raise ValueError(f"a message was refused: {packet!r}")
                if self.talking:
                    self.say()
            elif found := MESSAGE.match(packet):
                self.ids.append(int(found[1]))
            elif packet == b"2":
                self.client.transport.write(PONG)


class Reading:
    """Reads for clients that have joined: a bare loop over epoll, a third of the work of asyncio's transports.

    With those, the readers of a fast server would be slower than the server, and that would be measured.
    """

    def __init__(self, clients: Iterable[Client]) -> None:
        self._poll = select.epoll()
        self._buffer = memoryview(bytearray(READ_SIZE))  # a new one for each read would cost more than the read
        self._sockets: dict[int, tuple[socket.socket, Callable[[bytes], None]]] = {}
        for client in clients:
            client.transport.pause_reading()
            number = client.transport.get_extra_info("socket").fileno()
            own = socket.socket(fileno=os.dup(number))
            self._sockets[own.fileno()] = own, client.heard
            self._poll.register(own.fileno(), select.EPOLLIN)

    def turn(self, timeout: float) -> None:
        """Read what is there, or wait for it for so many seconds."""
        for number, _ in self._poll.poll(max(timeout, 0.0)):
            own, heard = self._sockets[number]
            heard(bytes(self._buffer[: own.recv_into(self._buffer)]))

    def until(self, holds: Callable[[], bool], patience: float) -> None:
        """Read until something holds. Raises TimeoutError after `patience` seconds."""
        end = clock() + patience
        while not holds():
            if clock() > end:
                raise TimeoutError("not everything arrived")
            self.turn(0.05)

    def close(self) -> None:
        """Give back the sockets."""
        self._poll.close()
        for own, _ in self._sockets.values():
            own.close()


def split_frames(data: bytes) -> tuple[list[bytes], bytes]:
    """Return the contents of the whole frames of a server in `data`, and what is left."""
    contents, at = [], 0
    while len(data) - at >= 2:
        size, begin = data[at + 1], at + 2
        if size >= 126:
            wide = 2 if size == 126 else 8
            size, begin = int.from_bytes(data[begin : begin + wide]), begin + wide
        if begin + size > len(data):
            break
        contents.append(data[begin : begin + size])
        at = begin + size
    return contents, data[at:]


def clock() -> float:
    """Return seconds of the clock that all of this is measured by."""
    return time.perf_counter()
