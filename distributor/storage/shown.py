"""Renderings as the worker reads them, kept while they are in use.

Pure memory; the SQL around it reads what is missing. A rendering's hash is computed when its bytes are read, and
compared before anything is sent with the one that was promised.
"""

from __future__ import annotations

import json

import structlog

from distributor.core.data import from_data
from distributor.core.rendering import Rendering
from distributor.storage.hot import Shown

log = structlog.get_logger(__name__)

KEPT = 64


class Renderings:
    """By row id. Nothing that was read goes before `trim`: whoever has read what he needs uses it without waiting in
    between, and then trims."""

    def __init__(self) -> None:
        self._kept: dict[int, Shown] = {}

    def missing(self, ids: set[int]) -> list[int]:
        """Those that must be read from the database."""
        return sorted(ids - self._kept.keys())

    def read(self, row_id: int, body: str, promised_hash: str) -> str:
        """Take one in. Returns why it cannot be read, '' where it can."""
        try:
            rendering = from_data(Rendering, json.loads(body))
        except ValueError as error:
            log.error("a rendering cannot be read", rendering=row_id, error=type(error).__name__)
            return f"its rendering (row {row_id}) cannot be read: {type(error).__name__}"
        self._kept[row_id] = Shown(rendering, rendering.hash, promised_hash)
        return ""

    def get(self, row_id: int) -> Shown:
        """One that was taken in before."""
        return self._kept[row_id]

    def trim(self) -> None:
        """Let the oldest go, down to `KEPT`."""
        for row_id in list(self._kept)[: max(len(self._kept) - KEPT, 0)]:
            self._kept.pop(row_id, None)
