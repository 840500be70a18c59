"""/tip and /rain: what the site is told, that nothing is done twice, and what users are told where nobody knows."""

from __future__ import annotations

import asyncio
import json
import uuid
from collections.abc import Mapping
from typing import Any

import pytest

import tornado_chat_plugins.tip as tip
from tests.chats import documented_options, load_plugin
from tests.inline import filtering
from tornado_chat import Draft, HttpError, HttpResponse, Pass, Secret, Shadow, Verdict, signed_headers
from tornado_chat.errors import ConfigError
from tornado_chat.testing import ChatFixture, Person

URL = "https://site.example.com/orders"
SECRET = "s3cret-of-the-site"
OK = {"ok": True}


class Site:
    """Answers with the next of `answers`, then with the last one again; keeps what it was sent."""

    def __init__(self, *answers: Any) -> None:
        self.answers = list(answers) or [OK]
        self.orders: list[Any] = []
        self.headers: list[Mapping[str, str]] = []
        self.pauses: list[float] = []
        self.waits: asyncio.Event | None = None
        self.clock: Any = None

    async def post(self, url: str, *, body: bytes, headers: Mapping[str, str], timeout: float) -> HttpResponse:
        assert (url, timeout) == (URL, 3.0)
        signed = signed_headers(body, Secret(SECRET), self.clock.now(), headers["X-Tornado-Chat-Delivery"])
        assert {name: headers[name] for name in signed} == signed
        self.orders.append(json.loads(body))
        self.headers.append(headers)
        if self.waits is not None:
            await self.waits.wait()
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        if isinstance(answer, dict):
            answer = HttpResponse(200, {}, json.dumps(answer).encode())
        assert isinstance(answer, HttpResponse)
        return answer

    async def close(self) -> None:
        pass

    @property
    def keys(self) -> list[str]:
        return [order["key"] for order in self.orders]


async def opened(chat: ChatFixture, *answers: Any, plugins: tuple[Any, ...] = (), **options: Any) -> Site:
    """Open a chat with the plugin and a site; nobody waits between two tries."""
    site = Site(*answers)
    site.clock = chat.clock
    chat.http = site  # type: ignore[assignment]
    table = {"url": URL, "secret": SECRET, "cooldown": 0, **options}
    await chat.open(*plugins, "mute", "tip", options={"tip": table})

    async def at_once(seconds: float) -> None:
        site.pauses.append(seconds)

    chat.api("tip").state(tip.Counter).pause = at_once
    return site


async def crowd(chat: ChatFixture, *names: str) -> list[Person]:
    return [await chat.join(name) for name in names]


def status(code: int, body: bytes = b"") -> HttpResponse:
    return HttpResponse(code, {}, body)


AWAY = HttpError("POST https://site.example.com/orders: no answer within 3 s")


@pytest.mark.gen_test
async def test_a_tip_is_told_to_the_site_and_then_to_the_room(chat: ChatFixture) -> None:
    site = await opened(chat, currency="bits")
    alice, eve = await crowd(chat, "alice", "Eve")
    assert (await alice.say("/tip @eve 25 for the  song")).notice == "Done: alice tipped Eve 25 bits"
    (order,) = site.orders
    key = order["key"]
    assert order == {
        "key": key,
        "kind": "tip",
        "app_id": 2,
        "from": {"uname": "alice", "id": 1},
        "to": [{"uname": "Eve", "id": 2}],
        "amount": "25",
        "currency": "bits",
        "note": "for the song",
    }
    assert str(uuid.UUID(key)) == key
    assert site.headers[0]["Idempotency-Key"] == site.headers[0]["X-Tornado-Chat-Delivery"] == key
    assert eve.messages == alice.messages == ["tip: alice tipped Eve 25 bits"]
    await alice.say("/tip eve 25 for the song")
    assert len(set(site.keys)) == 2
    assert await chat.api("tip").storage.items() == []


