"""python-socketio's client manager: an event is encoded once, framed once, and written once to each socket.

Who is in which room is kept so that joining and leaving cost what the client's own rooms cost, however many clients
there are; the stock manager walks every room for each that leaves.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import socketio
from socketio.packet import EVENT

from tornado_chat.engine import Engine, Group, Packet
from tornado_chat.engine.packets import MESSAGE
from tornado_chat.engine.session import Session

Key = tuple[str, Any]  # (namespace, room); the room None is everybody in the namespace


class Member:
    """One client in one namespace."""

    __slots__ = ("connected", "rooms", "session", "sid")

    def __init__(self, sid: str, session: Session) -> None:
        self.sid = sid
        self.session = session
        self.connected = False
        self.rooms: list[Key] = []


class FanoutManager(socketio.AsyncManager):  # type: ignore[misc] # python-socketio has no types
    """Clients and rooms, over an Engine."""

    def __init__(self, engine: Engine) -> None:
        super().__init__()
        self._engine = engine
        self._members: dict[str, dict[str, Member]] = {}  # self._members[namespace][sid]
        self._by_session: dict[str, dict[str, Member]] = {}  # self._by_session[namespace][eio_sid]
        self._groups: dict[Key, Group] = {}
        self._rooms: dict[Key, dict[str, Member]] = {}  # self._rooms[key][sid]

    # -- sending

    async def emit(  # noqa: PLR0917 - the base class's
        self,
        event: str,
        data: Any,
        namespace: str,
        room: Any = None,
        skip_sid: Any = None,
        callback: Any = None,
        to: Any = None,
        **_: Any,
    ) -> None:
        """Send an event to a client, to a room, to several rooms, or to everybody in the namespace."""
        room = to or room
        arguments = list(data) if isinstance(data, tuple) else [] if data is None else [data]
        if callback is not None:
            for member in self._recipients(namespace, room, skip_sid):
                id = self._generate_ack_id(member.sid, callback)
                member.session.send(self._encode([event, *arguments], namespace, id))
            return
        packet = Packet(MESSAGE + self._encode([event, *arguments], namespace, None))
        if not skip_sid and (group := self._group_of(namespace, room)) is not None:
            group.send(packet)
            return
        for member in self._recipients(namespace, room, skip_sid):
            self._engine.outbox.send(member.session, packet)

    def _encode(self, data: list[Any], namespace: str, id: int | None) -> str:
        text: str = self.server.packet_class(EVENT, namespace=namespace, data=data, id=id).encode()
        return text

    def _group_of(self, namespace: str, room: Any) -> Group | None:
        return None if isinstance(room, list | tuple) else self._groups.get((namespace, room))

    def _recipients(self, namespace: str, room: Any, skip_sid: Any) -> Iterable[Member]:
        skipped = skip_sid if isinstance(skip_sid, list) else [skip_sid]
        found: dict[str, Member] = {}
        for name in room if isinstance(room, list | tuple) else [room]:
            own = self._members.get(namespace, {}).get(name) if isinstance(name, str) else None
            found |= {own.sid: own} if own is not None else self._rooms.get((namespace, name), {})
        return [member for sid, member in found.items() if sid not in skipped]

    # -- who is there

    def get_namespaces(self) -> Iterable[str]:
        return self._members.keys()

    def get_participants(self, namespace: str, room: Any) -> Iterator[tuple[str, str]]:
        for member in self._recipients(namespace, room, None):
            yield member.sid, member.session.sid

    def is_connected(self, sid: str, namespace: str) -> bool:
        member = self._members.get(namespace, {}).get(sid)
        return member is not None and member.connected

    def is_pre_connected(self, sid: str, namespace: str) -> bool:
        member = self._members.get(namespace, {}).get(sid)
        return member is not None and not member.connected

    def sid_from_eio_sid(self, eio_sid: str, namespace: str) -> str | None:
        member = self._by_session.get(namespace, {}).get(eio_sid)
        return member.sid if member is not None else None

    def eio_sid_from_sid(self, sid: str, namespace: str) -> str | None:
        member = self._members.get(namespace, {}).get(sid)
        return member.session.sid if member is not None else None

    def get_rooms(self, sid: str, namespace: str) -> list[Any]:
        member = self._members.get(namespace, {}).get(sid)
        return [sid, *(room for _, room in member.rooms if room is not None)] if member is not None else []

    # -- coming and going

    async def pre_connect(self, eio_sid: str, namespace: str) -> str | None:
        """Add a client, not connected yet; None where it is there already, or gone."""
        session = self._engine.sessions.get(eio_sid)
        by_session = self._by_session.setdefault(namespace, {})
        if session is None or eio_sid in by_session:
            return None
        sid: str = self._engine.generate_id()
        member = by_session[eio_sid] = Member(sid, session)
        self._members.setdefault(namespace, {})[sid] = member
        self._enter(member, (namespace, None))
        return sid

    async def connect(self, sid: str, namespace: str) -> str:
        self._members[namespace][sid].connected = True
        return sid

    def pre_disconnect(self, sid: str, namespace: str) -> str | None:
        member = self._members.get(namespace, {}).get(sid)
        if member is None:
            return None
        member.connected = False
        return member.session.sid

    def basic_disconnect(self, sid: str, namespace: str, **_: Any) -> None:
        member = self._members.get(namespace, {}).pop(sid, None)
        if member is None:
            return
        del self._by_session[namespace][member.session.sid]
        for key in list(member.rooms):
            self._leave(member, key)
        self.callbacks.pop(sid, None)

    def basic_enter_room(self, sid: str, namespace: str, room: Any, eio_sid: str | None = None) -> None:
        member = self._members.get(namespace, {}).get(sid)
        if member is None:
            raise ValueError("sid is not connected to requested namespace")
        if (namespace, room) not in member.rooms:
            self._enter(member, (namespace, room))

    def basic_leave_room(self, sid: str, namespace: str, room: Any) -> None:
        member = self._members.get(namespace, {}).get(sid)
        if member is not None and (namespace, room) in member.rooms:
            self._leave(member, (namespace, room))

    def basic_close_room(self, room: Any, namespace: str) -> None:
        for member in list(self._rooms.get((namespace, room), {}).values()):
            self._leave(member, (namespace, room))

    def _enter(self, member: Member, key: Key) -> None:
        if key not in self._groups:
            self._groups[key] = self._engine.group()
            self._rooms[key] = {}
        self._groups[key].add(member.session)
        self._rooms[key][member.sid] = member
        member.rooms.append(key)

    def _leave(self, member: Member, key: Key) -> None:
        member.rooms.remove(key)
        self._groups[key].discard(member.session)
        del self._rooms[key][member.sid]
        if not self._rooms[key]:
            del self._rooms[key], self._groups[key]
