"""What goes wrong at X, and the outcome that each fault must have; and that no fault gives a key away."""

from __future__ import annotations

import dataclasses
import logging
import socket
import traceback
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
import pytest_asyncio
import tweepy

from distributor.adapters.x import X, XSettings
from distributor.adapters.x_client import Keys, Waits, XClient
from distributor.adapters.x_quota import Quotas, wait
from distributor.core.outcome import Absent, CannotTell, Deferred, Rejected, Scope, Sent, Unknown
from distributor.sandbox import Accounts, Sandbox, XKeys
from tests.adapters.support import Desk, Recorder, Time

CANARIES = XKeys("canary-consumer-key", "canary-consumer-secret", "224-canary-token", "canary-token-secret")


@pytest_asyncio.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    async with Sandbox(accounts=Accounts(x_keys=CANARIES)) as made:
        yield made


def _settings(api_url: str, **changes: Any) -> XSettings:
    facts = {
        "api_url": api_url,
        "account": "mia_sandbox",
        "consumer_key": CANARIES.consumer_key,
        "consumer_secret": CANARIES.consumer_secret,
        "access_token": CANARIES.access_token,
        "access_token_secret": CANARIES.access_token_secret,
    }
    return XSettings.model_validate(facts | changes)


@pytest_asyncio.fixture
async def open_x(sandbox: Sandbox, desk: Desk) -> AsyncIterator[Callable[..., X]]:
    made: list[X] = []

    def opened(api_url: str = "", **changes: Any) -> X:
        made.append(X("x", _settings(api_url or sandbox.x.api_url, **changes), desk.surroundings))
        return made[-1]

    yield opened
    for x in made:
        await x.aclose()


Open = Callable[..., X]


@pytest.fixture
def closed_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


@pytest.mark.parametrize(("happened", "posts"), [(False, 0), (True, 1)])
async def test_f04_no_answer_after_the_request_was_written_is_unknown(
    open_x: Open, sandbox: Sandbox, desk: Desk, happened: bool, posts: int
) -> None:
    x = open_x(answer_timeout=0.2, connect_timeout=0.2)
    job = await desk.claimed(x)
    sandbox.faults.order("x", "tweets.create", "hang", seconds=3, effect=happened)
    outcome = await x.publish(job, Recorder())
    assert isinstance(outcome, Unknown)
    assert (outcome.code, outcome.step) == ("lost", "publish")
    assert len(sandbox.effects("x")) == posts


async def test_f05_connection_refused_is_repeated_safely(open_x: Open, desk: Desk, closed_port: int) -> None:
    x = open_x(f"http://127.0.0.1:{closed_port}")
    job = await desk.claimed(x, photo_count=1)
    for outcome in (await x.prepare(job, Recorder()), await x.publish(await desk.claimed(x), Recorder())):
        assert isinstance(outcome, Deferred)
        assert (outcome.code, outcome.scope, outcome.throttled) == ("connection", Scope.DELIVERY, False)


async def test_f05_name_not_found_is_repeated_safely(open_x: Open, desk: Desk) -> None:
    x = open_x("http://x.invalid")
    outcome = await x.publish(await desk.claimed(x), Recorder())
    assert isinstance(outcome, Deferred)
    assert outcome.code == "connection"


async def test_f06_duplicate_after_a_time_out_is_looked_for_and_found(
    open_x: Open, sandbox: Sandbox, desk: Desk
) -> None:
    x = open_x()
    job = await desk.claimed(x)
    progress = Recorder()
    sandbox.faults.order("x", "tweets.create", "reset_after")
    assert isinstance(await x.publish(job, progress), Unknown)
    again = desk.job(x, job.rendering, uncertain=True, attempt=2, intended_at=job.intended_at)
    outcome = await x.publish(again, progress)
    assert isinstance(outcome, Unknown)
    assert outcome.code == "duplicate"
    finding = await x.reconcile(again, progress)
    assert isinstance(finding, Sent)
    assert len(sandbox.effects("x", "post")) == 1


