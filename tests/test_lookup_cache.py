"""Answers that are kept briefly: one question at a time for each key, and errors that are not kept."""

from __future__ import annotations

import asyncio
import functools
import gc

import pytest
from cachetools import TTLCache

from tornado_chat.lookup_cache import LookupCache


class Source:
    """What is asked: it answers when `released` is set, with `answer`, or raises it where it is an exception."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.begun = asyncio.Event()
        self.released = asyncio.Event()
        self.released.set()
        self.answer: str | Exception = "answer"

    async def ask(self, key: str) -> str:
        self.asked.append(key)
        self.begun.set()
        await self.released.wait()
        if isinstance(self.answer, Exception):
            raise self.answer
        return f"{self.answer} to {key}"


async def turn() -> None:
    """As a task, one turn of the event loop."""


@pytest.fixture
def source() -> Source:
    return Source()


@pytest.fixture
def cache(source: Source) -> LookupCache[str, str]:
    return LookupCache(source.ask, size=2, ttl=60)


@pytest.mark.gen_test
async def test_an_answer_is_kept(source: Source, cache: LookupCache[str, str]) -> None:
    assert [await cache.get("a"), await cache.get("a")] == ["answer to a"] * 2
    assert source.asked == ["a"]


@pytest.mark.gen_test
async def test_each_key_has_its_own_answer(source: Source, cache: LookupCache[str, str]) -> None:
    assert [await cache.get("a"), await cache.get("b")] == ["answer to a", "answer to b"]


@pytest.mark.gen_test
async def test_a_hundred_callers_make_one_question(source: Source, cache: LookupCache[str, str]) -> None:
    source.released.clear()
    callers = asyncio.gather(*(cache.get("a") for _ in range(100)))
    await source.begun.wait()
    assert len(cache._flights) == 1
    source.released.set()
    assert await callers == ["answer to a"] * 100
    assert source.asked == ["a"]
    assert len(cache._flights) == 0


@pytest.mark.gen_test
async def test_one_slow_key_does_not_hold_up_another() -> None:
    begun, released = asyncio.Event(), asyncio.Event()

    async def ask(key: str) -> str:
        if key == "slow":
            begun.set()
            await released.wait()
        return f"answer to {key}"

    cache = LookupCache(ask, size=2, ttl=60)
    slow = asyncio.ensure_future(cache.get("slow"))
    await begun.wait()
    assert await cache.get("fast") == "answer to fast"
    assert not slow.done()
    released.set()
    assert await slow == "answer to slow"


@pytest.mark.gen_test
async def test_an_error_reaches_all_who_wait(source: Source, cache: LookupCache[str, str]) -> None:
    source.released.clear()
    source.answer = OSError("away")
    callers = asyncio.gather(*(cache.get("a") for _ in range(100)), return_exceptions=True)
    await source.begun.wait()
    source.released.set()
    assert [str(error) for error in await callers] == ["away"] * 100
    assert source.asked == ["a"]


@pytest.mark.gen_test
async def test_an_error_is_not_kept(source: Source, cache: LookupCache[str, str]) -> None:
    source.answer = OSError("away")
    with pytest.raises(OSError, match="away"):
        await cache.get("a")
    source.answer = "answer"
    assert await cache.get("a") == "answer to a"
    assert len(cache._flights) == 0


@pytest.mark.gen_test
async def test_the_first_caller_may_go_away_without_harm_to_the_others(
    source: Source, cache: LookupCache[str, str]
) -> None:
    source.released.clear()
    first = asyncio.ensure_future(cache.get("a"))
    others = [asyncio.ensure_future(cache.get("a")) for _ in range(3)]
    await source.begun.wait()
    first.cancel()
    with pytest.raises(asyncio.CancelledError):
        await first
    source.released.set()
    assert await asyncio.gather(*others) == ["answer to a"] * 3
    assert source.asked == ["a"]


@pytest.mark.gen_test
async def test_a_question_that_nobody_waits_for_any_more_is_still_kept(
    source: Source, cache: LookupCache[str, str]
) -> None:
    source.released.clear()
    caller = asyncio.ensure_future(cache.get("a"))
    await source.begun.wait()
    caller.cancel()
    with pytest.raises(asyncio.CancelledError):
        await caller
    source.released.set()
    assert await cache.get("a") == "answer to a"
    assert source.asked == ["a"]


@pytest.mark.gen_test
async def test_an_error_that_nobody_waits_for_any_more_is_no_stray_traceback(
    source: Source, cache: LookupCache[str, str]
) -> None:
    strays: list[dict[str, object]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _loop, context: strays.append(context))
    source.released.clear()
    source.answer = OSError("away")
    caller = asyncio.ensure_future(cache.get("a"))
    await source.begun.wait()
    caller.cancel()
    with pytest.raises(asyncio.CancelledError):
        await caller
    source.released.set()
    while len(cache._flights):
        await asyncio.ensure_future(turn())
    gc.collect()
    assert strays == []


@pytest.mark.gen_test
async def test_the_least_used_answer_goes_when_there_are_too_many(source: Source, cache: LookupCache[str, str]) -> None:
    for key in ("a", "b", "c", "c", "a"):
        await cache.get(key)
    assert source.asked == ["a", "b", "c", "a"]


@pytest.mark.gen_test
async def test_an_answer_is_asked_for_again_when_its_time_is_over(
    source: Source, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [0.0]
    monkeypatch.setattr("tornado_chat.lookup_cache.TTLCache", functools.partial(TTLCache, timer=lambda: now[0]))
    cache = LookupCache(source.ask, size=2, ttl=60)
    await cache.get("a")
    now[0] = 59.9
    await cache.get("a")
    assert source.asked == ["a"]
    now[0] = 60.1
    await cache.get("a")
    assert source.asked == ["a", "a"]
