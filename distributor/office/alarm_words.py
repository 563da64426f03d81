"""What an alarm says to people, at the desk and at the command line alike.

Pure but for the catalogues.
"""

from __future__ import annotations

from datetime import datetime

from distributor import locale
from distributor.core.text import cut_at_word
from distributor.office.context import Context
from distributor.storage.alarms import Alarm

LONGEST = 600  # of one parameter: a post's text, a platform's words
CAUSES = {"token_expires": "token"}  # of an alarm that was raised before its kind had several


def sentence(alarm: Alarm, context: Context, language: str) -> str:
    """Its sentence: a channel by the name that people use, a time in the office's own. What an alarm of a page says
    is told of a page, with the part of it that differs."""
    params = {name: cut_at_word(str(value), LONGEST) for name, value in alarm.params.items()}
    if "channel" in params:
        seat = context.seats.get(params["channel"])
        params["channel"] = (seat.label if seat else "") or params["channel"]
    texts = locale.texts(language)
    if "seconds" in params:
        params["long"] = locale.duration(float(params["seconds"]), language)
    if cause := params.get("cause") or CAUSES.get(alarm.kind):
        msgid = f"alarm.{alarm.kind}.{cause}"
        params["reason"] = texts.get(msgid, **params) if texts.has(msgid) else "…"
    if "when" in params:
        params["when"] = locale.moment(datetime.fromisoformat(params["when"]), language, context.time_zone)
    if "part" not in params:
        return texts.get(f"alarm.{alarm.kind}", **params).strip()
    msgid = f"alarm.page.{params['part']}"
    params["differs"] = texts.get(msgid) if texts.has(msgid) else ""
    return texts.get(f"alarm.{alarm.kind}.page", **params).strip()