async def test_f06_duplicate_that_the_timeline_does_not_show_is_a_case(
    open_x: Open, sandbox: Sandbox, desk: Desk
) -> None:
    x = open_x()
    job = await desk.claimed(x)
    assert isinstance(await x.publish(job, Recorder()), Sent)
    desk.time.pass_by(7200)  # the post that stands is older than our attempt
    again = desk.job(x, job.rendering, uncertain=True)
    progress = Recorder()
    assert isinstance(await x.publish(again, progress), Unknown)
    desk.time.pass_by(60)
    assert isinstance(await x.reconcile(again, progress), CannotTell)


async def test_duplicate_without_an_earlier_attempt_is_rejected(open_x: Open, desk: Desk) -> None:
    x = open_x()
    job = await desk.claimed(x)
    assert isinstance(await x.publish(job, Recorder()), Sent)
    outcome = await x.publish(job, Recorder())
    assert isinstance(outcome, Rejected)
    assert outcome.code == "duplicate"
    assert "duplicate content" in outcome.reason


async def test_f07_throttled_waits_until_the_reset(open_x: Open, sandbox: Sandbox, desk: Desk) -> None:
    x = open_x()
    job = await desk.claimed(x, photo_count=1)
    progress = Recorder()
    sandbox.faults.order("x", "media.initialize", "429", retry_after=40)
    sandbox.faults.order("x", "tweets.create", "429", retry_after=70)
    first = await x.prepare(job, progress)
    assert await x.prepare(job, progress) is None
    second = await x.publish(job, progress)
    for outcome, seconds in ((first, 40), (second, 70)):
        assert isinstance(outcome, Deferred)
        assert (outcome.code, outcome.throttled, outcome.scope) == ("throttled", True, Scope.LANE)
        assert outcome.retry_after is not None
        assert seconds - 1.5 < outcome.retry_after <= seconds
    assert sandbox.effects("x") == []


def test_f07_of_the_windows_used_up_the_latest_counts(desk: Desk) -> None:
    now = desk.time()
    at = int(now.timestamp())
    quarter = {"x-rate-limit-remaining": "0", "x-rate-limit-reset": str(at + 60)}
    day = {"x-app-limit-24hour-remaining": "0", "x-app-limit-24hour-reset": str(at + 3600)}
    open_day = day | {"x-app-limit-24hour-remaining": "7"}
    for headers, seconds in ((quarter, 60), (quarter | day, 3600), (quarter | open_day, 60), ({"retry-after": "5"}, 5)):
        waited = wait(headers, now)
        assert waited is not None
        assert seconds - 1 < waited <= seconds
    assert wait({}, now) is None


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        ("error", {"status": 500, "body": {"title": "Internal Server Error"}}),
        ("error", {"status": 503, "body": {"errors": "no list"}}),
        ("html", {"status": 503}),
        ("html", {"status": 502, "effect": True}),
    ],
)
async def test_f08_a_server_error_after_the_post_was_written_is_unknown(
    open_x: Open, sandbox: Sandbox, desk: Desk, kind: str, options: dict[str, Any]
) -> None:
    x = open_x()
    sandbox.faults.order("x", "tweets.create", kind, **options)
    outcome = await x.publish(await desk.claimed(x), Recorder())
    assert isinstance(outcome, Unknown)
    assert (outcome.code, str(options["status"]) in outcome.reason) == ("server", True)


@pytest.mark.parametrize("method", ["media.initialize", "media.append", "media.finalize", "media.metadata"])
@pytest.mark.parametrize("kind", ["html", "error", "reset_before", "reset_after", "wrong_type", "empty"])
async def test_f08_whatever_befalls_an_upload_is_repeated(
    open_x: Open, sandbox: Sandbox, desk: Desk, method: str, kind: str
) -> None:
    x = open_x()
    job = await desk.claimed(x, photo_count=2)
    progress = Recorder()
    sandbox.faults.order("x", method, kind)
    outcome = await x.prepare(job, progress)
    assert isinstance(outcome, Deferred)
    assert outcome.scope is Scope.DELIVERY
    assert await x.prepare(job, progress) is None
    assert isinstance(await x.publish(job, progress), Sent)
    (post,) = sandbox.x.timeline()
    assert [one["alt_text"] for one in post["media"]] == ["აღწერა 1", "აღწერა 2"]


