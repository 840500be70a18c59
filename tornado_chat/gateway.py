"""Socket.IO: event names, payload shapes, `client_error` texts and acks. Knows no rule of the chat.

The only home of python-socketio and python-engineio.
"""

from __future__ import annotations

import asyncio
import json
import logging
import math
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, cast

import msgspec
import socketio
from engineio.payload import Payload
from socketio.packet import ACK, CONNECT, DISCONNECT, EVENT, Packet
from tornado.web import RequestHandler

from tornado_chat.addresses import TrustedProxies
from tornado_chat.chat import Seat
from tornado_chat.errors import MAX_TEXT, Ack, ClientError, IdentityUnavailable, StoreUnavailable
from tornado_chat.events import CLIENT_ERROR, SYSTEM_MESSAGE, Event
from tornado_chat.identity import is_token
from tornado_chat.models import MAX_ID
from tornado_chat.registry import Registry, is_own
from tornado_chat.text import is_unicode, js_length, js_trim, one_line

log = logging.getLogger(__name__)

MAX_PACKET = 64 * 1024  # bytes; the longest that the protocol needs is a message of 350 units
MAX_UNREAD = 16  # frames of one client that wait behind an event under way
NAMESPACE = "/"

# Socket.IO's own to send; as an event of a client they mean nothing. (The seed's README emits both.)
LIFECYCLE = frozenset({"connect", "disconnect"})

NoAck = object()


_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")


class BadPacket(ValueError):
    """What came is not a Socket.IO packet that this chat takes."""


class StrictJson:
    """JSON as the standard has it, for python-socketio: no NaN, no number without bounds."""

    @staticmethod
    def dumps(value: Any, **_: Any) -> str:
        return msgspec.json.encode(value).decode()

    @staticmethod
    def loads(text: str) -> Any:
        try:
            return msgspec.json.decode(text)
        except msgspec.DecodeError:
            # JavaScript sends half an emoji as an escape. It is refused where it stands, with a word on what is wrong.
            if not _SURROGATE.search(text):
                raise
            return json.loads(text, parse_constant=_refuse, parse_float=_finite)


def _refuse(constant: str) -> Any:
    raise ValueError(constant)


def _finite(number: str) -> float:
    value = float(number)
    return value if math.isfinite(value) else _refuse(number)


class StrictPacket(Packet):  # type: ignore[misc] # python-socketio has no types
    """A Socket.IO packet; refuses binary ones, unknown types and events that are no array with a name first."""

    json = StrictJson
    uses_binary_events = False

    def decode(self, encoded_packet: str) -> int:
        try:
            attachments: int = super().decode(encoded_packet)
        except (ValueError, RecursionError) as error:
            raise BadPacket(type(error).__name__) from None
        if self.packet_type not in (CONNECT, DISCONNECT, EVENT, ACK) or attachments:
            raise BadPacket("packet type")
        if self.packet_type == EVENT and not (
            isinstance(self.data, list) and self.data and isinstance(self.data[0], str | int)
        ):
            raise BadPacket("event without a name")
        if self.packet_type == ACK and not isinstance(self.data, list):
            raise BadPacket("ack without an array")
        return 0


@dataclass(slots=True, eq=False)
class Connection:
    """One Socket.IO connection. `seat` is where `auth` put it.

    `origin` is its page's; None for a page of this server itself, and for a client that is no page.
    """

    sid: str
    origin: str | None
    seat: Seat | None = None
    joining: bool = False
    gone: bool = False


EventHandler = Callable[[Connection, list[Any], bool], Awaitable[Any]]


