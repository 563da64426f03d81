"""A public warning for machines through what follows it: held, freed, corrected into something else. Every document is
compared with the standard's own schema (tests.web.test_cap)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from xml.etree import ElementTree as ET

from distributor.core.approval import Decision
from distributor.core.data import EPOCH
from distributor.core.release import Action, Kind, Notice, Revision, Status
from distributor.demo.stage import AUTHOR
from distributor.storage.cap import Message
from distributor.web.cap_chain import warnings_of
from tests.web.after import approve, at_revision, correct, decide, page_when, withdraw
from tests.web.conftest import ENGLISH, GEORGIAN, Site
from tests.web.test_cap import ATOM, CAP, CONTENT, entries, message, named, read, said_where_nothing_was_compared

__all__ = ["said_where_nothing_was_compared"]


async def is_replaced(site: Site, old: ET.Element, newest: ET.Element) -> None:
    """An older message is served no more, and its address names the newest."""
    answer, text = await site.get(f"/feeds/cap/{old.findtext(f'{CAP}identifier')}.xml")
    assert answer.status == 410
    assert f"/{newest.findtext(f'{CAP}identifier')}.xml>" in answer.headers["Link"]
    assert GEORGIAN.title not in text


def kind_and_references(found: ET.Element) -> tuple[str | None, str | None]:
    """What sort of message it is, and which it replaces."""
    return found.findtext(f"{CAP}msgType"), found.findtext(f"{CAP}references")


def alarming(found: ET.Element) -> list[str]:
    """By what a machine decides whether to sound."""
    info = found.find(f"{CAP}info")
    assert info is not None
    return [info.findtext(f"{CAP}{name}") or "" for name in ("responseType", "urgency", "severity", "certainty")]


async def test_while_a_warning_is_checked_machines_get_an_update_that_sounds_nothing(site: Site) -> None:
    row = await site.publish(GEORGIAN, ENGLISH, **CONTENT)
    release_id = row["release_id"]
    alert = await message(site, "Alert")
    assert alarming(alert) == ["Evacuate", "Immediate", "Severe", "Observed"]
    await decide(site.stage, release_id, Decision.HOLD)
    held = await message(site, "Update", alert)
    assert kind_and_references(held) == ("Update", named(alert))
    assert alarming(held) == ["Monitor", "Unknown", "Unknown", "Unknown"]
    assert "მოწმდება" in (held.findtext(f"{CAP}note") or "")
    ka, en = held.findall(f"{CAP}info")
    assert (ka.findtext(f"{CAP}headline"), ka.findtext(f"{CAP}event")) == ("მოწმდება: ნუ გამოიყენებთ", "წყალდიდობა")
    assert "being checked" in (en.findtext(f"{CAP}instruction") or "")
    assert (ka.findtext(f"{CAP}area/{CAP}areaDesc") or "").startswith("შიდა ქართლი")
    for words in (GEORGIAN.title, ENGLISH.title, GEORGIAN.lead, "დატოვეთ სახლები", "checking"):
        assert words not in ET.tostring(held, encoding="unicode"), words
    (entry,) = await entries(site)
    assert entry.findtext(f"{ATOM}title") == f"მოწმდება, ნუ გამოიყენებთ: {GEORGIAN.title}"
    assert not entry.findtext(f"{ATOM}summary")
    await is_replaced(site, alert, held)
    await decide(site.stage, release_id, Decision.RESUME)
    freed = await message(site, "Update", alert, held)
    assert kind_and_references(freed) == ("Update", f"{named(alert)} {named(held)}")
    assert alarming(freed) == alarming(alert)
    assert "დასრულდა" in (freed.findtext(f"{CAP}note") or "")
    assert freed.findtext(f"{CAP}info/{CAP}headline") == GEORGIAN.title
    await is_replaced(site, held, freed)
    await withdraw(site.stage, release_id)
    cancel = await message(site, "Cancel", alert, held, freed)
    assert kind_and_references(cancel) == ("Cancel", f"{named(alert)} {named(held)} {named(freed)}")


async def test_a_held_warning_in_free_words_says_none_of_them(site: Site) -> None:
    row = await site.publish(GEORGIAN, kind=Kind.EMERGENCY)
    alert = await message(site, "Alert")
    await decide(site.stage, row["release_id"], Decision.HOLD)
    held = await message(site, "Update", alert)
    assert held.findtext(f"{CAP}info/{CAP}event") == "მოწმდება: ნუ გამოიყენებთ"
    assert GEORGIAN.title not in ET.tostring(held, encoding="unicode")


async def test_a_correction_that_was_written_before_a_hold_is_newer_than_its_end(site: Site) -> None:
    """By when it was shown, and not by its number."""
    row = await site.publish(GEORGIAN, **CONTENT)
    release_id, office, author = row["release_id"], site.stage.parts.office, site.stage.people[AUTHOR]
    alert = await message(site, "Alert")
    await office.aftercare.begin_correction(release_id, author)
    await office.drafts.change(release_id, author, regions=("GE-SK",))
    proposed = await office.drafts.submit(release_id, author)
    # The desk holds and frees what stands, beside the correction that waits.
    await decide(site.stage, release_id, Decision.HOLD)
    held = await message(site, "Update", alert)
    await decide(site.stage, release_id, Decision.RESUME)
    freed = await message(site, "Update", alert, held)
    await approve(site.stage, proposed)
    corrected = await message(site, "Update", alert, held, freed)
    assert corrected.findtext(f"{CAP}info/{CAP}area/{CAP}areaDesc") == "შიდა ქართლი: მტკვრის ნაპირი"
    assert (corrected.findtext(f"{CAP}references") or "").endswith(named(freed))


async def ends(site: Site, **content: Any) -> tuple[str, ET.Element, ET.Element]:
    """A warning that a correction makes something else; its id, its Alert and what machines are told then."""
    row = await site.publish(GEORGIAN, **CONTENT)
    alert = await message(site, "Alert")
    await correct(site.stage, row["release_id"], {"ka": "ეს არ არის გაფრთხილება"}, **content)
    cancel = await message(site, "Cancel", alert)
    assert kind_and_references(cancel) == ("Cancel", named(alert))
    assert cancel.findtext(f"{CAP}status") == "Actual"
    assert cancel.findtext(f"{CAP}note") == "ეს არ არის გაფრთხილება"
    assert cancel.find(f"{CAP}info") is None
    (entry,) = await entries(site)
    assert GEORGIAN.title not in ET.tostring(entry, encoding="unicode")
    await is_replaced(site, alert, cancel)
    return row["release_id"], alert, cancel


async def test_a_warning_that_is_corrected_into_news_is_cancelled(site: Site) -> None:
    release_id, alert, cancel = await ends(site, kind=Kind.NEWS)
    # What is said of the news afterwards is no matter of the warning's.
    await correct(site.stage, release_id, versions=(ENGLISH,))
    await page_when(site.stage, release_id, at_revision(3))
    (entry,) = await entries(site)
    assert named(await read(site, entry)) == named(cancel)
    # And a warning again is a new one.
    await correct(site.stage, release_id, kind=Kind.EMERGENCY)
    again = await message(site, "Alert", alert, cancel)
    assert kind_and_references(again) == ("Alert", None)
    await is_replaced(site, alert, again)
    await is_replaced(site, cancel, again)


async def test_a_warning_that_is_corrected_into_an_exercise_is_cancelled_also_when_the_newsroom_becomes_live(
    site: Site,
) -> None:
    _, _, cancel = await ends(site, status=Status.EXERCISE)
    assert await entries(site, "?status=exercise") == []
    seats: Any = site.stage.parts.office.context.seats
    seats["newsroom"] = replace(seats["newsroom"], live=True)
    assert named(await message(site, "Cancel")) == named(cancel)


async def test_an_exercise_that_is_corrected_into_a_real_warning_is_an_alert(site: Site) -> None:
    row = await site.publish(GEORGIAN, **CONTENT, status=Status.EXERCISE)
    assert await entries(site) == []
    await correct(site.stage, row["release_id"], status=Status.ACTUAL)
    alert = await message(site, "Alert")
    assert kind_and_references(alert) == ("Alert", None)
    assert await entries(site, "?status=exercise") == []


def test_a_notice_that_came_before_the_page_is_no_message() -> None:
    """A hold that found nothing to mark, because the page came after it."""
    published = shown(1)
    assert warnings_of([shown(2, Action.HOLD), published]) == [[published]]
    assert warnings_of([shown(2, Action.HOLD), shown(3, Action.WITHDRAW)]) == []


def shown(number: int, action: Action = Action.PUBLISH) -> Message:
    """A message of an emergency."""
    notice = None if action is Action.PUBLISH else Notice(action)
    content = Revision("abcdefghjk", number, 1, Kind.EMERGENCY, (GEORGIAN,), notice=notice)
    return Message(content, "slug", "newsroom", EPOCH, EPOCH)
