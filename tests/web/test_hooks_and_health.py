"""Hooks with their secret, unsubscribing, health from the worker, and what the access log keeps."""

from __future__ import annotations

import asyncio
import io
import json
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import update
from structlog.testing import capture_logs

from distributor.storage.deliveries import Deliveries
from distributor.storage.schema import attempts, deliveries
from distributor.web import readiness
from tests.web.conftest import GEORGIAN, SECRET, Site

HEADER = "X-Telegram-Bot-Api-Secret-Token"


@pytest.mark.parametrize("headers", [{}, {HEADER: ""}, {HEADER: "wrong"}, {HEADER: SECRET + "x"}, {HEADER: "სხვა"}])
async def test_f29_a_hook_without_its_secret_is_refused_and_nothing_processed(
    site: Site, headers: dict[str, str]
) -> None:
    answer, _ = await site.post("/hooks/telegram", json.dumps({"update_id": 1}), headers=headers)
    assert answer.status == 401
    reader, writer = await asyncio.open_connection("127.0.0.1", int(site.url.rpartition(":")[2]))
    writer.write(
        b"POST /hooks/telegram HTTP/1.1\r\nHost: x\r\n" + HEADER.encode() + b": \xff\xfe\r\nContent-Length: 0\r\n\r\n"
    )
    assert b" 401 " in await reader.readline()
    writer.close()
    assert site.updates == []


async def test_a_hook_with_its_secret_is_handed_on_and_what_is_no_update_is_refused(site: Site) -> None:
    secret = {HEADER: SECRET}
    answer, _ = await site.post("/hooks/telegram", json.dumps({"update_id": 7, "message": {}}), headers=secret)
    assert (answer.status, site.updates) == (200, [{"update_id": 7, "message": {}}])
    for body in (b"", b"\xff\xfe", b"[]", b'{"message": {}}', b"[" * 5000):
        answer, _ = await site.post("/hooks/telegram", body, headers=secret)
        assert answer.status == 400
    answer, _ = await site.post("/hooks/telegram", io.BytesIO(b" " * (1 << 20) + b"{}"), headers=secret)
    assert answer.status == 413
    assert len(site.updates) == 1


async def subscriber(site: Site) -> dict[str, Any]:
    """The first of the press list."""
    return (await site.stage.parts.office.subscriptions.everyone("press"))[0]


async def test_unsubscribing_by_get_does_nothing_and_by_post_acts_without_signing_in(site: Site) -> None:
    before = await subscriber(site)
    path = f"/unsubscribe/{before['token']}"
    answer, text = await site.get(path)
    assert answer.status == 200
    assert '<form method="post"' in text
    assert (await subscriber(site))["status"] == "active"
    answer, done = await site.post(path, {"List-Unsubscribe": "One-Click"})
    assert answer.status == 200
    assert (await subscriber(site))["status"] == "unsubscribed"
    answer, unknown = await site.post("/unsubscribe/" + "a" * len(before["token"]), {"List-Unsubscribe": "One-Click"})
    assert answer.status == 200
    assert unknown.replace("a" * len(before["token"]), before["token"]) == done


async def test_readiness_flips_when_the_heartbeat_is_old(site: Site) -> None:
    answer, text = await site.get("/readyz")
    assert (answer.status, json.loads(text)["reasons"]) == (200, [])
    await site.stage.service.worker.stop()  # type: ignore[union-attr]
    site.time.ahead += timedelta(seconds=61)
    answer, text = await site.get("/readyz")
    assert answer.status == 503
    assert json.loads(text)["reasons"]
    answer, _ = await site.get("/healthz")
    assert answer.status == 200


async def test_what_is_due_and_not_taken_is_told_though_a_worker_lives_and_what_a_pause_holds_is_not(
    site: Site,
) -> None:
    await site.publish(GEORGIAN)
    await site.stage.service.worker.stop()  # type: ignore[union-attr]
    site.time.ahead += timedelta(seconds=120)
    store = Deliveries(site.stage.parts.database, "")
    async with site.stage.parts.database.transaction() as connection:
        await connection.execute(update(deliveries).values(state="queued", due=site.time() - timedelta(seconds=90)))
        await connection.commit()
    await store.beat("another", site.time())
    answer, text = await site.get("/readyz")
    assert answer.status == 503
    assert "due" in json.loads(text)["reasons"][0]
    for name in site.stage.parts.channels:
        await site.stage.parts.office.operations.pause(name, None)
    answer, _ = await site.get("/readyz")
    assert answer.status == 200


