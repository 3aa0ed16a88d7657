import math

import numpy as np
import pytest
from rasterio.enums import ColorInterp

from ogcapi.model.crs import parse_crs, transformation
from ogcapi.model.grid import BBox, Grid
from ogcapi.model.problem import SourceFailed
from ogcapi.model.raster import Resampling, Selection
from ogcapi.sources.raster import open_file
from tests.data import DEMO, numbered, write_raster


def grid(crs, xmin, ymin, xmax, ymax, width, height):
    return Grid(crs=parse_crs(crs), bbox=BBox(xmin=xmin, ymin=ymin, xmax=xmax, ymax=ymax), width=width, height=height)


def read(source, grid, method=Resampling.NEAREST):
    return source.read(grid, Selection(fields=tuple(f.name for f in source.fields), method=method))


def test_a_grid_of_the_files_own_cells_gets_the_files_own_values(tmp_path):
    values = numbered(40, 60)
    source = open_file(str(write_raster(tmp_path / "a.tif", values, bounds=(10, 20, 70, 60))))
    raster = read(source, source.grid)
    assert (raster.values[0] == values).all()
    assert raster.is_full


def test_cells_outside_the_file_are_not_valid(tmp_path):
    values = numbered(40, 60)
    source = open_file(str(write_raster(tmp_path / "a.tif", values, bounds=(10, 20, 70, 60))))
    raster = read(source, grid("EPSG:4326", 0, 10, 80, 70, 80, 60))
    assert (raster.valid[0, 10:50, 10:70]).all()
    assert raster.valid.sum() == 40 * 60
    assert (raster.values[0, 10:50, 10:70] == values).all()


@pytest.mark.parametrize("path", sorted(DEMO.glob("*/*.tif")), ids=lambda path: path.stem)
def test_every_demonstration_file_reads_over_a_map_of_its_body(path):
    source = open_file(str(path))
    crs = "EPSG:3857" if path.parent.name == "earth" else "IAU_2015:49990"
    half = math.pi * parse_crs(crs).semi_major_m
    raster = read(source, grid(crs, -half, -half, half, half, 64, 64))
    assert raster.valid.any()


def one_by_one(path, grid):
    """Every cell on its own: PROJ, then the cell of the file that holds the place."""
    import rasterio

    with rasterio.open(path) as dataset:
        stored, mask = dataset.read(), dataset.read_masks()
        to_file = transformation(grid.crs, parse_crs(dataset.crs.to_wkt()))
        period = to_file(0.0, 0.0) and parse_crs(dataset.crs.to_wkt()).x_period
        values, valid = np.zeros((len(stored), *grid.shape), stored.dtype), np.zeros((len(stored), *grid.shape), bool)
        xs, ys = grid.centres()
        for row, y in enumerate(ys):
            for col, x in enumerate(xs):
                there_x, there_y = (float(x), float(y)) if grid.crs == to_file else to_file(float(x), float(y))
                for turn in (0,) if period is None else (-period, 0, period):
                    if not math.isfinite(there_x + there_y):
                        continue
                    c, r = ~dataset.transform @ (there_x + turn, there_y)
                    c, r = math.floor(c + 1e-6), math.floor(r + 1e-6)
                    if 0 <= c < dataset.width and 0 <= r < dataset.height:
                        values[:, row, col], valid[:, row, col] = stored[:, r, c], mask[:, r, c] != 0
    return values, valid


FINE = {  # grids whose cells are no coarser than the demonstration data's
    "across the antimeridian, Mercator": ("mars/mola_N090E.tif", "IAU_2015:49990", 10.4e6, 1e6, 10.9e6, 1.5e6),
    "across the antimeridian, geographic": ("mars/mola_N090E.tif", "IAU_2015:49900", 178.0, 10, 184.0, 16),
    "across the antimeridian, from the west": ("mars/mola_N090E.tif", "IAU_2015:49900", -182.0, 10, -176.0, 16),
    "at the north pole": ("mars/mola_N090E.tif", "IAU_2015:49930", -2e5, -2e5, 2e5, 2e5),
    "at the south pole": ("mars/mola_S090E.tif", "IAU_2015:49935", -2e5, -2e5, 2e5, 2e5),
    "around the whole Earth's seam": ("earth/relief.tif", "EPSG:4326", 179.0, -5, 181.0, -3),
    "a cyclic file in Mercator": ("earth/relief.tif", "EPSG:3857", 20e6, 1e6, 20.2e6, 1.2e6),
    "a cyclic file at the north pole": ("earth/relief.tif", "EPSG:3413", -3e5, -3e5, 3e5, 3e5),
    "a cyclic file at the south pole": ("earth/relief.tif", "EPSG:3031", -3e5, -3e5, 3e5, 3e5),
}


@pytest.mark.parametrize("case", FINE.values(), ids=FINE)
def test_nearest_equals_every_cell_on_its_own(case):
    path, *place = case
    asked = grid(*place, 48, 40)
    raster = read(open_file(str(DEMO / path)), asked)
    values, valid = one_by_one(DEMO / path, asked)
    assert valid.any()
    assert (raster.valid == valid).all()
    assert (raster.values[valid] == values[valid]).all()


def test_an_alpha_band_makes_validity_and_is_no_field(tmp_path):
    values = np.stack([numbered(4, 4, "uint8"), np.full((4, 4), 9, "uint8"), np.eye(4, dtype="uint8") * 255])
    colors = [ColorInterp.gray, ColorInterp.undefined, ColorInterp.alpha]
    source = open_file(str(write_raster(tmp_path / "a.tif", values, bounds=(0, 0, 4, 4), colorinterp=colors)))
    assert [field.name for field in source.fields] == ["b1", "b2"]
    assert (read(source, source.grid).valid == np.eye(4, dtype=bool)).all()


def test_a_file_that_is_not_there_is_refused_by_name(tmp_path):
    with pytest.raises(SourceFailed, match="no such file"):
        open_file(str(tmp_path / "none.tif"), name="none")
