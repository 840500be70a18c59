"""A limit on how often one user may speak, in all tabs together."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Annotated

from msgspec import Meta

from tornado_chat import Draft, Filter, Pass, PluginApi, PluginOptions, Reject, Role, Verdict, hookimpl


class Options(PluginOptions):
    """Keys of [plugin.flood]."""

    burst: Annotated[int, Meta(ge=1, le=1_000_000)] = 5
    """Messages that a user may send at once."""
    rate: Annotated[float, Meta(gt=0, le=1_000_000)] = 0.5
    """Messages a second that a user may send on and on."""


class Buckets:
    """A token bucket for each user; a user who has said nothing for long has a full one, and needs none."""

    def __init__(self, burst: int, rate: float) -> None:
        self._burst = burst
        self._rate = rate
        self._buckets: dict[str, tuple[float, float]] = {}  # self._buckets[folded uname] = (tokens, at)
        self._sweep_at = 1000

    def wait(self, key: str, now: float) -> float:
        """Take a token and return 0, or take none and return how many seconds it is until there is one."""
        tokens, at = self._buckets.get(key, (float(self._burst), now))
        tokens = min(tokens + (now - at) * self._rate, self._burst)
        if tokens < 1:
            return (1 - tokens) / self._rate
        self._buckets[key] = (tokens - 1, now)
        if len(self._buckets) > self._sweep_at:
            self._forget_full(now)
        return 0.0

    def _forget_full(self, now: float) -> None:
        """Forget who needs no bucket. Done when they have doubled, so it costs next to nothing for each message."""
        self._buckets = {
            key: (tokens, at)
            for key, (tokens, at) in self._buckets.items()
            if tokens + (now - at) * self._rate < self._burst
        }
        self._sweep_at = max(1000, 2 * len(self._buckets))


@hookimpl
def register_filters(api: PluginApi) -> Iterable[Filter]:
    options: Options = api.options
    buckets = Buckets(options.burst, options.rate)

    async def check(draft: Draft) -> Verdict:
        if draft.user.role is not Role.MEMBER:
            return Pass()
        wait = buckets.wait(draft.user.key, api.monotonic())
        if not wait:
            return Pass()
        seconds = math.ceil(wait)
        return Reject(f"You are sending messages too quickly. Wait {seconds} second{'s' if seconds > 1 else ''}.")

    yield Filter(check)
