"""/report: members tell staff of a message; where enough of them do, it waits for a moderator."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from datetime import timedelta
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from tornado_chat import (
    Call,
    Command,
    CommandRefused,
    Deleted,
    Listener,
    Message,
    MessageIdParam,
    NumberParam,
    Person,
    PluginApi,
    PluginLimit,
    PluginOptions,
    Recorded,
    Reply,
    RestParam,
    Role,
    StoreUnavailable,
    User,
    duration_text,
    fold,
    hookimpl,
    paged,
)

KEEP = 86_400.0  # seconds
MAX_CASES = 500  # the oldest go; as many as a moderator can't look through any more
MAX_REPORTS = 40  # on one message; with longest names and reasons they fit into one value of the storage
MAX_REASON = 150
MAX_LINE = 700  # ten of them are one notice
PAGE = 10
MAX_ROWS = 60_000  # bytes of a page as data
FEW_REPORTS = 3  # on each message of a page that has more bytes
WITHDRAWN = "Your message was reported, and waits for a moderator: {}"


class Options(PluginOptions):
    """Keys of [plugin.report]."""

    threshold: Annotated[int, Meta(ge=0, le=MAX_REPORTS)] = 3
    """As many reporters with standing take a message back until a moderator has looked at it; 0: they never do."""
    per_reporter: Annotated[int, Meta(ge=1, le=100)] = 5
    """Reports of one user in `per_minutes`."""
    per_minutes: Annotated[float, Meta(gt=0, le=1440)] = 10
    """The time in which reports of one user are counted."""
    min_said: Annotated[int, Meta(ge=0, le=1_000_000)] = 10
    """Messages that one must have said here to have standing."""
    min_minutes: Annotated[float, Meta(ge=0, le=525_600)] = 60
    """How long ago one must have been here first to have standing."""


class Report(msgspec.Struct, frozen=True):
    """What one member said of a message; `counts` where they had standing."""

    uname: str
    reason: str
    counts: bool


class Case(msgspec.Struct):
    """A message that was reported. `role` is its sender's; `open` until a moderator dismisses it."""

    id: int
    uname: str
    role: Role
    text: str
    reports: list[Report] = []
    open: bool = True
    spared: bool = False  # a moderator let its text through before

    @property
    def counted(self) -> int:
        return sum(report.counts for report in self.reports)

    def is_for(self, user: User) -> bool:
        """Tell whether this one may see it: who stands above the sender, and of admins every other one."""
        return user.role.outranks(self.role) or (user.role is Role.ADMIN and user.key != fold(self.uname))


