"""The shapes of what clients send with their events; pure functions for the gateway."""

from __future__ import annotations

import re
from typing import Any

from tornado_chat.back_pages import MOST, USUAL
from tornado_chat.errors import MAX_TEXT, ClientError
from tornado_chat.models import MAX_ID
from tornado_chat.text import is_unicode, js_length, js_trim

_CID = re.compile(r"[A-Za-z0-9_.:-]{1,64}", re.ASCII)


def is_cid(value: object) -> bool:
    """Tell whether a client may call its message so: 1 to 64 of A-Z a-z 0-9 _ . : -."""
    return isinstance(value, str) and _CID.fullmatch(value) is not None


def cid_of(args: list[Any]) -> str:
    """Return what a client calls its message or command; empty where it doesn't. `args` had no `message_error`."""
    return str(args[1]["cid"]) if len(args) > 1 and args[1] else ""


def message_error(args: list[Any]) -> ClientError | None:
    """Return what is wrong with the arguments of `new_message`; None: nothing."""
    if not args or not isinstance(args[0], str):
        return ClientError.MESSAGE_TYPE
    options = args[1] if len(args) > 1 else None
    has_cid = isinstance(options, dict) and "cid" in options
    # As the original: a second argument that is no callback, and isn't falsy in JavaScript.
    if any(isinstance(extra, list | dict) or extra for extra in args[2 if has_cid else 1 :]):
        return ClientError.MESSAGE_CALLBACK
    if has_cid and not is_cid(args[1]["cid"]):
        return ClientError.MESSAGE_CID
    if not is_unicode(args[0]):
        return ClientError.MESSAGE_UNICODE
    if not 1 <= js_length(js_trim(args[0])) <= MAX_TEXT:
        return ClientError.MESSAGE_LENGTH
    return None


def wanted_page(args: list[Any]) -> tuple[int, int] | None:
    """Return (before, limit) of `history_before`; None for what is no such thing."""
    wanted = args[0] if len(args) == 1 and isinstance(args[0], dict) else {}
    before, limit = wanted.get("before"), wanted.get("limit", USUAL)
    if type(before) is not int or not 1 <= before <= MAX_ID or type(limit) is not int or not 1 <= limit <= MOST:
        return None
    return before, limit
