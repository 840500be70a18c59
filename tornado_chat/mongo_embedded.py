"""The embedded database: nx-27017, a MongoDB-protocol server over one SQLite file, as a child process.

Run as a module, this file is that child. The child lives no longer than its parent, however the parent ends: it holds
the reading end of a pipe that only the parent writes to, and goes when the pipe closes.
"""

from __future__ import annotations

import argparse
import asyncio
import fcntl
import logging
import logging.handlers
import os
import signal
import socket
import sys
import threading
import time
from pathlib import Path
from typing import Any

from tornado_chat.errors import ChatError

log = logging.getLogger(__name__)

HOST = "127.0.0.1"
LOG_FILE = "database.log"
LOCK_FILE = "database.lock"
START_TIMEOUT = 20.0  # seconds; a slow disk and a cold start take two
LOCK_PATIENCE = 5.0  # seconds for the child of a server that was just killed to go
STOP_PATIENCE = 5.0
FIRST_PAUSE = 0.25  # seconds before it is started again; doubles up to LAST_PAUSE
LAST_PAUSE = 10.0
PURGE_EVERY = 60.0  # seconds between two looks for what has run out, as with MongoDB
IN_USE = 3  # exit status of a child that doesn't get the lock


class EmbeddedMongoError(ChatError):
    """The embedded database can't be started; the message says why."""


class EmbeddedMongo:
    """Runs the embedded database on `data_dir`, and starts it again if it dies."""

    def __init__(self, data_dir: Path) -> None:
        self._data_dir = data_dir
        self._port = _free_port()
        self._process: asyncio.subprocess.Process | None = None
        self._keeper: asyncio.Task[None] | None = None

    @property
    def uri(self) -> str:
        """The database's URI; it stays the same when the database is started again."""
        return f"mongodb://{HOST}:{self._port}/?directConnection=true"

    @property
    def pid(self) -> int | None:
        """The child's process id while it runs."""
        return self._process.pid if self._process and self._process.returncode is None else None

    async def start(self) -> None:
        """Start the database and return once it takes connections. Raises EmbeddedMongoError."""
        try:
            self._data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise EmbeddedMongoError(f"data directory {self._data_dir}: {error.strerror}") from None
        if not os.access(self._data_dir, os.W_OK | os.X_OK):
            raise EmbeddedMongoError(f"data directory {self._data_dir} can't be written to")
        await self._spawn()
        self._keeper = asyncio.get_running_loop().create_task(self._keep())

    async def stop(self) -> None:
        """Stop the database and wait until it is gone."""
        if self._keeper is not None:
            self._keeper.cancel()
        if self._process is None or self._process.returncode is not None:
            return
        assert self._process.stdin is not None  # noqa: S101 - for the type checker: it was made with a pipe
        self._process.stdin.close()
        try:
            await asyncio.wait_for(self._process.wait(), STOP_PATIENCE)
        except TimeoutError:
            self._process.kill()
            await self._process.wait()

    async def _spawn(self) -> None:
        try:
            await self._spawn_child()
        except OSError as error:
            raise EmbeddedMongoError(f"it can't be started: {error}") from None

    async def _spawn_child(self) -> None:
        self._process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-P",  # the folder that the server was started in is no place to import from
            "-m",
            "tornado_chat.mongo_embedded",
            str(self._data_dir),
            str(self._port),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
            start_new_session=True,  # a Ctrl-C in the terminal is for the parent, which then stops us in order
        )
        deadline = time.monotonic() + START_TIMEOUT
        while not await _answers(self._port):
            if self._process.returncode == IN_USE:
                holder = (self._data_dir / LOCK_FILE).read_text("ascii").strip()
                raise EmbeddedMongoError(
                    f"data directory {self._data_dir} is in use by another tornado-chat (its database is process "
                    f"{holder}); stop it, or choose another folder"
                )
            if self._process.returncode is not None:
                raise EmbeddedMongoError(
                    f"it ended with status {self._process.returncode}; see {self._data_dir / LOG_FILE}"
                )
            if time.monotonic() > deadline:
                self._process.kill()
                raise EmbeddedMongoError(
                    f"it didn't answer within {START_TIMEOUT:g} s; see {self._data_dir / LOG_FILE}"
                )
            await asyncio.sleep(0.02)

    async def _keep(self) -> None:
        """Start the database again, on the same port, whenever it dies."""
        while self._process is not None:
            status = await self._process.wait()
            log.error(
                "the embedded database ended (status %s); starting it again. Its log is %s",
                status,
                self._data_dir / LOG_FILE,
            )
            await self._restart()

    async def _restart(self) -> None:
        pause = FIRST_PAUSE
        while True:
            await asyncio.sleep(pause)
            try:
                return await self._spawn()
            except EmbeddedMongoError as error:
                pause = min(pause * 2, LAST_PAUSE)
                log.error("the embedded database doesn't start: %s; trying again in %g s", error, pause)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
        return port


