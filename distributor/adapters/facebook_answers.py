"""What Facebook's answers mean: one table from a Graph error to an outcome. Pure.

Sources: Graph API "Handle errors" and "Rate limits". Codes 1 and 2 are called temporary, yet the post may exist
(koala #699, php-graph-sdk #1141): they are never taken for proof that nothing happened.
"""

from __future__ import annotations

from enum import Enum, auto

from distributor.adapters.facebook_graph import GraphRefusal, Lost, NotWritten, Unreadable
from distributor.adapters.facebook_quota import wait
from distributor.core.outcome import Deferred, Outcome, Rejected, Scope, Unknown

ERRORS = (NotWritten, Lost, Unreadable, GraphRefusal)  # all that a call raises


class Verdict(Enum):
    """What a Graph error says about the call that it answers."""

    THROTTLED = auto()  # not now
    ACCOUNT = auto()  # not with this token: a person must act
    REFUSED = auto()  # never so
    ALREADY = auto()  # it may stand already: ours, if an earlier attempt was lost
    PERHAPS = auto()  # it may have happened all the same


_TABLE: dict[int, tuple[Verdict, str]] = {
    1: (Verdict.PERHAPS, "server"),  # an unknown error occurred
    2: (Verdict.PERHAPS, "server"),  # service temporarily unavailable
    4: (Verdict.THROTTLED, "throttled"),  # the app's limit
    10: (Verdict.ACCOUNT, "permission"),
    17: (Verdict.THROTTLED, "throttled"),  # the user's limit
    32: (Verdict.THROTTLED, "throttled"),  # the page's limit
    100: (Verdict.REFUSED, "invalid"),  # invalid parameter
    102: (Verdict.ACCOUNT, "credential"),  # session key invalid
    104: (Verdict.ACCOUNT, "credential"),  # no token, or a proof is missing
    190: (Verdict.ACCOUNT, "credential"),  # token expired, revoked, password changed
    324: (Verdict.REFUSED, "media_refused"),  # missing or invalid image file
    341: (Verdict.THROTTLED, "throttled"),
    352: (Verdict.REFUSED, "media_refused"),  # video format not supported
    368: (Verdict.ALREADY, "policy_block"),  # blocked by policy; also said of what was posted already
    506: (Verdict.ALREADY, "duplicate"),  # the same as the last post
    613: (Verdict.THROTTLED, "throttled"),
    6000: (Verdict.ALREADY, "session_gone"),  # a video's session is unknown: expired, or finished already
    80001: (Verdict.THROTTLED, "throttled"),  # page calls, business use case
    **dict.fromkeys(range(200, 300), (Verdict.ACCOUNT, "permission")),
}
ALREADY = frozenset(code for verdict, code in _TABLE.values() if verdict is Verdict.ALREADY)
_NOT_SCRAPED = 1609005  # Facebook could not read the page behind the link; comes as a code, or as a subcode of 100
_GONE_PHOTO = 1366051  # a subcode of 100, at the publishing call
_GONE_SESSION = 6000
_NO_OBJECT = 33  # "does not exist, cannot be loaded due to missing permissions, or does not support this operation"
# Why a token (code 190) is refused, by subcode.
_TOKEN = {
    458: "the app was removed from the account",
    459: "the account must sign in at facebook.com",
    460: "the password was changed",
    463: "the token has expired",
    464: "the account is not confirmed",
    467: "the token is no longer valid",
    492: "the account has no role on the page any more",
}


def judge(error: GraphRefusal) -> tuple[Verdict, str]:
    """The verdict and code for a Graph error."""
    if error.number == 100 and "appsecret_proof" in str(error.message):
        return Verdict.ACCOUNT, "credential"
    if _NOT_SCRAPED in (error.number, error.subcode):
        return Verdict.REFUSED, "link_not_scraped"
    if error.number in _TABLE:
        return _TABLE[error.number]
    if error.transient or error.status >= 500:
        return Verdict.PERHAPS, "server"
    return Verdict.REFUSED, "refused"


def upload_gone(error: GraphRefusal, video: bool, uncertain: bool) -> bool:
    """Whether a publishing call failed because Facebook dropped the upload. A video's session also ends by a lost
    `finish`."""
    if video:
        return error.number == _GONE_SESSION and not uncertain
    return error.number == 100 and error.subcode == _GONE_PHOTO


def is_gone(error: Exception) -> bool:
    """Whether Facebook says that there is no such object: deleted already, or never there."""
    return isinstance(error, GraphRefusal) and (error.number, error.subcode) == (100, _NO_OBJECT)


def said(error: GraphRefusal) -> str:
    """What Facebook said, in one line, for people and for Facebook's support."""
    words = f"{error.message}"[:300]
    if error.number == 190 and error.subcode in _TOKEN:
        words += f" ({_TOKEN[error.subcode]})"
    facts = f"code {error.number}, subcode {error.subcode}, {'transient' if error.transient else 'not transient'}"
    return f"{words} [{facts}, fbtrace_id {error.trace or 'none'}]"


def after_publish(error: Exception, *, uncertain: bool) -> Outcome:
    """The outcome of the irrevocable call that ended with this error (one of ERRORS)."""
    if isinstance(error, NotWritten):
        return Deferred("connection", f"Facebook was not reached: {error}")
    if isinstance(error, Lost):
        return Unknown("lost", f"the answer of Facebook was lost: {error}")
    if not isinstance(error, GraphRefusal):
        status = error.status if isinstance(error, Unreadable) else 0
        return Unknown("server" if status >= 500 else "unreadable", f"Facebook answered strangely: {error}")
    verdict, code = judge(error)
    match verdict:
        case Verdict.PERHAPS:
            return Unknown(code, said(error))
        case Verdict.ALREADY if uncertain:
            return Unknown(code, f"it may stand already, from the lost attempt: {said(error)}")
        case Verdict.ALREADY | Verdict.REFUSED:
            return Rejected(code, said(error))
        case _:
            return _paused(error, verdict, code)


def after_prepare(error: Exception) -> Deferred | Rejected:
    """The outcome of a repeatable call that ended with this error: whatever may have happened, it is done again."""
    if isinstance(error, NotWritten | Lost):
        return Deferred("connection", f"Facebook was not reached: {error}")
    if not isinstance(error, GraphRefusal):
        return Deferred("unreadable", f"Facebook answered strangely: {error}")
    verdict, code = judge(error)
    if verdict is Verdict.PERHAPS:
        return Deferred(code, said(error))
    if verdict in (Verdict.REFUSED, Verdict.ALREADY):
        return Rejected(code, said(error))
    return _paused(error, verdict, code)


def _paused(error: GraphRefusal, verdict: Verdict, code: str) -> Deferred:
    if verdict is Verdict.THROTTLED:
        return Deferred(code, said(error), wait(error.headers), throttled=True, scope=Scope.LANE)
    return Deferred(code, said(error), scope=Scope.LANE)
