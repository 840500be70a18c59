"""The tables of the configuration's files, and what each of their keys may be. conf/README.md documents every key."""

from __future__ import annotations

import re
from typing import Annotated, Any
from urllib.parse import urlsplit

import msgspec
from msgspec import Meta, Struct

from tornado_chat.addresses import Reach, TrustedProxies
from tornado_chat.audit import RETAIN_DAYS
from tornado_chat.config_errors import API, NAME, URL
from tornado_chat.holding import HELD_HOURS, MAX_HELD, MOST_HELD
from tornado_chat.models import MAX_ID
from tornado_chat.origins import Origins
from tornado_chat.room import PRESENCE_LIMIT
from tornado_chat.secret import Secret

Name = Annotated[str, Meta(pattern=NAME)]
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")


class Table(Struct, forbid_unknown_fields=True, kw_only=True):
    """The base of every table: a key that it doesn't declare is an error."""


class ServerTable(Table):
    """[server]"""

    host: Annotated[str, Meta(min_length=1)] = "127.0.0.1"
    port: Annotated[int, Meta(ge=0, le=65_535)] = 4000
    data_dir: Annotated[str, Meta(min_length=1)] = "data"
    trusted_proxies: tuple[str, ...] = ()
    heartbeat: Annotated[float, Meta(ge=0.1, le=300)] = 25.0
    batch_window: Annotated[float, Meta(ge=0, le=0.1)] = 0.005
    watch: bool = False
    drain: Annotated[float, Meta(ge=1, le=300)] = 10.0

    def __post_init__(self) -> None:
        TrustedProxies(self.trusted_proxies)


class LimitsTable(Table):
    """[limits]"""

    connections: Annotated[int, Meta(ge=1, le=1_000_000)] = 10_000
    connections_per_address: Annotated[int, Meta(ge=1, le=1_000_000)] = 200
    client_buffer: Annotated[int, Meta(ge=65_536, le=1 << 30)] = 1_048_576
    stall: Annotated[float, Meta(ge=0.1, le=300)] = 5.0
    handshake: Annotated[float, Meta(ge=0.1, le=300)] = 10.0
    event_rate: Annotated[float, Meta(ge=0.1, le=1_000_000)] = 20.0
    event_burst: Annotated[int, Meta(ge=1, le=1_000_000)] = 100
    message: Annotated[int, Meta(ge=4096, le=1 << 20)] = 65_536
    connections_per_app: Annotated[int, Meta(ge=1, le=1_000_000)] = 10_000
    http_connections: Annotated[int, Meta(ge=10, le=1_000_000)] = 5_000
    unstored: Annotated[int, Meta(ge=1, le=1_000_000)] = 10_000
    unstored_per_app: Annotated[int, Meta(ge=1, le=1_000_000)] = 2_000
    plugin_calls: Annotated[int, Meta(ge=1, le=1_000_000)] = 1_000
    lookups: Annotated[int, Meta(ge=1, le=100_000)] = 500


class MongodbTable(Table):
    """[mongodb]"""

    uri: Secret = msgspec.field(default_factory=lambda: Secret("embedded"))
    database: Name = "tornado_chat"
    timeout: Annotated[float, Meta(ge=0.1, le=60)] = 3.0
    retention_days: Annotated[int, Meta(ge=0, le=24_855)] = 90  # MongoDB's limit: 2^31 seconds


class MoneypotTable(Table):
    """[identity.moneypot]"""

    api: Annotated[str, Meta(pattern=API)]
    app_secret: Secret
    timeout: Annotated[float, Meta(ge=0.1, le=15)] = 5.0  # a look-up under way holds up the exit
    recheck: Annotated[float, Meta(ge=1, le=86_400)] = 120.0
    grace: Annotated[float, Meta(ge=0, le=604_800)] = 600.0

    def __post_init__(self) -> None:
        if not self.app_secret.reveal():
            raise ValueError("app_secret must not be empty")


class DemoTable(Table):
    """[identity.demo]: no keys; naming the table is what turns the demo users on."""


class IdentityTable(Table):
    """[identity]"""

    moneypot: MoneypotTable | None = None
    demo: DemoTable | None = None


class PluginsTable(Table):
    """[plugins]"""

    path: tuple[str, ...] = ()
    reach: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        Reach(self.reach)


class ServerFile(Table):
    """server.toml"""

    server: ServerTable = msgspec.field(default_factory=ServerTable)
    limits: LimitsTable = msgspec.field(default_factory=LimitsTable)
    mongodb: MongodbTable = msgspec.field(default_factory=MongodbTable)
    identity: IdentityTable = msgspec.field(default_factory=IdentityTable)
    plugins: PluginsTable = msgspec.field(default_factory=PluginsTable)


class PresenceTable(Table):
    """[presence] of an app"""

    limit: Annotated[int, Meta(ge=0, le=1_000_000)] = PRESENCE_LIMIT


class ModerationTable(Table):
    """[moderation] of an app"""

    retain: Annotated[float, Meta(gt=0, le=3660)] = RETAIN_DAYS
    hide_actor: bool = False
    held: Annotated[int, Meta(ge=1, le=MOST_HELD)] = MAX_HELD
    held_hours: Annotated[float, Meta(gt=0, le=720)] = HELD_HOURS


DEFAULT_PLUGINS = (
    "mute",
    "ban",
    "purge",
    "slow",
    "flood",
    "repeat",
    "links",
    "wordlist",
    "audit",
    "help",
    "reload",
)


class BoxTable(Table):
    """[box] of an app: how the chatbox presents it. Without a title it is called Chat, in the visitor's language."""

    title: Annotated[str, Meta(min_length=1, max_length=80)] | None = None
    login_url: Annotated[str, Meta(pattern=URL, max_length=2048)] | None = None

    def __post_init__(self) -> None:
        if self.title is not None and (not self.title.strip() or _CONTROL.search(self.title)):
            raise ValueError("title must be a line of 1 to 80 characters")
        if self.login_url is not None and not _has_host(self.login_url):
            raise ValueError("login_url must be a URL such as https://www.example.com/login")


class AppFile(Table):
    """apps/<id>.toml, and apps/default.toml, which has no `id`"""

    id: Annotated[int, Meta(ge=1, le=MAX_ID)] | None = None
    origins: tuple[str, ...] = ()
    history: Annotated[int, Meta(ge=1, le=1000)] = 250
    presence: PresenceTable = msgspec.field(default_factory=PresenceTable)
    moderation: ModerationTable = msgspec.field(default_factory=ModerationTable)
    identity: Name = "moneypot"
    # In this order a message is asked about; all of it leaves ordinary talk alone (tests/test_moderation_corpus.py).
    plugins: tuple[Name, ...] = DEFAULT_PLUGINS
    box: BoxTable = msgspec.field(default_factory=BoxTable)
    plugin: dict[str, dict[str, Any]] = {}

    def __repr__(self) -> str:
        # Not `plugin`: what plugins are told may be secret.
        return f"AppFile(id={self.id}, plugins={self.plugins})"

    def __post_init__(self) -> None:
        Origins(self.origins)
        for index, name in enumerate(self.plugins):
            if name in self.plugins[:index]:
                raise ValueError(f"plugins names {name!r} twice")
        for name in self.plugin:
            if name not in self.plugins:
                raise ValueError(
                    f"[plugin.{name}] is for a plugin that `plugins` does not name; it names: {', '.join(self.plugins)}"
                )


def _has_host(url: str) -> bool:
    try:
        return bool(urlsplit(url).hostname)
    except ValueError:
        return False
