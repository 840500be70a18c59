"""The port to whoever knows the site's apps and users, and the checks that any provider's answers go through."""

from __future__ import annotations

import re
from typing import Any, Protocol

import msgspec

from tornado_chat.errors import IdentityUnavailable
from tornado_chat.models import MAX_ID, MAX_UNAME, Role, User, is_uname

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


def is_token(value: object) -> bool:
    """Tell whether a client's token may be looked up at all: 1 to 128 of A-Z a-z 0-9 _ -."""
    return isinstance(value, str) and _TOKEN.fullmatch(value) is not None


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
    return User(user_id, uname, role)
