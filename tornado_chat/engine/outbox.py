"""What is said in one tick of the event loop, joined into one write for each socket."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Any, Protocol

from tornado_chat.engine.packets import Packet


class Recipient(Protocol):
    """A session, as the outbox sees it.

    `write` takes frames where a WebSocket is open and everything goes through it; else it is None, and packets are
    put into the session's own queue.
    """

    write: Any

    def enqueue(self, packets: list[Packet]) -> None: ...


class Group:
    """Recipients that are told the same."""

    __slots__ = ("_members", "_newcomers", "_outbox", "_said")

    def __init__(self, outbox: Outbox) -> None:
        self._outbox = outbox
        self._members: dict[Recipient, None] = {}
        self._said: list[tuple[int, Packet]] = []  # in this tick: (place in the tick, packet)
        self._newcomers: dict[Recipient, int] = {}  # who came in this tick, and their place in it

    def __len__(self) -> int:
        return len(self._members)

    def add(self, recipient: Recipient) -> None:
        """Add a recipient, who gets what is said from now on."""
        if self._said and recipient not in self._members:
            self._newcomers[recipient] = self._outbox.place()
        self._members[recipient] = None

    def discard(self, recipient: Recipient) -> None:
        """Remove a recipient, who still gets what was said until now."""
        if recipient not in self._members:
            return
        del self._members[recipient]
        since = self._newcomers.pop(recipient, 0)
        for place, packet in self._said:
            if place >= since:
                self._outbox.put(recipient, place, packet)

    def send(self, packet: Packet) -> None:
        """Send a packet to all who are in the group now."""
        if self._members:
            if not self._said:
                self._outbox.spoken.append(self)
            self._said.append((self._outbox.place(), packet))


class Outbox:
    """Sends at the end of the tick what was said in it: each recipient's share in one write, in the order it was said.

    A packet said while nothing goes on is sent in the same tick. While flushes follow one another, the next one waits
    as long as the one before took, at most `window` seconds: so at least half of the time is left for everything else,
    and under load more is joined.
    """

    def __init__(self, window: float) -> None:
        self.spoken: list[Group] = []  # the groups in which something was said in this tick
        self._window = window
        self._own: dict[Recipient, list[tuple[int, Packet]]] = {}  # what only they are sent in this tick
        self._place = 0
        self._not_before = 0.0  # event-loop time
        self._flush_handle: asyncio.Handle | None = None

    def send(self, recipient: Recipient, packet: Packet) -> None:
        """Send a packet to one recipient."""
        self.put(recipient, self.place(), packet)

    def put(self, recipient: Recipient, place: int, packet: Packet) -> None:
        """Send a packet to one recipient as if it had been said at `place`."""
        self._own.setdefault(recipient, []).append((place, packet))

    def place(self) -> int:
        """Return the next place in this tick, and see to it that the tick is flushed."""
        if self._flush_handle is None:
            loop = asyncio.get_running_loop()
            if loop.time() >= self._not_before:
                self._flush_handle = loop.call_soon(self.flush)
            else:
                self._flush_handle = loop.call_at(self._not_before, self.flush)
        self._place += 1
        return self._place

    def forget(self, recipient: Recipient) -> None:
        """Send nothing more to a recipient who is gone. Groups are left by whoever joined them."""
        self._own.pop(recipient, None)

    def flush(self) -> None:
        """Send now what was said until now."""
        if self._flush_handle is None:
            return
        self._flush_handle.cancel()
        self._flush_handle = None
        begun = asyncio.get_running_loop().time()
        own, self._own = self._own, {}
        groups, self.spoken = self.spoken, []
        self._place = 0
        for recipient in _in_several(groups):
            own.setdefault(recipient, [])
        for group in groups:
            for recipient in group._newcomers:
                own.setdefault(recipient, [])
        for group in groups:
            self._flush_group(group, own)
        for recipient, entries in own.items():
            if entries:
                entries.sort(key=_by_place)
                _deliver((recipient,), [packet for _, packet in entries])
        took = asyncio.get_running_loop().time() - begun
        self._not_before = begun + took + min(took, self._window)

    def _flush_group(self, group: Group, own: dict[Recipient, list[tuple[int, Packet]]]) -> None:
        said, group._said = group._said, []
        newcomers, group._newcomers = group._newcomers, {}
        members: Iterable[Recipient] = group._members
        if own:
            for recipient in own.keys() & group._members.keys():
                since = newcomers.get(recipient, 0)
                own[recipient] += [entry for entry in said if entry[0] >= since]
            members = [recipient for recipient in group._members if recipient not in own]
        _deliver(members, [packet for _, packet in said])


def _by_place(entry: tuple[int, Packet]) -> int:
    return entry[0]


def _in_several(groups: list[Group]) -> set[Recipient]:
    """Return who is in more than one of the groups, and so needs them in order."""
    several: set[Recipient] = set()
    seen: set[Recipient] = set()
    for group in groups if len(groups) > 1 else ():
        several |= seen & group._members.keys()
        seen |= group._members.keys()
    return several


def _deliver(recipients: Iterable[Recipient], packets: list[Packet]) -> None:
    frames = packets[0].frame if len(packets) == 1 else b"".join([packet.frame for packet in packets])
    for recipient in recipients:
        if (write := recipient.write) is not None:
            write(frames)
        else:
            recipient.enqueue(packets)
