"""The bundled plugin raid: many newcomers at once are a raid, many people who come back are none."""

from __future__ import annotations

import logging
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

from tests.chats import load_plugin
from tornado_chat import StoreUnavailable
from tornado_chat.errors import ConfigError
from tornado_chat.testing import ChatFixture, JoinRefused, Person
from tornado_chat_plugins import raid

DAY = 86_400
ROOM = "Many newcomers at once: for 10 min only people can talk who have been here before"
OFF = "If it is none: /members off"


class Scene:
    """A room that has been there for ten days: alice was here then, bob is a mod."""

    def __init__(self, chat: ChatFixture) -> None:
        self.chat = chat
        self.alice: Person
        self.bob: Person

    async def open(self, **options: Any) -> Scene:
        self.options = {"raid": options} if options else {}
        await self.chat.open("members", "raid", options=self.options)
        self.alice, self.bob = await self.chat.join("alice"), await self.chat.join("bob", role="mod")
        await self.alice.say("hi")
        await self.chat.advance(10 * DAY)
        return self

    @property
    def mode(self) -> Any:
        return self.bob.room["modes"].get("members")

    async def come(self, count: int, name: str = "penguin", every: float = 0.5) -> list[Person]:
        """Let so many come, who were never here before unless their name was; return those who were let in."""
        came = []
        for number in range(count):
            await self.chat.advance(every)
            try:
                came.append(await self.chat.join(f"{name}{number}"))
            except JoinRefused as refused:
                self.refused = refused
        return came

    async def talk(self, people: list[Person], every: float = 0.5) -> list[str | None]:
        """Let each say something; return the acks."""
        acks = []
        for number, person in enumerate(people):
            await self.chat.advance(every)
            acks.append((await person.say(f"honk {number}")).ack)
        return acks


@pytest.mark.gen_test
async def test_many_who_were_never_here_come_at_once(chat: ChatFixture) -> None:
    scene = await Scene(chat).open()
    raiders = await scene.come(19)
    assert scene.mode is None
    raiders += await scene.come(10, "late")
    assert len(raiders) == 20
    assert scene.refused.code == "JOIN_REFUSED"
    assert scene.refused.notice == ("Too many newcomers came at once: nobody new is let in for another 9 min 56 s")
    assert scene.mode["reason"] == "raid"
    assert await scene.talk(raiders) == ["MEMBERS_ONLY"] * 20
    assert (await scene.alice.say("what was that?")).ack is None
    assert scene.alice.notices == [ROOM]
    assert scene.bob.notices == [
        ROOM,
        f"This may be a raid: 20 people who were never here before came within 30 s. {OFF}",
    ]
    await chat.advance(600)
    assert scene.mode is None
    assert scene.alice.notices[1:] == ["Everybody can talk again"]
    assert (await raiders[0].say("honk")).ack is None


@pytest.mark.gen_test
async def test_many_newcomers_talk_at_once(chat: ChatFixture) -> None:
    scene = await Scene(chat).open()
    raiders = await scene.come(15, every=10)
    acks = await scene.talk(raiders)
    assert acks == [None] * 7 + ["MEMBERS_ONLY"] * 8
    assert raiders[7].notices == ["Too many newcomers talk at once. Please try again later.", ROOM]
    assert scene.bob.notices[1] == f"This may be a raid: 8 newcomers talked for the first time within 30 s. {OFF}"
    assert len(scene.bob.notices) == 2
    assert (await raiders[0].say("honk")).ack == "MEMBERS_ONLY"
    assert (await scene.alice.say("what was that?")).ack is None


@pytest.mark.gen_test
async def test_a_raid_that_goes_on_is_one_again(chat: ChatFixture) -> None:
    scene = await Scene(chat).open()
    raiders = await scene.come(15, every=10)
    await scene.talk(raiders)
    await chat.advance(600)
    assert scene.mode is None
    silent = raiders[8:]  # of whom nobody has said anything yet
    assert await scene.talk(silent + await scene.come(5, "late")) == [None] * 7 + ["MEMBERS_ONLY"] * 5


@pytest.mark.gen_test
async def test_two_hundred_regulars_who_come_back_at_once_are_no_raid(chat: ChatFixture) -> None:
    scene = await Scene(chat).open()
    for fan in await scene.come(200, "fan", every=10):
        await fan.leave()
    await chat.advance(8 * DAY)
    asked = 0
    ask = chat.store.records.person

    async def person(app_id: int, uname: str) -> Any:
        nonlocal asked
        asked += 1
        return await ask(app_id, uname)

    await chat.restart()
    chat.store.records.person = person  # type: ignore[method-assign]
    await chat.open("members", "raid")
    fans = await scene.come(200, "fan", every=0.1)
    assert len(fans) == 200
    assert asked <= 50
    assert await scene.talk(fans, every=0.1) == [None] * 200
    assert fans[0].room["modes"] == {}


