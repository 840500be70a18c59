"""A message that its client sends twice, because no answer came, is done once."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

import msgspec

from tornado_chat.errors import Ack
from tornado_chat.moderation import Answer

DAY = 86_400.0  # seconds
SIZE = 5_000  # answers; beyond these, the database knows the messages that it has
BROKEN_OFF = Answer(Ack.INTERNAL_ERROR)

Key = tuple[int, str]  # (the user's id, the client's id of the message)
Answering = Answer | asyncio.Future[Answer]

# What was refused was not done; sent again, it is looked at again.
DONE = frozenset({None, Ack.MESSAGE_HELD})


class Repeats:
    """The answers of one app's last day, at most `size`. `monotonic` gives seconds of a steady clock."""

    def __init__(self, monotonic: Callable[[], float], *, size: int = SIZE, lifetime: float = DAY) -> None:
        self._monotonic = monotonic
        self._size = size
        self._lifetime = lifetime
        self._flights: dict[Key, asyncio.Future[Answer]] = {}
        self._answers: OrderedDict[Key, tuple[float, Answer]] = OrderedDict()  # (until when, answer), oldest first

    def remember(self, key: Key, answer: Answer) -> None:
        """Take note of an answer that was given."""
        # Not its data: 5,000 times 64 KB is too much to keep for who lost it.
        self._answers[key] = (self._monotonic() + self._lifetime, msgspec.structs.replace(answer, data=None))
        self._answers.move_to_end(key)
        if len(self._answers) > self._size:
            self._answers.popitem(last=False)

    async def once(self, key: Key, do: Callable[[], Awaitable[Answering]]) -> Answering:
        """Return what `do` answers; for a key that was met before, what it answered then, or is going to."""
        until, known = self._answers.get(key, (0.0, BROKEN_OFF))
        if until > self._monotonic():
            return known
        flight = self._flights.get(key)
        if flight is not None:
            # Each has a future of its own: a caller may cancel it.
            copy: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
            flight.add_done_callback(partial(_copy, copy))
            return copy
        self._flights[key] = asyncio.get_running_loop().create_future()
        try:
            answer = await do()
        except BaseException:
            self._settle(key, BROKEN_OFF)
            raise
        if isinstance(answer, Answer):
            self._settle(key, answer)
        else:
            answer.add_done_callback(partial(self._answered, key))
        return answer

    def _answered(self, key: Key, answer: asyncio.Future[Answer]) -> None:
        self._settle(key, BROKEN_OFF if answer.cancelled() else answer.result())

    def _settle(self, key: Key, answer: Answer) -> None:
        if answer.ack in DONE:
            self.remember(key, answer)
        self._flights.pop(key).set_result(answer)


def _copy(copy: asyncio.Future[Answer], flight: asyncio.Future[Any]) -> None:
    if not copy.done():
        copy.set_result(flight.result())
