"""scam: what begging and frauds are called, for whom, and what honest people may say."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.work import steps
from tornado_chat.errors import ConfigError
from tornado_chat.models import Person as Known
from tornado_chat.testing import ChatFixture, Person
from tornado_chat_plugins.scam import AGAIN, RULES, Caught, Detector

TOLD = "That looks like begging or a scam, so it was not sent"
WALLET = "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4"
DETECTOR = Detector()


async def regular(chat: ChatFixture, uname: str = "bob") -> Person:
    """Let somebody in who has been here for long."""
    long_ago = chat.clock.now() - timedelta(days=60)
    await chat.store.records.save_people(2, [Known(uname, long_ago, long_ago, 500)])
    return await chat.join(uname)


def sure(text: str) -> list[str]:
    """Return the kinds that a text is whoever says it."""
    return [kind for kind, grades in DETECTOR.find(text).items() if "!" in grades]


def likely(text: str) -> list[str]:
    """Return the kinds that a text is in a newcomer's mouth."""
    return [kind for kind, grades in DETECTOR.find(text).items() if grades & {"!", ""}]


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("begging", "anyone tip me?"),
        ("begging", "pls send me 0.01 btc im broke"),
        ("begging", "spare some coins for a poor gambler"),
        ("begging", "can somebody loan me 1000 till friday"),
        ("begging", "rain on me please"),
        ("begging", "t1p me"),
        ("begging", "t i p  m e"),
        ("begging", "tiiiip meee"),
        ("begging", "ｔｉｐ　ｍｅ"),
        ("begging", "tірs for mе"),
        ("begging", "g\u200bive m\u200be co\u200bins"),
        ("begging", "I pay you back double"),
        ("doubling", "double your btc today"),
        ("doubling", "Dоublе уоur btс"),
        ("doubling", "Send 0.1 BTC, get 0.2 back in 10 minutes"),
        ("doubling", "every coin you send comes back twice"),
        ("secrets", "support here, give me your password"),
        ("secrets", "please send your seed phrase"),
        ("secrets", "tell me your 12 words"),
        ("secrets", "we need your 2FA code"),
        ("secrets", "send me the private key of your wallet"),
        ("lures", "dm me for free coins"),
        ("lures", "pm me i give free spins"),
        ("lures", "hit me up if you want to earn real money"),
        ("lures", "whatsapp +44 7700 900123 for free coins"),
    ],
)
def test_plain_phrases_are_what_they_are_for_everybody(kind: str, text: str) -> None:
    assert kind in sure(text)


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("begging", "tip pls"),
        ("begging", "need a loan"),
        ("begging", "¿alguien me regala unas monedas?"),
        ("begging", "kann mir jemand ein paar Coins schenken"),
        ("begging", "киньте немного монет"),
        ("begging", "kto mi pożyczy trochę monet"),
        ("doubling", "guaranteed 200% in one hour"),
        ("secrets", "DM me the code which you got"),
        ("lures", "dm for signals"),
        ("lures", "telegram: luckyducks_example for signals"),
    ],
)
def test_other_phrases_are_so_in_a_newcomers_mouth(kind: str, text: str) -> None:
    assert kind in likely(text)
    assert sure(text) == []


@pytest.mark.parametrize(
    "text",
    [
        "can you tip me off when he streams",
        "thanks for the tip! pro tip: please read the docs first",
        "please tip your waiter, the tip jar is empty",
        "tip 50g, tip anyway, no tip needed",
        "I need a loan of that book, lend me a hand",
        "lend me 5 minutes",
        "anyone lend me 200g till reset?",
        "give me the btc price",
        "send me your eth address and I pay you",
        "give me my money back",
        "double your bet after a loss, double it",
        "my uncle asks me to double his savings",
        "no one will ever double your btc",
        "never share your seed phrase with anyone",
        "don't ever give anyone your password",
        "I'm getting mails that my account will be closed unless I send my password",
        "did you enter your password right?",
        'what does "seed" mean in that torrent',
        "dm me your shirt sizes, I'm printing some",
        "hit me up when you are free",
        "message me when you are home",
        "inbox zero is a method",
        "whatsapp for work is terrible, telegram is free",
        "der Trainer soll ihm Geld geben",
        "para mi las monedas son bonitas",
        "i'm broke lol, lost all my coins",
        "is it 2x or x2?",
        "",
    ],
)
def test_honest_people_may_say_so_also_when_they_are_new(text: str) -> None:
    assert likely(text) == []


