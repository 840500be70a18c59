"""The composition root: from a configuration to a Tornado application that listens."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import errno
import logging
import socket
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
from tornado.netutil import bind_sockets
from tornado.web import Application

from tornado_chat.addresses import Reach, TrustedProxies
from tornado_chat.assembly import NO_APP, Assembly
from tornado_chat.bus import DirectBus
from tornado_chat.chat import Bounds
from tornado_chat.clock import Clock, SystemClock
from tornado_chat.config import Config
from tornado_chat.config_tables import LimitsTable
from tornado_chat.engine import CloseReason, Limits, Refusal
from tornado_chat.errors import ChatError, StoreUnavailable
from tornado_chat.file_watch import changes, require_watchfiles
from tornado_chat.gateway import Gateway
from tornado_chat.http_client import RequestsHttpClient
from tornado_chat.http_server import BoundedHTTPServer
from tornado_chat.identity import IdentityProvider
from tornado_chat.identity_demo import DemoIdentity
from tornado_chat.identity_moneypot import MoneypotIdentity
from tornado_chat.lookup_cache import LookupCache
from tornado_chat.mongo_embedded import EmbeddedMongo
from tornado_chat.plugins import discover
from tornado_chat.quota import Quota
from tornado_chat.registry import Registry
from tornado_chat.reloader import Reloader
from tornado_chat.routes import InstalledRoute
from tornado_chat.store_mongo import MongoStore
from tornado_chat.web import (
    AppReading,
    Bound,
    DatabaseReading,
    Health,
    PluginRouter,
    Reading,
    demo_handlers,
    handlers,
    page_handlers,
)

log = logging.getLogger(__name__)

EMBEDDED = "embedded"
BACKLOG = 4096  # connections that wait to be accepted: a herd that comes back, or all while the server restarts
CLOSING_SECONDS = 3.0  # of server.drain, for what comes after the last ack
SHORTEST_STEP = 0.2  # seconds that each step of closing has at least
MAX_BODY = 256 * 1024  # bytes of a request, whatever it asks for; the engine takes less, and says so
IDLE = 60.0  # seconds that an HTTP connection may take for its next request's headers
BODY = 20.0  # seconds that the rest of a request may take
PING_SECONDS = 1.0  # /healthz asks the database at most this often, whoever asks it
MAX_HEADER = 16 * 1024  # bytes of a request's headers: several times what a browser sends


class ListenError(ChatError):
    """The server can't listen where it is told to."""


