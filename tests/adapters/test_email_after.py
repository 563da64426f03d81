"""The mails after a publication: corrections, kill notices, holds, and the mark of an embargo."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from hypothesis import example, given
from hypothesis import settings as given_settings
from hypothesis import strategies as st

from distributor.adapters.email import Email
from distributor.adapters.email_message import template_key
from distributor.adapters.email_mime import linked
from distributor.adapters.email_notices import ACKNOWLEDGE, FIRST, PLACES, UNSUBSCRIBE, notice_words
from distributor.core.channel import Before, Job
from distributor.core.outcome import Deferred, Outcome, Receipt, Sent, Unknown
from distributor.core.release import Action, LanguageVersion, Notice, Revision, Status
from distributor.core.rendering import Rendering, Severity
from tests.adapters.email_stage import READER, Stage, on_stage, parsed, settings, verified, write_key
from tests.adapters.support import BODY, LEAD, TITLE, URL

FIRST_AT = datetime(2026, 3, 5, 7, 30, tzinfo=UTC)
NOON = datetime(2026, 3, 5, 8, 0, tzinfo=UTC)  # in Tbilisi
SHORT = (Action.WITHDRAW, Action.HOLD, Action.LIFT)
WORDS = {"ka": "ასაკი 14 წელია და არა 41.", "en": "The age is 14, not 41."}
EN = LanguageVersion("en", "Fire is out", "Nobody was hurt.", "Four crews were at work.")


@pytest_asyncio.fixture
async def stage(folder: Path) -> AsyncIterator[Stage]:
    async with on_stage(folder) as made:
        yield made


async def notice(stage: Stage, action: Action, *, before: Revision | None = None, **changes: Any) -> Rendering:
    """The mail of a second revision that follows a first one."""
    first = before or await stage.desk.release()
    withdrawn = changes.pop("withdrawn", ())
    told = Notice(action, WORDS, "for the office's eyes", withdrawn)
    facts: dict[str, Any] = {"number": 2, "notice": told} | changes
    second = replace(first, **facts)
    source = await stage.desk.source(stage.channel, second, (changes.get("versions", first.versions)[0].language,))
    if action in SHORT:
        source = replace(source, renditions={})
    rendering = stage.channel.render(replace(source, before=first))
    assert rendering is not None
    return rendering


def stands(rendering: Rendering, number: int = 1, **changes: Any) -> Before:
    """What the reader has."""
    key = f"abcdefghjk-1-publish-{number}"
    made = Before(1, rendering, Receipt((f"{key}@mia.example",)), {}, FIRST_AT, FIRST_AT, key, key)
    return replace(made, **changes)


def job(stage: Stage, action: Action, rendering: Rendering, address: str = READER, **changes: Any) -> Job:
    """A delivery to one reader who has the first version."""
    number = len(stage.numbers) + 1
    facts = {"action": action, "revision": 2, "key": f"abcdefghjk-2-{action.value}-{number}"}
    facts |= {"before": stands(rendering, number + 100)}
    return stage.to(address, rendering, **(facts | changes))


def bodies(message: EmailMessage) -> tuple[str, str]:
    """The plain text and the HTML."""
    text, html = (message.get_body((kind,)) for kind in ("plain", "html"))
    assert text is not None
    assert html is not None
    return text.get_content(), html.get_content()


async def sent(stage: Stage, action: Action, rendering: Rendering, **changes: Any) -> EmailMessage:
    """The mail as its reader's program takes it apart."""
    outcome = await stage.publish(job(stage, action, rendering, **changes))
    assert isinstance(outcome, Sent), outcome
    return parsed(stage.mails[-1].raw)


