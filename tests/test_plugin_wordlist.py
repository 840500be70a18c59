"""The bundled plugin wordlist: which words it finds, and what becomes of their message."""

from __future__ import annotations

import asyncio
import re
import sys
import time
import tomllib
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests.chats import load_plugin
from tornado_chat import AlertStaff, Draft, Hold, MuteSender, Pass, Reject, Replace, Role, User, Verdict
from tornado_chat.errors import ConfigError
from tornado_chat.plugin_set import PluginSet
from tornado_chat.services import Services
from tornado_chat.testing import ChatFixture
from tornado_chat.text import is_unicode, js_length, js_trim
from tornado_chat.verdicts import fault_of

KATE = User(1, "Kate", Role.MEMBER)
MESSAGE = "Your message has a word that is not allowed here"


def load(services: Services | None = None, /, **options: Any) -> PluginSet:
    return load_plugin("wordlist", services, **options)


def checker(*words: str, user: User = KATE, **options: Any) -> Callable[[str], Awaitable[Verdict]]:
    """Return the filter of a list of `words`, as a function of a message's text."""
    return checker_of(load(words=list(words), **options), user)


def checker_of(loaded: PluginSet, user: User = KATE) -> Callable[[str], Awaitable[Verdict]]:
    (installed,) = loaded.moderation.filters

    def check(text: str) -> Awaitable[Verdict]:
        return installed.filter.check(Draft(2, user, text, text))

    return check


@pytest.mark.gen_test
async def test_a_message_without_the_words_passes() -> None:
    assert await checker("darn", "heck")("what a nice day") == Pass()


@pytest.mark.gen_test
async def test_a_message_with_a_word_is_rejected_with_a_reason() -> None:
    verdict = await checker("darn")("well, darn!")
    assert verdict == Reject("Your message has a word that is not allowed here")


@pytest.mark.gen_test
async def test_the_reason_may_be_the_operators_own() -> None:
    assert await checker("darn", message="Mind your words")("darn") == Reject("Mind your words")


@pytest.mark.gen_test
@pytest.mark.parametrize(
    "text", ["darn", "Darn", "DARN", "(darn)", "darn.", "oh-darn-it", "a\tdarn\nb", "😀darn😀", "_darn_"]
)
async def test_a_word_is_found_in_any_case_and_between_any_marks(text: str) -> None:
    assert isinstance(await checker("dArN")(text), Reject)


@pytest.mark.gen_test
@pytest.mark.parametrize("text", ["class", "assess", "bass", "as s", "ass1", "1ass", "assé", "ｃlass", "as-s", "a.ss"])
async def test_a_word_inside_another_is_not_found(text: str) -> None:
    assert await checker("ass")(text) == Pass()


@pytest.mark.gen_test
@pytest.mark.parametrize("text", ["go away", "Go  Away!", "go-away", "go\naway", "please, go away now", "go, away"])
async def test_a_phrase_is_found_with_anything_between_its_words(text: str) -> None:
    assert isinstance(await checker("go away")(text), Reject)


@pytest.mark.gen_test
@pytest.mark.parametrize("text", ["darn", "well, darn", "darn it", "go away", "darn go away", "go darn"])
async def test_a_list_may_have_words_and_phrases(text: str) -> None:
    assert isinstance(await checker("darn", "go away")(text), Reject)


@pytest.mark.gen_test
@pytest.mark.parametrize("text", ["go", "away", "away go", "go far away", "goaway", "ago away"])
async def test_a_part_of_a_phrase_is_not_found(text: str) -> None:
    assert await checker("go away")(text) == Pass()


@pytest.mark.gen_test
@pytest.mark.parametrize("word", ["don't", "don’t", "on-line", "n00b", "x2", "go away"])
async def test_a_word_may_have_digits_hyphens_and_apostrophes(word: str) -> None:
    assert isinstance(await checker(word)(f"you {word} now"), Reject)


