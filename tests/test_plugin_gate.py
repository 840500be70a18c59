"""The bundled plugin gate: who is new on the site, or of a low level, reads and doesn't talk."""

from __future__ import annotations

import logging
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.chats import load_plugin
from tornado_chat.errors import ConfigError
from tornado_chat.testing import ChatFixture, JoinRefused
from tornado_chat_plugins.gate import long_text


@pytest.mark.gen_test
async def test_an_account_that_is_too_new_is_told_when_it_may_talk(chat: ChatFixture) -> None:
    await chat.open("gate", options={"gate": {"min_age_hours": 24.0}})
    now = chat.clock.now()
    kim = await chat.join("kim", created_at=now - timedelta(hours=20, minutes=39, seconds=30))
    old = await chat.join("old", created_at=now - timedelta(hours=24))
    answer = await kim.say("hi")
    assert answer.ack == "ACCOUNT_TOO_NEW"
    assert answer.notice == "Your account must be 1 d old to talk here: you can in 3 h 21 min"
    assert (await old.say("hi")).ack is None
    await chat.advance(3 * 3600 + 20 * 60)
    assert (await kim.say("hi")).notice == "Your account must be 1 d old to talk here: you can in 30 s"
    await chat.advance(30)
    assert (await kim.say("hi")).ack is None


@pytest.mark.gen_test
async def test_an_account_of_a_low_level_is_told_what_is_missing(chat: ChatFixture) -> None:
    await chat.open("gate", options={"gate": {"min_level": 5}})
    kim, old = await chat.join("kim", level=4), await chat.join("old", level=5)
    answer = await kim.say("hi")
    assert (answer.ack, answer.notice) == ("LEVEL_TOO_LOW", "You need level 5 to talk here; you have level 4")
    assert (await old.say("hi")).ack is None
    assert (await (await chat.join("nobody", level=-(2**60))).say("hi")).ack == "LEVEL_TOO_LOW"


@pytest.mark.gen_test
async def test_age_and_level_are_both_needed_where_both_are_set(chat: ChatFixture) -> None:
    await chat.open("gate", options={"gate": {"min_level": 5, "min_age_hours": 1.5}})
    now = chat.clock.now()
    acks = []
    for number, (level, hours) in enumerate([(5, 2), (4, 2), (5, 1), (4, 1)]):
        user = await chat.join(f"user{number}", level=level, created_at=now - timedelta(hours=hours))
        acks.append((await user.say("hi")).ack)
    assert acks == [None, "LEVEL_TOO_LOW", "ACCOUNT_TOO_NEW", "ACCOUNT_TOO_NEW"]


@pytest.mark.gen_test
async def test_an_account_of_tomorrow_waits_until_it_is_old_enough(chat: ChatFixture) -> None:
    await chat.open("gate", options={"gate": {"min_age_hours": 1.0}})
    kim = await chat.join("kim", created_at=chat.clock.now() + timedelta(days=1))
    end = await chat.join("end", created_at=datetime.max.replace(tzinfo=UTC))
    assert (await end.say("hi")).ack == "ACCOUNT_TOO_NEW"
    assert (await kim.say("hi")).notice == "Your account must be 1 h old to talk here: you can in 1 d 1 h"


@pytest.mark.gen_test
async def test_accounts_of_which_nothing_is_known_talk_unless_they_are_not_to(
    chat: ChatFixture, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    wanted: dict[str, Any] = {"min_level": 5, "min_age_hours": 1.0}
    await chat.open("gate", options={"gate": wanted})
    kim = await chat.join("kim")
    assert [(await kim.say("hi")).ack for _ in range(3)] == [None] * 3
    assert [record.message for record in caplog.records] == [
        "app 2: the site doesn't say age or level of all accounts (unknown = allow)"
    ]
    await chat.open("gate", options={"gate": {**wanted, "unknown": "reject"}})
    answer = await kim.say("hi")
    assert answer.ack == "ACCOUNT_UNKNOWN"
    assert answer.notice == "The site doesn't say how old your account is, so you can't talk here"
    old = await chat.join("old", created_at=chat.clock.now() - timedelta(days=1))
    assert (await old.say("hi")).notice == "The site doesn't say which level you have, so you can't talk here"


@pytest.mark.gen_test
async def test_it_can_keep_accounts_out_but_no_guests(chat: ChatFixture) -> None:
    await chat.open("gate", options={"gate": {"min_level": 5, "join": True}})
    with pytest.raises(JoinRefused, match="LEVEL_TOO_LOW: You need level 5 to come in here; you have level 4"):
        await chat.join("kim", level=4)
    await chat.join("old", level=5)
    await chat.join(None)
    await chat.open("gate", options={"gate": {"min_level": 5}})
    await chat.join("kim", level=4)


@pytest.mark.gen_test
@pytest.mark.parametrize("role", ["mod", "owner", "admin"])
async def test_staff_need_neither(chat: ChatFixture, role: str) -> None:
    options = {"min_level": 5, "min_age_hours": 1.0, "join": True, "unknown": "reject"}
    await chat.open("gate", options={"gate": options})
    bob = await chat.join("bob", role=role, level=0, created_at=chat.clock.now())
    assert (await bob.say("hi")).ack is None


@pytest.mark.gen_test
async def test_it_asks_for_nothing_by_default(chat: ChatFixture) -> None:
    await chat.open("gate")
    kim = await chat.join("kim", level=0, created_at=chat.clock.now())
    assert (await kim.say("hi")).ack is None


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.5, "1 s"),
        (90, "1 min 30 s"),
        (3540.5, "59 min 1 s"),
        (3599.5, "1 h"),
        (3600, "1 h"),
        (3601, "1 h 1 min"),
        (86_400, "1 d"),
        (90_000, "1 d 1 h"),
        (90_061, "1 d 1 h"),
        (30 * 86_400, "30 d"),
    ],
)
def test_long_times_are_told_in_days_and_hours(seconds: float, text: str) -> None:
    assert long_text(seconds) == text


@pytest.mark.parametrize(
    "options", [{"min_age_hours": -1}, {"min_age_hours": 1e9}, {"min_level": -1}, {"unknown": "ask"}, {"join": 1}]
)
def test_options_that_make_no_sense_stop_the_start(options: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match=r"apps/2\.toml: plugin\.gate\."):
        load_plugin("gate", **options)
