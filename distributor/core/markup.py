"""The text of a release: a small part of Markdown, as blocks of styled spans.

Pure. Written by authors (in Telegram, in files, over the API), read by every adapter: as plain text, as
text with entities (offsets in UTF-16 units), as HTML. Raw HTML is text, never markup; links lead to
http, https, mailto or tel, anything else keeps its words and loses the link.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cache
from html import escape

from markdown_it import MarkdownIt
from markdown_it.token import Token

from distributor.core.blocks import Block, BlockKind, Entity, Span, Style, safe_link
from distributor.core.markdown import escape_markdown, from_entities
from distributor.core.text import utf16_length

__all__ = [
    "Block",
    "BlockKind",
    "Entity",
    "Span",
    "Style",
    "escape_markdown",
    "from_entities",
    "html",
    "merge",
    "parse",
    "plain",
    "safe_link",
    "with_entities",
]


@cache
def _parser() -> MarkdownIt:
    rules = [
        "emphasis",
        "strikethrough",
        "link",
        "list",
        "blockquote",
        "heading",
        "backticks",
        "escape",
        "newline",
    ]
    parser = MarkdownIt("zero", {"html": False, "breaks": True}).enable(rules)
    # safe_link decides, so that the words of a refused link stay
    parser.validateLink = lambda url: bool(url)  # type: ignore[method-assign]
    return parser


def parse(source: str) -> tuple[Block, ...]:
    """The blocks of a Markdown text."""
    blocks: list[Block] = []
    quote = 0
    ordinals: list[int] = []  # 0 for a bullet list, the next number for an ordered one
    kind, in_item = BlockKind.PARAGRAPH, False
    for token in _parser().parse(source):
        match token.type:
            case "blockquote_open":
                quote += 1
            case "blockquote_close":
                quote -= 1
            case "bullet_list_open":
                ordinals.append(0)
            case "ordered_list_open":
                ordinals.append(int(token.attrGet("start") or 1))
            case "bullet_list_close" | "ordered_list_close":
                ordinals.pop()
            case "list_item_open":
                in_item = True
            case "heading_open":
                kind = BlockKind.HEADING
            case "heading_close":
                kind = BlockKind.PARAGRAPH
            case "inline":
                blocks.append(_block(token, kind, in_item, ordinals, quote))
                in_item = False
    return tuple(block for block in blocks if any(span.text.strip() for span in block.spans))


def _block(token: Token, kind: BlockKind, in_item: bool, ordinals: list[int], quote: int) -> Block:
    spans = tuple(_spans(token.children or []))
    if in_item and ordinals:
        number = ordinals[-1]
        if number:
            ordinals[-1] += 1
        return Block(BlockKind.ITEM, spans, number)
    return Block(BlockKind.QUOTE if quote else kind, spans)


def _spans(tokens: Iterable[Token]) -> Iterator[Span]:
    opened = {"strong": Style.BOLD, "em": Style.ITALIC, "s": Style.STRIKE}
    styles: list[Style] = []
    href = ""
    for token in tokens:
        name = token.type.removesuffix("_open").removesuffix("_close")
        if name in opened:
            if token.nesting == 1:
                styles.append(opened[name])
            else:
                styles.remove(opened[name])
        elif name == "link":
            href = safe_link(str(token.attrGet("href") or "")) if token.nesting == 1 else ""
        elif token.type in {"softbreak", "hardbreak"}:
            yield Span("\n", frozenset(styles), href)
        elif token.content:
            extra = {Style.CODE} if token.type == "code_inline" else set()
            yield Span(token.content, frozenset([*styles, *extra]), href)


def _prefix(block: Block) -> str:
    if block.kind is BlockKind.ITEM:
        return f"{block.ordinal}. " if block.ordinal else "• "
    return ""


def _gap(previous: Block | None, block: Block) -> str:
    if previous is None:
        return ""
    return "\n" if previous.kind is block.kind is BlockKind.ITEM else "\n\n"


def plain(blocks: Iterable[Block], *, links: bool = False) -> str:
    """The words alone; with `links`, the address follows the words that carried it, in brackets."""
    out: list[str] = []
    previous: Block | None = None
    for block in blocks:
        out.append(_gap(previous, block) + _prefix(block))
        for span in block.spans:
            out.append(span.text)
            if links and span.href and span.href not in span.text:
                out.append(f" ({span.href})")
        previous = block
    return "".join(out)


def with_entities(blocks: Iterable[Block]) -> tuple[str, tuple[Entity, ...]]:
    """The words, with styles and links as entities. Headings are bold, quotations italic."""
    text: list[str] = []
    found: list[Entity] = []
    at = 0
    previous: Block | None = None
    implied = {BlockKind.HEADING: Style.BOLD, BlockKind.QUOTE: Style.ITALIC}
    for block in blocks:
        lead = _gap(previous, block) + _prefix(block)
        text.append(lead)
        at += utf16_length(lead)
        for span in block.spans:
            size = utf16_length(span.text)
            styles = span.styles | ({implied[block.kind]} if block.kind in implied else set())
            found += [Entity(style.value, at, size) for style in sorted(styles)]
            if span.href:
                found.append(Entity("text_link", at, size, span.href))
            text.append(span.text)
            at += size
        previous = block
    return "".join(text), tuple(merge(found))


def merge(entities: Iterable[Entity]) -> list[Entity]:
    """Neighbouring entities of one kind and address joined, in the order of their offsets."""
    joined: list[Entity] = []
    for entity in sorted(entities, key=lambda item: (item.kind, item.href, item.offset)):
        last = joined[-1] if joined else None
        if last and (last.kind, last.href) == (entity.kind, entity.href) and last.offset + last.length == entity.offset:
            joined[-1] = Entity(last.kind, last.offset, last.length + entity.length, last.href)
        else:
            joined.append(entity)
    return sorted(joined, key=lambda item: (item.offset, -item.length, item.kind))


_TAGS = {Style.BOLD: "strong", Style.ITALIC: "em", Style.STRIKE: "s", Style.CODE: "code"}
_BLOCK_TAGS = {BlockKind.PARAGRAPH: "p", BlockKind.HEADING: "h2", BlockKind.QUOTE: "blockquote"}


def html(blocks: Iterable[Block]) -> str:
    """HTML made of escaped text and eight known tags; nothing of the author's is markup."""
    out: list[str] = []
    open_list = ""
    for block in blocks:
        wanted = ("ol" if block.ordinal else "ul") if block.kind is BlockKind.ITEM else ""
        if open_list and open_list != wanted:
            out.append(f"</{open_list}>")
        if wanted and open_list != wanted:
            out.append(f'<ol start="{block.ordinal}">' if wanted == "ol" and block.ordinal != 1 else f"<{wanted}>")
        open_list = wanted
        tag = "li" if wanted else _BLOCK_TAGS[block.kind]
        out.append(f"<{tag}>{''.join(_span_html(span) for span in block.spans)}</{tag}>")
    if open_list:
        out.append(f"</{open_list}>")
    return "".join(out)


def _span_html(span: Span) -> str:
    inner = escape(span.text).replace("\n", "<br>")
    for style in sorted(span.styles):
        inner = f"<{_TAGS[style]}>{inner}</{_TAGS[style]}>"
    return f'<a href="{escape(span.href)}">{inner}</a>' if span.href else inner
