"""What is said in one tick: everybody gets their share in one write, in the order it was said."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tornado_chat.engine.outbox import Group, Outbox
from tornado_chat.engine.packets import Packet


class Ear:
    """A recipient; `polls`: it has no WebSocket, and packets are queued."""

    def __init__(self, *, polls: bool = False) -> None:
        self.heard: list[str] = []
        self.writes = 0
        self.write: Any = None if polls else self._write

    def _write(self, data: bytes) -> None:
        self.writes += 1
        while data:
            self.heard.append(data[2 : 2 + data[1]].decode())
            data = data[2 + data[1] :]

    def enqueue(self, packets: list[Packet]) -> None:
        self.writes += 1
        self.heard += [packet.text for packet in packets]


async def tick() -> None:
    await asyncio.sleep(0)


@pytest.mark.gen_test
async def test_what_a_group_and_one_of_it_are_told_goes_out_in_one_write_in_order() -> None:
    outbox = Outbox(0)
    group, one, other = Group(outbox), Ear(), Ear(polls=True)
    group.add(one)
    group.add(other)
    group.send(Packet("a"))
    outbox.send(one, Packet("b"))
    group.send(Packet("c"))
    outbox.send(other, Packet("d"))
    assert one.writes == 0
    await tick()
    assert (one.heard, one.writes) == (["a", "b", "c"], 1)
    assert (other.heard, other.writes) == (["a", "c", "d"], 1)


@pytest.mark.gen_test
async def test_a_frame_is_made_once_for_all() -> None:
    outbox = Outbox(0)
    group, packet, written = Group(outbox), Packet("x" * 50), []
    for _ in range(3):
        ear = Ear()
        ear.write = written.append
        group.add(ear)
    group.send(packet)
    await tick()
    assert [data is packet.frame for data in written] == [True] * 3


@pytest.mark.gen_test
async def test_one_who_is_gone_is_told_nothing() -> None:
    outbox, ear = Outbox(0), Ear()
    outbox.send(ear, Packet("a"))
    outbox.forget(ear)
    await tick()
    assert ear.heard == []


@pytest.mark.gen_test
async def test_a_lone_packet_waits_for_no_window_and_a_second_one_does_at_most_so_long() -> None:
    outbox, slow, fast = Outbox(0.05), Ear(), Ear()
    loop = asyncio.get_running_loop()
    heard = asyncio.Event()

    def take_time(data: bytes) -> None:
        begun = loop.time()
        while loop.time() < begun + 0.02:
            pass

    slow.write = take_time
    fast.write = lambda data: heard.set()
    outbox.send(slow, Packet("a"))
    outbox.send(fast, Packet("a"))
    await tick()
    assert heard.is_set()
    heard.clear()
    outbox.send(fast, Packet("b"))
    outbox.send(fast, Packet("c"))
    await tick()
    assert not heard.is_set()
    await asyncio.wait_for(heard.wait(), 1)


steps = st.lists(
    st.tuples(st.sampled_from(["say", "tell", "join", "leave", "tick"]), st.integers(0, 2), st.integers(0, 3)),
    max_size=60,
)


@settings(max_examples=150, deadline=None, derandomize=True)
@given(steps)
def test_any_interleaving_reaches_everybody_once_and_in_order(script: list[tuple[str, int, int]]) -> None:
    async def play() -> None:
        outbox = Outbox(0)
        groups = [Group(outbox) for _ in range(3)]
        ears = [Ear(polls=number % 2 == 1) for number in range(4)]
        members: list[set[int]] = [set(), set(), set()]
        expected: list[list[str]] = [[] for _ in ears]
        for number, (what, group, ear) in enumerate(script):
            text = f"{number}"
            if what == "say":
                groups[group].send(Packet(text))
                for member in members[group]:
                    expected[member].append(text)
            elif what == "tell":
                outbox.send(ears[ear], Packet(text))
                expected[ear].append(text)
            elif what == "join":
                groups[group].add(ears[ear])
                members[group].add(ear)
            elif what == "leave":
                groups[group].discard(ears[ear])
                members[group].discard(ear)
            else:
                await tick()
        await tick()
        assert [ear.heard for ear in ears] == expected
        assert outbox.spoken == []
        assert outbox._own == {}
        assert all(not group._said and not group._newcomers for group in groups)

    asyncio.run(play())
