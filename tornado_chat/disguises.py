"""Undoes what words are dressed up with: letters that look like others, signs for letters, letters spaced out."""

from __future__ import annotations

import functools
import re
import unicodedata
from collections.abc import Iterator, Mapping

from tornado_chat.confusables import prototypes
from tornado_chat.folding import EMOJI_LETTERS, LATIN, Span, fold, word_pattern, word_spans

_LATIN = re.compile(f"[{LATIN}]")
_NOT_LATIN = re.compile(f"[^\\W\\d_{LATIN}]")
_MIXED = re.compile(f"[{LATIN}][^\\W\\d_{LATIN}]|[^\\W\\d_{LATIN}][{LATIN}]|[{LATIN[3:]}]")
_FLAGS = re.compile(f"[{EMOJI_LETTERS}]+")
_EMOJI_LETTERS = {
    first + offset: chr(ord("a") + offset) for first in (0x1F150, 0x1F170, 0x1F1E6) for offset in range(26)
}

_SIGNS = "0-9@$|!+€£¢"
_SIGN = re.compile(f"[{_SIGNS}]")
_EITHER = "\ue000"  # for a sign that may be an i or an l
_LETTERS = str.maketrans("0123456789@$|!+€£¢", f"o{_EITHER}zeasgtbgas{_EITHER}{_EITHER}telc")
# Words with signs in them, but for amounts, times, ordinals, model numbers and hashes: 45s, 10km, $5k, a4, 0xdeadbeef.
# What is left out at the front and at the end are signs that are no letters there, and numbers: hey!!, bob1990.
_AFTER = "!|+€£¢@"  # these are no letters at the end of a word
_WORD_END = f"[{_AFTER}]*(?![a-z{_SIGNS}])"
_SIGNED = re.compile(
    f"(?:(?<![a-z{_SIGNS}])|(?<=[!|+€£]))(?![!|+€£])(?![a-z{_SIGNS}]{{25}})"
    f"(?![$]?[0-9]{{2,}}[a-z]{{1,3}}{_WORD_END}|[{_SIGNS}]*[a-z][0-9!|+€£¢]*{_WORD_END}|(?:0x)?[0-9a-f]{{8,}}{_WORD_END})"
    f"(?:[a-z]+[{_SIGNS}]|[{_SIGNS}]+[a-z])[a-z{_SIGNS}]*?"
    f"(?:(?<![0-9{_AFTER}])(?=[0-9]{{3,}}{_WORD_END})|(?<![{_AFTER}])(?<![0-9]{{3}})(?={_WORD_END}))"
)
_PART = re.compile(r"\S+")
_ADDRESS = re.compile(r"://|www\.|@[a-z0-9-]+\.[a-z]{2}")

_SINGLES = re.compile(r"(?<![^\W_])[^\W\d_]([\W_]{1,3})[^\W\d_](?:\1[^\W\d_])+(?![^\W_])")
_SHORT_WORDS = frozenset("aiouy")
BREAK = "|"  # stands between words that don't follow one another; no sign is ever part of a word


def latin_look(text: str, original: str) -> str:
    """Return a folded text with Latin letters for those that look like them, as many characters.

    Only in words that have Latin letters beside others, or where a word of another script looks Latin in all its
    letters, as they were typed, and no letter of the message is sure to be of another script: кот is no kot.
    """
    text = _FLAGS.sub(_flags, text)
    looked = text.translate(_alike())
    if looked == text:
        return text
    sure = _NOT_LATIN.search(looked) is not None
    latin = _LATIN.search(text) is not None and _MIXED.search(text) is not None
    if sure and not latin:
        return text
    if not sure and _looks_latin_as_typed(original):
        return looked
    return word_pattern().sub(_mixed_word, text) if latin else text


def _looks_latin_as_typed(original: str) -> bool:
    typed = original.translate(_alike_as_typed()).lower()
    found = _NOT_LATIN.search(typed)
    if found is None:
        return True
    # Full-width letters and the like are Latin once they are folded. Most often the first one tells.
    return _NOT_LATIN.search(fold(found[0])) is None and _NOT_LATIN.search(fold(typed)) is None


def look(words: list[str]) -> list[str]:
    """Return words with Latin letters for all that look like them."""
    return [word.translate(_alike()) for word in words]


def _flags(found: re.Match[str]) -> str:
    # Two are a flag, or an A in a square with something.
    return found[0] if len(found[0]) == 2 else found[0].translate(_EMOJI_LETTERS)


