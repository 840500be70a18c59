"""The same chat on stock python-socketio and Tornado, for comparison. It stores nothing: history is kept in memory."""

from __future__ import annotations

import asyncio
import sys
from collections import deque
from typing import Any

import socketio
from tornado.httpserver import HTTPServer
from tornado.netutil import bind_sockets
from tornado.web import Application

USERS = {
    uname: {"id": number, "uname": uname, "role": "member"}
    for number, uname in enumerate(("alice", "bob", "carol", "dave", "eve"), 1)
}
LOBBY = "app:2"


async def main(heartbeat: float) -> None:
    server = socketio.AsyncServer(
        async_mode="tornado", async_handlers=False, ping_interval=heartbeat, cors_allowed_origins="*"
    )
    history: deque[dict[str, Any]] = deque(maxlen=250)
    seated: dict[str, dict[str, Any] | None] = {}
    ids = iter(range(1, sys.maxsize))

    async def auth(sid: str, payload: dict[str, Any]) -> tuple[Any, ...]:
        user = USERS.get(payload.get("hashed_token", ""))
        if user is not None and user not in seated.values():
            await server.emit("user_joined", user, room=LOBBY)
        seated[sid] = user
        await server.enter_room(sid, LOBBY)
        here = {found["uname"]: found for found in seated.values() if found is not None}
        room = {"users": here, "history": list(history), "muteList": {}}
        return None, {"room": room} | ({} if user is None else {"user": user})

    async def new_message(sid: str, text: str) -> Any:
        user = seated.get(sid)
        if user is None:
            return "USER_REQUIRED"
        if not 1 <= len(text.strip()) <= 350 or "darn" in text.lower().split():
            return "MESSAGE_REJECTED"
        message = {
            "id": next(ids),
            "user": {"uname": user["uname"], "role": user["role"]},
            "text": text.strip(),
        }
        history.append(message)
        await server.emit("new_message", message, room=LOBBY)
        return None

    async def disconnect(sid: str, reason: str) -> None:
        user = seated.pop(sid, None)
        if user is not None and user not in seated.values():
            await server.emit("user_left", user, room=LOBBY)

    server.on("auth", auth)
    server.on("new_message", new_message)
    server.on("disconnect", disconnect)
    sockets = bind_sockets(0, "127.0.0.1", backlog=4096)
    HTTPServer(Application([(r"/socket.io/", socketio.get_tornado_handler(server))])).add_sockets(sockets)
    sys.stdout.write(f"listening on http://127.0.0.1:{sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    await asyncio.Event().wait()


asyncio.run(main(float(sys.argv[1])))
