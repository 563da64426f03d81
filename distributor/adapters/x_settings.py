"""What an operator sets for one account of X. Pure."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, Field, HttpUrl, SecretStr, field_validator


class XSettings(BaseModel, extra="forbid"):
    """What an operator sets for one account of X. Times in seconds."""

    api_url: HttpUrl = HttpUrl("https://api.x.com")
    web_url: HttpUrl = HttpUrl("https://x.com")  # in front of the public links
    account: str = Field(pattern=r"^\w{1,15}$")
    consumer_key: SecretStr
    consumer_secret: SecretStr
    access_token: SecretStr
    access_token_secret: SecretStr
    link: bool = False  # a post with a link costs $0.200, one without $0.015 (pay per use, April 2026)
    thread: bool = False
    correction: Literal["reply", "repost"] = Field(
        "reply",
        description="how a correction is made, for a post cannot be edited: 'reply' answers it with a labelled "
        "correction, 'repost' deletes it and posts the new version; a photo that must disappear is always reposted",
    )
    connect_timeout: float = Field(10, gt=0)
    answer_timeout: float = Field(30, gt=0)
    upload_timeout: float = Field(120, gt=0)
    processing_patience: float = Field(20, gt=0)
    chunk_bytes: int = Field(4_000_000, ge=16_384, le=4_000_000)  # X takes 5 MB
    ca_file: str | None = None

    @field_validator("account", mode="before")
    @classmethod
    def _handle(cls, value: Any) -> Any:
        return value.removeprefix("@") if isinstance(value, str) else value

    @property
    def profile_url(self) -> str:
        """Where a person sees the account's posts."""
        return f"{str(self.web_url).rstrip('/')}/{self.account}"
