"""Asks a service of the operator's what becomes of each message: one signed POST, answered with a verdict."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from tornado_chat import (
    Action,
    AlertStaff,
    Draft,
    Filter,
    Hold,
    HttpError,
    MuteSender,
    Pass,
    PluginApi,
    PluginOptions,
    Reject,
    Replace,
    Role,
    Secret,
    Shadow,
    Strike,
    Verdict,
    hookimpl,
    signed_headers,
)


class Options(PluginOptions):
    """Keys of [plugin.http_filter]. What becomes of a message where there is no answer says `on_error`."""

    url: Annotated[str, Meta(pattern=r"\Ahttps?://[^\s]+\Z")]
    """Whom to ask."""
    secret: Secret = Secret("")
    """What requests are signed with; empty: they aren't."""
    timeout: Annotated[float, Meta(ge=0.05, le=9.5)] = 0.4
    """Seconds for an answer; less than `timeout_ms`."""
    at_once: Annotated[int, Meta(ge=1, le=100)] = 20
    """Messages that may wait for an answer; one more has none."""
    message: str = "Your message was not let through"
    """What the sender of a refused message is told where the answer has no `message`."""


class Answer(msgspec.Struct, frozen=True):
    """What the service says. What it says beside is passed over."""

    verdict: Literal["pass", "reject", "replace", "hold", "shadow"]
    message: str = ""
    code: str = ""
    text: str = ""
    reason: str = ""
    strike: str = ""
    alert: str = ""
    mute_seconds: int = 0

    def read(self, message: str) -> Verdict:
        """Return the verdict; what it holds is for the server to check."""
        actions = tuple(self._actions())
        match self.verdict:
            case "pass":
                return Pass(actions)
            case "reject":
                return Reject(self.message or message, self.code, actions)
            case "replace":
                return Replace(self.text, actions)
            case "hold":
                return Hold(self.reason, actions)
            case "shadow":
                return Shadow(actions)

    def _actions(self) -> Iterable[Action]:
        if self.strike:
            yield Strike(self.strike)
        if self.alert:
            yield AlertStaff(self.alert)
        if self.mute_seconds:
            yield MuteSender(self.mute_seconds, self.reason)


@hookimpl
def register_filters(api: PluginApi) -> Iterable[Filter]:
    options: Options = api.options
    waiting = 0

    async def check(draft: Draft) -> Verdict:
        nonlocal waiting
        if draft.user.role is not Role.MEMBER:
            return Pass()
        if waiting >= options.at_once:
            api.count("too_many")
            raise HttpError(f"{waiting} messages wait for an answer already")
        body = msgspec.json.encode(_question(draft))
        headers = signed_headers(body, options.secret, api.now())
        waiting += 1
        try:
            with api.timed("request"):
                answer = await api.http.post(options.url, body=body, headers=headers, timeout=options.timeout)
        finally:
            waiting -= 1
        if answer.status != 200:
            raise HttpError(f"the answer has status {answer.status}")
        try:
            read = msgspec.json.decode(answer.body, type=Answer)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            # Not its message: that quotes what was answered, which may be a megabyte.
            raise HttpError("the answer is no verdict") from None
        api.count(read.verdict)
        return read.read(options.message)

    yield Filter(check)


def _question(draft: Draft) -> dict[str, Any]:
    """Return what the service is told. Where the user comes from isn't its business."""
    person = draft.person
    return {
        "app_id": draft.app_id,
        "user": {"id": draft.user.id, "uname": draft.user.uname, "role": draft.user.role},
        "text": draft.text,
        "person": None if person is None else {"said": person.said, "first_seen": person.first_seen},
    }
