"""The cells that hold true pixels, on the real rasters beside the project."""

import json
from dataclasses import replace

import numpy as np
import pytest

from ogcapi.model.crs import parse_crs, transformation
from ogcapi.model.grid import BBox, Grid
from ogcapi.pixels.overlay import MosaicMethod
from ogcapi.sources.mosaicjson import open_mosaic
from ogcapi.sources.raster import open_file
from tests.data import SHARED, grid_of, needs_shared, read_all

TRUTH = json.loads((SHARED / "truth.json").read_text()) if SHARED.is_dir() else {}
RASTERS = {name: entry for name, entry in TRUTH.items() if entry.get("pixels")}


def around(source, pixel, crs, cells=5):
    """A grid of another system whose middle cell has the pixel's centre in its own, at the pixel's size."""
    to_crs = transformation(source.storage_crs, crs)
    (x, y), (next_x, next_y) = to_crs(pixel["x"], pixel["y"]), to_crs(pixel["x"], pixel["y"] - source.grid.cell_height)
    side = max(abs(next_x - x), abs(next_y - y)) / 2
    half = side * cells / 2
    return Grid(
        crs=crs, bbox=BBox(xmin=x - half, ymin=y - half, xmax=x + half, ymax=y + half), width=cells, height=cells
    )


def same(values, valid, pixel):
    expected = np.array([np.nan if v is None else v for v in pixel["values"]], float)
    if not pixel["valid"]:
        return not valid.all()
    own = values.astype(float)
    return bool(np.all((own == expected)[valid]) and valid.any())


@needs_shared
@pytest.mark.parametrize("name", RASTERS)
def test_every_true_pixel_is_read_on_the_files_own_cells(name):
    source = open_file(str(SHARED / name))
    grid = source.grid
    for pixel in RASTERS[name]["pixels"]:
        left, top = grid.bbox.xmin + pixel["col"] * grid.cell_width, grid.bbox.ymax - pixel["row"] * grid.cell_height
        box = BBox(xmin=left, ymin=top - grid.cell_height, xmax=left + grid.cell_width, ymax=top)
        raster = read_all(source, replace(grid, bbox=box, width=1, height=1))
        assert same(raster.values[:, 0, 0], raster.valid[:, 0, 0], pixel)


def others(name):
    """Systems of the same body."""
    return ["IAU_2015:49910", "IAU_2015:49990"] if name.startswith("mars/") else ["EPSG:4326", "EPSG:3857"]


@needs_shared
@pytest.mark.parametrize(("name", "crs"), [(name, crs) for name in RASTERS for crs in others(name)])
def test_every_true_pixel_is_read_in_other_systems(name, crs):
    source = open_file(str(SHARED / name))
    for pixel in RASTERS[name]["pixels"]:
        try:
            grid = around(source, pixel, parse_crs(crs))
        except ValueError:
            continue  # Mercator has no poles
        raster = read_all(source, grid)
        assert same(raster.values[:, 2, 2], raster.valid[:, 2, 2], pixel)


@needs_shared
def test_the_mosaic_of_montreal_shows_its_first_asset_where_two_overlap():
    folder = SHARED / "landsat" / "montreal_overlap"
    source = open_mosaic(str(folder / "mosaic3.json"), method=MosaicMethod.FIRST, trusted=True, roots=())
    assert source.status.assets == 3
    first, second = (open_file(str(folder / f"mosaic_cog{n}.tif")) for n in (1, 2))
    mosaic, one, two = (read_all(of, source.grid) for of in (source, first, second))
    assert (mosaic.values[one.valid] == one.values[one.valid]).all()
    assert (mosaic.values[two.valid & ~one.valid] == two.values[two.valid & ~one.valid]).all()
    assert (mosaic.valid & ~one.valid & ~two.valid).any()  # the third
    one, two = (read_all(of, first.grid) for of in (first, second))
    both = one.valid[0] & two.valid[0]
    assert both.sum() == 136_184
    assert np.median(one.values[0][both].astype(float) - two.values[0][both]) == 1114  # the seam is the data's own


@needs_shared
def test_the_world_of_no2_is_whole_around_the_antimeridian_and_at_the_poles():
    source = open_file(str(SHARED / "no2" / "omi_trop_no2_fullearth_cog.tif"))
    assert [b.bounds for b in source.footprint.bboxes] == [pytest.approx((-180, -90, 180, 90))]
    own = read_all(source, source.grid)
    across = read_all(source, grid_of("EPSG:4326", (0, -90, 360, 90), 432, 216))
    assert (across.valid == np.roll(own.valid, 216, axis=2)).all()
    assert (across.values == np.roll(own.values, 216, axis=2)).all()
    for crs in ("EPSG:3031", "EPSG:3413"):
        raster = read_all(source, grid_of(crs, (-5e5, -5e5, 5e5, 5e5), 40, 40))
        assert raster.values.shape == (1, 40, 40)


@needs_shared
def test_the_mosaic_of_the_world_has_no_gap_where_its_assets_are():
    source = open_mosaic(str(SHARED / "world15" / "mosaic.json"), method=MosaicMethod.FIRST, trusted=True, roots=())
    assert read_all(source, grid_of("EPSG:4326", (-179.8, -89.8, 179.8, 89.8), 360, 180)).is_full
    assert read_all(source, grid_of("EPSG:3857", (-2e7, -1.5e7, 2e7, 1.5e7), 128, 128)).is_full
