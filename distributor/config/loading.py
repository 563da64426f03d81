"""Settings from their layers, with every mistake told at once.

May touch: the settings file and the secret files it names. Opens no connection, imports no adapter.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo

from distributor.config.channels import ChannelSettings, common_keys, split
from distributor.config.faults import SettingFault, SettingsError, did_you_mean, example_line, wording
from distributor.config.sections import SECTIONS, Section, Settings
from distributor.config.sources import PREFIX, Fields, Key, Layer, environment_layer, file_layer, merge, resolve_secrets

_NAME = re.compile(r"[a-z][a-z0-9_]{0,30}")
_SHORTEST_SECRET = 6  # of a shorter one the log could not be kept clean without becoming unreadable


def load(
    path: Path | None,
    environment: Mapping[str, str],
    channel_models: Callable[[str], type[BaseModel]],
    adapters: Sequence[str],
) -> Settings:
    """The settings: defaults, under the file at `path`, under `DISTRIBUTOR__…` of `environment`.

    `channel_models` gives the model of an adapter's own keys; it is asked only for channels that are enabled.
    Raises SettingsError, which holds everything that is wrong.
    """
    layers = [environment_layer(environment)] + ([file_layer(path)] if path is not None else [])
    reading = _Reading(layers, channel_models, tuple(adapters))
    reading.read_secret_files()
    sections, channels, disabled = reading.sections(), reading.channels(), reading.disabled()
    reading.check_together(sections)
    reading.check_witnesses(sections, channels)
    if reading.faults:
        raise SettingsError(reading.faults)
    settings = Settings.model_validate({**sections, "channels": channels, "disabled": disabled})
    for value in settings.secrets():
        if len(value) < _SHORTEST_SECRET:
            reading.warnings.append("a secret is so short that the log cannot leave it out: take a longer one")
    if settings.storage.url.get_secret_value().startswith("postgresql://") and not settings.queue.shared:
        reading.warnings.append(
            "queue.url is memory:// beside a postgresql:// database: several processes then do not share quotas; "
            "give more than one worker a Redis"
        )
    office = settings.office.languages
    # An exercise has no way to the public, because nothing that knows one is ever made.
    closed = tuple(name for name, channel in settings.channels.items() if channel.live and settings.office.exercise)
    reading.warnings += [f"channels.{name} is live and stays closed: office.exercise is true" for name in closed]
    channels = {
        name: channel if channel.languages else channel.model_copy(update={"languages": office})
        for name, channel in settings.channels.items()
        if name not in closed
    }
    update = {"channels": channels, "disabled": disabled + closed, "warnings": tuple(reading.warnings)}
    return settings.model_copy(update=update)


@dataclass(slots=True)
class _Reading:
    """One run over the layers; gathers faults and warnings as it goes."""

    layers: list[Layer]
    channel_models: Callable[[str], type[BaseModel]]
    adapters: tuple[str, ...]
    faults: list[SettingFault] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    values: dict[str, Any] = field(default_factory=dict)
    unread: set[Key] = field(default_factory=set)  # secrets whose file could not be read

    def read_secret_files(self) -> None:
        """Put what `KEY_file` names into its place, then lay the layers over one another."""
        self.values = merge(self.layers)
        known: dict[Key, Fields | None] = {}

        def fields_of(key: Key) -> Fields | None:
            if key not in known:
                known[key] = self._fields_of(key)
            return known[key]

        for layer in self.layers:
            faults, without = resolve_secrets(layer, fields_of, self.warnings)
            self.faults += faults
            self.unread |= without
        self.values = merge(self.layers)

    def _fields_of(self, key: Key) -> Fields | None:
        if len(key) == 1:
            return SECTIONS[key[0]].model_fields if key[0] in SECTIONS else None
        table = self._channel_tables().get(key[1])
        if table is None or not _enabled(table) or table.get("adapter") not in self.adapters:
            return None
        return self.channel_models(table["adapter"]).model_fields

    def _channel_tables(self) -> dict[str, dict[str, Any]]:
        found = self.values.get("channels", {})
        return {name: table for name, table in found.items() if isinstance(table, dict)} if _is_table(found) else {}

    def sections(self) -> dict[str, Section]:
        """Every section but the channels, checked."""
        for name in self.values:
            if name not in SECTIONS and name != "channels":
                self._unknown((name,), dict.fromkeys((*SECTIONS, "channels")))
        made: dict[str, Section] = {}
        for name, model in SECTIONS.items():
            section = self._checked((name,), model, self.values.get(name, {}))
            if isinstance(section, Section):
                made[name] = section
        return made

    def channels(self) -> dict[str, ChannelSettings]:
        """Every channel that is enabled, checked by the model of its adapter."""
        found = self.values.get("channels", {})
        made: dict[str, ChannelSettings] = {}
        for name, table in found.items() if _is_table(found) else [("", found)]:
            key = ("channels", name) if name else ("channels",)
            if not _is_table(table):
                self._fault(key, "must be a table", "[channels.telegram]")
            elif not _NAME.fullmatch(name):
                wrong = "is not a name: small Latin letters, digits and '_', at most 31, a letter first"
                self._fault(key, wrong, "[channels.telegram]")
            else:
                channel = self._channel(key, table)
                if channel is not None and channel.enabled:
                    made[name] = channel
        return made

    def disabled(self) -> tuple[str, ...]:
        """The names of the channels that are switched off."""
        return tuple(name for name, table in self._channel_tables().items() if not _enabled(table))

    def _channel(self, key: Key, table: dict[str, Any]) -> ChannelSettings | None:
        common, own = split(table)
        adapter = common.get("adapter")
        channel = self._checked(key, ChannelSettings, common)
        if isinstance(adapter, str) and adapter not in self.adapters:
            near = did_you_mean(adapter, self.adapters)
            hint = f"; did you mean {near!r}?" if near else ""
            wrong = f"is no adapter: there are {', '.join(self.adapters)}{hint}"
            self._fault((*key, "adapter"), wrong, f'adapter = "{near or self.adapters[0]}"')
            return None
        if not isinstance(adapter, str) or not _enabled(table):
            return channel if isinstance(channel, ChannelSettings) else None
        checked = self._checked(key, self.channel_models(adapter), own, also=ChannelSettings.model_fields)
        if checked is None or not isinstance(channel, ChannelSettings):
            return None
        return channel.model_copy(update={"name": key[-1], "own": checked})

    def check_together(self, sections: Mapping[str, Any]) -> None:
        """What is wrong only in view of another section."""
        if {"telegram", "web", "office"} - set(sections) or sections["telegram"].mode != "webhook":
            return
        if not sections["web"].hook_secret.get_secret_value():
            right = example_line("hook_secret", SECTIONS["web"].model_fields["hook_secret"])
            self._fault(("web", "hook_secret"), "is missing: telegram.mode is webhook", right)
        if not sections["office"].base_url.startswith("https://"):
            wrong = "must begin with https://: telegram.mode is webhook, and Telegram calls no other address"
            self._fault(("office", "base_url"), wrong, 'base_url = "https://news.example.ge"')

    def check_witnesses(self, sections: Mapping[str, Any], channels: Mapping[str, ChannelSettings]) -> None:
        """A bot that reads as a witness hears nothing else: the desk's own would be deaf to its editors."""
        desk = sections["telegram"].token.get_secret_value() if "telegram" in sections else ""
        for name, channel in channels.items():
            token = getattr(channel.own, "witness_token", None)
            # The number before the colon is the bot; what follows changes when its token is made anew.
            if desk and token is not None and token.get_secret_value().partition(":")[0] == desk.partition(":")[0]:
                wrong = "is the desk's own bot, which would hear its editors no more: a witness is a bot of its own"
                self._fault(("channels", name, "witness_token"), wrong, 'witness_token_file = "secrets/witness_token"')

    def _checked(self, key: Key, model: type[BaseModel], table: Any, also: Fields | None = None) -> BaseModel | None:
        """The table by its model, or None after its faults were noted. `also`: further keys that stand beside."""
        try:
            return model.model_validate(table)
        except ValidationError as error:
            for found in error.errors(include_url=False, include_input=False):
                self._note(key, dict(found), model, {**(also or {})})
            return None

    def _note(self, key: Key, error: dict[str, Any], model: type[BaseModel], also: Fields) -> None:
        place = (*key, *(str(part) for part in error["loc"]))
        if error["type"] == "missing" and place in self.unread:
            return
        fields, chain = dict(model.model_fields), error["loc"]
        info: FieldInfo | None = None
        for depth, part in enumerate(chain):
            info = fields.get(str(part))
            if error["type"] == "extra_forbidden" and depth == len(chain) - 1:
                beside: Iterable[str] = common_keys() if model is not ChannelSettings and also else ()
                self._unknown(place, {**fields, **{name: also[name] for name in beside}})
                return
            inner = info.annotation if info else None
            if depth < len(chain) - 1 and isinstance(inner, type) and issubclass(inner, BaseModel):
                fields = dict(inner.model_fields)
            else:
                break
        name = str(chain[0]) if chain else key[-1]
        if info is not None and len(chain) > 1 and place[-1] in fields:
            name = place[-1]
        self._fault(place, wording(error), example_line(name, info, self._variable(place)))

    def _unknown(self, place: Key, fields: Mapping[str, FieldInfo | None]) -> None:
        near = did_you_mean(place[-1], fields)
        hint = f"did you mean {near!r}?" if near else f"there are {', '.join(sorted(fields))}"
        variable = self._variable(place)
        if variable and near:
            variable = PREFIX + "__".join((*place[:-1], near)).upper()
        right = example_line(near, fields.get(near), variable) if near else ""
        self._fault(place, f"is not a setting; {hint}", right or (f"[{near}]" if near and len(place) == 1 else ""))

    def _variable(self, place: Key) -> str:
        """The environment variable that the value came from, or ''."""
        return next((where for path, where in self.layers[0].origins.items() if path == place[: len(path)]), "")

    def _fault(self, place: Key, wrong: str, right: str) -> None:
        origin = next((where for layer in self.layers if (where := layer.origin(place))), "")
        self.faults.append(SettingFault(".".join(place), wrong, right, origin))


def _is_table(value: Any) -> bool:
    return isinstance(value, dict)


def _enabled(table: Mapping[str, Any]) -> bool:
    """Whether a channel is switched on, as far as can be told before it is checked."""
    value = table.get("enabled", True)
    return value.lower() not in {"false", "0", "no", "off"} if isinstance(value, str) else bool(value)
