"""Settings: one table of name, type, default and help; files, environment and secret files read into it.

May touch: the settings files and secret files it is given, at the moment of `load` and never at import.
Never reads the process's environment by itself, never imports an adapter: both come in as arguments.
"""

from __future__ import annotations

from distributor.config.channels import Accepts, ChannelSettings
from distributor.config.faults import SettingFault, SettingsError
from distributor.config.loading import load
from distributor.config.markdown import settings_markdown
from distributor.config.places import check_places, find_places, load_places, packaged
from distributor.config.sections import Settings
from distributor.config.units import Rate
from distributor.config.words import find_words, lacking_words, load_words, packaged_words

__all__ = [
    "Accepts",
    "ChannelSettings",
    "Rate",
    "SettingFault",
    "Settings",
    "SettingsError",
    "check_places",
    "find_places",
    "find_words",
    "lacking_words",
    "load",
    "load_places",
    "load_words",
    "packaged",
    "packaged_words",
    "settings_markdown",
]
