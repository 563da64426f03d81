"""The table of settings: every section and key with its type, default and help.

Pure. This is the only place where a setting is declared; the documentation, the checks and the examples in error
messages are made from it. The keys of an adapter are declared by the adapter.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import unquote, urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr, field_validator

from distributor.config.channels import ChannelSettings
from distributor.config.units import Duration, Endpoint, Language, Named, Network, WebAddress, Words, ZoneName, distinct


class Section(BaseModel):
    """A section is closed: a key that is not declared is a mistake, and is said."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class Office(Section):
    """Who publishes."""

    name: Named = Field(
        "Press office", description="the office's name, as text or by language", examples=[{"ka": "…", "en": "…"}]
    )
    base_url: WebAddress = Field("http://127.0.0.1:8080", description="the newsroom's public address")
    time_zone: ZoneName = Field("Asia/Tbilisi", description="the time zone in which people read and write times")
    languages: Annotated[tuple[Language, ...], Words, AfterValidator(distinct)] = Field(
        ("ka", "en"), min_length=1, description="the languages of the office, the first one first"
    )
    exercise: bool = Field(
        False,
        description="a training installation: whatever is written is an exercise, and channels that are live stay "
        "closed",
    )
    appeal_deadline: Duration = Field(
        timedelta(hours=2),
        description="how long after its time an appeal (a missing person) that names no deadline may still go out, on "
        "every channel, whatever longer the channel allows; then the desk is asked, and *Send* gives it as long again",
    )

    def name_in(self, language: str) -> str:
        """The office's name in a language, else in the first of its languages that it has one in."""
        if isinstance(self.name, str):
            return self.name
        order = (language, *self.languages, *self.name)
        return next((self.name[code] for code in order if code in self.name), "")


class Storage(Section):
    """Where everything is kept."""

    url: SecretStr = Field(
        SecretStr("sqlite:///data/distributor.db"),
        description="the database: sqlite:///PATH or postgresql://USER:PASSWORD@HOST/NAME",
        examples=["sqlite:///data/distributor.db"],
    )
    media: Path = Field(Path("data/media"), description="the folder of photos and videos")

    @field_validator("url")
    @classmethod
    def _database(cls, value: SecretStr) -> SecretStr:
        return _scheme(value, ("sqlite:///", "postgresql://"))

    @field_validator("media", mode="before")
    @classmethod
    def _folder(cls, value: Any) -> Any:
        if isinstance(value, str) and "://" in value:
            raise ValueError("must be a folder: object stores (s3://…) are not supported yet")
        return value


class QueueSection(Section):
    """Wake-ups, quotas, circuits and live news. May be emptied at any moment; the database is the truth."""

    url: SecretStr = Field(
        SecretStr("memory://"),
        description="memory:// for one process; redis://:PASSWORD@HOST:6379/0, rediss:// (TLS) or unix://PATH "
        "where several share the work, its quotas and its pauses",
        examples=["memory://", "redis://localhost/0"],
    )

    @field_validator("url")
    @classmethod
    def _queue(cls, value: SecretStr) -> SecretStr:
        return _scheme(value, ("memory://", "redis://", "rediss://", "unix://"))

    @property
    def shared(self) -> bool:
        """Whether several processes can share it."""
        return not self.url.get_secret_value().startswith("memory://")


class Web(Section):
    """The newsroom, the console and the hooks."""

    listen: Endpoint = Field("127.0.0.1:8080", description="address and port to listen on")
    hook_secret: SecretStr = Field(
        SecretStr(""), description="what Telegram must send with every hook call; needed for mode webhook"
    )
    session_hours: int = Field(12, ge=1, le=720, description="how long a sign-in to the console lasts")
    trusted_proxies: Annotated[tuple[Network, ...], Words] = Field(
        (), description="networks whose X-Forwarded-For is believed", examples=[["10.0.0.0/8"]]
    )

    @field_validator("hook_secret")
    @classmethod
    def _sendable(cls, value: SecretStr) -> SecretStr:
        # setWebhook's secret_token: 1-256 characters of A-Z, a-z, 0-9, _ and - (Telegram Bot API).
        text = value.get_secret_value()
        if text and not (
            16 <= len(text) <= 256 and text.isascii() and text.replace("-", "").replace("_", "").isalnum()
        ):
            raise ValueError("must be 16 to 256 letters, digits, '-' or '_'")
        return value

    @property
    def host(self) -> str:
        """The address to listen on."""
        return self.listen.rpartition(":")[0].strip("[]")

    @property
    def port(self) -> int:
        """The port to listen on."""
        return int(self.listen.rpartition(":")[2])


