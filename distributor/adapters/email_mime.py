"""The parts of a mail, encoded once for a rendering, with room for what is the reader's own.

Pure. Encoding a text costs a hundred times what a mail may cost at full speed, and only its last lines differ from
reader to reader: those alone are encoded for each. Quoted-printable where the text stays readable in it, else base64:
both are seven bits, so that no relay has a reason to change the content on its way and break the signature.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from distributor.adapters.email_notices import PLACES, UNSUBSCRIBE
from distributor.core.rendering import Part

_LINE = 57  # bytes that make one line of 76 in base64

# The standard library's quoted-printable forgets that a space at a line's end takes three characters.
_ONE_TOO_LONG = re.compile(rb"^([^\n]{74})(=20|=09)(?=\r$)", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Linked:
    """An encoded text: `fixed`, then what `encode` makes of `before` and of each place's value with what follows it,
    then `end`. A text without a place is all `fixed`.
    """

    encoding: str
    fixed: bytes
    before: bytes = b""
    places: tuple[tuple[int, bytes], ...] = ()  # which of the reader's values, and what follows it
    end: bytes = b""
    encode: Callable[[bytes], bytes] | None = None

    def tail(self, values: Sequence[bytes]) -> bytes:
        """All that follows `fixed`."""
        if self.encode is None:
            return b""
        own = self.before
        for place, after in self.places:
            own += values[place] + after
        return self.encode(own) + self.end


@dataclass(frozen=True, slots=True)
class Body:
    """The MIME headers and parts of a mail, but for what is the readers' own."""

    opening: bytes  # from MIME-Version up to the fixed lines of the text
    text: Linked
    between: bytes
    html: Linked
    closing: bytes

    def filled(self, *values: bytes) -> tuple[bytes, ...]:
        """The pieces of the body with this reader's values, in the order of the part's PLACES: ASCII http addresses,
        and words without marks of HTML."""
        in_html = [value.replace(b"&", b"&amp;").replace(b'"', b"%22") for value in values]
        return self.opening, self.text.tail(values), self.between, self.html.tail(in_html), self.closing


def body(part: Part, picture: bytes | None, cid: str) -> Body:
    """The body of a rendering's one part. `picture` is the content of its rendition, `cid` its Content-ID."""
    places = PLACES[part.kind]
    text, html = linked(part.text, places), linked(part.html, places)
    # The same at every attempt; '=_' cannot occur in quoted-printable or base64.
    mark = f"=_{hashlib.sha256(f'{part.text}{part.html}{cid}'.encode()).hexdigest()[:24]}"
    outer, inner = f"{mark}_0", f"{mark}_1"
    rich = _head(_text_type("html"), html.encoding)
    closing = f"\r\n--{outer}--\r\n".encode()
    if part.media and picture is not None:
        kind = part.media[0].rendition.media_type
        extra = (f"Content-ID: <{cid}>", "Content-Disposition: inline")
        shown = _head(kind, "base64", *extra) + _base64(picture)
        # RFC 2387 asks for the type of the part that the picture belongs to.
        rich = _head(f'multipart/related; type="text/html";\r\n boundary="{inner}"') + _next(inner) + rich
        closing = _next(inner) + shown + f"\r\n--{inner}--\r\n".encode() + closing
    return Body(
        opening=b"MIME-Version: 1.0\r\n"
        + _head(f'multipart/alternative;\r\n boundary="{outer}"')
        + _next(outer)
        + _head(_text_type("plain"), text.encoding)
        + text.fixed,
        text=text,
        between=_next(outer) + rich + html.fixed,
        html=html,
        closing=closing,
    )


def linked(text: str, places: Sequence[str] = (UNSUBSCRIBE,)) -> Linked:
    """A text in the shorter of the two encodings. Of each place only the last occurrence counts, before those of the
    places after it: they are in the foot."""
    rest = "\r\n".join(text.replace("\r\n", "\n").replace("\r", "\n").removesuffix("\n").split("\n")) + "\r\n"
    found: list[tuple[int, bytes]] = []
    for number, place in reversed(list(enumerate(places))):
        before, mark, after = rest.rpartition(place)
        if mark:
            found.insert(0, (number, after.encode()))
            rest = before
    first = rest.encode()
    plain = first + b"".join(after for _, after in found)
    # Compared without the values, whose length must not decide: all readers get the same encoding.
    quoted, packed = _quoted(plain), _base64(plain)
    if len(quoted) <= len(packed):
        return _in_lines(first, found) if found else Linked("quoted-printable", quoted)
    if not found:
        return Linked("base64", packed)
    fixed = len(first) // _LINE * _LINE
    return Linked("base64", _base64(first[:fixed]), first[fixed:], tuple(found), encode=_base64)


def _in_lines(first: bytes, found: list[tuple[int, bytes]]) -> Linked:
    number, last = found[-1]
    start = first.rfind(b"\n") + 1
    end = last.index(b"\n") + 1
    own = (*found[:-1], (number, last[:end]))
    return Linked("quoted-printable", _quoted(first[:start]), first[start:], own, _quoted(last[end:]), _quoted)


def _quoted(text: bytes) -> bytes:
    """Quoted-printable of whole lines (RFC 2045, 6.7): no line longer than 76, no space at a line's end."""
    return _ONE_TOO_LONG.sub(rb"\1=\r\n\2", binascii.b2a_qp(text, istext=True))


def _base64(content: bytes) -> bytes:
    return base64.encodebytes(content).replace(b"\n", b"\r\n")


def _text_type(subtype: str) -> str:
    return f'text/{subtype}; charset="utf-8"'


def _head(kind: str, encoding: str = "", *more: str) -> bytes:
    """The headers of a part and the empty line after them."""
    lines = [f"Content-Type: {kind}", *([f"Content-Transfer-Encoding: {encoding}"] if encoding else []), *more]
    return "".join(f"{line}\r\n" for line in [*lines, ""]).encode()


def _next(boundary: str) -> bytes:
    return f"\r\n--{boundary}\r\n".encode()
