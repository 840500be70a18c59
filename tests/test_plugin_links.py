"""links: rules by host, shorteners, look-alikes of allowed hosts, who may post, and newcomers."""

from __future__ import annotations

import re
import tomllib
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.work import steps
from tornado_chat import find_links
from tornado_chat.errors import ConfigError
from tornado_chat.happenings import Struck
from tornado_chat.models import Person as Known
from tornado_chat.testing import ChatFixture, Person
from tornado_chat_plugins.links import SHORTENERS, Options, Rules

REFUSED = "That link is not allowed here"
NEW = "You are new here: links are for later, when you have been here for a while"


async def regular(chat: ChatFixture, uname: str = "bob") -> Person:
    """Let somebody in who has been here for long."""
    long_ago = chat.clock.now() - timedelta(days=60)
    await chat.store.records.save_people(2, [Known(uname, long_ago, long_ago, 500)])
    return await chat.join(uname)


def rules(**options: Any) -> Rules:
    return Rules(Options(**options))


def judged(rules: Rules, text: str) -> list[bool | None]:
    return [rules.allows(link) for link in find_links(text, rules.known)]


@pytest.mark.gen_test
async def test_with_no_options_newcomers_post_no_links_and_all_others_do(chat: ChatFixture) -> None:
    await chat.open("links")
    alice, bob, kate = await chat.join("alice"), await regular(chat), await chat.join("kate", role="mod")
    answer = await alice.say("see https://news.example/1")
    assert (answer.ack, answer.notice) == ("MESSAGE_REJECTED", NEW)
    assert (await alice.say("is node.js ok.so")).ack is None
    assert (await bob.say("see https://news.example/1")).ack is None
    assert (await kate.say("see https://news.example/1")).ack is None
    assert kate.messages == [
        "alice: is node.js ok.so",
        "bob: see https://news.example/1",
        "kate: see https://news.example/1",
    ]


@pytest.mark.gen_test
async def test_a_newcomer_is_one_until_they_have_said_something_and_some_time_is_over(chat: ChatFixture) -> None:
    await chat.open("links", options={"links": {"min_messages": 2, "min_minutes": 5}})
    alice, carol = await chat.join("alice"), await chat.join("carol")
    for text in ("hi", "how are you", "http://a.example", "fine"):
        await alice.say(text)
    await carol.say("hi")
    assert (await alice.say("http://a.example")).notice == NEW
    await chat.advance(300)
    assert (await alice.say("http://a.example")).ack is None
    assert (await carol.say("http://a.example")).notice == NEW
    await carol.say("hm")
    assert (await carol.say("http://a.example")).ack is None


@pytest.mark.gen_test
async def test_it_is_remembered_over_a_restart_and_a_reload_who_is_new(chat: ChatFixture) -> None:
    await chat.open("links", options={"links": {"min_messages": 1, "min_minutes": 0}})
    alice = await chat.join("alice")
    await alice.say("hi")
    await chat.open("links", options={"links": {"min_messages": 1, "min_minutes": 0}})
    assert (await alice.say("http://a.example")).ack is None
    await chat.restart()
    await chat.open("links", options={"links": {"min_messages": 1, "min_minutes": 0}})
    assert (await (await chat.join("alice")).say("http://b.example")).ack is None
    assert (await (await chat.join("dave")).say("http://b.example")).notice == NEW


@pytest.mark.gen_test
@pytest.mark.parametrize(
    ("newcomers", "ack"),
    [("reject", "MESSAGE_REJECTED"), ("hold", "MESSAGE_HELD"), ("shadow", None), ("flag", None), ("allow", None)],
)
async def test_what_becomes_of_a_newcomers_link_is_an_option(chat: ChatFixture, newcomers: str, ack: str) -> None:
    options = {"newcomers": newcomers, "newcomer_message": "no links yet"}
    await chat.open("links", options={"links": options})
    alice, bob, kate = await chat.join("alice"), await regular(chat), await chat.join("kate", role="mod")
    answer = await alice.say("look:\nhttp://lounge.example/x")
    assert answer.ack == ack
    assert (answer.notice == "no links yet") == (newcomers == "reject")
    assert len(bob.messages) == (newcomers in {"flag", "allow"})
    if newcomers == "flag":
        assert kate.notices == ["alice links to lounge.example: look: http://lounge.example/x"]
    if newcomers == "hold":
        assert chat.api("links").held[0].reason == "it links to lounge.example"


