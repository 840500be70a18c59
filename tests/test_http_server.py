"""The descriptors that a server may have, and the sockets that one process hands on to the next."""

from __future__ import annotations

import logging
import os
import resource
import subprocess
import sys
from typing import Any

import pytest

from tornado_chat.http_server import SPARE_DESCRIPTORS, allow_descriptors, inherited_sockets

HAND_ON = """
import os, socket, sys
from tornado_chat.http_server import hand_on, inherited_sockets

if sys.argv[1:]:
    print([each.getsockname()[1] for each in inherited_sockets()])
else:
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(3)]
    print([each.getsockname()[1] for each in sockets], flush=True)
    os.execve(sys.executable, [sys.executable, "-c", os.environ["SOURCE"], "again"], os.environ | hand_on(sockets))
"""


def test_sockets_are_handed_on_in_their_order() -> None:
    environ = os.environ | {"SOURCE": HAND_ON}
    run = subprocess.run([sys.executable, "-c", HAND_ON], env=environ, capture_output=True, text=True, check=True)
    before, after = run.stdout.splitlines()
    assert before == after


@pytest.mark.parametrize(
    "environ",
    [
        {},
        {"LISTEN_FDS": "1"},
        {"LISTEN_FDS": "1", "LISTEN_PID": "1"},
        {"LISTEN_FDS": "-1", "LISTEN_PID": str(os.getpid())},
        {"LISTEN_FDS": "x", "LISTEN_PID": str(os.getpid())},
    ],
)
def test_what_is_meant_for_others_is_not_taken(environ: dict[str, str]) -> None:
    assert inherited_sockets(environ) == []


@pytest.mark.parametrize(
    ("soft", "hard", "wanted", "expected"),
    [
        (1024, 1_000_000, 15_000, 15_000 + SPARE_DESCRIPTORS),
        (1024, 4096, 15_000, 4096),
        (100_000, 100_000, 15_000, None),
        (1024, resource.RLIM_INFINITY, 15_000, 15_000 + SPARE_DESCRIPTORS),
        (resource.RLIM_INFINITY, resource.RLIM_INFINITY, 15_000, None),
    ],
)
def test_as_many_files_are_allowed_as_may_be(
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    soft: int,
    hard: int,
    wanted: int,
    expected: int | None,
) -> None:
    asked: list[Any] = []
    monkeypatch.setattr(resource, "getrlimit", lambda _: (soft, hard))
    monkeypatch.setattr(resource, "setrlimit", lambda _, limits: asked.append(limits))
    with caplog.at_level(logging.WARNING):
        allow_descriptors(wanted)
    assert asked == ([] if expected is None else [(expected, hard)])
    assert ("raise `ulimit -Hn`" in caplog.text) is (expected == 4096)
