"""The console: nobody enters without a link, nothing changes without the form's token and the right."""

from __future__ import annotations

import asyncio
import re

import pytest

from distributor.demo.stage import ADMINISTRATOR, EDITOR
from distributor.storage.reports import DeliveryFilter
from tests.web.after import withdraw
from tests.web.conftest import GEORGIAN, Site

PUBLIC = {
    "/", "/releases/{slug}", "/archive", "/media/{name}", "/feeds/rss.xml", "/feeds/atom.xml", "/feeds/feed.json",
    "/feeds/cap.xml", "/feeds/cap/{identifier}.xml",
    "/sitemap.xml", "/news-sitemap.xml", "/robots.txt", "/verify", "/unsubscribe/{token}", "/acknowledge",
    "/admin/enter", "/hooks/telegram", "/healthz", "/readyz", "/metrics", "/static",
}  # fmt: skip


def filled(pattern: str) -> str:
    """An address of a route."""
    return re.sub(r"\{(\w+)\}", lambda part: "1" if part[1] == "id" else "retry" if part[1] == "act" else "x", pattern)


async def test_every_route_is_authenticated_or_listed_as_public(site: Site) -> None:
    closed = 0
    for route in site.app.router.routes():
        assert route.resource is not None
        if route.resource.canonical in PUBLIC:
            continue
        for path in {filled(route.resource.canonical), filled(route.resource.canonical).replace("retry", "pause")}:
            async with site.http.request(route.method, site.url + path, allow_redirects=False) as answer:
                if answer.status != 404 or "pause" in path:
                    assert answer.status == 401, (route.method, path)
                    closed += 1
    assert closed >= 8


async def test_a_sign_in_link_works_once_and_looking_at_it_does_not_use_it_up(site: Site) -> None:
    link = await site.stage.parts.office.signin.link(site.stage.people[ADMINISTRATOR])
    path = link.removeprefix(site.stage.parts.office.context.base_url)
    for _ in range(3):
        answer, _ = await site.get(path)
        assert answer.status == 200
        assert "Set-Cookie" not in answer.headers
        assert answer.headers["Cache-Control"] == "no-store"
        assert answer.headers["Referrer-Policy"] == "no-referrer"
    token = path.partition("token=")[2]
    answer, _ = await site.post("/admin/enter?next=https://evil.example/", {"token": token, "next": "//evil.example"})
    assert (answer.status, answer.headers["Location"]) == (303, "/admin/deliveries")
    cookie = answer.headers["Set-Cookie"]
    assert "HttpOnly" in cookie
    assert "Path=/admin" in cookie
    assert re.search("SameSite=(Lax|Strict)", cookie)
    site.http.cookie_jar.clear()
    answer, _ = await site.post("/admin/enter", {"token": token})
    assert answer.status == 403
    assert "Set-Cookie" not in answer.headers
    answer, _ = await site.get("/admin/deliveries")
    assert answer.status == 401


async def test_why_a_delivery_did_not_go_is_told_in_the_readers_language(site: Site) -> None:
    await site.stage.parts.office.operations.pause("press", None)
    release_id = await site.write(GEORGIAN, channels=("newsroom", "press"))
    await site.approve(release_id)
    await site.page(release_id)
    await withdraw(site.stage, release_id)
    await site.sign_in(EDITOR)
    row, *_ = await site.stage.parts.office.reading.deliveries(DeliveryFilter(release_id=release_id, channel="press"))
    assert (row["state"], row["code"]) == ("cancelled", "withdrawn")
    for path in (f"/admin/deliveries?release={release_id}&channel=press", f"/admin/deliveries/{row['id']}"):
        _, text = await site.get(path)
        assert "მასალა გამოთხოვილია" in text
        assert row["reason"] not in text


