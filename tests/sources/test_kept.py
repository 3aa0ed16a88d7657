"""Values kept in a folder."""

from __future__ import annotations

from pathlib import Path

import pytest

from ogcapi.sources.kept import default_folder, kept


def test_a_value_is_made_once_and_then_read(tmp_path: Path) -> None:
    assert kept(tmp_path / "new", "a", lambda: ({"x": 1}, True)) == {"x": 1}
    assert kept(tmp_path / "new", "a", lambda: ({"x": 2}, True)) == {"x": 1}
    assert kept(tmp_path / "new", "b", lambda: ({"x": 2}, True)) == {"x": 2}


def test_a_value_that_is_not_final_is_made_again(tmp_path: Path) -> None:
    assert kept(tmp_path, "a", lambda: (1, False)) == 1
    assert kept(tmp_path, "a", lambda: (2, True)) == 2


def test_half_a_value_is_made_again(tmp_path: Path) -> None:
    kept(tmp_path, "a", lambda: ([1, 2, 3], True))
    (path,) = tmp_path.iterdir()
    path.write_text("[1, 2")
    assert kept(tmp_path, "a", lambda: ([4], True)) == [4]
    assert kept(tmp_path, "a", lambda: ([5], True)) == [4]


def test_a_folder_that_cannot_be_written_costs_the_computation_only(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert kept(tmp_path / "file" / "folder", "a", lambda: (7, True)) == 7


def test_without_a_home_there_is_still_a_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setenv("HOME", "/nonexistent")
    assert default_folder().name.startswith("ogcapi-")
