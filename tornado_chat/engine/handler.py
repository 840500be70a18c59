"""The Tornado handler of an Engine.IO endpoint: polls, posts, and WebSocket handshakes."""

from __future__ import annotations

import asyncio
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from tornado.http1connection import HTTP1Connection
from tornado.iostream import StreamClosedError
from tornado.web import Finish, RequestHandler, stream_request_body

from tornado_chat.engine.packets import BadPacket, BinaryPacket, decode_payload, encode_payload
from tornado_chat.engine.probe import WebSocketProbe
from tornado_chat.engine.reasons import CloseReason, Refusal
from tornado_chat.engine.request import (
    RETRY_AFTER,
    STATUS,
    WEBSOCKET,
    Query,
    Refused,
    accept_key,
    environ_of,
    parse_query,
    wants_websocket,
)
from tornado_chat.engine.session import DuplicatePoll, Session, SessionClosed
from tornado_chat.engine.websocket import WebSocket

if TYPE_CHECKING:
    from tornado_chat.engine.server import Engine

MAX_DIGITS = 18  # of a Content-Length
LINGER = 2.0  # seconds that the rest of a refused body may take

MAX_DISCARDED = 32 * 1024 * 1024  # bytes of a body that is refused


@stream_request_body
class EngineHandler(RequestHandler):
    """One request."""

    def initialize(self, engine: Engine) -> None:
        self._engine = engine
        self._address = ""
        self._query: Query | None = None
        self._session: Session | None = None
        self._body = bytearray()
        self._posting = False
        self._gone = False
        self._lingering: asyncio.TimerHandle | None = None  # once the request is refused, and its body still comes

    def set_default_headers(self) -> None:
        self.set_header("Content-Type", "text/plain; charset=UTF-8")
        self.set_header("Cache-Control", "no-store")
        if (origin := self.request.headers.get("Origin")) is not None:
            # Echoed, and with credentials, as the XMLHttpRequest of the older clients demands. No cookie is ever used.
            self.set_header("Access-Control-Allow-Origin", origin)
            self.set_header("Access-Control-Allow-Credentials", "true")
            self.set_header("Vary", "Origin")

    def compute_etag(self) -> None:
        """Return none: an answer that came once must not be left out where it would be the same."""

    def prepare(self) -> None:
        if isinstance(self.request.connection, HTTP1Connection):
            # A body that is refused is read on, into nothing, so that its sender comes to read why.
            self.request.connection.set_max_body_size(MAX_DISCARDED)
        try:
            self._check()
        except Refused as refused:
            self._refuse(refused.refusal)

    def _check(self) -> None:
        """Refuse whatever can be refused before the body is read."""
        admitted = self._engine.admit(self.request)
        if isinstance(admitted, Refusal):
            raise Refused(admitted)
        self._address = admitted
        if self.request.method == "OPTIONS":
            return
        self._query = parse_query(self.request)
        length = self.request.headers.get("Content-Length", "")
        if length.isascii() and length.isdigit() and len(length) <= MAX_DIGITS:
            self._check_size(int(length))  # Tornado refuses what is no length, once it reads the body
        if self._query.sid is not None:
            self._session = self._find(self._query)
        elif self.request.method != "GET":
            raise Refused(Refusal.METHOD)
        if wants_websocket(self.request) != (self._query.transport == WEBSOCKET):
            raise Refused(Refusal.UPGRADE)
        if self.request.method == "POST" and self._session is not None:
            # Before the body comes: or one session could have any number of them under way.
            if not self._session.begin_post():
                raise Refused(Refusal.POST)
            self._posting = True

    def _find(self, query: Query) -> Session:
        session = self._engine.sessions.get(query.sid or "")
        if session is None or query.revision not in (None, session.revision):
            raise Refused(Refusal.SESSION)
        if session.upgraded:
            raise Refused(Refusal.UPGRADED)
        return session

    def _check_size(self, size: int) -> None:
        if size > self._engine.limits.message:
            raise Refused(Refusal.TOO_BIG)

    def data_received(self, chunk: bytes) -> None:
        if self._finished or self._lingering is not None:
            return
        try:
            if not self._posting:
                raise Refused(Refusal.PAYLOAD)
            self._body += chunk
            self._check_size(len(self._body))
        except Refused as refused:
            self._refuse(refused.refusal)

    # -- the methods

    async def get(self) -> None:
        query = self._query
        assert query is not None  # noqa: S101 - prepare() parsed it
        try:
            if query.transport == WEBSOCKET:
                await self._get_websocket(query)
            else:
                session = self._session or await self._open(query, [WEBSOCKET])
                await self._get_poll(session)
        except Refused as refused:
            self._refuse(refused.refusal)

    async def post(self) -> None:
        if self._lingering is not None:
            self.finish()
            return
        try:
            await self._post()
        except Refused as refused:
            self._refuse(refused.refusal)
        else:
            await self._answer("ok")

    def options(self) -> None:
        self.set_header("Access-Control-Allow-Methods", "GET, POST")
        self.set_header("Access-Control-Allow-Headers", "Content-Type")
        self.set_header("Access-Control-Max-Age", "86400")
        self.set_status(HTTPStatus.NO_CONTENT)
        self.finish()

    def put(self) -> None:
        self._refuse(Refusal.METHOD)

    head = delete = patch = put

    # -- polling

    async def _get_poll(self, session: Session) -> None:
        self._session = session
        try:
            packets = await session.poll()
        except DuplicatePoll:
            raise Refused(Refusal.POLL) from None
        except SessionClosed:
            raise Refused(Refusal.SESSION) from None
        try:
            body = encode_payload(packets, session.revision, self._engine.escape)
            # One answer at a time: or many polls that nobody reads would hold a buffer each.
            await asyncio.wait_for(self._answer(body), self._engine.ping_timeout)
        except TimeoutError:
            session.close(CloseReason.SLOW_CONSUMER)
            self.detach().close()
        session.poll_answered()

    async def _post(self) -> None:
        session = self._session
        if session is None or session.closed is not None:
            raise Refused(Refusal.SESSION)
        self._take(session, self._packets(session))
        await session.room()

    def on_finish(self) -> None:
        if self._lingering is not None:
            self._lingering.cancel()
        self._end_post()

    def _end_post(self) -> None:
        if self._posting and self._session is not None:
            self._session.end_post()
        self._posting = False

    def on_connection_close(self) -> None:
        super().on_connection_close()  # or the task of the request waits on for its body
        self.on_finish()
        self._gone = True
        if self.request.method == "GET" and self._session is not None and not self._finished:
            self._session.lost(CloseReason.TRANSPORT_CLOSED)

    def _packets(self, session: Session) -> list[str]:
        if self.request.headers.get("Content-Type", "").startswith("application/octet-stream"):
            session.close(CloseReason.BINARY)
            raise Refused(Refusal.BINARY)
        try:
            return decode_payload(self._body.decode(), session.revision)
        except BinaryPacket:
            session.close(CloseReason.BINARY)
            raise Refused(Refusal.BINARY) from None
        except (BadPacket, UnicodeDecodeError) as error:
            session.close(CloseReason.BAD_PACKET, str(error) if isinstance(error, BadPacket) else "no UTF-8")
            raise Refused(Refusal.PAYLOAD) from None

    def _take(self, session: Session, packets: list[str]) -> None:
        for packet in packets:
            if not session.spend():
                raise Refused(Refusal.RATE)
            session.received(packet)
            if session.closed is not None:
                break
        if session.closed not in (None, CloseReason.CLIENT):
            raise Refused(Refusal.PAYLOAD)

    # -- WebSocket

    async def _get_websocket(self, query: Query) -> None:
        key = accept_key(self.request)
        receiver: Session | WebSocketProbe
        if self._session is None:
            receiver = await self._open(query, [])
        else:
            probe = self._session.begin_probe()
            if probe is None:
                raise Refused(Refusal.PROBING)
            receiver = probe
        await self._accept(key, receiver)

    async def _accept(self, key: str, receiver: Session | WebSocketProbe) -> None:
        """Answer 101, and take the socket from Tornado, so that nothing of the HTTP connection is kept."""
        self._session = None  # its end isn't that of this request any more
        self.clear()
        self.set_status(HTTPStatus.SWITCHING_PROTOCOLS)
        self.clear_header("Content-Type")
        self.set_header("Upgrade", "websocket")
        self.set_header("Connection", "Upgrade")
        self.set_header("Sec-WebSocket-Accept", key)
        self.finish()
        stream = self.detach()
        if stream.closed() or stream.writing():
            stream.close()  # a new connection that has no room for the answer
            receiver.lost(CloseReason.TRANSPORT_ERROR)
            return
        sock = stream.socket
        stream.io_loop.remove_handler(sock)
        stream.socket = None  # type: ignore[assignment] # as IOStream.start_tls does when it gives a socket away
        early = bytes(stream._read_buffer)  # frames that didn't wait for the answer
        websocket = WebSocket(receiver, self._engine.read_buffer, self._engine.limits.message, early)
        try:
            await asyncio.get_running_loop().connect_accepted_socket(lambda: websocket, sock)
        except OSError:
            sock.close()
            receiver.lost(CloseReason.TRANSPORT_ERROR)

    # -- both

    async def _open(self, query: Query, upgrades: list[str]) -> Session:
        assert query.revision is not None  # noqa: S101 - parse_query() refuses a handshake without
        await self._engine.pace.turn()
        if self._gone:
            raise Finish
        if (refusal := self._engine.refuses(self._address)) is not None:
            raise Refused(refusal)
        environ = environ_of(self.request, self._address)
        return await self._engine.open(query.revision, self._address, environ, upgrades)

    async def _answer(self, body: str) -> None:
        try:
            await self.finish(body)
        except StreamClosedError:
            if self._session is not None and self.request.method == "GET":
                self._session.lost(CloseReason.TRANSPORT_CLOSED)

    def _refuse(self, refusal: Refusal) -> None:
        self._end_post()
        self._engine.refusals[refusal] += 1
        status = STATUS.get(refusal, HTTPStatus.BAD_REQUEST)
        self.set_status(status)
        if status in (HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.TOO_MANY_REQUESTS):
            self.set_header("Retry-After", str(RETRY_AFTER))
        if refusal is Refusal.TOO_BIG:
            self.set_header("Connection", "close")
        if self.request.method != "POST" or self.request._body_future.done() or "Expect" in self.request.headers:
            self.finish(str(refusal))
        else:
            self._linger(str(refusal))

    def _linger(self, answer: str) -> None:
        """Answer, and take the rest of the body for a while: closed at once, TCP would take the answer back."""
        self._body.clear()
        self.set_header("Content-Length", len(answer))
        self.write(answer)
        self.flush()
        self._lingering = asyncio.get_running_loop().call_later(LINGER, self.finish)

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        self.finish(HTTPStatus(status_code).phrase)
