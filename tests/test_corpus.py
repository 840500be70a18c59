"""The corpora themselves are well formed, large and varied. What filters make of them is tested elsewhere."""

from __future__ import annotations

import json
import re
from collections import Counter, defaultdict
from itertools import pairwise
from pathlib import Path

import pytest

from tests.corpus.load import FOLDER, KINDS, Conversation, Message, Scenario, ordinary, spam
from tests.corpus.pace import as_line, pace
from tornado_chat.models import Role, is_uname
from tornado_chat.text import is_unicode, js_length, js_trim

ROOMS = ordinary()
SCENARIOS = spam()
LINK = re.compile(r"https?://")


def assert_well_formed(messages: tuple[Message, ...]) -> None:
    times = [message.at for message in messages]
    assert times == sorted(times)
    assert times[0] >= 0
    for message in messages:
        assert is_uname(message.speaker), message
        assert message.role in list(Role), message
        if message.text is not None:
            assert is_unicode(message.text), message
            assert 1 <= js_length(js_trim(message.text)) <= 350, message
            assert not js_trim(message.text).startswith("/"), message
    roles = {(message.speaker, message.role) for message in messages}
    assert len(roles) == len({speaker for speaker, _ in roles}), "somebody's role changes"


def each_room() -> pytest.MarkDecorator:
    return pytest.mark.parametrize("room", ROOMS, ids=lambda room: room.name)


def each_scenario() -> pytest.MarkDecorator:
    return pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.name)


@each_room()
def test_a_room_is_well_formed(room: Conversation) -> None:
    assert_well_formed(room.messages)
    assert all(message.text is not None for message in room.messages)


@each_room()
def test_a_room_has_many_speakers_and_nobody_has_most_of_it(room: Conversation) -> None:
    counts = Counter(message.speaker for message in room.messages)
    assert len(room.messages) >= 100
    assert len(counts) >= 10
    assert max(counts.values()) < len(room.messages) / 4


@each_room()
def test_nobody_in_a_room_types_faster_than_people_do(room: Conversation) -> None:
    sent: dict[str, list[float]] = defaultdict(list)
    for message in room.messages:
        sent[message.speaker].append(message.at)
    for speaker, times in sent.items():
        for first, second in pairwise(times):
            assert second - first >= 1.2, (speaker, first)
        for first, eighth in zip(times, times[7:], strict=False):
            assert eighth - first > 8, (speaker, first)


@each_room()
def test_who_posts_a_link_in_a_room_has_said_something_before(room: Conversation) -> None:
    said: Counter[str] = Counter()
    for message in room.messages:
        if message.role == Role.MEMBER and LINK.search(message.text or ""):
            assert said[message.speaker] >= 3, message
        said[message.speaker] += 1


def test_ordinary_chat_is_large_and_varied() -> None:
    texts = [message.text for room in ROOMS for message in room.messages]
    assert len(ROOMS) >= 16
    assert len(texts) >= 4000
    assert len(set(texts)) / len(texts) >= 0.85


def test_ordinary_chat_has_what_is_hard_for_filters() -> None:
    texts = [message.text or "" for room in ROOMS for message in room.messages]
    whole = "\n".join(texts)
    for hard in [
        "analysis",
        "Sussex",
        "Penistone",
        "Scunthorpe",
        "cocktail",
        "loan",
        "lend me",
        "README.md",
        "#184467",
        "@",
    ]:
        assert hard in whole
    assert sum(text.isupper() and len(text) > 10 for text in texts) > 50
    assert sum(bool(re.search(r"(.)\1{4}", text)) for text in texts) > 50
    for script in ["[а-я]", "[α-ω]", "[א-ת]", "[ء-ي]", "[ऀ-ॿ]", "[ก-๛]", "[ぁ-ん]", "[一-龥]", "[가-힣]"]:
        assert re.search(script, whole), script
    for joiner in ["\u200c", "\u200d", "\u200f", "\ufe0f", "\U000e007f", "\u0303", "\u0651"]:
        assert joiner in whole, ascii(joiner)
    busiest = max(
        sum(1 for message in room.messages if start.at <= message.at < start.at + 10)
        for room in ROOMS
        for start in room.messages
    )
    assert busiest >= 15  # messages in ten seconds


@each_scenario()
def test_a_scenario_is_well_formed(scenario: Scenario) -> None:
    assert_well_formed(scenario.messages)
    by_spammers = [message for message in scenario.messages if message.speaker in scenario.spammers]
    assert scenario.kind in KINDS
    assert scenario.about.endswith(".")
    assert {message.speaker for message in by_spammers} == scenario.spammers
    assert 8 <= len(by_spammers) <= 60
    assert len(scenario.messages) > len(by_spammers), "nobody else is there"
    assert 0 <= scenario.let_through < len(by_spammers)
    assert scenario.let_in is None or 0 <= scenario.let_in < len(scenario.spammers)
    assert scenario.regulars <= {message.speaker for message in scenario.messages}
    assert all(is_uname(name) and role in list(Role) for name, role in scenario.staff)
    assert bool(scenario.staff) == (scenario.kind == "names")
    assert bool(scenario.banned_words) == (scenario.kind == "words")


def test_spam_has_every_kind() -> None:
    assert len(SCENARIOS) >= 60
    assert {scenario.kind for scenario in SCENARIOS} == set(KINDS)
    assert len({scenario.about for scenario in SCENARIOS}) == len(SCENARIOS)


def test_in_spam_too_somebody_harmless_is_new_and_somebody_known_is_harmful() -> None:
    assert any({m.speaker for m in s.messages} - s.spammers - s.regulars for s in SCENARIOS)
    assert any(s.spammers & s.regulars for s in SCENARIOS)


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*/*.jsonl")), ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_a_file_shows_what_cannot_be_seen(path: Path) -> None:
    """Lines are as as_line() writes them: no control, format or line-separator character is in the file itself."""
    text = path.read_bytes().decode("utf-8")
    assert text.endswith("\n")
    assert text[:-1].split("\n") == [as_line(json.loads(line)) for line in text[:-1].split("\n")]


def test_pace_gives_times_to_what_is_written() -> None:
    script = [
        "= a alice",
        '= b "Old Bob" mod',
        "> 2",
        "# not this",
        "a hello",
        "b  hi ",
        "~ 60",
        "a one",
        "a two⏎lines",
    ]
    paced = list(pace(script, "seed"))
    assert [message[1:] for message in paced] == [
        ["alice", "hello"],
        ["Old Bob", "hi", "mod"],
        ["alice", "one"],
        ["alice", "two\nlines"],
    ]
    times = [float(str(message[0])) for message in paced]
    assert times[2] - times[1] > 60
    assert times[3] - times[2] >= 1.2
    assert paced == list(pace(script, "seed"))
    assert paced != list(pace(script, "another"))
