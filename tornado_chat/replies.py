"""What a command answers: a text for people, and the same as data for programs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import msgspec

from tornado_chat.text import listing, paged

T = TypeVar("T")

MAX_DATA = 64 * 1024
"""Bytes of JSON that a plugin may hand to clients at a time."""


class Reply(msgspec.Struct, frozen=True):
    """What a command may return: `text` for who typed it, `data` for a program that ran it.

    `text` is as the text of any command, None for nothing. `data` is what JSON can hold, up to 64 KB; it comes with the
    ack of the event `command`, and is never shown. Both must say the same, and no more than the caller may know.
    """

    text: str | None = None
    data: Any = None


def list_reply(
    name: str,
    items: Sequence[T],
    page: int,
    nothing: str,
    *,
    line: Callable[[T], str],
    row: Callable[[T], Any],
    size: int = 20,
) -> Reply:
    """Return one page of a list as `listing` has it, with the same items as data: {name: [...], page, pages}.

    `line` makes the line of an item, `row` what the data has of it; both are asked for those of the page only.
    """
    shown, number, pages = paged(items, page, size=size)
    data = {name: [row(item) for item in shown], "page": number, "pages": pages}
    return Reply(listing(items, line, page, nothing, size=size), data)


def encode_data(data: Any, of: str) -> bytes:
    """Return data as JSON. Raises ValueError for what JSON can't hold, or is too much; `of` says whose it is."""
    try:
        encoded = msgspec.json.encode(data)
        msgspec.json.decode(encoded)  # a msgspec.Raw may hold anything
    except Exception as error:
        # Whatever a plugin's own type raises: a key that is none, half a surrogate pair, a loop.
        raise ValueError(f"the data of {of} can't be JSON: {type(error).__name__}") from error
    if len(encoded) > MAX_DATA:
        raise ValueError(f"the data of {of} has {len(encoded)} bytes as JSON; {MAX_DATA} are allowed")
    return encoded
