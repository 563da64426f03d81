"""Which form of the queue and of the events a url names.

Opens no connection by itself: the queue does when it starts.
"""

from __future__ import annotations

from distributor.queue.events import LocalEvents, RedisEvents
from distributor.queue.link import Link
from distributor.queue.memory import MemoryQueue
from distributor.queue.redis import RedisQueue


def queue_and_events(url: str) -> tuple[MemoryQueue | RedisQueue, LocalEvents]:
    """The queue and the live events for `queue.url`: memory://, redis://, rediss:// or unix://. Close the events first.

    ValueError for a url that names none of them.
    """
    if url.startswith("memory://"):
        return MemoryQueue(), LocalEvents()
    link = Link(url)
    return RedisQueue(link), RedisEvents(link)
