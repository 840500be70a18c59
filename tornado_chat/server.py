"""The composition root: from a configuration to a Tornado application that listens."""

from __future__ import annotations

import asyncio
import contextlib
import errno
from collections import Counter
from collections.abc import Mapping
from typing import Any

import msgspec
from tornado.httpserver import HTTPServer
from tornado.netutil import bind_sockets
from tornado.web import Application

from tornado_chat.addresses import TrustedProxies
from tornado_chat.bus import DirectBus
from tornado_chat.chat import Chat
from tornado_chat.clock import Clock, SystemClock
from tornado_chat.config import AppFile, Config, LimitsTable
from tornado_chat.engine import Limits
from tornado_chat.errors import ChatError, StoreUnavailable
from tornado_chat.gateway import Gateway
from tornado_chat.identity import IdentityProvider
from tornado_chat.identity_demo import DemoIdentity
from tornado_chat.identity_moneypot import MoneypotIdentity
from tornado_chat.lookup_cache import LookupCache
from tornado_chat.moderation import Moderation
from tornado_chat.mongo_embedded import EmbeddedMongo
from tornado_chat.plugin_api import PluginApi
from tornado_chat.plugins import discover, load_plugins
from tornado_chat.registry import Registry
from tornado_chat.room import Room
from tornado_chat.sanctions import Sanctions
from tornado_chat.store_mongo import MongoStore
from tornado_chat.web import Health, demo_handlers, handlers

EMBEDDED = "embedded"
DRAIN = 10.0  # seconds for what is under way when the server is asked to stop
MAX_BODY = 256 * 1024  # bytes of a request, whatever it asks for; the engine takes less, and says so
IDLE = 60.0  # seconds that an HTTP connection may take for its next request's headers
BODY = 20.0  # seconds that the rest of a request may take
PING_SECONDS = 1.0  # /healthz asks the database at most this often, whoever asks it
NO_APP = 0  # stands for "any app" when the plugins of default.toml are tried at the start


class ListenError(ChatError):
    """The server can't listen where it is told to."""


