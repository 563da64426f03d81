"""The settings that every channel has, whatever its adapter; the adapter's own stand in `own`.

Pure. Knows no adapter: the model of the adapter's own keys is handed to `load`.
"""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SerializeAsAny

from distributor.config.units import Duration, Language, RateText, Words, distinct
from distributor.core.release import Kind


class Accepts(BaseModel):
    """Which releases a channel brings. An empty list accepts everything."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    kinds: Annotated[tuple[Kind, ...], Words] = Field((), description="kinds of release", examples=[["news"]])
    regions: Annotated[tuple[str, ...], Words] = Field(
        (), description="region codes; a region includes its districts", examples=[["GE-TB"]]
    )
    topics: Annotated[tuple[str, ...], Words] = Field((), description="topic codes", examples=[["road_safety"]])


_EVERYTHING = Accepts.model_validate({})


class OwnKeys(BaseModel):
    """What stands in `own` where there is no model: nothing."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class ChannelSettings(BaseModel):
    """One channel. `name` is its table's name; `own` are the checked settings of its adapter."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    name: str = Field(default="", exclude=True)
    own: SerializeAsAny[BaseModel] = Field(default_factory=OwnKeys, exclude=True)

    adapter: str = Field(
        description="which platform it is: telegram, x, facebook, email, newsroom, wordpress, webhook",
        examples=["email"],
    )
    enabled: bool = Field(
        True, description="false: nothing goes out by it, and its adapter's own keys are not looked at"
    )
    label: str = Field("", description="what people read instead of its name", examples=["Telegram"])
    languages: Annotated[tuple[Language, ...], Words, AfterValidator(distinct)] = Field(
        (), description="languages in order of preference; those of the office where empty", examples=[["ka", "en"]]
    )
    accepts: Accepts = Field(default=_EVERYTHING, description="which releases it brings")
    deadline: Duration | None = Field(
        None, description="how long after approval a delivery may still go out", examples=["24h"]
    )
    rates: Annotated[tuple[RateText, ...], Words] = Field(
        (), description="at most so many calls in a time, over all workers together", examples=[["30/s"]]
    )
    destination_rates: Annotated[tuple[RateText, ...], Words] = Field(
        (), description="the same for each single destination", examples=[["1/s", "20/min"]]
    )
    concurrency: int = Field(4, ge=1, le=1000, description="deliveries under way at once")
    token_expires: date | None = Field(
        None, description="the day on which its token ends, where the platform does not tell", examples=["2027-03-31"]
    )
    live: bool = Field(True, description="false: nobody outside reads it, so tests and exercises may go there")

    @property
    def title(self) -> str:
        """What people read: its label, else its name."""
        return self.label or self.name


def common_keys() -> frozenset[str]:
    """The keys that belong to every channel; all others are the adapter's."""
    return frozenset(ChannelSettings.model_fields) - {"name", "own"}


def split(table: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """A channel's table, in two: the keys of every channel, and the adapter's own."""
    common = common_keys()
    return (
        {key: value for key, value in table.items() if key in common},
        {key: value for key, value in table.items() if key not in common},
    )
