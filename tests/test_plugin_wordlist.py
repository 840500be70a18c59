"""The bundled plugin wordlist: which words it finds, and what becomes of their message."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from tests.chats import load_plugin
from tornado_chat import Draft, Pass, Reject, Replace, Role, User, Verdict
from tornado_chat.errors import ConfigError
from tornado_chat.plugin_api import Services
from tornado_chat.plugin_set import PluginSet

KATE = User(1, "Kate", Role.MEMBER)


def load(services: Services | None = None, **options: Any) -> PluginSet:
    return load_plugin("wordlist", services, **options)


def checker(*words: str, **options: Any) -> Callable[[str], Awaitable[Verdict]]:
    """Return the filter of a list of `words`, as a function of a message's text."""
    (installed,) = load(words=list(words), **options).moderation.filters

    def check(text: str) -> Awaitable[Verdict]:
        return installed.filter.check(Draft(2, KATE, text, text))

    return check


@pytest.mark.gen_test
async def test_a_message_without_the_words_passes() -> None:
    assert await checker("darn", "heck")("what a nice day") == Pass()


@pytest.mark.gen_test
async def test_a_message_with_a_word_is_rejected_with_a_reason() -> None:
    verdict = await checker("darn")("well, darn!")
    assert verdict == Reject("Your message has a word that is not allowed here")


@pytest.mark.gen_test
async def test_the_reason_may_be_the_operators_own() -> None:
    assert await checker("darn", message="Mind your words")("darn") == Reject("Mind your words")


@pytest.mark.gen_test
@pytest.mark.parametrize("text", ["darn", "Darn", "DARN", "(darn)", "darn.", "oh-darn-it", "a\tdarn\nb", "😀darn😀"])
async def test_a_word_is_found_in_any_case_and_between_any_marks(text: str) -> None:
    assert isinstance(await checker("dArN")(text), Reject)


@pytest.mark.gen_test
@pytest.mark.parametrize("text", ["class", "assess", "bass", "as s", "ass1", "1ass", "ass_", "assé", "ｃlass"])
async def test_a_word_inside_another_is_not_found(text: str) -> None:
    assert await checker("ass")(text) == Pass()


@pytest.mark.gen_test
@pytest.mark.parametrize("text", ["go away", "Go  Away!", "go-away", "go\naway", "please, go away now", "go, away"])
async def test_a_phrase_is_found_with_anything_between_its_words(text: str) -> None:
    assert isinstance(await checker("go away")(text), Reject)


@pytest.mark.gen_test
@pytest.mark.parametrize("text", ["darn", "well, darn", "darn it", "go away", "darn go away", "go darn"])
async def test_a_list_may_have_words_and_phrases(text: str) -> None:
    assert isinstance(await checker("darn", "go away")(text), Reject)


@pytest.mark.gen_test
@pytest.mark.parametrize("text", ["go", "away", "away go", "go far away", "goaway", "ago away"])
async def test_a_part_of_a_phrase_is_not_found(text: str) -> None:
    assert await checker("go away")(text) == Pass()


@pytest.mark.gen_test
@pytest.mark.parametrize("word", ["don't", "don’t", "on-line", "n00b", "x2", "go away"])
async def test_a_word_may_have_digits_hyphens_and_apostrophes(word: str) -> None:
    assert isinstance(await checker(word)(f"you {word} now"), Reject)


@pytest.mark.gen_test
@pytest.mark.parametrize(
    ("word", "text"),
    [
        ("дурак", "ну ты ДУРАК"),
        ("straße", "die STRASSE dort"),
        ("ÄRGER", "so ein ärger"),
        ("σίσυφος", "ΣΊΣΥΦΟΣ"),
        ("笨蛋", "你 笨蛋 吗"),
        ("café", "le cafe\u0301"),
        ("cafe\u0301", "le café"),
        ("हिन्दी", "यह हिन्दी है"),
    ],
)
async def test_a_word_of_any_script_is_found(word: str, text: str) -> None:
    assert isinstance(await checker(word)(text), Reject)


@pytest.mark.gen_test
@pytest.mark.parametrize(
    ("text", "covered"),
    [
        ("darn", "■■■■"),
        ("well, Darn it", "well, ■■■■ it"),
        ("darn DARN darned", "■■■■ ■■■■ darned"),
        ("please go  away!", "please ■■  ■■■■!"),
        ("go go away", "go ■■ ■■■■"),
        ("darn, go away", "■■■■, ■■ ■■■■"),
        ("дурак и 😀 darn", "■■■■■ и 😀 ■■■■"),
    ],
)
async def test_words_are_covered_and_the_rest_stays(text: str, covered: str) -> None:
    assert await checker("darn", "go away", "дурак", action="replace")(text) == Replace(covered)


@pytest.mark.gen_test
async def test_a_clean_message_is_not_replaced() -> None:
    assert await checker("darn", action="replace")("what a nice day") == Pass()


@pytest.mark.gen_test
async def test_the_longest_phrase_is_covered() -> None:
    check = checker("big", "big bad", "big bad wolf", action="replace")
    assert await check("a big bad wolf, a big bad dog") == Replace("a ■■■ ■■■ ■■■■, a ■■■ ■■■ dog")


@pytest.mark.gen_test
async def test_it_looks_at_what_the_filters_before_left() -> None:
    (installed,) = load(words=["darn"]).moderation.filters
    assert await installed.filter.check(Draft(2, KATE, "nice", "darn")) == Pass()


def test_an_empty_list_registers_nothing() -> None:
    loaded = load(words=[])
    assert (list(loaded.moderation.filters), dict(loaded.moderation.commands)) == ([], {})


def test_without_a_table_it_registers_nothing() -> None:
    assert list(load().moderation.filters) == []


@pytest.mark.parametrize("word", ["", " ", "!!!", "f*ck", ".*", "a+", "🤬", "a/b", "[a]"])
def test_what_is_no_word_is_refused_by_name(word: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load(words=["fine", word])
    assert str(caught.value).startswith("apps/2.toml: plugin.wordlist")
    assert repr(word) in str(caught.value)


@pytest.mark.parametrize("options", [{"action": "delete"}, {"words": "darn"}, {"words": [1]}, {"message": 1}])
def test_an_option_of_a_wrong_type_is_named(options: dict[str, Any]) -> None:
    with pytest.raises(ConfigError) as caught:
        load(**options)
    assert str(caught.value).startswith("apps/2.toml: plugin.wordlist")
    assert next(iter(options)) in str(caught.value)
