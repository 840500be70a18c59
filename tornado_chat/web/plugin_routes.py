"""/plugins/<plugin>/<app_id>/...: the addresses that plugins register, each call bounded and its failures named."""

from __future__ import annotations

import math
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from http import HTTPStatus
from typing import Any

from tornado.httputil import HTTPMessageDelegate, HTTPServerRequest
from tornado.routing import Router
from tornado.web import Application, Finish, HTTPError, RequestHandler
from tornado.websocket import WebSocketHandler

from tornado_chat.routes import InstalledRoute
from tornado_chat.supervision import Part, PluginFailed

PREFIX = r"/plugins/.*"
ROUTE_SECONDS = 30.0  # that one request may take
METHODS = ("get", "head", "post", "put", "patch", "delete", "options")
_PATH = re.compile(r"/plugins/([A-Za-z0-9_-]{1,64})/([0-9]{1,16})/(.*)", re.ASCII | re.DOTALL)

FindRoutes = Callable[[int], Mapping[str, Sequence[InstalledRoute]]]


class PluginRouter(Router):
    """Finds the handler of a plugin's address among what the app's plugins have registered now."""

    def __init__(self, find: FindRoutes) -> None:
        self._find = find
        self.application: Application | None = None

    def find_handler(self, request: HTTPServerRequest, **_: Any) -> HTTPMessageDelegate | None:
        match = _PATH.fullmatch(request.path)
        if match is None or self.application is None:
            return None
        plugin, app_id, path = match.groups()
        for installed in self._find(int(app_id)).get(plugin, ()):
            if found := installed.pattern.fullmatch(path):
                arguments: list[Any] = [group and group.encode() for group in found.groups()]
                return self.application.get_handler_delegate(
                    request, installed.handler, dict(installed.route.kwargs), path_args=arguments
                )
        return None


def guarded(handler: type, part: Part) -> type[RequestHandler]:
    """Return a route's handler with each of its methods bounded in time, and what it raises named and counted.

    Raises TypeError for what is no handler, or one of WebSockets: those have no end that could be bounded.
    """
    if not (isinstance(handler, type) and issubclass(handler, RequestHandler)):
        raise TypeError(f"{handler!r} is no RequestHandler")
    if issubclass(handler, WebSocketHandler):
        raise TypeError(f"{handler.__name__} is a WebSocketHandler, which no route can have")
    methods = {name: _bounded(getattr(handler, name), part) for name in METHODS}
    return type(handler.__name__, (handler,), methods)


def _bounded(method: Callable[..., Any], part: Part) -> Callable[..., Awaitable[None]]:
    async def run(handler: RequestHandler, arguments: tuple[Any, ...]) -> None:
        answer = method(handler, *arguments)
        if answer is not None:
            await answer

    async def bounded(self: RequestHandler, *arguments: Any) -> None:
        if left := part.seconds_left:
            self.set_status(HTTPStatus.SERVICE_UNAVAILABLE)
            self.set_header("Retry-After", str(math.ceil(left)))
            self.finish("this failed too often")
            return
        try:
            await part.call(run, self, arguments, timeout=ROUTE_SECONDS, allow=(HTTPError, Finish))
        except PluginFailed as error:
            part.failed(error)
            raise HTTPError(HTTPStatus.INTERNAL_SERVER_ERROR) from None
        part.succeeded()

    return bounded
