"""Text made ready to look for words in, whatever it is dressed up as. Only for looking: what is shown is the original.

`normalise` folds a text: case, compatibility forms, accents and what can't be seen don't count any more. Its `readings`
are the ways to read it: as it stands and, only where there is something to it, with letters for those that look like
them, with letters for digits and signs, with letters joined that were spaced out, and with repeated letters taken as
one. Every step is linear in the text.
"""

from __future__ import annotations

import functools
import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence

import msgspec

from tornado_chat import unicode_tables
from tornado_chat.confusables import ACCENTS, char_class, ignorable, prototypes

Span = tuple[int, int]

_ASCII_WORDS = {point: chr(point).lower() if chr(point).isalnum() else " " for point in range(128)}
_ASCII_CONTROLS = re.compile("[\x00-\x08\x0e-\x1f\x7f]+")
# Arabic ligatures of up to 18 letters: a message of 350 of them would have 6,300.
_HUGE = re.compile("[\ufdfa\ufdfb]")
_EMOJI = "\u2600-\u27bf\u2b00-\u2bff\U0001f000-\U0001faff"
_EMOJI_LETTERS = "\U0001f150-\U0001f169\U0001f170-\U0001f189\U0001f1e6-\U0001f1ff"
_NOT_LATIN = re.compile("[^\\W\\d_a-z\u00aa-\u02af\u1d00-\u1dbf\u1e00-\u1eff\u2c60-\u2c7f\ua720-\ua7ff\uab30-\uab6f]")
_LATIN = re.compile("[a-z\u00aa-\u02af\u1d00-\u1dbf\u1e00-\u1eff\u2c60-\u2c7f\ua720-\ua7ff\uab30-\uab6f]")

_LEET_CHARS = re.compile("[0-9@$|!+€£¢]")
_LEET_CHUNK = re.compile("[a-z0-9@$|!+€£¢]*[a-z][a-z0-9@$|!+€£¢]*")
_LEET_I = str.maketrans("0123456789@$|!+€£¢", "oizeasgtbgasiitelc")
_LEET_L = str.maketrans("0123456789@$|!+€£¢", "olzeasgtbgasllteic")
_PART = re.compile(r"\S+")
_ADDRESS = re.compile(r"://|www\.|@[a-z0-9-]+\.[a-z]{2}")
# Amounts, times, ordinals, model numbers and hashes have letters and digits too: 45s, 10km, $5k, a4, 0xdeadbeef.
_NO_LEET = re.compile(r"[$€£+|!]*[0-9]{2,}[a-z]{1,3}|[^a-z]*[a-z][0-9!|+€£¢]*|(?:0x)?[0-9a-f]{8,}|.{25,}")
_NUMBER_AT_END = re.compile(r"[0-9]{3,}$")

_SPACED = re.compile(r"(?<![^\W_])[^\W\d_]([\W_]{1,3})[^\W\d_](?:\1[^\W\d_])+(?![^\W_])")
_SPACED_COPY = re.compile(r" [^\W\d_] [^\W\d_] [^\W\d_] ")
_SHORT_WORDS = frozenset("aiouy")
_BREAK = "|"  # never part of a word
_REPEATED = re.compile(r"([^\W\d_])\1\1")
_RUN = re.compile(r"([^\W\d_])\1+")
_RUNS = re.compile(r"([^\W\d_])\1*|.", re.DOTALL)


class Forms(msgspec.Struct, frozen=True):
    """What to look for to find a word or phrase in a Reading: `plain` in every one that isn't `squeezed`.

    `alike` is to be looked for beside it where the reading is `alike`, `squeezed` instead of it where it is `squeezed`.
    """

    plain: str
    alike: str
    squeezed: str


