"""The watch over our own website: every page against what was approved, however old it is."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import delete, insert, select, update
from structlog.testing import capture_logs

from distributor.core.approval import Decision
from distributor.demo import Stage
from distributor.demo.stage import EDITOR
from distributor.office import watching_pages
from distributor.storage.alarms import Alarm
from distributor.storage.schema import deliveries, page_files, pages, releases, renderings
from tests.faults.engine import tell, working
from tests.office.test_watching import Office, Time
from tests.office.test_watching_after import bring, propose, propose_withdrawal
from tests.queue.acts import until

Forge = Callable[[dict[str, Any]], object]


@pytest.fixture
async def office(tmp_path: Path) -> AsyncIterator[Office]:
    """The website."""
    time = Time()
    stage = Stage(tmp_path / "stage", roles=frozenset(), clock=time)
    await stage.start()
    yield Office(stage, time)
    await stage.stop()


async def forge(office: Office, change: Forge, release: str = "") -> None:
    """Somebody who may write to the database changes a page."""
    async with office.stage.parts.database.transaction() as connection:
        query = select(pages.c.page, pages.c.release_id)
        row = (await connection.execute(query.where(pages.c.release_id == release) if release else query)).one()
        change(row.page)
        await connection.execute(update(pages).where(pages.c.release_id == row.release_id).values(page=row.page))
        await connection.commit()


async def one(office: Office) -> Alarm:
    """The only alarm of a look; the next look does not ask again."""
    (alarm,) = await office.look("newsroom")
    assert len(await office.look("newsroom")) == 1, "once"
    return alarm


async def decide(office: Office, release: str, decision: Decision) -> None:
    """Hold what is out, or free it again."""
    parts = office.stage.parts.office
    now = await parts.reading.standing(release)
    assert now.revision is not None
    seen = now.revision.content_hash
    await parts.approvals.decide(office.stage.people[EDITOR].id, decision, release, now.release.revision, seen, "")


def said(**fields: object) -> Forge:
    """The page in Georgian with other fields."""
    return lambda page: page["languages"]["ka"].update(fields)


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(said(title="Send money"), id="title"),
        pytest.param(said(lead="Send money"), id="lead"),
        pytest.param(said(text="Send money"), id="text"),
        pytest.param(said(text=""), id="text_emptied"),
        pytest.param(said(html="<p>Send money</p>"), id="html"),
        pytest.param(said(office="Somebody"), id="office"),
        pytest.param(said(media=[]), id="media_emptied"),
        pytest.param(lambda page: page["languages"]["ka"]["media"][0].update(caption="Send money"), id="caption"),
        pytest.param(lambda page: page["languages"]["ka"]["media"][0]["download"].update(digest="0" * 64), id="digest"),
        pytest.param(lambda page: page["languages"]["ka"]["media"][0]["sizes"].pop(), id="size"),
        pytest.param(lambda page: page["languages"].update(en=dict(page["languages"]["ka"])), id="language_added"),
        pytest.param(lambda page: page["corrections"].append({"at": "2026", "languages": {}}), id="note_added"),
        pytest.param(
            lambda page: page.update(state="held", held={"at": "2026", "languages": {"ka": "False alarm"}}), id="held"
        ),
        pytest.param(lambda page: page.update(kind="emergency"), id="kind"),
        pytest.param(lambda page: page.update(shows=10**9), id="deaf_to_corrections"),
        pytest.param(lambda page: page.update(languages=[1], corrections="none"), id="no_page_at_all"),
        pytest.param(lambda page: page.clear(), id="emptied"),
    ],
)
async def test_whatever_of_a_page_was_forged_is_asked_about(office: Office, change: Forge) -> None:
    release = await office.publish("newsroom", photos=1)
    assert await office.look("newsroom") == []
    await forge(office, change)
    alarm = await one(office)
    assert (alarm.kind, alarm.params["release"]) == ("changed", release)


@pytest.mark.parametrize("column", ["state = 'held'", "number = 9999", "slug = 'x'"])
async def test_a_forged_column_is_asked_about(office: Office, column: str) -> None:
    await office.publish("newsroom")
    await tell(office.stage, f"UPDATE pages SET {column}")  # noqa: S608  # one of the three above
    alarm = await one(office)
    assert (alarm.kind, alarm.params["part"]) == ("changed", "address" if "slug" in column else "state")


async def test_a_file_that_no_approved_page_shows_is_asked_about(office: Office) -> None:
    """An original may say where and with what it was taken."""
    release = await office.publish("newsroom", photos=1)
    async with office.stage.parts.database.transaction() as connection:
        row = {"digest": "0" * 64, "release_id": release, "media_type": "image/jpeg"}
        await connection.execute(insert(page_files).values(row))
        await connection.commit()
    assert (await one(office)).kind == "changed"


async def test_a_rendering_that_cannot_be_read_hides_no_other_page(office: Office) -> None:
    first, second = await office.publish("newsroom"), await office.publish("newsroom")
    async with office.stage.parts.database.transaction() as connection:
        mine = renderings.c.release_id == first
        await connection.execute(update(renderings).where(mine).values(body={"parts": 1}))
        await connection.commit()
    await forge(office, said(title="Send money"), second)
    assert {alarm.params["release"] for alarm in await office.look("newsroom")} == {first, second}


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda page: page.update(extra=None), id="key_added"),
        pytest.param(lambda page: page.update(held=None), id="held"),
        pytest.param(said(extra=None), id="nested"),
    ],
)
async def test_a_page_with_an_empty_key_too_many_hides_no_other_page(office: Office, change: Forge) -> None:
    first, second = await office.publish("newsroom"), await office.publish("newsroom")
    await forge(office, change, first)
    await forge(office, said(title="Send money"), second)
    assert {alarm.params["release"] for alarm in await office.look("newsroom")} == {first, second}


async def test_a_rendering_that_is_gone_hides_no_other_page(office: Office) -> None:
    first, second = await office.publish("newsroom"), await office.publish("newsroom")
    async with office.stage.parts.database.transaction() as connection:
        mine = deliveries.c.release_id == first
        await connection.execute(update(deliveries).where(mine).values(rendering_id=10**9))
        await connection.commit()
    await forge(office, said(title="Send money"), second)
    found = {alarm.params["release"]: alarm.params["part"] for alarm in await office.look("newsroom")}
    assert found == {first: "unreadable", second: "title"}


async def test_an_old_page_is_read_too(office: Office) -> None:
    release = await office.publish("newsroom")
    office.time.ahead += timedelta(days=400)
    assert await office.look("newsroom") == []
    await forge(office, said(title="Send money"))
    assert (await one(office)).params["release"] == release


async def test_many_old_pages_are_read_in_several_looks(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watching_pages, "BATCH", 2)
    made = [await office.publish("newsroom") for _ in range(5)]
    office.time.ahead += timedelta(days=400)
    for release in made:
        await forge(office, said(title=f"Send money to {release}"), release)
    found: list[Alarm] = []
    looks = 0
    while len(found) < 5 and looks < 5:
        found, looks = await office.look("newsroom"), looks + 1
        assert len(found) <= 2 * looks
    assert {alarm.params["release"] for alarm in found} == set(made)


async def test_a_page_that_is_gone_and_one_that_nobody_approved_are_asked_about(office: Office) -> None:
    release = await office.publish("newsroom")
    async with office.stage.parts.database.transaction() as connection:
        row = dict((await connection.execute(select(pages))).mappings().one())
        await connection.execute(delete(page_files))
        await connection.execute(delete(pages))
        await connection.commit()
    alarm = await one(office)
    assert (alarm.kind, alarm.params["release"]) == ("vanished", release)
    async with office.stage.parts.database.transaction() as connection:
        mine = (await connection.execute(select(releases))).mappings().one()
        await connection.execute(insert(releases).values(**(dict(mine) | {"id": "forged0000", "slug": "forged"})))
        await connection.execute(
            insert(pages).values(**(row | {"release_id": "forged0000", "slug": "forged", "key": "x"}))
        )
        await connection.commit()
    found = await office.look("newsroom")
    assert [alarm.kind for alarm in found] == ["vanished", "foreign"]
    assert found[1].params["link"].endswith("/releases/forged")


async def test_a_page_is_not_put_back_to_what_was_corrected_or_withdrawn(office: Office) -> None:
    release = await office.publish("newsroom")
    async with office.stage.parts.database.read() as connection:
        first = dict((await connection.execute(select(pages))).mappings().one())
    await propose(office, release)
    await bring(office, release)
    assert await office.look("newsroom") == []
    async with office.stage.parts.database.read() as connection:
        second = (await connection.execute(select(pages.c.page))).scalar_one()
    await forge(office, lambda page: page.update(first["page"]))
    assert (await one(office)).kind == "changed"
    await forge(office, lambda page: page.update(second))
    await propose_withdrawal(office, release)
    await bring(office, release)
    assert [alarm.kind for alarm in await office.look("newsroom")] == ["changed"]
    async with office.stage.parts.database.transaction() as connection:
        await connection.execute(update(pages).values(page=first["page"], state="published"))
        await connection.commit()
    assert [alarm.kind for alarm in await office.look("newsroom")] == ["changed", "returned"]


async def test_whatever_we_do_to_a_page_ourselves_raises_nothing(office: Office) -> None:
    release = await office.publish("newsroom", photos=1)
    for _ in range(2):
        office.time.ahead += timedelta(hours=1)
        await decide(office, release, Decision.HOLD)
        await bring(office, release)
        assert await office.look("newsroom") == []
        await decide(office, release, Decision.RESUME)
        await bring(office, release)
        assert await office.look("newsroom") == []
    await propose(office, release)
    await bring(office, release)
    assert await office.look("newsroom") == []
    await propose_withdrawal(office, release)
    assert await office.look("newsroom") == [], "approved, and not begun"
    await bring(office, release)
    assert await office.look("newsroom") == []
    office.time.ahead += timedelta(days=1)
    assert await office.look("newsroom") == []


async def test_a_correction_that_a_hold_has_passed_raises_nothing(office: Office) -> None:
    release = await office.publish("newsroom")
    await propose(office, release)
    await decide(office, release, Decision.HOLD)
    async with working(office.stage):
        await until(office.stage, lambda found: any(row["state"] == "sent" for row in found if row["action"] == "hold"))
    assert await office.look("newsroom") == []
    await decide(office, release, Decision.RESUME)
    await bring(office, release)
    assert await office.look("newsroom") == []


async def test_how_long_a_round_over_all_pages_took_is_logged(office: Office) -> None:
    await office.publish("newsroom")
    await office.look("newsroom")  # began anywhere
    with capture_logs() as lines:
        await office.look("newsroom")
    (line,) = [line for line in lines if line["event"] == "every page was compared with what was approved"]
    assert (line["channel"], line["pages"], line["seconds"]) == ("newsroom", 1, 0)
