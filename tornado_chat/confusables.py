"""Which names look alike, and which mix scripts: UTS #39, Unicode Security Mechanisms."""

from __future__ import annotations

import functools
import re
import unicodedata
from bisect import bisect_right
from collections.abc import Iterator, Mapping

from tornado_chat import unicode_tables

_COMMON = frozenset({"Zyyy", "Zinh"})
# UTS #39, 5.1: writing systems of several scripts, as if each were a script.
_AUGMENTED = {
    "Hani": {"Hanb", "Jpan", "Kore"},
    "Hira": {"Jpan"},
    "Kana": {"Jpan"},
    "Bopo": {"Hanb"},
    "Hang": {"Kore"},
}
# UTS #39, 5.2, Highly Restrictive: what may be written together.
_TOGETHER = (frozenset({"Latn", "Jpan"}), frozenset({"Latn", "Hanb"}), frozenset({"Latn", "Kore"}))


def skeleton(text: str) -> str:
    """Return the skeleton of UTS #39: equal for two texts that look alike, such as `paypal` and its Cyrillic double.

    It is for comparing, not for showing: the skeleton of `m` is `rn`. Case stays; for names, take `name_skeleton`.
    """
    looks = prototypes()
    shown = ignorable().sub("", unicodedata.normalize("NFD", text))
    return unicodedata.normalize("NFD", "".join([looks.get(char, char) for char in shown]))


def name_skeleton(name: str) -> str:
    """Return a form that is equal for two names which a reader may take for one another.

    Coarser than `skeleton`: case and accents don't count, and `I`, `l`, `i`, `1` and `|` are one letter, for a capital
    I is an l to the eye and an i once the case is gone. Two honest names may have the same form, so compare with the
    few that must not be imitated, such as the names of staff.
    """
    shown = ignorable().sub("", unicodedata.normalize("NFKD", name)).casefold()
    bare = ACCENTS.sub("", skeleton(ACCENTS.sub("", unicodedata.normalize("NFKD", shown))))
    return re.sub("[i|]", "l", bare.casefold())


def scripts_of(text: str) -> frozenset[str]:
    """Return the scripts (ISO 15924: `Latn`, `Cyrl`) in any of which all of the text can be written.

    This is the resolved script set of UTS #39, 5.1: empty where the text needs more than one script. Japanese, Korean
    and Chinese with Bopomofo count as one each (`Jpan`, `Kore`, `Hanb`). Text without letters can be written in
    every script: `{"Zyyy"}`.
    """
    common: frozenset[str] | None = None
    for char in text:
        scripts = _scripts_of_char(char)
        if not scripts & _COMMON:
            common = scripts if common is None else common & scripts
    return frozenset({"Zyyy"}) if common is None else common


def mixes_scripts(text: str) -> bool:
    """Tell whether a text mixes scripts in a way that no language does: Latin with Cyrillic, say.

    Not so where it is of one script, or of Latin and Japanese, Chinese or Korean: level Highly Restrictive of
    UTS #39, 5.2, for any characters.
    """
    if text.isascii() or scripts_of(text):
        return False
    needed = [scripts for char in text if not (scripts := _scripts_of_char(char)) & _COMMON]
    return not any(all(scripts & together for scripts in needed) for together in _TOGETHER)


@functools.cache
def ignorable() -> re.Pattern[str]:
    """Return a pattern for runs of what shows nothing: Default_Ignorable_Code_Point, and control characters.

    Spaces such as tab and newline aren't among them. The blank Braille pattern is.
    """
    return re.compile(f"[{char_class(unicode_tables.IGNORABLE)}\\x00-\\x08\\x0e-\\x1f\\x7f-\\x84\\x86-\\x9f\u2800]+")


# Combining marks of no script: accents, what crosses out and circles, and the Cyrillic ones.
ACCENTS = re.compile("[\u0300-\u036f\u0483-\u0489\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe20-\ufe2f]+")


def char_class(table: str) -> str:
    """Return a table of ranges as the inside of a character class of a regular expression."""
    return "".join(f"\\U{first:08x}-\\U{last:08x}" for first, last in _ranges(table))


@functools.cache
def prototypes() -> Mapping[str, str]:
    """Return what each character of confusables.txt looks like."""
    found = {}
    for entry in unicode_tables.CONFUSABLES.split(";")[:-1]:
        looks, _, table = entry.partition(":")
        prototype = "".join(chr(int(point, 16)) for point in looks.split())
        for first, last in _ranges(table):
            for point in range(first, last + 1):
                found[chr(point)] = prototype
    return found


@functools.cache
def _script_ranges() -> tuple[list[int], list[tuple[int, frozenset[str]]]]:
    """Return where ranges begin, and for each where it ends and of which scripts it is."""
    found = []
    for entry in unicode_tables.SCRIPTS.split(";")[:-1]:
        names, _, table = entry.partition(":")
        scripts = set(names.split())
        for name in tuple(scripts):
            scripts |= _AUGMENTED.get(name, set())
        found += [(first, last, frozenset(scripts)) for first, last in _ranges(table)]
    found.sort(key=lambda row: row[0])
    return [first for first, _, _ in found], [(last, scripts) for _, last, scripts in found]


def _scripts_of_char(char: str) -> frozenset[str]:
    begins, rows = _script_ranges()
    point = ord(char)
    last, scripts = rows[max(bisect_right(begins, point) - 1, 0)]
    return scripts if begins[0] <= point <= last else _COMMON


def _ranges(table: str) -> Iterator[tuple[int, int]]:
    for part in table.split():
        first, _, last = part.partition("-")
        yield int(first, 16), int(last or first, 16)
