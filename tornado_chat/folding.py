"""Folds text for looking, and says where each part of the folded text is in the original."""

from __future__ import annotations

import functools
import re
import unicodedata
from collections.abc import Iterator, Sequence

from tornado_chat import unicode_tables
from tornado_chat.confusables import ACCENTS, char_class, ignorable

Span = tuple[int, int]

LATIN = "a-z\u00aa-\u02af\u1d00-\u1dbf\u1e00-\u1eff\u2c60-\u2c7f\ua720-\ua7ff\uab30-\uab6f"
EMOJI_LETTERS = "\U0001f150-\U0001f169\U0001f170-\U0001f189\U0001f1e6-\U0001f1ff"
_EMOJI = "\u2600-\u27bf\u2b00-\u2bff\U0001f000-\U0001faff"

_ASCII_WORDS = {point: chr(point).lower() if chr(point).isalnum() else " " for point in range(128)}
_ASCII_CONTROLS = re.compile("[\x00-\x08\x0e-\x1f\x7f]+")
# Arabic phrases of up to 18 letters and Japanese units of up to 6 in one character: a message of them has 350.
_HUGE = re.compile("[\ufdfa\ufdfb\u3300-\u3357]")
# Where there is none of these, nothing can have an accent to take off.
_ACCENTED = re.compile(f"[\u00c0-\u024f\u0370-\u052f\u1e00-\u1fff{ACCENTS.pattern[1:-2]}]")


def fold(text: str) -> str:
    """Return a text without case, compatibility forms, accents on letters of alphabets and what can't be seen."""
    if text.isascii():
        text = text.lower()
        return text if text.isprintable() else _ASCII_CONTROLS.sub("", text)
    # One of the accents is a letter once the case is gone.
    text = ACCENTS.sub("", ignorable().sub("", _HUGE.sub(" ", text)))
    # Twice: case-folding takes some letters with two marks apart.
    text = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
    if _ACCENTED.search(text):
        text = unicodedata.normalize("NFC", ACCENTS.sub("", unicodedata.normalize("NFKD", text)))
    return _foreign_marks().sub("", text)


def split(text: str) -> list[str]:
    """Return the words of a folded text: letters, digits and marks; each emoji is one."""
    if text.isascii():
        return text.translate(_ASCII_WORDS).split()
    return word_pattern().findall(text.replace("_", " "))


def word_spans(text: str) -> list[Span]:
    """Return where each of the words that `split` gives is in the text."""
    return [found.span() for found in word_pattern().finditer(text.replace("_", " "))]


def spaced(words: Sequence[str]) -> str:
    """Return words with a space before, between and after them."""
    return f" {' '.join(words)} "


def graphemes(text: str) -> Iterator[Span]:
    """Yield (start, end) of what shows as one character: a letter with its marks, an emoji with what joins it."""
    for found in _grapheme().finditer(text):
        yield found.span()


def place_map(original: str, folded: str) -> tuple[Sequence[int], Sequence[int]]:
    """Return, for each character of a folded text, where its grapheme begins and ends in the original."""
    if len(original) == len(folded) and original.isascii():
        return range(len(folded)), range(1, len(folded) + 1)
    for pieces in (list(graphemes(original)), [found.span() for found in re.finditer(r"\S+|\s+", original)]):
        begins: list[int] = []
        ends: list[int] = []
        parts = []
        for start, end in pieces:
            part = _fold_part(original[start:end])
            parts.append(part)
            begins += [start] * len(part)
            ends += [end] * len(part)
        if "".join(parts) == folded:
            return begins, ends
    # Some composition across graphemes and words that isn't foreseen: all of it, rather than a wrong part.
    return [0] * len(folded), [len(original)] * len(folded)


@functools.cache
def word_pattern() -> re.Pattern[str]:
    """What `split` takes for a word, where there is no underscore: that is between words, as in _darn_."""
    # Python's \\w has no marks: without its vowel signs a Hindi word is no word.
    near, far = _mark()
    return re.compile(f"[{EMOJI_LETTERS}]+|[{_EMOJI}]|(?:[\\w{near}]+|{far})+")


@functools.cache
def _mark() -> tuple[str, str]:
    """Return patterns for a mark of the Basic Multilingual Plane and for one beyond it.

    A class with all the ranges beyond is tried range by range for every character: 60 us for a message, not 3.
    """
    parts = unicode_tables.MARKS.split()
    near = " ".join(part for part in parts if len(part.partition("-")[0]) <= 4)
    far = " ".join(part for part in parts if len(part.partition("-")[0]) > 4)
    return char_class(near), f"(?=[\U00010000-\U0010ffff])[{char_class(far)}]"


@functools.cache
def _grapheme() -> re.Pattern[str]:
    """A flag, or a character with marks, what can't be seen, skin tones, Hangul vowels, half-width voicing marks."""
    near, far = _mark()
    unseen = char_class(unicode_tables.IGNORABLE)
    joining = f"[{near}{unseen}\u1160-\u11ff\ud7b0-\ud7fb\uff9e\uff9f\U0001f3fb-\U0001f3ff]|{far}"
    flag = "[\U0001f1e6-\U0001f1ff]"
    return re.compile(f"(?:{flag}{flag}|.)(?:\u200d[\u2190-\u2bff\U0001f000-\U0001faff]|{joining})*", re.DOTALL)


# The letters of a message are few, each folded for itself.
_fold_part = functools.lru_cache(4096)(fold)


@functools.cache
def _foreign_marks() -> re.Pattern[str]:
    """Marks on Latin, Greek and Cyrillic letters and on digits: what is left of them is of other scripts."""
    letters = "0-9a-z\u00aa-\u02af\u0370-\u052f\u1c80-\u1c8f\u1d00-\u1dbf\u1e00-\u1fff\u2c60-\u2c7f\ua640-\ua69f"
    near, far = _mark()
    return re.compile(f"(?:[{near}]|{far})(?<=[{letters}\ua720-\ua7ff].)(?:[{near}]+|{far})*")
