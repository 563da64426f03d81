"""Distributor: a release is written once, approved once, and brought to every channel.

Holds the version and nothing else: importing the package touches no file, socket or setting.
"""

from __future__ import annotations

__version__ = "0.1.0"
