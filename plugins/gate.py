"""Lets accounts talk, or come in, only when they are old enough or have a level, as far as the site says."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Annotated, Literal

from msgspec import Meta

from tornado_chat import (
    Gate,
    Pass,
    PluginApi,
    PluginOptions,
    Reject,
    Role,
    User,
    Visitor,
    duration_text,
    hookimpl,
)

YEAR_HOURS = 366 * 24


class Options(PluginOptions):
    """Keys of [plugin.gate]."""

    min_age_hours: Annotated[float, Meta(ge=0, le=10 * YEAR_HOURS)] = 0.0
    """How long ago an account must have been made, in hours; 0: it doesn't matter."""
    min_level: Annotated[int, Meta(ge=0, le=1_000_000_000)] = 0
    """The least level that an account must have; 0: it doesn't matter."""
    join: bool = False
    """Whether others are kept out altogether. Guests, who can only read, come in all the same."""
    unknown: Literal["allow", "reject"] = "allow"
    """What becomes of accounts of which the site doesn't say it."""


class Judge:
    """Says who may talk in one app."""

    def __init__(self, api: PluginApi) -> None:
        self._api = api
        self._options: Options = api.options
        self._warned = False

    def judge(self, user: User, to: str) -> Pass | Reject:
        """Answer for one who wants `to` do something. All that is asked for must be there."""
        if user.role is not Role.MEMBER:
            return Pass()
        return self._age(user, to) or self._level(user, to) or Pass()

    def _age(self, user: User, to: str) -> Reject | None:
        hours = self._options.min_age_hours
        if not hours:
            return None
        if user.created_at is None:
            return self._unknown(f"The site doesn't say how old your account is, so you can't {to} here")
        left = hours * 3600 - (self._api.now() - user.created_at).total_seconds()
        if left <= 0:
            return None
        wanted = long_text(hours * 3600)
        told = f"Your account must be {wanted} old to {to} here: you can in {long_text(left)}"
        return Reject(told, code="ACCOUNT_TOO_NEW")

    def _level(self, user: User, to: str) -> Reject | None:
        least = self._options.min_level
        if not least:
            return None
        if user.level is None:
            return self._unknown(f"The site doesn't say which level you have, so you can't {to} here")
        if user.level >= least:
            return None
        told = f"You need level {least} to {to} here; you have level {user.level}"
        return Reject(told, code="LEVEL_TOO_LOW")

    def _unknown(self, told: str) -> Reject | None:
        if not self._warned:
            self._warned = True
            self._api.log.warning(
                "app %d: the site doesn't say age or level of all accounts (unknown = %s)",
                self._api.app_id,
                self._options.unknown,
            )
        return Reject(told, code="ACCOUNT_UNKNOWN") if self._options.unknown == "reject" else None


@hookimpl
def register_gates(api: PluginApi) -> Iterable[Gate]:
    options: Options = api.options
    judge = Judge(api)

    async def speak(user: User) -> Pass | Reject:
        return judge.judge(user, "talk")

    async def join(visitor: Visitor) -> Pass | Reject:
        return Pass() if visitor.user is None else judge.judge(visitor.user, "come in")

    yield Gate(speak=speak, join=join if options.join else None)


def long_text(seconds: float) -> str:
    """Return a duration in days and hours, or hours and minutes; less than an hour as it is told everywhere."""
    if math.ceil(seconds) < 3600:
        return duration_text(seconds)
    hours, minutes = divmod(math.ceil(seconds / 60), 60)
    days, hours = divmod(hours, 24)
    parts = [f"{days} d" if days else "", f"{hours} h" if hours else ""]
    if minutes and not days:
        parts.append(f"{minutes} min")
    return " ".join(filter(None, parts))
