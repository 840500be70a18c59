"""The base of handlers that tell what is wrong in plain text."""

from __future__ import annotations

from typing import Any

from tornado.web import RequestHandler


class PlainHandler(RequestHandler):
    """Guesses no content types, and tells errors as text."""

    def set_default_headers(self) -> None:
        self.set_header("X-Content-Type-Options", "nosniff")

    def write_error(self, status_code: int, **_: Any) -> None:
        self.refuse(status_code, self._reason)

    def refuse(self, status: int, why: str) -> None:
        """Answer with an error."""
        self.set_status(status)
        self.set_header("Content-Type", "text/plain; charset=utf-8")
        self.set_header("Cache-Control", "no-store")
        self.finish(f"{why}\n")
