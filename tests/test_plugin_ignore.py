"""/ignore: whom a user doesn't want to read, kept for them, and told to their clients."""

from __future__ import annotations

from typing import Any

import pytest

from tests.chats import load_plugin
from tornado_chat.errors import ConfigError
from tornado_chat.testing import ChatFixture, Person

DAY = 86_400


def lists(person: Person) -> list[list[str]]:
    """Return the lists that somebody's client was told."""
    return [
        payload["data"]["unames"]
        for name, payload in person.events
        if name == "plugin_event" and (payload["plugin"], payload["name"]) == ("ignore", "list")
    ]


@pytest.mark.gen_test
async def test_a_name_is_ignored_until_it_is_not(chat: ChatFixture) -> None:
    await chat.open("ignore")
    alice, tab, eve = await chat.join("alice"), await chat.join("alice"), await chat.join("Eve")
    assert (await alice.say("/ignores")).notice == "You ignore nobody"
    assert (await alice.say("/ignore @EVE")).notice == "You ignore Eve from now on; /unignore ends it"
    await alice.say("/ignore 'carl'")
    assert lists(alice) == lists(tab) == [["Eve"], ["Eve", "'carl'"]]
    assert (await alice.say("/ignores")).notice == "You ignore 2: Eve, 'carl'"
    assert (await alice.say("/unignore eve")).notice == "You don't ignore Eve any more"
    assert (await alice.say("/unignore 'CARL'")).notice == "You don't ignore 'carl' any more"
    assert lists(tab)[2:] == [["'carl'"], []]
    assert lists(eve) == []
    assert await chat.api("ignore").storage.items() == []
    await eve.say("hello")
    assert alice.messages == ["Eve: hello"]  # hiding is the client's


@pytest.mark.gen_test
async def test_each_tab_is_told_the_list_also_after_a_restart_and_a_reload(chat: ChatFixture) -> None:
    await chat.open("ignore")
    alice = await chat.join("alice")
    await alice.say("/ignore eve")
    tab = await chat.join("alice")
    assert lists(tab) == [["eve"]]
    await chat.open("ignore")
    assert lists(await chat.join("alice")) == [["eve"]]
    await chat.restart()
    await chat.open("ignore")
    assert lists(await chat.join("alice")) == [["eve"]]
    eve, guest = await chat.join("eve"), await chat.join(None)
    await chat.advance(5)
    assert lists(eve) == lists(guest) == []


@pytest.mark.gen_test
@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("/ignore alice", "You can't ignore yourself"),
        ("/ignore \uff21LICE", "You can't ignore yourself"),
        ("/ignore bob", "Staff can't be ignored: you would miss what they tell the room"),
        ("/ignore OLGA", "Staff can't be ignored: you would miss what they tell the room"),
        ("/ignore " + "x" * 65, "No user can have that name"),
        ('/ignore "x\u200b"', "No user can have that name"),
        ("/ignore", "Usage: /ignore <user>"),
        ("/unignore eve", "You don't ignore eve"),
        ("/unignore", "Usage: /unignore <user>"),
        ("/ignore dora", "You ignore Dora already"),
    ],
)
async def test_what_is_refused(chat: ChatFixture, line: str, told: str) -> None:
    await chat.open("ignore")
    alice, _, olga = await chat.join("alice"), await chat.join("bob", role="mod"), await chat.join("olga", role="owner")
    await olga.say("hello")
    await olga.leave()  # but she spoke lately
    await alice.say("/ignore Dora")
    assert (await alice.say(line)).notice == told
    assert lists(alice) == [["Dora"]]


@pytest.mark.gen_test
async def test_staff_may_ignore_members(chat: ChatFixture) -> None:
    await chat.open("ignore")
    bob = await chat.join("bob", role="mod")
    await bob.say("/ignore eve")
    assert lists(bob) == [["eve"]]


@pytest.mark.gen_test
async def test_a_list_has_an_end(chat: ChatFixture) -> None:
    await chat.open("ignore", options={"ignore": {"most": 2}})
    alice = await chat.join("alice")
    for name in ("a1", "a2"):
        await alice.say(f"/ignore {name}")
    assert (await alice.say("/ignore a3")).notice == "You ignore 2 names already"
    await alice.say("/unignore a1")
    assert (await alice.say("/ignore a3")).ack is None
    assert lists(alice)[-1] == ["a2", "a3"]