async def test_f09_a_revoked_token_pauses_the_lane(open_x: Open, sandbox: Sandbox, desk: Desk) -> None:
    x = open_x()
    sandbox.x.revoked = True
    with_photo = await desk.claimed(x, photo_count=1)
    for outcome in (await x.prepare(with_photo, Recorder()), await x.publish(await desk.claimed(x), Recorder())):
        assert isinstance(outcome, Deferred)
        assert (outcome.code, outcome.scope, outcome.throttled) == ("credential", Scope.LANE, False)


@pytest.mark.parametrize(
    ("status", "body", "code"),
    [
        (402, {"title": "CreditsDepleted", "detail": "No credits"}, "credits"),
        (403, {"type": "https://api.x.com/2/problems/client-forbidden", "detail": "Forbidden"}, "credential"),
        (403, {"type": "https://api.x.com/2/problems/oauth1-permissions", "detail": "No write"}, "credential"),
        (403, {"detail": "Your account is suspended and is not permitted to access this feature."}, "suspended"),
    ],
)
async def test_f09_an_account_that_may_not_write_pauses_the_lane(
    open_x: Open, sandbox: Sandbox, desk: Desk, status: int, body: dict[str, str], code: str
) -> None:
    x = open_x()
    sandbox.faults.order("x", "tweets.create", "error", status=status, body=body)
    outcome = await x.publish(await desk.claimed(x), Recorder())
    assert isinstance(outcome, Deferred)
    assert (outcome.code, outcome.scope, outcome.throttled) == (code, Scope.LANE, False)


async def test_a_refusal_of_the_text_is_rejected_with_the_words_of_x(
    open_x: Open, sandbox: Sandbox, desk: Desk
) -> None:
    x = open_x()
    body = {"errors": [{"message": "Your Tweet text is too long."}], "title": "Invalid Request", "detail": "Invalid"}
    sandbox.faults.order("x", "tweets.create", "error", status=400, body=body)
    outcome = await x.publish(await desk.claimed(x), Recorder())
    assert isinstance(outcome, Rejected)
    assert "Your Tweet text is too long." in outcome.reason


async def test_f12_the_third_photo_refused_is_named_and_nothing_is_posted(
    open_x: Open, sandbox: Sandbox, desk: Desk
) -> None:
    x = open_x()
    job = await desk.claimed(x, photo_count=4)
    body = {"detail": "InvalidContent: the image cannot be read"}
    sandbox.faults.order("x", "media.finalize", "error", status=400, body=body, after=2, times=2)
    outcome = await x.prepare(job, Recorder())
    assert isinstance(outcome, Rejected)
    assert outcome.code == "media_refused"
    assert "photo 3 of 4" in outcome.reason
    assert "InvalidContent" in outcome.reason
    assert sandbox.effects("x") == []


async def test_a_video_that_x_cannot_process_is_rejected(open_x: Open, sandbox: Sandbox, desk: Desk) -> None:
    x = open_x()
    job = await desk.claimed(x, videos=1)
    info = {"state": "failed", "error": {"message": "InvalidMedia"}}
    body = {"data": {"id": "1", "processing_info": info}}
    sandbox.faults.order("x", "media.status", "error", status=200, body=body)
    outcome = await x.prepare(job, Recorder())
    assert isinstance(outcome, Rejected)
    assert "InvalidMedia" in outcome.reason


async def test_a_video_that_takes_long_gives_its_slot_back(open_x: Open, sandbox: Sandbox, desk: Desk) -> None:
    x = open_x()
    sandbox.x.media.check_after_secs = 45
    progress = Recorder()
    job = await desk.claimed(x, videos=1)
    outcome = await x.prepare(job, progress)
    assert isinstance(outcome, Deferred)
    assert (outcome.code, outcome.retry_after, outcome.throttled) == ("processing", 45.0, True)
    assert outcome.scope is Scope.DELIVERY  # the lane goes on with other releases
    sandbox.x.media.check_after_secs = 0
    assert await x.prepare(job, progress) is None
    assert sandbox.calls("x", "media.initialize") == 1


