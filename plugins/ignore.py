"""/ignore: whom a user doesn't want to read. The list is kept here; hiding is what a user's clients do."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Annotated

import msgspec
from msgspec import Meta

from tornado_chat import (
    Call,
    Command,
    CommandRefused,
    Listener,
    PluginApi,
    PluginLimit,
    PluginOptions,
    Reply,
    Role,
    StoreUnavailable,
    TabOpened,
    User,
    UserParam,
    fold,
    hookimpl,
    is_uname,
)

KEEP = timedelta(days=366)  # since its owner came last, give or take REFRESH
REFRESH = timedelta(days=30)
ROUND = 1.0  # seconds
AT_ONCE = 20  # users who are told when they come, in one round; the others wait for its end
PER_ROUND = 200
TOGETHER = 20  # of them are looked up at a time


class Options(PluginOptions):
    """Keys of [plugin.ignore]."""

    most: Annotated[int, Meta(ge=1, le=120)] = 100  # with longest names they are one notice
    """Names that one user may ignore."""


class Ignored(msgspec.Struct, frozen=True):
    """Whom one user ignores, in the order they came to it, and when that was stored."""

    unames: tuple[str, ...]
    at: datetime


class Lists:
    """One app's lists. A user's clients are told at once while few come, and in rounds while a herd comes back."""

    def __init__(self, api: PluginApi) -> None:
        self._api = api
        self._turn = asyncio.Lock()
        self._waiting: dict[str, User] = {}  # self._waiting[uname]: whose clients have to be told yet
        self._at_once = AT_ONCE
        api.every(ROUND, self._next_round)

    async def get(self, user: User) -> tuple[str, ...]:
        """Return whom a user ignores. Raises StoreUnavailable."""
        stored = await self._api.storage.get(str(user.id))
        if stored is None:
            return ()
        ignored = msgspec.convert(stored, Ignored)
        if self._api.now() - ignored.at > REFRESH:
            with contextlib.suppress(StoreUnavailable, PluginLimit):
                await self._put(user, ignored.unames)
        return ignored.unames

    async def change(self, user: User, *, add: str = "", drop: str = "", most: int = 0) -> str:
        """Put a name on a user's list, or take one off, and tell their clients; return how the name is spelled.

        Raises CommandRefused, StoreUnavailable.
        """
        async with self._turn:
            before = await self.get(user)
            listed = next((name for name in before if fold(name) == fold(add or drop)), None)
            if drop:
                if listed is None:
                    raise CommandRefused(f"You don't ignore {drop}")
                unames = tuple(name for name in before if name != listed)
            else:
                if listed is not None:
                    raise CommandRefused(f"You ignore {listed} already")
                if len(before) >= most:
                    raise CommandRefused(f"You ignore {most} names already")
                unames = (*before, add)
            try:
                await self._put(user, unames)
            except PluginLimit:
                raise CommandRefused("So many keep such a list that there is no room for yours") from None
        try:
            await self._emit(user, unames)
        except PluginLimit:
            self._waiting[user.uname] = user
        return listed or add

    async def came(self, user: User) -> None:
        """Tell the clients of a user who opened a tab, if that user has a list."""
        self._waiting[user.uname] = user
        if self._at_once > 0:
            self._at_once -= 1
            await self._tell_some([user])

    async def _next_round(self) -> None:
        self._at_once = AT_ONCE
        some = list(self._waiting.values())[:PER_ROUND]
        for start in range(0, len(some), TOGETHER):
            if not await self._tell_some(some[start : start + TOGETHER]):
                return

    async def _tell_some(self, some: list[User]) -> bool:
        """Tell the clients of some users; return whether all of them were told, and need wait no more."""
        told = await asyncio.gather(*map(self._tell, some), return_exceptions=True)
        for error in told:
            if isinstance(error, BaseException) and not isinstance(error, StoreUnavailable | PluginLimit):
                raise error
        return not any(told)

    async def _tell(self, user: User) -> None:
        if self._api.find(user.uname) is not None:
            unames = await self.get(user)
            if unames:
                await self._emit(user, unames)
        self._waiting.pop(user.uname, None)

    async def _emit(self, user: User, unames: Sequence[str]) -> None:
        await self._api.emit("list", {"unames": unames}, to=user)

    async def _put(self, user: User, unames: tuple[str, ...]) -> None:
        if not unames:
            await self._api.storage.delete(str(user.id))
            return
        ignored = Ignored(unames, self._api.now())
        await self._api.storage.put(str(user.id), ignored, expires_in=KEEP.total_seconds())


@hookimpl
def register_commands(api: PluginApi) -> Iterable[Command]:
    options: Options = api.options
    lists: Lists = api.state(Lists)

    async def ignore(call: Call) -> str:
        name = call.args["user"]
        if not is_uname(name):
            raise CommandRefused("No user can have that name")
        if fold(name) == call.user.key:
            raise CommandRefused("You can't ignore yourself")
        known = _known(api, name)
        if known is not None and known.role is not Role.MEMBER:
            raise CommandRefused("Staff can't be ignored: you would miss what they tell the room")
        listed = await lists.change(call.user, add=name if known is None else known.uname, most=options.most)
        return f"You ignore {listed} from now on; /unignore ends it"

    async def unignore(call: Call) -> str:
        return f"You don't ignore {await lists.change(call.user, drop=call.args['user'])} any more"

    async def ignores(call: Call) -> Reply:
        unames = await lists.get(call.user)
        text = f"You ignore {len(unames)}: {', '.join(unames)}" if unames else "You ignore nobody"
        return Reply(text, {"unames": unames})

    user = [UserParam("user")]
    yield Command("ignore", ignore, user, help="hides what a user says from you")
    yield Command("unignore", unignore, user, help="shows what a user says again")
    yield Command("ignores", ignores, help="lists whom you ignore")


@hookimpl
def register_listeners(api: PluginApi) -> Iterable[Listener]:
    lists: Lists = api.state(Lists)

    async def came(happening: TabOpened) -> None:
        await lists.came(happening.user)

    yield Listener(TabOpened, came)


def _known(api: PluginApi, name: str) -> User | None:
    """Return who has a name: who is here, or spoke lately."""
    here = api.find(name)
    if here is not None:
        return here
    key = fold(name)
    said = (message.user for message in reversed(api.history) if message.user.key == key and not message.plugin)
    return next(said, None)
