"""The reckoning of one run: what the log says of every delivery, against what readers see and were sent.

Pure. Nothing in a run is a reason to give a delivery up, so that one is lost too where the log explains why it was not
sent; what something later took the place of is the exception. An effect that came twice counts as doubled whatever a
person said meanwhile.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

from tests.chaos.plan import Care
from tests.chaos.shown import Page, Shown
from tests.chaos.standing import Standing, standing_faults
from tests.chaos.story import SHOWS, UNREACHED, Promise, Story

# Why a delivery may have been cancelled: something took its place, if that was done to the release.
INSTEAD: Mapping[str, Collection[Care]] = {
    "superseded": (Care.CORRECT, Care.PHOTO),
    "approval_void": (Care.CORRECT, Care.PHOTO, Care.WITHDRAW),
    "withdrawn": (Care.WITHDRAW,),
    "lifted": (Care.HOLD,),
    "held_again": (Care.HOLD,),
}
LABEL = "შესწორება"  # begins the subject of a correction


@dataclass(frozen=True, slots=True)
class Finding:
    """One delivery that is not as promised: 'lost' or 'doubled', in words. `delivery` None: nobody promised it."""

    kind: str
    delivery: int | None
    words: str


Fault = tuple[str, str]  # kind, why


def reckon(promises: Sequence[Promise], shown: Shown, stories: Mapping[str, Story]) -> list[Finding]:
    """Everything that is not as promised."""
    findings: list[Finding] = []
    there: dict[tuple[str, str, str], list[Promise]] = {}
    for promise in promises:
        there.setdefault((promise.release_id, promise.channel, promise.address), []).append(promise)
    known = set[tuple[str, str]]()
    for (release_id, channel, _), rows in there.items():
        story = stories[release_id]
        lost = ((row, _unsent(row, rows, story)) for row in rows)
        findings += [_finding("lost", row, why) for row, why in lost if why]
        if channel == "newsroom":
            faults: Iterator[Fault] = _page_faults(rows, story, shown.pages[release_id])
        elif channel in ("telegram", "x", "facebook"):
            known.add((channel, story.mark))
            standing = Standing(rows, shown.standing.get((channel, story.mark), []))
            faults = standing_faults(standing, shown.posted.get((channel, story.mark), []))
        else:
            faults = _reader_faults(rows, story, shown)
        findings += [_finding(kind, rows[-1], why) for kind, why in faults]
    return findings + list(_unpromised(shown, known, {str(promise.id) for promise in promises}))


def _finding(kind: str, about: Promise, why: str) -> Finding:
    what = f"{about.channel} to {about.address}, release {about.release_id}, {about.action} {about.revision}"
    return Finding(kind, about.id, f"{what}: {about.state}; {why}")


def _unsent(promise: Promise, rows: Sequence[Promise], story: Story) -> str:
    """Why a delivery is lost by its state alone; '' where it is not. `rows`: all at the same place."""
    if promise.state == "sent":
        return ""
    if promise.code == UNREACHED and any(row.asked for row in rows):
        return ""
    replaced = promise.state == "cancelled" and any(care in story.done for care in INSTEAD.get(promise.code, ()))
    return "" if replaced else f"not sent ({promise.code} {promise.reason})"


def _unpromised(shown: Shown, known: set[tuple[str, str]], deliveries: set[str]) -> Iterator[Finding]:
    for place in sorted({*shown.standing, *shown.posted} - known):
        items = len(shown.standing.get(place, ())) or len(shown.posted[place])
        yield Finding("doubled", None, f"{place}: {items} effects that nobody promised")
    for delivery, letters in shown.letters.items():
        if delivery not in deliveries:
            yield Finding("doubled", None, f"mail {delivery}: {len(letters)} effects that nobody promised")


def _reader_faults(rows: Sequence[Promise], story: Story, shown: Shown) -> Iterator[Fault]:
    """One reader of a list: each mail once, and the last word is the newest."""
    got: list[Promise] = []
    for row in rows:
        letters = shown.letters.get(str(row.id), [])
        due = int(row.state == "sent" and not row.nothing)
        if len(letters) < due:
            yield "lost", f"{row.action} {row.revision} was sent, but is not there"
        elif len(letters) > due or any(letter.address != row.address for letter in letters):
            yield "doubled", f"{len(letters)} mails of {row.action} {row.revision} instead of {due}"
        if letters:
            got.append(row)
            corrects = letters[0].subject.startswith(LABEL)
            if row.action in SHOWS and corrects != (row.action == "correct"):
                yield "doubled", f"{row.action} {row.revision} says of itself '{letters[0].subject}'"
    yield from _last_word(got, rows, story)


def _last_word(got: Sequence[Promise], rows: Sequence[Promise], story: Story) -> Iterator[Fault]:
    """`got`: what a reader received."""
    texts = [row for row in got if row.action in SHOWS]
    kills = [row for row in got if row.action == "withdraw"]
    asked = any(row.asked for row in rows)
    if any((row.action == "correct") != bool(place) for place, row in enumerate(texts)) and not asked:
        yield "doubled", "a correction of nothing, or a second publication"
    if story.withdrawn and len(kills) != bool(texts) and not asked:
        yield ("doubled" if len(kills) > bool(texts) else "lost"), f"{len(kills)} kill notices after {len(texts)} texts"
    elif kills and not story.withdrawn:
        yield "doubled", "a kill notice of what was not withdrawn"
    if not story.withdrawn and sum(row.revision == story.number for row in texts) != 1:
        yield "lost", f"has {[row.revision for row in texts]}, and not the newest, {story.number}, once"


def _page_faults(rows: Sequence[Promise], story: Story, page: Page) -> Iterator[Fault]:
    stood = any(row.state == "sent" and row.action in SHOWS for row in rows)
    if story.withdrawn:
        if page.status != (410 if stood else 404):
            yield "doubled", f"the page of a withdrawn release answers {page.status}"
    elif page != Page(200, story.title, story.pictures):
        yield "lost", f"the page is {page}, not '{story.title}' with {story.pictures} pictures"
