"""Writes tornado_chat/unicode_tables.py from Unicode's own files. Run it when there is a new version of Unicode:

    .venv/bin/python scripts/unicode_tables.py 17.0.0

With a folder in the version's place, the files are read from there:

    confusables.txt  https://www.unicode.org/Public/security/<version>/confusables.txt
    the others       https://www.unicode.org/Public/<version>/ucd/
"""

from __future__ import annotations

import argparse
import re
import textwrap
from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path

import requests

TARGET = Path(__file__).parent.parent / "tornado_chat" / "unicode_tables.py"
SITE = "https://www.unicode.org/Public"
LICENSE = "https://www.unicode.org/license.txt"

HEADER = '''"""Tables out of Unicode {version}, written by scripts/unicode_tables.py: don't edit this file.

All numbers are code points in hexadecimal; `a-b` is a range with both ends.
"""

# The data is Unicode's, in another form, under this licence:
#
{license}

VERSION = "{version}"

# confusables.txt of UTS #39, each prototype: what it is, a colon, and all that looks like it.
'''


def read(source: str, name: str) -> str:
    folder = Path(source)
    if folder.is_dir():
        return (folder / name).read_text("utf-8-sig")
    where = {"confusables.txt": f"{SITE}/security/{source}/{name}", "license.txt": LICENSE}
    answer = requests.get(where.get(name, f"{SITE}/{source}/ucd/{name}"), timeout=60)
    answer.raise_for_status()
    return answer.content.decode("utf-8-sig")


def rows(text: str) -> Iterator[list[str]]:
    for line in text.splitlines():
        fields = [field.strip() for field in line.partition("#")[0].split(";")]
        if len(fields) >= 2:
            yield fields


def code_points(text: str) -> range:
    first, _, last = text.partition("..")
    return range(int(first, 16), int(last or first, 16) + 1)


def ranges(points: Iterable[int]) -> Iterator[str]:
    begun = last = None
    for point in sorted(points):
        if last is not None and point == last + 1:
            last = point
            continue
        if begun is not None:
            yield f"{begun:x}" if begun == last else f"{begun:x}-{last:x}"
        begun = last = point
    if begun is not None:
        yield f"{begun:x}" if begun == last else f"{begun:x}-{last:x}"


def constant(name: str, parts: Iterable[str]) -> str:
    wrapped = textwrap.fill(" ".join(parts), 118, break_long_words=False, break_on_hyphens=False)
    return f'{name} = """\\\n{wrapped}\n"""\n'


def confusables(text: str) -> Iterator[str]:
    alike: dict[str, list[int]] = defaultdict(list)
    for source, prototype, *_ in rows(text):
        alike[" ".join(f"{int(part, 16):x}" for part in prototype.split())].append(int(source, 16))
    for prototype in sorted(alike, key=lambda key: [int(part, 16) for part in key.split()]):
        yield f"{prototype}: {' '.join(ranges(alike[prototype]))};"


def scripts(scripts_text: str, extensions_text: str, aliases_text: str) -> Iterator[str]:
    short = {long: code for kind, code, long, *_ in rows(aliases_text) if kind == "sc"}
    script = {point: (short[name],) for points, name in rows(scripts_text) for point in code_points(points)}
    for points, names in rows(extensions_text):
        script.update({point: tuple(sorted(names.split())) for point in code_points(points)})
    used: dict[tuple[str, ...], list[int]] = defaultdict(list)
    for point, names in script.items():
        used[names].append(point)
    for names in sorted(used):
        yield f"{' '.join(names)}: {' '.join(ranges(used[names]))};"


def having(text: str, wanted: set[str]) -> Iterator[str]:
    return ranges(point for points, name, *_ in rows(text) if name in wanted for point in code_points(points))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("source", help="a version of Unicode, or a folder with its files")
    source = parser.parse_args().source
    confusables_text = read(source, "confusables.txt")
    (version,) = re.findall(r"^# Version: (\S+)", confusables_text, re.MULTILINE)
    properties = read(source, "DerivedCoreProperties.txt")
    license_text = read(source, "license.txt").partition("SPDX-License-Identifier")[0].strip()
    quoted = "\n".join(f"# {line}".rstrip() for line in license_text.splitlines())
    TARGET.write_text(
        HEADER.format(version=version, license=quoted)
        + constant("CONFUSABLES", confusables(confusables_text))
        + "\n# Script_Extensions of UAX #24: the scripts, a colon, and what is used in all of them.\n"
        + constant(
            "SCRIPTS",
            scripts(
                read(source, "Scripts.txt"),
                read(source, "ScriptExtensions.txt"),
                read(source, "PropertyValueAliases.txt"),
            ),
        )
        + "\n# Default_Ignorable_Code_Point: what shows nothing.\n"
        + constant("IGNORABLE", having(properties, {"Default_Ignorable_Code_Point"}))
        + "\n# General_Category M: what is put onto the letter before it, or beside it as a vowel sign.\n"
        + constant("MARKS", having(read(source, "DerivedGeneralCategory.txt"), {"Mn", "Mc", "Me"})),
        "utf-8",
    )


if __name__ == "__main__":
    main()
