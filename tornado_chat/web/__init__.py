"""Tornado handlers by topic, and the one place where they are joined."""

from tornado_chat.web.client import client_handlers
from tornado_chat.web.demo import demo_handlers
from tornado_chat.web.health import Health, ReadHealth, health_handlers

__all__ = ["Health", "demo_handlers", "handlers"]


def handlers(read_health: ReadHealth) -> list[tuple[str, type, dict[str, object]]]:
    """Return the routes that every server has."""
    return [*health_handlers(read_health), *client_handlers()]
