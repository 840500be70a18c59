"""Decides what becomes of what a user typed: a slash command, or a message that goes through the filters."""

from __future__ import annotations

import asyncio
import inspect
import logging
import time
from collections import Counter
from collections.abc import Mapping, Sequence

import msgspec

from tornado_chat.commands import Call, InstalledCommand, fold_name, split_command
from tornado_chat.errors import MAX_TEXT, NOT_AUTHORIZED, Ack, CommandRefused, StoreUnavailable
from tornado_chat.filters import InstalledFilter
from tornado_chat.models import Draft, User
from tornado_chat.text import is_unicode, js_length, js_trim, one_line
from tornado_chat.verdicts import Pass, Reject, Replace, Verdict

log = logging.getLogger(__name__)

FILTER_FAILED = "Your message could not be checked, so it was not sent. Please try again."
COMMAND_FAILED = "The command failed. Please try again."
COMMAND_SECONDS = 10.0  # longer than any wait for the database


class Deliver(msgspec.Struct, frozen=True):
    """The message may be stored, with this text."""

    text: str


class Answer(msgspec.Struct, frozen=True):
    """Nothing is stored. The sender gets the ack, and the notice as a system_message where there is one."""

    ack: Ack | None
    notice: str | None = None


Decision = Deliver | Answer


class FilterFailed(Exception):
    """A filter raised, took too long, or answered something else than a verdict."""


class Moderation:
    """The commands and filters of one app, in the config's order."""

    def __init__(
        self, app_id: int, commands: Mapping[str, InstalledCommand], filters: Sequence[InstalledFilter]
    ) -> None:
        self._app_id = app_id
        self._commands = commands  # self._commands[name in lowercase]
        self._filters = filters
        self.failures: Counter[str] = Counter()  # self.failures[plugin name]

    async def command(self, user: User, text: str) -> Answer:
        """Carry out a slash command; never raises, never leads to a message."""
        typed, words = split_command(text)
        installed = self._commands.get(fold_name(typed) or "")
        if installed is None:
            return Answer(None, f"Unknown command: /{one_line(typed, 40)}")
        command = installed.command
        if user.role.rank < command.role.rank:
            return Answer(None, NOT_AUTHORIZED)
        try:
            async with asyncio.timeout(COMMAND_SECONDS):
                said: object = await command.run(Call(user, command.parse(words)))
            if said is not None and not (isinstance(said, str) and is_unicode(said)):
                raise TypeError(f"the command returned a {type(said).__name__}, which is no text")
            return Answer(None, said)
        except CommandRefused as refusal:
            return Answer(None, str(refusal))
        except StoreUnavailable as error:
            log.warning("app %d: /%s by %s: %s", self._app_id, command.name, one_line(user.uname), error)
            return Answer(Ack.INTERNAL_ERROR, COMMAND_FAILED)
        except Exception:
            self.failures[installed.plugin] += 1
            log.exception(
                "app %d: command /%s of plugin %s, typed by %s, failed",
                self._app_id,
                command.name,
                installed.plugin,
                one_line(user.uname),
            )
            return Answer(Ack.INTERNAL_ERROR, COMMAND_FAILED)

    async def screen(self, user: User, text: str) -> Decision:
        """Send a message (1 to 350 units, trimmed) through the filters; never raises."""
        draft = Draft(self._app_id, user, text, text)
        for installed in self._filters:
            if user.role in installed.policy.exempt_roles:
                continue
            try:
                verdict = await self._ask(installed, draft)
            except FilterFailed as error:
                self.failures[installed.plugin] += 1
                log.warning(
                    "app %d: filter of plugin %s: %s (on_error = %s)",
                    self._app_id,
                    installed.plugin,
                    error,
                    installed.policy.on_error,
                    exc_info=error.__cause__,
                )
                verdict = Pass() if installed.policy.on_error == "allow" else Reject(FILTER_FAILED)
            if installed.policy.dry_run and not isinstance(verdict, Pass):
                log.info(
                    "app %d: dry run: plugin %s would answer %r to message of %s",
                    self._app_id,
                    installed.plugin,
                    verdict,
                    one_line(user.uname),
                )
                continue
            match verdict:
                case Pass():
                    pass
                case Replace(text=new):
                    draft = msgspec.structs.replace(draft, text=js_trim(new))
                case Reject(message=message):
                    return Answer(Ack.MESSAGE_REJECTED, message)
        return Deliver(draft.text)

    async def _ask(self, installed: InstalledFilter, draft: Draft) -> Verdict:
        """Return the filter's verdict. Raises FilterFailed, with what it raised as the cause."""
        task = asyncio.ensure_future(_call(installed, draft))
        begun = time.monotonic()
        try:
            # asyncio.wait, not wait_for: that one would wait on for a filter that swallows its cancellation.
            done, _ = await asyncio.wait({task}, timeout=installed.policy.timeout_ms / 1000)
        finally:
            if not task.done():
                task.cancel()
                task.add_done_callback(_retrieve)
        if not done:
            raise FilterFailed(f"no verdict within {installed.policy.timeout_ms} ms")
        if (took := (time.monotonic() - begun) * 1000) > installed.policy.timeout_ms:
            raise FilterFailed(f"blocked the whole server, or met it blocked, for {took:.0f} ms; await what is slow")
        if task.cancelled():
            raise FilterFailed("cancelled itself")
        if (error := task.exception()) is not None:
            raise FilterFailed(f"raised {type(error).__name__}") from error
        verdict: object = task.result()
        match verdict:
            case Pass():
                return verdict
            case Replace(text=str(text)) if is_unicode(text) and 1 <= js_length(js_trim(text)) <= MAX_TEXT:
                return verdict
            case Reject(message=str(text)) if is_unicode(text):
                return verdict
        raise FilterFailed(f"answered {_what_is_wrong(verdict)}")


def _what_is_wrong(verdict: object) -> str:
    match verdict:
        case Replace():
            return f"a Replace whose text isn't 1 to {MAX_TEXT} characters of valid Unicode"
        case Reject():
            return "a Reject whose message is no valid Unicode text"
        case type():
            return f"the class {verdict.__name__}; write {verdict.__name__}(...)"
    hint = "; is an `await` missing?" if inspect.isawaitable(verdict) else ""
    return f"a {type(verdict).__name__}, which is no verdict{hint}"


async def _call(installed: InstalledFilter, draft: Draft) -> Verdict:
    # Inside a task, so that a check that raises before it returns an awaitable fails like any other.
    return await installed.filter.check(draft)


def _retrieve(task: asyncio.Future[Verdict]) -> None:
    if not task.cancelled():
        task.exception()