class Gateway:
    """The Socket.IO server of all apps."""

    def __init__(self, registry: Registry, proxies: TrustedProxies) -> None:
        self._registry = registry
        self._connections: dict[str, Connection] = {}  # self._connections[sid]
        self._handlers: dict[str, EventHandler] = {"auth": self._auth, "new_message": self._new_message}
        self._closing = False
        self._server = _Server(self._event, self._gone)
        self._server.on("connect", self._connect)
        self._server.on("disconnect", self._disconnect)
        self.handler: type[RequestHandler] = _make_handler(self._server, registry, proxies)
        # Handlers have checked it; python-engineio asks again, to name the origin in its answer.
        self._server.eio.cors_allowed_origins = lambda origin, environ: True

    @property
    def connections(self) -> int:
        """How many sockets are connected."""
        return len(self._connections)

    async def deliver(self, app_id: int, event: Event) -> None:
        """Send an event to every socket in an app's lobby."""
        await self._server.emit(event.name, event.payload, room=_lobby(app_id))

    def refuse_events(self) -> None:
        """From now on answer every event with INTERNAL_ERROR, so that what is under way comes to an end."""
        self._closing = True

    async def close(self) -> None:
        """Close every connection, without telling each that all the others leave."""
        self._connections.clear()
        await self._server.hang_up_all()
        await self._server.shutdown()

    async def _connect(self, sid: str, environ: dict[str, Any], _auth: Any) -> None:
        origin = environ.get("HTTP_ORIGIN")
        own = origin is not None and is_own(origin, environ.get("HTTP_HOST", ""))
        self._connections[sid] = Connection(sid, None if own else origin)

    async def _disconnect(self, sid: str, _reason: str) -> None:
        connection = self._connections.pop(sid, None)
        if connection is not None and connection.seat is not None:
            # First, or the one who leaves would be told of it.
            await self._server.leave_room(sid, _lobby(connection.seat.chat.app_id))
            await connection.seat.chat.leave(connection.seat)

    def _gone(self, sid: str) -> None:
        if (connection := self._connections.get(sid)) is not None:
            connection.gone = True

    async def _event(self, sid: str, name: str | int, args: list[Any], wants_ack: bool) -> Any:
        """Answer one event of a client: what to ack with (a tuple: several arguments), or NoAck. Never raises."""
        connection = self._connections.get(sid)
        if connection is None or name in LIFECYCLE:
            return NoAck
        if self._closing:
            return Ack.INTERNAL_ERROR
        handler = self._handlers.get(str(name))
        if handler is None:
            await self._client_error(connection, f"{ClientError.UNKNOWN_EVENT} `{one_line(str(name), 40)}`")
            return Ack.CLIENT_ERROR
        try:
            return await handler(connection, args, wants_ack)
        except Exception:
            log.exception("event %s failed", name)
            return Ack.INTERNAL_ERROR

    async def _auth(self, connection: Connection, args: list[Any], wants_ack: bool) -> Any:
        payload = args[0] if args else None
        if not isinstance(payload, dict):
            return await self._client_error(connection, ClientError.AUTH_PAYLOAD)
        app_id = payload.get("app_id")
        if type(app_id) is not int or not 1 <= app_id <= MAX_ID:
            return await self._client_error(connection, ClientError.AUTH_APP_ID)
        if not wants_ack or len(args) > 1:
            return await self._client_error(connection, ClientError.AUTH_CALLBACK)
        if connection.seat is not None or connection.joining:
            return await self._client_error(connection, ClientError.AUTH_TWICE)
        token = payload.get("hashed_token")
        connection.joining = True
        try:
            return await self._join(connection, app_id, payload.get("token_hash") if token is None else token)
        except (IdentityUnavailable, StoreUnavailable) as error:
            log.warning("auth for app %d: %s", app_id, error)
            return Ack.INTERNAL_ERROR
        finally:
            connection.joining = False

    async def _join(self, connection: Connection, app_id: int, token: object) -> Any:
        found = await self._registry.find(app_id)
        if found is None:
            return await self._client_error(connection, ClientError.AUTH_NO_APP)
        if connection.origin is not None and not found.origins.allow(connection.origin):
            log.warning(
                "app %d: a page of origin %s was refused; to let it in, add it to `origins` in the app's file",
                app_id,
                one_line(connection.origin),
            )
            return await self._client_error(connection, ClientError.AUTH_ORIGIN)
        user = await found.user(str(token)) if is_token(token) else None
        chat = await found.chat()
        if not self._is_here(connection):
            return NoAck  # the socket went away while its app, user or history was looked up
        seat = await chat.join(user)
        if not self._is_here(connection):
            await chat.leave(seat)
            return NoAck
        # From here to the ack nothing awaits anything: what is said before is in the snapshot, what is said after
        # comes after the ack.
        connection.seat = seat
        await self._server.enter_room(connection.sid, _lobby(app_id))
        return None, chat.snapshot(seat)

    def _is_here(self, connection: Connection) -> bool:
        return self._connections.get(connection.sid) is connection and not connection.gone

    async def _new_message(self, connection: Connection, args: list[Any], wants_ack: bool) -> Any:
        if connection.seat is None:
            await self._client_error(connection, ClientError.MESSAGE_BEFORE_AUTH)
            return Ack.USER_REQUIRED
        if error := _message_error(args):
            await self._client_error(connection, error)
            return Ack.CLIENT_ERROR
        answer = await connection.seat.chat.post(connection.seat, js_trim(args[0]))
        if answer.notice is not None:
            await self._server.emit(SYSTEM_MESSAGE, answer.notice, to=connection.sid)
        return answer.ack

    async def _client_error(self, connection: Connection, text: str) -> Any:
        await self._server.emit(CLIENT_ERROR, str(text), to=connection.sid)
        return NoAck


