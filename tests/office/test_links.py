"""Links of a text, asked over real HTTP."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace

import pytest_asyncio
from aiohttp import web

from distributor.core.release import LanguageVersion
from distributor.core.rendering import Severity
from distributor.office.links import MOST, LinkAsker, Verdict
from distributor.office.preflight import check
from tests.office.press_office import EN, PressOffice


@dataclass
class Site:
    """A small site that counts what it is asked."""

    url: str = ""
    asked: list[str] = field(default_factory=list)

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """By the path: a status, a redirect, or slowly."""
        self.asked.append(f"{request.method} {request.path}")
        what = request.match_info["what"]
        if what == "slow":
            await asyncio.sleep(30)
        if what == "no_head" and request.method == "HEAD":
            return web.Response(status=405)
        if what == "moved":
            return web.Response(status=302, headers={"Location": "/200"})
        if what == "round":
            return web.Response(status=302, headers={"Location": "/round"})
        return web.Response(status=int(what) if what.isdigit() else 200, text="x" * 100)


@pytest_asyncio.fixture
async def site() -> AsyncIterator[Site]:
    made = Site()
    application = web.Application()
    application.router.add_route("*", "/{what}", made.answer)
    runner = web.AppRunner(application, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    made.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield made
    await runner.cleanup()


async def test_what_is_there_what_is_gone_and_what_cannot_be_told(site: Site, unused_tcp_port: int) -> None:
    expected = {
        f"{site.url}/200": Verdict("alive"),
        f"{site.url}/no_head#part": Verdict("alive"),
        f"{site.url}/moved": Verdict("alive"),
        f"{site.url}/404": Verdict("dead", "HTTP 404"),
        f"{site.url}/410": Verdict("dead", "HTTP 410"),
        f"{site.url}/403": Verdict("unchecked", "HTTP 403"),
        f"{site.url}/503": Verdict("unchecked", "HTTP 503"),
        f"{site.url}/round": Verdict("unchecked", "redirects"),
        f"http://127.0.0.1:{unused_tcp_port}/": Verdict("dead", "refused"),
        "http://nowhere.invalid/": Verdict("dead", "no_name"),
    }
    assert await LinkAsker(allow_private=True).ask([*expected, "mailto:a@b.example", "tel:112"]) == expected


async def test_an_inner_network_is_never_asked(site: Site) -> None:
    inner = [
        f"{site.url}/200",
        site.url.replace("127.0.0.1", "localhost") + "/200",
        "http://[::1]/",
        "http://10.0.0.1/",
    ]
    verdicts = await LinkAsker().ask(inner)
    assert set(verdicts.values()) == {Verdict("unchecked", "inner")}
    assert site.asked == []


async def test_the_deadline_holds_for_all_together_and_what_answered_counts(site: Site) -> None:
    started = time.monotonic()
    slow = [f"{site.url}/slow?{number}" for number in range(6)]
    verdicts = await LinkAsker(allow_private=True, seconds=0.5).ask([f"{site.url}/404", *slow])
    assert time.monotonic() - started < 2
    assert verdicts.pop(f"{site.url}/404") == Verdict("dead", "HTTP 404")
    assert set(verdicts.values()) == {Verdict("unchecked", "timeout")}


async def test_an_answer_counts_for_some_minutes(site: Site) -> None:
    now = [0.0]
    asker = LinkAsker(allow_private=True, clock=lambda: now[0])
    for moment, times in ((0.0, 1), (500.0, 1), (700.0, 2)):
        now[0] = moment
        assert (await asker.ask([f"{site.url}/200"]))[f"{site.url}/200"].state == "alive"
        assert len(site.asked) == times


async def test_more_links_than_can_be_asked_are_named(site: Site) -> None:
    many = [f"{site.url}/200?{number}" for number in range(MOST + 2)]
    verdicts = await LinkAsker(allow_private=True).ask(many)
    assert [verdict for verdict in verdicts.values() if verdict.state != "alive"] == [
        Verdict("unchecked", "too_many")
    ] * 2
    assert len(site.asked) == MOST


async def test_preflight_warns_of_a_dead_link_and_goes_on(office: PressOffice, site: Site) -> None:
    text = LanguageVersion("en", EN.title, EN.lead, f"[One]({site.url}/404) and {site.url}/403, [two]({site.url}/200).")
    release = await office.office.drafts.get(await office.draft(text))
    context = replace(office.office.context, links=LinkAsker(allow_private=True))
    checked = await check(context, release.draft)
    found = {item.code: item for item in checked.preflight.problems if "link" in item.code}
    assert set(found) == {"dead_link", "link_unchecked"}
    assert found["dead_link"].severity is Severity.WARNING
    assert found["dead_link"].params == {"address": f"{site.url}/404", "answer": "HTTP 404"}
    assert not checked.preflight.blocked
