"""The website: newsroom, feeds, console, hooks, health; server-rendered, usable without JavaScript.

May touch: the newsroom's pages, the uses of the office, stored files that a published page names. Decides nothing by
itself.
"""

from distributor.web.app import Server, build
from distributor.web.health import Readiness, readiness

__all__ = ["Readiness", "Server", "build", "readiness"]
