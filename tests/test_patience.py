"""How long the database is waited for, where something keeps the event loop meanwhile."""

from __future__ import annotations

import asyncio
import gc
import threading

import pytest

from tornado_chat import patience
from tornado_chat.patience import in_time


@pytest.mark.gen_test
async def test_an_answer_that_came_while_the_loop_was_blocked_is_taken() -> None:
    loop = asyncio.get_running_loop()
    answer: asyncio.Future[str] = loop.create_future()
    waiting = asyncio.ensure_future(in_time(answer, 0.05))
    await asyncio.sleep(0)
    came = threading.Event()

    def bring() -> None:
        loop.call_soon_threadsafe(answer.set_result, "here")
        came.set()

    threading.Thread(target=bring).start()
    threading.Event().wait(0.1)  # as a plugin does that blocks
    assert came.is_set()
    assert await waiting == "here"


@pytest.mark.gen_test
async def test_what_does_not_come_is_cancelled_before_the_caller_goes_on() -> None:
    ended: list[str] = []

    async def hang() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.append("ended")

    with pytest.raises(TimeoutError):
        await in_time(hang(), 0.01)
    assert ended == ["ended"]


@pytest.mark.gen_test
async def test_a_caller_who_is_cancelled_cancels_it() -> None:
    ended: list[str] = []
    begun = asyncio.Event()

    async def hang() -> None:
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended.append("ended")

    waiting = asyncio.ensure_future(in_time(hang(), 10))
    await begun.wait()
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert ended == ["ended"]


@pytest.mark.gen_test
async def test_what_failed_while_its_caller_was_cancelled_is_not_logged_as_never_retrieved(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def give_up() -> None:
        answer: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        waiting = asyncio.ensure_future(in_time(answer, 10))
        await asyncio.sleep(0)
        answer.set_exception(OSError("timed out"))
        waiting.cancel()
        await asyncio.wait({waiting})
        assert waiting.cancelled()

    await give_up()
    gc.collect()
    assert "never retrieved" not in caplog.text


@pytest.mark.gen_test
async def test_it_gives_up_in_time_where_nothing_kept_the_event_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patience, "LATE", 2.0)
    monkeypatch.setattr(patience, "LOOK_AGAIN", 60.0)
    answer: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    with pytest.raises(TimeoutError):
        await in_time(answer, 0.05)
    assert answer.cancelled()
