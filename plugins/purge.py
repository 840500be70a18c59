"""/delete, /purge and /clear: what was said is gone, for everybody at once; staff find it in the audit log."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable
from typing import Literal

from tornado_chat import (
    Call,
    Command,
    MessageIdParam,
    PluginApi,
    PluginLimit,
    PluginOptions,
    RankRefused,
    RestParam,
    Role,
    UserParam,
    because,
    hookimpl,
)


class Options(PluginOptions):
    """Keys of [plugin.purge]."""

    own: bool = True
    """Whether members may delete what they said themselves."""
    clear_role: Literal["mod", "owner", "admin"] = "mod"
    """The lowest role that may clear the room."""


@hookimpl
def register_commands(api: PluginApi) -> Iterable[Command]:
    options: Options = api.options

    async def delete(call: Call) -> str:
        number: int = call.args["number"]
        if call.user.role is Role.MEMBER:
            found = next((message for message in api.history if message.id == number), None)
            # What isn't there and what they weren't shown must not be told apart.
            if found is None or found.plugin or (found.user.id, found.user.key) != (call.user.id, call.user.key):
                raise RankRefused(f"You are not authorized to do that: message {number} is not yours")
        message = await api.delete(call.user, number, call.args.get("reason", ""))
        return f"Message {number} of {message.user.uname} was deleted"

    async def purge(call: Call) -> str:
        spelled = api.require_rank(call.user, call.args["user"])
        count = await api.purge(call.user, spelled, call.args.get("reason", ""))
        if not count:
            return f"Nothing that {spelled} said is remembered"
        return f"{count} message{'s' if count > 1 else ''} of {spelled} {'were' if count > 1 else 'was'} deleted"

    async def clear(call: Call) -> None:
        reason: str = call.args.get("reason", "")
        await api.clear(call.user, reason)
        with contextlib.suppress(PluginLimit):
            await api.tell_all(f"{api.public_name(call.user)} cleared the chat{because(reason)}")

    reason = RestParam("reason", required=False)
    yield Command(
        name="delete",
        run=delete,
        params=(MessageIdParam("number"), reason),
        role=Role.MEMBER if options.own else Role.MOD,
        help="deletes a message",
    )
    yield Command(
        name="purge",
        run=purge,
        params=(UserParam("user"), reason),
        role=Role.MOD,
        help="deletes all that a user said lately",
    )
    yield Command(
        name="clear",
        run=clear,
        params=(reason,),
        role=Role(options.clear_role),
        help="deletes all that was said lately",
    )
