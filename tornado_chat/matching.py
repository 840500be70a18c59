"""Text made ready to look for words in, whatever it is dressed up as. Only for looking: what is shown is the original.

`normalise` folds a text: case, compatibility forms, accents and what can't be seen don't count any more. Its `readings`
are the ways to read it: as it stands and, only where there is something to it, with letters for those that look like
them, with letters for digits and signs, with letters joined that were spaced out, and with repeated letters taken as
one. Every step is linear in the text.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Iterator, Sequence
from itertools import islice

import msgspec

from tornado_chat.disguises import BREAK, join_letters, joined_spans, latin_look, look, unleet
from tornado_chat.folding import Span, fold, place_map, spaced, split, word_spans

_SPACED_OUT = re.compile(r" [^\W\d_] [^\W\d_] [^\W\d_] ")
_REPEATED = re.compile(r"([^\W\d_])\1\1")
_PAIR = re.compile(r"([^ ])\1")
_DOUBLED = re.compile(r"([^\W\d_])\1")
LONG = 7  # letters of a word in which doubled ones count
SLIPS = 2  # doubled letters that are no slip any more
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
        places: str | Callable[[], list[Span]],
        *,
        alike: bool = False,
        unsqueezed: str | None = None,
    ) -> None:
        self.text = text
        self.alike = alike
        self.squeezed = unsqueezed is not None
        self._source = source
        self._places = places  # a text as long as the folded one, or what gives where each word is in that
        self._unsqueezed = unsqueezed
        self._spans: list[Span] | None = None
        self._runs: list[int] | None = None

    @property
    def spans(self) -> list[Span]:
        """Where each word is in the original, (start, end), whole graphemes."""
        return [self._source.span(start, end) for start, end in self._folded_spans()]

    def span(self, start: int, end: int) -> Span:
        """Return (start, end) in the original of the words that `text[start:end]` is in, whole graphemes."""
        spans = self._folded_spans()
        first = self.text.count(" ", 0, start if self.text[start] != " " else start + 1) - 1
        last = self.text.count(" ", 0, end if self.text[end - 1] != " " else end - 1) - 1
        return self._source.span(spans[first][0], spans[last][1])

    def _folded_spans(self) -> list[Span]:
        if self._spans is None:
            places = self._places
            self._spans = word_spans(places) if isinstance(places, str) else places()
        return self._spans

    def holds(self, start: int, form: str) -> bool:
        """Tell whether `form`, a `plain` form whose `squeezed` one is at `start`, is what was written there.

        Each letter must be there as often as in the form, or at least three times: goood may be god and good, good not
        god. In a form of seven letters and more two may be doubled too; one is a slip, or another word (desert).
        Always true where the reading isn't squeezed.
        """
        if self._unsqueezed is None:
            return True
        if self._runs is None:
            self._runs = _run_lengths(self._unsqueezed)
        wanted = _run_lengths(form)
        there = self._runs[start : start + len(wanted)]
        pairs = list(zip(there, wanted, strict=False))
        if all(have == want or have >= max(want, 3) for have, want in pairs):
            return True
        long = sum(wanted) - form.count(" ") >= LONG
        return long and all(have >= want for have, want in pairs) and sum(have > want for have, want in pairs) >= SLIPS


class Normalised:
    """A text folded for looking: `text`, and where each part of it is in the `original`."""

    __slots__ = ("_map", "original", "text")

    def __init__(self, original: str) -> None:
        self.original = original
        self.text = fold(original)
        self._map: tuple[Sequence[int], Sequence[int]] | None = None

    def span(self, start: int, end: int) -> Span:
        """Return (start, end) in the original of what became `text[start:end]`, which isn't empty: whole graphemes."""
        if self._map is None:
            self._map = place_map(self.original, self.text)
        begins, ends = self._map
        return begins[start], ends[end - 1]

    @property
    def words(self) -> list[str]:
        """The words of the text as they stand: letters, digits and vowel signs; each emoji is one."""
        return split(self.text)

    def readings(self) -> Iterator[Reading]:
        """Yield the ways to read the text, the plain one first, and others only where they differ."""
        text = self.text
        copy = spaced(split(text))
        yield Reading(self, copy, text)
        alike = False
        if not text.isascii():
            other = latin_look(text, self.original)
            if alike := other != text:
                text, copy = other, spaced(split(other))
                yield Reading(self, copy, text, alike=True)
        for number, other in enumerate(unleet(text)):
            reading = Reading(self, spaced(split(other)), other, alike=alike)
            if number == 0:
                text, copy = other, reading.text
            yield reading
        places: str | Callable[[], list[Span]] = text
        if _SPACED_OUT.search(copy) and (joined := join_letters(text)):
            letters, cuts = joined
            copy = spaced([*split(letters), *(word for cut in cuts for word in (BREAK, cut))])
            places = functools.partial(joined_spans, text)
            yield Reading(self, copy, places, alike=alike)
        if _stretched(copy):
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
    words = split(fold(phrase))
    plain = " ".join(words)
    alike = plain if plain.isascii() else " ".join(look(words))
    return Forms(plain, alike, squeeze(plain))


def _stretched(copy: str) -> bool:
    """Tell whether letters may have been put in: one three times, or several twice."""
    # First of any characters, for that takes a third of the time.
    pairs = sum(1 for _ in islice(_PAIR.finditer(copy), SLIPS))
    if pairs == SLIPS and sum(1 for _ in islice(_DOUBLED.finditer(copy), SLIPS)) == SLIPS:
        return True
    return pairs > 0 and _REPEATED.search(copy) is not None


def squeeze(text: str) -> str:
    """Return a text in which each run of the same letter is one letter."""
    return _RUN.sub(r"\1", text)


@functools.lru_cache(1024)
def _run_lengths(text: str) -> list[int]:
    """Return how long each run is that `squeeze` makes one character of; 1 for all that isn't a letter."""
    return [found.end() - found.start() for found in _RUNS.finditer(text)]
