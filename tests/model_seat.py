"""A client beside what the model says of it."""

from __future__ import annotations

from itertools import groupby
from typing import Any

from tests.client import Client
from tests.server_model import Event, Lobby, Visitor

TOLD = {"user_joined", "user_left", "new_message", "user_muted", "user_unmuted", "message_deleted"}


class Seat:
    """A client, what it was shown, and the `visitor` who is to have been shown the same."""

    def __init__(self, app_id: int, uname: str | None) -> None:
        self.app_id = app_id
        self.visitor = Visitor(uname)
        self.client: Client | None = None
        self.shown: list[tuple[int, str]] = []
        self._read = 0

    def begin(self, client: Client) -> None:
        room = client.data["room"]
        history = [(message["id"], message["text"]) for message in room["history"]]
        keeps = client.data.get("reload") is False
        self.shown = [row for row in self.shown if row[0] not in room["deleted"]] + history if keeps else history
        self.client, self._read = client, 0

    async def say(self, text: str, cid: str = "") -> str | None:
        """Send a message or a command; return the ack."""
        assert self.client is not None
        ack: str | None = await self.client.say(text, cid=cid)
        return ack

    async def news(self) -> list[tuple[int, str]]:
        """Take in all that was said so far; return what is new of it."""
        assert self.client is not None
        await self.client.settle()
        before = set(self.shown)
        self.look()
        return [row for row in self.shown if row not in before]  # something may have been deleted meanwhile

    def look(self) -> list[Event]:
        """Take in what was heard since the last look; return all that was heard on this socket."""
        assert self.client is not None
        heard = [event for event in self.client.heard if event[0] in TOLD]
        for name, payload in heard[self._read :]:
            if name == "new_message":
                self.shown.append((payload["id"], payload["text"]))
            elif name == "message_deleted":
                self.shown = [row for row in self.shown if row[0] != payload["id"]]
        self._read = len(heard)
        return heard


def check_data(data: dict[str, Any], lobby: Lobby, since: int | None) -> None:
    """Check what `auth` answered to one who told the message that was shown last (None: nothing)."""
    room = data["room"]
    assert room["users"] == lobby.users
    assert room["muteList"] == {name: mute.payload for name, mute in lobby.mutes.items()}
    if since is None or not lobby.covers(since):
        assert data.get("reload") == (None if since is None else True)
        assert room["history"] == [line.payload for line in lobby.room]
    else:
        assert data["reload"] is False
        assert room["history"] == [line.payload for line in lobby.missed(since)]
        assert lobby.deleted_after(since) <= set(room["deleted"]) <= lobby.gone


def ordered(events: list[Event]) -> list[Any]:
    """Mutes that end at the same moment may end in any order."""
    runs = [(name, list(run)) for name, run in groupby(events, key=lambda event: event[0])]
    return [sorted(run, key=str) if name == "user_unmuted" else run for name, run in runs]
