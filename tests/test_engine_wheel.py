"""One timer for many deadlines, and the deadlines of a session."""

from __future__ import annotations

import asyncio

import pytest

from tornado_chat.engine.backlog import Backlog
from tornado_chat.engine.deadlines import Deadlines, Due
from tornado_chat.engine.reasons import CloseReason
from tornado_chat.engine.wheel import SLOTS, Timed, TimerWheel

RESOLUTION = 0.01  # seconds


class Alarm:
    def __init__(self, again: float | None = None) -> None:
        self.slot: set[Timed] | None = None
        self.rung: list[float] = []
        self.ring = asyncio.Event()
        self._again = again

    def tick(self, now: float) -> float | None:
        self.rung.append(now)
        self.ring.set()
        return now + self._again if self._again is not None and len(self.rung) < 3 else None


class Broken(Alarm):
    def tick(self, now: float) -> float | None:
        super().tick(now)
        raise RuntimeError("on purpose")


@pytest.mark.gen_test
async def test_it_rings_at_its_time_and_never_before() -> None:
    wheel, loop = TimerWheel(RESOLUTION), asyncio.get_running_loop()
    alarms = [(Alarm(), loop.time() + wait) for wait in (0.0, 0.005, 0.03, 0.031, 0.1)]
    for alarm, when in alarms:
        wheel.schedule(alarm, when)
    for alarm, when in alarms:
        await asyncio.wait_for(alarm.ring.wait(), 5)
        assert alarm.rung[0] >= when
    assert len(wheel) == 0
    assert wheel._timer is None


@pytest.mark.gen_test
async def test_one_who_is_cancelled_or_moved_does_not_ring() -> None:
    wheel, now = TimerWheel(RESOLUTION), asyncio.get_running_loop().time()
    cancelled, moved, last = Alarm(), Alarm(), Alarm()
    wheel.schedule(cancelled, now)
    wheel.schedule(moved, now)
    wheel.schedule(moved, now + 60)
    wheel.schedule(last, now + 0.05)
    wheel.cancel(cancelled)
    wheel.cancel(cancelled)
    await asyncio.wait_for(last.ring.wait(), 5)
    assert (cancelled.rung, moved.rung, len(wheel)) == ([], [], 1)
    wheel.close()


@pytest.mark.gen_test
async def test_it_rings_again_when_asked_to_and_goes_on_after_a_failure() -> None:
    wheel, now = TimerWheel(RESOLUTION), asyncio.get_running_loop().time()
    broken, again, last = Broken(), Alarm(again=0.02), Alarm()
    wheel.schedule(broken, now)
    wheel.schedule(again, now)
    wheel.schedule(last, now + 0.2)
    await asyncio.wait_for(last.ring.wait(), 5)
    assert (len(broken.rung), len(again.rung), len(wheel)) == (1, 3, 0)


@pytest.mark.gen_test
async def test_what_is_further_away_than_a_round_is_looked_at_once_a_round() -> None:
    wheel, loop = TimerWheel(0.0005), asyncio.get_running_loop()
    far = Alarm()
    begun = loop.time()
    wheel.schedule(far, begun + 3600)
    await asyncio.wait_for(far.ring.wait(), 5)
    assert far.rung[0] - begun >= (SLOTS - 2) * 0.0005
    assert len(far.rung) == 1


def test_in_revision_4_the_server_pings_and_waits_for_a_sign_of_life() -> None:
    deadlines = Deadlines(25, 20)
    deadlines.start(0, 24)
    deadlines.establish_by(10)
    assert (deadlines.next(0), deadlines.due(9.9), deadlines.due(10)) == (10, None, CloseReason.HANDSHAKE_TIMEOUT)
    deadlines.establish_by(None)
    assert (deadlines.next(10), deadlines.due(23.9), deadlines.due(24)) == (24, None, Due.PING)
    deadlines.pinged(24, 48)
    assert (deadlines.next(24), deadlines.due(43.9), deadlines.due(44)) == (44, None, CloseReason.PING_TIMEOUT)
    deadlines.heard(30)
    assert (deadlines.next(30), deadlines.due(44), deadlines.due(48)) == (48, None, Due.PING)


def test_in_revision_3_the_client_pings() -> None:
    deadlines = Deadlines(25, 20)
    deadlines.start(0, None)
    assert (deadlines.next(0), deadlines.due(44.9), deadlines.due(45)) == (45, None, CloseReason.PING_TIMEOUT)
    deadlines.heard(40)
    assert (deadlines.next(45), deadlines.due(84.9), deadlines.due(85)) == (85, None, CloseReason.PING_TIMEOUT)


def test_a_slow_peer_is_idle_only_while_it_takes_nothing() -> None:
    backlog = Backlog(100, 0)
    assert backlog.idle(100, 3) == 3
    assert backlog.idle(90, 4) == 0
    backlog.give(50)
    assert backlog.idle(140, 6) == 2
    assert backlog.idle(139, 7) == 0
