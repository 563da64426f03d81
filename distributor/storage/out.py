"""What of a release is out, or may be, as conditions inside the database: one answer for approvals and for the proof.

Touches nothing. `storage.standing` asks the same of single rows at a claim; a test holds the two together.
"""

from __future__ import annotations

import json

from sqlalchemy import ColumnElement, Text, and_, cast, or_

from distributor.core.delivery import FINAL
from distributor.core.outcome import DOUBT, NOTHING_STOOD
from distributor.core.release import Action
from distributor.storage.schema import deliveries

SHOWS = (Action.PUBLISH.value, Action.CORRECT.value)
"""What puts a text there; a hold or its end is a notice beside it."""

_NOTHING = json.dumps(next(iter(NOTHING_STOOD)))  # as JSON has a key; quoted by a platform, it would be escaped
_OUT = ("sending", "sent", "unknown", "case")
_ENDED = tuple(state.value for state in FINAL)


def is_out() -> ColumnElement[bool]:
    """True of a delivery by which something of the release is there, or may be: a text, or the notice of a hold. One
    that found nothing there, and told nobody, put nothing there either."""
    nothing = cast(deliveries.c.receipt, Text).contains(_NOTHING)
    told = or_(deliveries.c.action.in_(SHOWS), deliveries.c.receipt.is_(None), ~nothing)
    return and_(may_stand(), told)


def may_stand() -> ColumnElement[bool]:
    """True of a delivery that is there, or may be, though nobody knows. One that was in doubt once and ended unsent is
    not: it was looked for and proved absent, or a person looked."""
    progress = cast(deliveries.c.progress, Text)
    return or_(
        deliveries.c.state.in_(_OUT),
        deliveries.c.receipt.is_not(None),
        and_(deliveries.c.uncertain, deliveries.c.state.not_in(_ENDED)),
        progress.contains('"part:'),  # of several parts some are there
        progress.contains(f'"{DOUBT}"'),
        progress.contains('"stands"'),  # what an adapter has found or made there
    )
