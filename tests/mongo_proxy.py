"""The way to the database, on which one answer can be lost: the request is carried out, and nobody is told."""

from __future__ import annotations

import asyncio
import contextlib
import struct
from dataclasses import dataclass

from scripts.faults.proxy import Proxy

OP_MSG = 2013
HEADER = struct.Struct("<iiii")  # length, request id, id of the request that is answered, kind
NAME = 26  # where an OP_MSG has the name of its command: header, flags, kind of section, length and type


@dataclass(slots=True)
class Loss:
    """The next answer to `command` on `collection` is lost, and where it `cuts`, the connection is lost with it.

    With `stays` nothing passes any more from then on.
    """

    command: str
    collection: str
    cuts: bool = False
    stays: bool = False
    request: int | None = None  # whose answer it is
    happened: bool = False


class MongoProxy(Proxy):
    """A proxy that knows where a message of MongoDB's protocol begins and ends."""

    def __init__(self, target: int) -> None:
        super().__init__(target)
        self.loss: Loss | None = None
        self.refuses = False  # new connections

    def go(self, *, refuses: bool) -> None:
        """Let nothing pass any more: what is connected is cut, or is left without an answer."""
        self.drops = True
        self.refuses = refuses
        if refuses:
            self.cut()

    def pass_again(self) -> None:
        self.refuses = False
        super().pass_again()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self.refuses:
            self._break({writer})
        else:
            await super()._accept(reader, writer)

    async def _pipe(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, both: set[asyncio.StreamWriter]
    ) -> None:
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            while True:
                header = await reader.readexactly(HEADER.size)
                length, request, answered, kind = HEADER.unpack(header)
                message = header + await reader.readexactly(length - HEADER.size)
                self._look(message, request, kind)
                if self._loses(answered):
                    self._robbed |= both
                    if self.loss is not None and self.loss.cuts:
                        break
                    continue
                if self.drops:
                    self._robbed |= both
                    continue
                writer.write(message)
                await writer.drain()
        self._break(both)

    def _look(self, message: bytes, request: int, kind: int) -> None:
        if self.loss is None or self.loss.request is not None or kind != OP_MSG:
            return
        command, _, rest = message[NAME:].partition(b"\0")
        collection = rest[4:].partition(b"\0")[0]
        if (command, collection) == (self.loss.command.encode(), self.loss.collection.encode()):
            self.loss.request = request

    def _loses(self, answered: int) -> bool:
        if self.loss is None or self.loss.happened or not answered or answered != self.loss.request:
            return False
        self.loss.happened = True
        self.drops = self.drops or self.loss.stays
        return True
