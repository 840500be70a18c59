"""A raw Socket.IO client over a WebSocket: it can say things that the official one can't."""

from __future__ import annotations

import asyncio
import itertools
import json
import re
from typing import Any

from tornado.httpclient import HTTPRequest
from tornado.websocket import WebSocketClientConnection, websocket_connect

PATIENCE = 10.0
ISO = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")


class Client:
    """Events are kept per name, in order; `heard` has all of them as (name, *args).

    When a message was said, and what time it is for the server, is in `times` and `now`, and taken out of what is
    heard: tests hold whole payloads, and few are about times.
    """

    def __init__(self, socket: WebSocketClientConnection) -> None:
        self._socket = socket
        self._ids = itertools.count(1)
        self._acks: dict[int, asyncio.Future[list[Any]]] = {}
        self._arrived = asyncio.Condition()
        self._taken: dict[str, int] = {}
        self.heard: list[tuple[Any, ...]] = []
        self.closed = asyncio.Event()
        self.gone = asyncio.Event()  # the server has said that it left the namespace
        self.data: dict[str, Any] = {}
        self.times: dict[int, str] = {}  # self.times[message id]
        self.now = ""

    @classmethod
    async def connect(cls, port: int, *, headers: dict[str, str] | None = None, join: bool = True) -> Client:
        request = HTTPRequest(
            f"ws://127.0.0.1:{port}/socket.io/?EIO=4&transport=websocket",
            headers=headers or {},
            connect_timeout=PATIENCE,
        )
        client = cls(await websocket_connect(request))
        assert str(await client._socket.read_message()).startswith("0{")
        if join:
            client.send("40")
            assert str(await client._socket.read_message()).startswith("40{")
        client._reader = asyncio.ensure_future(client._read())
        return client

    def send(self, frame: str | bytes) -> None:
        """Send one frame as it is."""
        self._socket.write_message(frame, binary=isinstance(frame, bytes))

    async def emit(self, *event: Any) -> list[Any]:
        """Send an event with a callback; return the arguments of its ack."""
        number = next(self._ids)
        self.send(f"42{number}{json.dumps(event)}")
        return await self._ack(number)

    def tell(self, *event: Any) -> None:
        """Send an event without a callback."""
        self.send(f"42{json.dumps(event)}")

    async def auth(self, app_id: Any = 2, token: Any = None, **more: Any) -> list[Any]:
        """Send `auth`; return the ack, and keep its data."""
        payload = {"app_id": app_id} | ({} if token is None else {"hashed_token": token}) | more
        answer = await self.emit("auth", payload)
        if len(answer) > 1:
            self.data = answer[1]
        return answer

    async def say(self, text: str, cid: str = "") -> Any:
        """Send `new_message`; return the first argument of the ack, None where there is none."""
        answer = await self.emit("new_message", text, *([{"cid": cid}] if cid else []))
        return answer[0] if answer else None

    async def next(self, name: str) -> Any:
        """Return the payload of the next event of this name that wasn't returned yet; wait for it where needed."""

        def waiting() -> list[tuple[Any, ...]]:
            return [event for event in self.heard if event[0] == name][self._taken.get(name, 0) :]

        async with self._arrived:
            await asyncio.wait_for(self._arrived.wait_for(waiting), PATIENCE)
        payload = waiting()[0][1]
        self._taken[name] = self._taken.get(name, 0) + 1
        return payload

    def names(self) -> list[str]:
        """The names of all events heard, in order."""
        return [event[0] for event in self.heard]

    async def settle(self) -> None:
        """Return when the server has handled all that was sent so far: events of one client are handled in order."""
        number = next(self._ids)
        self.send(f'42{number}["settle"]')
        await self._ack(number)
        self.heard.remove(("client_error", "unknown event `settle`"))

    def _timeless(self, value: Any) -> Any:
        """Take the times out of messages and of what `auth` answers, and check that they are some."""
        if isinstance(value, list):
            return [self._timeless(each) for each in value]
        if not isinstance(value, dict):
            return value
        if {"id", "text", "user"} <= value.keys():
            assert ISO.fullmatch(value["at"]), value
            self.times[value["id"]] = value["at"]
            assert "plugin" not in value or "reason" not in value or ISO.fullmatch(value["expires_at"]), value
            value = {key: each for key, each in value.items() if key not in {"at", "expires_at"}}
        if "room" in value:
            assert ISO.fullmatch(value["now"]), value
            self.now = value["now"]
            value = {key: each for key, each in value.items() if key != "now"}
        return {key: self._timeless(each) for key, each in value.items()}

    async def _ack(self, number: int) -> list[Any]:
        waiting = self._acks[number] = asyncio.get_running_loop().create_future()
        return await asyncio.wait_for(waiting, PATIENCE)

    async def close(self) -> None:
        self._socket.close()
        await asyncio.wait_for(self.closed.wait(), PATIENCE)

    def drop(self) -> None:
        """Be gone, and hear nothing more, without waiting for anything."""
        self._reader.cancel()
        self._socket.close()

    async def _read(self) -> None:
        while (frame := await self._socket.read_message()) is not None:
            if frame == "2":
                self.send("3")
            elif isinstance(frame, str) and frame.startswith("42"):
                async with self._arrived:
                    self.heard.append(tuple(self._timeless(json.loads(frame[2:]))))
                    self._arrived.notify_all()
            elif frame == "41":
                self.gone.set()
            elif isinstance(frame, str) and frame.startswith("43"):
                number, bracket, rest = frame[2:].partition("[")
                if waiting := self._acks.get(int(number)):
                    waiting.set_result(self._timeless(json.loads(bracket + rest)))
        self._socket.close()
        self.closed.set()
