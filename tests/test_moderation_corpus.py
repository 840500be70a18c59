"""Ordinary conversations pass through the bundled filters, and spam is stopped. plugins/README.md has the figures.

What is loaded is what an app has without any configuration, and beside it, for the kinds of spam that these aren't for,
the plugin that is: see EXTRA. Everything that can refuse is loaded for ordinary conversations.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.corpus.load import Conversation, Message, Scenario, ordinary, spam
from tornado_chat.config import AppFile
from tornado_chat.models import Person
from tornado_chat.testing import ChatFixture, JoinRefused
from tornado_chat.testing import Person as Member

DEFAULTS = tuple(AppFile().plugins)
EXTRA: Mapping[str, Sequence[str]] = {
    "raid": ("members", "raid"),
    "links": ("scam",),
    "unicode": ("noise",),
    "caps": ("noise",),
    "symbols": ("noise",),
    "zalgo": ("noise",),
    "begging": ("scam",),
    "scam": ("scam",),
    "mentions": ("mentions",),
    "names": ("nickguard",),
}
ALL = tuple(dict.fromkeys([*DEFAULTS, *(name for names in EXTRA.values() for name in names), "unique"]))
README = (Path(__file__).parent.parent / "plugins" / "README.md").read_text("utf-8")
CONVERSATIONS = ordinary()
SCENARIOS = spam()
LONG_AGO = timedelta(days=30)


async def become_regulars(chat: ChatFixture, names: Sequence[str]) -> None:
    now = chat.clock.now()
    people = [Person(name, now - LONG_AGO, now - timedelta(hours=1), 500) for name in names]
    if people:
        await chat.store.records.save_people(2, people)


class Play:
    """Says what stands in a script, at the times that stand there. `shown` has (speaker, text) of what others saw."""

    def __init__(self, chat: ChatFixture, roles: Mapping[str, str]) -> None:
        self._chat = chat
        self._roles = roles
        self._here: dict[str, Member] = {}
        self.stopped: list[tuple[Message, str | None, str | None]] = []
        self.refused: set[str] = set()

    async def run(self, messages: Sequence[Message]) -> None:
        begun = self._chat.clock.monotonic()
        for message in messages:
            await self._chat.advance(max(begun + message.at - self._chat.clock.monotonic(), 0))
            await self._play(message)

    async def join(self, name: str) -> Member | None:
        if name not in self._here or self._here[name] not in self._chat.people:
            try:
                self._here[name] = await self._chat.join(name, role=self._roles.get(name, "member"))
            except JoinRefused:
                self.refused.add(name)
                return None
        return self._here[name]

    async def _play(self, message: Message) -> None:
        member = await self.join(message.speaker)
        if message.text is None:
            return
        if member is None:
            self.stopped.append((message, "JOIN_REFUSED", None))
            return
        answer = await member.say(message.text)
        if answer.ack is not None:
            self.stopped.append((message, answer.ack, answer.notice))

    @property
    def here(self) -> set[str]:
        return {person.user.uname for person in self._chat.people if person.user is not None}


def history(witness: Member) -> Counter[tuple[str, str]]:
    return Counter(
        (payload["user"]["uname"], payload["text"]) for name, payload in witness.events if name == "new_message"
    )


async def play_ordinary(chat: ChatFixture, conversation: Conversation) -> list[Any]:
    await become_regulars(chat, list(conversation.speakers))
    await chat.open(*ALL)
    witness = await chat.join("the witness")
    play = Play(chat, conversation.speakers)
    await play.run(conversation.messages)
    shown = history(witness)
    said = Counter((message.speaker, message.text.strip()) for message in conversation.messages if message.text)
    changed = [pair for pair in said - shown if pair not in {(item[0].speaker, item[0].text) for item in play.stopped}]
    return [*play.stopped, *changed]


async def play_spam(chat: ChatFixture, scenario: Scenario) -> tuple[int, Play, list[Any]]:
    """Return how many of the spammers' messages were shown as written, and which harmless ones weren't."""
    await become_regulars(chat, [*scenario.regulars, *(name for name, _ in scenario.staff)])
    plugins = dict.fromkeys([*DEFAULTS, *EXTRA.get(scenario.kind, ())])
    options = {"wordlist": {"words": list(scenario.banned_words)}} if scenario.banned_words else {}
    await chat.open(*plugins, options=options)
    witness = await chat.join("the witness")
    roles = dict(scenario.staff) | {message.speaker: message.role for message in scenario.messages}
    play = Play(chat, roles)
    for name, _ in scenario.staff:
        await play.join(name)
    await play.run(scenario.messages)
    shown = history(witness)
    said = Counter((message.speaker, message.text.strip()) for message in scenario.messages if message.text)
    through = sum((count for (name, _), count in (said & shown).items() if name in scenario.spammers), 0)
    harmed = [(pair, count) for pair, count in (said - shown).items() if pair[0] not in scenario.spammers]
    return through, play, harmed


@pytest.mark.gen_test
@pytest.mark.parametrize("conversation", CONVERSATIONS, ids=lambda conversation: conversation.name)
async def test_an_ordinary_conversation_is_not_touched(chat: ChatFixture, conversation: Conversation) -> None:
    assert await play_ordinary(chat, conversation) == []


@pytest.mark.gen_test
@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.name)
async def test_spam_is_stopped_and_harmless_people_are_not(chat: ChatFixture, scenario: Scenario) -> None:
    through, play, harmed = await play_spam(chat, scenario)
    assert harmed == []
    assert through <= scenario.let_through, play.stopped
    if scenario.let_in is not None:
        assert len(play.here & scenario.spammers) <= scenario.let_in
