"""What the chatbox's pages may do, and which pages may show them in a frame: their Content-Security-Policy."""

from __future__ import annotations

import re
from collections.abc import Iterable

# Scripts and styles are files of this server; nothing may make a script, or markup, of a text.
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; "
    "base-uri 'none'; form-action 'none'; require-trusted-types-for 'script'; trusted-types 'none'; frame-ancestors "
)
# A host-source of CSP 3, 2.3.1. It knows no IPv6 address, and no empty label.
_SOURCE = re.compile(r"https?://(?:\*\.)?[a-z0-9-]+(?:\.[a-z0-9-]+)*(?::(?:[0-9]{1,5}|\*))?", re.ASCII)


def page_policy(ancestors: Iterable[str] | None) -> str:
    """Return the policy of a page that pages of these origins may show in a frame, None: no page may.

    `ancestors` are patterns of an app's `origins`; what a policy can't say is left out. The server's own pages may
    always.
    """
    if ancestors is None:
        return _POLICY + "'none'"
    said = [pattern for pattern in ancestors if pattern == "*" or _SOURCE.fullmatch(pattern)]
    return _POLICY + " ".join(["'self'", *said])
