"""A limit on how often one user may speak, in all tabs together, and a mute for who keeps on running into it."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterable
from typing import Annotated

from msgspec import Meta

from tornado_chat import (
    Action,
    AlertStaff,
    Draft,
    Filter,
    MuteSender,
    Pass,
    PluginApi,
    PluginOptions,
    Reject,
    Role,
    Strike,
    Verdict,
    duration_text,
    hookimpl,
)

MONTH = 30 * 86_400  # seconds


class Options(PluginOptions):
    """Keys of [plugin.flood]."""

    burst: Annotated[int, Meta(ge=1, le=1_000_000)] = 5
    """Messages that a user may send at once."""
    rate: Annotated[float, Meta(gt=0, le=1_000_000)] = 0.5
    """Messages a second that a user may send on and on."""
    lines: Annotated[int, Meta(ge=1, le=350)] = 10
    """A message counts once more for each further so many lines."""
    strikes: Annotated[int, Meta(ge=0, le=1000)] = 5
    """How many refusals get a user muted; 0: never."""
    window: Annotated[float, Meta(gt=0, le=3600)] = 30.0
    """Within how many seconds."""
    mute_seconds: Annotated[int, Meta(ge=1, le=MONTH)] = 60
    """For how long; twice as long each further time."""
    max_mute_seconds: Annotated[int, Meta(ge=1, le=MONTH)] = 3600
    """But no longer than this. Who wasn't muted for so long begins anew."""

    def __post_init__(self) -> None:
        if self.mute_seconds > self.max_mute_seconds:
            raise ValueError("mute_seconds must not be above max_mute_seconds")


class Buckets:
    """A token bucket for each user; a user who has said nothing for long has a full one, and needs none."""

    def __init__(self, burst: int, rate: float) -> None:
        self._burst = burst
        self._rate = rate
        self._buckets: dict[str, tuple[float, float]] = {}  # self._buckets[folded uname] = (tokens, at)
        self._sweep_at = 1000

    def wait(self, key: str, now: float, cost: int = 1) -> float:
        """Take `cost` tokens and return 0, or take none and return how many seconds it is until there are as many."""
        cost = min(cost, self._burst)
        tokens, at = self._buckets.get(key, (float(self._burst), now))
        tokens = min(tokens + (now - at) * self._rate, self._burst)
        if tokens < cost:
            return (cost - tokens) / self._rate
        self._buckets[key] = (tokens - cost, now)
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


class Strikes:
    """Who was refused lately, and who was muted for it how often."""

    def __init__(self, options: Options) -> None:
        self._options = options
        self._refused: dict[str, deque[float]] = {}  # self._refused[folded uname] = when, oldest first
        self._muted: dict[str, tuple[int, float]] = {}  # self._muted[folded uname] = (how often, when last)
        self._sweep_at = 1000

    def refuse(self, key: str, now: float) -> tuple[int, bool]:
        """Note a refusal; return for how many seconds the user is to be muted now, or 0, and whether that is new."""
        options = self._options
        if not options.strikes:
            return 0, False
        if len(self._refused) + len(self._muted) > self._sweep_at:
            self._sweep(now)
        refused = self._refused.setdefault(key, deque(maxlen=options.strikes))
        refused.append(now)
        if len(refused) < options.strikes or now - refused[0] >= options.window:
            return 0, False
        del self._refused[key]
        times, at = self._muted.get(key, (0, now))
        # Counted from the end of the last mute.
        if now - at >= options.max_mute_seconds + self._seconds(times - 1):
            times = 0
        self._muted[key] = (times + 1, now)
        return self._seconds(times), times == 0

    def _seconds(self, times: int) -> int:
        """Return how long the mute is of one who was muted so often before."""
        return min(self._options.mute_seconds << min(max(times, 0), 32), self._options.max_mute_seconds)

    def _sweep(self, now: float) -> None:
        options = self._options
        self._refused = {key: refused for key, refused in self._refused.items() if now - refused[-1] < options.window}
        longest = 2 * options.max_mute_seconds
        self._muted = {key: muted for key, muted in self._muted.items() if now - muted[1] < longest}
        self._sweep_at = max(1000, 2 * (len(self._refused) + len(self._muted)))


@hookimpl
def register_filters(api: PluginApi) -> Iterable[Filter]:
    options: Options = api.options
    buckets = Buckets(options.burst, options.rate)
    strikes = Strikes(options)

    async def check(draft: Draft) -> Verdict:
        if draft.user.role is not Role.MEMBER:
            return Pass()
        key, now = draft.user.key, api.monotonic()
        wait = buckets.wait(key, now, 1 + (len(draft.text.splitlines()) - 1) // options.lines)
        if not wait:
            return Pass()
        mute, is_new = strikes.refuse(key, now)
        if mute:
            lasts = duration_text(mute)
            actions: tuple[Action, ...] = (MuteSender(mute, "flooding"), Strike("flooding"))
            if is_new:
                actions += (AlertStaff(f"{draft.user.uname} floods the chat, and is muted for {lasts}"),)
            return Reject(f"You are sending messages too quickly. You are muted for {lasts}.", actions=actions)
        seconds = math.ceil(wait)
        return Reject(f"You are sending messages too quickly. Wait {seconds} second{'s' if seconds > 1 else ''}.")

    yield Filter(check)
