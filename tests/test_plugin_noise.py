"""noise: each rule, what it leaves alone, and how it makes a message quiet."""

from __future__ import annotations

import unicodedata
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.work import steps
from tornado_chat.errors import ConfigError
from tornado_chat.testing import ChatFixture
from tornado_chat.text import js_length, js_trim
from tornado_chat_plugins.noise import Options, Shouts, _can_be_said, _found, _hopeless, is_shouted

SHOUTING = "Please don't shout: write in small letters"
NOTHING = "Your message shows nothing"
REPEATS = "Your message repeats itself too often"
MARKS = "Your message has too many marks on its letters"
HIDES = "Your message is full of characters that can't be seen"
TURNS = "Your message turns its direction around"


async def told(chat: ChatFixture, text: str, **options: Any) -> str | None:
    await chat.open("noise", options={"noise": options})
    alice = await chat.join("alice")
    return (await alice.say(text)).notice


@pytest.mark.gen_test
@pytest.mark.parametrize(
    "text",
    [
        "GOOOOOOOOOOOOOOOOOOOOOOOOOAL!!!!!!!!!!",
        "hahahahahahahahahahahahahahahahaha",
        "AAAAAAAAAAAAAAAAAA",
        "catJAM catJAM catJAM catJAM catJAM catJAM catJAM",
        "(╯°□°)╯︵ ┻━┻ ┬─┬ ノ( ゜-゜ノ) ☆*:.｡.o(≧▽≦)o.｡.:*☆ (▀̿Ĺ̯▀̿ ̿)",
        "🔥" * 30,
        "👨\u200d👩\u200d👧\u200d👦" * 15,
        "🇩🇪🇫🇷" * 10,
        "👍🏽" * 20,
        "1️⃣2️⃣3️⃣4️⃣5️⃣6️⃣7️⃣8️⃣9️⃣0️⃣ ❤️ 🏴\U000e0067\U000e0062\U000e0073\U000e0063\U000e0074\U000e007f",
        unicodedata.normalize("NFD", "Nghiêng nghiêng, ngả ngả, ngửa nghiêng ngoài ngõ: rất đẹp, nhưng khó gõ"),
        unicodedata.normalize("NFD", "Ἐν ἀρχῇ ἦν ὁ λόγος, ᾧ, ᾖ, ῧ, ΐ"),
        "ที่นี่ก็มีวรรณยุกต์ซ้อนกัน เช่น ปู่ย่าตายาย ซื้อน้ำผึ้งที่นี่ทั้งปี",
        "शुभ प्रभात! क्या कोई बता सकता है ज्ञ कैसे लिखते हैं फ़ोन पर?",
        "שָׁלוֹם אֵיתָן! מַה שְּׁלוֹמְךָ? בְּרֵאשִׁ֖ית בָּרָ֣א אֱלֹהִ֑ים",
        "اَلْحَمْدُ لِلَّهِ رَبِّ الْعَالَمِينَ",
        "བཀྲ་ཤིས་བདེ་ལེགས། སྒྲུབ",
        "s̶t̶u̶p̶i̶d̶ clever idea, 20 km² and x̄ ± 3σ",
        "one\ntwo\nthree\nfour\nfive\nsix\nseven\neight",
        "\u200fשלום\u200f (12:30)",
        "\u2068Ann\u2069 joined, call \u202d+1 555 0100\u202c",
        '1.upto(100){|i|puts"#{[:Fizz][i%3]}#{[:Buzz][i%5]}"[/.+/]||i}',
        "می\u200cخواهم و نمی\u200cتوانم، می\u200cدانی؟ ها\u200cی خانه\u200cها کتاب\u200cهای ما",
        "ខ្ញុំ\u200bចង់\u200bទៅ\u200bផ្សារ\u200bជាមួយ\u200bមិត្ត\u200bភក្តិ\u200bរបស់\u200bខ្ញុំ\u200bថ្ងៃ\u200bនេះ",
        "0.1 + 0.2 = 0.30000000000000004 ----------------------------",
        "SELECT * FROM USERS WHERE ID = 5",
        "你好你好你好你好你好 ㅋㅋㅋㅋㅋㅋㅋㅋㅋㅋㅋㅋ wwwwwwwwwwwwwww",
        ".",
        "Ü",
    ],
)
async def test_lively_and_foreign_messages_pass(chat: ChatFixture, text: str) -> None:
    assert await told(chat, text) is None


