"""/healthz: for load balancers, monitors, and people who wonder."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from http import HTTPStatus

import msgspec
from tornado.web import RequestHandler

from tornado_chat.version import VERSION


class Health(msgspec.Struct, frozen=True):
    """How the server is. `database` is up, down, or waiting (it hasn't answered since the start).

    `closes` and `refusals` count, by reason, the connections that were closed and the requests that were refused.
    """

    database: str
    connections: int
    plugin_failures: Mapping[str, int]
    closes: Mapping[str, int]
    refusals: Mapping[str, int]


ReadHealth = Callable[[], Awaitable[Health]]


class HealthHandler(RequestHandler):
    """200 while messages can be stored, 503 while they can't; JSON says why."""

    def initialize(self, read_health: ReadHealth) -> None:
        self._read_health = read_health

    async def head(self) -> None:
        await self.get()

    async def get(self) -> None:
        health = await self._read_health()
        up = health.database == "up"
        self.set_status(HTTPStatus.OK if up else HTTPStatus.SERVICE_UNAVAILABLE)
        self.set_header("Content-Type", "application/json")
        self.set_header("Cache-Control", "no-store")
        state = {"status": "ok" if up else "unavailable", "version": VERSION}
        self.finish(msgspec.json.encode(state | msgspec.structs.asdict(health)))


def health_handlers(read_health: ReadHealth) -> list[tuple[str, type, dict[str, object]]]:
    return [(r"/healthz", HealthHandler, {"read_health": read_health})]