@pytest.mark.gen_test
async def test_a_regular_is_taken_at_their_word_until_they_beg(chat: ChatFixture) -> None:
    await chat.open("scam")
    alice, bob = await chat.join("alice"), await regular(chat)
    assert (await alice.say("tip pls")).notice == TOLD
    assert (await bob.say("tip pls")).ack is None
    assert (await bob.say("just 500 coins, I'm good for it")).ack is None
    assert (await bob.say("tip me please")).notice == TOLD
    for text in ("tip pls", "just 500 coins, I'm good for it", "tip?", WALLET):
        await chat.advance(AGAIN - 1)
        assert (await bob.say(text)).notice == TOLD
    assert (await bob.say("I'll have a biscuit")).ack is None
    await chat.advance(AGAIN)
    assert (await bob.say("just 500 coins, I'm good for it")).ack is None


@pytest.mark.gen_test
async def test_wallets_are_for_those_who_are_not_new(chat: ChatFixture) -> None:
    await chat.open("scam", options={"scam": {"min_messages": 1, "min_minutes": 2, "message": "no wallets"}})
    alice, bob = await chat.join("alice"), await regular(chat)
    assert (await bob.say(WALLET)).ack is None
    assert (await alice.say(f"my dog is ill: {WALLET}")).notice == "no wallets"
    await chat.advance(AGAIN)
    assert (await alice.say(WALLET)).notice == "no wallets"
    await alice.say("hi")
    await chat.advance(AGAIN)
    assert (await alice.say(WALLET)).ack is None


@pytest.mark.gen_test
@pytest.mark.parametrize("kind", ["begging", "doubling", "secrets", "lures", "wallets"])
@pytest.mark.parametrize("action", ["reject", "hold", "flag", "off"])
async def test_each_kind_has_its_own_action(chat: ChatFixture, kind: str, action: str) -> None:
    await chat.open("scam", options={"scam": {kind: action}})
    texts = {
        "begging": "tip me",
        "doubling": "double your btc",
        "secrets": "give me your password",
        "lures": "dm me for free spins",
        "wallets": WALLET,
    }
    kate = await chat.join("kate", role="mod")
    for number, (other, text) in enumerate(texts.items()):
        person = await chat.join(f"user{number}")
        answer = await person.say(text)
        wanted = (
            {"reject": "MESSAGE_REJECTED", "hold": "MESSAGE_HELD"}.get(action) if other == kind else "MESSAGE_REJECTED"
        )
        assert answer.ack == wanted, text
        if other == kind:
            flagged = [f"user{number} may be up to a scam ({kind}): {text}"] if action == "flag" else []
            assert kate.notices == flagged
            assert [held.reason for held in chat.api("scam").held] == (
                [f"it looks like a scam ({kind})"] if action == "hold" else []
            )


@pytest.mark.gen_test
@pytest.mark.parametrize("role", ["mod", "owner", "admin"])
async def test_staff_are_exempt(chat: ChatFixture, role: str) -> None:
    await chat.open("scam")
    kate = await chat.join("kate", role=role)
    for text in ("tip me", f"the donation jar: {WALLET}", '"double your btc" is a scam'):
        assert (await kate.say(text)).ack is None


def test_who_was_caught_long_ago_is_forgotten() -> None:
    caught = Caught()
    for number in range(5000):
        caught.note(f"user{number}", float(number))
    assert len(caught._times) <= 2001
    assert caught.lately("user4999", 5000.0)
    assert not caught.lately("user4999", 6000.0)


WORDS = ["tip", "me", "pls", "send", "btc", "your", "x2", "dm", "for", "5", "double"]


@given(st.text(max_size=350) | st.lists(st.sampled_from(WORDS), max_size=80).map(" ".join))
def test_no_text_breaks_it(text: str) -> None:
    assert set(DETECTOR.find(text)) <= set(RULES)


@pytest.mark.parametrize(
    "part", ["send ", "pls ", "tip me ", "dm ", "t i p ", "giiive me ", "send 5 get ", "0.1 ", "тіp "]
)
def test_the_work_is_linear(part: str) -> None:
    text = part * 350
    one = steps(lambda: DETECTOR.find(text[:350]))
    assert steps(lambda: DETECTOR.find(text[:1400])) < 5 * one + 200


@pytest.mark.parametrize(
    "options",
    [
        {"begging": "mute"},
        {"doubling": True},
        {"secrets": ""},
        {"lures": None},
        {"wallets": "on"},
        {"min_messages": -1},
        {"min_minutes": 1.5},
        {"message": 5},
        {"loans": "off"},
    ],
)
@pytest.mark.gen_test
async def test_options_that_make_no_sense_stop_the_start(chat: ChatFixture, options: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match=r"plugin\.scam"):
        await chat.open("scam", options={"scam": options})
