"""Imports every library that the project asks for, in the Python that runs this.

A pin can fit and still not work: a library may import what it never asked for, or what a newer Python dropped.
Reads pyproject.toml and the installed metadata; changes nothing. A warning counts as a failure, except those that
pyproject.toml accepts for the tests.

    python scripts/try_imports.py     exit 0 all import, 1 not
"""

from __future__ import annotations

import importlib
import re
import sys
import tomllib
import warnings
from importlib import metadata
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent / "pyproject.toml"


def modules() -> dict[str, str]:
    """Top-level module → the dependency that brings it, for the direct dependencies of the service."""
    settings = tomllib.loads(PROJECT.read_text("utf-8"))["project"]
    wanted = {canonical(line) for line in settings["dependencies"]} - {"setuptools"}
    found = {
        module: name
        for module, names in metadata.packages_distributions().items()
        for name in map(canonical, names)
        if name in wanted and module.isidentifier() and not module.startswith("_")
    }
    if missing := wanted - set(found.values()):
        raise SystemExit(f"try_imports: not installed: {', '.join(sorted(missing))}")
    return found


def canonical(requirement: str) -> str:
    """The normalised name (PEP 503) at the start of a requirement."""
    return re.sub(r"[-_.]+", "-", re.split(r"[^A-Za-z0-9._-]", requirement, maxsplit=1)[0]).lower()


def failures() -> list[str]:
    """One line for each module that does not import cleanly."""
    accepted = tomllib.loads(PROJECT.read_text("utf-8"))["tool"]["pytest"]["ini_options"]["filterwarnings"]
    found = []
    with warnings.catch_warnings():
        for line in accepted:
            action, message, category = (*line.split(":"), "", "")[:3]
            kind = getattr(importlib.import_module("builtins"), category or "Warning")
            warnings.filterwarnings("error" if action == "error" else "ignore", re.escape(message), kind)
        for module, name in sorted(modules().items()):
            try:
                importlib.import_module(module)
            except Exception as error:  # whatever a library does at import is the finding
                found.append(f"{name}: import {module}: {type(error).__name__}: {error}")
    return found


if __name__ == "__main__":
    problems = failures()
    print("\n".join(problems) or f"try_imports: all import with Python {sys.version.split()[0]}")
    sys.exit(1 if problems else 0)
