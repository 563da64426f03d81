"""The words of what follows a publication, and of an embargo, by language; and which places of a mail are the reader's.

Pure data, and one date. As in email_words: these words are part of what is approved.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from babel.dates import format_date, format_time, get_timezone_gmt

from distributor.core.release import Action

UNSUBSCRIBE = "{unsubscribe}"
"""Stands for the reader's own link. Of each place only the last occurrence counts: they are in the foot, after all of
the author's words."""

ACKNOWLEDGE = "{acknowledge}"
"""Stands for the reader's own link that says: I have read this."""

FIRST = "{first}"
"""Stands for the time at which the first version was sent to this reader. Whether he got it is not always known."""

MAIL = "mail"  # Part.kind of a publication
KINDS = {
    Action.PUBLISH: MAIL,
    Action.CORRECT: "correction",
    Action.WITHDRAW: "withdrawal",
    Action.HOLD: "hold",
    Action.LIFT: "lift",
}

PLACES: Mapping[str, tuple[str, ...]] = {
    MAIL: (UNSUBSCRIBE,),
    "correction": (ACKNOWLEDGE, UNSUBSCRIBE),
    "withdrawal": (FIRST, ACKNOWLEDGE, UNSUBSCRIBE),
    "hold": (FIRST, ACKNOWLEDGE, UNSUBSCRIBE),
    "lift": (FIRST, UNSUBSCRIBE),
    "withdrawal heard": (ACKNOWLEDGE, UNSUBSCRIBE),  # by a reader who knows of the release by a hold alone
    "lift heard": (UNSUBSCRIBE,),
}
"""By Part.kind, in their order in the text: the places that are filled anew for each reader."""


@dataclass(frozen=True, slots=True)
class Said:
    """`label` begins the subject and the box; `tells` stands below it, whatever words the office adds."""

    label: str
    tells: str


@dataclass(frozen=True, slots=True)
class NoticeWords:
    """`gone` takes {what}; `until` and `closed` take {time}, `closed` {zone} too."""

    said: Mapping[Action, Said]
    gone: str
    first: str
    acknowledge: str
    until: str
    closed: str


_ENGLISH = NoticeWords(
    said={
        Action.CORRECT: Said(
            "CORRECTION",
            "We have corrected this release. The whole corrected text is below; please use it in place of the earlier.",
        ),
        Action.WITHDRAW: Said(
            "WITHDRAWN – do not use",
            "We have withdrawn this release. Do not use it, and take down what you have published of it.",
        ),
        Action.HOLD: Said(
            "HOLD: do not use, we are checking",
            "Please do not use this release: we are checking it. We will tell you what comes of it.",
        ),
        Action.LIFT: Said("HOLD LIFTED", "We have checked this release. It may be used again as you have it."),
    },
    gone="Withdrawn from this release: {what} of the earlier mail. Do not use it, and delete your copies.",
    first="The first version was sent on",
    acknowledge="I have read this",
    until="EMBARGO until {time}",
    closed="Not for publication before {time} ({zone}).",
)

_NOTICES = {
    "en": _ENGLISH,
    "ka": NoticeWords(
        said={
            Action.CORRECT: Said(
                "შესწორება",
                "მასალა შესწორებულია. სრული შესწორებული ტექსტი იხილეთ ქვემოთ; გთხოვთ, გამოიყენოთ ადრინდელის ნაცვლად.",
            ),
            Action.WITHDRAW: Said(
                "გამოთხოვილია – არ გამოიყენოთ",
                "ეს მასალა გამოვითხოვეთ. არ გამოიყენოთ და წაშალეთ, რაც მისგან უკვე გამოაქვეყნეთ.",
            ),
            Action.HOLD: Said(
                "შეჩერებულია: არ გამოიყენოთ, ვამოწმებთ",
                "გთხოვთ, ეს მასალა არ გამოიყენოთ: ვამოწმებთ. შედეგს შეგატყობინებთ.",
            ),
            Action.LIFT: Said(
                "შეჩერება მოხსნილია", "მასალა შევამოწმეთ. მისი გამოყენება კვლავ შეიძლება იმ სახით, როგორითაც მიიღეთ."
            ),
        },
        gone="ამ მასალიდან გამოთხოვილია (ნუმერაცია ადრინდელი წერილისაა): {what}. არ გამოიყენოთ და წაშალეთ ასლები.",
        first="პირველი ვერსია გაიგზავნა",
        acknowledge="გავეცანი",
        until="ემბარგო {time}-მდე",
        closed="არ გამოაქვეყნოთ {time}-მდე ({zone}).",
    ),
    "ru": NoticeWords(
        said={
            Action.CORRECT: Said(
                "ИСПРАВЛЕНИЕ",
                "Мы исправили это сообщение. Полный исправленный текст ниже; используйте его вместо прежнего.",
            ),
            Action.WITHDRAW: Said(
                "ОТОЗВАНО – не использовать",
                "Мы отозвали это сообщение. Не используйте его и удалите то, что уже опубликовали.",
            ),
            Action.HOLD: Said(
                "ПРИОСТАНОВЛЕНО: не использовать, мы проверяем",
                "Пожалуйста, не используйте это сообщение: мы его проверяем. О результате сообщим.",
            ),
            Action.LIFT: Said(
                "ЗАПРЕТ СНЯТ", "Мы проверили это сообщение. Его снова можно использовать в том виде, в каком оно у вас."
            ),
        },
        gone="Из этого сообщения отозвано (номера прежнего письма): {what}. Не используйте и удалите копии.",
        first="Первая версия отправлена",
        acknowledge="Прочитано",
        until="ЭМБАРГО до {time}",
        closed="Не публиковать до {time} ({zone}).",
    ),
}

# Dates in English as they are written in Europe: the day first, 24 hours.
_CLDR = {"en": "en_GB", "ka": "ka", "ru": "ru"}


def notice_words(language: str) -> NoticeWords:
    """The words in a language; in English where there are none."""
    return _NOTICES.get(language, _ENGLISH)


def when(moment: datetime, language: str, time_zone: str) -> str:
    """A time as readers write it: '5 March 2026, 12:00'. To the minute, and kept: the readers of a list share a few."""
    return _when(moment.replace(second=0, microsecond=0), language, time_zone)


@lru_cache(maxsize=1024)
def _when(moment: datetime, language: str, time_zone: str) -> str:
    locale, local = _CLDR.get(language, _CLDR["en"]), moment.astimezone(ZoneInfo(time_zone))
    return f"{format_date(local, 'long', locale=locale)}, {format_time(local, 'HH:mm', locale=locale)}"


def zone_of(moment: datetime, time_zone: str) -> str:
    """How far the office's clock is from Greenwich then: 'GMT+04:00'. Readers live elsewhere too."""
    local = moment.astimezone(ZoneInfo(time_zone))
    exact = local.utcoffset() or timedelta()
    return get_timezone_gmt(local, locale="en") if exact else "GMT"
