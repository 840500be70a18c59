"""Watches the event loop from a thread: names what blocks it, and cuts a plugin off that doesn't give it back."""

from __future__ import annotations

import asyncio
import logging
import signal
import sys
import threading
import time
from collections.abc import Callable
from types import FrameType
from typing import Any

from tornado_chat.supervision import PluginBlocked

log = logging.getLogger(__name__)

BEAT = 0.1  # seconds between two looks
SLOW = 0.25  # seconds that the loop may stand still before it is named what holds it
LONGEST = 3.0  # seconds after which a plugin is cut off


class LoopWatch:
    """Watches the running loop between `start` and `stop`; both are called in the loop's thread.

    `plugin_of(path)` names the plugin that a source file belongs to, or None. Cutting off needs the main thread, since
    it is done by a signal (SIGALRM): its handler raises PluginBlocked where it finds a plugin at work, and does
    nothing where it doesn't. That ends an endless loop, a regular expression without end, and a sleep.
    """

    def __init__(self, plugin_of: Callable[[str], str | None], *, slow: float = SLOW, longest: float = LONGEST) -> None:
        self._plugin_of = plugin_of
        self._slow = slow
        self._longest = longest
        self._beat = time.monotonic()
        self._timer: asyncio.TimerHandle | None = None
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="loop watch", daemon=True)
        self._before: Any = None
        self._loop_thread = 0

    def start(self) -> None:
        """Begin to watch."""
        self._loop_thread = threading.get_ident()
        if threading.current_thread() is threading.main_thread():
            self._before = signal.signal(signal.SIGALRM, self._cut_off)
        self._pulse()
        self._thread.start()

    def stop(self) -> None:
        """Watch no more."""
        if self._timer is not None:
            self._timer.cancel()
        self._ended.set()
        self._thread.join()
        if self._before is not None:
            signal.signal(signal.SIGALRM, self._before)

    def _pulse(self) -> None:
        self._beat = time.monotonic()
        self._timer = asyncio.get_running_loop().call_later(BEAT, self._pulse)

    def _watch(self) -> None:
        named = 0.0  # the beat after which the loop was found to stand still
        looked = time.monotonic()
        while not self._ended.wait(BEAT):
            now = time.monotonic()
            # A machine that slept, or a process that was stopped, held this thread up as well.
            late, looked = now - looked - BEAT, now
            beat = self._beat
            stands = now - beat - BEAT
            if late > self._slow or stands < self._slow:
                continue
            if named != beat:
                named = beat
                self._name(stands)
            if stands > self._longest and self._before is not None:
                signal.pthread_kill(self._loop_thread, signal.SIGALRM)

    def _name(self, stands: float) -> None:
        frame = sys._current_frames().get(self._loop_thread)
        if frame is None:
            return
        plugin, at = self._find(frame)
        who = f"plugin {plugin}" if plugin else "something"
        log.error(
            "%s keeps the whole server from going on, for %.0f ms by now, at %s line %d, in %s; await what is slow",
            who,
            stands * 1000,
            at.f_code.co_filename,
            at.f_lineno,
            at.f_code.co_name,
        )

    def _find(self, frame: FrameType) -> tuple[str | None, FrameType]:
        """Return the plugin that is at work, and where; where none is, the innermost place."""
        at: FrameType | None = frame
        while at is not None:
            if plugin := self._plugin_of(at.f_code.co_filename):
                return plugin, at
            at = at.f_back
        return None, frame

    def _cut_off(self, _signal: int, frame: FrameType | None) -> None:
        # The loop may have come free between the look and the signal; then no plugin is at work, or another one.
        if frame is None or time.monotonic() - self._beat < self._longest:
            return
        plugin, at = self._find(frame)
        if plugin is not None:
            log.error("plugin %s is cut off at %s line %d", plugin, at.f_code.co_filename, at.f_lineno)
            raise PluginBlocked(plugin)
