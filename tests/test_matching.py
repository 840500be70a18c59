"""Text made ready to look for words in: what is folded, how it can be read, and where that is in the original."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tornado_chat import Reading, graphemes, normalise, search_forms

ZALGO = "d\u0336\u0351\u035ca\u0315\u0334r\u0361\u0489\u031bn\u0337\u0353"


def texts(text: str) -> list[str]:
    return [reading.text for reading in normalise(text).readings()]


def found(word: str, text: str) -> str | None:
    """Return what of `text` a whole word or phrase is found in, None where it isn't."""
    for reading in normalise(text).readings():
        if (place := place_of(word, reading)) is not None:
            start, end = reading.span(*place)
            return text[start:end]
    return None


def place_of(word: str, reading: Reading) -> tuple[int, int] | None:
    forms = search_forms(word)
    wanted = [forms.squeezed] if reading.squeezed else [forms.plain, forms.alike] if reading.alike else [forms.plain]
    for form in wanted:
        start = reading.text.find(f" {form} ")
        if start >= 0 and reading.holds(start, f" {forms.plain} "):
            return start, start + len(form) + 2
    return None


@pytest.mark.parametrize(
    ("text", "folded"),
    [
        ("Hello, World!", "hello, world!"),
        ("STRASSE straße", "strasse strasse"),
        ("ｆｕｌｌ ｗｉｄｔｈ", "full width"),
        ("𝓫𝓪𝓭 𝕓𝕒𝕕 ⓑⓐⓓ", "bad bad bad"),
        ("café cafe\u0301", "cafe cafe"),
        ("ё й ї", "е и і"),
        ("ΣΊΣΥΦΟΣ", "σισυφοσ"),
        ("z\u200be\u200dr\u2060o\ufeff", "zero"),
        ("\u202edrow\u202c \u2066x\u2069", "drow x"),
        ("so\u00adft", "soft"),
        ("b\x01a\x7fd", "bad"),
        ("a\tb\nc", "a\tb\nc"),
        (ZALGO, "darn"),
        ("b\u0e34a\u0fb7d", "bad"),  # marks of other scripts on Latin letters
        ("4\u0e34", "4"),
    ],
)
def test_what_is_folded(text: str, folded: str) -> None:
    assert normalise(text).text == folded


@pytest.mark.parametrize(
    "text",
    [
        "यह हिन्दी है",
        "ภาษาไทยที่นี่",
        "عَرَبِيّ",
        "עִבְרִית",
        "한국어",
        "日本語が",
        "தமிழ்",
        "မြန်မာ",
        "ខ្មែរ",
        "বাংলা",
        "ქართული",
        "አማርኛ",
        "sık",
    ],
)
def test_writing_keeps_what_it_needs(text: str) -> None:
    assert normalise(text).text == unicodedata.normalize("NFC", unicodedata.normalize("NFKD", text))
    assert len(texts(text)) == 1
    assert normalise(text).words == normalise(text).text.split()


@pytest.mark.parametrize("text", ["👩‍💻", "👨‍👩‍👧‍👦", "🇺🇸", "👍🏽", "❤️", "1️⃣", "🏴󠁧󠁢󠁥󠁮󠁧󠁿"])
def test_an_emoji_is_one_grapheme_and_has_one_reading(text: str) -> None:
    assert list(graphemes(f"a{text}b")) == [(0, 1), (1, 1 + len(text)), (1 + len(text), 2 + len(text))]
    assert len(texts(f"hi {text} you")) == 1


def test_flags_are_told_apart() -> None:
    assert list(graphemes("🇺🇸🇬🇧🇩🇪")) == [(0, 2), (2, 4), (4, 6)]


