"""Group commit: what is stored together, in which order it is published and answered, and what a fault does."""

from __future__ import annotations

import asyncio
import gc
import logging
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import pytest

from tornado_chat.errors import StoreUnavailable
from tornado_chat.models import Message, Role, User
from tornado_chat.quota import Quota
from tornado_chat.store import Posting, Store
from tornado_chat.writer import MAX_BATCH, MAX_WAITING, Writer

KATE = User(1, "Kate", Role.MEMBER)
NOW = datetime(2026, 1, 2, tzinfo=UTC)


class FaultyStore(Store):
    """A Store of which only `append` works, and only while `released` is set; it raises `error` where there is one."""

    def __init__(self) -> None:
        self.batches: list[list[str]] = []
        self.patience: list[float] = []
        self.asked: asyncio.Queue[None] = asyncio.Queue()
        self.released = asyncio.Event()
        self.released.set()
        self.error: Exception | None = None
        self.numbers: list[int] = []  # that the next messages get, whatever came before
        self._last = 0

    async def append(self, app_id: int, postings: Sequence[Posting], timeout: float) -> list[Message]:
        self.batches.append([posting.text for posting in postings])
        self.patience.append(timeout)
        self.asked.put_nowait(None)
        await self.released.wait()
        if self.error is not None:
            raise self.error
        numbers = self.numbers or range(self._last + 1, self._last + 1 + len(postings))
        messages = [
            Message(app_id, number, posting.at, posting.user, posting.text)
            for number, posting in zip(numbers, postings, strict=True)
        ]
        self._last += len(messages)
        return messages


class Chat:
    """A writer with its store. `heard` is what the room (published) and the senders (answered) learn, in order."""

    def __init__(self) -> None:
        self.store = FaultyStore()
        self.heard: list[tuple[str, int]] = []
        self.publishing = asyncio.Event()
        self.publish_released = asyncio.Event()
        self.publish_released.set()
        self.publish_error: Exception | None = None
        self.writer = Writer(2, self.store, self._publish, timeout=30.0)

    async def _publish(self, message: Message) -> None:
        self.publishing.set()
        await self.publish_released.wait()
        if self.publish_error is not None:
            raise self.publish_error
        self.heard.append(("published", message.id))

    async def _say(self, text: str) -> Message:
        message = await self.writer.write(Posting(KATE, text, NOW))
        self.heard.append(("answered", message.id))
        return message

    def say(self, *texts: str) -> list[asyncio.Task[Message]]:
        return [asyncio.ensure_future(self._say(text)) for text in texts]

    async def hang(self, text: str) -> asyncio.Task[Message]:
        """Say something that the store takes, and doesn't answer until it is released."""
        self.store.released.clear()
        (sender,) = self.say(text)
        await self.store.asked.get()
        return sender


async def turn() -> None:
    """As a task, one turn of the event loop: tasks that were made before it have begun when it ends."""


async def outcomes(senders: Sequence[asyncio.Task[Message]]) -> list[Any]:
    return await asyncio.gather(*senders, return_exceptions=True)


@pytest.fixture
def chat() -> Chat:
    return Chat()


@pytest.fixture
def strays(io_loop: Any) -> list[dict[str, Any]]:
    """What the event loop would log of errors that nobody took."""
    found: list[dict[str, Any]] = []
    io_loop.asyncio_loop.set_exception_handler(lambda _loop, context: found.append(context))
    return found


@pytest.mark.gen_test
async def test_a_message_is_stored_published_and_answered(chat: Chat) -> None:
    message = await chat.writer.write(Posting(KATE, "hello", NOW))
    assert message == Message(2, 1, NOW, KATE, "hello")
    assert chat.heard == [("published", 1)]


@pytest.mark.gen_test
async def test_what_comes_in_one_turn_is_stored_in_one_go(chat: Chat) -> None:
    await asyncio.gather(*chat.say("a", "b", "c"))
    assert chat.store.batches == [["a", "b", "c"]]


@pytest.mark.gen_test
async def test_what_waits_for_the_store_is_stored_in_one_go(chat: Chat) -> None:
    first = await chat.hang("a")
    others = chat.say("b", "c", "d")
    await asyncio.ensure_future(turn())
    chat.store.released.set()
    await asyncio.gather(first, *others)
    assert chat.store.batches == [["a"], ["b", "c", "d"]]


