"""The port to other sites' HTTP. http_client.py is behind it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

import msgspec

from tornado_chat.errors import HttpError


class HttpResponse(msgspec.Struct, frozen=True):
    """An answer. The names in `headers` are lowercase."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        """Return what the body says as JSON. Raises HttpError where it is none."""
        try:
            return msgspec.json.decode(self.body)
        except (msgspec.DecodeError, UnicodeDecodeError):
            raise HttpError(f"the answer has status {self.status} and is no JSON") from None

    @property
    def text(self) -> str:
        """The body as UTF-8; what isn't valid is replaced."""
        return self.body.decode("utf-8", "replace")


class HttpClient(Protocol):
    """Makes requests to http:// and https:// addresses. Every method raises HttpError where there is no answer."""

    async def get(
        self,
        url: str,
        *,
        params: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        timeout: float = 5.0,
    ) -> HttpResponse:
        """Ask for `url`, with `params` as its query. `timeout` (0.05 to 30 s) bounds all of it."""

    async def post(
        self,
        url: str,
        *,
        json: Any = None,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        timeout: float = 5.0,
    ) -> HttpResponse:
        """Send `json`, or `body` as it is, to `url`."""

    async def close(self) -> None:
        """Give back threads and connections."""
