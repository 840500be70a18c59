"""/queue, /approve and /deny: what becomes of the messages that filters hold."""

from __future__ import annotations

from collections.abc import Iterable

from tornado_chat import Call, Command, HeldMessage, MessageIdParam, PluginApi, Role, hookimpl


@hookimpl
def register_commands(api: PluginApi) -> Iterable[Command]:
    async def queue(call: Call) -> str:
        waiting = api.held
        if not waiting:
            return "No message waits"
        more = [f"and {len(waiting) - 10} more"] if len(waiting) > 10 else []
        return "\n".join([*map(_line, waiting[:10]), *more])

    async def approve(call: Call) -> str:
        message = await api.approve(call.user, call.args["number"])
        return f"The message of {message.user.uname} was posted"

    async def deny(call: Call) -> str:
        held = await api.deny(call.user, call.args["number"])
        await api.tell(held.user, f"A moderator did not let your message through: {held.text}")
        return f"The message of {held.user.uname} was dropped"

    number = (MessageIdParam("number"),)
    yield Command(name="queue", run=queue, role=Role.MOD, help="lists the messages that wait for a moderator")
    yield Command(name="approve", run=approve, params=number, role=Role.MOD, help="posts a message that waits")
    yield Command(name="deny", run=deny, params=number, role=Role.MOD, help="drops a message that waits")


def _line(held: HeldMessage) -> str:
    reason = f" ({held.reason})" if held.reason else ""
    return f"#{held.id} {held.user.uname}: {held.text}{reason}"
