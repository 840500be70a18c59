"""One client's session, from its handshake to its close, over whichever transport it has."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from typing import TYPE_CHECKING, Any

from tornado_chat.engine import frames
from tornado_chat.engine.backlog import Backlog
from tornado_chat.engine.bucket import TokenBucket
from tornado_chat.engine.deadlines import Deadlines, Due
from tornado_chat.engine.packets import (
    CLOSE,
    MESSAGE,
    NOOP,
    OPEN,
    PING,
    PONG,
    BadPacket,
    BinaryPacket,
    Packet,
    check_packet,
)
from tornado_chat.engine.polling import PollQueue
from tornado_chat.engine.probe import WebSocketProbe
from tornado_chat.engine.reasons import CloseReason
from tornado_chat.engine.websocket import WebSocket
from tornado_chat.engine.wheel import Timed

if TYPE_CHECKING:
    from tornado_chat.engine.server import Engine

log = logging.getLogger(__name__)

# What a peer is told: (WebSocket close code). The reason's text goes with it.
CODES = {
    CloseReason.CLIENT: frames.NORMAL,
    CloseReason.SERVER: frames.NORMAL,
    CloseReason.SHUTDOWN: frames.GOING_AWAY,
    CloseReason.APPLICATION_ERROR: 1011,
}


class DuplicatePoll(Exception):
    """A poll came while another one was waiting."""


class SessionClosed(Exception):
    """The session is over."""


class Session:
    """A client.

    What it sends is handled one packet after another; what it is sent arrives in the order it was said, also across an
    upgrade. It has no task of its own while nothing of it is being handled.
    """

    __slots__ = (
        "_backlog",
        "_bucket",
        "_deadlines",
        "_engine",
        "_inbox",
        "_paused",
        "_polling",
        "_posting",
        "_probe",
        "_room",
        "_upgrades",
        "_websocket",
        "_worker",
        "address",
        "closed",
        "data",
        "debt",
        "revision",
        "sid",
        "slot",
        "write",
    )

    def __init__(self, engine: Engine, sid: str, revision: int, address: str) -> None:
        now = engine.now()
        self.sid = sid
        self.revision = revision  # of the protocol: 4 or 3
        self.address = address
        self.data: Any = None  # the application's
        self.closed: CloseReason | None = None
        self.debt = False  # it sends more than it may, and is closed if it goes on
        self.slot: set[Timed] | None = None
        self.write: Any = None  # the WebSocket's, once everything goes through it
        self._engine = engine
        self._bucket = TokenBucket(engine.limits.event_rate, engine.limits.event_burst, now)
        self._deadlines = Deadlines(engine.ping_interval, engine.ping_timeout)
        self._inbox: deque[str] | None = None  # None while nothing waits: most sessions only listen
        self._worker: asyncio.Task[None] | None = None
        self._room: asyncio.Future[None] | None = None  # who waits for room in the inbox
        self._paused = False
        self._posting = False
        self._websocket: WebSocket | None = None
        self._probe: WebSocketProbe | None = None
        self._upgrades = 0
        self._polling: PollQueue | None = None  # None where nothing has to wait for a poll
        self._backlog: Backlog | None = None  # while the peer is slower than we

    # -- what it is sent

    def send(self, text: str) -> None:
        """Send a message."""
        self._engine.outbox.send(self, Packet(MESSAGE + text))

    def send_packet(self, packet: str) -> None:
        """Send a packet; its first character is its type."""
        self._engine.outbox.send(self, Packet(packet))

    def enqueue(self, packets: list[Packet]) -> None:
        """Keep packets until they can be sent: for the next poll, or for the end of an upgrade."""
        if self.closed is not None:
            return
        if self._polling is None:
            self._polling = PollQueue()
        self._polling.put(packets)
        if self._polling.size > self._engine.limits.client_buffer:
            self.close(CloseReason.SLOW_CONSUMER)

    # -- what it sends

    def spend(self) -> bool:
        """Count one packet of the client (websocket.Receiver); close it, and return False, where there are too many."""
        left = self._bucket.spend(self._engine.now())
        self.debt = left < 0
        if left > -self._bucket.burst:
            return True
        self.close(CloseReason.RATE_LIMIT)
        return False

    def received(self, text: str) -> None:
        """Take one packet of the client (websocket.Receiver)."""
        if self.closed is not None:
            return
        try:
            check_packet(text)
        except BinaryPacket:
            self.close(CloseReason.BINARY)
            return
        except BadPacket as error:
            self.close(CloseReason.BAD_PACKET, str(error))
            return
        kind = text[0]
        self._deadlines.heard(self._engine.now())
        if kind == MESSAGE:
            if self._inbox is None:
                self._inbox = deque()
            self._inbox.append(text[1:])
            self._work()
        elif kind == CLOSE:
            self.close(CloseReason.CLIENT)
        elif kind == PING and self.revision == 3:
            self.send_packet(PONG + text[1:])
        elif kind in (OPEN, PING) or (kind == PONG and self.revision == 3):
            self.close(CloseReason.BAD_PACKET, "a packet of the server's, or of another revision")

    def begin_post(self) -> bool:
        """Take note that a request carries packets; False, and the session is closed, where one does already."""
        if self._posting:
            self.close(CloseReason.DUPLICATE_POST)
            return False
        self._posting = True
        return True

    def end_post(self) -> None:
        """Take note that the request was carried out."""
        self._posting = False

    async def room(self) -> None:
        """Wait until the application has handled so much of what came that more may come."""
        while self._full:
            if self._room is None:
                self._room = asyncio.get_running_loop().create_future()
            await asyncio.shield(self._room)

    def establish(self) -> None:
        """Keep the session beyond `limits.handshake`: the application knows whom it has."""
        self._deadlines.establish_by(None)

    def dismiss(self) -> None:
        """Give the client `limits.handshake` seconds to close the session, or to become established again.

        One that never was has the time that it was given at first.
        """
        if self.closed is None and self._deadlines.established:
            now = self._engine.now()
            self._deadlines.establish_by(now + self._engine.limits.handshake)
            self._engine.wheel.schedule(self, self._deadlines.next(now))

    @property
    def _full(self) -> bool:
        return self.closed is None and self._inbox is not None and len(self._inbox) > self._engine.limits.unread

    def _work(self) -> None:
        if self._worker is None:
            self._worker = self._engine.spawn(self._handle())
        if self._full and self._websocket is not None and not self._paused:
            self._paused = True
            self._websocket.pause()

    async def _handle(self) -> None:
        """Hand what came to the application, in order."""
        try:
            while self._inbox:
                if not self._deadlines.established:
                    await self._engine.pace.turn()
                text = self._inbox.popleft()
                if not self._full:
                    self._go_on_reading()
                await self._engine.handlers.message(self.sid, text)
        except Exception:
            log.exception("a message handler failed")
            self.close(CloseReason.APPLICATION_ERROR)
        except asyncio.CancelledError:  # by what was called; without a worker the client would wait for ever
            self.close(CloseReason.APPLICATION_ERROR)
            raise
        finally:
            self._inbox = None
            self._worker = None
            if self.closed is not None:
                self._engine.reap(self)

    def _go_on_reading(self) -> None:
        if self._paused:
            self._paused = False
            if self._websocket is not None:
                self._websocket.resume()
        if self._room is not None:
            self._room.set_result(None)
            self._room = None

    # -- polling

    async def poll(self) -> list[str]:
        """Return what waits for the client, or else wait for it. Raises DuplicatePoll, SessionClosed."""
        if self.closed is not None:
            raise SessionClosed
        if self._polling is None:
            self._polling = PollQueue()
        if self._polling.busy:
            self.close(CloseReason.DUPLICATE_POLL)
            raise DuplicatePoll
        poll = self._polling.wait()
        if self._probe is not None and self._probe.answered:
            self._polling.answer(NOOP)
        return await poll

    def poll_answered(self) -> None:
        """Take note that the poll's answer was taken by the network: the next poll may come."""
        if self._polling is not None:
            self._polling.busy = False

    # -- WebSocket

    @property
    def upgraded(self) -> bool:
        """Whether the session has a WebSocket, and takes no more polls."""
        return self._websocket is not None

    def opened(self, websocket: WebSocket) -> None:
        """Begin on a WebSocket (websocket.Receiver)."""
        if self.closed is not None:
            websocket.abort()
            return
        self._websocket = websocket
        self._open_write()

    def begin_probe(self) -> WebSocketProbe | None:
        """Return the owner of a WebSocket that the client wants to upgrade to, or None where it may not."""
        if self._probe is not None or self._upgrades >= self._engine.limits.upgrades:
            return None
        self._upgrades += 1
        self._probe = WebSocketProbe(self, self._engine)
        return self._probe

    def probe_answered(self) -> None:
        """Take note that the WebSocket works: the client waits for its poll to end before it upgrades."""
        if self._polling is not None:
            self._polling.answer(NOOP)

    def end_probe(self) -> None:
        """Take note that the upgrade came to nothing; polling goes on."""
        self._probe = None

    def upgrade(self, websocket: WebSocket) -> None:
        """Send everything through the WebSocket from now on."""
        self._probe = None
        self._websocket = websocket
        websocket.hand_over(self)
        if self._polling is not None:
            self._polling.answer(NOOP)
        if self._paused or self._full:
            self._paused = True
            websocket.pause()
        self._open_write()

    def _open_write(self) -> None:
        assert self._websocket is not None  # noqa: S101 - both callers set it
        self.write = self._websocket.write
        if self._polling is not None:
            polling, self._polling = self._polling, None
            if waiting := polling.take():
                self.write(b"".join([packet.frame for packet in waiting]))

    def stalled(self, stalled: bool) -> None:
        """Take note that the peer reads more slowly than is sent, or has caught up (websocket.Receiver)."""
        if self._websocket is None or self.closed is not None:
            return
        if stalled:
            self._backlog = Backlog(self._websocket.unsent, self._engine.now())
            self.write = self._write_slowly
            self._engine.slow.add(self)
        else:
            self._backlog = None
            self.write = self._websocket.write
            self._engine.slow.discard(self)

    def _write_slowly(self, data: bytes) -> None:
        if self._websocket is None or self._backlog is None:
            return
        self._backlog.give(len(data))
        if self._websocket.unsent + len(data) > self._engine.limits.client_buffer:
            self.close(CloseReason.SLOW_CONSUMER)
        else:
            self._websocket.write(data)

    def check_progress(self, now: float) -> None:
        """Close the session if for too long nothing could be sent."""
        if self._websocket is None or self._backlog is None:
            return
        if self._backlog.idle(self._websocket.unsent, now) >= self._engine.limits.stall:
            self.close(CloseReason.SLOW_CONSUMER)

    # -- time

    def start_clock(self) -> None:
        """Begin to watch over the session: heartbeats, and the time that it has to become established."""
        now = self._engine.now()
        self._deadlines.start(now, now + self._engine.ping_after() if self.revision == 4 else None)
        self._deadlines.establish_by(now + self._engine.limits.handshake)
        self._engine.wheel.schedule(self, self._deadlines.next(now))

    def tick(self, now: float) -> float | None:
        """Do what is due (wheel.Timed)."""
        if self.closed is not None:
            return None
        due = self._deadlines.due(now)
        if isinstance(due, CloseReason):
            self.close(due)
            return None
        if due is Due.PING:
            self.send_packet(PING)
            self._deadlines.pinged(now, now + self._engine.ping_after())
        return self._deadlines.next(now)

    # -- its end

    def lost(self, reason: CloseReason, detail: str = "") -> None:
        """Take note that the transport is gone (websocket.Receiver)."""
        self._websocket = None
        self.close(reason, detail)

    def close(self, reason: CloseReason, detail: str = "") -> None:
        """End the session; only the first reason counts. What the client sent before is still handled.

        What was said to the client before is still sent, except to one that doesn't take it.
        """
        if self.closed is not None:
            return
        if self._websocket is not None and reason is not CloseReason.SLOW_CONSUMER:
            self._engine.outbox.flush()
        self.closed = reason
        self.write = None
        self._engine.closed(self, detail)
        if self._polling is not None:
            self._polling.answer(NOOP if reason is CloseReason.CLIENT else CLOSE)
            self._polling = None
        if self._probe is not None:
            self._probe.close()
        if self._websocket is not None:
            websocket, self._websocket = self._websocket, None
            if reason is CloseReason.SLOW_CONSUMER:
                websocket.abort()
            else:
                websocket.close(CODES.get(reason, frames.POLICY), detail or str(reason))
        self._go_on_reading()
        if self._worker is None:
            self._engine.reap(self)
