"""The plugin contract. Each hook is called once per app, when the app's plugins are loaded, and registers something.

The plugins of apps/default.toml are loaded at the start too, for app 0, so that an error in them stops the start.
"""

from __future__ import annotations

from collections.abc import Iterable

import pluggy

from tornado_chat.commands import Command
from tornado_chat.filters import Filter
from tornado_chat.gates import Gate
from tornado_chat.identity import IdentityProvider
from tornado_chat.listeners import Listener
from tornado_chat.plugin_api import PluginApi
from tornado_chat.routes import Route

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


@hookspec
def register_gates(api: PluginApi) -> Iterable[Gate]:
    """Gates of this app: asked for each socket that wants to join, and for each message before the filters."""
    raise NotImplementedError(api)


@hookspec
def register_listeners(api: PluginApi) -> Iterable[Listener]:
    """Listeners of this app: told after the fact of what was posted, rejected, muted and so on, in order."""
    raise NotImplementedError(api)


@hookspec
def register_routes(api: PluginApi) -> Iterable[Route]:
    """Addresses of this app: Tornado handlers under /plugins/<plugin>/<app_id>/, asked for by HTTP."""
    raise NotImplementedError(api)


@hookspec
def register_identity(api: PluginApi) -> IdentityProvider | None:
    """Who knows this app's users, where the app's `identity` is the plugin's name: asked at each `auth`."""
    raise NotImplementedError(api)