class Reading:
    """One way to read a text: its words with a space before, between and after them.

    So `" cat "` is in `text` where the word cat is, and `" cat"` where a word begins so. `alike` says that letters were
    put for those that look like them, `squeezed` that repeated letters were made one.
    """

    __slots__ = ("_places", "_runs", "_source", "_spans", "_unsqueezed", "alike", "squeezed", "text")

    def __init__(
        self,
        source: Normalised,
        text: str,
        places: str | list[Span],
        *,
        alike: bool = False,
        unsqueezed: str | None = None,
    ) -> None:
        self.text = text
        self.alike = alike
        self.squeezed = unsqueezed is not None
        self._source = source
        self._places = places  # a text with as many characters as the folded one, or where each word is in that
        self._unsqueezed = unsqueezed
        self._spans: list[Span] | None = None
        self._runs: list[int] | None = None

    def span(self, start: int, end: int) -> Span:
        """Return (start, end) in the original of the words that `text[start:end]` is in, whole graphemes."""
        if self._spans is None:
            places = self._places
            self._spans = [found.span() for found in _words().finditer(places)] if isinstance(places, str) else places
        first = self.text.count(" ", 0, start if self.text[start] != " " else start + 1) - 1
        last = self.text.count(" ", 0, end if self.text[end - 1] != " " else end - 1) - 1
        return self._source.span(self._spans[first][0], self._spans[last][1])

    def holds(self, start: int, form: str) -> bool:
        """Tell whether `form`, a `plain` form whose `squeezed` one is at `start`, is what was written there.

        Each letter must be there as often as in the form, or at least three times: goood may be god and good, good not
        god. Always true where the reading isn't squeezed.
        """
        if self._unsqueezed is None:
            return True
        if self._runs is None:
            self._runs = run_lengths(self._unsqueezed)
        wanted = run_lengths(form)
        there = self._runs[start : start + len(wanted)]
        return all(have == want or have >= max(want, 3) for have, want in zip(there, wanted, strict=False))


class Normalised:
    """A text folded for looking: `text`, and where each part of it is in the `original`."""

    __slots__ = ("_map", "original", "text")

    def __init__(self, original: str) -> None:
        self.original = original
        self.text = _fold(original)
        self._map: tuple[Sequence[int], Sequence[int]] | None = None

    def span(self, start: int, end: int) -> Span:
        """Return (start, end) in the original of what became `text[start:end]`, which isn't empty: whole graphemes."""
        if self._map is None:
            self._map = _map(self.original, self.text)
        begins, ends = self._map
        return begins[start], ends[end - 1]

    @property
    def words(self) -> list[str]:
        """The words of the text as they stand: letters, digits and vowel signs; each emoji is one."""
        return _split(self.text)

    def readings(self) -> Iterator[Reading]:
        """Yield the ways to read the text, the plain one first, and others only where they differ."""
        text = self.text
        ascii_only = text.isascii()
        copy = _join(_split(text))
        yield Reading(self, copy, text)
        alike = False
        if not ascii_only:
            other = _latin_look(text, self.original)
            if alike := other != text:
                text, copy = other, _join(_split(other))
                yield Reading(self, copy, text, alike=True)
        if _LEET_CHARS.search(text):
            other = _unleet(text, _LEET_I)
            if other != text:
                second = _unleet(text, _LEET_L)
                text, copy = other, _join(_split(other))
                yield Reading(self, copy, text, alike=alike)
                if second != other:
                    yield Reading(self, _join(_split(second)), second, alike=alike)
        places: str | list[Span] = text
        if _SPACED_COPY.search(copy) and (joined := _join_letters(text)):
            copy, places = joined
            yield Reading(self, copy, places, alike=alike)
        if _REPEATED.search(copy):
            yield Reading(self, squeeze(copy), places, alike=alike, unsqueezed=copy)


def normalise(text: str) -> Normalised:
    """Return a text folded for looking for words in it; never raises.

    Folded are: case, compatibility forms (full-width and mathematical letters), accents on letters of alphabets,
    control and zero-width characters, and marks of a script on letters of another. Vowel signs stay, so Hindi stays
    Hindi. Look-alikes and digits for letters aren't folded: they are in `readings`.
    """
    return Normalised(text)


def search_forms(phrase: str) -> Forms:
    """Return what to look for in readings to find a word or phrase; empty strings where it has no word."""
    folded = _fold(phrase)
    plain = " ".join(_split(folded))
    alike = plain if folded.isascii() else " ".join(_split(folded.translate(_alike())))
    return Forms(plain, alike, squeeze(plain))


def squeeze(text: str) -> str:
    """Return a text in which each run of the same letter is one letter."""
    return _RUN.sub(r"\1", text)


def run_lengths(text: str) -> list[int]:
    """Return how long each run is that `squeeze` makes one character of; 1 for all that isn't a letter."""
    return [found.end() - found.start() for found in _RUNS.finditer(text)]


