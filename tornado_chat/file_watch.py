"""Tells when files of the configuration or of plugins change. The only home of watchfiles."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from pathlib import Path

from tornado_chat.errors import ConfigError

SUFFIXES = (".toml", ".py")


def require_watchfiles() -> None:
    """Raise ConfigError where watchfiles isn't installed."""
    try:
        import watchfiles  # noqa: F401, PLC0415 - an extra
    except ImportError:
        raise ConfigError("server.toml: server.watch needs watchfiles; pip install 'tornado-chat[watch]'") from None


async def changes(folders: Iterable[Path], stop: asyncio.Event) -> AsyncIterator[list[str]]:
    """Yield the names of *.toml and *.py files that have changed in `folders`, some at a time, until `stop` is set."""
    from watchfiles import Change, awatch  # noqa: PLC0415 - an extra

    def concerns(_change: Change, path: str) -> bool:
        return path.endswith(SUFFIXES)

    async for found in awatch(*folders, watch_filter=concerns, stop_event=stop, debounce=500, step=100):
        yield sorted({path for _, path in found})