async def test_a_rendition_gone_from_the_disk_waits_and_names_the_file(open_x: Open, desk: Desk) -> None:
    x = open_x()
    job = await desk.claimed(x, photo_count=2)
    gone = dataclasses.replace(job.rendering.parts[0].media[1].rendition, digest="0" * 64)
    part = job.rendering.parts[0]
    media = (part.media[0], dataclasses.replace(part.media[1], rendition=gone))
    rendering = dataclasses.replace(job.rendering, parts=(dataclasses.replace(part, media=media),))
    outcome = await x.prepare(desk.job(x, rendering), Recorder())
    assert isinstance(outcome, Deferred)
    assert (outcome.code, "photo 2 of 2" in outcome.reason) == ("media_missing", True)


@pytest.mark.parametrize(("kind", "code"), [("wrong_type", "unreadable"), ("empty", "unreadable"), ("no_id", "no_id")])
async def test_f42_a_success_without_an_id_is_unknown_and_then_found(
    open_x: Open, sandbox: Sandbox, desk: Desk, kind: str, code: str
) -> None:
    x = open_x()
    job = await desk.claimed(x)
    progress = Recorder()
    sandbox.faults.order("x", "tweets.create", kind)
    outcome = await x.publish(job, progress)
    assert isinstance(outcome, Unknown)
    assert outcome.code == code
    assert isinstance(await x.reconcile(job, progress), Sent)


async def test_f42_an_answer_of_the_wrong_shape_is_unknown(open_x: Open, sandbox: Sandbox, desk: Desk) -> None:
    x = open_x()
    shapes: list[Any] = [[], "text", {"data": "text"}, {"data": None}, {"data": {"id": 5}}, {"data": {"id": "abc"}}]
    for body in shapes:
        sandbox.faults.order("x", "tweets.create", "error", status=201, body=body)
        assert isinstance(await x.publish(await desk.claimed(x), Recorder()), Unknown)


async def test_a_lost_post_that_never_happened_is_absent_and_may_go_again(
    open_x: Open, sandbox: Sandbox, desk: Desk
) -> None:
    x = open_x()
    job = await desk.claimed(x)
    progress = Recorder()
    sandbox.faults.order("x", "tweets.create", "reset_before")
    assert isinstance(await x.publish(job, progress), Unknown)
    desk.time.pass_by(16)
    assert isinstance(await x.reconcile(job, progress), Absent)
    assert isinstance(await x.publish(job, progress), Sent)
    assert len(sandbox.effects("x", "post")) == 1


KEY_WORDS = ("canary-consumer-key", "canary-consumer-secret", "224-canary-token", "canary-token-secret")


async def test_no_key_reaches_a_log_an_outcome_or_a_receipt(
    open_x: Open, sandbox: Sandbox, desk: Desk, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    for name in ("tweepy", "oauthlib", "aiohttp", "asyncio", "oauthlib.oauth1.rfc5849"):
        caplog.set_level(logging.DEBUG, name)
    x = open_x()
    seen: list[object] = [x.settings, await x.probe()]
    for kind in ("html", "reset_after", "wrong_type", "429", "error"):
        sandbox.faults.order("x", "tweets.create", kind)
        job = await desk.claimed(x, title=f"სათაური {kind}", photo_count=1)
        progress = Recorder()
        seen += [await x.prepare(job, progress), await x.publish(job, progress), await x.reconcile(job, progress)]
        seen.append(progress.kept)
    sandbox.x.revoked = True
    seen.append(await x.probe())
    everything = caplog.text + repr(seen)
    assert [word for word in KEY_WORDS if word in everything] == []


async def test_no_key_reaches_an_exception(sandbox: Sandbox, closed_port: int) -> None:
    keys = Keys(*KEY_WORDS)
    assert "canary" not in repr(keys)
    told = ""
    for url, kind in (
        (sandbox.x.api_url, "html"),
        (sandbox.x.api_url, "empty"),
        (f"http://127.0.0.1:{closed_port}", ""),
    ):
        if kind:
            sandbox.faults.order("x", "users.me", kind)
        client = XClient(url, keys, Waits(1, 1, 1), Quotas(Time()))
        with pytest.raises(tweepy.TweepyException) as caught:
            await client.get_me(user_auth=True)
        await client.aclose()
        assert caught.value.__cause__ is None
        assert isinstance(caught.value.__context__, ValueError | None)  # aiohttp's errors hold the request's headers
        told += "".join(traceback.format_exception(caught.value)) + repr(vars(caught.value)) + repr(client)
    assert [word for word in KEY_WORDS if word in told] == []
