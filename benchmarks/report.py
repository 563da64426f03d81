"""What becomes of the figures: lines for the terminal, benchmarks/latest.json, the table in benchmarks/RESULTS.md.

May touch: those two files, in the folder it is given; asks the servers' programs for their versions. Never writes a
path, a name or an address of the machine that measured.
"""

from __future__ import annotations

import json
import os
import platform
import shutil
import sqlite3
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from benchmarks.results import Result, checked
from tests.services import postgres_programs

BEGIN, END = "<!-- results: begin -->", "<!-- results: end -->"
LIBRARIES = (
    "aiohttp", "aiosmtplib", "asyncpg", "hiredis", "python-telegram-bot", "redis", "saq", "SQLAlchemy", "taskiq",
    "taskiq-redis", "uvloop",
)  # fmt: skip


@dataclass(frozen=True)
class Group:
    """One group of measurements: its name, one sentence on how it was set up, and what came out."""

    name: str
    setup: str
    results: Sequence[Result]


def figure(value: float) -> str:
    """A number as people read it: three digits that count, thousands apart."""
    size = abs(value)
    places = 0 if size >= 100 or value == 0 else 1 if size >= 10 else 2 if size >= 0.1 else 4
    return f"{value:,.{places}f}"


def held_against(item: Result) -> str:
    """`0.37 × 11,863` or, where it is held against something in words, `0.37 × smtp-source`; '' without either."""
    if item["against"] is None:
        return ""
    against = item["against"] if isinstance(item["against"], str) else figure(item["against"])
    return f"{figure(item['ratio'])} × {against}"


def lines(group: Group) -> Iterator[str]:
    """The group for the terminal: name and setup, then a line for each figure."""
    yield f"{group.name}: {group.setup}"
    width = max((len(item["name"]) for item in group.results), default=0)
    for item in group.results:
        line = f"  {item['name']:<{width}}  {figure(item['value']):>11} {item['unit']:<11} {held_against(item)}"
        yield line.rstrip()


def table(groups: Sequence[Group], facts: dict[str, str]) -> str:
    """The part of RESULTS.md that a run writes: the machine, then a table for each group."""
    parts = ["\n".join(f"- {name}: {_cell(said)}" for name, said in facts.items())]
    for group in groups:
        rows = ["| measured | value | unit | ratio × held against |", "|---|---:|---|---|"]
        rows += [
            f"| {_cell(item['name'])} | {figure(item['value'])} | {_cell(item['unit'])} | {_cell(held_against(item))} |"
            for item in group.results
        ]
        parts += [f"### {group.name}", group.setup, "\n".join(rows)]
    return "\n\n".join(parts)


def replaced(document: str, between: str) -> str:
    """The document with this text between its two marks. ValueError unless each mark stands there once, in order."""
    before, begin, rest = document.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end or BEGIN in rest or END in after or END in before:
        raise ValueError(f"RESULTS.md needs the line {BEGIN} and after it {END}, once each")
    return f"{before}{BEGIN}\n\n{between}\n\n{END}{after}"


def write_json(groups: Sequence[Group], folder: Path) -> Path:
    """All figures of this run, as one list; ValueError for one that breaks the contract."""
    path = folder / "latest.json"
    flat = [checked(item) for group in groups for item in group.results]
    path.write_text(json.dumps(flat, indent=2, ensure_ascii=False, allow_nan=False) + "\n", encoding="utf-8")
    return path


def write_table(groups: Sequence[Group], folder: Path, facts: dict[str, str]) -> Path:
    """The table in RESULTS.md; the text around it stays as it is."""
    path = folder / "RESULTS.md"
    path.write_text(replaced(path.read_text("utf-8"), table(groups, facts)), encoding="utf-8")
    return path


def machine() -> dict[str, str]:
    """What the figures depend on: the processor, the system, and the version of everything measured."""
    installed = {name: found for name in LIBRARIES if (found := _version(name))}
    return {
        "measured": f"{datetime.now(UTC):%Y-%m-%d}, load of the machine before it {os.getloadavg()[0]:.2f}",
        "machine": f"{len(os.sched_getaffinity(0))} cores, {_processor()}, {_memory()}, {_system()}",
        "Python": platform.python_version(),
        "libraries": ", ".join(f"{name} {found}" for name, found in installed.items()),
        "servers": f"Redis {_redis()}, PostgreSQL {_postgresql()}, SQLite {sqlite3.sqlite_version}",
    }


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def _version(library: str) -> str:
    try:
        return version(library)
    except PackageNotFoundError:
        return ""  # a peer that this run did not need


def _line_of(path: str, start: str) -> str:
    """What stands after the colon in the first line of a /proc file that begins so; '' where there is none."""
    for line in Path(path).read_text("utf-8").splitlines():
        if line.startswith(start):
            return line.partition(":")[2].strip()
    return ""


def _processor() -> str:
    return _line_of("/proc/cpuinfo", "model name") or platform.machine()


def _memory() -> str:
    return f"{int(_line_of('/proc/meminfo', 'MemTotal').split()[0]) / 1024**2:.0f} GiB"


def _system() -> str:
    return f"{platform.freedesktop_os_release()['PRETTY_NAME']}, Linux {'.'.join(platform.release().split('.')[:2])}"


def _redis() -> str:
    program = shutil.which("redis-server")
    said = _said(program, "--version") if program else ""
    return next((word[2:] for word in said.split() if word.startswith("v=")), "not found")


def _postgresql() -> str:
    return _said(str(postgres_programs() / "postgres"), "--version").split()[2]


def _said(program: str, option: str) -> str:
    return subprocess.run([program, option], capture_output=True, text=True, check=True).stdout
