"""Users from tokens that the site signs: which are believed, which aren't, and that nothing in one raises."""

from __future__ import annotations

import base64
import importlib
import json
import logging
import os
import re
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, rsa
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.chats import load_plugin, make_chat, make_services
from tornado_chat.clock import SystemClock
from tornado_chat.errors import ConfigError
from tornado_chat.identity import App, IdentityProvider
from tornado_chat.models import Role, User, is_uname
from tornado_chat.secret import Secret

ROOT = Path(__file__).parent.parent
PAGE = (ROOT / "plugins" / "README.md").read_text("utf-8")
SECRET = "a secret that has at least thirty-two bytes"
OTHER = "another secret that has at least 32 bytes too"
APP = App(2, "", frozenset())
RSA = rsa.generate_private_key(public_exponent=65537, key_size=2048)
ED = ed25519.Ed25519PrivateKey.generate()
ED448 = ed448.Ed448PrivateKey.generate()
WEAK = rsa.generate_private_key(public_exponent=65537, key_size=1024)
EC = ec.generate_private_key(ec.SECP256R1())


def public(key: Any) -> str:
    pem = key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    return str(pem.decode())


def private(key: Any) -> str:
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return str(pem.decode())


def unknown_kind() -> str:
    """A public key of a kind that cryptography doesn't know: the last digit of its object identifier is another."""
    der = RSA.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    changed = base64.encodebytes(der.replace(bytes.fromhex("2a864886f70d010101"), bytes.fromhex("2a864886f70d010163")))
    return f"-----BEGIN PUBLIC KEY-----\n{changed.decode()}-----END PUBLIC KEY-----\n"


HS_KEY = {"alg": "HS256", "key": SECRET}


def provider(*keys: dict[str, str], **options: Any) -> IdentityProvider:
    identity = load_identity(*keys, **options).identity
    assert identity is not None
    return identity


def load_identity(*keys: dict[str, str], **options: Any) -> Any:
    from tornado_chat.plugins import discover, load_plugins

    table = {"keys": list(keys or [HS_KEY]), **options}
    services = make_services(make_chat(clock=SystemClock()))
    return load_plugins("apps/2.toml", ["signed"], {"signed": table}, discover([]), services, identity="signed")


def now() -> int:
    return int(time.time())


def claims(**changes: Any) -> dict[str, Any]:
    found = {"sub": "7", "uname": "alice", "exp": now() + 600} | changes
    return {name: value for name, value in found.items() if value is not None}


def token(key: Any = SECRET, alg: str = "HS256", kid: str | None = None, **changes: Any) -> str:
    return jwt.encode(claims(**changes), key, algorithm=alg, headers=None if kid is None else {"kid": kid})


@pytest.mark.gen_test
@pytest.mark.parametrize(
    ("key", "signer", "alg"),
    [
        (HS_KEY, SECRET, "HS256"),
        ({"alg": "RS256", "key": public(RSA)}, RSA, "RS256"),
        ({"alg": "EdDSA", "key": public(ED)}, ED, "EdDSA"),
        ({"alg": "EdDSA", "key": public(ED448)}, ED448, "EdDSA"),
    ],
    ids=["HS256", "RS256", "Ed25519", "Ed448"],
)
async def test_a_good_token_says_who_one_is(key: dict[str, str], signer: Any, alg: str) -> None:
    identity = provider(key)
    assert await identity.user(APP, token(signer, alg, role="mod")) == User(7, "alice", Role.MOD)
    assert await identity.user(APP, token(signer, alg)) == User(7, "alice", Role.MEMBER)
    assert (await identity.app(2)) == APP


@pytest.mark.gen_test
@pytest.mark.parametrize("role", [role.value for role in Role])
async def test_every_role_may_be_given(role: str) -> None:
    user = await provider().user(APP, token(role=role))
    assert user is not None
    assert user.role == role


@pytest.mark.gen_test
@pytest.mark.parametrize(
    ("sub", "number"),
    [(7, 7), ("7", 7), (2**53 - 1, 2**53 - 1), (str(2**53), None), ("user-7", None), ("\u0663", None)],
)
async def test_any_sub_is_an_id(sub: Any, number: int | None) -> None:
    users = [await provider().user(APP, token(sub=sub)) for _ in range(2)]
    assert users[0] is not None
    assert users[0] == users[1]
    assert users[0].id == number if number is not None else 1 <= users[0].id <= 2**53 - 1


