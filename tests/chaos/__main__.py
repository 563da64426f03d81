"""`python -m tests.chaos`: deliveries on real processes while everything is hit. Ends with one line and with 0 or 1.

The line: deliveries promised, SIGKILLs dealt (workers, Redis, PostgreSQL), lost, doubled, ambiguous (deliveries of
which it was not known for a time whether they are there).
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
from pathlib import Path

from distributor import log
from tests.chaos.plan import make_plan
from tests.chaos.run import run

LIMIT = 510.0  # seconds; with set-up and end it stays under ten minutes


def main() -> int:
    """0 where nothing was lost, doubled or otherwise wrong."""
    options = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    options.add_argument("--deliveries", type=int, default=10_000)
    options.add_argument("--seconds", type=float, default=150.0, help="for how long everything is hit")
    options.add_argument("--every", type=float, default=1.5, help="seconds between two blows, in the mean")
    options.add_argument("--limit", type=float, default=LIMIT, help="seconds after which it is counted as it stands")
    options.add_argument("--seed", type=int, default=1)
    options.add_argument("--folder", type=Path, help="keep settings and the workers' logs here")
    given = options.parse_args()
    plan = make_plan(given.seed, given.deliveries, given.seconds, given.every)
    with tempfile.TemporaryDirectory(prefix="distributor-chaos-") as temporary:
        folder = given.folder or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        with (folder / "driver.log").open("w") as own:
            log.configure("warning", "console", stream=own)
            tally = asyncio.run(run(plan, folder, _say, given.limit))
    print(tally.line(), flush=True)
    return 0 if tally.sound else 1


def _say(line: str) -> None:
    print(line, flush=True)


if __name__ == "__main__":
    sys.exit(main())
