"""What is wrong with a value of the configuration, in an operator's words: from msgspec's message to key and reason."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator
from enum import EnumMeta
from typing import Any, get_args, get_type_hints

from msgspec import Struct

NAME = r"\A[A-Za-z0-9_-]{1,64}\Z"
API = r"\Ahttps?://[A-Za-z0-9.-]+(:[0-9]+)?(/[^\s?#@]*)?\Z"
URL = r"\Ahttps?://[^\s]+\Z"
FORMS = {
    NAME: "expected a name of letters, digits, _ and - (a plugin's name is without .py)",
    URL: "expected a URL such as https://www.example.com/chat",
    API: "expected a URL such as https://www.example.com/chat-api, without a user, a password or a query",
}


def explain(message: str, kind: Any, also: tuple[str, ...]) -> tuple[str, str]:
    """Turn msgspec's message, `What - at `$.path``, into the path and what; an unknown key gets suggestions."""
    what, _, at = message.partition(" - at `$")
    path = at.rstrip("`").removeprefix(".")
    if match := re.search(r"unknown field `(.*)`$", what):
        keys = [*_fields(kind, path), *also]
        close = difflib.get_close_matches(match.group(1), keys, 1)
        what = (
            f"unknown key; did you mean {close[0]}?" if close else f"unknown key; known are: {', '.join(keys) or '-'}"
        )
        path = f"{path}.{match.group(1)}" if path else match.group(1)
    elif match := re.search(r"[Ii]nvalid enum value (.*)$", what):
        what = f"{match.group(1)} is none of: {', '.join(_choices(kind, path))}"
    elif match := re.search(r"matching regex (.*)$", what):
        what = FORMS.get(match.group(1).strip("'\"").replace("\\\\", "\\"), what)
    elif match := re.search(r"missing required field `(.*)`$", what):
        what = "missing, and it has no default"
        path = f"{path}.{match.group(1)}" if path else match.group(1)
    what = what.replace("`object`", "a table").replace("`array`", "a list")
    return path, what[:1].lower() + what[1:]


def _fields(kind: Any, path: str) -> tuple[str, ...]:
    """Return the keys of the table at `path`."""
    table = _struct(_hint(kind, path))
    return () if table is None else table.__struct_fields__


def _choices(kind: Any, path: str) -> list[str]:
    """Return the values that the key at `path` may have, where it is a choice."""
    found = list(_parts(_hint(kind, path)))
    enums: list[str] = [str(choice) for part in found if isinstance(part, EnumMeta) for choice in list[Any](part)]
    return enums or [str(part) for part in found if isinstance(part, str | int)]


def _hint(kind: Any, path: str) -> Any:
    """Return the type of the key at `path`, such as `keys[0].alg`; `kind` itself for an empty one."""
    for name in re.sub(r"\[.*?\]", "", path).split(".") if path else ():
        table = _struct(kind)
        kind = None if table is None else get_type_hints(table).get(name)
    return kind


def _struct(hint: Any) -> type[Struct] | None:
    return next((part for part in _parts(hint) if isinstance(part, type) and issubclass(part, Struct)), None)


def _parts(hint: Any) -> Iterator[Any]:
    """Yield a type and all that it is made of: `tuple[Key, ...] | None` has Key in it."""
    yield hint
    for part in get_args(hint):
        yield from _parts(part)
