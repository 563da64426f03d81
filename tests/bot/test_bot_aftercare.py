"""After publishing, at the desk: who may press what, what is asked, what the second person sees."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from distributor.bot.times import moment_of
from distributor.bot.wording import differences, reworded, wrong_and_right
from distributor.core.refusal import Refused
from distributor.core.release import LanguageVersion, ReleaseState
from distributor.demo.stage import ADMINISTRATOR, AUTHOR, DESK_CHAT, EDITOR
from distributor.storage.releases import ReleaseRow
from tests.bot.people import Desk, ended

NOW = datetime(2026, 3, 5, 9, 0, tzinfo=UTC)  # 13:00 in Tbilisi


async def out(desk: Desk, photos: list[bytes] | None = None) -> ReleaseRow:
    """A release that is out, approved by Giorgi."""
    card, release = await desk.submitted(photos=photos)
    await desk.press(EDITOR, card, "Approve")
    return await ended(desk, release.id, lambda row: row.state is ReleaseState.DISTRIBUTED)


async def test_a_word_is_corrected_by_an_editor_and_approved_by_another_person(desk: Desk) -> None:
    release = await out(desk)
    card = await desk.reads(DESK_CHAT, "distributed", button=f"f:{release.id}:correct")
    answer = await desk.press(EDITOR, card, f"f:{release.id}:correct")
    assert "private" in answer["text"]
    mine = await desk.reads(EDITOR, "Fire put out", button=f"f:{release.id}:fix")
    await desk.press(EDITOR, mine, f"f:{release.id}:fix")
    await desk.reads(EDITOR, "Which words are wrong")
    await desk.say(EDITOR, "forty -> fifty")
    await desk.reads(EDITOR, "stands nowhere")
    await desk.say(EDITOR, "40 minutes → 50 minutes")
    await desk.reads(EDITOR, "Replaced in 1 places")
    mine = await desk.reads(EDITOR, "Fire put out", button=f"f:{release.id}:words")
    await desk.press(EDITOR, mine, f"f:{release.id}:words")
    await desk.reads(EDITOR, "What was wrong?")
    await desk.say(EDITOR, "It took 50 minutes")
    mine = await desk.reads(EDITOR, "Fire put out", button=f"a:{release.id}:submit")
    await desk.press(EDITOR, mine, f"a:{release.id}:submit")
    proposal = await desk.reads(DESK_CHAT, "Correction proposed by Giorgi", button="d:")
    for shown in ("− Four crews worked for 40 minutes.", "+ Four crews worked for 50 minutes.", "It took 50 minutes"):
        assert shown in proposal["text"], proposal["text"]
    answer = await desk.press(EDITOR, proposal, "Approve")
    assert "a second person must" in answer["text"]
    await desk.press(ADMINISTRATOR, proposal, "Approve")
    await ended(desk, release.id, lambda row: row.revision == 2 and row.state is ReleaseState.DISTRIBUTED)
    await desk.reads(DESK_CHAT, "Correction approved by Tamar", button=f"f:{release.id}:correct")


async def test_a_photo_is_withdrawn_and_a_rejected_proposal_leaves_everything(desk: Desk, photos: list[bytes]) -> None:
    release = await out(desk, photos[:2])
    card = await desk.reads(DESK_CHAT, "distributed", button=f"f:{release.id}:photos")
    await desk.press(EDITOR, card, f"f:{release.id}:photos")
    panel = await desk.reads(EDITOR, "must disappear everywhere", button=f"f:{release.id}:photo:")
    await desk.press(EDITOR, panel, "✕ 2. photo-2.jpg")
    await desk.reads(EDITOR, "Why is this withdrawn?")
    await desk.say(EDITOR, "a victim is seen")
    told = await desk.reads(EDITOR, "What may readers be told?", button=f"f:{release.id}:nowords")
    await desk.press(EDITOR, told, f"f:{release.id}:nowords")
    answer = await desk.press(EDITOR, told, f"f:{release.id}:nowords")
    assert "already" in answer["text"].lower()
    proposal = await desk.reads(DESK_CHAT, "disappears everywhere", button="d:")
    assert "a victim is seen" in proposal["text"]
    await desk.press(ADMINISTRATOR, proposal, "Reject")
    question = await desk.reads(DESK_CHAT, "Reply to this message")
    await desk.say(ADMINISTRATOR, "nobody is seen", DESK_CHAT, reply_to=question["message_id"])
    kept = await ended(desk, release.id, lambda row: not row.proposed)
    assert (kept.revision, kept.state) == (1, ReleaseState.DISTRIBUTED)


async def test_an_author_has_their_own_release_withdrawn_and_a_stranger_nothing(desk: Desk) -> None:
    release = await out(desk)
    await desk.say(AUTHOR, "/mine")
    listed = await desk.reads(AUTHOR, "Fire put out", button=f"a:{release.id}:main")
    await desk.press(AUTHOR, listed, f"a:{release.id}:main")
    card = await desk.reads(AUTHOR, "Fire put out", button=f"f:{release.id}:withdraw")
    await desk.press(AUTHOR, card, f"f:{release.id}:withdraw")
    await desk.reads(AUTHOR, "Why is this withdrawn?")
    await desk.say(AUTHOR, "it was another street")
    await desk.reads(AUTHOR, "What may readers be told?")
    await desk.say(AUTHOR, "The place was wrong")
    proposal = await desk.reads(DESK_CHAT, "Withdrawal everywhere, proposed by Nino", button="d:")
    assert "The place was wrong" in proposal["text"]
    await desk.press(EDITOR, proposal, "Approve")
    await ended(desk, release.id, lambda row: row.state is ReleaseState.WITHDRAWN)
    answer = await desk.press(AUTHOR, card, f"f:{release.id}:correct")
    assert "nothing to correct" in answer["text"]


async def test_times_are_set_and_taken_away(desk: Desk) -> None:
    card, release = await desk.draft()
    for name in ("embargo", "at"):
        await desk.press(AUTHOR, card, f"a:{release.id}:times")
        card = await desk.reads(AUTHOR, "Fire put out", button=f"a:{release.id}:when:{name}")
        await desk.press(AUTHOR, card, f"a:{release.id}:when:{name}")
        await desk.reads(AUTHOR, "For example 14:30")
        await desk.say(AUTHOR, "tomorrow")
        await desk.reads(AUTHOR, "no time that can be read")
        await desk.say(AUTHOR, "+2h")
        card = await desk.reads(AUTHOR, "Fire put out", button=f"a:{release.id}:times")
        await ended(desk, release.id, lambda row, name=name: getattr(row.draft, name) is not None)  # type: ignore[misc]
    await desk.press(AUTHOR, card, f"a:{release.id}:times")
    card = await desk.reads(AUTHOR, "Fire put out", button=f"a:{release.id}:never:embargo")
    await desk.press(AUTHOR, card, f"a:{release.id}:never:embargo")
    found = await ended(desk, release.id, lambda row: row.draft.embargo is None)
    assert found.draft.at is not None


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("14:30", datetime(2026, 3, 5, 10, 30, tzinfo=UTC)),
        ("09.15", datetime(2026, 3, 6, 5, 15, tzinfo=UTC)),
        ("6.03 10:00", datetime(2026, 3, 6, 6, 0, tzinfo=UTC)),
        ("5.03.2027 10:00", datetime(2027, 3, 5, 6, 0, tzinfo=UTC)),
        ("2026-12-31 23:59", datetime(2026, 12, 31, 19, 59, tzinfo=UTC)),
        ("+45m", NOW + timedelta(minutes=45)),
        ("+2 hours", NOW + timedelta(hours=2)),
        ("+1დღე", NOW + timedelta(days=1)),
    ],
)
def test_times_as_people_write_them(text: str, wanted: datetime) -> None:
    assert moment_of(text, NOW, "Asia/Tbilisi") == wanted


def test_in_december_a_day_of_january_is_next_years() -> None:
    december = datetime(2026, 12, 28, 9, 0, tzinfo=UTC)
    assert moment_of("5.01, 10:00", december, "Asia/Tbilisi") == datetime(2027, 1, 5, 6, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "zone", "code"),
    [
        ("soon", "Asia/Tbilisi", "bad_time"),
        ("25:00", "Asia/Tbilisi", "bad_time"),
        ("31.02 10:00", "Asia/Tbilisi", "bad_time"),
        ("", "Asia/Tbilisi", "bad_time"),
        ("5.03 12:59", "Asia/Tbilisi", "time_passed"),
        ("2020-01-01 10:00", "Asia/Tbilisi", "time_passed"),
        ("29.03 02:30", "Europe/Berlin", "bad_time"),  # the clocks skip it
        ("25.10 02:30", "Europe/Berlin", "bad_time"),  # it passes twice
    ],
)
def test_times_that_mean_nothing_are_refused(text: str, zone: str, code: str) -> None:
    with pytest.raises(Refused) as refused:
        moment_of(text, NOW, zone)
    assert refused.value.code == code


def test_words_are_replaced_where_they_stand_and_nowhere_else() -> None:
    version = LanguageVersion("en", "Two found", "Two are safe", "Two of them.")
    fixed, _, count = reworded((version,), (), "Two", "Three")
    assert (fixed[0].title, fixed[0].lead, fixed[0].body, count) == (
        "Three found",
        "Three are safe",
        "Three of them.",
        3,
    )
    assert wrong_and_right("a -> b") == wrong_and_right("a\nb") == wrong_and_right(" a → b ") == ("a", "b")
    for bad in ("a", "a → ", "a → a", "a → b → c", "a\nb\nc"):
        with pytest.raises(Refused, match="bad_replacement"):
            wrong_and_right(bad)


@pytest.mark.parametrize(
    ("before", "after", "shown"),
    [
        ("same", "same", None),
        ("one two three", "one TWO three", ("one two three", "one TWO three")),
        ("", "new", ("", "new")),
        ("old", "", ("old", "")),
        (
            "a long beginning that nobody needs, 5 crews, and a long end that nobody needs either",
            "a long beginning that nobody needs, 6 crews, and a long end that nobody needs either",
            ("…that nobody needs, 5 crews, and a long end…", "…that nobody needs, 6 crews, and a long end…"),
        ),
    ],
)
def test_the_second_person_sees_what_differs(before: str, after: str, shown: tuple[str, str] | None) -> None:
    assert differences(before, after) == shown
