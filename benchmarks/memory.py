"""How much memory this process has held at the most.

Reads /proc, where there is one. `getrusage` will not do: its figure survives exec, so that a child begins with its
parent's.
"""

from __future__ import annotations

import resource
from pathlib import Path

_STATUS = Path("/proc/self/status")


def most_resident() -> int:
    """Bytes; where there is no /proc, what getrusage says, which may be the parent's."""
    if _STATUS.exists():
        for line in _STATUS.read_text("ascii").splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
