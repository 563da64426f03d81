"""Texts of the platforms as safe HTML: Telegram's entities, links in posts, mails.

Everything is escaped; the only markup is what these functions add, and only http, https, mailto and tel links become
links. A mail's own HTML is never mixed into the page: it goes alone into a sandboxed frame. Pure.
"""

from __future__ import annotations

import base64
import re
from email.message import EmailMessage
from typing import Any

from markupsafe import Markup, escape

TAGS = {
    "bold": "b", "italic": "i", "underline": "u", "strikethrough": "s", "code": "code", "pre": "pre",
    "blockquote": "blockquote", "expandable_blockquote": "blockquote",
}  # fmt: skip
LINK = re.compile(r"https?://[^\s<>\"]+[^\s<>\".,;:!?)\]»”]|(?<!\w)#\w+|(?<!\w)@[A-Za-z]\w{2,}")
SAFE = re.compile(r"(https?|mailto|tel|tg):", re.IGNORECASE)


def _open(entity: dict[str, Any], covered: str) -> tuple[Markup, Markup]:
    kind = entity["type"]
    if kind in TAGS:
        return Markup(f"<{TAGS[kind]}>"), Markup(f"</{TAGS[kind]}>")  # noqa: S704  # from the table above
    address = entity.get("url", covered)
    if kind in ("text_link", "url") and SAFE.match(address):
        return Markup('<a href="{}" target="_blank" rel="noopener noreferrer">').format(address), Markup("</a>")
    return Markup('<span class="{}">').format("spoiler" if kind == "spoiler" else "accent"), Markup("</span>")


def with_entities(text: str, entities: list[dict[str, Any]]) -> Markup:
    """Telegram's text as HTML. Offsets are UTF-16 units; an entity that crosses another is cut at the other's end."""
    raw = text.encode("utf-16-le", "surrogatepass")

    def piece(start: int, end: int) -> str:
        return raw[start * 2 : end * 2].decode("utf-16-le", "replace")

    out, at, stack = Markup(), 0, list[tuple[int, Markup]]()

    def advance(to: int) -> None:
        nonlocal out, at
        while stack and stack[-1][0] <= to:
            end, closing = stack.pop()
            out += escape(piece(at, end)) + closing
            at = end
        out += escape(piece(at, to))
        at = max(at, to)

    for entity in sorted(entities, key=lambda one: (one["offset"], -one["length"])):
        start, end = entity["offset"], entity["offset"] + entity["length"]
        advance(start)
        end = min(end, stack[-1][0]) if stack else end
        opening, closing = _open(entity, piece(start, end))
        out += opening
        stack.append((end, closing))
    advance(len(raw) // 2)
    return out


def with_links(text: str) -> Markup:
    """A post's text with its links, hashtags and mentions."""
    out, at = Markup(), 0
    for match in LINK.finditer(text):
        out += escape(text[at : match.start()])
        found, at = match.group(), match.end()
        if found.startswith("http"):
            shown = found.partition("://")[2].removesuffix("/")
            shown = shown if len(shown) <= 40 else shown[:39] + "…"
            out += Markup('<a href="{}" target="_blank" rel="noopener noreferrer">{}</a>').format(found, shown)
        else:
            out += Markup('<span class="accent">{}</span>').format(found)
    return out + escape(text[at:])


def mail_html(message: EmailMessage) -> str:
    """The HTML of a mail for the sandboxed frame, inline pictures as data; its text in <pre> where there is no HTML."""
    body = message.get_body(("html", "plain"))
    if body is None:
        return "<p>(no text)</p>"
    content = str(body.get_content())
    if body.get_content_type() == "text/plain":
        return f"<pre style='white-space:pre-wrap;font:14px/1.5 system-ui'>{escape(content)}</pre>"
    for part in message.walk():
        name = str(part.get("Content-ID", "")).strip("<> ")
        data = part.get_payload(decode=True) if name and part.get_content_maintype() == "image" else None
        if isinstance(data, bytes):
            address = f"data:{part.get_content_type()};base64,{base64.b64encode(data).decode()}"
            content = content.replace(f"cid:{name}", address)
    return content
