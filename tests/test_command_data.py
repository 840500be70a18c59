"""What the bundled commands answer to programs: the same as their text says, to nobody more, and never too much."""

from __future__ import annotations

from typing import Any

import pytest

from tests.inline import filtering
from tornado_chat import Draft, Hold, Pass, held_payload
from tornado_chat.testing import ChatFixture, Person

NOW = "2026-01-01T00:00:00.000Z"
WORST = "\x01" * 350  # six bytes each as JSON
LONGEST = "\U0001f600" * 58  # a name; four bytes each


def events(person: Person, plugin: str) -> list[tuple[str, Any]]:
    """The plugin's own events that somebody got."""
    told = [payload for name, payload in person.events if name == "plugin_event" and payload["plugin"] == plugin]
    return [(payload["name"], payload["data"]) for payload in told]


async def data(person: Person, line: str) -> Any:
    """Run a command that is done; return its data, which comes with the text that is typed for."""
    ran = await person.run(line)
    assert ran.code is None, ran.text
    assert (await person.say(line)).notice == ran.text
    return ran.data


@pytest.mark.gen_test
async def test_mutes(chat: ChatFixture) -> None:
    await chat.open("mute")
    bob = await chat.join("bob", "mod")
    assert await data(bob, "/mutes") == {"mutes": [], "page": 1, "pages": 1}
    await bob.say("/mute eve 90s no more")
    row = {
        "uname": "eve",
        "mins": 2,
        "expires_at": "2026-01-01T00:01:30.000Z",
        "at": NOW,
        "by": "bob",
        "reason": "no more",
    }
    assert await data(bob, "/mutes") == {"mutes": [row], "page": 1, "pages": 1}
    for number in range(20):
        await bob.say(f"/mute user{number}")
    listed = await data(bob, "/mutes 9")
    assert listed == {"mutes": [row], "page": 2, "pages": 2}
    assert [row["uname"] for row in (await data(bob, "/mutes"))["mutes"]] == [f"user{n}" for n in range(19, -1, -1)]


@pytest.mark.gen_test
async def test_bans_and_whom_addresses_are_shown(chat: ChatFixture) -> None:
    await chat.open("ban")
    bob, carol = await chat.join("bob", "mod"), await chat.join("carol", "owner")
    await bob.say("/ban eve 1d rude")
    await bob.say("/ban 203.0.113.7")
    await bob.say("/ban @203.0.113.9")
    named = {"target": "203.0.113.9", "network": False, "expires_at": None, "at": NOW, "by": "bob", "reason": ""}
    network = named | {"target": "203.0.113.7/32", "network": True}
    timed = named | {"target": "eve", "expires_at": "2026-01-02T00:00:00.000Z", "reason": "rude"}
    assert await data(carol, "/bans") == {"bans": [named, network, timed], "page": 1, "pages": 1}
    masked = network | {"target": "an address"}
    assert await data(bob, "/bans") == {"bans": [named, masked, timed], "page": 1, "pages": 1}
    alice = await chat.join("alice")
    assert await alice.run("/bans") == ("COMMAND_REFUSED", "You are not authorized to do that", None)


@pytest.mark.gen_test
async def test_staff_are_told_that_bans_changed(chat: ChatFixture) -> None:
    await chat.open("ban")
    await chat.advance(5)
    alice, bob = await chat.join("alice"), await chat.join("bob", "mod")
    await bob.say("/ban eve")
    assert events(bob, "ban") == [("changed", {})]
    for number in range(150):  # more than a plugin may say at a time
        await bob.say(f"/ban user{number}")
    await bob.say("/unban eve")
    await chat.advance(1)
    assert events(bob, "ban") == [("changed", {})] * 2
    await chat.advance(5)
    assert events(bob, "ban") == [("changed", {})] * 2
    await bob.say("/unban user1")
    assert events(bob, "ban") == [("changed", {})] * 3
    assert events(alice, "ban") == []


