"""Emergency texts with gaps: what is approved beforehand, and what a filled one becomes.

Pure. What may fill a gap stands in core.gaps: the words that two people approved beforehand are the words that go out.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from distributor.core.data import digest, to_data
from distributor.core.gaps import Gap, GapType, moment_of
from distributor.core.markdown import escape_markdown
from distributor.core.release import Kind, LanguageVersion, Revision, Status
from distributor.core.text import faults_in, normalise
from distributor.core.warning import Category, Certainty, Gravity, Response, Urgency, Warning

FILLED_AT = "@"  # among the values: when it was filled; no gap can be called so

_NAME = re.compile(r"[a-z][a-z0-9_]{0,30}")
_GAP = re.compile(r"\{([a-z][a-z0-9_]*)\}")
# A gap where its value would become part of an address, a mention or a tag.
_RISKY = re.compile(r"(?:\]\(|<|://)[^\s)>]*\{|[@#/.$]\{|\}[./]\w")


@dataclass(frozen=True, slots=True)
class Wording:
    """The template in one language. Every text may hold gaps: `{place}`."""

    language: str
    title: str
    event: str
    lead: str = ""
    body: str = ""
    instruction: str = ""
    area: str = ""

    @property
    def texts(self) -> tuple[str, ...]:
        """All of them, for checks."""
        return (self.title, self.event, self.lead, self.body, self.instruction, self.area)


@dataclass(frozen=True, slots=True)
class Template:
    """What is approved. Regions are the fixed ones and those of every gap of that type. `onset` and `expires` name gaps
    for times; without `expires` it ends `lasts_minutes` after it was filled in, 0: it names no end."""

    name: str
    wordings: tuple[Wording, ...]
    gaps: tuple[Gap, ...] = ()
    categories: tuple[Category, ...] = (Category.SAFETY,)
    urgency: Urgency = Urgency.IMMEDIATE
    severity: Gravity = Gravity.UNKNOWN
    certainty: Certainty = Certainty.UNKNOWN
    responses: tuple[Response, ...] = ()
    regions: tuple[str, ...] = ()
    topics: tuple[str, ...] = ()
    channels: tuple[str, ...] = ()
    onset: str = ""
    expires: str = ""
    lasts_minutes: int = 0

    @property
    def hash(self) -> str:
        """SHA-256, in hex, over all of it: what its approvals are bound to."""
        return digest(to_data(self))

    @property
    def wanted(self) -> tuple[tuple[Gap, str], ...]:
        """What must be asked, in order: a gap, and the language for a line, else ''."""
        languages = [wording.language for wording in self.wordings]
        return tuple(
            (gap, language) for gap in self.gaps for language in (languages if gap.type is GapType.LINE else [""])
        )


def key_of(gap: Gap, language: str) -> str:
    """Under which name a value is kept: 'place.ka' for a line, else the gap's own."""
    return f"{gap.name}.{language}" if language else gap.name


def template_faults(template: Template, known_regions: frozenset[str]) -> list[str]:
    """Everything that is wrong with a template, in words for whoever wrote the file."""
    return [*_head_faults(template, known_regions), *_gap_faults(template), *_text_faults(template)]


def _head_faults(template: Template, known_regions: frozenset[str]) -> Iterator[str]:
    if not _NAME.fullmatch(template.name):
        yield "name: small Latin letters, digits and '_', at most 31, a letter first"
    if not template.wordings:
        yield "it has no language"
    if not template.categories:
        yield "categories: name at least one"
    for code in template.regions:
        if known_regions and code not in known_regions:
            yield f"regions: there is no region {code}"
    times = {gap.name for gap in template.gaps if gap.type is GapType.TIME}
    for what, name in (("onset", template.onset), ("expires", template.expires)):
        if name and name not in times:
            yield f"{what}: {name!r} is no gap for a time"
    if template.expires and template.lasts_minutes:
        yield "expires and lasts: one of the two"