@pytest.mark.gen_test
async def test_a_batch_has_its_bound_and_order_holds_across_batches(chat: Chat) -> None:
    texts = [str(number) for number in range(2 * MAX_BATCH + 1)]
    messages = await asyncio.gather(*chat.say(*texts))
    assert [len(batch) for batch in chat.store.batches] == [MAX_BATCH, MAX_BATCH, 1]
    assert [message.text for message in messages] == texts
    assert [number for what, number in chat.heard if what == "published"] == list(range(1, len(texts) + 1))


@pytest.mark.gen_test
async def test_messages_are_published_in_the_order_of_their_ids(chat: Chat) -> None:
    await asyncio.gather(*chat.say("a", "b"), *chat.say("c"))
    assert [entry for entry in chat.heard if entry[0] == "published"] == [("published", n) for n in (1, 2, 3)]


@pytest.mark.gen_test
async def test_a_sender_is_answered_after_the_room_has_the_message(chat: Chat) -> None:
    chat.publish_released.clear()
    (sender,) = chat.say("a")
    await chat.publishing.wait()
    assert not sender.done()
    chat.publish_released.set()
    await sender
    assert chat.heard == [("published", 1), ("answered", 1)]


@pytest.mark.gen_test
async def test_nothing_is_published_or_answered_before_it_is_stored(chat: Chat) -> None:
    sender = await chat.hang("a")
    assert chat.heard == []
    assert not sender.done()
    chat.store.released.set()
    await sender


@pytest.mark.gen_test
async def test_a_store_that_is_away_fails_all_who_wait(chat: Chat) -> None:
    first = await chat.hang("a")
    behind = chat.say("b", "c")
    await asyncio.ensure_future(turn())
    chat.store.error = StoreUnavailable("no answer within 30 s")
    chat.store.released.set()
    errors = await outcomes([first, *behind])
    assert [(type(error), str(error)) for error in errors] == [(StoreUnavailable, "no answer within 30 s")] * 3
    assert chat.store.batches == [["a"]]
    assert chat.heard == []


@pytest.mark.gen_test
async def test_each_sender_has_an_error_of_its_own(chat: Chat) -> None:
    # One exception that is raised in many tasks grows a traceback with each.
    chat.store.error = StoreUnavailable("away")
    one, other = await outcomes(chat.say("a", "b"))
    assert one is not other


@pytest.mark.gen_test
async def test_what_was_refused_is_never_stored_later(chat: Chat) -> None:
    chat.store.error = StoreUnavailable("away")
    await outcomes(chat.say("a", "b"))
    chat.store.error = None
    message = await chat.writer.write(Posting(KATE, "c", NOW))
    assert message.text == "c"
    assert chat.store.batches == [["a", "b"], ["c"]]
    assert chat.heard == [("published", message.id)]


@pytest.mark.gen_test
async def test_a_store_with_a_bug_fails_its_batch_and_goes_on(chat: Chat, caplog: pytest.LogCaptureFixture) -> None:
    first = await chat.hang("a")
    behind = chat.say("b")
    chat.store.error = KeyError("bug")
    chat.store.released.set()
    errors = await outcomes([first, *behind])
    assert [type(error) for error in errors] == [StoreUnavailable] * 2
    assert chat.store.batches == [["a"], ["b"]]
    assert any(record.exc_info for record in caplog.records)


@pytest.mark.gen_test
async def test_a_batch_gets_the_patience_that_its_oldest_member_has_left(
    chat: Chat, monkeypatch: pytest.MonkeyPatch
) -> None:
    loop = asyncio.get_running_loop()
    real, ahead = loop.time, [0.0]
    monkeypatch.setattr(loop, "time", lambda: real() + ahead[0])
    first = await chat.hang("a")
    ahead[0] = 5.0
    behind = chat.say("b")
    await asyncio.ensure_future(turn())
    ahead[0] = 12.0
    behind += chat.say("c")
    await asyncio.ensure_future(turn())
    chat.store.released.set()
    await asyncio.gather(first, *behind)
    assert chat.store.batches == [["a"], ["b", "c"]]
    assert chat.store.patience == [pytest.approx(30.0, abs=1), pytest.approx(23.0, abs=1)]


@pytest.mark.gen_test
async def test_no_more_wait_than_there_is_room_for(chat: Chat) -> None:
    first = await chat.hang("a")
    behind = chat.say(*(str(number) for number in range(MAX_WAITING - 1)))
    await asyncio.ensure_future(turn())
    with pytest.raises(StoreUnavailable, match=str(MAX_WAITING)):
        await chat.writer.write(Posting(KATE, "one too many", NOW))
    chat.store.released.set()
    await asyncio.gather(first, *behind)
    stored = [text for batch in chat.store.batches for text in batch]
    assert len(stored) == MAX_WAITING
    assert "one too many" not in stored


