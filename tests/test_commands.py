"""Slash commands: which text is one, names, durations, arguments and usage texts."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tornado_chat.commands import Call, Command, Cooldowns, Usage, describe, fold_name, is_command, split_command
from tornado_chat.errors import CommandRefused
from tornado_chat.models import Role, User
from tornado_chat.params import (
    ChoiceParam,
    DurationParam,
    MessageIdParam,
    NumberParam,
    Param,
    RestParam,
    UserParam,
    parse_duration,
)


async def nothing(call: Call) -> None:
    """A command that does nothing."""


MUTE = Command(
    name="mute",
    run=nothing,
    params=(UserParam("user"), DurationParam("duration", required=False), RestParam("reason", required=False)),
)
SLASHED = st.one_of(
    st.text(st.characters(exclude_categories=())),
    # Close to what is a command, where chance alone would seldom come.
    st.lists(st.sampled_from(["mute", "foo", "10", "10m", "1d2h", "mins", "-5", "٣", "\u212a", "9" * 13])).map(
        " ".join
    ),
).map(lambda text: f"/{text}")


@pytest.mark.parametrize(
    "text", ["/", "/mute", "/mute foo", "/x", "//", "/é", "/\u00adx", "/ mute", "/\tmute", "/\u00a0mute"]
)
def test_what_begins_with_a_slash_is_a_command(text: str) -> None:
    assert is_command(text)


@pytest.mark.parametrize("text", ["", "mute", " /mute", "\\mute", "1/2"])
def test_anything_else_is_chat(text: str) -> None:
    assert not is_command(text)


@pytest.mark.parametrize(
    ("text", "name", "words"),
    [
        ("/mute", "mute", []),
        ("/mute foo 10", "mute", ["foo", "10"]),
        ("/MUTE\tfoo  10", "MUTE", ["foo", "10"]),
        ("/mute\nfoo", "mute", ["foo"]),
        ("//mute", "/mute", []),
        ("/", "", []),
        ("/ mute foo", "", ["mute", "foo"]),
        ("/\u00a0mute", "", ["mute"]),
    ],
)
def test_a_command_is_split_at_any_white_space(text: str, name: str, words: list[str]) -> None:
    assert split_command(text) == (name, words)


@pytest.mark.parametrize("name", ["mute", "MUTE", "mUtE"])
def test_a_name_is_looked_up_in_lowercase(name: str) -> None:
    assert fold_name(name) == "mute"


@pytest.mark.parametrize(
    "name",
    ["\u212aick", "mu\u017fe", "\u0130gnore", "m\u00fcte", "1mute", "mute!", "", "-x", "mute\n", "x" * 33],
    ids=ascii,
)
def test_what_no_command_can_be_named_folds_to_nothing(name: str) -> None:
    assert fold_name(name) is None


@pytest.mark.parametrize(
    ("typed", "seconds"),
    [
        ("10", 600),
        ("0", 0),
        ("10m", 600),
        ("10M", 600),
        ("10 mins", 600),
        ("10mins", 600),
        ("10 MINUTES", 600),
        ("1 min", 60),
        ("30s", 30),
        ("30 seconds", 30),
        ("2h", 7200),
        ("2 hours", 7200),
        ("1d2h", 93_600),
        ("1h30m", 5400),
        ("1d 2h", 93_600),
        ("3 days", 259_200),
        ("999999999999", 999_999_999_999 * 60),
    ],
)
def test_a_duration_is_read_and_taken(typed: str, seconds: int) -> None:
    words = [*typed.split(), "spamming"]
    assert parse_duration(words) == seconds
    assert words == ["spamming"]


@pytest.mark.parametrize(
    ("typed", "seconds"),
    [("10;", 600), ("0;", 0), ("10m;", 600), ("10 mins;", 600), ("1d2h;", 93_600), ("1d 2H;", 93_600)],
)
@pytest.mark.parametrize("reason", ["2d of spamming", "days of spam", "m", "10", "; 5m", ""])
def test_a_closed_duration_ends_there_whatever_follows(typed: str, seconds: int, reason: str) -> None:
    words = f"{typed} {reason}".split()
    assert parse_duration(words) == seconds
    assert words == reason.split()


def test_a_bare_number_is_minutes() -> None:
    assert parse_duration(["10"]) == 600


@pytest.mark.parametrize("reason", ["x", "minus", "٣", "mins!", "\u017fec"])
def test_a_word_that_is_no_unit_stays_after_a_bare_number(reason: str) -> None:
    words = ["10", reason]
    assert parse_duration(words) == 600
    assert words == [reason]


@pytest.mark.parametrize(
    "word",
    [
        "-5", "+5", "ten", "1.5", "1,5", "1e3", "0x10", "10x", "m", "mins", "10m5", "m10", "10 m",
        "٣", "٣m", "１０", "²", "10\u017f", "1_000", "9" * 13, "9" * 13 + "m", "9" * 13 + "mins", "10\n", "",
        ";", "10;;", "10m;;", ";10", "m;", "10;m",
    ],
    ids=ascii,
)  # fmt: skip
def test_what_is_no_duration_is_left_where_it_is(word: str) -> None:
    words = [word, "mins"]
    assert parse_duration(words) is None
    assert words == [word, "mins"]


def test_no_words_are_no_duration() -> None:
    assert parse_duration([]) is None


def test_usage_shows_what_may_be_left_out() -> None:
    assert MUTE.usage == "/mute <user> [duration] [reason]"


def test_usage_of_a_command_without_arguments_is_its_name() -> None:
    assert Command(name="who", run=nothing).usage == "/who"


@pytest.mark.parametrize(
    ("words", "args"),
    [
        ("foo", {"user": "foo"}),
        ("Foo 10", {"user": "Foo", "duration": 600}),
        ("foo 10 mins", {"user": "foo", "duration": 600}),
        ("foo 10m being rude", {"user": "foo", "duration": 600, "reason": "being rude"}),
        ("foo 1h 30m spam", {"user": "foo", "duration": 5400, "reason": "spam"}),
        ("foo 1w", {"user": "foo", "duration": 604_800}),
        ("foo 10 x", {"user": "foo", "duration": 600, "reason": "x"}),
        ("10 10", {"user": "10", "duration": 600}),
    ],
)
def test_arguments_are_read_in_order(words: str, args: dict[str, object]) -> None:
    assert MUTE.parse(words.split()) == args


@pytest.mark.parametrize(
    ("words", "args"),
    [
        ("foo", {"user": "foo"}),
        ("foo being rude", {"user": "foo", "reason": "being rude"}),
        ("foo 10 being rude", {"user": "foo", "duration": 600, "reason": "being rude"}),
        ("foo ١0 x", {"user": "foo", "reason": "١0 x"}),
    ],
)
def test_a_duration_that_may_be_skipped_leaves_other_words_to_the_reason(words: str, args: dict[str, object]) -> None:
    duration = DurationParam("duration", required=False, skip=True)
    command = Command("ban", nothing, (UserParam("user"), duration, RestParam("reason", required=False)))
    assert command.parse(words.split()) == args
    with pytest.raises(Usage, match='"1om" is no duration'):
        command.parse(["foo", "1om", "x"])


def test_parsing_leaves_the_words_as_they_were() -> None:
    words = ["foo", "10"]
    MUTE.parse(words)
    assert words == ["foo", "10"]


@pytest.mark.parametrize("words", [[], ["foo", "ten"], ["foo", "-5"], ["foo", "1.5"], ["foo", "٣"]])
def test_words_that_do_not_fit_get_the_usage_text(words: list[str]) -> None:
    with pytest.raises(Usage) as caught:
        MUTE.parse(words)
    expected = "Usage: /mute <user> [duration] [reason]; duration: 10 (minutes), 90s, 10m, 2h or 1d2h"
    assert str(caught.value).endswith(expected)


def test_a_word_too_many_gets_the_usage_text() -> None:
    command = Command(name="unmute", run=nothing, params=(UserParam("user"),))
    with pytest.raises(Usage) as caught:
        command.parse(["foo", "bar"])
    assert str(caught.value) == '"bar" is too much. Usage: /unmute <user>'


def test_usage_is_shown_to_the_caller_like_any_refusal() -> None:
    assert issubclass(Usage, CommandRefused)


@pytest.mark.parametrize("name", ["a", "mute", "who-is", "re_read", "x2", "x" * 32])
def test_a_command_may_have_this_name(name: str) -> None:
    assert Command(name=name, run=nothing).name == name


@pytest.mark.parametrize("name", ["", "Mute", "/mute", "1st", "-x", "a b", "mute\n", "m\u00fcte", "\u212a", "x" * 33])
def test_a_command_may_not_have_this_name(name: str) -> None:
    with pytest.raises(ValueError, match="command name"):
        Command(name=name, run=nothing)


def test_a_command_is_for_every_member_unless_it_says_otherwise() -> None:
    assert Command(name="who", run=nothing).role is Role.MEMBER


@given(SLASHED)
@settings(deadline=None)
def test_no_text_makes_a_command_fail_with_anything_but_usage(text: str) -> None:
    if not is_command(text):
        return
    name, words = split_command(text)
    assert fold_name(name) in {None, name.lower()}
    try:
        args = MUTE.parse(words)
    except Usage:
        return
    assert args["user"] == words[0]
    assert args.get("duration", 0) >= 0


async def never(call: Call) -> None:
    raise AssertionError(call)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"run": lambda call: None}, "`run` of the command /x must be an `async def`"),
        ({"run": never, "role": "mod"}, "`role` of the command /x must be a Role"),
        ({"run": never, "params": [RestParam("rest"), UserParam("user")]}, "can come after [rest]"),
        ({"run": never, "params": [UserParam("a", required=False), UserParam("b")]}, "can come after [a]"),
    ],
)
def test_a_command_that_could_never_work_cannot_be_made(wrong: dict[str, Any], message: str) -> None:
    with pytest.raises((ValueError, TypeError)) as caught:
        Command(name="x", **wrong)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("param", "typed", "value"),
    [
        (NumberParam("n", least=-5, most=10), "-5", -5),
        (NumberParam("n", least=2, most=100), "100", 100),
        (MessageIdParam("n"), "#17", 17),
        (MessageIdParam("n"), "17", 17),
        (ChoiceParam("n", choices=("On", "off")), "oN", "On"),
        (NumberParam("n", off=True), "3", 3),
        (NumberParam("n", off=True), "OFF", "off"),
        (DurationParam("n", off=True), "off", "off"),
    ],
)
def test_an_argument_is_read_by_its_type(param: Param, typed: str, value: object) -> None:
    assert Command("do", nothing, params=(param,)).parse([typed]) == {"n": value}


@pytest.mark.parametrize(
    ("typed", "uname"),
    [
        ("eve", "eve"),
        ("@eve", "eve"),
        ("@@eve", "@eve"),
        ('"donald duck"', "donald duck"),
        ('@"donald duck"', "donald duck"),
        ('"@eve"', "@eve"),
        ('e"v"e', 'e"v"e'),
        (r'"say \"hi\" now"', 'say "hi" now'),
        (r'"\"eve\""', '"eve"'),
        (r'"eve\\"', "eve\\"),
        (r'"a\b"', r"a\b"),
        ('"<img src="x" onerror=alert(1)>"', '<img src="x'),
        (r'"<img src=\"x\" onerror=alert(1)>"', '<img src="x" onerror=alert(1)>'),
    ],
)
def test_any_name_can_be_typed(typed: str, uname: str) -> None:
    words = typed.split()
    assert UserParam("who").take(words) == uname


@given(st.text(alphabet='ab"@\\ ', min_size=1))
@settings(deadline=None)
def test_in_quotes_a_name_is_what_it_is(text: str) -> None:
    uname = " ".join(text.split()) or "x"
    escaped = uname.replace("\\", "\\\\").replace('"', '\\"')
    words = [*f'"{escaped}"'.split(), "10"]
    assert UserParam("who").take(words) == uname
    assert words == ["10"]


NUMBER = NumberParam("sides", least=2, most=100)
CHOICE = ChoiceParam("mode", choices=("on", "off"))


@pytest.mark.parametrize(
    ("param", "typed", "told"),
    [
        (NUMBER, "1", "sides must be a whole number from 2 to 100. Usage: /do <sides>; sides: 2 to 100"),
        (NUMBER, "101", "sides must be a whole number from 2 to 100. Usage: /do <sides>; sides: 2 to 100"),
        (NUMBER, "two", "sides must be a whole number from 2 to 100. Usage: /do <sides>; sides: 2 to 100"),
        (NUMBER, "٣", "sides must be a whole number from 2 to 100. Usage: /do <sides>; sides: 2 to 100"),
        (NUMBER, "9" * 400, "sides must be a whole number from 2 to 100. Usage: /do <sides>; sides: 2 to 100"),
        (MessageIdParam("id"), "0", "\"0\" is no message's number. Usage: /do <id>; id: a message's number"),
        (MessageIdParam("id"), "-1", "\"-1\" is no message's number. Usage: /do <id>; id: a message's number"),
        (
            MessageIdParam("id"),
            "9007199254740992",
            "\"9007199254740992\" is no message's number. Usage: /do <id>; id: a message's number",
        ),
        (CHOICE, "maybe", '"maybe" is none of on, off. Usage: /do <mode>; mode: on, off'),
        (
            DurationParam("for"),
            "soon",
            '"soon" is no duration. Usage: /do <for>; for: 10 (minutes), 90s, 10m, 2h or 1d2h',
        ),
        (
            DurationParam("for"),
            "off",
            '"off" is no duration. Usage: /do <for>; for: 10 (minutes), 90s, 10m, 2h or 1d2h',
        ),
        (
            NumberParam("secs", least=1, most=9, off=True),
            "offs",
            "secs must be a whole number from 1 to 9. Usage: /do <secs|off>; secs: 1 to 9",
        ),
        (UserParam("who"), "@", "that is no name. Usage: /do <who>"),
    ],
    ids=ascii,
)
def test_a_wrong_argument_is_named_with_the_usage(param: Param, typed: str, told: str) -> None:
    with pytest.raises(Usage) as caught:
        Command("do", nothing, params=(param,)).parse([typed])
    assert str(caught.value) == told


def test_what_a_client_is_told_of_a_command() -> None:
    params = (UserParam("who"), CHOICE, RestParam("why", required=False))
    command = Command("do", nothing, params, Role.MOD, help="does it", aliases=("d",), cooldown=5)
    assert describe(command) == {
        "name": "do",
        "aliases": ["d"],
        "usage": "/do <who> <mode> [why]",
        "help": "does it",
        "role": "mod",
        "cooldown": 5,
        "params": [
            {"name": "who", "kind": "user", "required": True},
            {"name": "mode", "kind": "choice", "required": True, "choices": ["on", "off"]},
            {"name": "why", "kind": "text", "required": False},
        ],
    }
    kinds = [param.kind for param in (NUMBER, MessageIdParam("n"), DurationParam("d"))]
    assert kinds == ["number", "message_id", "duration"]


def test_a_cooldown_is_of_one_user_and_one_command_and_is_forgotten_when_it_is_over() -> None:
    now = 0.0
    cooldowns = Cooldowns(lambda: now)
    slow, other = Command("slow", nothing, cooldown=10), Command("other", nothing, cooldown=10)
    users = [User(number, f"user{number}", Role.MEMBER) for number in range(1500)]
    cooldowns.start(slow, users[0])
    assert [cooldowns.left(slow, users[0]), cooldowns.left(slow, users[1]), cooldowns.left(other, users[0])] == [
        10,
        0,
        0,
    ]
    now = 9.0
    assert cooldowns.left(slow, users[0]) == 1
    now = 20.0
    for user in users:
        cooldowns.start(slow, user)
        now += 20
    assert len(cooldowns._until) <= 1001
