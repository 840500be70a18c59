"""Words that an app doesn't want: rejects the message, or covers them with ■."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator
from typing import Literal

from tornado_chat import Draft, Filter, Pass, PluginApi, PluginOptions, Reject, Replace, Verdict, hookimpl

_SEPARATORS = frozenset(" '’-")


class Options(PluginOptions):
    """Keys of [plugin.wordlist]."""

    words: tuple[str, ...] = ()
    """Words and phrases, in any case. They match whole words: `ass` doesn't match `class`."""
    action: Literal["reject", "replace"] = "reject"
    """Refuse the message, or cover each character of the words with ■."""
    message: str = "Your message has a word that is not allowed here"
    """What the sender of a refused message is told."""

    def __post_init__(self) -> None:
        for word in self.words:
            text = unicodedata.normalize("NFC", word)
            if not _spans(text) or not all(_is_of_word(char) or char in _SEPARATORS for char in text):
                raise ValueError(
                    f"word {word!r} must be letters and digits, with spaces, hyphens or apostrophes between"
                )


@hookimpl
def register_filters(api: PluginApi) -> Iterable[Filter]:
    options: Options = api.options
    phrases = {_words(unicodedata.normalize("NFC", word)) for word in options.words}
    lengths = sorted({len(phrase) for phrase in phrases}, reverse=True)

    def found(text: str) -> Iterator[tuple[int, int]]:
        """Yield (start, end) of each match; the time is linear in the text, whatever the list."""
        spans = _spans(text)
        words = _words(text)
        position = 0
        while position < len(words):
            for length in lengths:
                if position + length <= len(words) and words[position : position + length] in phrases:
                    yield spans[position][0], spans[position + length - 1][1]
                    position += length
                    break
            else:
                position += 1

    async def check(draft: Draft) -> Verdict:
        text = unicodedata.normalize("NFC", draft.text)
        hits = list(found(text))
        if not hits:
            return Pass()
        if options.action == "reject":
            return Reject(options.message)
        for start, end in hits:
            text = text[:start] + re.sub(r"\S", "■", text[start:end]) + text[end:]
        return Replace(text)

    if phrases:
        yield Filter(check)


def _is_of_word(char: str) -> bool:
    # Marks too: without its vowel signs a Hindi word is no word.
    return char.isalnum() or char == "_" or unicodedata.category(char).startswith("M")


def _spans(text: str) -> list[tuple[int, int]]:
    """Return (start, end) of each word in `text`."""
    spans: list[tuple[int, int]] = []
    for index, char in enumerate(text):
        if _is_of_word(char):
            if spans and spans[-1][1] == index:
                spans[-1] = (spans[-1][0], index + 1)
            else:
                spans.append((index, index + 1))
    return spans


def _words(text: str) -> tuple[str, ...]:
    return tuple(text[start:end].casefold() for start, end in _spans(text))
