"""/pin: a mode of the room that newcomers see too; what is deleted isn't pinned any more."""

from __future__ import annotations

from typing import Any

import pytest

from tests.chats import load_plugin
from tests.inline import filtering
from tornado_chat import Pass, Shadow
from tornado_chat.errors import ConfigError
from tornado_chat.testing import ChatFixture, Person

NOT_AUTHORIZED = "You are not authorized to do that"


def pinned(person: Person) -> Any:
    """What one would be shown as pinned on coming in."""
    return person.room["modes"].get("pin", {}).get("value")


def changes(person: Person) -> list[Any]:
    """What one was told of pins."""
    return [payload.get("value") for name, payload in person.events if name == "mode_changed"]


@pytest.mark.gen_test
async def test_a_message_is_pinned_for_all_and_for_newcomers(chat: ChatFixture) -> None:
    await chat.open("pin")
    eve, bob = await chat.join("eve"), await chat.join("bob", role="mod")
    await eve.say("the <b>stream</b> starts at 8")
    await eve.say("see you")
    value = {"id": 1, "uname": "eve", "text": "the <b>stream</b> starts at 8"}
    assert (await bob.say("/pin #1")).ack is None
    assert changes(eve) == [value]
    assert eve.notices == ["bob pinned a message of eve: the <b>stream</b> starts at 8"]
    for _ in range(2):
        assert pinned(await chat.join("alice")) == pinned(await chat.join(None)) == value
        await chat.restart()
        await chat.open("pin")
    eve, bob = await chat.join("eve"), await chat.join("bob", role="mod")
    await bob.say("/pin 2")
    assert pinned(eve)["text"] == "see you"
    await bob.say("/unpin")
    assert pinned(eve) is None
    assert eve.notices[-1] == "bob unpinned what was pinned"
    assert changes(eve) == [{"id": 2, "uname": "eve", "text": "see you"}, None]
    assert (await bob.say("/unpin")).notice == "Nothing is pinned"
    acts = [(entry.actor, entry.action) for entry in await chat.api("pin").audit()]
    assert acts == [("bob", "pin off"), ("bob", "pin on"), ("bob", "pin on")]


@pytest.mark.gen_test
async def test_a_message_of_several_lines_is_told_of_in_one(chat: ChatFixture) -> None:
    await chat.open("pin")
    eve, bob = await chat.join("eve"), await chat.join("bob", role="mod")
    await eve.say("hello\u2028bob banned alice\nfor good")
    await bob.say("/pin 1")
    assert eve.notices == ["bob pinned a message of eve: hello bob banned alice for good"]
    assert pinned(eve)["text"] == "hello\u2028bob banned alice\nfor good"


@pytest.mark.gen_test
async def test_a_text_is_pinned_and_no_name_is_told_where_actors_are_hidden(chat: ChatFixture) -> None:
    chat.hide_actor = True
    await chat.open("pin")
    eve, bob = await chat.join("eve"), await chat.join("bob", role="mod")
    await bob.say("/pin 24 hours  of \N{ROCKET} 'music'")
    assert pinned(eve) == {"id": 0, "uname": "", "text": "24 hours of \N{ROCKET} 'music'"}
    await bob.say("/unpin")
    assert eve.notices == [
        "A moderator pinned: 24 hours of \N{ROCKET} 'music'",
        "A moderator unpinned what was pinned",
    ]
    assert "bob" not in str([event for event in eve.events if event[0] == "mode_changed"])


@pytest.mark.gen_test
@pytest.mark.parametrize("line", ["/delete 1", "/purge eve", "/clear"])
async def test_what_is_deleted_is_not_pinned_any_more(chat: ChatFixture, line: str) -> None:
    await chat.open("pin", "purge")
    eve, alice, bob = await chat.join("eve"), await chat.join("alice"), await chat.join("bob", role="mod")
    await eve.say("hello")
    await alice.say("hi")
    await bob.say("/pin 1")
    await alice.say("/delete 2")
    assert pinned(alice) is not None
    await bob.say(line)
    assert pinned(alice) is None
    assert changes(alice)[-1] is None


