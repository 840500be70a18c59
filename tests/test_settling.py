"""Writes whose fate is unknown: what one left behind is put right before the next, in order, within the time limit."""

from __future__ import annotations

import asyncio

import pytest

from tornado_chat.errors import StoreUnavailable
from tornado_chat.settling import Settling


@pytest.mark.gen_test
async def test_what_failed_is_put_right_before_the_next_turn_and_once() -> None:
    settling = Settling("the tests", 5.0)
    did: list[str] = []

    async def fail() -> None:
        did.append("fail")
        raise StoreUnavailable("away")

    async def repair() -> None:
        did.append("repair")

    async def write() -> None:
        did.append("write")

    with pytest.raises(StoreUnavailable):
        async with settling.turn():
            await settling.write("a", fail(), repair)
    for _ in range(2):
        async with settling.turn():
            await settling.write("b", write(), repair)
    assert did == ["fail", "repair", "write", "write"]


@pytest.mark.gen_test
async def test_a_repair_that_fails_is_tried_again_at_the_next_turn() -> None:
    settling = Settling("the tests", 5.0)
    repairs: list[bool] = []

    async def fail() -> None:
        raise StoreUnavailable("away")

    async def repair() -> None:
        repairs.append(len(repairs) > 0)
        if len(repairs) == 1:
            raise StoreUnavailable("still away")

    with pytest.raises(StoreUnavailable):
        async with settling.turn():
            await settling.write("a", fail(), repair)
    with pytest.raises(StoreUnavailable, match="still away"):
        async with settling.turn():
            pass
    async with settling.turn():
        pass
    assert repairs == [False, True]


@pytest.mark.gen_test
async def test_who_waits_too_long_is_told_what_for() -> None:
    settling = Settling("the tests", 0.05)
    release = asyncio.Event()

    async def hold() -> None:
        with pytest.raises(StoreUnavailable):
            async with settling.turn():
                await release.wait()

    holding = asyncio.ensure_future(hold())
    await asyncio.sleep(0)
    with pytest.raises(StoreUnavailable, match="the tests are waiting for the database"):
        async with settling.turn():
            pass
    await holding
