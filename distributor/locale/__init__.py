"""Words for people, in their language: gettext catalogues, and dates by CLDR.

May touch: the catalogues beside this file, read when a language is first asked for and kept. There is no build step:
Babel reads the .po files themselves. Message ids are stable codes ('refused.own_release'), never sentences.
Never changes the case of a text, and never fails for a missing entry or parameter: the id is shown instead, or
"…" in the parameter's place.
"""

from __future__ import annotations

import io
from collections import defaultdict
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from functools import cache
from gettext import GNUTranslations
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import structlog
from babel import Locale
from babel.dates import format_date, format_time, format_timedelta
from babel.messages.catalog import Catalog
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.numbers import format_decimal

from distributor.core.refusal import Refused
from distributor.core.rendering import Problem

_log = structlog.get_logger(__name__)
# Codes of ours: their reason is the same sentence in English.
_SAYS_ALL = frozenset(
    {
        *("approval_void", "confirmed", "deadline", "held_again", "lifted", "live_withheld", "post_gone", "reconciled"),
        *("restored", "superseded", "unsubscribed", "withdrawn"),
    }
)

LANGUAGES = ("ka", "en")
"""The languages that the service itself speaks. Releases may be written in more."""

FALLBACK = "en"
"""What somebody reads whose language has no catalogue."""

# Dates in English as they are written in Europe: the day first, 24 hours.
_CLDR = {"ka": "ka", "en": "en_GB"}


class Texts:
    """The sentences of one language."""

    def __init__(self, language: str, catalogue: GNUTranslations) -> None:
        self.language = language
        self._catalogue = catalogue

    def get(self, msgid: str, /, **params: object) -> str:
        """The sentence of an id, with its parameters filled in ("…" for a missing one); the id where there is none."""
        return _filled(self._catalogue.gettext(msgid), msgid, params)

    def many(self, singular: str, plural: str, n: int, /, **params: object) -> str:
        """The sentence for a number of things; `n` is a parameter of it too, written as the language writes it."""
        msgid = singular if n == 1 else plural
        given = {"n": format_decimal(n, locale=_CLDR[self.language])} | params
        return _filled(self._catalogue.ngettext(singular, plural, n), msgid, given)

    def has(self, msgid: str) -> bool:
        """True where the language has a sentence for this id."""
        return self._catalogue.gettext(msgid) != msgid


def texts(language: str) -> Texts:
    """The sentences of a language; those of `FALLBACK` where it has no catalogue. Reads the file only once."""
    return _load(language if language in LANGUAGES else FALLBACK)


@cache
def _load(language: str) -> Texts:
    compiled = io.BytesIO()
    write_mo(compiled, read_catalogue(language))
    compiled.seek(0)
    return Texts(language, GNUTranslations(compiled))


def catalogue_path(language: str) -> Path:
    """Where the catalogue of a language stands."""
    return Path(__file__).parent / language / "LC_MESSAGES" / "distributor.po"


def read_catalogue(language: str) -> Catalog:
    """A language's catalogue as Babel reads it. PoFileError names the line that cannot be read."""
    with catalogue_path(language).open("rb") as file:
        return read_po(file, locale=language, abort_invalid=True)


def _filled(sentence: str, msgid: str, params: Mapping[str, object]) -> str:
    try:
        return sentence.format_map(params)
    except KeyError:
        # The names only: a parameter may be a person's words.
        _log.warning("a sentence lacks a parameter", msgid=msgid, given=sorted(params))
        return sentence.format_map(defaultdict(lambda: "…", params))
    except (IndexError, ValueError, AttributeError):
        _log.warning("a sentence cannot be filled in", msgid=msgid, given=sorted(params))
        return msgid


def problem_text(problem: Problem, language: str, time_zone: str = "Asia/Tbilisi") -> str:
    """What preflight found, as a sentence. The channel is not part of it: lists are grouped by channel.

    An unknown code is its own sentence. Sizes, numbers, times and codes among the parameters become readable.
    """
    found = texts(language)
    params: dict[str, str] = dict(problem.params)
    for name in ("size", "limit"):
        if name in params and problem.code in _IN_BYTES:
            params[name] = size_text(int(params[name]), language)
    for name in _NUMBERS & set(params):
        params[name] = _number(found, params[name])
    if "deadline" in params:
        params["deadline"] = moment(datetime.fromisoformat(params["deadline"]), language, time_zone)
    if problem.code.startswith(("privacy.", "script.")):
        params["place"] = _place(found, params)
    sentence = _told(f"problem.{problem.code}", params, language)
    if problem.code.startswith("media.") and "item" in params:
        return found.get("problem.media_item", item=params["item"], name=params.get("name", ""), sentence=sentence)
    return sentence


