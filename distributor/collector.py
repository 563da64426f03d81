"""Python's garbage collector, at the pace of a process that runs for months.

May touch: the collector of this process. Measured (`make bench`): at its usual pace it takes two fifths of the time of
a delivery, for it walks through everything that was ever imported again and again and finds nothing.
"""

from __future__ import annotations

import gc

# New objects between two collections of the youngest. A batch of a thousand deliveries makes tens of thousands, all
# gone by themselves when it is done.
YOUNGEST = 20_000
OLDER = 20  # collections of one generation between two of the next


def settle() -> None:
    """To be called when all is imported and started: what is there stays for good, and is not looked at again."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNGEST, OLDER, OLDER)
