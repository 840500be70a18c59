"""Users from tokens that the site signs itself (JWT), so that it needs no API for the chat."""

from __future__ import annotations

import hashlib
import logging
import re
from typing import Annotated, Any, Literal

from msgspec import Meta, Struct

from tornado_chat import App, PluginApi, PluginOptions, Role, Secret, User, hookimpl, is_uname, parse_level, parse_time

try:
    import jwt
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.ed448 import Ed448PublicKey
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
    from cryptography.hazmat.primitives.serialization import load_pem_public_key
except ImportError:
    raise ImportError("the plugin signed needs PyJWT and cryptography: pip install 'tornado-chat[signed]'") from None

MAX_ID = 2**53 - 1
MAX_SUB = 255
QUIET = 10.0  # seconds from one refusal that is logged at INFO to the next
SHORTEST_SECRET = 32  # bytes: an HS256 key shorter than its hash can be guessed (RFC 7518, 3.2)
SHORTEST_RSA = 2048  # bits (RFC 7518, 3.3)
_ID = re.compile(r"0|[1-9][0-9]{0,15}")  # as a number is written: "007" is another user than "7"


class Key(Struct, forbid_unknown_fields=True, frozen=True):
    """What tokens are checked with: the secret of HS256, or the public key of RS256 or EdDSA in PEM."""

    alg: Literal["HS256", "RS256", "EdDSA"]
    key: Secret
    kid: str = ""


class Options(PluginOptions):
    """Keys of [plugin.signed]."""

    keys: Annotated[tuple[Key, ...], Meta(min_length=1)]
    """What tokens may be signed with. While keys change, the old one and the new one."""
    issuer: str = ""
    """What `iss` must be; empty: it isn't looked at."""
    audience: str = ""
    """What `aud` must be; empty: a token must have none."""
    leeway: Annotated[int, Meta(ge=0, le=300)] = 30
    """Seconds by which clocks may differ."""
    max_age: Annotated[int, Meta(ge=60, le=366 * 86_400)] = 86_400
    """Seconds that a token may have before it runs out; one that is good for longer is refused."""
    name: str = ""
    """The app's name."""

    def __post_init__(self) -> None:
        for index, key in enumerate(self.keys):
            try:
                _prepare(key)
            except (ValueError, jwt.InvalidKeyError) as error:
                raise ValueError(f"keys[{index}].key: {error}") from None


class _Refused(Exception):
    """Why a token isn't valid, in words of ours."""


