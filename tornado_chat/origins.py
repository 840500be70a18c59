"""Which web pages may connect: the patterns of an app's `origins`."""

from __future__ import annotations

import re
from collections.abc import Iterable

# scheme://host[:port], where the host may begin with "*." and the port may be "*".
_PATTERN = re.compile(r"(https?)://(\*\.)?([a-z0-9.-]+|\[[0-9a-f:]+\])(:(?:[0-9]{1,5}|\*))?", re.ASCII)

DEFAULT_PORTS = {"http": ":80", "https": ":443"}


class Origins:
    """A set of patterns: `https://example.com`, `https://*.example.com`, `http://localhost:*`, or `*` for all.

    Raises ValueError for a pattern that is none of these. An Origin is scheme, host and port, so a path is an error.
    """

    def __init__(self, patterns: Iterable[str]) -> None:
        self._all = False
        self._exact: set[str] = set()
        self._regexes: list[re.Pattern[str]] = []
        for pattern in patterns:
            if pattern == "*":
                self._all = True
            elif match := _PATTERN.fullmatch(pattern):
                self._add(match)
            else:
                raise ValueError(
                    f"origin {pattern!r} must be like https://example.com, https://*.example.com, "
                    "http://localhost:* or *, in lowercase and without a path"
                )

    def allow(self, origin: str) -> bool:
        """Tell whether the Origin header `origin` fits one of the patterns."""
        return self._all or origin in self._exact or any(regex.fullmatch(origin) for regex in self._regexes)

    def _add(self, match: re.Match[str]) -> None:
        scheme, wild, host, port = match.group(1), match.group(2), match.group(3), match.group(4) or ""
        if port == DEFAULT_PORTS[scheme]:
            port = ""  # browsers leave it out
        if not wild and port != ":*":
            self._exact.add(f"{scheme}://{host}{port}")
            return
        hosts = (r"(?:[a-z0-9-]+\.)+" if wild else "") + re.escape(host)
        ports = r"(?::[0-9]{1,5})?" if port == ":*" else re.escape(port)
        self._regexes.append(re.compile(rf"{scheme}://{hosts}{ports}", re.ASCII))
