"""/me: says what one does: "/me waves"."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from tornado_chat import Call, Command, CommandRefused, PluginApi, PluginOptions, RestParam, Role, Say, hookimpl


class Options(PluginOptions):
    """Keys of [plugin.me]."""

    role: Literal["member", "mod", "owner", "admin"] = "member"
    """The lowest role that may use it."""


@hookimpl
def register_commands(api: PluginApi) -> Iterable[Command]:
    options: Options = api.options

    async def me(call: Call) -> Say:
        try:
            return Say(call.args["text"], me=True)
        except ValueError as error:  # what is left of it has nothing that shows
            raise CommandRefused("Say what you do: /me waves") from error

    yield Command(
        name="me", run=me, params=(RestParam("text"),), role=Role(options.role), help="says what you do: /me waves"
    )
