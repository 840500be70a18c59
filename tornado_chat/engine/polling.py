"""What waits for a client's next poll, and the poll that waits for it."""

from __future__ import annotations

import asyncio

from tornado_chat.engine.packets import Packet


class PollQueue:
    """The sending side of long-polling."""

    __slots__ = ("_packets", "_waiting", "busy", "size")

    def __init__(self) -> None:
        self._packets: list[Packet] = []
        self._waiting: asyncio.Future[list[str]] | None = None
        self.size = 0  # characters of the packets
        self.busy = False  # a poll is waiting, or its answer is on the way

    def put(self, packets: list[Packet]) -> None:
        """Add packets; a poll that waits is answered with them."""
        self._packets += packets
        self.size += sum(len(packet.text) for packet in packets)
        self.answer()

    def wait(self) -> asyncio.Future[list[str]]:
        """Return a poll, answered as soon as there are packets."""
        self.busy = True
        waiting = self._waiting = asyncio.get_running_loop().create_future()
        if self._packets:
            self.answer()
        return waiting

    def answer(self, *more: str) -> None:
        """Answer the poll that waits, where one does, with the packets that wait and `more`."""
        if self._waiting is None:
            return
        packets = [packet.text for packet in self.take()]
        if not self._waiting.done():
            self._waiting.set_result([*packets, *more])
        self._waiting = None

    def take(self) -> list[Packet]:
        """Return the packets that wait; they don't wait any more."""
        packets, self._packets, self.size = self._packets, [], 0
        return packets
