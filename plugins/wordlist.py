"""Words that an app doesn't want: lists of them, and what becomes of a message that has one."""

from __future__ import annotations

import unicodedata
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import accumulate
from typing import Annotated, Any, Literal

import ahocorasick
from msgspec import Meta

from tornado_chat import (
    Action,
    AlertStaff,
    Draft,
    Filter,
    Hold,
    MuteSender,
    Normalised,
    Pass,
    PluginApi,
    PluginOptions,
    Reading,
    Reject,
    Replace,
    Role,
    Verdict,
    graphemes,
    hookimpl,
    normalise,
    search_forms,
)

try:
    import re2
except ImportError:
    re2 = None

COVER = "■"
MAX_REGEX = 260  # characters, as Discord's
PASS = Pass()
RANK = ("reject", "mute", "hold", "replace", "flag")
Span = tuple[int, int]


class WordList(PluginOptions):
    """One list: the keys of [plugin.wordlist] and of each [[plugin.wordlist.lists]]."""

    name: str = ""
    """What staff are told where it hits, and the room as the reason of a mute."""
    words: tuple[str, ...] = ()
    """Words and phrases, in any case. `cat` is a whole word; `cat*` begins, `*cat` ends one; `*cat*` is anywhere."""
    regex: Annotated[tuple[Annotated[str, Meta(min_length=1, max_length=MAX_REGEX)], ...], Meta(max_length=100)] = ()
    """Patterns of RE2, in any case."""
    allow: tuple[str, ...] = ()
    """Words and phrases, with the same wildcards, in which nothing is found."""
    action: Literal["reject", "replace", "hold", "flag", "mute"] = "reject"
    """What becomes of the message."""
    message: str = "Your message has a word that is not allowed here"
    """What the sender of a refused message is told."""
    mute_seconds: Annotated[int, Meta(ge=1, le=366 * 86_400)] = 600
    """How long `mute` mutes."""
    exempt: tuple[Role, ...] = ()
    """Roles that the list isn't for."""

    def __post_init__(self) -> None:
        for key in ("words", "allow"):
            for index, word in enumerate(getattr(self, key)):
                if (wrong := _fault_of(word)) is not None:
                    raise ValueError(f"{key}[{index}]: {word!r} {wrong}")
        for index, pattern in enumerate(self.regex):
            _compile(pattern, f"regex[{index}]: {pattern!r}")
        if self.regex:
            _compile_all(self.regex)


class Options(WordList):
    """Keys of [plugin.wordlist]: a list, and further ones."""

    lists: tuple[WordList, ...] = ()
    """More lists, each with the keys above."""


@hookimpl
def register_filters(api: PluginApi) -> Iterable[Filter]:
    options: Options = api.options
    lists = [each for each in (options, *options.lists) if each.words or each.regex]
    if not lists:
        return
    finder = Finder(lists)

    async def check(draft: Draft) -> Verdict:
        source = Source(draft.text)
        hit = finder.hit(source, draft.user.role)
        return _verdict(draft, [lists[index] for index in hit], lambda: finder.spans(source, hit)) if hit else PASS

    yield Filter(check)


def _verdict(draft: Draft, hit: Sequence[WordList], spans: Callable[[], Iterable[Span]]) -> Verdict:
    """Return what becomes of a message that these lists hit; `spans` is what those that cover words have in it."""
    first = min(hit, key=lambda each: RANK.index(each.action))
    actions: list[Action] = []
    if flagging := [_name(each) for each in hit if each.action == "flag"]:
        said = " ".join(draft.text.split())
        actions.append(AlertStaff(f"{draft.user.uname} used a word of {', '.join(flagging)}: {said}"))
    if muting := [each for each in hit if each.action == "mute"]:
        longest = max(muting, key=lambda each: each.mute_seconds)
        actions.append(MuteSender(longest.mute_seconds, _name(longest)))
    match first.action:
        case "reject" | "mute":
            return Reject(first.message, actions=tuple(actions))
        case "hold":
            return Hold(f"it has a word of {_name(first)}", actions=tuple(actions))
        case "replace":
            return Replace(_cover(draft.text, spans()), actions=tuple(actions))
    return Pass(actions=tuple(actions))


def _name(words: WordList) -> str:
    return words.name or "the word list"