@pytest.mark.gen_test
@pytest.mark.parametrize(
    ("text", "notice"),
    [
        ("a" * 31, REPEATS),
        ("lo" + "l" * 40, REPEATS),
        ("!" * 350, REPEATS),
        ("ha" * 100, REPEATS),
        ("buy now " * 20, REPEATS),
        ("x" + " " * 40 + "y", REPEATS),
        ("░▒▓█" * 20, "Your message has more than 30 symbols"),
        ("🔥💯" * 16, "Your message has more than 30 symbols"),
        ("🇩🇪🇫🇷" * 16, "Your message has more than 30 symbols"),
        ("👨\u200d👩\u200d👧" * 31, "Your message has more than 30 symbols"),
        ("⣿⣷" * 60, "Your message has more than 30 symbols"),
        ("h\u0301\u0302\u0303\u0304i", MARKS),
        ("c\u0322\u0328 o\u0322\u0328 m\u0322\u0328 e\u0322\u0328 s\u0322\u0328", MARKS),
        ("V̶i̶s̶i̶t̶ ̶t̶h̶e̶ ̶l̶o̶u̶n̶g̶e̶", MARKS),
        ("ก็็็", MARKS),
        ("ش\u064b\u064c\u064d\u064e\u064f\u0650\u0651", MARKS),
        ("a\nb\nc\nd\ne\nf\ng\nh\ni", "Your message has more than 8 lines"),
        ("a\u2028b\u2028c\vd\fe\rf\r\ng\nh\x85i", "Your message has more than 8 lines"),
        ("\u200b\u2060", NOTHING),
        ("\u3164", NOTHING),
        ("\u2800\u2800", NOTHING),
        ("\ufe0f", NOTHING),
        ("\u202e", NOTHING),
        ("v\u200bi\u200bs\u200bi\u200bt\u200b \u200bu\u200bs\u200b", HIDES),
        ("v\u200di\u200ds\u200di\u200dt\u200d t\u200dh\u200de\u200dm\u200d", HIDES),
        ("\u202eolleh", TURNS),
        ("\u202eolleh\u202c", TURNS),
        ("look \u2067\u2067\u2067 here", TURNS),
        ("\u202dabc", TURNS),
    ],
)
async def test_noise_is_refused(chat: ChatFixture, text: str, notice: str) -> None:
    assert await told(chat, text) == notice


@pytest.mark.gen_test
@pytest.mark.parametrize(
    ("text", "quiet"),
    [
        ("no" + "o" * 60, "n" + "o" * 30),
        ("ha" * 100, "ha" * 45),
        ("a\nb\n\nc\nd\ne\nf\ng\nh\ni", "a b c d e f g h i"),
        ("h\u0301\u0302\u0303\u0304i the\u0301re", "hi there"),
        ("V̶i̶s̶i̶t̶ ̶u̶s̶", "Visit us"),
        ("ก็็็", "ก็"),
        ("\u202eolleh\u202c", "olleh"),
        ("v\u200bi\u200bs\u200bi\u200bt\u200b \u200bu\u200bs\u200b", "visit us"),
        ("up\n\n\n\n\n\n\n\n" + "p" * 100 + "\u202e", "up " + "p" * 30),
    ],
)
async def test_noise_can_be_made_quiet_instead(chat: ChatFixture, text: str, quiet: str) -> None:
    assert await told(chat, text, action="replace") is None
    assert [message.text for message in chat.api("noise").history] == [quiet]


@pytest.mark.gen_test
@pytest.mark.parametrize("text", ["\u3164", "🔥" * 31, "\u0301" * 20, "\u202e\ufeff"])
async def test_what_cannot_be_made_quiet_is_refused(chat: ChatFixture, text: str) -> None:
    assert await told(chat, text, action="replace", invisible=False) is not None or text == "\u3164"


@pytest.mark.gen_test
@pytest.mark.parametrize(
    ("text", "options"),
    [
        ("a" * 300, {"run": 0}),
        ("a" * 100, {"run": 100}),
        ("🔥" * 90, {"symbols": 0, "run": 0}),
        ("h\u0301\u0302\u0303\u0304i", {"marks": 0}),
        ("h\u0301\u0302\u0303\u0304i", {"marks": 4}),
        ("a\n" * 20 + "b", {"lines": 0}),
        ("\u3164", {"invisible": False}),
        ("\u202eolleh", {"bidi": False}),
    ],
)
async def test_each_rule_can_be_turned_off_or_widened(chat: ChatFixture, text: str, options: dict[str, Any]) -> None:
    assert await told(chat, text, **options) is None


@pytest.mark.gen_test
async def test_who_shouts_now_and_then_may_and_who_goes_on_and_on_may_not(chat: ChatFixture) -> None:
    await chat.open("noise")
    alice, bob = await chat.join("alice"), await chat.join("bob")
    for text in (
        "WHY DOES NOBODY ANSWER",
        "ПОЧЕМУ НИКТО НЕ ОТВЕЧАЕТ",
        "V I P C L U B S",
        "GOOOOAL",
        "OK",
        "I am calm now",
    ):
        assert (await alice.say(text)).ack is None, text
    assert (await alice.say("ANSWER ME NOW")).notice == SHOUTING
    assert (await bob.say("WHAT A SAVE")).ack is None
    await chat.advance(60)
    assert (await alice.say("ANSWER ME NOW")).notice == SHOUTING
    await chat.advance(60)
    assert (await alice.say("ANSWER ME NOW")).ack is None


