"""Takes changed configuration files into use while the server runs."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any, TypeVar

from tornado_chat.assembly import Assembly
from tornado_chat.config import Config, load_config
from tornado_chat.errors import ConfigError
from tornado_chat.plugin_set import PluginSet
from tornado_chat.plugins import Found, discover, files_of, import_plugins
from tornado_chat.registry import Registry

log = logging.getLogger(__name__)

T = TypeVar("T")

IMPORT_SECONDS = 60.0


class Reloader:
    """Builds anew what `assembly` holds, from the same folder. `counts` gets "done" or "failed" for each try.

    `reading` is told of each configuration before it is used.
    """

    def __init__(
        self, assembly: Assembly, registry: Registry, counts: Counter[str], reading: Callable[[Config], None]
    ) -> None:
        self._assembly = assembly
        self._registry = registry
        self._counts = counts
        self._reading = reading
        self._lock = asyncio.Lock()
        self.files: Mapping[str, str] = files_of(assembly.built.catalog)
        """The plugin of each source file."""

    async def reload(self) -> bool:
        """Read, build and swap; where that can't be done, log why, change nothing, and return False."""
        async with self._lock:
            sets: dict[int, PluginSet] = {}
            try:
                config = await _in_thread(self._read)
                self._reading(config)
                catalog = await _in_thread(_import, config)
                built = self._assembly.build(config, catalog, sets)
            except ConfigError as error:
                self._counts["failed"] += 1
                log.error(
                    "the configuration stays as it was, because what is in the files now can't be used: %s", error
                )
                await _close(sets.values())
                return False
            for key in self._assembly.built.config.needs_restart(config):
                log.warning("%s has changed; that counts from the next start on", key)
            old = self._assembly.use(built)
            self._registry.table = built.table
            self.files = files_of(catalog)
            self._counts["done"] += 1
            log.info("reloaded: %d apps, plugins %s", len(built.table.all), ", ".join(sorted(_names(config))) or "none")
            await _close(old)
            return True

    def _read(self) -> Config:
        directory = self._assembly.built.config.directory
        if directory is None:
            raise ConfigError("this server wasn't started from files")
        return load_config(directory)


def _import(config: Config) -> Mapping[str, Found]:
    """Import the plugins that apps name; in a thread, since a module may take long."""
    catalog = discover(config.plugin_path)
    for name, app_file in config.app_files:
        import_plugins(name, app_file.plugins, catalog)
    return catalog


async def _in_thread(function: Callable[..., T], *arguments: object) -> T:
    """Return what a function returns, which runs in a thread of its own. Raises ConfigError where it never ends.

    Not in one of asyncio's: the process could not end before a module that is imported for ever.
    """
    loop = asyncio.get_running_loop()
    done: asyncio.Future[T] = loop.create_future()

    def run() -> None:
        try:
            settle = partial(_settle, done.set_result, function(*arguments))
        except BaseException as error:
            settle = partial(_settle, done.set_exception, error)
        with contextlib.suppress(RuntimeError):  # the loop has ended meanwhile
            loop.call_soon_threadsafe(settle, done)

    threading.Thread(target=run, name="reload", daemon=True).start()
    try:
        async with asyncio.timeout(IMPORT_SECONDS):
            return await done
    except TimeoutError:
        raise ConfigError(f"reading the files, or importing a plugin, takes more than {IMPORT_SECONDS:g} s") from None


def _settle(set_outcome: Callable[[Any], None], outcome: object, done: asyncio.Future[Any]) -> None:
    if not done.done():
        set_outcome(outcome)


def _names(config: Config) -> set[str]:
    return {plugin for _, app_file in config.app_files for plugin in app_file.plugins}


async def _close(sets: Iterable[PluginSet]) -> None:
    await asyncio.gather(*(plugins.close() for plugins in sets), return_exceptions=True)