@pytest.mark.gen_test
async def test_log_goes_on_with_more(chat: ChatFixture) -> None:
    await chat.open("mute", "purge", "audit", options={"audit": {"page": 2}})
    bob = await chat.join("bob", "mod")
    assert await bob.run("/log") == (None, "There is nothing", {"entries": [], "more": False})
    alice = await chat.join("alice")
    await alice.say("spam")
    await bob.say("/delete 1 bad")
    await bob.say("/mute alice 10 worse")
    await bob.say("/unmute alice")
    first = await bob.run("/log")
    second = await bob.run("/log more")
    entries = first.data["entries"] + second.data["entries"]
    assert [first.data["more"], second.data["more"]] == [True, False]
    assert [len({entry.pop("id") for entry in entries}), [entry["action"] for entry in entries]] == [
        3,
        ["unmute", "mute", "delete"],
    ]
    common = {"at": NOW, "actor": "bob", "role": "mod", "target": "alice"}
    assert entries[1] == common | {
        "plugin": "mute",
        "action": "mute",
        "message_id": None,
        "seconds": 600,
        "reason": "worse",
        "text": "",
    }
    assert entries[2] == common | {
        "plugin": "purge",
        "action": "delete",
        "message_id": 1,
        "seconds": None,
        "reason": "bad",
        "text": "spam",
    }
    assert (await bob.run("/log more")).code == "COMMAND_REFUSED"


@pytest.mark.gen_test
async def test_each_client_goes_on_in_the_log_from_where_it_is(chat: ChatFixture) -> None:
    await chat.open("mute", "audit", options={"audit": {"page": 2}})
    bob, carol = await chat.join("bob", "mod"), await chat.join("carol", "mod")
    for number in range(5):
        await (bob if number % 2 else carol).say(f"/mute eve{number} 10 worse")
    first = (await bob.run("/log * worse")).data
    await bob.run("/log * nonsense")  # in another tab
    await bob.run("/log")
    second = (await bob.run(f"/log * before:{first['entries'][-1]['id']} worse")).data
    third = (await bob.run(f"/log * before:{second['entries'][-1]['id']} worse")).data
    targets = [entry["target"] for page in (first, second, third) for entry in page["entries"]]
    assert targets == ["eve4", "eve3", "eve2", "eve1", "eve0"]
    assert [page["more"] for page in (first, second, third)] == [True, True, False]
    # What is typed goes on from what was typed.
    assert [entry["target"] for entry in (await bob.run("/log more")).data["entries"]] == ["eve2", "eve1"]
    # Who did it is searched for, too.
    assert {entry["actor"] for entry in (await bob.run("/log * CAROL")).data["entries"]} == {"carol"}
    assert (await bob.run("/log * before:$gt")).data["entries"] == []


@pytest.mark.gen_test
async def test_a_purge_closes_all_cases_with_one_event(chat: ChatFixture) -> None:
    await chat.open("report", "purge", options={"report": REPORT["report"] | {"per_reporter": 100}})
    alice, eve, bob = await chat.join("alice"), await chat.join("eve"), await chat.join("bob", "mod")
    for number in range(1, 31):
        await eve.say(f"spam {number}")
        await alice.say(f"/report {number}")
    await bob.say("/purge eve")
    closed = [told for name, told in events(bob, "report") if name == "closed"]
    assert [sorted(told["message_ids"]) for told in closed] == [list(range(1, 31))]


@pytest.mark.gen_test
async def test_log_hides_addresses_in_data_too(chat: ChatFixture) -> None:
    await chat.open("ban", "audit", options={"ban": {"address_role": "owner"}})
    bob, carol = await chat.join("bob", "mod"), await chat.join("carol", "owner")
    await carol.say("/ban 203.0.113.7 proxies")
    await bob.say("/ban 203.0.113.9")
    for line in ("/log", "/log * refused", "/log carol"):
        assert "203.0.113" not in repr(await bob.run(line)), line
    assert (await bob.run("/log * 203.0.113")).data["entries"] == []
    refused, banned = (await carol.run("/log")).data["entries"]
    assert (refused["text"], banned["target"]) == ("/ban 203.0.113.9", "203.0.113.7/32")


