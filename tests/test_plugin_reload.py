"""/reload: staff have everybody's role read again. What that does is in test_rechecks.py."""

from __future__ import annotations

import pytest

from tests.test_rechecks import EVE, join
from tornado_chat.models import User
from tornado_chat.rechecks import Voucher
from tornado_chat.testing import ChatFixture


@pytest.mark.gen_test
async def test_moderators_may_and_are_told_of_how_many(chat: ChatFixture) -> None:
    await chat.open("reload")
    bob, alice = await chat.join("bob", "mod"), await chat.join("alice")
    assert (await bob.say("/reload")).notice == "There is nobody whose role can change"

    async def ask() -> User:
        return EVE

    await join(chat, Voucher(ask, every=60.0, grace=600.0))
    await chat.advance(5)
    assert (await bob.say("/reload")).notice == "Roles and bans of 1 users are read again"
    assert "not authorized" in ((await alice.say("/reload")).notice or "")
