"""/mute, /unmute and /mutes, for moderators and above."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Any

import msgspec

from tornado_chat import (
    Call,
    Command,
    CommandRefused,
    DurationParam,
    Mute,
    NumberParam,
    PluginApi,
    PluginOptions,
    Reply,
    RestParam,
    Role,
    UserParam,
    because,
    duration_text,
    hookimpl,
    iso,
    list_reply,
    span_text,
)

YEAR_MINUTES = 525_600
MAX_REASON = 350  # of a row; a plugin's may be longer, and a page must have less than 64 KB


class Options(PluginOptions):
    """Keys of [plugin.mute]."""

    default_mins: Annotated[int, msgspec.Meta(ge=1, le=YEAR_MINUTES)] = 10
    """How long a mute lasts that names no duration, in minutes."""
    max_mins: Annotated[int, msgspec.Meta(ge=1, le=YEAR_MINUTES)] = 43_200
    """The longest mute that may be given, in minutes."""

    def __post_init__(self) -> None:
        if self.default_mins > self.max_mins:
            raise ValueError("default_mins must not be above max_mins")


@hookimpl
def register_commands(api: PluginApi) -> Iterable[Command]:
    options: Options = api.options

    async def mute(call: Call) -> str:
        seconds: int = call.args.get("duration", options.default_mins * 60)
        if seconds > options.max_mins * 60:
            raise CommandRefused(f"A mute lasts at most {span_text(options.max_mins * 60)}")
        made = await api.mute(call.user, call.args["user"], seconds, call.args.get("reason", ""))
        return f"{made.uname} was muted for {duration_text(seconds)}"

    async def unmute(call: Call) -> str:
        lifted = await api.unmute(call.user, call.args["user"])
        return f"{lifted.uname} was unmuted"

    async def mutes(call: Call) -> Reply:
        now = api.now()

        def line(mute: Mute) -> str:
            left = span_text((mute.expires_at - now).total_seconds())
            return f"{mute.uname}: another {left}, by {mute.by}{because(mute.reason)}"

        return list_reply("mutes", api.mutes[::-1], call.args.get("page", 1), "Nobody is muted", line=line, row=_row)

    yield Command(
        name="mute",
        run=mute,
        params=(UserParam("user"), DurationParam("duration", required=False), RestParam("reason", required=False)),
        role=Role.MOD,
        help="keeps a user from speaking for a while",
    )
    yield Command(name="unmute", run=unmute, params=(UserParam("user"),), role=Role.MOD, help="ends a mute")
    yield Command(
        name="mutes",
        run=mutes,
        params=(NumberParam("page", required=False, least=1, most=1000),),
        role=Role.MOD,
        help="lists who is muted",
    )


def _row(mute: Mute) -> dict[str, Any]:
    return {
        "uname": mute.uname,
        "mins": mute.mins,
        "expires_at": iso(mute.expires_at),
        "at": iso(mute.at),
        "by": mute.by,
        "reason": mute.reason[:MAX_REASON],
    }
