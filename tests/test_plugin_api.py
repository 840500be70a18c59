"""What a plugin may touch, seen from a plugin in a folder of a running server."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.inline import filtering, plugin
from tornado_chat import (
    Command,
    CommandRefused,
    Hold,
    HttpError,
    Pass,
    PluginApi,
    PluginLimit,
    Reject,
    Role,
    StoreUnavailable,
    User,
)
from tornado_chat.manual_clock import NEW_YEAR
from tornado_chat.testing import ChatFixture


def handing(taken: list[PluginApi], name: str = "tool") -> Any:
    """Return a plugin that hands its api out."""

    def register_commands(api: PluginApi) -> list[Command]:
        taken.append(api)
        return []

    return plugin(name, register_commands=register_commands)


@pytest.fixture
def taken() -> list[PluginApi]:
    return []


def test_every_member_has_a_test_here() -> None:
    names = ("plugin_api", "plugin_folder", "bans", "modes", "audit", "people", "speech")
    page = "".join((Path(__file__).with_name(f"test_{name}.py")).read_text("utf-8") for name in names)
    members = [name for name in vars(PluginApi) if not name.startswith("_")]
    assert [name for name in members if f"api.{name}" not in page] == []
    assert len(members) > 25


@pytest.mark.gen_test
async def test_texts_go_to_one_to_staff_or_to_all(chat: ChatFixture, taken: list[PluginApi]) -> None:
    await chat.open(handing(taken))
    alice, bob, guest = await chat.join("Alice"), await chat.join("bob", role="mod"), await chat.join(None)
    (api,) = taken
    await api.tell("aLICE", "to you")
    await api.tell(api.users[0], "to you too")
    await api.tell("nobody", "lost")
    await api.tell_staff("to staff")
    await api.tell_all("to all")
    assert alice.notices == ["to you", "to you too", "to all"]
    assert bob.notices == ["to staff", "to all"]
    assert guest.notices == ["to all"]
    assert alice.room["history"] == []


@pytest.mark.gen_test
async def test_a_bot_posts_and_meets_no_filter(chat: ChatFixture, taken: list[PluginApi]) -> None:
    await chat.open(handing(taken), filtering(Reject("no")))
    alice = await chat.join("alice")
    (api,) = taken
    message = await api.post("  hello ", name="Robo Cop")
    assert (message.id, message.text, message.plugin, message.user.role) == (1, "hello", "tool", Role.MEMBER)
    await api.post("again")
    assert alice.messages == ["Robo Cop: hello", "tool: again"]
    assert [entry["plugin"] for entry in alice.room["history"]] == ["tool", "tool"]
    for text, name in (("", ""), (" ", ""), ("x" * 351, ""), ("\ud800", ""), ("x", " bad "), ("x", "\u202e")):
        with pytest.raises(ValueError, match=r"must be|can't be"):
            await api.post(text, name=name)
    chat.store.away = True
    with pytest.raises(StoreUnavailable):
        await api.post("lost")


@pytest.mark.gen_test
async def test_who_sends_too_much_is_stopped_and_may_go_on_later(chat: ChatFixture, taken: list[PluginApi]) -> None:
    await chat.open(handing(taken))
    alice = await chat.join("alice")
    (api,) = taken
    for number in range(100):
        await api.tell("alice", str(number))
    for send in (api.tell("alice", "x"), api.tell_all("x"), api.tell_staff("x"), api.post("x")):
        with pytest.raises(PluginLimit, match="plugin tool sends too many texts into app 2"):
            await send
    await chat.advance(1)
    for _ in range(20):
        await api.tell("alice", "later")
    with pytest.raises(PluginLimit):
        await api.tell("alice", "x")
    assert len(alice.notices) == 120
    for text in ("", "x" * 8001, "\ud800", 7):
        with pytest.raises(ValueError, match="a text must be 1 to 8000 characters"):
            await api.tell("alice", text)  # type: ignore[arg-type]


@pytest.mark.gen_test
async def test_it_knows_who_is_here_and_what_was_said(chat: ChatFixture, taken: list[PluginApi]) -> None:
    await chat.open(handing(taken), "mute", "help", filtering(_on_word("hold", Hold("why"))), options={})
    alice, bob = await chat.join("alice"), await chat.join("bob", role="mod")
    (api,) = taken
    assert [(user.uname, user.role) for user in api.users] == [("alice", Role.MEMBER), ("bob", Role.MOD)]
    assert api.find("ALICE") == alice.user
    assert api.find("eve") is None
    await alice.say("hello")
    await alice.say("hold this")
    assert [message.text for message in api.history] == ["hello"]
    assert [(held.id, held.text, held.reason) for held in api.held] == [(1, "hold this", "why")]
    await bob.say("/mute eve 1")
    assert [mute.uname for mute in api.mutes] == ["eve"]
    await chat.advance(60)
    assert api.mutes == []
    assert [command.name for command in api.commands(alice.user)] == ["help"]  # type: ignore[arg-type]
    assert [command.name for command in api.commands(bob.user)] == ["help", "mute", "mutes", "unmute"]  # type: ignore[arg-type]
    assert (api.bot.uname, api.bot.role) == ("tool", Role.MOD)
    assert api.log.name == "tornado_chat.plugin.tool"


def _on_word(word: str, verdict: Any) -> Any:
    async def check(draft: Any) -> Any:
        return verdict if word in draft.text else Pass()

    return check


@pytest.mark.gen_test
async def test_it_deletes_and_purges_within_its_actors_rank(chat: ChatFixture, taken: list[PluginApi]) -> None:
    await chat.open(handing(taken))
    alice, bob, carol = (
        await chat.join("alice"),
        await chat.join("bob", role="mod"),
        await chat.join("carol", role="owner"),
    )
    (api,) = taken
    for person in (alice, bob, carol, alice):
        await person.say("hello")
    for actor, message_id in ((alice.user, 2), (bob.user, 3), (bob.user, 99)):
        with pytest.raises(CommandRefused):
            await api.delete(actor, message_id)  # type: ignore[arg-type]
    assert (await api.delete(alice.user, 4)).text == "hello"  # type: ignore[arg-type]
    assert (await api.delete(bob.user, 2)).id == 2  # type: ignore[arg-type]
    assert [payload for name, payload in bob.events if name == "message_deleted"] == [{"id": 4}, {"id": 2}]
    with pytest.raises(CommandRefused, match="carol is an owner"):
        await api.purge(api.bot, "carol")
    assert await api.purge(api.bot, "ALICE") == 1
    assert await api.purge(api.bot, "alice") == 0
    assert [entry["id"] for entry in bob.room["history"]] == [3]
    await chat.restart()
    await chat.open()
    assert [entry["id"] for entry in (await chat.join("bob")).room["history"]] == [3]


@pytest.mark.gen_test
async def test_an_event_goes_to_a_role_and_those_above_it(chat: ChatFixture, taken: list[PluginApi]) -> None:
    await chat.open(handing(taken))
    guest, alice = await chat.join(None), await chat.join("alice")
    bob, carol = await chat.join("bob", role="mod"), await chat.join("carol", role="owner")
    (api,) = taken
    for to in (None, Role.MEMBER, "staff", Role.MOD, Role.OWNER, Role.ADMIN):
        await api.emit("news", str(to), to=to)  # type: ignore[arg-type]
    people = (guest, alice, bob, carol)
    assert [[data["data"] for name, data in person.events if name == "plugin_event"] for person in people] == [
        ["None"],
        ["None", "member"],
        ["None", "member", "staff", "mod"],
        ["None", "member", "staff", "mod", "owner"],
    ]


@pytest.mark.gen_test
async def test_the_rank_counts_that_a_sender_has_now(chat: ChatFixture, taken: list[PluginApi]) -> None:
    await chat.open(handing(taken))
    carol, kate, bob = await chat.join("carol"), await chat.join("kate", role="mod"), await chat.join("bob", role="mod")
    for person in (carol, kate):
        await person.say("hello")
        await person.leave()
    await chat.join("carol", role="owner")
    await chat.join("kate")
    (api,) = taken
    with pytest.raises(CommandRefused, match="carol is an owner"):
        await api.delete(bob.user, 1)  # type: ignore[arg-type]
    assert (await api.delete(bob.user, 2)).user.uname == "kate"  # type: ignore[arg-type]


@pytest.mark.gen_test
async def test_a_superiors_mute_keeps_a_moderator_from_no_other_act(chat: ChatFixture, taken: list[PluginApi]) -> None:
    await chat.open(handing(taken))
    eve, bob = await chat.join("eve"), await chat.join("bob", role="mod")
    (api,) = taken
    await eve.say("hello")
    await api.mute(User(99, "carol", Role.OWNER), "eve", 60)
    assert await api.purge(bob.user, "eve") == 1  # type: ignore[arg-type]
    assert await api.disconnect(bob.user, "eve") == 1  # type: ignore[arg-type]
    with pytest.raises(CommandRefused, match="an owner muted eve"):
        await api.mute(bob.user, "eve", 1)  # type: ignore[arg-type]


@pytest.mark.gen_test
async def test_a_purge_takes_what_is_still_being_stored(chat: ChatFixture, taken: list[PluginApi]) -> None:
    await chat.open(handing(taken))
    eve = await chat.join("eve")
    (api,) = taken
    await eve.say("hello")
    posts = [asyncio.ensure_future(chat.chat.post(eve._seat, f"spam {number}")) for number in range(5)]
    await asyncio.sleep(0)
    assert await api.purge(api.bot, "eve") == 6
    assert [answer.ack for answer in await asyncio.gather(*posts)] == [None] * 5
    assert eve.room["history"] == []


@pytest.mark.gen_test
async def test_what_could_not_be_deleted_is_still_shown(chat: ChatFixture, taken: list[PluginApi]) -> None:
    await chat.open(handing(taken))
    eve = await chat.join("eve")
    (api,) = taken
    await eve.say("hello")
    chat.store.away = True
    for act in (api.delete(api.bot, 1), api.purge(api.bot, "eve")):
        with pytest.raises(StoreUnavailable):
            await act
    assert [entry["id"] for entry in eve.room["history"]] == [1]


@pytest.mark.gen_test
async def test_it_mutes_as_an_actor_or_as_itself(chat: ChatFixture, taken: list[PluginApi]) -> None:
    await chat.open(handing(taken))
    eve = await chat.join("eve")
    (api,) = taken
    for reason in ("\ud800", "x" * 8001, None):
        with pytest.raises(ValueError, match="a reason must be text"):
            await api.mute(api.bot, "eve", 60, reason)  # type: ignore[arg-type]
    assert (await api.mute(api.bot, "eve", 60, "why")).by == "tool"
    assert (await eve.say("hi")).ack == "USER_MUTED"
    assert (await api.unmute(User(9, "bob", Role.MOD), "eve")).uname == "eve"
    assert (await eve.say("hi")).ack is None


@pytest.mark.gen_test
async def test_it_approves_and_denies(chat: ChatFixture, taken: list[PluginApi]) -> None:
    await chat.open(handing(taken), filtering(Hold()))
    eve, alice = await chat.join("eve"), await chat.join("alice")
    (api,) = taken
    for text in ("one", "two"):
        await eve.say(text)
    with pytest.raises(CommandRefused, match="it is your own"):
        await api.approve(eve.user, 1)  # type: ignore[arg-type]
    assert (await api.approve(api.bot, 1)).user.uname == "eve"
    assert (await api.deny(api.bot, 2)).text == "two"
    for number in (1, 2, 3):
        with pytest.raises(CommandRefused, match=f"No message {number} is waiting"):
            await api.approve(api.bot, number)
    assert alice.messages == ["eve: one"]


@pytest.mark.gen_test
async def test_what_it_does_periodically_ends_with_it(chat: ChatFixture, taken: list[PluginApi]) -> None:
    runs: list[float] = []

    def register_commands(api: PluginApi) -> list[Command]:
        async def run() -> None:
            runs.append(api.monotonic())

        api.every(10, run)
        taken.append(api)
        return []

    clockwork = plugin("clockwork", register_commands=register_commands)
    await chat.open(clockwork)
    await chat.advance(35)
    assert runs == [10, 20, 30]
    await chat.open(clockwork)
    await chat.advance(10)
    assert runs == [10, 20, 30, 45]
    api = taken[1]
    assert (api.now() - NEW_YEAR).total_seconds() == 45
    await chat.open()
    await chat.advance(100)
    assert runs == [10, 20, 30, 45]
    for seconds in (0, 0.01, 1e9, float("nan")):
        with pytest.raises(ValueError, match="seconds must be"):
            api.every(seconds, _nothing)
    for _ in range(19):
        api.every(10, _nothing)
    with pytest.raises(PluginLimit, match="does 20 things periodically already"):
        api.every(10, _nothing)


async def _nothing() -> None:
    pass


@pytest.mark.gen_test
async def test_what_is_throttled_is_done_at_once_and_then_together(chat: ChatFixture, taken: list[PluginApi]) -> None:
    runs: list[float] = []
    asks: list[Callable[[], None]] = []

    def register_commands(api: PluginApi) -> list[Command]:
        async def run() -> None:
            runs.append(api.monotonic())

        asks.append(api.throttle(10, run))
        with pytest.raises(ValueError, match="seconds must be"):
            api.throttle(0, run)
        return []

    await chat.open(plugin("clockwork", register_commands=register_commands))
    await chat.advance(12)
    assert runs == []
    for pause in (0, 1, 2, 9, 30, 0):
        await chat.advance(pause)
        asks[0]()
        asks[0]()
        await chat.settle()
    await chat.advance(60)
    assert runs == [12, 22, 32, 54, 64]
    await chat.open()
    asks[0]()
    await chat.advance(60)
    assert runs == [12, 22, 32, 54, 64]


@pytest.mark.gen_test
async def test_what_fails_periodically_is_counted_suspended_and_tried_again(chat: ChatFixture) -> None:
    runs: list[float] = []

    def register_commands(api: PluginApi) -> list[Command]:
        async def sweep() -> None:
            runs.append(api.monotonic())
            raise KeyError

        api.every(1, sweep)
        return []

    await chat.open(plugin("clockwork", register_commands=register_commands))
    bob = await chat.join("bob", role="mod")
    await chat.advance(12)
    assert runs == [1, 2, 3, 4, 5, 10]
    assert (
        bob.notices[0]
        == "periodic sweep of plugin clockwork failed too often and is suspended for 5 s: it raised KeyError"
    )


@pytest.mark.gen_test
async def test_its_hooks_share_one_state_for_each_app(chat: ChatFixture, taken: list[PluginApi]) -> None:
    await chat.open(handing(taken), handing(taken, "other"))
    api, other = taken
    made: list[Any] = []

    class State:
        def __init__(self, api: PluginApi) -> None:
            made.append(api)

    assert api.state(State) is api.state(State)
    assert api.state(State) is not other.state(State)
    assert made == [api, other]


@pytest.mark.gen_test
async def test_what_it_counts_and_times_is_in_the_metrics(chat: ChatFixture, taken: list[PluginApi]) -> None:
    await chat.open(handing(taken))
    (api,) = taken
    api.count("hits")
    api.count("hits", 2.5)
    with api.timed("work"):
        pass
    metrics = chat.chat.plugins.metrics["tool"]
    assert metrics.counters == {"hits": 3.5}
    assert metrics.timers["work"][0] == 1
    for name in ("Hits", "", "x" * 65, "a b", 'a"', 7):
        with pytest.raises(ValueError, match="must be named"):
            api.count(name)  # type: ignore[arg-type]
    for by in (-1, float("nan"), float("inf")):
        with pytest.raises(ValueError, match="only counts up"):
            api.count("hits", by)
    for number in range(98):
        api.count(f"hits_{number}")
    with pytest.raises(PluginLimit, match="has 100 metrics already"), api.timed("more"):
        pass
    with pytest.raises(PluginLimit):
        api.count("more")


@pytest.mark.gen_test
async def test_its_client_is_one_and_is_closed_with_it(chat: ChatFixture, taken: list[PluginApi]) -> None:
    chat.http.answer("https://example.com/a", json={"x": 1})
    await chat.open(handing(taken))
    (api,) = taken
    assert (await api.http.get("https://example.com/a")).json() == {"x": 1}
    with pytest.raises(HttpError, match="nothing answers"):
        await api.http.post("https://example.com/b", json=[1])
    assert chat.http.requests[1] == ("POST", "https://example.com/b", [1])
    await api.storage.put("a", api.app_id)
    assert await chat.api("tool").storage.get("a") == 2


@pytest.mark.gen_test
async def test_everybody_who_can_be_asked_about_is(chat: ChatFixture, taken: list[PluginApi]) -> None:
    await chat.open(handing(taken))
    await chat.join("alice")
    (api,) = taken
    assert api.recheck() == 0  # these users' identity can't change
