"""All that a plugin may touch of the server."""

from __future__ import annotations

import logging
from collections.abc import Callable, Coroutine
from contextlib import AbstractContextManager
from datetime import datetime
from typing import Any, Literal, TypeVar, cast

import msgspec

from tornado_chat.commands import Command, usable
from tornado_chat.errors import MAX_TEXT, PluginLimit
from tornado_chat.http import HttpClient
from tornado_chat.metrics import PluginMetrics
from tornado_chat.models import (
    BOT_ID,
    AuditEntry,
    Ban,
    HeldMessage,
    Message,
    Mode,
    Mute,
    Person,
    Role,
    User,
    is_uname,
)
from tornado_chat.periodic import LONGEST, SHORTEST, Periodic, Throttle
from tornado_chat.quota import Allowance
from tornado_chat.records import AuditQuery
from tornado_chat.replies import encode_data
from tornado_chat.services import Services
from tornado_chat.storage import PluginStorage
from tornado_chat.text import is_unicode, js_length, js_trim
from tornado_chat.verdicts import MAX_NOTICE, is_notice, require_reason

T = TypeVar("T")
P = TypeVar("P", bound=Periodic)

TEXT_BURST = 100  # texts that a plugin may send into an app at once
TEXT_RATE = 20.0  # and on average, a second
MAX_PERIODIC = 20
MAX_AUDIT = 500
HIDDEN = "A moderator"


