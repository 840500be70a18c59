"""The bundled plugin repeat: the same again, by one user and by many."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.chats import load_plugin
from tests.inline import waiting
from tornado_chat import Draft, Role, User
from tornado_chat.errors import ConfigError
from tornado_chat.testing import ChatFixture, Person
from tornado_chat_plugins import repeat

AD = "Join the golden goose club and earn money while you sleep"
ALREADY = "You have said that already"
OTHERS = "Others have just said the same"


async def acks(chat: ChatFixture, person: Person, texts: list[str], every: float = 3.0) -> list[str | None]:
    """Say these, with so many seconds between; return the acks."""
    found = []
    for text in texts:
        await chat.advance(every)
        found.append((await person.say(text)).ack)
    return found


@pytest.mark.gen_test
@pytest.mark.parametrize(
    "again",
    [
        AD.upper(),
        f"{AD}!!! 🔥🔥",
        f"{AD} 4711",
        f"*** {AD} ***",
        AD.replace(" ", "_"),
        AD.replace("golden", "go\u200blden"),
        AD.replace("goose", "goise"),
        AD.replace(" ", "   "),
        f"pine {AD} lantern",
        "Earn money while you sleep and join the golden goose club",
        "Ｊｏｉｎ ｔｈｅ ｇｏｌｄｅｎ ｇｏｏｓｅ ｃｌｕｂ and earn money while you sleep",
        "".join(f"{char}\u0336\u0301" for char in AD),
    ],
    ids=ascii,
)
async def test_a_user_may_say_nearly_the_same_twice(chat: ChatFixture, again: str) -> None:
    await chat.open("repeat")
    eve = await chat.join("eve")
    assert await acks(chat, eve, [AD, again, AD], 60) == [None, None, "REPEATED"]
    assert eve.notices == [ALREADY]


@pytest.mark.gen_test
async def test_it_counts_over_all_tabs_and_for_a_while(chat: ChatFixture) -> None:
    await chat.open("repeat", options={"repeat": {"times": 2, "window": 20.0}})
    eve, tab, alice = await chat.join("eve"), await chat.join("EVE"), await chat.join("alice")
    assert (await eve.say(AD)).ack is None
    assert (await alice.say(AD)).ack is None
    await chat.advance(19)
    assert (await tab.say(AD)).ack == "REPEATED"
    await chat.advance(1)
    assert (await tab.say(AD)).ack is None


@pytest.mark.gen_test
async def test_what_others_say_between_and_what_one_says_in_turn_does_not_matter(chat: ChatFixture) -> None:
    await chat.open("repeat", options={"repeat": {"strikes": 0}})
    eve = await chat.join("eve")
    turn = [AD, "who wants a rose from me today", "this is a third text that is quite another one"] * 3
    assert await acks(chat, eve, turn) == [None] * 6 + ["REPEATED"] * 3


@pytest.mark.gen_test
async def test_short_texts_may_be_said_often_and_by_everybody(chat: ChatFixture) -> None:
    await chat.open("repeat")
    crowd = [await chat.join(f"fan{number}") for number in range(30)]
    for text in ("GOOOOOAL", "gg", "Canberra", "hahahahahahahahahahahahahahahaha", "😂😂😂😂😂😂😂😂😂😂😂😂", "no!!!"):
        assert [(await fan.say(text)).ack for fan in crowd] == [None] * 30
    fan = crowd[0]
    assert await acks(chat, fan, ["lol", "LOL", "lolololol", "lol!", "lol", "lol"], 2) == [None] * 4 + ["REPEATED"] * 2


@pytest.mark.gen_test
async def test_how_often_a_short_text_may_be_said_can_be_set(chat: ChatFixture) -> None:
    await chat.open("repeat", options={"repeat": {"short_times": 3, "short_window": 10.0}})
    eve = await chat.join("eve")
    assert await acks(chat, eve, ["buy", "buy", "buy"], 4) == [None, None, "REPEATED"]
    assert await acks(chat, eve, ["buy", "buy"], 10) == [None, None]


@pytest.mark.gen_test
async def test_texts_in_between_count_when_they_come_quickly_or_very_often(chat: ChatFixture) -> None:
    await chat.open("repeat")
    eve, bob, kim = await chat.join("eve"), await chat.join("bob"), await chat.join("kim")
    assert await acks(chat, eve, ["join my stream", "Join my stream!", "JOIN MY STREAM"], 10) == [
        None,
        None,
        "REPEATED",
    ]
    assert await acks(chat, bob, ["thank you so much"] * 5, 31) == [None] * 4 + ["REPEATED"]
    assert await acks(chat, kim, [f"my guess is {number}" for number in range(40, 52)], 3) == [None] * 12


@pytest.mark.gen_test
async def test_the_same_words_to_several_people_are_no_repetition(chat: ChatFixture) -> None:
    await chat.open("repeat")
    eve = await chat.join("eve")
    greetings = [f"welcome to the stream, {name}!" for name in ("Alice", "Bob", "Kate", "donald", "Zoë", "小明")]
    assert await acks(chat, eve, greetings) == [None] * 6


@pytest.mark.gen_test
async def test_the_third_account_with_the_same_ad_is_refused(chat: ChatFixture) -> None:
    await chat.open("repeat")
    crowd = [await chat.join(f"goose{number}") for number in range(6)]
    said = [(await each.say(AD + "!" * number)).ack for number, each in enumerate(crowd)]
    assert said == [None, None, *["REPEATED"] * 4]
    assert crowd[5].notices == [OTHERS]
    await chat.advance(59)
    late = await chat.join("late")
    assert (await late.say(AD)).notice == OTHERS  # those who were refused count too
    await chat.advance(60)
    assert (await late.say(AD)).ack is None


@pytest.mark.gen_test
async def test_how_many_accounts_in_which_time_can_be_set(chat: ChatFixture) -> None:
    await chat.open("repeat", options={"repeat": {"users": 2, "users_window": 5.0}})
    one, two, three = [await chat.join(f"goose{number}") for number in range(3)]
    assert [(await one.say(AD)).ack, (await two.say(AD)).ack] == [None, "REPEATED"]
    await chat.advance(5)
    assert (await three.say(AD)).ack is None
    await chat.open("repeat", options={"repeat": {"users": 0}})
    assert [(await (await chat.join(f"bee{number}")).say(AD)).ack for number in range(5)] == [None] * 5


@pytest.mark.gen_test
async def test_how_similar_texts_must_be_can_be_set(chat: ChatFixture) -> None:
    await chat.open("repeat", options={"repeat": {"times": 2, "similarity": 1.0}})
    eve = await chat.join("eve")
    assert await acks(chat, eve, [AD, AD.replace("goose", "moose"), AD.upper()]) == [None, None, "REPEATED"]


@pytest.mark.gen_test
async def test_who_goes_on_is_muted_and_staff_are_told(chat: ChatFixture) -> None:
    await chat.open("repeat", options={"repeat": {"strikes": 2, "mute_seconds": 60}})
    eve, bob = await chat.join("eve"), await chat.join("bob", role="mod")
    assert await acks(chat, eve, [AD] * 5) == [None, None, "REPEATED", "REPEATED", "USER_MUTED"]
    assert eve.notices == [
        ALREADY,
        f"{ALREADY}. You are muted for 1 min.",
        "You are muted for another 57 s: repeating",
    ]
    assert bob.notices == ["eve said the same again and again, and is muted for 1 min"]
    await chat.advance(60)
    assert await acks(chat, eve, [AD, AD]) == ["REPEATED", "REPEATED"]
    assert len(bob.notices) == 2


@pytest.mark.gen_test
async def test_staff_may_repeat_and_nobody_is_measured_by_them(chat: ChatFixture) -> None:
    await chat.open("repeat")
    bob, kate = await chat.join("bob", role="mod"), await chat.join("kate", role="owner")
    assert [(await bob.say(AD)).ack for _ in range(10)] == [None] * 10
    assert (await kate.say(AD)).ack is None
    assert (await (await chat.join("eve")).say(AD)).ack is None


@pytest.mark.gen_test
async def test_what_was_refused_or_not_stored_was_not_said(chat: ChatFixture) -> None:
    await chat.open("repeat", "wordlist", options={"wordlist": {"words": ["darn"]}})
    eve = await chat.join("eve")
    darn = "this darn weather is nothing that I like at all"
    assert await acks(chat, eve, [darn] * 5) == ["MESSAGE_REJECTED"] * 5
    chat.store.away = True
    assert await acks(chat, eve, [AD] * 5) == ["INTERNAL_ERROR"] * 5
    chat.store.away = False
    assert await acks(chat, eve, [AD] * 3) == [None, None, "REPEATED"]


@pytest.mark.gen_test
async def test_of_messages_sent_at_once_from_many_tabs_two_are_posted(chat: ChatFixture) -> None:
    go_on = asyncio.Event()
    await chat.open("repeat", waiting(go_on))
    tabs = [await chat.join("eve") for _ in range(4)]
    saying = [asyncio.ensure_future(tab.say(AD)) for tab in tabs]
    await chat.settle()
    go_on.set()
    assert [answer.ack for answer in await asyncio.gather(*saying)].count(None) == 2


@pytest.mark.gen_test
async def test_what_was_said_counts_after_a_reload_and_a_restart(chat: ChatFixture) -> None:
    await chat.open("repeat")
    assert await acks(chat, await chat.join("eve"), [AD, AD]) == [None, None]
    await chat.open("repeat")
    assert await acks(chat, await chat.join("eve"), [AD]) == ["REPEATED"]
    await chat.restart()
    await chat.open("repeat")
    assert await acks(chat, await chat.join("eve"), [AD]) == ["REPEATED"]
    await chat.advance(300)
    assert await acks(chat, await chat.join("eve"), [AD]) == [None]


@pytest.mark.gen_test
@pytest.mark.parametrize(
    "text",
    ["\ufdfa" * 350, "e\u0301" * 175, "\u200b" * 20 + "x", "7" * 350, "\U0001f468\u200d\U0001f467" * 70, "ツ" * 350],
    ids=ascii,
)
async def test_strange_texts_are_texts(chat: ChatFixture, text: str) -> None:
    await chat.open("repeat")
    eve = await chat.join("eve")
    said = await acks(chat, eve, [text] * 5)
    assert said[0] is None
    assert said[4] == "REPEATED"


@pytest.mark.gen_test
async def test_memory_is_bounded(chat: ChatFixture) -> None:
    await chat.open("repeat")
    memory = chat.api("repeat").state(repeat.Memory)
    for number in range(5000):
        chat.clock.advance(1)
        user = User(number, f"user{number}", Role.MEMBER)
        draft = Draft(2, user, AD, AD)
        memory.judge(draft)
        memory.queue(draft)
        memory.store(user, AD)
    assert len(memory._of) <= 1000
    assert len(memory._refused) <= 1000
    assert len(memory._long) <= repeat.OF_ALL


@pytest.mark.parametrize(
    "options",
    [
        {"times": 1},
        {"window": 0},
        {"short_times": 1},
        {"short_window": -1},
        {"similarity": 75},
        {"users": -1},
        {"users_window": 1e9},
        {"strikes": -1},
        {"mute_seconds": 0},
        {"similar": 1},
    ],
)
def test_options_that_make_no_sense_stop_the_start(options: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match=r"apps/2\.toml: plugin\.repeat\."):
        load_plugin("repeat", **options)