REFUSED: dict[str, Any] = {
    "no exp": {"exp": None},
    "no sub": {"sub": None},
    "no uname": {"uname": None},
    "run out": {"exp": now() - 60},
    "good for too long": {"exp": now() + 90_000},
    "exp is infinite": {"exp": float("inf")},
    "exp is text": {"exp": "tomorrow"},
    "exp is a list": {"exp": [1]},
    "exp is not a number": {"exp": float("nan")},
    "exp is a number in text": {"exp": str(now() + 60)},
    "not yet": {"nbf": now() + 86_400},
    "nbf is not a number": {"nbf": float("nan")},
    "made in the future": {"iat": now() + 86_400},
    "iat is an object": {"iat": {}},
    "sub is half a pair": {"sub": "\ud800"},
    "sub is a fraction": {"sub": 7.0},
    "uname is half a pair": {"uname": "\ud800"},
    "sub is a list": {"sub": ["7"]},
    "sub is empty": {"sub": ""},
    "sub is too long": {"sub": "x" * 256},
    "sub is true": {"sub": True},
    "sub is 0": {"sub": 0},
    "sub is 0 as text": {"sub": "0"},
    "sub is negative": {"sub": -1},
    "sub is huge": {"sub": 2**53},
    "uname is a number": {"uname": 7},
    "uname is empty": {"uname": ""},
    "uname does not show": {"uname": "\u202ealice"},
    "uname is too long": {"uname": "x" * 65},
    "role is unknown": {"role": "god"},
    "role is a list": {"role": ["mod"]},
    "role is in capitals": {"role": "MOD"},
    "an audience": {"aud": "elsewhere"},
}


@pytest.mark.gen_test
@pytest.mark.parametrize("changes", REFUSED.values(), ids=REFUSED)
async def test_a_token_that_says_something_wrong_is_a_guests(changes: dict[str, Any]) -> None:
    assert await provider().user(APP, token(**changes)) is None


@pytest.mark.gen_test
async def test_two_subs_that_differ_are_two_users() -> None:
    identity = provider()
    users = [await identity.user(APP, token(sub=sub)) for sub in ("7", "07", "007", " 7", "7 ", "7\n", "+7", "7.0")]
    assert len({user.id for user in users if user}) == len(users)