async def test_a_lane_that_nobody_serves_is_told_however_busy_the_others_are(site: Site) -> None:
    await site.publish(GEORGIAN)
    await site.stage.service.worker.stop()  # type: ignore[union-attr]
    site.time.ahead += timedelta(seconds=120)
    database, now = site.stage.parts.database, site.time()
    async with database.transaction() as connection:
        due = update(deliveries).where(deliveries.c.channel == "newsroom")
        await connection.execute(due.values(state="queued", due=now - timedelta(seconds=90)))
        await connection.execute(update(attempts).values(finished_at=now))  # another lane ended one a moment ago
        await connection.commit()
    await Deliveries(database, "").beat("another", now)
    office = site.stage.parts.office
    served = await readiness(office, stale_after=60, served=frozenset({"newsroom", "press"}))
    assert served.ok
    assert served.facts["oldest_due_age"] == pytest.approx(90, abs=5)
    assert (await readiness(office, stale_after=60)).ok  # the queue does not know who is there
    alone = await readiness(office, stale_after=60, served=frozenset({"press"}))
    assert alone.reasons == ("no worker serves newsroom, where a delivery has been due for 90 seconds",)


async def test_metrics_count_deliveries_and_requests_and_belong_to_one_application(site: Site) -> None:
    await site.publish(GEORGIAN)
    await site.get("/releases/nothing-0123456789")
    answer, text = await site.get("/metrics")
    assert answer.status == 200
    assert 'distributor_deliveries{channel="newsroom",state="sent"} 1.0' in text
    assert "distributor_heartbeat_age_seconds" in text
    assert "distributor_oldest_due_age_seconds" in text
    assert 'distributor_http_requests_total{method="GET",route="/releases/{slug}",status="404"} 1.0' in text
    assert "python_info" not in text


async def test_the_access_log_keeps_no_token_and_no_query_and_believes_only_proxies(site: Site) -> None:
    with capture_logs() as lines:
        await site.get("/admin/enter?token=canary-sign-in", headers={"X-Forwarded-For": "203.0.113.9"})
        await site.get("/unsubscribe/canary-unsubscribe")
        await site.get("/bot123456:canary-bot-token/getMe")
        await site.get("/?q=canary-search")
        await site.get("/archive", headers={"X-Forwarded-For": "203.0.113.9, 198.51.100.7"})
    requests = [line for line in lines if line["event"] == "request"]
    assert [line["path"] for line in requests] == ["/admin/enter", "/unsubscribe/{token}", "none", "/", "/archive"]
    assert [line["client"] for line in requests] == [
        "203.0.113.9",
        "127.0.0.1",
        "127.0.0.1",
        "127.0.0.1",
        "198.51.100.7",
    ]
    assert "canary" not in str(lines)


async def test_every_answer_carries_the_headers_and_head_works(site: Site) -> None:
    for path in ("/", "/archive", "/verify", "/feeds/rss.xml", "/static/style.css", "/nothing", "/admin/deliveries"):
        async with site.http.head(site.url + path) as answer:
            assert answer.status in {200, 401, 404}, path
            assert "frame-ancestors 'none'" in answer.headers["Content-Security-Policy"]
            assert answer.headers["X-Content-Type-Options"] == "nosniff"
            assert "Referrer-Policy" in answer.headers
    answer, text = await site.post("/archive", {"x": "1"})
    assert (answer.status, answer.headers["Allow"]) == (405, "GET,HEAD")
    assert "Traceback" not in text


async def test_open_alarms_are_counted_and_do_not_make_it_unready(site: Site) -> None:
    await site.stage.parts.office.alarms.raise_alarm("foreign", "channel:x", "foreign:x:1", {"channel": "x"})
    answer, text = await site.get("/readyz")
    assert (answer.status, json.loads(text)["alarms"]) == (200, {"foreign": 1})
    _, figures = await site.get("/metrics")
    assert 'distributor_alarms{kind="foreign"} 1.0' in figures
