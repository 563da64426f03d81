"""The domain's data as canonical JSON: what is stored, hashed and compared.

Pure. One encoding for every dataclass of the core, so that a hash made today can be made again in ten years.
"""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

from pydantic import TypeAdapter

T = TypeVar("T")

Json = dict[str, Any]

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


_adapters: dict[Any, TypeAdapter[Any]] = {}  # building one is slow, and a kind never changes


def _adapter(kind: Any) -> TypeAdapter[Any]:
    if kind not in _adapters:
        _adapters[kind] = TypeAdapter(kind)
    return _adapters[kind]


def to_data(value: Any) -> Any:
    """A dataclass of the core as plain JSON values (times in ISO 8601 with offset)."""
    return _adapter(type(value)).dump_python(value, mode="json")


def from_data(kind: type[T], data: Any) -> T:
    """The dataclass that `to_data` made the data from. Raises pydantic's ValidationError on foreign data."""
    result: T = _adapter(kind).validate_python(data)
    return result


def canonical(data: Any) -> bytes:
    """JSON bytes with sorted keys and no spaces: equal data gives equal bytes."""
    return json.dumps(data, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode()


def digest(data: Any) -> str:
    """SHA-256, in hex, over the canonical bytes."""
    return hashlib.sha256(canonical(data)).hexdigest()


def aware(moment: datetime) -> datetime:
    """The moment in UTC. A naive time is refused: nobody can know which zone it was meant in."""
    if moment.tzinfo is None or moment.utcoffset() is None:
        raise ValueError(f"time without a zone: {moment.isoformat()}; add one, for example +04:00")
    return moment.astimezone(UTC)


def to_micros(moment: datetime) -> int:
    """Microseconds since 1970 UTC, as the database keeps times."""
    return (aware(moment) - EPOCH) // timedelta(microseconds=1)


def from_micros(value: int) -> datetime:
    """The UTC time of so many microseconds since 1970."""
    return EPOCH + timedelta(microseconds=value)
