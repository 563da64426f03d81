"""From an author's words to a submitted revision, and what preflight finds on the way."""

from __future__ import annotations

import io
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from PIL import Image
from sqlalchemy import update

from distributor.core.approval import Decision
from distributor.core.asset import Asset, MediaKind
from distributor.core.release import Kind, LanguageVersion, MediaItem, ReleaseState, Status
from distributor.core.text import normalise
from distributor.media.samples import sample_photos
from distributor.office.preflight import check
from distributor.storage.deliveries import Deliveries
from distributor.storage.schema import deliveries
from tests.office.press_office import AUTHOR, EDITOR, EN, KA, START, PressOffice, refusal
from tests.storage.world import claim_these

RU = LanguageVersion("ru", "Спасены туристы", "", "Текст.")


def assets(count: int) -> tuple[MediaItem, ...]:
    """Media that is described and never rendered."""
    return tuple(
        MediaItem(Asset(f"{n:064x}", MediaKind.PHOTO, "image/jpeg", 1, 9, 9, None, f"{n}.jpg", False))
        for n in range(count)
    )


async def photo(office: PressOffice, width: int, height: int, name: str) -> MediaItem:
    raw = io.BytesIO()
    Image.new("RGB", (width, height), "teal").save(raw, "PNG")
    return MediaItem(await office.media.ingest(raw.getvalue(), name), {"ka": "აღწერა"}, "შსს")


async def test_texts_are_normalised_before_they_are_kept(office: PressOffice) -> None:
    written = LanguageVersion("ka", " თბილისი".upper() + "\u200b ", "a\r\nb", "e\u0301 ")
    release_id = await office.draft(written)
    kept = (await office.office.drafts.get(release_id)).draft.versions[0]
    assert kept == LanguageVersion("ka", "თბილისი", "a\nb", "é")
    assert kept.title == normalise(written.title)


async def test_only_the_author_or_an_editor_changes_a_draft_and_only_a_member_writes_one(office: PressOffice) -> None:
    drafts = office.office.drafts
    release_id = await office.draft()
    stranger = replace(office.people[AUTHOR], id=99)
    assert await refusal(drafts.change(release_id, stranger, regions=())) == "not_yours"
    assert await refusal(drafts.submit(release_id, stranger)) == "not_yours"
    assert await refusal(drafts.discard(release_id, office.people[EDITOR])) == "not_yours"
    assert await refusal(drafts.change("nothing", stranger, regions=())) == "unknown_release"
    changed = await drafts.change(release_id, office.people[EDITOR], kind=Kind.APPEAL)
    assert changed.draft.kind is Kind.APPEAL
    nobody = replace(office.people[AUTHOR], role=type(office.people[AUTHOR].role).NONE)
    assert await refusal(drafts.create(nobody, kind=Kind.NEWS, versions=(KA,))) == "not_author"


async def test_times_without_a_zone_are_refused_and_nothing_is_kept(office: PressOffice) -> None:
    naive = datetime(2026, 3, 6, 12, 0)  # noqa: DTZ001  # the point of the test
    for name in ("at", "embargo", "deadline"):
        with pytest.raises(ValueError, match="without a zone"):
            await office.draft(**{name: naive})
    release_id = await office.draft()
    with pytest.raises(ValueError, match="without a zone"):
        await office.office.drafts.change(release_id, office.people[AUTHOR], at=naive)
    assert len(await office.office.reading.releases()) == 1


