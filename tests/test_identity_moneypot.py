"""The site's API over HTTP: what is taken for an answer, what is kept, what is tried again, and what never shows."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import pytest
from fake_moneypot import SECRET, FakeMoneypot

from tornado_chat.errors import IdentityUnavailable
from tornado_chat.identity import App
from tornado_chat.identity_moneypot import MAX_IN_FLIGHT, MoneypotIdentity
from tornado_chat.models import Role, User

DICE = App(2, "Dice", frozenset({"carol"}))
TOKEN = "token-alice"


@pytest.fixture
def identity(api_url: str, run: Callable[[Awaitable[Any]], Any]) -> Iterator[MoneypotIdentity]:
    identity = MoneypotIdentity(api_url + "/", SECRET, timeout=1.0)
    yield identity
    run(identity.close())


@pytest.mark.gen_test
async def test_apps_and_users_are_looked_up(identity: MoneypotIdentity) -> None:
    assert await identity.app(2) == DICE
    assert await identity.app(4) is None
    assert await identity.user(DICE, TOKEN) == User(1, "alice", Role.MEMBER)
    assert await identity.user(DICE, "token-carol") == User(3, "carol", Role.OWNER)
    assert await identity.user(DICE, "wrong") is None


@pytest.mark.gen_test
async def test_a_hundred_sockets_make_one_call(identity: MoneypotIdentity, api: FakeMoneypot) -> None:
    assert await asyncio.gather(*(identity.app(2) for _ in range(100))) == [DICE] * 100
    assert await asyncio.gather(*(identity.user(DICE, TOKEN) for _ in range(100)))
    assert api.calls == {"/v1/apps/2": 1, f"/v1/hashed-token-users/{TOKEN}": 1}


@pytest.mark.gen_test
@pytest.mark.parametrize("mood", ["html", "error500", "error503", "junk", "null", "redirect", "slow", "drip", "drop"])
async def test_what_is_no_answer_is_told_in_one_line_and_not_kept(
    identity: MoneypotIdentity, api: FakeMoneypot, mood: str
) -> None:
    api.mood = mood
    for look_up in (identity.app(2), identity.user(DICE, TOKEN)):
        with pytest.raises(IdentityUnavailable, match=r"^the answer of http"):
            await look_up
    api.mood = "ok"
    api.released.set()
    assert await identity.app(2) == DICE
    assert await identity.user(DICE, TOKEN) is not None


@pytest.mark.gen_test
@pytest.mark.parametrize(
    ("kind", "answer"),
    [
        ("app", {"id": 3, "owners": []}),
        ("app", {"owners": []}),
        ("app", {"id": 2, "owners": "carol"}),
        ("app", {"id": 2, "name": 5}),
        ("app", ["id", 2]),
        ("user", {"id": None, "uname": "alice"}),
        ("user", {"id": 1, "uname": "a\nb"}),
        ("user", {"error": "SOMETHING_ELSE"}),
        ("user", {"error": None}),
        ("user", "alice"),
        ("user", {"id": 1, "uname": "x", "padding": "x" * 70_000}),
    ],
)
async def test_an_answer_of_the_wrong_shape_is_no_answer_and_not_kept(
    identity: MoneypotIdentity, api: FakeMoneypot, kind: str, answer: Any
) -> None:
    kept: dict[Any, Any] = api.apps if kind == "app" else api.users
    key: Any = 2 if kind == "app" else TOKEN
    good, kept[key] = kept[key], answer
    ask = (lambda: identity.app(2)) if kind == "app" else (lambda: identity.user(DICE, TOKEN))
    with pytest.raises(IdentityUnavailable):
        await ask()
    kept[key] = good
    assert await ask() is not None


@pytest.mark.gen_test
async def test_a_get_that_fails_is_tried_once_more(identity: MoneypotIdentity, api: FakeMoneypot) -> None:
    api.flaky = 1
    assert await identity.app(2) == DICE
    assert api.calls["/v1/apps/2"] == 2
    api.flaky = 2
    with pytest.raises(IdentityUnavailable, match="status 503"):
        await identity.user(DICE, TOKEN)
    assert api.calls[f"/v1/hashed-token-users/{TOKEN}"] == 2


@pytest.mark.gen_test
async def test_an_api_that_is_not_there_is_no_answer(run: Any) -> None:
    identity = MoneypotIdentity("http://127.0.0.1:9/v1", SECRET, timeout=1.0)
    with pytest.raises(IdentityUnavailable, match="ConnectionError"):
        await identity.app(2)
    await identity.close()


@pytest.mark.gen_test
@pytest.mark.parametrize("mood", ["html", "error500", "junk", "redirect", "slow", "drop", "ok"])
async def test_neither_secret_nor_token_shows_anywhere(
    identity: MoneypotIdentity, api: FakeMoneypot, mood: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    api.mood = mood
    shown = [repr(identity)]
    for look_up in (identity.app(404), identity.user(DICE, "sensitive-token")):
        try:
            await look_up
        except IdentityUnavailable as error:
            shown += [str(error), repr(error), repr(error.__cause__)]
    shown += [record.getMessage() for record in caplog.records if not record.name.startswith("tornado.")]
    assert len(shown) > 1
    assert not [text for text in shown if SECRET in text or "sensitive-token" in text]


@pytest.mark.gen_test
async def test_look_ups_in_flight_are_bounded(
    identity: MoneypotIdentity, api: FakeMoneypot, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert identity.quota.limit == MAX_IN_FLIGHT
    monkeypatch.setattr(identity.quota, "limit", 3)
    assert await identity.app(2) == DICE
    assert await identity.user(DICE, TOKEN) is not None
    api.mood = "slow"
    waiting = [asyncio.ensure_future(identity.user(DICE, f"token-{number}")) for number in range(3)]
    await asyncio.sleep(0)
    with pytest.raises(IdentityUnavailable, match="already under way"):
        await identity.user(DICE, "one-more")
    # Those who are known already are none of it.
    assert await identity.app(2) == DICE
    assert await identity.user(DICE, TOKEN) is not None
    results = await asyncio.gather(*waiting, return_exceptions=True)
    assert all(isinstance(result, IdentityUnavailable) for result in results)
