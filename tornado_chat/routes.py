"""Routes: addresses of its own that a plugin registers."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tornado_chat.supervision import Part


@dataclass(frozen=True, slots=True)
class Route:
    """A Tornado handler at /plugins/<plugin>/<app_id>/<path>.

    `path` is a regular expression for what comes after the last slash; its groups are the arguments of the handler's
    `get`, `post` and so on. `kwargs` go to the handler's `initialize`.
    """

    path: str
    handler: type
    kwargs: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.path.startswith("/"):
            raise ValueError(f"the path {self.path!r} of a Route must not begin with a slash")
        try:
            re.compile(self.path)
        except re.error as error:
            raise ValueError(f"the path {self.path!r} of a Route is no regular expression: {error}") from None


@dataclass(frozen=True, slots=True)
class InstalledRoute:
    """A route of one app, its handler as it is called, and the part of a plugin that it is."""

    part: Part
    route: Route
    handler: type
    pattern: re.Pattern[str]
