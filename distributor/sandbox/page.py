"""placeholder until the page is written (next step of this build)."""

from __future__ import annotations

from typing import Any

from aiohttp import web


class Page:
    def __init__(self, *a: Any) -> None:
        self.samples: list[Any] = []
        self.links: list[Any] = []

    def routes(self) -> list[web.RouteDef]:
        return []
