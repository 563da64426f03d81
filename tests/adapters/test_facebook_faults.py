"""What goes wrong at Facebook, and the outcome that each fault must have; and that no fault gives the token away."""

from __future__ import annotations

import dataclasses
import json
import logging
import socket
import traceback
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
import pytest_asyncio

from distributor.adapters.facebook import Facebook, FacebookSettings
from distributor.adapters.facebook_answers import ERRORS
from distributor.adapters.facebook_graph import Access, FacebookClient, Waits
from distributor.adapters.facebook_quota import Usage, usage, wait
from distributor.core.outcome import Absent, CannotTell, Deferred, Rejected, Scope, Sent, Unknown
from distributor.sandbox import Accounts, Sandbox
from tests.adapters.support import Desk, Recorder, Time

TOKEN, APP_SECRET = "canary-page-token", "canary-app-secret"


@pytest_asyncio.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    accounts = Accounts(facebook_token=TOKEN, facebook_app_secret=APP_SECRET)
    async with Sandbox(accounts=accounts) as made:
        yield made
        assert made.facebook.leaks == []


Open = Callable[..., Facebook]


@pytest_asyncio.fixture
async def open_page(sandbox: Sandbox, desk: Desk) -> AsyncIterator[Open]:
    made: list[Facebook] = []

    def opened(api_url: str = "", **changes: Any) -> Facebook:
        facts = {"page": sandbox.accounts.facebook_page, "token": TOKEN, "app_secret": APP_SECRET}
        settings = FacebookSettings.model_validate(facts | {"api_url": api_url or sandbox.facebook.api_url} | changes)
        made.append(Facebook("facebook", settings, desk.surroundings))
        return made[-1]

    yield opened
    for page in made:
        await page.aclose()


@pytest.fixture
def closed_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


@pytest.mark.parametrize("happened", [False, True])
async def test_f04_no_answer_after_the_request_was_written_is_unknown(
    open_page: Open, sandbox: Sandbox, desk: Desk, happened: bool
) -> None:
    page = open_page(answer_timeout=0.2)
    sandbox.faults.order("facebook", "feed.create", "hang", seconds=1, effect=happened)
    outcome = await page.publish(await desk.claimed(page), Recorder())
    assert isinstance(outcome, Unknown)
    assert (outcome.code, outcome.step) == ("lost", "publish")
    assert len(sandbox.effects("facebook")) == happened


async def test_f05_connection_refused_or_name_not_found_is_repeated_safely(
    open_page: Open, desk: Desk, closed_port: int
) -> None:
    for url in (f"http://127.0.0.1:{closed_port}", "http://facebook.invalid"):
        page = open_page(url)
        photo, text = await desk.claimed(page, photo_count=1), await desk.claimed(page)
        for outcome in (await page.prepare(photo, Recorder()), await page.publish(text, Recorder())):
            assert isinstance(outcome, Deferred)
            assert (outcome.code, outcome.scope, outcome.throttled) == ("connection", Scope.DELIVERY, False)


@pytest.mark.parametrize(("code", "name"), [(506, "duplicate"), (368, "policy_block")])
async def test_f06_said_to_stand_already_after_a_lost_answer_is_looked_for(
    open_page: Open, sandbox: Sandbox, desk: Desk, code: int, name: str
) -> None:
    page = open_page()
    job = await desk.claimed(page)
    progress = Recorder()
    sandbox.faults.order("facebook", "feed.create", "reset_after")
    assert isinstance(await page.publish(job, progress), Unknown)
    again = desk.job(page, job.rendering, uncertain=True, attempt=2, intended_at=job.intended_at)
    sandbox.faults.order("facebook", "feed.create", "graph_error", code=code)
    outcome = await page.publish(again, progress)
    assert isinstance(outcome, Unknown)
    assert outcome.code == name
    assert isinstance(await page.reconcile(again, progress), Sent)
    assert len(sandbox.effects("facebook", "post")) == 1


@pytest.mark.parametrize("code", [506, 368])
async def test_f06_said_to_stand_already_but_not_in_the_feed_is_a_case(
    open_page: Open, sandbox: Sandbox, desk: Desk, code: int
) -> None:
    page = open_page()
    job = await desk.claimed(page)
    progress = Recorder()
    sandbox.faults.order("facebook", "feed.create", "graph_error", code=code)
    assert isinstance(await page.publish(desk.job(page, job.rendering, uncertain=True), progress), Unknown)
    desk.time.pass_by(3600)
    assert isinstance(await page.reconcile(job, progress), CannotTell)