async def test_f24_a_change_voids_the_submission_and_the_approval(office: PressOffice) -> None:
    drafts, author = office.office.drafts, office.people[AUTHOR]
    submitted = await office.submitted(at=START + timedelta(days=1))
    changed = await drafts.change(submitted.release.id, author, versions=(EN,))
    assert changed.state is ReleaseState.DRAFT
    assert await refusal(office.decide(submitted.release.id, Decision.APPROVE)) == "wrong_state"
    again = await drafts.submit(submitted.release.id, author)
    assert (again.release.revision, again.content_hash != submitted.content_hash) == (2, True)
    await office.decide(submitted.release.id, Decision.APPROVE)
    await drafts.change(submitted.release.id, author, topics=("fire",))
    standing = await office.office.reading.standing(submitted.release.id)
    assert standing.revision is not None
    assert (standing.release.state, standing.revision.approved_hash) == (ReleaseState.DRAFT, "")
    assert [event.data["was"] for event in await office.log("approval.voided")] == ["submitted", "approved"]


async def test_a_change_that_changes_nothing_voids_nothing(office: PressOffice) -> None:
    submitted = await office.submitted()
    same = await office.office.drafts.change(submitted.release.id, office.people[AUTHOR], versions=(KA,))
    assert same.state is ReleaseState.SUBMITTED
    assert await office.log("approval.voided") == []


async def test_what_waited_under_a_void_approval_is_cancelled_and_does_not_stand_in_the_way(
    office: PressOffice,
) -> None:
    release_id = await office.approved(at=START + timedelta(days=7))
    await office.office.drafts.change(release_id, office.people[AUTHOR], at=None)
    assert {row["code"] for row in await office.rows(release_id)} == {"approval_void"}
    await office.office.drafts.submit(release_id, office.people[AUTHOR])
    made = await office.decide(release_id, Decision.APPROVE)
    live = [row["id"] for row in await office.rows(release_id) if row["state"] == "queued"]
    claims = await claim_these(Deliveries(office.database, "https://press.example"), live, "w", office.now, 60)
    assert len(claims) == made == len(live) == 2


@pytest.mark.parametrize("state", ["sent", "sending", "unknown", "case"])
async def test_what_is_out_cannot_be_changed_into_a_second_publication(office: PressOffice, state: str) -> None:
    release_id = await office.approved()
    async with office.database.transaction() as connection:
        first = (await office.rows(release_id))[0]["id"]
        await connection.execute(update(deliveries).where(deliveries.c.id == first).values(state=state))
        await connection.commit()
    change = office.office.drafts.change
    assert await refusal(change(release_id, office.people[AUTHOR], topics=("fire",))) == "already_distributing"
    await office.decide(release_id, Decision.HOLD)
    assert await refusal(change(release_id, office.people[AUTHOR], topics=("fire",))) == "already_distributing"
    assert await refusal(office.decide(release_id, Decision.REJECT, reason="wrong")) == "withdraw_it"


async def test_a_draft_is_given_up_by_its_author(office: PressOffice) -> None:
    release_id = await office.draft()
    await office.office.drafts.discard(release_id, office.people[AUTHOR])
    assert (await office.office.drafts.get(release_id)).state is ReleaseState.WITHDRAWN
    assert await refusal(office.office.drafts.discard(release_id, office.people[AUTHOR])) == "wrong_state"
    assert len(await office.log("release.discarded")) == 1


async def test_media_is_added_once(office: PressOffice) -> None:
    release_id = await office.draft()
    two = assets(2)
    await office.office.drafts.add_media(release_id, office.people[AUTHOR], two)
    found = await office.office.drafts.add_media(release_id, office.people[AUTHOR], (two[1], *assets(3)))
    assert [item.asset.name for item in found.draft.media] == ["0.jpg", "1.jpg", "2.jpg"]


