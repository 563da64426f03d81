"""One figure of a measurement: what `benchmarks/latest.json` holds, and how several runs become one.

Pure; touches nothing.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterable
from typing import Any

Result = dict[str, Any]
"""{"name", "value", "unit", "against", "ratio"}: `against` is what the value is held against, in the same unit, or in
words; `ratio` is value / against. Both are None where there is nothing to hold it against."""

FIELDS = ("name", "value", "unit", "against", "ratio")


def result(name: str, value: float, unit: str, against: float | None = None) -> Result:
    """A figure, with its ratio where it is held against another. ValueError for one that cannot be right."""
    ratio = None if against is None else value / against
    return checked({"name": name, "value": value, "unit": unit, "against": against, "ratio": ratio})


def checked(item: Result) -> Result:
    """The same, if it keeps the contract; else ValueError, which names the field."""
    if tuple(item) != FIELDS:
        raise ValueError(f"a result has the fields {', '.join(FIELDS)}, not {', '.join(item)}")
    for field in ("name", "unit"):
        if not isinstance(item[field], str) or not item[field]:
            raise ValueError(f"{field} is a text: {item}")
    if not _is_number(item["value"]) or item["value"] < 0:
        raise ValueError(f"value is a number, zero or more: {item}")
    if item["against"] is not None and not isinstance(item["against"], str) and not _is_number(item["against"]):
        raise ValueError(f"against is a number, a text or nothing: {item}")
    if (item["ratio"] is None) != (item["against"] is None) or not (item["ratio"] is None or _is_number(item["ratio"])):
        raise ValueError(f"ratio is a number where there is something to hold the value against: {item}")
    return item


def median(values: Iterable[float]) -> float:
    """The middle of several runs: one run that a neighbour on the machine disturbed does not count."""
    return statistics.median(values)


def value_of(results: Iterable[Result], name: str) -> float:
    """The value of the result with this name; LookupError where it was not measured."""
    for item in results:
        if item["name"] == name:
            return float(item["value"])
    raise LookupError(f"{name!r} was not measured in this run")


def _is_number(value: object) -> bool:
    # NaN and infinity are no figures, and no JSON either.
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < float("inf")
