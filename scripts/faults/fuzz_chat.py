"""A server in this process, without network and database: made-up packets of one session beside a control."""

from __future__ import annotations

import asyncio
import gc
import json
import logging
from pathlib import Path
from typing import Any

from tornado_chat.addresses import TrustedProxies
from tornado_chat.assembly import Assembly
from tornado_chat.bus import DirectBus
from tornado_chat.chat import Bounds
from tornado_chat.cli import demo_config
from tornado_chat.clock import SystemClock
from tornado_chat.engine import Limits
from tornado_chat.engine.session import Session
from tornado_chat.gateway import Gateway
from tornado_chat.http_client import RequestsHttpClient
from tornado_chat.identity_demo import DemoIdentity
from tornado_chat.plugins import discover
from tornado_chat.registry import Registry
from tornado_chat.store_memory import MemoryStore

Provider = Any  # atheris.FuzzedDataProvider: it has no types
EVENTS = ["auth", "new_message", "command", "commands", "history_before", "report"]
EVENTS += ["connect", "disconnect", "__proto__", "error"]
# fmt: off
COMMANDS = [
    "/mute", "/unmute", "/mutes", "/ban", "/banip", "/unban", "/bans", "/kick", "/shadow", "/unshadow", "/shadows",
    "/shadowed", "/warn", "/strikes", "/forgive", "/delete", "/purge", "/clear", "/pin", "/unpin", "/report",
    "/reports", "/dismiss", "/queue", "/approve", "/deny", "/slow", "/lock", "/unlock", "/members", "/unique",
    "/log", "/whois", "/note", "/notes", "/unnote", "/announce", "/me", "/mods", "/rules", "/ignore", "/unignore",
    "/ignores", "/help", "/reload", "/x",
]
# fmt: on
UNDO = ["/unlock", "/members off", "/slow off", "/unique off"]
UNDO += [f"/{lift} {name}" for name in ("alice", "bob", "carol", "eve") for lift in ("unban", "unmute", "unshadow")]
SESSIONS = 5_000  # of one server; then it is built anew, for what it stores is in memory


class Findings(logging.Handler):
    """Takes note of what the server itself caught and logged as a bug."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.errors: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        if record.exc_info:
            self.errors.append(logging.Formatter("%(message)s").format(record))


class Chatroom:
    """The server, and a control client that talks."""

    def __init__(self) -> None:
        config = demo_config(0, Path())
        bus, store = DirectBus(), MemoryStore()
        assembly = Assembly(
            store=store,
            bus=bus,
            clock=SystemClock(),
            timeout=3.0,
            bounds=Bounds(),
            identities={"demo": DemoIdentity()},
            make_http=RequestsHttpClient,
        )
        built = assembly.build(config, discover([]), {})
        assembly.use(built)
        wide = Limits(connections=100_000, connections_per_address=100_000, event_rate=1e9, event_burst=1_000_000_000)
        self.gateway = Gateway(
            Registry(built.table, assembly.chat), TrustedProxies(()), wide, heartbeat=300.0, window=0.0
        )
        bus.connect(self.gateway.deliver, self.gateway.disconnect)
        self.assembly = assembly
        self.engine = self.gateway._engine
        self.sessions = 0
        self.said = 0

    async def begin(self) -> None:
        """Let the control in."""
        self.control = await self.open()
        self.control.received("40")
        self.control.received('420["auth",{"app_id":2,"hashed_token":"dave"}]')
        await self.idle()

    async def open(self) -> Session:
        return await self.engine.open(4, "1.2.3.4", {"HTTP_HOST": "x"}, [])

    async def idle(self) -> None:
        """Return when all that was received is handled."""
        for _ in range(50):
            await asyncio.sleep(0)
            if not any(session._inbox for session in self.engine.sessions.values()):
                break

    async def check_control(self) -> None:
        """The control says something, and hears itself once."""
        text = f"control {self.said}"
        self.said += 1
        self.control.received(f'429["new_message","{text}"]')
        heard: list[str] = []
        for _ in range(200):
            heard += await poll(self.control)
            if any(packet.startswith("439[") for packet in heard):
                assert sum(f'"{text}"' in packet for packet in heard) == 1, (text, heard)
                assert "439[]" in heard, heard
                return
        raise AssertionError("the control client was not answered")


async def poll(session: Session) -> list[str]:
    """Return what waits for a session, without waiting."""
    session._engine.outbox.flush()
    polling = session._polling
    packets = [packet.text for packet in polling.take()] if polling is not None else []
    await asyncio.sleep(0)
    return packets


_loop = asyncio.new_event_loop()
_room: Chatroom | None = None
_findings = Findings()
logging.getLogger("tornado_chat").addHandler(_findings)
logging.getLogger("asyncio").addHandler(_findings)
logging.getLogger("tornado_chat").propagate = False


def session(data: Provider) -> bool:
    """One session, from its handshake to its end, with whatever packets; then the control is asked how it feels."""
    return _loop.run_until_complete(_session(data))


async def _session(data: Provider) -> bool:
    global _room
    if _room is None or _room.sessions >= SESSIONS:
        if _room is not None:
            await _close(_room)
        _room = Chatroom()
        await _room.begin()
    room = _room
    room.sessions += 1
    fuzzed = await room.open()
    if data.ConsumeBool():
        fuzzed.received("40")
        if data.ConsumeBool():
            token = data.PickValueInList(["alice", "bob", "carol", "eve", "nobody"])
            fuzzed.received(f'420["auth",{{"app_id":2,"hashed_token":"{token}"}}]')
    for _ in range(6):
        if fuzzed.closed is not None or not data.remaining_bytes():
            break
        fuzzed.received(_packet(data))
        await asyncio.sleep(0)
    await room.idle()
    refused = fuzzed.closed is not None
    for packet in await poll(fuzzed):
        if packet[:2] in ("42", "43"):  # an ack has its number first
            json.loads(packet[2:].lstrip("0123456789"))
    fuzzed.close(fuzzed._engine.reason.CLIENT)
    for _ in range(3):
        await asyncio.sleep(0)
    if room.sessions % 16 == 0:
        await room.check_control()
        await _unlock(room)
    if _findings.errors:
        raise AssertionError("\n".join(_findings.errors))
    return refused


async def _unlock(room: Chatroom) -> None:
    """Undo what the fuzzed moderators did to the room, so that the rest isn't all refused."""
    for line in UNDO:
        room.control.received(f'428["new_message","{line}"]')
        await room.idle()
        await poll(room.control)


