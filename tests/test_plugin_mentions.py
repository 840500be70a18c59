"""mentions: how many one message calls, how many a minute, whom again and again, and who calls everybody."""

from __future__ import annotations

from typing import Any

import pytest

from tornado_chat.errors import ConfigError
from tornado_chat.testing import ChatFixture
from tornado_chat_plugins.mentions import Calls, _names

MANY = "You are calling too many people. Wait a minute."


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("hi @Ann", ["ann"]),
        ("@ann @Bob, @CHLOÉ: hi", ["ann", "bob", "chloé"]),
        ("@ann@bob@chloé", ["ann", "bob", "chloé"]),
        ("＠ａｎｎ ﹫bob", ["ann", "bob"]),
        ("@a\u200bnn (@bob)", ["ann", "bob"]),
        ("@name_with-all.of.it...", ["name_with-all.of.it"]),
        ("@ヒロ @дмитрий", ["ヒロ", "дмитрий"]),
        ("ann@example.com a.b+c@example.com", []),
        ("@ @@ @! 5 @ 3 user @home", ["home"]),
        ('"@ann"', ["ann"]),
    ],
)
def test_what_is_a_mention(text: str, names: list[str]) -> None:
    assert _names(text) == names


@pytest.mark.gen_test
async def test_a_message_may_call_some_people_and_staff_may_call_all(chat: ChatFixture) -> None:
    await chat.open("mentions", options={"mentions": {"most": 3}})
    alice, kate = await chat.join("alice"), await chat.join("kate", role="mod")
    assert (await alice.say("@a @b @c @A @B @C")).ack is None
    answer = await alice.say("@a @b @c @d")
    assert (answer.ack, answer.notice) == ("MESSAGE_REJECTED", "A message may call 3 people at most")
    assert (await kate.say("@a @b @c @d @e @f @everyone")).ack is None


@pytest.mark.gen_test
@pytest.mark.parametrize("text", ["@everyone", "look @HERE!", "hey ＠all", "@ann @ev\u200beryone", "@room@channel"])
async def test_only_staff_call_everybody(chat: ChatFixture, text: str) -> None:
    await chat.open("mentions")
    alice = await chat.join("alice")
    assert ((await alice.say(text)).notice or "").startswith("Only staff may call everybody with @")
    for fine in ("everyone, come here", "@allan @here2 @everyones", "all@example.com"):
        assert (await alice.say(fine)).ack is None


@pytest.mark.gen_test
async def test_the_words_that_call_everybody_are_an_option(chat: ChatFixture) -> None:
    await chat.open("mentions", options={"mentions": {"broadcast": ["Alle"]}})
    alice = await chat.join("alice")
    assert (await alice.say("@alle")).notice == "Only staff may call everybody with @alle"
    assert (await alice.say("@everyone")).ack is None
    await chat.open("mentions", options={"mentions": {"broadcast": []}})
    assert (await alice.say("@alle")).ack is None


@pytest.mark.gen_test
async def test_somebody_may_call_so_many_a_minute(chat: ChatFixture) -> None:
    await chat.open("mentions", options={"mentions": {"per_minute": 4}})
    alice, bob = await chat.join("alice"), await chat.join("bob")
    assert (await alice.say("@a @b @c @alice")).ack is None
    await chat.advance(30)
    assert (await alice.say("@d @e")).notice == MANY  # and what is refused doesn't count
    assert (await alice.say("@d")).ack is None
    assert (await alice.say("@e")).notice == MANY
    assert (await alice.say("nobody")).ack is None
    assert (await bob.say("@a @b @c @d")).ack is None
    await chat.advance(30)
    assert (await alice.say("@e @f @g")).ack is None
    assert (await alice.say("@h")).notice == MANY


@pytest.mark.gen_test
async def test_one_who_does_not_answer_may_be_called_a_few_times(chat: ChatFixture) -> None:
    await chat.open("mentions", options={"mentions": {"unanswered": 2}})
    alice, bob = await chat.join("alice"), await chat.join("Bob the Great")
    for text in ("@bob @bob @bob", "@Bob hello"):
        assert (await alice.say(text)).ack is None
    assert (await alice.say("@bob?")).notice == "You have called bob often enough. Wait for an answer."
    assert (await alice.say("@carol?")).ack is None
    await chat.advance(1)
    await bob.say("what")
    await chat.advance(1)
    assert (await alice.say("@bob at last")).ack is None
    assert (await alice.say("@bob how are you")).ack is None
    assert (await alice.say("@bob?")).ack == "MESSAGE_REJECTED"
    await chat.advance(60)
    assert (await alice.say("@bob?")).ack is None


@pytest.mark.gen_test
async def test_an_answer_of_staff_counts_too(chat: ChatFixture) -> None:
    await chat.open("mentions", options={"mentions": {"unanswered": 1}})
    alice, kate = await chat.join("alice"), await chat.join("kate", role="mod")
    for _ in range(5):
        assert (await alice.say("@kate help")).ack is None
        await chat.advance(1)
        await kate.say("yes?")
        await chat.advance(1)


def test_what_is_over_is_forgotten() -> None:
    calls = Calls(10, 4)
    for number in range(5000):
        assert calls.refuse(f"user{number}", ["x"], number) == ""
        assert calls.refuse(f"user{number}", [], number + 100) == ""
        calls.spoke(f"user{number}", number)
    assert len(calls._calls) <= 1001
    assert len(calls._spoke) <= 1001
    for number in range(100):
        calls.refuse("eve", [f"x{number}"], 9000.0)
    assert len(calls._calls["eve"]) == 10


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"most": -1}, "most"),
        ({"per_minute": 0}, "per_minute"),
        ({"unanswered": 0}, "unanswered"),
        ({"broadcast": ["all", ""]}, r"broadcast\[1\]: '' must be a word"),
        ({"broadcast": ["@all"]}, "must be a word"),
        ({"broadcast": ["all of you"]}, "must be a word"),
    ],
)
@pytest.mark.gen_test
async def test_options_that_make_no_sense_stop_the_start(chat: ChatFixture, options: dict[str, Any], told: str) -> None:
    with pytest.raises(ConfigError, match=told):
        await chat.open("mentions", options={"mentions": options})