@pytest.mark.gen_test
async def test_a_refusal_is_counted_and_its_log_line_has_nothing_of_the_token(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    counted: list[str] = []
    signed = importlib.import_module("tornado_chat_plugins.signed")
    options = signed.Options(keys=(signed.Key("HS256", Secret(SECRET)),))
    log = logging.getLogger("tests.signed")
    now = [100.0]
    api = SimpleNamespace(
        app_id=2, options=options, log=log, count=counted.append, now=SystemClock().now, monotonic=lambda: now[0]
    )
    identity = signed.register_identity(api)
    assert await identity.user(APP, token()) is not None
    assert counted == []
    bad = [
        unsigned({"alg": "HS256", "crit": ["LEAK"]}, claims()),
        unsigned({"alg": "LEAK", "kid": "LEAK"}, claims()),
        token(role="LEAK"),
        token(uname=" LEAK"),
        token(sub="LEAK" * 99),
        token(exp="LEAK"),
        token(aud="LEAK"),
        token(exp=None),
    ]
    for text in bad:
        assert await identity.user(APP, text) is None
        assert text not in caplog.text
    assert counted == ["refused"] * len(bad)
    assert "LEAK" not in caplog.text
    assert "its role is none of ours" in caplog.text
    assert 'missing the "exp" claim' in caplog.text
    # One that sets it up is told why; many that try don't fill the log.
    now[0] += 10
    assert await identity.user(APP, token(role="LEAK")) is None
    loud = [record.getMessage() for record in caplog.records if record.levelno >= logging.INFO]
    assert len(loud) == 2
    assert loud[1] == "app 2: a token was refused: its role is none of ours"


def test_without_pyjwt_the_start_fails_and_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    for missing in ("jwt", "cryptography.exceptions"):
        with monkeypatch.context() as patch:
            patch.delitem(sys.modules, "tornado_chat_plugins.signed", raising=False)
            patch.setitem(sys.modules, missing, None)
            with pytest.raises(ConfigError, match=r"apps/2\.toml: plugin signed .*tornado-chat\[signed\]"):
                load_identity()


def unsigned(header: Any, payload: Any, signature: bytes = b"") -> str:
    parts = [json.dumps(part).encode() if not isinstance(part, bytes) else part for part in (header, payload)]
    return ".".join(base64.urlsafe_b64encode(part).decode().rstrip("=") for part in (*parts, signature))


HOSTILE = {
    "alg none": unsigned({"alg": "none", "typ": "JWT"}, claims()),
    "alg None": jwt.encode(claims(), None, algorithm="none"),
    "another secret": token(OTHER),
    "the public key as a secret": unsigned({"alg": "HS256"}, claims(), b"x" * 32),
    "deep": unsigned(b"[" * 4000, claims()),
    "header is a list": unsigned([], claims()),
    "header is no JSON": unsigned(b"\xff{", claims()),
    "kid is a list": unsigned({"alg": "HS256", "kid": ["a"]}, claims()),
    "alg is a number": unsigned({"alg": 7}, claims()),
    "crit": unsigned({"alg": "HS256", "crit": ["b64"], "b64": False}, claims()),
    "payload is a list": unsigned({"alg": "HS256"}, [1]),
    "crit that is signed": jwt.encode(claims(), SECRET, headers={"crit": ["x"], "x": 1}),
    "deep header": unsigned(b'{"alg":"HS256","x":' + b"[" * 1400 + b"]" * 1400 + b"}", claims()),
    "dots": "....",
    "one part": "alice",
    "junk": "\xe9.\xe9.\xe9",
    "long": "x" * 4096,
}


@pytest.mark.gen_test
@pytest.mark.parametrize("given_token", HOSTILE.values(), ids=HOSTILE)
async def test_a_token_that_is_none_is_a_guests(given_token: str) -> None:
    for key in (HS_KEY, {"alg": "RS256", "key": public(RSA)}):
        assert await provider(key).user(APP, given_token) is None


@pytest.mark.gen_test
async def test_a_public_key_is_no_secret() -> None:
    """Algorithm confusion: the token says HS256, and is signed with the text of the public key."""
    head = base64.urlsafe_b64encode(b'{"alg":"HS256"}').rstrip(b"=")
    body = base64.urlsafe_b64encode(json.dumps(claims()).encode()).rstrip(b"=")
    import hashlib
    import hmac

    signature = hmac.new(public(RSA).encode(), head + b"." + body, hashlib.sha256).digest()
    forged = b".".join([head, body, base64.urlsafe_b64encode(signature).rstrip(b"=")]).decode()
    assert await provider({"alg": "RS256", "key": public(RSA)}).user(APP, forged) is None


ANY_TEXT = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=200)
ANY_PARTS = st.binary(max_size=200).map(lambda raw: unsigned(raw, raw, raw))


@given(ANY_TEXT | ANY_PARTS)
@settings(max_examples=300, deadline=None)
def test_nothing_in_a_token_raises(text: str) -> None:
    assert believed(text) is None


def signed_by_us(payload: bytes) -> str:
    """A token with a good signature, whatever it says."""
    return jwt.PyJWS().encode(payload, SECRET, "HS256")


SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20)
JSON = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
)
CLAIMS = ("sub", "uname", "exp", "nbf", "iat", "aud", "iss", "role", "jti")


@given(st.dictionaries(st.sampled_from(CLAIMS), JSON), st.booleans())
@settings(max_examples=300, deadline=None)
def test_nothing_in_a_signed_token_raises(changes: dict[str, Any], whole: bool) -> None:
    said = (claims() if whole else {}) | changes
    user = believed(signed_by_us(json.dumps(said).encode()))
    if user is not None:
        assert 0 <= user.id <= 2**53 - 1
        assert is_uname(user.uname)
        assert user.role == said.get("role", "member")


