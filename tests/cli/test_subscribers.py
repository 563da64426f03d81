"""`distributor subscribers` as an operator uses it: whom an office trusts with a text before its embargo ends."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.test_commands import run


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "config").mkdir()
    settings = '[log]\nformat = "console"\nlevel = "warning"\n[channels.press]\nadapter = "email"\n'
    settings += 'host = "mail.invalid"\nsender = "press@mia.example"\n'
    (tmp_path / "config" / "distributor.toml").write_text(settings, "utf-8")
    return tmp_path


def test_trust_is_an_option_a_column_and_in_the_list(folder: Path) -> None:
    assert run(folder, "subscribers", "add", "press", "wire@agency.example", "--trusted").returncode == 0
    (folder / "list.csv").write_text(
        "address,name,trusted\nwire@agency.example,Wire,\npaper@news.example,Paper,yes\nradio@news.example,Radio,no\n"
        "tv@news.example,TV,perhaps\n",
        "utf-8",
    )
    done = run(folder, "subscribers", "import", "press", "list.csv")
    assert (done.returncode, done.stdout) == (1, "3 added, 1 left out.\n")
    assert "line 5: “perhaps” is neither yes nor no." in done.stderr
    listed = json.loads(run(folder, "subscribers", "list", "--json").stdout)
    assert {row["address"]: row["trusted"] for row in listed} == {
        "wire@agency.example": True,
        "paper@news.example": True,
        "radio@news.example": False,
    }
    assert not any("token" in row for row in listed)
