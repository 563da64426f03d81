"""The words of the privacy gate from their files.

May touch: the packaged files, and words_<language>.toml beside the settings file. An operator's file replaces the
packaged one of its language as a whole; a further language is added.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import fields
from functools import cache
from pathlib import Path

from distributor.config.faults import SettingFault, SettingsError, did_you_mean
from distributor.config.sources import Layer, file_layer
from distributor.core.privacy_words import PrivacyWords

_FILE = re.compile(r"words_([a-z]{2,3})\.toml")
_SUBJECTS = tuple(item.name for item in fields(PrivacyWords))
_DATA = Path(__file__).parent / "data"


@cache
def packaged_words() -> PrivacyWords:
    """The words that are part of the package."""
    return PrivacyWords.together(map(load_words, sorted(_DATA.glob("words_*.toml"))))


def find_words(settings_file: Path | None) -> PrivacyWords:
    """Every language's words: the operator's beside the settings file where there are any, else the packaged ones."""
    files = {path.name: path for path in sorted(_DATA.glob("words_*.toml"))}
    if settings_file is not None:
        beside = sorted(settings_file.parent.glob("words_*.toml"))
        files |= {path.name: path for path in beside if _FILE.fullmatch(path.name)}
    return PrivacyWords.together(load_words(files[name]) for name in sorted(files))


def load_words(path: Path) -> PrivacyWords:
    """One file. SettingsError holds everything that is wrong in it."""
    layer = file_layer(path)
    faults = list(_faults(layer))
    if faults:
        raise SettingsError(faults)
    return PrivacyWords(**{subject: tuple(words) for subject, words in layer.values.items()})


def _faults(layer: Layer) -> Iterator[SettingFault]:
    for subject, words in layer.values.items():
        origin = layer.origin((subject,))
        if subject not in _SUBJECTS:
            near = did_you_mean(subject, _SUBJECTS)
            yield SettingFault(subject, "is no subject of the privacy gate", f'{near} = ["…"]' if near else "", origin)
        elif not isinstance(words, list) or not all(isinstance(word, str) and _usable(word) for word in words):
            yield SettingFault(subject, "must be a list of words in quotes", f'{subject} = ["…"]', origin)


def _usable(word: str) -> bool:
    """An entry without a letter or digit would be found everywhere, or nowhere."""
    return all(any(char.isalnum() for char in part) for part in word.split()) and bool(word.strip())