@pytest.mark.gen_test
@pytest.mark.parametrize(
    ("word", "text"),
    [
        ("🤬", "oh🤬🤬"),
        ("👩‍💻", "hi 👩‍💻"),
        ("a/b", "an A/B test"),
        ("дурак", "ну ты ДУРАК"),
        ("straße", "die STRASSE dort"),
        ("ÄRGER", "so ein ärger"),
        ("σίσυφος", "ΣΊΣΥΦΟΣ"),
        ("笨蛋", "你 笨蛋 吗"),
        ("café", "le cafe\u0301"),
        ("cafe\u0301", "le café"),
        ("हिन्दी", "यह हिन्दी है"),
    ],
)
async def test_a_word_of_any_script_is_found(word: str, text: str) -> None:
    assert isinstance(await checker(word)(text), Reject)


@pytest.mark.gen_test
@pytest.mark.parametrize(
    ("text", "covered"),
    [
        ("darn", "■■■■"),
        ("well, Darn it", "well, ■■■■ it"),
        ("darn DARN darned", "■■■■ ■■■■ darned"),
        ("please go  away!", "please ■■  ■■■■!"),
        ("go go away", "go ■■ ■■■■"),
        ("darn, go away", "■■■■, ■■ ■■■■"),
        ("дурак и 😀 darn", "■■■■■ и 😀 ■■■■"),
    ],
)
async def test_words_are_covered_and_the_rest_stays(text: str, covered: str) -> None:
    assert await checker("darn", "go away", "дурак", action="replace")(text) == Replace(covered)


@pytest.mark.gen_test
async def test_a_clean_message_is_not_replaced() -> None:
    assert await checker("darn", action="replace")("what a nice day") == Pass()


@pytest.mark.gen_test
async def test_the_longest_phrase_is_covered() -> None:
    check = checker("big", "big bad", "big bad wolf", action="replace")
    assert await check("a big bad wolf, a big bad dog") == Replace("a ■■■ ■■■ ■■■■, a ■■■ ■■■ dog")


@pytest.mark.gen_test
async def test_it_looks_at_what_the_filters_before_left() -> None:
    (installed,) = load(words=["darn"]).moderation.filters
    assert await installed.filter.check(Draft(2, KATE, "nice", "darn")) == Pass()


def test_an_empty_list_registers_nothing() -> None:
    loaded = load(words=[])
    assert (list(loaded.moderation.filters), dict(loaded.moderation.commands)) == ([], {})


def test_without_a_table_it_registers_nothing() -> None:
    assert list(load().moderation.filters) == []


