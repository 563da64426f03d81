"""Telegram's formatted text: HTML parsing, entity checks, lengths, automatic entities.

Pure functions after the Bot API's "Formatting options" and the checks of its server (tdlib's fix_entities). Offsets
and lengths of entities are UTF-16 code units, text lengths are code points. Raises `Refused` with the server's own
words.
"""

from __future__ import annotations

import html
import re
from dataclasses import dataclass
from typing import Any

from distributor.sandbox.telegram_errors import Refused, bad_request

TEXT_AT_MOST = 4096
CAPTION_AT_MOST = 1024

TAGS = {
    "b": "bold", "strong": "bold", "i": "italic", "em": "italic", "u": "underline", "ins": "underline",
    "s": "strikethrough", "strike": "strikethrough", "del": "strikethrough", "tg-spoiler": "spoiler",
    "span": "spoiler", "a": "text_link", "code": "code", "pre": "pre", "blockquote": "blockquote",
    "tg-emoji": "custom_emoji",
}  # fmt: skip
AUTOMATIC = frozenset({"mention", "hashtag", "cashtag", "bot_command", "url", "email", "phone_number"})
ENTITY_TYPES = frozenset(TAGS.values()) | AUTOMATIC | {"expandable_blockquote", "text_mention", "date_time"}
_TAG = re.compile(r"<(/?)([a-zA-Z-]+)((?:\s+[^<>]*?)?)\s*>")
_ATTRIBUTE = re.compile(r"""([a-zA-Z-]+)(?:\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s"'>]+)))?""")
_FOUND = re.compile(
    r"(?P<url>https?://[^\s<>\"]+[^\s<>\".,;:!?)\]»”])|(?<![\w/])(?P<bot_command>/[A-Za-z0-9_]{1,64}(?:@\w+)?)"
    r"|(?<!\w)(?P<hashtag>#\w+)|(?<!\w)(?P<mention>@[A-Za-z]\w{3,31})"
)

Entity = dict[str, Any]


def units(text: str) -> int:
    """Length in UTF-16 code units."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


@dataclass
class _Open:
    tag: str
    start: int
    extra: dict[str, Any]


def parse_html(source: str) -> tuple[str, list[Entity]]:
    """Text and entities of Telegram's HTML. Refuses unknown, unclosed and crossed tags as the server does."""
    text, position, opened, entities = "", 0, list[_Open](), list[Entity]()
    while position < len(source):
        cut = source.find("<", position)
        text += html.unescape(source[position : cut if cut >= 0 else len(source)])
        if cut < 0:
            break
        offset = len(source[:cut].encode())
        match = _TAG.match(source, cut)
        if match is None:
            raise bad_request(f'can\'t parse entities: Unsupported start tag "" at byte offset {offset}')
        closing, tag, attributes = match.group(1), match.group(2).lower(), match.group(3)
        if closing:
            entities.extend(_close(opened, tag, units(text), offset))
        else:
            opened.append(_open(tag, attributes, units(text), offset))
        position = match.end()
    if opened:
        raise bad_request(f"can't parse entities: Can't find end tag corresponding to start tag \"{opened[-1].tag}\"")
    entities.sort(key=lambda entity: (entity["offset"], -entity["length"]))
    return text, entities


def _open(tag: str, attributes: str, start: int, offset: int) -> _Open:
    if tag not in TAGS:
        raise bad_request(f'can\'t parse entities: Unsupported start tag "{tag}" at byte offset {offset}')
    values = {
        name.lower(): html.unescape(double or single or bare)
        for name, double, single, bare in _ATTRIBUTE.findall(attributes)
    }
    extra: dict[str, Any] = {"type": TAGS[tag]}
    if tag == "span" and values.get("class") != "tg-spoiler":
        raise bad_request(f'can\'t parse entities: Tag "span" must have class "tg-spoiler" at byte offset {offset}')
    if tag == "a":
        extra["url"] = values.get("href", "")
    if tag == "blockquote" and "expandable" in values:
        extra["type"] = "expandable_blockquote"
    if tag == "tg-emoji":
        extra["custom_emoji_id"] = values.get("emoji-id", "")
    if tag == "code" and values.get("class", "").startswith("language-"):
        extra["language"] = values["class"].removeprefix("language-")
    return _Open(tag, start, extra)


