"""True pixels of real rasters, as coverage tiles give them."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from starlette.testclient import TestClient

from ogcapi.app import create_app
from ogcapi.config import config_of
from ogcapi.model.collection import Collection, TileSet
from ogcapi.model.crs import parse_crs, transformation

DATA = Path(__file__).resolve().parents[2] / "shared" / "data"
TRUTH: dict[str, Any] = json.loads((DATA / "truth.json").read_text()) if DATA.exists() else {}
RASTERS = sorted(name for name, truth in TRUTH.items() if truth.get("pixels"))

pytestmark = pytest.mark.skipif(not TRUTH, reason="the real rasters are not beside the project")


def tile_of(collection: Collection, tile_set: TileSet, x: float, y: float) -> tuple[str, int, int] | None:
    """The address at the deepest level, and the row and column of the cell within it, that hold a position."""
    crs = tile_set.matrix_set.crs
    tile_x, tile_y = (x, y) if crs == collection.storage_crs else transformation(collection.storage_crs, crs)(x, y)
    limits = tile_set.limits[-1]
    matrix = tile_set.matrix_set[limits.matrix_id]
    if not np.isfinite(tile_x + tile_y):
        return None
    if crs.x_period:
        tile_x = (tile_x - matrix.bbox.xmin) % crs.x_period + matrix.bbox.xmin
    (left, top), (width, height) = matrix.origin, matrix.tile_span
    col, row = int((tile_x - left) // width), int((top - tile_y) // height)
    if not (0 <= col < matrix.matrix_width and 0 <= row < matrix.matrix_height):
        return None
    is_held = limits.min_row <= row <= limits.max_row and limits.min_col <= col <= limits.max_col
    assert is_held, f"{tile_set.matrix_set.id} {limits}: {row}, {col} holds data"
    box = matrix.tile_bbox(row, col)
    # a position on the tile's own edge is within its last cell as much as within the next tile's first
    cell_col = min(int((tile_x - box.xmin) / (box.width / matrix.tile_width)), matrix.tile_width - 1)
    cell_row = min(int((box.ymax - tile_y) / matrix.cell_size), matrix.tile_height - 1)
    return f"{tile_set.matrix_set.id}/{limits.matrix_id}/{row}/{col}", cell_row, cell_col


@pytest.mark.parametrize("name", RASTERS)
def test_the_cell_that_holds_a_true_pixels_centre_has_its_value_in_every_set(name: str) -> None:
    truth = TRUTH[name]
    app = create_app(config_of([str(DATA / name)], DATA))
    client = TestClient(app)
    (collection,) = app.state.site.catalog.listed()
    assert parse_crs(truth["crs"]) == collection.storage_crs
    checked = 0
    for tile_set in collection.tile_sets:
        for pixel in truth["pixels"]:
            place = tile_of(collection, tile_set, pixel["x"], pixel["y"])
            if place is None:
                continue
            address, row, col = place
            path = f"/collections/{collection.id}/coverage/tiles/{address}"
            values = np.load(io.BytesIO(client.get(path, params={"f": "npy"}).content))
            found = values[:, row, col]
            if pixel["valid"]:
                np.testing.assert_array_equal(found, np.array(pixel["values"], values.dtype), err_msg=address)
            else:
                nodata = [field.nodata for field in collection.fields]
                np.testing.assert_array_equal(found, np.array(nodata, values.dtype), err_msg=address)
            checked += 1
    assert checked >= len(truth["pixels"])
