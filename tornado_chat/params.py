"""The arguments of slash commands: how each is read from what was typed."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tornado_chat.models import MAX_ID
from tornado_chat.text import one_line

# re.ASCII throughout: without it \d takes every Unicode digit, and [a-z] with re.I takes the Kelvin sign.
_DIGITS = re.compile(r"[0-9]{1,16}", re.ASCII)
_AMOUNT = re.compile(r"[0-9]{1,12}", re.ASCII)
_PART = re.compile(r"([0-9]{1,12})([a-z]+)", re.ASCII)
_QUOTED = re.compile(r'(?:[^\\]|\\.)*"')  # up to a last quote that isn't escaped
_ESCAPED = re.compile(r'\\(["\\])')
OFF = "off"
CLOSED = ";"  # after a duration: what follows is no part of it
_UNITS: Mapping[str, int] = {
    **dict.fromkeys(("s", "sec", "secs", "second", "seconds"), 1),
    **dict.fromkeys(("m", "min", "mins", "minute", "minutes"), 60),
    **dict.fromkeys(("h", "hour", "hours"), 3600),
    **dict.fromkeys(("d", "day", "days"), 86400),
    **dict.fromkeys(("w", "week", "weeks"), 604800),
}


def parse_duration(words: list[str]) -> int | None:
    """Take a duration off the front of `words` and return it in whole seconds (0 or more).

    A bare number is minutes (seed). `30s`, `10m`, `2h`, `1d2h`, `1d 2h` and `10 mins` work too. A `;` right after it
    closes it, so that no word that follows is read as a part of it: `2h; 5m links` is two hours. Returns None, and
    takes nothing, where the first word isn't a duration.
    """
    if not words:
        return None
    first = words[0].removesuffix(CLOSED)
    if _AMOUNT.fullmatch(first):
        word = words[1].removesuffix(CLOSED) if len(words) > 1 and first == words[0] else ""
        unit = _UNITS.get(word.lower(), 0) if word.isascii() else 0
        del words[: 2 if unit else 1]
        return int(first) * (unit or 60)
    total = None
    closed = False
    while words and not closed and (seconds := _seconds(words[0].removesuffix(CLOSED))) is not None:
        total = (total or 0) + seconds
        closed = words.pop(0).endswith(CLOSED)
    return total


def _seconds(word: str) -> int | None:
    """Return the seconds of one word of amounts with units: `1d2h`, `10mins`. None for anything else."""
    parts = _PART.findall(word.lower()) if word.isascii() else []
    if "".join(map("".join, parts)) != word.lower() or not all(unit in _UNITS for _, unit in parts):
        return None
    return sum(int(amount) * _UNITS[unit] for amount, unit in parts) if parts else None


def _number(word: str) -> int | None:
    sign = -1 if word.startswith("-") else 1
    digits = word.removeprefix("-")
    return sign * int(digits) if _DIGITS.fullmatch(digits) else None


def shown(word: str) -> str:
    """Return a word as it is quoted to the one who typed it."""
    return f'"{one_line(word, 40)}"'


@dataclass(frozen=True, slots=True)
class Param:
    """One argument of a command. Its subclasses say how it is read; `required` ones come first."""

    name: str
    required: bool = True

    def take(self, words: list[str]) -> Any:
        """Take this argument off the front of `words` (never empty) and return its value.

        Raises ValueError where the words don't fit; its text is shown to the caller, before the usage text. One that
        isn't required may take nothing and return None: then it was left out.
        """
        raise NotImplementedError

    @property
    def hint(self) -> str:
        """What the usage text says of this argument beside its name; empty where the name is enough."""
        return ""

    @property
    def kind(self) -> str:
        """What a client may offer completion by: user, duration, number, choice, message_id or text."""
        return type(self).__name__.removesuffix("Param").lower()

    @property
    def usage(self) -> str:
        """`<name>` for a required argument, `[name]` for one that may be left out."""
        return self._bracketed(self.name)

    def _bracketed(self, shown: str) -> str:
        return f"<{shown}>" if self.required else f"[{shown}]"


@dataclass(frozen=True, slots=True)
class _OrOff(Param):
    """With `off=True`, "off" may be typed too, in any case, and is the value then."""

    off: bool = field(default=False, kw_only=True)

    @property
    def usage(self) -> str:
        return self._bracketed(f"{self.name}|{OFF}" if self.off else self.name)

    def take(self, words: list[str]) -> Any:
        if self.off and words[0].casefold() == OFF:
            del words[0]
            return OFF
        return self._take(words)

    def _take(self, words: list[str]) -> int | None:
        raise NotImplementedError


@dataclass(frozen=True, slots=True)
class UserParam(Param):
    r"""A uname, in any case: one word, or several in double quotes; an @ before it is left out.

    In quotes any uname can be written: an @ is a part of it, and `\"` and `\\` stand for a quote and a backslash.
    """

    def take(self, words: list[str]) -> str:
        name = words.pop(0).removeprefix("@")
        if name.startswith('"'):
            name = name[1:]
            while not _QUOTED.fullmatch(name):
                if not words:
                    raise ValueError("a name in quotes has no end")
                name += f" {words.pop(0)}"
            name = _ESCAPED.sub(r"\1", name[:-1])
        if not name:
            raise ValueError("that is no name")
        return name


@dataclass(frozen=True, slots=True)
class DurationParam(_OrOff):
    """A duration; see parse_duration. Its value is in seconds, or "off" where `off=True` allows for that.

    With `skip`, for one that isn't required, a word that doesn't begin with a digit is the next parameter's.
    """

    skip: bool = field(default=False, kw_only=True)

    @property
    def hint(self) -> str:
        return f"{self.name}: 10 (minutes), 90s, 10m, 2h or 1d2h"

    def _take(self, words: list[str]) -> int | None:
        seconds = parse_duration(words)
        if seconds is None and self.skip and words[0][0] not in "0123456789":
            return None
        if seconds is None:
            raise ValueError(f"{shown(words[0])} is no duration")
        return seconds


@dataclass(frozen=True, slots=True)
class NumberParam(_OrOff):
    """A whole number from `least` to `most`, in ASCII digits; or "off" where `off=True` allows for that."""

    least: int = 0
    most: int = 1_000_000_000

    @property
    def hint(self) -> str:
        return f"{self.name}: {self.least} to {self.most}"

    def _take(self, words: list[str]) -> int:
        number = _number(words.pop(0))
        if number is None or not self.least <= number <= self.most:
            raise ValueError(f"{self.name} must be a whole number from {self.least} to {self.most}")
        return number


@dataclass(frozen=True, slots=True)
class MessageIdParam(Param):
    """The id of a message, with or without a # before it. Whether there is such a message is the command's business."""

    @property
    def kind(self) -> str:
        return "message_id"

    @property
    def hint(self) -> str:
        return f"{self.name}: a message's number"

    def take(self, words: list[str]) -> int:
        word = words.pop(0)
        number = _number(word.removeprefix("#"))
        if number is None or not 1 <= number <= MAX_ID:
            raise ValueError(f"{shown(word)} is no message's number")
        return number


@dataclass(frozen=True, slots=True)
class ChoiceParam(Param):
    """One of a few words, in any case. Its value is the choice as it is declared."""

    choices: Sequence[str] = ()

    @property
    def hint(self) -> str:
        return f"{self.name}: {', '.join(self.choices)}"

    def take(self, words: list[str]) -> str:
        word = words.pop(0)
        for choice in self.choices:
            if choice.casefold() == word.casefold():
                return choice
        raise ValueError(f"{shown(word)} is none of {', '.join(self.choices)}")


@dataclass(frozen=True, slots=True)
class RestParam(Param):
    """All that is left of the line. Its value is text, with single spaces."""

    @property
    def kind(self) -> str:
        return "text"

    def take(self, words: list[str]) -> str:
        text = " ".join(words)
        words.clear()
        return text
