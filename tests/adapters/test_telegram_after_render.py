"""What two people approve of a correction, a withdrawal or a hold in Telegram: every word that a reader may see."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from distributor.adapters.telegram_check import check
from distributor.adapters.telegram_notices import ADDED, CORRECTION, NOTICE, WITHDRAWAL, index_of, posts_of
from distributor.adapters.telegram_render import VIDEO_BYTES, Manner, render
from distributor.core.channel import Source
from distributor.core.release import Action, Kind, LanguageVersion, Notice, Status
from distributor.core.rendering import Part, Rendering
from distributor.core.text import utf16_length
from tests.adapters.test_telegram_render import MANNER, URL, rendered, source

KA = LanguageVersion("ka", "სათაური", "შესავალი", "ტექსტი **ბოლოა**")
LONG = LanguageVersion("ka", "სათაური " * 37, "შესავალი " * 90, "სიტყვა 🚒 " * 900)


def after(given: Source, action: Action, words: str = "", withdrawn: tuple[str, ...] = ()) -> Source:
    """What follows a release. A notice is rendered without renditions."""
    notice = Notice(action, {"ka": words} if words else {}, "the office's own reason", withdrawn)
    made = given.renditions if action is Action.CORRECT else {}
    return replace(given, revision=replace(given.revision, number=2, notice=notice), renditions=made)


def parts(rendering: Rendering) -> dict[str, Part]:
    """By kind; of several of one kind the last."""
    return {part.kind: part for part in rendering.parts}


def bold(part: Part) -> list[str]:
    """The bold words of a part."""
    units = part.text.encode("utf-16-le")
    return [
        units[item.offset * 2 : (item.offset + item.length) * 2].decode("utf-16-le")
        for item in part.entities
        if item.kind == "bold"
    ]


def test_a_correction_is_the_new_version_with_a_label_and_two_messages_kept_ready() -> None:
    rendering = rendered(after(source(KA, media=2), Action.CORRECT, "რიცხვი შეიცვალა"))
    assert [part.kind for part in rendering.parts] == ["album", ADDED, CORRECTION]
    label = "✏️ შესწორებულია: რიცხვი შეიცვალა"
    album, added, alone = rendering.parts
    assert bold(album) == [label, "სათაური", "ბოლოა"]
    assert album.text.startswith(f"{label}\n\nსათაური\n\nშესავალი")
    assert added.text == label
    assert alone.text == f"{label}\n\nსათაური\n\nშესავალი\n\nტექსტი ბოლოა\n\nჩვენს ვებგვერდზე"
    assert alone.entities[-1].href == URL
    assert (added.media, alone.media) == ((), ())
    assert posts_of(rendering) == (album,)
    assert index_of(rendering, CORRECTION) == 2


def test_a_publication_has_no_label_and_nothing_kept_ready() -> None:
    plain = rendered(source(KA, media=2))
    assert posts_of(plain) == plain.parts
    assert "შესწორ" not in plain.text
    assert [part.fields for part in plain.parts] == [{}]


@pytest.mark.parametrize("action", [Action.CORRECT, Action.WITHDRAW, Action.HOLD, Action.LIFT])
def test_the_offices_reason_is_never_shown(action: Action) -> None:
    assert "reason" not in rendered(after(source(KA), action, "სიტყვები")).text


def test_a_withdrawn_photo_is_said_where_the_office_says_nothing() -> None:
    rendering = rendered(after(source(KA), Action.CORRECT, withdrawn=("0" * 64,)))
    assert rendering.text.startswith("✏️ შესწორებულია: ფოტო ან ვიდეო გამოთხოვილია")
    assert rendered(after(source(KA), Action.CORRECT)).text.startswith("✏️ შესწორებულია: ეს ცვლის")


def test_a_withdrawal_names_the_title_only_where_it_has_to() -> None:
    found = parts(rendered(after(source(KA, media=3, kind=Kind.EMERGENCY), Action.WITHDRAW, "არ დადასტურდა")))
    assert found[NOTICE].text == "⛔ გამოთხოვილია: არ დადასტურდა"
    assert found[WITHDRAWAL].text == "⛔ გამოთხოვილია: არ დადასტურდა\n\nსათაური\n\nჩვენს ვებგვერდზე"
    assert "ტექსტი" not in found[WITHDRAWAL].text
    assert not any(part.media for part in found.values())


@pytest.mark.parametrize(("action", "label"), [(Action.HOLD, "⏸ შეჩერებულია"), (Action.LIFT, "▶️ შეჩერება მოხსნილია")])
def test_a_hold_and_its_lifting_name_the_release(action: Action, label: str) -> None:
    (part,) = rendered(after(source(KA, media=2), action)).parts
    assert part.kind == action.value
    assert part.text.startswith(label)
    assert part.text.endswith("სათაური\n\nჩვენს ვებგვერდზე")
    assert part.fields == {"reply_to": "0"}


@pytest.mark.parametrize("action", [Action.CORRECT, Action.WITHDRAW, Action.HOLD])
def test_an_exercise_says_so_in_whatever_follows(action: Action) -> None:
    for part in rendered(after(source(KA, status=Status.EXERCISE), action)).parts:
        assert part.text.startswith("🔷 სწავლება")


def test_a_language_without_words_of_its_own_reads_english() -> None:
    other = replace(after(source(LanguageVersion("az", "Başlıq")), Action.WITHDRAW), languages=("az",))
    assert rendered(other).text.startswith("⛔ WITHDRAWN: please do not use this release")


@pytest.mark.parametrize("long_text", ["caption_then_message", "link"])
@pytest.mark.parametrize("media", [0, 1, 10])
@pytest.mark.parametrize("action", [Action.CORRECT, Action.WITHDRAW, Action.HOLD, Action.LIFT])
def test_nothing_is_ever_too_long(action: Action, media: int, long_text: str) -> None:
    manner = replace(MANNER, long_text=long_text)  # type: ignore[arg-type]
    given = after(source(LONG, media=media, caption="წარწერა " * 30), action, "სიტყვა " * 42)
    rendering = rendered(given, manner)
    for part in rendering.parts:
        limit = 1024 if part.media or part.kind in (ADDED, NOTICE) else 4096
        assert 0 < utf16_length(part.text) <= limit
        assert all(item.offset + item.length <= utf16_length(part.text) for item in part.entities)
    problems = check(rendering, VIDEO_BYTES)
    assert not [problem for problem in problems if problem.severity == "blocking"]
    if action is Action.CORRECT:
        alone = parts(rendering)[CORRECTION].text
        assert alone.endswith("…\n\nჩვენს ვებგვერდზე"), "cut at a word, with the way to the whole"


def test_what_is_kept_ready_is_not_counted_as_messages() -> None:
    problems = list(check(rendered(after(source(KA, media=2), Action.CORRECT)), VIDEO_BYTES))
    assert "several_messages" not in [problem.code for problem in problems]


def test_a_caption_kept_ready_has_a_captions_limit() -> None:
    rendering = Rendering("public", "ka", (Part(NOTICE, "ა" * 1025),))
    assert [problem.code for problem in check(rendering, VIDEO_BYTES)] == ["caption_too_long"]


def test_an_embargo_is_marked_where_trusted_readers_have_it_earlier() -> None:
    ends = datetime(2026, 3, 5, 8, 30, tzinfo=UTC)
    given = source(KA, embargo=ends)
    subscribers = Manner("media", time_zone="Asia/Tbilisi")
    mark = "⏳ ემბარგო: ნუ გამოაქვეყნებთ 5 მარტი, 2026, 12:30 (GMT+04:00)-მდე"
    assert rendered(given, subscribers).text.startswith(f"{mark}\n\nსათაური")
    corrected = render(after(given, Action.CORRECT), subscribers)
    assert corrected is not None
    assert all(part.text.startswith(mark) for part in corrected.parts)
    assert "ემბარგო" not in rendered(given).text, "a public chat has it when the embargo is over"
