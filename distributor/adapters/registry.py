"""The names of the adapters, and where they live.

The only module that knows them all. An adapter, and with it the library of its platform, is imported when it is
asked for and not before: a service that has three channels does not wait for the libraries of the other two.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from types import MappingProxyType
from typing import Any, cast

from pydantic import BaseModel

from distributor.core.channel import Channel
from distributor.core.ports import Surroundings


@dataclass(frozen=True, slots=True)
class AdapterEntry:
    """Where an adapter lives: its module, the model of its settings, and its channel class."""

    module: str
    settings: str
    channel: str

    def load(self) -> tuple[type[BaseModel], type[Any]]:
        """The settings model and the channel class. Imports the platform's library."""
        module = import_module(self.module)
        return getattr(module, self.settings), getattr(module, self.channel)


ADAPTERS: Mapping[str, AdapterEntry] = MappingProxyType(
    {
        "telegram": AdapterEntry("distributor.adapters.telegram", "TelegramSettings", "Telegram"),
        "x": AdapterEntry("distributor.adapters.x", "XSettings", "X"),
        "facebook": AdapterEntry("distributor.adapters.facebook", "FacebookSettings", "Facebook"),
        "email": AdapterEntry("distributor.adapters.email", "EmailSettings", "Email"),
        "newsroom": AdapterEntry("distributor.adapters.newsroom", "NewsroomSettings", "Newsroom"),
        "wordpress": AdapterEntry("distributor.adapters.wordpress", "WordPressSettings", "WordPress"),
        "webhook": AdapterEntry("distributor.adapters.webhook", "WebhookSettings", "Webhook"),
    }
)
"""Name, as `[channels.NAME] adapter` gives it -> entry."""


def names() -> tuple[str, ...]:
    """The names of all adapters, in the order in which they are listed to people."""
    return tuple(ADAPTERS)


def settings_model(adapter: str) -> type[BaseModel]:
    """The model of an adapter's own settings. ValueError for a name that no adapter has."""
    return _entry(adapter).load()[0]


def build(adapter: str, name: str, settings: BaseModel, surroundings: Surroundings) -> Channel:
    """The channel `name`, served by an adapter. Opens no connection.

    ValueError for a name that no adapter has, TypeError for settings of another adapter.
    """
    model, channel = _entry(adapter).load()
    if not isinstance(settings, model):
        raise TypeError(f"the adapter {adapter!r} wants {model.__name__}, not {type(settings).__name__}")
    return cast(Channel, channel(name, settings, surroundings))


def _entry(adapter: str) -> AdapterEntry:
    if adapter not in ADAPTERS:
        raise ValueError(f"no adapter {adapter!r}; there are {', '.join(ADAPTERS)}")
    return ADAPTERS[adapter]
