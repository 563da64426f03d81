"""OAuth 1.0a as X checks it: the HMAC-SHA1 signature, the timestamp and the nonce of every request.

Source: RFC 5849, section 3.4. Pure but for the nonces it remembers. Compares secrets in constant time and tells
nobody which part was wrong.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from urllib.parse import quote, unquote

from aiohttp import web

CLOCK_SKEW = 300
_PAIR = re.compile(r'\s*([A-Za-z_]+)="([^"]*)"\s*')


@dataclass(frozen=True, repr=False)
class XKeys:
    """The four secrets of one app and one user. No repr, so that no log shows them."""

    consumer_key: str = "sandbox-consumer-key"
    consumer_secret: str = "sandbox-consumer-secret"  # noqa: S105  # the sandbox's own
    access_token: str = "2244994945-sandbox-access-token"  # noqa: S105  # the sandbox's own
    access_token_secret: str = "sandbox-access-token-secret"  # noqa: S105  # the sandbox's own


def _encoded(text: str) -> str:
    return quote(text, safe="~-._")


def signature(method: str, url: str, pairs: Iterable[tuple[str, str]], keys: XKeys) -> str:
    """The base64 signature of a request, over its parameters without oauth_signature."""
    normal = "&".join(f"{name}={value}" for name, value in sorted((_encoded(n), _encoded(v)) for n, v in pairs))
    base = "&".join((method.upper(), _encoded(url), _encoded(normal)))
    key = f"{_encoded(keys.consumer_secret)}&{_encoded(keys.access_token_secret)}"
    return base64.b64encode(hmac.new(key.encode(), base.encode(), hashlib.sha1).digest()).decode()


class Signatures:
    """Checks requests against one set of keys."""

    def __init__(self, keys: XKeys, clock: Callable[[], float]) -> None:
        self.keys = keys
        self._clock = clock
        self._nonces: set[tuple[str, str]] = set()

    def holds(self, request: web.Request, form: Iterable[tuple[str, str]] = ()) -> bool:
        """Whether the request is signed by the user. `form` holds the fields of an urlencoded body."""
        scheme, _, rest = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "oauth":
            return False
        given = {match[1]: unquote(match[2]) for part in rest.split(",") if (match := _PAIR.fullmatch(part))}
        claimed = given.pop("oauth_signature", "")
        given.pop("realm", None)
        if given.get("oauth_signature_method") != "HMAC-SHA1" or given.get("oauth_version", "1.0") != "1.0":
            return False
        if not self._known(given):
            return False
        host = re.sub(r":(80|443)$", "", request.host.lower())
        url = f"{request.scheme}://{host}{request.raw_path.partition('?')[0]}"
        pairs = [*given.items(), *request.query.items(), *form]
        if not hmac.compare_digest(signature(request.method, url, pairs, self.keys), claimed):
            return False
        nonce = (given.get("oauth_timestamp", ""), given.get("oauth_nonce", ""))
        fresh = nonce not in self._nonces
        self._nonces.add(nonce)
        return fresh

    def _known(self, given: dict[str, str]) -> bool:
        pairs = (("oauth_consumer_key", self.keys.consumer_key), ("oauth_token", self.keys.access_token))
        if not all(hmac.compare_digest(given.get(name, "").encode(), value.encode()) for name, value in pairs):
            return False
        stamp = given.get("oauth_timestamp", "")
        return stamp.isdigit() and abs(self._clock() - int(stamp)) <= CLOCK_SKEW and bool(given.get("oauth_nonce"))
