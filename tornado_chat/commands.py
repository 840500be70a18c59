"""Slash commands: what one is, how its arguments are read, how its usage text is made."""

from __future__ import annotations

import inspect
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tornado_chat.errors import CommandRefused
from tornado_chat.models import Role, User

# re.ASCII throughout: without it \d takes every Unicode digit, and [a-z] with re.I takes the Kelvin sign.
_NAME = re.compile(r"[a-z][a-z0-9_-]{0,31}", re.ASCII)
_AMOUNT = re.compile(r"[0-9]{1,12}", re.ASCII)
_PART = re.compile(r"([0-9]{1,12})([a-z]+)", re.ASCII)
_UNITS: Mapping[str, int] = {
    **dict.fromkeys(("s", "sec", "secs", "second", "seconds"), 1),
    **dict.fromkeys(("m", "min", "mins", "minute", "minutes"), 60),
    **dict.fromkeys(("h", "hour", "hours"), 3600),
    **dict.fromkeys(("d", "day", "days"), 86400),
    **dict.fromkeys(("w", "week", "weeks"), 604800),
}


def is_command(text: str) -> bool:
    """Tell whether a trimmed message is a slash command. "/ mute eve" is one too: a slip is not shown to the room."""
    return text.startswith("/")


def split_command(text: str) -> tuple[str, list[str]]:
    """Return a command's name as typed, without its slash (empty for a lone slash), and the words after it."""
    words = text[1:].split()
    return ("", words) if text[1:2].isspace() or not words else (words[0], words[1:])


def fold_name(name: str) -> str | None:
    """Return the name under which a command is looked up, or None where no command can have it.

    Case-insensitive for ASCII letters only.
    """
    folded = name.lower()
    return folded if name.isascii() and _NAME.fullmatch(folded) else None


def parse_duration(words: list[str]) -> int | None:
    """Take a duration off the front of `words` and return it in whole seconds (0 or more).

    A bare number is minutes (seed). `30s`, `10m`, `2h`, `1d2h`, `1d 2h` and `10 mins` work too. Returns None, and takes
    nothing, where the first word isn't a duration.
    """
    if not words:
        return None
    first = words[0]
    if _AMOUNT.fullmatch(first):
        unit = _UNITS.get(words[1].lower(), 0) if len(words) > 1 and words[1].isascii() else 0
        del words[: 2 if unit else 1]
        return int(first) * (unit or 60)
    total = None
    while words and (seconds := _seconds(words[0])) is not None:
        total = (total or 0) + seconds
        del words[0]
    return total


def _seconds(word: str) -> int | None:
    """Return the seconds of one word of amounts with units: `1d2h`, `10mins`. None for anything else."""
    parts = _PART.findall(word.lower()) if word.isascii() else []
    if "".join(map("".join, parts)) != word.lower() or not all(unit in _UNITS for _, unit in parts):
        return None
    return sum(int(amount) * _UNITS[unit] for amount, unit in parts) if parts else None


class Usage(CommandRefused):
    """The arguments don't fit; the message is the command's usage text."""


@dataclass(frozen=True, slots=True)
class Param:
    """One argument of a command. Its subclasses say how it is read; `required` ones come first."""

    name: str
    required: bool = True

    def take(self, words: list[str]) -> Any:
        """Take this argument off the front of `words` (never empty) and return its value.

        Raises ValueError where the words don't fit.
        """
        raise NotImplementedError

    @property
    def hint(self) -> str:
        """What the usage text says of this argument beside its name; empty where the name is enough."""
        return ""

    @property
    def usage(self) -> str:
        """`<name>` for a required argument, `[name]` for one that may be left out."""
        return f"<{self.name}>" if self.required else f"[{self.name}]"


@dataclass(frozen=True, slots=True)
class UserParam(Param):
    """A uname, in any case: one word, or several in double quotes; an @ before it is left out."""

    def take(self, words: list[str]) -> str:
        name = words.pop(0)
        if name.removeprefix("@").startswith('"'):
            name = name.replace('"', "", 1)
            while not name.endswith('"'):
                if not words:
                    raise ValueError(name)
                name += f" {words.pop(0)}"
            name = name[:-1]
        name = name.removeprefix("@")
        if not name:
            raise ValueError(name)
        return name


@dataclass(frozen=True, slots=True)
class DurationParam(Param):
    """A duration; see parse_duration. Its value is in seconds."""

    @property
    def hint(self) -> str:
        return f"{self.name}: 10 (minutes), 90s, 10m, 2h or 1d2h"

    def take(self, words: list[str]) -> int:
        seconds = parse_duration(words)
        if seconds is None:
            raise ValueError(words[0])
        return seconds


@dataclass(frozen=True, slots=True)
class RestParam(Param):
    """All that is left of the line. Its value is text, with single spaces."""

    def take(self, words: list[str]) -> str:
        text = " ".join(words)
        words.clear()
        return text


@dataclass(frozen=True, slots=True)
class Call:
    """A command that somebody typed. `args` holds a value for each parameter that was given."""

    user: User
    args: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Command:
    """A slash command.

    `name` is lowercase ASCII, without the slash. `role` is the lowest role that may use it. `run` returns what the
    caller is told (None: nothing), or raises CommandRefused with it.
    """

    name: str
    run: Callable[[Call], Awaitable[str | None]]
    params: Sequence[Param] = field(default=())
    role: Role = Role.MEMBER

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name):
            raise ValueError(f"command name {self.name!r} must be a-z, 0-9, _ or -, start with a letter, at most 32")
        if not inspect.iscoroutinefunction(self.run):
            raise ValueError(f"`run` of the command /{self.name} must be an `async def`")
        if not isinstance(self.role, Role):
            raise TypeError(f"`role` of the command /{self.name} must be a Role, such as Role.MOD")
        for index, param in enumerate(self.params[:-1]):
            if isinstance(param, RestParam) or (not param.required and self.params[index + 1].required):
                raise ValueError(f"no argument of the command /{self.name} can come after [{param.name}]")

    @property
    def usage(self) -> str:
        """The usage text, made from the parameters: `/mute <user> [duration] [reason]`."""
        return " ".join([f"/{self.name}", *(param.usage for param in self.params)])

    @property
    def _help(self) -> str:
        return "; ".join([f"Usage: {self.usage}", *(param.hint for param in self.params if param.hint)])

    def parse(self, words: Sequence[str]) -> dict[str, Any]:
        """Return the arguments in `words` by name. Raises Usage where a word is missing, wrong or left over."""
        rest = list(words)
        args: dict[str, Any] = {}
        for param in self.params:
            if not rest:
                if param.required:
                    raise Usage(self._help)
                continue
            try:
                args[param.name] = param.take(rest)
            except ValueError:
                raise Usage(self._help) from None
        if rest:
            raise Usage(self._help)
        return args


@dataclass(frozen=True, slots=True)
class InstalledCommand:
    """A command of one app, and the plugin that it is from."""

    plugin: str
    command: Command
