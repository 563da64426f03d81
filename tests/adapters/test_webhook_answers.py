"""Webhooks: signatures and keys, what an endpoint's answers mean, how often it is tried, what the check says."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from pydantic import ValidationError

from distributor.adapters.webhook import WAITS, Webhook, WebhookSettings
from distributor.adapters.webhook_signing import message_id, signatures
from distributor.core.channel import Endpoints
from distributor.core.delivery import after_outcome
from distributor.core.outcome import Absent, Deferred, Rejected, Scope, Sent
from distributor.core.policy import RetryPolicy
from tests.adapters.support import Recorder
from tests.adapters.webhook_stage import SECRET, TOKEN, Stage, on_stage, settings_for


@pytest_asyncio.fixture
async def stage(folder: Path) -> AsyncIterator[Stage]:
    async with on_stage(folder) as made:
        yield made


def test_the_signature_is_that_of_the_specification() -> None:
    key = base64.b64decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    made = signatures([key], "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}')
    assert made == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


async def test_every_attempt_has_the_same_id_and_bytes_and_its_own_time(stage: Stage) -> None:
    desk, hooks, sandbox = stage.all
    job = await stage.claimed()
    sandbox.faults.order("webhook", "deliver", "error", status=500)
    first = await hooks.publish(job, Recorder())
    assert isinstance(first, Deferred)
    desk.time.pass_by(90)
    assert isinstance(await hooks.publish(replace(job, attempt=2), Recorder()), Sent)
    one, two = (call.details["headers"] for call in sandbox.record.calls if call.platform == "webhook")
    assert one["webhook-id"] == two["webhook-id"] == message_id(job.key)
    assert int(two["webhook-timestamp"]) - int(one["webhook-timestamp"]) in (90, 91)
    assert one["Content-Length"] == two["Content-Length"]


async def test_while_keys_are_changed_both_old_and_new_receivers_verify(stage: Stage) -> None:
    desk, _, sandbox = stage.all
    old = Webhook("hooks", settings_for(sandbox), desk.surroundings)
    new_settings = settings_for(sandbox, secret="another-secret-by-chance-987654321", previous_secret=SECRET)
    new = Webhook("hooks", new_settings, desk.surroundings)
    assert old.secret_of(TOKEN) != old.secret_of("another subscriber")
    sandbox.webhook.secrets |= {"radio": old.secret_of(TOKEN), "paper": new.secret_of(TOKEN)}
    job = await stage.claimed()
    for name in ("radio", "paper"):
        assert isinstance(await new.publish(replace(job, destination=stage.at(name)), Recorder()), Sent)
    assert [event.verified for event in sandbox.webhook.events] == [True, True]
    # Whoever signs with another subscriber's key is found out.
    other = replace(job, destination=stage.at(token="another subscriber"), key="x")
    refused = await new.publish(other, Recorder())
    assert isinstance(refused, Deferred)
    assert '401: {"error": "no signature fits"}' in refused.reason
    await old.aclose()
    await new.aclose()


ANSWERS: list[tuple[str, dict[str, Any], Any]] = [
    ("error", {"status": 200}, Sent),
    ("wrong_type", {}, Sent),  # what a receiver says of a message that it took is its own affair
    ("error", {"status": 410}, Rejected("gone", "", Scope.DESTINATION)),
    ("redirect", {"location": "/elsewhere"}, Deferred("redirected", "")),
    ("redirect", {"status": 308}, Deferred("redirected", "")),
    ("429", {"retry_after": 7}, Deferred("asked_to_wait", "", 7.0, throttled=True)),
    ("error", {"status": 404}, Deferred("endpoint_refused", "")),
    ("error", {"status": 401}, Deferred("endpoint_refused", "")),
    # What may have been taken in all the same: should it be given up, the endpoint hears what follows.
    ("html", {"status": 503}, Deferred("endpoint_failed", "", doubt=True)),
    ("reset_before", {}, Deferred("endpoint_unreachable", "", doubt=True)),
    ("reset_after", {}, Deferred("endpoint_unreachable", "", doubt=True)),
]


@pytest.mark.parametrize(("kind", "options", "wanted"), ANSWERS)
async def test_every_answer_has_its_outcome(stage: Stage, kind: str, options: dict[str, Any], wanted: Any) -> None:
    _, hooks, sandbox = stage.all
    sandbox.faults.order("webhook", "deliver", kind, **options)
    outcome = await hooks.publish(await stage.claimed(), Recorder())
    if wanted is Sent:
        assert isinstance(outcome, Sent)
    else:
        assert isinstance(outcome, Deferred | Rejected)
        assert replace(outcome, reason="") == wanted
    assert sandbox.calls("webhook") == 1  # no redirect was followed, nothing was repeated


async def test_who_asks_to_wait_for_ever_is_given_up_in_the_end(stage: Stage) -> None:
    _, hooks, sandbox = stage.all
    sandbox.faults.order("webhook", "deliver", "429", times=None, retry_after=7)
    job = await stage.claimed()
    outcome = await hooks.publish(replace(job, attempt=31), Recorder())
    assert isinstance(outcome, Deferred)
    assert (outcome.retry_after, outcome.throttled) == (7.0, False)


async def test_an_address_that_nobody_listens_at_and_a_name_that_leads_nowhere(stage: Stage) -> None:
    _, hooks, sandbox = stage.all
    job = await stage.claimed()
    port = sandbox.http_url.rpartition(":")[2]
    await sandbox.stop()
    for host in ("127.0.0.1", "nobody.invalid"):
        there = replace(job.destination, address=f"http://{host}:{port}/x")
        outcome = await hooks.publish(replace(job, destination=there), Recorder())
        assert isinstance(outcome, Deferred)
        assert (outcome.code, outcome.doubt) == ("endpoint_unreachable", False)


def test_ten_attempts_in_three_days() -> None:
    policy, now = RetryPolicy.scheduled(WAITS), datetime(2026, 3, 5, tzinfo=UTC)
    at_last, attempts = now, 0
    while True:
        following = after_outcome(Deferred("x", "x"), attempts=attempts, now=at_last, deadline=None, policy=policy)
        attempts += 1
        if following.due is None:
            break
        at_last = following.due
    assert attempts == 10
    assert timedelta(hours=75) <= at_last - now <= timedelta(hours=84)


async def test_what_is_not_known_is_sent_again_with_the_same_id(stage: Stage) -> None:
    _, hooks, _ = stage.all
    assert hooks.traits.repeatable
    assert isinstance(await hooks.reconcile(await stage.claimed(), Recorder()), Absent)


async def test_the_check_says_what_is_dangerous_and_calls_nobody(stage: Stage) -> None:
    desk, hooks, sandbox = stage.all
    health = await hooks.probe()
    assert health.ok
    assert [problem.partition(" ")[0] for problem in health.problems] == ["allow_private", "allow_http"]
    assert sandbox.calls("webhook") == 0
    safe = Webhook("hooks", WebhookSettings(secret=SECRET), desk.surroundings)
    assert (await safe.probe()).problems == ()
    broken = Webhook("hooks", WebhookSettings(secret=SECRET, ca_file=Path("/nowhere.pem")), desk.surroundings)
    assert not (await broken.probe()).ok
    assert isinstance(hooks, Endpoints)


def test_a_short_secret_is_refused_without_repeating_it() -> None:
    with pytest.raises(ValidationError) as error:
        WebhookSettings(secret="short-one")
    assert "short-one" not in str(error.value)
    with pytest.raises(ValidationError):
        WebhookSettings(secret="")
