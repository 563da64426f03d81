"""How long this machine has been up, by the one clock that nobody sets.

Touches the kernel's clock and the name that it gives each start. Other systems than Linux have neither.
"""

from __future__ import annotations

import time
from datetime import timedelta
from pathlib import Path

from distributor.core.clock import Uptime

BOOT = Path("/proc/sys/kernel/random/boot_id")


def uptime() -> Uptime | None:
    """See core.clock.Uptime; None where the system does not tell."""
    which = getattr(time, "CLOCK_BOOTTIME", None)  # runs on while the machine sleeps, unlike the loop's clock
    if which is None:
        return None
    try:
        boot = BOOT.read_text(encoding="ascii").strip()
    except (OSError, ValueError):
        return None
    return Uptime(boot, timedelta(seconds=time.clock_gettime(which))) if boot else None
