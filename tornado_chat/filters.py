"""Message filters: what a plugin registers, and the rules that the operator lays around each of them."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Annotated, Literal

import msgspec

from tornado_chat.models import Draft, Role
from tornado_chat.verdicts import Verdict


@dataclass(frozen=True, slots=True)
class Filter:
    """Looks at every message before it is stored.

    `check` takes a Draft and returns Pass, Replace or Reject. It may await; it must not block.
    """

    check: Callable[[Draft], Awaitable[Verdict]]

    def __post_init__(self) -> None:
        if not inspect.iscoroutinefunction(self.check):
            raise ValueError("`check` of a Filter must be an `async def`")


class FilterPolicy(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Keys that the table of any plugin with filters takes, beside the plugin's own options."""

    timeout_ms: Annotated[int, msgspec.Meta(ge=1, le=10_000)] = 500
    """How long a filter may take for one message, in milliseconds."""
    on_error: Literal["reject", "allow"] = "reject"
    """What becomes of a message whose filter failed or took too long."""
    dry_run: bool = False
    """Only log what the filter would have done."""
    exempt_roles: frozenset[Role] = frozenset()
    """Roles whose messages the filter never sees."""


@dataclass(frozen=True, slots=True)
class InstalledFilter:
    """A filter in one app's pipeline: its plugin's name, itself, and its rules."""

    plugin: str
    filter: Filter
    policy: FilterPolicy
