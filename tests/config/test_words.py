"""The words of the privacy gate as files of an operator."""

from __future__ import annotations

from pathlib import Path

import pytest

from distributor.config import SettingsError, find_words, lacking_words, load_words, packaged_words


def test_the_packaged_words_are_those_without_a_file_beside_the_settings(tmp_path: Path) -> None:
    assert find_words(tmp_path / "distributor.toml") == find_words(None) == packaged_words()
    assert {"ბრალდებულ", "arrest"} <= set(packaged_words().accusation)


def test_an_operators_file_replaces_that_of_its_language_and_adds_another(tmp_path: Path) -> None:
    (tmp_path / "words_en.toml").write_text('accusation = ["nicked"]\n', "utf-8")
    (tmp_path / "words_ru.toml").write_text('accusation = ["обвиня"]\n', "utf-8")
    (tmp_path / "words_of_wisdom.toml").write_text("not even TOML", "utf-8")
    found = set(find_words(tmp_path / "distributor.toml").accusation)
    assert {"nicked", "обвиня", "ბრალდებულ"} <= found
    assert "arrest" not in found
    assert set(find_words(tmp_path / "distributor.toml").languages) == {"ka", "en", "ru"}


def test_an_older_file_takes_the_subjects_that_it_lacks_from_the_package_and_says_so(tmp_path: Path) -> None:
    settings = tmp_path / "distributor.toml"
    (tmp_path / "words_en.toml").write_text('accusation = ["nicked"]\nsearches = []\n', "utf-8")
    (tmp_path / "words_ru.toml").write_text('accusation = ["обвиня"]\n', "utf-8")
    found, packaged = find_words(settings), packaged_words()
    assert set(found.clauses) == set(packaged.clauses)
    assert "=that" in found.clauses
    assert "=search" in packaged.searches
    assert "=search" not in found.searches  # an empty list is somebody's wish
    (said,) = lacking_words(settings)
    assert said.startswith("words_en.toml lacks ")
    for subject in ("clauses", "plate_names", "former"):
        assert subject in said
    assert "accusation" not in said
    assert "searches" not in said


def test_a_whole_file_lacks_nothing() -> None:
    assert lacking_words(None) == ()
    assert lacking_words(Path(__file__).parents[2] / "config" / "distributor.toml") == ()


def test_every_mistake_in_a_file_of_words_is_told(tmp_path: Path) -> None:
    path = tmp_path / "words_en.toml"
    path.write_text('acusation = ["x"]\nminors = "child"\nvictims = ["", "a"]\nguilty = ["="]\nborn = [1]\n', "utf-8")
    with pytest.raises(SettingsError) as caught:
        load_words(path)
    found = {fault.path: fault for fault in caught.value.errors}
    assert set(found) == {"acusation", "minors", "victims", "guilty", "born"}
    assert found["acusation"].right == 'accusation = ["…"]'
    assert found["acusation"].origin == f"{path}:1"
