"""Which of a release's messages are one warning for machines, and what each is: Alert, Update or Cancel (CAP 1.2).

Pure. A warning begins with the first page that is an emergency and lives until a message ends it: a withdrawal, or a
correction into something that is no real warning any more. That message is its Cancel; without it, whoever sounded the
Alert would never learn of it. What follows a Cancel is no matter of CAP's, unless it is a warning again: a new one. An
exercise that becomes real is a new one too: nobody who waits for real warnings has heard of it.

CAP has no word for a hold. An Update replaces what it refers to, so a held warning is one of which nothing is known,
and which asks to be watched and not to be acted on; the end of the hold is an Update with everything again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from distributor.core.release import Action, Kind, LanguageVersion, Revision, Status
from distributor.core.warning import Certainty, Gravity, Response, Urgency, Warning
from distributor.locale import texts
from distributor.storage.cap import Message

ALERT, UPDATE, CANCEL = "Alert", "Update", "Cancel"
_SHOWS_CONTENT = frozenset({Action.PUBLISH, Action.CORRECT})


def warnings_of(messages: Sequence[Message]) -> list[list[Message]]:
    """The warnings that a release was, oldest first, from its messages in the order in which they were shown."""
    made: list[list[Message]] = []
    lives = False
    for one in messages:
        if lives and not (_begins(one) and _turns_real(made[-1][-1], one)):
            lives = not _ends(made[-1][-1], one)
            made[-1].append(one)
        elif _begins(one):
            lives = True
            made.append([one])
    return made


def kind_of(warning: Sequence[Message]) -> str:
    """What sort of message the newest of a warning is."""
    if len(warning) == 1:
        return ALERT
    return CANCEL if _ends(warning[-2], warning[-1]) else UPDATE


def status_of(warning: Sequence[Message]) -> Status:
    """How the newest message is meant. A Cancel is meant as what it cancels."""
    return warning[-2 if kind_of(warning) == CANCEL else -1].content.status


def is_held(warning: Sequence[Message]) -> bool:
    """True while the warning is being checked."""
    return warning[-1].content.action is Action.HOLD


def _begins(one: Message) -> bool:
    return one.content.kind is Kind.EMERGENCY and one.content.action in _SHOWS_CONTENT


def _turns_real(before: Message, one: Message) -> bool:
    return before.content.status is not Status.ACTUAL and one.content.status is Status.ACTUAL


def _ends(before: Message, one: Message) -> bool:
    content = one.content
    return content.action is Action.WITHDRAW or content.kind is not Kind.EMERGENCY or _turns_real(one, before)


def while_held(content: Revision) -> Revision:
    """What is said of a warning that is being checked: what it is about, where and how long, and nothing else of it."""
    known = content.warning or Warning()
    codes = [version.language for version in content.versions]
    label = {code: texts(code).get("web.held") for code in codes}
    unsure = replace(
        known,
        urgency=Urgency.UNKNOWN,
        severity=Gravity.UNKNOWN,
        certainty=Certainty.UNKNOWN,
        responses=(Response.MONITOR,),
        event=label | known.event,
        instruction={code: texts(code).get("web.cap_held") for code in codes},
    )
    return replace(content, versions=tuple(LanguageVersion(code, label[code]) for code in codes), warning=unsure)
