"""From a configuration to chats with their plugins: built whole, and then taken into use in one step."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from tornado_chat.bans import Protected
from tornado_chat.bus import Bus
from tornado_chat.chat import Bounds, Chat
from tornado_chat.clock import Clock
from tornado_chat.config import Config
from tornado_chat.config_tables import AppFile
from tornado_chat.http import HttpClient
from tornado_chat.identity import IdentityProvider
from tornado_chat.origins import Origins
from tornado_chat.plugin_set import PluginSet
from tornado_chat.plugins import Found, load_plugins
from tornado_chat.registry import AppTable, Served
from tornado_chat.store import Store

log = logging.getLogger(__name__)

NO_APP = 0  # stands for "any app" when the plugins of default.toml are tried at the start


@dataclass(frozen=True, slots=True)
class Built:
    """What a configuration comes to. `chats` and `sets` have the app's id, 0 for the default file itself."""

    config: Config
    catalog: Mapping[str, Found]
    chats: dict[int, Chat]
    sets: dict[int, PluginSet]
    table: AppTable


class Assembly:
    """Every chat of one server. `identities` are those of server.toml, by name."""

    def __init__(
        self,
        *,
        store: Store,
        bus: Bus,
        clock: Clock,
        timeout: float,
        bounds: Bounds,
        identities: Mapping[str, IdentityProvider],
        make_http: Callable[[], HttpClient],
        protected: Protected = lambda _: False,
    ) -> None:
        self._store = store
        self._bus = bus
        self._clock = clock
        self._timeout = timeout
        self._bounds = bounds
        self._identities = identities
        self._make_http = make_http
        self._protected = protected
        self._built: Built | None = None

    @property
    def built(self) -> Built:
        """What is in use."""
        assert self._built is not None  # noqa: S101 - a server uses what it built before it does anything
        return self._built

    @property
    def chats(self) -> list[Chat]:
        """Every chat, also those that nobody has joined yet."""
        return list(self.built.chats.values())

    def build(self, config: Config, catalog: Mapping[str, Found], sets: dict[int, PluginSet]) -> Built:
        """Load the plugins of every app, and change nothing yet. No I/O but imports.

        `sets` is filled: what is in it after a ConfigError was made for nothing, and is the caller's to close.
        """
        chats: dict[int, Chat] = {}
        known = dict(self.built.chats) if self._built is not None else {}
        files = {app_file.id or NO_APP: (name, app_file) for name, app_file in config.app_files}
        if config.default_app is not None:
            # Also those that the default file serves already.
            files = dict.fromkeys(known, config.default_app) | files
        for app_id, (name, app_file) in files.items():
            chats[app_id] = known.pop(app_id) if app_id in known else self._make_chat(app_id, app_file)
            sets[app_id] = self._load(chats[app_id], name, app_file, catalog)
        chats |= known  # whose file is gone: who is in them stays
        default = config.default_app
        table = AppTable(
            {app_id: self._serve(app_file, sets[app_id]) for app_id, (_, app_file) in config.apps.items()},
            None if default is None else self._serve(default[1], sets[NO_APP]),
        )
        return Built(config, catalog, chats, sets, table)

    def use(self, built: Built) -> list[PluginSet]:
        """Take what was built into use, in one step. Returns the plugins of before, which the caller closes."""
        for app_id in built.chats.keys() - built.sets.keys():
            log.warning("app %d has no file any more: nobody can join it, and who is in it stays", app_id)
        self._built = built
        return [built.chats[app_id].equip(plugins) for app_id, plugins in built.sets.items()]

    def chat(self, app_id: int) -> Chat:
        """Return the chat of an app that is served; the default file's are made when they are first asked for."""
        built = self.built
        if app_id not in built.chats:
            default = built.config.default_app
            assert default is not None, app_id  # noqa: S101 - the registry asks only for apps that are served
            chat = self._make_chat(app_id, default[1])
            chat.equip(self._load(chat, *default, built.catalog))
            built.chats[app_id] = chat
        return built.chats[app_id]

    def _make_chat(self, app_id: int, app_file: AppFile) -> Chat:
        return Chat(
            app_id,
            store=self._store,
            bus=self._bus,
            clock=self._clock,
            history=app_file.history,
            presence_limit=app_file.presence.limit,
            timeout=self._timeout,
            bounds=self._bounds,
            retain=app_file.moderation.retain,
            held=app_file.moderation.held,
            held_hours=app_file.moderation.held_hours,
            protected=self._protected,
        )

    def _load(self, chat: Chat, name: str, app_file: AppFile, catalog: Mapping[str, Found]) -> PluginSet:
        services = chat.services(self._make_http, hide_actor=app_file.moderation.hide_actor)
        return load_plugins(name, app_file.plugins, app_file.plugin, catalog, services, identity=app_file.identity)

    def _serve(self, app_file: AppFile, plugins: PluginSet) -> Served:
        identity = plugins.identity or self._identities[app_file.identity]
        return Served(app_file, Origins(app_file.origins), identity)