@pytest.mark.parametrize("word", ["", " ", "!!!", "f*ck", ".*", "a+", "*", "**", "***", "[a]", "c++", "\u200b", "-a"])
def test_what_is_no_word_is_refused_by_name(word: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load(words=["fine", word])
    assert str(caught.value).startswith("apps/2.toml: plugin.wordlist")
    assert repr(word) in str(caught.value)


@pytest.mark.parametrize("options", [{"action": "delete"}, {"words": "darn"}, {"words": [1]}, {"message": 1}])
def test_an_option_of_a_wrong_type_is_named(options: dict[str, Any]) -> None:
    with pytest.raises(ConfigError) as caught:
        load(**options)
    assert str(caught.value).startswith("apps/2.toml: plugin.wordlist")
    assert next(iter(options)) in str(caught.value)


# Discord's documentation of AutoMod, "Keyword Matching Strategies": keyword, what it finds, and what it doesn't.
WILDCARDS = [
    ("cat*", ["catch", "Catapult", "CAttLE", "a cat"], ["wildcat", "location"]),
    ("tra*", ["train", "trade", "TRAditional"], ["extra", "abstracted"]),
    ("the mat*", ["the matrix"], ["breathe matter", "the format"]),
    ("*cat", ["wildcat", "copyCat", "cat!"], ["catch", "location"]),
    ("*tra", ["extra", "ultra", "orchesTRA"], ["train", "abstracted"]),
    ("*the mat", ["breathe mat"], ["the matrix", "breathe matter"]),
    ("*cat*", ["location", "eduCation", "cat", "catch", "wildcat"], ["c at", "ca.t"]),
    ("*tra*", ["abstracted", "outrage", "train", "extra"], ["t r"]),
    ("*the mat*", ["breathe matter", "the mat"], ["them at"]),
    ("cat", ["cat", "CAT", "a cat."], ["cats", "wildcat", "catch"]),
    ("train", ["Train"], ["trains", "strain"]),
    ("the mat", ["the mat", "The Mat"], ["the matrix", "breathe mat"]),
]


@pytest.mark.gen_test
@pytest.mark.parametrize(("word", "found", "not_found"), WILDCARDS, ids=[row[0] for row in WILDCARDS])
async def test_wildcards_are_those_of_discord(word: str, found: list[str], not_found: list[str]) -> None:
    check = checker(word)
    assert [text for text in found if not isinstance(await check(f"oh {text} it"), Reject)] == []
    assert [text for text in not_found if await check(f"oh {text} it") != Pass()] == []


@pytest.mark.gen_test
@pytest.mark.parametrize(
    "text",
    [
        "Scunthorpe, Penistone and Lightwater",
        "my class will assess the bass; assassin, passage, Essex, cockpit, analysis, therapist, dickens",
        "as shown, as said, as-is; a s",
        "it costs $15, €5 or £3.50: 1000 of them, 455 each, 5.55, 50% off",
        "3-0, 2:1, 12:30, 12:30pm, 45s, 5th, 3rd, 24/7, 2024-01-05, 10km, A55, B12, 5k, 4x4, 1st",
        "https://example.com/a55/4n4l?x=b00b&y=455 and www.4nal.example c0ck@example.com",
        "tx 0xa55a55f00dba5e ba5eba11a55e55 commit 9a55c1d0",
        "for (i = 0; i < n; i++) { a[s] = s.s; } // as s",
        "Staubsaugerassistent, Klassenfahrt, Assekuranz, Analyse, Schifffahrt",
        "sık sık canım sıkılıyor",
        "мой рот и нос, вот кот, сам там",
        "यह एक अच्छा दिन है",
        "สวัสดีครับ วันนี้อากาศดี",
        "السلام عليكم ورحمة الله ﷺ",
        "👩‍💻👨‍👩‍👧 🇺🇸🇬🇧 👍🏽 ❤️",
        "a b c d e, I a m, U.S.A., J. R. R. Tolkien, w a s d",
        "he'll, she'll, we’ll, it's, I'd",
        "goood, soooo coool, hmmmm, yesss, noooo",
        "covid19 mp3 h264 gpt4 rtx4090 v1.2 b2b",
        "Tシャツ LINEで東京Tower",
    ],
)
async def test_ordinary_text_passes(text: str) -> None:
    words = [
        "ass",
        "anal",
        "cock",
        "cunt",
        "tit",
        "tits",
        "sex",
        "penis",
        "dick",
        "rape",
        "twat",
        "wank",
        "hell",
        "shell",
    ]
    words += ["sik", "pot", "cop", "bot", "ho", "boob", "boobs", "fag", "bs", "god", "usa", "am", "arse", "bollocks"]
    assert await checker(*[word for word in words if word not in {"usa", "god"}])(text) == Pass()


@pytest.mark.gen_test
@pytest.mark.parametrize(
    "text",
    [
        "sh\u200bit",
        "s\u202eh\u202cit",
        "s\u0336h\u0336i\u0336t\u0336",
        "ѕhіt",
        "ｓｈｉｔ",
        "𝓼𝓱𝓲𝓽",
        "ⓢⓗⓘⓣ",
        "🅂🄷🄸🅃",
        "🆂🅷🅸🆃",
        "sh1t",
        "$h!t",
        "5h1t",
        "s h i t",
        "s.h.i.t",
        "s-h-i-t",
        "shiiiit",
        "SHIIIIITTTT",
        "šhït",
        "ꜱʜɪᴛ",
        "sh\u0e34it",
    ],
)
async def test_disguises_are_seen_through_and_the_original_is_covered(text: str) -> None:
    verdict = await checker("shit", action="replace")(f"well, {text}! ok")
    assert isinstance(verdict, Replace)
    assert verdict.text.startswith("well, ■")
    assert verdict.text.endswith("! ok")
    assert set(verdict.text[6:-4]) <= {"■", " "}


@pytest.mark.gen_test
@pytest.mark.parametrize(
    ("text", "covered"),
    [
        ("no way: Catapults!", "no way: ■■■■■■■■■!"),
        ("d\u0336a\u0336rn it", "■■■■ it"),
        ("e\u0301 dar\u0301n e\u0301", "e\u0301 ■■■■ e\u0301"),
        ("I d a r n u see", "■ ■ ■ ■ ■ ■ see"),
        ("👩‍💻 D4RN 👩‍💻", "👩‍💻 ■■■■ 👩‍💻"),
        ("🍆 and 🍆🍆", "■ and ■■"),
        ("Straße ﬁn darn ﷺ", "Straße ﬁn ■■■■ ﷺ"),
    ],
)
async def test_what_is_covered_is_what_shows(text: str, covered: str) -> None:
    assert await checker("darn", "cat*", "🍆", action="replace")(text) == Replace(covered)


@pytest.mark.gen_test
@pytest.mark.parametrize(
    ("allow", "text", "passes"),
    [
        (["Scunthorpe"], "I live in Scunthorpe", True),
        (["Scunthorpe"], "I live in scunthorpe, cunt", False),
        (["Scunthorpe"], "cunts in Scunthorpe", False),
        (["Scunthorpe"], "5cunthorpe", False),  # what is allowed is allowed as it is spelled
        (["scunthorpe united"], "Scunthorpe   United!", True),
        (["scunthorpe united"], "Scunthorpe City", False),
        (["scunt*"], "Scunthorpe scuntish", True),
        (["*thorpe"], "Scunthorpe", True),
        (["*unthor*"], "Scunthorpe", True),
        (["año"], "feliz año", True),
        (["año"], "feliz ano", False),
        ([], "Scunthorpe", False),
    ],
)
async def test_allow_lets_words_through(allow: list[str], text: str, passes: bool) -> None:
    verdict = await checker("*cunt*", "ano", allow=allow)(text)
    assert isinstance(verdict, Pass) is passes


@pytest.mark.gen_test
async def test_what_is_allowed_is_not_covered() -> None:
    check = checker("*cunt*", allow=["scunthorpe"], action="replace")
    assert await check("Scunthorpe cunts Scunthorpe") == Replace("Scunthorpe ■■■■■ Scunthorpe")


@pytest.mark.gen_test
async def test_each_action() -> None:
    assert await checker("darn", action="reject")("darn") == Reject(MESSAGE)
    assert await checker("darn", action="replace")("oh darn") == Replace("oh ■■■■")
    assert await checker("darn", action="hold", name="mild")("darn") == Hold("it has a word of mild")
    assert await checker("darn", action="flag", name="mild")("oh\ndarn") == Pass(
        actions=(AlertStaff("Kate used a word of mild: oh darn"),)
    )
    assert await checker("darn", action="mute", mute_seconds=60, name="mild")("darn") == Reject(
        MESSAGE, actions=(MuteSender(60, "mild"),)
    )
    assert await checker("darn", action="mute")("darn") == Reject(MESSAGE, actions=(MuteSender(600, "the word list"),))


LISTS = [
    {"name": "worst", "words": ["worst"], "action": "reject", "message": "Never"},
    {"name": "bad", "words": ["bad*"], "action": "mute", "mute_seconds": 120, "message": "Muted"},
    {"name": "worse", "words": ["worse"], "action": "mute", "mute_seconds": 300},
    {"name": "odd", "words": ["odd"], "action": "hold"},
    {"name": "mild", "words": ["mild", "odd"], "action": "replace"},
    {"name": "watched", "words": ["seen", "*bad*"], "action": "flag"},
]


@pytest.mark.gen_test
@pytest.mark.parametrize(
    ("text", "verdict"),
    [
        ("nice", Pass()),
        ("mild", Replace("■■■■")),
        (
            "mild and seen",
            Replace("■■■■ and seen", actions=(AlertStaff("Kate used a word of watched: mild and seen"),)),
        ),
        ("odd mild", Hold("it has a word of odd")),
        (
            "odd baddy",
            Reject("Muted", actions=(AlertStaff("Kate used a word of watched: odd baddy"), MuteSender(120, "bad"))),
        ),
        ("worst mild", Reject("Never")),
        ("worst worse", Reject("Never", actions=(MuteSender(300, "worse"),))),
        ("worse", Reject(MESSAGE, actions=(MuteSender(300, "worse"),))),
        (
            "bad worse",
            Reject("Muted", actions=(AlertStaff("Kate used a word of watched: bad worse"), MuteSender(300, "worse"))),
        ),
    ],
)
async def test_of_several_lists_the_strictest_decides_and_all_that_mute_and_flag_do(
    text: str, verdict: Verdict
) -> None:
    got = await checker(lists=LISTS)(text)
    assert got == verdict
    assert fault_of(got) is None


@pytest.mark.gen_test
async def test_a_list_may_be_beside_the_first() -> None:
    check = checker("first", message="One", lists=[{"words": ["second"], "message": "Two"}])
    assert await check("first") == Reject("One")
    assert await check("second") == Reject("Two")
    assert await check("first second") == Reject("One")


@pytest.mark.gen_test
async def test_a_list_is_not_for_who_is_exempt() -> None:
    lists = [{"words": ["darn"], "exempt": ["mod", "owner"]}, {"words": ["heck"]}]
    as_mod = checker(lists=lists, user=User(2, "Ann", Role.MOD))
    assert [await as_mod("darn"), await as_mod("heck")] == [Pass(), Reject(MESSAGE)]
    assert await checker(lists=lists)("darn") == Reject(MESSAGE)
    assert await checker("darn", exempt=["member"])("darn") == Pass()


@pytest.mark.gen_test
@pytest.mark.parametrize(
    ("regex", "text", "covered"),
    [
        ("free\\s+nitro", "FREE   Nitro now", "■■■■   ■■■■■ now"),
        ("fr[e3]+ nitro", "ｆｒｅｅ nitro", "■■■■ ■■■■■"),
        ("\\d{4}-\\d{4}", "call 1234-5678!", "call ■■■■■■■■■!"),
        ("[\U0001f300-\U0001f6ff]{3,}", "hi 🍆🍆🍆🍆", "hi ■■■■"),
        ("\\p{Mn}{4,}", "za\u0301\u0302\u0303\u0304lgo", "z■lgo"),
        ("ж+", "ЖЖ", "■■"),
    ],
)
async def test_a_regex_is_looked_for_in_the_folded_text_and_in_the_text(regex: str, text: str, covered: str) -> None:
    assert await checker(regex=["nothing", regex], action="replace")(text) == Replace(covered)


@pytest.mark.gen_test
async def test_a_regex_takes_linear_time() -> None:
    check = checker(regex=["(a+)+$", "(a|aa)+!", "(.*)*x"])
    begun = time.perf_counter()
    for _ in range(10):
        assert await check("a" * 349 + "?") == Pass()
    assert time.perf_counter() - begun < 1


@pytest.mark.parametrize(
    ("regex", "why"),
    [
        ("(", "missing )"),
        ("(?=a)", "invalid perl operator"),
        ("(a)\\1", "invalid escape sequence"),
        ("a{2000}", "invalid repetition size"),
        ("a*", "empty text"),
        ("x|", "empty text"),
        ("\ud800", "no valid Unicode"),
    ],
)
def test_a_regex_that_can_not_be_used_is_named(regex: str, why: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load(lists=[{"words": ["fine"]}, {"regex": ["fine", regex]}])
    assert str(caught.value).startswith("apps/2.toml: plugin.wordlist.lists[1]: regex[1]")
    assert repr(regex) in str(caught.value)
    assert why in str(caught.value)


def test_without_google_re2_a_regex_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.modules["tornado_chat_plugins.wordlist"], "re2", None)
    with pytest.raises(ConfigError) as caught:
        load(regex=["a+"])
    assert "regex[0]: 'a+': needs google-re2: pip install 'tornado-chat[re2]'" in str(caught.value)
    assert len(load(words=["fine"]).moderation.filters) == 1


@pytest.mark.parametrize(
    "options",
    [
        {"lists": [{"words": ["f*ck"]}]},
        {"lists": [{"allow": ["c++"]}]},
        {"lists": [{"mute_seconds": 0}]},
        {"lists": [{"exempt": ["king"]}]},
        {"lists": [{"action": "shout"}]},
        {"lists": [{"lists": []}]},
        {"lists": [{"regex": ["a" * 261]}]},
        {"lists": {"words": ["a"]}},
    ],
)
def test_what_is_wrong_in_a_list_is_named(options: dict[str, Any]) -> None:
    with pytest.raises(ConfigError) as caught:
        load(**options)
    assert str(caught.value).startswith("apps/2.toml: plugin.wordlist.lists")


@pytest.mark.gen_test
async def test_lists_in_a_chat(chat: ChatFixture) -> None:
    await chat.open("wordlist", "review", options={"wordlist": {"lists": LISTS}})
    kate, mod = await chat.join("kate"), await chat.join("mod", role="mod")
    await kate.say("seen this?")
    await kate.say("a mild one")
    assert (await kate.say("odd one")).ack == "MESSAGE_HELD"
    assert (await kate.say("b a d")).ack == "MESSAGE_REJECTED"
    assert (await kate.say("sorry")).ack == "USER_MUTED"
    assert mod.messages == ["kate: seen this?", "kate: a ■■■■ one"]
    assert "kate used a word of watched: seen this?" in mod.notices
    await chat.advance(120)
    assert (await kate.say("sorry")).ack is None


def test_ten_thousand_words_are_loaded_and_looked_for_quickly() -> None:
    words = [f"{first}{second}{number}x" for first in "abcdefghij" for second in "klmnopqrst" for number in range(100)]
    begun = time.perf_counter()
    check = checker(*words)
    loaded = time.perf_counter() - begun
    for text in (
        "\u0301" * 350,
        "a" * 350,
        "a b " * 87,
        "b4d " * 87,
        "аb " * 116,
        "aaab " * 70,
        "a." * 175,
        "ㄱㅏ" * 175,
    ):
        begun = time.perf_counter()
        for _ in range(20):
            asyncio.run(_passes(check, text))
        # On an idle machine a tenth of this: what matters is that nothing grows with the list, or faster than the text.
        assert (time.perf_counter() - begun) / 20 < 0.02, text[:10]
    assert loaded < 3


async def _passes(check: Callable[[str], Awaitable[Verdict]], text: str) -> None:
    assert await check(text) == Pass()


HOSTILE = st.text(
    st.one_of(
        st.characters(exclude_categories=["Cs"]), st.sampled_from("darn DARN.аɴ4@ـ\u0301\u200b\u202eㄱㅏ🇺🇸👩\u200d💻ﷺß")
    ),
    min_size=1,
    max_size=80,
)


@given(HOSTILE)
@example("\u0301darn\u0301\u0301")
@example("\u200bdarn")
@example("d\u200d👩\u200darn")
def test_what_is_covered_is_always_a_message(text: str) -> None:
    text = js_trim(text)
    if not text:
        return
    check = checker("darn", "a", "*r*", "👩", "ㄱㅏ", "us", regex=["n+", "\\p{Mn}+"], action="replace")
    verdict = asyncio.run(_verdict(check, text))
    assert fault_of(verdict) is None
    if isinstance(verdict, Replace):
        assert is_unicode(verdict.text)
        assert 1 <= js_length(js_trim(verdict.text)) <= js_length(text)


async def _verdict(check: Callable[[str], Awaitable[Verdict]], text: str) -> Verdict:
    return await check(text)


@pytest.mark.gen_test
async def test_the_documents_lists_work() -> None:
    page = (Path(__file__).parent.parent / "plugins" / "README.md").read_text("utf-8")
    (table,) = re.findall(r"^```toml wordlist\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    check = checker_of(load(**tomllib.loads(table)["plugin"]["wordlist"]))
    assert await check("darn, what the heckle") == Replace("■■■■, what the ■■■■■■")
    assert await check("Scunthorpe") == Pass()
    assert await check("g0 aw4y, go.away") == Reject(MESSAGE, actions=(MuteSender(3600, "slurs"),))
    assert await check("FREE nitro") == Pass(actions=(AlertStaff("Kate used a word of scams: FREE nitro"),))
