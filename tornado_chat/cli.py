"""The command line: serve, demo, check, plugins, try, new-plugin."""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import signal
import socket
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tornado_chat.config import Config, load_config
from tornado_chat.config_tables import AppFile, DemoTable, IdentityTable, MongodbTable, ServerTable
from tornado_chat.errors import ConfigError
from tornado_chat.garbage import Collector
from tornado_chat.http_server import allow_descriptors, hand_on, inherited_sockets
from tornado_chat.logs import set_up_logging
from tornado_chat.loop_watch import LoopWatch
from tornado_chat.models import Role, User
from tornado_chat.mongo_embedded import EmbeddedMongoError
from tornado_chat.plugin_list import describe
from tornado_chat.plugins import discover
from tornado_chat.scaffold import new_plugin
from tornado_chat.server import ListenError, Server
from tornado_chat.trial import try_message
from tornado_chat.version import VERSION

log = logging.getLogger(__name__)

BAD_CONFIGURATION = 2
DEMO_APP = 2
LOOPBACK_PAGES = ("http://localhost:*", "http://127.0.0.1:*")
DEMO_PLUGINS = (
    *("mute", "ban", "kick", "shadow", "escalate"),
    *("purge", "report", "review", "pin"),
    *("slow", "lock", "members"),
    *("flood", "repeat", "noise", "mentions", "links", "scam", "wordlist", "unique"),
    *("audit", "whois", "notes", "announce", "feed"),
    *("ignore", "me", "mods", "rules", "help"),
)
# One person is everybody here: what asks for a crowd, or for patience, can be seen with a few lines.
DEMO_OPTIONS: dict[str, dict[str, Any]] = {
    "flood": {"burst": 20, "rate": 1.0},
    "links": {"min_minutes": 0},
    "report": {"threshold": 1, "min_minutes": 0},
    "rules": {"greet": "Welcome, {uname}! /help lists what you can do here."},
    "wordlist": {
        "words": ["darn"],
        "action": "replace",
        "lists": [{"name": "gambling", "words": ["casino*"], "action": "hold"}],
    },
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command of `tornado-chat` and return its exit status: 0, 1 for a failure, 2 for a bad configuration."""
    options = _parser().parse_args(arguments)
    try:
        return int(options.run(options))
    except ConfigError as error:
        print(error, file=sys.stderr)
        return BAD_CONFIGURATION
    except ListenError as error:
        print(f"tornado-chat: {error}", file=sys.stderr)
    except EmbeddedMongoError as error:
        print(f"tornado-chat: the embedded database: {error}", file=sys.stderr)
    return 1


def demo_config(port: int, data_dir: Path) -> Config:
    """Return what `tornado-chat demo` serves: app 2 with its five users, the embedded database, the bundled plugins.

    Without those that need a site, a crowd of newcomers, or accounts with an age, a level or a name of one's choice.
    """
    app_file = AppFile(id=DEMO_APP, origins=LOOPBACK_PAGES, identity="demo", plugins=DEMO_PLUGINS, plugin=DEMO_OPTIONS)
    return Config(
        server=ServerTable(port=port, data_dir=str(data_dir)),
        mongodb=MongodbTable(),
        identity=IdentityTable(demo=DemoTable()),
        plugin_path=(),
        data_dir=data_dir,
        plugin_secrets=(),
        apps={DEMO_APP: ("the demo's own settings", app_file)},
        default_app=None,
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="tornado-chat", description="A self-hosted, moderated chatbox for any website."
    )
    parser.add_argument("--version", action="version", version=f"tornado-chat {VERSION}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    serve = commands.add_parser("serve", help="serve the apps of a configuration folder")
    serve.add_argument("--conf", type=Path, required=True, metavar="DIR", help="folder with server.toml and apps/")
    serve.add_argument("--port", type=_port, metavar="N", help="instead of server.port; 0 takes a free one")
    serve.add_argument(
        "--page", action="store_true", help="also the demo's page at /, to try out app 2 with demo users"
    )
    serve.set_defaults(run=_serve)

    demo = commands.add_parser("demo", help="try it: made-up users, a database in a file, a page to talk on")
    demo.add_argument("--port", type=_port, default=4000, metavar="N", help="default 4000; 0 takes a free one")
    demo.add_argument("--data", type=Path, default=Path("data"), metavar="DIR", help="default data/")
    demo.set_defaults(run=_demo)

    check = commands.add_parser("check", help="say what is wrong with a configuration folder, and start nothing")
    _add_conf(check)
    check.set_defaults(run=_check)

    plugins = commands.add_parser("plugins", help="list the plugins that are found, their options, and who uses them")
    _add_conf(plugins)
    plugins.set_defaults(run=_plugins)

    trial = commands.add_parser("try", help="show what each filter of an app would say to a message")
    _add_conf(trial)
    trial.add_argument("--app", type=int, required=True, metavar="N", help="the app's id")
    trial.add_argument("--uname", default="alice", help="who says it; default alice")
    trial.add_argument("--role", type=Role, choices=list(Role), default=Role.MEMBER, help="and as what; default member")
    trial.add_argument(
        "--said", type=int, default=0, metavar="N", help="messages that they said before; default 0: a newcomer"
    )
    trial.add_argument("text", help="the message")
    trial.set_defaults(run=_try)

    new = commands.add_parser("new-plugin", help="write the files of a new plugin, which works, with its tests")
    new.add_argument("name", help="such as no-shouting")
    new.add_argument("--into", type=Path, default=Path(), metavar="DIR", help="default: here")
    new.set_defaults(run=_new_plugin)
    return parser


def _add_conf(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--conf", type=Path, default=Path("conf"), metavar="DIR", help="default conf/")


def _port(text: str) -> int:
    if not text.isdecimal() or int(text) > 65_535:
        raise argparse.ArgumentTypeError(f"{text!r} is no port; it must be 0 to 65535")
    return int(text)


def _serve(options: argparse.Namespace) -> int:
    config = load_config(options.conf)
    set_up_logging(config.secrets)
    if config.identity.demo is not None:
        log.warning("[identity.demo] is on: anyone can be any demo user of the apps that use it")
    elif options.page:
        log.warning("--page: nobody can be anybody on the demo's page; server.toml has no [identity.demo] table")
    _serve_until_stopped(config, port=options.port, demo=options.page)
    return 0


def _demo(options: argparse.Namespace) -> int:
    set_up_logging([])
    _serve_until_stopped(demo_config(options.port, options.data), demo=True)
    return 0


def _check(options: argparse.Namespace) -> int:
    config = load_config(options.conf)
    asyncio.run(_construct(config))
    names = [str(app_id) for app_id in sorted(config.apps)] + (["any other"] if config.default_app else [])
    print(f"{options.conf}: good; apps: {', '.join(names)}")
    return 0


def _plugins(options: argparse.Namespace) -> int:
    config = load_config(options.conf)
    for _, found in sorted(discover(config.plugin_path).items()):
        print("\n".join(describe(found, config)))
    return 0


def _try(options: argparse.Namespace) -> int:
    config = load_config(options.conf)
    set_up_logging(config.secrets)

    async def run() -> None:
        async for line in try_message(
            config, options.app, User(1, options.uname, options.role), options.text, options.said
        ):
            print(line)

    asyncio.run(run())
    return 0


def _new_plugin(options: argparse.Namespace) -> int:
    for path in new_plugin(options.name, options.into, discover([])):
        print(path)
    folder = options.into / options.name
    print(f"Now: cd {folder} && pip install -e '.[test]' && pytest", file=sys.stderr)
    return 0


async def _construct(config: Config) -> None:
    Server(config)


def _serve_until_stopped(config: Config, *, port: int | None = None, demo: bool = False) -> None:
    """Serve; on SIGUSR2 become a new process of the same command, with the same id and the same listening sockets.

    Whoever connects in between waits in the sockets' queue.
    """
    allow_descriptors(config.limits.connections + config.limits.http_connections)
    sockets = asyncio.run(_run(config, port=port, demo=demo))
    if sockets:
        environ = os.environ | hand_on(sockets)
        os.execve(sys.executable, [sys.executable, "-m", "tornado_chat", *sys.argv[1:]], environ)  # noqa: S606


async def _run(config: Config, *, port: int | None, demo: bool) -> list[socket.socket]:
    """Serve until SIGINT or SIGTERM, a second of which ends the process at once; SIGHUP reads the files again.

    Returns the listening sockets where it is to go on in a new process: after SIGUSR2.
    """
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()

    def ask_to_stop() -> None:
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(number)
            signal.signal(number, signal.SIG_DFL)
        stop.set()

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, ask_to_stop)
    restart = asyncio.Event()

    def ask_to_restart() -> None:
        restart.set()
        stop.set()

    loop.add_signal_handler(signal.SIGUSR2, ask_to_restart)
    # What comes into the log from now on has no new secret in it either.
    server = Server(
        config, port=port, demo=demo, reading=lambda config: set_up_logging(config.secrets), sockets=inherited_sockets()
    )
    reloads: set[asyncio.Task[bool]] = set()

    def reload() -> None:
        task = loop.create_task(server.reload())
        reloads.add(task)
        task.add_done_callback(reloads.discard)

    loop.add_signal_handler(signal.SIGHUP, reload)
    watch = LoopWatch(server.plugin_of)
    watch.start()
    collector = Collector(lambda: server.crowded)
    try:
        await server.start()
        collector.start()
        host = f"[{config.server.host}]" if ":" in config.server.host else config.server.host
        url = f"http://{host}:{server.port}"
        print(f"tornado-chat listening on {url}", flush=True)
        if demo:
            print(f"Open {url}/ in a browser, in two tabs, and talk. Ctrl-C ends it.", file=sys.stderr, flush=True)
        await stop.wait()
    finally:
        collector.stop()
        watch.stop()
        await server.stop(keep_listening=restart.is_set())
    return server.sockets if restart.is_set() else []
