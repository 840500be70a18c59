"""The bundled plugin flood: who may speak how often."""

from __future__ import annotations

from typing import Any

import pytest

from tests.chats import load_plugin, make_chat, make_services
from tests.manual_clock import ManualClock
from tornado_chat import AlertStaff, Draft, MuteSender, Pass, Reject, Role, Strike, User, Verdict
from tornado_chat.errors import ConfigError
from tornado_chat.moderation import Answer
from tornado_chat.plugin_set import PluginSet
from tornado_chat.services import Services
from tornado_chat.testing import ChatFixture, Person
from tornado_chat_plugins import flood as flood_plugin

KATE = User(1, "Kate", Role.MEMBER)
WAIT = "You are sending messages too quickly. Wait {}."


def load(services: Services | None = None, **options: Any) -> PluginSet:
    return load_plugin("flood", services, **options)


class Talk:
    """One app's flood filter, and the time, which only this moves."""

    def __init__(self, **options: Any) -> None:
        self.clock = ManualClock()
        services = make_services(make_chat(clock=self.clock))
        (self.filter,) = load(services, **options).moderation.filters

    async def say(self, user: User = KATE, text: str = "hi") -> Verdict:
        return await self.filter.filter.check(Draft(2, user, text, text))


@pytest.mark.gen_test
async def test_a_burst_passes_and_what_comes_after_is_told_to_wait() -> None:
    talk = Talk(burst=3, rate=0.5)
    assert [await talk.say() for _ in range(3)] == [Pass()] * 3
    assert await talk.say() == Reject(WAIT.format("2 seconds"))
    talk.clock.advance(1.5)
    assert await talk.say() == Reject(WAIT.format("1 second"))
    talk.clock.advance(0.5)
    assert await talk.say() == Pass()
    assert isinstance(await talk.say(), Reject)


@pytest.mark.gen_test
async def test_a_refused_message_costs_nothing() -> None:
    talk = Talk(burst=1, rate=1.0)
    await talk.say()
    for _ in range(50):
        assert isinstance(await talk.say(), Reject)
    talk.clock.advance(1)
    assert await talk.say() == Pass()


@pytest.mark.gen_test
async def test_a_message_of_many_lines_counts_as_several() -> None:
    talk = Talk(burst=5, rate=1.0, lines=10)
    assert await talk.say(text="\n".join("x" * 10)) == Pass()
    assert await talk.say(text="\n".join("x" * 11)) == Pass()
    assert await talk.say(text="\n".join("x" * 21)) == Reject(WAIT.format("1 second"))
    assert await talk.say(text="\n".join("x" * 20)) == Pass()
    talk.clock.advance(4)
    assert await talk.say(text="\n".join("x" * 175)) == Reject(WAIT.format("1 second"))
    talk.clock.advance(1)
    assert await talk.say(text="\n".join("x" * 175)) == Pass()


@pytest.mark.gen_test
async def test_other_spellings_are_the_same_user_and_other_users_are_not() -> None:
    talk = Talk(burst=1)
    assert await talk.say(User(1, "Kate", Role.MEMBER)) == Pass()
    assert isinstance(await talk.say(User(1, "kate", Role.MEMBER)), Reject)
    assert await talk.say(User(2, "bob", Role.MEMBER)) == Pass()


@pytest.mark.gen_test
@pytest.mark.parametrize("role", [Role.MOD, Role.OWNER, Role.ADMIN])
async def test_staff_may_speak_as_often_as_they_like(monkeypatch: pytest.MonkeyPatch, role: Role) -> None:
    talk = Talk(burst=1)
    assert [await talk.say(User(1, "bob", role)) for _ in range(20)] == [Pass()] * 20


@pytest.mark.gen_test
async def test_ordinary_talk_is_never_touched_by_the_defaults() -> None:
    talk = Talk()
    for pause in (0.5, 0.8, 1.2, 6, 2, 2, 3, 0.4, 2.5, 8) * 5:
        talk.clock.advance(pause)
        assert await talk.say() == Pass()


@pytest.mark.gen_test
async def test_who_has_a_full_bucket_again_is_forgotten() -> None:
    talk = Talk(burst=2, rate=1.0)
    cells = dict(zip(talk.filter.filter.check.__code__.co_freevars, talk.filter.filter.check.__closure__, strict=True))
    buckets = cells["buckets"].cell_contents
    for number in range(5000):
        talk.clock.advance(0.01)
        await talk.say(User(number, f"user{number}", Role.MEMBER))
    assert len(buckets._buckets) <= 1000


async def flood(chat: ChatFixture, eve: Person) -> Answer:
    """Say something until it is refused with a mute; return that answer."""
    for number in range(100):
        answer = await eve.say(f"{number}")
        if answer.notice is not None and "muted" in answer.notice:
            return answer
    raise AssertionError("nobody is muted")