@pytest.mark.parametrize(
    "text",
    [
        "darn",
        "DARN!",
        "d\u0430rn",  # Cyrillic а
        "ԁаrn",
        "ɗarn",
        "dαrn",
        "ᴅᴀʀɴ",
        "ꓓꓮꓣꓠ",  # Lisu, all of it
        "🅳🅰🆁🅽",
        "🇩🇦🇷🇳",
        "ⓓⓐⓡⓝ",
        "ｄａｒｎ",
        "d\u200barn",
        "d\u202ea\u202crn",
        ZALGO,
        "därn",
        "d4rn",
        "d@rn",
        "D4RN!!!",
        "d а r n",
        "d a r n",
        "d.a.r.n",
        "d-a-r-n",
        "d_a_r_n",
        "d  a  r  n",
        "I d a r n",
        "d a r n u",
        "daaaarn",
        "daaarnnnn",
        "DAAAARN",
        "d4444rn".replace("4444", "@@@@"),
        "ddd4rn",
        "_darn_",
        "*darn*",
        "(d4rn)",
    ],
)
def test_a_dressed_up_word_is_found(text: str) -> None:
    assert found("darn", f"well {text} it") is not None


@pytest.mark.parametrize(
    ("word", "text"),
    [
        ("ass", "class assess bass as s a.s as-s"),
        ("ass", "it takes 45s, on the A55, 4s5"),
        ("ass", "0xa55a55a55a55 deadbea55e00"),
        ("bad", "b a dog"),
        ("hell", "he'll he’ll"),
        ("god", "good goods"),
        ("god", "gooddd"),
        ("deserts", "desserts and a good meal"),
        ("hoping", "hopping all the way"),
        ("as", "assess the class"),
        ("iam", "I am"),
        ("sik", "sık sık"),
        ("sex", "5ex10"),
        ("bs", "it took 8s"),
        ("is", "1s 1st"),
        ("ist", "1000 €1 $15 1.5 12:30 3-0 2024-01-05"),
        ("usa", "us a"),
        ("pot", "рот"),  # Russian: mouth
        ("pot", "мой рот и кот"),
        ("cop", "весь сор из избы"),
        ("ho", "но там"),
        ("bot", "вот"),
        ("cat", "сат ж"),
        ("boob", "http://x.com/b00b b00b@example.com"),
        ("us", "🇺🇸"),
        ("t", "Tシャツ"),
    ],
)
def test_ordinary_text_is_left_alone(word: str, text: str) -> None:
    assert found(word, text) is None


@pytest.mark.parametrize(
    ("word", "text"),
    [
        ("дурак", "ты дурак"),
        ("дурак", "ты ДУРАК"),
        ("дурак", "дyрaк"),  # Latin y and a
        ("дурак", "д у р а к"),
        ("дурак", "дууууурак"),
        ("сука", "cука"),  # Latin c
        ("pot", "роt"),
        ("pot", "РОТ"),
        ("рот", "рот"),
        ("σίσυφος", "ΣΊΣΥΦΟΣ"),
        ("straße", "STRASSE"),
        ("ärger", "Ärger"),
        ("कमीना", "तू कमीना है"),
        ("笨蛋", "你 笨蛋 吗"),
        ("👩‍💻", "hi 👩‍💻!"),
        ("🍆", "hi🍆🍆"),
        ("good", "goooood"),
        ("god", "goood"),
        ("asshole", "aaassshoooole"),
        ("badword", "baadwoord"),
        ("scamcoin", "sscamccoin"),
        ("go away now", "goo awayy now"),
        ("go away", "goooo awaaay"),
        ("go away", "go 4way"),
        ("kill yourself", "k1ll y0urself"),
        ("slut", "s1ut"),
        ("don't", "DON’T"),
        ("n00b", "n00b"),
        ("noob", "n00b"),
    ],
)
def test_words_of_any_script_are_found(word: str, text: str) -> None:
    assert found(word, text) is not None


