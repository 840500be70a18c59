"""Noise: shouting on and on, walls of symbols, towers of marks, stretched and tall messages, and empty ones."""

from __future__ import annotations

import re
import unicodedata
from collections import deque
from collections.abc import Iterable, Iterator
from itertools import groupby
from typing import Annotated, Literal

from msgspec import Meta

from tornado_chat import (
    Draft,
    Filter,
    Pass,
    PluginApi,
    PluginOptions,
    Reject,
    Replace,
    Role,
    Verdict,
    hookimpl,
    skeleton,
)

PASS = Pass()
SWEEP_AT = 1000
MAX_TEXT = 350  # UTF-16 units
SHOUTING = "Please don't shout: write in small letters"
# Combining marks of no script, without those that make keycaps and signs.
_ACCENT = "\u0300-\u036f\u0483-\u0489\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20dd\u20e1\u20e5-\u20f0\ufe20-\ufe2f"
_ACCENTS = re.compile(f"[{_ACCENT}]+")
_BREAKS = re.compile("\r\n|[\n\r\v\f\x1c-\x1e\x85\u2028\u2029]")
_BIDI = re.compile("[\u202a-\u202e\u2066-\u2069]")
_UNIT = re.compile(r"(.{2,8}?)\1{6,}", re.DOTALL)  # a bound on both: the time stays linear
# What belongs to the symbol before it: behind a joiner, the colour of a skin, the second half of a flag.
_JOINED = re.compile("(?<=\u200d)[\u2190-\U0001faff]|[\U0001f3fb-\U0001f3ff]|[\U0001f1e6-\U0001f1ff]{2}")
# What can't be seen, without what emoji need, and what Persian and Hindi put between letters now and then.
_HIDDEN = re.compile(
    "(?<=\\w)\u200d|[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b\u200c\u200e\u200f\u2060-\u2065\u206a-\u206f\u3164"
    "\ufe00-\ufe0e\ufeff\uffa0]"
)
_SHOWN = re.compile("[!-~\u00c0-\u02af\u0391-\u0481\u05d0-\u05ea\u3041-\u3096\u30a1-\u30fa\u4e00-\u9fff\uac00-\ud7a3]")
_NO_LETTERS = re.compile(r"[^\x00-\xff\w]")
_TOWERS = re.compile(r"[^\x00-\u02ff\w\s]{3,}")
_THRICE = re.compile(r"(.)\1\1")
_WORD = re.compile(r"[^\W\d_]+")
FEW_MARKS = 8
ALL_MARKED = 0.7  # marks for each character: Vietnamese and old Greek have half as many
SCRIPT_MARKS = 3  # Hebrew, Arabic, Thai and others stack so many more than Latin letters do


class Options(PluginOptions):
    """Keys of [plugin.noise]. 0, or false, turns a rule off."""

    action: Literal["reject", "replace"] = "reject"
    """Refuse the message, or make it quiet where that can be done."""
    caps: Annotated[float, Meta(ge=0, le=1)] = 0.7
    """The share of capitals among letters from which a message shouts."""
    caps_letters: Annotated[int, Meta(ge=1, le=350)] = 8
    """Letters from which a message can shout; it has two words, too."""
    caps_burst: Annotated[int, Meta(ge=0, le=100)] = 3
    """How often somebody may shout in `caps_seconds`."""
    caps_seconds: Annotated[int, Meta(ge=1, le=86_400)] = 120
    """In so many seconds."""
    run: Annotated[int, Meta(ge=0, le=350)] = 30
    """How often a character may be repeated; three times as many characters may be a repeated piece: hahaha."""
    symbols: Annotated[int, Meta(ge=0, le=350)] = 30
    """Emoji, boxes and other symbols in one message."""
    marks: Annotated[int, Meta(ge=0, le=20)] = 3
    """Marks on one letter, and that not on nearly all letters."""
    lines: Annotated[int, Meta(ge=0, le=350)] = 8
    """Lines of one message."""
    invisible: bool = True
    """Whether messages are refused that show nothing, or have what can't be seen between their letters."""
    bidi: bool = True
    """Whether what turns the direction of a text around is refused."""


class Shouts:
    """When each user shouted lately."""

    def __init__(self, most: int, seconds: float) -> None:
        self._most = most
        self._seconds = seconds
        self._times: dict[str, deque[float]] = {}  # self._times[folded uname] = when, oldest first
        self._sweep_at = SWEEP_AT

    def may(self, key: str, now: float) -> bool:
        """Tell whether a user may shout now, and note it."""
        times = self._times.setdefault(key, deque(maxlen=max(self._most, 1)))
        if len(times) >= self._most and (not times or times[0] > now - self._seconds):
            return False
        times.append(now)
        if len(self._times) > self._sweep_at:
            self._times = {key: times for key, times in self._times.items() if times[-1] > now - self._seconds}
            self._sweep_at = max(SWEEP_AT, 2 * len(self._times))
        return True


