"""Tells another server what happens in the room: each happening is one signed POST, tried again where it fails."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from tornado_chat import (
    Alerted,
    Banned,
    Deleted,
    Happening,
    Held,
    HttpError,
    Joined,
    Left,
    Listener,
    ModeChanged,
    Muted,
    PluginApi,
    PluginOptions,
    Posted,
    Recorded,
    Rejected,
    Secret,
    Struck,
    Suspended,
    Unbanned,
    Unmuted,
    hookimpl,
    signed_headers,
)

KINDS: dict[str, type[Happening]] = {
    "posted": Posted,
    "rejected": Rejected,
    "held": Held,
    "deleted": Deleted,
    "muted": Muted,
    "unmuted": Unmuted,
    "banned": Banned,
    "unbanned": Unbanned,
    "joined": Joined,
    "left": Left,
    "mode_changed": ModeChanged,
    "struck": Struck,
    "alerted": Alerted,
    "recorded": Recorded,
    "suspended": Suspended,
}
Kind = Literal[
    "posted",
    "rejected",
    "held",
    "deleted",
    "muted",
    "unmuted",
    "banned",
    "unbanned",
    "joined",
    "left",
    "mode_changed",
    "struck",
    "alerted",
    "recorded",
    "suspended",
]


class Options(PluginOptions):
    """Keys of [plugin.webhook]."""

    url: Annotated[str, Meta(pattern=r"\Ahttps?://[^\s]+\Z")]
    """Where to."""
    secret: Secret = Secret("")
    """What requests are signed with; empty: they aren't."""
    events: tuple[Kind, ...] = (
        "rejected",
        "held",
        "muted",
        "unmuted",
        "banned",
        "unbanned",
        "alerted",
        "suspended",
    )
    """What is told of."""
    timeout: Annotated[float, Meta(ge=0.1, le=10)] = 5.0
    """Seconds for one try."""
    tries: Annotated[int, Meta(ge=1, le=4)] = 3
    """How often one happening is tried."""


class Hook:
    """Sends what happens in one app. `pause` waits so many seconds between two tries."""

    def __init__(self, api: PluginApi, pause: Callable[[float], Awaitable[None]] = asyncio.sleep) -> None:
        self._api = api
        self._pause = pause
        self._options: Options = api.options

    async def send(self, name: str, happening: Happening) -> None:
        """Send one happening; what can't be sent is logged and counted."""
        at = self._api.now()
        data = msgspec.to_builtins(happening)
        body = msgspec.json.encode({"event": name, "app_id": self._api.app_id, "at": at, "data": data})
        headers = signed_headers(body, self._options.secret, at) | {"X-Tornado-Chat-Event": name}
        for attempt in range(self._options.tries):
            if attempt:
                await self._pause(2.0 ** (attempt - 1))
            problem = await self._try(body, headers)
            if not problem:
                self._api.count("sent")
                return
            if problem.startswith("4"):
                break
        self._api.count("failed")
        self._api.log.warning("app %d: a happening (%s) could not be sent: %s", self._api.app_id, name, problem)

    async def _try(self, body: bytes, headers: dict[str, str]) -> str:
        """Return what went wrong; empty for nothing. What begins with a 4 would go wrong again."""
        try:
            with self._api.timed("request"):
                answer = await self._api.http.post(
                    self._options.url, body=body, headers=headers, timeout=self._options.timeout
                )
        except HttpError as error:
            return str(error)
        if 200 <= answer.status < 300:
            return ""
        return f"{'' if answer.status not in {408, 429} else 'status '}{answer.status}"


@hookimpl
def register_listeners(api: PluginApi) -> Iterable[Listener]:
    hook = Hook(api)
    for name in dict.fromkeys(api.options.events):
        yield Listener(KINDS[name], _sender(hook, name))


def _sender(hook: Hook, name: str) -> Any:
    async def send(happening: Happening) -> None:
        await hook.send(name, happening)

    return send
