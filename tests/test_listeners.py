"""Listeners: what they are told, in which order, and that nobody waits for one."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.inline import filtering, having, plugin
from tornado_chat import (
    Deleted,
    Hold,
    Joined,
    Left,
    Listener,
    Muted,
    Pass,
    PluginApi,
    Posted,
    Recorded,
    Reject,
    Rejected,
    Suspended,
    TabOpened,
    Unmuted,
)
from tornado_chat.happenings import HAPPENINGS, Held
from tornado_chat.listeners import MAX_WAITING
from tornado_chat.testing import ChatFixture


def hearing(heard: list[Any]) -> Any:
    async def hear(happening: Any) -> None:
        heard.append(happening)

    return having(*(Listener(kind, hear) for kind in HAPPENINGS), name="ear")


@pytest.mark.gen_test
async def test_a_listener_is_told_of_everything_in_order(chat: ChatFixture) -> None:
    heard: list[Any] = []

    async def check(draft: Any) -> Any:
        if draft.text == "boom":
            raise KeyError
        return {"hold": Hold("why"), "no": Reject("no!")}.get(draft.text, Pass())

    await chat.open(filtering(check), "mute", hearing(heard))
    alice, bob = await chat.join("alice"), await chat.join("bob", role="mod")
    for text in ("hello", "no", "hold", *["boom"] * 5):
        await alice.say(text)
    await bob.say("/mute alice 1 why")
    await bob.say("/unmute alice")
    await bob.say("/mute alice 1")
    await chat.advance(60)
    api = chat.api("ear")
    await api.delete(bob.user, 1)  # type: ignore[arg-type]
    await alice.leave()
    assert [type(happening) for happening in heard] == [
        *[Joined, TabOpened, Joined, TabOpened, Posted, Rejected, Held],
        *[Rejected] * 4,
        *[Suspended, Rejected],
        *[Muted, Recorded, Unmuted, Recorded, Muted, Recorded, Unmuted, Deleted, Recorded, Left],
    ]
    posted, rejected, held = heard[4:7]
    assert (posted.message.text, posted.message.user.uname) == ("hello", "alice")
    assert (rejected.plugin, rejected.code, rejected.message) == ("judge", "MESSAGE_REJECTED", "no!")
    assert (held.text, held.plugin, held.reason) == ("hold", "judge", "why")
    assert [happening.by for happening in heard if isinstance(happening, Unmuted)] == ["bob", ""]
    assert [happening for happening in heard if isinstance(happening, Deleted)] == [Deleted((1,), "bob")]
    (suspended,) = [happening for happening in heard if isinstance(happening, Suspended)]
    assert (suspended.plugin, suspended.part, suspended.seconds) == ("judge", "filter", 5.0)


@pytest.mark.gen_test
async def test_staff_are_told_of_a_suspension(chat: ChatFixture) -> None:
    async def check(draft: Any) -> Any:
        raise KeyError

    await chat.open(filtering(check))
    alice, bob = await chat.join("alice"), await chat.join("bob", role="mod")
    for number in range(7):
        assert (await alice.say(f"hello {number}")).ack == "MESSAGE_REJECTED"
    told = "filter of plugin judge failed too often and is suspended for 5 s: it raised KeyError"
    assert bob.notices == [told]
    assert told not in alice.notices


@pytest.mark.gen_test
async def test_nobody_waits_for_a_listener_that_never_ends_and_what_it_misses_is_counted(chat: ChatFixture) -> None:
    begun = asyncio.Event()

    async def hang(happening: Any) -> None:
        begun.set()
        await asyncio.Event().wait()

    await chat.open(having(Listener(Posted, hang)))
    alice = await chat.join("alice")
    await alice.say("first")
    await begun.wait()
    seat = alice._seat
    for number in range(MAX_WAITING + 2):
        assert (await chat.chat.post(seat, f"message {number}")).ack is None
    assert chat.chat.plugins.audience.dropped == 2


@pytest.mark.gen_test
async def test_a_listener_that_fails_is_counted_and_suspended_and_others_hear_on(chat: ChatFixture) -> None:
    heard: list[Any] = []

    async def fail(happening: Any) -> None:
        raise KeyError

    await chat.open(having(Listener(Posted, fail), name="bad"), hearing(heard))
    alice = await chat.join("alice")
    for number in range(8):
        assert (await alice.say(f"hello {number}")).ack is None
    assert chat.chat.plugins.supervisor.failures == {"bad": 5}
    assert [happening.message.text for happening in heard if isinstance(happening, Posted)] == [
        f"hello {number}" for number in range(8)
    ]
    assert [happening.part for happening in heard if isinstance(happening, Suspended)] == ["listener to Posted"]


@pytest.mark.gen_test
async def test_a_plugin_is_not_told_of_its_own_posts_and_others_are(chat: ChatFixture) -> None:
    heard: list[Any] = []

    def register_listeners(api: PluginApi) -> list[Listener]:
        async def echo(posted: Posted) -> None:
            await api.post(f"you said {posted.message.text}", name="Echo")

        return [Listener(Posted, echo)]

    await chat.open(plugin("echo", register_listeners=register_listeners), hearing(heard))
    alice = await chat.join("alice")
    await alice.say("hello")
    await chat.settle()
    assert alice.messages == ["alice: hello", "Echo: you said hello"]
    assert [happening.message.plugin for happening in heard if isinstance(happening, Posted)] == ["", "echo"]