@pytest.mark.gen_test
async def test_there_is_room_again_when_the_queue_is_done(chat: Chat) -> None:
    first = await chat.hang("a")
    behind = chat.say(*(str(number) for number in range(MAX_WAITING - 1)))
    await asyncio.ensure_future(turn())
    chat.store.released.set()
    await asyncio.gather(first, *behind)
    assert (await chat.writer.write(Posting(KATE, "room again", NOW))).text == "room again"


@pytest.mark.gen_test
async def test_a_sender_who_goes_away_does_not_unsend(chat: Chat) -> None:
    gone = await chat.hang("a")
    waiting = chat.say("b", "c")
    await asyncio.ensure_future(turn())
    gone.cancel()
    waiting[0].cancel()
    await outcomes([gone, waiting[0]])
    chat.store.released.set()
    assert (await waiting[1]).id == 3
    assert [entry for entry in chat.heard if entry[0] == "published"] == [("published", n) for n in (1, 2, 3)]


@pytest.mark.gen_test
async def test_an_error_for_a_sender_who_went_away_is_no_stray_traceback(
    chat: Chat, strays: list[dict[str, Any]], caplog: pytest.LogCaptureFixture
) -> None:
    # A traceback, also one in a log record, keeps alive what must not complain when it dies.
    caplog.set_level(logging.CRITICAL, "tornado_chat")
    gone = await chat.hang("a")
    gone.cancel()
    await outcomes([gone])
    del gone
    chat.store.error = StoreUnavailable("away")
    chat.store.released.set()
    await chat.writer.drain()
    chat.store.error = None
    gc.collect()
    assert strays == []


@pytest.mark.gen_test
async def test_a_message_that_could_not_be_published_is_stored_all_the_same(
    chat: Chat, caplog: pytest.LogCaptureFixture
) -> None:
    chat.publish_error = KeyError("bug")
    messages = await asyncio.gather(*chat.say("a", "b"))
    assert [message.id for message in messages] == [1, 2]
    assert [record.getMessage() for record in caplog.records] == [
        "app 2: publishing message 1 failed",
        "app 2: publishing message 2 failed",
    ]


@pytest.mark.gen_test
async def test_a_refused_batch_is_one_line_in_the_log(chat: Chat, caplog: pytest.LogCaptureFixture) -> None:
    chat.store.error = StoreUnavailable("away")
    await outcomes(chat.say("a", "b"))
    assert caplog.messages == ["app 2: 2 messages were refused: away"]
    assert caplog.records[0].exc_info is None


@pytest.mark.gen_test
async def test_draining_waits_for_all_that_waits(chat: Chat) -> None:
    await chat.hang("a")
    chat.say("b", "c")
    draining = asyncio.ensure_future(chat.writer.drain())
    await asyncio.ensure_future(turn())
    assert not draining.done()
    chat.store.released.set()
    await draining
    assert [number for what, number in chat.heard if what == "published"] == [1, 2, 3]


@pytest.mark.gen_test
async def test_draining_an_idle_writer_returns_at_once(chat: Chat) -> None:
    await chat.writer.drain()
    await asyncio.gather(*chat.say("a"))
    await chat.writer.drain()
    assert chat.store.batches == [["a"]]


@pytest.mark.gen_test
async def test_apps_together_have_a_bound_too(chat: Chat) -> None:
    quota = Quota(1)
    first, second = (Writer(app, chat.store, chat._publish, timeout=30.0, quota=quota) for app in (2, 3))
    chat.store.released.clear()
    waiting = first.queue(Posting(KATE, "a", NOW))
    with pytest.raises(StoreUnavailable, match="of all apps"):
        second.queue(Posting(KATE, "b", NOW))
    assert (quota.refused, second.waiting.used) == (1, 0)
    chat.store.released.set()
    await waiting
    await second.write(Posting(KATE, "b", NOW))
    assert quota.used == 0


@pytest.mark.gen_test
async def test_a_message_that_was_sent_before_is_answered_and_not_published_again(chat: Chat) -> None:
    await asyncio.gather(*chat.say("a", "b"))
    chat.store.numbers = [1]
    await asyncio.gather(*chat.say("a"))
    assert chat.heard[-1] == ("answered", 1)
    assert [what for what, _ in chat.heard].count("published") == 2
