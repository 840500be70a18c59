"""One WebSocket, on a socket that Tornado's HTTP server has taken and asyncio's transport now serves."""

from __future__ import annotations

import asyncio
from typing import Any, Protocol, cast

from tornado_chat.engine import frames
from tornado_chat.engine.frames import BadFrame, FrameParser
from tornado_chat.engine.reasons import CloseReason

LINGER = 2.0  # seconds that a peer has to answer a close frame
READ_SIZE = 256 * 1024  # bytes


class Receiver(Protocol):
    """Whoever owns the WebSocket."""

    def opened(self, websocket: WebSocket) -> None:
        """Take the WebSocket."""

    def spend(self) -> bool:
        """Count one frame; return False where there were too many, and the WebSocket was closed."""

    def received(self, text: str) -> None:
        """Take a text message."""

    def lost(self, reason: CloseReason, detail: str = "") -> None:
        """Take note that the WebSocket is closed or being closed, not by the owner."""

    def stalled(self, stalled: bool) -> None:
        """Take note that the peer reads more slowly than is sent (True), or has caught up."""


class WebSocket(asyncio.BufferedProtocol):
    """Parses what comes, and closes itself with a close code where it breaks the protocol.

    All WebSockets of an event loop can share one read buffer, since what came is taken out of it at once.
    """

    __slots__ = ("_buffer", "_closing", "_early", "_parser", "_receiver", "_timer", "_transport", "write")

    def __init__(self, receiver: Receiver, buffer: memoryview, max_size: int, early: bytes = b"") -> None:
        self._receiver: Receiver | None = receiver
        self._buffer = buffer
        self._early = early
        self._parser = FrameParser(max_size)
        self._transport: asyncio.Transport | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._closing = False
        self.write: Any = None  # write(frames): the transport's own, so that a broadcast has one call less for each

    def hand_over(self, receiver: Receiver) -> None:
        """Give the WebSocket to another owner."""
        self._receiver = receiver

    @property
    def unsent(self) -> int:
        """Bytes that the peer hasn't taken yet, beyond what the kernel holds for it."""
        return self._transport.get_write_buffer_size() if self._transport is not None else 0

    def pause(self) -> None:
        """Read no more for now: what the peer sends waits on its side."""
        if self._transport is not None and not self._closing:
            self._transport.pause_reading()

    def resume(self) -> None:
        """Read again."""
        if self._transport is not None and not self._closing:
            self._transport.resume_reading()

    def close(self, code: int, reason: str) -> None:
        """Send a close frame and wait a little for its answer; the owner hears nothing any more."""
        self._receiver = None
        if self._transport is None or self._closing:
            return
        self._closing = True
        self._transport.write(frames.close_frame(code, reason))
        self._transport.resume_reading()
        # Closed at once, with bytes of the peer unread, TCP would answer with a reset, and that overtakes the frame.
        self._timer = asyncio.get_running_loop().call_later(LINGER, self._transport.abort)

    def abort(self) -> None:
        """Close at once, whatever waits; the owner hears nothing any more."""
        self._receiver = None
        self._closing = True
        if self._transport is not None:
            self._transport.abort()

    # -- asyncio.BufferedProtocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        # Told of the first byte that the kernel doesn't take, and again when all is taken.
        self._transport.set_write_buffer_limits(high=0, low=0)
        self.write = self._transport.write
        if self._receiver is not None:
            self._receiver.opened(self)
            early, self._early = self._early, b""
            self.feed(early)

    def connection_lost(self, exc: Exception | None) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._transport = None
        if (receiver := self._receiver) is not None:
            self._receiver = None
            receiver.lost(CloseReason.TRANSPORT_CLOSED if exc is None else CloseReason.TRANSPORT_ERROR)

    def pause_writing(self) -> None:
        if self._receiver is not None:
            self._receiver.stalled(True)

    def resume_writing(self) -> None:
        if self._receiver is not None:
            self._receiver.stalled(False)

    def get_buffer(self, sizehint: int) -> memoryview:
        return self._buffer

    def buffer_updated(self, nbytes: int) -> None:
        self.feed(bytes(self._buffer[:nbytes]))

    def eof_received(self) -> None:
        return  # the transport closes itself

    def feed(self, data: bytes) -> None:
        """Take bytes of the peer."""
        try:
            for opcode, payload in self._parser.feed(data):
                if self._closing:
                    if opcode == frames.CLOSE and self._transport is not None:
                        self._transport.close()
                    return
                if self._receiver is None or not self._receiver.spend():
                    return
                self._take(opcode, payload)
        except BadFrame as error:
            reason = CloseReason.TOO_BIG if error.code == frames.TOO_BIG else CloseReason.BAD_FRAME
            self._fail(reason, error.code, str(error))

    def _take(self, opcode: int, payload: bytes) -> None:
        if self._receiver is None or self._transport is None:
            return
        if opcode == frames.TEXT:
            try:
                text = payload.decode()
            except UnicodeDecodeError:
                raise BadFrame(frames.INVALID_TEXT, "text that is no UTF-8") from None
            self._receiver.received(text)
        elif opcode == frames.BINARY:
            self._fail(CloseReason.BINARY, frames.UNSUPPORTED, "binary messages are not supported")
        elif opcode == frames.PING and not self._transport.is_closing():
            # Where the connection broke meanwhile, each write would be a line in the log.
            self._transport.write(frames.pong_frame(payload))
        elif opcode == frames.CLOSE:
            receiver, self._receiver = self._receiver, None
            self._closing = True
            self._transport.write(frames.close_frame(frames.NORMAL, ""))
            self._transport.close()
            self._timer = asyncio.get_running_loop().call_later(LINGER, self._transport.abort)
            receiver.lost(CloseReason.TRANSPORT_CLOSED)

    def _fail(self, reason: CloseReason, code: int, what: str) -> None:
        receiver = self._receiver
        self.close(code, what)
        if receiver is not None:
            receiver.lost(reason, what)
