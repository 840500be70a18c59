"""What a filter or a gate may answer. One closed type: anything else is the plugin's error."""

from __future__ import annotations

import re

import msgspec

from tornado_chat.errors import MAX_TEXT
from tornado_chat.text import is_unicode, js_length, js_trim

_CODE = re.compile(r"[A-Z][A-Z0-9_]{0,31}", re.ASCII)
MAX_ACTIONS = 8
MAX_NOTICE = 8000  # code points of a text that one user is told
YEAR = 366 * 86_400


class MuteSender(msgspec.Struct, frozen=True, repr_omit_defaults=True):
    """Mute the one who sent the message for `seconds` (1 to a year); staff can't be muted so."""

    seconds: int
    reason: str = ""


class PurgeSender(msgspec.Struct, frozen=True, repr_omit_defaults=True):
    """Delete what the one who sent the message said before, as far as the room remembers it."""


class AlertStaff(msgspec.Struct, frozen=True, repr_omit_defaults=True):
    """Tell the staff who are here."""

    text: str


class Strike(msgspec.Struct, frozen=True, repr_omit_defaults=True):
    """Count against the one who sent the message. The plugin `escalate`, where it is loaded, draws the consequences."""

    reason: str = ""


Action = MuteSender | PurgeSender | AlertStaff | Strike


class Pass(msgspec.Struct, frozen=True, repr_omit_defaults=True):
    """The message may go on as it is."""

    actions: tuple[Action, ...] = ()


class Replace(msgspec.Struct, frozen=True, repr_omit_defaults=True):
    """The message goes on with this text instead (1 to 350 UTF-16 units after trimming)."""

    text: str
    actions: tuple[Action, ...] = ()


class Reject(msgspec.Struct, frozen=True, repr_omit_defaults=True):
    """The message stops here. The sender alone sees `message`, and an ack of `code`.

    `code` is of A-Z, 0-9 and _; without one it is MESSAGE_REJECTED, and JOIN_REFUSED from a gate at the entrance.
    """

    message: str
    code: str = ""
    actions: tuple[Action, ...] = ()


class Hold(msgspec.Struct, frozen=True, repr_omit_defaults=True):
    """The message waits until a moderator lets it through. Staff see it, and `reason`; the sender is told it waits."""

    reason: str = ""
    actions: tuple[Action, ...] = ()


class Shadow(msgspec.Struct, frozen=True, repr_omit_defaults=True):
    """The message is shown to its sender, who notices nothing, and to staff; to nobody else."""

    actions: tuple[Action, ...] = ()


Verdict = Pass | Replace | Reject | Hold | Shadow


def fault_of(verdict: object) -> str | None:
    """Return what is wrong with a filter's answer, as the end of "it answered ..."; None for a verdict that is good."""
    match verdict:
        case Pass(actions=()):
            return None
        case Pass() | Shadow():
            pass
        case Replace(text=text):
            if not (isinstance(text, str) and is_unicode(text) and 1 <= js_length(js_trim(text)) <= MAX_TEXT):
                return f"a Replace whose text isn't 1 to {MAX_TEXT} characters of valid Unicode"
        case Reject(message=text, code=code):
            if not is_notice(text):
                return f"a Reject whose message is no valid Unicode text of at most {MAX_NOTICE} characters"
            if not (isinstance(code, str) and (code == "" or _CODE.fullmatch(code))):
                return "a Reject whose code isn't a name such as TOO_FAST"
        case Hold(reason=text):
            if not is_notice(text):
                return f"a Hold whose reason is no valid Unicode text of at most {MAX_NOTICE} characters"
        case type():
            return f"the class {verdict.__name__}; write {verdict.__name__}(...)"
        case _:
            return f"a {type(verdict).__name__}, which is no verdict"
    return _fault_of_actions(verdict.actions)


def is_notice(text: object) -> bool:
    """Tell whether a user can be told this: valid Unicode, at most 8,000 code points."""
    return isinstance(text, str) and len(text) <= MAX_NOTICE and is_unicode(text)


def require_reason(reason: str) -> None:
    """Raise ValueError for a reason that can't be shown."""
    if not is_notice(reason):
        raise ValueError(f"a reason must be text of at most {MAX_NOTICE} characters of valid Unicode")


def _fault_of_actions(actions: object) -> str | None:
    if not isinstance(actions, tuple) or len(actions) > MAX_ACTIONS:
        return f"a verdict whose actions are no tuple of at most {MAX_ACTIONS}"
    for action in actions:
        match action:
            case PurgeSender():
                continue
            case AlertStaff(text=text) | Strike(reason=text) if is_notice(text):
                continue
            case MuteSender(seconds=int(seconds), reason=text) if 1 <= seconds <= YEAR and is_notice(text):
                continue
        kind = action.__name__ if isinstance(action, type) else type(action).__name__
        return f"a verdict with an action that can't be taken: {kind}"
    return None
