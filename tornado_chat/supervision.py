"""Calls into plugins: bounded in time, their failures named, counted and answered with a growing pause."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
import types
from collections import Counter
from collections.abc import Callable, Coroutine, Generator
from typing import Any

from tornado_chat.text import one_line

log = logging.getLogger(__name__)

PATIENCE = 5  # failures in a row, after which a part is suspended
FIRST_PAUSE = 5.0  # seconds; doubles with each suspension in a row
LAST_PAUSE = 300.0
GRACE = 1.0  # seconds that a call which took too long has for its `finally`
SLOW = 0.1  # seconds that one step may keep the event loop before it is named in the log


class PluginBlocked(BaseException):
    """Raised by the loop watch inside a plugin that keeps the whole server from going on."""


class PluginFailed(Exception):
    """A part of a plugin raised, took too long, is suspended, or answered something that can't be used."""


class Supervisor:
    """What becomes of the failures of one app's plugins. `suspended(part, seconds, why)` is called for each suspension.

    `monotonic` is the clock by which pauses are measured, in seconds.
    """

    def __init__(
        self,
        app_id: int,
        suspended: Callable[[Part, float, str], None],
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self.app_id = app_id
        self.suspended = suspended
        self.monotonic = monotonic
        self.in_flight = 0  # calls that wait for something
        self._came_back = asyncio.Event()
        self.failures: Counter[str] = Counter()  # self.failures[plugin name]
        self.suspensions: Counter[str] = Counter()  # self.suspensions[plugin name]
        self.slow: Counter[str] = Counter()  # self.slow[plugin name] = how often it blocked the event loop

    async def idle(self, timeout: float) -> None:
        """Wait until no call into a plugin is under way, `timeout` seconds at most."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(timeout):
                while self.in_flight:
                    self._came_back.clear()
                    await self._came_back.wait()

    def came_back(self) -> None:
        """Note that a call which waited has ended."""
        self.in_flight -= 1
        self._came_back.set()

    def part(self, plugin: str, what: str) -> Part:
        """Return a new part: `what` such as "filter" or "command /mute"."""
        return Part(self, plugin, what)


class Part:
    """One thing that a plugin registered. After PATIENCE failures in a row it is suspended, and then tried again."""

    __slots__ = ("_until", "pause", "plugin", "streak", "supervisor", "what")

    def __init__(self, supervisor: Supervisor, plugin: str, what: str) -> None:
        self.supervisor = supervisor
        self.plugin = plugin
        self.what = what
        self.streak = 0
        self.pause = 0.0
        self._until = 0.0

    def __str__(self) -> str:
        return f"{self.what} of plugin {self.plugin}"

    @property
    def seconds_left(self) -> float:
        """How long the part is suspended; 0 where it isn't."""
        return max(self._until - self.supervisor.monotonic(), 0.0) if self._until else 0.0

    async def call(
        self,
        function: Callable[..., Coroutine[Any, Any, Any]],
        *args: Any,
        timeout: float,
        allow: tuple[type[BaseException], ...] = (),
    ) -> Any:
        """Return what `function(*args)` returns, within `timeout` seconds.

        What it raises of the classes `allow` goes on to the caller and is no failure. Raises PluginFailed else; the
        failure isn't counted yet: that is `failed`, so that a result which can't be used counts too.

        A function that never waits costs no task and no timer. One that waits is driven inside the caller's task: so
        asyncio.timeout and TaskGroup work in it, and one that swallows its cancellation is closed a second later.
        """
        if self._until and (left := self.seconds_left):
            raise PluginFailed(f"is suspended for another {left:.0f} s")
        begun = time.perf_counter()
        try:
            coroutine = function(*args)
            pending = coroutine.send(None)
        except StopIteration as end:
            if (took := time.perf_counter() - begun) > SLOW or took > timeout:
                self._note_slow(took, timeout)
            return end.value
        except allow:
            raise
        except BaseException as error:
            raise _failure(error) from _cause(error)
        if (took := time.perf_counter() - begun) > SLOW:
            self._note_slow(took, took)
        return await self._wait(coroutine, pending, timeout, allow)

    def call_plain(self, function: Callable[..., Any], *args: Any) -> Any:
        """Return what a plain function returns. Raises PluginFailed; the failure isn't counted yet."""
        if self._until and (left := self.seconds_left):
            raise PluginFailed(f"is suspended for another {left:.0f} s")
        begun = time.perf_counter()
        try:
            return function(*args)
        except BaseException as error:
            raise _failure(error) from _cause(error)
        finally:
            if (took := time.perf_counter() - begun) > SLOW:
                self._note_slow(took, took)

    def succeeded(self) -> None:
        """Note that the part did what it should."""
        if self.streak:
            self.streak = 0
            self.pause = 0.0

    def failed(self, error: BaseException, then: str = "") -> None:
        """Log and count a failure; `then` says what is done about it. Suspends the part after too many in a row."""
        supervisor = self.supervisor
        supervisor.failures[self.plugin] += 1
        if self.seconds_left:
            return  # said already
        # A traceback each for the first ones only: a plugin that fails at every message would fill the disk.
        cause = error.__cause__ if self.streak < PATIENCE else None
        log.warning("app %d: %s %s%s", supervisor.app_id, self, one_line(str(error), 500), then, exc_info=cause)
        self.streak += 1
        if self.streak >= PATIENCE:
            self._suspend(str(error))

    def _suspend(self, why: str) -> None:
        self.pause = min(self.pause * 2, LAST_PAUSE) if self.pause else FIRST_PAUSE
        self._until = self.supervisor.monotonic() + self.pause
        self.supervisor.suspensions[self.plugin] += 1
        log.error("app %d: %s is suspended for %g s: it %s", self.supervisor.app_id, self, self.pause, one_line(why))
        self.supervisor.suspended(self, self.pause, why)

    def _note_slow(self, took: float, timeout: float) -> None:
        self.supervisor.slow[self.plugin] += 1
        milliseconds = f"{took * 1000:.0f} ms"
        if took > timeout:
            raise PluginFailed(f"blocked the whole server for {milliseconds}; await what is slow")
        log.warning("app %d: %s blocked the whole server for %s", self.supervisor.app_id, self, milliseconds)

    async def _wait(self, coroutine: Coroutine[Any, Any, Any], pending: Any, timeout: float, allow: Any) -> Any:
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 - a coroutine that waits has one
        cancels = task.cancelling()
        limit = _Limit(task, timeout)
        self.supervisor.in_flight += 1
        try:
            result = await _resume(coroutine, pending, limit)
        except allow:
            limit.stop()
            raise
        except BaseException as error:
            limit.stop()
            if limit.closed or (isinstance(error, asyncio.CancelledError) and task.cancelling() > cancels):
                raise  # it is the caller who was cancelled, or is closed
            if not limit.expired:
                raise _failure(error) from _cause(error)
        else:
            limit.stop()
            if not limit.expired:
                return result
        finally:
            self.supervisor.came_back()
        raise PluginFailed(f"gave no answer within {timeout * 1000:.0f} ms")


class _Limit:
    """Cancels a task after `timeout` seconds, and once more after GRACE: by then what it waits for must have ended.

    Not asyncio.timeout: that asks once, and waits for ever for one that swallows its cancellation.
    """

    __slots__ = ("_count", "_timer", "closed", "expired", "overdue", "task")

    def __init__(self, task: asyncio.Task[Any], timeout: float) -> None:
        self.task = task
        self.expired = False
        self.overdue = False
        self.closed = False  # the caller is, and all that it waits for with it
        self._count = 0
        self._timer = asyncio.get_running_loop().call_later(timeout, self._expire)

    def stop(self) -> None:
        """Cancel no more, and take back what was cancelled."""
        self._timer.cancel()
        for _ in range(self._count):
            self.task.uncancel()
        self._count = 0

    def _expire(self) -> None:
        self.expired = True
        self._cancel()
        self._timer = asyncio.get_running_loop().call_later(GRACE, self._end)

    def _end(self) -> None:
        self.overdue = True
        self._cancel()

    def _cancel(self) -> None:
        self._count += 1
        self.task.cancel()


def _failure(error: BaseException) -> PluginFailed:
    match error:
        case PluginBlocked():
            return PluginFailed("was cut off: it kept the whole server from going on")
        case asyncio.CancelledError():
            return PluginFailed("cancelled itself")
    return PluginFailed(f"raised {type(error).__name__}")


def _cause(error: BaseException) -> BaseException | None:
    return error if isinstance(error, Exception) else None


@types.coroutine
def _resume(coroutine: Coroutine[Any, Any, Any], pending: Any, limit: _Limit) -> Generator[Any, Any, Any]:
    """Drive a coroutine that was begun by hand and waits for `pending` to its end, as `await` would.

    Where its limit is overdue it is closed instead, whatever it still waits for.
    """
    try:
        while True:
            thrown: BaseException | None = None
            try:
                sent = yield pending
            except GeneratorExit:
                limit.closed = True
                raise
            except BaseException as error:  # what the future that it waited for has ended with, too
                if limit.overdue:
                    raise
                thrown = error
            pending = coroutine.send(sent) if thrown is None else coroutine.throw(thrown)
    except StopIteration as end:
        return end.value
    finally:
        try:
            coroutine.close()
        except RuntimeError:
            log.debug("a coroutine of a plugin went on when it was closed")
