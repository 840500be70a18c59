"""Gives times to a conversation that was written by hand: python -m tests.corpus.pace script.txt > ordinary/room.jsonl

It makes no texts. A script has one message a line, in order, and a few signs:

    = c Cookie          from here on, "c" is short for Cookie; quotes for a name with spaces, a role may follow
    c good morning      Cookie says so
    > 2.5               from here on, somebody says something every 2.5 s on average
    ~ 40                nobody says anything for 40 s
    # ...               is left out

A ⏎ in a text is a line break. Who writes several messages in a row needs the time to type them. The same script gets
the same times.
"""

from __future__ import annotations

import json
import random
import shlex
import sys
import unicodedata
from collections.abc import Iterable, Iterator
from pathlib import Path

SHORTEST = 1.25  # seconds between two messages of one speaker
CHARS_A_SECOND = 11.0  # a quick typist
UNSEEN = {"Cf", "Cc", "Zl", "Zp"}
UNSEEN_LETTERS = set("\u034f\u115f\u1160\u2003\u2800\u3164\u00a0")


def pace(script: Iterable[str], seed: str) -> Iterator[list[object]]:
    """Yield [seconds, speaker, text] for each message, with a fourth element where the speaker has a role."""
    dice = random.Random(seed)
    names: dict[str, list[str]] = {}
    free_at: dict[str, float] = {}  # free_at[name]: when they sent their last message
    now, mean = 0.0, 4.0
    for raw in script:
        line = raw.rstrip("\n")
        if not line.strip() or line.startswith("#"):
            continue
        first, rest = line.split(" ", 1)
        if first == "=":
            alias, name, *role = shlex.split(rest)
            names[alias] = [name, *role]
            continue
        if first == ">":
            mean = float(rest)
            continue
        if first == "~":
            now += float(rest)
            continue
        name, *role = names[first]
        text = rest.strip().replace("⏎", "\n")
        now += min(max(dice.expovariate(1 / mean), 0.05), 4 * mean)
        if name in free_at:
            typing = max(SHORTEST, len(text) / CHARS_A_SECOND) * dice.uniform(1.0, 1.25)
            now = max(now, free_at[name] + typing)
        free_at[name] = now
        yield [round(now, 2), name, text, *role]


def as_line(message: list[object]) -> str:
    """Return the message as a line of JSON, with what can't be seen as \\u escapes."""
    line = json.dumps(message, ensure_ascii=False)
    return "".join(json.dumps(char)[1:-1] if _is_unseen(char) else char for char in line)


def _is_unseen(char: str) -> bool:
    return unicodedata.category(char) in UNSEEN or char in UNSEEN_LETTERS


if __name__ == "__main__":
    source = Path(sys.argv[1])
    for message in pace(source.read_text("utf-8").splitlines(), source.stem):
        print(as_line(message))
