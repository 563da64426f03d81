"""Older correction notes of a page: they keep their date, their words and what was touched, and repeat only what still
stands. On both databases."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

from sqlalchemy import update

from distributor.adapters.newsroom_changes import LONGEST, changes, only_what_stands
from distributor.core.release import LanguageVersion, Revision
from distributor.storage.schema import pages
from tests.adapters.test_newsroom_after import EN, KA, Office, database, database_url, dialect, first, follows, office
from tests.adapters.test_newsroom_changes import revision_of

__all__ = ["database", "database_url", "dialect", "office"]


def said(page: dict[str, Any], place: int, language: str = "ka") -> list[tuple[str, str]]:
    """What one of the page's notes lists: what was touched, and how it reads."""
    note = page["corrections"][place]["languages"][language]
    return [(change["what"], change["now"]) for change in note["changes"]]


async def test_a_text_that_was_wrong_leaves_the_older_notes_with_the_correction_that_mends_it(office: Office) -> None:
    one = await first(office)
    await office.put(one)
    wrong = dataclasses.replace(KA, title="WRONG TITLE", lead="ახალი შესავალი", body=f"{KA.body}\n\nWRONG PARAGRAPH")
    two = follows(one, words="პირველი.", versions=(wrong, EN))
    before = (await office.put(two, one))["corrections"][0]
    assert "WRONG TITLE" in json.dumps(before)
    right = dataclasses.replace(wrong, title="სწორი", body=KA.body)
    page = await office.put(follows(two, words="მეორე.", versions=(right, EN)), two)
    assert "WRONG" not in json.dumps(page)
    assert said(page, 0) == [("title", ""), ("lead", "ახალი შესავალი"), ("paragraph_added", "")]
    assert said(page, 1)[0] == ("title", "სწორი")
    note = page["corrections"][0]
    assert (note["at"], note["languages"]["ka"]["words"]) == (before["at"], "პირველი.")


async def test_the_caption_of_a_withdrawn_photo_leaves_the_older_notes(office: Office) -> None:
    one = await first(office, photos=2)
    await office.put(one)
    gone, kept = one.media
    media = (dataclasses.replace(gone, caption={"ka": "WITNESS N."}), dataclasses.replace(kept, caption={"ka": "ხიდი"}))
    two = follows(one, media=media)
    assert said(await office.put(two, one), 0) == [("media_words", "WITNESS N."), ("media_words", "ხიდი")]
    page = await office.put(follows(two, media=media[1:]), two)
    assert "WITNESS" not in json.dumps(page)
    assert said(page, 0) == [("media_words", ""), ("media_words", "ხიდი")]


async def test_notes_of_a_language_that_has_gone_say_nothing_of_its_text(office: Office) -> None:
    one = await first(office)
    await office.put(one)
    two = follows(one, versions=(KA, dataclasses.replace(EN, title="OLD ENGLISH")))
    await office.put(two, one)
    three = follows(two, versions=(KA,))
    page = await office.put(three, two)
    assert "OLD ENGLISH" not in json.dumps(page)
    assert said(page, 0, "en") == [("title", "")]
    page = await office.put(follows(three, versions=(dataclasses.replace(KA, lead="სხვა"),)), three)
    assert said(page, 1) == [("language_removed", "en")]


async def test_a_page_that_was_written_before_is_mended_with_its_next_correction(office: Office) -> None:
    one = await first(office)
    page = await office.put(one)
    old = {"at": page["published_at"], "languages": {"ka": {"words": "ა", "changes": changed("title", "WRONG")}}}
    async with office.database.transaction() as connection:
        await connection.execute(update(pages).values(page=page | {"corrections": [old]}))
        await connection.commit()
    page = await office.put(follows(one, versions=(dataclasses.replace(KA, lead="სხვა"), EN)), one)
    assert said(page, 0) == [("title", "")]


def changed(what: str, now: str) -> list[dict[str, str]]:
    """One change."""
    return [{"what": what, "number": "1", "now": now}]


def version_of(revision: Revision) -> dict[str, Any]:
    """What a page shows of it, as far as notes may repeat it."""
    (version,) = revision.versions
    return {"title": version.title, "lead": version.lead, "text": version.body, "media": []}


def test_whatever_a_correction_lists_stands_in_its_own_page() -> None:
    long = " ".join(["სიტყვა"] * 60)
    body = f"{long}\n\nა\nბ\n\n{'ჰ' * 300}\n\nბოლო"
    version = LanguageVersion("ka", long, f"{long} და", body)
    after = dataclasses.replace(revision_of([""]), versions=(version,))
    found = changes(revision_of(["სხვა"]), after, "ka")
    assert len(found) == 6
    assert any(len(change["now"]) <= LONGEST and change["now"].endswith("…") for change in found)
    assert only_what_stands(found, version_of(after)) == found
    assert all(change["now"] == "" for change in only_what_stands(found, None))


def test_a_part_of_what_stands_is_not_what_stands() -> None:
    version = version_of(revision_of(["Two hundred people left.", "Wait until six."]))
    for now in ("Two", "Two hundred people left", "hundred people left.", "Wait un…", "until six."):
        assert only_what_stands(changed("paragraph_changed", now), version) == changed("paragraph_changed", ""), now
    # The same words elsewhere on the page are not the same text.
    assert only_what_stands(changed("title", "Wait until six."), version) == changed("title", "")
