"""Each parser of the server, called with one made-up input. A target returns whether the input was refused."""

from __future__ import annotations

import tomllib
from collections.abc import Callable
from typing import Any

from tornado.httputil import HTTPHeaders, HTTPInputError, HTTPServerRequest

from tornado_chat.addresses import TrustedProxies
from tornado_chat.commands import fold_name, is_command, split_command
from tornado_chat.config import convert
from tornado_chat.config_tables import AppFile, ServerFile
from tornado_chat.engine.address import network_of
from tornado_chat.engine.frames import BadFrame, FrameParser
from tornado_chat.engine.packets import BadPacket, check_packet, decode_payload, encode_payload
from tornado_chat.engine.request import Refused, accept_key, parse_query, wants_websocket
from tornado_chat.errors import ConfigError, IdentityUnavailable
from tornado_chat.gateway_packets import BadPacket as BadSocketPacket
from tornado_chat.gateway_packets import StrictPacket, ascii_json
from tornado_chat.identity import App, is_signed_token, is_token, make_user
from tornado_chat.models import fold, is_uname
from tornado_chat.origins import Origins
from tornado_chat.params import parse_duration
from tornado_chat.registry import is_own, is_url
from tornado_chat.text import duration_text, is_unicode, js_length, js_trim, one_line

Provider = Any  # atheris.FuzzedDataProvider: it has no types
LIMIT = 65_536
APP = App(2, "Dice", frozenset({"carol"}))
PROXIES = TrustedProxies(("10.0.0.0/8", "::1"))

SEEDS = (
    b'42["new_message","hello",{"cid":"a-1"}]',
    b'421["auth",{"app_id":2,"hashed_token":"alice","since":3}]',
    b'451-["hello",{"_placeholder":true,"num":"splice"}]',
    b'42/admin,["x"]',
    b"40\x1e42[\x1e3",
    b"5:40abc3:2ab",
    b"/mute \xd0\xb0dmin 1d2h30m because",
    b"\x81\x85\x00\x00\x00\x00hello\x89\x80\x00\x00\x00\x00",
    b"EIO=4&transport=websocket&sid=abc",
    b"https://*.example.com:443 http://localhost:*",
    b"10.0.0.1, ::ffff:1.2.3.4, unknown",
    b'[server]\nport = 1\n[limits]\nlookups = 5\n[identity.moneypot]\napi = "https://x"\napp_secret = "y"',
    b'id = 2\norigins = ["*"]\nplugins = ["mute"]\n[plugin.mute]\n',
    b"__proto__ constructor \xe2\x80\xae \x00 \xed\xa0\x80",
)


def frames(data: Provider) -> bool:
    """WebSocket frames, in pieces of any size."""
    parser = FrameParser(LIMIT)
    try:
        while data.remaining_bytes():
            for _ in parser.feed(data.ConsumeBytes(data.ConsumeIntInRange(1, 64))):
                pass
    except BadFrame:
        return True
    return False


def polling_bodies(data: Provider) -> bool:
    """Bodies of Engine.IO 4 and 3, and their way back."""
    revision = data.PickValueInList([3, 4])
    try:
        packets = decode_payload(data.ConsumeUnicodeNoSurrogates(LIMIT), revision)
        for packet in packets:
            check_packet(packet)
    except BadPacket:
        return True
    if packets and revision == 4:
        assert decode_payload(encode_payload(packets, revision), revision) == packets
    encode_payload(packets, 3, ascii_json)
    return False


def socketio_packets(data: Provider) -> bool:
    """Socket.IO packets."""
    try:
        StrictPacket(encoded_packet=data.ConsumeUnicode(LIMIT))
    except BadSocketPacket:
        return True
    return False


def requests(data: Provider) -> bool:
    """Handshakes: the query, and the headers of a WebSocket."""
    names = ("Upgrade", "Connection", "Sec-WebSocket-Key", "Sec-WebSocket-Version", "Host", "Origin")
    headers = HTTPHeaders()
    good = ("websocket", "keep-alive, Upgrade", "AAAAAAAAAAAAAAAAAAAAAA==", "13", "x", "https://x")
    for name, value in zip(names, good, strict=True):
        junk = data.ConsumeUnicodeNoSurrogates(40).translate({10: "", 13: "", 0: ""}) if data.ConsumeBool() else value
        headers[name] = junk
    query = data.PickValueInList(
        ["EIO=4&transport=websocket", "EIO=3&transport=polling", "EIO=4&sid=x&transport=polling"]
    )
    uri = f"/socket.io/?{query}&{data.ConsumeBytes(200).decode('latin-1')}"
    try:
        request = HTTPServerRequest("GET", uri, "HTTP/1.1", headers, host="x")
    except HTTPInputError:
        return True  # Tornado answers 400
    wants_websocket(request)
    try:
        parse_query(request)
        accept_key(request)
    except Refused:
        return True
    return False


def texts_and_names(data: Provider) -> bool:
    """What people write, and what they are called."""
    text = data.ConsumeUnicode(400)
    trimmed = js_trim(text)
    assert js_trim(trimmed) == trimmed
    assert js_length(trimmed) <= js_length(text)
    assert "\n" not in one_line(text)
    is_unicode(text)
    if is_uname(text):
        assert fold(fold(text)) == fold(text), ascii(text)
    duration_text(data.ConsumeFloatInRange(0, 1e9))
    if is_command(trimmed):
        name, words = split_command(trimmed)
        fold_name(name)
        seconds = parse_duration(words[:2])
        assert seconds is None or seconds >= 0
    return not is_uname(text)


def addresses_and_origins(data: Provider) -> bool:
    """X-Forwarded-For, Origin, Host, and the patterns of `origins`."""
    text, other = data.ConsumeUnicode(200), data.ConsumeUnicode(100)
    network_of(PROXIES.client(data.PickValueInList(["10.1.2.3", "1.2.3.4", "::1", text]), other))
    is_own(text, other)
    is_url(text)
    try:
        Origins([data.PickValueInList(["*", "https://*.x.org", "http://localhost:*", other])]).allow(text)
        TrustedProxies([data.PickValueInList(["::1", "10.0.0.0/8", text])])
    except ValueError:
        return True
    return False


def tokens_and_answers(data: Provider) -> bool:
    """Tokens, and what a site's API answers of a user."""
    text = data.ConsumeUnicode(200)
    is_token(text)
    is_signed_token(text)
    values = [None, True, 1.5, -1, 2**53, text, [text], {"$gt": text}, data.ConsumeInt(9)]
    good = {"id": 1, "uname": "eve", "role": "mod"}
    answer = good | {key: data.PickValueInList(values) for key in good if data.ConsumeBool()}
    try:
        make_user(answer, APP)
    except IdentityUnavailable:
        return True
    return False


def configuration(data: Provider) -> bool:
    """server.toml and the file of an app."""
    kind = data.PickValueInList([ServerFile, AppFile])
    try:
        convert(tomllib.loads(data.ConsumeUnicodeNoSurrogates(1000)), kind, "x.toml")
    except (tomllib.TOMLDecodeError, ConfigError, RecursionError):
        return True
    return False


TARGETS: tuple[Callable[[Provider], bool], ...] = (
    frames,
    polling_bodies,
    socketio_packets,
    requests,
    texts_and_names,
    addresses_and_origins,
    tokens_and_answers,
    configuration,
)