class Desk:
    """One app's reports."""

    def __init__(self, api: PluginApi) -> None:
        self._api = api
        self._options: Options = api.options
        self._cases: dict[int, Case] | None = None  # by message id, oldest first; None until they are read
        self._times: dict[str, list[float]] = {}  # self._times[folded uname of a reporter], of the last minutes
        self._sweep_at = 1000
        self._withdrawing: set[int] = set()

    async def cases(self) -> dict[int, Case]:
        """Return what was reported, by message id. Raises StoreUnavailable."""
        if self._cases is None:
            stored = await self._api.storage.items("case/", 1000)
            if self._cases is None:  # nobody else has read it meanwhile
                self._cases = {case.id: case for case in (msgspec.convert(value, Case) for _, value in stored)}
        return self._cases

    async def report(self, reporter: User, message_id: int, reason: str) -> None:
        """Take a report. Raises CommandRefused, StoreUnavailable."""
        cases = await self.cases()
        person = await self._api.person(reporter.uname)
        message = self._find(message_id, reporter)
        role = self._role(message)
        case = cases.get(message_id) or Case(message_id, message.user.uname, role, message.text)
        if not case.open:
            raise CommandRefused("A moderator has looked at that message already")
        if any(fold(report.uname) == reporter.key for report in case.reports):
            raise CommandRefused("You have reported that message already")
        if len(case.reports) >= MAX_REPORTS:
            raise CommandRefused("So many have reported that message that one more changes nothing")
        self._spend(reporter)
        counts = role is Role.MEMBER and self._has_standing(reporter, person)
        report = Report(reporter.uname, reason[:MAX_REASON], counts)
        case.reports.append(report)
        cases[message_id] = case
        try:
            await self._keep(case)
        except BaseException:
            case.reports.remove(report)
            if not case.reports:
                cases.pop(message_id, None)
            raise
        await self._tell(case, report)
        if 0 < self._options.threshold <= case.counted:
            await self._withdraw(case)

    async def dismiss(self, actor: User, message_id: int) -> Case:
        """Close a case, so that it isn't reported any more. Raises CommandRefused, StoreUnavailable."""
        case = (await self.cases()).get(message_id)
        if case is None or not case.open or not case.is_for(actor):
            raise CommandRefused(f"No report on message {message_id} is open")
        case.open = False
        try:
            await self._keep(case)
        except BaseException:
            case.open = True
            raise
        await self._api.record(actor, "dismiss", case.uname, message_id=case.id, text=case.text)
        await self._emit_closed([case])
        return case

    async def forget(self, ids: Iterable[int]) -> None:
        """Drop the cases of messages that are gone. Raises StoreUnavailable."""
        cases = await self.cases()
        gone: list[Case] = []
        try:
            for message_id in ids:
                case = cases.pop(message_id, None)
                if case is None:
                    continue
                gone.append(case)
                await self._api.storage.delete(_case_key(message_id))
        finally:
            await self._emit_closed([case for case in gone if case.open])

    async def spare(self, uname: str, text: str) -> None:
        """Remember that a moderator has let this through. Raises StoreUnavailable."""
        await self._api.storage.put(_spared_key(uname, text), True, expires_in=KEEP)

    def _find(self, message_id: int, reporter: User) -> Message:
        for message in reversed(self._api.history):
            if message.id == message_id:
                if message.user.key == reporter.key and not message.plugin:
                    raise CommandRefused("You can't report yourself")
                if message.plugin:
                    raise CommandRefused("That is a message of the chat's own")
                if message.shadow and reporter.role is Role.MEMBER:
                    break  # who reports what they can't see is told nothing of it
                return message
        raise CommandRefused(f"There is no message {message_id} that could be reported")

    def _role(self, message: Message) -> Role:
        here = self._api.find(message.user.uname)
        return max((user.role for user in (message.user, here) if user is not None), key=lambda role: role.rank)

    def _has_standing(self, reporter: User, person: Person | None) -> bool:
        if reporter.role is not Role.MEMBER:
            return True
        if person is None or any(mute.key == reporter.key for mute in self._api.mutes):
            return False
        age = self._api.now() - person.first_seen
        return person.said >= self._options.min_said and age >= timedelta(minutes=self._options.min_minutes)

    def _spend(self, reporter: User) -> None:
        now, span = self._api.monotonic(), self._options.per_minutes * 60
        times = [at for at in self._times.get(reporter.key, ()) if at + span > now]
        if len(times) >= self._options.per_reporter:
            left = duration_text(times[0] + span - now)
            raise CommandRefused(f"You have reported a lot lately; you can report again in {left}")
        self._times[reporter.key] = [*times, now]
        if len(self._times) > self._sweep_at:
            self._times = {key: kept for key, kept in self._times.items() if kept[-1] + span > now}
            self._sweep_at = max(1000, 2 * len(self._times))

    async def _keep(self, case: Case) -> None:
        cases = await self.cases()
        if len(cases) > MAX_CASES:
            await self.forget([next(iter(cases))])
        await self._api.storage.put(_case_key(case.id), case, expires_in=KEEP)

    async def _tell(self, case: Case, report: Report) -> None:
        """Tell those whom the case is for: in words of the first report, in data of every one."""
        because = f" ({report.reason})" if report.reason else ""
        text = f"{report.uname} reported message {case.id} of {case.uname}{because}: {_flat(case.text)}"
        data = {
            "message_id": case.id,
            "uname": case.uname,
            "text": case.text,
            "count": len(case.reports),
            "by": report.uname,
            "reason": report.reason,
        }
        if len(case.reports) == 1:
            try:
                if case.role is Role.MEMBER:
                    await self._api.alert(text)
                for user in self._readers(case) if case.role is not Role.MEMBER else ():
                    await self._api.tell(user, text)
            except PluginLimit as error:
                self._api.log.warning("app %d: staff see a report in /reports only: %s", self._api.app_id, error)
        if case.role is Role.MEMBER:
            await self._emit("report", data, "staff")
            return
        for user in self._readers(case):
            await self._emit("report", data, user)

    async def _emit_closed(self, cases: Sequence[Case]) -> None:
        """Tell the clients of those whom these were for, once for all of them: a purge closes many."""
        for_staff = [case.id for case in cases if case.role is Role.MEMBER]
        if for_staff:
            await self._emit("closed", {"message_ids": for_staff}, to="staff")
        above = [case for case in cases if case.role is not Role.MEMBER]
        for user in self._api.users if above else ():
            ids = [case.id for case in above if user.role is not Role.MEMBER and case.is_for(user)]
            if ids:
                await self._emit("closed", {"message_ids": ids}, to=user)

    async def _emit(self, name: str, data: dict[str, Any], to: Literal["staff"] | User) -> None:
        try:
            await self._api.emit(name, data, to=to)
        except PluginLimit as error:
            self._api.log.warning("app %d: clients of staff miss the event %s: %s", self._api.app_id, name, error)

    def _readers(self, case: Case) -> list[User]:
        return [user for user in self._api.users if user.role is not Role.MEMBER and case.is_for(user)]

    async def _withdraw(self, case: Case) -> None:
        """Take the message back, once. Where that can't be done, the next report tries it again."""
        if case.spared or case.id in self._withdrawing:
            return
        self._withdrawing.add(case.id)
        try:
            users = f"{case.counted} user{'s' if case.counted > 1 else ''}"
            if await self._api.storage.get(_spared_key(case.uname, case.text)):
                case.spared = True
                await self._api.alert(f"{users} reported message {case.id} of {case.uname}, let through before")
                return
            reasons = dict.fromkeys(report.reason for report in case.reports if report.reason)
            why = f"reported by {users}" + (f": {', '.join(reasons)}"[:300] if reasons else "")
            held = await self._api.withdraw(self._api.bot, case.id, why)
            await self._api.tell(case.uname, WITHDRAWN.format(case.text))
            await self._api.alert(f"Message {case.id} of {case.uname} was {why}; it waits as #{held.id} in /queue")
        except (CommandRefused, StoreUnavailable, PluginLimit) as error:
            self._api.log.warning("app %d: message %d was not withdrawn: %s", self._api.app_id, case.id, error)
        finally:
            self._withdrawing.discard(case.id)


