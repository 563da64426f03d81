"""What X's answers mean: one table from an error to an outcome. Pure.

Sources: X API "Response codes and errors" and "Rate limits"; the problem types of its OpenAPI description (v2.167).
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from enum import Enum, auto

import tweepy

from distributor.adapters.x_client import Answer, Lost, NotWritten, Unreadable
from distributor.adapters.x_quota import wait
from distributor.core.outcome import Deferred, Outcome, Rejected, Scope, Unknown


class Verdict(Enum):
    """What an answer says about the call that it answers."""

    THROTTLED = auto()  # not now: X says until when
    ACCOUNT = auto()  # not with these keys or this account: a person must act
    REFUSED = auto()  # never so
    DUPLICATE = auto()  # the same text stands already: ours, if an earlier attempt was lost
    PERHAPS = auto()  # it may have happened all the same


# (status, words in the problem document in lower case, verdict, code); the first row that fits counts.
_TABLE: tuple[tuple[int, str, Verdict, str], ...] = (
    (401, "", Verdict.ACCOUNT, "credential"),
    (402, "", Verdict.ACCOUNT, "credits"),  # pay per use: no credits left
    (403, "duplicate content", Verdict.DUPLICATE, "duplicate"),
    (403, "client-forbidden", Verdict.ACCOUNT, "credential"),  # problems/client-forbidden
    (403, "client-not-enrolled", Verdict.ACCOUNT, "credential"),
    (403, "oauth1-permissions", Verdict.ACCOUNT, "credential"),  # the app may read only
    (403, "oauth1 app permissions", Verdict.ACCOUNT, "credential"),
    (403, "unsupported-authentication", Verdict.ACCOUNT, "credential"),
    (403, "suspended", Verdict.ACCOUNT, "suspended"),
    (403, "locked", Verdict.ACCOUNT, "suspended"),
    (403, "", Verdict.REFUSED, "forbidden"),
    (404, "", Verdict.REFUSED, "not_found"),
    (408, "", Verdict.PERHAPS, "server"),
    (413, "", Verdict.REFUSED, "too_large"),
    (429, "", Verdict.THROTTLED, "throttled"),
)


def judge(answer: Answer, words: str) -> tuple[Verdict, str]:
    """The verdict and code for an answer outside 2xx; `words` is its problem document in lower case."""
    for status, wanted, verdict, code in _TABLE:
        if answer.status == status and wanted in words:
            return verdict, code
    if 400 <= answer.status < 500:
        return Verdict.REFUSED, "refused"
    return Verdict.PERHAPS, "server"  # 5xx, and redirects, which are not followed


def said(error: tweepy.HTTPException) -> str:
    """What X said, in one line, for people."""
    answer: Answer = error.response
    details = [text for text in error.api_messages if isinstance(text, str)]
    try:
        detail = answer.parsed().get("detail")
        details += [detail] if isinstance(detail, str) and detail not in details else []
    except ValueError:
        details.append(f"no JSON but {answer.headers.get('content-type', 'no type')}")
    return f"{answer.status} {answer.reason}: {'; '.join(details)}"[:500]


def after_publish(error: tweepy.TweepyException, *, uncertain: bool, step: str, now: datetime) -> Outcome:
    """The outcome of the irrevocable call that ended with this error."""
    if isinstance(error, NotWritten):
        return Deferred("connection", f"X was not reached: {error}")
    if isinstance(error, Lost):
        return Unknown("lost", f"the answer of X was lost: {error}", step)
    if not isinstance(error, tweepy.HTTPException):
        return Unknown("unreadable", f"X answered strangely: {error}", step)
    verdict, code, reason = _judged(error)
    match verdict:
        case Verdict.DUPLICATE if uncertain:
            return Unknown(code, f"X holds this text already, perhaps from the lost attempt: {reason}", step)
        case Verdict.PERHAPS:
            return Unknown(code, reason, step)
        case Verdict.DUPLICATE | Verdict.REFUSED:
            return Rejected(code, reason)
        case _:
            return _paused(error, verdict, code, reason, now)


def after_prepare(error: tweepy.TweepyException, now: datetime) -> Deferred | Rejected:
    """The outcome of a repeatable call that ended with this error: whatever may have happened, it is done again."""
    outcome = after_delete(error, now)
    if outcome.code == "forbidden":  # an upload holds nothing yet that X could object to: it is the account
        return Deferred("credential", outcome.reason, scope=Scope.LANE)
    if isinstance(outcome, Deferred) and outcome.throttled:
        return replace(outcome, scope=Scope.LANE)
    return outcome


def after_delete(error: tweepy.TweepyException, now: datetime) -> Deferred | Rejected:
    """The outcome of a deletion that ended with this error: it may be repeated. Deletions have a window of their own
    (50 in 15 minutes), so that one that is used up holds up no post."""
    if isinstance(error, NotWritten | Lost):
        return Deferred("connection", f"X was not reached: {error}")
    if isinstance(error, Unreadable) or not isinstance(error, tweepy.HTTPException):
        return Deferred("unreadable", f"X answered strangely: {error}")
    verdict, code, reason = _judged(error)
    if verdict is Verdict.PERHAPS:
        return Deferred(code, reason)
    if verdict in (Verdict.REFUSED, Verdict.DUPLICATE):
        return Rejected(code, reason)
    paused = _paused(error, verdict, code, reason, now)
    return replace(paused, scope=Scope.DELIVERY) if paused.throttled else paused


def _judged(error: tweepy.HTTPException) -> tuple[Verdict, str, str]:
    answer: Answer = error.response
    words = answer.body[:20_000].decode("utf-8", "replace").lower()
    return *judge(answer, words), said(error)


def _paused(error: tweepy.HTTPException, verdict: Verdict, code: str, reason: str, now: datetime) -> Deferred:
    if verdict is Verdict.THROTTLED:
        return Deferred(code, reason, wait(error.response.headers, now), throttled=True, scope=Scope.LANE)
    return Deferred(code, reason, scope=Scope.LANE)
