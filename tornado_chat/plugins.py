"""Plugins: where they are found, and one pluggy manager per app for those that its config names."""

from __future__ import annotations

import functools
import importlib.util
import inspect
import re
import sys
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from importlib.machinery import SourceFileLoader
from importlib.metadata import EntryPoint, entry_points
from itertools import chain, islice
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any, cast

import pluggy
from msgspec import Struct

from tornado_chat import hookspecs
from tornado_chat.commands import Command, InstalledCommand
from tornado_chat.config import convert
from tornado_chat.errors import ConfigError
from tornado_chat.filters import Filter, FilterPolicy, InstalledFilter
from tornado_chat.gates import Gate, InstalledGate
from tornado_chat.identity import IdentityProvider, guard
from tornado_chat.listeners import Audience, InstalledListener, Listener
from tornado_chat.moderation import Moderation
from tornado_chat.plugin_api import PluginApi, PluginOptions
from tornado_chat.plugin_set import PluginSet
from tornado_chat.routes import InstalledRoute, Route
from tornado_chat.services import Services
from tornado_chat.supervision import Part, PluginBlocked
from tornado_chat.web.plugin_routes import guarded

MAX_ITEMS = 1000  # that one hook of one plugin may register
ENTRY_POINTS = "tornado_chat.plugins"


@dataclass(frozen=True, slots=True)
class Found:
    """A plugin that could be loaded: its name, where it comes from, and how."""

    name: str
    origin: str
    load: Callable[[], Any]
    module: str  # its name in sys.modules, once it is loaded
    version: str = ""  # of the package that it is in

    @property
    def file(self) -> str | None:
        """The path of its source, where it is loaded and has one."""
        return getattr(sys.modules.get(self.module), "__file__", None)


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


def import_plugins(where: str, names: Iterable[str], catalog: Mapping[str, Found]) -> None:
    """Import the modules of plugins, which may take long; load_plugins then finds them imported.

    Raises ConfigError for one that isn't found, or can't be imported.
    """
    for name in names:
        _load(name, f"{where}: plugin {name}", catalog)


def files_of(catalog: Mapping[str, Found]) -> dict[str, str]:
    """Return the plugin of each source file, for those plugins that are imported."""
    return {file: name for name, found in catalog.items() if (file := found.file) is not None}


def load_plugins(
    where: str,
    names: Iterable[str],
    options: Mapping[str, Mapping[str, Any]],
    catalog: Mapping[str, Found],
    services: Services,
    *,
    identity: str = "",
) -> PluginSet:
    """Load the plugins `names` for one app.

    `where` is the app's file, `options` its [plugin.*] tables, `services` what the plugins work with, `identity` the
    app's identity, which may be a plugin's name. Raises ConfigError, naming file, plugin and key, for a plugin that
    isn't found, fails to load, has a hook that doesn't exist, an option that it doesn't know, a command that another
    plugin has, or an identity that isn't asked for.
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
        apis[name] = PluginApi(name, own_options, services)
    registered = functools.partial(_registered, where, manager, apis)
    part = services.supervisor.part
    commands = _commands(where, registered("register_commands", Command), part)
    filters = [
        InstalledFilter(part(name, "filter"), item, policies[name])
        for name, item in registered("register_filters", Filter)
    ]
    gates = [
        InstalledGate(part(name, "gate"), item, policies[name]) for name, item in registered("register_gates", Gate)
    ]
    listeners = [
        InstalledListener(part(name, f"listener to {item.kind.__name__}"), item)
        for name, item in registered("register_listeners", Listener)
    ]
    routes = _routes(where, registered("register_routes", Route), part)
    provider = _identity(where, manager, apis, identity)
    services.commands = commands
    return PluginSet(
        Moderation(services.ground.app_id, commands, filters, gates, monotonic=services.ground.clock.monotonic),
        services.supervisor,
        Audience(listeners),
        routes,
        None if provider is None else guard(provider, part(identity, "identity")),
        apis,
    )


def _installed() -> Iterator[Found]:
    for point in entry_points(group=ENTRY_POINTS):
        version = point.dist.version if point.dist else ""
        yield Found(point.name, _origin(point), point.load, point.module, version)


def _origin(point: EntryPoint) -> str:
    return f"{point.value} of {point.dist.name} {point.dist.version}" if point.dist else point.value


def _in_folders(folders: Iterable[Path]) -> Iterator[Found]:
    for folder in folders:
        if not folder.is_dir():
            raise ConfigError(f"server.toml: plugins.path: {folder} is not a folder")
        for path in sorted(folder.glob("*.py")):
            if not path.name.startswith("_"):
                load = functools.cache(functools.partial(_import_file, path))
                yield Found(path.stem, str(path), load, _module_name(path))


class _Uncached(SourceFileLoader):
    """Reads the source itself: cached bytecode is taken for the file's where that has its size and second."""

    def get_code(self, fullname: str) -> CodeType | None:
        path = self.get_filename(fullname)
        return self.source_to_code(self.get_data(path), path)


def _module_name(path: Path) -> str:
    return f"tornado_chat_plugin_file_{path.stem}_{zlib.crc32(bytes(path.resolve())):x}"


def _import_file(path: Path) -> ModuleType:
    # In sys.modules under a name of its own: dataclasses and msgspec look a class's module up there.
    name = _module_name(path)
    spec = importlib.util.spec_from_file_location(name, path, loader=_Uncached(name, str(path)))
    if spec is None or spec.loader is None:
        raise ImportError(f"{path} can't be imported")
    before = sys.modules.get(name)
    module = sys.modules[name] = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except BaseException:
        if before is None:
            del sys.modules[name]
        else:  # the one that is in use goes on
            sys.modules[name] = before
        raise
    return module


