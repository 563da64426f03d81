"""What an operator sets for one Facebook page. Pure."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, Field, HttpUrl, SecretStr, model_validator

_GRAPH = "https://graph.facebook.com"
_GRAPH_VIDEO = "https://graph-video.facebook.com"  # Graph API, "Video uploads"


class FacebookSettings(BaseModel, extra="forbid"):
    """What an operator sets for one page. Times in seconds."""

    api_url: HttpUrl = HttpUrl(_GRAPH)
    video_api_url: HttpUrl | None = None  # where videos go; empty: Facebook's own host for them, else api_url
    web_url: HttpUrl = HttpUrl("https://www.facebook.com")  # in front of the public links
    version: str = Field("v26.0", pattern=r"^v\d{1,3}\.\d$")
    page: str = Field(pattern=r"^\d{1,32}$")
    token: SecretStr
    app_id: str = Field(
        "",
        pattern=r"^\d{0,32}$",
        description="the app's number; with it and app_secret Facebook tells when the token ends, whoever made it",
    )
    app_secret: SecretStr | None = None  # set where the app requires appsecret_proof
    link: bool = False
    photos: Literal["keep", "repost"] = Field(
        "keep",
        description="what a correction does where photos were added or changed, for those of a post cannot be: 'keep' "
        "leaves them as they are, 'repost' deletes the post and posts anew; what was taken out disappears in any case",
    )
    connect_timeout: float = Field(10, gt=0)
    answer_timeout: float = Field(30, gt=0)
    upload_timeout: float = Field(120, gt=0)
    chunk_bytes: int = Field(4_194_304, ge=16_384, le=33_554_432)
    threads: int = Field(4, ge=1, le=32)
    ca_file: str | None = None

    @model_validator(mode="after")
    def _together(self) -> FacebookSettings:
        if self.app_id and self.app_secret is None:
            raise ValueError("app_id wants app_secret too: the app speaks for itself with both")
        return self

    @property
    def video_host(self) -> str:
        """Where the phases of a video go."""
        if self.video_api_url is not None:
            return str(self.video_api_url)
        own = str(self.api_url).rstrip("/")
        return _GRAPH_VIDEO if own == _GRAPH else own

    @property
    def page_url(self) -> str:
        """Where a person sees the page."""
        return f"{str(self.web_url).rstrip('/')}/{self.page}"
