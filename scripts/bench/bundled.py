"""Bundled plugins, loaded as an app does, for benchmarks that call what they registered."""

from __future__ import annotations

from typing import Any

from tornado_chat.bus import DirectBus
from tornado_chat.chat import Chat
from tornado_chat.clock import SystemClock
from tornado_chat.http_client import RequestsHttpClient
from tornado_chat.plugin_set import PluginSet
from tornado_chat.plugins import discover, load_plugins
from tornado_chat.store_memory import MemoryStore


def load(name: str, options: dict[str, Any]) -> PluginSet:
    """Return one plugin with these options, in an app of its own."""
    chat = Chat(
        2, store=MemoryStore(), bus=DirectBus(), clock=SystemClock(), history=10, presence_limit=10, timeout=3.0
    )
    return load_plugins("bench", [name], {name: options}, discover([]), chat.services(RequestsHttpClient))
