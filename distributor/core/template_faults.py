"""What a template of an emergency may not be. Pure.

Two people approve a template, and one alone may send it filled in. That is as safe as what one alone can make it say:
lines of words are short, and stand beside the template's own words and never in their place.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from distributor.core.gaps import LONGEST_LINE, Gap, GapType
from distributor.core.markup import parse, plain
from distributor.core.template import GAP, Template
from distributor.core.text import faults_in

_NAME = re.compile(r"[a-z][a-z0-9_]{0,30}")
# A gap where its value would become part of an address, a mention or a tag.
_RISKY = re.compile(r"(?:\]\(|<|://)[^\s)>]*\{|[@#/.$]\{|\}[./]\w")
_WORD = re.compile(r"[^\W\d_]{2,}")
# How many words of its own a text has for each line of free words in it; 0: no such line may stand there. The place in
# words (`area`) may be one as a whole.
_OWN_WORDS = {"title": 1, "event": 0, "lead": 1, "body": 3, "instruction": 0}


def template_faults(template: Template, known_regions: frozenset[str]) -> list[str]:
    """Everything that is wrong with a template, in words for whoever wrote the file."""
    mine = (_head_faults(template, known_regions), _gap_faults(template), _text_faults(template))
    return [fault for faults in mine for fault in faults] + free_word_faults(template)


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
    used = {name for wording in template.wordings for text in wording.texts.values() for name in GAP.findall(text)}
    names = [gap.name for gap in template.gaps]
    for name in sorted(used - set(names)):
        yield f"{{{name}}} is used and not declared"
    for gap in template.gaps:
        if not _NAME.fullmatch(gap.name) or names.count(gap.name) > 1:
            yield f"gaps.{gap.name}: is no name, or stands twice"
        if gap.name not in used | {template.onset, template.expires} and gap.type is not GapType.REGION:
            yield f"gaps.{gap.name}: is declared and not used"
        if not 1 <= gap.limit <= LONGEST_LINE:
            yield f"gaps.{gap.name}: limit is from 1 to {LONGEST_LINE}"
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
        for part, text in wording.texts.items():
            if faults_in(text, one_line=part != "body") or re.search(r"[{}]", GAP.sub("", text)):
                yield f"{where}: a line break, a control character or a single brace in {text[:40]!r}"
            if _RISKY.search(text):
                yield f"{where}: a gap stands in an address, a mention or a tag in {text[:40]!r}"


def free_words(template: Template) -> list[tuple[Gap, list[str]]]:
    """Where whoever fills the template in may write words of their own: each line, and the texts in which it stands."""
    lines = [gap for gap in template.gaps if gap.type is GapType.LINE]
    parts = [*_OWN_WORDS, "area"]
    return [(gap, [part for part in parts if _stands_in(template, gap, part)]) for gap in lines]


def _stands_in(template: Template, gap: Gap, part: str) -> bool:
    return any(gap.name in GAP.findall(wording.texts[part]) for wording in template.wordings)


def free_word_faults(template: Template) -> list[str]:
    """Where free words could stand in place of the template's own: nobody but their writer reads them before they go
    out."""
    lines = {gap.name for gap in template.gaps if gap.type is GapType.LINE}
    found = []
    for wording in template.wordings:
        for part, wanted in _OWN_WORDS.items():
            free = [name for name in GAP.findall(wording.texts[part]) if name in lines]
            if free and (fault := _free_word_fault(wording.texts[part], free, wanted)):
                found.append(f"{wording.language}: {part} {fault}")
    return found


def _free_word_fault(text: str, free: list[str], wanted: int) -> str:
    named = ", ".join(f"{{{name}}}" for name in dict.fromkeys(free))
    if not wanted:
        return f"must be the template's own words alone, and {named} takes any words"
    own = len(_WORD.findall(plain(parse(GAP.sub(" ", text)))))
    if own >= wanted * len(free):
        return ""
    return f"is mostly gaps: {own} own words beside {named}, which takes any words; {wanted * len(free)} are needed"