class PluginOptions(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """The base of a plugin's `Options`: the keys of its table in an app's file, with types and defaults."""


class PluginApi:
    """One plugin in one app.

    What writes to the database raises StoreUnavailable where that doesn't answer in time; then nothing has changed.
    What acts on a user as `actor` raises CommandRefused, with a text for the actor, where the actor doesn't stand
    above the user. Let both pass through a command.
    """

    def __init__(self, plugin: str, options: Any, services: Services) -> None:
        self._plugin = plugin
        self._options = options
        self._services = services
        self._ground = ground = services.ground
        self._log = logging.getLogger(f"tornado_chat.plugin.{plugin}")
        self._storage = PluginStorage(ground.app_id, plugin, ground.store, ground.clock)
        self._metrics = PluginMetrics(plugin)
        self._http: HttpClient | None = None
        self._periodic: list[Periodic] = []
        self._states: list[tuple[object, object]] = []
        self._started = False
        self._texts = Allowance(TEXT_BURST, TEXT_RATE, ground.clock.monotonic())

    @property
    def app_id(self) -> int:
        """The app that this registration is for; 0 where the plugins of apps/default.toml are tried at the start."""
        return self._ground.app_id

    @property
    def options(self) -> Any:
        """The plugin's options in this app: an instance of its `Options`, None for a plugin that declares none."""
        return self._options

    @property
    def log(self) -> logging.Logger:
        """A logger that carries the plugin's name."""
        return self._log

    @property
    def bot(self) -> User:
        """The plugin itself as an actor, with its own name and a mod's rank: it stands above members."""
        return User(BOT_ID, self._plugin, Role.MOD)

    def state(self, make: Callable[[PluginApi], T]) -> T:
        """Return what `make(api)` made when it was first asked for: what this plugin's hooks share in this app."""
        for known, made in self._states:
            if known is make:
                return cast(T, made)
        made = make(self)
        self._states.append((make, made))
        return made

    @property
    def users(self) -> list[User]:
        """Who is in the lobby now, with their roles, in the order they came."""
        return self._ground.room.users

    def find(self, uname: str) -> User | None:
        """Return the user of a name, in any case, if they are here now."""
        return self._ground.room.find(uname)

    @property
    def history(self) -> list[Message]:
        """The messages that the room remembers (the app's `history` of them), oldest first, shadowed ones too."""
        return self._ground.room.history

    @property
    def mutes(self) -> list[Mute]:
        """The mutes that hold now, in the order they were made."""
        now = self.now()
        return [mute for mute in self._ground.room.mutes if mute.expires_at > now]

    @property
    def held(self) -> list[HeldMessage]:
        """The messages that wait for a moderator, oldest first."""
        return self._services.actions.held

    def commands(self, user: User) -> list[Command]:
        """Return the commands that a user may use, from every plugin, in order of their names."""
        return usable(self._services.commands, user)

    @property
    def bans(self) -> list[Ban]:
        """The bans that hold now, in the order they were made."""
        return self._services.bans.current

    @property
    def modes(self) -> list[Mode]:
        """The modes that are on, in the order they were turned on."""
        return self._services.modes.current

    def mode(self, name: str) -> Mode | None:
        """Return a mode that is on."""
        return self._services.modes.get(name)

    def addresses(self, uname: str) -> list[str]:
        """Return the addresses that a name which is here comes from; not for everybody's eyes."""
        return self._ground.room.addresses(uname)

    async def person(self, uname: str) -> Person | None:
        """Return what the app remembers of a name, in any case; None where it was never here."""
        return await self._services.people.of(uname)

    def public_name(self, actor: User) -> str:
        """Return how an actor is called before the room: by name, or "A moderator" where the app hides who it was."""
        return HIDDEN if self._services.hide_actor and actor.id != BOT_ID else actor.uname

    def require_rank(self, actor: User, uname: str) -> str:
        """Return how a name is spelled. Raises CommandRefused where the actor doesn't stand above it."""
        return self._services.sanctions.require_rank(actor, uname)

    async def tell(self, user: User | str, text: str) -> None:
        """Show a text to one user, in all tabs; to one who isn't here, nothing is done.

        This and the other texts (up to 8,000 characters) raise ValueError for one that can't be shown, PluginLimit
        where the plugin sends too many: 100 at once and 20 a second.
        """
        self._spend_text(text)
        await self._services.actions.tell(user if isinstance(user, str) else user.uname, text)

    async def tell_staff(self, text: str) -> None:
        """Show a text to the staff who are here."""
        self._spend_text(text)
        await self._services.actions.tell_staff(text)

    async def tell_all(self, text: str) -> None:
        """Show a text to everybody who is here; it isn't kept."""
        self._spend_text(text)
        await self._services.actions.tell_all(text)

    async def alert(self, text: str) -> None:
        """Show a text to the staff who are here, and tell listeners to Alerted, such as the webhook."""
        self._spend_text(text)
        await self._services.actions.alert(text, self._plugin)

    async def emit(self, name: str, data: Any, to: User | Role | Literal["staff"] | None = None) -> None:
        """Send the event `plugin_event` {plugin, name, data} to a user in all tabs, to staff, or to everybody.

        A Role is those of it and above. `data` is what JSON can hold, up to 64 KB.
        """
        self._spend_text(name)
        sent = msgspec.json.decode(encode_data(data, f"event {name!r}"))
        await self._services.actions.emit(self._plugin, name, sent, to)

    async def post(self, text: str, name: str = "") -> Message:
        """Post a message (1 to 350 characters) as a bot of this name, the plugin's own where it is left out.

        It is stored, carries the plugin as its origin, and skips filters and gates.
        """
        text = js_trim(text)
        if not is_unicode(text) or not 1 <= js_length(text) <= MAX_TEXT:
            raise ValueError(f"a message must be 1 to {MAX_TEXT} characters of valid Unicode")
        name = name or self._plugin
        if not is_uname(name):
            raise ValueError(f"{name!r} can't be a bot's name")
        self._spend_text(text)
        return await self._services.actions.post(User(BOT_ID, name, Role.MEMBER), text, self._plugin)

    async def mute(self, actor: User, uname: str, seconds: int, reason: str = "") -> Mute:
        """Mute a name, here or not, for `seconds` (1 or more), and tell the room.

        As `api.bot` it makes no mute shorter: then the one that holds is returned.
        Raises ValueError for a reason that can't be shown.
        """
        require_reason(reason)
        return await self._services.sanctions.mute(actor, uname, seconds, reason, self._plugin)

    async def unmute(self, actor: User, uname: str) -> Mute:
        """Lift the mute of a name, tell the room, and return it. Raises CommandRefused where there is none."""
        return await self._services.sanctions.unmute(actor, uname, self._plugin)

    async def ban(
        self, actor: User, target: str, seconds: int | None = None, reason: str = "", *, as_name: bool = False
    ) -> Ban:
        """Keep a name, here or not, an address or a network out, for `seconds` (1 or more) or for good.

        Its connections are closed. As `api.bot` it makes no ban shorter. An address of this machine or of a trusted
        proxy can't be banned. With `as_name` the target is a name even where it looks like an address: some call
        themselves after the address of another. Raises ValueError for a reason that can't be shown.
        """
        require_reason(reason)
        return await self._services.bans.ban(actor, target, seconds, reason, self._plugin, as_name=as_name)

    async def unban(self, actor: User, target: str, *, as_name: bool = False) -> Ban:
        """Let a name, an address or a network in again, and return its ban.

        Raises CommandRefused where there is none.
        """
        return await self._services.bans.unban(actor, target, self._plugin, as_name=as_name)

    async def turn_on(
        self, actor: User, name: str, value: Any = True, seconds: float | None = None, reason: str = ""
    ) -> Mode:
        """Turn a mode of the room on, or change it, for `seconds` (more than 0) or until it is turned off.

        Clients are told (`mode_changed`, `room.modes`); what it means is the plugin's business. Raises ValueError for a
        name that isn't of a-z, 0-9 and _, a value of more than 4 KB as JSON, or the 21st mode.
        """
        require_reason(reason)
        return await self._services.modes.turn_on(
            actor, name, value, seconds=seconds, reason=reason, plugin=self._plugin
        )

    async def turn_off(self, actor: User, name: str) -> Mode | None:
        """Turn a mode off, and return it; None where it isn't on."""
        return await self._services.modes.turn_off(actor, name, self._plugin)

    async def record(
        self,
        actor: User,
        action: str,
        target: str = "",
        *,
        reason: str = "",
        message_id: int = 0,
        text: str = "",
        seconds: int = 0,
    ) -> None:
        """Write an act down in the audit log; `seconds` is how long it lasts.

        What this API does itself is written down already.
        """
        audit = self._ground.audit
        entry = audit.entry(
            actor, action, target, reason=reason, message_id=message_id, text=text, seconds=seconds, plugin=self._plugin
        )
        await audit.record(entry)

    async def audit(
        self, *, actor: str = "", target: str = "", action: str = "", words: str = "", before: str = "", limit: int = 20
    ) -> list[AuditEntry]:
        """Return the newest `limit` (1 to 500) acts, newest first, of this actor, on this target, and so on.

        `words` are looked for in actor, action, target, reason and deleted text; `before` is the id of an entry.
        """
        if not 1 <= limit <= MAX_AUDIT:
            raise ValueError(f"limit must be 1 to {MAX_AUDIT}")
        return await self._ground.audit.find(AuditQuery(actor, target, action, before), limit, words)

    async def delete(self, actor: User, message_id: int, reason: str = "") -> Message:
        """Delete a message that the room remembers, tell the room, and return it. Everybody may delete their own."""
        return await self._services.actions.delete(actor, message_id, reason, self._plugin)

    async def purge(self, actor: User, uname: str, reason: str = "") -> int:
        """Delete all that the room remembers of a name, tell the room, and return how many messages that were."""
        return await self._services.actions.purge(actor, uname, reason, self._plugin)

    async def clear(self, actor: User, reason: str = "") -> int:
        """Delete all that the room remembers, tell the room, and return how many messages that were."""
        return await self._services.actions.clear(actor, reason, self._plugin)

    async def withdraw(self, actor: User, message_id: int, reason: str = "") -> HeldMessage:
        """Delete a message that the room remembers, and have it wait for a moderator.

        Raises StoreUnavailable also where too many wait; then it stays.
        """
        require_reason(reason)
        return await self._services.actions.withdraw(actor, message_id, reason, self._plugin)

    async def disconnect(self, actor: User, uname: str, text: str = "", reason: str = "") -> int:
        """Close every connection of a name, after showing it `text`; return how many users had it. They may return."""
        if text:
            self._spend_text(text)
        return await self._services.actions.disconnect(actor, uname, text, reason, self._plugin)

    def recheck(self) -> int:
        """Have the site asked again who everybody here is, soon, so many at a time; return of how many that can be."""
        return self._services.recheck()

    async def approve(self, actor: User, held_id: int) -> Message:
        """Post a message that waits, as its sender's. Raises CommandRefused where none of this number waits."""
        return await self._services.actions.approve(actor, held_id)

    async def deny(self, actor: User, held_id: int) -> HeldMessage:
        """Drop a message that waits, and return it. Raises CommandRefused where none of this number waits."""
        return await self._services.actions.deny(actor, held_id)

    @property
    def storage(self) -> PluginStorage:
        """What the plugin keeps in this app, over restarts: `get`, `put`, `delete`, `items`."""
        return self._storage

    @property
    def http(self) -> HttpClient:
        """A client for other sites: `await api.http.get(url)`, `await api.http.post(url, json=...)`."""
        if self._http is None:
            self._http = self._services.make_http()
        return self._http

    def now(self) -> datetime:
        """Return the time in UTC."""
        return self._ground.clock.now()

    def monotonic(self) -> float:
        """Return seconds that only ever count up, for measuring how long ago something was."""
        return self._ground.clock.monotonic()

    def every(self, seconds: float, run: Callable[[], Coroutine[Any, Any, Any]]) -> None:
        """Await `run()` every `seconds` (0.1 to 30 days) from when the app starts until it ends or is loaded anew.

        A run may take a minute; the next one is counted from its end. Raises ValueError, and PluginLimit for the 21st.
        """
        self._add(Periodic, seconds, run)

    def throttle(self, seconds: float, run: Callable[[], Coroutine[Any, Any, Any]]) -> Callable[[], None]:
        """Return a function that has `run()` awaited soon, at most once in `seconds` however often it is called."""
        return self._add(Throttle, seconds, run).ask

    def _add(self, kind: type[P], seconds: float, run: Callable[[], Coroutine[Any, Any, Any]]) -> P:
        if not SHORTEST <= seconds <= LONGEST:
            raise ValueError(f"seconds must be {SHORTEST} to {LONGEST:.0f}")
        if len(self._periodic) >= MAX_PERIODIC:
            raise PluginLimit(f"plugin {self._plugin} does {MAX_PERIODIC} things periodically already")
        part = self._services.supervisor.part(self._plugin, f"periodic {getattr(run, '__name__', 'task')}")
        made = kind(part, seconds, run, self._ground.clock)
        self._periodic.append(made)
        if self._started:
            made.start()
        return made

    def count(self, name: str, by: float = 1) -> None:
        """Add to a counter of this plugin and app in /metrics. Names are of a-z, 0-9 and _; PluginLimit beyond 100."""
        self._metrics.count(name, by)

    def timed(self, name: str) -> AbstractContextManager[None]:
        """Measure how long a `with` block takes, in /metrics."""
        return self._metrics.timed(name)

    def _spend_text(self, text: str) -> None:
        if not text or not is_notice(text):
            raise ValueError(f"a text must be 1 to {MAX_NOTICE} characters of valid Unicode")
        if not self._texts.take(self.monotonic()):
            raise PluginLimit(f"plugin {self._plugin} sends too many texts into app {self.app_id}")

    def _start(self) -> None:
        self._started = True
        for periodic in self._periodic:
            periodic.start()

    def _stop(self) -> None:
        for periodic in self._periodic:
            periodic.stop()

    async def _close(self) -> None:
        self._stop()
        if self._http is not None:
            await self._http.close()
