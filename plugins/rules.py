"""/rules, and a greeting for those who come for the first time."""

from __future__ import annotations

import contextlib
from collections import OrderedDict
from collections.abc import Iterable
from typing import Annotated

from msgspec import Meta

from tornado_chat import (
    Call,
    Command,
    Listener,
    PluginApi,
    PluginLimit,
    PluginOptions,
    Reply,
    Role,
    StoreUnavailable,
    TabOpened,
    hookimpl,
)

NEW = 60.0  # seconds, in which one whose name was never here before is new
MOST = 1000  # names that are remembered as greeted; in a minute there come no more


class Options(PluginOptions):
    """Keys of [plugin.rules]."""

    text: Annotated[str, Meta(min_length=1, max_length=4000)] = "Be kind. No spam, no scams, and no secrets of others."
    """The rules; they may have several lines."""
    greet: Annotated[str, Meta(max_length=2000)] = ""
    """What one is told who comes for the first time; {uname} in it is their name."""


class Greeter:
    """Tells newcomers the greeting, once each."""

    def __init__(self, api: PluginApi) -> None:
        self._api = api
        self._options: Options = api.options
        self._greeted: OrderedDict[str, None] = OrderedDict()  # folded unames, in the order they were greeted

    async def greet(self, happening: TabOpened) -> None:
        """Greet one who was never here before."""
        user = happening.user
        if user.role is not Role.MEMBER or user.key in self._greeted:
            return
        # A greeting is nothing that the database, or a raid, should be asked twice for.
        with contextlib.suppress(StoreUnavailable, PluginLimit):
            person = await self._api.person(user.uname)
            if person is None or person.said or (self._api.now() - person.first_seen).total_seconds() > NEW:
                return
            self._greeted[user.key] = None
            if len(self._greeted) > MOST:
                self._greeted.popitem(last=False)
            await self._api.tell(user, self._options.greet.replace("{uname}", user.uname))


@hookimpl
def register_commands(api: PluginApi) -> Iterable[Command]:
    options: Options = api.options

    async def rules(call: Call) -> Reply:
        return Reply(options.text, {"rules": [line for line in map(str.strip, options.text.split("\n")) if line]})

    yield Command(name="rules", run=rules, help="shows the rules")


@hookimpl
def register_listeners(api: PluginApi) -> Iterable[Listener]:
    options: Options = api.options
    if options.greet:
        yield Listener(TabOpened, Greeter(api).greet)
