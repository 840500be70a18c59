"""Slash commands: what one is, how its usage text is made, when it may be used again."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tornado_chat.errors import MAX_TEXT, CommandRefused
from tornado_chat.models import Role, User
from tornado_chat.params import ChoiceParam, Param, RestParam, shown
from tornado_chat.replies import Reply
from tornado_chat.supervision import Part
from tornado_chat.text import is_unicode, js_length, js_trim

_NAME = re.compile(r"[a-z][a-z0-9_-]{0,31}", re.ASCII)
MAX_COOLDOWN = 86_400  # seconds


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


class Usage(CommandRefused):
    """The arguments don't fit; the message says which one, and has the command's usage text."""


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
    `run` returns what the caller is told (None: nothing), as a text or a Reply; or a Say; or raises CommandRefused
    with a text.
    """

    name: str
    run: Callable[[Call], Coroutine[Any, Any, str | Reply | Say | None]]
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
            raise Usage(f"{shown(rest[0])} is too much. {self._help}")
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