def _load(name: str, at: str, catalog: Mapping[str, Found]) -> Any:
    if name not in catalog:
        raise ConfigError(
            f"{at}: not found; installed or in a folder of plugins.path are: {', '.join(sorted(catalog))}"
        )
    try:
        return catalog[name].load()
    except (Exception, SystemExit, PluginBlocked) as error:
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
        if not hook.startswith("register_"):
            continue
        if hook not in marked:
            raise ConfigError(f"{at}: its {hook} is not marked with @hookimpl")
        if inspect.iscoroutinefunction(getattr(plugin, hook)):
            raise ConfigError(f"{at}: its {hook} is an `async def`; it must be a plain one, since it only registers")


def _implements(manager: pluggy.PluginManager, plugin: Any, hook: str) -> bool:
    return any(implementation.plugin is plugin for implementation in getattr(manager.hook, hook).get_hookimpls())


def _read_table(
    manager: pluggy.PluginManager, plugin: Any, table: Mapping[str, Any], file: str, key: str
) -> tuple[FilterPolicy, Any]:
    """Return what a plugin's table says of its filters, and the rest as the plugin's own `Options`.

    For a plugin without filters and gates the keys of FilterPolicy are unknown ones.
    """
    judges = _implements(manager, plugin, "register_filters") or _implements(manager, plugin, "register_gates")
    shared = FilterPolicy.__struct_fields__ if judges else ()
    policy = convert({name: value for name, value in table.items() if name in shared}, FilterPolicy, file, key)
    own = {name: value for name, value in table.items() if name not in shared}
    declared = getattr(plugin, "Options", None)
    if isinstance(declared, type) and issubclass(declared, Struct):
        return policy, convert(own, declared, file, key, also=shared)
    convert(own, PluginOptions, file, key, also=shared)
    return policy, None


def _call(manager: pluggy.PluginManager, name: str, hook: str, api: PluginApi) -> list[Any]:
    """Call one plugin's hook; pluggy leaves out what is None."""
    others = [plugin for other, plugin in manager.list_name_plugin() if other != name]
    return list(manager.subset_hook_caller(hook, others)(api=api))


def _registered(
    where: str, manager: pluggy.PluginManager, apis: Mapping[str, PluginApi], hook: str, kind: type
) -> Iterator[tuple[str, Any]]:
    """Yield (plugin name, item) for all that each plugin's `hook` registers, in the config's order."""
    for name, api in apis.items():
        try:
            results = _call(manager, name, hook, api)
            items = list(islice(chain.from_iterable(results), MAX_ITEMS + 1))
        except (Exception, SystemExit, PluginBlocked) as error:
            raise ConfigError(f"{where}: plugin {name}: {hook} raised {type(error).__name__}: {error}") from error
        if len(items) > MAX_ITEMS:
            raise ConfigError(f"{where}: plugin {name}: {hook} gave more than {MAX_ITEMS} items")
        if not results and _implements(manager, manager.get_plugin(name), hook):
            raise ConfigError(f"{where}: plugin {name}: {hook} returned None; it must return a list, empty for nothing")
        for item in items:
            if not isinstance(item, kind):
                raise ConfigError(f"{where}: plugin {name}: {hook} gave {item!r}, which is no {kind.__name__}")
            yield name, item


def _commands(
    where: str, registered: Iterable[tuple[str, Command]], part: Callable[[str, str], Part]
) -> dict[str, InstalledCommand]:
    commands: dict[str, InstalledCommand] = {}
    for plugin, command in registered:
        installed = InstalledCommand(part(plugin, f"command /{command.name}"), command)
        for name in command.names:
            if other := commands.get(name):
                raise ConfigError(f"{where}: plugins {other.part.plugin} and {plugin} both have the command /{name}")
            commands[name] = installed
    return commands


def _routes(
    where: str, registered: Iterable[tuple[str, Route]], part: Callable[[str, str], Part]
) -> dict[str, list[InstalledRoute]]:
    routes: dict[str, list[InstalledRoute]] = {}
    for plugin, route in registered:
        route_part = part(plugin, f"route {route.path}")
        try:
            handler = guarded(route.handler, route_part)
        except TypeError as error:
            raise ConfigError(f"{where}: plugin {plugin}: the handler of route {route.path!r}: {error}") from None
        installed = InstalledRoute(route_part, route, handler, re.compile(route.path))
        routes.setdefault(plugin, []).append(installed)
    return routes


def _identity(
    where: str, manager: pluggy.PluginManager, apis: Mapping[str, PluginApi], wanted: str
) -> IdentityProvider | None:
    """Return the identity provider of the plugin `wanted`, None where that is no plugin."""
    for name, api in apis.items():
        if not _implements(manager, manager.get_plugin(name), "register_identity"):
            continue
        if name != wanted:
            raise ConfigError(f"{where}: identity: plugin {name} knows users; to ask it, write identity = {name!r}")
        try:
            provider: Any = next(iter(_call(manager, name, "register_identity", api)), None)
        except (Exception, SystemExit, PluginBlocked) as error:
            what = f"register_identity raised {type(error).__name__}: {error}"
            raise ConfigError(f"{where}: plugin {name}: {what}") from error
        for method in ("app", "user", "close"):
            if not inspect.iscoroutinefunction(getattr(provider, method, None)):
                raise ConfigError(
                    f"{where}: plugin {name}: register_identity gave {provider!r}, whose `{method}` is no `async def`"
                )
        return cast(IdentityProvider, provider)
    if wanted in apis:
        raise ConfigError(f"{where}: identity: plugin {wanted} has no register_identity")
    return None
