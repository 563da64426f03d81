"""The layers that settings come in: the file, the environment over it, and files that hold one secret each.

May touch: the settings file and the secret files that are named. Reads no environment but the mapping it is given.
Never repeats a value in an error.
"""

from __future__ import annotations

import re
import stat
import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, InitSettingsSource, PydanticBaseSettingsSource, SettingsConfigDict

from distributor.config.faults import SettingFault, SettingsError, is_secret

PREFIX = "DISTRIBUTOR__"

Key = tuple[str, ...]
Fields = Mapping[str, FieldInfo]

_HEADER = re.compile(r"\s*\[([^\[\]]+)\]\s*(#.*)?")
_ASSIGNED = re.compile(r"\s*([A-Za-z0-9_.\-\"' ]+?)\s*=")


@dataclass(slots=True)
class Layer:
    """One source of settings: nested tables, and where each key was written."""

    values: dict[str, Any]
    origins: dict[Key, str] = field(default_factory=dict)
    name: str = ""

    def origin(self, key: Key) -> str:
        """Where a key, or the nearest thing above or below it, was written; '' where it is not from here."""
        for end in range(len(key), 0, -1):
            if key[:end] in self.origins:
                return self.origins[key[:end]]
        below = (where for path, where in self.origins.items() if path[: len(key)] == key)
        return next(below, "")


class _Merged(BaseSettings):
    """The layers laid over one another by pydantic-settings: tables are merged, everything else is replaced."""

    model_config = SettingsConfigDict(extra="allow", hide_input_in_errors=True)

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        *others: PydanticBaseSettingsSource,
        **named: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Nothing but the layers that were handed in; the strongest comes first."""
        layers: Sequence[Layer] = init_settings()["layers"]
        return tuple(InitSettingsSource(settings_cls, layer.values) for layer in layers)


def merge(layers: Sequence[Layer]) -> dict[str, Any]:
    """All layers as one nested table; the first layer is the strongest."""
    given: dict[str, Any] = {"layers": layers}
    return dict(_Merged(**given).model_extra or {})


def file_layer(path: Path) -> Layer:
    """The settings file. SettingsError where it cannot be read or is not TOML."""
    try:
        text = path.read_text("utf-8")
        values = tomllib.loads(text)
    except FileNotFoundError:
        raise SettingsError([SettingFault(str(path), "does not exist")]) from None
    except OSError as error:
        raise SettingsError([SettingFault(str(path), f"cannot be read: {error.strerror}")]) from None
    except UnicodeDecodeError:
        raise SettingsError([SettingFault(str(path), "is not a text in UTF-8")]) from None
    except tomllib.TOMLDecodeError as error:
        # The message names a line, never its content.
        raise SettingsError([SettingFault(str(path), f"is not TOML: {error}")]) from None
    origins = {key: f"{path}:{line}" for key, line in _lines(text)}
    origins |= {(name,): origins.get((name,), str(path)) for name in values}
    return Layer(values, origins, str(path))


def _lines(text: str) -> Iterator[tuple[Key, int]]:
    """The line of each table and key, as far as it can be seen without a parser."""
    table: Key = ()
    for number, line in enumerate(text.splitlines(), 1):
        if header := _HEADER.fullmatch(line):
            table = _parts(header[1])
            yield table, number
        elif (assigned := _ASSIGNED.match(line)) and not line.lstrip().startswith("#"):
            yield (*table, *_parts(assigned[1])), number


def _parts(dotted: str) -> Key:
    return tuple(part.strip().strip("\"'") for part in dotted.split("."))


def environment_layer(environment: Mapping[str, str]) -> Layer:
    """`DISTRIBUTOR__SECTION__KEY` and deeper. An empty value counts as not set; lists are written as in TOML."""
    layer = Layer({}, name="the environment")
    for variable in sorted(environment, key=lambda name: (name.count("__"), name)):
        if not variable.upper().startswith(PREFIX) or not environment[variable]:
            continue
        key = tuple(part.lower() for part in variable[len(PREFIX) :].split("__"))
        table = layer.values
        for part in key[:-1]:
            inner = table.get(part)
            if not isinstance(inner, dict):
                inner = table[part] = {}
            table = inner
        table[key[-1]] = _value(environment[variable])
        layer.origins[key] = variable
    return layer


def _value(text: str) -> Any:
    if text[0] in "[{":
        try:
            return tomllib.loads(f"value = {text}")["value"]
        except tomllib.TOMLDecodeError:
            return text
    return text


def resolve_secrets(
    layer: Layer, fields_of: Callable[[Key], Fields | None], warnings: list[str]
) -> tuple[list[SettingFault], set[Key]]:
    """Replace every `KEY_file` of a secret key by what the file holds.

    Returns what is wrong, and the keys that have no value for that reason (so that they are not called missing too).
    """
    faults: list[SettingFault] = []
    without: set[Key] = set()
    for key, table, fields in _tables(layer.values, fields_of):
        for name in [name for name in table if name.endswith("_file") and name not in fields]:
            plain = name.removesuffix("_file")
            if plain not in fields or not is_secret(fields[plain]):
                continue
            given, place = table.pop(name), (*key, name)
            if plain in table:
                warnings.append(f"{'.'.join((*key, plain))} is given twice in {layer.name}; the file {name} counts")
            try:
                table[plain] = _read(given, ".".join(place), warnings)
            except ValueError as error:
                faults.append(
                    SettingFault(".".join(place), str(error), f'{name} = "secrets/{plain}"', layer.origin(place))
                )
                without.add((*key, plain))
                table.pop(plain, None)
                continue
            layer.origins[(*key, plain)] = f"the file that {layer.origin(place) or name} names"
    return faults, without


def _tables(
    values: dict[str, Any], fields_of: Callable[[Key], Fields | None]
) -> Iterator[tuple[Key, dict[str, Any], Fields]]:
    for name, table in values.items():
        inner = table.items() if name == "channels" and isinstance(table, dict) else ()
        for key, found in (((name,), table), *(((name, channel), entry) for channel, entry in inner)):
            fields = fields_of(key)
            if fields is not None and isinstance(found, dict):
                yield key, found, fields


def _read(given: Any, name: str, warnings: list[str]) -> str:
    if not isinstance(given, str):
        raise ValueError("must be the path of a file")
    path = Path(given)
    try:
        mode = path.stat().st_mode
        text = path.read_text("utf-8").rstrip()
    except FileNotFoundError:
        raise ValueError("names a file that does not exist") from None
    except OSError as error:
        raise ValueError(f"names a file that cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise ValueError("names a file that is not text in UTF-8") from None
    if not text:
        raise ValueError("names an empty file")
    # Below /run/secrets stands what a container was given: nobody but the service lives there.
    if mode & stat.S_IROTH and not path.is_relative_to("/run/secrets"):
        warnings.append(f"{name}: everybody on this machine can read the file {path}; chmod 600 closes it")
    return text
