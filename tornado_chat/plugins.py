"""Plugins: where they are found, and one pluggy manager per app for those that its config names."""

from __future__ import annotations

import functools
import importlib.util
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from types import ModuleType
from typing import Any

import pluggy
from msgspec import Struct

from tornado_chat import hookspecs
from tornado_chat.commands import Command, InstalledCommand
from tornado_chat.config import convert
from tornado_chat.errors import ConfigError
from tornado_chat.filters import Filter, FilterPolicy, InstalledFilter
from tornado_chat.plugin_api import PluginApi, PluginOptions

ENTRY_POINTS = "tornado_chat.plugins"


@dataclass(frozen=True, slots=True)
class Found:
    """A plugin that could be loaded: its name, where it comes from, and how."""

    name: str
    origin: str
    load: Callable[[], Any]


def discover(folders: Iterable[Path]) -> dict[str, Found]:
    """Return every plugin by name: entry points of installed packages, then `*.py` in `folders`.

    Nothing is imported yet. Raises ConfigError for a folder that isn't there and for a name that is found twice.
    """
    found: dict[str, Found] = {}
    for plugin in (*_installed(), *_in_folders(folders)):
        if plugin.name in found:
            raise ConfigError(f"two plugins are named {plugin.name!r}: {found[plugin.name].origin} and {plugin.origin}")
        found[plugin.name] = plugin
    return found


@dataclass(frozen=True, slots=True)
class LoadedPlugins:
    """What an app's plugins registered, in the config's order."""

    commands: Mapping[str, InstalledCommand]
    filters: Sequence[InstalledFilter]


def load_plugins(
    where: str,
    names: Iterable[str],
    options: Mapping[str, Mapping[str, Any]],
    catalog: Mapping[str, Found],
    make_api: Callable[[str, Any], PluginApi],
) -> LoadedPlugins:
    """Load the plugins `names` for one app.

    `where` is the app's file, `options` its [plugin.*] tables, `make_api(plugin, options)` makes what a plugin is
    handed. Raises ConfigError, naming file, plugin and key, for a plugin that isn't found, fails to load, has a hook
    that doesn't exist, an option that it doesn't know, or a command that another plugin has.
    """
    manager = pluggy.PluginManager(hookspecs.PROJECT)
    manager.add_hookspecs(hookspecs)
    apis: dict[str, PluginApi] = {}
    policies: dict[str, FilterPolicy] = {}
    for name in names:
        at = f"{where}: plugin {name}"
        plugin = _load(name, at, catalog)
        _register(manager, plugin, name, at)
        policies[name], own_options = _read_table(manager, plugin, options.get(name, {}), where, f"plugin.{name}")
        apis[name] = make_api(name, own_options)
    return LoadedPlugins(
        _commands(where, manager, apis),
        [
            InstalledFilter(name, item, policies[name])
            for name, item in _registered(where, manager, apis, "register_filters", Filter)
        ],
    )


def _installed() -> Iterator[Found]:
    for point in entry_points(group=ENTRY_POINTS):
        yield Found(point.name, _origin(point), point.load)


def _origin(point: EntryPoint) -> str:
    return f"{point.value} of {point.dist.name} {point.dist.version}" if point.dist else point.value


def _in_folders(folders: Iterable[Path]) -> Iterator[Found]:
    for folder in folders:
        if not folder.is_dir():
            raise ConfigError(f"server.toml: plugins.path: {folder} is not a folder")
        for path in sorted(folder.glob("*.py")):
            if not path.name.startswith("_"):
                yield Found(path.stem, str(path), functools.cache(functools.partial(_import_file, path)))


def _import_file(path: Path) -> ModuleType:
    # In sys.modules under a name of its own: dataclasses and msgspec look a class's module up there.
    name = f"tornado_chat_plugin_file_{path.stem}_{abs(hash(path.resolve())):x}"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise ImportError(f"{path} can't be imported")
    module = sys.modules[name] = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module


def _load(name: str, at: str, catalog: Mapping[str, Found]) -> Any:
    if name not in catalog:
        raise ConfigError(
            f"{at}: not found; installed or in a folder of plugins.path are: {', '.join(sorted(catalog))}"
        )
    try:
        return catalog[name].load()
    except (Exception, SystemExit) as error:
        raise ConfigError(f"{at} ({catalog[name].origin}): {type(error).__name__}: {error}") from error


def _register(manager: pluggy.PluginManager, plugin: Any, name: str, at: str) -> None:
    try:
        manager.register(plugin, name)
        manager.check_pending()
    except pluggy.PluginValidationError as error:
        hooks = ", ".join(name for name in vars(hookspecs) if name.startswith("register_"))
        raise ConfigError(f"{at}: {error}; the hooks are: {hooks}") from None
    marked = {caller.name for caller in manager.get_hookcallers(plugin) or []}
    for hook in dir(plugin):
        if hook.startswith("register_") and hook not in marked:
            raise ConfigError(f"{at}: its {hook} is not marked with @hookimpl")


def _implements(manager: pluggy.PluginManager, plugin: Any, hook: str) -> bool:
    return any(implementation.plugin is plugin for implementation in getattr(manager.hook, hook).get_hookimpls())


def _read_table(
    manager: pluggy.PluginManager, plugin: Any, table: Mapping[str, Any], file: str, key: str
) -> tuple[FilterPolicy, Any]:
    """Return what a plugin's table says of its filters, and the rest as the plugin's own `Options`.

    For a plugin without filters the keys of FilterPolicy are unknown ones.
    """
    shared = FilterPolicy.__struct_fields__ if _implements(manager, plugin, "register_filters") else ()
    policy = convert({name: value for name, value in table.items() if name in shared}, FilterPolicy, file, key)
    own = {name: value for name, value in table.items() if name not in shared}
    declared = getattr(plugin, "Options", None)
    if isinstance(declared, type) and issubclass(declared, Struct):
        return policy, convert(own, declared, file, key, also=shared)
    convert(own, PluginOptions, file, key, also=shared)
    return policy, None


def _registered(
    where: str, manager: pluggy.PluginManager, apis: Mapping[str, PluginApi], hook: str, kind: type
) -> Iterator[tuple[str, Any]]:
    """Yield (plugin name, item) for all that each plugin's `hook` registers, in the config's order."""
    for name, api in apis.items():
        others = [plugin for other, plugin in manager.list_name_plugin() if other != name]
        call = manager.subset_hook_caller(hook, others)
        try:
            results = call(api=api)
            items = [item for result in results for item in result]
        except (Exception, SystemExit) as error:
            raise ConfigError(f"{where}: plugin {name}: {hook} raised {type(error).__name__}: {error}") from error
        if not results and _implements(manager, manager.get_plugin(name), hook):
            raise ConfigError(f"{where}: plugin {name}: {hook} returned None; it must return a list, empty for nothing")
        for item in items:
            if not isinstance(item, kind):
                raise ConfigError(f"{where}: plugin {name}: {hook} gave {item!r}, which is no {kind.__name__}")
            yield name, item


def _commands(where: str, manager: pluggy.PluginManager, apis: Mapping[str, PluginApi]) -> dict[str, InstalledCommand]:
    commands: dict[str, InstalledCommand] = {}
    for name, command in _registered(where, manager, apis, "register_commands", Command):
        if other := commands.get(command.name):
            raise ConfigError(f"{where}: plugins {other.plugin} and {name} both have the command /{command.name}")
        commands[command.name] = InstalledCommand(name, command)
    return commands
