"""One Socket.IO connection over a raw WebSocket, as cheap as Python can: a herd has thousands of them."""

from __future__ import annotations

import asyncio
import itertools
import json
import socket
import struct
from collections.abc import Callable
from typing import Any

from scripts.bench.load import PONG, UPGRADE, text_frame

TEXT = 0x81  # a whole text frame, as the server sends all that counts here
RESET = struct.pack("ii", 1, 0)  # SO_LINGER for no time at all: closing then sends a RST
GRACE = 5.0  # seconds that a heartbeat may be late; the official client allows 20

Event = Callable[[str, list[Any]], None]


class Broken(ConnectionError):
    """The connection ended, or what came over it made no sense."""


class Connection(asyncio.Protocol):
    """A connection of which `event(name, args)` hears; `joined` once the server let it into the namespace."""

    def __init__(self, event: Event) -> None:
        loop = asyncio.get_running_loop()
        self.joined: asyncio.Future[None] = loop.create_future()
        self.closed = asyncio.Event()
        self._loop = loop
        self._event = event
        self._ids = itertools.count(1)
        self._acks: dict[int, asyncio.Future[list[Any]]] = {}
        self._acked: dict[int, Callable[[list[Any]], None]] = {}
        self._rest = b""
        self._upgraded = False
        self._patience = 60.0  # until the server has said how often it sends a heartbeat
        self._watch: asyncio.TimerHandle | None = None
        self._heard = loop.time()

    @classmethod
    async def open(cls, port: int, event: Event, *, patience: float, buffer: int = 0) -> Connection:
        """Connect and join the namespace. `buffer` makes the kernel's receive buffer so small. Raises OSError."""
        loop = asyncio.get_running_loop()
        raw = socket.socket()
        raw.setblocking(False)
        connection: Connection | None = None
        try:
            async with asyncio.timeout(patience):
                if buffer:
                    raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
                await loop.sock_connect(raw, ("127.0.0.1", port))
                _, connection = await loop.create_connection(lambda: cls(event), sock=raw)
                await connection.joined
        except BaseException as error:
            if connection is None:
                raw.close()
            else:
                connection.reset()
            if isinstance(error, TimeoutError):
                raise Broken("no answer to the handshake") from None
            raise
        return connection

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        transport.write(UPGRADE)
        self._look()

    def data_received(self, data: bytes) -> None:
        self._heard = self._loop.time()
        self._rest += data
        if not self._upgraded:
            head, end, rest = self._rest.partition(b"\r\n\r\n")
            if not end:
                return
            if b" 101 " not in head.partition(b"\r\n")[0]:
                self._break("the server refused the upgrade")
                return
            self._upgraded, self._rest = True, rest
        try:
            self._take_frames()
        except (ValueError, KeyError, IndexError, TypeError, AttributeError) as error:
            self._break(f"a packet makes no sense: {error}")

    def connection_lost(self, exc: Exception | None) -> None:
        self.closed.set()
        if self._watch is not None:
            self._watch.cancel()
        if not self.joined.done():
            self.joined.set_exception(exc or Broken("closed before it had joined"))
            self.joined.exception()
        for waiting in self._acks.values():
            if not waiting.done():
                waiting.set_exception(Broken("closed before the ack"))
                waiting.exception()

    def _take_frames(self) -> None:
        data, at = self._rest, 0
        while len(data) - at >= 2 and not self.transport.is_closing():
            kind, size, begin = data[at], data[at + 1], at + 2
            if size >= 126:
                wide = 2 if size == 126 else 8
                size, begin = int.from_bytes(data[begin : begin + wide], "big"), begin + wide
            if begin + size > len(data):
                break
            if kind != TEXT:
                self._break(f"a frame of kind {kind:#x}")
                return
            self._packet(data[begin : begin + size].decode())
            at = begin + size
        self._rest = data[at:]

    def _packet(self, packet: str) -> None:
        if packet == "2":
            self.transport.write(PONG)
        elif packet.startswith("42"):
            name, *args = json.loads(packet[2:])
            self._event(name, args)
        elif packet.startswith("43"):
            number, bracket, rest = packet[2:].partition("[")
            args = json.loads(bracket + rest)
            if told := self._acked.pop(int(number), None):
                told(args)  # before the next packet is looked at: what is said after an answer comes after it
            if (waiting := self._acks.pop(int(number), None)) and not waiting.done():
                waiting.set_result(args)
        elif packet.startswith("40"):
            if not self.joined.done():
                self.joined.set_result(None)
        elif packet.startswith("0"):
            self._patience = json.loads(packet[1:])["pingInterval"] / 1000 + GRACE
            self.send("40")
        elif packet in {"1", "41"}:
            self._break("the server said good-bye")

    def send(self, packet: str) -> None:
        """Send one packet."""
        self.transport.write(text_frame(packet))

    async def emit(self, *event: Any, patience: float, told: Callable[[list[Any]], None] | None = None) -> list[Any]:
        """Send an event and return its ack, which `told` is given first. Raises Broken where none comes."""
        if self.transport.is_closing():
            raise Broken("closed")
        number = next(self._ids)
        waiting = self._acks[number] = self._loop.create_future()
        if told is not None:
            self._acked[number] = told
        self.send(f"42{number}{json.dumps(event)}")
        try:
            return await asyncio.wait_for(waiting, patience)
        except TimeoutError:
            raise Broken("no ack") from None

    def reset(self) -> None:
        """End it with a RST: what is on the way in either direction is gone."""
        if not self.transport.is_closing():
            self.transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        self.transport.abort()

    def deafen(self, deaf: bool) -> None:
        """Stop reading, or go on."""
        if self.transport.is_closing():
            return
        if deaf:
            self.transport.pause_reading()
        elif not self.transport.is_reading():
            self._heard = self._loop.time()
            self.transport.resume_reading()

    def _look(self) -> None:
        # A network that swallows everything closes nothing; a client notices by the heartbeats that don't come.
        silent = self._loop.time() - self._heard
        if silent > self._patience and self.transport.is_reading():
            self._break("the server is silent")
            return
        self._watch = self._loop.call_later(1.0, self._look)

    def _break(self, why: str) -> None:
        if not self.joined.done():
            self.joined.set_exception(Broken(why))
            self.joined.exception()
        self.reset()
