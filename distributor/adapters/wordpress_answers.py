"""What a site's answers mean: one table from WordPress's error codes to an outcome. Pure.

Source: the REST controllers of WordPress 6.x. Every call of ours may be made again (a draft is found by its marker, a
file by its name, the rest goes by number), so that a lost answer is never more than a delay.
"""

from __future__ import annotations

from datetime import datetime

from distributor.adapters.retry_after import seconds_of
from distributor.adapters.wordpress_client import NotReached, Refusal
from distributor.core.outcome import Deferred, Rejected, Scope

GONE = frozenset({"rest_post_invalid_id"})
TRASHED = frozenset({"rest_already_trashed"})
NO_TRASH = frozenset({"rest_trash_not_supported"})

_CREDENTIAL = frozenset(
    {
        "rest_not_logged_in",
        "incorrect_password",
        "invalid_username",
        "invalid_email",
        "application_passwords_disabled",
        "application_passwords_disabled_for_user",
    }
)
_PERMISSION = frozenset(
    {
        "rest_forbidden",
        "rest_forbidden_context",
        "rest_forbidden_status",
        "rest_cannot_create",
        "rest_cannot_edit",
        "rest_cannot_edit_others",
        "rest_cannot_publish",
        "rest_cannot_delete",
        "rest_cannot_read",
        "rest_cannot_assign_term",
    }
)
_LONGEST_WAIT = 86400.0


def after(error: Exception, now: datetime) -> Deferred | Rejected:
    """The outcome of a call that ended with one of the client's errors."""
    if isinstance(error, NotReached):
        return Deferred("connection", f"the site was not reached, or its answer was lost: {error}")
    if not isinstance(error, Refusal):
        return Deferred("unreadable", f"the site answered strangely: {error}")
    words = f"{error.message or 'no words of WordPress'} [{error.status} {error.code or 'no code'}]"
    wait = seconds_of(error.retry_after, now, _LONGEST_WAIT)
    if error.status == 429 or (error.status == 503 and wait is not None):  # 503: maintenance
        return Deferred("throttled", words, wait, throttled=True, scope=Scope.LANE)
    return _by_code(error, words) or _by_status(error, words)


def _by_code(error: Refusal, words: str) -> Deferred | Rejected | None:
    code = error.code
    if code in _CREDENTIAL:
        return Deferred("credential", words, scope=Scope.LANE)
    if code in _PERMISSION:
        return Deferred("permission", words, scope=Scope.LANE)
    if code == "rest_no_route":
        return Deferred("no_api", f"{words}: api_url is not the REST API, or a plugin closed it", scope=Scope.LANE)
    if code.startswith("rest_upload_") and code != "rest_upload_sideload_error":
        return Rejected("media_refused", words)
    return None


def _by_status(error: Refusal, words: str) -> Deferred | Rejected:
    if 300 <= error.status < 400:
        return Deferred("redirected", f"{words}: api_url leads to another address", scope=Scope.LANE)
    if error.status == 401:
        return Deferred("credential", words, scope=Scope.LANE)
    if error.status == 413:
        return Rejected("media_refused", f"{words}: the file is larger than the site's server takes")
    if not error.code and error.status == 404:
        return Deferred("no_api", f"{words}: api_url is not the REST API", scope=Scope.LANE)
    if not error.code and error.status == 403:
        return Deferred("firewall", f"{words}: something before WordPress, perhaps a firewall, refused the call")
    if error.status >= 500 or error.status == 408:
        return Deferred("server", words)
    return Rejected("refused", words)
