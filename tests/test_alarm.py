"""One timer for all that has an end."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta

import pytest

from tests.manual_clock import ManualClock
from tornado_chat.alarm import LONGEST_NAP, Alarm


class Eggs:
    """What is on the boil, until when."""

    def __init__(self) -> None:
        self.clock = ManualClock()
        self.until: list[datetime] = []
        self.done: list[float] = []
        self.may_end = asyncio.Event()
        self.may_end.set()
        self.alarm = Alarm(self.clock, lambda: min(self.until, default=None), self.end_due)

    def boil(self, seconds: float) -> None:
        self.until.append(self.clock.now() + timedelta(seconds=seconds))
        self.alarm.set()

    async def end_due(self) -> None:
        due = [until for until in self.until if until <= self.clock.now()]
        await self.may_end.wait()
        self.until = [until for until in self.until if until not in due]
        self.done += [self.clock.monotonic()] * len(due)

    async def wait(self, seconds: float) -> None:
        self.clock.advance(seconds)
        for _ in range(5):
            await asyncio.sleep(0)


@pytest.mark.gen_test
async def test_it_rings_for_each_when_its_time_has_come() -> None:
    eggs = Eggs()
    eggs.boil(30)
    eggs.boil(10)
    eggs.boil(10)
    await eggs.wait(9.9)
    assert eggs.done == []
    await eggs.wait(0.1)
    assert eggs.done == [10, 10]
    await eggs.wait(20)
    assert eggs.done == [10, 10, 30]


@pytest.mark.gen_test
async def test_however_far_away_the_end_is_the_clock_is_looked_at() -> None:
    eggs = Eggs()
    eggs.boil(86_400)
    eggs.until = [eggs.clock.now() + timedelta(seconds=LONGEST_NAP)]  # as if the clock had been set forward by a day
    await eggs.wait(LONGEST_NAP)
    assert eggs.done == [LONGEST_NAP]


@pytest.mark.gen_test
async def test_it_rings_once_at_a_time_and_again_for_what_became_due_meanwhile() -> None:
    eggs = Eggs()
    eggs.boil(10)
    eggs.may_end.clear()
    await eggs.wait(10)
    eggs.boil(5)
    await eggs.wait(5)
    assert eggs.done == []
    eggs.may_end.set()
    await eggs.wait(0)
    await eggs.wait(0)
    assert eggs.done == [15, 15]


@pytest.mark.gen_test
async def test_closing_waits_for_what_is_under_way_and_nothing_rings_after() -> None:
    eggs = Eggs()
    eggs.boil(10)
    eggs.boil(20)
    eggs.may_end.clear()
    await eggs.wait(10)
    closing = asyncio.ensure_future(eggs.alarm.close())
    await eggs.wait(0)
    assert not closing.done()
    eggs.may_end.set()
    await closing
    await eggs.wait(60)
    assert eggs.done == [10]