def graphemes(text: str) -> Iterator[Span]:
    """Yield (start, end) of what shows as one character: a letter with its marks, an emoji with what joins it."""
    start = 0
    for index in range(1, len(text)):
        if not _goes_on(text, index):
            yield start, index
            start = index
    if text:
        yield start, len(text)


def _goes_on(text: str, index: int) -> bool:
    """Tell whether the character at `index` belongs to the one before it."""
    char = text[index]
    if char < "\u0300":
        return False
    before = text[index - 1]
    if before == "\u200d" and char >= "\u2190":  # a ZWJ sequence
        return True
    if "\U0001f1e6" <= char <= "\U0001f1ff":  # flags are pairs
        start = index
        while start and "\U0001f1e6" <= text[start - 1] <= "\U0001f1ff" and index - start < 8:
            start -= 1
        return (index - start) % 2 == 1
    return "\U0001f3fb" <= char <= "\U0001f3ff" or _joining().match(char) is not None


def _fold(text: str) -> str:
    if text.isascii():
        text = text.lower()
        return text if text.isprintable() else _ASCII_CONTROLS.sub("", text)
    text = ignorable().sub("", _HUGE.sub(" ", text))
    # Twice: case-folding takes some letters with two marks apart.
    text = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", text).casefold())
    return unicodedata.normalize("NFC", _foreign_marks().sub("", ACCENTS.sub("", text))).replace("_", " ")


def _split(text: str) -> list[str]:
    if text.isascii():
        return text.translate(_ASCII_WORDS).split()
    return _words().findall(text)


def _join(words: Sequence[str]) -> str:
    return f" {' '.join(words)} "


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
def _words() -> re.Pattern[str]:
    # Python's \\w has no marks: without its vowel signs a Hindi word is no word.
    near, far = _mark()
    return re.compile(f"(?:[\\w{near}]+|{far})+|[{_EMOJI_LETTERS}]+|[{_EMOJI}]")


@functools.cache
def _joining() -> re.Pattern[str]:
    """What belongs to the character before it: marks, what can't be seen, Hangul vowels, half-width voicing marks."""
    near, far = _mark()
    unseen = char_class(unicode_tables.IGNORABLE)
    return re.compile(f"[{near}{unseen}\u1160-\u11ff\ud7b0-\ud7fb\uff9e\uff9f]|{far}")


@functools.cache
def _foreign_marks() -> re.Pattern[str]:
    """Marks on Latin, Greek and Cyrillic letters and on digits: what is left of them is of other scripts."""
    letters = "0-9a-z\u00aa-\u02af\u0370-\u052f\u1c80-\u1c8f\u1d00-\u1dbf\u1e00-\u1fff\u2c60-\u2c7f\ua640-\ua69f"
    near, far = _mark()
    return re.compile(f"(?:[{near}]|{far})(?<=[{letters}\ua720-\ua7ff].)(?:[{near}]+|{far})*")


@functools.cache
def _alike() -> Mapping[int, str]:
    """Return the Latin letter that each folded letter looks like, small or as a capital."""
    # The lower case of what looks like it as a capital or, in Greek, as it is written by those who play with it.
    found = {ord(char): latin for char, latin in zip("ηωπпиßשɛ", "nwnnubwe", strict=True)}
    for point, latin in _alike_as_typed().items():
        folded = _fold(chr(point))
        if len(folded) == 1 and not folded.isascii():
            found.setdefault(ord(folded), latin)
    for char, prototype in prototypes().items():
        folded = _fold(char)
        letter = _fold(prototype)
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
    for first in (0x1F150, 0x1F170, 0x1F1E6):
        found |= {first + offset: chr(ord("a") + offset) for offset in range(26)}
    del found[ord("ı")]
    return found


