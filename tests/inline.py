"""A plugin that a test makes of functions, as a module."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from types import ModuleType
from typing import Any

from tornado_chat import Command, Filter, Gate, Listener, Pass, PluginApi, Route, Verdict, hookimpl


def plugin(name: str = "judge", **hooks: Any) -> ModuleType:
    """Return a module with these hooks; a `register_...` is a function of the api, `Options` a class."""
    module = ModuleType(name)
    for hook, function in hooks.items():
        setattr(module, hook, hookimpl(function) if hook.startswith("register_") else function)
    return module


def filtering(verdict: Verdict | Callable[..., Any], name: str = "judge") -> ModuleType:
    """Return a plugin with one filter: it answers `verdict`, or is that function of a draft."""

    async def answer(_draft: Any) -> Verdict:
        return verdict  # type: ignore[return-value]

    check = verdict if callable(verdict) and not isinstance(verdict, type) else answer

    def register_filters(api: PluginApi) -> list[Filter]:
        return [Filter(check)]

    return plugin(name, register_filters=register_filters)


def waiting(go_on: asyncio.Event, name: str = "judge") -> ModuleType:
    """Return a plugin with one filter, which lets everything pass as soon as it may go on."""

    async def check(_draft: Any) -> Verdict:
        await go_on.wait()
        return Pass()

    return filtering(check, name)


def having(*items: Command | Filter | Gate | Listener | Route, name: str = "judge") -> ModuleType:
    """Return a plugin that registers these."""
    hooks: dict[str, Any] = {}
    for kind, hook in (
        (Command, "register_commands"),
        (Filter, "register_filters"),
        (Gate, "register_gates"),
        (Listener, "register_listeners"),
        (Route, "register_routes"),
    ):
        found = [item for item in items if isinstance(item, kind)]
        if found:
            hooks[hook] = _giving(found)
    return plugin(name, **hooks)


def _giving(found: list[Any]) -> Callable[[PluginApi], list[Any]]:
    def register(api: PluginApi) -> list[Any]:
        return found

    return register
