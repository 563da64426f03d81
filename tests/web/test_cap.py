"""Public warnings as CAP 1.2 documents: against the standard's own schema, through correction and withdrawal."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from distributor.core.approval import Decision
from distributor.core.release import Kind, Status
from distributor.core.warning import Category, Certainty, Gravity, Response, Urgency, Warning
from distributor.demo.stage import AUTHOR, EDITOR
from tests.specs import FOLDER, described
from tests.web.conftest import ENGLISH, GEORGIAN, Site
from tests.web.xsd import Schema

SCHEMA = "cap/CAP-v1.2.xsd"
CAP, ATOM = "{urn:oasis:names:tc:emergency:cap:1.2}", "{http://www.w3.org/2005/Atom}"
UNTIL = datetime(2100, 1, 1, tzinfo=UTC)
FLOOD = Warning(
    (Category.MET, Category.RESCUE),
    Urgency.IMMEDIATE,
    Gravity.SEVERE,
    Certainty.OBSERVED,
    (Response.EVACUATE,),
    {"ka": "წყალდიდობა", "en": "Flood"},
    {"ka": "მტკვრის ნაპირი"},
    {"ka": "დატოვეთ სახლები"},
    expires=UNTIL,
)
CONTENT: dict[str, Any] = {"kind": Kind.EMERGENCY, "regions": ("GE-SK", "GE-TB-VAKE"), "warning": FLOOD}


documents: list[ET.Element] = []
"""The documents of a test, for the one who has to say that none was compared."""


@pytest.fixture(autouse=True)
def said_where_nothing_was_compared() -> Iterator[None]:
    """Without the standard's schema a test shows what it shows, and is told as skipped beside that."""
    documents.clear()
    yield
    if documents:
        described(SCHEMA)


async def entries(site: Site, query: str = "") -> list[ET.Element]:
    """What the feed lists."""
    answer, text = await site.get(f"/feeds/cap.xml{query}")
    assert (answer.status, answer.content_type) == (200, "application/atom+xml")
    feed = ET.fromstring(text)  # noqa: S314  # our own output
    assert all(feed.findtext(f"{ATOM}{name}") for name in ("id", "title", "updated"))
    return feed.findall(f"{ATOM}entry")


async def read(site: Site, entry: ET.Element) -> ET.Element:
    """The document that an entry leads to."""
    link = entry.find(f"{ATOM}link")
    assert link is not None
    assert link.get("type") == "application/cap+xml"
    path = (link.get("href") or "").removeprefix(site.stage.parts.office.context.base_url)
    answer, text = await site.get(path)
    assert (answer.status, answer.content_type) == (200, "application/cap+xml")
    found = ET.fromstring(text)  # noqa: S314  # our own output
    if (FOLDER / SCHEMA).exists():
        assert Schema(FOLDER / SCHEMA).faults(found) == []
    documents.append(found)
    return found


async def message(site: Site, kind: str, *known: ET.Element) -> ET.Element:
    """The newest message of the one warning, as soon as it is none of those known; it is of this type."""
    before = {f"/{one.findtext(f'{CAP}identifier')}.xml" for one in known}
    for _ in range(200):
        for entry in await entries(site):
            # One that is known may be replaced at any moment, and is not read again.
            if not any((entry.findtext(f"{ATOM}id") or "").endswith(path) for path in before):
                found = await read(site, entry)
                assert found.findtext(f"{CAP}msgType") == kind
                return found
        await asyncio.sleep(0.05)
    raise AssertionError(f"no further {kind} appeared")


def named(found: ET.Element) -> str:
    """How another message refers to it."""
    return ",".join(found.findtext(f"{CAP}{name}") or "" for name in ("sender", "identifier", "sent"))


async def approved(site: Site, release_id: str) -> None:
    """What is proposed to follow, approved by the editor."""
    office = site.stage.parts.office
    standing = await office.reading.standing(release_id)
    assert standing.proposed is not None
    number, hash_ = standing.proposed.content.number, standing.proposed.content_hash
    await office.approvals.decide(site.stage.people[EDITOR].id, Decision.APPROVE, release_id, number, hash_)


def test_the_schema_is_read_and_finds_what_is_wrong() -> None:
    parts = "<identifier>1</identifier><sent>2026-03-05T09:00:00Z</sent>"
    wrong = ET.fromstring(f'<alert xmlns="{CAP[1:-1]}">{parts}</alert>')  # noqa: S314  # written above
    faults = Schema(described(SCHEMA)).faults(wrong)
    assert any("sent" in fault and "another form" in fault for fault in faults)
    assert any("sender: 0 times" in fault for fault in faults)


