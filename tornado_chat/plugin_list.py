"""What `tornado-chat plugins` says of each plugin."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from enum import EnumMeta
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

import msgspec
from msgspec import Meta, Struct

from tornado_chat import hookspecs
from tornado_chat.config import Config
from tornado_chat.filters import FilterPolicy
from tornado_chat.plugins import Found
from tornado_chat.secret import Secret

HOOKS = tuple(name for name in vars(hookspecs) if name.startswith("register_"))
JUDGES = {"register_filters", "register_gates"}


def describe(found: Found, config: Config) -> Iterator[str]:
    """Yield the lines about one plugin: where from, version, hooks, options with types and defaults, apps."""
    yield found.name
    yield f"  from: {found.origin}"
    users = [str(file.id or "default") for _, file in config.app_files if found.name in file.plugins]
    yield f"  used by apps: {', '.join(users) or '-'}"
    try:
        plugin = found.load()
    except (Exception, SystemExit) as error:
        yield f"  can't be loaded: {type(error).__name__}: {error}"
        return
    yield f"  version: {found.version or getattr(plugin, '__version__', '-')}"
    hooks = [name for name in HOOKS if hasattr(getattr(plugin, name, None), f"{hookspecs.PROJECT}_impl")]
    yield f"  hooks: {', '.join(hooks) or '-'}"
    options = dict(_options(getattr(plugin, "Options", None)))
    if JUDGES & set(hooks):
        options |= dict(_options(FilterPolicy))
    yield f"  options: {'' if options else '-'}".rstrip()
    for key, what in options.items():
        yield f"    {key}: {what}"


def _options(kind: Any) -> Iterator[tuple[str, str]]:
    if not (isinstance(kind, type) and issubclass(kind, Struct)):
        return
    hints: Mapping[str, Any] = get_type_hints(kind, include_extras=True)
    for field in msgspec.structs.fields(kind):
        default = field.default
        if field.default_factory is not msgspec.NODEFAULT:
            default = field.default_factory()
        shown = "required" if default is msgspec.NODEFAULT else f"= {json.dumps(_plain(default))}"
        yield field.encode_name, f"{type_text(hints[field.name])} {shown}"


def _plain(value: Any) -> Any:
    plain = msgspec.to_builtins(value, enc_hook=lambda other: repr(other) if other else "")
    return list(plain) if isinstance(plain, tuple | set | frozenset) else plain


def type_text(hint: Any) -> str:
    """Return a type as an operator reads it: `int, 1 to 100`, `"reject" or "allow"`, `list of text`."""
    origin, inner = get_origin(hint), get_args(hint)
    if origin is Annotated:
        bounds = [text for meta in inner[1:] if isinstance(meta, Meta) and (text := _bounds(meta))]
        return ", ".join([type_text(inner[0]), *bounds])
    if origin is Literal:
        return " or ".join(json.dumps(choice) for choice in inner)
    if origin in {tuple, list, set, frozenset} and inner:
        return f"list of {type_text(inner[0])}"
    if origin is dict:
        return f"table of {type_text(inner[1])}"
    if origin is Union or type(hint).__name__ == "UnionType":
        return " or ".join(type_text(choice) for choice in inner if choice is not type(None))
    names = {str: "text", int: "int", float: "number", Secret: "text", bool: "true or false"}
    if isinstance(hint, EnumMeta):
        choices: list[Any] = list(hint.__members__.values())
        return " or ".join(json.dumps(_plain(choice)) for choice in choices)
    return names.get(hint) or str(getattr(hint, "__name__", hint))


def _bounds(meta: Meta) -> str:
    low = meta.ge if meta.ge is not None else meta.min_length
    high = meta.le if meta.le is not None else meta.max_length
    if meta.gt is not None:
        return f"more than {meta.gt}" + (f", at most {high}" if high is not None else "")
    if low is not None and high is not None:
        return f"{low} to {high}"
    return f"at least {low}" if low is not None else f"at most {high}" if high is not None else ""
