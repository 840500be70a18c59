"""Which pages may connect, as the server and the box see it: patterns, wildcards, origins that only look right."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import ROOT, missing
from tornado_chat.origins import Origins

# What both must say: subdomains and ports stand for nothing else, and a scheme's own port may be written out.
VECTORS = json.loads((ROOT / "tests" / "origins.json").read_text("utf-8"))
BOX = ROOT / "tornado_chat" / "web" / "box"
CHECK = """
import {{ readFileSync }} from "node:fs";
import {{ allows }} from {module};
const vectors = JSON.parse(readFileSync({vectors}, "utf-8"));
console.log(JSON.stringify(vectors.filter((each) => allows(each.patterns, each.origin) !== each.allowed)));
"""


@pytest.mark.parametrize("vector", VECTORS, ids=ascii)
def test_an_origin_is_allowed_or_refused(vector: Any) -> None:
    assert Origins(vector["patterns"]).allow(vector["origin"]) is vector["allowed"]


def test_the_box_sees_it_as_the_server_does(node: str, tmp_path: Path) -> None:
    esbuild = BOX / "node_modules" / ".bin" / "esbuild"
    if not esbuild.exists():
        missing("tornado_chat/web/box has no node_modules")
    paths = {"module": BOX / "origins.ts", "vectors": ROOT / "tests" / "origins.json"}
    source, built = tmp_path / "check.ts", tmp_path / "check.mjs"
    source.write_text(CHECK.format(**{name: json.dumps(str(path)) for name, path in paths.items()}))
    bundle = [esbuild, source, "--bundle", "--platform=node", "--format=esm", "--log-level=error", f"--outfile={built}"]
    subprocess.run(bundle, check=True)
    ran = subprocess.run([node, built], check=True, capture_output=True, text=True)
    assert json.loads(ran.stdout) == []
    assert {each["allowed"] for each in VECTORS} == {True, False}


@pytest.mark.parametrize(
    "pattern",
    [
        "https://good.example/",
        "https://good.example/chat",
        "https://good.example?x",
        "https://good.example\n",
        "good.example",
        "ftp://good.example",
        "//good.example",
        "https://",
        "https://*",
        "https://*good.example",
        "https://good.*",
        "https://*.*.good.example",
        "https://good.example:",
        "https://good.example:8*",
        "https://user@good.example",
        "https://Good.example",
        "HTTPS://good.example",
        "https://gööd.example",
        "null",
        "",
        " *",
    ],
    ids=ascii,
)
def test_a_pattern_that_is_none_is_refused_by_name(pattern: str) -> None:
    with pytest.raises(ValueError) as caught:
        Origins(["https://fine.example", pattern])
    assert repr(pattern) in str(caught.value)
