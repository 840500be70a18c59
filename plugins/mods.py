"""/mods: which moderators are here."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from tornado_chat import Call, Command, PluginApi, PluginOptions, Reply, Role, hookimpl, one_line

SHOWN = 30  # names of one role


class Options(PluginOptions):
    """Keys of [plugin.mods]."""

    role: Literal["member", "mod", "owner", "admin"] = "member"
    """The lowest role that may ask."""


@hookimpl
def register_commands(api: PluginApi) -> Iterable[Command]:
    options: Options = api.options

    async def mods(call: Call) -> Reply:
        here: dict[Role, list[str]] = {Role.ADMIN: [], Role.OWNER: [], Role.MOD: []}
        for user in api.users:
            if user.role in here:
                here[user.role].append(user.uname)
        lines = [_line(role, names) for role, names in here.items() if names]
        rows = [{"uname": uname, "role": role.value} for role, names in here.items() for uname in names[:SHOWN]]
        data = {"mods": rows, "count": sum(map(len, here.values()))}
        return Reply("\n".join(lines) or "No moderator is here", data)

    yield Command(name="mods", run=mods, role=Role(options.role), help="tells which moderators are here")


def _line(role: Role, names: list[str]) -> str:
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return one_line(f"{role}: {', '.join(names[:SHOWN])}{more}", 2500)
