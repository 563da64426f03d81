"""The relay's bytes, cut into replies.

Pure. A reply is one line or several with the same code (RFC 5321, 4.2.1). What is no reply is told at once: after it
nothing on the connection can be trusted.
"""

from __future__ import annotations

from dataclasses import dataclass

_LONGEST_REPLY = 32_768  # bytes; the longest real one, an answer to EHLO, has a few thousand


@dataclass(frozen=True, slots=True)
class Reply:
    """`code` is -1 where the relay said something that is no reply; `text` has no codes, lines parted by newlines."""

    code: int
    text: str


class Replies:
    """Takes what arrives, gives what is whole."""

    def __init__(self) -> None:
        self._bytes = b""
        self._lines: list[bytes] = []  # of a reply that goes on
        self._size = 0

    def feed(self, data: bytes) -> None:
        """More from the relay."""
        self._bytes = self._bytes + data if self._bytes else data

    @property
    def pending(self) -> bool:
        """True where bytes have come that no reply was made of yet."""
        return bool(self._bytes or self._lines)

    def next(self) -> Reply | None:
        """The next whole reply, or None until more comes. Code -1 ends it: nothing sensible can follow."""
        while True:
            end = self._bytes.find(b"\n")
            if self._size + (end if end >= 0 else len(self._bytes)) > _LONGEST_REPLY:
                return Reply(-1, f"a reply of more than {_LONGEST_REPLY} bytes")
            if end < 0:
                return None
            line, self._bytes = self._bytes[:end].rstrip(b"\r"), self._bytes[end + 1 :]
            first = not self._lines
            if not _is_reply(line) or not (first or line[:3] == self._lines[0][:3]):
                return Reply(-1, _text(line))
            self._lines.append(line)
            self._size += len(line)
            if line[3:4] != b"-":
                return self._whole()

    def _whole(self) -> Reply:
        lines, self._lines, self._size = self._lines, [], 0
        return Reply(int(lines[0][:3]), _text(b"\n".join(line[4:].strip() for line in lines)))


def _is_reply(line: bytes) -> bool:
    return line[:3].isdigit() and len(line[:3]) == 3 and line[3:4] in (b"", b" ", b"-")


def _text(line: bytes) -> str:
    return line.decode("utf-8", "surrogateescape")
