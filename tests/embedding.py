"""A site of its own, on another origin than the chat: what the tests of embedding share."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from playwright.async_api import BrowserContext, FrameLocator, Locator, Page, expect
from tornado.httpserver import HTTPServer
from tornado.netutil import bind_sockets
from tornado.web import Application, RequestHandler

from tests.browsers import browser

PATIENCE = 10_000  # ms
TAG = '<script src="CHAT/embed.js" data-app="2" {} async></script>'
LOGGED_IN = TAG.format('data-token="token-alice"')


class Site:
    """Pages by path, under a policy that allows the chat's script, frames of it and of `other_url`, and nothing else.

    `url` is at localhost, where the chat is at 127.0.0.1; `other_url` has the same pages at an origin that is allowed
    nothing.
    """

    def __init__(self, port: int, other_port: int) -> None:
        self.url = f"http://localhost:{port}"
        self.other_url = f"http://localhost:{other_port}"
        self.chat = ""
        self.pages: dict[str, str] = {}
        self.styles = ""

    def page(self, tag: str, *, head: str = "", body: str = "", path: str = "/", html: str = "") -> str:
        """Make a page with a tag in its head, and return its address. In `tag`, CHAT stands for the chat's address."""
        self.pages[path] = (
            f"<!doctype html><html {html}><head><meta charset=utf-8><title>A site</title><link rel=icon href='data:,'>"
            f"<link rel=stylesheet href=/site.css>{head}{tag.replace('CHAT', self.chat)}</head>"
            f"<body><h1>A site</h1><button>Own</button>{body.replace('CHAT', self.chat)}</body></html>"
        )
        return self.url + path

    @property
    def policy(self) -> str:
        """No `style-src` but the site's own file: what embed.js does must need none."""
        return (
            f"default-src 'none'; img-src data:; style-src 'self'; script-src {self.chat}/embed.js; "
            f"frame-src {self.chat} {self.other_url}; require-trusted-types-for 'script'"
        )


class _Page(RequestHandler):
    def initialize(self, site: Site) -> None:
        self.site = site

    def get(self, path: str) -> None:
        if path == "/site.css":
            self.set_header("Content-Type", "text/css")
            self.finish(self.site.styles)
            return
        self.set_header("Content-Security-Policy", self.site.policy)
        self.finish(self.site.pages[path])


@pytest.fixture
def site(io_loop: Any, run: Any) -> Iterator[Site]:
    sockets = [bind_sockets(0, "127.0.0.1")[0] for _ in range(2)]
    site = Site(*(each.getsockname()[1] for each in sockets))
    server = HTTPServer(Application([("(/.*)", _Page, {"site": site})]))
    server.add_sockets(sockets)
    yield site
    server.stop()
    run(server.close_all_connections())


class Visit:
    """One visitor's tab on the site. `troubles` is what went wrong in it, `warnings` what the console was warned of."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.troubles: list[str] = []
        self.warnings: list[str] = []
        self.urls: list[str] = []
        self._said = asyncio.Event()
        page.set_default_timeout(PATIENCE)
        page.on("pageerror", lambda error: self.troubles.append(str(error)))
        page.on("console", self._noted)
        page.on("request", lambda request: self.urls.append(request.url))

    def _noted(self, message: Any) -> None:
        if message.type == "warning":
            self.warnings.append(message.text)
        elif message.type == "error":
            self.troubles.append(message.text)
        self._said.set()

    async def told(self, text: str) -> None:
        """Wait until the console has been told something."""
        async with asyncio.timeout(PATIENCE / 1000):
            while not any(text in each for each in self.warnings + self.troubles):
                self._said.clear()
                await self._said.wait()

    @property
    def frame(self) -> FrameLocator:
        """The box, in its frame."""
        return self.page.frame_locator("tornado-chat iframe")

    async def listen(self, *names: str) -> None:
        """Keep what happens under these names; to be called before the page is opened."""
        await self.page.add_init_script(
            "(window.TornadoChat = window.TornadoChat || []).push((chat) => { window.happened = []; "
            f"for (const name of {list(names)}) chat.on(name, (data) => window.happened.push([name, data])); }})"
        )

    async def happened(self, name: str, count: int = 1) -> list[Any]:
        """Wait until something has happened so many times; return what it brought."""
        await self.page.wait_for_function(
            "([name, count]) => window.happened?.filter((each) => each[0] === name).length >= count", arg=[name, count]
        )
        return [data for kind, data in await self.page.evaluate("window.happened") if kind == name]


@asynccontextmanager
async def visiting(chromium: str, **options: Any) -> AsyncIterator[tuple[BrowserContext, Visit]]:
    """A browser with one tab."""
    async with browser(chromium) as running:
        context = await running.new_context(**options)
        yield context, Visit(await context.new_page())


@pytest.fixture
def start(serve: Any, make_config: Any, site: Site) -> Callable[..., Awaitable[Any]]:
    """Start a server whose apps allow the site's pages."""

    async def start(more: str = "") -> Any:
        server = await serve(make_config(app=f'origins = ["{site.url}"]\n{more}'))
        site.chat = f"http://127.0.0.1:{server.port}"
        return server

    return start


async def server_for(site: Site, serve: Any, make_config: Any, *plugins: str) -> Any:
    """Start a server whose app lets the site's pages in."""
    server = await serve(make_config(app=f'plugins = {json.dumps(plugins)}\norigins = ["{site.url}"]'))
    site.chat = f"http://127.0.0.1:{server.port}"
    return server


def field_of(box: Any, label: str = "Message") -> Any:
    """Where one writes."""
    return box.get_by_label(label, exact=True)


async def joined(visit: Visit, uname: str = "") -> None:
    """Wait until the box is there, for a user or for a guest."""
    field = field_of(visit.frame)
    await expect(field if uname else visit.frame.get_by_text("You are reading as a guest")).to_be_visible()


async def visit_as(visit: Visit, site: Site, user: str) -> Locator:
    """Open the site's page with the box in it, for a user; return the field."""
    await visit.page.goto(site.page(TAG.format(f'data-token="token-{user}" data-open')))
    field = visit.frame.get_by_label("Message", exact=True)
    await expect(field).to_be_visible()
    return field


async def cut_off(context: Any, visit: Visit) -> None:
    """Take the network away until `context.set_offline(False)`, and wait until the box says so."""
    await context.set_offline(True)
    await expect(visit.frame.locator(".connection")).to_be_visible()