@pytest.mark.parametrize(
    ("action", "english", "georgian"),
    [
        (Action.CORRECT, "CORRECTION", "შესწორება"),
        (Action.WITHDRAW, "WITHDRAWN – do not use", "გამოთხოვილია – არ გამოიყენოთ"),
        (Action.HOLD, "HOLD: do not use, we are checking", "შეჩერებულია: არ გამოიყენოთ, ვამოწმებთ"),
        (Action.LIFT, "HOLD LIFTED", "შეჩერება მოხსნილია"),
    ],
)
async def test_what_it_is_stands_in_the_subject_and_at_the_top(
    stage: Stage, action: Action, english: str, georgian: str
) -> None:
    for version, label in ((LanguageVersion("ka", TITLE, LEAD, BODY), georgian), (EN, english)):
        message = await sent(stage, action, await notice(stage, action, versions=(version,)))
        assert message["Subject"] == f"{label}: {version.title}"
        for content in bodies(message):
            told = notice_words(version.language).said[action].tells
            places = [content.index(words) for words in (label, told, WORDS[version.language])]
            assert places == sorted(places)
            assert content.rindex(version.title) > places[-1]
            assert "for the office's eyes" not in content


async def test_a_correction_holds_the_whole_new_text(stage: Stage) -> None:
    first = await stage.desk.release(photo_count=1)
    new = LanguageVersion("ka", "ახალი სათაური", LEAD, BODY + "\n\nახალი აბზაცი.")
    message = await sent(stage, Action.CORRECT, await notice(stage, Action.CORRECT, before=first, versions=(new,)))
    for content in bodies(message):
        for words in (new.title, LEAD, "ოთხი", "ახალი აბზაცი.", "წარწერა 1", URL):
            assert words in content
        assert TITLE not in content
    assert any(part.get_content_type() == "image/jpeg" for part in message.walk())


@pytest.mark.parametrize("action", SHORT)
async def test_a_short_notice_names_title_and_time_of_the_first_version_and_no_more(
    stage: Stage, action: Action
) -> None:
    rendering = await notice(stage, action, before=await stage.desk.release(photo_count=1))
    assert not rendering.needs_preparing
    message = await sent(stage, action, rendering)
    for content in bodies(message):
        assert TITLE in content
        assert "5 მარტი, 2026, 11:30" in content
        for words in (LEAD, "ოთხი", "წარწერა", "/media/", FIRST, ACKNOWLEDGE, UNSUBSCRIBE):
            assert words not in content
        assert (URL in content) == (action is Action.LIFT)
    assert [part.get_content_type() for part in message.walk()] == [
        "multipart/alternative", "text/plain", "text/html",
    ]  # fmt: skip
    assert message["Importance"] == (None if action is Action.LIFT else "high")


async def test_it_stands_below_the_readers_own_first_mail(stage: Stage) -> None:
    first = stage.to(READER, await stage.rendering())
    await stage.publish(first)
    rendering, approved_at = await notice(stage, Action.WITHDRAW), stage.desk.time()
    corrected = stands(rendering, 105, sent_key="abcdefghjk-2-correct-105", first_at=FIRST_AT + timedelta(minutes=5))
    for before in (stands(rendering, key=first.key, sent_key=first.key), corrected):
        one = job(stage, Action.WITHDRAW, rendering, before=before, approved_at=approved_at)
        assert isinstance(await stage.publish(one), Sent)
    assert len(stage.channel._templates) == 2  # the first mail's, and one for both readers of the notice
    sent_first, second, third = (parsed(mail.raw) for mail in stage.mails)
    assert second["In-Reply-To"] == second["References"] == sent_first["Message-ID"]
    assert third["In-Reply-To"] == "<abcdefghjk-1-publish-105@mia.example>"
    assert third["References"].split() == [third["In-Reply-To"], "<abcdefghjk-2-correct-105@mia.example>"]
    assert "11:30" in bodies(second)[0]
    assert "11:35" in bodies(third)[0]


