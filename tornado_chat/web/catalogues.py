"""The chatbox's texts, a catalogue for each language, and which of them a visitor is given."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import msgspec

TEXTS = Path(__file__).parent / "texts"
SOURCE = "en"  # what a catalogue doesn't have, and who wants none of them, gets this one's
RIGHT_TO_LEFT = frozenset({"ar", "ckb", "dv", "fa", "he", "ps", "sd", "ug", "ur", "yi"})
MAX_HEADER = 1000  # characters of an Accept-Language that are looked at
MAX_RANGES = 32

_TAG = re.compile(r"[A-Za-z]{1,8}(?:-[A-Za-z0-9]{1,8}){0,8}", re.ASCII)
_RANGE = re.compile(r"\s*([A-Za-z0-9*-]{1,64})\s*(?:;\s*q\s*=\s*([01](?:\.[0-9]{0,3})?)\s*)?", re.ASCII)


@dataclass(frozen=True, slots=True)
class Catalogue:
    """The texts of one language, as JSON too. `direction` is ltr or rtl."""

    lang: str
    direction: str
    texts: Mapping[str, str]
    encoded: msgspec.Raw


class Catalogues:
    """Every language of a folder: files such as `de.json`, a flat object of key to text."""

    def __init__(self, folder: Path = TEXTS) -> None:
        read = {path.stem.lower(): (path.stem, _read(path)) for path in sorted(folder.glob("*.json"))}
        source = read[SOURCE][1]
        self._catalogues = {key: _catalogue(lang, source | texts) for key, (lang, texts) in read.items()}

    @property
    def languages(self) -> list[str]:
        """The languages that there are."""
        return [catalogue.lang for catalogue in self._catalogues.values()]

    def choose(self, asked: str, accepted: str) -> Catalogue:
        """Return what a visitor is given who asks for one language, and whose browser sends an Accept-Language.

        Both may be anything; what is no language, or none of these, is passed over.
        """
        wanted = [asked] if _TAG.fullmatch(asked) else []
        for tag in [*wanted, *_accepted(accepted)]:
            if (found := self._look_up(tag)) is not None:
                return found
        return self._catalogues[SOURCE]

    def _look_up(self, tag: str) -> Catalogue | None:
        """Return the catalogue of a language tag, or of what it is a kind of: de for de-AT (RFC 4647, 3.4)."""
        parts = tag.lower().split("-")
        candidates = ("-".join(parts[:length]) for length in range(len(parts), 0, -1))
        return next((self._catalogues[key] for key in candidates if key in self._catalogues), None)


def _accepted(header: str) -> list[str]:
    """Return the languages of an Accept-Language, the dearest first; without those that are not wanted (q=0)."""
    return [tag for _, tag in sorted(_ranges(header), key=lambda each: -each[0])]


def _ranges(header: str) -> Iterator[tuple[float, str]]:
    for part in header[:MAX_HEADER].split(",", MAX_RANGES)[:MAX_RANGES]:
        match = _RANGE.fullmatch(part)
        if match is None or not _TAG.fullmatch(match.group(1)):
            continue
        quality = min(float(match.group(2) or 1), 1.0)
        if quality > 0:
            yield quality, match.group(1)


def _read(path: Path) -> dict[str, str]:
    return msgspec.json.decode(path.read_bytes(), type=dict[str, str])


def _catalogue(lang: str, texts: Mapping[str, str]) -> Catalogue:
    direction = "rtl" if lang.partition("-")[0] in RIGHT_TO_LEFT else "ltr"
    return Catalogue(lang, direction, texts, msgspec.Raw(msgspec.json.encode(texts)))
