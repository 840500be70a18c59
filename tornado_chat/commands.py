"""Slash commands: what one is, how its arguments are read, how its usage text is made."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tornado_chat.errors import MAX_TEXT, CommandRefused
from tornado_chat.models import MAX_ID, Role, User
from tornado_chat.supervision import Part
from tornado_chat.text import is_unicode, js_length, js_trim, one_line

# re.ASCII throughout: without it \d takes every Unicode digit, and [a-z] with re.I takes the Kelvin sign.
_NAME = re.compile(r"[a-z][a-z0-9_-]{0,31}", re.ASCII)
_DIGITS = re.compile(r"[0-9]{1,16}", re.ASCII)
_AMOUNT = re.compile(r"[0-9]{1,12}", re.ASCII)
_PART = re.compile(r"([0-9]{1,12})([a-z]+)", re.ASCII)
_QUOTED = re.compile(r'(?:[^\\]|\\.)*"')  # up to a last quote that isn't escaped
_ESCAPED = re.compile(r'\\(["\\])')
MAX_COOLDOWN = 86_400  # seconds
OFF = "off"
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


def _number(word: str) -> int | None:
    sign = -1 if word.startswith("-") else 1
    digits = word.removeprefix("-")
    return sign * int(digits) if _DIGITS.fullmatch(digits) else None


def _shown(word: str) -> str:
    return f'"{one_line(word, 40)}"'


class Usage(CommandRefused):
    """The arguments don't fit; the message says which one, and has the command's usage text."""


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
            raise ValueError(f"{_shown(words[0])} is no duration")
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
            raise ValueError(f"{_shown(word)} is no message's number")
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
        raise ValueError(f"{_shown(word)} is none of {', '.join(self.choices)}")


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


@dataclass(frozen=True, slots=True)
class Call:
    """A command that somebody typed. `args` holds a value for each parameter that was given.

    `cid` is what the client calls this line, unique for its user; empty where it doesn't. A line that is sent again
    has the same one: the server carries it out once, but knows of that only until it is restarted.
    """

    user: User
    args: Mapping[str, Any]
    cid: str = ""


@dataclass(frozen=True, slots=True)
class Say:
    """What a command may return: a message of its caller's, 1 to 350 UTF-16 units after trimming.

    It goes through mutes, gates and filters as if it had been typed. `me`: it says what its sender does. Raises
    ValueError for a text that can't be one.
    """

    text: str
    me: bool = False

    def __post_init__(self) -> None:
        if not is_unicode(self.text) or not 1 <= js_length(js_trim(self.text)) <= MAX_TEXT:
            raise ValueError(f"a message must be 1 to {MAX_TEXT} characters of valid Unicode")


@dataclass(frozen=True, slots=True)
class Command:
    """A slash command.

    `name` is lowercase ASCII, without the slash; `aliases` are further names of it. `role` is the lowest role that may
    use it, `help` a line that says what it does, `cooldown` the seconds that one user waits between two uses of it.
    `run` returns what the caller is told (None: nothing), or a Say, or raises CommandRefused with a text.
    """

    name: str
    run: Callable[[Call], Coroutine[Any, Any, str | Say | None]]
    params: Sequence[Param] = field(default=())
    role: Role = Role.MEMBER
    help: str = ""
    aliases: Sequence[str] = ()
    cooldown: float = 0.0

    def __post_init__(self) -> None:
        if isinstance(self.aliases, str):
            raise TypeError(f"`aliases` of the command /{self.name} must be a list of names")
        for name in self.names:
            if not _NAME.fullmatch(name):
                raise ValueError(f"command name {name!r} must be a-z, 0-9, _ or -, start with a letter, at most 32")
        if len(set(self.names)) < len(self.names):
            raise ValueError(f"the command /{self.name} has a name twice")
        if not inspect.iscoroutinefunction(self.run):
            raise ValueError(f"`run` of the command /{self.name} must be an `async def`")
        if not isinstance(self.role, Role):
            raise TypeError(f"`role` of the command /{self.name} must be a Role, such as Role.MOD")
        if not isinstance(self.cooldown, int | float) or not 0 <= self.cooldown <= MAX_COOLDOWN:
            raise ValueError(f"`cooldown` of the command /{self.name} must be 0 to {MAX_COOLDOWN} seconds")
        for index, param in enumerate(self.params):
            if isinstance(param, ChoiceParam) and not param.choices:
                raise ValueError(f"the argument {param.name} of the command /{self.name} has no choices")
            after = self.params[index + 1 :]
            if after and (isinstance(param, RestParam) or (not param.required and after[0].required)):
                raise ValueError(f"no argument of the command /{self.name} can come after [{param.name}]")

    @property
    def names(self) -> tuple[str, ...]:
        """The name and the aliases."""
        return (self.name, *self.aliases)

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
                value = param.take(rest)
            except ValueError as error:
                raise Usage(f"{error}. {self._help}" if str(error) else self._help) from None
            if value is not None or param.required:
                args[param.name] = value
        if rest:
            raise Usage(f"{_shown(rest[0])} is too much. {self._help}")
        return args


def describe(command: Command) -> dict[str, Any]:
    """Return what a client is told of a command, to offer completion and help."""
    return {
        "name": command.name,
        "aliases": list(command.aliases),
        "usage": command.usage,
        "help": command.help,
        "role": command.role.value,
        "cooldown": command.cooldown,
        "params": [
            {"name": param.name, "kind": param.kind, "required": param.required}
            | ({"choices": list(param.choices)} if isinstance(param, ChoiceParam) else {})
            for param in command.params
        ],
    }


class Cooldowns:
    """When each user may use a command again. `monotonic` is in seconds."""

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._until: dict[tuple[str, str], float] = {}  # self._until[command name, folded uname]
        self._sweep_at = 1000

    def left(self, command: Command, user: User) -> float:
        """Return how many seconds the user has to wait before they may use the command; 0 for none."""
        return max(self._until.get((command.name, user.key), 0.0) - self._monotonic(), 0.0)

    def start(self, command: Command, user: User) -> None:
        """Note that the user uses the command now."""
        if not command.cooldown:
            return
        now = self._monotonic()
        self._until[command.name, user.key] = now + command.cooldown
        if len(self._until) > self._sweep_at:
            self._until = {key: until for key, until in self._until.items() if until > now}
            self._sweep_at = max(1000, 2 * len(self._until))

    def stop(self, command: Command, user: User) -> None:
        """Take `start` back: the command was refused."""
        self._until.pop((command.name, user.key), None)


@dataclass(frozen=True, slots=True)
class InstalledCommand:
    """A command of one app, and the part of a plugin that it is."""

    part: Part
    command: Command


def usable(commands: Mapping[str, InstalledCommand], user: User) -> list[Command]:
    """Return those of an app's commands (by name and alias) that a user may use, each once, in order of their names."""
    found = {installed.command.name: installed.command for installed in commands.values()}
    return [found[name] for name in sorted(found) if user.role.rank >= found[name].role.rank]