async def test_the_thread_is_signed(stage: Stage, tmp_path: Path) -> None:
    changes = {"dkim_selector": "press", "dkim_domain": "mia.example", "dkim_key_file": write_key(tmp_path)}
    stage.channel = Email("list", settings(stage.sandbox, **changes), stage.desk.surroundings)
    message = await sent(stage, Action.CORRECT, await notice(stage, Action.CORRECT))
    names = message["DKIM-Signature"].partition("h=")[2].partition(";")[0].replace(" ", "").lower().split(":")
    assert {"in-reply-to", "references"} <= set(names)
    assert verified(stage.mails[0].raw)


@pytest.mark.parametrize("action", Action)
async def test_who_is_asked_to_acknowledge_has_a_link_of_his_own(stage: Stage, action: Action) -> None:
    rendering = await stage.rendering() if action is Action.PUBLISH else await notice(stage, action)
    asked = action in (Action.CORRECT, Action.WITHDRAW, Action.HOLD)
    for number in (1, 2):
        message = await sent(stage, action, rendering, before=None if action is Action.PUBLISH else stands(rendering))
        text, html = bodies(message)
        link = f"https://newsroom.example/acknowledge?token=token-{number}&release=abcdefghjk&revision=2&lang=ka"
        assert text.count(link) == html.count(f'"{link.replace("&", "&amp;")}"') == (1 if asked else 0)
        assert ("/acknowledge" in text + html) == asked
        for content in (text, html):
            assert content.count(f"https://newsroom.example/unsubscribe/token-{number}") == 1


async def test_the_authors_own_words_are_never_taken_for_a_place(stage: Stage) -> None:
    odd = f"{FIRST} {ACKNOWLEDGE} {UNSUBSCRIBE}"
    version = LanguageVersion("en", odd, "", odd)
    for action in Action:
        rendering = await notice(stage, action, versions=(version,))
        if action is Action.PUBLISH:
            rendering = await stage.rendering(title=odd, body=odd, language="en")
        for content in bodies(await sent(stage, action, rendering)):
            assert odd in content
            assert content.count("https://newsroom.example/unsubscribe/") == 1


@pytest.mark.parametrize("action", SHORT)
async def test_who_got_nothing_is_told_nothing(stage: Stage, action: Action) -> None:
    one = job(stage, action, await notice(stage, action), before=None)
    assert await stage.channel.prepare(one, None) is None  # type: ignore[arg-type]
    assert await stage.publish(one) == Sent(Receipt((), detail={"nothing": "stood there"}))
    assert stage.mails == []


@pytest.mark.parametrize("action", [Action.CORRECT, Action.PUBLISH])
@pytest.mark.parametrize("embargo", [None, NOON])
async def test_who_never_had_the_first_version_gets_the_new_one_as_a_mail_like_any_other(
    stage: Stage, action: Action, embargo: datetime | None
) -> None:
    odd = f"{BODY}\n\n{notice_words('ka').acknowledge}: {ACKNOWLEDGE}"
    version = LanguageVersion("ka", TITLE, LEAD, odd)
    new = await notice(stage, Action.CORRECT, embargo=embargo, versions=(version,))
    plain = await notice(stage, Action.PUBLISH, embargo=embargo, versions=(version,), notice=None)
    early = {"approved_at": FIRST_AT, "intended_at": FIRST_AT, "before": None}
    message = await sent(stage, action, new, **early)
    like = await sent(stage, Action.PUBLISH, plain, **early)
    assert message["Subject"] == like["Subject"]
    assert message["In-Reply-To"] is None
    assert message["References"] is None
    for one, other in zip(bodies(message), bodies(like), strict=True):
        assert one.partition("<main>")[2] == other.partition("<main>")[2].replace("token-2", "token-1")
        assert WORDS["ka"] not in one
    assert bodies(message)[0] == bodies(like)[0].replace("token-2", "token-1")
    told = await sent(stage, Action.CORRECT, new, approved_at=FIRST_AT, intended_at=FIRST_AT)
    assert "შესწორება" in told["Subject"]  # who has it is told, from the same list at the same time


