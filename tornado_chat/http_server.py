"""Tornado's HTTP server with a bound on its connections; the listening sockets, which a restart hands on."""

from __future__ import annotations

import contextlib
import logging
import os
import resource
import socket
from collections import Counter
from collections.abc import Iterable, Mapping
from functools import partial
from typing import Any

from tornado.httpserver import HTTPServer
from tornado.ioloop import IOLoop
from tornado.iostream import IOStream

from tornado_chat.addresses import TrustedProxies
from tornado_chat.engine.address import network_of
from tornado_chat.engine.pace import Pace
from tornado_chat.quota import Quota

log = logging.getLogger(__name__)

FIRST_INHERITED = 3  # file descriptor, as systemd's socket activation has it
SILENT = 5  # seconds, about, that the kernel keeps a connection that has sent nothing; Linux only
SPARE_DESCRIPTORS = 200  # for the database, the site's API, files and so on
READ_BY_REFUSAL = 16 * 1024  # bytes, as many as the headers of a request may have
REFUSAL = (
    b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 5\r\nConnection: close\r\n"
    b"Content-Type: text/plain\r\nContent-Length: 19\r\n\r\nthe server is full\n"
)


class BoundedHTTPServer(HTTPServer):
    """Refuses connections beyond `quota` in all, and beyond `per_address` from one that is none of `proxies`.

    A connection that became a WebSocket isn't among them.
    """

    def initialize(  # type: ignore[override] # Tornado's takes any
        self, *args: Any, quota: Quota, per_address: int, proxies: TrustedProxies, pace: Pace, **options: Any
    ) -> None:
        super().initialize(*args, **options)
        self._quota = quota
        self._per_address = per_address
        self._proxies = proxies
        self._pace = pace
        self._addresses: Counter[str] = Counter()

    def add_sockets(self, sockets: Iterable[socket.socket]) -> None:
        """Accept connections on these (TCPServer); Tornado's accepts up to 128 in one tick, and serves them all."""
        loop = IOLoop.current()
        for listening in sockets:
            self._sockets[listening.fileno()] = listening
            if listening.family in {socket.AF_INET, socket.AF_INET6} and hasattr(socket, "TCP_DEFER_ACCEPT"):
                # Or thousands could be accepted, which is little work, and then all send their requests at once.
                listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_DEFER_ACCEPT, SILENT)
            loop.add_handler(listening, self._accept, IOLoop.READ)
            self._handlers[listening.fileno()] = partial(loop.remove_handler, listening)

    def _accept(self, listening: socket.socket, _events: int) -> None:
        """Accept one connection, and more as the pace allows; the others wait in the kernel for the next tick."""
        with contextlib.suppress(BlockingIOError):  # there are no more
            while True:
                with contextlib.suppress(ConnectionAbortedError):  # gone meanwhile
                    self._handle_connection(*listening.accept())
                if not self._pace.take():
                    return

    def handle_stream(self, stream: IOStream, address: tuple[str, ...]) -> None:
        peer = address[0] if address else ""  # a Unix socket has none
        network = network_of(peer)
        crowded = self._addresses[network] >= self._per_address and not self._proxies.trusts(peer)
        if crowded or not self._quota.take():
            self._quota.refused += crowded
            _refuse(stream)
            return
        self._addresses[network] += 1
        super().handle_stream(stream, address)

    def on_close(self, server_conn: Any) -> None:
        super().on_close(server_conn)
        self._quota.give()
        address = server_conn.context.address
        network = network_of(address[0]) if address else ""
        self._addresses[network] -= 1
        if not self._addresses[network]:
            del self._addresses[network]


def _refuse(stream: IOStream) -> None:
    with contextlib.suppress(OSError):
        stream.socket.recv(READ_BY_REFUSAL)  # closed with something unread, TCP would take the answer back
    written = stream.write(REFUSAL)
    written.add_done_callback(lambda done: done.exception())
    stream.close()


def inherited_sockets(environ: Mapping[str, str] = os.environ) -> list[socket.socket]:
    """Return the listening sockets that this process was started with (systemd's LISTEN_FDS), none where it wasn't."""
    if environ.get("LISTEN_PID") != str(os.getpid()) or not environ.get("LISTEN_FDS", "").isdecimal():
        return []
    sockets = []
    for number in range(FIRST_INHERITED, FIRST_INHERITED + int(environ["LISTEN_FDS"])):
        inherited = socket.socket(fileno=number)
        inherited.setblocking(False)
        inherited.set_inheritable(False)
        sockets.append(inherited)
    return sockets


def hand_on(sockets: list[socket.socket]) -> dict[str, str]:
    """Put listening sockets where the program that this process becomes finds them; return what to add to its environ.

    Whatever had these descriptors is lost: call exec at once.
    """
    copies = [os.dup(each.fileno()) for each in sockets]
    high = [os.dup(copy) if copy >= FIRST_INHERITED + len(copies) else _above(copy, len(copies)) for copy in copies]
    for number, copy in enumerate(high, FIRST_INHERITED):
        os.dup2(copy, number, inheritable=True)
    return {"LISTEN_FDS": str(len(sockets)), "LISTEN_PID": str(os.getpid())}


def _above(descriptor: int, count: int) -> int:
    """Return a copy of a descriptor that isn't in the way of the first `count` inherited ones."""
    copies = [os.dup(descriptor)]
    while copies[-1] < FIRST_INHERITED + count:
        copies.append(os.dup(descriptor))
    for copy in copies[:-1]:
        os.close(copy)
    return copies[-1]


def allow_descriptors(wanted: int) -> None:
    """Raise this process's limit of open files so that `wanted` connections fit, as far as it may; say where not."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = wanted + SPARE_DESCRIPTORS
    if soft == resource.RLIM_INFINITY or soft >= needed:
        return
    possible = needed if hard == resource.RLIM_INFINITY else min(needed, hard)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (possible, hard))
    except (ValueError, OSError):  # macOS has a limit of its own that it doesn't tell
        possible = soft
    if possible < needed:
        log.warning(
            "this process may open %d files, and limits.connections and limits.http_connections may need %d; raise "
            "`ulimit -Hn`, or lower them in server.toml",
            possible,
            needed,
        )
