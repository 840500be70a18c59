"""The server's log: one escaped line for each event on standard error, tracebacks apart, and no secret in any of it."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from typing import Any

from tornado_chat.text import one_line

FORMAT = "%(asctime)s %(levelname)s %(name)s: %(message)s"
LONGEST = 2000  # characters of one message


class SafeFormatter(logging.Formatter):
    """Escapes control characters, so that nobody can forge a line, and covers `secrets` wherever they turn up."""

    def __init__(self, secrets: Iterable[str]) -> None:
        super().__init__(FORMAT)
        # The longest first: one secret may hold another.
        self._secrets = sorted(secrets, key=len, reverse=True)

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - logging's name
        record.message = one_line(self._cover(record.message), LONGEST)
        return super().formatMessage(record)

    def formatException(self, ei: Any) -> str:  # noqa: N802 - logging's name
        # Each line is marked: what an exception quotes may look like a line of the log.
        lines = self._cover(super().formatException(ei)).split("\n")
        return "\n".join(f"    | {one_line(line, LONGEST)}" for line in lines)

    def _cover(self, text: str) -> str:
        for secret in self._secrets:
            text = text.replace(secret, "***")
        return text


def set_up_logging(secrets: Iterable[str]) -> None:
    """Send this process's log to standard error."""
    handler = logging.StreamHandler()
    handler.setFormatter(SafeFormatter(secrets))
    logging.basicConfig(handlers=[handler], level=logging.INFO, force=True)
    # One line per request, with its URL, is noise at best; refusals have lines of their own.
    logging.getLogger("tornado.access").setLevel(logging.CRITICAL)
    # What it noticed, the server says itself.
    logging.getLogger("watchfiles").setLevel(logging.WARNING)
    # Its warnings hold the URLs that it asks for, and the site's API gets secret and token in the URL.
    logging.getLogger("urllib3").setLevel(logging.CRITICAL)
