"""What one client has been shown, and whether that could be."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from typing import Any

HISTORY = 250  # messages that the server is told to give a newcomer


class Transcript:
    """Messages in the order in which they came, from message `start` on. A reload begins a new one."""

    def __init__(self) -> None:
        self.start = 0
        """The lowest id that belongs here: 0 where nothing is older than what the client was given."""
        self.rows: list[tuple[int, str]] = []
        self.reloads = 0
        self.doubled = 0
        self.disordered = 0
        self.faults: list[str] = []
        self._ids: set[int] = set()
        self._awaited: dict[str, asyncio.Future[None]] = {}

    @property
    def newest(self) -> int:
        """The highest id so far, 0 for none: what `since` is."""
        return max(self.rows[-1][0], self.rows[0][0]) if self.rows else 0

    def add(self, message: Mapping[str, Any]) -> None:
        """Take down one message that came."""
        number, text = message["id"], message["text"]
        if number in self._ids:
            self.doubled += 1
            self.faults.append(f"message {number} came twice")
            return
        if self.rows and number < self.rows[-1][0]:
            self.disordered += 1
            self.faults.append(f"message {number} came after message {self.rows[-1][0]}")
        self._ids.add(number)
        self.rows.append((number, text))
        if awaited := self._awaited.pop(text, None):
            awaited.set_result(None)

    def resume(self, history: Iterable[Mapping[str, Any]], deleted: Iterable[int]) -> None:
        """Take down what came while the client was away."""
        gone = set(deleted)
        self.rows = [row for row in self.rows if row[0] not in gone]
        for message in history:
            self.add(message)

    def reload(self, history: list[Mapping[str, Any]]) -> None:
        """Begin again with what the server says is the history."""
        self.reloads += 1
        self.rows = []
        self._ids = set()
        self.start = history[0]["id"] if len(history) >= HISTORY else 0
        for message in history:
            self.add(message)

    async def shows(self, text: str) -> None:
        """Wait until a message of this text is there."""
        if any(shown == text for _, shown in self.rows[-HISTORY:]):
            return
        awaited = self._awaited.setdefault(text, asyncio.get_running_loop().create_future())
        await asyncio.shield(awaited)
