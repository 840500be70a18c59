"""Answers of a slow source, kept briefly, with one question at a time for each key."""

from __future__ import annotations

import asyncio
import contextlib
import sys
from collections.abc import Awaitable, Callable, Hashable
from typing import Generic, TypeVar

from cachetools import TTLCache

from tornado_chat.quota import Quota

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class TooManyQuestions(Exception):
    """As many questions as are allowed are under way."""


class LookupCache(Generic[K, V]):
    """Asks `ask` for what it doesn't hold. What `ask` raises goes to all who wait, and isn't kept.

    Holds at most `size` answers, each for `ttl` seconds, and for another `grace` seconds where there is no new one.
    Asks at most as many questions at a time as `quota` has.
    """

    def __init__(
        self,
        ask: Callable[[K], Awaitable[V]],
        *,
        size: int,
        ttl: float,
        grace: float = 0.0,
        quota: Quota | None = None,
    ) -> None:
        self._ask = ask
        self._quota = quota or Quota(sys.maxsize)
        self._answers: TTLCache[K, V] = TTLCache(size, ttl)
        self._old: TTLCache[K, V] = TTLCache(size, ttl + grace)
        self._flights: dict[K, asyncio.Future[V]] = {}

    async def get(self, key: K) -> V:
        """Return the answer for `key`; a hundred callers at once make one question.

        Raises TooManyQuestions where this one would be one too many.
        """
        try:
            return self._answers[key]
        except KeyError:
            pass
        try:
            return await self.fresh(key)
        except Exception:
            with contextlib.suppress(KeyError):
                return self._old[key]
            raise

    async def fresh(self, key: K) -> V:
        """Ask, whatever is known. Raises what `ask` raises, and TooManyQuestions."""
        flight = self._flights.get(key)
        if flight is None:
            if not self._quota.take():
                raise TooManyQuestions(f"{self._quota.limit} look-ups are already under way")
            flight = self._flights[key] = asyncio.ensure_future(self._fly(key))
            flight.add_done_callback(_retrieve)
        # The question outlives the caller who asked first: others wait for it.
        return await asyncio.shield(flight)

    async def _fly(self, key: K) -> V:
        try:
            answer = await self._ask(key)
            self._answers[key] = self._old[key] = answer
            return answer
        finally:
            self._quota.give()
            del self._flights[key]


def _retrieve(flight: asyncio.Future[V]) -> None:
    """Take note of a failure that no caller waits for any more, so that asyncio doesn't print it."""
    if not flight.cancelled():
        flight.exception()
