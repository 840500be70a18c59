"""Gates: who may join a room, and who may speak in it."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any

import msgspec

from tornado_chat.filters import FilterPolicy
from tornado_chat.models import Draft, User
from tornado_chat.supervision import Part
from tornado_chat.verdicts import Pass, Reject


class Visitor(msgspec.Struct, frozen=True):
    """Who wants to join: a user, or None for a guest, and the address that they come from ("" where it isn't known)."""

    user: User | None
    address: str


@dataclass(frozen=True, slots=True)
class Gate:
    """Asked before anything else, and answers Pass or Reject.

    `join` is asked for each socket with a Visitor, `speak` for each message with its User, before the filters. They may
    await; they must not block. `accept` is a plain function, and is asked last, with the Draft as the filters left it,
    in the moment in which a message is queued or held: nothing comes between, so there is the place to count. Each may
    be left out.
    """

    join: Callable[[Visitor], Coroutine[Any, Any, Pass | Reject]] | None = None
    speak: Callable[[User], Coroutine[Any, Any, Pass | Reject]] | None = None
    accept: Callable[[Draft], Pass | Reject] | None = None

    def __post_init__(self) -> None:
        if self.join is None and self.speak is None and self.accept is None:
            raise ValueError("a Gate needs `join`, `speak` or `accept`")
        if self.accept is not None and (not callable(self.accept) or inspect.iscoroutinefunction(self.accept)):
            raise ValueError("`accept` of a Gate must be a plain function")
        for name in ("join", "speak"):
            function = getattr(self, name)
            if function is not None and not inspect.iscoroutinefunction(function):
                raise ValueError(f"`{name}` of a Gate must be an `async def`")


@dataclass(frozen=True, slots=True)
class InstalledGate:
    """A gate of one app, the part of a plugin that it is, and its rules."""

    part: Part
    gate: Gate
    policy: FilterPolicy
