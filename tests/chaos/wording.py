"""What the releases of a run say. Pure."""

from __future__ import annotations

from distributor.core.release import LanguageVersion
from tests.chaos.plan import Writing

# Longer than a caption may be, so that Telegram gets a photo and a text.
LONG = "\n\n".join(f"{number}. მაშველები ადგილზე მუშაობენ, გზა დროებით ჩაკეტილია." for number in range(1, 40))
WORDS = ("ორი", "სამი", "ოთხი")  # how many tourists there are: what a correction corrects


def version(writing: Writing, corrected: int) -> LanguageVersion:
    """What a release says after so many corrections."""
    said = f"მაშველებმა {WORDS[corrected]} ტურისტი იპოვეს"
    body = f"{writing.mark}. {LONG if writing.long else 'დღეს დილით.'} {said}."
    return LanguageVersion("ka", f"{writing.mark} {said}", "ყველა უვნებელია.", body)
