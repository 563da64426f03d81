"""The DKIM signature of a mail (RFC 6376): dkimpy's, but for the arithmetic, and without the time.

Touches nothing: the key is handed in. dkimpy computes RSA in Python: 5 ms during which nothing else runs in the
process. `cryptography` takes a twentieth of that and lets the others go on.
"""

from __future__ import annotations

import base64
from dataclasses import dataclass, field
from typing import Any

import dkim
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from distributor.adapters.email_headers import Unsendable

# Signed once more than they occur, so that nobody can add a second one unseen (RFC 6376, 8.15).
_ONCE = (b"from", b"to", b"subject", b"date", b"message-id", b"reply-to")
_SEALED = (*_ONCE, b"list-unsubscribe", b"list-unsubscribe-post")
_SIGNED = (*_SEALED, b"in-reply-to", b"references", b"mime-version", b"content-type", b"content-language", b"list-id")


@dataclass(frozen=True, slots=True)
class DkimKey:
    """A private key and what it signs for. Shows neither form of the key."""

    selector: str
    domain: str
    pem: bytes = field(repr=False)
    rsa: RSAPrivateKey = field(repr=False)


def dkim_key(selector: str, domain: str, pem: bytes) -> DkimKey:
    """A key as an operator keeps it. Unsendable where it is no RSA key in PEM, or one with a passphrase."""
    try:
        key = load_pem_private_key(pem, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise Unsendable("dkim", f"the DKIM key cannot sign: {type(error).__name__}") from None
    if not isinstance(key, RSAPrivateKey):
        raise Unsendable("dkim", "the DKIM key cannot sign: it is no RSA key")
    return DkimKey(selector, domain, pem, key)


class _Signer(dkim.DKIM):  # type: ignore[misc]  # dkimpy ships no types
    """dkimpy's signer without the time of signing, an optional tag that would make every attempt differ."""

    rsa: RSAPrivateKey

    def gen_header(
        self,
        fields: list[tuple[bytes, bytes]],
        include_headers: tuple[bytes, ...],
        canon_policy: Any,
        header_name: bytes,
        _pk: Any,
        standardize: bool = False,
    ) -> bytes:
        """The value of the header: what dkimpy makes of these tags, with our own arithmetic."""
        tags = [tag for tag in fields if tag[0] != b"t"]
        unsigned = dkim.RE_BTAG.sub(rb"\1", self._folded(tags, header_name))
        digest = self.hasher()
        headers = canon_policy.canonicalize_headers(self.headers)
        header = (header_name, b" " + unsigned)
        dkim.hash_headers(digest, canon_policy, headers, include_headers, header, dict(tags))
        signature = self.rsa.sign(digest.digest(), PKCS1v15(), Prehashed(SHA256()))
        signed = [(name, base64.b64encode(signature) if name == b"b" else value) for name, value in tags]
        return self._folded(signed, header_name, self.linesep)

    @staticmethod
    def _folded(tags: list[tuple[bytes, bytes]], header_name: bytes, end: bytes = b"") -> bytes:
        line = b"; ".join(b"=".join(tag) for tag in tags) + end
        return bytes(dkim.fold(line, namelen=len(header_name), linesep=b"\r\n"))


def sign(data: bytes, key: DkimKey) -> bytes:
    """The mail with a signature before it. Unsendable where the key cannot sign."""
    present = {line.partition(b":")[0].lower() for line in data.partition(b"\r\n\r\n")[0].split(b"\r\n")}
    names = [name for name in _SIGNED if name in present] + list(_SEALED)
    try:
        signer = _Signer(data, signature_algorithm=b"rsa-sha256")
        signer.rsa = key.rsa
        return bytes(signer.sign(key.selector.encode(), key.domain.encode(), key.pem, include_headers=names)) + data
    except dkim.DKIMException as error:
        raise Unsendable("dkim", f"the DKIM key cannot sign: {type(error).__name__}") from None