def _gap_faults(template: Template) -> Iterator[str]:
    languages = [wording.language for wording in template.wordings]
    used = {name for wording in template.wordings for text in wording.texts for name in _GAP.findall(text)}
    names = [gap.name for gap in template.gaps]
    for name in sorted(used - set(names)):
        yield f"{{{name}}} is used and not declared"
    for gap in template.gaps:
        if not _NAME.fullmatch(gap.name) or names.count(gap.name) > 1:
            yield f"gaps.{gap.name}: is no name, or stands twice"
        if gap.name not in used | {template.onset, template.expires} and gap.type is not GapType.REGION:
            yield f"gaps.{gap.name}: is declared and not used"
        if not 1 <= gap.limit <= 300:
            yield f"gaps.{gap.name}: limit is from 1 to 300"
        if gap.low > gap.high:
            yield f"gaps.{gap.name}: low is above high"
        if gap.type is GapType.CHOICE and not gap.choices:
            yield f"gaps.{gap.name}: name its choices"
        for code, words in gap.choices.items():
            if not _NAME.fullmatch(code) or any(not words.get(language, "").strip() for language in languages):
                yield f"gaps.{gap.name}.choices.{code}: needs words in {', '.join(languages)}"


def _text_faults(template: Template) -> Iterator[str]:
    for wording in template.wordings:
        where = wording.language
        if not wording.title.strip() or not wording.event.strip():
            yield f"{where}: title and event are needed"
        for text in wording.texts:
            if faults_in(text, one_line=text is not wording.body) or re.search(r"[{}]", _GAP.sub("", text)):
                yield f"{where}: a line break, a control character or a single brace in {text[:40]!r}"
            if _RISKY.search(text):
                yield f"{where}: a gap stands in an address, a mention or a tag in {text[:40]!r}"


def build(
    template: Template,
    version: int,
    values: Mapping[str, str],
    shown: Mapping[str, Mapping[str, str]],
    *,
    author_id: int,
    status: Status = Status.ACTUAL,
) -> Revision:
    """The revision that a filled template is; always an emergency. `values` are checked ones with `FILLED_AT`;
    `shown[language][gap]` is how each reads in a language."""

    def put(wording: Wording, text: str) -> str:
        return normalise(_GAP.sub(lambda gap: shown[wording.language][gap[1]], text))

    def put_in_markdown(wording: Wording) -> str:
        return normalise(_GAP.sub(lambda gap: escape_markdown(shown[wording.language][gap[1]]), wording.body))

    def by_language(name: str) -> dict[str, str]:
        texts = {wording.language: put(wording, getattr(wording, name)) for wording in template.wordings}
        return {language: text for language, text in texts.items() if text}

    expires = _end(template, values)
    warning = Warning(
        template.categories,
        template.urgency,
        template.severity,
        template.certainty,
        template.responses,
        by_language("event"),
        by_language("area"),
        by_language("instruction"),
        moment_of(values[template.onset]) if template.onset else None,
        expires,
    )
    return Revision(
        "",
        1,
        author_id,
        Kind.EMERGENCY,
        tuple(
            LanguageVersion(one.language, put(one, one.title), put(one, one.lead), put_in_markdown(one))
            for one in template.wordings
        ),
        status,
        regions=_regions(template, values),
        topics=template.topics,
        channels=template.channels,
        deadline=expires,
        warning=warning,
        template=f"{template.name}@{version}",
        filled=dict(values),
    )


def _regions(template: Template, values: Mapping[str, str]) -> tuple[str, ...]:
    filled = [code for gap in template.gaps if gap.type is GapType.REGION for code in values[gap.name].split(",")]
    return tuple(dict.fromkeys((*template.regions, *filled)))


def _end(template: Template, values: Mapping[str, str]) -> datetime | None:
    """When it is over; it must not go out after that."""
    if template.expires:
        return moment_of(values[template.expires])
    filled_at = moment_of(values[FILLED_AT])
    return filled_at + timedelta(minutes=template.lasts_minutes) if filled_at and template.lasts_minutes else None
