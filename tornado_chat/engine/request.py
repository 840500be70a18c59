"""What an HTTP request of a client asks for, checked before anything is done for it."""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Callable
from http import HTTPStatus

import msgspec
from tornado.httputil import HTTPServerRequest

from tornado_chat.engine.reasons import Refusal

REVISIONS = {"4": 4, "3": 3}
POLLING, WEBSOCKET = "polling", "websocket"
RETRY_AFTER = 5  # seconds
MAX_SID = 64  # characters

_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"  # RFC 6455, 1.3

STATUS = {
    Refusal.ORIGIN: HTTPStatus.FORBIDDEN,
    Refusal.TOO_BIG: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    Refusal.FULL: HTTPStatus.SERVICE_UNAVAILABLE,
    Refusal.ADDRESS: HTTPStatus.TOO_MANY_REQUESTS,
    Refusal.RATE: HTTPStatus.TOO_MANY_REQUESTS,
}

Admission = Callable[[HTTPServerRequest], "str | Refusal"]


class Refused(Exception):
    """The request is not carried out."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal)
        self.refusal = refusal


class Query(msgspec.Struct, frozen=True):
    """The query of a request. `sid` is None for a handshake; `revision` too where a later request leaves it out."""

    revision: int | None
    transport: str
    sid: str | None


def parse_query(request: HTTPServerRequest) -> Query:
    """Return what the request's query says. Raises Refused."""
    arguments = request.query_arguments
    eio, transport, sid = (_one(arguments.get(name)) for name in ("EIO", "transport", "sid"))
    if "j" in arguments:
        raise Refused(Refusal.JSONP)
    if transport not in (POLLING, WEBSOCKET):
        raise Refused(Refusal.TRANSPORT)
    revision = REVISIONS.get(eio or "")
    if revision is None and (sid is None or eio is not None):
        raise Refused(Refusal.REVISION)
    if sid is not None and len(sid) > MAX_SID:
        raise Refused(Refusal.SESSION)
    return Query(revision, transport, sid)


def accept_key(request: HTTPServerRequest) -> str:
    """Return the answer to a WebSocket handshake (RFC 6455, 4.2). Raises Refused."""
    headers = request.headers
    connection = [token.strip().lower() for token in headers.get("Connection", "").split(",")]
    key = headers.get("Sec-WebSocket-Key", "")
    if (
        request.method != "GET"
        or request.version != "HTTP/1.1"
        or headers.get("Upgrade", "").lower() != "websocket"
        or "upgrade" not in connection
        or headers.get("Sec-WebSocket-Version") != "13"
        or not headers.get("Host")
        or not _is_key(key)
    ):
        raise Refused(Refusal.UPGRADE)
    return base64.b64encode(hashlib.sha1(key.encode() + _GUID, usedforsecurity=False).digest()).decode()


def wants_websocket(request: HTTPServerRequest) -> bool:
    """Tell whether the request asks for a WebSocket."""
    return request.headers.get("Upgrade", "").lower() == "websocket"


def environ_of(request: HTTPServerRequest, address: str) -> dict[str, str]:
    """Return what is kept of a handshake for the application, under its WSGI names."""
    environ = {"REMOTE_ADDR": address, "HTTP_HOST": request.host}
    if (origin := request.headers.get("Origin")) is not None:
        environ["HTTP_ORIGIN"] = origin
    return environ


def _one(values: list[bytes] | None) -> str | None:
    return values[0].decode("latin-1") if values else None


def _is_key(key: str) -> bool:
    try:
        return len(base64.b64decode(key, validate=True)) == 16
    except (binascii.Error, ValueError):
        return False