def _latin_look(text: str, original: str) -> str:
    """Return a folded text with Latin letters for those that look like them, as many characters.

    Only in words that have Latin letters beside others, or where a word of another script looks Latin in all its
    letters, as they were typed, and none of the message's words is sure to be of another script: кот is no kot.
    """
    looked = text.translate(_alike())
    if looked == text:
        return text
    latin = _LATIN.search(text) is not None
    sure = False
    whole: list[tuple[int, int, int]] = []
    parts: list[str] = []
    done = 0
    for number, found in enumerate(_words().finditer(text)):
        word = found[0]
        if word.isascii():
            continue
        start, end = found.span()
        look = looked[start:end]
        if look == word:
            sure = sure or _NOT_LATIN.search(word) is not None
        elif not word[0].isalpha():
            if len(word) != 2:  # two are a flag
                parts += text[done:start], look
                done = end
        elif latin and (_LATIN.search(word) is not None or _NOT_LATIN.search(word) is None):
            parts += text[done:start], look
            done = end
        elif look.isascii() and not sure:
            whole.append((number, start, end))
        else:
            sure = True
    changed = "".join([*parts, text[done:]])
    return changed if sure or not whole else _whole_look(changed, whole, original)


def _whole_look(text: str, whole: Sequence[tuple[int, int, int]], original: str) -> str:
    """Put Latin letters for `whole` words (number, start, end) where they look so as they are typed, if all do."""
    typed = _split(_fold(ignorable().sub("", original).translate(_alike_as_typed())))
    letters = list(text)
    for number, start, end in whole:
        word = typed[number] if number < len(typed) else ""
        if not word.isascii():
            return text
        if len(word) == end - start:
            letters[start:end] = word
    return "".join(letters)


def _unleet(text: str, table: Mapping[int, int]) -> str:
    """Return a text with letters for the digits and signs in words, as many characters."""

    def part(found: re.Match[str]) -> str:
        chunk = found[0]
        if _LEET_CHARS.search(chunk) is None or _ADDRESS.search(chunk) is not None:
            return chunk
        return _LEET_CHUNK.sub(word, chunk)

    def word(found: re.Match[str]) -> str:
        chunk = found[0]
        bare = chunk.rstrip("!|+€£¢@")
        front = len(bare) - len(bare.lstrip("!|+€£"))
        end = len(bare)
        if number := _NUMBER_AT_END.search(bare):
            end = number.start()
        if _NO_LEET.fullmatch(bare) is not None:
            return chunk
        return chunk[:front] + chunk[front:end].translate(table) + chunk[end:]

    return _PART.sub(part, text)


def _join_letters(text: str) -> tuple[str, list[Span]] | None:
    """Return a reading with single letters joined, and where its words are; None where there are none to join.

    The same must be between all of them. I and the like at an end may be a word of its own: `I d a r n` is read
    both ways.
    """
    joined = [(found.span(), re.sub(r"[\W_]+", "", found[0])) for found in _SPACED.finditer(text)]
    if not joined:
        return None
    words: list[str] = []
    places: list[Span] = []
    more: list[tuple[str, Span]] = []
    waiting = iter([*joined, ((len(text), len(text)), "")])
    (begin, finish), letters = next(waiting)
    for found in _words().finditer(text):
        if found.start() >= finish:
            (begin, finish), letters = next(waiting)
        if found.start() < begin:
            words.append(found[0])
            places.append(found.span())
        elif found.start() == begin:
            words.append(letters)
            places.append((begin, finish))
            more += [(cut, (begin, finish)) for cut in _cuts(letters)]
    for cut, place in more:
        words += _BREAK, cut
        places += place, place
    return _join(words), places


def _cuts(letters: str) -> Iterator[str]:
    front = letters[0] in _SHORT_WORDS
    back = letters[-1] in _SHORT_WORDS
    if front and len(letters) > 3:
        yield letters[1:]
    if back and len(letters) > 3:
        yield letters[:-1]
    if front and back and len(letters) > 4:
        yield letters[1:-1]


def _map(original: str, folded: str) -> tuple[Sequence[int], Sequence[int]]:
    """Return, for each character of a folded text, where its grapheme begins and ends in the original."""
    if len(original) == len(folded) and original.isascii():
        return range(len(folded)), range(1, len(folded) + 1)
    for pieces in (list(graphemes(original)), [found.span() for found in re.finditer(r"\S+|\s+", original)]):
        begins: list[int] = []
        ends: list[int] = []
        parts = []
        for start, end in pieces:
            part = _fold(original[start:end])
            parts.append(part)
            begins += [start] * len(part)
            ends += [end] * len(part)
        if "".join(parts) == folded:
            return begins, ends
    # Some composition across graphemes and words that isn't foreseen: all of it, rather than a wrong part.
    return [0] * len(folded), [len(original)] * len(folded)
