"""betlinks: which bets get an address, and that a message stays one."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.chats import documented_options, load_plugin
from tests.work import steps
from tornado_chat import Draft, Pass, Replace, Role, User
from tornado_chat.errors import ConfigError
from tornado_chat.testing import ChatFixture
from tornado_chat.text import js_length

TEMPLATE = "https://x.io/{id}"
EVE = User(5, "eve", Role.MEMBER)


def expand(text: str, **options: Any) -> str:
    """Return what becomes of a text."""
    loaded = load_plugin("betlinks", template=TEMPLATE, **options)
    coroutine = loaded.moderation.filters[0].filter.check(Draft(2, EVE, text, text))
    try:
        coroutine.send(None)
    except StopIteration as end:
        verdict = end.value
    assert isinstance(verdict, Pass | Replace)
    return verdict.text if isinstance(verdict, Replace) else text


@pytest.mark.gen_test
async def test_a_bet_gets_the_address_of_its_page_whoever_names_it(chat: ChatFixture) -> None:
    await chat.open("betlinks", options={"betlinks": {"template": "https://www.example.com/bets/{id}?from=chat"}})
    eve, bob = await chat.join("eve"), await chat.join("bob", role="mod")
    await eve.say("look at #123456!")
    await bob.say("bet:7")
    await bob.say("nothing here")
    assert eve.messages == [
        "eve: look at #123456 (https://www.example.com/bets/123456?from=chat)!",
        "bob: bet:7 (https://www.example.com/bets/7?from=chat)",
        "bob: nothing here",
    ]


@pytest.mark.parametrize(
    ("text", "expanded"),
    [
        ("#123456", "#123456 (https://x.io/123456)"),
        ("BET:1 and (bet:2),#123456.", "BET:1 (https://x.io/1) and (bet:2 (https://x.io/2)),#123456 (https://x.io/123456)."),
        ("#0000000000000000001", "#0000000000000000001 (https://x.io/0000000000000000001)"),
        *(
            (text, text)
            for text in (
                "#1 fan",
                "#12345",
                "#12345678901234567890",
                "bet:12345678901234567890",
                "bet: 5",
                "bet:",
                "#",
                "alphabet:5",
                "a#123456",
                "##123456",
                "#123456abc",
                "#123456\u00e9",
                "#123456#123456",
                "#123456-7",
                "#123456/x",
                "https://x.io/#123456",
                "https://x.io/bet:123456",
                "#\u0661\u0662\u0663\u0664\u0665\u0666",
                "#\uff11\uff12\uff13\uff14\uff15\uff16",
                "#123456\u0667",
                "\uff03123456",
                "b\u0435t:123456",
                "bet:\u00b2",
            )
        ),
    ],
)  # fmt: skip
def test_what_is_a_bet_and_what_is_not(text: str, expanded: str) -> None:
    assert expand(text) == expanded


def test_how_many_digits_and_how_many_bets_is_the_operators() -> None:
    assert expand("#1 #22 #333", digits=2, most=1) == "#1 #22 (https://x.io/22) #333"
    assert expand("#1 #22 #333 #4444", digits=2, most=2) == "#1 #22 (https://x.io/22) #333 (https://x.io/333) #4444"


def test_what_has_its_address_already_gets_no_second_one() -> None:
    once = expand("see #123456 and bet:7")
    assert expand(once) == once


def test_what_would_make_the_message_too_long_stays() -> None:
    bet = " #123456"
    link = " (https://x.io/123456)"
    fits = "x" * (350 - len(bet) - len(link)) + bet
    assert expand(fits) == fits + link
    assert expand("x" + fits) == "x" + fits
    astral = "\U0001f600" * 150 + bet * 3
    assert expand(astral) == "\U0001f600" * 150 + bet + link + bet * 2


@given(st.text(st.sampled_from("#bet:0123456789 ()x\U0001f600\u0661"), min_size=1, max_size=350))
def test_a_message_stays_one_and_loses_nothing(text: str) -> None:
    if js_length(text) > 350:
        return
    expanded = expand(text)
    assert 1 <= js_length(expanded) <= 350
    assert expanded.count("(https://x.io/") <= 3
    kept = iter(expanded)
    assert all(char in kept for char in text)


@pytest.mark.parametrize("text", ["#" * 350, "bet:" * 87, "#1" * 175, "#123456 " * 43, "1" * 350, "bet:1 " * 58])
def test_the_work_is_linear_in_the_text(text: str) -> None:
    loaded = steps(lambda: expand("x"))
    assert abs(steps(lambda: expand(text)) - loaded) < 5 * len(text) + 200


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({}, "plugin.betlinks.template: missing"),
        ({"template": "https://x.io/"}, "plugin.betlinks.template"),
        ({"template": "https://x.io/{id}{id}"}, "plugin.betlinks.template"),
        ({"template": "https://x.io/{id}/{name}"}, "plugin.betlinks.template"),
        ({"template": "javascript:alert({id})"}, "plugin.betlinks.template"),
        ({"template": "https://x.io/a b/{id}"}, "plugin.betlinks.template"),
        ({"template": "https://x.io/{id}" + "x" * 200}, "plugin.betlinks.template"),
        ({"template": TEMPLATE, "digits": 0}, "plugin.betlinks.digits"),
        ({"template": TEMPLATE, "most": 21}, "plugin.betlinks.most"),
    ],
)
def test_options_that_do_not_fit_are_named(options: dict[str, Any], told: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load_plugin("betlinks", **options)
    assert told in str(caught.value)


def test_the_documented_example_is_one() -> None:
    assert load_plugin("betlinks", **documented_options("betlinks"))
