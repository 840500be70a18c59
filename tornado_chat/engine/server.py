"""The sessions of one Engine.IO endpoint, and what the application is told of them."""

from __future__ import annotations

import asyncio
import logging
import random
import secrets
from collections import Counter, deque
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

import msgspec
from tornado.web import RequestHandler

from tornado_chat.engine.address import network_of
from tornado_chat.engine.handler import EngineHandler
from tornado_chat.engine.limits import Limits
from tornado_chat.engine.outbox import Group, Outbox
from tornado_chat.engine.pace import Pace
from tornado_chat.engine.packets import OPEN, Escape
from tornado_chat.engine.reasons import CloseReason, Refusal
from tornado_chat.engine.request import Admission
from tornado_chat.engine.session import Session
from tornado_chat.engine.websocket import READ_SIZE
from tornado_chat.engine.wheel import Timed, TimerWheel

log = logging.getLogger(__name__)

WINDOW = 0.005  # seconds that a broadcast waits at most while others are under way
REAPED_AT_ONCE = 10  # ends of sessions handled in one tick: 5,000 may drop in the same moment

Connected = Callable[[str, dict[str, str]], Awaitable[Any]]
Received = Callable[[str, str], Awaitable[Any]]
Disconnected = Callable[[str, str], Awaitable[Any]]


class Handlers:
    """What the application does on connect(sid, environ), message(sid, text) and disconnect(sid, reason).

    `closing(sid)` is called at once when a session ends; `disconnect` when all that it sent before is handled.
    """

    __slots__ = ("closing", "connect", "disconnect", "message")

    def __init__(self) -> None:
        self.connect: Connected = _nothing
        self.message: Received = _nothing
        self.disconnect: Disconnected = _nothing
        self.closing: Callable[[str], None] = lambda sid: None


async def _nothing(*_: Any) -> None:
    return None


