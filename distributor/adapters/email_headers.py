"""The head of a mail, line by line, in bytes that need no further folding.

Pure. Written here and not by the standard library, which reads encoded-words in a title, makes longer ones than RFC
2047 allows, and folds links into pieces. Nothing that a person wrote can end a line: it is refused, or encoded.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterator
from datetime import datetime
from email.utils import format_datetime

from distributor.adapters.email_fitting import early
from distributor.adapters.email_settings import EmailSettings, plain_address
from distributor.core.channel import Before, Job
from distributor.core.rendering import Part
from distributor.core.text import faults_in

_WIDTH = 76  # RFC 2047, 2: of a line with encoded-words
_PLAIN_KEY = re.compile(r"[A-Za-z0-9_-]{1,200}")
_PLAIN_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9 '-]{0,50}")


class Unsendable(ValueError):
    """This mail must not be sent as it is. `code` is stable; the message says why."""

    def __init__(self, code: str, reason: str) -> None:
        super().__init__(reason)
        self.code = code


def one_line(text: str, code: str, what: str) -> str:
    """The text, or Unsendable where it could end a header line or turn the direction of reading."""
    if faults_in(text, one_line=True) or re.search("[\ud800-\udfff]", text):
        raise Unsendable(code, f"{what} holds a line break, a control or a direction character")
    return text


def release_head(job: Job, settings: EmailSettings, office_name: str) -> tuple[bytes, bytes]:
    """The headers that all readers of a rendering share, in two blocks: what stands before the reader's own, and what
    follows them. Without those of MIME. Unsendable where a name or the title could end a line."""
    part = job.rendering.parts[0]
    return _block(_sender_lines(job, part, settings, office_name)), _block(_list_lines(job, part, settings))


def reader_head(name: str, address: str, message_id: str, unsubscribe: str) -> bytes:
    """The headers of one reader. `address` is a checked address, `message_id` one of `message_id`, `unsubscribe` a
    checked link. Unsendable where the name could end a line."""
    to = _mailbox("To", one_line(name, "bad_name", "the reader's name") if name else "", address)
    # RFC 8058. One line: readers' programs look for it so, whatever the length of the link.
    return f"{to}\r\nMessage-ID: <{message_id}>\r\nList-Unsubscribe: <{unsubscribe}>\r\n".encode()


def thread_head(before: Before, domain: str) -> bytes:
    """The headers that put a mail below the reader's first one, and below the last correction of it."""
    first, last = message_id(before.key, domain), message_id(before.sent_key, domain)
    chain = f"<{first}>" if first == last else f"<{first}>\r\n <{last}>"
    return f"In-Reply-To: <{first}>\r\nReferences: {chain}\r\n".encode()


def message_id(key: str, domain: str) -> str:
    """The Message-ID of a delivery, without brackets: the same at every attempt. `domain` is the sender's."""
    return f"{key if _PLAIN_KEY.fullmatch(key) else hashlib.sha256(key.encode()).hexdigest()}@{domain}"


def _block(lines: Iterator[str]) -> bytes:
    return "".join(f"{line}\r\n" for line in lines).encode()


def _sender_lines(job: Job, part: Part, settings: EmailSettings, office_name: str) -> Iterator[str]:
    name = one_line(settings.sender_name or office_name, "bad_name", "the office's name")
    yield _mailbox("From", name, plain_address(settings.sender))
    if settings.reply_to:
        yield _mailbox("Reply-To", "", plain_address(settings.reply_to))
    yield _unstructured("Subject", one_line(part.fields["subject"], "bad_subject", "the title"))
    yield f"Date: {format_datetime(_date(job, part))}"


def _list_lines(job: Job, part: Part, settings: EmailSettings) -> Iterator[str]:
    yield "List-Unsubscribe-Post: List-Unsubscribe=One-Click"
    yield f"Content-Language: {re.sub('[^A-Za-z0-9-]', '', job.rendering.language) or 'und'}"
    yield f"List-Id: <{re.sub('[^A-Za-z0-9-]', '-', job.destination.channel)}.{settings.sender_domain}>"
    # Written by people and approved by them, so not Auto-Submitted; but no holiday notices in answer, please.
    yield "Precedence: bulk"
    yield "X-Auto-Response-Suppress: OOF, AutoReply"
    if part.fields.get("kind") == "emergency" or part.kind in ("withdrawal", "hold"):
        yield "Importance: high"


def _date(job: Job, part: Part) -> datetime:
    """When it became free to go: known before the first attempt and the same at every later one."""
    not_before = part.fields.get("scheduled" if early(job, part) else "not_before", "")
    return max(job.approved_at, datetime.fromisoformat(not_before)) if not_before else job.approved_at


def _mailbox(header: str, name: str, address: str) -> str:
    if not name.strip():
        return f"{header}: <{address}>"
    shown = name.strip() if _PLAIN_NAME.fullmatch(name.strip()) else _encoded(name.strip(), len(header) + 2)
    return f"{header}: {shown}\r\n <{address}>"


def _unstructured(header: str, text: str) -> str:
    # Spaces at the ends and long runs of them do not survive a header, so they do not enter one.
    text = re.sub(r"[ \t]+", " ", text).strip()
    simple = text.isascii() and "=?" not in text and all(len(word) <= _WIDTH - 10 for word in text.split(" "))
    return f"{header}: {_folded(text, len(header) + 2) if simple else _encoded(text, len(header) + 2)}"


def _folded(text: str, used: int) -> str:
    """ASCII text with line breaks before spaces, where lines would grow too long."""
    out: list[str] = []
    for number, word in enumerate(text.split(" ")):
        if number and used + 1 + len(word) > _WIDTH:
            out.append("\r\n ")
            used = 1
        elif number:
            out.append(" ")
            used += 1
        out.append(word)
        used += len(word)
    return "".join(out)


def _encoded(text: str, used: int) -> str:
    """Encoded-words of at most 75 characters, cut between characters, one a line."""
    words: list[str] = []
    piece = b""
    room = (_WIDTH - used - 12) // 4 * 3  # '=?utf-8?b?' and '?=' are 12; base64 makes three bytes four
    for char in text:
        raw = char.encode()
        if len(piece) + len(raw) > room:
            words.append(_word(piece))
            piece, room = b"", 45
        piece += raw
    words.append(_word(piece))
    return "\r\n ".join(words)


def _word(piece: bytes) -> str:
    return f"=?utf-8?b?{base64.b64encode(piece).decode()}?="
