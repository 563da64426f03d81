"""The settings of a channel of webhooks, and which addresses a subscriber may have.

Pure. Whether a name leads to the public internet is found out at each connection (webhook_guard): what a name means
today says nothing about tomorrow.
"""

from __future__ import annotations

from pathlib import Path

from pydantic import BaseModel, Field, SecretStr, field_validator, model_validator
from yarl import URL

from distributor.adapters.webhook_guard import inner
from distributor.core.text import faults_in

SHORTEST_SECRET = 24  # bytes, as Standard Webhooks asks
_LONGEST = 2000


class WebhookSettings(BaseModel, extra="forbid", hide_input_in_errors=True):
    """How subscribers' endpoints are called. Times in seconds."""

    secret: SecretStr = Field(
        description="at least 24 characters by chance; the key of each subscriber is derived from it "
        "(`distributor subscribers secret`)"
    )
    previous_secret: SecretStr = Field(
        default=SecretStr(""), description="while keys are changed: calls are signed with the keys of both"
    )
    timeout: float = Field(
        default=20.0, gt=0, le=30, description="seconds for a whole call, from the name's look-up to the answer"
    )
    ports: tuple[int, ...] = Field(default=(443,), min_length=1, description="ports that an address may name")
    allow_http: bool = Field(default=False, description="also http:// and its port 80: anybody on the way reads along")
    allow_private: bool = Field(
        default=False, description="also addresses of inner networks: only for trying out, on one machine"
    )
    ca_file: Path | None = Field(default=None, description="a file of authorities to trust instead (PEM)")

    @field_validator("secret", "previous_secret")
    @classmethod
    def _long(cls, value: SecretStr) -> SecretStr:
        text = value.get_secret_value()
        if text and len(text.encode()) < SHORTEST_SECRET:
            raise ValueError(f"must have at least {SHORTEST_SECRET} characters")
        return value

    @field_validator("ports")
    @classmethod
    def _ports(cls, value: tuple[int, ...]) -> tuple[int, ...]:
        if any(not 1 <= port <= 65535 for port in value):
            raise ValueError("must be ports from 1 to 65535")
        return value

    @model_validator(mode="after")
    def _given(self) -> WebhookSettings:
        if not self.secret.get_secret_value():
            raise ValueError("secret must not be empty")
        return self

    def address_fault(self, address: str) -> str:
        """Why a subscriber cannot have this address: 'form', 'scheme', 'port' or 'private'; '' where it may."""
        if len(address) > _LONGEST or faults_in(address, one_line=True) or any(map(str.isspace, address)):
            return "form"
        try:
            url = URL(address)
            host, port = url.host, url.port
        except ValueError:
            return "form"
        if url.scheme not in ("https", "http") or (url.scheme == "http" and not self.allow_http):
            return "scheme"
        # A backslash is a slash to some readers of addresses, and part of a name to others.
        if not host or url.user is not None or url.password is not None or url.fragment or "\\" in address:
            return "form"
        if port not in self.ports and not (self.allow_http and port == 80):
            return "port"
        return "private" if not self.allow_private and inner(host) else ""
