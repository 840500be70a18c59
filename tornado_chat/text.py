"""Text as a JavaScript client sees it: the same trimming and the same count of characters."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TypeVar

T = TypeVar("T")

LISTED = 7600  # characters of a page

# ECMAScript's WhiteSpace and LineTerminator. Python's str.strip() differs: it takes U+0085 and
# U+001C to U+001F, and leaves U+FEFF.
_JS_SPACE = (
    "\t\n\v\f\r \u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a"
    "\u2028\u2029\u202f\u205f\u3000\ufeff"
)


def js_trim(text: str) -> str:
    """Return `text` without the leading and trailing characters that JavaScript's trim() removes."""
    return text.strip(_JS_SPACE)


def js_length(text: str) -> int:
    """Return the length in UTF-16 code units, which is what JavaScript's `.length` counts."""
    return len(text) + sum(char > "\uffff" for char in text)


def is_unicode(text: str) -> bool:
    """Tell whether `text` can be written as UTF-8: a lone surrogate can be neither stored nor sent."""
    return not any("\ud800" <= char <= "\udfff" for char in text)


def one_line(text: str, limit: int = 200) -> str:
    """Return `text` as one printable line of at most `limit` characters, for logs and error messages."""
    line = "".join(
        char if char.isprintable() else char.encode("unicode_escape", "replace").decode("ascii")
        for char in text[: limit + 1]
    )
    return line if len(line) <= limit else line[: limit - 1] + "…"


def duration_text(seconds: float) -> str:
    """Return a duration in whole minutes the way the seed words it ("10 min"), or with seconds where it has any.

    `seconds` is at least 0; a fraction of a second counts as a whole one.
    """
    minutes, rest = divmod(math.ceil(seconds), 60)
    if minutes and rest:
        return f"{minutes} min {rest} s"
    return f"{minutes} min" if minutes else f"{rest} s"


def because(reason: str) -> str:
    """Return a reason as it stands behind what was done (": spamming"); nothing where there is none."""
    return f": {reason}" if reason else ""


def span_text(seconds: float) -> str:
    """Return a duration in its two largest units ("3 d 4 h", "2 h", "1 min 30 s"), for lists of what may last long.

    `seconds` is at least 0; a fraction of a second counts as a whole one.
    """
    rest = math.ceil(seconds)
    parts = []
    for unit, length in (("d", 86_400), ("h", 3600), ("min", 60), ("s", 1)):
        amount, rest = divmod(rest, length)
        parts.append((amount, unit))
    first = next((index for index, (amount, _) in enumerate(parts) if amount), len(parts) - 1)
    shown = [part for part in parts[first : first + 2] if part[0]] or parts[-1:]
    return " ".join(f"{amount} {unit}" for amount, unit in shown)


def listing(items: Sequence[T], line: Callable[[T], str], page: int, nothing: str, *, size: int = 20) -> str:
    """Return one page (from 1 on; the last one where there are fewer) of a list, `size` lines of what can be shown.

    `line` makes the line of an item, and is asked for those of the page only; `nothing` is for an empty list. The page
    has less than 8,000 characters: longer lines are cut.
    """
    if not items:
        return nothing
    shown, page, pages = paged(items, page, size=size)
    lines = [one_line(line(item), LISTED // size) for item in shown]
    return "\n".join([*lines, *([f"page {page} of {pages}"] if pages > 1 else [])])


def paged(items: Sequence[T], page: int, *, size: int = 20) -> tuple[Sequence[T], int, int]:
    """Return what is on a page (from 1 on; the last one where there are fewer), which one that is, and of how many."""
    pages = max(math.ceil(len(items) / size), 1)
    page = min(max(page, 1), pages)
    return items[(page - 1) * size : page * size], page, pages
