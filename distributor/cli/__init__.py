"""The command line.

May touch: what the composition root opens. Each command says in words what it did or what is wrong; exit 0 done,
1 found something wrong, 2 wrong use.
"""

from __future__ import annotations

import sys


def main() -> None:
    """The entry point of the command `distributor`."""
    from distributor.cli.commands import run  # typer is loaded only when the command runs

    sys.exit(run(sys.argv[1:]))
