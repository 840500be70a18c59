"""How much work something is, by the lines of Python that are run: the same on every machine, however busy it is."""

from __future__ import annotations

import sys
from collections.abc import Callable, Coroutine
from types import FrameType
from typing import Any


def steps(run: Callable[[], Any]) -> int:
    """Return how many lines and calls `run()` takes. What C code does, such as `re`, isn't counted."""
    count = 0

    def trace(_frame: FrameType, _event: str, _arg: Any) -> Any:
        nonlocal count
        count += 1
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        run()
    finally:
        sys.settrace(before)
    return count


def driven(coroutine: Coroutine[Any, Any, Any]) -> Any:
    """Return what a coroutine that never waits returns."""
    try:
        coroutine.send(None)
    except StopIteration as end:
        return end.value
    coroutine.close()
    raise AssertionError("it waits")
