"""Runs the measurements one group after another: `python -m benchmarks [--only NAME …] [--quick]`.

May touch: benchmarks/latest.json, and after a whole run the table in benchmarks/RESULTS.md; what the groups touch they
say themselves. The figures of a shared machine are noisy: medians, and what they are held against, count.

A group is a module with SETUP, one sentence on how it measures, and `async def measure(…)`, which gives results (see
benchmarks/results.py). Where `measure` takes `quick`, it is told whether a rough figure is enough; where it takes
`earlier`, it is given all results so far, to be held against.
"""

from __future__ import annotations

import argparse
import asyncio
import importlib
import inspect
import sys
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

from benchmarks import report
from benchmarks.report import Group
from benchmarks.results import Result, checked
from distributor import log

HERE = Path(__file__).resolve().parent
GROUPS = {
    "first_byte": "benchmarks.first_byte",
    "peers": "benchmarks.peers",
    "raw": "benchmarks.raw",
    "http": "benchmarks.http_loop",
    "mail": "benchmarks.mail",
    "engine": "benchmarks.engine",
    "whole": "benchmarks.whole",
    "tokens": "benchmarks.tokens",
    "dispatch": "benchmarks.dispatch",
    "rates": "benchmarks.rates",
    "fanout": "benchmarks.fanout",
    "growth": "benchmarks.growth",
}


class GroupMissing(RuntimeError):
    """A group cannot be measured here; the message says why."""


def load(name: str) -> ModuleType:
    """The module of a group. GroupMissing where there is none, or where it needs what is not installed."""
    module = GROUPS[name]
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        if error.name == module:
            raise GroupMissing(f"the group {name} is missing: {module.replace('.', '/')}.py is not there") from None
        raise GroupMissing(f"the group {name} needs {error.name}: `make setup-bench` installs it") from error


async def run(name: str, module: ModuleType, *, quick: bool, earlier: Sequence[Result]) -> Group:
    """Measure one group. ValueError where a result breaks the contract."""
    offered: dict[str, Any] = {"quick": quick, "earlier": list(earlier)}
    taken = inspect.signature(module.measure).parameters
    results = await module.measure(**{word: value for word, value in offered.items() if word in taken})
    return Group(name, module.SETUP, [checked(item) for item in results])


def main(words: Sequence[str] | None = None, folder: Path = HERE) -> int:
    """Measure, print and write. 0 when all is measured, 1 when a group is missing; wrong words end with 2."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="Measure, print, write latest.json.")
    parser.add_argument("--only", nargs="+", choices=list(GROUPS), metavar="NAME", help=", ".join(GROUPS))
    parser.add_argument("--quick", action="store_true", help="a tenth of the work, once: to see that it runs")
    chosen = parser.parse_args(words)
    log.configure("error", "console", ())
    try:
        # All of them before the first is measured: a name that is missing shows at once, not after minutes.
        modules = {name: load(name) for name in GROUPS if name in (chosen.only or GROUPS)}
    except GroupMissing as missing:
        print(f"benchmarks: {missing}", file=sys.stderr)
        return 1
    facts = report.machine()
    print("\n".join(f"{name}: {said}" for name, said in facts.items()), flush=True)
    groups: list[Group] = []
    for name, module in modules.items():
        earlier = [item for group in groups for item in group.results]
        groups.append(asyncio.run(run(name, module, quick=chosen.quick, earlier=earlier)))
        print("\n" + "\n".join(report.lines(groups[-1])), flush=True)
    report.write_json(groups, folder)
    if chosen.quick or chosen.only:
        print("\nlatest.json is written; RESULTS.md is left as it is, since this was no whole run")
    else:
        report.write_table(groups, folder, facts)
        print("\nlatest.json and the table of RESULTS.md are written")
    return 0


if __name__ == "__main__":
    sys.exit(main())
