"""Counters and timers of one plugin in one app. How they are shown is web/metrics.py's business."""

from __future__ import annotations

import re
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from tornado_chat.errors import PluginLimit

_NAME = re.compile(r"[a-z][a-z0-9_]{0,63}", re.ASCII)
MAX_NAMES = 100  # each is a time series for whoever collects them


class PluginMetrics:
    """`counters[name]`; `timers[name]` is [how often, seconds altogether]."""

    def __init__(self, plugin: str) -> None:
        self._plugin = plugin
        self.counters: Counter[str] = Counter()
        self.timers: dict[str, list[float]] = {}

    def count(self, name: str, by: float = 1) -> None:
        """Add `by` (0 or more). Raises ValueError for a bad name or number, PluginLimit for the 101st name."""
        if name not in self.counters:
            self._check(name)
        if not 0 <= by < float("inf"):
            raise ValueError("a counter only counts up")
        self.counters[name] += by  # type: ignore[assignment] # a Counter of floats works, and has no other type

    @contextmanager
    def timed(self, name: str) -> Iterator[None]:
        """Add how long the `with` block takes. Raises as `count` does."""
        timer = self.timers.get(name)
        if timer is None:
            self._check(name)
            timer = self.timers[name] = [0, 0.0]
        begun = time.perf_counter()
        try:
            yield
        finally:
            timer[0] += 1
            timer[1] += time.perf_counter() - begun

    def _check(self, name: str) -> None:
        if not isinstance(name, str) or not _NAME.fullmatch(name):
            raise ValueError(f"the metric {name!r} must be named with a-z, 0-9 and _, at most 64, a letter first")
        if len(self.counters) + len(self.timers) >= MAX_NAMES:
            raise PluginLimit(f"plugin {self._plugin} has {MAX_NAMES} metrics already")
