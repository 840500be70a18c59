"""Keeps names out that look like those of the staff, that say they are staff, or that mix alphabets."""

from __future__ import annotations

import asyncio
import re
import unicodedata
from collections import OrderedDict
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from tornado_chat import (
    Gate,
    Joined,
    Listener,
    Pass,
    PluginApi,
    PluginOptions,
    Reject,
    Role,
    StoreUnavailable,
    User,
    Visitor,
    fold,
    hookimpl,
    mixes_scripts,
    name_skeleton,
    skeleton,
)

PASS = Pass()
MAX_STAFF = 1000
MAX_JUDGED = 10_000
DAY = timedelta(days=1)
FLUSH_EVERY = 10.0  # seconds
PATIENCE = 0.25  # seconds that somebody waits for the names of before
KEY = "staff:"
_FILLERS = "the real true official original verified team desk help bot chat site account head chief"
_BREAK = re.compile(r"[\W_]+|(?<=[a-z])(?=[A-Z])")
_LEET = str.maketrans("43@5$7!", "aeasstl")  # 0 and 1 are letters already where names are compared by their looks


class Options(PluginOptions):
    """Keys of [plugin.nickguard]."""

    protect: tuple[str, ...] = (
        "admin",
        "administrator",
        "moderator",
        "mod",
        "owner",
        "staff",
        "support",
        "helpdesk",
        "system",
        "official",
        "security",
    )
    """Words and names that are for staff."""
    lookalikes: bool = True
    """Whether names are kept out that look like those of the staff."""
    mixed: bool = True
    """Whether names are kept out that mix alphabets in a word."""
    invisible: bool = True
    """Whether names are kept out that have characters which can't be seen."""
    action: Literal["refuse", "mute"] = "refuse"
    """Whether such a name may not come in, or come in and say nothing."""
    allow: tuple[str, ...] = ()
    """Names that are good whatever they look like."""
    remember_days: Annotated[int, Meta(ge=1, le=3660)] = 90
    """How long the name of a member of the staff is remembered after their last visit."""

    def __post_init__(self) -> None:
        for index, word in enumerate(self.protect):
            if not _joined(word):
                raise ValueError(f"protect[{index}]: {word!r} has no letter")


class Seen(msgspec.Struct, frozen=True):
    """A member of the staff, as last seen."""

    id: int
    uname: str
    at: datetime


