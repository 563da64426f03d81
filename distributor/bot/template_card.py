"""How a template reads to people: its name for a button, and the whole of it with its gaps.

Pure.
"""

from __future__ import annotations

from distributor.bot.words import Words
from distributor.core.template import Wording
from distributor.core.template_faults import free_word_faults, free_words
from distributor.core.text import cut_at_word
from distributor.storage.templates import TemplateRow


def _wording(row: TemplateRow, language: str) -> Wording:
    """In a language, else in the template's first."""
    return next((one for one in row.content.wordings if one.language == language), row.content.wordings[0])


def template_label(row: TemplateRow, language: str) -> str:
    """Its title, with its gaps, as far as it fits a button."""
    return cut_at_word(_wording(row, language).title, 60)


def template_lines(words: Words, row: TemplateRow) -> list[str]:
    """The whole template, in every language, with its gaps and what may fill them. Where free words may stand comes
    first: nobody but their writer reads those before they go out; or that nobody sends it alone, since they may stand
    in place of its own."""
    lines = [row.label, *_free_words(words, row)]
    for one in row.content.wordings:
        lines += ["", f"{words.language_name(one.language)}: {one.title}"]
        lines += [text for text in (one.event, one.lead, one.body, one.instruction, one.area) if text]
    lines.append("")
    for gap in row.content.gaps:
        choices = ", ".join(said.get(words.language) or next(iter(said.values())) for said in gap.choices.values())
        what = words.get(f"gap.{gap.type.value}", limit=gap.at_most, low=gap.low, high=gap.high, choices=choices)
        lines.append(f"{{{gap.name}}}: {what}")
    return lines


def _free_words(words: Words, row: TemplateRow) -> list[str]:
    if free_word_faults(row.content):
        return ["", words.get("bot.template.not_alone")]
    found = [
        words.get(
            "bot.template.free_words",
            gap=gap.name,
            limit=gap.at_most,
            where=", ".join(words.get(f"field.{part}") for part in parts),
        )
        for gap, parts in free_words(row.content)
    ]
    return ["", *found] if found else []