@pytest.mark.parametrize(
    "payload",
    [
        b"[" * 2900,
        b'{"exp":%d,"uname":"alice","sub":' % (now() + 60) + b"[" * 1400 + b"]" * 1400 + b"}",
        b'{"sub":"7","uname":"alice","exp":' + b"9" * 2900 + b"}",
        b'{"exp":%d,"uname":"alice","sub":' % (now() + 60) + b"9" * 2900 + b"}",
        b'{"sub":"7","uname":"alice","exp":1e999}',
        b"null",
        b"\xff",
        b"",
    ],
    ids=["deep", "deep sub", "huge exp", "huge sub", "exp overflows", "null", "no text", "empty"],
)
def test_a_signed_token_that_is_too_much_is_a_guests(payload: bytes) -> None:
    assert believed(signed_by_us(payload)) is None


@pytest.mark.gen_test
async def test_keys_are_rotated_without_anyone_being_locked_out() -> None:
    old, new = {**HS_KEY, "kid": "old"}, {"alg": "HS256", "key": OTHER, "kid": "new"}
    both = provider(old, new)
    assert await both.user(APP, token(SECRET, kid="old")) is not None
    assert await both.user(APP, token(OTHER, kid="new")) is not None
    assert await both.user(APP, token(SECRET)) is not None
    assert await both.user(APP, token(OTHER)) is not None
    assert await both.user(APP, token(SECRET, kid="new")) is None
    assert await both.user(APP, token(SECRET, kid="unknown")) is None
    assert await provider(new).user(APP, token(SECRET, kid="old")) is None


@pytest.mark.gen_test
async def test_clocks_may_differ_and_tokens_may_last_as_long_as_is_set() -> None:
    assert await provider(leeway=300).user(APP, token(exp=now() - 200)) is not None
    assert await provider(leeway=0).user(APP, token(exp=now() - 200)) is None
    assert await provider(max_age=600, leeway=0).user(APP, token(exp=now() + 500)) is not None
    assert await provider(max_age=600, leeway=0).user(APP, token(exp=now() + 700)) is None
    assert await provider(name="Dice").app(2) == App(2, "Dice", frozenset())


@pytest.mark.gen_test
async def test_issuer_and_audience_are_wanted_where_they_are_set() -> None:
    identity = provider(issuer="www", audience="chat")
    assert await identity.user(APP, token(iss="www", aud="chat")) is not None
    assert await identity.user(APP, token(iss="www", aud=["x", "chat"])) is not None
    for changes in (
        {},
        {"iss": "www"},
        {"aud": "chat"},
        {"iss": "x", "aud": "chat"},
        {"iss": "www", "aud": "x"},
        {"iss": "ww", "aud": "chat"},
        {"iss": "", "aud": "chat"},
    ):
        assert await identity.user(APP, token(**changes)) is None


