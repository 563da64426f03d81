"""Markdown written for an author: words escaped, and a message's styles as marks.

Pure. What is written here, `markup.parse` reads back as the same words with the same styles.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from itertools import pairwise

from distributor.core.blocks import Entity, safe_link

_SPECIAL = re.compile(r"([\\`*_~\[\]<>])")
_LINE_START = re.compile(r"(?m)^(\s*)(#{1,6}(?=\s|$)|[+-](?=\s|$)|\d+[.)](?=\s|$))")


def escape_markdown(text: str) -> str:
    """Text that parses back to itself: every character that Markdown would read is escaped."""
    return _LINE_START.sub(_escape_line_start, _SPECIAL.sub(r"\\\1", text))


def _escape_line_start(match: re.Match[str]) -> str:
    mark = match[2]
    return f"{match[1]}\\{mark}" if mark[0] in "#+-" else f"{match[1]}{mark[:-1]}\\{mark[-1]}"


def from_entities(text: str, entities: Iterable[Entity]) -> str:
    """Markdown for a message as Telegram gives it: text with bold, italic, strikethrough, code, text_link.

    Other kinds are dropped, their words stay. Marks never enclose spaces at their edges, where Markdown
    would not read them.
    """
    units = text.encode("utf-16-le", "replace")
    known = [item for item in entities if _counts(item)]
    edges = {0, len(units) // 2, *(i.offset for i in known), *(i.offset + i.length for i in known)}
    out = []
    for start, end in pairwise(sorted(edge for edge in edges if 0 <= edge <= len(units) // 2)):
        piece = units[start * 2 : end * 2].decode("utf-16-le", "replace")
        core = piece.strip()
        covering = [item for item in known if item.offset <= start and item.offset + item.length >= end]
        if not core or not covering:
            out.append(escape_markdown(piece))
            continue
        before, after = piece[: piece.index(core)], piece[piece.index(core) + len(core) :]
        out.append(before + _marked(core, covering) + after)
    return "".join(out)


_MARKS = {"italic": "*", "bold": "**", "strikethrough": "~~"}


def _counts(entity: Entity) -> bool:
    if entity.kind == "text_link":
        return bool(safe_link(entity.href))
    return entity.kind == "code" or entity.kind in _MARKS


def _marked(core: str, covering: list[Entity]) -> str:
    """The words with their marks. Marks do not reach over a paragraph break: each paragraph carries its own."""
    code = any(entity.kind == "code" for entity in covering)
    out = []
    for place, part in enumerate(re.split(r"(\s*\n\s*\n\s*)", core)):
        if place % 2:
            out.append(part)
            continue
        inner = "\n".join(map(_code, part.split("\n"))) if code else escape_markdown(part)
        for entity in covering:
            if entity.kind in _MARKS:
                inner = f"{_MARKS[entity.kind]}{inner}{_MARKS[entity.kind]}"
            elif entity.kind == "text_link":
                address = re.sub(r"([\\&])", r"\\\1", safe_link(entity.href))
                inner = f"[{inner}](<{address}>)"
        out.append(inner)
    return "".join(out)


def _code(line: str) -> str:
    """A line between backticks, more of them than it holds itself (CommonMark 0.31, 6.1)."""
    longest = max(map(len, re.findall("`+", line)), default=0)
    edge = " " if line.startswith("`") or line.endswith("`") else ""
    fence = "`" * (longest + 1)
    return f"{fence}{edge}{line.strip()}{edge}{fence}" if line.strip() else line