class Telegram(Section):
    """The office's own bot: desk, drafts, subscribers."""

    token: SecretStr = Field(SecretStr(""), description="the bot's token, from @BotFather")
    api_url: WebAddress = Field("https://api.telegram.org", description="the Bot API's address")
    desk_chat: int | None = Field(None, description="the number of the editors' chat", examples=[-1001234567890])
    mode: Literal["polling", "webhook"] = Field("polling", description="how updates come in")
    ca_file: Path | None = Field(None, description="a file of further authorities to trust (PEM)", examples=["ca.crt"])


class Worker(Section):
    """Who brings the deliveries."""

    lease_seconds: float = Field(20, ge=5, le=3600, description="how long a claim holds before others may look at it")
    drain_seconds: float = Field(50, ge=0, le=3600, description="how long a stop waits for what is under way")


class Audit(Section):
    """The log that shows tampering."""

    key_file: Path = Field(
        Path("data/audit.key"), description="the Ed25519 key that signs checkpoints; made when absent"
    )
    checkpoint_minutes: int = Field(60, ge=1, le=1440, description="how often a checkpoint is signed")


class PreflightSection(Section):
    """What is checked before approval, beside what always is."""

    check_links: bool = Field(True, description="whether the links of a text are asked, within five seconds in all")
    allow_private_links: bool = Field(
        False, description="whether links into inner networks are asked too; for tests and demonstrations"
    )


class Watch(Section):
    """What is looked at again and again, so that the desk hears of trouble."""

    posts: bool = Field(
        True,
        description="whether what stands on the office's accounts and its website is compared with what was sent (in "
        "Telegram as far as the witness bot is told: posts and edits, no deletions)",
    )
    every: Duration = Field(timedelta(minutes=5), description="how often, where reading is free")
    costly_every: Duration | None = Field(
        None, description="how often, where each post read is paid for (X); never where empty", examples=["15m"]
    )
    probe_every: Duration = Field(timedelta(hours=1), description="how often each channel's credentials are tried")


class Log(Section):
    """What the service says of itself."""

    level: Literal["debug", "info", "warning", "error"] = Field("info", description="from which level on")
    format: Literal["json", "console"] = Field("json", description="json for machines, console for people")


class Settings(Section):
    """All settings, checked. Made by `load`."""

    office: Office
    storage: Storage
    queue: QueueSection
    web: Web
    telegram: Telegram
    worker: Worker
    audit: Audit
    preflight: PreflightSection
    watch: Watch
    log: Log
    channels: dict[str, ChannelSettings] = Field(default_factory=dict)
    disabled: tuple[str, ...] = Field((), description="channels that are configured but switched off")
    warnings: tuple[str, ...] = Field((), description="what is allowed but unwise, in sentences")

    def secrets(self) -> frozenset[str]:
        """Every secret value that the settings hold, so that the log can keep them out."""
        return frozenset(value for found in _walk(self) for value in _secret_parts(found) if value)


SECTIONS: Mapping[str, type[Section]] = {
    "office": Office,
    "storage": Storage,
    "queue": QueueSection,
    "web": Web,
    "telegram": Telegram,
    "worker": Worker,
    "audit": Audit,
    "preflight": PreflightSection,
    "watch": Watch,
    "log": Log,
}
"""The sections, in the order in which they are documented; beside them stands `channels`."""


def _scheme(value: SecretStr, known: tuple[str, ...]) -> SecretStr:
    if not value.get_secret_value().startswith(known):
        raise ValueError(f"must begin with {' or '.join(known)}")
    return value


def _walk(value: Any) -> Iterator[SecretStr]:
    if isinstance(value, SecretStr):
        yield value
    elif isinstance(value, BaseModel):
        for name in type(value).model_fields:
            yield from _walk(getattr(value, name))
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from _walk(item)
    elif isinstance(value, tuple | list | set | frozenset):
        for item in value:
            yield from _walk(item)


def _secret_parts(value: SecretStr) -> Iterator[str]:
    """The secret itself; of an address only its password, so that the log can still name the address."""
    text = value.get_secret_value()
    if "://" not in text:
        yield text
        return
    found = urlsplit(text)
    if found.password:
        yield found.password
        yield unquote(found.password)
