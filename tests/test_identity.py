"""What a provider's answers must be, and which tokens may be looked up."""

from __future__ import annotations

from typing import Any

import pytest

from tornado_chat.errors import IdentityUnavailable
from tornado_chat.identity import App, is_token, make_user
from tornado_chat.identity_demo import DEMO_USERS, MAX_APP, DemoIdentity
from tornado_chat.models import Role

APP = App(2, "Dice", frozenset({"carol"}))


@pytest.mark.parametrize("token", ["a", "x" * 128, "AZaz09_-"])
def test_tokens(token: str) -> None:
    assert is_token(token)


@pytest.mark.parametrize("token", ["", "x" * 129, "a b", "a/b", "a\n", "é", "\u212a", None, 5, ["a"], {"a": 1}, b"a"])
def test_no_tokens(token: object) -> None:
    assert not is_token(token)


@pytest.mark.parametrize(
    ("answer", "role"),
    [
        ({"id": 1, "uname": "x", "role": "admin"}, Role.ADMIN),
        ({"id": 1, "uname": "x", "role": "mod"}, Role.MOD),
        ({"id": 1, "uname": "x", "role": "member"}, Role.MEMBER),
        ({"id": 1, "uname": "x", "role": "owner"}, Role.MEMBER),
        ({"id": 1, "uname": "x", "role": "emperor"}, Role.MEMBER),
        ({"id": 1, "uname": "x", "role": None}, Role.MEMBER),
        ({"id": 1, "uname": "x", "role": ["admin"]}, Role.MEMBER),
        ({"id": 1, "uname": "x"}, Role.MEMBER),
        ({"id": 1, "uname": "carol", "role": "member"}, Role.OWNER),
        ({"id": 1, "uname": "carol", "role": "mod"}, Role.OWNER),
        ({"id": 1, "uname": "carol", "role": "admin"}, Role.ADMIN),
        ({"id": 1, "uname": "Carol", "role": "member"}, Role.MEMBER),
    ],
)
def test_roles(answer: dict[str, Any], role: Role) -> None:
    assert make_user(answer, APP).role is role


@pytest.mark.parametrize(
    "answer",
    [
        {},
        {"id": "1", "uname": "x"},
        {"id": True, "uname": "x"},
        {"id": 1.5, "uname": "x"},
        {"id": 2**53, "uname": "x"},
        {"id": 1},
        {"id": 1, "uname": ""},
        {"id": 1, "uname": " "},
        {"id": 1, "uname": "alice "},
        {"id": 1, "uname": "x" * 65},
        {"id": 1, "uname": "a\r\nb"},
        {"id": 1, "uname": "a\u200bb"},
        {"id": 1, "uname": "\u202eadmin"},
        {"id": 1, "uname": ["x"]},
    ],
)
def test_a_user_that_cannot_be_shown_safely_is_no_answer(answer: dict[str, Any]) -> None:
    with pytest.raises(IdentityUnavailable):
        make_user(answer, APP)


@pytest.mark.gen_test
async def test_demo_users_log_in_with_their_names() -> None:
    demo = DemoIdentity()
    app = await demo.app(2)
    assert app is not None
    assert [await demo.user(app, user.uname) for user in DEMO_USERS] == list(DEMO_USERS)
    assert await demo.user(app, "mallory") is None
    assert app.owners == {"carol"}


@pytest.mark.gen_test
async def test_demo_apps_have_an_end() -> None:
    assert await DemoIdentity().app(MAX_APP + 1) is None
