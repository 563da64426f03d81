"""The words of the privacy gate from their files.

May touch: the packaged files, and words_<language>.toml beside the settings file. Each subject of an operator's file
replaces that of the packaged one of its language; a subject that it lacks keeps the packaged words, so that a gate that
learns more does so with older files too. A further language is added.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import fields, replace
from functools import cache
from pathlib import Path

from distributor.config.faults import SettingFault, SettingsError, did_you_mean
from distributor.config.sources import Layer, file_layer
from distributor.core.privacy_words import PrivacyWords

_FILE = re.compile(r"words_([a-z]{2,3})\.toml")
_SUBJECTS = tuple(item.name for item in fields(PrivacyWords) if item.name != "languages")
_DATA = Path(__file__).parent / "data"


@cache
def packaged_words() -> PrivacyWords:
    """The words that are part of the package."""
    return PrivacyWords.together(map(load_words, sorted(_DATA.glob("words_*.toml"))))


def find_words(settings_file: Path | None) -> PrivacyWords:
    """Every language's words: the operator's beside the settings file where there are any, else the packaged ones."""
    own = _beside(settings_file)
    packaged = {path.name: load_words(path) for path in _DATA.glob("words_*.toml")}
    names = sorted(own.keys() | packaged.keys())
    kept = (load_words(own[name], packaged.get(name)) if name in own else packaged[name] for name in names)
    return PrivacyWords.together(kept)


def lacking_words(settings_file: Path | None) -> tuple[str, ...]:
    """A sentence for each own file that lacks subjects for which the packaged one of its language has words."""
    said = []
    for name, path in sorted(_beside(settings_file).items()):
        given, packaged = file_layer(path).values, _DATA / name
        wanted = file_layer(packaged).values if packaged.exists() else {}
        lacks = [subject for subject in _SUBJECTS if wanted.get(subject) and subject not in given]
        if lacks:
            said.append(
                f"{name} lacks {', '.join(lacks)}: the packaged words are used; "
                f"copy them from the delivered file, or write `{lacks[0]} = []` where none are wanted"
            )
    return tuple(said)


def load_words(path: Path, base: PrivacyWords | None = None) -> PrivacyWords:
    """One file; a subject that it lacks is that of `base`. SettingsError holds everything that is wrong in it."""
    layer = file_layer(path)
    faults = list(_faults(layer))
    if faults:
        raise SettingsError(faults)
    named = _FILE.fullmatch(path.name)
    given = {subject: tuple(words) for subject, words in layer.values.items()}
    return replace(base or PrivacyWords(), languages=(named[1],) if named else (), **given)


def _beside(settings_file: Path | None) -> dict[str, Path]:
    """The operator's files, by name."""
    beside = settings_file.parent.glob("words_*.toml") if settings_file is not None else ()
    return {path.name: path for path in beside if _FILE.fullmatch(path.name)}


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