class Server:
    """One chat server: construct it, start it, stop it. Two may run in one process.

    `demo` adds the page at `/` where a person picks a user and talks. Raises ConfigError for a configuration that
    can't be used; every app's plugins are loaded once to find that out.
    """

    def __init__(self, config: Config, *, clock: Clock | None = None, demo: bool = False) -> None:
        self.port = config.server.port
        self._config = config
        self._clock = clock or SystemClock()
        self._catalog = discover(config.plugin_path)
        uri = config.mongodb.uri.reveal()
        self._embedded = EmbeddedMongo(config.data_dir) if uri == EMBEDDED else None
        self._store = MongoStore(
            self._embedded.uri if self._embedded else uri,
            config.mongodb.database,
            timeout=config.mongodb.timeout,
            retention_days=config.mongodb.retention_days,
            name="the embedded database" if self._embedded else None,
        )
        self._bus = DirectBus()
        # All of them, also the default's for no app in particular: what is wrong with a plugin stops the start.
        self._assembled = {
            app_file.id or NO_APP: self._assemble(app_file.id or NO_APP, name, app_file)
            for name, app_file in config.app_files
        }
        self._identities = _identities(config)
        self._registry = Registry(config, self._identities, self._make_chat)
        self._gateway = Gateway(
            self._registry,
            TrustedProxies(config.server.trusted_proxies),
            _limits(config.limits),
            heartbeat=config.server.heartbeat,
            window=config.server.batch_window,
        )
        self._bus.connect(self._gateway.deliver)
        self._http = HTTPServer(
            self._application(demo), idle_connection_timeout=IDLE, body_timeout=BODY, max_body_size=MAX_BODY
        )
        self._opening: asyncio.Task[None] | None = None
        self._stopped = False
        self._pings: LookupCache[None, bool] = LookupCache(self._ping, size=1, ttl=PING_SECONDS)

    async def start(self) -> None:
        """Start the embedded database, if it is to be used, and listen; `port` is then the real one.

        A database of another kind may be away: the server listens, says so, and waits for it. Raises ListenError where
        the port can't be had, EmbeddedMongoError where the embedded database doesn't start.
        """
        try:
            sockets = bind_sockets(self.port, self._config.server.host)
        except OSError as error:
            where = f"port {self.port} of {self._config.server.host}"
            hint = "; stop what uses it, or choose another one with --port" if error.errno == errno.EADDRINUSE else ""
            raise ListenError(f"can't listen on {where}: {error.strerror or error}{hint}") from None
        self.port = sockets[0].getsockname()[1]
        try:
            if self._embedded is not None:
                await self._embedded.start()
        except BaseException:
            for bound in sockets:
                bound.close()
            raise
        self._opening = asyncio.get_running_loop().create_task(self._store.open())
        # Nobody is let in for a moment's INTERNAL_ERROR where the database is there; nobody is kept out where it isn't.
        await asyncio.wait({self._opening}, timeout=self._config.mongodb.timeout)
        self._http.add_sockets(sockets)

    async def stop(self) -> None:
        """Stop listening, finish what is under way, close every connection, and stop the embedded database.

        Stopping twice, or without a start, does no harm.
        """
        if self._stopped:
            return
        self._stopped = True
        self._http.stop()
        if self._opening is not None:
            self._opening.cancel()
        # Read from its end: whatever goes wrong in one step, the next ones are taken.
        async with contextlib.AsyncExitStack() as steps:
            if self._embedded is not None:
                steps.push_async_callback(self._embedded.stop)
            steps.push_async_callback(self._store.close)
            for identity in self._identities.values():
                steps.push_async_callback(identity.close)
            steps.push_async_callback(self._http.close_all_connections)
            steps.push_async_callback(self._gateway.close)
            self._gateway.refuse_events()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._registry.close(), DRAIN)

    async def health(self) -> Health:
        """Tell how the server is, as /healthz answers it."""
        database = "waiting"
        if self._store.ready:
            database = "up" if await self._pings.get(None) else "down"
        failures: Counter[str] = Counter()
        for chat in self._registry.chats:
            failures += chat.moderation.failures
        return Health(
            database,
            self._gateway.connections,
            dict(failures),
            {str(reason): count for reason, count in self._gateway.closes.items()},
            {refusal.name.lower(): count for refusal, count in self._gateway.refusals.items()},
        )

    async def _ping(self, _: None) -> bool:
        try:
            await self._store.ping()
        except StoreUnavailable:
            return False
        return True

    def _application(self, demo: bool) -> Application:
        routes: list[Any] = [self._gateway.route(r"/socket\.io/"), *handlers(self.health)]
        if demo:
            routes += demo_handlers()
        return Application(routes)

    def _make_chat(self, app_id: int) -> Chat:
        if app_id in self._assembled:
            return self._assembled[app_id]
        entry = self._config.app(app_id)
        assert entry is not None, app_id  # noqa: S101 - the registry asks only for apps that the configuration has
        return self._assemble(app_id, *entry)

    def _assemble(self, app_id: int, name: str, app_file: AppFile) -> Chat:
        """Make an app's chat, with its own room and its own plugins. No I/O. Raises ConfigError."""
        room = Room(app_file.history, app_file.presence.limit)
        sanctions = Sanctions(app_id, room, self._store, self._bus, self._clock, timeout=self._config.mongodb.timeout)

        def make_api(plugin: str, options: Any) -> PluginApi:
            return PluginApi(plugin, app_id, options, room, sanctions)

        loaded = load_plugins(name, app_file.plugins, app_file.plugin, self._catalog, make_api)
        return Chat(
            app_id,
            room=room,
            sanctions=sanctions,
            moderation=Moderation(app_id, loaded.commands, loaded.filters),
            store=self._store,
            bus=self._bus,
            clock=self._clock,
            history=app_file.history,
            timeout=self._config.mongodb.timeout,
        )


def _identities(config: Config) -> Mapping[str, IdentityProvider]:
    identities: dict[str, IdentityProvider] = {}
    if (moneypot := config.identity.moneypot) is not None:
        identities["moneypot"] = MoneypotIdentity(moneypot.api, moneypot.app_secret.reveal(), moneypot.timeout)
    if config.identity.demo is not None:
        identities["demo"] = DemoIdentity()
    return identities


def _limits(table: LimitsTable) -> Limits:
    return Limits(**msgspec.structs.asdict(table))
