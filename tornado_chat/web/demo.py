"""The demo page at `/`: a page as a site has one, with the chatbox in it, and a list of who one may be."""

from __future__ import annotations

from tornado.web import StaticFileHandler

from tornado_chat.web.client import STATIC


class DemoHandler(StaticFileHandler):
    """The page and its files, under a policy that runs no script and loads nothing but what the server itself has."""

    def set_extra_headers(self, path: str) -> None:
        self.set_header(
            "Content-Security-Policy",
            "default-src 'none'; script-src 'self'; style-src 'self'; frame-src 'self'; img-src 'self' data:; "
            "base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
        )
        self.set_header("X-Content-Type-Options", "nosniff")
        self.set_header("Referrer-Policy", "no-referrer")
        self.set_header("Cache-Control", "no-cache")


def demo_handlers() -> list[tuple[str, type, dict[str, object]]]:
    return [
        (r"/((?:demo\.(?:css|js))?)", DemoHandler, {"path": str(STATIC / "demo"), "default_filename": "demo.html"}),
    ]
