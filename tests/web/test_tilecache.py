"""Encoded tiles in memory."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ogcapi.web import tilecache
from ogcapi.web.tilecache import Encoded, TileCache
from tests.data import write_raster
from tests.web.conftest import Serve

CONFIG = """
resources:
  one:
    providers:
      - {name: COG, data: a.tif, options: {styles: {plain: {fields: [b1], range: [0, 255]}}}}
"""
TILE = "/collections/one/map/tiles/WorldCRS84Quad/0/0/0"


def write(path: Path, value: int) -> None:
    """A world of one value, written at once."""
    write_raster(path.with_suffix(".new"), np.full((1, 90, 180), value, "uint8"), bounds=(-180, -90, 180, 90))
    path.with_suffix(".new").rename(path)


def answer(number: int, size: int = 0) -> Encoded:
    return Encoded(body=bytes(size), headers=((b"etag", b"x"),), tag=f'"{number}"')


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 3_000))))
def test_answers_take_no_more_memory_than_they_may(put: list[tuple[int, int]]) -> None:
    cache = TileCache(30_000)
    for number, size in put:
        cache.put(answer(number, size))
    kept = [found for number in range(10) if (found := cache[f'"{number}"']) is not None]
    assert sum(len(one.body) + 1_000 for one in kept) <= 30_000


def test_what_was_not_asked_for_the_longest_is_dropped_first() -> None:
    cache = TileCache(20_000)
    for number in range(16):
        cache.put(answer(number))
    assert cache['"0"'] is not None
    for number in range(16, 35):
        cache.put(answer(number))
    assert cache['"0"'] is not None
    assert cache['"1"'] is None


def test_long_requests_are_not_remembered() -> None:
    cache = TileCache(1_000_000)
    cache.put(answer(1))
    for accept in ("image/png", "image/png," + "x" * 1_000):
        cache.remember(("/tiles/", b"", accept), '"1"')
    assert cache.recall(("/tiles/", b"", "image/png")) is not None
    assert cache.recall(("/tiles/", b"", "image/png," + "x" * 1_000)) is None


@pytest.mark.parametrize("caches", ["{tiles: 1MB}", "{tiles: 0}"])
def test_a_tile_is_the_same_from_memory(serve: Serve, tmp_path: Path, caches: str) -> None:
    write(tmp_path / "a.tif", 7)
    client = serve(f"server: {{cache: {caches}}}\n{CONFIG}")
    first, second = client.get(TILE), client.get(TILE)
    assert first.status_code == second.status_code == 200
    assert first.content == second.content
    assert dict(first.headers) == dict(second.headers)
    head = client.head(TILE)
    assert (head.content, dict(head.headers)) == (b"", dict(first.headers))
    known = client.get(TILE, headers={"If-None-Match": first.headers["etag"]})
    assert (known.status_code, known.content) == (304, b"")
    assert known.headers["etag"] == first.headers["etag"]
    assert known.headers["cache-control"] == first.headers["cache-control"]
    twice = [("If-None-Match", '"other"'), ("If-None-Match", first.headers["etag"])]
    assert client.get(TILE, headers=twice).status_code == 304


def test_what_a_client_accepts_decides_what_it_gets_from_memory(serve: Serve, tmp_path: Path) -> None:
    write(tmp_path / "a.tif", 7)
    client = serve(CONFIG)
    for media in ("image/png", "image/jpeg", "image/webp") * 2:
        assert client.get(TILE, headers={"Accept": media}).headers["content-type"] == media


def test_a_file_that_changes_is_shown_anew(serve: Serve, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tilecache, "_FRESH_S", 0)
    write(tmp_path / "a.tif", 7)
    client = serve(CONFIG)
    first = client.get(TILE)
    write(tmp_path / "a.tif", 200)
    second = client.get(TILE)
    assert second.content != first.content
    assert second.headers["etag"] != first.headers["etag"]


def test_the_box_of_a_tile_is_a_part_of_its_tag(serve: Serve, tmp_path: Path) -> None:
    write(tmp_path / "a.tif", 7)
    tags = set()
    for size in (1, 2):
        matrix = {
            "id": "0",
            "scaleDenominator": size * 0.1 * 111_319.49079327358 / 0.00028,
            "cellSize": size * 0.1,
            "pointOfOrigin": [90, -180],
            "tileWidth": 256,
            "tileHeight": 256,
            "matrixWidth": 8,
            "matrixHeight": 4,
        }
        crs = "http://www.opengis.net/def/crs/EPSG/0/4326"
        document = {"id": "Own", "title": "Own", "crs": crs, "tileMatrices": [matrix]}
        (tmp_path / "set.json").write_text(json.dumps(document))
        options = CONFIG.replace("options: {", "options: {tile_matrix_sets: [Own], ")
        client = serve(f"server: {{tile_matrix_sets: [set.json]}}\n{options}")
        found = client.get("/collections/one/map/tiles/Own/0/0/0")
        assert found.status_code == 200, found.text
        tags.add(found.headers["etag"])
    assert len(tags) == 2