async def test_a_withdrawn_photo_is_named_by_its_number_and_is_gone(stage: Stage) -> None:
    first = await stage.desk.release(photo_count=3, videos=1)
    gone = first.media[1].asset.digest
    kept = tuple(item for item in first.media if item.asset.digest != gone)
    rendering = await notice(stage, Action.CORRECT, before=first, media=kept, withdrawn=(gone,))
    text, html = bodies(await sent(stage, Action.CORRECT, rendering))
    for content in (text, html):
        assert "გამოთხოვილია (ნუმერაცია ადრინდელი წერილისაა): ფოტო 2." in content
        assert "წარწერა 2" not in content  # the words below it may be the reason
    old = await stage.desk.rendering(stage.channel, first)
    gone_links = {word for word in old.parts[0].text.split() if "/media/" in word} - set(text.split())
    assert len(gone_links) == 1


async def test_an_exercise_stays_marked(stage: Stage) -> None:
    message = await sent(stage, Action.WITHDRAW, await notice(stage, Action.WITHDRAW, status=Status.EXERCISE))
    assert message["Subject"] == f"[სწავლება] გამოთხოვილია – არ გამოიყენოთ: {TITLE}"


@pytest.mark.parametrize("action", Action)
@pytest.mark.parametrize(
    ("kind", "options", "outcome"),
    [
        ("reset_after", {}, Unknown),
        ("smtp_error", {"code": 451, "text": "4.3.0 later"}, Deferred),
    ],
)
async def test_after_the_final_dot_a_notice_is_as_irrevocable_as_any_mail(
    stage: Stage, action: Action, kind: str, options: dict[str, Any], outcome: type[Outcome]
) -> None:
    rendering = await stage.rendering() if action is Action.PUBLISH else await notice(stage, action)
    stage.order("smtp.data", kind, **options)
    assert isinstance(await stage.publish(job(stage, action, rendering)), outcome)


async def test_an_embargo_is_marked_in_the_subject_and_in_a_box_in_both_languages(stage: Stage) -> None:
    for version, subject in (
        (LanguageVersion("ka", TITLE, LEAD, BODY), f"ემბარგო 5 მარტი, 2026, 12:00-მდე: {TITLE}"),
        (EN, f"EMBARGO until 5 March 2026, 12:00: {EN.title}"),
    ):
        rendering = await notice(stage, Action.PUBLISH, versions=(version,), embargo=NOON, notice=None)
        facts = {"approved_at": FIRST_AT, "intended_at": FIRST_AT, "before": None}
        message = await sent(stage, Action.PUBLISH, rendering, **facts)
        assert message["Subject"] == subject
        for content in bodies(message):
            box = content[: content.index(version.lead)]
            assert "EMBARGO until 5 March 2026, 12:00" in box
            assert "ემბარგო 5 მარტი, 2026, 12:00-მდე" in box
            assert "(GMT+04:00)" in box


@pytest.mark.parametrize("action", [action for action in Action if action is not Action.PUBLISH])
async def test_whatever_follows_under_an_embargo_is_marked_too(stage: Stage, action: Action) -> None:
    rendering = await notice(stage, action, embargo=NOON)
    message = await sent(stage, action, rendering, approved_at=FIRST_AT, intended_at=FIRST_AT)
    label = notice_words("ka").said[action].label
    assert message["Subject"] == f"{label}: ემბარგო 5 მარტი, 2026, 12:00-მდე: {TITLE}"
    for content in bodies(message):
        assert content.index(label) < content.index("ემბარგო 5 მარტი, 2026, 12:00-მდე") < content.rindex(TITLE)


