"""How the command line speaks: tables for people, JSON for programs, problems in words.

May touch: standard output and standard error.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from distributor.log import redact


def say(text: str) -> None:
    """One line for people, on standard output."""
    Console(highlight=False, soft_wrap=True).print(escape(text))


def complain(text: str) -> None:
    """What is wrong and what to do next, on standard error, without secrets."""
    Console(stderr=True, highlight=False, soft_wrap=True).print(escape(redact(text)))


def listing(rows: Sequence[dict[str, Any]], columns: Sequence[str], as_json: bool, title: str = "") -> None:
    """Rows as a table, or every field of them as a JSON list."""
    if as_json:
        print(json.dumps(list(rows), default=_plain, ensure_ascii=False, indent=2))
        return
    table = Table(title=title or None, header_style="bold")
    for column in columns:
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(*(escape(_cell(row.get(column))) for column in columns))
    Console(highlight=False).print(table)


def _cell(value: Any) -> str:
    if isinstance(value, datetime):
        return value.astimezone().strftime("%Y-%m-%d %H:%M:%S")
    if isinstance(value, list | tuple):
        return "\n".join(str(item) for item in value)
    return "" if value is None else str(value)


def _plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, datetime) else str(value)