@pytest.mark.gen_test
@pytest.mark.parametrize(("role", "told"), [("mod", ["bob", "carol", "dave"]), ("owner", ["carol", "dave"])])
async def test_who_may_read_the_log_is_told_of_entries_now_and_then(
    chat: ChatFixture, role: str, told: list[str]
) -> None:
    await chat.open("mute", "audit", options={"audit": {"role": role}})
    await chat.advance(5)
    people = [await chat.join(name, rank) for name, rank in (("alice", "member"), ("bob", "mod"))]
    people += [await chat.join("carol", "owner"), await chat.join("dave", "admin")]
    bob = people[1]
    for _ in range(3):
        await bob.say("/mute eve")
    assert [events(person, "audit") for person in people if person.user and person.user.uname in told] == [
        [("entry", {})]
    ] * len(told)
    await chat.advance(60)
    for person in people:
        assert person.user is not None
        assert len(events(person, "audit")) == (2 if person.user.uname in told else 0)


@pytest.mark.gen_test
async def test_queue_has_what_staff_were_told(chat: ChatFixture) -> None:
    async def check(draft: Draft) -> Hold | Pass:
        return Hold("x" * 8000) if "darn" in draft.text else Pass()

    await chat.open(filtering(check), "review")
    bob, eve = await chat.join("bob", "mod"), await chat.join("eve")
    assert await data(bob, "/queue") == {"held": [], "page": 1, "pages": 1}
    for number in range(11):
        await eve.say(f"darn {number}")
    payloads = [payload for name, payload in bob.events if name == "message_held"]
    rows = [payload | {"reason": "x" * 500} for payload in payloads]
    assert rows[0] == held_payload(chat.chat.services(lambda: chat.http).actions.held[0]) | {"reason": "x" * 500}
    assert await data(bob, "/queue") == {"held": rows[:10], "page": 1, "pages": 2}
    assert await data(bob, "/queue 2") == {"held": rows[10:], "page": 2, "pages": 2}
    assert (await bob.run("/queue 3")) == ("COMMAND_REFUSED", "The queue has 2 pages", None)


REPORT = {"report": {"min_said": 0, "min_minutes": 0, "threshold": 0}}


@pytest.mark.gen_test
async def test_reports(chat: ChatFixture) -> None:
    await chat.open("report", options=REPORT)
    alice, eve = await chat.join("alice"), await chat.join("eve")
    bob, mona = await chat.join("bob", "mod"), await chat.join("mona", "mod")
    carol = await chat.join("carol", "owner")
    await eve.say("buy spam")
    await mona.say("I am a mod")
    assert await data(bob, "/reports") == {"reports": [], "page": 1, "pages": 1}
    await alice.say("/report 1 spam")
    await bob.say("/report 1")
    await alice.say("/report 2 rude")
    spam = {"message_id": 1, "uname": "eve", "text": "buy spam", "count": 2}
    spam["reports"] = [{"uname": "alice", "reason": "spam"}, {"uname": "bob", "reason": ""}]
    rude = {"message_id": 2, "uname": "mona", "text": "I am a mod", "count": 1}
    rude["reports"] = [{"uname": "alice", "reason": "rude"}]
    assert await data(bob, "/reports") == {"reports": [spam], "page": 1, "pages": 1}
    assert await data(carol, "/reports") == {"reports": [spam, rude], "page": 1, "pages": 1}
    assert (await carol.run("/reports 2")).code == "COMMAND_REFUSED"


