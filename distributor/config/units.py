"""How operators write lengths of time, rates, addresses and lists; and what they become.

Pure. A bare number is never taken for a length of time: nobody can know whether seconds or hours were meant.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import timedelta
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Annotated, Any, NamedTuple
from zoneinfo import ZoneInfo

from pydantic import BeforeValidator

_SECONDS = {"s": 1, "min": 60, "m": 60, "h": 3600, "d": 86400, "day": 86400}
_DURATION = re.compile(r"(?:(\d+)(d|h|min|m|s))+")
_RATE = re.compile(r"(\d+)\s*/\s*(\d*)\s*(s|min|h|day)")


class Rate(NamedTuple):
    """At most `count` calls in any `seconds`."""

    count: int  # type: ignore[assignment]  # a rate is never searched as a tuple is: the word fits it better
    seconds: float

    def __str__(self) -> str:
        """As it is written in a settings file."""
        for unit in ("day", "h", "min", "s"):
            if self.seconds % _SECONDS[unit] == 0:
                many = int(self.seconds // _SECONDS[unit])
                return f"{self.count}/{many if many > 1 else ''}{unit}"
        return f"{self.count}/{self.seconds:g}s"


def duration(value: Any) -> timedelta:
    """'24h', '1h30m', '7d', '45s' as a length of time, longer than none."""
    if isinstance(value, timedelta):
        return value
    text = str(value).replace(" ", "")
    if not isinstance(value, str) or not _DURATION.fullmatch(text):
        raise ValueError('must be a length of time with its unit, such as "24h", "90m" or "7d"')
    seconds = sum(int(count) * _SECONDS[unit] for count, unit in re.findall(r"(\d+)(d|h|min|m|s)", text))
    if not 0 < seconds <= 366 * 86400:
        raise ValueError("must be longer than nothing and at most a year")
    return timedelta(seconds=seconds)


def duration_text(value: timedelta) -> str:
    """A length of time as it is written in a settings file."""
    seconds = int(value.total_seconds())
    unit = next(unit for unit in ("d", "h", "m", "s") if seconds % _SECONDS[unit] == 0)
    return f"{seconds // _SECONDS[unit]}{unit}"


def rate(value: Any) -> Rate:
    """'1/s', '20/min', '300/3h', '1000/day' as a count and seconds."""
    if isinstance(value, Rate):
        return value
    found = _RATE.fullmatch(value.strip()) if isinstance(value, str) else None
    if not found or int(found[1]) < 1 or (found[2] and int(found[2]) < 1):
        raise ValueError('must be a number of calls and a time, such as "1/s", "20/min", "300/3h" or "1000/day"')
    return Rate(int(found[1]), float(int(found[2] or 1) * _SECONDS[found[3]]))


def words(value: Any) -> Any:
    """A list; from a variable of the environment also as words with commas between them."""
    if isinstance(value, str):
        return tuple(word.strip() for word in value.split(",") if word.strip())
    return value


def endpoint(value: Any) -> str:
    """'127.0.0.1:8080', '[::1]:8080', 'localhost:8080', checked."""
    found = re.fullmatch(r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9.-]+):(\d{1,5})", str(value))
    if not found or int(found[2]) > 65535:
        raise ValueError('must be an address and a port, such as "127.0.0.1:8080"')
    return str(value)


def web_address(value: Any) -> str:
    """An http(s) address without a closing slash, a query or a password."""
    text = str(value).rstrip("/")
    if not re.fullmatch(r"https?://[^\s/?#@]+(/[^\s?#]*)?", text):
        raise ValueError('must be an address that begins with "https://" or "http://"')
    return text


def zone_name(value: Any) -> str:
    """An IANA time zone that this machine knows."""
    try:
        ZoneInfo(str(value))
    except (KeyError, ValueError, OSError):
        raise ValueError('must be a time zone of the IANA database, such as "Asia/Tbilisi"') from None
    return str(value)


def language_code(value: Any) -> str:
    """A language by its ISO 639 code."""
    if not isinstance(value, str) or not re.fullmatch(r"[a-z]{2,3}", value):
        raise ValueError('must be a language code of two or three small letters, such as "ka"')
    return value


def named(value: Any) -> str | dict[str, str]:
    """A name: one text, or texts by language."""
    if isinstance(value, str) and value.strip():
        return value
    if isinstance(value, dict) and value and all(isinstance(text, str) and text.strip() for text in value.values()):
        return {language_code(code): text for code, text in value.items()}
    raise ValueError("must be text in quotes, or a table of texts by language")


def network(value: Any) -> IPv4Network | IPv6Network:
    """A network, or one address, such as '10.0.0.0/8' or '::1'."""
    try:
        return ip_network(str(value))
    except ValueError:
        raise ValueError('must be a network, such as "10.0.0.0/8"') from None


def distinct(values: Sequence[str]) -> Sequence[str]:
    """A list in which nothing stands twice."""
    if len(set(values)) != len(values):
        raise ValueError("names something twice")
    return values


Duration = Annotated[timedelta, BeforeValidator(duration)]
RateText = Annotated[Rate, BeforeValidator(rate)]
Endpoint = Annotated[str, BeforeValidator(endpoint)]
WebAddress = Annotated[str, BeforeValidator(web_address)]
ZoneName = Annotated[str, BeforeValidator(zone_name)]
Language = Annotated[str, BeforeValidator(language_code)]
Named = Annotated[str | dict[str, str], BeforeValidator(named)]
Network = Annotated[IPv4Network | IPv6Network, BeforeValidator(network)]
Words = BeforeValidator(words)
