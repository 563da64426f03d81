"""Keeps secrets out of text: known values in all the forms they travel in, and whatever looks like a credential.

Pure but for the set of known secrets, which lives in a `Redactor`. Never logs and never raises for odd text.
"""

from __future__ import annotations

import base64
import html
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any
from urllib.parse import quote, quote_plus

MARK = "[redacted]"
SHORTEST = 4  # a shorter secret would take ordinary words out of every line
_SHORTEST_BASE64 = 8  # bytes; below that, the letters that are surely the secret's own are too few

_NAMES = (
    r"access_token|appsecret_proof|app_secret|client_secret|consumer_secret|fb_exchange_token|input_token|"
    r"refresh_token|id_token|page_token|bot_token|secret_token|hook_secret|access_token_secret|oauth_token|"
    r"oauth_token_secret|oauth_signature|oauth_consumer_key|oauth_nonce|api_key|apikey|password|passwd|passphrase|"
    r"x-telegram-bot-api-secret-token|x-amz-signature|unsubscribe_token"
)
_QUOTED = r"""b?'(?:\\.|[^'\\\n])*'|b?"(?:\\.|[^"\\\n])*\""""

# What looks like a credential, whoever it belongs to. Order matters: whole headers before their parts.
_PATTERNS: tuple[tuple[str, str, int], ...] = (
    (r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)", MARK, re.DOTALL),
    (
        rf"""(\b(?:proxy-)?authorization\b\\?["']?\s*[:=,]\s*)(?:{_QUOTED}|(?:bearer|basic|oauth|digest)\s[^\n]*|\S+)""",
        rf"\g<1>{MARK}",
        re.IGNORECASE,
    ),
    (rf"""(\b(?:set-)?cookie\b\\?["']?\s*[:=,]\s*)(?:{_QUOTED}|[^\n]+)""", rf"\g<1>{MARK}", re.IGNORECASE),
    (r"/bot\d+(?::|%(?:25)*3A)[^/\s\"'?#]*", f"/bot{MARK}", re.IGNORECASE),
    (r"\d{6,}(?::|%(?:25)*3A)[A-Za-z0-9_-]{20,}", MARK, re.IGNORECASE),
    (r"\bBearer\s+[A-Za-z0-9._~+/%=|-]{8,}", f"Bearer {MARK}", re.IGNORECASE),
    (r"\bBasic\s+(?=[a-z+/]*[A-Z0-9])[A-Za-z0-9+/_-]{8,}={0,2}", f"Basic {MARK}", 0),
    (r"(\bAUTH\s+(?:PLAIN|LOGIN|XOAUTH2)\s+)[A-Za-z0-9+/=]{4,}", rf"\g<1>{MARK}", re.IGNORECASE),
    (r"\bi_[A-Za-z0-9_-]{22}\b", MARK, 0),  # an invitation: whoever opens it is a member
    (
        rf"""((?:(?<![A-Za-z])|(?<=_))(?:{_NAMES})(?:\\*["'])?\s*(?:=>?|:|%3D)\s*)(?:{_QUOTED}|\\+["'][^"'\\]*|[^\s&"'<>,;)\]}}\\]+)""",
        rf"\g<1>{MARK}",
        re.IGNORECASE,
    ),
    (r"([?&](?:token|secret|key|code|sig|signature|session|start)=)[^&\s\"'#<>]+", rf"\g<1>{MARK}", re.IGNORECASE),
    (r"(\b[a-z][a-z0-9+.-]*://[^/\s:@\"']*):[^/\s@\"']+@", rf"\g<1>:{MARK}@", re.IGNORECASE),
)
_SECRET_NAME = re.compile(
    r"(?i)(?:^|_)(?:token|secret|password|passwd|passphrase|authorization|cookie|api_?key|private_key|appsecret_proof)$"
)


def forms(secret: str) -> Iterator[str]:
    """A secret as it is written in addresses, HTML, hexadecimal digits and base64."""
    yield secret
    for safe in ("", "/", "/:"):
        once = quote(secret, safe=safe)
        yield from (once, re.sub(r"%[0-9A-F]{2}", lambda found: found[0].lower(), once))
    yield from (quote_plus(secret), html.escape(secret))
    raw = secret.encode("utf-8", "surrogatepass")
    if len(raw) >= SHORTEST:
        yield raw.hex()
    if len(raw) < _SHORTEST_BASE64:
        return
    for before in range(3):  # 'user:secret' moves the secret against base64's groups of three bytes
        for encode in (base64.b64encode, base64.urlsafe_b64encode):
            text = encode(b"\0" * before + raw).decode().rstrip("=")
            first = (before * 8 + 5) // 6
            last = (before + len(raw)) * 8 // 6
            yield text[first:last]


def pattern(form: str) -> str:
    """A regular expression for a form, however often JSON, Python's repr or an address have escaped it since."""
    return "".join(_char(char) for char in form)


def _char(char: str) -> str:
    if char == "\\":
        return r"\\+"
    if char == "%":
        return "%(?:25)*"  # quoted once more for every address that was put into another
    if char in "\"'/":
        return rf"\\*{char}"
    if char.isascii() and char.isprintable():
        return re.escape(char)
    raw = "".join(rf"\\+x{byte:02x}" for byte in char.encode("utf-8", "surrogatepass"))
    units = char.encode("utf-16-be", "surrogatepass")
    pairs = "".join(rf"\\+u{units[at]:02x}{units[at + 1]:02x}" for at in range(0, len(units), 2))
    short = rf"\\+x{ord(char):02x}" if ord(char) < 256 else rf"\\+U{ord(char):08x}"
    # A group of exceptions sets every further line of its text in, behind bars.
    named = {"\n": r"\n[ |]*|\\+n[ |]*", "\r": r"\\+r", "\t": r"\\+t"}.get(char, pairs)
    return f"(?:{re.escape(char)}|(?i:{raw}|{pairs}|{short})|{named})"


class Redactor:
    """Takes known secrets, and what looks like one, out of text and data."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        known = {form for secret in secrets if len(secret) >= SHORTEST for form in forms(secret)}
        # The longest first: a secret that begins with another one must not leave its rest behind.
        ordered = sorted((form for form in known if len(form) >= SHORTEST), key=len, reverse=True)
        self._known = re.compile("|".join(map(pattern, ordered))) if ordered else None
        self._patterns = [(re.compile(pattern, flags), mark) for pattern, mark, flags in _PATTERNS]

    def text(self, text: str) -> str:
        """The text without secrets."""
        if self._known is not None:
            text = self._known.sub(MARK, text)
        for pattern, mark in self._patterns:
            text = pattern.sub(mark, text)
        return text

    def data(self, value: Any, name: str = "") -> Any:
        """The value without secrets, as JSON can hold it; whatever is not plain becomes its repr."""
        if value is None or isinstance(value, bool | int | float):
            return value
        if isinstance(value, bytes | bytearray):
            value = bytes(value).decode("utf-8", "backslashreplace")
        if isinstance(value, str):
            return MARK if value and _SECRET_NAME.search(name) else self.text(value)
        if isinstance(value, Mapping):
            return {self.text(str(key)): self.data(item, str(key)) for key, item in value.items()}
        if isinstance(value, list | tuple | set | frozenset):
            return [self.data(item, name) for item in value]
        return self.text(_shown(value))


def _shown(value: Any) -> str:
    try:
        return str(value) if isinstance(value, BaseException) else repr(value)
    except Exception as error:
        # A broken repr must not stop the line that wanted to show it.
        return f"<{type(value).__name__}, whose repr fails with {type(error).__name__}>"
