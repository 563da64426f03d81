"""What an endpoint's answers mean: one table from a status, or from the way a call ended, to an outcome. Pure.

Source: the specification of Standard Webhooks, 'Delivery' (2xx is success, a redirect is a failure, 410 disables, 429
and 502 to 504 ask for less). The endpoint is one subscriber's affair: no answer of it says anything of the lane, so no
code here is one that opens the lane's circuit.
"""

from __future__ import annotations

from datetime import datetime

import aiohttp

from distributor.adapters.retry_after import seconds_of
from distributor.adapters.webhook_guard import Forbidden
from distributor.core.outcome import Deferred, Outcome, Receipt, Rejected, Scope, Sent

LONGEST_WAIT = 86400.0  # seconds; who asks for more is asked again after a day
FREE_WAITS = 30  # so often a wait that the endpoint asked for costs no attempt; one that asks for ever is given up
_ASKS_TO_WAIT = frozenset({429, 503})


def after_answer(status: int, said: str, retry_after: str, message: str, attempt: int, now: datetime) -> Outcome:
    """The outcome of a call that was answered. `said` is the beginning of the answer's body."""
    if 200 <= status < 300:
        return Sent(Receipt((message,), detail={"status": str(status)}))
    words = f"the endpoint answered {status}" + (f": {said}" if said else "")
    if status == 410:
        return Rejected("gone", f"{words}; it wants no more calls", Scope.DESTINATION)
    if 300 <= status < 400:
        return Deferred("redirected", f"{words}; redirects are not followed")
    wait = seconds_of(retry_after, now, LONGEST_WAIT) if status in _ASKS_TO_WAIT else None
    if wait is not None:
        return Deferred("asked_to_wait", words, wait, throttled=attempt <= FREE_WAITS)
    if status >= 500:  # a gateway, or what failed after the message was taken in
        return Deferred("endpoint_failed", words, doubt=True)
    return Deferred("endpoint_refused", words)


def after_error(error: Exception) -> Outcome:
    """The outcome of a call that ended without an answer. The same message may always be sent again."""
    if isinstance(error, TimeoutError):
        return Deferred("endpoint_slow", "the endpoint did not answer within the time for a whole call", doubt=True)
    cause = error.os_error if isinstance(error, aiohttp.ClientConnectorError) else error
    if isinstance(cause, Forbidden):
        return Rejected("forbidden_address", f"not called: {cause}")
    if isinstance(error, aiohttp.InvalidURL):
        return Rejected("bad_address", "the address cannot be called", Scope.DESTINATION)
    if isinstance(error, aiohttp.ClientSSLError | aiohttp.ClientConnectorCertificateError):
        return Deferred("endpoint_certificate", "the endpoint's certificate, or its TLS, is not in order")
    if isinstance(error, aiohttp.ClientConnectorDNSError):
        return Deferred("endpoint_unreachable", "the endpoint's name leads nowhere")
    reached = not isinstance(error, aiohttp.ClientConnectorError)
    words = "the endpoint gave no answer" if reached else "the endpoint was not reached"
    return Deferred("endpoint_unreachable", f"{words}: {type(error).__name__}", doubt=reached)
