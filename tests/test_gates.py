"""Gates: who may join and who may speak, and what becomes of both when a gate fails."""

from __future__ import annotations

from typing import Any

import pytest

from tests.inline import having, plugin
from tornado_chat import Gate, Pass, Reject, Role, User, Visitor
from tornado_chat.moderation import FILTER_FAILED, GATE_FAILED
from tornado_chat.testing import ChatFixture, JoinRefused


async def join(visitor: Visitor) -> Pass | Reject:
    if visitor.address.startswith("10."):
        return Reject("Not from there", code="BAD_ADDRESS")
    return Pass() if visitor.user is not None else Reject("Log in first")


async def speak(user: User) -> Pass | Reject:
    return Reject("Newcomers read only") if user.uname == "eve" else Pass()


async def raising(subject: Any) -> Any:
    raise KeyError(subject)


async def junk(subject: Any) -> Any:
    return True


@pytest.mark.gen_test
async def test_a_gate_says_who_may_come_in_and_why_not(chat: ChatFixture) -> None:
    await chat.open(having(Gate(join=join)))
    await chat.join("alice")
    with pytest.raises(JoinRefused) as caught:
        await chat.join(None)
    assert (caught.value.code, caught.value.notice) == ("JOIN_REFUSED", "Log in first")
    with pytest.raises(JoinRefused, match="BAD_ADDRESS: Not from there"):
        await chat.join("bob", address="10.0.0.1")
    assert [person.user.uname for person in chat.people if person.user] == ["alice"]


@pytest.mark.gen_test
async def test_a_gate_says_who_may_speak(chat: ChatFixture) -> None:
    await chat.open(having(Gate(speak=speak)))
    alice, eve = await chat.join("alice"), await chat.join("eve")
    answer = await eve.say("hi")
    assert (answer.ack, answer.notice) == ("MESSAGE_REJECTED", "Newcomers read only")
    assert (await alice.say("hi")).ack is None


@pytest.mark.gen_test
@pytest.mark.parametrize("failing", [raising, junk])
async def test_a_gate_that_fails_is_shut_unless_the_operator_wants_it_open(chat: ChatFixture, failing: Any) -> None:
    gate = having(Gate(join=failing, speak=failing))
    await chat.open(gate)
    with pytest.raises(JoinRefused) as caught:
        await chat.join("alice")
    assert caught.value.notice == GATE_FAILED
    await chat.open(gate, options={"judge": {"on_error": "allow"}})
    alice = await chat.join("alice")
    assert (await alice.say("hi")).ack is None
    await chat.open(gate)
    assert (await alice.say("hi")).notice == FILTER_FAILED
    assert chat.chat.plugins.supervisor.failures == {"judge": 1}


@pytest.mark.gen_test
async def test_a_gate_may_be_tried_and_leave_roles_alone(chat: ChatFixture) -> None:
    async def nobody(user: User) -> Pass | Reject:
        return Reject("Nobody speaks")

    gate = having(Gate(speak=nobody))
    await chat.open(gate, options={"judge": {"exempt_roles": ["mod"]}})
    alice, bob = await chat.join("alice"), await chat.join("bob", role=Role.MOD)
    assert (await bob.say("hi")).ack is None
    assert (await alice.say("hi")).ack == "MESSAGE_REJECTED"
    await chat.open(gate, options={"judge": {"dry_run": True}})
    assert (await alice.say("hi")).ack is None


@pytest.mark.gen_test
async def test_over_the_wire_who_is_refused_is_told_and_may_try_again(
    serve: Any, connect: Any, make_config: Any, tmp_path: Any
) -> None:
    (tmp_path / "conf" / "more").mkdir(parents=True)
    (tmp_path / "conf" / "more" / "door.py").write_text(
        "from tornado_chat import Gate, Pass, Reject, hookimpl\n"
        "@hookimpl\n"
        "def register_gates(api):\n"
        "    async def join(visitor):\n"
        "        assert visitor.address == '127.0.0.1'\n"
        "        return Pass() if visitor.user else Reject('Members only', code='MEMBERS_ONLY')\n"
        "    return [Gate(join=join)]\n"
    )
    server = await serve(make_config(app='plugins = ["door"]', plugins='[plugins]\npath = ["more"]'))
    client = await connect(server)
    assert await client.auth(2) == ["MEMBERS_ONLY"]
    assert await client.next("system_message") == "Members only"
    assert await client.say("hi") == "USER_REQUIRED"
    error, data = await client.auth(2, "token-alice")
    assert error is None
    assert data["user"]["uname"] == "alice"


def test_the_module_helper_makes_what_a_file_would() -> None:
    assert plugin("x", Options=int).Options is int
