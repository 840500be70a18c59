"""Whom a request comes from: X-Forwarded-For counts only where a trusted proxy wrote it."""

from __future__ import annotations

import logging
from typing import Any

import pytest
from tornado.httpclient import AsyncHTTPClient

from tornado_chat.addresses import TrustedProxies

PROXIES = TrustedProxies(["10.0.0.1", "192.168.0.0/16", "fd00::/8"])


@pytest.mark.parametrize(
    ("peer", "forwarded_for", "client"),
    [
        ("10.0.0.1", "", "10.0.0.1"),
        ("10.0.0.1", "1.2.3.4", "1.2.3.4"),
        ("10.0.0.1", "6.6.6.6, 1.2.3.4", "1.2.3.4"),
        ("10.0.0.1", "6.6.6.6, 1.2.3.4, 192.168.7.7", "1.2.3.4"),
        ("10.0.0.1", "192.168.7.7", "192.168.7.7"),
        ("10.0.0.1", "junk", "10.0.0.1"),
        ("10.0.0.1", "1.2.3.4, junk", "10.0.0.1"),
        ("10.0.0.2", "1.2.3.4", "10.0.0.2"),
        ("8.8.8.8", "10.0.0.1, 1.2.3.4", "8.8.8.8"),
        ("fd00::1", "2001:db8::1", "2001:db8::1"),
        ("", "1.2.3.4", ""),
    ],
)
def test_a_header_is_believed_as_far_as_trusted_proxies_wrote_it(peer: str, forwarded_for: str, client: str) -> None:
    assert PROXIES.client(peer, forwarded_for) == client


@pytest.mark.parametrize("proxy", ["junk", "10.0.0.0/33", "10.0.0.1/8", ""])
def test_what_is_no_address_is_refused(proxy: str) -> None:
    with pytest.raises(ValueError, match=r"does not appear to be|has host bits set"):
        TrustedProxies([proxy])


@pytest.mark.gen_test
@pytest.mark.parametrize(("proxies", "shown"), [('["127.0.0.1"]', "6.6.6.6"), ('["10.0.0.5"]', "127.0.0.1")])
async def test_the_log_names_the_real_address(
    serve: Any, make_config: Any, caplog: pytest.LogCaptureFixture, proxies: str, shown: str
) -> None:
    caplog.set_level(logging.WARNING)
    server = await serve(make_config(server=f"trusted_proxies = {proxies}"))
    url = f"http://127.0.0.1:{server.port}/socket.io/?EIO=4&transport=polling"
    headers = {"Origin": "https://evil.example", "X-Forwarded-For": "6.6.6.6", "X-Real-Ip": "7.7.7.7"}
    assert (await AsyncHTTPClient().fetch(url, headers=headers, raise_error=False)).code == 403
    assert f"from {shown} was refused" in caplog.text
