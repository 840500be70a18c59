"""/pin and /unpin: one message, or a text of staff's, that stays in sight. It is the mode `pin` of the room."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterable
from typing import Annotated, Any

from msgspec import Meta

from tornado_chat import (
    Call,
    Command,
    CommandRefused,
    Deleted,
    Listener,
    Message,
    PluginApi,
    PluginLimit,
    PluginOptions,
    RestParam,
    Role,
    StoreUnavailable,
    hookimpl,
)

MODE = "pin"
AGAIN = 10.0  # seconds, after which what could not be unpinned is tried again
_NUMBER = re.compile(r"#?([0-9]{1,16})", re.ASCII)


class Options(PluginOptions):
    """Keys of [plugin.pin]."""

    mins: Annotated[int, Meta(ge=0, le=525_600)] = 0
    """How long something stays pinned, in minutes; 0: until it is unpinned."""


class State:
    """Unpins a message that was deleted, now or as soon as the database is back."""

    def __init__(self, api: PluginApi) -> None:
        self._api = api
        self._gone: set[int] = set()  # of what is pinned, at most one

    async def deleted(self, happening: Deleted) -> None:
        """Look whether what is pinned was deleted."""
        pinned = self.pinned
        if pinned and pinned in happening.ids:
            self._gone = {pinned}
            await self.unpin_gone()

    async def unpin_gone(self) -> None:
        """Unpin what was deleted."""
        if self.pinned in self._gone:
            with contextlib.suppress(StoreUnavailable):
                await self._api.turn_off(self._api.bot, MODE)

    @property
    def pinned(self) -> int:
        """The number of the message that is pinned; 0 for none."""
        mode = self._api.mode(MODE)
        return mode.value["id"] if mode is not None else 0


@hookimpl
def register_commands(api: PluginApi) -> Iterable[Command]:
    options: Options = api.options

    async def pin(call: Call) -> None:
        text: str = call.args["text"]
        number = _NUMBER.fullmatch(text)
        message = None if number is None else _found(api, int(number[1]))
        value = _value_of(text, message)
        await api.turn_on(call.user, MODE, value, seconds=options.mins * 60 or None)
        if message is not None and message not in api.history:  # it was deleted meanwhile
            await api.turn_off(call.user, MODE)
            raise CommandRefused(f"There is no message {message.id} that could be pinned")
        whose = "" if message is None else f" a message of {message.user.uname}"
        # A message may have several lines, and the second could look like another notice.
        shown = " ".join(value["text"].split())
        await _tell_room(api, f"{api.public_name(call.user)} pinned{whose}: {shown}")

    async def unpin(call: Call) -> None:
        if api.mode(MODE) is None or await api.turn_off(call.user, MODE) is None:
            raise CommandRefused("Nothing is pinned")
        await _tell_room(api, f"{api.public_name(call.user)} unpinned what was pinned")

    yield Command(
        name="pin",
        run=pin,
        params=(RestParam("text"),),
        role=Role.MOD,
        help="keeps a message, by its number, or a text in sight",
    )
    yield Command(name="unpin", run=unpin, role=Role.MOD, help="ends a pin")


@hookimpl
def register_listeners(api: PluginApi) -> Iterable[Listener]:
    state: State = api.state(State)
    api.every(AGAIN, state.unpin_gone)
    yield Listener(Deleted, state.deleted)


def _found(api: PluginApi, number: int) -> Message:
    found = next((message for message in api.history if message.id == number), None)
    if found is None:
        raise CommandRefused(f"There is no message {number} that could be pinned")
    if found.shadow:
        raise CommandRefused(f"Message {number} is shown to nobody but its sender and staff")
    return found


def _value_of(text: str, message: Message | None) -> dict[str, Any]:
    """Return what clients are told: {id, uname, text}; the id is 0 and the uname empty for a text of staff's."""
    if message is None:
        return {"id": 0, "uname": "", "text": text}
    return {"id": message.id, "uname": message.user.uname, "text": message.text}


async def _tell_room(api: PluginApi, text: str) -> None:
    with contextlib.suppress(PluginLimit):
        await api.tell_all(text)
