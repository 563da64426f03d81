"""The privacy gate: what in a text must not be published without somebody answering for it.

Pure. It reads every word that a reader would see and stops what the law and the office's rules forbid; it decides
nothing. A blocking finding of these codes may be overridden with a reason; no technical one may.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache

from distributor.core.markup import parse, plain
from distributor.core.privacy_numbers import invites, numbers
from distributor.core.privacy_people import people
from distributor.core.privacy_places import addresses
from distributor.core.privacy_plates import plates
from distributor.core.privacy_script import letters, links
from distributor.core.privacy_topics import in_context, topics
from distributor.core.privacy_words import Found, PrivacyWords, Sentence, searched, sentences
from distributor.core.release import Notice, Revision
from distributor.core.rendering import Problem, Severity
from distributor.core.text import fingerprint

OVERRIDABLE = frozenset(
    {
        "privacy.home_address",
        "privacy.link_look_alike",
        "privacy.minor_named",
        "privacy.named_accused",
        "privacy.number_plate",
        "privacy.personal_number",
        "privacy.phone_number",
        "privacy.presumed_guilt",
        "privacy.victim_named",
    }
)
_BARE = re.compile(r"https?://[^\s<>()\[\]\"„“”«»]*[^\s<>()\[\]\"„“”«».,;:!?]")
_WRAPPED = re.compile(r"(?<!\n)\n(?![\n•]|\d+\. )")  # a line that only goes on, and ends no sentence


@dataclass(frozen=True, slots=True)
class Said:
    """A text that readers see, and where it stands. `nth` is the photo's number."""

    text: str
    language: str
    field: str
    nth: str = ""
    markdown: bool = False


def said(revision: Revision) -> Iterator[Said]:
    """Every text of a revision."""
    for version in revision.versions:
        yield Said(version.title, version.language, "title")
        yield Said(version.lead, version.language, "lead")
        yield Said(version.body, version.language, "body", markdown=True)
    for number, item in enumerate(revision.media, 1):
        for language, text in item.alt.items():
            yield Said(text, language, "alt", str(number))
        for language, text in item.caption.items():
            yield Said(text, language, "caption", str(number))
        yield Said(item.credit, "", "credit", str(number))
    if revision.warning:
        yield from (Said(text, language, "warning") for language, text in revision.warning.texts)
    if revision.notice:
        yield from said_in(revision.notice)


def said_in(notice: Notice) -> Iterator[Said]:
    """What a notice tells readers."""
    return (Said(text, language, "notice") for language, text in notice.words.items())


def findings(texts: Iterable[Said], words: PrivacyWords, year: int) -> Iterator[Problem]:
    """What is found, each thing in each place once. `year` is the present one: who was born lately is a minor."""
    kept = list(texts)
    yield from _unread(kept, words)
    about = frozenset[str]().union(*(one for item in kept for one in _topics(item, words, year)))
    for item in kept:
        seen: set[str] = set()
        around = frozenset[str]() if item.field == "credit" else about  # who took a photo is not accused
        for found in _found(item, words, year, around):
            where = {"language": item.language, "field": item.field, "nth": item.nth}
            mark = fingerprint(found.code, found.shown, found.exact)[:16]
            if mark not in seen:
                seen.add(mark)
                yield Problem(found.severity, found.code, where | {"excerpt": found.shown, "mark": mark})


def _unread(texts: Iterable[Said], words: PrivacyWords) -> Iterator[Problem]:
    """The languages for whose texts there are no words: their numbers are found, but hardly their people."""
    languages = {item.language for item in texts if item.language and item.text.strip()} - {*words.languages}
    for language in sorted(languages) if words.languages else ():
        yield Problem(Severity.WARNING, "privacy.no_words", {"language": language})


def overridden(problem: Problem, given: Mapping[str, tuple[str, int]]) -> Problem:
    """The problem with the reason that somebody gave for it, where it is one that may be answered for."""
    answer = given.get(problem.key)
    if answer is None or problem.code not in OVERRIDABLE or not problem.blocks:
        return problem
    return Problem(problem.severity, problem.code, problem.params, problem.channel, *answer)


def links_in(texts: Iterable[Said]) -> tuple[str, ...]:
    """Every address that the texts lead to, once."""
    found: list[str] = []
    for item in texts:
        spans = [span for block in parse(item.text) for span in block.spans] if item.markdown else []
        found += [span.href for span in spans if span.href]
        found += _BARE.findall("".join(span.text for span in spans) if item.markdown else item.text)
    return tuple(dict.fromkeys(found))


@lru_cache(maxsize=256)
def _found(item: Said, words: PrivacyWords, year: int, about: frozenset[str]) -> tuple[Found, ...]:
    return tuple(_look(item, words, year, about)) if item.text.strip() else ()


def _look(item: Said, words: PrivacyWords, year: int, about: frozenset[str]) -> Iterator[Found]:
    yield from links(links_in([item]))
    yield from letters(_shown(item))
    invited = False
    for sentence in in_context(_sentences(item, words), _topics(item, words, year), about):
        yield from numbers(sentence, words, invited=invited)
        invited = invites(sentence, words, invited=invited)
        yield from plates(sentence, words)
        yield from addresses(sentence, words)
        yield from people(sentence, words, year)


@lru_cache(maxsize=256)
def _topics(item: Said, words: PrivacyWords, year: int) -> tuple[frozenset[str], ...]:
    return tuple(topics(sentence, words, year) for sentence in _sentences(item, words))


@lru_cache(maxsize=256)
def _sentences(item: Said, words: PrivacyWords) -> tuple[Sentence, ...]:
    return tuple(sentences(searched(_WRAPPED.sub(" ", _shown(item))), words))


def _shown(item: Said) -> str:
    """The words alone; telephone numbers that a link would call are words too."""
    if not item.markdown:
        return item.text
    called = [address.partition(":")[2] for address in links_in([item]) if address.startswith("tel:")]
    return "\n\n".join([plain(parse(item.text)), *called])
