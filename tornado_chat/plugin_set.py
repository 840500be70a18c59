"""The plugins of one app, loaded and joined: what the chat works with until they are loaded anew."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from tornado_chat.identity import IdentityProvider
from tornado_chat.listeners import Audience
from tornado_chat.metrics import PluginMetrics
from tornado_chat.moderation import Moderation
from tornado_chat.plugin_api import PluginApi
from tornado_chat.routes import InstalledRoute
from tornado_chat.supervision import Supervisor

PATIENCE = 5.0  # seconds that calls into plugins have to come to an end


@dataclass(slots=True)
class PluginSet:
    """What an app's plugins registered, in the config's order."""

    moderation: Moderation
    supervisor: Supervisor
    audience: Audience = field(default_factory=Audience)
    routes: Mapping[str, Sequence[InstalledRoute]] = field(default_factory=dict)  # routes[plugin name]
    identity: IdentityProvider | None = None
    apis: Mapping[str, PluginApi] = field(default_factory=dict)  # apis[plugin name]

    def start(self) -> None:
        """Begin what plugins do periodically."""
        for api in self.apis.values():
            api._start()

    async def close(self) -> None:
        """End what the plugins do: periodic work at once, the rest once no call into them is under way, or after 5 s.

        Each is ended, whatever becomes of the one before.
        """
        for api in self.apis.values():
            api._stop()
        await self.supervisor.idle(PATIENCE)
        async with contextlib.AsyncExitStack() as steps:
            if self.identity is not None:
                steps.push_async_callback(self.identity.close)
            for api in self.apis.values():
                steps.push_async_callback(api._close)
            steps.push_async_callback(self.audience.close)

    @property
    def metrics(self) -> Mapping[str, PluginMetrics]:
        """What each plugin counts and times."""
        return {name: api._metrics for name, api in self.apis.items()}
