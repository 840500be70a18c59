"""/tip and /rain: what one user wants to give others is told to the site, which has the money and decides."""

from __future__ import annotations

import asyncio
import hashlib
import re
import uuid
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import Annotated

import msgspec
from msgspec import Meta

from tornado_chat import (
    Call,
    Command,
    CommandRefused,
    HttpError,
    HttpResponse,
    NumberParam,
    Param,
    PluginApi,
    PluginLimit,
    PluginOptions,
    RestParam,
    Secret,
    StoreUnavailable,
    User,
    UserParam,
    fold,
    hookimpl,
    is_uname,
    signed_headers,
)

DAY = 86_400.0  # seconds that an order whose fate isn't known is remembered
FIRST_PAUSE = 0.5  # seconds before the second try; doubles
LONGEST = 7.0  # seconds until all tries are over, and one each for what comes after: a command has ten
AFTER = 1.0
MOST_USERS = 50
MAX_PENDING = 5  # orders of one user whose fate isn't known
UNSETTLED = frozenset({408, 409, 425, 429})  # of 4xx, what doesn't say that nothing was done
_AMOUNT = re.compile(r"(0|[1-9][0-9]{0,14})(\.[0-9]{1,8})?", re.ASCII)
UNKNOWN = (
    "It is not known whether this was done: the site gave no answer. Type the same again to ask once more; "
    "it is not done twice. The site knows it as {}"
)


def parse_amount(text: str, decimals: int) -> Decimal | None:
    """Return an amount with at most so many digits after the point; None for what isn't written as one."""
    match = _AMOUNT.fullmatch(text)
    return Decimal(text) if match and len(match.group(2) or "") <= decimals + bool(decimals) else None


class Options(PluginOptions):
    """Keys of [plugin.tip]."""

    url: Annotated[str, Meta(pattern=r"\Ahttps?://[^\s]+\Z")]
    """Where the site takes orders."""
    secret: Secret
    """What they are signed with."""
    currency: Annotated[str, Meta(max_length=16)] = ""
    """What stands after an amount."""
    decimals: Annotated[int, Meta(ge=0, le=8)] = 0
    """How many digits an amount may have after the point."""
    least: str = "1"
    """The smallest amount."""
    most: str = "1000000"
    """The largest amount."""
    rain_users: Annotated[int, Meta(ge=1, le=MOST_USERS)] = 10
    """How many users a rain goes to that doesn't say it."""
    cooldown: Annotated[float, Meta(ge=0, le=86_400)] = 10
    """Seconds that a user waits between two of them."""
    timeout: Annotated[float, Meta(ge=0.1, le=LONGEST)] = 3.0
    """Seconds for one try."""
    tries: Annotated[int, Meta(ge=1, le=4)] = 2
    """How often one order is sent until it is answered."""

    def __post_init__(self) -> None:
        if len(self.secret.reveal()) < 16:
            raise ValueError("secret must have at least 16 characters")
        least, most = parse_amount(self.least, self.decimals), parse_amount(self.most, self.decimals)
        if least is None or most is None or not 0 < least <= most:
            raise ValueError(
                f'least and most must be amounts such as "1", with at most {self.decimals} decimals, in order'
            )
        if self.tries * self.timeout + FIRST_PAUSE * (2 ** (self.tries - 1) - 1) > LONGEST:
            raise ValueError(f"tries times timeout, and the pauses between, must be at most {LONGEST:g} seconds")


@dataclass(frozen=True, slots=True)
class AmountParam(Param):
    """An amount in plain digits; its value is text, without zeros at its end."""

    least: Decimal = Decimal(1)
    most: Decimal = Decimal(1)
    decimals: int = 0

    @property
    def hint(self) -> str:
        return f"{self.name}: {self.least} to {self.most}" + (f", {self.decimals} decimals" if self.decimals else "")

    def take(self, words: list[str]) -> str:
        amount = parse_amount(words.pop(0), self.decimals)
        if amount is None or not self.least <= amount <= self.most:
            raise ValueError(f"that is no {self.name}")
        return f"{amount.normalize():f}"


class Party(msgspec.Struct, frozen=True):
    """A user; `id` is None where they aren't here."""

    uname: str
    id: int | None


class Order(msgspec.Struct, frozen=True):
    """What the site is sent. The first order of a `key` counts; what comes with the same one is that one again."""

    key: str
    kind: str
    app_id: int
    sender: Party = msgspec.field(name="from")
    to: tuple[Party, ...]
    amount: str
    currency: str
    note: str = ""


