"""Reads the corpora that moderation filters are measured with. README.md beside this file says what they are.

How to run them through a plugin, with tornado_chat.testing's `chat`:

* Ordinary chat: open a room with the plugin for each `Conversation`. Let each speaker join when they first speak, in
  their role, as somebody who has been there for long (give them what your plugin wants of a regular). For each message
  advance the clock by what lies between it and the one before, and say it. A message that isn't passed on as it was
  written (rejected, held, shadowed, replaced) is a false hit. Fewer than one in 1000 of all messages may be one, and no
  conversation should have more than two. `false_hits_allowed` has the number.
* Spam: the same for each `Scenario`, in a new room each. Who is in `regulars` has been there for long; everybody else
  has come a moment ago. A message whose `text` is None is somebody who joins and says nothing. Who is kept out or muted
  goes on trying; that stops a message too. At the end:
  - at most `let_through` messages of the `spammers` together were shown to others as they were written;
  - every message of anybody else was;
  - where `let_in` is a number, at most so many of the spammers are in the room.

One plugin isn't meant to stop every kind: select with `kind`. Several kinds need more than one plugin, so a scenario
that fails with one plugin isn't a fault by itself; a false hit always is.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent
KINDS = (
    "flood",
    "repeat",
    "variations",
    "unicode",
    "links",
    "caps",
    "symbols",
    "zalgo",
    "raid",
    "begging",
    "scam",
    "mentions",
    "names",
    "words",
)


@dataclass(frozen=True, slots=True)
class Message:
    at: float
    """Seconds since the conversation began."""
    speaker: str
    text: str | None
    """None: the speaker joins, or is there in another tab, and says nothing."""
    role: str = "member"


@dataclass(frozen=True, slots=True)
class Conversation:
    name: str
    messages: tuple[Message, ...]

    @property
    def speakers(self) -> dict[str, str]:
        """The role of each speaker, in the order in which they first appear."""
        return {message.speaker: message.role for message in self.messages}


@dataclass(frozen=True, slots=True)
class Scenario:
    name: str
    kind: str
    """One of KINDS."""
    about: str
    spammers: frozenset[str]
    let_through: int
    """How many messages of all spammers together may be shown to others."""
    messages: tuple[Message, ...]
    regulars: frozenset[str] = frozenset()
    let_in: int | None = None
    """How many spammers may be in the room at the end, where that matters."""
    staff: tuple[tuple[str, str], ...] = ()
    """(name, role) of who is on the staff, whether or not they say anything."""
    banned_words: tuple[str, ...] = ()
    """What the list of words has in it."""


def ordinary() -> list[Conversation]:
    """Return the conversations that a filter must leave alone, in the order of their names."""
    return [
        Conversation(path.stem, tuple(_message(line) for line in _lines(path)))
        for path in sorted((FOLDER / "ordinary").glob("*.jsonl"))
    ]


def false_hits_allowed(conversations: list[Conversation]) -> int:
    """Return how many messages a filter may stop in all of `conversations` together: fewer than one in 1000."""
    return (sum(len(conversation.messages) for conversation in conversations) - 1) // 1000


def spam() -> list[Scenario]:
    """Return what a filter must stop, in the order of the file names."""
    return [_scenario(path) for path in sorted((FOLDER / "spam").glob("*.jsonl"))]


def _scenario(path: Path) -> Scenario:
    head, *rest = _lines(path)
    fields: dict[str, Any] = dict(head)
    for key in ("spammers", "regulars"):
        fields[key] = frozenset(fields.get(key, ()))
    fields["staff"] = tuple((name, role) for name, role in fields.get("staff", {}).items())
    fields["banned_words"] = tuple(fields.get("banned_words", ()))
    return Scenario(name=path.stem, messages=tuple(_message(line) for line in rest), **fields)


def _lines(path: Path) -> list[Any]:
    # Not splitlines(): it would end a line at a U+2028 inside of a text.
    return [json.loads(line) for line in path.read_text("utf-8").split("\n") if line]


def _message(line: list[Any]) -> Message:
    return Message(*line)
