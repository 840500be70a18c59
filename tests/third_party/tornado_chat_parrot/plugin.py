"""Uses a hook of each kind that one app may have beside another."""

from __future__ import annotations

from collections.abc import Iterable

from tornado.web import RequestHandler

from tornado_chat import (
    Call,
    Command,
    Draft,
    Filter,
    Gate,
    Listener,
    Pass,
    PluginApi,
    PluginOptions,
    Posted,
    Reject,
    Replace,
    Route,
    User,
    Verdict,
    hookimpl,
)
from tornado_chat_parrot.voice import louder


class Options(PluginOptions):
    mark: str = "!"


class Count:
    """What the parrot has heard, over restarts."""

    def __init__(self, api: PluginApi) -> None:
        self._api = api

    async def add(self) -> None:
        await self._api.storage.put("heard", await self.get() + 1)
        self._api.count("heard")

    async def get(self) -> int:
        return int(await self._api.storage.get("heard", 0))


class HeardHandler(RequestHandler):
    def initialize(self, count: Count) -> None:
        self._count = count

    async def get(self) -> None:
        self.finish({"heard": await self._count.get()})


@hookimpl
def register_filters(api: PluginApi) -> Iterable[Filter]:
    async def check(draft: Draft) -> Verdict:
        return Replace(louder(draft.text, api.options.mark))

    yield Filter(check)


@hookimpl
def register_gates(api: PluginApi) -> Iterable[Gate]:
    async def speak(user: User) -> Pass | Reject:
        return Reject("The parrot doesn't like you") if user.uname == "eve" else Pass()

    yield Gate(speak=speak)


@hookimpl
def register_listeners(api: PluginApi) -> Iterable[Listener]:
    count = api.state(Count)

    async def hear(posted: Posted) -> None:
        await count.add()

    yield Listener(Posted, hear)


@hookimpl
def register_commands(api: PluginApi) -> Iterable[Command]:
    count = api.state(Count)

    async def heard(call: Call) -> str:
        return f"heard {await count.get()}"

    yield Command("heard", heard, help="says how much the parrot has heard")


@hookimpl
def register_routes(api: PluginApi) -> Iterable[Route]:
    yield Route("heard", HeardHandler, {"count": api.state(Count)})
