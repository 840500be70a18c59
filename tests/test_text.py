"""Text as JavaScript counts and trims it, as one line of a log, and durations in words."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tornado_chat.text import because, duration_text, is_unicode, js_length, js_trim, listing, one_line, span_text

ANY_TEXT = st.text(st.characters(exclude_categories=()))  # lone surrogates too
SPACES = "\t\n\v\f\r \u00a0\u1680\u2000\u200a\u2028\u2029\u202f\u205f\u3000\ufeff"


@pytest.mark.parametrize("space", SPACES, ids=ascii)
def test_javascript_white_space_is_trimmed_on_both_sides(space: str) -> None:
    assert js_trim(f"{space}{space}a{space}b{space}") == f"a{space}b"


@pytest.mark.parametrize("char", "\u0085\u001c\u001d\u001e\u001f\u180e\u200b\0", ids=ascii)
def test_what_javascript_does_not_trim_stays(char: str) -> None:
    assert js_trim(f"{char}a{char}") == f"{char}a{char}"


def test_a_text_of_white_space_trims_to_nothing() -> None:
    assert js_trim(SPACES) == ""


@given(ANY_TEXT)
@settings(deadline=None)
def test_trimming_twice_changes_nothing(text: str) -> None:
    assert js_trim(js_trim(text)) == js_trim(text)


@pytest.mark.parametrize(
    ("text", "length"),
    [("", 0), ("abc", 3), ("é", 1), ("\uffff", 1), ("\U00010000", 2), ("😀" * 175, 350), ("👩‍👩‍👧", 8)],
)
def test_length_is_in_utf_16_units(text: str, length: int) -> None:
    assert js_length(text) == length


@given(ANY_TEXT)
@settings(deadline=None)
def test_length_is_half_the_bytes_of_utf_16(text: str) -> None:
    assert js_length(text) == len(text.encode("utf-16-le", "surrogatepass")) // 2


@pytest.mark.parametrize("text", ["", "abc", "😀", "\0", "\ud7ff", "\ue000", "\uffff"], ids=ascii)
def test_text_without_surrogates_is_unicode(text: str) -> None:
    assert is_unicode(text)


@pytest.mark.parametrize("text", ["\ud800", "a\udfffb", "\ude00\ud83d"], ids=ascii)
def test_a_surrogate_code_point_is_not_unicode(text: str) -> None:
    assert not is_unicode(text)


@given(ANY_TEXT)
@settings(deadline=None)
def test_unicode_is_what_utf_8_can_encode(text: str) -> None:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        assert not is_unicode(text)
    else:
        assert is_unicode(text)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("bob", "bob"),
        ("a b", "a b"),
        ("Zoë 😀", "Zoë 😀"),
        ("bob\r\nlogin ok", "bob\\r\\nlogin ok"),
        ("\x1b[2Jgone", "\\x1b[2Jgone"),
        ("a\0b", "a\\x00b"),
        ("a\u2028b", "a\\u2028b"),
        ("\u202eevil", "\\u202eevil"),
        ("\ud800", "\\ud800"),
    ],
    ids=ascii,
)
def test_one_line_escapes_what_is_not_printable(text: str, line: str) -> None:
    assert one_line(text) == line


def test_one_line_keeps_a_text_of_just_the_limit() -> None:
    assert one_line("x" * 200) == "x" * 200


def test_one_line_clips_a_longer_text_and_shows_that_it_did() -> None:
    assert one_line("x" * 201) == "x" * 199 + "…"


@pytest.mark.parametrize("limit", [1, 5, 200])
def test_one_line_is_at_most_the_limit_where_characters_are_escaped(limit: int) -> None:
    assert len(one_line("\x1b" * 1000, limit)) <= limit


@given(ANY_TEXT)
@settings(deadline=None)
def test_one_line_is_printable_and_can_be_written(text: str) -> None:
    line = one_line(text)
    assert line.isprintable()
    assert is_unicode(line)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (600, "10 min"),
        (60, "1 min"),
        (90, "1 min 30 s"),
        (30, "30 s"),
        (0, "0 s"),
        (0.001, "1 s"),
        (59.2, "1 min"),
        (60.5, "1 min 1 s"),
        (86_400, "1440 min"),
    ],
)
def test_a_duration_is_in_minutes_and_has_seconds_only_where_needed(seconds: float, text: str) -> None:
    assert duration_text(seconds) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0 s"),
        (0.2, "1 s"),
        (59, "59 s"),
        (90, "1 min 30 s"),
        (3600, "1 h"),
        (3601, "1 h"),
        (7500, "2 h 5 min"),
        (86_399.5, "1 d"),
        (273_600, "3 d 4 h"),
        (31_536_000, "365 d"),
    ],
)
def test_a_span_is_in_its_two_largest_units(seconds: float, text: str) -> None:
    assert span_text(seconds) == text


def test_a_list_is_told_in_pages() -> None:
    asked: list[int] = []

    def line(item: int) -> str:
        asked.append(item)
        return f"number {item}\nx"

    assert listing([], line, 1, "none") == "none"
    assert listing([7], line, 9, "none") == "number 7\\nx"
    asked.clear()
    page = listing(range(41), line, 2, "none").split("\n")
    assert asked == list(range(20, 40))
    assert (page[0], page[-2:]) == ("number 20\\nx", ["number 39\\nx", "page 2 of 3"])
    assert listing(range(41), line, 4, "none").split("\n")[0] == "number 40\\nx"
    assert listing("abc", lambda letter: letter * 5000, 2, "none", size=2) == "c" * 3799 + "…\npage 2 of 2"
    assert len(listing(range(20), lambda _: "\x1b" * 1000, 1, "none")) <= 8000


def test_a_reason_stands_behind_what_was_done_where_there_is_one() -> None:
    assert f"eve was muted{because('spamming')}" == "eve was muted: spamming"
    assert f"eve was muted{because('')}" == "eve was muted"
