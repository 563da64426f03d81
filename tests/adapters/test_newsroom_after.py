"""The newsroom after a publication: what a correction, a withdrawal and a hold make of a page, on both databases."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest_asyncio
from sqlalchemy import insert, update

from distributor.adapters.newsroom import Newsroom, NewsroomSettings
from distributor.core.channel import Job, Source
from distributor.core.outcome import Absent, Deferred, Rejected, Sent
from distributor.core.release import Action, LanguageVersion, Notice, Revision
from distributor.storage.database import Database
from distributor.storage.pages import NewsroomPages
from distributor.storage.schema import pages, people, releases
from tests.adapters.support import TITLE, URL, Desk, Recorder
from tests.storage.databases import database, database_url, dialect

__all__ = ["database", "database_url", "dialect"]

ID, SLUG = "abcdefghjk", "khandzari-abcdefghjk"
NOW = datetime(2026, 3, 5, tzinfo=UTC)
KA = LanguageVersion("ka", TITLE, "შესავალი.", "პირველი აბზაცი.\n\nმეორე აბზაცი.\n\nმესამე აბზაცი.")
EN = LanguageVersion("en", "A fire is out", "", "First.\n\nSecond.")


@dataclasses.dataclass
class Office:
    """A newsroom over a real database, with deliveries made by hand, in the order of their numbers."""

    desk: Desk
    database: Database
    pages: NewsroomPages
    site: Newsroom
    number: int = 0

    async def job(self, revision: Revision, before: Revision | None = None, **changed: Any) -> Job:
        """A claimed delivery of a revision."""
        source = await self.desk.source(self.site, revision)
        if revision.action not in (Action.PUBLISH, Action.CORRECT):
            source = dataclasses.replace(source, renditions={})
        rendering = self.site.render(dataclasses.replace(source, before=before))
        assert rendering is not None
        self.number += 1
        facts: dict[str, Any] = {
            "action": revision.action,
            "delivery_id": self.number,
            "key": f"{ID}-{revision.number}-{revision.action.value}-{self.number}",
            "revision": revision.number,
        }
        return self.desk.job(self.site, rendering, **(facts | changed))

    async def put(self, revision: Revision, before: Revision | None = None) -> dict[str, Any]:
        """Deliver it; the page that stands then."""
        outcome = await self.site.publish(await self.job(revision, before), Recorder())
        assert isinstance(outcome, Sent)
        page: dict[str, Any] = (await self.row())["page"]
        return page

    async def row(self) -> dict[str, Any]:
        """The page's row."""
        row = await self.pages.by_id(ID)
        assert row is not None
        return row


@pytest_asyncio.fixture
async def office(folder: Path, database: Database) -> AsyncIterator[Office]:
    async with database.transaction() as connection:
        person = {"id": 1, "name": "Author", "role": "author", "created_at": NOW}
        await connection.execute(insert(people).values(**person))
        release = {"id": ID, "state": "approved", "author_id": 1, "draft": {}, "slug": SLUG}
        await connection.execute(insert(releases).values(**release, created_at=NOW, updated_at=NOW))
        await connection.commit()
    desk, pages = Desk.at(folder), NewsroomPages(database)
    around = dataclasses.replace(desk.surroundings, pages=pages)
    yield Office(desk, database, pages, Newsroom("site", NewsroomSettings(), around))
    await desk.aclose()


async def first(office: Office, photos: int = 0) -> Revision:
    """Revision 1, in two languages."""
    return dataclasses.replace(await office.desk.release(photo_count=photos), versions=(KA, EN))


def follows(revision: Revision, action: Action = Action.CORRECT, words: str = "", **content: Any) -> Revision:
    """The next revision with a notice."""
    notice = Notice(action, {"ka": words} if words else {}, "not for readers")
    return dataclasses.replace(revision, number=revision.number + 1, notice=notice, **content)


async def test_a_correction_overwrites_the_page_and_says_what_changed(office: Office) -> None:
    one = await first(office)
    before = await office.put(one)
    fixed = dataclasses.replace(
        KA, title="სხვა სათაური", body="პირველი აბზაცი.\n\nშეცვლილი.\n\nმესამე აბზაცი.\n\nახალი."
    )
    office.desk.time.pass_by(60)
    two = follows(one, words="ციფრი იყო არასწორი.", versions=(fixed, EN))
    page = await office.put(two, one)
    assert page["languages"]["ka"]["title"] == "სხვა სათაური"
    assert page["published_at"] == before["published_at"]
    (note,) = page["corrections"]
    assert datetime.fromisoformat(note["at"]) > datetime.fromisoformat(before["published_at"])
    assert note["languages"]["ka"]["words"] == "ციფრი იყო არასწორი."
    assert note["languages"]["ka"]["changes"] == [
        {"what": "title", "number": "", "now": "სხვა სათაური"},
        {"what": "paragraph_changed", "number": "2", "now": "შეცვლილი."},
        {"what": "paragraph_added", "number": "4", "now": "ახალი."},
    ]
    assert note["languages"]["en"] == {"words": "This release was corrected.", "changes": []}
    assert "not for readers" not in json.dumps(page)