@pytest.mark.gen_test
@pytest.mark.parametrize(
    ("answer", "told", "shown"),
    [
        ({"ok": True, "text": " You have\n75 left "}, "You have 75 left", 1),
        ({"ok": True, "text": "", "more": 1}, "Done: alice tipped eve 5", 1),
        ({"ok": True, "repeated": True}, "Done: alice tipped eve 5", 0),
        ({"ok": False, "text": "You have only 3"}, "You have only 3", 0),
        ({"ok": False}, "The site did not do that", 0),
        (status(402, b'{"ok": false, "text": "You have only 3"}'), "You have only 3", 0),
        (status(404, b"<html>"), "The site did not do that", 0),
        (status(403), "The site did not do that", 0),
        ({"ok": True, "text": "x" * 10_000}, "x" * 500, 1),
    ],
    ids=repr,
)
async def test_what_the_site_says_is_told(chat: ChatFixture, answer: Any, told: str, shown: int) -> None:
    site = await opened(chat, answer)
    alice, eve = await crowd(chat, "alice", "eve")
    said = await alice.say("/tip eve 5")
    assert (said.ack, said.notice) == (None, told)
    assert len(eve.messages) == shown
    assert len(site.orders) == 1
    assert await chat.api("tip").storage.items() == []


@pytest.mark.gen_test
@pytest.mark.parametrize(
    "answer",
    [
        AWAY,
        status(500),
        status(502, b"<html>"),
        status(503, b'{"ok": false}'),
        status(408),
        status(409),
        status(429),
        status(301),
        status(200),
        status(200, b"<html>"),
        status(200, b"[]"),
        status(200, b'{"ok": "yes"}'),
        status(200, b'{"ok": 1}'),
        status(200, b'{"text": "done"}'),
        status(200, b'{"ok": true, "text": 5}'),
        status(200, b'{"ok": true'),
        status(400, b'{"ok": true}'),
        status(200, b"[" * 100_000),
    ],
    ids=repr,
)
async def test_where_nobody_knows_that_is_said_with_the_key(chat: ChatFixture, answer: Any) -> None:
    site = await opened(chat, answer, tries=2)
    alice, eve = await crowd(chat, "alice", "eve")
    said = await alice.say("/tip eve 5")
    assert said.ack is None
    assert said.notice == (
        "It is not known whether this was done: the site gave no answer. Type the same again to ask once more; "
        f"it is not done twice. The site knows it as {site.keys[0]}"
    )
    assert site.keys == [site.keys[0]] * 2
    assert site.orders[0] == site.orders[1]
    assert site.pauses == [0.5]
    assert eve.messages == []


@pytest.mark.gen_test
async def test_an_answer_to_a_later_try_counts(chat: ChatFixture) -> None:
    site = await opened(chat, AWAY, OK)
    alice, eve = await crowd(chat, "alice", "eve")
    assert (await alice.say("/tip eve 5")).notice == "Done: alice tipped eve 5"
    assert len(site.orders) == 2
    assert eve.messages == ["tip: alice tipped eve 5"]


