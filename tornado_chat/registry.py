"""The apps that this server serves: which there are, which pages may use them, and the chat of each."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from urllib.parse import urlsplit

from tornado_chat.chat import Chat
from tornado_chat.config_tables import AppFile
from tornado_chat.identity import App, IdentityProvider, RecheckingProvider
from tornado_chat.models import User
from tornado_chat.origins import Origins
from tornado_chat.rechecks import Voucher
from tornado_chat.text import one_line

log = logging.getLogger(__name__)

MAX_NOTED = 100  # refused origins are logged once each, and an attacker can invent any number


@dataclass(frozen=True, slots=True)
class Served:
    """One file of apps, as it is served: `identity` knows its users."""

    app_file: AppFile
    origins: Origins
    identity: IdentityProvider


@dataclass(frozen=True, slots=True)
class AppTable:
    """What is served: by id, and for all other ids."""

    apps: Mapping[int, Served]
    default: Served | None

    def find(self, app_id: int) -> Served | None:
        """Return what serves an app, None where nothing does."""
        return self.apps.get(app_id, self.default)

    @property
    def all(self) -> list[Served]:
        """Every file, the default last."""
        return [*self.apps.values(), *([self.default] if self.default else [])]


@dataclass(frozen=True, slots=True)
class OpenApp:
    """An app that exists, as one `auth` meets it."""

    app: App
    served: Served
    registry: Registry

    @property
    def origins(self) -> Origins:
        """Which pages may use the app."""
        return self.served.origins

    async def user(self, token: str) -> User | None:
        """Return whom a token stands for in this app. Raises IdentityUnavailable."""
        return await self.served.identity.user(self.app, token)

    def voucher(self, token: str) -> Voucher | None:
        """Return who knows the user of a token, where that may change."""
        provider = self.served.identity
        if not isinstance(provider, RecheckingProvider):
            return None
        return Voucher(partial(provider.recheck, self.app.id, token), provider.recheck_every, provider.grace)

    async def chat(self) -> Chat:
        """Return the app's chat, loaded. Raises StoreUnavailable."""
        chat = await self.registry.load(self.app.id)
        chat.set_owners(self.app.owners)
        return chat


class Registry:
    """Every app by id; `make_chat(app_id)` gives an app's chat, not loaded yet. `table` may be exchanged."""

    def __init__(self, table: AppTable, make_chat: Callable[[int], Chat]) -> None:
        self.table = table
        self._make_chat = make_chat
        self._chats: dict[int, asyncio.Future[Chat]] = {}
        self._noted: set[str] = set()

    @property
    def chats(self) -> list[Chat]:
        """The chats that are loaded."""
        return [chat for chat in map(self.loaded, list(self._chats)) if chat is not None]

    def allows_origin(self, origin: str, host: str, address: str) -> bool:
        """Tell whether a page of `origin` may connect at all: the server's own `host`, or what some app allows.

        A refusal is logged, with the client's `address`, once for each origin.
        """
        known = is_own(origin, host) or any(served.origins.allow(origin) for served in self.table.all)
        if known and is_url(origin):
            return True
        if origin not in self._noted and len(self._noted) < MAX_NOTED:
            self._noted.add(origin)
            log.warning(
                "a page of origin %s from %s was refused; to let it in, add it to `origins` in the file of its app",
                one_line(origin),
                address,
            )
        return False

    async def find(self, app_id: int) -> OpenApp | None:
        """Return the app, or None where the configuration or the site has none. Raises IdentityUnavailable."""
        served = self.table.find(app_id)
        if served is None:
            return None
        app = await served.identity.app(app_id)
        return None if app is None else OpenApp(app, served, self)

    async def serves(self, app_id: int) -> Served | None:
        """Return what serves an app, or None. Raises IdentityUnavailable.

        An app with a file of its own isn't asked for: its pages are there while its site doesn't answer.
        """
        if (own := self.table.apps.get(app_id)) is not None:
            return own
        default = self.table.default
        return None if default is None or await default.identity.app(app_id) is None else default

    def loaded(self, app_id: int) -> Chat | None:
        """Return an app's chat, where it is loaded."""
        flight = self._chats.get(app_id)
        if flight is None or not flight.done() or flight.cancelled() or flight.exception() is not None:
            return None
        return flight.result()

    async def load(self, app_id: int) -> Chat:
        """Return an app's chat; the first caller loads it, the others wait. Raises StoreUnavailable."""
        flight = self._chats.get(app_id)
        if flight is None:
            flight = self._chats[app_id] = asyncio.ensure_future(self._load(app_id))
        return await asyncio.shield(flight)

    async def _load(self, app_id: int) -> Chat:
        try:
            chat = self._make_chat(app_id)
            await chat.load()
        except BaseException:
            del self._chats[app_id]  # the next caller tries again
            raise
        return chat


def is_url(origin: str) -> bool:
    """Tell whether `origin` can be taken apart at all; Tornado would raise on one that can't, such as `x://[`."""
    try:
        urlsplit(origin)
    except ValueError:
        return False
    return True


def is_own(origin: str, host: str) -> bool:
    """Tell whether `origin` is a page of the server that was asked for as `host` (the Host header)."""
    return host != "" and origin.lower() in {f"http://{host.lower()}", f"https://{host.lower()}"}