class SignedIdentity:
    """Believes what a good token says of its bearer."""

    def __init__(self, api: PluginApi) -> None:
        self._api = api
        self._options: Options = api.options
        self._keys = [(key, _prepare(key)) for key in self._options.keys]
        self._told_until = 0.0  # by a steady clock

    async def app(self, app_id: int) -> App | None:
        return App(app_id, self._options.name, frozenset())

    async def user(self, app: App, token: str) -> User | None:
        try:
            return self._user(self._claims(token))
        except Exception as error:  # what a hostile token raises differs between versions of PyJWT
            self._api.count("refused")
            # PyJWT's own texts quote the token.
            ours = isinstance(error, _Refused | jwt.MissingRequiredClaimError)
            # Whoever sets this up must learn why; whoever tries tokens must not fill the log.
            now = self._api.monotonic()
            level = logging.DEBUG if now < self._told_until else logging.INFO
            if level == logging.INFO:
                self._told_until = now + QUIET
            why = error if ours else type(error).__name__
            self._api.log.log(level, "app %d: a token was refused: %s", self._api.app_id, why)
            return None

    async def close(self) -> None:
        """Nothing to give back."""

    def _claims(self, token: str) -> dict[str, Any]:
        """Return the claims of a good token. Raises what PyJWT does, and _Refused."""
        header = jwt.get_unverified_header(token)
        if "crit" in header:  # PyJWT looks at it since 2.12
            raise _Refused("its header has a crit, and nothing that it could name is known here")
        kid, alg = header.get("kid"), header.get("alg")
        candidates = [
            (key.alg, prepared) for key, prepared in self._keys if key.alg == alg and (kid is None or kid == key.kid)
        ]
        if not candidates:
            raise _Refused("no key is listed for its kid and alg")
        for index, (algorithm, prepared) in enumerate(candidates):
            try:
                return self._decode(token, algorithm, prepared)
            except jwt.InvalidSignatureError:
                if index == len(candidates) - 1:
                    raise
        raise AssertionError("unreachable")

    def _decode(self, token: str, algorithm: str, key: Any) -> dict[str, Any]:
        # The algorithm is the key's, never the token's: else a public key could be used as a secret.
        options = self._options
        claims: dict[str, Any] = jwt.decode(
            token,
            key,
            algorithms=[algorithm],
            issuer=[options.issuer] if options.issuer else None,  # PyJWT 2.10.0 takes any part of a str for the whole
            audience=options.audience or None,
            leeway=options.leeway,
            options={"require": ["exp", "sub", "uname"], "verify_sub": False},
        )
        if claims["exp"] > self._api.now().timestamp() + options.max_age + options.leeway:
            raise _Refused(f"it is good for more than {options.max_age} s")
        return claims

    def _user(self, claims: dict[str, Any]) -> User:
        uname, role = claims["uname"], claims.get("role", Role.MEMBER.value)
        if not isinstance(uname, str) or not is_uname(uname):
            raise _Refused("its uname can't be used")
        if not isinstance(role, str) or role not in list(Role):
            raise _Refused("its role is none of ours")
        level, created_at = parse_level(claims.get("level")), parse_time(claims.get("created_at"))
        return User(_user_id(claims["sub"]), uname, Role(role), level, created_at)


def _prepare(key: Key) -> Any:
    """Return a key as PyJWT takes it. Raises ValueError or InvalidKeyError where it can't be one."""
    if "PRIVATE KEY-----" in key.key.reveal():
        raise ValueError("this is a private key; the chat needs the public one, and nobody else should have the other")
    if key.alg == "HS256":
        if len(key.key.reveal().encode()) < SHORTEST_SECRET:
            raise ValueError(f"a secret of HS256 has at least {SHORTEST_SECRET} bytes")
        return jwt.PyJWS().get_algorithm_by_name(key.alg).prepare_key(key.key.reveal())
    kinds = RSAPublicKey if key.alg == "RS256" else Ed25519PublicKey | Ed448PublicKey
    try:
        public = load_pem_public_key(key.key.reveal().encode())
        usable = isinstance(public, kinds)
    except (ValueError, UnsupportedAlgorithm):
        usable = False
    if not usable:
        raise ValueError(f"expected a public key of {key.alg} in PEM, which begins with -----BEGIN PUBLIC KEY-----")
    if isinstance(public, RSAPublicKey) and public.key_size < SHORTEST_RSA:
        raise ValueError(f"a key of RS256 has at least {SHORTEST_RSA} bits, this one has {public.key_size}")
    return public


def _user_id(sub: object) -> int:
    """Return the user's id: a number as it is, any other name as a number that stays the same."""
    if isinstance(sub, int) and not isinstance(sub, bool) and 1 <= sub <= MAX_ID:
        return sub
    # 0 is what some sites call a visitor who isn't logged in.
    if not isinstance(sub, str) or sub == "0" or not 1 <= len(sub) <= MAX_SUB:
        raise _Refused("its sub is neither a number from 1 to 2^53 - 1 nor a text of 1 to 255 characters")
    if _ID.fullmatch(sub) and int(sub) <= MAX_ID:
        return int(sub)
    return int.from_bytes(hashlib.sha256(sub.encode()).digest()[:8]) % MAX_ID + 1


@hookimpl
def register_identity(api: PluginApi) -> SignedIdentity:
    if not api.app_id:
        raise ValueError("signed needs a file of its own for each app, such as apps/2.toml")
    return SignedIdentity(api)
