"""A network that fails: it passes bytes on, and delays, swallows, breaks or garbles them when it is told to."""

from __future__ import annotations

import asyncio
import contextlib
import random
import socket
import struct

RESET = struct.pack("ii", 1, 0)


class Proxy:
    """Listens, and passes every connection on to 127.0.0.1:`target`."""

    def __init__(self, target: int) -> None:
        self._target = target
        self._server: asyncio.Server | None = None
        self._pipes: set[asyncio.StreamWriter] = set()
        self._robbed: set[asyncio.StreamWriter] = set()  # of which bytes were swallowed
        self.delay = 0.0  # seconds that each piece takes
        self.drops = False
        self.garbles = 0.0  # share of the pieces

    @property
    def port(self) -> int:
        """Where it listens."""
        assert self._server is not None
        return int(self._server.sockets[0].getsockname()[1])

    async def start(self) -> None:
        """Listen."""
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0, backlog=1000)

    async def stop(self) -> None:
        """Close everything."""
        assert self._server is not None
        self._server.close()
        self.cut()

    def cut(self) -> None:
        """Break every connection, in both directions."""
        for writer in list(self._pipes):
            _reset(writer)

    def pass_again(self) -> None:
        """Be a good network again. A connection that lost bytes is broken: TCP would have found out."""
        self.delay, self.drops, self.garbles = 0.0, False, 0.0
        for writer in list(self._robbed):
            _reset(writer)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            there_reader, there_writer = await asyncio.open_connection("127.0.0.1", self._target)
        except OSError:
            _reset(writer)
            return
        both = {writer, there_writer}
        self._pipes |= both
        try:
            await asyncio.gather(self._pipe(reader, there_writer, both), self._pipe(there_reader, writer, both))
        finally:
            self._pipes -= both
            self._robbed -= both
            for each in both:
                _reset(each)

    async def _pipe(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, both: set[asyncio.StreamWriter]
    ) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(65_536):
                if self.delay:
                    await asyncio.sleep(self.delay)
                if self.drops:
                    self._robbed |= both
                    continue
                if random.random() < self.garbles:
                    data = _garbled(data)
                writer.write(data)
                await writer.drain()
        self._break(both)

    def _break(self, both: set[asyncio.StreamWriter]) -> None:
        for each in both:
            _reset(each)


def _garbled(data: bytes) -> bytes:
    # The highest bit: then a byte of a text is no UTF-8 any more. Another letter in a text nobody could notice.
    at = random.randrange(len(data))
    return data[:at] + bytes([data[at] ^ 0x80]) + data[at + 1 :]


def _reset(writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
    writer.transport.abort()
