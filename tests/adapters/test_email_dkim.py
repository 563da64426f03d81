"""The signature of a mail is dkimpy's to the byte, but for who computes it; and only an RSA key makes one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import dkim
import pytest
from cryptography.hazmat.primitives.asymmetric import ed25519
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    KeySerializationEncryption,
    NoEncryption,
    PrivateFormat,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from distributor.adapters.email_dkim import DkimKey, dkim_key, sign
from distributor.adapters.email_headers import Unsendable
from tests.adapters.email_stage import key, verified

_HEAD = (
    "From: =?utf-8?b?4YOo?=\r\n <press@mia.example>\r\nTo: <nino@paper.example>\r\nSubject: {subject}\r\n"
    "Date: Thu, 05 Mar 2026 00:00:00 +0000\r\nMessage-ID: <a@mia.example>\r\nList-Unsubscribe: <https://x.example/u>\r\n"
    "List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\nMIME-Version: 1.0\r\nContent-Type: text/plain\r\n\r\n"
)


def pem(form: PrivateFormat = PrivateFormat.PKCS8, lock: KeySerializationEncryption | None = None) -> bytes:
    """The tests' key as an operator may keep it."""
    return key().private_bytes(Encoding.PEM, form, lock or NoEncryption())


class Reference(dkim.DKIM):  # type: ignore[misc]  # dkimpy ships no types
    """dkimpy as it is, without the time of signing."""

    def gen_header(self, fields: list[tuple[bytes, bytes]], *args: Any, **kwargs: Any) -> Any:
        """All its own work."""
        return super().gen_header([field for field in fields if field[0] != b"t"], *args, **kwargs)


_words = st.text(st.characters(min_codepoint=32, max_codepoint=126), min_size=1, max_size=70)
_subjects = _words.map(lambda words: words.strip() or "x")


@given(_subjects, st.lists(_words, max_size=6))
@settings(max_examples=60, deadline=None)
def test_the_signature_is_dkimpys_to_the_byte_and_verifies(subject: str, lines: list[str]) -> None:
    data = (_HEAD.format(subject=subject) + "".join(f"{line}\r\n" for line in lines)).encode()
    signed = sign(data, dkim_key("press", "mia.example", pem()))
    names = dkim.DKIM(signed).headers[0][1].split(b"h=")[1].split(b";")[0].replace(b" ", b"").split(b":")
    names = [name.replace(b"\r\n", b"").strip() for name in names]
    reference = Reference(data, signature_algorithm=b"rsa-sha256").sign(
        b"press", b"mia.example", pem(), include_headers=names
    )
    assert signed == reference + data
    assert verified(signed)
    assert not verified(signed.replace(b"paper.example", b"pager.example"))


def test_both_forms_of_pem_give_the_same_signature() -> None:
    data = _HEAD.format(subject="x").encode()
    forms = (PrivateFormat.PKCS8, PrivateFormat.TraditionalOpenSSL)
    assert len({sign(data, dkim_key("press", "mia.example", pem(form))) for form in forms}) == 1


@pytest.mark.parametrize(
    "make",
    [
        lambda: b"no key",
        lambda: b"",
        lambda: pem(lock=BestAvailableEncryption(b"canary-passphrase")),
        lambda: ed25519.Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()),
    ],
    ids=["nonsense", "nothing", "locked", "another kind"],
)
def test_what_is_no_rsa_key_is_refused(make: Callable[[], bytes]) -> None:
    with pytest.raises(Unsendable, match="the DKIM key cannot sign") as refused:
        dkim_key("press", "mia.example", make())
    assert refused.value.code == "dkim"


def test_a_key_shows_itself_to_nobody() -> None:
    made: DkimKey = dkim_key("press", "mia.example", pem())
    assert repr(made) == "DkimKey(selector='press', domain='mia.example')"