class Guard:
    """Knows the staff of one app by what their names look like: each name is judged with a few look-ups."""

    def __init__(self, api: PluginApi) -> None:
        self._api = api
        self._options: Options = api.options
        self._staff: OrderedDict[int, Seen] = OrderedDict()  # self._staff[user id], who was seen longest ago first
        self._forms: dict[str, int] = {}  # self._forms[what a name looks like] = user id
        self._bare: dict[str, int] = {}  # the same of its letters and digits alone
        self._titles = {_joined(word) for word in self._options.protect}
        self._words = self._titles | set(map(_joined, _FILLERS.split()))
        self._allowed = frozenset(map(fold, self._options.allow))
        self._judged: dict[tuple[int, str], str] = {}  # self._judged[user id, uname] = what is wrong
        self._unwritten: dict[int, Seen | None] = {}  # None: no longer on the staff
        self._remembers = timedelta(days=self._options.remember_days)
        self._reading: asyncio.Task[None] | None = None
        self._read_at = float("-inf")
        self._read = False

    async def judge(self, user: User) -> str:
        """Return what is wrong with a user's name; empty for nothing. Staff may be called what they like."""
        if not self._read:
            await self._load()
        if user.role is not Role.MEMBER:
            self.saw(user)
            return ""
        key = (user.id, user.uname)
        told = self._judged.get(key)
        if told is None:
            if user.id in self._staff:  # not on the staff any more
                self._forget(user.id)
                self._unwritten[user.id] = None
            told = "" if user.key in self._allowed else self._fault(user)
            if len(self._judged) >= MAX_JUDGED:
                self._judged.clear()
            self._judged[key] = told
        return told

    def saw(self, user: User) -> None:
        """Take note of a member of the staff."""
        known = self._staff.get(user.id)
        now = self._api.now()
        if known is None or known.uname != user.uname or now - known.at > DAY:
            self._remember(Seen(user.id, user.uname, now))
            self._unwritten[user.id] = self._staff[user.id]

    async def flush(self) -> None:
        """Write down who was seen."""
        for number, seen in list(self._unwritten.items()):
            try:
                if seen is None:
                    await self._api.storage.delete(f"{KEY}{number}")
                else:
                    await self._api.storage.put(f"{KEY}{number}", seen, self._options.remember_days * 86_400.0)
            except StoreUnavailable:
                return  # the next time, then
            if self._unwritten.get(number) is seen:
                del self._unwritten[number]

    async def _load(self) -> None:
        """Read who was seen before, and look at who is here; nobody waits long for a database that doesn't answer."""
        now = self._api.monotonic()
        if self._reading is None or (self._reading.done() and now - self._read_at >= FLUSH_EVERY):
            self._read_at = now
            self._reading = asyncio.create_task(self._read_stored())
        await asyncio.wait({self._reading}, timeout=PATIENCE)

    async def _read_stored(self) -> None:
        for user in [*(message.user for message in self._api.history if not message.plugin), *self._api.users]:
            if user.role is not Role.MEMBER:
                self.saw(user)
        try:
            stored = await self._api.storage.items(KEY, MAX_STAFF)
        except StoreUnavailable:
            return
        for _, value in stored:
            try:
                seen = msgspec.convert(value, Seen)
            except msgspec.ValidationError:  # of another version
                continue
            if seen.id not in self._staff and seen.id not in self._unwritten:
                self._remember(seen)
        self._read = True

    def _remember(self, seen: Seen) -> None:
        self._forget(seen.id)
        self._staff[seen.id] = seen
        self._forms[_form(seen.uname)] = seen.id
        if bare := _joined(seen.uname):
            self._bare[bare] = seen.id
        if len(self._staff) > MAX_STAFF:
            self._forget(next(iter(self._staff)))

    def _forget(self, number: int) -> None:
        self._judged.clear()
        seen = self._staff.pop(number, None)
        if seen is None:
            return
        for forms, form in ((self._forms, _form(seen.uname)), (self._bare, _joined(seen.uname))):
            if forms.get(form) == number:
                del forms[form]

    def _fault(self, user: User) -> str:
        options, name = self._options, user.uname
        if options.invisible and not name.isascii() and _hides(name):
            return "Your name has characters that can't be seen. Please choose another one."
        words = [word for word in _BREAK.split(unicodedata.normalize("NFKC", name)) if word]
        number = self._double(name, words) if options.lookalikes else None
        seen = None if number is None else self._staff[number]
        # A name that is spelled the same is the same user's, whatever became of their id.
        if seen is not None and seen.uname != name and self._api.now() - seen.at <= self._remembers:
            return f"Your name looks like {seen.uname}'s, who is on the staff here. Please choose another one."
        if self._is_title(words):
            return "Your name is one for staff. Please choose another one."
        if options.mixed and any(map(mixes_scripts, words)):
            return "Your name mixes alphabets. Please choose another one."
        return ""

    def _double(self, name: str, words: list[str]) -> int | None:
        """Return whose double a name is: it looks the same, is spelled out, or has a title beside it (kate_mod)."""
        if (number := self._forms.get(_form(name))) is not None:
            return number
        if len(words) > 2 and all(len(word) == 1 for word in words):
            return self._bare.get(_joined(name))
        rest = [word for word in words if not word.isdigit() and _joined(word) not in self._words]
        if len(rest) < sum(not word.isdigit() for word in words) and (number := self._bare.get(_joined("".join(rest)))):
            return number
        whole = _joined(name)
        for word in self._words:
            for other in (whole.removeprefix(word), whole.removesuffix(word)):
                if len(other) >= 3 and other != whole and other in self._bare:
                    return self._bare[other]
        return None

    def _is_title(self, words: list[str]) -> bool:
        """Tell whether a name says no more than that it is staff's: admin, Support_Team, mod2."""
        told = [form for word in words if not word.isdigit() and (form := _joined(word.rstrip("0123456789")))]
        whole = "".join(told)
        if whole in self._titles or _joined("".join(words)) in self._titles:
            return True
        if told and all(word in self._words for word in told):
            return any(word in self._titles for word in told)
        return any(
            other in self._words and (word in self._titles or other in self._titles)
            for word in self._words
            for other in (whole.removeprefix(word), whole.removesuffix(word))
            if other != whole
        )


@hookimpl
def register_gates(api: PluginApi) -> Iterable[Gate]:
    options: Options = api.options
    guard: Guard = api.state(Guard)
    api.every(FLUSH_EVERY, guard.flush)

    async def speak(user: User) -> Pass | Reject:
        told = await guard.judge(user)
        return Reject(told, code="NAME_REFUSED") if told else PASS

    async def join(visitor: Visitor) -> Pass | Reject:
        verdict = PASS if visitor.user is None else await speak(visitor.user)
        if verdict is not PASS:
            api.count("refused")
        return verdict

    # `speak` too: somebody may have come before the one whose name they have.
    yield Gate(join=join if options.action == "refuse" else None, speak=speak)


@hookimpl
def register_listeners(api: PluginApi) -> Iterable[Listener]:
    guard: Guard = api.state(Guard)

    async def joined(happening: Joined) -> None:
        if happening.user.role is not Role.MEMBER:
            guard.saw(happening.user)
            await guard.flush()

    yield Listener(Joined, joined)


def _form(name: str) -> str:
    """Return what a name looks like: equal for `donald`, `d0nald` and its Cyrillic double."""
    bare = unicodedata.normalize("NFKC", name).removeprefix("@")
    leet = bare.translate(_LEET) if any(map(str.isalpha, bare)) else bare
    return name_skeleton(leet)


def _joined(name: str) -> str:
    """Return what the letters and digits of a name look like."""
    return "".join(filter(str.isalnum, _form(name)))


def _hides(name: str) -> bool:
    """Tell whether a name has what can't be seen, other than what makes a symbol an emoji."""
    return any(
        not skeleton(char) and not (char == "\ufe0f" and index and not name[index - 1].isalpha())
        for index, char in enumerate(name)
    )
