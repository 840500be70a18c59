#!/usr/bin/env python3
"""A stand-in for a site's API, for tests and for development: apps and users in Moneypot's form.

    .venv/bin/python scripts/fake_moneypot.py --port 4001
    # server.toml:  [identity.moneypot]  api = "http://127.0.0.1:4001/v1"  app_secret = "sesame"

App 2 belongs to carol. Tokens: token-alice (member), token-eve (member), token-bob (mod), token-carol (owner),
token-dave (admin), and the one in the seed's example, which is donald's.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
from collections import Counter
from typing import Any

from tornado.web import Application, RequestHandler

SECRET = "sesame"  # noqa: S105 - a fake server's fake secret
SEED_TOKEN = "5fef422fb4e79a1785868b87abb3d3932ea5621c23ab2e9b13ee2167f12542cb"  # noqa: S105 - from the seed's example


class FakeMoneypot:
    """The API's data and its moods.

    `mood` is ok, html, error500, error503, junk, null, slow (answers when
    it is released), drip (a byte now and then), redirect or
    drop (closes the connection). `calls` counts requests by path, without the query.
    """

    def __init__(self) -> None:
        self.mood = "ok"
        self.flaky = 0
        """How many requests are still answered with 503 before `mood` applies."""
        self.calls: Counter[str] = Counter()
        self.held = asyncio.Event()
        """Set once `slow` holds a request."""
        self.released = asyncio.Event()
        """Set to let go of requests that `slow` holds."""
        self.apps: dict[int, Any] = {
            2: {"id": 2, "name": "Dice", "owners": ["carol"]},
            3: {"id": 3, "name": "Plinko", "owners": []},
        }
        self.users: dict[str, Any] = {
            "token-alice": {"id": 1, "uname": "alice", "role": "member", "email": "alice@example.com"},
            "token-bob": {"id": 2, "uname": "bob", "role": "mod"},
            "token-carol": {"id": 3, "uname": "carol", "role": "member"},
            "token-dave": {"id": 4, "uname": "dave", "role": "admin"},
            "token-eve": {"id": 5, "uname": "eve", "role": "member"},
            SEED_TOKEN: {"id": 69, "uname": "donald", "role": "admin"},
        }

    def application(self) -> Application:
        """Return the Tornado application; its routes are under /v1."""
        return Application(
            [
                (r"/v1/apps/([^/]*)", _Handler, {"fake": self, "kind": "app"}),
                (r"/v1/hashed-token-users/([^/]*)", _Handler, {"fake": self, "kind": "user"}),
            ]
        )


class _Handler(RequestHandler):
    def initialize(self, fake: FakeMoneypot, kind: str) -> None:
        self.fake = fake
        self.kind = kind

    async def get(self, key: str) -> None:
        fake = self.fake
        fake.calls[self.request.path] += 1
        if fake.flaky:
            fake.flaky -= 1
            self.set_status(503)
            return
        match fake.mood:
            case "ok":
                self._answer(key)
            case "html":
                self.write("<html><h1>Checking your browser</h1></html>")
            case "error500":
                self.set_status(500)
                self.write({"error": "INTERNAL_ERROR"})
            case "error503":
                self.set_status(503)
            case "junk":
                self.write('{"id": ')
            case "null":
                self.set_header("Content-Type", "application/json")
                self.write("null")
            case "redirect":
                self.redirect(f"{self.request.path}/elsewhere?{self.request.query}")
            case "slow":
                fake.held.set()
                await fake.released.wait()
                self._answer(key)
            case "drip":
                while not fake.released.is_set():
                    self.write(" ")
                    await self.flush()
                    await asyncio.sleep(0.02)
            case "drop":
                self.request.connection.stream.close()  # type: ignore[attr-defined]

    def _answer(self, key: str) -> None:
        if self.get_query_argument("app_secret", "") != SECRET:
            self.set_status(403)
            self.write({"error": "INVALID_APP_SECRET"})
            return
        if self.kind == "app":
            found = self.fake.apps.get(int(key)) if key.isdecimal() else None
            self.write(found or {"error": "APP_NOT_FOUND"})
        else:
            self.write(self.fake.users.get(key) or {"error": "INVALID_ACCESS_TOKEN"})


async def main() -> None:
    """Serve until Ctrl-C."""
    parser = argparse.ArgumentParser(description="A stand-in for a site's API.")
    parser.add_argument("--port", type=int, default=4001)
    port = parser.parse_args().port
    FakeMoneypot().application().listen(port, "127.0.0.1")
    print(f"fake API on http://127.0.0.1:{port}/v1, app_secret {SECRET!r}", flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(main())
