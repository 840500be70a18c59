"""Mentions: how many people one message calls by @name, how often one person is called, and who calls everybody."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterable
from typing import Annotated

from msgspec import Meta

from tornado_chat import (
    Draft,
    Filter,
    Gate,
    Pass,
    PluginApi,
    PluginOptions,
    Reject,
    Role,
    Verdict,
    fold,
    hookimpl,
)

PASS = Pass()
MINUTE = 60.0
SWEEP_AT = 1000
# Names one after another too: @ann@bob. What stands before an @ makes it an address of e-mail.
_CHAIN = re.compile(r"(?<![\w.+-])(?:@\w[\w.-]*)+")
_HIDDEN = re.compile("[\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]+")
_AT = re.compile("[@\uff20\ufe6b]")


class Options(PluginOptions):
    """Keys of [plugin.mentions]."""

    most: Annotated[int, Meta(ge=0, le=100)] = 5
    """Different names that one message may call."""
    per_minute: Annotated[int, Meta(ge=1, le=1000)] = 10
    """Names that somebody may call in a minute, in all their messages."""
    unanswered: Annotated[int, Meta(ge=1, le=1000)] = 4
    """Messages in a minute that may call one person who says nothing meanwhile."""
    broadcast: tuple[str, ...] = ("everyone", "everybody", "here", "all", "channel", "room")
    """Words that call everybody: staff alone may."""

    def __post_init__(self) -> None:
        for index, word in enumerate(self.broadcast):
            if _names(f"@{word}") != [fold(word)]:
                raise ValueError(f'broadcast[{index}]: {word!r} must be a word such as "all", without the @')


class Calls:
    """Who called whom in the last minute, and who has spoken since."""

    def __init__(self, per_minute: int, unanswered: int) -> None:
        self._per_minute = per_minute
        self._unanswered = unanswered
        self._calls: dict[str, deque[tuple[float, str]]] = {}  # self._calls[caller] = (when, whom), oldest first
        self._spoke: dict[str, float] = {}  # self._spoke[name] = when last
        self._sweep_at = SWEEP_AT

    def refuse(self, caller: str, names: Iterable[str], now: float) -> str:
        """Note that these names are called now and return nothing; or note nothing, and return why they may not be."""
        called = set(names) - {caller}
        calls = self._calls.get(caller, deque())
        while calls and calls[0][0] <= now - MINUTE:
            calls.popleft()
        if len(calls) + len(called) > self._per_minute:
            return "You are calling too many people. Wait a minute."
        for name in sorted(called):
            since = self._spoke.get(name, now - MINUTE)
            if sum(whom == name and when > since for when, whom in calls) >= self._unanswered:
                return f"You have called {name} often enough. Wait for an answer."
        if called:
            calls.extend((now, name) for name in called)
            self._calls[caller] = calls
        return ""

    def spoke(self, key: str, now: float) -> None:
        """Note that somebody says something; of a name with spaces, people call the first word."""
        self._spoke[key] = now
        self._spoke[key.partition(" ")[0]] = now
        if len(self._spoke) > self._sweep_at:
            self._spoke = {name: when for name, when in self._spoke.items() if when > now - MINUTE}
            self._calls = {name: calls for name, calls in self._calls.items() if calls and calls[-1][0] > now - MINUTE}
            self._sweep_at = max(SWEEP_AT, 2 * len(self._spoke))


@hookimpl
def register_filters(api: PluginApi) -> Iterable[Filter]:
    options: Options = api.options
    broadcast = frozenset(map(fold, options.broadcast))

    async def check(draft: Draft) -> Verdict:
        if draft.user.role is not Role.MEMBER or _AT.search(draft.text) is None:
            return PASS
        names = set(_names(draft.text))
        if called := sorted(names & broadcast):
            return Reject(f"Only staff may call everybody with @{called[0]}")
        if len(names) > options.most:
            return Reject(f"A message may call {options.most} people at most")
        return PASS

    yield Filter(check)


@hookimpl
def register_gates(api: PluginApi) -> Iterable[Gate]:
    options: Options = api.options
    calls = Calls(options.per_minute, options.unanswered)

    def accept(draft: Draft) -> Pass | Reject:
        now = api.monotonic()
        if draft.user.role is Role.MEMBER and _AT.search(draft.text) is not None:
            told = calls.refuse(draft.user.key, _names(draft.text), now)
            if told:
                return Reject(told)
        calls.spoke(draft.user.key, now)
        return PASS

    yield Gate(accept=accept)


def _names(text: str) -> list[str]:
    """Return the names that a text calls, folded."""
    found = _CHAIN.findall(fold(_HIDDEN.sub("", text)))
    return [name for chain in found for each in chain.split("@") if (name := each.rstrip(".-"))]
