"""The plugin contract. Each hook is called once per app, when the app's plugins are loaded, and registers something.

The plugins of apps/default.toml are loaded at the start too, for app 0, so that an error in them stops the start.
"""

from __future__ import annotations

from collections.abc import Iterable

import pluggy

from tornado_chat.commands import Command
from tornado_chat.filters import Filter
from tornado_chat.plugin_api import PluginApi

PROJECT = "tornado_chat"
hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)


@hookspec
def register_commands(api: PluginApi) -> Iterable[Command]:
    """Slash commands of this app. A command runs each time somebody of its role or above types it."""
    raise NotImplementedError(api)


@hookspec
def register_filters(api: PluginApi) -> Iterable[Filter]:
    """Filters of this app. A filter is asked for each message, after commands and mutes, before it is stored."""
    raise NotImplementedError(api)