def _make_handler(server: _Server, registry: Registry, proxies: TrustedProxies) -> type[RequestHandler]:
    """Return the Tornado handler of /socket.io/: python-engineio's, with our say on who may connect, and how fast."""

    class Handler(socketio.get_tornado_handler(server)):  # type: ignore[misc]
        def __init__(self, *args: Any, **kwargs: Any) -> None:
            super().__init__(*args, **kwargs)
            self._taken = asyncio.Event()

        def prepare(self) -> None:
            origin = self.request.headers.get("Origin")
            if origin is None:
                return
            address = proxies.client(self.request.remote_ip or "", self.request.headers.get("X-Forwarded-For", ""))
            if not registry.allows_origin(origin, self.request.host, address):
                self.set_status(HTTPStatus.FORBIDDEN)
                self.finish("this page's origin is not in the `origins` of any app")

        def check_origin(self, origin: str) -> bool:
            return True  # prepare() did

        def get_compression_options(self) -> None:
            # It would compress every broadcast once for each client, at 150 KB of memory each.
            return None

        async def on_message(self, message: str | bytes) -> None:
            await super().on_message(message)
            # Tornado reads the next frame when this returns: what a client sends faster waits on its side.
            while self.receive_queue.qsize() > MAX_UNREAD:
                self._taken.clear()
                await self._taken.wait()

        async def get_next_message(self) -> Any:
            message = await super().get_next_message()
            self._taken.set()
            return message

        def on_close(self) -> None:
            super().on_close()
            server.gone(self.get_query_argument("sid", None) or getattr(self, "eio_sid", None))

    return cast(type[RequestHandler], Handler)