async def test_a_page_that_is_corrected_twice_shows_both_notes(office: Office) -> None:
    one = await first(office)
    await office.put(one)
    two = follows(one, words="პირველი.", versions=(dataclasses.replace(KA, lead="ა"), EN))
    await office.put(two, one)
    three = follows(two, words="მეორე.", versions=(dataclasses.replace(KA, lead="ბ"), EN))
    page = await office.put(three, two)
    assert [note["languages"]["ka"]["words"] for note in page["corrections"]] == ["პირველი.", "მეორე."]
    assert page["notices"] == 2


async def test_the_note_never_repeats_what_was_wrong(office: Office) -> None:
    one = await first(office)
    wrong = dataclasses.replace(
        one, versions=(dataclasses.replace(KA, title="WRONG", lead="WRONG", body=f"{KA.body}\n\nWRONG"), EN)
    )
    rendering = office.site.render(Source(follows(one), ("ka", "en"), {}, URL, "შსს", before=wrong))
    assert rendering is not None
    assert "WRONG" not in json.dumps([part.fields for part in rendering.parts])
    assert json.loads(rendering.parts[0].fields["changes"])


async def test_every_word_of_a_notice_is_in_the_approved_bytes(office: Office) -> None:
    one = await first(office)
    hashes = set()
    for action in (Action.CORRECT, Action.WITHDRAW, Action.HOLD, Action.LIFT):
        for words in ("", "სიტყვა", "სხვა სიტყვა"):
            source = Source(follows(one, action, words), ("ka",), {}, URL, "შსს", before=one)
            rendering = office.site.render(source)
            assert rendering is not None
            said = rendering.parts[0].fields["words"]
            assert said == words if words else said
            hashes.add(rendering.hash)
    assert len(hashes) == 12


async def test_a_first_publication_has_the_bytes_that_it_always_had(office: Office) -> None:
    rendering = office.site.render(Source(await first(office), ("ka", "en"), {}, URL, "შსს"))
    assert rendering is not None
    assert set(rendering.parts[0].fields) == {
        "language", "title", "lead", "slug", "office", "kind", "status", "regions", "topics", "region_names",
        "topic_names",
    }  # fmt: skip


async def test_a_withdrawn_photo_leaves_page_and_files(office: Office) -> None:
    one = await first(office, photos=2)
    page = await office.put(one)
    gone, kept = page["languages"]["ka"]["media"]
    digests = [file["digest"] for file in (gone["download"], *gone["sizes"])]
    two = follows(one, media=one.media[1:])
    page = await office.put(two, one)
    assert page["languages"]["ka"]["media"] == [kept]
    assert [change["what"] for change in page["corrections"][0]["languages"]["ka"]["changes"]] == ["photo_removed"]
    assert not any(digest in json.dumps(page) for digest in digests)
    for digest in digests:
        assert await office.pages.file(digest) is None
    assert await office.pages.file(kept["download"]["digest"]) is not None


async def test_a_withdrawal_leaves_a_tombstone_with_nothing_of_the_content(office: Office) -> None:
    one = await first(office, photos=1)
    page = await office.put(one)
    files = [file["digest"] for file in page["languages"]["ka"]["media"][0]["sizes"]]
    tomb = await office.put(follows(one, Action.WITHDRAW, "სხვა პირი იყო."), one)
    row = await office.row()
    assert (row["state"], tomb["state"]) == ("withdrawn", "withdrawn")
    assert datetime.fromisoformat(tomb["withdrawn"]["at"]).tzinfo is not None
    assert tomb["languages"]["ka"] == {"office": "შსს", "words": "სხვა პირი იყო."}
    assert tomb["languages"]["en"]["words"] == "This release was withdrawn. Please do not use it."
    for text in (TITLE, "აბზაცი", EN.title):
        assert text not in json.dumps(tomb, ensure_ascii=False)
        assert text.casefold() not in row["words"]
    assert await office.pages.newest(10) == []
    assert await office.pages.newest(10, words="თბილისში") == []
    assert [await office.pages.file(digest) for digest in files] == [None] * len(files)
    assert [found["release_id"] for found in await office.pages.withdrawn(10, NOW)] == [ID]


async def test_a_hold_marks_the_page_and_its_lifting_or_a_correction_frees_it(office: Office) -> None:
    one = await first(office)
    plain = await office.put(one)
    held = await office.put(follows(one, Action.HOLD), one)
    assert held["held"]["languages"]["en"].startswith("This release is being checked.")
    assert held["languages"] == plain["languages"]
    assert (await office.row())["state"] == "held"
    lifted = await office.put(follows(one, Action.LIFT), one)
    assert lifted == plain | {"notices": 2, "shows": lifted["shows"]}
    assert (await office.row())["state"] == "published"
    await office.put(follows(one, Action.HOLD), one)
    page = await office.put(follows(one, versions=(dataclasses.replace(KA, lead="სხვა"), EN)), one)
    assert "held" not in page
    assert (await office.row())["state"] == "published"


