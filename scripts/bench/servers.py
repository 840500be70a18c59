"""The servers that are compared: each on a core of its own, with the load and the database on the other."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil

HERE = Path(__file__).parent
NAMES = ("ours", "node", "stock")
SERVER_CORE, LOAD_CORE = 0, 1

SERVER_TOML = """
[server]
port = 0
data_dir = "{data}"
heartbeat = {heartbeat}
batch_window = {window}
[mongodb]
uri = "{mongodb}"
database = "bench-{pid}"
[identity.demo]
[limits]
{limits}
"""
LIFTED = """
connections = 20000
connections_per_address = 20000
event_rate = 100000.0
event_burst = 100000
handshake = 60.0
"""
APP_TOML = """
id = 2
identity = "demo"
plugins = ["mute", "flood", "wordlist"]
[plugin.flood]
burst = 100000
rate = 100000.0
[plugin.wordlist]
words = ["darn"]
"""


@dataclass(frozen=True, slots=True)
class Options:
    """How a server is to be run; all but `heartbeat` are for ours. `limits` is a table of its server.toml."""

    heartbeat: float = 25.0
    mongodb: str = "embedded"
    window: float = 0.005
    limits: str = LIFTED
    source: Path | None = None  # a checkout of another version


@dataclass(slots=True)
class Running:
    """A server that listens."""

    port: int
    process: psutil.Process

    def cpu(self) -> float:
        """CPU seconds that the server has used, all its threads together, without the database."""
        times = self.process.cpu_times()
        return times.user + times.system

    def memory(self) -> int:
        """Resident bytes."""
        return self.process.memory_info().rss


@contextlib.contextmanager
def run(name: str, options: Options) -> Iterator[Running]:
    """Start a server; stop it at the end, whatever happens."""
    with tempfile.TemporaryDirectory() as folder:
        command = _command(name, options, Path(folder))
        pin = ["taskset", "-c", str(LOAD_CORE)]
        environ = os.environ | ({"PYTHONPATH": str(options.source.resolve())} if options.source else {})
        with subprocess.Popen(
            [*pin, *command], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, cwd=folder, env=environ
        ) as child:
            try:
                assert child.stdout is not None  # noqa: S101 - for the type checker: it was made with a pipe
                line = child.stdout.readline()
                if not line:
                    sys.exit(f"{name} didn't start: {' '.join(command)}")
                # Not its children: the embedded database stays where the load is.
                for thread in os.listdir(f"/proc/{child.pid}/task"):
                    os.sched_setaffinity(int(thread), {SERVER_CORE})
                yield Running(int(line.rpartition(":")[2]), psutil.Process(child.pid))
            finally:
                child.terminate()


def _command(name: str, options: Options, folder: Path) -> list[str]:
    if name == "stock":
        return [sys.executable, str(HERE / "peers" / "stock.py"), str(options.heartbeat)]
    if name == "node":
        peer = HERE / "peers" / "node"
        if not (peer / "node_modules").is_dir():
            subprocess.run(["npm", "ci", "--no-audit", "--no-fund", "--loglevel=error"], cwd=peer, check=True)
        return ["node", str(peer / "server.mjs"), str(options.heartbeat)]
    conf = folder / "conf"
    (conf / "apps").mkdir(parents=True)
    (conf / "server.toml").write_text(
        SERVER_TOML.format(
            data=folder / "data",
            heartbeat=options.heartbeat,
            window=options.window,
            limits=options.limits,
            mongodb=options.mongodb,
            pid=os.getpid(),
        )
    )
    (conf / "apps" / "2.toml").write_text(APP_TOML)
    return [sys.executable, "-m", "tornado_chat", "serve", "--conf", str(conf)]