def code_text(code: str, language: str) -> str:
    """Why a delivery stands where it stands, or '' for a code that only its adapter knows: show its reason then."""
    found = texts(language)
    return found.get(f"code.{code}") if found.has(f"code.{code}") else ""


def why_text(code: str, reason: str, language: str) -> str:
    """Why a delivery stands where it stands, as far as there are words for it; the reason in brackets where it says
    more, or alone where there are none."""
    sentence = code_text(code, language)
    if not sentence or not reason:
        return sentence or reason
    return sentence if code in _SAYS_ALL else f"{sentence} ({reason})"


def size_text(size: int, language: str) -> str:
    """A size in bytes as people read it: '9,5 მბ'."""
    found = texts(language)
    for unit, bytes_each in (("megabytes", 1_000_000), ("kilobytes", 1_000)):
        if size >= bytes_each:
            shown = format_decimal(round(size / bytes_each, 1), locale=_CLDR[found.language])
            return found.get(f"size.{unit}", n=shown)
    return found.get("size.bytes", n=size)


def refusal_text(refused: Refused, language: str) -> str:
    """Why something was refused, as a sentence."""
    return _told(f"refused.{refused.code}", refused.params, language)


def _told(msgid: str, params: Mapping[str, str], language: str) -> str:
    found = texts(language)
    readable = {name: _READABLE[name](found, value) if name in _READABLE else value for name, value in params.items()}
    return found.get(msgid, **readable)


def language_name(code: str, language: str) -> str:
    """A language's name in a language: 'ქართული'. The code itself where CLDR does not know it."""
    try:
        return Locale.parse(code).get_language_name(_CLDR[texts(language).language]) or code
    except ValueError:
        return code


def moment(when: datetime, language: str, time_zone: str) -> str:
    """A time as people write it: '5 მარტი, 2026, 14:05'. ValueError for a time without a zone."""
    if when.tzinfo is None:
        raise ValueError("a time without a zone cannot be shown")
    locale, local = _CLDR[texts(language).language], when.astimezone(ZoneInfo(time_zone))
    return f"{format_date(local, 'long', locale=locale)}, {format_time(local, 'HH:mm', locale=locale)}"


def duration(seconds: float, language: str) -> str:
    """A length of time in its largest unit: '1 დღე', '25 minutes'."""
    return format_timedelta(timedelta(seconds=seconds), locale=_CLDR[texts(language).language])


def _coded(prefix: str) -> Callable[[Texts, str], str]:
    """Parameters that are codes themselves, with a sentence of their own where the catalogue has one."""
    return lambda found, value: found.get(f"{prefix}.{value}") if found.has(f"{prefix}.{value}") else value


def _languages(found: Texts, value: str) -> str:
    return ", ".join(language_name(code.strip(), found.language) for code in value.split(","))


def _place(found: Texts, params: Mapping[str, str]) -> str:
    """Where in a release something stands: 'caption of file 2, Georgian'."""
    field = f"{_coded('field')(found, params.get('field', ''))} {params.get('nth', '')}".strip()
    return ", ".join(filter(None, (field, _languages(found, params.get("language", "")))))


def _number(found: Texts, value: str) -> str:
    return format_decimal(int(value), locale=_CLDR[found.language]) if value.isdecimal() else value


_IN_BYTES = frozenset({"mail.clipped", "mail.too_large", "media.cannot_fit", "media.too_large", "media_too_large"})
"""Problems whose size and limit are counted in bytes."""

_NUMBERS = frozenset({"length", "limit", "pixels", "sum"})

_READABLE: dict[str, Callable[[Texts, Any], str]] = {
    "answer": _coded("link"),
    "field": _coded("field"),
    "language": _languages,
    "languages": _languages,
    "state": _coded("release"),
    "status": _coded("status"),
}
"""Parameters that are codes, and how each becomes a word of the language."""
