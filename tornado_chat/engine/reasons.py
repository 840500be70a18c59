"""Why a session ended, or was never begun. What is counted, and told to the application."""

from __future__ import annotations

from enum import StrEnum


class CloseReason(StrEnum):
    """Why a session was closed."""

    CLIENT = "client disconnect"  # it said so
    SERVER = "server disconnect"  # the application said so
    SHUTDOWN = "shutdown"
    TRANSPORT_CLOSED = "transport close"  # the WebSocket, or a poll that waited, was closed by the peer
    TRANSPORT_ERROR = "transport error"  # it broke
    PING_TIMEOUT = "ping timeout"
    HANDSHAKE_TIMEOUT = "handshake timeout"  # the application never called establish()
    SLOW_CONSUMER = "slow consumer"  # more bytes wait for it than it may have, or none moved for too long
    RATE_LIMIT = "rate limit"
    BAD_FRAME = "bad frame"
    BAD_PACKET = "bad packet"
    BINARY = "binary packet"
    TOO_BIG = "too big"
    DUPLICATE_POLL = "duplicate poll"
    DUPLICATE_POST = "duplicate post"
    APPLICATION_ERROR = "application error"  # a handler raised


class Refusal(StrEnum):
    """Why a request was refused; the text is the answer's body."""

    REVISION = "unsupported protocol version: EIO must be 4 or 3"
    TRANSPORT = "unknown transport: it must be polling or websocket"
    JSONP = "JSONP isn't supported; use XMLHttpRequest or WebSocket"
    METHOD = "bad handshake method: it must be GET"
    UPGRADE = "bad WebSocket request"
    SESSION = "unknown session id"
    UPGRADED = "this session uses a WebSocket now"
    PROBING = "an upgrade of this session is being tried, or too many were"
    BINARY = "binary payloads are not supported"
    TOO_BIG = "payload too big"
    PAYLOAD = "bad payload"
    POLL = "another poll is waiting"
    POST = "another post is under way"
    RATE = "too many packets"
    FULL = "the server is full"
    ADDRESS = "too many connections from your address"
    ORIGIN = "this page's origin may not connect"
