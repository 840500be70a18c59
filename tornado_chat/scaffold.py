"""Writes the files of a new plugin, which works and whose tests pass."""

from __future__ import annotations

import keyword
import re
import sys
from collections.abc import Iterable
from pathlib import Path
from string import Template

from tornado_chat.errors import ConfigError

TEMPLATES = Path(__file__).parent / "templates" / "plugin"
_NAME = re.compile(r"[a-z][a-z0-9_-]{0,39}", re.ASCII)


def new_plugin(name: str, parent: Path, taken: Iterable[str]) -> list[Path]:
    """Write a package for the plugin `name` into a new folder of that name in `parent`; return the files.

    `taken` are the names that other plugins have. Raises ConfigError for a name that can't be used, or is taken, and
    for a folder that is there already or can't be written.
    """
    module = name.replace("-", "_")
    if not _NAME.fullmatch(name) or keyword.iskeyword(module):
        raise ConfigError(f"{name!r} can't be a plugin's name: write a-z, 0-9, - and _, a letter first, at most 40")
    if module in sys.stdlib_module_names or module == "tornado_chat":
        raise ConfigError(f"{name!r} can't be a plugin's name: Python has a module {module}")
    if name in taken:
        raise ConfigError(f"there is a plugin {name!r} already; take another name")
    folder = parent / name
    words = {"name": name, "module": module, "title": name.replace("-", " ").replace("_", " ").capitalize()}
    targets = {
        "setup.cfg.tmpl": folder / "setup.cfg",
        "pyproject.toml.tmpl": folder / "pyproject.toml",
        "README.md.tmpl": folder / "README.md",
        "plugin.py.tmpl": folder / f"{module}.py",
        "test_plugin.py.tmpl": folder / "tests" / f"test_{module}.py",
    }
    try:
        folder.mkdir(parents=True)
        (folder / "tests").mkdir()
        for template, target in targets.items():
            text = Template((TEMPLATES / template).read_text("utf-8")).substitute(words)
            target.write_text(text, "utf-8")
    except FileExistsError:
        raise ConfigError(f"{folder} is there already; choose another name, or another folder with --into") from None
    except OSError as error:
        raise ConfigError(f"{folder} can't be written: {error.strerror}") from None
    return list(targets.values())