@pytest.mark.gen_test
async def test_newcomers_among_many_regulars_are_no_raid(chat: ChatFixture) -> None:
    scene = await Scene(chat).open(joins=3, new_speakers=3)
    fans = await scene.come(10, "fan", every=DAY)
    await chat.advance(DAY)
    new = await scene.come(2, "new")
    for fan in fans:
        await fan.leave()
    fans = await scene.come(10, "fan")
    new += await scene.come(4, "newer")
    assert await scene.talk(fans + new) == [None] * 16
    assert scene.mode is None


@pytest.mark.gen_test
async def test_what_part_of_all_they_must_be_can_be_set(chat: ChatFixture) -> None:
    scene = await Scene(chat).open(joins=0, new_speakers=3, share=0.2)
    fans = await scene.come(10, "fan", every=DAY)
    await chat.advance(DAY)
    assert await scene.talk(fans + await scene.come(4)) == [None] * 12 + ["MEMBERS_ONLY"] * 2


@pytest.mark.gen_test
async def test_newcomers_who_come_and_talk_by_and_by_are_no_raid(chat: ChatFixture) -> None:
    scene = await Scene(chat).open()
    for number in range(100):
        await chat.advance(5)
        one = await chat.join(f"kim{number}")
        assert (await one.say("hi")).ack is None
        await one.leave()
    assert scene.mode is None


@pytest.mark.gen_test
async def test_an_app_that_has_no_regulars_yet_has_no_raids(chat: ChatFixture) -> None:
    await chat.open("members", "raid")
    scene = Scene(chat)
    for day in range(7):
        people = await scene.come(100, f"day{day}-", every=0.1)
        assert len(people) == 100
        assert await scene.talk(people, every=0.1) == [None] * 100
        for person in people[1:]:
            await person.leave()
        await chat.advance(DAY)
    people = await scene.come(30)
    assert len(people) == 20
    assert people[0].room["modes"]["members"]["reason"] == "raid"


@pytest.mark.gen_test
async def test_how_long_an_app_learns_can_be_set(chat: ChatFixture) -> None:
    await chat.open("members", "raid", options={"raid": {"learn_days": 0}})
    assert len(await Scene(chat).come(30)) == 20


@pytest.mark.gen_test
async def test_numbers_and_times_can_be_set(chat: ChatFixture) -> None:
    scene = await Scene(chat).open(joins=4, window=5.0, minutes=3, fresh_mins=2, shut=False)
    assert len(await scene.come(10, "slow", every=2)) == 10
    assert scene.mode is None
    await chat.advance(60)
    assert len(await scene.come(10, "quick", every=0.1)) == 10
    assert scene.mode == {
        "value": {"before": "2026-01-10T23:59:20.400000+00:00", "shut": False},
        "until": "2026-01-11T00:04:20.400Z",
        "reason": "raid",
    }
    await chat.advance(180)
    assert scene.mode is None


@pytest.mark.gen_test
@pytest.mark.parametrize("options", [{"joins": 0, "new_speakers": 0}, {"window": 0.01}])
async def test_it_can_be_turned_off(chat: ChatFixture, options: dict[str, Any]) -> None:
    scene = await Scene(chat).open(**options)
    assert await scene.talk(await scene.come(50)) == [None] * 50


@pytest.mark.gen_test
async def test_who_was_here_before_and_staff_and_guests_come_in_during_a_raid(chat: ChatFixture) -> None:
    scene = await Scene(chat).open()
    await (await scene.come(1, "regular"))[0].leave()
    await chat.advance(3600)
    raiders = await scene.come(30)
    assert len(raiders) == 20
    assert (await (await chat.join("REGULAR0")).say("hi")).ack is None
    await chat.join("kate", role="admin")
    await chat.join(None)
    await raiders[0].leave()
    with pytest.raises(JoinRefused):
        await chat.join("penguin0")


@pytest.mark.gen_test
async def test_a_moderator_who_turns_it_off_has_the_last_word_for_a_while(chat: ChatFixture) -> None:
    scene = await Scene(chat).open(cooldown_mins=20)
    await scene.come(20)
    await scene.bob.say("/members off")
    assert scene.mode is None
    assert await scene.talk(await scene.come(30, "other")) == [None] * 30
    await chat.advance(20 * 60)
    assert len(await scene.come(30, "third")) == 20


@pytest.mark.gen_test
async def test_what_a_moderator_turned_on_stays_as_it_is(chat: ChatFixture) -> None:
    scene = await Scene(chat).open()
    await scene.bob.say("/members 5h calm")
    before = scene.mode
    assert len(await scene.come(50)) == 50
    assert scene.mode == before
    assert len(scene.bob.notices) == 1


