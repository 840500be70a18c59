"""A plain wheel has everything: the plugins, their entry points, the page, the client."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    # From a copy of what git tracks: a build leaves its own folders behind.
    source = tmp_path_factory.mktemp("source")
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True, text=True).stdout
    for name in filter(None, listed.split("\0")):
        if (ROOT / name).is_file():
            (source / name).parent.mkdir(parents=True, exist_ok=True)
            (source / name).write_bytes((ROOT / name).read_bytes())
    subprocess.run([sys.executable, "-m", "build", "--wheel", "--outdir", "dist"], cwd=source, check=True)
    (path,) = (source / "dist").glob("*.whl")
    return zipfile.ZipFile(path)


def test_it_holds_every_file_that_the_program_reads(wheel: zipfile.ZipFile) -> None:
    expected = {str(path.relative_to(ROOT)) for path in (ROOT / "tornado_chat").rglob("*.py")}
    static = ROOT / "tornado_chat" / "web" / "static"
    expected |= {str(path.relative_to(ROOT)) for path in static.rglob("*") if path.is_file()}
    expected |= {f"tornado_chat_plugins/{path.name}" for path in (ROOT / "plugins").glob("*.py")}
    expected |= {"tornado_chat/py.typed", "tornado_chat_plugins/README.md"}
    assert expected - set(wheel.namelist()) == set()


def test_it_holds_no_tests_and_no_configuration(wheel: zipfile.ZipFile) -> None:
    tops = {name.split("/")[0] for name in wheel.namelist()}
    assert tops == {"tornado_chat", "tornado_chat_plugins", "tornado_chat-0.1.0.dist-info"}


def test_every_bundled_plugin_is_an_entry_point(wheel: zipfile.ZipFile) -> None:
    declared = wheel.read("tornado_chat-0.1.0.dist-info/entry_points.txt").decode()
    for path in (ROOT / "plugins").glob("[!_]*.py"):
        assert f"{path.stem} = tornado_chat_plugins.{path.stem}\n" in declared
    assert "tornado-chat = tornado_chat.cli:main" in declared