class _Server(socketio.AsyncServer):  # type: ignore[misc]
    """python-socketio with one way in for a client's events.

    The stock one calls whatever handler has the event's name with the client's arguments, the lifecycle handlers
    included, raises on a wrong count of them, and doesn't say whether an ack is wanted.
    """

    def __init__(
        self,
        handle: Callable[[str, str | int, list[Any], bool], Awaitable[Any]],
        on_gone: Callable[[str], None],
    ) -> None:
        self._on_gone = on_gone
        # As many packets as fit into one polling request: with the library's own 16, the 17th loses all of them.
        Payload.max_decode_packets = MAX_PACKET
        # The library's own handlers write user input to standard error as it is, and at INFO each packet, tokens too.
        library_log = log.getChild("library")
        library_log.setLevel(logging.ERROR)
        super().__init__(
            async_mode="tornado",
            logger=library_log,
            engineio_logger=library_log,
            async_handlers=False,  # each client's events are handled one after another
            serializer=StrictPacket,
            cors_allowed_origins=[],
            namespaces=[NAMESPACE],
            max_http_buffer_size=MAX_PACKET,
        )
        self._handle = handle

    def gone(self, eio_sid: str | None) -> None:
        """Take note that a WebSocket closed; the library says so only when the client's event under way is done."""
        socket = self.eio.sockets.get(eio_sid)
        if socket is None:
            return
        if not socket.upgraded:
            # It was only tried as an upgrade. The client goes on polling; the library would hold its packets for ever.
            socket.upgrading = False
        elif (sid := self.manager.sid_from_eio_sid(eio_sid, NAMESPACE)) is not None:
            self._on_gone(sid)

    async def _handle_eio_connect(self, eio_sid: str, environ: dict[str, Any]) -> None:
        environ["tornado.handler"].eio_sid = eio_sid
        await super()._handle_eio_connect(eio_sid, environ)

    async def hang_up_all(self) -> None:
        for eio_sid in list(self.eio.sockets):
            await self._hang_up(eio_sid)

    async def _hang_up(self, eio_sid: str) -> None:
        if (socket := self.eio.sockets.get(eio_sid)) is not None:
            await socket.close(wait=False)
            await socket.queue.put(None)  # ends the writer, and with it the WebSocket

    async def _handle_eio_disconnect(self, eio_sid: str, reason: str) -> None:
        await super()._handle_eio_disconnect(eio_sid, reason)
        socket = self.eio.sockets.get(eio_sid)
        if socket is not None and not socket.upgraded:
            await socket.queue.put(None)  # a poll that waits is answered now; the stock one would hang for 45 s

    async def _handle_connect(self, eio_sid: str, namespace: str | None, data: Any) -> None:
        await super()._handle_connect(eio_sid, namespace, data)
        sid = self.manager.sid_from_eio_sid(eio_sid, NAMESPACE)
        if sid is not None and eio_sid not in self.environ:
            # The socket died of its own CONNECT packet; nobody else will say that it left.
            await self._trigger_event("disconnect", NAMESPACE, sid, self.reason.TRANSPORT_ERROR)
            await self.manager.disconnect(sid, NAMESPACE, ignore_queue=True)

    async def _handle_eio_message(self, eio_sid: str, data: object) -> None:
        if eio_sid not in self.environ:
            return  # what was behind a packet that closed the socket
        try:
            if not isinstance(data, str) or not data:
                raise BadPacket("not text")
            await super()._handle_eio_message(eio_sid, data)
        except BadPacket as error:
            log.info("a socket was closed: bad packet (%s)", error)
            await self._hang_up(eio_sid)

    async def _handle_event_internal(
        self, _server: Any, sid: str, eio_sid: str, data: list[Any], namespace: str, id: int | None
    ) -> None:
        answer = await self._handle(sid, data[0], data[1:], id is not None)
        if id is not None and answer is not NoAck:
            arguments = list(answer) if isinstance(answer, tuple) else [] if answer is None else [answer]
            packet = self.packet_class(ACK, namespace=namespace, id=id, data=arguments)
            await self._send_packet(eio_sid, packet)


def _lobby(app_id: int) -> str:
    return f"app:{app_id}"


def _message_error(args: list[Any]) -> ClientError | None:
    if not args or not isinstance(args[0], str):
        return ClientError.MESSAGE_TYPE
    # As the original: a second argument that is no callback, and isn't falsy in JavaScript.
    if any(isinstance(extra, list | dict) or extra for extra in args[1:]):
        return ClientError.MESSAGE_CALLBACK
    if not is_unicode(args[0]):
        return ClientError.MESSAGE_UNICODE
    if not 1 <= js_length(js_trim(args[0])) <= MAX_TEXT:
        return ClientError.MESSAGE_LENGTH
    return None