def _cover(text: str, spans: Iterable[Span]) -> str:
    """Put a ■ for each character that shows in `spans`; the rest stays as it is."""
    covered = bytearray(len(text))
    for start, end in spans:
        covered[start:end] = b"\1" * (end - start)
    return "".join(
        COVER if any(covered[start:end]) and not text[start].isspace() else text[start:end]
        for start, end in graphemes(text)
    )


class Source:
    """A message's text, its readings, and where it has what its lists allow."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.normalised = normalise(text)
        self._exact: tuple[str, list[Span]] | None = None
        self._allowed: dict[int, tuple[list[int], list[int]]] = {}  # self._allowed[list] = (starts, furthest ends)

    def span(self, start: int, end: int) -> Span:
        """Where a part of `text` is in it."""
        return start, end

    @property
    def places(self) -> tuple[Normalised | Source, ...]:
        """What patterns are looked for in: the folded text, and the text itself where it has more to it than case."""
        return (self.normalised,) if self.text.isascii() else (self.normalised, self)

    def allows(self, number: int, allow: Any, span: Span) -> bool:
        """Tell whether the automaton `allow`, that of list `number`, finds something that all of `span` lies in."""
        if number not in self._allowed:
            words, spans = self._exact_words()
            found = sorted(_spans_of(allow, words, spans))
            self._allowed[number] = [start for start, _ in found], list(accumulate((end for _, end in found), max))
        starts, ends = self._allowed[number]
        position = bisect_right(starts, span[0])
        return position > 0 and ends[position - 1] >= span[1]

    def _exact_words(self) -> tuple[str, list[Span]]:
        """Return the words as they are spelled, accents and all, and where they are: what is allowed is no disguise."""
        if self._exact is None:
            spans = next(self.normalised.readings()).spans
            self._exact = _spaced(_spelling(self.text[start:end]) for start, end in spans), spans
        return self._exact


class Finder:
    """Finds the words of all lists in one pass over each reading of a text (Aho-Corasick), linear in the text."""

    def __init__(self, lists: Sequence[WordList]) -> None:
        plain: Table = {}
        alike: Table = {}
        squeezed: Table = {}
        anywhere = _anywhere(lists)
        for number, each in enumerate(lists):
            for word in each.words:
                before, core, after = _parts(word)
                forms = search_forms(core)
                if _is_in_another(forms.plain, number, before == after == "", anywhere):
                    continue
                whole = before + forms.plain + after
                _add(plain, whole, whole, number)
                _add(squeezed, before + forms.squeezed + after, whole, number)
                if forms.alike != forms.plain:
                    _add(alike, before + forms.alike + after, whole, number)
        self._plain = _automaton(plain)
        self._alike = _automaton(alike)
        self._squeezed = _automaton(squeezed)
        self._regex = [(number, _compile_all(each.regex)) for number, each in enumerate(lists) if each.regex]
        self._allow = [_allowing(each.allow) for each in lists]
        self._covering = {number for number, each in enumerate(lists) if each.action == "replace"}
        self._asked = {role: {n for n, each in enumerate(lists) if role not in each.exempt} for role in Role}

    def hit(self, source: Source, role: Role) -> list[int]:
        """Return the numbers of the lists that have something in a text of a user with this role."""
        left = set(self._asked[role])
        found = []
        for number, place, start, end in self._matches(source):
            if number in left and not self._allows(source, number, place, start, end):
                left.remove(number)
                found.append(number)
                if not left:
                    break
        return sorted(found)

    def spans(self, source: Source, hit: Sequence[int]) -> Iterator[Span]:
        """Yield (start, end) in the text of what those of these lists have in it that cover words."""
        for number, place, start, end in self._matches(source):
            if number in self._covering and number in hit and not self._allows(source, number, place, start, end):
                yield place.span(start, end)

    def _allows(self, source: Source, number: int, place: Place, start: int, end: int) -> bool:
        allow = self._allow[number]
        return allow is not None and source.allows(number, allow, place.span(start, end))

    def _matches(self, source: Source) -> Iterator[tuple[int, Place, int, int]]:
        """Yield (number of the list, what it has something in, start, end)."""
        for reading in source.normalised.readings():
            if reading.squeezed:
                yield from _found(self._squeezed, reading)
                continue
            yield from _found(self._plain, reading)
            if reading.alike:
                yield from _found(self._alike, reading)
        for number, pattern in self._regex:
            for place in source.places:
                for match in pattern.finditer(place.text):
                    if match.end() > match.start():
                        yield number, place, match.start(), match.end()


Place = Reading | Normalised | Source
# By what is to be found, what it stands for and the number of its list, several where lists share it.
Table = dict[str, list[tuple[str, int]]]


def _add(table: Table, form: str, whole: str, number: int) -> None:
    entries = table.setdefault(form, [])
    if (whole, number) not in entries:
        entries.append((whole, number))


def _anywhere(lists: Sequence[WordList]) -> Any:
    """Return an automaton of the words that lists look for anywhere."""
    table: Table = {}
    for number, each in enumerate(lists):
        for word in each.words:
            before, core, after = _parts(word)
            if before == after == "":
                form = search_forms(core).plain
                _add(table, form, form, number)
    return _automaton(table)


def _is_in_another(form: str, number: int, is_anywhere: bool, anywhere: Any) -> bool:
    """Tell whether list `number` finds all that has this word by a shorter `*word*`.

    Without those, a text can't have more of what is in the list than is linear in its length.
    """
    if anywhere is None or " " in form:
        return False
    return any(
        one == number and not (is_anywhere and other == form)
        for _, (_, entries) in anywhere.iter(form)
        for other, one in entries
    )


def _automaton(table: Table) -> Any:
    """Return an automaton that finds the keys of a table, with (length, entries) for each; None for an empty table."""
    if not table:
        return None
    automaton = ahocorasick.Automaton()
    for form, entries in table.items():
        automaton.add_word(form, (len(form), entries))
    automaton.make_automaton()
    return automaton


def _found(automaton: Any, reading: Reading) -> Iterator[tuple[int, Place, int, int]]:
    if automaton is None:
        return
    for last, (size, entries) in automaton.iter(reading.text):
        start = last + 1 - size
        for whole, number in entries:
            if reading.holds(start, whole):
                yield number, reading, start, last + 1


def _parts(word: str) -> tuple[str, str, str]:
    """Return what a word must begin with, what it is, and what it must end with: a space where there is no wildcard."""
    core = word.strip()
    before = "" if core.startswith("*") else " "
    after = "" if core.endswith("*") else " "
    return before, core.removeprefix("*").removesuffix("*"), after


def _fault_of(word: str) -> str | None:
    """Return what is wrong with a word of a list."""
    _, core, _ = _parts(word)
    if core.isascii() and core.isalnum():
        return None
    if "*" in core:
        return "has a * within; it may be at the beginning and at the end"
    folded = normalise(core)
    spans = next(folded.readings()).spans
    if not spans:
        return "has no letters, digits or emoji"
    if spans[0][0] != 0 or spans[-1][1] != len(core):
        return "begins or ends with a sign, and signs aren't looked at; write only the letters, or take a regex"
    return None


def _spelling(word: str) -> str:
    return unicodedata.normalize("NFC", word.casefold())


def _spaced(words: Iterable[str]) -> str:
    return f" {' '.join(words)} "


def _allowing(allow: Iterable[str]) -> Any:
    table: Table = {}
    for word in allow:
        before, core, after = _parts(word)
        spans = next(normalise(core).readings()).spans
        form = before + " ".join(_spelling(core[start:end]) for start, end in spans) + after
        _add(table, form, form, 0)
    return _automaton(table)


def _spans_of(automaton: Any, text: str, spans: Sequence[Span]) -> Iterator[Span]:
    """Yield where the words are in which the automaton finds something; `spans` has where each word is."""
    for last, (size, _) in automaton.iter(text):
        start = last + 1 - size
        first = text.count(" ", 0, start + (text[start] == " ")) - 1
        final = text.count(" ", 0, last + (text[last] != " ")) - 1
        yield spans[first][0], spans[final][1]


def _compile(pattern: str, at: str) -> Any:
    """Compile a pattern with RE2, whose time is linear in the text. Raises ValueError, which begins with `at`."""
    if re2 is None:
        raise ValueError(f"{at}: needs google-re2: pip install 'tornado-chat[re2]'")
    options = re2.Options()
    options.case_sensitive = False
    options.log_errors = False
    try:
        compiled = re2.compile(pattern, options)
    except (re2.error, UnicodeEncodeError) as error:
        reason = error.args[0].decode("utf-8", "replace") if isinstance(error, re2.error) else "no valid Unicode"
        raise ValueError(f"{at}: {reason}") from None
    if compiled.search("") is not None:
        raise ValueError(f"{at}: it matches the empty text, and so every message")
    return compiled


def _compile_all(patterns: Sequence[str]) -> Any:
    return _compile("|".join(f"(?:{pattern})" for pattern in patterns), "regex")
