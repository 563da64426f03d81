"""What is wrong in the settings, in sentences that tell how to put it right.

Pure. Never repeats a value that was given: it may be a secret.
"""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import PurePath
from typing import Any

from pydantic import BaseModel, SecretStr
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from distributor.config.units import Rate, duration_text

_WORDING = {
    "missing": "is missing",
    "int_parsing": "must be a whole number",
    "int_type": "must be a whole number",
    "int_from_float": "must be a whole number",
    "float_parsing": "must be a number",
    "float_type": "must be a number",
    "bool_parsing": "must be true or false",
    "bool_type": "must be true or false",
    "string_type": "must be text in quotes",
    "tuple_type": "must be a list in brackets",
    "list_type": "must be a list in brackets",
    "dict_type": "must be a table",
    "model_type": "must be a table",
    "model_attributes_type": "must be a table",
    "string_pattern_mismatch": "does not have the form that is needed",
    "path_type": "must be the path of a file",
    "url_parsing": "must be a web address",
    "url_scheme": "must be a web address",
    "string_too_short": "must not be empty",
    "too_short": "must not be empty",
}


@dataclass(frozen=True, slots=True)
class SettingFault:
    """One wrong key. `path` such as 'channels.mia.token'; `right` the line that would be right, or ''; `origin` the
    file with its line, or the environment variable, that the wrong value came from."""

    path: str
    wrong: str
    right: str = ""
    origin: str = ""

    def __str__(self) -> str:
        """One or two lines for a terminal."""
        place = f" ({self.origin})" if self.origin else ""
        hint = f"\n    for example: {self.right}" if self.right else ""
        return f"{self.path} {self.wrong}{place}{hint}"


class SettingsError(Exception):
    """The settings cannot be used. `errors` holds every wrong key at once."""

    def __init__(self, errors: Iterable[SettingFault]) -> None:
        self.errors = list(errors)
        super().__init__("\n".join(str(fault) for fault in self.errors))


def wording(error: Mapping[str, Any]) -> str:
    """What pydantic found, in words that fit after the key's path."""
    kind, context = error["type"], error.get("ctx") or {}
    if kind in _WORDING:
        return _WORDING[kind]
    if kind in {"literal_error", "enum"}:
        return f"must be {context['expected']}"
    limits = {"greater_than_equal": ("at least", "ge"), "less_than_equal": ("at most", "le")}
    limits |= {"greater_than": ("more than", "gt"), "less_than": ("less than", "lt")}
    if kind in limits:
        word, key = limits[kind]
        return f"must be {word} {context[key]:g}"
    if kind == "value_error":
        return str(context["error"])
    return str(error["msg"])


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """The known word that was most likely meant, or ''."""
    return next(iter(difflib.get_close_matches(word, list(known), 1, 0.6)), "")


def example_line(key: str, field: FieldInfo | None, variable: str = "") -> str:
    """The line that would be right, for a file, or for the environment where `variable` names it."""
    if field is None:
        return ""
    if is_secret(field) and not field.examples:
        line = f'{variable}_FILE="/run/secrets/{key}"' if variable else f'{key}_file = "secrets/{key}"'
    else:
        value = toml_value(example(field))
        line = f"{variable}={value}" if variable else f"{key} = {value}"
    return f"{line}  # {field.description}" if field.description else line


def example(field: FieldInfo) -> Any:
    """A value that the key may have: an example that was declared, else its default, else a sign to fill in."""
    if field.examples:
        return field.examples[0]
    default = field.get_default(call_default_factory=True, validated_data={})
    return "…" if default is PydanticUndefined or default is None else default


def is_secret(field: FieldInfo) -> bool:
    """True where the key's value must stay out of logs, and may be given as `KEY_file`."""
    return SecretStr in (field.annotation, *getattr(field.annotation, "__args__", ()))


def toml_value(value: Any) -> str:
    """A value as TOML writes it."""
    if isinstance(value, SecretStr):
        value = value.get_secret_value()
    if isinstance(value, bool | int | float):
        return json.dumps(value)
    if isinstance(value, timedelta):
        return f'"{duration_text(value)}"'
    if isinstance(value, BaseModel):
        value = {name: getattr(value, name) for name in type(value).model_fields}
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{key} = {toml_value(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list | tuple | set | frozenset) and not isinstance(value, Rate):
        return "[" + ", ".join(toml_value(item) for item in value) + "]"
    if isinstance(value, PurePath):
        value = value.as_posix()
    return json.dumps(str(value), ensure_ascii=False)