@pytest.mark.parametrize(("code", "name"), [(506, "duplicate"), (368, "policy_block"), (100, "invalid")])
async def test_refused_without_an_earlier_attempt_is_rejected(
    open_page: Open, sandbox: Sandbox, desk: Desk, code: int, name: str
) -> None:
    page = open_page()
    sandbox.faults.order("facebook", "feed.create", "graph_error", code=code)
    outcome = await page.publish(await desk.claimed(page), Recorder())
    assert isinstance(outcome, Rejected)
    assert outcome.code == name


@pytest.mark.parametrize("fault", [{"code": 1609005}, {"code": 100, "subcode": 1609005}])
async def test_a_link_that_facebook_cannot_read_is_named(
    open_page: Open, sandbox: Sandbox, desk: Desk, fault: dict[str, int]
) -> None:
    page = open_page()
    sandbox.faults.order("facebook", "feed.create", "graph_error", **fault)
    outcome = await page.publish(await desk.claimed(page), Recorder())
    assert isinstance(outcome, Rejected)
    assert outcome.code == "link_not_scraped"


async def test_a_video_session_gone_after_a_lost_finish_is_never_finished_twice(
    open_page: Open, sandbox: Sandbox, desk: Desk
) -> None:
    page = open_page()
    job = await desk.claimed(page, videos=1)
    progress = Recorder()
    assert await page.prepare(job, progress) is None
    sandbox.faults.order("facebook", "videos.finish", "reset_after")
    assert isinstance(await page.publish(job, progress), Unknown)
    again = desk.job(page, job.rendering, uncertain=True, attempt=2)
    outcome = await page.publish(again, progress)
    assert isinstance(outcome, Unknown)
    assert outcome.code == "session_gone"
    assert isinstance(await page.reconcile(again, progress), Sent)
    assert len(sandbox.effects("facebook", "post")) == 1


async def test_f07_throttled_waits_the_minutes_that_facebook_names(
    open_page: Open, sandbox: Sandbox, desk: Desk
) -> None:
    page = open_page()
    job = await desk.claimed(page, photo_count=1)
    progress = Recorder()
    sandbox.faults.order("facebook", "photos.create", "429", retry_after=600)
    sandbox.faults.order("facebook", "feed.create", "429", retry_after=1140)
    first = await page.prepare(job, progress)
    assert await page.prepare(job, progress) is None
    for outcome, seconds in ((first, 600), (await page.publish(job, progress), 1140)):
        assert isinstance(outcome, Deferred)
        assert (outcome.code, outcome.throttled, outcome.scope) == ("throttled", True, Scope.LANE)
        assert outcome.retry_after == seconds
    assert sandbox.effects("facebook") == []


@pytest.mark.parametrize("code", [4, 17, 32, 341, 613, 80001])
async def test_f07_throttled_without_a_time_backs_off(open_page: Open, sandbox: Sandbox, desk: Desk, code: int) -> None:
    page = open_page()
    sandbox.faults.order("facebook", "feed.create", "graph_error", code=code)
    outcome = await page.publish(await desk.claimed(page), Recorder())
    assert isinstance(outcome, Deferred)
    assert (outcome.throttled, outcome.scope, outcome.retry_after) == (True, Scope.LANE, 60.0)


def test_usage_headers_are_read_and_odd_ones_do_no_harm() -> None:
    business = {"1": [{"type": "pages", "call_count": 97, "estimated_time_to_regain_access": 19}]}
    headers = {"x-app-usage": '{"call_count": 20}', "x-business-use-case-usage": json.dumps(business)}
    assert (usage(headers), wait(headers)) == (97, 19 * 60)
    for odd in ("", "no json", "[]", "5", '{"a": "b"}', '{"call_count": "many"}', '{"1": [5]}'):
        assert (usage({"x-app-usage": odd}), wait({"x-business-use-case-usage": odd})) == (0, 60.0)


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        ("graph_error", {"code": 1}),
        ("graph_error", {"code": 2, "effect": True}),
        ("graph_error", {"code": 99999, "is_transient": True}),
        ("graph_error", {"code": 99999, "status": 503}),
        ("error", {"status": 500}),
        ("html", {"status": 503}),
    ],
)
async def test_f08_a_temporary_error_of_the_publishing_call_is_unknown(
    open_page: Open, sandbox: Sandbox, desk: Desk, kind: str, options: dict[str, Any]
) -> None:
    page = open_page()
    sandbox.faults.order("facebook", "feed.create", kind, **options)
    outcome = await page.publish(await desk.claimed(page), Recorder())
    assert isinstance(outcome, Unknown)
    assert outcome.code == "server"


