"""A server in a process of its own, as an operator starts it."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

from tornado.httpclient import AsyncHTTPClient


class Process:
    """`tornado-chat serve` with a folder of files; `log` has all that it has written once it is stopped."""

    def __init__(self, running: asyncio.subprocess.Process, port: int) -> None:
        self._running = running
        self.port = port
        self.log = ""

    @classmethod
    async def start(cls, directory: Path, environ: Mapping[str, str] = MappingProxyType({})) -> Process:
        running = await asyncio.create_subprocess_exec(
            *[sys.executable, "-m", "tornado_chat", "serve", "--conf", str(directory)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={**os.environ, **environ},
        )
        assert running.stdout is not None
        line = await asyncio.wait_for(running.stdout.readline(), 30)
        if not line:
            raise AssertionError((await running.communicate())[1].decode())
        return cls(running, int(line.rpartition(b":")[2]))

    async def fetch(self, path: str) -> str:
        """Return what a page answers, whatever its status."""
        answer = await AsyncHTTPClient().fetch(f"http://127.0.0.1:{self.port}/{path}", raise_error=False)
        return f"{answer.headers} {answer.body.decode()}"

    async def stop(self) -> None:
        self._running.terminate()
        said, log = await asyncio.wait_for(self._running.communicate(), 30)
        assert self._running.returncode == 0
        self.log = said.decode() + log.decode()
