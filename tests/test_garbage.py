"""Full collections: seldom, put off while newcomers wait, and left to Python again at the end."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Iterator

import pytest

from tests.manual_clock import ManualClock
from tornado_chat.garbage import LONGEST, PAUSES, ROUNDS, Collector

LAST = 0.5  # seconds that a collection takes here


class Garbage:
    """Stands in for `gc`: a collection takes its time, and nothing is collected."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, clock: ManualClock) -> None:
        self.rounds = ROUNDS  # looks at what is new since the last full collection
        self.collections = 0
        self.crowded = False
        self._clock = clock
        monkeypatch.setattr(gc, "collect", self._collect)
        monkeypatch.setattr(gc, "get_count", lambda: (0, 0, self.rounds))

    def _collect(self) -> int:
        self.collections += 1
        self._clock.advance(LAST)
        return 0


@pytest.fixture
def garbage(monkeypatch: pytest.MonkeyPatch, clock: ManualClock) -> Garbage:
    return Garbage(monkeypatch, clock)


@pytest.fixture
def collector(io_loop: object, garbage: Garbage, clock: ManualClock) -> Iterator[Collector]:
    made = Collector(lambda: garbage.crowded, clock.monotonic)
    yield made
    made.stop()


@pytest.mark.gen_test
async def test_a_hundredth_of_the_time_is_spent(collector: Collector, garbage: Garbage, clock: ManualClock) -> None:
    collector.start()
    assert garbage.collections == 2  # one to begin with, and the first that was worth it
    clock.advance(PAUSES * LAST - 1)
    collector._look()
    assert garbage.collections == 2
    clock.advance(1)
    collector._look()
    assert garbage.collections == 3


@pytest.mark.gen_test
async def test_none_is_done_while_little_is_new(collector: Collector, garbage: Garbage, clock: ManualClock) -> None:
    garbage.rounds = ROUNDS - 1
    collector.start()
    clock.advance(3600)
    collector._look()
    assert garbage.collections == 1


@pytest.mark.gen_test
async def test_newcomers_put_it_off_but_not_for_ever(
    collector: Collector, garbage: Garbage, clock: ManualClock
) -> None:
    garbage.crowded = True
    collector.start()
    assert garbage.collections == 1
    clock.advance(LONGEST - 1)
    collector._look()
    assert garbage.collections == 1
    clock.advance(1)
    collector._look()
    assert garbage.collections == 2


@pytest.mark.gen_test
async def test_python_does_it_before_and_afterwards() -> None:
    before = gc.get_threshold()
    frozen = gc.get_freeze_count()
    collector = Collector(lambda: False)
    collector.start()
    try:
        assert gc.get_threshold()[:2] == before[:2]
        assert gc.get_threshold()[2] > 1_000_000
        assert gc.get_freeze_count() > frozen
    finally:
        collector.stop()
    assert gc.get_threshold() == before
    assert gc.get_freeze_count() == 0
    collector.stop()
    await asyncio.sleep(0)
