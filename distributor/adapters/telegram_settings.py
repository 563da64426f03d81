"""The settings of a Telegram channel.

Pure. The token is a SecretStr, and an error about a setting never repeats what was given.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, SecretStr, ValidationInfo, field_validator

from distributor.adapters.telegram_render import LongText

_CHAT = re.compile(r"(@[A-Za-z][A-Za-z0-9_]{3,31}|-?[0-9]{1,19})?")


def _chat(value: Any) -> str:
    text = str(value).strip()
    if not _CHAT.fullmatch(text):
        raise ValueError("a chat is its number, such as -1001234567890, or the @name of a public one")
    return text


def is_chat(address: str) -> bool:
    """True for a chat's number or a @name."""
    return bool(address and _CHAT.fullmatch(address))


Chat = Annotated[str, BeforeValidator(_chat)]


class TelegramSettings(BaseModel):
    """The keys of a channel with `adapter = "telegram"`."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True, frozen=True)

    token: SecretStr = Field(min_length=1, description="the bot's token, from @BotFather")
    api_url: str = Field(default="https://api.telegram.org", pattern=r"^https?://", description="the Bot API's address")
    chat: Chat = Field(default="", description="the channel's number or @name; empty for a channel of subscribers only")
    staging_chat: Chat = Field(default="", description="a private chat where media is uploaded before it is published")
    witness_token: SecretStr = Field(
        SecretStr(""),
        description="the token of a second bot, an administrator of the channel: asked what was posted when an answer "
        "was lost",
    )
    long_text: LongText = Field(
        default="caption_then_message",
        description="a text too long for one post: 'caption_then_message' sends all of it after the photos, "
        "'link' cuts it at a word and leads to the release's page",
    )
    silent: bool = Field(default=False, description="post without a sound at the readers'")
    link_preview: bool = Field(default=False, description="show the release's page as a card under a text")
    page_link: bool = Field(default=True, description="end a post with a link to the release's page")
    connect_timeout: float = Field(default=10.0, gt=0, description="seconds to reach Telegram")
    read_timeout: float = Field(default=30.0, gt=0, description="seconds to wait for an answer")
    write_timeout: float = Field(
        default=30.0, gt=0, description="seconds granted to every upload, beside what its size needs"
    )
    ca_file: Path | None = Field(default=None, description="a file of further authorities to trust (PEM)")
    local_mode: bool = Field(default=False, description="api_url is a Bot API server of one's own that reads our files")

    @field_validator("witness_token")
    @classmethod
    def _second(cls, value: SecretStr, info: ValidationInfo) -> SecretStr:
        """A bot sees nothing of what it posts itself: the witness is another one, in a channel of ours."""
        token = info.data.get("token")
        if value.get_secret_value() and token is not None and _bot(value) == _bot(token):
            raise ValueError("the witness must be another bot than the one that posts: @BotFather makes a second one")
        if value.get_secret_value() and not info.data.get("chat", "?"):
            raise ValueError("a witness serves a channel with a chat of its own: give chat, or leave this out")
        return value


def _bot(token: SecretStr) -> str:
    """The number of the bot that a token belongs to; it has the same one with every token."""
    return token.get_secret_value().partition(":")[0].strip()
