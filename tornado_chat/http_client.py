"""Requests to other sites, in threads. The only home of requests and requests-futures."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Mapping
from http.cookiejar import DefaultCookiePolicy
from typing import Any
from urllib.parse import urlsplit

import msgspec
import requests
from requests.adapters import HTTPAdapter
from requests_futures.sessions import FuturesSession
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import NewConnectionError

from tornado_chat.addresses import Reach
from tornado_chat.errors import HttpError
from tornado_chat.http import HttpResponse

SHORTEST = 0.05  # seconds
LONGEST = 30.0


class ConnectionBroke(HttpError):
    """The connection couldn't be made, or ended before the answer did."""


class RequestsHttpClient:
    """`workers` threads make at most `max_in_flight` requests at a time; `max_answer` bounds a body, in bytes.

    The threads are started with the first request. No redirect is followed, since it would carry headers and query to
    another host; no cookie is kept; and netrc and proxy variables of whoever started the server don't count.
    """

    def __init__(
        self, *, workers: int = 4, max_in_flight: int = 100, max_answer: int = 1_048_576, reach: Reach | None = None
    ) -> None:
        self._reach = reach
        self._workers = workers
        self._max_in_flight = max_in_flight
        self._max_answer = max_answer
        self._in_flight = 0
        self._session: FuturesSession | None = None
        self._closed = False

    async def get(
        self,
        url: str,
        *,
        params: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        timeout: float = 5.0,
    ) -> HttpResponse:
        return await self._request("GET", url, timeout, params=params, headers=headers)

    async def post(
        self,
        url: str,
        *,
        json: Any = None,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        timeout: float = 5.0,
    ) -> HttpResponse:
        own: dict[str, str] = {}
        if body is None:
            body, own = msgspec.json.encode(json), {"Content-Type": "application/json"}
        return await self._request("POST", url, timeout, data=body, headers={**own, **(headers or {})})

    async def close(self) -> None:
        self._closed = True
        if self._session is not None:
            self._session.executor.shutdown(wait=False, cancel_futures=True)
            # Not its own `close`: that waits for the threads, and everybody with it.
            requests.Session.close(self._session)

    async def _request(self, method: str, url: str, timeout: float, **options: Any) -> HttpResponse:
        if not SHORTEST <= timeout <= LONGEST:
            raise ValueError(f"timeout must be {SHORTEST} to {LONGEST:g} seconds")
        where = f"{method} {_shown(url)}"
        if self._closed:
            raise HttpError(f"{where}: the client is closed")
        if self._in_flight >= self._max_in_flight:
            raise HttpError(f"{where}: {self._max_in_flight} requests are already under way")
        self._in_flight += 1
        try:
            async with asyncio.timeout(timeout):
                return await self._ask(method, url, time.monotonic() + timeout, options)
        except (TimeoutError, requests.Timeout):
            raise HttpError(f"{where}: no answer within {timeout:g} s") from None
        except AddressRefused as error:
            raise HttpError(f"{where}: {error}") from None
        except (requests.ConnectionError, requests.exceptions.ChunkedEncodingError) as error:
            raise ConnectionBroke(f"{where}: {type(error).__name__}") from None
        except asyncio.CancelledError:
            if _is_cancelled():
                raise
            raise HttpError(f"{where}: the client was closed") from None
        except (requests.RequestException, OSError, RuntimeError, ValueError) as error:
            # Not its message: that holds the whole URL, and maybe a secret with it.
            raise HttpError(f"{where}: {type(error).__name__}") from None
        finally:
            self._in_flight -= 1

    async def _ask(self, method: str, url: str, deadline: float, options: dict[str, Any]) -> HttpResponse:
        body = bytearray()

        def read(response: requests.Response, **_: Any) -> None:
            for chunk in response.iter_content(8192):
                body.extend(chunk)
                # requests' own timeout is per read, so one byte every few seconds would hold the thread for ever.
                if len(body) > self._max_answer or time.monotonic() > deadline:
                    response.close()
                    raise requests.Timeout

        future = self._open().request(
            method,
            url,
            timeout=max(deadline - time.monotonic(), 0.01),
            allow_redirects=False,
            stream=True,  # so that `read` bounds the body
            hooks={"response": read},
            **options,
        )
        response = await asyncio.wrap_future(future)
        headers = {name.lower(): value for name, value in response.headers.items()}
        return HttpResponse(response.status_code, headers, bytes(body))

    def _open(self) -> FuturesSession:
        if self._session is None:
            self._session = FuturesSession(max_workers=self._workers)
            adapter = _Adapter(self._reach, pool_connections=self._workers, pool_maxsize=self._workers, max_retries=0)
            self._session.mount("http://", adapter)
            self._session.mount("https://", adapter)
            self._session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
            self._session.trust_env = False
        return self._session


class AddressRefused(Exception):
    """A name stands for no address that may be asked."""


class _Adapter(HTTPAdapter):
    """Looks where a connection would go, after the DNS has spoken, and before it is made."""

    def __init__(self, reach: Reach | None, **options: Any) -> None:
        self._reach = reach
        super().__init__(**options)

    def init_poolmanager(self, *args: Any, **options: Any) -> None:
        super().init_poolmanager(*args, **options)
        if self._reach is not None:
            self.poolmanager.pool_classes_by_scheme = {
                "http": _guarded(HTTPConnectionPool, self._reach),
                "https": _guarded(HTTPSConnectionPool, self._reach),
            }


def _guarded(pool: Any, reach: Reach) -> Any:
    class Connection(pool.ConnectionCls):  # type: ignore[misc] # a class that is only known here
        def _new_conn(self) -> socket.socket:
            name: str = getattr(self, "_dns_host")  # noqa: B009 - mypy can't know its type
            failed = NewConnectionError(self, "no address")
            try:
                # Asked once: a name that is another address the next time would get past the check.
                for address in _addresses(name, self.port, reach):
                    self._dns_host = address
                    try:
                        made: socket.socket = super()._new_conn()
                    except NewConnectionError as error:
                        failed = error
                    else:
                        return made
                raise failed
            finally:
                self._dns_host = name  # of which TLS asks for the certificate

    return type("Pool", (pool,), {"ConnectionCls": Connection})


def _addresses(name: str, port: int, reach: Reach) -> list[str]:
    """Return the addresses of a name that may be asked. Raises AddressRefused where none may, and OSError."""
    found = socket.getaddrinfo(name.strip("[]"), port, type=socket.SOCK_STREAM)
    addresses = list(dict.fromkeys(str(entry[4][0]) for entry in found))
    allowed = [address for address in addresses if reach.allows(address)]
    if not allowed:
        raise AddressRefused(
            f"plugins may not ask {', '.join(addresses)}; to let them, add it to plugins.reach in server.toml"
        )
    return allowed


def _shown(url: str) -> str:
    """Return the URL without user, password and query. Raises HttpError for what is no URL of HTTP."""
    try:
        parts = urlsplit(url)
        port = f":{parts.port}" if parts.port is not None else ""
    except ValueError:
        raise HttpError("that is no URL") from None
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise HttpError("a URL must begin with http:// or https:// and name a host")
    return f"{parts.scheme}://{parts.hostname}{port}{parts.path}"


def _is_cancelled() -> bool:
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0
