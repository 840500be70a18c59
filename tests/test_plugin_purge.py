"""/delete, /purge, /clear: gone everywhere at once, in the audit log still, and only below one's own rank."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.chats import load_plugin
from tests.inline import filtering
from tornado_chat import Pass, Shadow
from tornado_chat.errors import ConfigError
from tornado_chat.testing import ChatFixture, Person

NOT_AUTHORIZED = "You are not authorized to do that"


async def told(person: Person, line: str) -> str | None:
    """Type a command; return what its caller is told."""
    return (await person.say(line)).notice


def ids(person: Person) -> list[int]:
    """The numbers of the messages that one would be shown on coming in."""
    return [message["id"] for message in person.room["history"]]


async def fed(chat: ChatFixture) -> list[int]:
    answer = await chat.fetch("/plugins/feed/2/messages")
    return [message["id"] for message in json.loads(answer.body)["messages"]]


@pytest.mark.gen_test
async def test_one_message_is_deleted_for_clients_history_and_api_at_once(chat: ChatFixture) -> None:
    await chat.open("purge", "feed")
    alice, eve, bob = await chat.join("alice"), await chat.join("eve"), await chat.join("bob", role="mod")
    for text in ("one", "two", "three"):
        await eve.say(text)
    assert await told(bob, "/delete #2 an ad") == "Message 2 of eve was deleted"
    for person in (alice, eve, bob):
        assert ("message_deleted", {"id": 2}) in person.events
        assert ids(person) == [1, 3]
    assert await fed(chat) == [1, 3]
    (entry,) = await chat.api("purge").audit(action="delete")
    assert (entry.actor, entry.target, entry.message_id, entry.reason, entry.text) == ("bob", "eve", 2, "an ad", "two")
    assert await told(bob, "/delete 2") == "There is no message 2 that could be deleted"
    await chat.restart()
    await chat.open("purge")
    assert ids(await chat.join("alice")) == [1, 3]


@pytest.mark.gen_test
async def test_all_that_a_user_said_is_deleted(chat: ChatFixture) -> None:
    await chat.open("purge", "feed")
    alice, eve, bob = await chat.join("alice"), await chat.join("Eve"), await chat.join("bob", role="mod")
    for person in (eve, alice, eve, bob):
        await person.say("hello")
    assert await told(bob, '/purge "eve" ads, "ads"') == "2 messages of Eve were deleted"
    for person in (alice, eve, bob):
        assert ("messages_purged", {"uname": "Eve", "ids": [1, 3]}) in person.events
        assert ids(person) == [2, 4]
    assert await fed(chat) == [2, 4]
    assert await told(bob, "/purge eve") == "Nothing that Eve said is remembered"
    await eve.leave()
    assert await told(bob, "/purge alice") == "1 message of alice was deleted"
    assert await told(bob, "/purge " + "x" * 300) == "Nothing that " + "x" * 300 + " said is remembered"
    acts = [(each.action, each.target, each.reason) for each in await chat.api("purge").audit(words="ads")]
    assert acts == [("delete", "Eve", 'ads, "ads"')] * 2 + [("purge", "Eve", 'ads, "ads"')]


@pytest.mark.gen_test
async def test_the_room_is_cleared_and_told_so(chat: ChatFixture) -> None:
    await chat.open("purge", "feed")
    alice, carol, bob = (
        await chat.join("alice"),
        await chat.join("carol", role="owner"),
        await chat.join("bob", role="mod"),
    )
    for person in (alice, carol):
        await person.say("hello")
    await bob.say("/clear  too much \N{CLOWN FACE}")
    for person in (alice, carol, bob):
        assert ("messages_purged", {"ids": [1, 2]}) in person.events
        assert person.notices == ["bob cleared the chat: too much \N{CLOWN FACE}"]
        assert ids(person) == []
    assert await fed(chat) == []
    chat.hide_actor = True
    await chat.open("purge")
    await bob.say("/clear")
    assert alice.notices[-1] == "A moderator cleared the chat"
    assert [each.actor for each in await chat.api("purge").audit(action="clear")] == ["bob", "bob"]
    await alice.say("on we go")
    assert ids(alice) == [3]


@pytest.mark.gen_test
async def test_members_delete_what_they_said_and_nothing_else(chat: ChatFixture) -> None:
    await chat.open("purge")
    alice, eve, bob = await chat.join("alice"), await chat.join("eve"), await chat.join("bob", role="mod")
    for person in (alice, eve, bob):
        await person.say("hello")
    await chat.api("purge").post("I am a bot", name="alice")
    assert await told(alice, "/delete 1 a slip") == "Message 1 of alice was deleted"
    for number in (2, 3, 4, 99):
        assert await told(alice, f"/delete {number}") == f"{NOT_AUTHORIZED}: message {number} is not yours"
    other = await chat.join("ＥＶＥ")  # another user, whose name is the same
    assert await told(other, "/delete 2") == f"{NOT_AUTHORIZED}: message 2 is not yours"
    assert ids(alice) == [2, 3, 4]
    assert await told(bob, "/delete 4") == "Message 4 of alice was deleted"


@pytest.mark.gen_test
async def test_a_message_that_one_is_not_shown_is_as_one_that_is_not_there(chat: ChatFixture) -> None:
    async def check(draft: Any) -> Any:
        return Shadow() if draft.user.uname == "eve" else Pass()

    await chat.open("purge", filtering(check))
    alice, eve = await chat.join("alice"), await chat.join("eve")
    await eve.say("gold")
    assert await told(alice, "/delete 1") == f"{NOT_AUTHORIZED}: message 1 is not yours"
    assert await told(eve, "/delete 1") == "Message 1 of eve was deleted"


@pytest.mark.gen_test
async def test_whether_members_may_is_an_option(chat: ChatFixture) -> None:
    await chat.open("purge", options={"purge": {"own": False}})
    alice = await chat.join("alice")
    await alice.say("hello")
    assert await told(alice, "/delete 1") == NOT_AUTHORIZED
    assert ids(alice) == [1]


@pytest.mark.gen_test
async def test_who_may_clear_is_an_option(chat: ChatFixture) -> None:
    await chat.open("purge", options={"purge": {"clear_role": "owner"}})
    bob, carol = await chat.join("bob", role="mod"), await chat.join("carol", role="owner")
    await carol.say("hello")
    assert await told(bob, "/clear") == NOT_AUTHORIZED
    assert ids(bob) == [1]
    await carol.say("/clear")
    assert ids(bob) == []


@pytest.mark.gen_test
@pytest.mark.parametrize("line", ["/purge alice", "/purge mallory", "/clear", "/delete 1"])
async def test_a_member_may_not(chat: ChatFixture, line: str) -> None:
    await chat.open("purge")
    alice, mallory = await chat.join("alice"), await chat.join("mallory")
    await alice.say("hello")
    notice = await told(mallory, line)
    assert notice is not None
    assert notice.startswith(NOT_AUTHORIZED)
    assert ids(alice) == [1]


@pytest.mark.gen_test
@pytest.mark.parametrize("name", ["kate", "CAROL", "dave"])
async def test_nobody_deletes_what_a_peer_or_a_superior_said(chat: ChatFixture, name: str) -> None:
    await chat.open("purge")
    bob = await chat.join("bob", role="mod")
    for uname, role in (("kate", "mod"), ("carol", "owner"), ("dave", "admin")):
        person = await chat.join(uname, role=role)
        if uname == name.lower():
            await person.say("hello")
    for line in ("/delete 1", f"/purge {name}"):
        notice = await told(bob, line)
        assert notice is not None
        assert notice.startswith(f"{NOT_AUTHORIZED}: {name.lower()} is a")
    assert ids(bob) == [1]
    assert [each.action for each in await chat.api("purge").audit()] == ["refused /purge", "refused /delete"]


@pytest.mark.gen_test
async def test_a_moderator_deletes_but_does_not_purge_what_he_said(chat: ChatFixture) -> None:
    await chat.open("purge")
    bob = await chat.join("bob", role="mod")
    await bob.say("hello")
    assert await told(bob, "/purge bob") == f"{NOT_AUTHORIZED}: bob is a mod"
    assert await told(bob, "/delete 1") == "Message 1 of bob was deleted"


@pytest.mark.gen_test
async def test_what_could_not_be_deleted_is_shown_still(chat: ChatFixture) -> None:
    await chat.open("purge")
    eve, bob = await chat.join("eve"), await chat.join("bob", role="mod")
    await eve.say("hello")
    chat.store.away = True
    for line in ("/delete 1", "/purge eve", "/clear"):
        assert (await bob.say(line)).ack == "INTERNAL_ERROR"
    chat.store.away = False
    assert ids(eve) == [1]
    assert eve.notices == []


@pytest.mark.gen_test
@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("/delete", "Usage: /delete <number> [reason]"),
        ("/delete eve", '"eve" is no message\'s number'),
        ("/delete 99999999999999999999", '"99999999999999999999" is no message\'s number'),
        ("/purge", "Usage: /purge <user> [reason]"),
    ],
)
async def test_what_is_missing_is_told(chat: ChatFixture, line: str, why: str) -> None:
    await chat.open("purge")
    notice = await told(await chat.join("bob", role="mod"), line)
    assert notice is not None
    assert why in notice


@pytest.mark.parametrize(("options", "key"), [({"own": 1}, "own"), ({"clear_role": "member"}, "clear_role")])
def test_options_that_make_no_sense_stop_the_start(options: dict[str, Any], key: str) -> None:
    with pytest.raises(ConfigError, match=rf"apps/2\.toml: plugin\.purge\.{key}"):
        load_plugin("purge", **options)
