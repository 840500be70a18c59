"""python-socketio with one way in for a client's events, over an Engine."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from typing import Any

import socketio
from socketio.packet import ACK, CONNECT, CONNECT_ERROR, EVENT

from tornado_chat.engine import CloseReason, Engine
from tornado_chat.engine.session import Session
from tornado_chat.fanout import FanoutManager
from tornado_chat.gateway_packets import BadPacket, StrictPacket

log = logging.getLogger(__name__)

NAMESPACE = "/"
INVALID_NAMESPACE = "Invalid namespace"
NoAck = object()

Handle = Callable[[str, str | int, list[Any], int | None], Awaitable[Any]]


class SocketServer(socketio.AsyncServer):  # type: ignore[misc] # python-socketio has no types
    """Hands every event of a client to `handle(sid, name, arguments, ack_id)`, and acks what that returns.

    A tuple is several arguments; NoAck is no ack. The stock server calls whatever handler has the event's name with
    the client's arguments, the lifecycle handlers included, raises on a wrong count of them, and doesn't say whether
    an ack is wanted.

    Clients of Socket.IO 1 and 2 (`EIO=3`) differ in this: they are connected to the main namespace without asking,
    the packet that says so is empty, and an error is a text.
    """

    def __init__(self, engine: Engine, handle: Handle, namespaces: tuple[str, ...] = (NAMESPACE,)) -> None:
        self.engine = engine
        self._handle = handle
        # The library's own logs hold user input as it is, and at INFO each packet, tokens too.
        library_log = log.getChild("library")
        library_log.setLevel(logging.ERROR)
        super().__init__(
            client_manager=FanoutManager(engine),
            logger=library_log,
            async_handlers=False,  # each client's events are begun one after another
            serializer=StrictPacket,
            namespaces=list(namespaces),
        )

    def _engineio_server_class(self) -> Callable[..., Engine]:
        return lambda **_: self.engine

    def session(self, sid: str) -> Session:
        """Return the session of a client. Raises KeyError where it is gone."""
        return self.engine.sessions[self.manager.eio_sid_from_sid(sid, NAMESPACE)]

    def tell(self, sid: str, event: str, data: Any) -> None:
        """Send an event to one client; to one who is gone, nothing is done."""
        self._send(sid, self.packet_class(EVENT, namespace=NAMESPACE, data=[event, data]))

    def ack(self, sid: str, id: int, answer: Any, namespace: str = NAMESPACE) -> None:
        """Send the ack `id`; to one who is gone, nothing is done."""
        if answer is NoAck:
            return
        arguments = list(answer) if isinstance(answer, tuple) else [] if answer is None else [answer]
        self._send(sid, self.packet_class(ACK, namespace=namespace, id=id, data=arguments))

    def _send(self, sid: str, packet: StrictPacket) -> None:
        eio_sid = self.manager.eio_sid_from_sid(sid, packet.namespace)
        if (session := self.engine.sessions.get(eio_sid)) is not None:
            session.send(packet.encode())

    async def _handle_eio_connect(self, eio_sid: str, environ: dict[str, Any]) -> None:
        await super()._handle_eio_connect(eio_sid, environ)
        if self._revision(eio_sid) == 3:
            await self._handle_connect(eio_sid, NAMESPACE, None)

    async def _handle_connect(self, eio_sid: str, namespace: str | None, data: Any) -> None:
        namespace = namespace or NAMESPACE
        if namespace not in self.namespaces:
            error: Any = INVALID_NAMESPACE if self._revision(eio_sid) == 3 else {"message": INVALID_NAMESPACE}
            await self._send_packet(eio_sid, self.packet_class(CONNECT_ERROR, data=error, namespace=namespace))
        elif self.manager.sid_from_eio_sid(eio_sid, namespace) is None:
            await super()._handle_connect(eio_sid, namespace, data)

    async def _send_packet(self, eio_sid: str, pkt: Any) -> None:
        if pkt.packet_type == CONNECT and self._revision(eio_sid) == 3:
            pkt.data = None
        await super()._send_packet(eio_sid, pkt)

    def _revision(self, eio_sid: str) -> int:
        session = self.engine.sessions.get(eio_sid)
        return session.revision if session is not None else 4

    async def _handle_eio_message(self, eio_sid: str, data: str) -> None:
        try:
            if not data:
                raise BadPacket("empty")
            await super()._handle_eio_message(eio_sid, data)
        except BadPacket as error:
            self.engine.close(eio_sid, CloseReason.BAD_PACKET, f"no Socket.IO packet: {error}")

    async def _handle_event_internal(
        self, _server: Any, sid: str, eio_sid: str, data: list[Any], namespace: str, id: int | None
    ) -> None:
        answer = await self._handle(sid, data[0], data[1:], id)
        if id is not None:
            self.ack(sid, id, answer, namespace)