class Engine:
    """An Engine.IO server for Tornado. `route(path)` is what an Application takes among its handlers.

    `ping_interval` and `ping_timeout` are in seconds. `admit(request)` may refuse a request before anything is done
    for it: it returns the client's address, or a Refusal. `escape` is for revision 3 (see packets.encode_payload).
    Has what python-socketio needs of an engineio.AsyncServer: on, send, disconnect, shutdown, generate_id, transport.
    """

    reason = CloseReason
    async_mode = "tornado"

    def __init__(
        self,
        limits: Limits | None = None,
        *,
        ping_interval: float = 25.0,
        ping_timeout: float = 20.0,
        window: float = WINDOW,
        admit: Admission | None = None,
        escape: Escape | None = None,
        pace: Pace | None = None,
    ) -> None:
        self.limits = limits or Limits()
        self.ping_interval = ping_interval
        self.ping_timeout = ping_timeout
        self.escape = escape
        self.admit: Admission = admit or (lambda request: request.remote_ip or "")
        self.handlers = Handlers()
        self.sessions: dict[str, Session] = {}
        self.closes: Counter[CloseReason] = Counter()
        self.refusals: Counter[Refusal] = Counter()
        self.outbox = Outbox(window)
        self.pace = pace or Pace()
        self.wheel = TimerWheel(min(1.0, ping_interval / 10, ping_timeout / 10, self.limits.handshake / 10))
        self.slow: set[Session] = set()  # to whom not all could be sent at once
        self.read_buffer = memoryview(bytearray(READ_SIZE))
        self._watch = Watch(self)
        self._per_address: Counter[str] = Counter()
        self._dead: deque[Session] = deque()
        self._reaping = False
        self._tasks: set[asyncio.Task[None]] = set()
        self._down = False

    # -- for the application

    def route(self, path: str) -> tuple[str, type[RequestHandler], dict[str, Any]]:
        """Return the endpoint for an Application; `path` is a regular expression."""
        return path, EngineHandler, {"engine": self}

    def on(self, event: str, handler: Callable[..., Any]) -> None:
        """Set the handler of `connect`, `message`, `disconnect` or `closing`."""
        setattr(self.handlers, event, handler)

    async def send(self, sid: str, data: str) -> None:
        """Send a message; to one who is gone, nothing is done."""
        if (session := self.sessions.get(sid)) is not None:
            session.send(data)

    def group(self) -> Group:
        """Return a new group of sessions that are told the same."""
        return Group(self.outbox)

    def establish(self, sid: str) -> None:
        """Keep a session beyond `limits.handshake`."""
        if (session := self.sessions.get(sid)) is not None:
            session.establish()

    async def disconnect(self, sid: str | None = None) -> None:
        """Close a session, or all of them."""
        for session in list(self.sessions.values()) if sid is None else [self.sessions.get(sid)]:
            if session is not None:
                session.close(CloseReason.SERVER)

    def close(self, sid: str, reason: CloseReason, detail: str = "") -> None:
        """Close a session; `detail` is told to the client."""
        if (session := self.sessions.get(sid)) is not None:
            session.close(reason, detail)

    async def shutdown(self) -> None:
        """Close all sessions, take no new ones, and wait until the application was told of all."""
        self._down = True
        self.pace.open()
        for session in list(self.sessions.values()):
            session.close(CloseReason.SHUTDOWN)
        while self._tasks:
            await asyncio.wait(self._tasks)
        self.wheel.close()

    def generate_id(self) -> str:
        """Return a session id that nobody can guess."""
        return secrets.token_urlsafe(15)

    def transport(self, sid: str) -> str:
        """Return `polling` or `websocket`. Raises KeyError."""
        return "websocket" if self.sessions[sid].upgraded else "polling"

    @property
    def most_of_an_address(self) -> int:
        """How many sessions the address has that has the most."""
        return max(self._per_address.values(), default=0)

    # -- for the sessions and the handler

    def now(self) -> float:
        """Return the event loop's time."""
        return asyncio.get_running_loop().time()

    def ping_after(self) -> float:
        """Return after how many seconds the next ping is sent: a little early, so that a herd spreads."""
        return self.ping_interval * random.uniform(0.8, 1.0)  # noqa: S311 - nothing secret

    def refuses(self, address: str) -> Refusal | None:
        """Return why a client at `address` can't have one more session, or None."""
        if self._down or len(self.sessions) >= self.limits.connections:
            return Refusal.FULL
        if self._per_address[network_of(address)] >= self.limits.connections_per_address:
            return Refusal.ADDRESS
        return None

    async def open(self, revision: int, address: str, environ: dict[str, str], upgrades: list[str]) -> Session:
        """Begin a session; `refuses` was asked."""
        session = Session(self, self.generate_id(), revision, address)
        self.sessions[session.sid] = session
        self._per_address[network_of(address)] += 1
        if len(self.sessions) == 1:
            self._watch.start()
        session.start_clock()
        session.send_packet(OPEN + self._handshake(session, upgrades))
        try:
            await self.handlers.connect(session.sid, environ)
        except Exception:
            log.exception("a connect handler failed")
            session.close(CloseReason.APPLICATION_ERROR)
        return session

    def _handshake(self, session: Session, upgrades: list[str]) -> str:
        data = {
            "sid": session.sid,
            "upgrades": upgrades,
            "pingInterval": round(self.ping_interval * 1000),
            "pingTimeout": round(self.ping_timeout * 1000),
        }
        if session.revision == 4:
            data["maxPayload"] = self.limits.message
        return msgspec.json.encode(data).decode()

    def closed(self, session: Session, detail: str) -> None:
        """Take note that a session was closed."""
        assert session.closed is not None  # noqa: S101 - the caller is its close()
        del self.sessions[session.sid]
        network = network_of(session.address)
        self._per_address[network] -= 1
        if not self._per_address[network]:
            del self._per_address[network]
        self.outbox.forget(session)
        self.wheel.cancel(session)
        self.slow.discard(session)
        self.closes[session.closed] += 1
        log.debug("session of %s closed: %s %s", session.address, session.closed, detail)
        self.handlers.closing(session.sid)

    def spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Run something until its end."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    def reap(self, session: Session) -> None:
        """Tell the application soon that a session is over; not of all in one tick."""
        self._dead.append(session)
        if not self._reaping:
            self._reaping = True
            self.spawn(self._reap())

    async def _reap(self) -> None:
        while self._dead:
            for _ in range(min(len(self._dead), REAPED_AT_ONCE)):
                self.spawn(self._end(self._dead.popleft()))
            await asyncio.sleep(0)
        self._reaping = False

    async def _end(self, session: Session) -> None:
        try:
            await self.handlers.disconnect(session.sid, str(session.closed))
        except Exception:
            log.exception("a disconnect handler failed")


class Watch:
    """Looks after those to whom not all can be sent, once a second, while there are sessions."""

    def __init__(self, engine: Engine) -> None:
        self.slot: set[Timed] | None = None
        self._engine = engine

    def start(self) -> None:
        """Begin to look."""
        self._engine.wheel.schedule(self, self._engine.now() + 1.0)

    def tick(self, now: float) -> float | None:
        """Look (wheel.Timed)."""
        for session in list(self._engine.slow):
            session.check_progress(now)
        return now + 1.0 if self._engine.sessions else None
