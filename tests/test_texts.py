"""The chatbox's catalogues: every language says the same things, and nothing that isn't said anywhere."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from tornado_chat.web.catalogues import TEXTS, Catalogues

WEB = TEXTS.parent
SOURCES = "\n".join(
    path.read_text("utf-8")
    for path in [*(WEB / "box").glob("**/*.ts"), *WEB.glob("*.py")]
    if "node_modules" not in path.parts
)
ENGLISH: dict[str, str] = json.loads((TEXTS / "en.json").read_text("utf-8"))
OTHERS = [path for path in TEXTS.glob("*.json") if path.stem != "en"]
PLURAL = re.compile(r"\.(zero|one|two|few|many|other)$")


def stems(texts: dict[str, str]) -> set[str]:
    """Return the keys, with those of the same text for several numbers as one: languages have different plurals."""
    return {PLURAL.sub("", key) if f"{PLURAL.sub('', key)}.other" in texts else key for key in texts}


def placeholders(texts: dict[str, str], stem: str) -> set[str]:
    found = [text for key, text in texts.items() if stem in (key, PLURAL.sub("", key))]
    return {name for text in found for name in re.findall(r"\{(\w+)\}", text)}


@pytest.mark.parametrize("path", OTHERS, ids=lambda path: path.stem)
def test_every_language_says_the_same_with_the_same_parts(path: Path) -> None:
    texts: dict[str, str] = json.loads(path.read_text("utf-8"))
    assert stems(texts) ^ stems(ENGLISH) == set()
    for stem in stems(texts):
        assert placeholders(texts, stem) == placeholders(ENGLISH, stem), stem
    assert [key for key, text in texts.items() if not text.strip()] == []


@pytest.mark.parametrize("path", [*OTHERS, TEXTS / "en.json"], ids=lambda path: path.stem)
def test_a_catalogue_is_in_the_order_of_its_keys_and_has_each_once(path: Path) -> None:
    keys = [key for key, _ in json.loads(path.read_text("utf-8"), object_pairs_hook=list)]
    assert keys == sorted(set(keys))


def used(key: str) -> bool:
    """Tell whether the sources name a key, or make it of its beginning and something else, as `role.${role}`."""
    prefix = key.rpartition(".")[0]
    return f'"{key}"' in SOURCES or f"`{prefix}.${{" in SOURCES or f'"{prefix}."' in SOURCES


def test_every_text_is_used() -> None:
    assert [key for key in sorted(stems(ENGLISH)) if not used(key)] == []


def test_every_text_that_the_sources_ask_for_is_there() -> None:
    asked = set(re.findall(r'\bt\("([\w.-]+)"', SOURCES)) | set(re.findall(r'texts\["([\w.-]+)"\]', SOURCES))
    assert len(asked) > 20
    assert asked - stems(ENGLISH) == set()


def test_there_are_two_languages_at_least() -> None:
    assert {"de", "en"} <= set(Catalogues().languages)