@hookimpl
def register_commands(api: PluginApi) -> Iterable[Command]:
    desk: Desk = api.state(Desk)

    async def report(call: Call) -> str:
        await desk.report(call.user, call.args["number"], call.args.get("reason", ""))
        return f"Thank you. Moderators are told of message {call.args['number']}."

    async def reports(call: Call) -> Reply:
        found = [case for case in (await desk.cases()).values() if case.open and case.is_for(call.user)]
        page = call.args.get("page", 1)
        shown, number, pages = paged(found, page, size=PAGE)
        if number != page and found:
            raise CommandRefused(f"There {'are' if pages > 1 else 'is'} {pages} page{'s' if pages > 1 else ''}")
        more = [f"page {page} of {pages}"] if pages > 1 else []
        text = "\n".join([*map(_line, shown), *more]) or "No report is open"
        return Reply(text, {"reports": _rows(shown), "page": number, "pages": pages})

    async def dismiss(call: Call) -> str:
        case = await desk.dismiss(call.user, call.args["number"])
        return f"The report on message {case.id} of {case.uname} is closed"

    number = MessageIdParam("number")
    page = NumberParam("page", required=False, least=1, most=100)
    yield Command("report", report, [number, RestParam("reason", required=False)], help="tells staff of a message")
    yield Command("reports", reports, [page], Role.MOD, "lists the messages that were reported")
    yield Command("dismiss", dismiss, [number], Role.MOD, "closes the report on a message")


@hookimpl
def register_listeners(api: PluginApi) -> Iterable[Listener]:
    desk: Desk = api.state(Desk)

    async def deleted(happening: Deleted) -> None:
        try:
            await desk.forget(happening.ids)
        except StoreUnavailable as error:
            api.log.warning("app %d: reports on deleted messages stay for now: %s", api.app_id, error)

    async def recorded(happening: Recorded) -> None:
        if happening.entry.action != "approve":
            return
        try:
            await desk.spare(happening.entry.target, happening.entry.text)
        except (StoreUnavailable, PluginLimit) as error:
            api.log.warning("app %d: an approved message may be withdrawn again: %s", api.app_id, error)

    yield Listener(Deleted, deleted)
    yield Listener(Recorded, recorded)


def _rows(cases: Sequence[Case]) -> list[dict[str, Any]]:
    """Return the cases of a page as data; with some reports of each only, where all of them are too much to send."""
    rows = [_row(case, MAX_REPORTS) for case in cases]
    return rows if len(msgspec.json.encode(rows)) <= MAX_ROWS else [_row(case, FEW_REPORTS) for case in cases]


def _row(case: Case, most: int) -> dict[str, Any]:
    reports = [{"uname": report.uname, "reason": report.reason} for report in case.reports[:most]]
    return {
        "message_id": case.id,
        "uname": case.uname,
        "text": case.text,
        "count": len(case.reports),
        "reports": reports,
    }


def _line(case: Case) -> str:
    named = [report.uname + (f" ({report.reason})" if report.reason else "") for report in case.reports]
    more = [f"{len(named) - 5} more"] if len(named) > 5 else []
    line = f"#{case.id} {case.uname}: {_flat(case.text)} - reported by {', '.join([*named[:5], *more])}"
    return line if len(line) <= MAX_LINE else f"{line[: MAX_LINE - 1]}…"


def _flat(text: str) -> str:
    # A message may have several lines, and the second could look like another report.
    return " ".join(text.split())


def _case_key(message_id: int) -> str:
    return f"case/{message_id:016d}"


def _spared_key(uname: str, text: str) -> str:
    said = f"{fold(uname)}\0{text}"
    return f"spared/{hashlib.sha256(said.encode()).hexdigest()}"
