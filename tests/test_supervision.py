"""Calls into plugins: what they may do, how they fail, and when they are left alone for a while."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from tornado_chat.errors import CommandRefused
from tornado_chat.manual_clock import ManualClock
from tornado_chat.supervision import FIRST_PAUSE, LAST_PAUSE, PATIENCE, Part, PluginBlocked, PluginFailed, Supervisor

Call = Callable[..., Coroutine[Any, Any, Any]]


class House:
    """One part, its clock, and what was told of its suspensions."""

    def __init__(self) -> None:
        self.clock = ManualClock()
        self.told: list[tuple[str, float, str]] = []
        self.supervisor = Supervisor(2, self._hear, self.clock.monotonic)
        self.part = self.supervisor.part("judge", "filter")

    def _hear(self, part: Part, seconds: float, why: str) -> None:
        self.told.append((str(part), seconds, why))

    def fail(self, times: int = 1) -> None:
        for _ in range(times):
            self.part.failed(PluginFailed("raised KeyError"))


@pytest.fixture
def house() -> House:
    return House()


async def fails(part: Part, function: Call, timeout: float = 0.05) -> str:
    with pytest.raises(PluginFailed) as caught:
        await part.call(function, timeout=timeout)
    return str(caught.value)


@pytest.mark.gen_test
async def test_what_never_waits_costs_no_task_and_no_timer(house: House) -> None:
    async def check(number: int) -> int:
        return number + 1

    loop = asyncio.get_running_loop()
    before = (len(asyncio.all_tasks()), len(loop._scheduled))  # type: ignore[attr-defined]
    assert await house.part.call(check, 6, timeout=1) == 7
    assert (len(asyncio.all_tasks()), len(loop._scheduled)) == before  # type: ignore[attr-defined]


@pytest.mark.gen_test
async def test_what_waits_may_use_all_that_asyncio_has(house: House) -> None:
    variable: contextvars.ContextVar[str] = contextvars.ContextVar("variable")

    async def check() -> list[Any]:
        variable.set("kept")
        said: list[Any] = []
        try:
            async with asyncio.timeout(0.001):
                await asyncio.Event().wait()
        except TimeoutError:
            said.append("its own timeout")
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(asyncio.sleep(0, number)) for number in range(3)]
        said.append([task.result() for task in tasks])
        said.append(await asyncio.wait_for(asyncio.to_thread(lambda: "thread"), 5))
        said.append(variable.get())
        return said

    assert await house.part.call(check, timeout=5) == ["its own timeout", [0, 1, 2], "thread", "kept"]


@pytest.mark.gen_test
@pytest.mark.parametrize("error", [KeyError("x"), OSError("away"), asyncio.CancelledError()], ids=repr)
async def test_what_it_waits_for_may_fail_and_be_caught(house: House, error: BaseException) -> None:
    async def check() -> str:
        waiting = asyncio.get_running_loop().create_future()
        asyncio.get_running_loop().call_soon(_fail, waiting, error)
        try:
            await waiting
        except BaseException as caught:
            await asyncio.sleep(0)
            return type(caught).__name__
        return "nothing"

    assert await house.part.call(check, timeout=1) == type(error).__name__


def _fail(waiting: asyncio.Future[None], error: BaseException) -> None:
    if isinstance(error, asyncio.CancelledError):
        waiting.cancel()
    else:
        waiting.set_exception(error)


@pytest.mark.gen_test
async def test_a_timeout_of_its_own_that_it_lets_out_is_a_failure_and_not_ours(house: House) -> None:
    async def check() -> None:
        async with asyncio.timeout(0.001):
            await asyncio.Event().wait()

    assert await fails(house.part, check, 5) == "raised TimeoutError"


@pytest.mark.gen_test
async def test_what_takes_too_long_is_ended_and_its_finally_is_run(house: House) -> None:
    ended: list[str] = []

    async def check() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.append("finally")

    assert await fails(house.part, check, 0.01) == "gave no answer within 10 ms"
    assert ended == ["finally"]
    task = asyncio.current_task()
    assert task is not None
    assert task.cancelling() == 0


@pytest.mark.gen_test
async def test_its_finally_may_wait(house: House) -> None:
    ended: list[str] = []

    async def check() -> None:
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(asyncio.Event().wait())
        finally:
            await asyncio.sleep(0)
            ended.append("finally")

    assert await fails(house.part, check, 0.01) == "gave no answer within 10 ms"
    assert ended == ["finally"]


@pytest.mark.gen_test
async def test_a_timeout_of_its_own_around_what_waits_for_its_end(house: House) -> None:
    """wait_for awaits the end of what it has cancelled, before the timeout around it takes its cancellation back."""

    async def slow_to_end() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0)

    async def check() -> str:
        try:
            async with asyncio.timeout(0.01):
                await asyncio.wait_for(slow_to_end(), 60)
        except TimeoutError:
            await asyncio.sleep(0)
            return "timed out"
        return "never"

    assert await house.part.call(check, timeout=5) == "timed out"
    task = asyncio.current_task()
    assert task is not None
    assert task.cancelling() == 0


async def _swallowing() -> None:
    while True:
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.Event().wait()


async def _ignoring_its_end() -> None:
    for _ in range(3):
        with contextlib.suppress(BaseException):  # the worst there is
            await asyncio.Event().wait()


async def _answering_after_all() -> str:
    try:
        await asyncio.Event().wait()
    except asyncio.CancelledError:
        return "too late"
    return "never"


@pytest.mark.gen_test
@pytest.mark.parametrize("function", [_swallowing, _ignoring_its_end, _answering_after_all])
async def test_what_does_not_want_to_end_holds_nobody_up(house: House, function: Call) -> None:
    assert await asyncio.wait_for(fails(house.part, function, 0.01), 5) == "gave no answer within 10 ms"


@pytest.mark.gen_test
async def test_a_caller_who_goes_away_is_cancelled_and_no_failure(house: House) -> None:
    begun, ended = asyncio.Event(), asyncio.Event()

    async def check() -> None:
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    task = asyncio.ensure_future(house.part.call(check, timeout=60))
    await begun.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert ended.is_set()
    assert not house.supervisor.failures


async def _raising() -> None:
    raise KeyError("x")


async def _raising_later() -> None:
    await asyncio.sleep(0)
    raise KeyError("x")


async def _cancelled() -> None:
    raise asyncio.CancelledError


async def _cancelled_later() -> None:
    await asyncio.sleep(0)
    raise asyncio.CancelledError


async def _blocked() -> None:
    raise PluginBlocked("judge")


async def _ending() -> None:
    raise GeneratorExit


async def _ending_later() -> None:
    await asyncio.sleep(0)
    raise GeneratorExit


async def _interrupting() -> None:
    raise KeyboardInterrupt


async def _exiting() -> None:
    await asyncio.sleep(0)
    raise SystemExit(3)


@pytest.mark.gen_test
@pytest.mark.parametrize(
    ("function", "what"),
    [
        (_raising, "raised KeyError"),
        (_raising_later, "raised KeyError"),
        (_cancelled, "cancelled itself"),
        (_cancelled_later, "cancelled itself"),
        (_blocked, "was cut off: it kept the whole server from going on"),
        (_exiting, "raised SystemExit"),
        (_ending, "raised GeneratorExit"),
        (_ending_later, "raised GeneratorExit"),
        (_interrupting, "raised KeyboardInterrupt"),
        (lambda: None, "raised AttributeError"),
        (lambda argument: None, "raised TypeError"),
    ],
)
async def test_whatever_it_raises_is_a_failure(house: House, function: Call, what: str) -> None:
    assert await fails(house.part, function) == what


@pytest.mark.gen_test
async def test_what_is_allowed_goes_through_at_once_and_later(house: House) -> None:
    async def refuse(wait: bool) -> None:
        if wait:
            await asyncio.sleep(0)
        raise CommandRefused("no")

    for wait in (False, True):
        with pytest.raises(CommandRefused):
            await house.part.call(refuse, wait, timeout=1, allow=(CommandRefused,))


def test_failures_in_a_row_suspend_it_and_each_time_for_longer(house: House) -> None:
    pauses = []
    house.fail(PATIENCE - 1)
    assert house.part.seconds_left == 0
    while len(pauses) < 9:
        house.fail()
        pauses.append(house.part.seconds_left)
        house.clock.advance(pauses[-1])
        assert house.part.seconds_left == 0
    assert pauses[:3] == [FIRST_PAUSE, 2 * FIRST_PAUSE, 4 * FIRST_PAUSE]
    assert pauses[-2:] == [LAST_PAUSE] * 2
    assert house.told[0] == ("filter of plugin judge", FIRST_PAUSE, "raised KeyError")
    assert house.supervisor.suspensions == {"judge": 9}


def test_a_success_forgives(house: House) -> None:
    for _ in range(3):
        house.fail(PATIENCE - 1)
        house.part.succeeded()
    assert house.told == []
    house.fail(PATIENCE)
    house.clock.advance(FIRST_PAUSE)
    house.part.succeeded()
    house.fail(PATIENCE)
    assert [seconds for _, seconds, _ in house.told] == [FIRST_PAUSE, FIRST_PAUSE]


@pytest.mark.gen_test
async def test_a_suspended_part_is_not_called(house: House) -> None:
    calls = 0

    async def check() -> None:
        nonlocal calls
        calls += 1

    house.fail(PATIENCE)
    assert await fails(house.part, check) == "is suspended for another 5 s"
    house.clock.advance(FIRST_PAUSE)
    await house.part.call(check, timeout=1)
    assert calls == 1


def test_a_suspended_part_fills_no_log(house: House, caplog: pytest.LogCaptureFixture) -> None:
    house.fail(1000)
    assert len(caplog.records) == PATIENCE + 1
    assert house.supervisor.failures == {"judge": 1000}


@pytest.mark.gen_test
async def test_what_blocks_is_named_and_counted(
    house: House, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    times = iter([0.0, 0.4])
    monkeypatch.setattr("tornado_chat.supervision.time.perf_counter", lambda: next(times))

    async def check() -> str:
        return "done"

    assert await house.part.call(check, timeout=0.5) == "done"
    assert caplog.messages == ["app 2: filter of plugin judge blocked the whole server for 400 ms"]
    assert house.supervisor.slow == {"judge": 1}
