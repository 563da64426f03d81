"""What fits one reader and one moment of all that was approved in a mail.

Pure. Only takes away: a correction's box for whoever is new to the release, the embargo's mark once that is over, the
time of a first version that never came.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from distributor.adapters.email_frame import asks_html, asks_text
from distributor.adapters.email_notices import KINDS, MAIL
from distributor.core.channel import Action, Job
from distributor.core.rendering import Part

_SUBJECTS = {"subject", "free_subject"}


def fitting(job: Job) -> Job:
    """The job with what fits this reader and this moment of all that was approved."""
    return _unmarked(_unsent(_uncorrected(job)))


def is_new(job: Job) -> bool:
    """True where the reader has nothing of a release that was corrected."""
    return job.before is None and job.rendering.parts[0].kind == KINDS[Action.CORRECT]


def _uncorrected(job: Job) -> Job:
    """Without the correction's box and label, and as a mail like any other, for a reader who is new to it. The reader's
    own link stands in the foot, so its last occurrence is itself; the box stands above all that people wrote."""
    if not is_new(job):
        return job
    part = job.rendering.parts[0]
    label, asks = part.fields["notice_label"], part.fields["asks"]
    free = replace(
        part,
        kind=MAIL,
        text=_without_last(part.text.replace(part.fields["notice_text"], "", 1), f"{asks_text(asks)}\n\n"),
        html=_without_last(part.html.replace(part.fields["notice_html"], "", 1), asks_html(asks)),
        fields=part.fields | {name: part.fields[name].replace(label, "", 1) for name in _SUBJECTS & {*part.fields}},
    )
    return replace(job, rendering=replace(job.rendering, parts=(free,)))


def only_heard(job: Job) -> bool:
    """True where the reader was told of a hold, and the release itself never came to him."""
    return job.before is not None and job.before.heard


def _unsent(job: Job) -> Job:
    """Without the time at which the first version was sent to this reader: it was not. Nothing above that line is of
    several lines, so its first occurrence is itself."""
    part = job.rendering.parts[0]
    if not only_heard(job) or "first_text" not in part.fields:
        return job
    free = replace(
        part,
        kind=f"{part.kind} heard",
        text=part.text.replace(part.fields["first_text"], "", 1),
        html=part.html.replace(part.fields["first_html"], "", 1),
    )
    return replace(job, rendering=replace(job.rendering, parts=(free,)))


def marked(job: Job) -> bool:
    """True where the embargo's box and label stay: unless it was over before the approval (a correction made later),
    and is over by this worker's clock too, and nobody doubts that clock."""
    embargo = job.rendering.parts[0].fields.get("embargo", "")
    if not embargo or job.clock_doubted:
        return bool(embargo)
    return min(job.approved_at, job.intended_at or job.approved_at) < datetime.fromisoformat(embargo)


def _unmarked(job: Job) -> Job:
    """Without the embargo's box and label. Nothing above the box is of several lines, so its first occurrence is
    itself."""
    part = job.rendering.parts[0]
    if marked(job) or not part.fields.get("embargo", ""):
        return job
    free = replace(
        part,
        text=part.text.replace(part.fields["embargo_text"], "", 1),
        html=part.html.replace(part.fields["embargo_html"], "", 1),
        fields=part.fields | {"subject": part.fields["free_subject"]},
    )
    return replace(job, rendering=replace(job.rendering, parts=(free,)))


def _without_last(text: str, gone: str) -> str:
    before, _, after = text.rpartition(gone)
    return before + after


def early(job: Job, part: Part) -> bool:
    """True where it goes before the embargo's end, to a trusted reader: a mail must not be dated in the future."""
    embargo = part.fields.get("embargo", "")
    return bool(embargo and job.intended_at and job.intended_at < datetime.fromisoformat(embargo))
