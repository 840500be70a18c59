"""/log: who did what to whom, when and why, with what was deleted; for staff."""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Annotated, Any, Literal, NamedTuple

import msgspec

from tornado_chat import (
    AuditEntry,
    Call,
    Command,
    CommandRefused,
    Listener,
    Param,
    PluginApi,
    PluginOptions,
    RankRefused,
    Recorded,
    Reply,
    RestParam,
    Role,
    UserParam,
    hookimpl,
    iso,
    listing,
    one_line,
    parse_network,
    span_text,
)

MORE = "\0more"  # what no name can be
AFTER = re.compile(r"before:([0-9a-f]{1,40})(?: +|$)")  # where a client goes on that knows its place
EVERYBODY = ""
MOST_READERS = 200  # whose place is remembered
SEARCHED = 500  # entries that are found for words at a time
ADDRESS = "an address"
MAX_CHARS = 350  # of a text of a row; a plugin's may be longer, and a page must have less than 64 KB
TOLD_SECONDS = 2.0  # between two times that readers' clients are told

StaffRole = Literal["mod", "owner", "admin"]


class Options(PluginOptions):
    """Keys of [plugin.audit]."""

    role: StaffRole = "mod"
    """The lowest role that may read the log."""
    show_addresses: StaffRole = "owner"
    """The lowest role that is shown addresses in it."""
    page: Annotated[int, msgspec.Meta(ge=1, le=10)] = 10
    """Entries that are shown at a time."""


@dataclass(frozen=True, slots=True)
class SubjectParam(Param):
    """A name, or * for everybody, or `more`; a name in quotes or with an @ is always a name."""

    @property
    def kind(self) -> str:
        return "user"

    @property
    def hint(self) -> str:
        return f"{self.name}: a name, * for everybody, or more for what was before"

    def take(self, words: list[str]) -> str:
        word = words[0].lower()
        if word in {"*", "more"}:
            del words[0]
            return EVERYBODY if word == "*" else MORE
        return UserParam(self.name).take(words)


class Place(NamedTuple):
    """What one reads, and the id of the last entry that they were shown."""

    subject: str
    words: str
    before: str = ""


class Reader:
    """Reads the log of one app, page by page."""

    def __init__(self, api: PluginApi) -> None:
        self._api = api
        self._options: Options = api.options
        self._places: OrderedDict[str, Place] = OrderedDict()  # self._places[folded uname], the last reader last

    async def log(self, call: Call) -> Reply:
        """/log"""
        subject, words = call.args.get("user", EVERYBODY), call.args.get("words", "")
        since = AFTER.match(words)
        shows = call.user.role.rank >= Role(self._options.show_addresses).rank
        if subject == MORE:
            known = self._places.get(call.user.key)
            if known is None or words:
                raise CommandRefused("There is nothing to go on with; /log [user] [words] begins")
            place = known
        else:
            before = since[1] if since else ""
            place = Place(self._subject(subject, shows), words[since.end() :] if since else words, before)
        entries = await self._find(place, shows)
        shown, rest = entries[: self._options.page], entries[self._options.page :]
        if since is None:
            self._places.pop(call.user.key, None)
        if rest and since is None:
            self._places[call.user.key] = place._replace(before=shown[-1].id)
            if len(self._places) > MOST_READERS:
                self._places.popitem(last=False)
        page = listing(shown, _line, 1, "There is nothing more" if place.before else "There is nothing", size=10)
        text = f"{page}\n/log more shows what was before" if rest else page
        return Reply(text, {"entries": [_row(entry) for entry in shown], "more": bool(rest)})

    async def told(self) -> None:
        """Tell the clients of those who may read the log that it has more."""
        await self._api.emit("entry", {}, to=Role(self._options.role))

    def _subject(self, typed: str, shows: bool) -> str:
        network = parse_network(typed)
        if network is None:
            return typed
        if not shows:
            raise RankRefused(f"You are not authorized to do that: it takes an {self._options.show_addresses}")
        return str(network)

    async def _find(self, place: Place, shows: bool) -> list[AuditEntry]:
        """Return a page of entries, newest first, and one more where there are more, as the reader may see them."""
        subject, words, before = place
        # Whoever may not see an address must not find it either: words are looked for in what is shown.
        limit = SEARCHED if words and not shows else self._options.page + 1
        found = await self._api.audit(target=subject, words=words, before=before, limit=limit)
        if subject:
            found += await self._api.audit(actor=subject, words=words, before=before, limit=limit)
        entries = sorted({entry.id: entry for entry in found}.values(), key=lambda entry: entry.id, reverse=True)
        if not shows:
            entries = [entry for entry in map(_masked, entries) if not words or words.casefold() in _words_of(entry)]
        return entries[: self._options.page + 1]


@hookimpl
def register_commands(api: PluginApi) -> Iterable[Command]:
    options: Options = api.options
    reader = api.state(Reader)
    yield Command(
        name="log",
        run=reader.log,
        params=(SubjectParam("user", required=False), RestParam("words", required=False)),
        role=Role(options.role),
        help="shows who did what to whom, and what was deleted",
    )


@hookimpl
def register_listeners(api: PluginApi) -> Iterable[Listener]:
    tell = api.throttle(TOLD_SECONDS, api.state(Reader).told)

    async def recorded(happening: Recorded) -> None:
        tell()

    yield Listener(Recorded, recorded)


def _row(entry: AuditEntry) -> dict[str, Any]:
    return {
        "id": entry.id,
        "at": iso(entry.at),
        "actor": entry.actor,
        "role": entry.role.value,
        "plugin": entry.plugin,
        "action": entry.action,
        "target": entry.target[:MAX_CHARS],
        "message_id": entry.message_id or None,
        "seconds": entry.seconds or None,
        "reason": entry.reason[:MAX_CHARS],
        "text": entry.text[:MAX_CHARS],
    }


def _line(entry: AuditEntry) -> str:
    who = f"{entry.actor} ({'plugin' if entry.actor == entry.plugin else entry.role})"
    lasting = f" for {span_text(entry.seconds)}" if entry.seconds else ""
    number = f" #{entry.message_id}" if entry.message_id else ""
    reason = f": {one_line(entry.reason, 150)}" if entry.reason else ""
    text = f" | {entry.text}" if entry.text else ""
    target = f" {entry.target}" if entry.target else ""
    return f"{entry.at:%Y-%m-%d %H:%M:%S} {who} {entry.action}{target}{number}{lasting}{reason}{text}"


def _masked(entry: AuditEntry) -> AuditEntry:
    """Return an entry without addresses: of what was banned, and of what somebody wanted to ban."""
    target = ADDRESS if parse_network(entry.target) is not None else entry.target
    if not entry.action.startswith("refused "):
        return msgspec.structs.replace(entry, target=target)
    return msgspec.structs.replace(entry, target=target, reason=_without(entry.reason), text=_without(entry.text))


def _without(text: str) -> str:
    return " ".join(ADDRESS if parse_network(word.strip(":;,")) is not None else word for word in text.split(" "))


def _words_of(entry: AuditEntry) -> str:
    return f"{entry.actor}\n{entry.action}\n{entry.target}\n{entry.reason}\n{entry.text}".casefold()
