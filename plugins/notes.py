"""/note, /notes and /unnote: what staff write down about a user, for each other."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from datetime import datetime
from typing import Annotated, Any

import msgspec

from tornado_chat import (
    Call,
    Command,
    CommandRefused,
    NumberParam,
    PluginApi,
    PluginLimit,
    PluginOptions,
    RankRefused,
    Reply,
    RestParam,
    Role,
    UserParam,
    hookimpl,
    is_uname,
    iso,
    list_reply,
    name_key,
)

MOST = 30  # of one user, so that they fit into one value of the storage


class Options(PluginOptions):
    """Keys of [plugin.notes]."""

    keep_days: Annotated[int, msgspec.Meta(ge=1, le=3650)] = 365
    """How long the notes about a user are kept after the last one, in days."""


class Note(msgspec.Struct, frozen=True):
    """One note; `number` counts those about one user."""

    number: int
    at: datetime
    by: str
    by_role: Role
    text: str


class Notes(msgspec.Struct, frozen=True):
    """The notes about a user, oldest first."""

    uname: str
    count: int = 0  # of all that there ever were
    notes: tuple[Note, ...] = ()


class Desk:
    """Where notes are written and read."""

    def __init__(self, api: PluginApi) -> None:
        self._api = api
        self._options: Options = api.options
        self._turn = asyncio.Lock()  # what two write about a user at the same time must both be there

    async def note(self, call: Call) -> str:
        """/note"""
        uname: str = call.args["user"]
        if not is_uname(uname):
            raise CommandRefused("No user can have that name")
        spelled = self._api.require_rank(call.user, uname)
        async with self._turn:
            known = await self._read(uname)
            if len(known.notes) >= MOST:
                raise CommandRefused(f"There are {MOST} notes about {spelled}; /unnote some first")
            made = Note(known.count + 1, self._api.now(), call.user.uname, call.user.role, call.args["text"])
            await self._write(Notes(spelled, made.number, (*known.notes, made)))
        # Without the text: nobody is to read what is written about themselves, and who it is about may read the log.
        await self._api.record(call.user, "note", spelled, reason=f"number {made.number}")
        return f"Note {made.number} about {spelled} was written down"

    async def notes(self, call: Call) -> Reply:
        """/notes"""
        uname: str = call.args["user"]
        spelled = self._api.require_rank(call.user, uname)
        known = await self._read(uname)
        nothing = f"There are no notes about {spelled}"
        page: int = call.args.get("page", 1)
        reply = list_reply("notes", known.notes[::-1], page, nothing, line=_line, row=_row, size=10)
        return Reply(reply.text, {"uname": spelled, **reply.data})

    async def unnote(self, call: Call) -> str:
        """/unnote"""
        uname, number = call.args["user"], call.args["number"]
        spelled = self._api.require_rank(call.user, uname)
        async with self._turn:
            known = await self._read(uname)
            found = next((note for note in known.notes if note.number == number), None)
            if found is None:
                raise CommandRefused(f"There is no note {number} about {spelled}")
            if found.by_role.outranks(call.user.role):
                raise RankRefused(f"You are not authorized to do that: {found.by} wrote it")
            left = tuple(note for note in known.notes if note is not found)
            await self._write(msgspec.structs.replace(known, notes=left))
        await self._api.record(call.user, "unnote", spelled, reason=f"number {number}, by {found.by}")
        return f"Note {number} about {spelled} was removed"

    async def _read(self, uname: str) -> Notes:
        stored = await self._api.storage.get(name_key(uname))
        return Notes(uname) if stored is None else msgspec.convert(stored, Notes)

    async def _write(self, notes: Notes) -> None:
        if not notes.notes:
            await self._api.storage.delete(name_key(notes.uname))
            return
        try:
            await self._api.storage.put(name_key(notes.uname), notes, expires_in=self._options.keep_days * 86_400)
        except PluginLimit as error:
            raise CommandRefused("There are notes about too many users; /unnote some first") from error


@hookimpl
def register_commands(api: PluginApi) -> Iterable[Command]:
    desk = api.state(Desk)
    user = UserParam("user")
    yield Command(
        name="note",
        run=desk.note,
        params=(user, RestParam("text")),
        role=Role.MOD,
        help="writes something down about a user, for staff",
    )
    yield Command(
        name="notes",
        run=desk.notes,
        params=(user, NumberParam("page", required=False, least=1, most=1000)),
        role=Role.MOD,
        help="shows what staff wrote down about a user",
    )
    yield Command(
        name="unnote",
        run=desk.unnote,
        params=(user, NumberParam("number", least=1)),
        role=Role.MOD,
        help="removes a note about a user",
    )


def _row(note: Note) -> dict[str, Any]:
    return {"number": note.number, "at": iso(note.at), "by": note.by, "text": note.text}


def _line(note: Note) -> str:
    return f"Note {note.number}, {note.at:%Y-%m-%d}, {note.by}: {note.text}"
