"""The only reader of configuration files and of the environment. conf/README.md documents every key."""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import quote, quote_plus, unquote_plus

import msgspec
from msgspec import Struct

from tornado_chat.config_errors import explain
from tornado_chat.config_tables import AppFile, IdentityTable, LimitsTable, MongodbTable, ServerFile, ServerTable
from tornado_chat.errors import ConfigError
from tornado_chat.secret import Secret

T = TypeVar("T")

DEFAULT_APP = "default.toml"
SHORTEST_SECRET = 8


class Config(Struct, frozen=True, kw_only=True):
    """All of the configuration. `apps` has a file for each id; `default_app` serves the others, where there is one."""

    server: ServerTable
    limits: LimitsTable = msgspec.field(default_factory=LimitsTable)
    mongodb: MongodbTable
    identity: IdentityTable
    plugin_path: tuple[Path, ...]
    plugin_reach: tuple[str, ...] = ()
    data_dir: Path
    plugin_secrets: tuple[Secret, ...]  # what plugins' options took from the environment
    apps: Mapping[int, tuple[str, AppFile]]  # apps[app_id] = (name of its file, its contents)
    default_app: tuple[str, AppFile] | None
    directory: Path | None = None  # that all of this was read from

    def app(self, app_id: int) -> tuple[str, AppFile] | None:
        """Return the file name and settings for an app, or None for one that isn't served."""
        return self.apps.get(app_id, self.default_app)

    def needs_restart(self, other: Config) -> list[str]:
        """Return the keys, such as `server.port`, that differ in `other` and are only read at the start."""
        changed = []
        for table in ("server", "limits", "mongodb", "identity"):
            before, after = _plain(getattr(self, table)), _plain(getattr(other, table))
            changed += [f"{table}.{key}" for key in {**before, **after} if before.get(key) != after.get(key)]
        for app_id, (_, app_file) in self.apps.items():
            new = other.apps.get(app_id, (None, None))[1]
            if new is not None and _fixed(new) != _fixed(app_file):
                changed.append(f"history, presence, moderation.retain or moderation.held of app {app_id}")
        return changed

    @property
    def app_files(self) -> list[tuple[str, AppFile]]:
        """Every app file with its name, the default last."""
        return [*self.apps.values(), *([self.default_app] if self.default_app else [])]

    @property
    def secrets(self) -> list[str]:
        """All that must never be printed."""
        found = [self.identity.moneypot.app_secret.reveal()] if self.identity.moneypot else []
        if match := re.search(r"//[^/@]*:([^/@]+)@", self.mongodb.uri.reveal()):
            found += [match.group(1), unquote_plus(match.group(1))]
        found += [secret.reveal() for secret in self.plugin_secrets]
        found += [quoted(secret) for secret in found for quoted in (quote, quote_plus)]
        return [secret for secret in dict.fromkeys(found) if secret]


def load_config(directory: Path, environ: Mapping[str, str] = os.environ) -> Config:
    """Read server.toml and apps/*.toml in `directory`.

    Relative paths in server.toml are taken from the folder that the process runs in for `data_dir`, and from
    `directory` for `plugins.path`. Raises ConfigError; its message has one line for each file that can't be used.
    """
    server_path = directory / "server.toml"
    if not server_path.is_file():
        raise ConfigError(f"{server_path}: no such file; --conf must name a folder that has server.toml and apps/")
    problems: list[str] = []
    plugin_secrets: list[str] = []
    server_file = _try_read(server_path, ServerFile, environ, problems, plugin_secrets)
    apps: dict[int, tuple[str, AppFile]] = {}
    default_app = None
    for path in sorted((directory / "apps").glob("*.toml")):
        app_file = _try_read(path, AppFile, environ, problems, plugin_secrets)
        if app_file is None:
            continue
        try:
            _check_app(path, app_file, server_file.identity if server_file else None)
        except ConfigError as error:
            problems.append(str(error))
            continue
        if path.name == DEFAULT_APP:
            default_app = (str(path), app_file)
        elif app_file.id is not None:
            apps[app_file.id] = (str(path), app_file)
    if not problems and not apps and default_app is None:
        problems.append(f"{directory / 'apps'}: no app; write apps/2.toml for app 2, or apps/default.toml for any")
    if problems or server_file is None:
        raise ConfigError("\n".join(problems))
    return Config(
        server=server_file.server,
        limits=server_file.limits,
        mongodb=server_file.mongodb,
        identity=server_file.identity,
        plugin_path=tuple(directory / folder for folder in server_file.plugins.path),
        plugin_reach=server_file.plugins.reach,
        data_dir=Path(server_file.server.data_dir),
        plugin_secrets=tuple(map(Secret, plugin_secrets)),
        apps=apps,
        default_app=default_app,
        directory=directory,
    )


def _fixed(app_file: AppFile) -> object:
    """Return what a chat is made with, and keeps."""
    moderation = app_file.moderation
    return app_file.history, app_file.presence, moderation.retain, moderation.held, moderation.held_hours


