"""The trial of a WebSocket before a session that polls upgrades to it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tornado_chat.engine import frames
from tornado_chat.engine.packets import PING, PONG, UPGRADE, Packet
from tornado_chat.engine.reasons import CloseReason
from tornado_chat.engine.websocket import WebSocket
from tornado_chat.engine.wheel import Timed

if TYPE_CHECKING:
    from tornado_chat.engine.server import Engine
    from tornado_chat.engine.session import Session

PROBE = "probe"
OVER = "the session is over"


class WebSocketProbe:
    """Owns a WebSocket while the client tries it, and until it says that everything is to go there."""

    __slots__ = ("_engine", "_session", "_websocket", "answered", "slot")

    def __init__(self, session: Session, engine: Engine) -> None:
        self.slot: set[Timed] | None = None
        self.answered = False
        self._session = session
        self._engine = engine
        self._websocket: WebSocket | None = None

    def opened(self, websocket: WebSocket) -> None:
        """Take the WebSocket (websocket.Receiver)."""
        if self._session.closed is not None:
            websocket.close(frames.NORMAL, OVER)  # meanwhile
            return
        self._websocket = websocket
        self._engine.wheel.schedule(self, self._engine.now() + self._engine.limits.handshake)

    def spend(self) -> bool:
        """Count one frame (websocket.Receiver)."""
        return self._session.spend()

    def received(self, text: str) -> None:
        """Take a packet (websocket.Receiver)."""
        if self._websocket is None:
            return
        if text == PING + PROBE and not self.answered:
            self.answered = True
            self._websocket.write(Packet(PONG + PROBE).frame)
            self._session.probe_answered()
        elif text == UPGRADE and self.answered:
            websocket, self._websocket = self._websocket, None
            self._engine.wheel.cancel(self)
            self._session.upgrade(websocket)
        else:
            self._end(frames.POLICY, "this WebSocket is being probed")

    def tick(self, now: float) -> float | None:
        """Give up (wheel.Timed)."""
        self._end(frames.POLICY, str(CloseReason.HANDSHAKE_TIMEOUT))
        return None

    def lost(self, reason: CloseReason, detail: str = "") -> None:
        """Take note that the WebSocket is gone (websocket.Receiver)."""
        self._websocket = None
        self._end(frames.NORMAL, "")

    def stalled(self, stalled: bool) -> None:
        """Nothing is sent that could stall (websocket.Receiver)."""

    def close(self) -> None:
        """End it with the session."""
        self._end(frames.NORMAL, OVER)

    def _end(self, code: int, reason: str) -> None:
        self._engine.wheel.cancel(self)
        if self._websocket is not None:
            self._websocket.close(code, reason)
            self._websocket = None
        self._session.end_probe()
