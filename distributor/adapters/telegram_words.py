"""The words that a Telegram chat is shown beside the office's own, by language.

Pure data, and one date. They stand here and not in the catalogues because they are part of what is approved: a
rendering must not change with the language of whoever looks at it. English for a language that is not here.
"""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

from babel.dates import format_date, format_time, get_timezone_gmt

WORDS: dict[str, dict[str, str]] = {
    "en": {
        "emergency": "⚠️ EMERGENCY",
        "exercise": "🔷 EXERCISE: this is not a real event",
        "test": "🔷 TEST: no action is needed",
        "photo": "Photo",
        "video": "Video",
        "page": "On our website",
        "embargo": "⏳ EMBARGO: not for publication before {time}",
        "corrected": "✏️ CORRECTED",
        "corrected_tells": "this replaces what we published before",
        "media_gone_tells": "a photo or video was withdrawn, please do not use it",
        "withdrawn": "⛔ WITHDRAWN",
        "withdrawn_tells": "please do not use this release, and take down what you have published of it",
        "hold": "⏸ HOLD: do not use, we are checking",
        "hold_tells": "please do not use this release until we tell you that it may be used again",
        "lift": "▶️ HOLD LIFTED",
        "lift_tells": "we have checked this release, and it may be used",
    },
    "ka": {
        "emergency": "⚠️ საგანგებო შეტყობინება",
        "exercise": "🔷 სწავლება: ეს არ არის რეალური შემთხვევა",
        "test": "🔷 საცდელი შეტყობინება: მოქმედება არ არის საჭირო",
        "photo": "ფოტო",
        "video": "ვიდეო",
        "page": "ჩვენს ვებგვერდზე",
        "embargo": "⏳ ემბარგო: ნუ გამოაქვეყნებთ {time}-მდე",
        "corrected": "✏️ შესწორებულია",
        "corrected_tells": "ეს ცვლის ადრე გამოქვეყნებულს",
        "media_gone_tells": "ფოტო ან ვიდეო გამოთხოვილია, გთხოვთ, ნუ გამოიყენებთ",
        "withdrawn": "⛔ გამოთხოვილია",
        "withdrawn_tells": "გთხოვთ, ნუ გამოიყენებთ ამ მასალას და წაშალეთ, რაც მისგან უკვე გამოაქვეყნეთ",
        "hold": "⏸ შეჩერებულია: ნუ გამოიყენებთ, ვამოწმებთ",
        "hold_tells": "გთხოვთ, ნუ გამოიყენებთ ამ მასალას, სანამ ნებართვას არ გაცნობებთ",
        "lift": "▶️ შეჩერება მოხსნილია",
        "lift_tells": "მასალა შევამოწმეთ, მისი გამოყენება შეიძლება",
    },
}

# Dates in English as they are written in Europe: the day first, 24 hours.
_CLDR = {"en": "en_GB", "ka": "ka"}


def when(moment: datetime, language: str, time_zone: str) -> str:
    """A time to the minute, with its distance from Greenwich: '5 March 2026, 12:00 (GMT+04:00)'."""
    locale, local = _CLDR.get(language, "en_GB"), moment.astimezone(ZoneInfo(time_zone))
    day, hour = format_date(local, "long", locale=locale), format_time(local, "HH:mm", locale=locale)
    return f"{day}, {hour} ({get_timezone_gmt(local, locale='en')})"


def words_of(language: str) -> dict[str, str]:
    """The words in a language; in English where there are none."""
    return WORDS.get(language, WORDS["en"])