@pytest.mark.gen_test
async def test_who_is_refused_too_often_is_muted_each_time_longer_and_staff_are_told_once(chat: ChatFixture) -> None:
    options = {"strikes": 3, "window": 20.0, "mute_seconds": 60, "max_mute_seconds": 200}
    await chat.open("flood", options={"flood": options})
    eve, bob, alice = await chat.join("eve"), await chat.join("bob", role="mod"), await chat.join("alice")
    told = []
    for lasts in (60, 120, 200, 200):
        told.append((await flood(chat, eve)).notice)
        assert (await eve.say("and?")).ack == "USER_MUTED"
        await chat.advance(lasts - 1)
        assert (await eve.say("and?")).ack == "USER_MUTED"
        await chat.advance(11)
    muted = "You are sending messages too quickly. You are muted for {}."
    assert told == [muted.format(lasts) for lasts in ("1 min", "2 min", "3 min 20 s", "3 min 20 s")]
    assert bob.notices == ["eve floods the chat, and is muted for 1 min"]
    assert alice.notices == []
    await chat.advance(200)
    assert (await flood(chat, eve)).notice == muted.format("1 min")
    assert len(bob.notices) == 2


@pytest.mark.gen_test
async def test_refusals_that_are_far_apart_mute_nobody(chat: ChatFixture) -> None:
    await chat.open("flood", options={"flood": {"burst": 1, "rate": 0.05, "strikes": 3, "window": 10.0}})
    eve = await chat.join("eve")
    for _ in range(20):
        await chat.advance(5)
        assert (await eve.say("hi")).ack in {None, "MESSAGE_REJECTED"}
    assert eve.room["muteList"] == {}


@pytest.mark.gen_test
async def test_nobody_is_muted_where_that_is_turned_off(chat: ChatFixture) -> None:
    await chat.open("flood", options={"flood": {"strikes": 0}})
    eve = await chat.join("eve")
    acks = {(await eve.say(f"{number}")).ack for number in range(100)}
    assert acks == {None, "MESSAGE_REJECTED"}


@pytest.mark.gen_test
async def test_a_mute_is_a_strike(chat: ChatFixture) -> None:
    talk = Talk(burst=1, rate=0.001)
    verdicts = [await talk.say() for _ in range(6)]
    assert verdicts[-1] == Reject(
        "You are sending messages too quickly. You are muted for 1 min.",
        actions=(
            MuteSender(60, "flooding"),
            Strike("flooding"),
            AlertStaff("Kate floods the chat, and is muted for 1 min"),
        ),
    )
    assert [verdict.actions for verdict in verdicts[:-1]] == [()] * 5


@pytest.mark.gen_test
async def test_who_was_refused_or_muted_long_ago_is_forgotten() -> None:
    strikes = flood_plugin.Strikes(flood_plugin.Options(strikes=2, window=5.0, mute_seconds=1, max_mute_seconds=5))
    for number in range(5000):
        assert strikes.refuse(f"user{number}", number) == (0, False)
        assert strikes.refuse(f"user{number}", number) == (1, True)
        assert strikes.refuse(f"other{number}", number) == (0, False)
    assert len(strikes._refused) + len(strikes._muted) <= 1001


@pytest.mark.parametrize(
    "options",
    [
        {"burst": 0},
        {"rate": 0.0},
        {"rate": -1.0},
        {"burst": "5"},
        {"speed": 1},
        {"lines": 0},
        {"strikes": -1},
        {"window": 0},
        {"mute_seconds": 0},
        {"max_mute_seconds": 1e9},
    ],
)
def test_options_that_make_no_sense_stop_the_start(options: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match=r"apps/2\.toml: plugin\.flood\."):
        load(**options)


def test_the_longest_mute_is_not_below_the_first() -> None:
    with pytest.raises(ConfigError, match=r"apps/2\.toml: plugin\.flood: mute_seconds must not be above max_mute_sec"):
        load(mute_seconds=61, max_mute_seconds=60)


@pytest.mark.gen_test
async def test_it_binds_all_tabs_of_a_user_on_the_wire(serve: Any, connect: Any, make_config: Any) -> None:
    app = 'plugins = ["flood"]\n[plugin.flood]\nburst = 2\nrate = 0.01'
    server = await serve(make_config(app=app))
    first, second = await connect(server, token="token-eve"), await connect(server, token="token-eve")
    assert [await first.say("one"), await second.say("two"), await first.say("three")] == [
        None,
        None,
        "MESSAGE_REJECTED",
    ]
    assert await first.next("system_message") == WAIT.format("100 seconds")
