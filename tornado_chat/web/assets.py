"""The chatbox's files: under names that have a hash in them, for ever; and embed.js, which every site's tag names."""

from __future__ import annotations

import gzip
import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path

from tornado_chat.web.client import STATIC
from tornado_chat.web.plain import PlainHandler

BOX = STATIC / "box"
EMBED = "embed.js"
PREFIX = "/chat/assets/"
FOR_EVER = "public, max-age=31536000, immutable"
FOR_A_WHILE = "public, max-age=300"
TYPES = {".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8"}

_GZIP = re.compile(r"\s*(?:gzip|x-gzip|\*)\s*(?:;\s*q\s*=\s*(0(?:\.[0-9]*)?|1(?:\.0*)?)\s*)?", re.ASCII | re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Asset:
    """A file, as it is and packed, and the hash of it."""

    kind: str
    plain: bytes
    packed: bytes
    hash: str


class Assets:
    """The files of a folder, read and packed once. `embed` is the one that has no hash in its name."""

    def __init__(self, folder: Path = BOX) -> None:
        files = {path.name: _read(path) for path in sorted(folder.iterdir()) if path.suffix in TYPES}
        self.embed = files.pop(EMBED)
        self._by_hashed = {_hashed(name, asset): asset for name, asset in files.items()}
        self.addresses: Mapping[str, str] = {name: PREFIX + _hashed(name, asset) for name, asset in files.items()}
        """Where each file is, by its name in the folder."""

    def find(self, name: str) -> Asset | None:
        """Return the file of a name that has its hash in it."""
        return self._by_hashed.get(name)


def accepts_gzip(header: str) -> bool:
    """Tell whether an Accept-Encoding allows gzip."""
    for part in header.split(","):
        match = _GZIP.fullmatch(part)
        if match is not None:
            return float(match.group(1) or 1) > 0
    return False


class AssetHandler(PlainHandler):
    """A file under its hashed name; any page may load it."""

    def initialize(self, assets: Assets) -> None:
        self._assets = assets
        self._etag: str | None = None

    def compute_etag(self) -> str | None:
        return self._etag  # Tornado would hash the file again each time

    def head(self, name: str = "") -> None:
        self.get(name)

    def get(self, name: str = "") -> None:
        asset = self._assets.find(name)
        if asset is None:
            self.refuse(HTTPStatus.NOT_FOUND, "there is no such file")
            return
        self.give(asset, FOR_EVER)

    def give(self, asset: Asset, cache: str) -> None:
        """Answer with a file."""
        packed = accepts_gzip(self.request.headers.get("Accept-Encoding", ""))
        self._etag = f'"{asset.hash}-gzip"' if packed else f'"{asset.hash}"'
        self.set_header("Content-Type", asset.kind)
        self.set_header("Cache-Control", cache)
        self.set_header("Vary", "Accept-Encoding")
        self.set_header("Access-Control-Allow-Origin", "*")
        self.set_header("Cross-Origin-Resource-Policy", "cross-origin")
        if packed:
            self.set_header("Content-Encoding", "gzip")
        self.finish(asset.packed if packed else asset.plain)


class EmbedHandler(AssetHandler):
    """/embed.js: its name stays, so a browser asks again after a while."""

    def get(self, name: str = "") -> None:
        self.give(self._assets.embed, FOR_A_WHILE)


def asset_handlers(assets: Assets) -> list[tuple[str, type, dict[str, object]]]:
    return [
        (re.escape(PREFIX) + "(.*)", AssetHandler, {"assets": assets}),
        (r"/embed\.js", EmbedHandler, {"assets": assets}),
    ]


def _read(path: Path) -> Asset:
    plain = path.read_bytes()
    packed = gzip.compress(plain, 9, mtime=0)
    return Asset(TYPES[path.suffix], plain, packed, hashlib.sha256(plain).hexdigest()[:16])


def _hashed(name: str, asset: Asset) -> str:
    stem, _, suffix = name.rpartition(".")
    return f"{stem}.{asset.hash}.{suffix}"