@pytest.mark.gen_test
async def test_a_site_that_never_answers_keeps_nobody_waiting(
    chat: ChatFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = await opened(chat)
    alice, _ = await crowd(chat, "alice", "eve")
    monkeypatch.setattr(tip, "LONGEST", 0.05)
    site.waits = asyncio.Event()
    assert "The site knows it as" in str((await alice.say("/tip eve 5")).notice)
    site.waits.set()
    monkeypatch.undo()
    assert (await alice.say("/tip eve 5")).notice == "Done: alice tipped eve 5"
    assert len(set(site.keys)) == 1


@pytest.mark.gen_test
async def test_the_same_line_asks_for_the_same_order_again_also_after_a_restart(chat: ChatFixture) -> None:
    site = await opened(chat, AWAY)
    alice, eve = await crowd(chat, "alice", "eve")
    await alice.say("/tip eve 5 thanks")
    await alice.say("/tip eve 6 thanks")  # another order in between
    await eve.leave()
    await alice.say("/tip EVE 5 thanks")
    first, second = site.keys[0], site.keys[2]
    assert site.keys == [first] * 2 + [second] * 2 + [first] * 2
    assert first != second
    await chat.restart()
    site = await opened(chat, OK)
    alice, eve = await crowd(chat, "alice", "eve")
    assert (await alice.say("/tip eve 5 thanks")).notice == "Done: alice tipped eve 5"
    assert site.keys == [first]
    assert eve.messages == ["tip: alice tipped eve 5"]
    await alice.say("/tip eve 5 thanks")  # the first is settled
    assert site.keys[1] != first
    await chat.advance(86_400)
    await alice.say("/tip eve 6 thanks")  # after a day, nobody remembers
    assert site.keys[2] != second


@pytest.mark.gen_test
async def test_a_line_that_a_client_sends_again_is_one_order_even_after_a_restart(chat: ChatFixture) -> None:
    site = await opened(chat)
    alice, bob, _ = await crowd(chat, "alice", "bob", "eve")
    await alice.say("/tip eve 5", cid="a1")
    await alice.say("/tip eve 5", cid="a1")
    assert len(site.orders) == 1
    await alice.say("/tip eve 5", cid="a2")
    await alice.say("/tip eve 6", cid="a3")
    await bob.say("/tip eve 5", cid="a1")
    assert len(set(site.keys)) == 4
    first = site.keys[0]
    await chat.restart()
    site = await opened(chat, {"ok": True, "repeated": True})
    alice, eve = await crowd(chat, "alice", "eve")
    assert (await alice.say("/tip eve 5", cid="a1")).notice == "Done: alice tipped eve 5"
    assert site.keys == [first]
    assert eve.messages == []


@pytest.mark.gen_test
async def test_only_so_many_orders_of_one_user_have_no_answer(chat: ChatFixture) -> None:
    site = await opened(chat, AWAY)
    alice, bob, _ = await crowd(chat, "alice", "bob", "eve")
    for amount in range(1, 6):
        await alice.say(f"/tip eve {amount}")
    asked = len(site.orders)
    refused = await alice.say("/tip eve 6")
    assert refused.notice == "5 orders of yours have no answer yet; ask for those again first"
    assert len(site.orders) == asked
    assert "not known" in str((await alice.say("/tip eve 5")).notice)
    assert "not known" in str((await bob.say("/tip eve 6")).notice)


@pytest.mark.gen_test
async def test_what_could_not_be_remembered_is_not_sent(chat: ChatFixture) -> None:
    site = await opened(chat)
    alice, _ = await crowd(chat, "alice", "eve")
    chat.store.away = True
    assert (await alice.say("/tip eve 5")).ack == "INTERNAL_ERROR"
    assert site.orders == []


@pytest.mark.gen_test
async def test_what_was_done_is_told_as_done_though_the_database_goes_away(chat: ChatFixture) -> None:
    site = await opened(chat)
    alice, eve = await crowd(chat, "alice", "eve")
    site.waits = asyncio.Event()
    saying = asyncio.ensure_future(alice.say("/tip eve 5"))
    while not site.orders:
        await chat.settle()
    chat.store.away = True
    site.waits.set()
    assert (await saying).notice == "Done: alice tipped eve 5"
    assert eve.messages == []
    chat.store.away = False
    await alice.say("/tip eve 5")
    assert len(set(site.keys)) == 2  # though the first is stored still


@pytest.mark.gen_test
async def test_one_order_of_a_user_is_under_way_at_a_time(chat: ChatFixture) -> None:
    site = await opened(chat)
    alice, tab, bob = await crowd(chat, "alice", "alice", "bob")
    site.waits = asyncio.Event()
    saying = [asyncio.ensure_future(person.say("/tip eve 5")) for person in (alice, tab, bob)]
    await chat.settle()
    site.waits.set()
    assert [(await each).notice for each in saying] == [
        "Done: alice tipped eve 5",
        "What you ordered before is still on its way",
        "Done: bob tipped eve 5",
    ]


@pytest.mark.gen_test
async def test_a_user_waits_between_two_of_them_whatever_the_site_says(chat: ChatFixture) -> None:
    site = await opened(chat, {"ok": False}, cooldown=10)
    alice, eve = await crowd(chat, "alice", "eve")
    await eve.say("hi")
    await alice.say("/tip eve 5")
    assert (await alice.say("/tip eve 5")).notice == "You can use /tip again in 10 s"
    assert (await alice.say("/rain 5")).notice == "The site did not do that"
    await chat.advance(10)
    assert (await alice.say("/tip eve x")).notice.startswith("that is no amount. Usage")  # type: ignore[union-attr]
    await alice.say("/tip eve 5")
    assert len(site.orders) == 3


@pytest.mark.gen_test
@pytest.mark.parametrize(
    ("typed", "sent"),
    [
        ("1", "1"),
        ("0.01", "0.01"),
        ("1.50", "1.5"),
        ("10", "10"),
        ("100.00", "100"),
        ("1000", "1000"),
        *((text, None) for text in ("0", "0.00", "0.001", "1000.01", "1001", "9" * 400, "-1", "+1", "1e2", "1E2")),
        *((text, None) for text in ("01", "1.", ".5", "1,5", "1_000", "0x10", "inf", "nan", "NaN", "1.5.5", "$5")),
        *((text, None) for text in ("\u0661", "\uff11", "\u00bd", "1\u0660", "\u4e00", "1\u200b", "1\0", "five")),
    ],
)
async def test_an_amount_is_plain_digits_in_bounds(chat: ChatFixture, typed: str, sent: str | None) -> None:
    site = await opened(chat, decimals=2, least="0.01", most="1000")
    alice, _ = await crowd(chat, "alice", "eve")
    answer = await alice.say(f"/tip eve {typed[:300]}")
    assert [order["amount"] for order in site.orders] == ([] if sent is None else [sent])
    if sent is None:
        assert answer.notice == (
            "that is no amount. Usage: /tip <user> <amount> [note]; amount: 0.01 to 1000, 2 decimals"
        )


@pytest.mark.gen_test
async def test_whom_one_can_not_tip(chat: ChatFixture) -> None:
    site = await opened(chat)
    (alice,) = await crowd(chat, "alice")
    await crowd(chat, "Eve", "eve", "\uff25VE")
    for line in ("/tip alice 5", "/tip ALICE 5", "/tip \uff21lice 5"):
        assert (await alice.say(line)).notice == "You can't tip yourself"
    for name in ("x" * 65, '"x\u200b"', "\u202e"):
        assert (await alice.say(f"/tip {name} 5")).notice == "No user can have that name"
    assert (await alice.say("/tip EVE 5")).notice == "Several have that name; write it as one of: Eve, eve, \uff25VE"
    for line in ("/tip", "/tip eve", "/tip 5"):
        assert "Usage: /tip <user> <amount> [note]" in str((await alice.say(line)).notice)
    assert site.orders == []
    await alice.say("/tip eve 5")
    await alice.say('/tip "d\'Arc the Maid" 5')
    assert [order["to"] for order in site.orders] == [
        [{"uname": "eve", "id": 3}],
        [{"uname": "d'Arc the Maid", "id": None}],
    ]


@pytest.mark.gen_test
async def test_a_note_is_for_the_site_alone(chat: ChatFixture) -> None:
    await opened(chat)
    alice, eve, bob = await crowd(chat, "alice", "eve", "bob")
    await alice.say("/tip eve 5 something that no filter has seen")
    assert not any("filter" in text for person in (eve, bob) for text in [*person.messages, *person.notices])


@pytest.mark.gen_test
async def test_a_rain_is_for_those_who_spoke_last(chat: ChatFixture) -> None:
    async def check(draft: Draft) -> Verdict:
        return Shadow() if "psst" in draft.text else Pass()

    site = await opened(chat, plugins=(filtering(check),), currency="bits")
    people = await crowd(chat, "alice", "eve", "dora", "carl", "gone", "muted", "shadowed", "silent")
    alice, _, dora, _, gone, muted, shadowed, _ = people
    bob = await chat.join("bob", role="mod")
    for person in people[:-1]:
        await person.say("hi")
    await bob.say("hi")
    await dora.say("ho")
    await shadowed.say("psst")
    await chat.api("mute").post("I am a bot", name="Robot")
    await gone.leave()
    await bob.say("/mute muted")
    assert (await alice.say("/rain 100")).notice == "Done: alice rained 100 bits on dora, bob, carl, eve"
    await alice.say("/rain 100 2")
    first, second = site.orders
    assert (first["kind"], first["amount"], first["note"]) == ("rain", "100", "")
    assert [party["uname"] for party in first["to"]] == ["dora", "bob", "carl", "eve"]
    assert [party["uname"] for party in second["to"]] == ["dora", "bob"]
    assert muted.messages[-1] == "tip: alice rained 100 bits on dora, bob"
    for line in ("/rain", "/rain x", "/rain 5 0", "/rain 5 51", "/rain 5 1.5"):
        assert "Usage: /rain <amount> [users]" in str((await alice.say(line)).notice)


@pytest.mark.gen_test
async def test_a_rain_on_nobody_is_refused(chat: ChatFixture) -> None:
    site = await opened(chat)
    alice, _ = await crowd(chat, "alice", "eve")
    await alice.say("hi")
    assert (await alice.say("/rain 5")).notice == "Nobody else who is here has said anything lately"
    assert site.orders == []


@pytest.mark.gen_test
async def test_a_rain_whose_fate_is_not_known_goes_to_those_whom_it_was_for(chat: ChatFixture) -> None:
    site = await opened(chat, AWAY, AWAY, OK, rain_users=1)
    alice, eve, dora = await crowd(chat, "alice", "eve", "dora")
    await eve.say("hi")
    await alice.say("/rain 5")
    await dora.say("me too")
    await eve.leave()
    assert (await alice.say("/rain 5")).notice == "Done: alice rained 5 on eve"
    assert len(set(site.keys)) == 1
    await alice.say("/rain 5")
    assert site.orders[-1]["to"] == [{"uname": "dora", "id": 3}]


@pytest.mark.gen_test
async def test_the_longest_names_make_a_message_still(chat: ChatFixture) -> None:
    await opened(chat, currency="\U0001d517" * 16, decimals=8, most="999999999999999.99999999")
    names = [f"\U0001d56c{chr(0x1D586 + number) * 63}" for number in range(4)]
    alice, *others = await crowd(chat, *names)
    for person in others:
        await person.say("hi")
    await alice.say("/rain 999999999999999.99999999")
    await alice.say(f"/tip {names[1]} 999999999999999.99999999")
    rained, tipped = others[0].messages[-2:]
    assert rained.endswith(" and 2 more")
    assert tipped.count(names[1]) == 1


@pytest.mark.gen_test
async def test_no_secret_is_logged(chat: ChatFixture, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG")
    await opened(chat, AWAY)
    alice, _ = await crowd(chat, "alice", "eve")
    await alice.say("/tip eve 5")
    assert "the fate of order" in caplog.text
    assert SECRET not in caplog.text
    assert SECRET not in repr(chat.api("tip").options)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"url": None}, "plugin.tip.url"),
        ({"url": "ftp://x"}, "plugin.tip.url"),
        ({"secret": "short"}, "secret must have at least 16 characters"),
        ({"secret": None}, "plugin.tip.secret"),
        ({"currency": "x" * 17}, "plugin.tip.currency"),
        ({"decimals": 9}, "plugin.tip.decimals"),
        ({"least": "0"}, "least and most must be amounts"),
        ({"least": "0.5"}, "least and most must be amounts"),
        ({"least": "1e3"}, "least and most must be amounts"),
        ({"least": "5", "most": "4"}, "least and most must be amounts"),
        ({"most": 5}, "plugin.tip.most"),
        ({"rain_users": 51}, "plugin.tip.rain_users"),
        ({"cooldown": -1}, "plugin.tip.cooldown"),
        ({"timeout": 4.0, "tries": 2}, "tries times timeout"),
        ({"timeout": 8.0}, "plugin.tip.timeout"),
        ({"tries": 5}, "plugin.tip.tries"),
    ],
)
def test_options_that_do_not_fit_are_named(options: dict[str, Any], told: str) -> None:
    table = {"url": URL, "secret": SECRET, **options}
    with pytest.raises(ConfigError) as caught:
        load_plugin("tip", **{key: value for key, value in table.items() if value is not None})
    assert told in str(caught.value)


def test_the_documented_example_is_one() -> None:
    assert load_plugin("tip", **documented_options("tip") | {"secret": SECRET})
