"""What a channel that is our own website can do beside core.channel.Channel.

Pure data and protocols.
"""

from __future__ import annotations

from typing import Any, Protocol, runtime_checkable

from distributor.core.release import Action
from distributor.core.rendering import Rendering


@runtime_checkable
class Paged(Protocol):
    """Its pages can be made again from what was approved, so that what stands is compared with what should."""

    def page(self, action: Action, before: dict[str, Any] | None, rendering: Rendering) -> dict[str, Any] | None:
        """What a delivery makes of a page (core.ports.MakePage); its times say nothing."""

    def page_url(self, slug: str) -> str:
        """The public address of a page."""
