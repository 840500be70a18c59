"""What `tornado-chat try` does: one message through an app's gates and filters, and what each filter says."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from functools import partial

from tornado_chat.addresses import Reach
from tornado_chat.bus import DirectBus
from tornado_chat.chat import Chat
from tornado_chat.clock import SystemClock
from tornado_chat.config import Config
from tornado_chat.errors import MAX_TEXT, ConfigError
from tornado_chat.filters import InstalledFilter
from tornado_chat.http_client import RequestsHttpClient
from tornado_chat.models import Draft, Person, User
from tornado_chat.moderation import Decision, Deliver, Refuse, Withhold
from tornado_chat.plugins import discover, load_plugins
from tornado_chat.store_memory import MemoryStore
from tornado_chat.supervision import PluginFailed
from tornado_chat.text import js_length, js_trim
from tornado_chat.verdicts import Verdict


async def try_message(config: Config, app_id: int, user: User, text: str, said: int = 0) -> AsyncIterator[str]:
    """Yield a line for each filter of an app that is asked about `text`, and one for what becomes of it.

    Who has `said` nothing before comes for the first time; others have been here for a year.

    The room is empty and the plugins' storage too: what depends on what was said before is as for the first message.
    Raises ConfigError for an app that isn't served, and a text that can't be a message.
    """
    entry = config.app(app_id)
    if entry is None:
        raise ConfigError(f"app {app_id} has no file, and there is no apps/default.toml")
    text = js_trim(text)
    if not 1 <= js_length(text) <= MAX_TEXT:
        raise ConfigError(f"a message has 1 to {MAX_TEXT} characters")
    if text.startswith("/"):
        yield "=> a command, or an unknown one: no filter is asked"
        return
    name, app_file = entry
    clock = SystemClock()
    chat = Chat(
        app_id,
        store=MemoryStore(),
        bus=DirectBus(),
        clock=clock,
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
    now = clock.now()
    person = Person(user.uname, now - timedelta(days=365) if said else now, now, said)
    lines: list[str] = []

    def note(installed: InstalledFilter, verdict: Verdict | PluginFailed) -> None:
        dry = " (dry run)" if installed.policy.dry_run else ""
        what = str(verdict) if isinstance(verdict, PluginFailed) else repr(verdict)
        lines.append(f"{installed.part.plugin}: {what}{dry}")

    try:
        screening = await loaded.moderation.screen(user, text, note, person=person)
        decision, actions = screening.decision, [*screening.actions]
        if not isinstance(decision, Refuse):
            accepted = loaded.moderation.accept(Draft(app_id, user, decision.text, text, person))
            actions += accepted.actions
            if isinstance(accepted.decision, Refuse):
                decision = accepted.decision
    finally:
        await loaded.close()
    for line in lines:
        yield line
    for plugin, action in actions:
        yield f"{plugin} wants beside: {action!r}"
    yield _end(decision)


def _end(decision: Decision) -> str:
    match decision:
        case Deliver(text=final, shadow=shadow):
            return f"=> shown to {'its sender and staff' if shadow else 'everybody'}: {final}"
        case Refuse(plugin=plugin, code=code, message=message):
            return f"=> refused by {plugin} with {code}: {message}"
        case Withhold(plugin=plugin, reason=reason):
            return f"=> held for a moderator by {plugin}: {reason}"