@pytest.mark.gen_test
async def test_it_can_only_tell_staff(chat: ChatFixture) -> None:
    scene = await Scene(chat).open(action="alert", cooldown_mins=20)
    raiders = await scene.come(50)
    assert await scene.talk(raiders) == [None] * 50
    assert scene.bob.notices == ["This may be a raid: 20 people who were never here before came within 30 s"]
    await chat.advance(20 * 60)
    assert await scene.talk(await scene.come(10, "other", every=10)) == [None] * 10
    assert scene.bob.notices[1:] == ["This may be a raid: 8 newcomers talked for the first time within 30 s"]
    assert (scene.alice.notices, scene.mode) == ([], None)


@pytest.mark.gen_test
async def test_a_dry_run_refuses_nobody_who_talks_and_turns_nothing_on(chat: ChatFixture) -> None:
    scene = await Scene(chat).open(joins=0, dry_run=True)
    assert await scene.talk(await scene.come(30)) == [None] * 30
    assert (scene.bob.notices, scene.mode) == ([], None)


@pytest.mark.gen_test
async def test_a_raid_survives_a_reload_and_a_restart(chat: ChatFixture) -> None:
    scene = await Scene(chat).open()
    raiders = await scene.come(20)
    await chat.open("members", "raid")
    with pytest.raises(JoinRefused):
        await chat.join("late")
    await chat.restart()
    await chat.open("members", "raid")
    with pytest.raises(JoinRefused):
        await chat.join("late")
    assert raiders[0].user is not None
    with pytest.raises(JoinRefused):
        await chat.join(raiders[0].user.uname)
    assert (await (await chat.join("alice")).say("hi")).ack is None


@pytest.mark.gen_test
async def test_a_database_that_is_away_is_no_raid_and_is_asked_again_when_it_is_back(chat: ChatFixture) -> None:
    scene = await Scene(chat).open(new_speakers=0)
    turn_on = chat.store.plugin_put

    async def away(*_: object) -> bool:
        raise StoreUnavailable("away")

    chat.store.plugin_put = away  # type: ignore[method-assign]
    assert len(await scene.come(25)) == 25
    assert scene.mode is None
    chat.store.plugin_put = turn_on  # type: ignore[method-assign]
    assert len(await scene.come(5, "late")) == 1
    assert scene.mode is not None
    chat.store.away = True
    await scene.bob.say("/members off")
    assert len(await scene.come(30, "other")) == 30


@pytest.mark.gen_test
async def test_it_says_in_the_log_that_it_needs_members(chat: ChatFixture, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)
    await chat.open("raid")
    await Scene(chat).come(3)
    assert [record.message for record in caplog.records] == [
        "app 2: raid needs the plugin members, which is not loaded"
    ]
    caplog.clear()
    await chat.open("raid", options={"raid": {"action": "alert"}})
    await Scene(chat).come(3, "other")
    await chat.open("raid", "members")
    await Scene(chat).come(3, "third")
    assert caplog.records == []


@pytest.mark.gen_test
@pytest.mark.parametrize("value", [True, None, [], {"shut": True}, {"before": "soon", "shut": True}])
async def test_a_mode_of_another_plugin_keeps_nobody_out(chat: ChatFixture, value: Any) -> None:
    scene = await Scene(chat).open()
    await chat.api("raid").turn_on(chat.api("raid").bot, "members", value)
    assert len(await scene.come(3)) == 3


def test_a_crowd_is_bounded_and_forgets() -> None:
    crowd = raid.Crowd(10.0, 100)
    for number in range(1000):
        if not crowd.full(number / 100):
            crowd.add(f"user{number}", number / 100, new=True)
    assert crowd.spike(1, 1) == 100
    assert crowd.full(9.9)
    assert not crowd.full(11)
    assert crowd.spike(1, 0) == 0


def test_the_pages_configuration_is_one() -> None:
    page = (Path(__file__).parent.parent / "plugins" / "README.md").read_text("utf-8")
    (snippet,) = re.findall(r"^```toml raid\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    settings = tomllib.loads(snippet)
    assert settings["plugins"][-2:] == ["members", "raid"]
    load_plugin("raid", **settings["plugin"]["raid"])


@pytest.mark.parametrize(
    "options",
    [
        {"joins": -1},
        {"new_speakers": 1e9},
        {"window": 0},
        {"share": 50},
        {"fresh_mins": 0},
        {"action": "ban"},
        {"minutes": 0},
        {"shut": "yes"},
        {"cooldown_mins": 0},
        {"learn_days": -1},
    ],
)
def test_options_that_make_no_sense_stop_the_start(options: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match=r"apps/2\.toml: plugin\.raid\."):
        load_plugin("raid", **options)
