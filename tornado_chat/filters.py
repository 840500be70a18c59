"""Message filters: what a plugin registers, and the rules that the operator lays around filters and gates."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Annotated, Any, Literal

import msgspec

from tornado_chat.models import Draft, Role
from tornado_chat.supervision import Part
from tornado_chat.verdicts import Verdict


@dataclass(frozen=True, slots=True)
class Filter:
    """Looks at every message before it is stored.

    `check` takes a Draft and returns Pass, Replace, Reject, Hold or Shadow. It may await; it must not block.
    """

    check: Callable[[Draft], Coroutine[Any, Any, Verdict]]

    def __post_init__(self) -> None:
        if not inspect.iscoroutinefunction(self.check):
            raise ValueError("`check` of a Filter must be an `async def`")


class FilterPolicy(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Keys that the table of any plugin with filters or gates takes, beside the plugin's own options."""

    timeout_ms: Annotated[int, msgspec.Meta(ge=1, le=10_000)] = 500
    """How long a filter or gate may take, in milliseconds."""
    on_error: Literal["reject", "allow", "hold"] = "reject"
    """What becomes of a message whose filter failed, took too long or is suspended. At the entrance, hold is reject."""
    dry_run: bool = False
    """Only log what the filter or gate would have done."""
    exempt_roles: frozenset[Role] = frozenset()
    """Users whom the filter or gate is never asked about."""


@dataclass(frozen=True, slots=True)
class InstalledFilter:
    """A filter in one app's pipeline: the part of a plugin that it is, itself, and its rules."""

    part: Part
    filter: Filter
    policy: FilterPolicy
