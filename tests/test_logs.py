"""The log: no line can be forged by what it quotes, and no secret is in any of it."""

from __future__ import annotations

import io
import logging
import sys
from collections.abc import Iterator

import pytest

from tornado_chat.logs import SafeFormatter, set_up_logging

SECRET = "sesame-of-the-api"


class Lines(logging.Handler):
    """Keeps what SafeFormatter makes of each record."""

    def __init__(self) -> None:
        super().__init__()
        self.setFormatter(SafeFormatter([SECRET, "open", "open-wide"]))
        self.texts: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.texts.append(self.format(record))

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - logging's name
        raise AssertionError(record)


@pytest.fixture
def lines() -> Lines:
    return Lines()


@pytest.fixture
def log(lines: Lines) -> Iterator[logging.Logger]:
    logger = logging.getLogger("tornado_chat.test_logs")
    logger.addHandler(lines)
    logger.propagate = False
    yield logger
    logger.removeHandler(lines)
    logger.propagate = True


@pytest.fixture
def root(monkeypatch: pytest.MonkeyPatch) -> Iterator[logging.Logger]:
    """The root logger without pytest's handlers, which set_up_logging would take away for good."""
    root = logging.getLogger()
    monkeypatch.setattr(root, "handlers", [])
    monkeypatch.setattr(root, "level", root.level)
    access = logging.getLogger("tornado.access")
    level = access.level
    yield root
    access.setLevel(level)


@pytest.mark.parametrize(
    "uname",
    ["bob\r\n2026-01-02 INFO x: login ok", "bob\nx", "bob\rx", "bob\x1b[2J", "bob\0", "bob\u2028x", "bob\x85x"],
    ids=ascii,
)
def test_what_is_quoted_cannot_make_a_line_of_its_own(log: logging.Logger, lines: Lines, uname: str) -> None:
    log.warning("user %s came", uname)
    assert lines.texts[0].isprintable()
    assert uname.encode("unicode_escape").decode() in lines.texts[0]


def test_a_line_has_its_level_and_where_it_comes_from(log: logging.Logger, lines: Lines) -> None:
    log.warning("hello %s", "Zoë")
    assert lines.texts[0].endswith(" WARNING tornado_chat.test_logs: hello Zoë")


def test_a_lone_surrogate_can_be_written(log: logging.Logger, lines: Lines) -> None:
    log.warning("user %s", "\ud800")
    assert lines.texts[0].encode("utf-8").endswith(b"user \\ud800")


def test_a_huge_message_is_clipped(log: logging.Logger, lines: Lines) -> None:
    log.warning("x" * 100_000)
    assert len(lines.texts[0]) < 2200


def test_a_secret_is_covered_in_the_message(log: logging.Logger, lines: Lines) -> None:
    log.warning("GET /v1/apps/2?app_secret=%s", SECRET)
    assert lines.texts[0].endswith("app_secret=***")


def test_a_secret_is_covered_in_a_traceback(log: logging.Logger, lines: Lines) -> None:
    try:
        raise OSError(f"no route to {SECRET}@host")
    except OSError:
        log.exception("the API is away")
    assert "no route to ***@host" in lines.texts[0]
    assert SECRET not in lines.texts[0]


def test_a_secret_is_covered_in_the_traceback_of_the_cause(log: logging.Logger, lines: Lines) -> None:
    try:
        try:
            raise ValueError(SECRET)
        except ValueError as error:
            raise OSError("away") from error
    except OSError:
        log.exception("failed")
    assert "ValueError: ***" in lines.texts[0]
    assert SECRET not in lines.texts[0]


def test_a_secret_that_holds_another_is_covered_whole(log: logging.Logger, lines: Lines) -> None:
    log.warning("key open-wide")
    assert lines.texts[0].endswith("key ***")


@pytest.mark.parametrize("before", range(1980, 2000, 4))
def test_a_secret_at_the_end_of_a_clipped_message_is_covered(log: logging.Logger, lines: Lines, before: int) -> None:
    log.warning("%s", "x" * before + SECRET)
    assert SECRET[:4] not in lines.texts[0]


def test_a_secret_that_is_escaped_is_covered() -> None:
    secret = "se\tsame"
    record = logging.LogRecord("x", logging.INFO, "", 0, "key %s", (secret,), None)
    assert SafeFormatter([secret]).format(record).endswith("key ***")


def test_what_an_exception_quotes_cannot_forge_a_line(log: logging.Logger, lines: Lines) -> None:
    forged = "2026-01-02 03:04:05,678 INFO tornado_chat: login ok"
    try:
        raise ValueError(f"bob\n{forged}\x1b[2J")
    except ValueError:
        log.exception("failed")
    assert not any(line.startswith(forged) for line in lines.texts[0].splitlines())
    assert "\x1b" not in lines.texts[0]


def test_a_traceback_keeps_its_lines(log: logging.Logger, lines: Lines) -> None:
    try:
        raise ValueError("away")
    except ValueError:
        log.exception("failed")
    first, second, *_, last = lines.texts[0].splitlines()
    assert first.endswith("failed")
    assert (second, last) == ("    | Traceback (most recent call last):", "    | ValueError: away")


def test_the_servers_log_goes_to_standard_error_and_is_safe(
    root: logging.Logger, monkeypatch: pytest.MonkeyPatch
) -> None:
    written = io.StringIO()
    monkeypatch.setattr(sys, "stderr", written)
    set_up_logging([SECRET])
    root.info("hello\n%s", SECRET)
    assert written.getvalue().endswith(" INFO root: hello\\n***\n")
    assert written.getvalue().count("\n") == 1


def test_requests_are_not_logged_one_by_one(root: logging.Logger) -> None:
    set_up_logging([])
    assert not logging.getLogger("tornado.access").isEnabledFor(logging.WARNING)