async def test_an_unknown_code_that_is_not_temporary_is_rejected_with_all_that_support_asks_for(
    open_page: Open, sandbox: Sandbox, desk: Desk
) -> None:
    page = open_page()
    sandbox.faults.order("facebook", "feed.create", "graph_error", code=99999, subcode=4711, message="No such thing")
    outcome = await page.publish(await desk.claimed(page), Recorder())
    assert isinstance(outcome, Rejected)
    for word in ("No such thing", "99999", "4711", "fbtrace_id A"):
        assert word in outcome.reason


PREPARING = [
    ("photos.create", {"photo_count": 2}),
    ("videos.start", {"videos": 1}),
    ("videos.transfer", {"videos": 1}),
]


@pytest.mark.parametrize(("method", "media"), PREPARING)
@pytest.mark.parametrize("kind", ["html", "error", "graph_error", "reset_before", "reset_after", "wrong_type", "empty"])
async def test_f08_whatever_befalls_an_upload_is_repeated(
    open_page: Open, sandbox: Sandbox, desk: Desk, method: str, media: dict[str, int], kind: str
) -> None:
    page = open_page()
    job = await desk.claimed(page, **media)
    progress = Recorder()
    sandbox.faults.order("facebook", method, kind)
    outcome = await page.prepare(job, progress)
    assert isinstance(outcome, Deferred)
    assert outcome.scope is Scope.DELIVERY
    assert await page.prepare(job, progress) is None
    assert isinstance(await page.publish(job, progress), Sent)
    (post,) = sandbox.facebook.page.standing()
    assert len(post.photos) == media.get("photo_count", 0)


@pytest.mark.parametrize(
    ("code", "name"), [(190, "credential"), (102, "credential"), (10, "permission"), (200, "permission")]
)
async def test_f09_a_refused_token_pauses_the_lane(
    open_page: Open, sandbox: Sandbox, desk: Desk, code: int, name: str
) -> None:
    page = open_page()
    sandbox.faults.order("facebook", "photos.create", "graph_error", code=code)
    sandbox.faults.order("facebook", "feed.create", "graph_error", code=code)
    photo, text = await desk.claimed(page, photo_count=1), await desk.claimed(page)
    for outcome in (await page.prepare(photo, Recorder()), await page.publish(text, Recorder())):
        assert isinstance(outcome, Deferred)
        assert (outcome.code, outcome.scope, outcome.throttled) == (name, Scope.LANE, False)


async def test_f09_a_revoked_token_or_a_wrong_proof_pauses_the_lane(
    open_page: Open, sandbox: Sandbox, desk: Desk
) -> None:
    wrong = open_page(app_secret="another")
    page = open_page()
    sandbox.facebook.revoked = False
    refused = await wrong.publish(await desk.claimed(wrong), Recorder())
    sandbox.facebook.revoked = True
    for outcome in (refused, await page.publish(await desk.claimed(page), Recorder())):
        assert isinstance(outcome, Deferred)
        assert (outcome.code, outcome.scope) == ("credential", Scope.LANE)


async def test_f12_the_third_photo_refused_is_named_and_nothing_is_posted(
    open_page: Open, sandbox: Sandbox, desk: Desk
) -> None:
    page = open_page()
    sandbox.faults.order("facebook", "photos.create", "graph_error", code=324, message="Invalid image file", after=2)
    outcome = await page.prepare(await desk.claimed(page, photo_count=5), Recorder())
    assert isinstance(outcome, Rejected)
    assert (outcome.code, "photo 3 of 5" in outcome.reason) == ("media_refused", True)
    assert "Invalid image file" in outcome.reason
    assert sandbox.effects("facebook") == []


