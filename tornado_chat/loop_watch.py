"""Watches the event loop: names what blocks it, and cuts a plugin off that doesn't give it back."""

from __future__ import annotations

import asyncio
import logging
import signal
import threading
import time
from collections.abc import Callable
from types import FrameType
from typing import Any

from tornado_chat.supervision import PluginBlocked

log = logging.getLogger(__name__)

BEAT = 0.2  # seconds between two looks
SLOW = 0.25  # seconds that the loop may stand still before it is named what holds it
LONGEST = 3.0  # seconds after which a plugin is cut off


class LoopWatch:
    """Watches the running loop between `start` and `stop`, which are called in its thread: the process's main one.

    `plugin_of(path)` names the plugin that a source file belongs to, or None. It looks from the handler of an interval
    timer's signal (SIGALRM), which Python runs between two steps of whatever is at work: also in an endless loop, a
    sleep, and a regular expression without end, which lets no other thread run. From there it raises PluginBlocked
    where a plugin is at work for too long, and does nothing where none is.
    """

    def __init__(
        self,
        plugin_of: Callable[[str], str | None],
        *,
        beat: float = BEAT,
        slow: float = SLOW,
        longest: float = LONGEST,
    ) -> None:
        self._plugin_of = plugin_of
        self._interval = beat
        self._slow = slow
        self._longest = longest
        self._beat = 0.0  # when the loop was last seen to go on
        self._looked = 0.0
        self._named = 0.0  # the beat after which it was found to stand still
        self._timer: asyncio.TimerHandle | None = None
        self._before: Any = None

    def start(self) -> None:
        """Begin to watch. In another thread than the main one, where there are no signals, nothing is done."""
        if threading.current_thread() is not threading.main_thread():
            log.warning("the event loop isn't watched: it doesn't run in the main thread")
            return
        self._looked = time.monotonic()
        self._pulse()
        self._before = signal.signal(signal.SIGALRM, self._look)
        # What waits in a system call goes on by itself.
        signal.siginterrupt(signal.SIGALRM, False)
        signal.setitimer(signal.ITIMER_REAL, self._interval, self._interval)

    def stop(self) -> None:
        """Watch no more."""
        if self._timer is None:
            return
        self._timer.cancel()
        self._timer = None
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, self._before)

    def _pulse(self) -> None:
        self._beat = time.monotonic()
        self._timer = asyncio.get_running_loop().call_later(self._interval, self._pulse)

    def _look(self, _signal: int, frame: FrameType | None) -> None:
        now = time.monotonic()
        late, self._looked = now - self._looked - self._interval, now
        if late > self._slow:
            self._beat = now  # the machine slept, or the process was stopped; nobody is to blame
        stands = now - self._beat - self._interval
        if frame is None or stands < self._slow:
            return
        plugin, at = self._find(frame)
        if self._named != self._beat:
            self._named = self._beat
            _name(plugin, at, stands)
        if plugin is not None and stands > self._longest:
            log.error("plugin %s is cut off at %s line %d", plugin, at.f_code.co_filename, at.f_lineno)
            raise PluginBlocked(plugin)

    def _find(self, frame: FrameType) -> tuple[str | None, FrameType]:
        """Return the plugin that is at work, and where; where none is, the innermost place."""
        at: FrameType | None = frame
        while at is not None:
            if plugin := self._plugin_of(at.f_code.co_filename):
                return plugin, at
            at = at.f_back
        return None, frame


def _name(plugin: str | None, at: FrameType, stands: float) -> None:
    log.error(
        "%s keeps the whole server from going on, for %.0f ms by now, at %s line %d, in %s; await what is slow",
        f"plugin {plugin}" if plugin else "something",
        stands * 1000,
        at.f_code.co_filename,
        at.f_lineno,
        at.f_code.co_name,
    )