@hookimpl
def register_filters(api: PluginApi) -> Iterable[Filter]:
    options: Options = api.options
    shouts = Shouts(options.caps_burst, options.caps_seconds)

    async def check(draft: Draft) -> Verdict:
        if draft.user.role is not Role.MEMBER:
            return PASS
        text = draft.text
        if not text.isascii() and (told := _hopeless(text, options)):
            return Reject(told)
        found = list(_found(text, options))
        if options.caps and is_shouted(text, options.caps, options.caps_letters):
            # What is refused for something else isn't shown, and is no shout.
            refused = found and options.action == "reject"
            if not refused and not shouts.may(draft.user.key, api.monotonic()):
                found.append((SHOUTING, _small(found[-1][1] if found else text)))
        if not found:
            return PASS
        told, quiet = found[0][0], found[-1][1]
        return Replace(quiet) if options.action == "replace" and _can_be_said(quiet) else Reject(told)

    yield Filter(check)


def is_shouted(text: str, share: float, least: int) -> bool:
    """Tell whether a text of two words or more has so many letters, and this share of them are capitals."""
    capitals = sum(map(str.isupper, text))
    if capitals < share * least or len(_WORD.findall(text)) < 2:
        return False
    letters = capitals + sum(map(str.islower, text))  # what has no case doesn't count
    return letters >= least and capitals >= share * letters


def _hopeless(text: str, options: Options) -> str:
    """Return what is wrong with a message that can't be made quiet; empty for nothing."""
    if options.invisible and _SHOWN.search(text) is None and not skeleton(text).strip():
        return "Your message shows nothing"
    if options.symbols and _symbols(text) > options.symbols:
        return f"Your message has more than {options.symbols} symbols"
    return ""


def _found(text: str, options: Options) -> Iterator[tuple[str, str]]:
    """Yield what is wrong with a text, and the text without it and what was found before."""
    if options.run and (quiet := _shortened(text, options.run)) != text:
        yield "Your message repeats itself too often", (text := quiet)
    if options.lines and len(lines := _BREAKS.split(text)) > options.lines:
        yield (
            f"Your message has more than {options.lines} lines",
            (text := " ".join(filter(None, map(str.strip, lines)))),
        )
    if text.isascii():
        return
    if options.invisible and _hides(text):
        yield "Your message is full of characters that can't be seen", (text := _HIDDEN.sub("", text))
    if options.bidi and _turns(text):
        yield "Your message turns its direction around", (text := _BIDI.sub("", text))
    if options.marks and _is_drowned(text, options.marks):
        yield "Your message has too many marks on its letters", unicodedata.normalize("NFC", _bare(text))


def _small(text: str) -> str:
    """Return a text in small letters, and no longer than it is."""
    return "".join(small if len(small := char.lower()) == 1 else char for char in text)


def _can_be_said(text: str) -> bool:
    return bool(skeleton(text).strip()) and len(text.encode("utf-16-le")) <= 2 * MAX_TEXT


def _symbols(text: str) -> int:
    """Return how many emoji, boxes and other symbols a reader sees: a family is one, and so is a flag."""
    count = sum(unicodedata.category(char)[0] == "S" for char in _NO_LETTERS.findall(text))
    return count - len(_JOINED.findall(text)) if count else 0


def _shortened(text: str, most: int) -> str:
    """Return a text with runs of one character cut to `most`, and repeated pieces to three times as many characters."""
    if len(text) <= most:
        return text
    text = re.sub(rf"(.)\1{{{most},}}", lambda found: found[1] * most, text, flags=re.DOTALL)

    def piece(found: re.Match[str]) -> str:
        few = len(found[0]) <= 3 * most or "\u200d" in found[1]  # a family of emoji is one symbol
        return found[0] if few else found[1] * max(3 * most // len(found[1]), 1)

    return _UNIT.sub(piece, text) if len(text) > 3 * most else text


def _hides(text: str) -> bool:
    """Tell whether a text has one character that can't be seen for three others: Khmer has one for five."""
    count = len(_HIDDEN.findall(text))
    return count >= FEW_MARKS and 3 * count > len(text) - count


def _turns(text: str) -> bool:
    """Tell whether a text has a right-to-left override, or turns the direction and doesn't turn it back."""
    marks = _BIDI.findall(text)
    closing = sum(mark in "\u202c\u2069" for mark in marks)
    return "\u202e" in marks or len(marks) - closing > closing


def _is_drowned(text: str, most: int) -> bool:
    """Tell whether a letter has more than `most` marks, or nearly all characters have one."""
    apart = unicodedata.normalize("NFD", text)
    stacks = [len(stack) for stack in _ACCENTS.findall(apart)]
    count = sum(stacks)
    if max(stacks, default=0) > most or (count >= FEW_MARKS and count > ALL_MARKED * (len(apart) - count)):
        return True
    # Thai and others: towers of one mark, or of more than any word has.
    towers = [tower for run in _TOWERS.findall(apart) for tower in _marks(run)]
    return any(len(tower) > most + SCRIPT_MARKS or _THRICE.search(tower) is not None for tower in towers)


def _marks(run: str) -> Iterator[str]:
    """Yield the marks that stand one after another in a run of what isn't a letter."""
    for is_mark, group in groupby(run, lambda char: unicodedata.category(char)[0] == "M" and char != "\ufe0f"):
        if is_mark:
            yield "".join(group)


def _bare(text: str) -> str:
    """Return a text without marks of no script, and with one of each other kind where there were many."""
    apart = _ACCENTS.sub("", unicodedata.normalize("NFD", text))
    return "".join(
        char * (min(sum(1 for _ in run), 1) if unicodedata.category(char)[0] == "M" else sum(1 for _ in run))
        for char, run in groupby(apart)
    )