@pytest.mark.parametrize("action", [Action.PUBLISH, Action.CORRECT, Action.WITHDRAW])
async def test_what_is_approved_after_the_embargo_is_not_marked(stage: Stage, action: Action) -> None:
    later = {"approved_at": NOON, "intended_at": NOON}
    told = {"notice": None} if action is Action.PUBLISH else {}
    marked = await sent(stage, action, await notice(stage, action, embargo=NOON, **told), **later)
    plain = await sent(stage, action, await notice(stage, action, **told), **later)
    assert marked["Subject"] == plain["Subject"]
    for one, other in zip(bodies(marked), bodies(plain), strict=True):
        assert one.partition("<main>")[2] == other.partition("<main>")[2].replace("token-2", "token-1")
        assert "ემბარგო" not in one


@pytest.mark.parametrize("doubt", [{"clock_doubted": True}, {"intended_at": NOON - timedelta(minutes=1)}])
async def test_a_clock_that_is_doubted_or_differs_takes_no_mark_away(stage: Stage, doubt: dict[str, Any]) -> None:
    """The approval's clock had leapt ahead; the worker's has not, or an alarm about it stands."""
    rendering = await notice(stage, Action.PUBLISH, embargo=NOON, notice=None)
    facts: dict[str, Any] = {"approved_at": NOON + timedelta(hours=1), "intended_at": NOON + timedelta(hours=1)} | doubt
    message = await sent(stage, Action.PUBLISH, rendering, **facts)
    assert message["Subject"].startswith("ემბარგო 5 მარტი, 2026, 12:00-მდე")
    assert all("ემბარგო" in content for content in bodies(message))


@pytest.mark.parametrize("action", [Action.WITHDRAW, Action.LIFT])
async def test_who_heard_of_a_hold_alone_is_told_of_no_first_version(stage: Stage, action: Action) -> None:
    rendering = await notice(stage, action)
    held = stands(rendering, heard=True, key="abcdefghjk-2-hold-7", sent_key="abcdefghjk-2-hold-7", doubt=True)
    usual = await sent(stage, action, rendering)
    message = await sent(stage, action, rendering, before=held)
    assert message["Subject"] == usual["Subject"]
    assert message["In-Reply-To"] == "<abcdefghjk-2-hold-7@mia.example>"
    for one, other in zip(bodies(message), bodies(usual), strict=True):
        assert notice_words("ka").first in other
        assert notice_words("ka").first not in one
        assert TITLE in one
        assert one.count("/unsubscribe/") == 1
        assert ("/acknowledge?" in one) is (action is Action.WITHDRAW)


@pytest.mark.parametrize(
    ("action", "at", "intended_at", "date"),
    [
        (Action.PUBLISH, None, FIRST_AT, FIRST_AT),  # a trusted reader has it early
        (Action.PUBLISH, FIRST_AT + timedelta(minutes=9), NOON - timedelta(minutes=1), FIRST_AT + timedelta(minutes=9)),
        (Action.PUBLISH, None, NOON, NOON),
        (Action.CORRECT, None, FIRST_AT, FIRST_AT),
        (Action.WITHDRAW, NOON + timedelta(hours=2), FIRST_AT, FIRST_AT),  # waits for nothing
        (Action.HOLD, NOON + timedelta(hours=2), NOON, FIRST_AT),
    ],
)
async def test_no_mail_is_dated_in_the_future(
    stage: Stage, action: Action, at: datetime | None, intended_at: datetime, date: datetime
) -> None:
    told = {"notice": None} if action is Action.PUBLISH else {}
    rendering = await notice(stage, action, at=at, embargo=NOON, **told)
    message = await sent(stage, action, rendering, approved_at=FIRST_AT, intended_at=intended_at)
    assert message["Date"].datetime == date


