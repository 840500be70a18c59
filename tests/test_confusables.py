"""Names that look alike, and names that mix scripts."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tornado_chat import mixes_scripts, name_skeleton, scripts_of, skeleton
from tornado_chat.confusables import prototypes


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("paypal", "раураl"),  # UTS #39's own example
        ("scope", "ѕсоре"),
        ("m", "rn"),
        ("Il1|", "llll"),
        ("O0", "00"),
        ("bob", "b\u200bo\u2060b"),
        ("bob", "bo\u202eb\u202c"),
        ("𝐛ob", "bob"),
        ("ａlice", "alice"),
        ("é", "e\u0301"),
    ],
)
def test_what_looks_alike_has_one_skeleton(one: str, other: str) -> None:
    assert skeleton(one) == skeleton(other)


@pytest.mark.parametrize(("one", "other"), [("bob", "Bob"), ("bob", "bоbby"), ("é", "e"), ("a", "b"), ("ж", "x")])
def test_what_looks_different_has_not(one: str, other: str) -> None:
    assert skeleton(one) != skeleton(other)


@pytest.mark.parametrize(
    "imitation",
    [
        *("admin", "ADMIN", "аdmin", "АDMIN", "adrnin", "adm1n", "ádmin", "ad\u200bmin", "ａｄｍｉｎ", "admın"),
        *("a\u0336dmin", "\u202eadmin", "𝒶𝒹𝓂𝒾𝓃", "aԁmin", "Admіn"),
    ],
)
def test_imitations_of_a_name_have_its_form(imitation: str) -> None:
    assert name_skeleton(imitation) == name_skeleton("Admin")


@pytest.mark.parametrize("other", ["adam", "badmin", "admins", "админ", "a dmin", ""])
def test_other_names_have_not(other: str) -> None:
    assert name_skeleton(other) != name_skeleton("Admin")


def test_a_capital_i_is_an_l() -> None:
    assert name_skeleton("aIice") == name_skeleton("Alice")


@pytest.mark.parametrize(
    ("text", "scripts"),
    [
        ("alice", {"Latn"}),
        ("Łódź_99", {"Latn"}),
        ("привет", {"Cyrl"}),
        ("λόγος", {"Grek"}),
        ("हिन्दी", {"Deva"}),
        ("東京タワーのひ", {"Jpan"}),
        ("ひらカタ", {"Jpan"}),
        ("한국漢", {"Kore"}),
        ("漢", {"Hani", "Hanb", "Jpan", "Kore"}),
        ("123", {"Zyyy"}),
        ("", {"Zyyy"}),
        ("😀", {"Zyyy"}),
        ("аlice", set()),
    ],
)
def test_the_scripts_of_a_text(text: str, scripts: set[str]) -> None:
    assert scripts_of(text) == scripts


@pytest.mark.parametrize("text", ["аlice", "admіn", "αbc", "Ωmega", "a한カ", "abcऄ", "жα", "ᎪᎷⅠN"])
def test_mixed_scripts_are_told(text: str) -> None:
    assert mixes_scripts(text)


@pytest.mark.parametrize(
    "text",
    [
        "alice",
        "привет",
        "東京Tokyo",
        "ひらabc",
        "漢字abcㄅ",
        "한국abc",
        "Łódź",
        "हिन्दी99",
        "x_y-z",
        "",
        "ali😀ce",
        "עברית",
    ],
)
def test_what_languages_mix_is_fine(text: str) -> None:
    assert not mixes_scripts(text)


def test_prototypes_are_prototypes_themselves() -> None:
    looks = prototypes()
    assert len(looks) > 6000
    # Those that NFD takes apart are never looked up, and the parts of a few prototypes look like others.
    whole = [char for char in looks if unicodedata.normalize("NFD", char + looks[char]) == char + looks[char]]
    assert [char for char in whole if skeleton(looks[char]) != skeleton(char)] == []


@given(st.text())
def test_equal_texts_have_one_skeleton(text: str) -> None:
    assert skeleton(unicodedata.normalize("NFC", text)) == skeleton(text)


@given(st.text())
def test_nothing_raises(text: str) -> None:
    name_skeleton(text)
    assert isinstance(mixes_scripts(text), bool)
    assert name_skeleton(text.upper().lower()) is not None