async def test_an_older_delivery_never_overwrites_a_newer_state(office: Office) -> None:
    one = await first(office)
    jobs = [await office.job(one)]
    history = (Action.CORRECT, Action.HOLD, Action.LIFT, Action.HOLD, Action.WITHDRAW)
    jobs += [await office.job(follows(one, action), one) for action in history]
    done: list[Job] = []
    for job in jobs:
        await office.site.publish(job, Recorder())
        row = await office.row()
        office.desk.time.pass_by(1)
        for again in (job, *done):  # the same key twice, and every older one
            assert isinstance(await office.site.publish(again, Recorder()), Sent)
            assert await office.row() == row
        done.append(job)
    assert (await office.row())["state"] == "withdrawn"


async def test_a_correction_that_a_hold_has_passed_waits_for_its_end_and_comes_all_the_same(office: Office) -> None:
    """Seed 468: it waited for a database that took no write, a hold came and went; it was called sent, and the
    page showed the old words for ever."""
    one = await first(office)
    await office.put(one)
    late = await office.job(follows(one, versions=(dataclasses.replace(KA, lead="სხვა"), EN)), one)
    await office.put(follows(one, Action.HOLD), one)
    async with office.database.transaction() as connection:
        await connection.execute(update(releases).values(state="held"))
        await connection.commit()
    assert isinstance(await office.site.publish(late, Recorder()), Deferred)
    assert (await office.row())["state"] == "held"
    async with office.database.transaction() as connection:
        await connection.execute(update(releases).values(state="distributing"))
        await connection.commit()
    assert isinstance(await office.site.publish(late, Recorder()), Sent)
    row = await office.row()
    assert (row["page"]["languages"]["ka"]["lead"], row["state"]) == ("სხვა", "published")
    await office.put(follows(one, Action.LIFT), one)
    assert (await office.row())["page"]["languages"]["ka"]["lead"] == "სხვა"


async def test_a_correction_that_was_frozen_before_a_hold_and_approved_after_it_is_the_newer_one(
    office: Office,
) -> None:
    one = await first(office)
    await office.put(one)
    proposed = follows(one, versions=(dataclasses.replace(KA, lead="შესწორებული"), EN))  # revision 2
    await office.put(dataclasses.replace(follows(one, Action.HOLD), number=3), one)
    page = await office.put(proposed, one)
    assert page["languages"]["ka"]["lead"] == "შესწორებული"
    assert page["state"] == "published"


async def test_what_is_withdrawn_never_comes_back(office: Office) -> None:
    one = await first(office)
    await office.put(one)
    await office.put(follows(one, Action.WITHDRAW), one)
    for revision in (one, follows(one), follows(one, Action.LIFT)):
        page = await office.put(revision, one)
        assert page["state"] == "withdrawn"


async def test_a_notice_where_nothing_stands_has_nothing_to_do(office: Office) -> None:
    one = await first(office)
    for action in (Action.WITHDRAW, Action.HOLD, Action.LIFT):
        job = await office.job(follows(one, action), one)
        outcome = await office.site.publish(job, Recorder())
        assert isinstance(outcome, Sent)
        assert (outcome.receipt.remote_ids, outcome.receipt.detail) == ((), {"nothing": "stood there"})
        assert isinstance(await office.site.reconcile(job, Recorder()), Absent)
    page = await office.put(follows(one), one)  # a correction there publishes the new version in full
    assert page["corrections"] == []
    assert page["languages"]["ka"]["title"] == TITLE


async def test_a_worker_that_slept_through_a_withdrawal_publishes_nothing(office: Office) -> None:
    job = await office.job(await first(office))
    async with office.database.transaction() as connection:
        await connection.execute(update(releases).values(state="withdrawn"))
        await connection.commit()
    assert isinstance(await office.site.publish(job, Recorder()), Rejected)
    assert await office.pages.by_id(ID) is None


async def test_a_page_from_before_notices_were_known_takes_them_too(office: Office) -> None:
    one = await first(office)
    job = await office.job(one)
    await office.site.publish(job, Recorder())
    page = (await office.row())["page"]
    old = {name: value for name, value in page.items() if name not in {"state", "notices", "corrections"}}
    async with office.database.transaction() as connection:
        await connection.execute(update(pages).values(page=old, number=0))
        await connection.commit()
    row = await office.row()
    await office.site.publish(job, Recorder())  # its number is not known, but its key is
    assert await office.row() == row
    held = await office.put(follows(one, Action.HOLD), one)
    assert held["state"] == "held"
    corrected = await office.put(follows(one, versions=(dataclasses.replace(KA, lead="სხვა"), EN)), one)
    assert len(corrected["corrections"]) == 1
    assert (await office.put(follows(one, Action.WITHDRAW), one))["state"] == "withdrawn"