@pytest.mark.parametrize(
    ("key", "told"),
    [
        ({"alg": "HS256", "key": "short"}, "keys[0].key: a secret of HS256 has at least 32 bytes"),
        ({"alg": "RS256", "key": SECRET}, "keys[0].key: expected a public key of RS256 in PEM"),
        ({"alg": "RS256", "key": private(RSA)}, "keys[0].key: this is a private key"),
        ({"alg": "EdDSA", "key": public(RSA)}, "keys[0].key: expected a public key of EdDSA in PEM"),
        ({"alg": "RS256", "key": public(ED)}, "keys[0].key: expected a public key of RS256 in PEM"),
        (
            {"alg": "RS256", "key": public(WEAK)},
            "keys[0].key: a key of RS256 has at least 2048 bits, this one has 1024",
        ),
        ({"alg": "RS256", "key": public(EC)}, "keys[0].key: expected a public key of RS256 in PEM"),
        ({"alg": "EdDSA", "key": unknown_kind()}, "keys[0].key: expected a public key of EdDSA in PEM"),
        ({"alg": "HS256", "key": public(RSA)}, "keys[0].key: "),
        ({"alg": "HS256", "key": private(ED)}, "keys[0].key: this is a private key"),
        ({"alg": "HS512", "key": SECRET}, "plugin.signed.keys[0].alg: 'HS512' is none of: HS256, RS256, EdDSA"),
        ({"alg": "HS256", "kye": SECRET}, "plugin.signed.keys[0].kye: unknown key; did you mean key?"),
        ({"alg": "HS256"}, "plugin.signed.keys[0].key: missing"),
    ],
    ids=repr,
)
def test_a_key_that_cannot_be_used_stops_the_start_and_is_not_shown(key: dict[str, str], told: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load_identity(key)
    assert told in str(caught.value)
    assert str(caught.value).startswith("apps/2.toml: plugin.signed")
    assert key.get("key", "-" * 99)[:60] not in str(caught.value)


def test_without_keys_it_does_not_start() -> None:
    with pytest.raises(ConfigError, match="keys: missing, and it has no default"):
        load_plugin("signed")


def test_it_serves_apps_that_have_a_file_of_their_own() -> None:
    import tornado_chat_plugins.signed as signed

    with pytest.raises(ValueError, match="a file of its own for each app"):
        signed.register_identity(SimpleNamespace(app_id=0))  # type: ignore[arg-type]


def snippet(kind: str) -> str:
    (found,) = re.findall(rf"^```\w+ {kind}\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    return str(found)


def run_snippet(command: list[str], code: str) -> str:
    environment = os.environ | {"CHAT_SECRET": SECRET}
    done = subprocess.run([*command, code], env=environment, capture_output=True, text=True, check=True, timeout=60)
    return done.stdout.strip()


def believed(made: str) -> User | None:
    """Ask a provider with a clock of its own: the snippets take the present."""
    identity = provider()
    asking = identity.user(APP, made)
    try:
        asking.send(None)  # type: ignore[attr-defined]
    except StopIteration as end:
        return end.value  # type: ignore[no-any-return]
    raise AssertionError("it waited")


def test_the_django_snippet_makes_a_token() -> None:
    code = (
        "import sys, types, os\n"
        "sys.modules['django'] = types.ModuleType('django')\n"
        "sys.modules['django.conf'] = types.ModuleType('django.conf')\n"
        "sys.modules['django.conf'].settings = types.SimpleNamespace(CHAT_SECRET=os.environ['CHAT_SECRET'])\n"
        + snippet("signed-django")
        + "\nprint(chat_token(types.SimpleNamespace(pk=7, username='alice', is_staff=True)))"
    )
    assert believed(run_snippet([sys.executable, "-c"], code)) == User(7, "alice", Role.MOD)


def test_the_express_snippet_makes_a_token(node: str) -> None:
    code = snippet("signed-express") + "\nconsole.log(chatToken({ id: 7, name: 'al\u00efce', isStaff: true }));"
    assert believed(run_snippet([node, "-e"], code)) == User(7, "al\u00efce", Role.MOD)


def test_the_php_snippet_makes_a_token(php: str) -> None:
    code = (
        snippet("signed-php") + "\necho chat_token((object) ['id' => 7, 'name' => 'al\u00efce', 'isStaff' => false]);"
    )
    assert believed(run_snippet([php, "-r"], code)) == User(7, "al\u00efce", Role.MEMBER)


@pytest.mark.gen_test
async def test_over_the_wire_a_token_logs_in(serve: Any, connect: Any, make_config: Any, monkeypatch: Any) -> None:
    from tornado_chat.config import load_config

    monkeypatch.setenv("CHAT_SECRET", SECRET)
    directory = make_config(apps=(3,)).directory
    (directory / "apps" / "2.toml").write_text(snippet("signed"))
    server = await serve(load_config(directory, os.environ))
    good = jwt.encode(claims(exp=int(time.time()) + 60, role="mod"), SECRET, algorithm="HS256")
    for name in ("token", "hashed_token", "token_hash"):
        client = await connect(server)
        error, data = await client.emit("auth", {"app_id": 2, name: good})
        assert error is None
        assert data["user"] == {"id": 7, "uname": "alice", "role": "mod"}
    for bad in (token(OTHER), "x" * 5000, " ", "\u00e9", 7):
        client = await connect(server)
        error, data = await client.emit("auth", {"app_id": 2, "token": bad})
        assert error is None
        assert "user" not in data