@pytest.mark.parametrize(
    ("version", "content", "problem", "params"),
    [
        (replace(KA, title=""), {}, "no_title", {"language": "ka"}),
        (replace(KA, title="   "), {}, "no_title", {"language": "ka"}),
        (replace(KA, title="a\r\nBcc: x@y.z"), {}, "text_line_break", {"language": "ka", "field": "title"}),
        (replace(KA, lead="a\nb"), {}, "text_line_break", {"language": "ka", "field": "lead"}),
        (replace(KA, title="a\x00b"), {}, "text_control", {"language": "ka", "field": "title"}),
        (replace(KA, body="a\u202eb"), {}, "text_direction", {"language": "ka", "field": "body"}),
        (replace(KA, title="ა" * 301), {}, "title_too_long", {"language": "ka", "length": "301", "limit": "300"}),
        (KA, {"regions": ("GE-XX",)}, "unknown_region", {"code": "GE-XX"}),
        (KA, {"topics": ("magic",)}, "unknown_topic", {"code": "magic"}),
        (KA, {"channels": ("telegram", "fax")}, "unknown_channel", {"code": "fax"}),
        (KA, {"channels": ("fax",)}, "no_channel", {}),
        (KA, {"deadline": START}, "deadline_passed", {"deadline": START.isoformat()}),
        (
            KA,
            {"deadline": START + timedelta(hours=1), "embargo": START + timedelta(hours=1)},
            "deadline_passed",
            {"deadline": "2026-03-05T10:00:00+00:00"},
        ),
    ],
)
async def test_f34_what_blocks_a_release_is_named(
    office: PressOffice, version: LanguageVersion, content: dict[str, Any], problem: str, params: dict[str, str]
) -> None:
    found = await office.problems(version, **content)
    assert params in found[f"blocking {problem}"]
    release_id = await office.draft(version, **content)
    assert await refusal(office.office.drafts.submit(release_id, office.people[AUTHOR])) == "blocked"
    assert (await office.office.drafts.get(release_id)).state is ReleaseState.DRAFT


async def test_a_release_without_any_text_is_blocked(office: PressOffice) -> None:
    made = await office.office.drafts.create(office.people[AUTHOR], kind=Kind.NEWS, versions=())
    assert await refusal(office.office.drafts.submit(made.id, office.people[AUTHOR])) == "blocked"


async def test_eleven_photos_are_too_many_and_ten_are_not(office: PressOffice) -> None:
    office.seats.clear()
    assert (await office.problems(media=assets(11)))["blocking too_many_media"] == [{"count": "11", "limit": "10"}]
    assert "blocking too_many_media" not in await office.problems(media=assets(10))


async def test_what_is_missing_at_a_photo_is_said_by_its_number(office: PressOffice) -> None:
    office.seats.clear()
    found = await office.problems(KA, EN, media=assets(1))
    where = {"item": "1", "name": "0.jpg"}
    assert found["warning no_alt"] == [where | {"language": "en"}, where | {"language": "ka"}]
    assert found["warning no_credit"] == [where]
    bad = replace(assets(1)[0], credit="a\nb")
    assert (await office.problems(media=(bad,)))["blocking text_line_break"] == [
        where | {"field": "media", "language": ""}
    ]


async def test_f12_a_photo_that_a_channel_cannot_take_is_named_with_its_reason(office: PressOffice) -> None:
    fine, long = await photo(office, 900, 600, "fine.png"), await photo(office, 3000, 20, "long.png")
    found = await office.problems(media=(fine, long), channels=("telegram",))
    (problem,) = found["blocking media.ratio"]
    assert (problem["item"], problem["name"], problem["why"]) == ("2", "long.png", "ratio")
    assert problem["channel"] == "telegram"
    assert "blocking no_channel" in found


async def test_a_photo_with_a_place_is_noted_and_the_release_goes_through(office: PressOffice) -> None:
    name, raw = sample_photos(1)[0]
    item = MediaItem(await office.media.ingest(raw, name), {"ka": "აღწერა"}, "შსს")
    found = await office.problems(media=(item,))
    assert [problem["name"] for problem in found["note location_removed"]] == [name]
    assert not [problem for problem in found if problem.startswith("blocking")]