@pytest.mark.gen_test
async def test_whom_a_case_is_for_is_told_when_it_is_closed(chat: ChatFixture) -> None:
    await chat.open("report", "purge", options=REPORT)
    alice, eve = await chat.join("alice"), await chat.join("eve")
    bob, mona = await chat.join("bob", "mod"), await chat.join("mona", "mod")
    carol = await chat.join("carol", "owner")
    for text in ("one", "two", "three"):
        await eve.say(text)
    await mona.say("four")
    for number in (1, 2, 4):
        await alice.say(f"/report {number}")
    await bob.say("/dismiss 1")
    await bob.say("/delete 2")
    await bob.say("/delete 3")  # which nobody reported
    await carol.say("/delete 4")
    await bob.say("/delete 1")  # which is closed already

    def closed(person: Person) -> list[int]:
        told = [told["message_ids"] for name, told in events(person, "report") if name == "closed"]
        return [number for numbers in told for number in numbers]

    assert [closed(person) for person in (alice, eve, bob, mona, carol)] == [[], [], [1, 2], [1, 2], [1, 2, 4]]


@pytest.mark.gen_test
async def test_a_page_of_the_longest_reports_has_some_of_each(chat: ChatFixture) -> None:
    options = {"report": REPORT["report"] | {"per_reporter": 100}}
    await chat.open("report", options=options)
    bob, eve = await chat.join("bob", "mod"), await chat.join(LONGEST + "e")
    reporters = [await chat.join(f"{LONGEST}{number}") for number in range(10)]
    for number in range(1, 11):
        await eve.say(f"{'x' * 10}{WORST[:330]}{number}")
        for reporter in reporters:
            assert (await reporter.run(f"/report {number} {WORST[:150]}")).code is None
    listed = await data(bob, "/reports")
    assert [(row["count"], len(row["reports"])) for row in listed["reports"]] == [(10, 3)] * 10


@pytest.mark.gen_test
async def test_the_longest_pages_of_all_lists_can_be_sent(chat: ChatFixture) -> None:
    await chat.open("mute", "ban", "shadow", "notes", "escalate", "audit", "whois", "review", filtering(Hold("x")))
    name = LONGEST + "mod"
    boss = await chat.join(name, "admin")
    eve = await chat.join(LONGEST)
    for number in range(21):
        victim = f"{LONGEST}{number}"
        room = WORST[: 350 - 2 * len(victim) - 20]
        for command in ("mute", "ban", "shadow"):
            assert (await boss.run(f"/{command} {victim} 1h {room}")).code is None, command
        await chat.api("mute").mute(chat.api("mute").bot, f"{number}", 60, "\x01" * 8000)
        await chat.api("ban").ban(chat.api("ban").bot, f"{number}", 60, "\x01" * 8000)
        await chat.api("audit").record(boss.user, "x", LONGEST, reason="\x01" * 9000, text="\x01" * 9000)  # type: ignore[arg-type]
    for _ in range(12):
        assert (await boss.run(f"/note {LONGEST} {WORST[:220]}")).code is None
        await chat.api("escalate").storage.delete("x")
        await chat.advance(11)
        assert (await boss.run(f"/warn {LONGEST} {WORST[:220]}")).code is None
        await boss.run(f"/unban {LONGEST}")
        if eve not in chat.people:
            eve = await chat.join(LONGEST)
        await boss.run(f"/unmute {LONGEST}")
        await eve.say(WORST)
    lines = ("/mutes", "/bans", "/shadows", "/queue", "/log", f"/log {LONGEST}", f"/notes {LONGEST}")
    for line in (*lines, f"/strikes {LONGEST}", f"/whois {LONGEST}"):
        ran = await boss.run(line)
        assert ran.code is None, (line, ran)
        assert ran.data, line


