"""What `tornado-chat try` does: one message through an app's filters, and what each of them says."""

from __future__ import annotations

from collections.abc import AsyncIterator
from functools import partial

from tornado_chat.addresses import Reach
from tornado_chat.bus import DirectBus
from tornado_chat.chat import Chat
from tornado_chat.clock import SystemClock
from tornado_chat.config import Config
from tornado_chat.errors import MAX_TEXT, ConfigError
from tornado_chat.filters import InstalledFilter
from tornado_chat.http_client import RequestsHttpClient
from tornado_chat.models import User
from tornado_chat.moderation import Deliver, Refuse, Withhold
from tornado_chat.plugins import discover, load_plugins
from tornado_chat.store_memory import MemoryStore
from tornado_chat.supervision import PluginFailed
from tornado_chat.text import js_length, js_trim
from tornado_chat.verdicts import Verdict


async def try_message(config: Config, app_id: int, user: User, text: str) -> AsyncIterator[str]:
    """Yield a line for each filter of an app that is asked about `text`, and one for what becomes of it.

    The room is empty and the plugins' storage too: what depends on what was said before is as for the first message.
    Raises ConfigError for an app that isn't served, and a text that can't be a message.
    """
    entry = config.app(app_id)
    if entry is None:
        raise ConfigError(f"app {app_id} has no file, and there is no apps/default.toml")
    text = js_trim(text)
    if not 1 <= js_length(text) <= MAX_TEXT:
        raise ConfigError(f"a message has 1 to {MAX_TEXT} characters")
    name, app_file = entry
    chat = Chat(
        app_id,
        store=MemoryStore(),
        bus=DirectBus(),
        clock=SystemClock(),
        history=app_file.history,
        presence_limit=app_file.presence.limit,
        timeout=config.mongodb.timeout,
    )
    loaded = load_plugins(
        name,
        app_file.plugins,
        app_file.plugin,
        discover(config.plugin_path),
        chat.services(partial(RequestsHttpClient, reach=Reach(config.plugin_reach))),
        identity=app_file.identity,
    )
    said: list[str] = []

    def note(installed: InstalledFilter, verdict: Verdict | PluginFailed) -> None:
        dry = " (dry run)" if installed.policy.dry_run else ""
        what = str(verdict) if isinstance(verdict, PluginFailed) else repr(verdict)
        said.append(f"{installed.part.plugin}: {what}{dry}")

    try:
        screening = await loaded.moderation.screen(user, text, note)
    finally:
        await loaded.close()
    for line in said:
        yield line
    for plugin, action in screening.actions:
        yield f"{plugin} wants beside: {action!r}"
    match screening.decision:
        case Deliver(text=final, shadow=shadow):
            yield f"=> shown to {'its sender and staff' if shadow else 'everybody'}: {final}"
        case Refuse(plugin=plugin, code=code, message=message):
            yield f"=> refused by {plugin} with {code}: {message}"
        case Withhold(plugin=plugin, reason=reason):
            yield f"=> held for a moderator by {plugin}: {reason}"
