"""A chat of its own for a test, on whatever store and clock, with whatever filters."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

from tests.manual_clock import ManualClock
from tornado_chat.bus import Bus, DirectBus
from tornado_chat.chat import Chat
from tornado_chat.clock import Clock
from tornado_chat.filters import Filter, FilterPolicy, InstalledFilter
from tornado_chat.http_client import RequestsHttpClient
from tornado_chat.models import Draft
from tornado_chat.moderation import Moderation
from tornado_chat.plugin_set import PluginSet
from tornado_chat.plugins import discover, load_plugins
from tornado_chat.services import Services
from tornado_chat.store import Store
from tornado_chat.store_memory import MemoryStore
from tornado_chat.verdicts import Verdict

APP = 2


def make_chat(
    store: Store | None = None, clock: Clock | None = None, bus: Bus | None = None, history: int = 10
) -> Chat:
    return Chat(
        APP,
        store=store or MemoryStore(),
        bus=bus or DirectBus(),
        clock=clock or ManualClock(),
        history=history,
        presence_limit=1000,
        timeout=5.0,
    )


def make_services(chat: Chat | None = None) -> Services:
    return (chat or make_chat()).services(RequestsHttpClient)


def with_filters(chat: Chat, *checks: Callable[[Draft], Coroutine[Any, Any, Verdict]]) -> Services:
    """Equip a chat with bare filters of a plugin named test; return what they could work with."""
    services = make_services(chat)
    part = services.supervisor.part
    filters = [InstalledFilter(part("test", "filter"), Filter(check), FilterPolicy()) for check in checks]
    moderation = Moderation(APP, {}, filters, monotonic=services.ground.clock.monotonic)
    chat.equip(PluginSet(moderation, services.supervisor))
    return services


def load_plugin(name: str, services: Services | None = None, /, **options: Any) -> PluginSet:
    """Load one bundled plugin with these options."""
    return load_plugins("apps/2.toml", [name], {name: options}, discover([]), services or make_services())


def documented_options(name: str) -> dict[str, Any]:
    """Return the options in the example of plugins/README.md, whose block is marked "toml NAME"."""
    page = (Path(__file__).parent.parent / "plugins" / "README.md").read_text("utf-8")
    (code,) = re.findall(rf"^```toml {name}\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    options: dict[str, Any] = tomllib.loads(code)["plugin"][name]
    return options
