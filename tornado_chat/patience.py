"""Waiting for so long and no longer."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import TypeVar

T = TypeVar("T")

LATE = 0.01  # seconds after its time a timer is called where something kept the event loop
LOOK_AGAIN = 0.02


async def in_time(operation: Awaitable[T], timeout: float) -> T:
    """Return what `operation` returns within `timeout` seconds. Raises TimeoutError, and what it raises.

    Where something kept the event loop for as long, the answer may be there, and is taken.
    """
    loop = asyncio.get_running_loop()
    due = loop.time() + max(timeout, 0)
    task = asyncio.ensure_future(operation)
    # A caller who is cancelled doesn't ask what it raised; asyncio would log that it was never retrieved.
    task.add_done_callback(_retrieve)
    try:
        await asyncio.wait({task}, timeout=max(timeout, 0))
        # Only then: who waits as long for what this is a part of must not give up before.
        if not task.done() and loop.time() - due > LATE:
            await asyncio.wait({task}, timeout=LOOK_AGAIN)
        if not task.done():
            raise TimeoutError
        return await task
    finally:
        if not task.done():
            task.cancel()
            await asyncio.wait({task})


def _retrieve(task: asyncio.Future[T]) -> None:
    if not task.cancelled():
        task.exception()
