"""The machine's clock, as the server uses it."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from tornado_chat.clock import SystemClock


def test_now_is_utc_in_whole_milliseconds() -> None:
    now = SystemClock().now()
    assert now.tzinfo is UTC
    assert now.microsecond % 1000 == 0
    assert abs(now - datetime.now(UTC)) < timedelta(seconds=5)


@pytest.mark.gen_test
async def test_a_timer_calls_unless_it_is_cancelled() -> None:
    clock, called = SystemClock(), asyncio.Event()
    cancelled = clock.call_later(0, lambda: pytest.fail("it was cancelled"))
    cancelled.cancel()
    clock.call_later(0.001, called.set)
    await asyncio.wait_for(called.wait(), 10)
    assert called.is_set()