@pytest.mark.gen_test
async def test_notes_strikes_and_shadows(chat: ChatFixture) -> None:
    await chat.open("notes", "escalate", "shadow")
    bob, _ = await chat.join("bob", "mod"), await chat.join("Eve")
    await chat.join("carol", "owner")
    assert await data(bob, "/notes eve") == {"uname": "Eve", "notes": [], "page": 1, "pages": 1}
    await bob.say("/note eve first")
    await bob.say("/note eve second")
    notes = [{"number": number, "at": NOW, "by": "bob", "text": text} for number, text in ((2, "second"), (1, "first"))]
    assert await data(bob, "/notes eve") == {"uname": "Eve", "notes": notes, "page": 1, "pages": 1}
    assert (await bob.run("/notes carol")).code == "COMMAND_REFUSED"

    assert await data(bob, "/strikes eve") == {"uname": "eve", "count": 0, "strikes": [], "next": "a warning"}
    await bob.say("/warn eve rude")
    strike = {"at": NOW, "by": "bob", "reason": "rude"}
    listed = {"uname": "Eve", "count": 1, "strikes": [strike], "next": "a mute for 10 min"}
    assert await data(bob, "/strikes eve") == listed

    assert await data(bob, "/shadows") == {"shadows": [], "page": 1, "pages": 1}
    assert await data(bob, "/shadowed eve") == {"shadow": None}
    await bob.say("/shadow eve 1h spam")
    row = {"uname": "Eve", "expires_at": "2026-01-01T01:00:00.000Z", "at": NOW, "by": "bob", "reason": "spam"}
    assert await data(bob, "/shadows") == {"shadows": [row], "page": 1, "pages": 1}
    assert await data(bob, "/shadowed EVE") == {"shadow": row}


@pytest.mark.gen_test
async def test_whois_tells_no_more_than_its_text(chat: ChatFixture) -> None:
    await chat.open("mute", "ban", "notes", "escalate", "audit", "whois")
    bob, carol = await chat.join("bob", "mod"), await chat.join("carol", "owner")
    eve = await chat.join("Eve", address="203.0.113.7", level=3, created_at=chat.clock.now())
    await chat.advance(60)
    await eve.say("hello")
    await bob.say("/mute eve 10 rude")
    await bob.say("/note eve watch")
    at = "2026-01-01T00:01:00.000Z"
    known = await data(bob, "/whois eve")
    assert known == {
        "uname": "Eve",
        "here": True,
        "role": "member",
        "since": NOW,
        "first_seen": NOW,
        "last_seen": known["last_seen"],
        "said": 1,
        "created_at": NOW,
        "level": 3,
        "addresses": None,
        "mute": {"expires_at": "2026-01-01T00:11:00.000Z", "at": at, "by": "bob", "reason": "rude"},
        "ban": None,
        "told": {
            "strikes": {"uname": "eve", "count": 0, "strikes": [], "next": "a warning"},
            "notes": {
                "uname": "Eve",
                "notes": [{"number": 1, "at": at, "by": "bob", "text": "watch"}],
                "page": 1,
                "pages": 1,
            },
        },
        "entries": [
            {"at": at, "actor": "bob", "action": "note", "seconds": None, "reason": "number 1", "text": ""},
            {"at": at, "actor": "bob", "action": "mute", "seconds": 600, "reason": "rude", "text": ""},
        ],
    }
    assert (await data(carol, "/whois eve"))["addresses"] == ["203.0.113.7"]
    assert (await data(bob, "/whois carol"))["told"].keys() == {"strikes"}
    await carol.say("/ban 203.0.113.7")
    assert (await data(bob, "/whois 203.0.113.7/32"))["entries"] == []
    nobody = await data(bob, "/whois nobody")
    assert (nobody["uname"], nobody["here"], nobody["role"], nobody["first_seen"]) == ("nobody", False, None, None)


@pytest.mark.gen_test
async def test_ignores_rules_and_mods(chat: ChatFixture) -> None:
    await chat.open("ignore", "rules", "mods", options={"rules": {"text": "Be kind.\n\n  No spam. "}})
    alice, _, _ = await chat.join("alice"), await chat.join("bob", "mod"), await chat.join("dave", "admin")
    assert await data(alice, "/ignores") == {"unames": []}
    await alice.say("/ignore eve")
    assert await data(alice, "/ignores") == {"unames": ["eve"]}
    assert await data(alice, "/rules") == {"rules": ["Be kind.", "No spam."]}
    mods = [{"uname": "dave", "role": "admin"}, {"uname": "bob", "role": "mod"}]
    assert await data(alice, "/mods") == {"mods": mods, "count": 2}
