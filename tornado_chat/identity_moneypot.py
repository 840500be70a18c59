"""Apps and users from a site's own API, in the form of Moneypot's.

    GET {api}/apps/{id}?app_secret=...                      -> {"id": 2, "name": "...", "owners": ["donald"]}
    GET {api}/hashed-token-users/{token}?app_secret=...     -> {"id": 69, "uname": "donald", "role": "member"}

`{"error": ...}` with any status below 500 means "no such app" or, as INVALID_ACCESS_TOKEN, "no such token".
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable
from typing import Any, TypeVar
from urllib.parse import quote

import msgspec

from tornado_chat.breaker import Breaker
from tornado_chat.errors import HttpError, IdentityUnavailable
from tornado_chat.http import HttpResponse
from tornado_chat.http_client import SHORTEST, ConnectionBroke, RequestsHttpClient
from tornado_chat.identity import App, is_token, make_user
from tornado_chat.lookup_cache import LookupCache, TooManyQuestions
from tornado_chat.models import User
from tornado_chat.quota import Quota
from tornado_chat.text import one_line

log = logging.getLogger(__name__)

T = TypeVar("T")

WORKERS = 8
RECHECK_SECONDS = 120.0
GRACE_SECONDS = 600.0
MAX_IN_FLIGHT = 500  # look-ups of each kind; beyond this an answer could not come in time anyway
MAX_ANSWER = 64 * 1024  # bytes
CACHE_SECONDS = 30.0
CACHE_SIZE = 10_000
MAX_NOTED = 100  # apps that the API has none of are logged once each, and anybody can ask for any number
INVALID_TOKEN = "INVALID_ACCESS_TOKEN"  # noqa: S105 - a constant of the API
NO_APP = App(0, "", frozenset())


class MoneypotIdentity:
    """Looks apps and users up over HTTP.

    `api` is the API's base URL, `app_secret` goes with every request and appears in no log and no error. `timeout` is
    in seconds and bounds a look-up as a whole, its one retry included. Whoever was known keeps being known for `grace`
    seconds after the API's last answer; about those who are in a chat it is asked again every `recheck` seconds.
    `quota` bounds the look-ups that are under way.
    """

    def __init__(
        self,
        api: str,
        app_secret: str,
        timeout: float,
        *,
        recheck: float = RECHECK_SECONDS,
        grace: float = GRACE_SECONDS,
        quota: Quota | None = None,
    ) -> None:
        self.recheck_every = recheck
        self.grace = grace
        self.quota = quota or Quota(MAX_IN_FLIGHT)
        self.breaker = Breaker(time.monotonic)
        self._api = api.rstrip("/")
        self._secret = app_secret
        self._timeout = timeout
        self._noted: set[int] = set()
        self._http = RequestsHttpClient(workers=WORKERS, max_in_flight=2 * self.quota.limit, max_answer=MAX_ANSWER)
        bounds: Any = {"size": CACHE_SIZE, "ttl": CACHE_SECONDS, "grace": grace, "quota": self.quota}
        self._apps: LookupCache[int, App | None] = LookupCache(self._fetch_app, **bounds)
        self._users: LookupCache[str, dict[str, Any] | None] = LookupCache(self._fetch_user, **bounds)

    async def app(self, app_id: int) -> App | None:
        return await _answered(self._apps.get(app_id))

    async def user(self, app: App, token: str) -> User | None:
        if not is_token(token):
            return None
        answer = await _answered(self._users.get(token))
        return None if answer is None else make_user(answer, app)

    async def recheck(self, app_id: int, token: str) -> User | None:
        app = await self.app(app_id)
        answer = await _answered(self._users.fresh(token))
        return None if app is None or answer is None else make_user(answer, app)

    async def close(self) -> None:
        await self._http.close()

    async def _fetch_app(self, app_id: int) -> App | None:
        answer = await self._get(f"apps/{app_id}")
        if "error" in answer:
            if app_id not in self._noted and len(self._noted) < MAX_NOTED:
                self._noted.add(app_id)
                log.warning(
                    "the site's API answers app %d with error %s; if there is such an app, look at identity.moneypot",
                    app_id,
                    one_line(repr(answer["error"])),
                )
            return None
        name, owners = answer.get("name", ""), answer.get("owners", [])
        if answer.get("id") != app_id or not isinstance(name, str) or not isinstance(owners, list):
            raise self._unusable("apps", "is no app")
        return App(app_id, name, frozenset(owner for owner in owners if isinstance(owner, str)))

    async def _fetch_user(self, token: str) -> dict[str, Any] | None:
        answer = await self._get(f"hashed-token-users/{quote(token, safe='')}")
        if "error" not in answer:
            make_user(answer, NO_APP)  # raises for what can't be used, so that it isn't kept
            return answer
        if answer["error"] == INVALID_TOKEN:
            return None
        raise self._unusable("hashed-token-users", "is an error that is not " + INVALID_TOKEN)

    async def _get(self, path: str) -> dict[str, Any]:
        """Return the JSON object at `path`. Raises IdentityUnavailable for everything else."""
        kind = path.partition("/")[0]
        if not self.breaker.allows():
            raise IdentityUnavailable(f"{self._api} gave no answer a moment ago, and isn't asked yet")
        try:
            answer = await self._get_json(path, kind)
        except BaseException:
            self.breaker.failed()
            raise
        self.breaker.succeeded()
        return answer

    async def _get_json(self, path: str, kind: str) -> dict[str, Any]:
        try:
            async with asyncio.timeout(self._timeout):
                answered = await self._get_twice(path, time.monotonic() + self._timeout)
        except TimeoutError:
            raise self._unusable(kind, f"didn't come within {self._timeout:g} s") from None
        except HttpError as error:
            # Its message holds the path, and the path holds the token: only the kind of error is told.
            raise self._unusable(kind, f"didn't come: {str(error).rpartition(': ')[2]}") from None
        status = answered.status
        if status >= 500 or 300 <= status < 400:
            raise self._unusable(kind, f"has status {status}")
        try:
            answer = msgspec.json.decode(answered.body)
        except (msgspec.DecodeError, UnicodeDecodeError):
            raise self._unusable(kind, f"has status {status} and is no JSON") from None
        if not isinstance(answer, dict):
            raise self._unusable(kind, "is no JSON object")
        if status >= 400 and "error" not in answer:
            raise self._unusable(kind, f"has status {status} and no error")
        return answer

    async def _get_twice(self, path: str, deadline: float) -> HttpResponse:
        """Fetch `path`; a GET that broke on the way, or met a 502 to 504, gets a second try."""
        try:
            answered = await self._get_once(path, deadline)
        except ConnectionBroke:
            return await self._get_once(path, deadline)
        return await self._get_once(path, deadline) if answered.status in (502, 503, 504) else answered

    async def _get_once(self, path: str, deadline: float) -> HttpResponse:
        left = max(deadline - time.monotonic(), SHORTEST)
        return await self._http.get(f"{self._api}/{path}", params={"app_secret": self._secret}, timeout=left)

    def _unusable(self, kind: str, what: str) -> IdentityUnavailable:
        return IdentityUnavailable(f"the answer of {self._api}/{kind} {what}")


async def _answered(look_up: Awaitable[T]) -> T:
    try:
        return await look_up
    except TooManyQuestions as error:
        raise IdentityUnavailable(str(error)) from None