async def test_a_rendition_gone_from_the_disk_waits_and_names_the_file(open_page: Open, desk: Desk) -> None:
    page = open_page()
    job = await desk.claimed(page, photo_count=2)
    gone = dataclasses.replace(job.rendering.parts[0].media[1].rendition, digest="0" * 64)
    part = job.rendering.parts[0]
    media = (part.media[0], dataclasses.replace(part.media[1], rendition=gone))
    rendering = dataclasses.replace(job.rendering, parts=(dataclasses.replace(part, media=media),))
    outcome = await page.prepare(desk.job(page, rendering), Recorder())
    assert isinstance(outcome, Deferred)
    assert (outcome.code, "photo 2 of 2" in outcome.reason) == ("media_missing", True)


@pytest.mark.parametrize(("kind", "code"), [("wrong_type", "unreadable"), ("empty", "unreadable"), ("no_id", "no_id")])
async def test_f42_a_success_without_an_id_is_unknown_and_then_found(
    open_page: Open, sandbox: Sandbox, desk: Desk, kind: str, code: str
) -> None:
    page = open_page()
    job = await desk.claimed(page)
    progress = Recorder()
    sandbox.faults.order("facebook", "feed.create", kind)
    outcome = await page.publish(job, progress)
    assert isinstance(outcome, Unknown)
    assert outcome.code == code
    assert isinstance(await page.reconcile(job, progress), Sent)


@pytest.mark.parametrize("body", [[], "text", True, {}, {"id": None}, {"id": 5}, {"id": "a"}])
async def test_f42_an_answer_of_the_wrong_shape_is_unknown(
    open_page: Open, sandbox: Sandbox, desk: Desk, body: Any
) -> None:
    page = open_page()
    sandbox.faults.order("facebook", "feed.create", "error", status=200, body=body)
    assert isinstance(await page.publish(await desk.claimed(page), Recorder()), Unknown)


async def test_f42_a_video_finished_without_success_is_unknown(open_page: Open, sandbox: Sandbox, desk: Desk) -> None:
    page = open_page()
    job = await desk.claimed(page, videos=1)
    progress = Recorder()
    assert await page.prepare(job, progress) is None
    sandbox.faults.order("facebook", "videos.finish", "error", status=200, body={"success": False})
    assert isinstance(await page.publish(job, progress), Unknown)
    desk.time.pass_by(121)
    assert isinstance(await page.reconcile(job, progress), Absent)


async def test_no_secret_reaches_a_log_an_outcome_or_a_receipt(
    open_page: Open, sandbox: Sandbox, desk: Desk, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    for name in ("urllib3", "requests", "facebook", "asyncio"):
        caplog.set_level(logging.DEBUG, name)
    page = open_page()
    seen: list[object] = [page.settings, await page.probe()]
    for kind in ("html", "reset_after", "wrong_type", "429", "error", "graph_error"):
        sandbox.faults.order("facebook", "feed.create", kind)
        job = await desk.claimed(page, title=f"სათაური {kind}", photo_count=1)
        progress = Recorder()
        steps = (page.prepare(job, progress), page.publish(job, progress), page.reconcile(job, progress))
        seen += [await step for step in steps]
        seen.append(progress.kept)
    sandbox.facebook.revoked = True
    seen.append(await page.probe())
    everything = caplog.text + repr(seen)
    assert "urllib3" in caplog.text  # it does speak at DEBUG
    assert [word for word in (TOKEN, APP_SECRET) if word in everything] == []


async def test_no_secret_reaches_an_exception(sandbox: Sandbox, closed_port: int) -> None:
    access = Access(TOKEN, APP_SECRET)
    assert "canary" not in repr(access)
    told = ""
    closed = f"http://127.0.0.1:{closed_port}"
    for url, kind in ((sandbox.facebook.api_url, "html"), (sandbox.facebook.api_url, "reset_after"), (closed, "")):
        if kind:
            sandbox.faults.order("facebook", "me.get", kind)
        client = FacebookClient(url, url, "v26.0", access, Waits(1, 1, 1), None, 1, Usage(Time()))
        with pytest.raises(ERRORS) as caught:
            await client.get("me", fields="id")
        await client.aclose()
        assert (caught.value.__cause__, caught.value.__context__) == (None, None)  # those hold requests
        told += "".join(traceback.format_exception(caught.value)) + repr(vars(caught.value)) + repr(client)
    assert [word for word in (TOKEN, APP_SECRET) if word in told] == []
