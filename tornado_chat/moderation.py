"""Decides: who may come in, and what becomes of what a user typed: a slash command, or a message to be checked."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec

from tornado_chat.commands import Call, Cooldowns, InstalledCommand, Say, fold_name, split_command
from tornado_chat.errors import NOT_AUTHORIZED, Ack, CommandRefused, RankRefused, StoreUnavailable
from tornado_chat.filters import FilterPolicy, InstalledFilter
from tornado_chat.gates import InstalledGate, Visitor
from tornado_chat.models import Draft, Person, User
from tornado_chat.replies import Reply, encode_data
from tornado_chat.supervision import Part, PluginFailed
from tornado_chat.text import duration_text, js_trim, one_line
from tornado_chat.verdicts import Action, Hold, Pass, Reject, Replace, Shadow, Verdict, fault_of, is_notice

log = logging.getLogger(__name__)

FILTER_FAILED = "Your message could not be checked, so it was not sent. Please try again."
HOLD_FAILED = "it could not be checked"
GATE_FAILED = "It could not be checked whether you may come in. Please try again."
COMMAND_FAILED = "The command failed. Please try again."
COMMAND_SECONDS = 10.0  # longer than any wait for the database
PASS = Pass()


class Answer(msgspec.Struct, frozen=True):
    """Nothing is stored. The sender gets the ack, and the notice as a system_message where there is one.

    `refused` is a command that was not carried out, and `data` what a command says to programs: an event `command`
    tells of both.
    """

    ack: str | None
    notice: str | None = None
    refused: bool = False
    data: msgspec.Raw | None = None


class Spoken(msgspec.Struct, frozen=True):
    """What a command says in its caller's name; it goes through gates and filters as if it had been typed."""

    say: Say


class Deliver(msgspec.Struct, frozen=True):
    """The message may be stored, with this text; a `shadow` one is for its sender and staff alone."""

    text: str
    shadow: bool = False


class Refuse(msgspec.Struct, frozen=True):
    """The message stops here, by what `plugin` said."""

    plugin: str
    code: str
    message: str


class Withhold(msgspec.Struct, frozen=True):
    """The message waits for a moderator, by what `plugin` said."""

    plugin: str
    text: str
    reason: str


Decision = Deliver | Refuse | Withhold
Note = Callable[[InstalledFilter, Verdict | PluginFailed], None]
Denied = Callable[[InstalledCommand, str, str], Awaitable[None]]


@dataclass(slots=True)
class Screening:
    """What the gates and filters said of one message, and what they want done beside: (plugin, action) in order."""

    decision: Decision
    actions: list[tuple[str, Action]] = field(default_factory=list)


