"""Socket.IO: event names, payload shapes, `client_error` texts and acks. Knows no rule of the chat."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from tornado.httputil import HTTPServerRequest
from tornado.web import RequestHandler

from tornado_chat.addresses import TrustedProxies
from tornado_chat.bus import Wanted
from tornado_chat.chat import Seat
from tornado_chat.commands import is_command
from tornado_chat.engine import CloseReason, Engine, Limits, Refusal
from tornado_chat.engine.pace import Pace
from tornado_chat.engine.session import Session
from tornado_chat.errors import MAX_TEXT, Ack, ChatFull, ClientError, IdentityUnavailable, StoreUnavailable
from tornado_chat.events import CLIENT_ERROR, SYSTEM_MESSAGE, Event, server_closing
from tornado_chat.gates import Visitor
from tornado_chat.gateway_packets import ascii_json
from tornado_chat.gateway_server import NoAck, SocketServer
from tornado_chat.gateway_shapes import cid_of, message_error, wanted_page
from tornado_chat.identity import is_signed_token
from tornado_chat.models import MAX_ID
from tornado_chat.moderation import Answer
from tornado_chat.registry import Registry, is_own
from tornado_chat.text import is_unicode, js_length, js_trim, one_line

log = logging.getLogger(__name__)

FULL = Answer(Ack.INTERNAL_ERROR, "This chat is full. Please try again later.")
BACK_AFTER = 500  # ms; and one more for each client, so that no more than 1,000 a second come back
LOOKED_AT_ONCE = 200  # connections of which one is sought, in one turn of the loop
MAX_UNANSWERED = 16  # messages of one client that wait to be stored

# Socket.IO's own to send; as an event of a client they mean nothing. (The seed's README emits both.)
LIFECYCLE = frozenset({"connect", "disconnect"})


@dataclass(slots=True, eq=False)
class Connection:
    """One Socket.IO connection. `seat` is where `auth` put it.

    `origin` is its page's; None for a page of this server itself, and for a client that is no page.
    """

    sid: str
    session: Session
    origin: str | None
    seat: Seat | None = None
    joining: bool = False
    unanswered: int = 0  # messages that wait to be stored
    newest: asyncio.Future[Answer] | None = None  # of them


EventHandler = Callable[[Connection, list[Any], int | None], Awaitable[Any]]


class Gateway:
    """The Socket.IO server of all apps."""

    def __init__(
        self, registry: Registry, proxies: TrustedProxies, limits: Limits, *, heartbeat: float, window: float
    ) -> None:
        self._registry = registry
        self._proxies = proxies
        self._connections: dict[str, Connection] = {}  # self._connections[sid]
        self._tabs: dict[tuple[int, str], list[str]] = {}  # self._tabs[app_id, uname] = [sid]
        self._handlers: dict[str, EventHandler] = {
            "auth": self._auth,
            "new_message": self._new_message,
            "command": self._command,
            "commands": self._commands,
            "history_before": self._history_before,
            "report": self._report,
        }
        self._closing = False
        self.rate_limited = 0
        """How many events were answered RATE_LIMITED."""
        self._engine = Engine(limits, ping_interval=heartbeat, window=window, admit=self._admit, escape=ascii_json)
        self._server = SocketServer(self._engine, self._event)
        self._server.on("connect", self._connect)
        self._server.on("disconnect", self._disconnect)

    def route(self, path: str) -> tuple[str, type[RequestHandler], dict[str, Any]]:
        """Return the Tornado handler of Socket.IO, for an Application; `path` is a regular expression."""
        return self._engine.route(path)

    @property
    def pace(self) -> Pace:
        """How fast newcomers are let in."""
        return self._engine.pace

    @property
    def closes(self) -> Mapping[CloseReason, int]:
        """How many connections were closed, by reason."""
        return self._engine.closes

    @property
    def refusals(self) -> Mapping[Refusal, int]:
        """How many requests were refused, by reason."""
        return self._engine.refusals

    @property
    def connections(self) -> int:
        """How many sockets are connected."""
        return len(self._connections)

    async def deliver(self, app_id: int, event: Event) -> None:
        """Send an event to every socket in an app's lobby that it is for."""
        if event.to is None:
            await self._server.emit(event.name, event.payload, room=_lobby(app_id))
            return
        for uname in event.to:
            for sid in self._tabs.get((app_id, uname), ()):
                self._server.tell(sid, event.name, event.payload)

    async def disconnect(self, app_id: int, uname: str) -> None:
        """Send every socket of a user in an app away; an official client then stays away until its page acts."""
        for sid in list(self._tabs.get((app_id, uname), ())):
            await self._server.disconnect(sid)

    async def disconnect_where(self, app_id: int, wanted: Wanted, text: str) -> None:
        """Tell the sockets of an app for which `wanted(uname or None, address)` a text, and send them away."""
        for number, connection in enumerate(list(self._connections.values())):
            if number % LOOKED_AT_ONCE == 0:
                await asyncio.sleep(0)
            seat = connection.seat
            if seat is None or seat.chat.app_id != app_id or self._connections.get(connection.sid) is not connection:
                continue
            uname = None if seat.occupant is None else seat.occupant.user.uname
            if wanted(uname, connection.session.address):
                self._server.tell(connection.sid, SYSTEM_MESSAGE, text)
                await self._server.disconnect(connection.sid)

    @property
    def most_of_an_address(self) -> int:
        """How many sockets the address has that has the most."""
        return self._engine.most_of_an_address

    async def announce_end(self) -> None:
        """Tell every client that the server stops, and when to come back: not all in the same moment."""
        event = server_closing(BACK_AFTER, 2 * BACK_AFTER + self.connections)
        await self._server.emit(event.name, event.payload)

    def refuse_events(self) -> None:
        """From now on answer every event with INTERNAL_ERROR, so that what is under way comes to an end."""
        self._closing = True

    async def close(self) -> None:
        """Close every connection, without telling each that all the others leave."""
        self._connections.clear()
        await self._engine.shutdown()

    def _admit(self, request: HTTPServerRequest) -> str | Refusal:
        address = self._proxies.client(request.remote_ip or "", request.headers.get("X-Forwarded-For", ""))
        origin = request.headers.get("Origin")
        if origin is not None and not self._registry.allows_origin(origin, request.host, address):
            return Refusal.ORIGIN
        return address

    async def _connect(self, sid: str, environ: dict[str, Any], _auth: Any) -> None:
        session = self._server.session(sid)
        if environ:  # else it has left the namespace, and comes back
            origin = environ.get("HTTP_ORIGIN")
            own = origin is not None and is_own(origin, environ.get("HTTP_HOST", ""))
            session.data = None if own else origin
            environ.clear()
        self._connections[sid] = Connection(sid, session, session.data)

    async def _disconnect(self, sid: str, reason: str) -> None:
        connection = self._connections.pop(sid, None)
        if connection is None:
            return
        if connection.seat is not None:
            # First, or the one who leaves would be told of it.
            await self._server.leave_room(sid, _lobby(connection.seat.chat.app_id))
            self._forget_tab(connection.seat, sid)
            await connection.seat.chat.leave(connection.seat)
        connection.session.dismiss()  # with its one namespace left, there is little for it to stay for

    async def _event(self, sid: str, name: str | int, args: list[Any], id: int | None) -> Any:
        """Answer one event of a client: what to ack with (a tuple: several arguments), or NoAck. Never raises."""
        connection = self._connections.get(sid)
        if connection is None or name in LIFECYCLE:
            return NoAck
        if self._closing:
            return Ack.INTERNAL_ERROR
        if connection.session.debt:
            self.rate_limited += 1
            self._client_error(connection, ClientError.RATE_LIMITED)
            return Ack.RATE_LIMITED
        handler = self._handlers.get(str(name))
        if handler is None:
            self._client_error(connection, f"{ClientError.UNKNOWN_EVENT} `{one_line(str(name), 40)}`")
            return Ack.CLIENT_ERROR
        try:
            return await handler(connection, args, id)
        except Exception:
            log.exception("event %s failed", name)
            return Ack.INTERNAL_ERROR

    async def _auth(self, connection: Connection, args: list[Any], id: int | None) -> Any:
        payload = args[0] if args else None
        if not isinstance(payload, dict):
            return self._client_error(connection, ClientError.AUTH_PAYLOAD)
        app_id = payload.get("app_id")
        if type(app_id) is not int or not 1 <= app_id <= MAX_ID:
            return self._client_error(connection, ClientError.AUTH_APP_ID)
        if id is None or len(args) > 1:
            return self._client_error(connection, ClientError.AUTH_CALLBACK)
        since = payload.get("since")
        if since is not None and (type(since) is not int or not 0 <= since <= MAX_ID):
            return self._client_error(connection, ClientError.AUTH_SINCE)
        if connection.seat is not None or connection.joining:
            return self._client_error(connection, ClientError.AUTH_TWICE)
        tokens = (payload.get(name) for name in ("hashed_token", "token_hash", "token"))
        connection.joining = True
        try:
            token = next((token for token in tokens if token is not None), None)
            return await self._join(connection, app_id, token, since)
        except (IdentityUnavailable, StoreUnavailable) as error:
            log.warning("auth for app %d: %s", app_id, error)
            return Ack.INTERNAL_ERROR
        finally:
            connection.joining = False

    async def _join(self, connection: Connection, app_id: int, token: object, since: int | None) -> Any:
        found = await self._registry.find(app_id)
        if found is None:
            return self._client_error(connection, ClientError.AUTH_NO_APP)
        if connection.origin is not None and not found.origins.allow(connection.origin):
            log.warning(
                "app %d: a page of origin %s was refused; to let it in, add it to `origins` in the app's file",
                app_id,
                one_line(connection.origin),
            )
            return self._client_error(connection, ClientError.AUTH_ORIGIN)
        user = await found.user(str(token)) if is_signed_token(token) else None
        voucher = None if user is None else found.voucher(str(token))
        chat = await found.chat()
        visitor = Visitor(user, connection.session.address)
        refused = await chat.admit(visitor)
        if not self._is_here(connection):
            return NoAck  # the socket went away while its app, user or history was looked up
        if refused is not None:
            return self._tell(connection, refused)
        try:
            seat = await chat.join(user, voucher, connection.session.address, str(token))
        except ChatFull:
            return self._tell(connection, FULL)
        if not self._is_here(connection):
            await chat.leave(seat)
            return NoAck
        if (banned := chat.banned(visitor)) is not None:  # meanwhile, when there was no socket yet to be closed
            await chat.leave(seat)
            return self._tell(connection, banned)
        # From here to the ack nothing awaits anything: what is said before is in the snapshot, what is said after
        # comes after the ack.
        connection.seat = seat
        connection.session.establish()
        if seat.occupant is not None:
            self._tabs.setdefault((app_id, seat.occupant.user.uname), []).append(connection.sid)
        await self._server.enter_room(connection.sid, _lobby(app_id))
        return None, chat.snapshot(seat, since)

    def _forget_tab(self, seat: Seat, sid: str) -> None:
        if seat.occupant is None:
            return
        key = (seat.chat.app_id, seat.occupant.user.uname)
        self._tabs[key].remove(sid)
        if not self._tabs[key]:
            del self._tabs[key]

    async def _command(self, connection: Connection, args: list[Any], id: int | None) -> Any:
        if id is None:
            return self._client_error(connection, ClientError.COMMAND_CALLBACK)
        if connection.seat is None:
            self._client_error(connection, ClientError.COMMAND_BEFORE_AUTH)
            return Ack.USER_REQUIRED
        text = js_trim(args[0]) if args and isinstance(args[0], str) else ""
        error = ClientError.COMMAND if not is_command(text) or len(args) > 2 else message_error(args)
        if error is not None:
            self._client_error(connection, error)
            return Ack.CLIENT_ERROR
        if connection.newest is not None:
            await asyncio.wait({connection.newest})
        answer = await connection.seat.chat.post(connection.seat, text, cid_of(args))
        ack = answer.ack or (Ack.COMMAND_REFUSED if answer.refused else None)
        return ack, {"text": answer.notice, "data": answer.data}

    async def _commands(self, connection: Connection, _args: list[Any], id: int | None) -> Any:
        if id is None:
            return self._client_error(connection, ClientError.COMMANDS_CALLBACK)
        if connection.seat is None:
            self._client_error(connection, ClientError.COMMANDS_BEFORE_AUTH)
            return Ack.USER_REQUIRED
        return None, connection.seat.chat.commands(connection.seat)

    async def _history_before(self, connection: Connection, args: list[Any], id: int | None) -> Any:
        if id is None:
            return self._client_error(connection, ClientError.HISTORY_CALLBACK)
        if connection.seat is None:
            self._client_error(connection, ClientError.HISTORY_BEFORE_AUTH)
            return Ack.USER_REQUIRED
        page = wanted_page(args)
        if page is None:
            self._client_error(connection, ClientError.HISTORY)
            return Ack.CLIENT_ERROR
        try:
            return None, await connection.seat.chat.before(connection.seat, *page)
        except StoreUnavailable as error:
            log.debug("app %d: old messages: %s", connection.seat.chat.app_id, error)  # who scrolls fills no log
            return Ack.INTERNAL_ERROR

    async def _report(self, connection: Connection, args: list[Any], id: int | None) -> Any:
        if connection.seat is None:
            self._client_error(connection, ClientError.REPORT_BEFORE_AUTH)
            return Ack.USER_REQUIRED
        report = args[0] if len(args) == 1 and isinstance(args[0], dict) else {}
        number, reason = report.get("message_id"), report.get("reason", "")
        if type(number) is not int or not 1 <= number <= MAX_ID or not isinstance(reason, str):
            self._client_error(connection, ClientError.REPORT)
            return Ack.CLIENT_ERROR
        if not is_unicode(reason) or js_length(reason) > MAX_TEXT:
            self._client_error(connection, ClientError.REPORT)
            return Ack.CLIENT_ERROR
        return self._tell(connection, await connection.seat.chat.report(connection.seat, number, reason))

    def _is_here(self, connection: Connection) -> bool:
        return self._connections.get(connection.sid) is connection and connection.session.closed is None

    async def _new_message(self, connection: Connection, args: list[Any], id: int | None) -> Any:
        if connection.seat is None:
            self._client_error(connection, ClientError.MESSAGE_BEFORE_AUTH)
            return Ack.USER_REQUIRED
        if error := message_error(args):
            self._client_error(connection, error)
            return Ack.CLIENT_ERROR
        text = js_trim(args[0])
        cid = cid_of(args)
        if connection.newest is not None and (is_command(text) or connection.unanswered >= MAX_UNANSWERED):
            await asyncio.wait({connection.newest})  # a command comes after what its sender said before
        answer = await connection.seat.chat.submit(connection.seat, text, cid)
        if isinstance(answer, Answer):
            return self._tell(connection, answer)
        connection.unanswered += 1
        connection.newest = answer
        answer.add_done_callback(partial(self._stored, connection, id))
        return NoAck

    def _stored(self, connection: Connection, id: int | None, answer: asyncio.Future[Answer]) -> None:
        connection.unanswered -= 1
        if connection.newest is answer:
            connection.newest = None
        ack = self._tell(connection, answer.result())
        if id is not None:
            self._server.ack(connection.sid, id, ack)

    def _tell(self, connection: Connection, answer: Answer) -> str | None:
        if answer.notice is not None:
            self._server.tell(connection.sid, SYSTEM_MESSAGE, answer.notice)
        return answer.ack

    def _client_error(self, connection: Connection, text: str) -> object:
        self._server.tell(connection.sid, CLIENT_ERROR, str(text))
        return NoAck


def _lobby(app_id: int) -> str:
    return f"app:{app_id}"