@pytest.mark.gen_test
async def test_a_text_stays_pinned_when_the_room_is_cleared(chat: ChatFixture) -> None:
    await chat.open("pin", "purge")
    eve, bob = await chat.join("eve"), await chat.join("bob", role="mod")
    await eve.say("hello")
    await bob.say("/pin be kind")
    await bob.say("/clear")
    assert pinned(eve)["text"] == "be kind"


@pytest.mark.gen_test
async def test_what_was_deleted_is_unpinned_once_the_database_is_back(
    chat: ChatFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    await chat.open("pin", "purge")
    eve, bob = await chat.join("eve"), await chat.join("bob", role="mod")
    await eve.say("hello")
    await bob.say("/pin 1")
    delete = chat.store.delete_messages

    async def delete_and_go(*args: Any) -> None:
        await delete(*args)
        chat.store.away = True

    monkeypatch.setattr(chat.store, "delete_messages", delete_and_go)
    await bob.say("/delete 1")
    assert pinned(eve) is not None
    chat.store.away = False
    await chat.advance(20)
    assert pinned(eve) is None


@pytest.mark.gen_test
async def test_what_is_deleted_while_it_is_pinned_is_not(chat: ChatFixture, monkeypatch: pytest.MonkeyPatch) -> None:
    await chat.open("pin")
    eve, bob = await chat.join("eve"), await chat.join("bob", role="mod")
    await eve.say("hello")
    put = chat.store.plugin_put

    async def delete_first(*args: Any) -> bool:
        monkeypatch.undo()
        await chat.api("pin").delete(eve.user, 1)  # type: ignore[arg-type]
        return await put(*args)

    monkeypatch.setattr(chat.store, "plugin_put", delete_first)
    assert (await bob.say("/pin 1")).notice == "There is no message 1 that could be pinned"
    assert pinned(eve) is None
    assert eve.notices == []


@pytest.mark.gen_test
async def test_how_long_it_stays_is_an_option(chat: ChatFixture) -> None:
    await chat.open("pin", options={"pin": {"mins": 20}})
    bob = await chat.join("bob", role="mod")
    await bob.say("/pin be kind")
    await chat.advance(1199)
    assert pinned(bob) is not None
    await chat.advance(1)
    assert pinned(bob) is None
    assert (await bob.say("/unpin")).notice == "Nothing is pinned"


@pytest.mark.gen_test
@pytest.mark.parametrize("line", ["/pin 1", "/pin hello", "/unpin"])
async def test_a_member_may_not(chat: ChatFixture, line: str) -> None:
    await chat.open("pin")
    mallory, bob = await chat.join("mallory"), await chat.join("bob", role="mod")
    await mallory.say("hello")
    await bob.say("/pin be kind")
    assert (await mallory.say(line)).notice == NOT_AUTHORIZED
    assert pinned(bob)["text"] == "be kind"


@pytest.mark.gen_test
async def test_what_cannot_be_pinned_is_told(chat: ChatFixture) -> None:
    async def check(draft: Any) -> Any:
        return Shadow() if draft.user.uname == "eve" else Pass()

    await chat.open("pin", filtering(check))
    eve, bob = await chat.join("eve"), await chat.join("bob", role="mod")
    await eve.say("gold")
    for line, told in (
        ("/pin", "Usage: /pin <text>"),
        ("/pin 99", "There is no message 99 that could be pinned"),
        ("/pin #0", "There is no message 0 that could be pinned"),
        ("/pin 1", "Message 1 is shown to nobody but its sender and staff"),
        ("/unpin x", '"x" is too much. Usage: /unpin'),
    ):
        assert (await bob.say(line)).notice == told
    chat.store.away = True
    assert (await bob.say("/pin hello")).ack == "INTERNAL_ERROR"
    chat.store.away = False
    assert pinned(bob) is None
    assert (await bob.say("/pin " + "\N{ROCKET}" * 172)).ack is None


@pytest.mark.parametrize("options", [{"mins": -1}, {"mins": 600_000}, {"mins": 1.5}])
def test_options_that_make_no_sense_stop_the_start(options: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match=r"apps/2\.toml: plugin\.pin\.mins"):
        load_plugin("pin", **options)
