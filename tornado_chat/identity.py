"""The port to whoever knows the site's apps and users, and the checks that any provider's answers go through."""

from __future__ import annotations

import re
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime
from typing import Any, NoReturn, Protocol, runtime_checkable

import msgspec

from tornado_chat.errors import IdentityUnavailable
from tornado_chat.models import MAX_ID, MAX_UNAME, Role, User, is_uname
from tornado_chat.supervision import Part, PluginFailed

SHORTEST_RECHECK = 1.0  # seconds
IDENTITY_SECONDS = 15.0  # that a plugin may take for one answer
_ANY_TOKEN = re.compile(r"[!-~]{1,4096}", re.ASCII)
_TOKEN = re.compile(r"[A-Za-z0-9_-]{1,128}", re.ASCII)


class App(msgspec.Struct, frozen=True):
    """An app as its site knows it. A user whose uname is in `owners`, letter for letter, owns it."""

    id: int
    name: str
    owners: frozenset[str]


class IdentityProvider(Protocol):
    """Knows apps and users. Both methods raise IdentityUnavailable where there is no trustworthy answer."""

    async def app(self, app_id: int) -> App | None:
        """Return the app, or None where the site has none of this id (1 to 2^53 - 1)."""

    async def user(self, app: App, token: str) -> User | None:
        """Return whom a token (checked by is_token) stands for in `app`, or None for one that isn't valid."""

    async def close(self) -> None:
        """Give back threads and connections."""


@runtime_checkable
class RecheckingProvider(IdentityProvider, Protocol):
    """A provider that can be asked again: who was somebody an hour ago may be banned now, or a moderator.

    It is asked every `recheck_every` seconds about each user who is here. Where it doesn't answer for `grace` seconds,
    a user can't talk any more.
    """

    recheck_every: float
    grace: float

    async def recheck(self, app_id: int, token: str) -> User | None:
        """As `user`, but as it is now, and not as it was a moment ago. Raises IdentityUnavailable."""


class GuardedIdentity:
    """A plugin's provider. Whatever goes wrong in it is IdentityUnavailable."""

    def __init__(self, provider: IdentityProvider, part: Part) -> None:
        self._provider = provider
        self._part = part

    async def app(self, app_id: int) -> App | None:
        app = await self._ask(self._provider.app, app_id)
        return app if app is None or isinstance(app, App) else self._fail("its `app` returned no App")

    async def user(self, app: App, token: str) -> User | None:
        return self._user(await self._ask(self._provider.user, app, token))

    async def _recheck(self, app_id: int, token: str) -> User | None:
        assert isinstance(self._provider, RecheckingProvider)  # noqa: S101 - see guard()
        return self._user(await self._ask(self._provider.recheck, app_id, token))

    def _user(self, user: Any) -> User | None:
        if user is None or (isinstance(user, User) and is_uname(user.uname) and isinstance(user.role, Role)):
            return user
        return self._fail("it returned no User that can be used")

    async def close(self) -> None:
        try:
            await self._part.call(self._provider.close, timeout=IDENTITY_SECONDS)
        except PluginFailed as error:
            self._part.failed(error)

    async def _ask(self, question: Callable[..., Coroutine[Any, Any, Any]], *args: Any) -> Any:
        try:
            answer = await self._part.call(question, *args, timeout=IDENTITY_SECONDS, allow=(IdentityUnavailable,))
        except PluginFailed as error:
            self._part.failed(error)
            raise IdentityUnavailable(f"{self._part} {error}") from None
        self._part.succeeded()
        return answer

    def _fail(self, what: str) -> NoReturn:
        self._part.failed(PluginFailed(what))
        raise IdentityUnavailable(f"{self._part}: {what}")


class GuardedRechecks(GuardedIdentity):
    """A plugin's provider that can be asked again."""

    def __init__(self, provider: RecheckingProvider, part: Part) -> None:
        super().__init__(provider, part)
        self.recheck_every = max(float(provider.recheck_every), SHORTEST_RECHECK)
        self.grace = float(provider.grace)

    async def recheck(self, app_id: int, token: str) -> User | None:
        return await self._recheck(app_id, token)


def guard(provider: IdentityProvider, part: Part) -> IdentityProvider:
    """Return a plugin's provider, guarded."""
    return (
        GuardedRechecks(provider, part) if isinstance(provider, RecheckingProvider) else GuardedIdentity(provider, part)
    )


def is_token(value: object) -> bool:
    """Tell whether a client's token may be looked up by the site's API: 1 to 128 of A-Z a-z 0-9 _ -."""
    return isinstance(value, str) and _TOKEN.fullmatch(value) is not None


def is_signed_token(value: object) -> bool:
    """Tell whether something may be a token of any kind: 1 to 4,096 printable ASCII characters, no space."""
    return isinstance(value, str) and _ANY_TOKEN.fullmatch(value) is not None


def make_user(answer: dict[str, Any], app: App) -> User:
    """Return the user that a provider's answer {id, uname, role} describes, with the role that they have in `app`.

    A role that is none of ours is a member's; so is `owner` where the app's owners don't name the user. Raises
    IdentityUnavailable where id or uname can't be used.
    """
    user_id, uname = answer.get("id"), answer.get("uname")
    if not isinstance(user_id, int) or isinstance(user_id, bool) or abs(user_id) > MAX_ID:
        raise IdentityUnavailable("a user's id is no integer")
    if not isinstance(uname, str) or not is_uname(uname):
        raise IdentityUnavailable(f"a uname isn't 1 to {MAX_UNAME} printable characters without a space at either end")
    given = answer.get("role")
    role = Role(given) if given in (Role.ADMIN.value, Role.MOD.value) else Role.MEMBER
    if uname in app.owners and not role.outranks(Role.OWNER):
        role = Role.OWNER
    return User(user_id, uname, role, parse_level(answer.get("level")), parse_time(answer.get("created_at")))


def parse_level(value: object) -> int | None:
    """Return a user's level as a site tells it: an integer of up to 2^53 - 1 either way; None for anything else."""
    return value if isinstance(value, int) and not isinstance(value, bool) and abs(value) <= MAX_ID else None


def parse_time(value: object) -> datetime | None:
    """Return when a user registered as a site tells it: ISO 8601 with a zone, or seconds since 1970; else None."""
    try:
        if isinstance(value, str):
            at = datetime.fromisoformat(value)
            return at.astimezone(UTC) if at.tzinfo is not None else None
        if isinstance(value, int | float) and not isinstance(value, bool):
            return datetime.fromtimestamp(value, UTC)
    except (ValueError, OverflowError, OSError):
        return None
    return None