@pytest.mark.gen_test
async def test_hosts_are_allowed_and_blocked_with_what_is_under_them(chat: ChatFixture) -> None:
    options = {"allow": ["example.com"], "block": ["evil.example"], "message": "not that one"}
    await chat.open("links", options={"links": options})
    alice, bob = await chat.join("alice"), await regular(chat)
    for text in ("https://example.com/a", "docs.example.com", "EXAMPLE.COM."):
        assert (await alice.say(text)).ack is None, text
    for text in ("https://example.com.evil.test", "https://evil-example.com", "https://example.com@a.test", "a.com"):
        assert (await alice.say(text)).notice == NEW, text
    for text in ("evil.example", "http://a.evil.example/x", "hxxp://evil[.]example", "evil dot example"):
        assert (await bob.say(text)).notice == "not that one", text
    for text in ("notevil.example", "https://evil.example.org", "a.com and b.com"):
        assert (await bob.say(text)).ack is None, text


@pytest.mark.gen_test
async def test_all_links_of_a_message_count_and_where_they_lead_on_to(chat: ChatFixture) -> None:
    await chat.open("links", options={"links": {"allow": ["example.com"], "block": ["evil.example"]}})
    alice, bob = await chat.join("alice"), await regular(chat)
    assert (await alice.say("example.com and other.com")).notice == NEW
    assert (await alice.say("https://example.com/out?to=https%3A%2F%2Fother.com")).notice == NEW
    assert (await bob.say("example.com and evil.example")).notice == REFUSED
    assert (await bob.say("https://example.com/out?to=https%3A%2F%2Fevil.example")).notice == REFUSED


@pytest.mark.gen_test
@pytest.mark.parametrize("action", ["reject", "hold", "shadow", "flag"])
async def test_what_becomes_of_a_blocked_link_is_an_option_and_it_counts_against_its_sender(
    chat: ChatFixture, action: str
) -> None:
    await chat.open("links", options={"links": {"block": ["evil.example"], "action": action}})
    struck = []
    chat.chat.plugins.audience.tell = struck.append  # type: ignore[method-assign]
    bob, carol, kate = await regular(chat), await chat.join("carol"), await chat.join("kate", role="mod")
    answer = await bob.say("http://evil.example")
    assert answer.ack == {"reject": "MESSAGE_REJECTED", "hold": "MESSAGE_HELD"}.get(action)
    assert carol.messages == (["bob: http://evil.example"] if action == "flag" else [])
    assert [each.reason for each in struck if isinstance(each, Struck)] == (
        [] if action == "flag" else ["a blocked link"]
    )
    assert kate.notices == (["bob links to evil.example: http://evil.example"] if action == "flag" else [])


@pytest.mark.gen_test
async def test_links_can_be_for_a_role_and_above(chat: ChatFixture) -> None:
    await chat.open("links", options={"links": {"role": "owner", "allow": ["example.com"]}})
    bob, kate = await regular(chat), await chat.join("kate", role="mod")
    olga = await chat.join("olga", role="owner")
    for person, ack in ((bob, "MESSAGE_REJECTED"), (kate, "MESSAGE_REJECTED"), (olga, None)):
        assert (await person.say("http://a.example")).ack == ack
        assert (await person.say("http://example.com")).ack is None


def test_the_more_specific_rule_counts() -> None:
    some = rules(
        allow=["discord.com", "docs.bad.example", "bit.ly", "video.example/watch", "both.example"],
        block=["discord.com/invite", "bad.example", "video.example", "both.example", "ru"],
    )
    for text, allowed in {
        "https://discord.com": True,
        "https://discord.com/invited": True,
        "https://discord.com/invite": False,
        "https://discord.com/INVITE/x": False,
        "https://discord.com//invite/x": False,
        "https://discord.com/./a/../invite?x": False,
        "https://discord.com/%69nvite/x": False,
        "https://discord.com\\invite\\x": False,
        "bad.example": False,
        "x.bad.example": False,
        "x.docs.bad.example": True,
        "video.example/watch?v=1": True,
        "video.example/watch/../evil": False,
        "video.example/watch/%2e%2e/evil": False,
        "video.example/watcher": False,
        "both.example": False,
        "a.ru": False,
        "http://b.a.ru": False,
        "http://bit.ly/x": True,
        "http://a.example": None,
    }.items():
        assert judged(some, text) == [allowed], text


