"""/chat/<app> and /moderate/<app>,<app>...: the pages that the chatbox is."""

from __future__ import annotations

import asyncio
import gzip
import re
from collections.abc import Iterable
from http import HTTPStatus
from typing import Any

from tornado_chat.addresses import TrustedProxies
from tornado_chat.errors import IdentityUnavailable
from tornado_chat.identity_demo import DEMO_USERS, DemoIdentity
from tornado_chat.models import MAX_ID
from tornado_chat.registry import Registry, Served
from tornado_chat.web.assets import Assets, accepts_gzip, asset_handlers
from tornado_chat.web.catalogues import Catalogues
from tornado_chat.web.page import PageApp, render
from tornado_chat.web.plain import PlainHandler
from tornado_chat.web.policy import page_policy

MAX_APPS = 8  # side by side
MAX_LIST = 256  # characters of a list of apps
PREVIEW = 50  # messages that a page has in itself, so that they are there at once
PREVIEW_SECONDS = 1.0  # that a page waits for them at most
LOOKUP_SECONDS = 5.0  # that a page waits to hear whether there is such an app
RETRY_AFTER = 5  # seconds
QUICKLY = 1  # gzip's level for what is packed at each request

_APP_ID = re.compile(r"[1-9][0-9]{0,15}", re.ASCII)


class Pages:
    """What the pages are made of."""

    def __init__(self, registry: Registry, proxies: TrustedProxies) -> None:
        self.registry = registry
        self.proxies = proxies
        self.assets = Assets()
        self.catalogues = Catalogues()

    async def find(self, app_ids: Iterable[int]) -> list[Served | None]:
        """Return what serves each of the apps. Raises IdentityUnavailable, also where that takes too long."""
        try:
            async with asyncio.timeout(LOOKUP_SECONDS):
                return await asyncio.gather(*(self.registry.serves(app_id) for app_id in app_ids))
        except TimeoutError:
            raise IdentityUnavailable(f"no answer within {LOOKUP_SECONDS:g} s") from None

    async def preview(self, app_id: int, address: str) -> dict[str, Any] | None:
        """Return what a guest's `auth` from an address would answer; None where it would refuse, or takes too long."""
        chat = self.registry.loaded(app_id)
        if chat is None:
            return None
        try:
            async with asyncio.timeout(PREVIEW_SECONDS):
                return await chat.preview(address, PREVIEW)
        except TimeoutError:
            return None


class PageHandler(PlainHandler):
    """What both pages have in common. Whatever is wrong is told in plain text."""

    most = 1
    """How many apps the page may have."""
    refusals_in = "'none'"
    """Which pages may show in a frame that there is no such page, as a Content-Security-Policy says it."""

    def initialize(self, pages: Pages) -> None:
        self.pages = pages

    def set_default_headers(self) -> None:
        super().set_default_headers()
        self.set_header("Referrer-Policy", "no-referrer")
        self.set_header("Cache-Control", "no-store")
        self.set_header("Content-Security-Policy", f"default-src 'none'; frame-ancestors {self.refusals_in}")

    def compute_etag(self) -> str | None:
        return None  # it is never the same twice

    async def head(self, path: str) -> None:
        await self.get(path)

    async def get(self, path: str) -> None:
        app_ids = parse_apps(path, self.most)
        if app_ids is None:
            self.refuse(HTTPStatus.NOT_FOUND, "there is no such page")
            return
        try:
            found = await self.pages.find(app_ids)
        except IdentityUnavailable:
            self.set_header("Retry-After", str(RETRY_AFTER))
            self.refuse(HTTPStatus.SERVICE_UNAVAILABLE, "it can't be told just now whether there is such an app")
            return
        served = {app_id: one for app_id, one in zip(app_ids, found, strict=True) if one is not None}
        if missing := [str(app_id) for app_id in app_ids if app_id not in served]:
            self.refuse(HTTPStatus.NOT_FOUND, f"there is no app {', '.join(missing)} here")
            return
        await self.show(served)

    async def show(self, served: dict[int, Served]) -> None:
        """Answer with the page of these apps."""
        raise NotImplementedError

    def give(self, view: str, served: dict[int, Served], **more: Any) -> None:
        """Answer with a page."""
        catalogue = self.pages.catalogues.choose(self._asked, self.request.headers.get("Accept-Language", ""))
        apps = [_page_app(app_id, one) for app_id, one in served.items()]
        if any(isinstance(one.identity, DemoIdentity) for one in served.values()):
            more["demo_users"] = [
                {"token": user.uname, "uname": user.uname, "role": user.role.value} for user in DEMO_USERS
            ]
        page = render(view, apps, catalogue, self.pages.assets.addresses, **more)
        self.set_header("Content-Type", "text/html; charset=utf-8")
        self.set_header("Content-Language", catalogue.lang)
        if accepts_gzip(self.request.headers.get("Accept-Encoding", "")):
            page = gzip.compress(page, QUICKLY, mtime=0)
            self.set_header("Content-Encoding", "gzip")
        self.finish(page)

    @property
    def _asked(self) -> str:
        values = self.request.query_arguments.get("lang")
        return values[0].decode("latin-1") if values else ""


class ChatPage(PageHandler):
    """The chatbox of one app: in a frame of its site's pages, or by itself."""

    refusals_in = "*"  # where a tag names a wrong app, its page should say so; there is nothing to click on

    async def show(self, served: dict[int, Served]) -> None:
        (app_id,), (one,) = served.keys(), served.values()
        request = self.request
        address = self.pages.proxies.client(request.remote_ip or "", request.headers.get("X-Forwarded-For", ""))
        snapshot = await self.pages.preview(app_id, address)
        self.set_header("Content-Security-Policy", page_policy(one.app_file.origins))
        self.give("chat", served, snapshot=snapshot)


class ModeratePage(PageHandler):
    """Several apps side by side, for who minds them. No page may show it in a frame."""

    most = MAX_APPS

    async def show(self, served: dict[int, Served]) -> None:
        self.set_header("Content-Security-Policy", page_policy(None))
        self.give("moderate", served)


def parse_apps(path: str, most: int) -> list[int] | None:
    """Return the ids in a list such as "2,3", each once; None where it is no list, or has more than `most`."""
    parts = path.split(",") if len(path) <= MAX_LIST else []
    if not all(_APP_ID.fullmatch(part) for part in parts):
        return None
    app_ids = list(dict.fromkeys(map(int, parts)))
    return app_ids if 1 <= len(app_ids) <= most and max(app_ids) <= MAX_ID else None


def page_handlers(registry: Registry, proxies: TrustedProxies) -> list[tuple[str, type, dict[str, object]]]:
    """Return the routes of the chatbox. Reads and packs its files."""
    pages = Pages(registry, proxies)
    return [
        *asset_handlers(pages.assets),
        (r"/chat/(.*)", ChatPage, {"pages": pages}),
        (r"/moderate/(.*)", ModeratePage, {"pages": pages}),
    ]


def _page_app(app_id: int, served: Served) -> PageApp:
    box = served.app_file.box
    return PageApp(app_id, box.title or "", box.login_url or "", served.app_file.origins)
