"""The bundled plugin flood: who may speak how often."""

from __future__ import annotations

from typing import Any

import pytest

from tests.chats import load_plugin, make_chat, make_services
from tests.manual_clock import ManualClock
from tornado_chat import Draft, Pass, Reject, Role, User, Verdict
from tornado_chat.errors import ConfigError
from tornado_chat.plugin_api import Services
from tornado_chat.plugin_set import PluginSet

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

    async def say(self, user: User = KATE) -> Verdict:
        return await self.filter.filter.check(Draft(2, user, "hi", "hi"))


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


@pytest.mark.parametrize("options", [{"burst": 0}, {"rate": 0.0}, {"rate": -1.0}, {"burst": "5"}, {"speed": 1}])
def test_options_that_make_no_sense_stop_the_start(options: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match=r"apps/2\.toml: plugin\.flood\."):
        load(**options)


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