@pytest.mark.gen_test
async def test_shouting_has_its_options_and_can_be_made_small(chat: ChatFixture) -> None:
    options = {"action": "replace", "caps": 0.5, "caps_letters": 4, "caps_burst": 1, "caps_seconds": 10}
    await chat.open("noise", options={"noise": options})
    alice = await chat.join("alice")
    for text in ("OH no", "OH NO", "İ AM", "oh No", "NOO"):
        await alice.say(text)
    await chat.advance(10)
    await alice.say("OH NO")
    said = [message.text for message in chat.api("noise").history]
    assert said == ["OH no", "oh no", "İ AM", "oh No", "NOO", "OH NO"]
    await chat.open("noise", options={"noise": {"caps_burst": 0}})
    assert (await alice.say("THIS IS LOUD")).notice == SHOUTING
    await chat.open("noise", options={"noise": {"caps": 0, "caps_burst": 0}})
    assert (await alice.say("THIS IS LOUD")).ack is None


def test_letters_without_case_are_no_capitals() -> None:
    for text in ("שלום לכולם מה שלומכם", "今日はとても良い天気ですね でも", "สวัสดี ครับ ทุก คน", "1000 2000 3000 4000!!!"):
        assert not is_shouted(text, 0.7, 8)
    assert is_shouted("ΓΙΑΤΙ ΔΕΝ ΑΠΑΝΤΑΕΙ", 0.7, 8)
    assert not is_shouted("NATO", 0.7, 4)


@pytest.mark.gen_test
@pytest.mark.parametrize("role", ["mod", "owner", "admin"])
async def test_staff_are_exempt(chat: ChatFixture, role: str) -> None:
    await chat.open("noise")
    kate = await chat.join("kate", role=role)
    for text in ("a" * 100, "\u3164", *["READ THE RULES PLEASE"] * 5):
        assert (await kate.say(text)).ack is None


@pytest.mark.gen_test
async def test_what_is_refused_anyway_is_no_shout(chat: ChatFixture) -> None:
    await chat.open("noise", options={"noise": {"caps_burst": 1}})
    alice = await chat.join("alice")
    assert (await alice.say("GO GO GO " + "A" * 50)).notice == REPEATS
    assert (await alice.say("GO GO GO GO")).ack is None


def test_who_shouted_long_ago_is_forgotten() -> None:
    shouts = Shouts(3, 10.0)
    for number in range(5000):
        assert shouts.may(f"user{number}", number / 10)
    assert len(shouts._times) <= 1001


@given(st.text(max_size=350) | st.text("A\u0301\u0300 \n\u202e\u2067İ\u0958🔥🇩🇪\u200d\u0e47ก\ufeff", max_size=350))
@settings(max_examples=300)
def test_no_text_breaks_it_and_what_is_made_quiet_can_be_said(text: str) -> None:
    options = Options(action="replace", run=5, lines=2, marks=1)
    _hopeless(text, options)
    found = list(_found(text, options))
    if found and _can_be_said(found[-1][1]):
        assert 1 <= js_length(js_trim(found[-1][1])) <= 350
        assert _shortest(found[-1][1]) <= 5


def _shortest(text: str) -> int:
    longest = current = 0
    for index, char in enumerate(text):
        current = current + 1 if index and text[index - 1] == char else 1
        longest = max(longest, current)
    return longest if not text.startswith(" ") else 0


@pytest.mark.parametrize(
    "part", ["a", "ab", "abcdefgh", "abcdefghi", "abcdefg" * 6 + "x", "я", "a\u0301", "😀", "ก็", "A "]
)
def test_the_work_is_linear(part: str) -> None:
    options = Options()

    def look(text: str) -> None:
        _hopeless(text, options)
        list(_found(text, options))
        is_shouted(text, 0.7, 8)

    text = part * 5_000
    one = steps(lambda: look(text[:1_000]))
    assert steps(lambda: look(text[:4_000])) < 5 * one + 200


@pytest.mark.parametrize(
    "options",
    [
        {"action": "mute"},
        {"caps": 1.5},
        {"caps_letters": 0},
        {"caps_burst": -1},
        {"caps_seconds": 0},
        {"run": -1},
        {"symbols": "30"},
        {"marks": 21},
        {"lines": 351},
        {"invisible": 1},
        {"bidi": "no"},
        {"volume": 11},
    ],
)
@pytest.mark.gen_test
async def test_options_that_make_no_sense_stop_the_start(chat: ChatFixture, options: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match=r"plugin\.noise"):
        await chat.open("noise", options={"noise": options})
