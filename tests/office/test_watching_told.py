"""What an alarm about a page of our own website says to people."""

from __future__ import annotations

import pytest
from sqlalchemy import delete, insert, select, update

from distributor import locale
from distributor.office.alarm_words import sentence
from distributor.storage.alarms import Alarm
from distributor.storage.schema import page_files, pages, releases
from tests.office.test_watching import Office
from tests.office.test_watching_after import bring, propose_withdrawal
from tests.office.test_watching_pages import Forge, forge, office, one, said
from tests.queue.acts import TEXT

__all__ = ["office"]


def says(office: Office, alarm: Alarm, language: str = "en") -> str:
    """The alarm's sentence."""
    return sentence(alarm, office.stage.parts.office.context, language)


@pytest.mark.parametrize(
    ("change", "part", "told", "words"),
    [
        pytest.param(said(title="Send money"), "title", "The title", "Send money", id="title"),
        pytest.param(said(lead="Send money"), "lead", "The lead", "Send money", id="lead"),
        pytest.param(said(text=""), "text", "The text", "", id="text"),
        pytest.param(said(media=[]), "files", "photos or files", "", id="files"),
        pytest.param(lambda page: page.update(notices=5), "notices", "notices", "", id="notices"),
        pytest.param(
            lambda page: page.update(held={"at": "2026", "languages": {"ka": "False alarm"}}),
            "notices",
            "notices",
            "False alarm",
            id="held",
        ),
        pytest.param(lambda page: page.update(shows=10**9), "state", "state", "", id="state"),
        pytest.param(said(extra=None), "other", "Something else", "", id="other"),
        pytest.param(said(extra=None, title="Send money"), "title", "The title", "Send money", id="title_and_other"),
        pytest.param(lambda page: page.clear(), "text", "The text", "", id="emptied"),
        pytest.param(lambda page: page.update(corrections="none"), "unreadable", "cannot be read", "", id="unreadable"),
    ],
)
async def test_what_was_forged_is_told_in_words(
    office: Office, change: Forge, part: str, told: str, words: str
) -> None:
    await office.publish("newsroom", photos=1)
    await forge(office, change)
    alarm = await one(office)
    assert (alarm.params["title"], alarm.params["part"], alarm.params["text"]) == (TEXT.title, part, words)
    english = says(office, alarm)
    assert "a page of ours" in english
    assert told in english.splitlines()[0]
    assert english.endswith(words)
    assert "post" not in english
    assert not [language for language in locale.LANGUAGES if "alarm." in says(office, alarm, language)]


async def test_the_address_of_what_was_forged_is_told(office: Office) -> None:
    await office.publish("newsroom")
    await forge(office, said(lead="Send money"))
    assert "/releases/" in (await one(office)).params["link"]


async def test_a_page_that_is_gone_and_a_foreign_one_are_called_pages(office: Office) -> None:
    await office.publish("newsroom")
    async with office.stage.parts.database.transaction() as connection:
        row = dict((await connection.execute(select(pages))).mappings().one())
        mine = (await connection.execute(select(releases))).mappings().one()
        await connection.execute(delete(page_files))
        await connection.execute(delete(pages))
        other = {"slug": "forged"}
        await connection.execute(insert(releases).values(**(dict(mine) | other | {"id": "forged0000"})))
        await connection.execute(insert(pages).values(**(row | other | {"release_id": "forged0000", "key": "x"})))
        await connection.commit()
    found = {alarm.kind: says(office, alarm) for alarm in await office.look("newsroom")}
    assert f"a page of ours is gone: “{TEXT.title}”" in found["vanished"]
    assert "a page that this service did not make" in found["foreign"]
    assert TEXT.title in found["foreign"].splitlines()[-1]


async def test_a_tombstone_that_shows_words_again_says_which(office: Office) -> None:
    release = await office.publish("newsroom")
    async with office.stage.parts.database.read() as connection:
        first = (await connection.execute(select(pages.c.page))).scalar_one()
    await propose_withdrawal(office, release)
    await bring(office, release)
    async with office.stage.parts.database.transaction() as connection:
        await connection.execute(update(pages).values(page=first, state="published"))
        await connection.commit()
    alarm = await one(office)
    assert "a page of ours that was withdrawn" in says(office, alarm)
    assert TEXT.title in says(office, alarm).splitlines()[-1]