@pytest.mark.parametrize(
    ("word", "text", "original"),
    [
        ("darn", "well, Darn it", "Darn"),
        ("darn", f"well {ZALGO}!", ZALGO),
        ("darn", "x d\u200barn\u200b y", "d\u200barn\u200b"),
        ("darn", "oh 𝓭𝓪𝓻𝓷 it", "𝓭𝓪𝓻𝓷"),
        ("darn", "oh d.a.r.n it", "d.a.r.n"),
        ("darn", "straße d4rn", "d4rn"),
        ("darn", "ﷺ daaarn x", "daaarn"),
        ("go away", "please go,  away!", "go,  away"),
        ("가", "a ㄱㅏ b", "ㄱㅏ"),
        ("darn", "한국어 I d a r n it", "I d a r n"),
    ],
)
def test_what_was_found_is_shown_in_the_original(word: str, text: str, original: str) -> None:
    assert found(word, text) == original


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("b4d", ["bad"]),
        ("a$$", ["ass"]),
        ("$h1t!", ["shit", "shlt"]),
        ("n00b!!", ["noob"]),
        ("p0rn069", ["porn069"]),
        ("c@t$", ["cats"]),
        ("ni66er", ["nigger"]),
        *(
            (text, [])
            for text in ("cat!", "!cat", "cat!!", "bob1990", "a55", "b4", "45s", "10km", "$5k", "0xa55a55a55")
        ),
        *((text, []) for text in ("1990", "$100", "100%", "5", "http://x.com/b4d", "b4d@x.com", "a4" * 20)),
    ],
)
def test_signs_are_letters_in_words_only(text: str, read: list[str]) -> None:
    assert texts(f"oh {text} it")[1:] == [f" oh {word} it " for word in read]


@pytest.mark.parametrize("text", ["a b c d e f g", "U.S.A.", "J. R. R. Tolkien", "I a m"])
def test_single_letters_are_joined_only_as_a_whole(text: str) -> None:
    assert all(found(word, text) is None for word in ("abc", "bcd", "am", "us", "sa", "rr", "efg"))


def test_a_text_has_few_readings() -> None:
    assert texts("an ordinary message") == [" an ordinary message "]
    assert len(texts("d4rn dаrn d.a.r.n daaarn 1l1k3")) <= 6


def test_no_words_is_a_text_too() -> None:
    assert texts("") == ["  "]
    assert search_forms("!?").plain == ""


HOSTILE = st.text(
    st.one_of(
        st.characters(),
        st.sampled_from("abdо.рс _1$@!\u0301\u0489\u200b\u200d\u202e\ufdfa\u0e34\u093fकßİıﬃ㌖"),
        st.sampled_from("\u1100\u1161\u11a8ㄱㅏ\uffa1\uffc2\uff76\uff9e🇺🇸👩💻\ufe0f\U0001f3fd"),
    ),
    max_size=60,
)


@given(HOSTILE)
@example("\ud800a")
@example("a" * 350)
@example("\u0301" * 350)
def test_nothing_raises_and_every_reading_lies_in_the_original(text: str) -> None:
    folded = normalise(text)
    for reading in folded.readings():
        assert reading.text[0] == reading.text[-1] == " "
        position = 1
        for word in reading.text.split():
            if word != "|":
                start, end = reading.span(position, position + len(word))
                assert 0 <= start < end <= len(text)
                assert reading.span(position - 1, position + len(word) + 1) == (start, end)
            position += len(word) + 1


@given(HOSTILE)
def test_the_map_to_the_original_is_monotone_and_covers(text: str) -> None:
    folded = normalise(text)
    spans = [folded.span(index, index + 1) for index in range(len(folded.text))]
    assert spans == sorted(spans)
    assert all(0 <= start < end <= len(text) for start, end in spans)
    for (start, end), char in zip(spans, folded.text, strict=True):
        assert char in folded.text
        assert not set(range(start, end)).isdisjoint(range(len(text)))
    borders = {border for span in graphemes(text) for border in span}
    assert all(start in borders and end in borders for start, end in spans)


@given(HOSTILE)
def test_folding_twice_changes_nothing(text: str) -> None:
    once = normalise(text).text
    assert normalise(once).text == once


@given(HOSTILE)
def test_graphemes_are_all_of_the_text(text: str) -> None:
    assert "".join(text[start:end] for start, end in graphemes(text)) == text


@given(HOSTILE)
def test_a_text_is_found_in_itself(text: str) -> None:
    forms = search_forms(text)
    first = next(normalise(text).readings())
    assert f" {forms.plain} " == first.text
    for reading in normalise(text).readings():
        if reading.squeezed and reading.text.strip() == forms.squeezed:
            assert reading.holds(1, forms.plain)
