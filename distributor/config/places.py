"""Regions and topics from their files.

May touch: the file named, or the one that is part of the package. An operator's file replaces the packaged one
as a whole: another office has other regions.

    GE-TB = { ka = "თბილისი", en = "Tbilisi" }
    GE-TB-VAKE = { parent = "GE-TB", ka = "ვაკე", en = "Vake" }
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Literal

from distributor.config.faults import SettingFault, SettingsError, did_you_mean
from distributor.config.sections import Settings
from distributor.config.sources import Layer, file_layer
from distributor.core.places import Place, Places

_CODE = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,39}")  # fits a button's data (Telegram: 64 bytes) with room to spare
_LANGUAGE = re.compile(r"[a-z]{2,3}")


def packaged(name: Literal["regions", "topics"]) -> Path:
    """The file that is part of the package."""
    return Path(__file__).parent / "data" / f"{name}.toml"


def find_places(name: Literal["regions", "topics"], settings_file: Path | None) -> Places:
    """The operator's file beside the settings file where there is one, else the packaged one."""
    beside = settings_file.parent / f"{name}.toml" if settings_file is not None else None
    return load_places(beside if beside is not None and beside.exists() else packaged(name))


def load_places(path: Path) -> Places:
    """Regions or topics in the order of the file. SettingsError holds everything that is wrong in it."""
    layer = file_layer(path)
    places = {code: _place(code, entry) for code, entry in layer.values.items()}
    faults = [fault for code, entry in layer.values.items() for fault in _faults(code, entry, layer, places)]
    if faults:
        raise SettingsError(faults)
    return Places(places)


def _place(code: str, entry: Any) -> Place:
    table = entry if isinstance(entry, dict) else {}
    names = {key: unicodedata.normalize("NFC", str(name)) for key, name in table.items() if key != "parent"}
    return Place(code, names, str(table.get("parent", "")))


def _faults(code: str, entry: Any, layer: Layer, places: Mapping[str, Place]) -> Iterator[SettingFault]:
    origin = layer.origin((code,))
    if not isinstance(entry, dict):
        yield SettingFault(code, "must be a table", f'{code} = {{ ka = "…", en = "…" }}', origin)
        return
    if not _CODE.fullmatch(code):
        yield SettingFault(code, "is not a code: Latin letters, digits, '-' and '_', at most 40", "", origin)
    place = places[code]
    if not place.names:
        yield SettingFault(code, "has no name", f'{code} = {{ ka = "…", en = "…" }}', origin)
    for language, name in entry.items():
        if language != "parent" and not _LANGUAGE.fullmatch(language):
            yield SettingFault(f"{code}.{language}", "is neither a language nor parent", 'en = "…"', origin)
        elif not isinstance(name, str) or not name.strip():
            yield SettingFault(f"{code}.{language}", "must be text in quotes", f'{language} = "…"', origin)
    if place.parent and place.parent not in places:
        near = did_you_mean(place.parent, places)
        yield SettingFault(f"{code}.parent", "is not in this file", f'parent = "{near}"' if near else "", origin)
    elif _in_a_circle(place, places):
        yield SettingFault(f"{code}.parent", "leads back to itself", "", origin)


def _in_a_circle(place: Place, places: Mapping[str, Place]) -> bool:
    seen = {place.code}
    here = place.parent
    while here in places:
        if here in seen:
            return True
        seen.add(here)
        here = places[here].parent
    return False


def check_places(settings: Settings, regions: Places, topics: Places) -> list[SettingFault]:
    """Codes that channels accept and that no file knows."""
    faults = []
    for name, channel in settings.channels.items():
        for key, codes, known in (
            ("regions", channel.accepts.regions, regions),
            ("topics", channel.accepts.topics, topics),
        ):
            for code in codes:
                if code not in known.by_code:
                    near = did_you_mean(code, known.by_code)
                    right = f'{key} = ["{near}"]' if near else ""
                    faults.append(SettingFault(f"channels.{name}.accepts.{key}", f"names no known code: {code}", right))
    return faults