async def test_a_channel_shows_the_first_of_its_languages_that_the_release_has(office: PressOffice) -> None:
    office.seat("telegram", languages=("en", "ka"))

    async def shown(*versions: LanguageVersion) -> list[str]:
        checked = await office.office.drafts.preflight(await office.draft(*versions, channels=("telegram",)))
        return [rendering.language for rendering in checked.preflight.renderings]

    assert await shown(KA, EN) == ["en"]
    assert await shown(KA) == ["ka"]
    assert await shown(RU) == []
    found = await office.problems(RU, channels=("telegram",))
    assert found["warning no_language"] == [{"languages": "en, ka", "channel": "telegram"}]
    assert found["note language_missing"] == [{"language": "ka"}, {"language": "en"}]


async def test_a_list_of_subscribers_is_rendered_in_every_language_that_it_might_wish(office: PressOffice) -> None:
    await office.office.subscriptions.add("press", "a@example.org", None, language="ru")
    checked = await office.office.drafts.preflight(await office.draft(KA, EN, RU, channels=("press",)))
    assert [rendering.language for rendering in checked.preflight.renderings] == ["ka", "en", "ru"]


async def test_a_list_without_subscribers_is_left_out_with_a_note(office: PressOffice) -> None:
    found = await office.problems()
    assert found["note no_subscribers"] == [{"channel": "press"}]


@pytest.mark.parametrize("status", [Status.TEST, Status.EXERCISE])
async def test_a_test_cannot_reach_a_live_channel(office: PressOffice, status: Status) -> None:
    await office.office.subscriptions.add("press", "a@example.org", None)
    submitted = await office.submitted(status=status)
    withheld = [problem.channel for problem in submitted.preflight.problems if problem.code == "live_withheld"]
    assert withheld == ["website", "telegram"]
    await office.decide(submitted.release.id, Decision.APPROVE)
    assert {row["channel"] for row in await office.rows()} == {"press"}


async def test_a_channel_that_went_live_after_the_submission_gets_no_test(office: PressOffice) -> None:
    office.seat("telegram", live=False)
    submitted = await office.submitted(status=Status.TEST, channels=("telegram",))
    office.seat("telegram", live=True)
    assert await refusal(office.decide(submitted.release.id, Decision.APPROVE)) == "changed_since"
    assert await office.rows() == []


async def test_a_channel_gets_only_what_it_accepts(office: PressOffice) -> None:
    office.seat("telegram", kinds=frozenset({"emergency"}))
    office.seat("website", regions=frozenset({"GE-KA"}))
    await office.office.subscriptions.add("press", "a@example.org", None)
    office.seat("press", topics=frozenset({"fire"}))

    async def reached(**content: Any) -> set[str]:
        checked = await office.office.drafts.preflight(await office.draft(**content))
        return {rendering.channel for rendering in checked.preflight.renderings}

    assert await reached() == set()
    assert await reached(kind=Kind.EMERGENCY) == {"telegram"}
    assert await reached(regions=("GE-KA",)) == {"website"}
    assert await reached(topics=("fire.forest",)) == {"press"}
    assert await reached(kind=Kind.EMERGENCY, regions=("GE-KA",), channels=("website",)) == {"website"}


async def test_the_address_of_a_release_never_changes_once_it_was_given(office: PressOffice) -> None:
    submitted = await office.submitted()
    slug = submitted.release.slug
    assert slug == f"ori-turisti-ipoves-{submitted.release.id}"
    await office.office.drafts.change(submitted.release.id, office.people[AUTHOR], versions=(EN,))
    again = await office.office.drafts.submit(submitted.release.id, office.people[AUTHOR])
    assert again.release.slug == slug


async def test_a_draft_that_changes_while_it_is_checked_is_not_submitted(office: PressOffice) -> None:
    release_id = await office.draft()
    drafts = office.office.drafts
    found = await drafts.get(release_id)
    checked = await check(office.office.context, found.draft)
    await drafts.change(release_id, office.people[AUTHOR], topics=("fire",))
    assert await refusal(drafts._freeze(found, checked, office.people[AUTHOR])) == "changed_meanwhile"
    assert (await drafts.get(release_id)).state is ReleaseState.DRAFT
