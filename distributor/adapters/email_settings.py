"""The settings of an e-mail list, and what an address must look like.

Pure. Touches no file and no network: whether the relay answers and the key can be read is what the probe finds out.
"""

from __future__ import annotations

import re
from functools import lru_cache
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, Field, SecretStr, field_validator, model_validator

from distributor.core.text import faults_in

# RFC 5321 'Dot-string' with the letters of RFC 6531. Quoted local parts exist on paper only, and every one of them is
# a way to smuggle something: they are refused.
_ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~\u0080-\U0010ffff-]+"
_LOCAL = re.compile(rf"{_ATOM}(\.{_ATOM})*")
_LABEL = re.compile(r"[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?")
_LOCAL_HOSTS = {"localhost", "127.0.0.1", "::1"}


def split_address(address: str) -> tuple[str, str]:
    """Local part and domain of an address, the domain in its ASCII form (`xn--…`).

    ValueError with a plain reason for anything that must not stand in an envelope or a header.
    """
    if faults_in(address, one_line=True) or any(map(str.isspace, address)):
        raise ValueError("an address has no spaces, line breaks or control characters")
    local, at, domain = address.rpartition("@")
    if not at or not _LOCAL.fullmatch(local) or len(local.encode()) > 64:
        raise ValueError("the part before the @ is missing or has characters that an address may not have")
    return local, _ascii_domain(domain)


@lru_cache(maxsize=4096)  # most readers of a list share a few domains
def _ascii_domain(domain: str) -> str:
    try:
        ascii_domain = domain.encode("idna").decode()
    except UnicodeError:
        raise ValueError("the part after the @ is not a domain name") from None
    if len(ascii_domain) > 253 or not all(_LABEL.fullmatch(label) for label in ascii_domain.split(".")):
        raise ValueError("the part after the @ is not a domain name")
    return ascii_domain


def plain_address(address: str) -> str:
    """The address with its domain in ASCII; ValueError as in `split_address`."""
    local, domain = split_address(address)
    return f"{local}@{domain}"


class EmailSettings(BaseModel, extra="forbid", hide_input_in_errors=True):
    """Where and as whom the list is sent. Times in seconds, sizes in bytes."""

    host: str = Field(description="The relay that takes our mail.")
    port: int = Field(
        default=587, ge=1, le=65535, description="587 with starttls, 465 with tls, 25 inside an own network."
    )
    security: Literal["starttls", "tls", "none"] = Field(
        default="starttls", description="none: only within one machine."
    )
    ca_file: Path | None = Field(default=None, description="Trust these certificates instead of the system's.")
    username: str = ""
    password: SecretStr = SecretStr("")
    helo_name: str = Field(default="", description="The name we give in EHLO; the sender's domain where empty.")

    sender: str = Field(description="The address in From.")
    sender_name: str = Field(default="", description="The name in From; the office's name where empty.")
    reply_to: str = ""
    envelope_domain: str = Field(
        default="", description="Bounces go to bounces+NUMBER@this domain (VERP); to the sender's address where empty."
    )
    unsubscribe_url: str = Field(default="", description="With {token}; our own page where empty.")

    dkim_selector: str = ""
    dkim_domain: str = ""
    dkim_key_file: Path | None = Field(default=None, description="An RSA private key in PEM; unsigned where empty.")

    connections: int = Field(default=4, ge=1, le=100, description="Connections to the relay at once, at most.")
    messages_per_connection: int = Field(default=100, ge=1, description="Then a connection is made anew.")
    connect_timeout: float = Field(default=30.0, gt=0)
    command_timeout: float = Field(default=120.0, gt=0)
    # Postfix waits 600 s for the answer to the final dot; who waits less makes duplicates.
    data_timeout: float = Field(default=600.0, gt=0, description="How long to wait for the answer to the final dot.")

    max_inline_bytes: int = Field(default=300_000, ge=20_000, description="Weight of the picture inside the mail.")
    max_message_bytes: int = Field(
        default=5_000_000, ge=50_000, description="A heavier mail is stopped before approval."
    )

    @field_validator("sender", "reply_to")
    @classmethod
    def _address(cls, value: str) -> str:
        if value and not plain_address(value).isascii():
            raise ValueError("must be an ASCII address: not every relay carries another one")
        return value

    @field_validator("host", "helo_name", "envelope_domain", "dkim_domain", "dkim_selector", "sender_name")
    @classmethod
    def _one_line(cls, value: str) -> str:
        if faults_in(value, one_line=True):
            raise ValueError("must be one line without control characters")
        return value.strip()

    @field_validator("envelope_domain", "dkim_domain", "helo_name")
    @classmethod
    def _domain(cls, value: str) -> str:
        return split_address(f"x@{value}")[1] if value else value

    @field_validator("unsubscribe_url")
    @classmethod
    def _with_token(cls, value: str) -> str:
        if value and (value.count("{token}") != 1 or not re.fullmatch(r"https?://[!-;=?-~]+", value)):
            raise ValueError("must be an http(s) address that holds {token} once")
        return value

    @model_validator(mode="after")
    def _together(self) -> EmailSettings:
        given = [bool(self.dkim_key_file), bool(self.dkim_selector), bool(self.dkim_domain)]
        if any(given) and not all(given):
            raise ValueError("dkim_key_file, dkim_selector and dkim_domain belong together: give all three or none")
        if bool(self.username) != bool(self.password.get_secret_value()):
            raise ValueError("username and password belong together: give both or none")
        if self.username and self.security == "none" and self.host not in _LOCAL_HOSTS:
            raise ValueError("a password is not sent without encryption: set security to starttls or tls")
        return self

    @property
    def sender_domain(self) -> str:
        """The domain of the From address, in ASCII."""
        return split_address(self.sender)[1]

    def envelope_sender(self, delivery_id: int) -> str:
        """Where a bounce of this delivery goes."""
        if self.envelope_domain:
            return f"bounces+{delivery_id}@{self.envelope_domain}"
        return plain_address(self.sender)
