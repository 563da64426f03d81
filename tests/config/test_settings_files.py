"""The files that are delivered: the example, the regions and topics, and the page that documents the settings."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
from pydantic import BaseModel

from distributor.adapters import registry
from distributor.config import SettingsError, check_places, find_places, load, load_places, packaged
from distributor.config.channels import Accepts, ChannelSettings
from distributor.config.sections import SECTIONS
from tests.config.settings_docs import PAGE, made

ROOT = Path(__file__).resolve().parents[2]
EXAMPLE = ROOT / "config" / "distributor.toml"


def test_the_delivered_settings_load_as_they_are_with_all_channels_off() -> None:
    settings = load(EXAMPLE, {}, registry.settings_model, registry.names())
    assert set(settings.disabled) == set(registry.names())
    assert not settings.warnings


def test_every_line_of_the_example_that_is_commented_out_is_a_setting_and_valid_toml() -> None:
    text = re.sub(r"^# (?=[a-z_]+ = )", "", EXAMPLE.read_text("utf-8"), flags=re.MULTILINE)
    tables = tomllib.loads(text)
    for name, model in SECTIONS.items():
        known = set(model.model_fields) | {f"{key}_file" for key in model.model_fields}
        assert set(tables[name]) <= known, name
    for name, table in tables["channels"].items():
        own = set(registry.settings_model(table["adapter"]).model_fields)
        known = own | {f"{key}_file" for key in own} | set(ChannelSettings.model_fields)
        assert set(table) <= known, name


def test_each_channel_of_the_example_works_once_it_is_filled_in(tmp_path: Path) -> None:
    text = re.sub(r"^# (?=[a-z_]+ = )", "", EXAMPLE.read_text("utf-8"), flags=re.MULTILINE)
    text = text.replace("enabled = false", "enabled = true").replace('"secrets/', f'"{tmp_path}/')
    for name in set(re.findall(rf'"{re.escape(str(tmp_path))}/(\w+)"', text)):
        (tmp_path / name).write_text(f"canary-{name}-0123456789", "utf-8")
    path = tmp_path / "distributor.toml"
    path.write_text(text, "utf-8")
    url = {"DISTRIBUTOR__OFFICE__NAME": "Press office"}
    settings = load(path, url, registry.settings_model, registry.names())
    assert set(settings.channels) == set(registry.names())
    assert check_places(settings, find_places("regions", EXAMPLE), find_places("topics", EXAMPLE)) == []


def test_the_documentation_is_what_the_table_says() -> None:
    assert PAGE.read_text("utf-8") == made(), "run: python -m tests.config.settings_docs"


def test_every_setting_is_documented_with_its_meaning() -> None:
    page = PAGE.read_text("utf-8")
    models: list[type[BaseModel]] = [*SECTIONS.values(), ChannelSettings, Accepts]
    for model in models:
        for key, info in model.model_fields.items():
            if not info.exclude:
                assert info.description, f"{model.__name__}.{key} has no description"
                assert f"`{key}`" in page or f"`accepts.{key}`" in page or key == "accepts"
    for adapter in registry.names():
        chapter = page.split(f'### adapter = "{adapter}"')[1].split("###")[0]
        for key in registry.settings_model(adapter).model_fields:
            assert f"| `{key}` |" in chapter


@pytest.mark.parametrize("name", ["regions.toml", "topics.toml", "words_en.toml", "words_ka.toml"])
def test_the_operators_copy_is_the_packaged_file(name: str) -> None:
    assert (ROOT / "config" / name).read_bytes() == packaged("regions").with_name(name).read_bytes()


def test_every_region_of_iso_3166_and_every_district_of_tbilisi_is_there() -> None:
    regions = find_places("regions", None)
    tops = {place.code for place in regions.children()}
    assert tops == {f"GE-{code}" for code in ["AB", "AJ", "TB", "GU", "IM", "KA", "KK", "MM", "RL", "SZ", "SJ", "SK"]}
    assert len(regions.children("GE-TB")) == 10
    assert regions.name("GE-SZ", "ka") == "სამეგრელო-ზემო სვანეთი"
    assert regions.with_parents(["GE-TB-VAKE"]) == ["GE-TB-VAKE", "GE-TB"]


@pytest.mark.parametrize("name", ["regions", "topics"])
def test_every_place_has_both_names_and_none_has_capital_georgian_letters(name: str) -> None:
    path = packaged("regions").with_name(f"{name}.toml")
    for place in load_places(path).by_code.values():
        assert set(place.names) == {"ka", "en"}
        assert re.fullmatch(r"[ა-ჰ -]+", place.names["ka"]), place.code
    assert not re.search("[\u1c90-\u1cbf]", path.read_text("utf-8"))


def test_an_operators_file_replaces_the_packaged_one(tmp_path: Path) -> None:
    (tmp_path / "regions.toml").write_text('here = { en = "Here" }\n', "utf-8")
    assert list(find_places("regions", tmp_path / "distributor.toml").by_code) == ["here"]
    assert "police" in find_places("topics", tmp_path / "distributor.toml").by_code


def test_every_mistake_in_a_file_of_places_is_told(tmp_path: Path) -> None:
    path = tmp_path / "regions.toml"
    path.write_text(
        'one = { ka = "ერთი", parent = "twoo" }\ntwo = {}\nthree = { en = "", EN = "x" }\nfour = "x"\n'
        'a = { en = "a", parent = "b" }\nb = { en = "b", parent = "a" }\n',
        "utf-8",
    )
    with pytest.raises(SettingsError) as caught:
        load_places(path)
    found = {fault.path: fault for fault in caught.value.errors}
    assert found["one.parent"].right == 'parent = "two"'
    assert found["one.parent"].origin == f"{path}:1"
    assert set(found) == {"one.parent", "two", "three.en", "three.EN", "four", "a.parent", "b.parent"}


def test_a_channel_that_accepts_an_unknown_region_is_told(tmp_path: Path) -> None:
    path = tmp_path / "distributor.toml"
    path.write_text('[channels.n]\nadapter = "newsroom"\naccepts = { regions = ["GE-TB-VAKI"] }\n', "utf-8")
    settings = load(path, {}, registry.settings_model, registry.names())
    faults = check_places(settings, find_places("regions", None), find_places("topics", None))
    assert [(fault.path, fault.right) for fault in faults] == [
        ("channels.n.accepts.regions", 'regions = ["GE-TB-VAKE"]')
    ]
