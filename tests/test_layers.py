"""Imports point inward, and each outside library has one home."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "tornado_chat"

# From the inside out. A module may import modules of its own layer and of those before it.
LAYERS = (
    # core and ports: no I/O of their own
    {"version", "text", "models", "errors", "verdicts", "clock", "origins",
     "addresses", "events", "commands", "filters", "snapshot", "room",
     "store", "bus", "identity", "writer", "sanctions", "moderation", "presence", "chat", "plugin_api",
     "gates", "listeners", "happenings", "routes", "supervision", "actions", "holding", "storage", "periodic",
     "metrics", "plugin_set", "http", "quota", "repeats", "availability", "breaker", "rechecks", "audit",
     "back_pages",
     "alarm", "app_part", "services", "params", "patience", "replies",
     "bans", "ban_list", "modes", "networks", "people", "records", "settling", "speech", "secret",
     "matching", "folding", "disguises", "confusables", "unicode_tables", "signing", "wallets"},
    # adapters
    {"hookspecs", "__init__", "config", "config_errors", "config_tables", "plugins", "lookup_cache", "identity_demo",
     "identity_moneypot", "store_mongo", "store_mongo_records", "store_mongo_versions", "mongo_rows", "http_server",
     "mongo_embedded", "registry", "engine", "fanout", "gateway", "gateway_packets", "gateway_server", "logs", "web",
     "gateway_shapes", "store_mongo_pages",
     "http_client", "store_memory", "file_watch", "manual_clock", "hosts", "links"},
    # the composition root, and what calls it
    {"server", "cli", "__main__", "assembly", "reloader", "loop_watch", "plugin_list", "trial", "scaffold", "testing",
     "garbage"},
)  # fmt: skip
CORE_MAY_IMPORT = {"msgspec"}
HOMES = {
    "socketio": {"fanout", "gateway_packets", "gateway_server"},
    "motor": {"store_mongo", "store_mongo_pages", "store_mongo_records"},
    "pymongo": {"store_mongo", "store_mongo_pages", "store_mongo_records", "store_mongo_versions"},
    "pluggy": {"plugins", "hookspecs"},
    "requests": {"http_client"},
    "requests_futures": {"http_client"},
    "watchfiles": {"file_watch"},
    "prometheus_client": {"web"},
    "cachetools": {"lookup_cache"},
    "nx_27017": {"mongo_embedded"},
    "publicsuffixlist": {"hosts"},
    "tornado": {"web", "engine", "gateway", "server", "testing", "http_server"},
}


def imports() -> Iterator[tuple[str, str]]:
    """Yield (module or subpackage of ours, name that it imports) for every import statement."""
    for path in sorted(PACKAGE.rglob("*.py")):
        ours = path.relative_to(PACKAGE).with_suffix("").parts[0]
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Import):
                yield from ((ours, alias.name) for alias in node.names)
            elif isinstance(node, ast.ImportFrom):
                module = node.module or ""
                yield from (
                    (ours, f"{module}.{alias.name}" if module == "tornado_chat" else module) for alias in node.names
                )


def layer(module: str) -> int:
    return next(number for number, modules in enumerate(LAYERS) if module in modules)


def test_every_module_has_a_layer() -> None:
    modules = {path.stem if path.suffix else path.name for path in PACKAGE.iterdir() if path.suffix in {".py", ""}}
    assert modules - {"__pycache__", "templates"} == set.union(*LAYERS)


def test_imports_point_inward() -> None:
    outward = [
        f"{ours} imports {name}"
        for ours, name in imports()
        if name.startswith("tornado_chat.") and layer(name.split(".")[1]) > layer(ours)
    ]
    assert outward == []


def test_the_engine_knows_nothing_of_the_chat() -> None:
    foreign = [
        name
        for ours, name in imports()
        if ours == "engine" and name.startswith("tornado_chat") and not name.startswith("tornado_chat.engine")
    ]
    assert foreign == []


def test_the_core_imports_nothing_from_outside_but_msgspec() -> None:
    allowed = set(sys.stdlib_module_names) | CORE_MAY_IMPORT | {"tornado_chat"}
    foreign = [
        f"{ours} imports {name}" for ours, name in imports() if layer(ours) == 0 and name.split(".")[0] not in allowed
    ]
    assert foreign == []


@pytest.mark.parametrize("library", sorted(HOMES))
def test_a_library_is_imported_in_its_home_alone(library: str) -> None:
    users = {ours for ours, name in imports() if name.split(".")[0] == library}
    assert users <= HOMES[library]
    assert users, f"nothing uses {library}"


def test_there_is_no_cycle() -> None:
    graph: dict[str, set[str]] = {}
    for ours, name in imports():
        if name.startswith("tornado_chat.") and ours != "__init__":
            graph.setdefault(ours, set()).add(name.split(".")[1])
    done: set[str] = set()

    def visit(module: str, way: tuple[str, ...]) -> None:
        assert module not in way, " -> ".join((*way, module))
        if module not in done:
            for other in graph.get(module, set()) - {module}:
                visit(other, (*way, module))
            done.add(module)

    for module in list(graph):
        visit(module, ())
    assert len(done) > 20


def test_plugins_import_nothing_of_the_server_but_its_public_api() -> None:
    for path in sorted((ROOT / "plugins").glob("*.py")):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("tornado_chat"):
                assert node.module == "tornado_chat", path


def test_no_module_has_state_of_its_own() -> None:
    """A name in lowercase is bound to no list, dict or set; one in capitals is a constant, which this can't prove."""
    stateful = []
    for path in [*PACKAGE.rglob("*.py"), *(ROOT / "plugins").glob("*.py")]:
        for node in ast.parse(path.read_text("utf-8")).body:
            if isinstance(node, ast.Assign | ast.AnnAssign):
                targets = node.targets if isinstance(node, ast.Assign) else [node.target]
                names = [target.id for target in targets if isinstance(target, ast.Name)]
                stateful += [
                    f"{path.name}: {name}"
                    for name in names
                    if name.islower()
                    and name not in {"log", "__all__"}
                    and isinstance(node.value, ast.List | ast.Dict | ast.Set)
                ]
    assert stateful == []
