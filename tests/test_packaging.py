"""A plain wheel has everything: the plugins, their entry points, the page, the client."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def wheel_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    # From a copy of what git tracks: a build leaves its own folders behind.
    source = tmp_path_factory.mktemp("source")
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True, text=True).stdout
    for name in filter(None, listed.split("\0")):
        if (ROOT / name).is_file():
            (source / name).parent.mkdir(parents=True, exist_ok=True)
            (source / name).write_bytes((ROOT / name).read_bytes())
    subprocess.run([sys.executable, "-m", "build", "--wheel", "--outdir", "dist"], cwd=source, check=True)
    (path,) = (source / "dist").glob("*.whl")
    return path


@pytest.fixture(scope="module")
def wheel(wheel_path: Path) -> zipfile.ZipFile:
    return zipfile.ZipFile(wheel_path)


def test_it_holds_every_file_that_the_program_reads(wheel: zipfile.ZipFile) -> None:
    expected = {str(path.relative_to(ROOT)) for path in (ROOT / "tornado_chat").rglob("*.py")}
    static = ROOT / "tornado_chat" / "web" / "static"
    expected |= {str(path.relative_to(ROOT)) for path in static.rglob("*") if path.is_file()}
    expected |= {str(path.relative_to(ROOT)) for path in (static.parent / "texts").iterdir()}
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


def test_it_works_where_it_is_installed(wheel_path: Path, tmp_path: Path) -> None:
    target = tmp_path / "installed"
    install = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", str(target), str(wheel_path)]
    subprocess.run(install, check=True)
    script = (
        "import tornado_chat.cli, sys, pathlib\n"
        "from tornado_chat.web.client import CLIENT, STATIC\n"
        "assert pathlib.Path(tornado_chat.__file__).is_relative_to(sys.argv[1]), tornado_chat.__file__\n"
        "assert (STATIC / 'socket.io' / CLIENT).is_file() and (STATIC / 'demo' / 'demo.html').is_file()\n"
        "sys.exit(tornado_chat.cli.main(['check', '--conf', sys.argv[2]]))\n"
    )
    answer = subprocess.run(
        [sys.executable, "-P", "-c", script, str(target), str(ROOT / "conf")],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(target), "APP_SECRET": "x"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (answer.returncode, answer.stderr) == (0, "")
    assert answer.stdout.endswith("good; apps: 2, any other\n")
