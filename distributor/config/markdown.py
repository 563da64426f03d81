"""The documentation of the settings, made from the table.

Pure: text out of models.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import NoneType
from typing import Any, Literal, get_args, get_origin

from pydantic import BaseModel, SecretStr
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from distributor.config.channels import Accepts, ChannelSettings
from distributor.config.faults import example, is_secret, toml_value
from distributor.config.sections import SECTIONS

_TYPE_WORDS = {
    "str": "text",
    "int": "whole number",
    "float": "number",
    "bool": "true or false",
    "Path": "path",
    "SecretStr": "secret",
    "tuple": "list",
    "dict": "table by language",
    "date": 'date ("2027-03-31")',
    "timedelta": 'length of time ("24h")',
    "Accepts": "table",
    "HttpUrl": "web address",
}

_OPENING = """# Settings

<!-- Made from the table in distributor/config: do not edit. -->

Settings stand in `config/distributor.toml`. What is not set has its default.

- **Environment**: `DISTRIBUTOR__SECTION__KEY` wins over the file, deeper keys likewise
  (`DISTRIBUTOR__CHANNELS__MIA__TOKEN`). Lists are written as in the file (`["ka", "en"]`). An empty value counts as
  not set.
- **Secrets** are marked *secret*. Instead of `key`, `key_file` may name a file that holds nothing but the secret
  (`DISTRIBUTOR__TELEGRAM__TOKEN_FILE`); it must exist, and others should not be able to read it. Space at its end is
  left out.
- **Times** carry their unit: `45s`, `90m`, `24h`, `7d`. **Rates** are calls in a time: `1/s`, `20/min`, `300/3h`,
  `1000/day`.
- Paths are taken from the working directory.

`distributor config check` names every wrong key at once, and the line that would be right.
"""

_CHANNELS = """## [channels.NAME]

A channel is a way out; NAME is yours (small Latin letters, digits, `_`). These keys belong to every channel:
"""


def settings_markdown(channel_models: Mapping[str, type[BaseModel]]) -> str:
    """`docs/settings.md`. `channel_models`: the adapters' names and the models of their own keys."""
    parts = [_OPENING]
    for name, model in SECTIONS.items():
        parts.append(f"## [{name}]\n\n{_first_line(model)}\n\n{_table(model.model_fields)}")
    common = {key: info for key, info in ChannelSettings.model_fields.items() if key not in {"name", "own", "accepts"}}
    accepts = {f"accepts.{key}": info for key, info in Accepts.model_fields.items()}
    parts.append(f"{_CHANNELS}\n{_table({**common, **accepts})}")
    for adapter, own in channel_models.items():
        parts.append(f'### adapter = "{adapter}"\n\n{_table(own.model_fields)}')
    return "\n".join(parts)


def _first_line(model: type[BaseModel]) -> str:
    return (model.__doc__ or "").strip().splitlines()[0]


def _table(fields: Mapping[str, FieldInfo]) -> str:
    lines = ["| key | type | default | meaning |", "|---|---|---|---|"]
    for key, info in fields.items():
        cells = (f"`{key}`", type_words(info.annotation), _default(info), _help(info))
        lines.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    return "\n".join(lines) + "\n"


def _help(info: FieldInfo) -> str:
    text = info.description or ""
    default = info.get_default(call_default_factory=True, validated_data={})
    if info.examples and not is_secret(info) and example(info) != default:
        text += f" (such as `{toml_value(example(info))}`)"
    return text.strip()


def _default(info: FieldInfo) -> str:
    if info.is_required():
        return "*required*"
    value = info.get_default(call_default_factory=True, validated_data={})
    empty = value is PydanticUndefined or value is None or value == () or value == ""
    if empty or (isinstance(value, SecretStr) and not value.get_secret_value()):
        return "–"
    return f"`{toml_value(value)}`"


def type_words(annotation: Any) -> str:
    """A type in plain words."""
    return " or ".join(dict.fromkeys(_words(annotation)))


def _words(annotation: Any) -> Iterator[str]:
    origin = get_origin(annotation)
    if origin is Literal:
        yield " or ".join(f"`{choice}`" for choice in get_args(annotation))
    elif origin in (tuple, list, dict):
        yield _TYPE_WORDS.get(origin.__name__, "list")
    elif origin is not None and get_args(annotation):
        for inner in get_args(annotation):
            if inner is not NoneType and not isinstance(inner, FieldInfo) and isinstance(inner, type | object):
                yield from _words(inner)
    else:
        name = getattr(annotation, "__name__", "")
        if name in _TYPE_WORDS:
            yield _TYPE_WORDS[name]
