"""What becomes of a slash command: who may use it, what it says, how it may fail."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from tornado_chat import (
    Call,
    Command,
    CommandRefused,
    Role,
    StoreUnavailable,
    User,
    UserParam,
)
from tornado_chat.commands import InstalledCommand
from tornado_chat.errors import NOT_AUTHORIZED, Ack
from tornado_chat.moderation import COMMAND_FAILED, Answer, Moderation
from tornado_chat.supervision import Supervisor

KATE = User(1, "Kate", Role.MEMBER)
BOB = User(2, "bob", Role.MOD)


async def command(run: Callable[[Call], Awaitable[Any]], text: str = "/do it", user: User = BOB) -> Answer:
    """Type `text` where there is one command, /do <what>, for moderators."""
    made = Command(name="do", run=run, params=(UserParam("what"),), role=Role.MOD)
    part = Supervisor(2, lambda part, seconds, why: None).part("test", "command /do")
    return await Moderation(2, {"do": InstalledCommand(part, made)}, (), monotonic=time.monotonic).command(user, text)


async def done(call: Call) -> str:
    return f"done: {call.user.uname} {call.args['what']}"


@pytest.mark.gen_test
@pytest.mark.parametrize("text", ["/do it", "/DO it", "/do\tit"])
async def test_a_command_is_run_and_the_caller_is_told_what_it_says(text: str) -> None:
    assert await command(done, text) == Answer(None, "done: bob it")


@pytest.mark.gen_test
async def test_a_command_may_say_nothing() -> None:
    async def run(call: Call) -> None:
        return None

    assert await command(run) == Answer(None, None)


@pytest.mark.gen_test
@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("/dont it", "/dont"),
        ("/doit", "/doit"),
        ("/d\u017f", "/d\u017f"),
        ("//", "//"),
        ("/x\x1b[2Jy", "/x\\x1b[2Jy"),
        ("/" + "x" * 349, "/" + "x" * 39 + "…"),
    ],
    ids=ascii,
)
async def test_an_unknown_command_is_told_to_its_caller(text: str, shown: str) -> None:
    assert await command(done, text) == Answer(None, f"Unknown command: {shown}", refused=True)


@pytest.mark.gen_test
@pytest.mark.parametrize("text", ["/do it", "/do", "/do too much"])
async def test_a_command_above_ones_role_is_refused_whatever_its_arguments(text: str) -> None:
    assert await command(done, text, KATE) == Answer(None, NOT_AUTHORIZED, refused=True)


@pytest.mark.gen_test
@pytest.mark.parametrize("role", [Role.MOD, Role.OWNER, Role.ADMIN])
async def test_a_command_is_for_its_role_and_above(role: Role) -> None:
    assert await command(done, user=User(3, "carol", role)) == Answer(None, "done: carol it")


@pytest.mark.gen_test
@pytest.mark.parametrize(
    ("text", "told"), [("/do", "Usage: /do <what>"), ("/do too much", '"much" is too much. Usage: /do <what>')]
)
async def test_wrong_arguments_get_the_usage(text: str, told: str) -> None:
    assert await command(done, text) == Answer(None, told, refused=True)


@pytest.mark.gen_test
async def test_a_command_that_refuses_says_why() -> None:
    async def run(call: Call) -> str:
        raise CommandRefused("Not on a Sunday")

    assert await command(run) == Answer(None, "Not on a Sunday", refused=True)


@pytest.mark.gen_test
async def test_a_command_that_raises_is_an_internal_error_with_a_traceback_in_the_log(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def run(call: Call) -> str:
        raise KeyError("oops")

    assert await command(run) == Answer(Ack.INTERNAL_ERROR, COMMAND_FAILED)
    (record,) = caplog.records
    assert record.getMessage() == "app 2: command /do of plugin test raised KeyError (typed by bob)"
    assert record.exc_info is not None


@pytest.mark.gen_test
async def test_a_command_that_meets_no_database_is_an_internal_error_in_one_line(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def run(call: Call) -> str:
        raise StoreUnavailable("no answer within 3 s")

    assert await command(run) == Answer(Ack.INTERNAL_ERROR, COMMAND_FAILED)
    (record,) = caplog.records
    assert record.getMessage() == "app 2: /do by bob: no answer within 3 s"
    assert record.exc_info is None


@pytest.mark.gen_test
@pytest.mark.parametrize("said", [7, True, b"done", ["done"], "a\ud800"], ids=ascii)
async def test_a_command_that_says_no_text_is_an_internal_error(said: object) -> None:
    # system_message is a string to every client there is.
    async def run(call: Call) -> Any:
        return said

    assert await command(run) == Answer(Ack.INTERNAL_ERROR, COMMAND_FAILED)


@pytest.mark.gen_test
async def test_a_command_that_takes_too_long_is_an_internal_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tornado_chat.moderation.COMMAND_SECONDS", 0.01)

    async def run(call: Call) -> None:
        await asyncio.Event().wait()

    assert await command(run) == Answer(Ack.INTERNAL_ERROR, COMMAND_FAILED)
