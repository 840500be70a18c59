"""/socket.io/socket.io.js: the official Socket.IO client, where sites of the original's time load it from."""

from __future__ import annotations

from pathlib import Path

from tornado.web import StaticFileHandler

STATIC = Path(__file__).parent / "static"
CLIENT = "socket.io.min.js"  # as npm's socket.io-client has it in dist/; a test compares the two


class ClientHandler(StaticFileHandler):
    """One file, under the names that it is asked for by; any page may load it."""

    async def get(self, path: str, include_body: bool = True) -> None:
        await super().get(CLIENT, include_body)

    def set_extra_headers(self, path: str) -> None:
        self.set_header("Access-Control-Allow-Origin", "*")
        self.set_header("X-Content-Type-Options", "nosniff")


def client_handlers() -> list[tuple[str, type, dict[str, object]]]:
    return [(r"/socket\.io/(socket\.io(?:\.min)?\.js)", ClientHandler, {"path": str(STATIC / "socket.io")})]
