"""Tornado handlers by topic, and the one place where they are joined."""

from collections.abc import Callable
from typing import Any

from tornado_chat.web.client import client_handlers
from tornado_chat.web.demo import demo_handlers
from tornado_chat.web.health import Health, ReadHealth, health_handlers
from tornado_chat.web.metrics import AppReading, Bound, DatabaseReading, Reading, metrics_handlers
from tornado_chat.web.pages import page_handlers
from tornado_chat.web.plugin_routes import PREFIX, FindRoutes, PluginRouter

__all__ = [
    "AppReading",
    "Bound",
    "DatabaseReading",
    "FindRoutes",
    "Health",
    "PluginRouter",
    "Reading",
    "demo_handlers",
    "handlers",
    "page_handlers",
]


def handlers(read_health: ReadHealth, read_metrics: Callable[[], Reading], plugins: PluginRouter) -> list[Any]:
    """Return the routes that every server has."""
    return [*health_handlers(read_health), *metrics_handlers(read_metrics), *client_handlers(), (PREFIX, plugins)]
