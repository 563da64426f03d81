"""Gaps of emergency texts, and what may fill them.

Pure. A gap takes only what its type allows: no link, no markup, no mention ever comes out of it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from distributor.core.data import aware
from distributor.core.text import faults_in, normalise

MOST_REGIONS = 12
LONGEST_LINE = 60

# What a platform would make a link, a mention, a tag or a command of, and what Markdown reads.
_LINKS = re.compile(r"://|\bwww\.|[^\W\d]\.\w|\w\.[^\W\d]|\d+\.\d+\.\d+\.\d+|[@#$]|(?:^|\s)/\w", re.IGNORECASE)
_MARKS = re.compile(r"[*_`~|<>\[\]{}\\]")
# Where a sentence ends and words follow. A full stop after three letters at most is one of an abbreviation, and so is
# one after these: avenue, municipality, square, highway, boulevard, building, quarter, settlement; those of English.
_LONGER: tuple[str, ...] = ("გამზ", "მუნიც", "მოედ", "გზატკ", "ბულვ", "კორპ", "კვარტ", "დასახ")
_LONGER += ("blvd", "bldg", "dist", "munic", "prov", "approx")
_SHORT_WORD = "".join(rf"(?<!\b[^\W\d_]{{{letters}}})" for letters in (1, 2, 3))
_SHORT_WORD += "".join(rf"(?<!\b(?i:{word}))" for word in _LONGER)
_SENTENCE_END = re.compile(rf"(?:[!?…։؟।。！？]|{_SHORT_WORD}\.)[\s\"'”“»)]*[^\W\d_]")


class GapType(StrEnum):
    """What may fill a gap."""

    LINE = "line"  # one line of words, in each language of the template
    REGION = "region"  # codes of the office's regions
    TIME = "time"
    NUMBER = "number"
    CHOICE = "choice"  # one of the words that the template names


@dataclass(frozen=True, slots=True)
class Gap:
    """One gap. `label` by language is what is asked. `limit` is the most characters of a line; `low` and `high` bound
    a number; `choices` are words by language, by their code."""

    name: str
    type: GapType
    label: dict[str, str] = field(default_factory=dict)
    limit: int = LONGEST_LINE
    low: int = 0
    high: int = 1_000_000
    choices: dict[str, dict[str, str]] = field(default_factory=dict)

    @property
    def at_most(self) -> int:
        """The most characters of a line. A template that was approved before lines became short may name more."""
        return min(self.limit, LONGEST_LINE)


def value_fault(gap: Gap, value: str, known_regions: frozenset[str]) -> str:
    """Why a value may not fill a gap, as a code; '' where it may. Values are what `normal_value` made of them."""
    match gap.type:
        case GapType.LINE:
            return _line_fault(gap, value)
        case GapType.REGION:
            codes = value.split(",")
            right = all(codes) and len(codes) <= MOST_REGIONS and known_regions.issuperset(codes)
            return "" if right else "gap_region"
        case GapType.NUMBER:
            fits = re.fullmatch(r"-?\d{1,12}", value, re.ASCII) and gap.low <= int(value) <= gap.high
            return "" if fits else "gap_number"
        case GapType.CHOICE:
            return "" if value in gap.choices else "gap_choice"
        case GapType.TIME:
            return "" if moment_of(value) else "gap_time"


def _line_fault(gap: Gap, value: str) -> str:
    if not value:
        return "gap_empty"
    if len(value) > gap.at_most:
        return "gap_long"
    if faults_in(value, one_line=True) or _MARKS.search(value) or value[0] in "-+=" or _LINKS.search(value):
        return "gap_markup"
    return "gap_sentence" if _SENTENCE_END.search(value) else ""


def normal_value(gap: Gap, value: str) -> str:
    """One form of a value, so that the same meaning always gives the same bytes."""
    clean = normalise(value)
    if gap.type is GapType.TIME and (moment := moment_of(clean)):
        return moment.isoformat()
    if gap.type is GapType.REGION:
        return ",".join(dict.fromkeys(part.strip() for part in clean.split(",")))
    return clean


def moment_of(value: str) -> datetime | None:
    """The moment that a value names, in UTC; None for what is no time, or has no zone."""
    try:
        return aware(datetime.fromisoformat(value))
    except ValueError:
        return None
