"""The composition root: settings become running parts, and stop again.

The only place that knows which class serves which port. Arguments are passed; nothing is found by magic, and nothing
happens at import.
"""

from distributor.app.parts import CannotStart, Parts, lane_of, open_parts, utc_now
from distributor.app.service import STALE_AFTER, Service

__all__ = ["STALE_AFTER", "CannotStart", "Parts", "Service", "lane_of", "open_parts", "utc_now"]
