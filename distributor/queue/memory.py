"""The queue's embedded form: hints in memory.

Holds nothing that the database does not know; a restart empties it and the relay fills it again.
"""

from __future__ import annotations

import asyncio
import heapq
from collections.abc import Sequence

from distributor.core.ports import Ticket


class MemoryQueue:
    """core.ports.Queue in this process."""

    def __init__(self) -> None:
        self._heaps: dict[str, list[Ticket]] = {}
        self._known: set[int] = set()
        self._woken = asyncio.Event()

    async def offer(self, tickets: Sequence[Ticket]) -> None:
        """See Queue.offer."""
        for ticket in tickets:
            if ticket.delivery_id not in self._known:
                self._known.add(ticket.delivery_id)
                heapq.heappush(self._heaps.setdefault(ticket.lane, []), ticket)

    async def take(self, lane: str, most: int) -> list[Ticket]:
        """See Queue.take."""
        heap = self._heaps.get(lane, [])
        taken = [heapq.heappop(heap) for _ in range(min(most, len(heap)))]
        self._known.difference_update(ticket.delivery_id for ticket in taken)
        return taken

    async def wait(self, seconds: float) -> None:
        """See Queue.wait."""
        try:
            async with asyncio.timeout(max(seconds, 0)):
                await self._woken.wait()
        except TimeoutError:
            return
        self._woken.clear()

    async def wake(self) -> None:
        """See Queue.wake."""
        self._woken.set()

    async def size(self, lane: str) -> int:
        """See Queue.size."""
        return len(self._heaps.get(lane, []))

    async def aclose(self) -> None:
        """See Queue.aclose: nothing to release."""
