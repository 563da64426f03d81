"""The signature of a webhook, as Standard Webhooks writes it; ids that stay over retries; keys of subscribers.

Pure. Ten lines of hmac rather than the library `standardwebhooks`, which signs with one key where a change of keys
needs two in one header. The test holds the specification's own vector against it.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Sequence

PREFIX = "whsec_"


def subscriber_key(secret: str, token: str) -> bytes:
    """The key of one subscriber: nobody can sign in our name to another one with it."""
    return hmac.new(secret.encode(), b"distributor webhook 1:" + token.encode(), hashlib.sha256).digest()


def as_secret(key: bytes) -> str:
    """A key as receivers' libraries take it."""
    return PREFIX + base64.b64encode(key).decode()


def message_id(key: str) -> str:
    """The id of a delivery's message, the same at each attempt; from a delivery's key, which it does not show."""
    return f"msg_{hashlib.sha256(key.encode()).hexdigest()[:32]}"


def signatures(keys: Sequence[bytes], message: str, timestamp: int, body: bytes) -> str:
    """The header `webhook-signature`: one signature for each key."""
    signed = f"{message}.{timestamp}.".encode() + body
    return " ".join(f"v1,{base64.b64encode(hmac.digest(key, signed, 'sha256')).decode()}" for key in keys)
