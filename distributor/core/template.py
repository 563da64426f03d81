"""Emergency texts with gaps: what is approved beforehand, and what a filled one becomes.

Pure. What may fill a gap stands in core.gaps, what a template may not be in core.template_faults: the words that two
people approved beforehand are the words that go out.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import datetime, timedelta

from distributor.core.data import digest, to_data
from distributor.core.gaps import Gap, GapType, moment_of
from distributor.core.markdown import escape_markdown
from distributor.core.release import Kind, LanguageVersion, Revision, Status
from distributor.core.text import normalise
from distributor.core.warning import Category, Certainty, Gravity, Response, Urgency, Warning

FILLED_AT = "@"  # among the values: when it was filled; no gap can be called so

GAP = re.compile(r"\{([a-z][a-z0-9_]*)\}")


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
    def texts(self) -> dict[str, str]:
        """All of them by their names, in the order above, for checks."""
        return {one.name: getattr(self, one.name) for one in fields(self) if one.name != "language"}


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
        return normalise(GAP.sub(lambda gap: shown[wording.language][gap[1]], text))

    def put_in_markdown(wording: Wording) -> str:
        return normalise(GAP.sub(lambda gap: escape_markdown(shown[wording.language][gap[1]]), wording.body))

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
