"""The settings of a WordPress site. Pure."""

from __future__ import annotations

from pathlib import Path

from pydantic import BaseModel, Field, SecretStr, field_validator
from yarl import URL

_LOCAL_HOSTS = {"localhost", "127.0.0.1", "::1"}


class WordPressSettings(BaseModel, extra="forbid", hide_input_in_errors=True):
    """Which site, as whom, and how posts look there. Times in seconds, sizes in bytes."""

    api_url: str = Field(description="the site's REST API (such as `https://www.example.ge/wp-json`)")
    user: str = Field(min_length=1, description="a user of the site who may publish and upload: an editor or author")
    application_password: SecretStr = Field(
        description="an application password of that user (his profile on the site), not the one he signs in with"
    )
    categories: tuple[int, ...] = Field(default=(), description="numbers of the categories that every post gets")
    tags: tuple[int, ...] = Field(default=(), description="numbers of the tags that every post gets")
    featured_image: bool = Field(
        default=True, description="the first photo is the post's own picture, and does not stand in its text"
    )
    photo_bytes: int = Field(default=2_000_000, ge=50_000, description="weight of a photo at most")
    video_bytes: int = Field(
        default=50_000_000, ge=500_000, description="weight of a video at most; the site's upload limit must be as high"
    )
    connect_timeout: float = Field(default=10.0, gt=0, description="seconds to reach the site")
    answer_timeout: float = Field(default=60.0, gt=0, description="seconds to wait for an answer")
    upload_timeout: float = Field(default=300.0, gt=0, description="seconds for one upload")
    ca_file: Path | None = Field(default=None, description="a file of authorities to trust instead (PEM)")

    @field_validator("api_url")
    @classmethod
    def _address(cls, value: str) -> str:
        text = value.rstrip("/")
        try:
            url = URL(text)
            host = url.host or ""
        except ValueError:
            url, host = URL(), ""
        if url.scheme not in ("https", "http") or not host or url.user or url.query_string or url.fragment:
            raise ValueError('must be an address such as "https://www.example.ge/wp-json"')
        if url.scheme == "http" and host not in _LOCAL_HOSTS:
            raise ValueError("must begin with https://: the password goes with every call")
        return text

    @field_validator("application_password")
    @classmethod
    def _given(cls, value: SecretStr) -> SecretStr:
        if not value.get_secret_value().strip():
            raise ValueError("must not be empty")
        return value

    @field_validator("categories", "tags")
    @classmethod
    def _numbers(cls, value: tuple[int, ...]) -> tuple[int, ...]:
        if any(number < 1 for number in value):
            raise ValueError("must be numbers of terms, from 1 on")
        return value