class Server:
    """One chat server: construct it, start it, stop it. Two may run in one process.

    `port` goes before the configuration's; `demo` adds the page at `/` where a person picks a user and talks; `reading`
    is told of each configuration that is read later, before it is used; `sockets` listen already, and are used instead
    of a port. Raises ConfigError for a configuration that can't be used: every app's plugins are loaded to find that
    out.
    """

    def __init__(
        self,
        config: Config,
        *,
        port: int | None = None,
        clock: Clock | None = None,
        demo: bool = False,
        reading: Callable[[Config], None] = lambda _: None,
        sockets: Sequence[socket.socket] = (),
    ) -> None:
        if config.server.watch:
            require_watchfiles()
        self.port = config.server.port if port is None else port
        self._config = config
        self._sockets = list(sockets)
        self._unstored = Quota(config.limits.unstored)
        self._lookups = Quota(config.limits.lookups)
        self._http_connections = Quota(config.limits.http_connections)
        self._clock = clock or SystemClock()
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
        self._identities = _identities(config, self._lookups)
        proxies = TrustedProxies(config.server.trusted_proxies)
        self._assembly = Assembly(
            store=self._store,
            bus=self._bus,
            clock=self._clock,
            timeout=config.mongodb.timeout,
            bounds=_bounds(config.limits, self._unstored),
            identities=self._identities,
            make_http=partial(RequestsHttpClient, reach=Reach(config.plugin_reach)),
            protected=proxies.overlaps,
        )
        # All of them, also the default's for no app in particular: what is wrong with a plugin stops the start.
        built = self._assembly.build(config, discover(config.plugin_path), {})
        self._assembly.use(built)
        self._registry = Registry(built.table, self._assembly.chat)
        self._gateway = Gateway(
            self._registry,
            proxies,
            _limits(config.limits),
            heartbeat=config.server.heartbeat,
            window=config.server.batch_window,
        )
        self._bus.connect(self._gateway.deliver, self._gateway.disconnect, self._gateway.disconnect_where)
        self._reloads: Counter[str] = Counter()  # self._reloads["done" or "failed"]
        self._reloader = Reloader(self._assembly, self._registry, self._reloads, reading)
        self._http = self._http_server(proxies, demo)
        self._opening: asyncio.Task[None] | None = None
        self._watching: asyncio.Task[None] | None = None
        self._stop_watching = asyncio.Event()
        self._stopped = False
        self._pings: LookupCache[None, bool] = LookupCache(self._ping, size=1, ttl=PING_SECONDS)

    async def start(self) -> None:
        """Start the embedded database, if it is to be used, and listen; `port` is then the real one.

        A database of another kind may be away: the server listens, says so, and waits for it. Raises ListenError where
        the port can't be had, EmbeddedMongoError where the embedded database doesn't start.
        """
        try:
            sockets = self._sockets or bind_sockets(self.port, self._config.server.host, backlog=BACKLOG)
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
        self._opening = asyncio.get_running_loop().create_task(self._open())
        # Nobody is let in for a moment's INTERNAL_ERROR where the database is there; nobody is kept out where it isn't.
        await asyncio.wait({self._opening}, timeout=self._config.mongodb.timeout)
        self._sockets = [listening.dup() for listening in sockets]  # to hand on, when the server has stopped
        self._http.add_sockets(sockets)
        if self._config.server.watch and self._config.directory is not None:
            self._watching = asyncio.get_running_loop().create_task(self._watch(self._config.directory))

    async def reload(self) -> bool:
        """Read the configuration's files again and take over their apps and plugins; no connection is dropped.

        Where they can't be used, everything stays as it is, the log says why, and False is returned.
        """
        return await self._reloader.reload()

    def plugin_of(self, path: str) -> str | None:
        """Return the plugin that a source file belongs to."""
        return self._reloader.files.get(path)

    @property
    def crowded(self) -> bool:
        """Whether newcomers wait for others to be let in."""
        return self._gateway.pace.crowded

    @property
    def sockets(self) -> list[socket.socket]:
        """The sockets that it listens on."""
        return self._sockets

    async def stop(self, *, keep_listening: bool = False) -> None:
        """Stop accepting, tell the clients, finish and ack what is under way, close every connection and the database.

        That takes `server.drain` seconds at most. With `keep_listening` the `sockets` stay open, and whoever connects
        waits for who gets them next. Stopping twice, or without a start, does no harm.
        """
        if self._stopped:
            return
        self._stopped = True
        deadline = asyncio.get_running_loop().time() + self._config.server.drain
        self._http.stop()
        if not keep_listening:
            for listening in self._sockets:
                listening.close()
        await self._gateway.announce_end()
        if self._opening is not None:
            self._opening.cancel()
        self._stop_watching.set()
        # Read from its end: whatever goes wrong in one step, the next ones are taken.
        async with contextlib.AsyncExitStack() as steps:
            if self._embedded is not None:
                steps.push_async_callback(self._embedded.stop)
            for step in (
                self._store.close,
                *(identity.close for identity in self._identities.values()),
                self._http.close_all_connections,
                self._gateway.close,
                self._end_watching,
            ):
                steps.push_async_callback(_in_time, step, deadline)
            self._gateway.refuse_events()
            with contextlib.suppress(TimeoutError):
                closing = asyncio.gather(*(chat.close() for chat in self._assembly.chats))
                left = deadline - min(CLOSING_SECONDS, self._config.server.drain / 2)
                await asyncio.wait_for(closing, max(left - asyncio.get_running_loop().time(), SHORTEST_STEP))

    async def health(self) -> Health:
        """Tell how the server is, as /healthz answers it."""
        database = "waiting"
        if self._store.ready:
            database = "up" if self._store.availability.writable and await self._pings.get(None) else "down"
        failures: Counter[str] = Counter()
        for chat in self._registry.chats:
            failures += chat.plugins.supervisor.failures
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

    def metrics(self) -> Reading:
        """Tell what is counted and timed, as /metrics answers it."""
        return Reading(
            self._gateway.connections,
            len(asyncio.all_tasks()),
            self._bounds(),
            DatabaseReading(
                self._store.ready and self._store.availability.writable,
                self._store.availability.outages,
                self._store.availability.refused,
            ),
            {str(reason): count for reason, count in self._gateway.closes.items()},
            {refusal.name.lower(): count for refusal, count in self._gateway.refusals.items()},
            self._reloads,
            {
                chat.app_id: AppReading(
                    chat.plugins.supervisor.failures,
                    chat.plugins.supervisor.suspensions,
                    chat.plugins.supervisor.slow,
                    chat.plugins.audience.dropped,
                    chat.plugins.metrics,
                )
                for chat in self._registry.chats
            },
        )

    def _bounds(self) -> dict[str, Bound]:
        limits = self._config.limits
        refusals = self._gateway.refusals
        found = {
            "connections": Bound(self._gateway.connections, limits.connections, refusals[Refusal.FULL]),
            "connections_per_address": Bound(
                self._gateway.most_of_an_address, limits.connections_per_address, refusals[Refusal.ADDRESS]
            ),
        }
        closes = self._gateway.closes
        found["event_rate"] = Bound(0, int(limits.event_rate), self._gateway.rate_limited)
        found["client_buffer"] = Bound(0, limits.client_buffer, closes[CloseReason.SLOW_CONSUMER])
        found["message"] = Bound(0, limits.message, refusals[Refusal.TOO_BIG] + closes[CloseReason.TOO_BIG])
        quotas = {"unstored": self._unstored, "http_connections": self._http_connections, "lookups": self._lookups}
        for name, quota in quotas.items():
            found[name] = Bound(quota.used, quota.limit, quota.refused)
        for name in ("connections_per_app", "unstored_per_app", "plugin_calls"):
            readings = [chat.bounds[name] for chat in self._registry.chats]
            limit = getattr(limits, name)
            found[name] = Bound(
                max((each[0] for each in readings), default=0), limit, sum(each[2] for each in readings)
            )
        return found

    async def _open(self) -> None:
        """Open the store, then load the chats that have files of their own: their plugins begin to work."""
        await self._store.open()
        for app_id in self._assembly.built.config.apps:
            try:
                await self._registry.load(app_id)
            except StoreUnavailable as error:
                log.warning("app %d is loaded when somebody joins it: %s", app_id, error)

    async def _watch(self, directory: Path) -> None:
        try:
            async for names in changes([directory, *self._config.plugin_path], self._stop_watching):
                log.info("%s changed", ", ".join(names[:5]))
                await self.reload()
        except Exception:
            log.exception("files aren't watched any more; SIGHUP still reads them")

    async def _end_watching(self) -> None:
        if self._watching is not None:
            await asyncio.wait({self._watching})

    def _http_server(self, proxies: TrustedProxies, demo: bool) -> BoundedHTTPServer:
        return BoundedHTTPServer(
            self._application(proxies, demo),
            quota=self._http_connections,
            # A browser that polls has two at a time.
            per_address=2 * self._config.limits.connections_per_address,
            proxies=proxies,
            pace=self._gateway.pace,
            idle_connection_timeout=IDLE,
            body_timeout=BODY,
            max_body_size=MAX_BODY,
            max_header_size=MAX_HEADER,
        )

    def _application(self, proxies: TrustedProxies, demo: bool) -> Application:
        plugins = PluginRouter(self._routes)
        routes: list[Any] = [
            self._gateway.route(r"/socket\.io/"),
            *handlers(self.health, self.metrics, plugins),
            *page_handlers(self._registry, proxies),
        ]
        if demo:
            routes += demo_handlers()
        plugins.application = Application(routes)
        return plugins.application

    def _routes(self, app_id: int) -> Mapping[str, Sequence[InstalledRoute]]:
        chat = self._assembly.built.chats.get(app_id) if app_id != NO_APP else None
        return {} if chat is None else chat.plugins.routes


