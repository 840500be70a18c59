"""/announce, and announcements that come by themselves: messages of a bot's."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from tornado_chat import (
    Call,
    Command,
    CommandRefused,
    Listener,
    PluginApi,
    PluginOptions,
    RestParam,
    Role,
    Say,
    StoreUnavailable,
    hookimpl,
    is_uname,
)

KEY = "round"
TICK = 15.0  # seconds


class Options(PluginOptions):
    """Keys of [plugin.announce]."""

    bot_name: str = "announcement"
    """The name under which they are posted."""
    role: Literal["mod", "owner", "admin"] = "mod"
    """The lowest role that may announce something."""
    messages: Annotated[tuple[str, ...], Meta(max_length=100)] = ()
    """What is announced by itself, one after another, from the first again after the last."""
    every_mins: Annotated[int, Meta(ge=1, le=43_200)] = 30
    """Minutes between two of them. Nothing comes while nobody has spoken since the last."""

    def __post_init__(self) -> None:
        if not is_uname(self.bot_name):
            raise ValueError(f"bot_name {self.bot_name!r} can't be a bot's name")
        for index, text in enumerate(self.messages):
            try:
                Say(text)
            except ValueError as error:
                raise ValueError(f"messages[{index}]: {error}") from error


class Round(msgspec.Struct, frozen=True):
    """Where the announcements are: when the last one came, which is `next`, and the newest message there was then."""

    at: datetime
    next: int
    newest: int


class Announcer:
    """Posts one app's announcements. Where they are outlives a restart, as far as it could be stored."""

    def __init__(self, api: PluginApi) -> None:
        self._api = api
        self._options: Options = api.options
        self._round: Round | None = None

    async def tick(self) -> None:
        """Post the next announcement where its time has come."""
        with contextlib.suppress(StoreUnavailable):  # then the next time
            last = self._round or await self._read()
            now = self._api.now()
            if now - last.at < timedelta(minutes=self._options.every_mins) or not self._was_spoken_since(last.newest):
                return
            text = self._options.messages[last.next % len(self._options.messages)]
            message = await self._api.post(text, self._options.bot_name)
            self._round = Round(now, last.next + 1, message.id)
            await self._api.storage.put(KEY, self._round)

    async def _read(self) -> Round:
        stored = await self._api.storage.get(KEY)
        if stored is None:
            self._round = Round(self._api.now(), 0, 0)
            await self._api.storage.put(KEY, self._round)
        else:
            self._round = msgspec.convert(stored, Round)
        return self._round

    def _was_spoken_since(self, newest: int) -> bool:
        for message in reversed(self._api.history):
            if message.id <= newest:
                return False
            if not message.plugin and not message.shadow:
                return True
        return False


@hookimpl
def register_commands(api: PluginApi) -> Iterable[Command]:
    options: Options = api.options

    async def announce(call: Call) -> None:
        text: str = call.args["text"]
        try:
            await api.post(text, options.bot_name)
        except ValueError as error:  # what is left of it has nothing that shows
            raise CommandRefused("There is nothing to announce") from error
        await api.record(call.user, "announce", text=text)

    yield Command(
        name="announce",
        run=announce,
        params=(RestParam("text"),),
        role=Role(options.role),
        help="posts an announcement",
    )


@hookimpl
def register_listeners(api: PluginApi) -> Iterable[Listener]:
    options: Options = api.options
    if options.messages:
        api.every(TICK, Announcer(api).tick)
    return ()