class Reply(msgspec.Struct, frozen=True):
    """What the site answers. `repeated`: it was done before."""

    ok: bool
    text: str = ""
    repeated: bool = False


class Counter:
    """Passes one app's orders on. `pause` waits so many seconds between two tries."""

    def __init__(self, api: PluginApi) -> None:
        self.pause: Callable[[float], Awaitable[None]] = asyncio.sleep
        self._api = api
        self._options: Options = api.options
        self._busy: set[int] = set()  # ids of users
        self._settled: OrderedDict[str, None] = OrderedDict()  # keys of orders that may still be stored

    async def send(self, call: Call, line: str, make: Callable[[str], Order]) -> tuple[Order, Reply | None]:
        """Send what `make(key)` gives, or what the same `line` gave before where its fate isn't known.

        Returns it and the site's answer, None where there is none. Raises CommandRefused, StoreUnavailable: nothing was
        sent then.
        """
        user, end = call.user.id, asyncio.get_running_loop().time() + LONGEST
        if user in self._busy:
            raise CommandRefused("What you ordered before is still on its way")
        self._busy.add(user)
        try:
            place = f"pending/{user}/{hashlib.sha256(line.encode()).hexdigest()}"
            pending = dict(await self._api.storage.items(f"pending/{user}/"))
            order = msgspec.convert(pending[place], Order) if place in pending else None
            if order is None or order.key in self._settled:
                if len(pending) >= MAX_PENDING and place not in pending:
                    raise CommandRefused(f"{MAX_PENDING} orders of yours have no answer yet; ask for those again first")
                order = make(self._key(call, line))
                # Before it is sent, so that it isn't done twice whatever happens to this process.
                await self._api.storage.put(place, order, expires_in=DAY)
            reply = await self._ask(order, end)
            if reply is not None:
                await self._settle(place, order.key)
            return order, reply
        finally:
            self._busy.discard(user)

    async def announce(self, text: str) -> None:
        """Tell the room. What was done is done, whether that can be stored or not."""
        try:
            async with asyncio.timeout(AFTER):
                await self._api.post(text)
        except (TimeoutError, StoreUnavailable, PluginLimit) as error:
            self._api.log.warning("app %d: the room may not be told that %s: %s", self._api.app_id, text, error)

    def party(self, caller: User, name: str) -> Party:
        """Return who has a name. Raises CommandRefused for the caller's own, and for one that several have."""
        if not is_uname(name):
            raise CommandRefused("No user can have that name")
        key = fold(name)
        if key == caller.key:
            raise CommandRefused("You can't tip yourself")
        here = [user for user in self._api.users if user.key == key]
        exact = [user for user in here if user.uname == name] or here
        if len(exact) > 1:
            raise CommandRefused(
                f"Several have that name; write it as one of: {', '.join(user.uname for user in exact)}"
            )
        return Party(exact[0].uname, exact[0].id) if exact else Party(name, None)

    def speakers(self, caller: User, count: int) -> tuple[Party, ...]:
        """Return who spoke last and is here: no bot, nobody who is muted, or whose last words only staff could see.

        Raises CommandRefused where that is nobody.
        """
        passed = {caller.key, *(mute.key for mute in self._api.mutes)}
        found: list[Party] = []
        for message in reversed(self._api.history):
            if message.plugin or message.user.key in passed:
                continue
            passed.add(message.user.key)
            here = self._api.find(message.user.uname)
            if not message.shadow and here is not None and here.id == message.user.id:
                found.append(Party(here.uname, here.id))
            if len(found) == count:
                break
        if not found:
            raise CommandRefused("Nobody else who is here has said anything lately")
        return tuple(found)

    def _key(self, call: Call, line: str) -> str:
        """Return the key of a new order; a line that the client sends again has the same one, also after a restart."""
        if not call.cid:
            return str(uuid.uuid4())
        name = f"{self._api.app_id}\0{call.user.id}\0{call.cid}\0{line}"
        return str(uuid.UUID(bytes=hashlib.sha256(name.encode()).digest()[:16]))

    async def _ask(self, order: Order, end: float) -> Reply | None:
        """Send an order until it is answered, or the loop's clock is at `end`."""
        problem = "no time was left"
        try:
            async with asyncio.timeout_at(end):
                for attempt in range(self._options.tries):
                    if attempt:
                        await self.pause(FIRST_PAUSE * 2 ** (attempt - 1))
                    try:
                        answer = await self._post(order)
                    except HttpError as error:
                        problem = str(error)
                        continue
                    problem = f"the answer has status {answer.status}"
                    if (reply := _read(answer)) is not None:
                        self._api.count("done" if reply.ok else "refused")
                        if answer.status >= 400:
                            self._api.log.warning("app %d: order %s: %s", self._api.app_id, order.key, problem)
                        return reply
        except TimeoutError:
            pass
        self._api.count("unknown")
        self._api.log.warning("app %d: the fate of order %s is not known: %s", self._api.app_id, order.key, problem)
        return None

    async def _post(self, order: Order) -> HttpResponse:
        body, api, options = msgspec.json.encode(order), self._api, self._options
        headers = signed_headers(body, options.secret, api.now(), order.key) | {"Idempotency-Key": order.key}
        with api.timed("request"):
            return await api.http.post(options.url, body=body, headers=headers, timeout=options.timeout)

    async def _settle(self, place: str, key: str) -> None:
        try:
            async with asyncio.timeout(AFTER):
                await self._api.storage.delete(place)
        except (TimeoutError, StoreUnavailable) as error:
            self._settled[key] = None
            if len(self._settled) > 1000:
                self._settled.popitem(last=False)
            self._api.log.warning("app %d: order %s stays stored for now: %s", self._api.app_id, key, error)