def _plain(table: Struct) -> dict[str, Any]:
    """Return what a table says, secrets too, so that two of them can be compared."""
    found: dict[str, Any] = {}
    for name in table.__struct_fields__:
        value = getattr(table, name)
        if isinstance(value, Struct):
            found |= {f"{name}.{key}": inner for key, inner in _plain(value).items()} | {name: True}
        else:
            found[name] = value.reveal() if isinstance(value, Secret) else value
    return found


def convert(value: Any, kind: type[T], file: str, table: str = "", also: tuple[str, ...] = ()) -> T:
    """Return `value`, the parsed `table` of a `file`, as a `kind`.

    `also` are keys that the table may have beside those of `kind`, for suggestions. Raises ConfigError with the file,
    the key and what was expected.
    """
    try:
        return msgspec.convert(value, kind, dec_hook=_decode_secret)
    except msgspec.ValidationError as error:
        path, what = explain(str(error), kind, also)
        key = ".".join(part for part in (table, path) if part)
        raise ConfigError(f"{file}: {key}: {what}" if key else f"{file}: {what}") from None
    except Exception as error:  # a plugin's __post_init__ may raise anything
        raise ConfigError(f"{file}: {table}: {type(error).__name__}: {error}") from error


def _try_read(
    path: Path, kind: type[T], environ: Mapping[str, str], problems: list[str], plugin_secrets: list[str]
) -> T | None:
    try:
        return _read(path, kind, environ, plugin_secrets)
    except ConfigError as error:
        problems.append(str(error))
        return None


def _read(path: Path, kind: type[T], environ: Mapping[str, str], plugin_secrets: list[str]) -> T:
    try:
        parsed = tomllib.loads(path.read_text("utf-8-sig"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, OSError) as error:
        raise ConfigError(f"{path}: {error}") from None
    from_environment: dict[str, str] = {}
    parsed = _resolve(parsed, "", str(path), environ, from_environment)
    # Shorter ones are numbers and switches, and covering those would spoil the log.
    plugin_secrets += [
        text for key, text in from_environment.items() if key.startswith("plugin.") and len(text) >= SHORTEST_SECRET
    ]
    while True:
        try:
            return convert(parsed, kind, str(path))
        except ConfigError as error:
            # The environment has only strings. Where another type is wanted, the string is read as TOML.
            key = str(error).removeprefix(f"{path}: ").partition(": ")[0]
            if not _retype(parsed, key, from_environment.pop(key, None)):
                raise


def _resolve(value: Any, key: str, path: str, environ: Mapping[str, str], found: dict[str, str]) -> Any:
    """Return `value` with each {env = "NAME"} replaced; `found[key]` is where that was done."""
    if isinstance(value, list):
        return [_resolve(item, f"{key}[{index}]", path, environ, found) for index, item in enumerate(value)]
    if not isinstance(value, dict):
        return value
    if set(value) == {"env"} and isinstance(value["env"], str):
        name = value["env"]
        if name not in environ:
            raise ConfigError(f"{path}: {key}: environment variable {name} is not set")
        found[key] = environ[name]
        return environ[name]
    return {
        name: _resolve(item, f"{key}.{name}" if key else name, path, environ, found) for name, item in value.items()
    }


def _retype(parsed: Any, key: str, text: str | None) -> bool:
    if text is None:
        return False
    try:
        value = tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return False
    *tables, last = key.split(".")
    for name in tables:
        parsed = parsed[name]
    if last not in parsed or "[" in last:
        return False
    parsed[last] = value
    return True


def _check_app(path: Path, app_file: AppFile, identity: IdentityTable | None) -> None:
    if path.name == DEFAULT_APP:
        if app_file.id is not None:
            raise ConfigError(f"{path}: id: {DEFAULT_APP} serves every app without a file of its own, so it has no id")
    elif str(app_file.id) != path.stem:
        if not path.stem.isdecimal():
            raise ConfigError(f"{path}: the file's name must be the app's number, such as 2.toml, or {DEFAULT_APP}")
        raise ConfigError(f"{path}: id: expected {path.stem}, the file's name, got {app_file.id}")
    if identity is None:
        return  # server.toml can't be read, and that is told already
    known = [name for name in IdentityTable.__struct_fields__ if getattr(identity, name) is not None]
    if app_file.identity not in known and app_file.identity not in app_file.plugins:
        raise ConfigError(
            f"{path}: identity: {app_file.identity!r} has no [identity.{app_file.identity}] table in server.toml, "
            f"and is none of the app's plugins" + (f"; there is: {', '.join(known)}" if known else "")
        )


def _decode_secret(kind: type, value: object) -> object:
    if kind is Secret:
        if not isinstance(value, str):
            raise ValueError(f"Expected `str`, got `{type(value).__name__}`")
        return Secret(value)
    raise NotImplementedError(kind)