def _mixed_word(found: re.Match[str]) -> str:
    word = found[0]
    return word if word.isascii() or _LATIN.search(word) is None else word.translate(_alike())


def unleet(text: str) -> list[str]:
    """Return a text with letters for the digits and signs in words, as many characters.

    Two of them where some stand for an i or an l; none where there are no such words.
    """
    if _SIGN.search(text) is None:
        return []
    replaced = _PART.sub(_part, text) if _ADDRESS.search(text) else _SIGNED.sub(_signed, text)
    if replaced == text:
        return []
    if _EITHER in replaced:
        return [replaced.replace(_EITHER, "i"), replaced.replace(_EITHER, "l")]
    return [replaced]


def _part(found: re.Match[str]) -> str:
    return found[0] if _ADDRESS.search(found[0]) else _SIGNED.sub(_signed, found[0])


def _signed(found: re.Match[str]) -> str:
    return found[0].translate(_LETTERS)


def join_letters(text: str) -> tuple[str, list[str]] | None:
    """Return a text with single letters joined, and other ways to read those; None where there are none to join.

    The same must be between all of them. I and the like at an end may be a word of its own: `I d a r n`.
    """
    cuts: list[str] = []

    def join(found: re.Match[str]) -> str:
        letters = _letters(found)
        cuts.extend(_cuts(letters))
        return letters

    joined = _SINGLES.sub(join, text)
    return None if joined == text else (joined, cuts)


def joined_spans(text: str) -> list[Span]:
    """Return where the words of what `join_letters` gives are in the text, and for each further reading twice."""
    found = [(match.span(), _letters(match)) for match in _SINGLES.finditer(text)]
    places: list[Span] = []
    more: list[Span] = []
    waiting = iter([*found, ((len(text), len(text)), "")])
    (begin, finish), letters = next(waiting)
    for start, end in word_spans(text):
        if start >= finish:
            (begin, finish), letters = next(waiting)
        if start < begin:
            places.append((start, end))
        elif start == begin:
            places.append((begin, finish))
            more += [(begin, finish) for _ in _cuts(letters) for _ in (BREAK, letters)]
    return places + more


def _letters(found: re.Match[str]) -> str:
    return found[0][:: len(found[1]) + 1]


def _cuts(letters: str) -> Iterator[str]:
    front = letters[0] in _SHORT_WORDS
    back = letters[-1] in _SHORT_WORDS
    if front and len(letters) > 3:
        yield letters[1:]
    if back and len(letters) > 3:
        yield letters[:-1]
    if front and back and len(letters) > 4:
        yield letters[1:-1]


@functools.cache
def _alike() -> Mapping[int, str]:
    """Return the Latin letter that each folded letter looks like, small or as a capital."""
    # The lower case of what looks like it as a capital or, in Greek, as it is written by those who play with it.
    found = {ord(char): latin for char, latin in zip("ηωπпиßשɛ", "nwnnubwe", strict=True)}
    for point, latin in _alike_as_typed().items():
        folded = fold(chr(point))
        if len(folded) == 1 and not folded.isascii():
            found.setdefault(ord(folded), latin)
    for char, prototype in prototypes().items():
        folded = fold(char)
        letter = fold(prototype)
        if len(folded) == 1 and not folded.isascii() and len(letter) == 1 and "a" <= letter <= "z":
            found.setdefault(ord(folded), letter)
    for point in (*range(0x1D00, 0x1D80), *range(0x250, 0x2B0), *range(0xA720, 0xA800)):
        name = unicodedata.name(chr(point), "")
        if (small := re.fullmatch("LATIN LETTER SMALL CAPITAL (?:REVERSED |INVERTED )?([A-Z])", name)) is not None:
            found.setdefault(point, small[1].lower())
    del found[ord("ı")]  # Turkish: sık is an everyday word
    return found


@functools.cache
def _alike_as_typed() -> Mapping[int, str]:
    """Return the Latin letter that each other letter looks like as it is typed, small or capital."""
    found = {}
    for char, prototype in prototypes().items():
        look = {"rn": "m", "RN": "M"}.get(prototype, prototype)
        if not char.isascii() and len(look) == 1 and look.isascii() and look.isalpha():
            # A capital I has the prototype l.
            found[ord(char)] = "i" if prototypes().get(char.lower()) == "i" else look.lower()
    del found[ord("ı")]
    return found
