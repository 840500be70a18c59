"""Roles and bans hold in mid-session, and a site's API that is away doesn't silence those whom it knew."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Any

import pytest

from tests.client import Client
from tornado_chat.breaker import FAILURES, Breaker
from tornado_chat.errors import Ack, IdentityUnavailable
from tornado_chat.identity import App, RecheckingProvider, guard
from tornado_chat.lookup_cache import LookupCache
from tornado_chat.models import Role, User
from tornado_chat.rechecks import AT_ONCE, SIGNED_OUT, Voucher
from tornado_chat.supervision import Part
from tornado_chat.testing import ChatFixture, Person

EVE = User(5, "eve", Role.MEMBER)


@pytest.mark.gen_test
async def test_who_is_demoted_has_no_rights_from_the_next_reload_on(
    serve: Any, connect: Any, make_config: Any, api: Any
) -> None:
    server = await serve(make_config())
    bob, carol = await connect(server, token="token-bob"), await connect(server, token="token-carol")
    assert await bob.say("/mute eve 5") is None
    api.users["token-bob"]["role"] = "member"
    assert await carol.say("/reload") is None
    assert await carol.next("user_updated") == {"id": 2, "uname": "bob", "role": "member"}
    assert "Roles and bans of 2 users" in await carol.next("system_message")
    await bob.say("/mute alice 5")
    assert "not authorized" in await bob.next("system_message") or "not authorized" in await bob.next("system_message")
    newcomer = await connect(server, token=None)
    assert newcomer.data["room"]["users"]["bob"]["role"] == "member"
    assert list(newcomer.data["room"]["muteList"]) == ["eve"]
    api.users["token-bob"]["role"] = "mod"
    await carol.settle()


@pytest.mark.gen_test
async def test_a_role_that_another_tab_comes_in_with_holds_for_all_and_everybody_is_told(
    serve: Any, connect: Any, make_config: Any, api: Any
) -> None:
    server = await serve(make_config())
    bob, alice = await connect(server, token="token-bob"), await connect(server, token="token-alice")
    for role in ("member", "mod"):
        api.users[f"token-{role}"] = {**api.users["token-bob"], "role": role}
        second_tab = await connect(server, token=f"token-{role}")
        assert second_tab.data["user"]["role"] == role
        for client in (bob, alice):
            assert await client.next("user_updated") == {"id": 2, "uname": "bob", "role": role}
        assert second_tab.data["room"]["users"]["bob"]["role"] == role
    # The tab that was told comes in anew, with a token that is older: that is no news to anybody.
    first_tab = await connect(server, token="token-member")
    assert first_tab.data["user"]["role"] == "mod"
    await alice.settle()
    assert [args["role"] for name, args in alice.heard if name == "user_updated"] == ["member", "mod"]


@pytest.mark.gen_test
async def test_who_is_banned_goes_at_the_next_interval(
    serve: Any, connect: Any, make_config: Any, api_url: str, api: Any
) -> None:
    identity = f'[identity.moneypot]\napi = "{api_url}"\napp_secret = "sesame"\nrecheck = 1.0\n'
    server = await serve(make_config(identity=identity))
    eve, alice = await connect(server, token="token-eve"), await connect(server, token="token-alice")
    second_tab = await connect(server, token="token-eve")
    del api.users["token-eve"]
    assert (await alice.next("user_left"))["uname"] == "eve"
    for tab in (eve, second_tab):
        await asyncio.wait_for(tab.gone.wait(), 10)
        assert await tab.next("system_message") == SIGNED_OUT
    again = await Client.connect(server.port)
    await again.auth(token="token-eve")
    assert await alice.say("still here") is None


async def join(chat: ChatFixture, voucher: Voucher, user: User = EVE) -> Person:
    seat = await chat.chat.join(user, voucher)
    person = Person(chat, seat, user)
    chat.people.append(person)
    return person


@pytest.mark.gen_test
async def test_known_users_talk_through_the_grace_time_and_not_beyond(chat: ChatFixture) -> None:
    await chat.open("mute")
    answer: User | Exception = IdentityUnavailable("away")
    asked: Counter[str] = Counter()

    async def ask() -> User:
        asked["eve"] += 1
        if isinstance(answer, Exception):
            raise answer
        return answer

    eve = await join(chat, Voucher(ask, every=60.0, grace=600.0))
    await chat.advance(599)
    assert (await eve.say("known")).ack is None
    assert asked["eve"] >= 9
    await chat.advance(2)
    refused = await eve.say("unknown")
    assert refused.ack is Ack.INTERNAL_ERROR
    assert "who you are" in (refused.notice or "")
    answer = EVE
    await chat.advance(61)
    assert (await eve.say("known again")).ack is None
    await eve.leave()
    count = asked["eve"]
    await chat.advance(600)
    assert asked["eve"] == count


@pytest.mark.gen_test
async def test_so_many_are_asked_about_at_a_time(chat: ChatFixture) -> None:
    await chat.open("mute")
    asking, most = 0, 0
    released = asyncio.Event()
    done: set[str] = set()

    def voucher(user: User) -> Voucher:
        async def ask() -> User:
            nonlocal asking, most
            asking += 1
            most = max(most, asking)
            await released.wait()
            asking -= 1
            done.add(user.uname)
            return user

        return Voucher(ask, every=3600.0, grace=3600.0)

    users = [User(number, f"user{number}", Role.MEMBER) for number in range(1, 21)]
    for user in users:
        await join(chat, voucher(user), user)
    assert chat.chat.recheck() == 20
    await chat.advance(0)
    assert asking == AT_ONCE
    released.set()
    while len(done) < 20:
        await chat.advance(0)
    assert most == AT_ONCE


@pytest.mark.gen_test
async def test_what_asking_raises_ends_nothing(chat: ChatFixture, caplog: Any) -> None:
    await chat.open("mute")

    async def ask() -> User:
        raise ValueError("a bug")

    eve = await join(chat, Voucher(ask, every=60.0, grace=600.0))
    await chat.advance(61)
    assert "asking again who a user is failed" in caplog.text
    assert (await eve.say("hi")).ack is None


@pytest.mark.gen_test
async def test_a_plugin_that_knows_users_can_be_asked_again(chat: ChatFixture) -> None:
    class Site:
        recheck_every = 60.0
        grace = 600.0

        async def app(self, app_id: int) -> App | None:
            return App(app_id, "", frozenset())

        async def user(self, app: App, token: str) -> User | None:
            return EVE

        async def recheck(self, app_id: int, token: str) -> User | None:
            return None if token == "banned" else "junk"  # type: ignore[return-value]

        async def close(self) -> None:
            pass

    await chat.open("mute")
    provider = guard(Site(), Part(chat.chat.plugins.supervisor, "site", "identity"))
    assert isinstance(provider, RecheckingProvider)
    assert (provider.recheck_every, provider.grace) == (60.0, 600.0)
    assert await provider.recheck(2, "banned") is None
    with pytest.raises(IdentityUnavailable, match="no User"):
        await provider.recheck(2, "token")


@pytest.mark.gen_test
async def test_an_api_that_is_away_is_asked_seldom_and_newcomers_are_told_at_once(
    serve: Any, connect: Any, make_config: Any, api: Any
) -> None:
    server = await serve(make_config())
    alice = await connect(server, token="token-alice")
    moneypot = server._identities["moneypot"]
    for cache in (moneypot._users, moneypot._apps):
        cache._answers.clear()  # half a minute has passed
    api.mood = "html"
    strangers = [await Client.connect(server.port) for _ in range(20)]
    answers = [await stranger.auth(token=f"token-{number}") for number, stranger in enumerate(strangers)]
    assert [answer[0] for answer in answers] == ["INTERNAL_ERROR"] * 20
    assert sum(api.calls.values()) <= 2 + FAILURES + 2 + 1
    again = await connect(server, token="token-alice")  # the grace time
    assert again.data["user"]["uname"] == "alice"
    assert await alice.say("we go on") is None
    api.mood = "ok"
    moneypot.breaker._next = 0.0  # the pause is over
    assert (await (await Client.connect(server.port)).auth(token="token-eve"))[0] is None
    assert not moneypot.breaker.open


def test_a_breaker_lets_one_question_through_after_each_pause() -> None:
    now = 0.0
    breaker = Breaker(lambda: now)
    for _ in range(FAILURES):
        assert breaker.allows()
        breaker.failed()
    assert [breaker.allows() for _ in range(3)] == [False] * 3
    pauses = []
    for _ in range(5):
        began = now
        while not breaker.allows():
            now += 0.25
        assert not breaker.allows()
        breaker.failed()
        pauses.append(now - began)
    assert pauses == [1.0, 2.0, 4.0, 8.0, 8.0]
    now += 8.0
    assert breaker.allows()
    breaker.succeeded()
    assert all(breaker.allows() for _ in range(10))
    assert breaker.refused > 5


@pytest.mark.gen_test
async def test_an_old_answer_is_good_while_there_is_no_new_one() -> None:
    fails = False

    async def ask(key: str) -> str:
        if fails:
            raise IdentityUnavailable("away")
        return key.upper()

    cache: LookupCache[str, str] = LookupCache(ask, size=2, ttl=60, grace=600)
    assert await cache.get("a") == "A"
    cache._answers.clear()
    fails = True
    assert await cache.get("a") == "A"
    with pytest.raises(IdentityUnavailable):
        await cache.fresh("a")
    with pytest.raises(IdentityUnavailable):
        await cache.get("b")
