"""What was said lately as JSON, for a site's front page or a stream's overlay."""

from __future__ import annotations

import hmac
from collections.abc import Iterable
from typing import Annotated

import msgspec
from tornado.web import HTTPError, RequestHandler

from tornado_chat import Message, PluginApi, PluginOptions, Route, Secret, hookimpl


class Options(PluginOptions):
    """Keys of [plugin.feed]."""

    token: Secret = Secret("")
    """Where it isn't empty, only who sends `Authorization: Bearer <token>` is answered."""
    limit: Annotated[int, msgspec.Meta(ge=1, le=1000)] = 50
    """Messages in one answer at most."""


class FeedHandler(RequestHandler):
    """GET messages?after=ID: {"messages": [{id, at, user, text}]}, oldest first."""

    def initialize(self, api: PluginApi) -> None:
        self._api = api

    def set_default_headers(self) -> None:
        # No cookie is ever looked at, so any page may ask.
        self.set_header("Access-Control-Allow-Origin", "*")
        self.set_header("Access-Control-Allow-Headers", "Authorization")
        self.set_header("Cache-Control", "no-store")

    def options(self) -> None:
        self.set_status(204)

    def get(self) -> None:
        options: Options = self._api.options
        given = self.request.headers.get("Authorization", "")
        if options.token and not hmac.compare_digest(given.encode(), f"Bearer {options.token.reveal()}".encode()):
            raise HTTPError(401)
        after = self.get_query_argument("after", "0")
        if not (after.isascii() and after.isdecimal() and len(after) <= 16):
            raise HTTPError(400)
        found = [message for message in self._api.history if message.id > int(after) and not message.shadow]
        self.finish({"messages": [_entry(message) for message in found[-options.limit :]]})


@hookimpl
def register_routes(api: PluginApi) -> Iterable[Route]:
    yield Route("messages", FeedHandler, {"api": api})


def _entry(message: Message) -> dict[str, object]:
    user = {"uname": message.user.uname, "role": message.user.role.value}
    return {"id": message.id, "at": message.at.isoformat(timespec="milliseconds"), "user": user, "text": message.text}