async def _in_time(step: Callable[[], Awaitable[None]], deadline: float) -> None:
    """Take a step of closing; one that isn't done in time is left behind, for the process ends."""
    try:
        await asyncio.wait_for(step(), max(deadline - asyncio.get_running_loop().time(), SHORTEST_STEP))
    except TimeoutError:
        log.warning("closing took too long; %s was left behind", step.__qualname__)


def _identities(config: Config, lookups: Quota) -> Mapping[str, IdentityProvider]:
    identities: dict[str, IdentityProvider] = {}
    if (moneypot := config.identity.moneypot) is not None:
        identities["moneypot"] = MoneypotIdentity(
            moneypot.api,
            moneypot.app_secret.reveal(),
            moneypot.timeout,
            recheck=moneypot.recheck,
            grace=moneypot.grace,
            quota=lookups,
        )
    if config.identity.demo is not None:
        identities["demo"] = DemoIdentity()
    return identities


def _bounds(limits: LimitsTable, unstored: Quota) -> Bounds:
    return Bounds(
        unstored=limits.unstored_per_app,
        quota=unstored,
        connections=limits.connections_per_app,
        plugin_calls=limits.plugin_calls,
    )


def _limits(table: LimitsTable) -> Limits:
    known = msgspec.structs.asdict(table)
    return Limits(**{field.name: known[field.name] for field in dataclasses.fields(Limits) if field.name in known})