class Moderation:
    """The commands, gates and filters of one app, in the config's order."""

    def __init__(
        self,
        app_id: int,
        commands: Mapping[str, InstalledCommand],
        filters: Sequence[InstalledFilter],
        gates: Sequence[InstalledGate] = (),
        *,
        monotonic: Callable[[], float],
    ) -> None:
        self._app_id = app_id
        self.commands = commands  # self.commands[name or alias]
        self.filters = filters
        self._speak = [gate for gate in gates if gate.gate.speak is not None]
        self._join = [gate for gate in gates if gate.gate.join is not None]
        self._accept = [gate for gate in gates if gate.gate.accept is not None]
        self._cooldowns = Cooldowns(monotonic)

    async def command(self, user: User, text: str, denied: Denied | None = None, *, cid: str = "") -> Answer | Spoken:
        """Carry out a slash command; never raises. `denied` is told where the user's rank forbids what they tried."""
        typed, words = split_command(text)
        installed = self.commands.get(fold_name(typed) or "")
        if installed is None:
            return Answer(None, f"Unknown command: /{one_line(typed, 40)}", refused=True)
        command = installed.command
        if user.role.rank < command.role.rank:
            if denied is not None:
                await denied(installed, text, NOT_AUTHORIZED)
            return Answer(None, NOT_AUTHORIZED, refused=True)
        if left := installed.part.seconds_left:
            return Answer(Ack.INTERNAL_ERROR, f"/{command.name} failed too often; try again in {duration_text(left)}")
        try:
            call = Call(user, command.parse(words), cid)
            if left := self._cooldowns.left(command, user):
                return Answer(None, f"You can use /{command.name} again in {duration_text(left)}", refused=True)
            self._cooldowns.start(command, user)
            said: object = await installed.part.call(
                command.run, call, timeout=COMMAND_SECONDS, allow=(CommandRefused, StoreUnavailable)
            )
            data = _data_of(said)
            if isinstance(said, Reply):
                said = said.text
            if said is not None and not isinstance(said, Say) and not is_notice(said):
                raise PluginFailed(f"returned a {type(said).__name__}, which is no text that can be shown")
        except CommandRefused as refusal:
            self._cooldowns.stop(command, user)
            installed.part.succeeded()
            if denied is not None and isinstance(refusal, RankRefused):
                await denied(installed, text, str(refusal))
            return Answer(None, one_line(str(refusal), 1000), refused=True)
        except StoreUnavailable as error:
            log.warning("app %d: /%s by %s: %s", self._app_id, command.name, one_line(user.uname), error)
            return Answer(Ack.INTERNAL_ERROR, COMMAND_FAILED)
        except PluginFailed as error:
            installed.part.failed(error, f" (typed by {one_line(user.uname)})")
            return Answer(Ack.INTERNAL_ERROR, COMMAND_FAILED)
        installed.part.succeeded()
        if isinstance(said, Say):
            return Spoken(said)
        return Answer(None, said if isinstance(said, str) else None, data=data)

    async def admit(self, visitor: Visitor) -> Answer | None:
        """Ask the gates whether this one may join; None where they may."""
        for installed in self._join:
            verdict = await self._ask_gate(installed, visitor, visitor.user, GATE_FAILED)
            if isinstance(verdict, Reject):
                return Answer(verdict.code or Ack.JOIN_REFUSED, verdict.message)
        return None

    async def screen(self, user: User, text: str, note: Note | None = None, person: Person | None = None) -> Screening:
        """Send a message (1 to 350 units, trimmed) through gates and filters; never raises.

        Every filter is asked until one rejects; a rejection goes before a hold, and a hold before a shadow. `note` is
        told what each filter said.
        """
        actions: list[tuple[str, Action]] = []
        for gate in self._speak:
            verdict: Verdict = await self._ask_gate(gate, user, user, FILTER_FAILED)
            actions += [(gate.part.plugin, action) for action in verdict.actions]
            if isinstance(verdict, Reject):
                return Screening(_refusal(gate.part, verdict), actions)
        draft = Draft(self._app_id, user, text, text, person)
        held: tuple[str, str] | None = None
        shadow = False
        for installed in self.filters:
            if user.role in installed.policy.exempt_roles:
                continue
            verdict = await self._ask(installed, draft, note)
            if verdict is PASS:
                continue
            actions += [(installed.part.plugin, action) for action in verdict.actions]
            match verdict:
                case Replace(text=new):
                    draft = msgspec.structs.replace(draft, text=js_trim(new))
                case Reject():
                    return Screening(_refusal(installed.part, verdict), actions)
                case Hold(reason=reason):
                    held = held or (installed.part.plugin, reason)
                case Shadow():
                    shadow = True
        if held is not None:
            return Screening(Withhold(held[0], draft.text, held[1]), actions)
        return Screening(Deliver(draft.text, shadow), actions)

    @property
    def accepts(self) -> bool:
        """Whether any gate is to be asked a last time."""
        return bool(self._accept)

    def accept(self, draft: Draft) -> Screening:
        """Ask the gates a last time, with the message as the filters left it. Never raises, never waits."""
        actions: list[tuple[str, Action]] = []
        for installed in self._accept:
            part, policy = installed.part, installed.policy
            if draft.user.role in policy.exempt_roles:
                continue
            assert installed.gate.accept is not None  # noqa: S101 - only those that have it are asked
            try:
                verdict: Any = part.call_plain(installed.gate.accept, draft)
                wrong = fault_of(verdict) or (None if isinstance(verdict, Pass | Reject) else "neither Pass nor Reject")
                _require(verdict, wrong)
            except PluginFailed as error:
                part.failed(error, f" (on_error = {policy.on_error})")
                verdict = PASS if policy.on_error == "allow" else Reject(FILTER_FAILED)
            else:
                part.succeeded()
            verdict = self._dry(part, policy, verdict, draft.user)
            actions += [(part.plugin, action) for action in verdict.actions]
            if isinstance(verdict, Reject):
                return Screening(_refusal(part, verdict), actions)
        return Screening(Deliver(draft.text), actions)

    async def _ask(self, installed: InstalledFilter, draft: Draft, note: Note | None) -> Verdict:
        """Return what becomes of the message by this filter: PASS itself where it may simply go on."""
        part, policy = installed.part, installed.policy
        try:
            verdict = await part.call(installed.filter.check, draft, timeout=policy.timeout_ms / 1000)
            if type(verdict) is not Pass or verdict.actions:
                _require(verdict, fault_of(verdict))
        except PluginFailed as error:
            part.failed(error, f" (on_error = {policy.on_error})")
            if note is not None:
                note(installed, error)
            verdict = _instead(policy, FILTER_FAILED)
        else:
            if part.streak:
                part.succeeded()
            if note is not None:
                note(installed, verdict)
        if type(verdict) is Pass and not verdict.actions:
            return PASS
        return self._dry(part, policy, verdict, draft.user)

    async def _ask_gate(
        self, installed: InstalledGate, subject: User | Visitor, user: User | None, failed: str
    ) -> Pass | Reject:
        part, policy = installed.part, installed.policy
        if user is not None and user.role in policy.exempt_roles:
            return PASS
        question = installed.gate.join if isinstance(subject, Visitor) else installed.gate.speak
        assert question is not None  # noqa: S101 - only those that have the question are asked
        try:
            verdict: Any = await part.call(question, subject, timeout=policy.timeout_ms / 1000)
            wrong = fault_of(verdict) or (None if isinstance(verdict, Pass | Reject) else "neither Pass nor Reject")
            _require(verdict, wrong)
        except PluginFailed as error:
            part.failed(error, f" (on_error = {policy.on_error})")
            return PASS if policy.on_error == "allow" else Reject(failed)
        part.succeeded()
        answer = self._dry(part, policy, verdict, user)
        return answer if isinstance(answer, Pass | Reject) else PASS

    def _dry(self, part: Part, policy: FilterPolicy, verdict: Verdict, user: User | None) -> Verdict:
        if not policy.dry_run or verdict == PASS:
            return verdict
        name = "a guest" if user is None else one_line(user.uname)
        log.info("app %d: dry run: %s would answer %r to %s", self._app_id, part, verdict, name)
        return PASS


def _data_of(said: object) -> msgspec.Raw | None:
    """Return the data of a Reply as JSON. Raises PluginFailed for what isn't any."""
    if not isinstance(said, Reply) or said.data is None:
        return None
    try:
        return msgspec.Raw(encode_data(said.data, "its answer"))
    except ValueError as error:
        raise PluginFailed(f"returned what is no answer: {error}") from error


def _require(verdict: object, wrong: str | None) -> None:
    if wrong is not None:
        hint = "; is an `await` missing?" if hasattr(verdict, "__await__") else ""
        raise PluginFailed(f"answered {wrong}{hint}")


def _instead(policy: FilterPolicy, text: str) -> Verdict:
    match policy.on_error:
        case "allow":
            return PASS
        case "hold":
            return Hold(HOLD_FAILED)
    return Reject(text)


def _refusal(part: Part, verdict: Reject) -> Refuse:
    return Refuse(part.plugin, verdict.code or Ack.MESSAGE_REJECTED, verdict.message)