def test_shorteners_are_blocked_unless_they_are_allowed() -> None:
    assert judged(rules(), "bit.ly/x and https://tinyurl.com/x and t.co") == [False, False, False]
    assert judged(rules(allow=["bit.ly"]), "bit.ly/x and tinyurl.com/x") == [True, False]
    assert judged(rules(block_shorteners=False), "bit.ly/x and sho.rt/x") == [None]
    assert judged(rules(shorteners=["sho.example"]), "sho.example/x") == [False]
    assert judged(rules(block_shorteners=False, shorteners=["sho.example"]), "sho.example/x bit.ly/x") == [False, None]
    assert len(set(SHORTENERS.split())) == len(SHORTENERS.split()) > 50


@pytest.mark.parametrize(
    "text",
    [
        "https://ехаmple.com",
        "https://еxample.com/login",
        "https://xn--xample-2of.com",
        "https://exámple.com",
        "https://exampIe.com",
        "https://examp1e.com",
        "https://www.examp1e.com",
        "https://exarnple.com",
        "https://example.сom",
        "https://pаypal.docs.example",
    ],
)
def test_what_looks_like_an_allowed_host_is_blocked(text: str) -> None:
    allow = ["example.com", "paypal.docs.example"]
    assert judged(rules(allow=allow), text) == [False]
    assert judged(rules(allow=allow, block_lookalikes=False), text) == [None]


def test_what_browsers_take_for_an_allowed_host_is_allowed() -> None:
    some = rules(allow=["example.com", "пример.рф", "192.0.2.1", "https://a.example/x/", "*.wild.example"])
    for text in (
        "https://ｅｘａｍｐｌｅ.com",
        "https://exam\u00adple。com",
        "https://%65xample.com",
        "https://xn--e1afmkfd.xn--p1ai",
        "http://3221225985",
        "https://a.example/x/y",
        "https://wild.example",
    ):
        assert judged(some, text) == [True], text
    assert judged(some, "https://www.example.com https://other.com https://a.example") == [True, None, None]


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"allow": ["com"]}, r"allow\[0\]: 'com' would allow every site under com"),
        ({"allow": ["a.com", "*.co.uk"]}, r"allow\[1\]: '\*.co.uk' would allow every site under co.uk"),
        ({"block": [""]}, r"block\[0\]: '' is no host"),
        ({"block": ["a b"]}, "is no host"),
        ({"block": ["*"]}, "is no host"),
        ({"block": ["https://"]}, "is no host"),
        ({"shorteners": ["a/", "/x"]}, r"shorteners\[1\]: '/x' is no host"),
        ({"role": "guest"}, "role"),
        ({"newcomers": "ban"}, "newcomers"),
        ({"min_messages": -1}, "min_messages"),
        ({"min_minutes": "5"}, "min_minutes"),
        ({"action": "replace"}, "action"),
    ],
)
@pytest.mark.gen_test
async def test_options_that_make_no_sense_stop_the_start(chat: ChatFixture, options: dict[str, Any], told: str) -> None:
    with pytest.raises(ConfigError, match=told):
        await chat.open("links", options={"links": options})


@pytest.mark.gen_test
async def test_the_options_of_the_documentation_are_good(chat: ChatFixture) -> None:
    page = (Path(__file__).parent.parent / "plugins" / "README.md").read_text("utf-8")
    (snippet,) = re.findall(r"^```toml links\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    await chat.open("links", options=tomllib.loads(snippet)["plugin"])
    alice, bob = await chat.join("alice"), await regular(chat)
    assert (await alice.say("https://youtube.com/watch?v=1")).ack is None
    assert (await bob.say("https://discord.com/invite/x")).notice == REFUSED


@pytest.mark.gen_test
async def test_while_the_database_is_away_nobody_is_called_new(chat: ChatFixture) -> None:
    await chat.open("links")
    alice = await chat.join("alice")
    chat.store.away = True
    assert (await alice.say("http://a.example")).ack == "INTERNAL_ERROR"


def test_a_thousand_rules_cost_no_more_than_one() -> None:
    many = rules(
        block=[f"evil{number}.example" for number in range(500)], allow=[f"good{number}.com" for number in range(500)]
    )
    few = rules(block=["evil0.example"])
    text = "has anyone read https://docs.example.org/a/b yet? I am at page 3.5, it's good."
    assert judged(many, text) == judged(few, text) == [None]

    judged(many, text)  # what is read once is read
    assert steps(lambda: judged(many, text)) < 2 * steps(lambda: judged(few, text))
