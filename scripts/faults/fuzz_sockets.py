"""Broken requests and frames over real sockets to a server of its own, beside a control client that talks."""

from __future__ import annotations

import asyncio
import json
import random
import sys
import tempfile
from collections.abc import Callable

from tornado.websocket import WebSocketClientConnection, websocket_connect

AT_ONCE = 20
PATIENCE = 20.0
REQUEST = (
    b"GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)
POLL = b"GET /socket.io/?EIO=4&transport=polling HTTP/1.1\r\nHost: x\r\n\r\n"
POST = b"POST /socket.io/?EIO=4&transport=polling&sid=x HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\n42[1]"
PATHS = [
    b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n",
    b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n",
    b"OPTIONS * HTTP/1.1\r\n\r\n",
]
TEXTS = [
    b"40",
    b'42["auth",{"app_id":2}]',
    b'421["auth",{"app_id":2,"hashed_token":"alice"}]',
    b'42["new_message","hi"]',
    b"3",
    b"2probe",
    b"5",
    b"41",
    b'451-["x",{"_placeholder":true,"num":0}]',
    b"[" * 2000,
    b'42["new_message",NaN]',
]
SPICES = [b"\x00", b"\xff", b"\r\n", b"\xc2\xb2", b"9" * 30, b"[" * 100, b"\x1e", b"{}", b"-1", b"\xed\xa0\x80", b"%00"]


def mutated(data: bytes, dice: random.Random) -> bytes:
    """Return `data`, changed in a few places."""
    made = bytearray(data)
    for _ in range(dice.choice((0, 1, 1, 2, 4, 16))):
        at = dice.randrange(len(made) + 1)
        change: Callable[[], None] = dice.choice(
            (
                lambda at=at: made.__setitem__(slice(at, at + 1), bytes([dice.randrange(256)])),
                lambda at=at: made.__delitem__(slice(at, at + dice.randrange(1, 9))),
                lambda at=at: made.__setitem__(slice(at, at), dice.choice(SPICES)),
                lambda at=at: made.__setitem__(slice(at, at), bytes(made[at : at + 20])),
            )
        )
        change()
    return bytes(made)


def frame(data: bytes, dice: random.Random) -> bytes:
    """Return a client's frame; its header may lie."""
    opcode = dice.choice((0x81, 0x81, 0x81, 0x81, 0x82, 0x80, 0x01, 0x88, 0x89, 0x8A, 0xC1, 0x83))
    size = len(data) if dice.random() < 0.9 else dice.randrange(1 << 16)
    head = bytes([0x80 | size]) if size < 126 else b"\xfe" + min(size, 65_535).to_bytes(2)
    return bytes([opcode]) + head + bytes(4) + data


def made_up(dice: random.Random) -> bytes:
    """Return the bytes of one connection."""
    kind = dice.random()
    if kind < 0.3:
        return mutated(dice.choice([REQUEST, POLL, POST, *PATHS]), dice)
    frames = [mutated(frame(mutated(dice.choice(TEXTS), dice), dice), dice) for _ in range(dice.randrange(1, 8))]
    return REQUEST + b"".join(frames)


class Control:
    """Talks all the time, and expects each of its messages once, in order."""

    def __init__(self, socket: WebSocketClientConnection) -> None:
        self._socket = socket
        self.said = 0
        self.heard: list[str] = []
        self._acked = asyncio.Event()

    @classmethod
    async def join(cls, port: int) -> Control:
        control = cls(await websocket_connect(f"ws://127.0.0.1:{port}/socket.io/?EIO=4&transport=websocket"))
        await control._socket.read_message()
        await control._socket.write_message("40")
        await control._socket.write_message('420["auth",{"app_id":2,"hashed_token":"dave"}]')
        control.reading = asyncio.ensure_future(control._read())
        return control

    async def _read(self) -> None:
        while (text := await self._socket.read_message()) is not None:
            text = str(text)
            if text == "2":
                await self._socket.write_message("3")
            elif text.startswith("431["):
                self._acked.set()
            elif text.startswith("42["):
                name, payload = (*json.loads(text[2:]), None)[:2]
                if name == "new_message" and payload["user"]["uname"] == "dave":
                    self.heard.append(payload["text"])

    async def say(self) -> None:
        """Say one thing, and wait for its ack."""
        self._acked.clear()
        await self._socket.write_message(f'421["new_message","control {self.said}"]')
        self.said += 1
        await asyncio.wait_for(self._acked.wait(), PATIENCE)


async def one(port: int, data: bytes, dice: random.Random) -> None:
    """Send the bytes of one connection, in pieces, and take what comes until one side has enough."""
    try:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        return
    try:
        cut = dice.randrange(len(data) + 1)
        writer.write(data[:cut])
        await writer.drain()
        writer.write(data[cut:])
        if dice.random() < 0.5:
            writer.write_eof()
        async with asyncio.timeout(0.05):
            while await reader.read(65_536):
                pass
    except (OSError, TimeoutError):
        pass
    finally:
        writer.transport.abort() if dice.random() < 0.5 else writer.close()


async def fuzz_sockets(count: int, seed: int) -> list[str]:
    """Run the demo's server and send it `count` made-up connections; return what went wrong."""
    dice = random.Random(seed)
    with tempfile.TemporaryDirectory() as folder:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "tornado_chat", "demo", "--port", "0", "--data", folder),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        assert process.stdout is not None
        port = int((await process.stdout.readline()).decode().rpartition(":")[2])
        assert process.stderr is not None
        errors = asyncio.ensure_future(process.stderr.read())
        control = await Control.join(port)
        for begin in range(0, count, AT_ONCE):
            inputs = [made_up(dice) for _ in range(min(AT_ONCE, count - begin))]
            await asyncio.gather(control.say(), *(one(port, data, dice) for data in inputs))
        findings = [f"control client: {control.heard[-3:]}"] if len(control.heard) != control.said else []
        if control.heard != [f"control {number}" for number in range(control.said)]:
            findings.append("the control client missed or doubled a message")
        control.reading.cancel()
        process.terminate()
        log = (await asyncio.wait_for(errors, PATIENCE)).decode(errors="replace")
        if await process.wait() != 0:
            findings.append(f"exit status {process.returncode}")
        return findings + [line for line in log.splitlines() if "Traceback" in line or "Error:" in line]
