"""What becomes of a message: the filters, their order, their failures and their policies."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from tornado_chat import (
    Draft,
    Filter,
    Pass,
    Reject,
    Replace,
    Role,
    User,
    Verdict,
)
from tornado_chat.errors import Ack
from tornado_chat.filters import FilterPolicy, InstalledFilter
from tornado_chat.moderation import FILTER_FAILED, Decision, Deliver, Moderation, Refuse
from tornado_chat.supervision import Supervisor

KATE = User(1, "Kate", Role.MEMBER)
BOB = User(2, "bob", Role.MOD)
REFUSED = Refuse("judge", Ack.MESSAGE_REJECTED, FILTER_FAILED)

Check = Callable[[Draft], Awaitable[Any]]


def answering(verdict: Any) -> Check:
    async def check(draft: Draft) -> Any:
        return verdict

    return check


def installed(check: Check, plugin: str = "judge", **policy: Any) -> InstalledFilter:
    part = Supervisor(2, lambda part, seconds, why: None).part(plugin, "filter")
    return InstalledFilter(part, Filter(check), FilterPolicy(**policy))


def failures(moderation: Moderation) -> dict[str, int]:
    counts = [dict(installed.part.supervisor.failures) for installed in moderation.filters]
    return {plugin: count for found in counts for plugin, count in found.items()}


def moderation(*filters: InstalledFilter) -> Moderation:
    return Moderation(2, {}, filters, monotonic=time.monotonic)


async def screen(*filters: InstalledFilter, text: str = "hello", user: User = KATE) -> Decision:
    return (await moderation(*filters).screen(user, text)).decision


async def raising(draft: Draft) -> Verdict:
    raise KeyError(draft.text)


async def hanging(draft: Draft) -> Verdict:
    await asyncio.Event().wait()
    return Pass()


async def cancelling_itself(draft: Draft) -> Verdict:
    raise asyncio.CancelledError


async def blocking(draft: Draft) -> Verdict:
    # What a filter must not do: the whole server waits, and the time limit can only be held against it afterwards.
    end = time.monotonic() + 0.03
    while time.monotonic() < end:
        pass
    return Pass()


class Unprintable:
    def __repr__(self) -> str:
        raise RuntimeError("no repr")


FAILING = {
    "raises": raising,
    "blocks": blocking,
    "hangs": hanging,
    "cancels itself": cancelling_itself,
    "none": answering(None),
    "true": answering(True),
    "string": answering("hello"),
    "class": answering(Pass),
    "replace without text": answering(Replace(None)),  # type: ignore[arg-type]
    "reject without text": answering(Reject(7)),  # type: ignore[arg-type]
    "empty": answering(Replace("")),
    "only spaces": answering(Replace(" \ufeff\n")),
    "too long": answering(Replace("x" * 351)),
    "too many units": answering(Replace("😀" * 176)),
    "lone surrogate": answering(Replace("a\ud800")),
    "lone surrogate in reject": answering(Reject("a\udfff")),
    "unprintable": answering(Unprintable()),
}


@pytest.fixture
def failing(request: pytest.FixtureRequest) -> Check:
    return FAILING[request.param]


every_failure = pytest.mark.parametrize("failing", FAILING, indirect=True)


@pytest.mark.gen_test
async def test_without_filters_the_message_is_delivered_as_it_is() -> None:
    assert await screen(text=" hello ") == Deliver(" hello ")


@pytest.mark.gen_test
async def test_a_filter_is_handed_app_user_and_text() -> None:
    seen: list[Draft] = []

    async def check(draft: Draft) -> Verdict:
        seen.append(draft)
        return Pass()

    assert await screen(installed(check)) == Deliver("hello")
    assert seen == [Draft(2, KATE, "hello", "hello")]


@pytest.mark.gen_test
async def test_filters_are_asked_in_order_and_see_what_the_one_before_left() -> None:
    seen: list[tuple[str, str, str]] = []

    def adding(name: str) -> InstalledFilter:
        async def check(draft: Draft) -> Verdict:
            seen.append((name, draft.text, draft.original))
            return Replace(f"{draft.text} {name}")

        return installed(check, name)

    assert await screen(adding("a"), adding("b"), adding("c")) == Deliver("hello a b c")
    assert seen == [("a", "hello", "hello"), ("b", "hello a", "hello"), ("c", "hello a b", "hello")]


@pytest.mark.gen_test
async def test_a_replacement_is_trimmed() -> None:
    assert await screen(installed(answering(Replace("\ufeff bye \n")))) == Deliver("bye")


@pytest.mark.gen_test
@pytest.mark.parametrize("text", ["x" * 350, "😀" * 175, " " * 100 + "x" * 350])
async def test_a_replacement_may_be_as_long_as_a_message(text: str) -> None:
    assert await screen(installed(answering(Replace(text)))) == Deliver(text.strip())


@pytest.mark.gen_test
async def test_a_rejected_message_goes_no_further_and_the_sender_is_told_why() -> None:
    seen: list[Draft] = []

    async def check(draft: Draft) -> Verdict:
        seen.append(draft)
        return Pass()

    answer = await screen(installed(answering(Reject("No."))), installed(check))
    assert answer == Refuse("judge", Ack.MESSAGE_REJECTED, "No.")
    assert seen == []


@every_failure
@pytest.mark.gen_test
async def test_a_filter_that_fails_rejects_the_message(failing: Check) -> None:
    assert await screen(installed(failing, timeout_ms=20)) == REFUSED


@every_failure
@pytest.mark.gen_test
async def test_a_filter_that_fails_may_be_passed_over(failing: Check) -> None:
    after = installed(answering(Replace("bye")))
    assert await screen(installed(failing, timeout_ms=20, on_error="allow"), after) == Deliver("bye")


@every_failure
@pytest.mark.gen_test
async def test_failures_are_counted_and_logged_by_plugin(failing: Check, caplog: pytest.LogCaptureFixture) -> None:
    filters = moderation(
        installed(answering(Pass()), "fine"), installed(failing, "broken", timeout_ms=20, on_error="allow")
    )
    await filters.screen(KATE, "hello")
    await filters.screen(KATE, "hello")
    assert failures(filters) == {"broken": 2}
    assert [record.levelno for record in caplog.records] == [logging.WARNING] * 2
    assert "app 2: filter of plugin broken " in caplog.messages[0]


@pytest.mark.gen_test
@pytest.mark.parametrize("verdict", [Pass(), Replace("bye"), Reject("No.")])
async def test_a_verdict_is_no_failure(verdict: Verdict) -> None:
    filters = moderation(installed(answering(verdict)))
    await filters.screen(KATE, "hello")
    assert failures(filters) == {}


@pytest.mark.gen_test
async def test_what_a_filter_raised_is_logged_with_its_traceback(caplog: pytest.LogCaptureFixture) -> None:
    await screen(installed(raising))
    (record,) = caplog.records
    assert record.exc_info is not None
    assert record.exc_info[0] is KeyError


@pytest.mark.gen_test
async def test_a_filter_that_takes_too_long_is_cancelled() -> None:
    cancelled = asyncio.Event()

    async def check(draft: Draft) -> Verdict:
        try:
            await asyncio.Event().wait()
        finally:
            cancelled.set()
        return Pass()

    assert await screen(installed(check, timeout_ms=1)) == REFUSED
    await cancelled.wait()
    assert cancelled.is_set()


@pytest.mark.gen_test
async def test_a_filter_that_swallows_its_cancellation_holds_nobody_up() -> None:
    swallowed, ended = asyncio.Event(), asyncio.Event()

    async def check(draft: Draft) -> Verdict:
        try:
            while True:
                try:
                    await asyncio.Event().wait()
                except asyncio.CancelledError:
                    swallowed.set()
        finally:
            ended.set()

    assert await screen(installed(check, timeout_ms=1)) == REFUSED
    assert swallowed.is_set()
    assert ended.is_set()


@pytest.mark.gen_test
async def test_one_slow_filter_does_not_hold_up_another_message() -> None:
    released, begun = asyncio.Event(), asyncio.Event()

    async def check(draft: Draft) -> Verdict:
        if draft.text == "slow":
            begun.set()
            await released.wait()
        return Pass()

    filters = moderation(installed(check, timeout_ms=10_000))
    slow = asyncio.ensure_future(filters.screen(KATE, "slow"))
    await begun.wait()
    assert (await filters.screen(BOB, "fast")).decision == Deliver("fast")
    assert not slow.done()
    released.set()
    assert (await slow).decision == Deliver("slow")


@pytest.mark.gen_test
async def test_a_sender_who_goes_away_takes_the_filters_question_along() -> None:
    begun, ended = asyncio.Event(), asyncio.Event()

    async def check(draft: Draft) -> Verdict:
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()
        return Pass()

    sender = asyncio.ensure_future(screen(installed(check, timeout_ms=10_000)))
    await begun.wait()
    sender.cancel()
    with pytest.raises(asyncio.CancelledError):
        await sender
    # Well below the filter's own timeout, which nobody keeps any more.
    assert await asyncio.wait_for(ended.wait(), 1)


@pytest.mark.gen_test
@pytest.mark.parametrize("verdict", [Reject("No."), Replace("bye")])
async def test_a_dry_run_changes_nothing_and_logs_what_would_have_been(
    verdict: Verdict, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "tornado_chat")
    assert await screen(installed(answering(verdict), "trial", dry_run=True)) == Deliver("hello")
    assert caplog.messages == [f"app 2: dry run: filter of plugin trial would answer {verdict!r} to Kate"]


@pytest.mark.gen_test
async def test_a_dry_run_that_passes_logs_nothing(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "tornado_chat")
    assert await screen(installed(answering(Pass()), dry_run=True)) == Deliver("hello")
    assert caplog.messages == []


@pytest.mark.gen_test
async def test_a_dry_run_that_fails_is_counted_and_rejects_nothing() -> None:
    filters = moderation(installed(raising, "trial", dry_run=True, on_error="reject"))
    assert (await filters.screen(KATE, "hello")).decision == Deliver("hello")
    assert failures(filters) == {"trial": 1}


@pytest.mark.gen_test
async def test_a_filter_never_sees_messages_of_exempt_roles() -> None:
    seen: list[str] = []

    async def check(draft: Draft) -> Verdict:
        seen.append(draft.user.uname)
        return Reject("No.")

    only_members = installed(check, exempt_roles=frozenset({Role.MOD, Role.ADMIN}))
    assert await screen(only_members, user=BOB) == Deliver("hello")
    assert await screen(only_members, user=KATE) == Refuse("judge", Ack.MESSAGE_REJECTED, "No.")
    assert seen == ["Kate"]


@pytest.mark.gen_test
async def test_a_role_that_is_exempt_from_one_filter_meets_the_others() -> None:
    exempt = installed(answering(Reject("first")), exempt_roles=frozenset({Role.MOD}))
    assert await screen(exempt, installed(answering(Reject("second"))), user=BOB) == Refuse(
        "judge", Ack.MESSAGE_REJECTED, "second"
    )


def test_a_filter_that_is_not_async_cannot_be_made() -> None:
    with pytest.raises(ValueError, match="must be an `async def`"):
        Filter(lambda draft: Pass())  # type: ignore[arg-type, return-value]


@pytest.mark.gen_test
@pytest.mark.parametrize(
    ("verdict", "words"),
    [
        (Pass, "answered the class Pass; write Pass(...)"),
        (Replace("x" * 351), "answered a Replace whose text isn't 1 to 350 characters"),
        (True, "answered a bool, which is no verdict"),
    ],
)
async def test_the_log_says_what_is_wrong_with_an_answer(
    verdict: Any, words: str, caplog: pytest.LogCaptureFixture
) -> None:
    await screen(installed(answering(verdict)))
    assert words in caplog.text
