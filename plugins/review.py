"""/queue, /approve and /deny: what becomes of the messages that filters hold."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable
from typing import Any

from tornado_chat import (
    Call,
    Command,
    CommandRefused,
    HeldMessage,
    MessageIdParam,
    NumberParam,
    PluginApi,
    PluginLimit,
    Reply,
    Role,
    held_payload,
    hookimpl,
    paged,
)

PAGE = 10
MAX_LINE = 750  # ten of them are one notice
MAX_REASON = 500  # of a row; a filter's may be longer, and a page must have less than 64 KB


@hookimpl
def register_commands(api: PluginApi) -> Iterable[Command]:
    async def queue(call: Call) -> Reply:
        waiting, page = api.held, call.args.get("page", 1)
        shown, number, pages = paged(waiting, page, size=PAGE)
        if number != page and waiting:
            raise CommandRefused(f"The queue has {pages} page{'s' if pages > 1 else ''}")
        more = [f"page {page} of {pages}" + (f"; /queue {page + 1} goes on" if page < pages else "")]
        text = "\n".join([*map(_line, shown), *(more if pages > 1 else [])]) or "No message waits"
        return Reply(text, {"held": [_row(held) for held in shown], "page": number, "pages": pages})

    async def approve(call: Call) -> str:
        message = await api.approve(call.user, call.args["number"])
        return f"The message of {message.user.uname} was posted"

    async def deny(call: Call) -> str:
        held = await api.deny(call.user, call.args["number"])
        with contextlib.suppress(PluginLimit):
            await api.tell(held.user, f"A moderator did not let your message through: {held.text}")
        return f"The message of {held.user.uname} was dropped"

    number = (MessageIdParam("number"),)
    page = (NumberParam("page", required=False, least=1, most=100),)
    yield Command(name="queue", run=queue, params=page, role=Role.MOD, help="lists the messages that wait")
    yield Command(name="approve", run=approve, params=number, role=Role.MOD, help="posts a message that waits")
    yield Command(name="deny", run=deny, params=number, role=Role.MOD, help="drops a message that waits")


def _row(held: HeldMessage) -> dict[str, Any]:
    return held_payload(held) | {"reason": held.reason[:MAX_REASON]}


def _line(held: HeldMessage) -> str:
    reason = f" ({held.reason})" if held.reason else ""
    # A message may have several lines, and the second could look like another message.
    line = " ".join(f"#{held.id} {held.user.uname}{' ' if held.me else ': '}{held.text}{reason}".split())
    return line if len(line) <= MAX_LINE else f"{line[: MAX_LINE - 1]}…"