@pytest.mark.gen_test
async def test_the_longest_names_fit(chat: ChatFixture) -> None:
    await chat.open("ignore", options={"ignore": {"most": 120}})
    alice = await chat.join("alice")
    for number in range(120):
        await alice.say(f"/ignore {number:03d}" + "\U0001d56c" * 61)
        await chat.advance(1)
    assert len(lists(alice)[-1]) == 120
    answer = await alice.say("/ignores")
    assert (answer.ack, str(answer.notice)[:20]) == (None, "You ignore 120: 000\U0001d56c")


@pytest.mark.gen_test
async def test_without_the_database_nothing_changes_and_the_list_comes_later(chat: ChatFixture) -> None:
    await chat.open("ignore")
    alice = await chat.join("alice")
    await alice.say("/ignore eve")
    chat.store.away = True
    for line in ("/ignore dora", "/unignore eve", "/ignores"):
        assert (await alice.say(line)).ack == "INTERNAL_ERROR"
    tab = await chat.join("alice")
    await chat.advance(10)
    assert lists(tab) == []
    assert chat.chat.plugins.supervisor.failures == {}
    chat.store.away = False
    await chat.advance(1)
    assert lists(tab) == [["eve"]]


@pytest.mark.gen_test
async def test_a_herd_that_comes_back_is_told_in_a_while_and_nobody_is_left_out(chat: ChatFixture) -> None:
    await chat.open("ignore")
    storage = chat.api("ignore").storage
    people = []
    for number in range(1, 301):
        listing = {"unames": ["eve"], "at": chat.clock.now()}
        if number % 2:
            await storage.put(str(number), listing)
        people.append(await chat.join(f"user{number}"))
    await chat.advance(2)
    gone = people.pop()
    await gone.leave()
    await chat.advance(30)
    assert [len(lists(person)) for person in people] == [1, 0] * 149 + [1]
    assert chat.chat.plugins.supervisor.failures == {}
    assert chat.chat.plugins.audience.dropped == 0


@pytest.mark.gen_test
async def test_a_list_is_kept_for_a_year_after_its_owner_came_last(chat: ChatFixture) -> None:
    await chat.open("ignore")
    alice, dora = await chat.join("alice"), await chat.join("dora")
    for person in (alice, dora):
        await person.say("/ignore eve")
    for person in (alice, dora):
        await person.leave()
    chat.clock.advance(200 * DAY)
    await (await chat.join("alice")).leave()
    chat.clock.advance(200 * DAY)
    assert lists(await chat.join("alice")) == [["eve"]]
    assert lists(await chat.join("dora")) == []


@pytest.mark.gen_test
async def test_where_too_many_keep_one_the_next_is_refused(chat: ChatFixture, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tornado_chat.storage.MAX_KEYS", 1)
    await chat.open("ignore")
    alice, dora = await chat.join("alice"), await chat.join("dora")
    await alice.say("/ignore eve")
    assert (await dora.say("/ignore eve")).notice == "So many keep such a list that there is no room for yours"
    await alice.say("/unignore eve")
    assert (await dora.say("/ignore eve")).notice == "You ignore eve from now on; /unignore ends it"


@pytest.mark.parametrize("most", [0, 121])
def test_options_that_do_not_fit_are_named(most: int) -> None:
    with pytest.raises(ConfigError, match=r"plugin\.ignore\.most"):
        load_plugin("ignore", most=most)


@pytest.mark.gen_test
async def test_over_the_wire_every_tab_is_told_after_its_auth(serve: Any, connect: Any, make_config: Any) -> None:
    server = await serve(make_config(app='plugins = ["ignore"]'))
    alice = await connect(server, token="token-alice")
    await alice.say("/ignore eve")
    expected = {"plugin": "ignore", "name": "list", "data": {"unames": ["eve"]}}
    assert await alice.next("plugin_event") == expected
    tab = await connect(server, token="token-alice")
    assert await tab.next("plugin_event") == expected