async def test_the_delivery_log_says_what_when_to_whom_and_by_whose_decision(site: Site) -> None:
    row = await site.publish(GEORGIAN, photos=1)
    await site.sign_in(EDITOR)
    _, text = await site.get(f"/admin/deliveries?release={row['release_id']}&channel=newsroom&state=sent")
    assert GEORGIAN.title in text
    found = re.search(r"/admin/deliveries/(\d+)", text)
    assert found is not None
    _, text = await site.get(found[0])
    editor = site.stage.people[EDITOR]
    for part in (GEORGIAN.title, editor.name, f"/releases/{row['slug']}", "გაგზავნილია", "<time datetime="):
        assert part in text, part
    _, text = await site.get(f"/admin/releases/{row['release_id']}")
    assert editor.name in text
    _, text = await site.get("/admin/deliveries?state=rejected")
    assert GEORGIAN.title not in text
    for path in ("/admin/deliveries/999", "/admin/releases/nothing", "/admin/deliveries/9999999999999999999999"):
        answer, _ = await site.get(path)
        assert answer.status == 404


@pytest.mark.parametrize("query", ["from=0001-01-01T00:00", "to=9999-12-31T23:59", "from=x", "before=x", "state=%27"])
async def test_strange_filters_find_something_or_nothing_but_break_nothing(site: Site, query: str) -> None:
    await site.sign_in()
    answer, _ = await site.get(f"/admin/deliveries?{query}")
    assert answer.status == 200


async def test_a_form_without_the_sessions_token_changes_nothing(site: Site) -> None:
    await site.sign_in()
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    for body in (b"", b"form_token=" + b"0" * 64, b"form_token=%ff", b"form_token=\xff", b"form_token=%ED%B3%BF"):
        answer, _ = await site.post("/admin/lanes/press/pause", body, headers=form)
        assert answer.status == 403, body
    assert not (await site.stage.parts.office.operations.lanes())["press"].paused
    token = await site.form_token()
    answer, _ = await site.post("/admin/lanes/press/pause", {"form_token": token})
    assert answer.status == 303
    assert (await site.stage.parts.office.operations.lanes())["press"].paused
    await site.post("/admin/leave", {"form_token": token})
    answer, _ = await site.post("/admin/lanes/press/resume", {"form_token": token})
    assert answer.status == 401


async def test_an_editor_sees_the_log_but_operates_nothing(site: Site) -> None:
    await site.sign_in(EDITOR)
    _, text = await site.get("/admin/lanes")
    assert "/pause" not in text
    answer, _ = await site.post("/admin/lanes/press/pause", {"form_token": await site.form_token()})
    assert answer.status == 403
    assert not (await site.stage.parts.office.operations.lanes())["press"].paused


async def test_a_dead_letter_is_sent_again_by_a_button(site: Site) -> None:
    office = site.stage.parts.office
    await site.sign_in()
    release_id = await site.write(GEORGIAN, channels=("press",))
    site.stage.sandbox.faults.order("smtp", "smtp.data", "smtp_error", code=554, text="5.7.1 no")
    await site.approve(release_id)
    rows = []
    for _ in range(500):
        rows = await office.reading.deliveries(DeliveryFilter(release_id=release_id, state="rejected"))
        if rows:
            break
        await asyncio.sleep(0.02)
    assert rows, await office.reading.deliveries(DeliveryFilter(release_id=release_id))
    path = f"/admin/deliveries/{rows[0]['id']}"
    _, text = await site.get(path)
    assert f"{path}/retry" in text
    answer, _ = await site.post(f"{path}/retry", {"form_token": await site.form_token()})
    assert (answer.status, answer.headers["Location"]) == (303, path)
    _, text = await site.get(path)
    assert "delivery.retried" in text


async def test_the_log_is_verified_on_request(site: Site) -> None:
    await site.publish(GEORGIAN)
    await site.sign_in()
    _, text = await site.get("/admin/audit?verify=1")
    verdict = await site.stage.parts.office.auditing.verify()
    assert verdict.fault == ""
    assert "alarm" not in text