def _close(opened: list[_Open], tag: str, end: int, offset: int) -> list[Entity]:
    if not opened:
        raise bad_request(f"can't parse entities: Unexpected end tag at byte offset {offset}")
    last = opened.pop()
    if last.tag != tag:
        raise bad_request(
            f"can't parse entities: Unmatched end tag at byte offset {offset}, "
            f'expected "</{last.tag}>", found "</{tag}>"'
        )
    if end == last.start or (last.tag == "a" and not re.match(r"(https?|tg|mailto|tel):", last.extra["url"])):
        return []  # the server drops empty entities and links that it does not know
    return [{"type": last.extra["type"], "offset": last.start, "length": end - last.start, **last.extra}]


def _boundaries(text: str) -> dict[int, int]:
    """UTF-16 offset → byte offset, of every place where a character begins or the text ends."""
    places, at, byte = {0: 0}, 0, 0
    for character in text:
        at += 2 if ord(character) > 0xFFFF else 1
        byte += len(character.encode("utf-8", "surrogatepass"))
        places[at] = byte
    return places


def check_entities(text: str, entities: list[Entity]) -> list[Entity]:
    """The entities, checked against `text`; Refused where one lies outside of it or cuts a character."""
    places, whole = _boundaries(text), units(text)
    for entity in entities:
        kind, offset, length = entity.get("type"), entity.get("offset"), entity.get("length")
        if kind not in ENTITY_TYPES:
            raise bad_request(f'can\'t parse MessageEntity: Unsupported type "{kind}" specified')
        if not isinstance(offset, int) or not isinstance(length, int) or offset < 0 or length < 0:
            raise bad_request("receive an entity with incorrect offset or length")
        if offset + length > whole:
            raise bad_request(
                f"entity beginning at UTF-16 offset {offset} ends after the end of the text at UTF-16 offset {whole}"
            )
        if offset not in places:
            raise bad_request(f"entity begins in a middle of a UTF-16 symbol at byte offset {places[offset - 1]}")
        if offset + length not in places:
            raise bad_request(
                f"entity beginning at UTF-16 offset {offset} ends in a middle of a UTF-16 symbol "
                f"at byte offset {places[offset + length - 1]}"
            )
    return [entity for entity in entities if entity["length"] > 0]


def trimmed(text: str, entities: list[Entity]) -> tuple[str, list[Entity]]:
    """The text without blank ends, as the server keeps it, and its entities moved and cut to fit."""
    kept = text.strip()
    start = units(text[: len(text) - len(text.lstrip())]) if kept else 0
    end = start + units(kept)
    moved = []
    for entity in entities:
        first, last = max(entity["offset"], start), min(entity["offset"] + entity["length"], end)
        if first < last:
            moved.append({**entity, "offset": first - start, "length": last - first})
    return kept, moved


def with_found(text: str, entities: list[Entity]) -> list[Entity]:
    """Adds what the server finds by itself: links, commands, hashtags, mentions (outside of code and links)."""
    given = [entity for entity in entities if entity["type"] not in AUTOMATIC]
    closed = [entity for entity in given if entity["type"] in ("code", "pre", "text_link", "text_mention")]
    found = list(given)
    for match in _FOUND.finditer(text):
        offset, length = units(text[: match.start()]), units(match.group())
        if any(
            entity["offset"] < offset + length and offset < entity["offset"] + entity["length"] for entity in closed
        ):
            continue
        found.append({"type": str(match.lastgroup), "offset": offset, "length": length})
    return sorted(found, key=lambda entity: (entity["offset"], -entity["length"]))


def read_text(
    source: str, entities: list[Entity] | None, parse_mode: str | None, *, at_most: int, caption: bool
) -> tuple[str, list[Entity]]:
    """What a message will show: text and entities after parsing, trimming and every check of the server."""
    if "\x00" in source or any(0xD800 <= ord(character) <= 0xDFFF for character in source):
        raise bad_request("strings must be encoded in UTF-8")
    if parse_mode:
        if parse_mode.lower() != "html":
            raise Refused(400, "Bad Request: unsupported parse_mode")  # the sandbox speaks HTML only
        text, found = parse_html(source)
    else:
        text, found = source, check_entities(source, entities or [])
    text, found = trimmed(text, found)
    if len(text) > at_most:
        raise bad_request("message caption is too long" if caption else "message is too long")
    if not text and not caption:
        raise bad_request("message text is empty")
    return text, with_found(text, found)
