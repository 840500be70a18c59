"""/reload: asks the site again who everybody is, so that new roles and bans hold at once."""

from __future__ import annotations

from collections.abc import Iterable

from tornado_chat import Call, Command, PluginApi, Role, hookimpl


@hookimpl
def register_commands(api: PluginApi) -> Iterable[Command]:
    async def reload(call: Call) -> str:
        count = api.recheck()
        return f"Roles and bans of {count} users are read again" if count else "There is nobody whose role can change"

    yield Command(name="reload", run=reload, role=Role.MOD, cooldown=5, help="reads everybody's roles and bans again")
