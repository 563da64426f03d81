"""I have read this: the page behind the link of a correction's mail, over real HTTP."""

from __future__ import annotations

import asyncio
import html
import re
from dataclasses import replace

from distributor.core.approval import Decision
from distributor.core.release import ReleaseState
from distributor.demo.stage import AUTHOR, EDITOR
from tests.web.conftest import GEORGIAN, Site


async def corrected(site: Site) -> tuple[str, str]:
    """A release that the press list has, and its correction; the id, and the path of a reader's link as mailed."""
    office, author = site.stage.parts.office, site.stage.people[AUTHOR]
    release_id = await site.write(GEORGIAN, channels=("press",))
    await site.approve(release_id)
    await distributed(site, release_id)
    await office.aftercare.begin_correction(release_id, author)
    await office.drafts.change(release_id, author, versions=(replace(GEORGIAN, body="სწორი ტექსტი."),))
    done = await office.drafts.submit(release_id, author)
    await office.approvals.decide(
        site.stage.people[EDITOR].id, Decision.APPROVE, release_id, done.release.proposed, done.content_hash
    )
    await mails(site, 6)
    body = site.stage.sandbox.mail.messages[-1].message.get_body(("html",))
    assert body is not None
    found = re.search(r'href="([^"]*/acknowledge[^"]*)"', body.get_content())
    assert found is not None
    return release_id, html.unescape(found[1]).removeprefix(site.stage.parts.office.context.base_url)


async def distributed(site: Site, release_id: str) -> None:
    """Wait until nothing of it is under way."""
    for _ in range(500):
        if (await site.stage.parts.office.reading.standing(release_id)).release.state is ReleaseState.DISTRIBUTED:
            return
        await asyncio.sleep(0.02)
    raise AssertionError("the release was not distributed")


async def mails(site: Site, count: int) -> None:
    """Wait for so many."""
    for _ in range(500):
        if len(site.stage.sandbox.mail.messages) >= count:
            return
        await asyncio.sleep(0.02)
    raise AssertionError("the mails did not come")


async def test_the_mails_link_asks_by_get_and_its_button_acts_by_post(site: Site) -> None:
    release_id, path = await corrected(site)
    acknowledging = site.stage.parts.office.acknowledging
    assert path.startswith("/acknowledge?token=")
    for _ in range(2):
        answer, text = await site.get(path)
        assert answer.status == 200
        assert '<form method="post"><button>' in text
        assert await acknowledging.counts(release_id) == {}
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    assert 'content="noindex"' in text
    for _ in range(2):
        answer, text = await site.post(path)
        assert answer.status == 200
        assert "<form" not in text
        assert await acknowledging.counts(release_id) == {2: 1}


async def test_every_link_that_is_none_of_ours_gets_the_same_page(site: Site) -> None:
    release_id, path = await corrected(site)
    token = path.partition("token=")[2].partition("&")[0]
    other = "a" * len(token)
    pages = set()
    for wrong in (
        path.replace(token, other),
        path.replace(token, token[:-1]),
        path.replace(token, ""),
        path.replace(token, "%27%20OR%201=1"),
        path.replace("revision=2", "revision=1"),
        path.replace("revision=2", "revision=9"),
        path.replace("revision=2", "revision=99999999999999999999"),
        path.replace("revision=2", "revision=-1"),
        path.replace("revision=2", "revision=%D9%A2"),
        path.replace(release_id, "zzzzzzzzzz"),
        path.replace(release_id, ""),
        "/acknowledge?lang=ka",
    ):
        for answer, text in (await site.get(wrong), await site.post(wrong)):
            assert answer.status == 404, wrong
            pages.add(text)
    assert len(pages) == 1
    assert await site.stage.parts.office.acknowledging.counts(release_id) == {}


async def test_crawlers_are_told_to_stay_away(site: Site) -> None:
    _, text = await site.get("/robots.txt")
    assert "Disallow: /acknowledge\n" in text
