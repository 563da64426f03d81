"""What a relay's answer means: one table of phase, code and enhanced code -> outcome.

Pure. The phase decides as much as the code: before the final dot nothing was sent, whatever went wrong; after it a
silence leaves everything open. Codes: RFC 5321, 4.2; enhanced codes: RFC 3463; AUTH: RFC 4954, 6.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from distributor.core.outcome import Deferred, Outcome, Receipt, Rejected, Scope, Sent, Unknown


class Phase(StrEnum):
    """How far a transaction came: the command whose answer is waited for."""

    CONNECT = "connect"  # name, connection, greeting, EHLO, TLS
    AUTH = "auth"
    MAIL = "mail"
    RCPT = "rcpt"
    DATA = "data"  # and the content, up to the final dot
    DOT = "dot"


_Make = Callable[[str], Outcome]
_TRANSACTION = frozenset({Phase.MAIL, Phase.RCPT, Phase.DATA, Phase.DOT})
_CONTENT = frozenset({Phase.DATA, Phase.DOT})


def _deferred(code: str, scope: Scope = Scope.DELIVERY) -> _Make:
    return lambda reason: Deferred(code, reason, scope=scope)


def _rejected(code: str, scope: Scope = Scope.DELIVERY) -> _Make:
    return lambda reason: Rejected(code, reason, scope)


@dataclass(frozen=True, slots=True)
class _Row:
    """The first row that fits decides. `enhanced` is the beginning of the enhanced code, '' for any or none."""

    phases: frozenset[Phase]
    codes: range
    enhanced: str
    make: _Make


def _one(code: int) -> range:
    return range(code, code + 1)


_CREDENTIAL = _deferred("credential", Scope.LANE)
_4XX, _5XX = range(400, 500), range(500, 600)

_TABLE: tuple[_Row, ...] = (
    # The relay closes: it said so before it took anything, at the dot too (RFC 5321, 4.2.1).
    _Row(frozenset(Phase), _one(421), "", _deferred("relay_busy")),
    # Accounts. Every delivery of the lane would end the same way, so the lane waits for a person.
    _Row(frozenset({Phase.AUTH}), _4XX, "", _deferred("auth_unavailable")),
    _Row(frozenset({Phase.AUTH}), _5XX, "", _CREDENTIAL),
    _Row(_TRANSACTION, _one(530), "", _CREDENTIAL),
    _Row(_TRANSACTION, _one(534), "", _CREDENTIAL),
    _Row(_TRANSACTION, _one(535), "", _CREDENTIAL),
    _Row(_TRANSACTION, _one(538), "", _CREDENTIAL),
    # A greeting or EHLO that says no: blocked, overloaded, wrong machine. Nothing about this reader.
    _Row(frozenset({Phase.CONNECT}), range(200, 600), "", _deferred("connection")),
    # MAIL: about us, not about the reader.
    _Row(frozenset({Phase.MAIL}), _4XX, "", _deferred("relay_later")),
    _Row(frozenset({Phase.MAIL}), _one(552), "", _rejected("too_large")),
    _Row(frozenset({Phase.MAIL}), _5XX, "", _deferred("sender_refused", Scope.LANE)),
    # RCPT: about this reader. 4xx is greylisting, a full mailbox or a busy server.
    _Row(frozenset({Phase.RCPT}), _4XX, "", _deferred("recipient_later")),
    _Row(frozenset({Phase.RCPT}), _one(552), "", _deferred("recipient_later")),  # RFC 5321, 4.5.3.1.10
    _Row(frozenset({Phase.RCPT}), _5XX, "5.2.2", _deferred("recipient_later")),  # mailbox full
    # Refused for who we are or what we may (5.7), not because the address is bad: a list must not be lost to a
    # relay that was set up wrongly.
    _Row(frozenset({Phase.RCPT}), _5XX, "5.7", _rejected("policy")),
    _Row(frozenset({Phase.RCPT}), _5XX, "", _rejected("recipient_refused", Scope.DESTINATION)),
    # The content.
    _Row(_CONTENT, _4XX, "", _deferred("relay_later")),
    _Row(_CONTENT, _one(552), "", _rejected("too_large")),
    _Row(_CONTENT, _5XX, "", _rejected("content_refused")),
)


def outcome_of(phase: Phase, code: int, text: str, message_id: str = "") -> Outcome:
    """What an answer in this phase comes to. An answer that no standard knows counts as none."""
    said = readable(text)
    if phase is Phase.DOT and code in range(200, 300):
        return Sent(Receipt((message_id,), detail={"relay": f"{code} {said}"}))
    for row in _TABLE:
        if phase in row.phases and code in row.codes and said.startswith(row.enhanced):
            return row.make(f"{phase}: {code} {said}")
    return silence(phase, f"an answer that means nothing here: {code} {said}")


def silence(phase: Phase, what: str) -> Outcome:
    """What a lost connection or a missing answer in this phase comes to (fault 45)."""
    if phase is Phase.DOT:
        return Unknown("after_dot", f"the whole mail was handed over, and then: {what}")
    return Deferred("connection", f"{phase}: {what}")


def readable(text: str) -> str:
    """A relay's words as one short line that can be stored and shown."""
    clean = text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    return re.sub(r"[\s\x00-\x1f\x7f-\x9f\u2028\u2029]+", " ", clean).strip()[:300]
