"""The platforms' own descriptions, where they lie beside this repository, in `shared/specs`.

Reads only. The folder is no part of the project; without it a test is skipped, and the summary says what was not
compared.
"""

from __future__ import annotations

from pathlib import Path

import pytest

FOLDER = Path(__file__).resolve().parents[2] / "shared" / "specs"


def described(name: str) -> Path:
    """The file of a description; the test is skipped where it is not here."""
    path = FOLDER / name
    if not path.exists():
        pytest.skip(f"not compared with shared/specs/{name}, which does not lie beside this repository")
    return path