@hookimpl
def register_commands(api: PluginApi) -> Iterable[Command]:
    options: Options = api.options
    counter: Counter = api.state(Counter)

    def order(call: Call, key: str, kind: str, to: tuple[Party, ...], note: str = "") -> Order:
        sender = Party(call.user.uname, call.user.id)
        return Order(key, kind, api.app_id, sender, to, call.args["amount"], options.currency, note)

    async def finish(order: Order, reply: Reply | None) -> str:
        done = f"{order.sender.uname} {_did(order)}"
        if reply is None:
            return UNKNOWN.format(order.key)
        if reply.ok and not reply.repeated:
            await counter.announce(done)
        told = " ".join(reply.text.split())[:500]
        return told or (f"Done: {done}" if reply.ok else "The site did not do that")

    async def tip(call: Call) -> str:
        to, note = counter.party(call.user, call.args["user"]), call.args.get("note", "")
        line = "\n".join(["tip", fold(to.uname), call.args["amount"], note])
        return await finish(*await counter.send(call, line, lambda key: order(call, key, "tip", (to,), note)))

    async def rain(call: Call) -> str:
        count = call.args.get("users", options.rain_users)
        line = "\n".join(["rain", call.args["amount"], str(count)])
        return await finish(
            *await counter.send(call, line, lambda key: order(call, key, "rain", counter.speakers(call.user, count)))
        )

    amount = AmountParam("amount", True, Decimal(options.least), Decimal(options.most), options.decimals)
    users = NumberParam("users", required=False, least=1, most=MOST_USERS)
    some = [UserParam("user"), amount, RestParam("note", required=False)]
    wait = options.cooldown
    yield Command("tip", tip, some, help="gives a user some of what you have", cooldown=wait)
    yield Command("rain", rain, [amount, users], help="gives some to those who spoke last", cooldown=wait)


def _read(answer: HttpResponse) -> Reply | None:
    """Return what the site says; None where it says neither that it was done nor that it wasn't."""
    try:
        reply = msgspec.json.decode(answer.body, type=Reply)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        reply = None
    if 200 <= answer.status < 300:
        return reply
    if not 400 <= answer.status < 500 or answer.status in UNSETTLED or (reply is not None and reply.ok):
        return None
    return reply or Reply(False)


def _did(order: Order) -> str:
    """Return what is said of an order: "tipped eve 5 bits". With the longest names it still is a message."""
    amount = f"{order.amount} {order.currency}".strip()
    if order.kind == "tip":
        return f"tipped {order.to[0].uname} {amount}"
    names = ""
    for index, party in enumerate(order.to):
        if _units(names) + _units(party.uname) > 130:
            more = len(order.to) - index
            return f"rained {amount} on {names} and {more} more"
        names += f", {party.uname}" if names else party.uname
    return f"rained {amount} on {names}"


def _units(text: str) -> int:
    return len(text.encode("utf-16-le")) // 2