async def test_a_warning_is_an_alert_with_everything_that_cap_asks_for(site: Site) -> None:
    row = await site.publish(GEORGIAN, ENGLISH, **CONTENT)
    found = await message(site, "Alert")
    assert found.findtext(f"{CAP}status") == "Actual"
    assert found.findtext(f"{CAP}scope") == "Public"
    assert found.find(f"{CAP}references") is None
    sent = found.findtext(f"{CAP}sent") or ""
    assert sent.endswith("+04:00")
    infos = found.findall(f"{CAP}info")
    assert [info.findtext(f"{CAP}language") for info in infos] == ["ka", "en"]
    first, second = infos
    assert [one.text for one in first.findall(f"{CAP}category")] == ["Met", "Rescue"]
    assert (first.findtext(f"{CAP}event"), second.findtext(f"{CAP}event")) == ("წყალდიდობა", "Flood")
    assert first.findtext(f"{CAP}headline") == GEORGIAN.title
    assert first.findtext(f"{CAP}description") == "ორივე უვნებელია.\n\nდღეს დილით იპოვეს."
    assert first.findtext(f"{CAP}instruction") == "დატოვეთ სახლები"
    assert second.find(f"{CAP}instruction") is None
    assert datetime.fromisoformat(first.findtext(f"{CAP}expires") or "") == UNTIL
    assert (first.findtext(f"{CAP}web") or "").endswith(row["slug"])
    assert first.findtext(f"{CAP}area/{CAP}areaDesc") == "შიდა ქართლი, ვაკე: მტკვრის ნაპირი"
    codes = [(one.findtext(f"{CAP}valueName"), one.findtext(f"{CAP}value")) for one in first.iter(f"{CAP}geocode")]
    assert codes == [("ISO3166-2", "GE-SK"), ("region", "GE-TB-VAKE")]


async def test_an_emergency_in_free_words_is_a_valid_alert_too(site: Site) -> None:
    await site.publish(GEORGIAN, kind=Kind.EMERGENCY)
    found = await message(site, "Alert")
    assert found.findtext(f"{CAP}info/{CAP}severity") == "Unknown"
    assert found.findtext(f"{CAP}info/{CAP}event") == GEORGIAN.title


async def test_a_correction_is_an_update_and_a_withdrawal_a_cancel_that_refer_to_all_before(site: Site) -> None:
    row = await site.publish(GEORGIAN, **CONTENT)
    release_id, office, author = row["release_id"], site.stage.parts.office, site.stage.people[AUTHOR]
    alert = await message(site, "Alert")
    await office.aftercare.begin_correction(release_id, author)
    await office.drafts.change(release_id, author, regions=("GE-SK",))
    await office.drafts.submit(release_id, author)
    assert len(await entries(site)) == 1
    await approved(site, release_id)
    changed = await message(site, "Update", alert)
    assert changed.findtext(f"{CAP}references") == named(alert)
    assert changed.findtext(f"{CAP}identifier") != alert.findtext(f"{CAP}identifier")
    await office.aftercare.withdraw(release_id, author, "false alarm", {"ka": "განგაში ცრუ იყო"})
    await approved(site, release_id)
    cancel = await message(site, "Cancel", alert, changed)
    assert cancel.findtext(f"{CAP}references") == f"{named(alert)} {named(changed)}"
    assert cancel.findtext(f"{CAP}note") == "განგაში ცრუ იყო"
    assert cancel.find(f"{CAP}info") is None
    (entry,) = await entries(site)
    assert GEORGIAN.title not in ET.tostring(entry, encoding="unicode")
    for older in (alert, changed):
        answer, text = await site.get(f"/feeds/cap/{older.findtext(f'{CAP}identifier')}.xml")
        assert answer.status == 410
        assert str(cancel.findtext(f"{CAP}identifier")) in answer.headers["Link"]
        assert GEORGIAN.title not in text


async def test_nothing_but_published_emergencies_is_there(site: Site) -> None:
    news = await site.publish(GEORGIAN)
    waiting = await site.write(GEORGIAN, **CONTENT)
    await site.stage.parts.office.drafts.submit(waiting, site.stage.people[AUTHOR])
    embargoed = await site.write(GEORGIAN, **CONTENT, embargo=site.time() + timedelta(hours=1))
    await site.approve(embargoed)
    assert await entries(site) == []
    for identifier in (f"{news['release_id']}.1", f"{waiting}.1", f"{embargoed}.1", "x", ".1", "a.b.c", "..%2f"):
        answer, _ = await site.get(f"/feeds/cap/{identifier}.xml")
        assert answer.status == 404, identifier


async def test_an_exercise_stands_nowhere_but_where_it_is_asked_for(site: Site) -> None:
    row = await site.publish(GEORGIAN, **CONTENT, status=Status.EXERCISE)
    for _ in range(100):
        listed = await entries(site, "?status=exercise")
        if listed:
            break
        await asyncio.sleep(0.05)
    (entry,) = listed
    assert (await read(site, entry)).findtext(f"{CAP}status") == "Exercise"
    assert await entries(site) == []
    assert await entries(site, "?status=test") == []
    # The newsroom becomes live: what was played there before is no warning of its.
    seats: Any = site.stage.parts.office.context.seats
    seats["newsroom"] = replace(seats["newsroom"], live=True)
    assert await entries(site, "?status=exercise") == []
    answer, _ = await site.get(f"/feeds/cap/{row['release_id']}.1.xml")
    assert answer.status == 404


async def test_in_utc_the_offset_is_written_as_cap_wants_it(site: Site) -> None:
    office = site.stage.parts.office
    office.context = replace(office.context, time_zone="UTC")
    await site.publish(GEORGIAN, **CONTENT)
    assert (await message(site, "Alert")).findtext(f"{CAP}sent", "").endswith("-00:00")