async def test_a_template_is_shared_by_those_alone_whose_mails_are_alike(stage: Stage) -> None:
    rendering = await notice(stage, Action.CORRECT, embargo=NOON)
    one = job(stage, Action.CORRECT, rendering, approved_at=FIRST_AT, intended_at=FIRST_AT)
    other = job(stage, Action.CORRECT, rendering, approved_at=FIRST_AT, intended_at=FIRST_AT)
    assert template_key(one) == template_key(other)
    assert template_key(one) != template_key(replace(one, before=None))
    part = rendering.parts[0]
    assert template_key(one) != template_key(replace(one, intended_at=NOON))
    assert template_key(one) != template_key(replace(one, approved_at=NOON, intended_at=NOON, clock_doubted=True))
    assert one.before is not None
    heard = replace(one, before=replace(one.before, heard=True))
    assert template_key(one) != template_key(heard)
    hold = replace(rendering, parts=(replace(part, kind="hold"),))
    assert template_key(one) != template_key(replace(one, rendering=hold))


async def test_preflight_names_a_subject_that_cannot_be_one(stage: Stage) -> None:
    for action in Action:
        broken = await notice(stage, action, versions=(replace(EN, title="Fire\r\nBcc: x@y.example"),))
        found = stage.channel.check(broken)
        assert [(one.severity, one.code) for one in found] == [(Severity.BLOCKING, "mail.bad_subject")]
        outcome = await stage.publish(job(stage, action, broken))
        assert (type(outcome).__name__, getattr(outcome, "code", "")) == ("Rejected", "bad_subject")
    assert stage.mails == []


async def test_preflight_warns_of_a_subject_that_is_cut_off(stage: Stage) -> None:
    title = "T" * 240
    assert stage.channel.check(await stage.rendering(title=title)) == ()
    (found,) = stage.channel.check(await notice(stage, Action.HOLD, versions=(replace(EN, title=title),)))
    assert (found.severity, found.code) == (Severity.WARNING, "mail.long_subject")
    assert found.params == {"language": "en", "length": "275", "limit": "255"}


_letters = st.sampled_from(["ა", "é", "=", "\n", "\r\n", " \n", "x" * 80, "plain words ", "თბილისი ", *PLACES["hold"]])
_some = st.lists(_letters, max_size=12).map("".join)


@given(_some, st.lists(_some, min_size=3, max_size=3), st.sampled_from(sorted(PLACES)))
@example("", ["", "", ""], "hold")
@given_settings(max_examples=300, deadline=None)
def test_every_place_is_filled_with_its_own_value(top: str, between: list[str], kind: str) -> None:
    places = PLACES[kind]
    values = [f"https://value.example/{number}?a=b&c" for number in range(len(places))]
    # After a place nothing but our own words follows, so no other place does.
    own = [_without(words) for words in between]
    text, wanted = top, top
    for place, value, words in zip(places, values, own, strict=False):
        text, wanted = text + place + words, wanted + value + words
    made = linked(text, places)
    message = EmailMessage()
    raw = made.fixed + made.tail([value.encode() for value in values])
    assert all(len(line) <= 76 for line in raw.split(b"\r\n"))
    message["Content-Transfer-Encoding"] = made.encoding
    message.set_payload(raw.decode("ascii"))
    shown = message.get_payload(decode=True)
    assert isinstance(shown, bytes)
    assert "\n".join(shown.decode().splitlines()) == "\n".join(wanted.splitlines())


def _without(words: str) -> str:
    for place in PLACES["hold"]:
        words = words.replace(place, "")
    return words


def test_no_language_lacks_a_word() -> None:
    for language in ("ka", "en", "ru", "az"):
        said = notice_words(language).said
        assert set(said) == set(Action) - {Action.PUBLISH}
        assert all(one.label and one.tells for one in said.values())


async def test_many_readers_of_a_notice_need_its_template_once(stage: Stage) -> None:
    rendering, approved_at = await notice(stage, Action.WITHDRAW), stage.desk.time()
    jobs = [job(stage, Action.WITHDRAW, rendering, f"r{n}@paper.example", approved_at=approved_at) for n in range(20)]
    assert all(isinstance(one, Sent) for one in await asyncio.gather(*(stage.publish(one) for one in jobs)))
    assert len(stage.channel._templates) == 1
    assert len({parsed(mail.raw)["In-Reply-To"] for mail in stage.mails}) == 20