def _packet(data: Provider) -> str:
    if data.ConsumeIntInRange(0, 3) == 0:
        return str(data.ConsumeUnicode(200))
    name = data.PickValueInList([*EVENTS, "new_message", "new_message", _value(data, 0)])
    arguments = [_argument(data, name) for _ in range(data.ConsumeIntInRange(0, 3))]
    number = data.PickValueInList(["", "", "1", "007", "99999999999999999999", "-1"])
    return f"42{number}" + json.dumps([name, *arguments])


def _argument(data: Provider, name: Any) -> Any:
    if data.ConsumeBool():
        return _value(data, 0)
    if name == "auth":
        keys = ["app_id", "hashed_token", "token", "token_hash", "since", "x"]
        return {data.PickValueInList(keys): _value(data, 0) for _ in range(3)} | {"app_id": 2}
    if data.ConsumeBool():
        return {"cid": _value(data, 0)}
    words = ["alice", "eve", "10m", "1", "-1", "dave", data.ConsumeUnicode(30)]
    return " ".join([data.PickValueInList(COMMANDS), *(data.PickValueInList(words) for _ in range(3))])


def _value(data: Provider, depth: int) -> Any:
    kind = data.ConsumeIntInRange(0, 9)
    if kind == 0 and depth < 3:
        return [_value(data, depth + 1) for _ in range(data.ConsumeIntInRange(0, 3))]
    if kind == 1 and depth < 3:
        return {data.ConsumeUnicode(8): _value(data, depth + 1) for _ in range(data.ConsumeIntInRange(0, 3))}
    if kind in (2, 3, 4):
        return data.ConsumeUnicode(400)
    numbers = [0, 1, -1, 1.5, 2**53, -(2**63), 1e308, data.ConsumeInt(8)]
    return data.PickValueInList([None, True, False, "", "x", "\ud800", *numbers])


async def _close(room: Chatroom) -> None:
    await room.gateway.close()
    for chat in room.assembly.chats:
        await chat.close()


async def _leave_and_close(room: Chatroom) -> None:
    room.control.close(room.engine.reason.CLIENT)
    while room.gateway.connections:
        await asyncio.sleep(0)
    await _close(room)


def close() -> list[str]:
    """End the server; return what was left behind: sessions and tasks."""
    global _room
    if _room is None:
        return []
    room, _room = _room, None
    _loop.run_until_complete(_leave_and_close(room))
    left = [f"session {sid}" for sid in room.engine.sessions]
    left += [f"tab {tab}" for tab in room.gateway._tabs]
    left += [f"task {task.get_name()}" for task in asyncio.all_tasks(_loop)]
    for app in room.assembly.chats:
        left += [f"{name} in use: {used}" for name, (used, _, _) in app.bounds.items() if used]
    gc.collect()
    alive = sum(isinstance(each, Session) for each in gc.get_objects())
    return left + ([f"{alive} sessions in memory"] if alive > 1 else [])  # the control's own
