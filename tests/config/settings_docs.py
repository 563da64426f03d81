"""Writes docs/settings.md anew from the table of settings: `python -m tests.config.settings_docs`."""

from __future__ import annotations

from pathlib import Path

from distributor.adapters import registry
from distributor.config import settings_markdown

PAGE = Path(__file__).resolve().parents[2] / "docs" / "settings.md"


def made() -> str:
    """The page as it must be."""
    return settings_markdown({name: registry.settings_model(name) for name in registry.names()})


if __name__ == "__main__":
    PAGE.write_text(made(), "utf-8")
