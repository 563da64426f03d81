"""What a chat is told of a correction, a withdrawal, a hold: labels, and the messages that are kept ready.

Pure. A correction's rendering holds the messages of the new version and, behind them, two that are sent only where
editing cannot do it; a withdrawal's holds what replaces a post that cannot be deleted, and what is said where nobody
knows which message it is. So every word that a reader may ever see was in what two people approved.
"""

from __future__ import annotations

from distributor.adapters.telegram_text import CAPTION_LIMIT, TEXT_LIMIT, Flow, squeezed, styled
from distributor.adapters.telegram_words import when, words_of
from distributor.core.release import Action, Kind, LanguageVersion, Revision, Status
from distributor.core.rendering import Part, Rendering

ADDED = "added"
"""Part.kind: the label alone. Over photos that no longer found room in the post, and in a message that must say nothing
any more and cannot be deleted."""

CORRECTION = "correction"
"""Part.kind: label, title and text in one message, where the messages that are out cannot be edited."""

NOTICE = "notice"
"""Part.kind: the withdrawal, in place of what a message showed. It names no title: that may be what was wrong."""

WITHDRAWAL = "withdrawal"
"""Part.kind: the withdrawal in a message of its own, which has to name the release."""

SHORT = frozenset({ADDED, NOTICE})  # they may become captions
_KEPT_READY = frozenset({ADDED, CORRECTION, NOTICE, WITHDRAWAL})


def posts_of(rendering: Rendering) -> tuple[Part, ...]:
    """The messages of a rendering that are posted in any case, which are its first parts."""
    return tuple(part for part in rendering.parts if part.kind not in _KEPT_READY)


def index_of(rendering: Rendering, kind: str) -> int:
    """The place of the part of a kind that is kept ready. Raises StopIteration where the rendering has none."""
    return next(index for index, part in enumerate(rendering.parts) if part.kind == kind)


def lacks(rendering: Rendering, action: Action) -> bool:
    """True where a rendering has not what its action needs: it was made for another one."""
    needed = {ADDED, CORRECTION} if action is Action.CORRECT else {NOTICE, WITHDRAWAL}
    shows = action is not Action.CORRECT or bool(posts_of(rendering))
    return not shows or not needed <= {part.kind for part in rendering.parts}


def labels(revision: Revision, language: str, time_zone: str = "") -> list[Flow]:
    """What stands above a title: emergency (of a text, not of a notice about it), exercise, embargo (in chats that may
    have it before the embargo ends: those with a `time_zone`), that it was corrected."""
    words = words_of(language)
    shows = revision.action in (Action.PUBLISH, Action.CORRECT)
    found = [words["emergency"]] if shows and revision.kind is Kind.EMERGENCY else []
    if revision.status is not Status.ACTUAL:
        found.append(words[revision.status.value])
    if shows and time_zone and revision.embargo is not None:
        found.append(words["embargo"].format(time=when(revision.embargo, language, time_zone)))
    if revision.action is Action.CORRECT:
        found.append(_told(revision, language))
    return [styled(label, "bold") for label in found]


def correction_parts(
    version: LanguageVersion, said: list[Flow], whole: Flow, page: Flow, fields: dict[str, str]
) -> tuple[Part, ...]:
    """What a correction keeps ready. `said` are its labels, `whole` is the new text without its title."""
    title = styled(version.title, "bold")
    alone = squeezed([*said, title], whole, [page], TEXT_LIMIT)
    short = squeezed(said, Flow(), [], CAPTION_LIMIT)
    return (_part(ADDED, short, fields), _part(CORRECTION, alone, fields))


def notice_parts(revision: Revision, version: LanguageVersion, page: Flow, fields: dict[str, str]) -> tuple[Part, ...]:
    """The messages of a withdrawal, of a hold or of its lifting."""
    said = [*labels(revision, version.language), styled(_told(revision, version.language), "bold")]
    named = squeezed([*said, styled(version.title, "bold")], Flow(), [page], TEXT_LIMIT)
    if revision.action is Action.WITHDRAW:
        short = squeezed(said, Flow(), [], CAPTION_LIMIT)
        return (_part(NOTICE, short, fields), _part(WITHDRAWAL, named, fields))
    return (_part(revision.action.value, named, fields),)


def _part(kind: str, flow: Flow, fields: dict[str, str]) -> Part:
    """A message that answers the first one of the release, where that is known."""
    return Part(kind, flow.text, flow.entities, fields={**fields, "reply_to": "0"})


def _told(revision: Revision, language: str) -> str:
    """The label, and the office's words; ours where it has none in this language."""
    words, notice = words_of(language), revision.notice
    label = {Action.CORRECT: "corrected", Action.WITHDRAW: "withdrawn"}.get(revision.action, revision.action.value)
    said = notice.words.get(language, "") if notice else ""
    if not said:
        gone = notice is not None and notice.withdrawn and revision.action is Action.CORRECT
        said = words["media_gone_tells" if gone else f"{label}_tells"]
    gap = ": " if revision.action in (Action.CORRECT, Action.WITHDRAW) else "\n"
    return f"{words[label]}{gap}{said}"