async def _answers(port: int) -> bool:
    try:
        _, writer = await asyncio.open_connection(HOST, port)
    except OSError:
        return False
    writer.close()
    return True


def main(data_dir: Path, port: int) -> int:
    """Be the child: lock `data_dir`, serve it on `port`, and end when standard input does. Returns the exit status."""
    threading.Thread(target=_end_with_parent, daemon=True).start()
    lock = (data_dir / LOCK_FILE).open("a", encoding="ascii")
    if not _lock(lock.fileno()):
        return IN_USE
    lock.truncate(0)
    lock.write(f"{os.getpid()}\n")
    lock.flush()
    handler = logging.handlers.RotatingFileHandler(data_dir / LOG_FILE, maxBytes=1_000_000, backupCount=1)
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    logging.basicConfig(handlers=[handler], level=logging.WARNING, force=True)

    from nx_27017.nx_27017 import main as serve  # noqa: PLC0415 - only the child pays for this import

    _purge_seldom()
    # --data-dir: one SQLite file for each database; with --db all of them would be one, whatever their names.
    sys.argv = ["nx-27017", "--data-dir", str(data_dir), "--host", HOST, "--port", str(port)]
    # The pid and log files that it would share with every other instance on the machine are turned away.
    sys.argv += ["--pid-file", str(data_dir / "database.pid"), "--log-file", os.devnull]
    (data_dir / "database.pid").unlink(missing_ok=True)
    serve()
    return 0


def _purge_seldom() -> None:
    """Look for what has run out once a minute.

    nx-27017 does it before each operation, and looks at everything: 60 ms in a collection of 100,000 messages.
    """
    from neosqlite.collection import (  # type: ignore[import-untyped]  # noqa: PLC0415 - only the child pays for it
        Collection,
    )

    purge = getattr(Collection, "_auto_purge_ttl", None)
    if purge is None:  # another version, that may do it otherwise
        return

    def seldom(collection: Any) -> None:
        now = time.monotonic()
        if now - collection.__dict__.get("_purged_at", -PURGE_EVERY) >= PURGE_EVERY:
            collection.__dict__["_purged_at"] = now
            purge(collection)

    Collection._auto_purge_ttl = seldom


def _lock(descriptor: int) -> bool:
    deadline = time.monotonic() + LOCK_PATIENCE
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > deadline:
                return False
            time.sleep(0.05)
        else:
            return True


def _end_with_parent() -> None:
    # Not sys.stdin: a thread that holds its lock makes the interpreter abort at its end.
    while os.read(0, 1):
        pass
    logging.disable()  # what it was in the middle of is no error
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(STOP_PATIENCE / 2)
    os._exit(1)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("data_dir", type=Path)
    parser.add_argument("port", type=int)
    arguments = parser.parse_args()
    sys.exit(main(arguments.data_dir, arguments.port))
