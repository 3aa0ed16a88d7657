"""GetFeatureInfo: the true values at a cell of a tile, and the assets that they came from."""

from __future__ import annotations

from math import floor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from hypothesis import given
from hypothesis import strategies as st
from rasterio.io import MemoryFile
from starlette.testclient import TestClient

from tests.data import square, write_mosaic, write_raster
from tests.web.conftest import Serve
from tests.web.wmts import (
    INFO,
    capabilities,
    found,
    kvp,
    pair,
    serving,
    sets,
    text,
)


def cell_of(client: TestClient, row: int, col: int) -> Any:
    """A cell of the coverage tile that shows the same tile."""
    content = client.get("/collections/mola/coverage/tiles/MarsGeographicSphere/3/2/9.tif").content
    with MemoryFile(content) as file, file.open() as dataset:
        return dataset.read(1)[row, col], dataset.xy(row, col)


@given(st.integers(0, 255), st.integers(0, 255))
def test_the_values_at_a_cell_are_those_of_the_coverage_tile(client: TestClient, row: int, col: int) -> None:
    place = {"tilematrix": "3", "tilerow": "2", "tilecol": "9", "i": str(col), "j": str(row)}
    info = kvp(client, INFO | place).json()
    value, (x, y) = cell_of(client, row, col)
    (field,) = info["fields"]
    assert (field["name"], field["value"], field["unit"]) == ("height", value, "m")
    assert info["features"][0]["properties"] == {"height": value}
    assert info["positions"][0]["axes"] == ["Lat", "Lon"]
    assert info["positions"][0]["coordinates"] == pytest.approx([y, x])


def test_values_are_told_to_people_and_programs_in_the_same_words(client: TestClient) -> None:
    info = kvp(client, INFO).json()
    value = f"{info['fields'][0]['value']} m"
    for media in ("text/html", "text/plain"):
        answer = kvp(client, INFO | {"infoformat": media})
        assert ("content-security-policy" in answer.headers) == (media == "text/html")
        assert answer.headers["content-type"] == f"{media}; charset=utf-8"
        assert value in answer.text
        assert info["assets"][0] in answer.text
    assert info["features"][0]["geometry"] is None  # for GeoJSON is of the Earth


def asked_at(root: Any, set_id: str, x: float, y: float, level: int = -1) -> dict[str, str]:
    """A request for the values at a position, of the last or another matrix."""
    matrix = found(sets(root)[set_id], "w:TileMatrix")[level]
    left, top = pair(matrix, "w:TopLeftCorner")
    metres = np.pi / 180 * 6378137 if abs(left) <= 180 else 1.0
    size = float(text(matrix, "w:ScaleDenominator")) * 0.28e-3 / metres
    col, row = floor((x - left) / size), floor((top - y) / size)
    place = {"tilerow": row // 256, "tilecol": col // 256, "i": col % 256, "j": row % 256}
    named = {"layer": "one", "tilematrixset": set_id, "tilematrix": text(matrix, "o:Identifier")}
    return {**INFO, **named, **{name: str(number) for name, number in place.items()}}


@pytest.mark.parametrize(
    ("method", "expected"),
    [
        ("first", ["a.tif"]),
        ("last", ["b.tif"]),
        ("highest", ["b.tif"]),
        ("lowest", ["a.tif"]),
        ("mean", ["a.tif", "b.tif"]),
    ],
)
def test_values_of_a_mosaic_name_the_assets_that_they_came_from(
    serve: Serve, tmp_path: Path, method: str, expected: list[str]
) -> None:
    square(tmp_path, "a.tif", 3, (0, 0, 8, 8))
    square(tmp_path, "b.tif", 5, (4, 0, 12, 8))
    write_mosaic(tmp_path / "mosaic.json", ["a.tif", "b.tif"], zoom=4)
    styles = {"plain": {"fields": ["b1"], "range": [0, 9]}}
    client = serving(serve, "mosaic.json", "MosaicJSON", mosaic_method=method, styles=styles)
    root = capabilities(client)

    def at(x: float, y: float) -> Any:
        asked = asked_at(root, "WorldCRS84Quad", x, y) | {"style": "plain"}
        return kvp(client, asked).json()

    assert at(6, 4)["assets"] == expected
    assert (at(2, 4)["assets"], at(2, 4)["fields"][0]["value"]) == (["a.tif"], 3)
    assert (at(10, 4)["assets"], at(10, 4)["fields"][0]["value"]) == (["b.tif"], 5)
    assert at(10, 4)["features"][0]["geometry"]["coordinates"] == pytest.approx([10, 4], abs=0.5)


def test_values_are_physical_and_absent_ones_are_null(serve: Serve, tmp_path: Path) -> None:
    values = np.full((8, 8), 7, "int16")
    values[:, 4:] = -1
    path = write_raster(tmp_path / "one.tif", values, bounds=(0, 0, 8, 8), nodata=-1)
    with rasterio.open(path, "r+") as dataset:
        dataset.scales, dataset.offsets, dataset.units = (0.5,), (10.0,), ("K",)
    client = serving(serve, "one.tif", styles={"plain": {"fields": ["b1"], "range": [0, 9]}})
    root = capabilities(client)
    for x, expected in ((2, 13.5), (6, None)):
        info = kvp(client, asked_at(root, "WorldCRS84Quad", x, 4) | {"style": "plain"}).json()
        assert (info["fields"][0]["value"], info["fields"][0]["unit"]) == (expected, "K")
        assert "assets" not in info


def test_values_are_the_datas_own_at_coarse_levels_too(serve: Serve, tmp_path: Path) -> None:
    """Not those of the overviews that the tile shows."""
    values = np.arange(64 * 64, dtype="int16").reshape(64, 64)
    write_raster(tmp_path / "one.tif", values, bounds=(0, 0, 64, 64), overviews=(2, 4, 8, 16))
    client = serving(serve, "one.tif", styles={"plain": {"fields": ["b1"], "range": [0, 9]}})
    asked = asked_at(capabilities(client), "WorldCRS84Quad", 33.2, 20.2, level=0) | {"style": "plain"}
    info = kvp(client, asked).json()
    x, y = info["positions"][0]["coordinates"]
    assert info["fields"][0]["value"] == values[floor(64 - y), floor(x)]
