"""Ordinary conversations pass through the bundled filters, and spam is stopped. plugins/README.md has the figures.

What is loaded is what an app has without any configuration, and beside it, for the kinds of spam that these aren't for,
the plugin that is: see EXTRA. Everything that can refuse is loaded for ordinary conversations.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.corpus.load import Conversation, Message, Scenario, false_hits_allowed, ordinary, spam
from tornado_chat.config_tables import AppFile
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


class Stopped(NamedTuple):
    message: Message
    notice: str | None
    """What the sender was told; None where it was shown, but not as it was written."""


@dataclass(frozen=True, slots=True)
class Attack:
    """What became of a scenario."""

    through: int
    """How many messages of the spammers were shown as written."""
    let_in: int
    """How many of the spammers are in the room at the end."""
    harmed: list[tuple[str, str]]
    """Who else said what that was not shown."""
    stopped: list[Stopped]


@asynccontextmanager
async def a_room(regulars: Sequence[str]) -> AsyncIterator[ChatFixture]:
    chat = ChatFixture()
    now = chat.clock.now()
    people = [Person(name, now - LONG_AGO, now - timedelta(hours=1), 500) for name in regulars]
    if people:
        await chat.store.records.save_people(2, people)
    try:
        yield chat
    finally:
        await chat.close()


class Play:
    """Says what stands in a script, at the times that stand there. `shown` has (speaker, text) of what others saw."""

    def __init__(self, chat: ChatFixture, roles: Mapping[str, str]) -> None:
        self._chat = chat
        self._roles = roles
        self._here: dict[str, Member] = {}
        self.stopped: list[Stopped] = []

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
                return None
        return self._here[name]

    async def _play(self, message: Message) -> None:
        member = await self.join(message.speaker)
        if message.text is None:
            return
        if member is None:
            self.stopped.append(Stopped(message, "JOIN_REFUSED"))
            return
        answer = await member.say(message.text)
        if answer.ack is not None:
            self.stopped.append(Stopped(message, answer.notice or answer.ack))

    @property
    def here(self) -> set[str]:
        return {person.user.uname for person in self._chat.people if person.user is not None}


def history(witness: Member) -> Counter[tuple[str, str]]:
    return Counter(
        (payload["user"]["uname"], payload["text"]) for name, payload in witness.events if name == "new_message"
    )


def texts(messages: Sequence[Message]) -> Counter[tuple[str, str]]:
    return Counter((message.speaker, message.text.strip()) for message in messages if message.text)


async def play_ordinary(conversation: Conversation, *, known: bool) -> list[Stopped]:
    """Return what was not shown as written. Whether the speakers have been there for long, or come when they speak."""
    async with a_room(list(conversation.speakers) if known else []) as chat:
        await chat.open(*ALL)
        witness = await chat.join("the witness")
        play = Play(chat, conversation.speakers)
        await play.run(conversation.messages)
        missed = texts(conversation.messages) - history(witness)
        changed = missed - texts([stopped.message for stopped in play.stopped])
        return [*play.stopped, *(Stopped(Message(0, *pair), None) for pair in changed.elements())]


async def play_spam(scenario: Scenario, extra: Sequence[str]) -> Attack:
    """Play an attack against the default plugins and these."""
    async with a_room([*scenario.regulars, *(name for name, _ in scenario.staff)]) as chat:
        options = {"wordlist": {"words": list(scenario.banned_words)}} if scenario.banned_words else {}
        await chat.open(*dict.fromkeys([*DEFAULTS, *extra]), options=options)
        witness = await chat.join("the witness")
        roles = dict(scenario.staff) | {message.speaker: message.role for message in scenario.messages}
        play = Play(chat, roles)
        for name, _ in scenario.staff:
            await play.join(name)
        await play.run(scenario.messages)
        shown, said = history(witness), texts(scenario.messages)
        through = sum(count for (name, _), count in (said & shown).items() if name in scenario.spammers)
        harmed = [pair for pair in (said - shown).elements() if pair[0] not in scenario.spammers]
        return Attack(through, len(play.here & scenario.spammers), harmed, play.stopped)


class Results:
    """What became of everything that was played; each is played once."""

    def __init__(self) -> None:
        self._talk: dict[tuple[str, bool], list[Stopped]] = {}
        self._attacks: dict[tuple[str, bool], Attack] = {}

    async def talk(self, conversation: Conversation, *, known: bool) -> list[Stopped]:
        key = (conversation.name, known)
        if key not in self._talk:
            self._talk[key] = await play_ordinary(conversation, known=known)
        return self._talk[key]

    async def attack(self, scenario: Scenario, *, defaults_only: bool = False) -> Attack:
        key = (scenario.name, defaults_only or scenario.kind not in EXTRA)
        if key not in self._attacks:
            self._attacks[key] = await play_spam(scenario, () if key[1] else EXTRA[scenario.kind])
        return self._attacks[key]


@pytest.fixture(scope="module")
def results() -> Results:
    return Results()


@pytest.mark.gen_test
@pytest.mark.parametrize("conversation", CONVERSATIONS, ids=lambda conversation: conversation.name)
async def test_an_ordinary_conversation_is_not_touched(results: Results, conversation: Conversation) -> None:
    assert await results.talk(conversation, known=True) == []


@pytest.mark.gen_test
@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.name)
async def test_spam_is_stopped_and_harmless_people_are_not(results: Results, scenario: Scenario) -> None:
    attack = await results.attack(scenario)
    assert attack.harmed == []
    assert attack.through <= scenario.let_through, attack.stopped
    if scenario.let_in is not None:
        assert attack.let_in <= scenario.let_in


@pytest.mark.gen_test(timeout=60)
async def test_of_what_newcomers_say_less_than_one_in_a_thousand_is_stopped_and_only_links_and_wallets(
    results: Results,
) -> None:
    stopped = [each for talk in CONVERSATIONS for each in await results.talk(talk, known=False)]
    assert len(stopped) <= false_hits_allowed(CONVERSATIONS)
    assert Counter((each.notice or "").partition(":")[0] for each in stopped) == {
        "You are new here": 3,
        "That looks like begging or a scam, so it was not sent": 2,
    }
    assert "three links, which newcomers don't post by default, and two addresses of wallets" in README


@pytest.mark.gen_test(timeout=60)
async def test_the_figures_for_ordinary_talk_are_what_is_measured(results: Results) -> None:
    messages = sum(len(talk.messages) for talk in CONVERSATIONS)
    speakers = sum(len(talk.speakers) for talk in CONVERSATIONS)
    for known, who in ((True, "everybody has been here for long"), (False, "everybody has come a moment ago")):
        wrong = sum([len(await results.talk(talk, known=known)) for talk in CONVERSATIONS])
        row = f"| {who} | {len(CONVERSATIONS)} | {messages:,} | {speakers} | {wrong} | {wrong / messages:.2%} |"
        assert row in README.splitlines()
    *names, last = sorted(set(ALL) - set(DEFAULTS))
    assert f"beside it\n{', '.join(f'`{name}`' for name in names)} and `{last}`." in README


@pytest.mark.gen_test(timeout=60)
async def test_the_figures_for_spam_are_what_is_measured(results: Results) -> None:
    assert list(spam_rows(README)) == [row async for row in measured_rows(results)]


def spam_rows(page: str) -> Iterator[str]:
    """Yield the rows of the table that begins with "| spam |"."""
    _, _, table = page.partition("\n| spam |")
    yield from table.partition("\n\n")[0].splitlines()[2:]


async def measured_rows(results: Results) -> AsyncIterator[str]:
    for kind in dict.fromkeys(scenario.kind for scenario in SCENARIOS):
        scenarios = [scenario for scenario in SCENARIOS if scenario.kind == kind]
        sent = sum(
            message.text is not None and message.speaker in scenario.spammers
            for scenario in scenarios
            for message in scenario.messages
        )
        bare = sum([(await results.attack(each, defaults_only=True)).through for each in scenarios])
        then = sum([(await results.attack(each)).through for each in scenarios])
        names = ", ".join(f"`{name}`" for name in EXTRA.get(kind, ()))
        yield f"| {kind} | {len(scenarios)} | {sent} | {bare} | {names} | {then} |"
