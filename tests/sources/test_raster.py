import math
import os
from dataclasses import replace

import numpy as np
import pytest
import rasterio
from hypothesis import given
from hypothesis import strategies as st
from rasterio import enums
from rasterio.enums import ColorInterp

from ogcapi.model.crs import parse_crs, transformation
from ogcapi.model.problem import SourceFailed
from ogcapi.model.raster import Resampling, Selection
from ogcapi.model.stop import Stop, Stopped, stoppable
from ogcapi.sources.blocks import shared_cache
from ogcapi.sources.pyramids import forget_headers
from ogcapi.sources.raster import open_file, reach
from tests.contract import SourceContract
from tests.data import DEMO, forget_revisions, grid_of, numbered, read_all, write_raster


class TestAWholeBody(SourceContract):
    @pytest.fixture
    def source(self):
        return open_file(str(DEMO / "earth" / "relief.tif"))


class TestColours(SourceContract):
    @pytest.fixture
    def source(self):
        return open_file(str(DEMO / "earth" / "blue_marble.tif"))


class TestPastTheAntimeridian(SourceContract):
    @pytest.fixture
    def source(self):
        return open_file(str(DEMO / "mars" / "mola_N090E.tif"))


class TestPartsOfAUtmZone(SourceContract):
    @pytest.fixture
    def source(self, tmp_path):
        values = np.stack([numbered(80, 90, "float32"), numbered(80, 90, "float32") / 3])
        values[:, 20:30, 40:60] = -1
        return open_file(
            str(
                write_raster(
                    tmp_path / "a.tif",
                    values,
                    bounds=(500000, 4000000, 590000, 4080000),
                    crs="EPSG:32618",
                    nodata=-1,
                    overviews=[2, 4],
                )
            )
        )


class TestARotatedFile(SourceContract):
    @pytest.fixture
    def source(self, tmp_path):
        turned = (
            rasterio.Affine.translation(500000, 4000000) @ rasterio.Affine.rotation(25) @ rasterio.Affine.scale(30, -20)
        )
        return open_file(
            str(write_raster(tmp_path / "a.tif", numbered(40, 50), transform=tuple(turned)[:6], crs="EPSG:32618"))
        )


def test_a_grid_of_the_files_own_cells_gets_the_files_own_values(tmp_path):
    values = numbered(40, 60)
    source = open_file(str(write_raster(tmp_path / "a.tif", values, bounds=(10, 20, 70, 60))))
    raster = read_all(source, source.grid)
    assert (raster.values[0] == values).all()
    assert raster.is_full


def test_cells_outside_the_file_are_not_valid(tmp_path):
    values = numbered(40, 60)
    source = open_file(str(write_raster(tmp_path / "a.tif", values, bounds=(10, 20, 70, 60))))
    raster = read_all(source, grid_of("EPSG:4326", (0, 10, 80, 70), 80, 60))
    assert (raster.valid[0, 10:50, 10:70]).all()
    assert raster.valid.sum() == 40 * 60
    assert (raster.values[0, 10:50, 10:70] == values).all()


def one_by_one(path, grid):
    """Every cell on its own: PROJ, then the cell of the file that holds the place."""
    with rasterio.open(path) as dataset:
        stored, mask = dataset.read(), dataset.read_masks()
        crs = parse_crs(dataset.crs.to_wkt())
        to_file = transformation(grid.crs, crs)
        values, valid = np.zeros((len(stored), *grid.shape), stored.dtype), np.zeros((len(stored), *grid.shape), bool)
        xs, ys = grid.centres()
        for row, y in enumerate(ys):
            for col, x in enumerate(xs):
                there_x, there_y = to_file(float(x), float(y))
                for turn in (0,) if crs.x_period is None else (-crs.x_period, 0, crs.x_period):
                    if not math.isfinite(there_x + there_y):
                        continue
                    c, r = ~dataset.transform @ (there_x + turn, there_y)
                    c, r = math.floor(c + 1e-6), math.floor(r + 1e-6)
                    if 0 <= c < dataset.width and 0 <= r < dataset.height:
                        values[:, row, col], valid[:, row, col] = stored[:, r, c], mask[:, r, c] != 0
    return values, valid


FINE = {  # grids whose cells are no coarser than the demonstration data's
    "across the antimeridian, Mercator": ("mars/mola_N090E.tif", "IAU_2015:49990", (10.4e6, 1e6, 10.9e6, 1.5e6)),
    "across the antimeridian, geographic": ("mars/mola_N090E.tif", "IAU_2015:49900", (178.0, 10, 184.0, 16)),
    "across the antimeridian, from the west": ("mars/mola_N090E.tif", "IAU_2015:49900", (-182.0, 10, -176.0, 16)),
    "at the north pole": ("mars/mola_N090E.tif", "IAU_2015:49930", (-2e5, -2e5, 2e5, 2e5)),
    "at the south pole": ("mars/mola_S090E.tif", "IAU_2015:49935", (-2e5, -2e5, 2e5, 2e5)),
    "around the whole Earth's seam": ("earth/relief.tif", "EPSG:4326", (179.0, -5, 181.0, -3)),
    "a cyclic file in Mercator": ("earth/relief.tif", "EPSG:3857", (20e6, 1e6, 20.2e6, 1.2e6)),
    "a cyclic file at the north pole": ("earth/relief.tif", "EPSG:3413", (-3e5, -3e5, 3e5, 3e5)),
    "a cyclic file at the south pole": ("earth/relief.tif", "EPSG:3031", (-3e5, -3e5, 3e5, 3e5)),
    "far from a system's own area": ("earth/relief.tif", "EPSG:32601", (-3e6, -3e5, -2.4e6, 3e5)),
    "in a system without north up": ("earth/relief.tif", "EPSG:2193", (1.0e6, 4.9e6, 1.6e6, 5.5e6)),
}


@pytest.mark.parametrize("case", FINE.values(), ids=FINE)
def test_nearest_equals_every_cell_on_its_own(case):
    path, crs, bounds = case
    asked = grid_of(crs, bounds, 48, 40)
    raster = read_all(open_file(str(DEMO / path)), asked)
    values, valid = one_by_one(DEMO / path, asked)
    assert valid.any()
    assert (raster.valid == valid).all()
    assert (raster.values[valid] == values[valid]).all()


# Overviews


@pytest.mark.parametrize(("across", "level"), [(90, 1), (46, 1), (45, 2), (24, 2), (23, 4), (7, 4)])
def test_the_coarsest_overview_that_is_not_coarser_than_asked_is_read(tmp_path, across, level):
    values = numbered(90, 90, "float64")
    path = write_raster(tmp_path / "a.tif", values, bounds=(0, 0, 90, 90), crs="EPSG:32618", overviews=[2, 4])
    with rasterio.open(path, "r+") as dataset:
        dataset.write(values[None])  # overviews stay as they are
    for number, mark in enumerate((1e6, 2e6)):
        with rasterio.open(path, "r+", overview_level=number) as dataset:
            dataset.write(np.full((1, dataset.height, dataset.width), mark))
    raster = read_all(open_file(str(path)), grid_of("EPSG:32618", (0, 0, 90, 90), across, across))
    marks = {1: raster.values < 1e6, 2: raster.values == 1e6, 4: raster.values == 2e6}
    assert marks[level].all()


def test_an_overview_on_its_own_cells_is_a_decimated_read(tmp_path):
    values = (np.random.default_rng(1).random((64, 64)) * 250).astype("uint8")
    path = write_raster(tmp_path / "a.tif", values, bounds=(0, 0, 64, 64), crs="EPSG:32618", overviews=[2, 4, 8])
    for factor in (2, 4, 8):
        side = 64 // factor
        with rasterio.open(path) as dataset:
            decimated = dataset.read(1, out_shape=(side, side))
        raster = read_all(open_file(str(path)), grid_of("EPSG:32618", (0, 0, 64, 64), side, side))
        assert (raster.values[0] == decimated).all()


@pytest.mark.parametrize(("across", "factor"), [(49, 2), (25, 4), (14, 7)])
def test_overviews_whose_sizes_are_no_power_of_two_lie_where_the_file_does(tmp_path, across, factor):
    ramp = np.broadcast_to(np.arange(99) + 0.5, (99, 99)).astype("float64")  # each cell holds its own x
    path = write_raster(tmp_path / "a.tif", ramp, bounds=(0, 0, 99, 99), crs="EPSG:32618")
    with rasterio.open(path, "r+") as dataset:
        dataset.build_overviews([2, 4, 7], enums.Resampling.average)
    asked = grid_of("EPSG:32618", (0, 0, 99, 99), across, across)
    got = read_all(open_file(str(path)), asked).values[0]
    assert np.abs(got - asked.centres()[0]).max() <= factor / 2 + 1e-6


# Validity


def test_an_alpha_band_makes_validity_and_is_no_field(tmp_path):
    values = np.stack([numbered(4, 4, "uint8"), np.full((4, 4), 9, "uint8"), np.eye(4, dtype="uint8") * 255])
    colors = [ColorInterp.gray, ColorInterp.undefined, ColorInterp.alpha]
    source = open_file(str(write_raster(tmp_path / "a.tif", values, bounds=(0, 0, 4, 4), colorinterp=colors)))
    assert [field.name for field in source.fields] == ["b1", "b2"]
    assert (read_all(source, source.grid).valid == np.eye(4, dtype=bool)).all()


def test_nodata_and_an_alpha_band_both_count(tmp_path):
    values = np.stack([np.arange(16, dtype="uint8").reshape(4, 4), np.full((4, 4), 255, "uint8")])
    values[1, 3, 3] = 0
    colors = [ColorInterp.gray, ColorInterp.alpha]
    path = write_raster(tmp_path / "a.tif", values, bounds=(0, 0, 4, 4), colorinterp=colors, nodata=5)
    valid = read_all(open_file(str(path)), open_file(str(path)).grid).valid[0]
    assert np.argwhere(~valid).tolist() == [[1, 1], [3, 3]]


def test_an_internal_mask_makes_validity(tmp_path):
    mask = np.eye(8, dtype=bool)
    path = write_raster(tmp_path / "a.tif", numbered(8, 8), bounds=(0, 0, 8, 8), mask=mask)
    source = open_file(str(path))
    assert (read_all(source, source.grid).valid[0] == mask).all()


@pytest.mark.parametrize(
    ("dtype", "nodata"),
    [("float32", math.nan), ("float32", -3.4028234663852886e38), ("float64", -1.2676506e30), ("int16", -32768)],
)
def test_nodata_makes_validity_and_is_the_fields(tmp_path, dtype, nodata):
    values = numbered(6, 6, dtype)
    values[2, 3] = nodata
    source = open_file(str(write_raster(tmp_path / "a.tif", values, bounds=(0, 0, 6, 6), nodata=nodata)))
    valid = read_all(source, source.grid).valid[0]
    assert np.argwhere(~valid).tolist() == [[2, 3]]
    assert source.fields[0].nodata == pytest.approx(nodata, nan_ok=True)


def test_nan_is_never_valid_whatever_the_nodata(tmp_path):
    values = numbered(6, 6, "float32")
    values[1, 1], values[2, 2], values[3, 3] = math.nan, -9999, math.inf
    source = open_file(str(write_raster(tmp_path / "a.tif", values, bounds=(0, 0, 6, 6), nodata=-9999)))
    assert np.argwhere(~read_all(source, source.grid).valid[0]).tolist() == [[1, 1], [2, 2]]


def test_a_nodata_that_the_type_cannot_hold_is_none(tmp_path):
    path = write_raster(tmp_path / "a.tif", numbered(4, 4, "uint8"), bounds=(0, 0, 4, 4))
    (tmp_path / "a.tif.aux.xml").write_text(
        '<PAMDataset><PAMRasterBand band="1"><NoDataValue>-9999</NoDataValue></PAMRasterBand></PAMDataset>'
    )
    source = open_file(str(path))
    assert source.fields[0].nodata is None
    assert read_all(source, source.grid).is_full


def test_validity_belongs_to_each_band(tmp_path):
    values = np.stack([np.arange(4).reshape(2, 2), np.arange(4)[::-1].reshape(2, 2)]).astype("int32")
    source = open_file(str(write_raster(tmp_path / "a.tif", values, bounds=(0, 0, 2, 2), nodata=0)))
    assert read_all(source, source.grid).valid.tolist() == [
        [[False, True], [True, True]],
        [[True, True], [True, False]],
    ]


# Extent


def test_a_file_past_the_antimeridian_has_two_boxes():
    boxes = open_file(str(DEMO / "mars" / "mola_N090E.tif")).footprint.bboxes
    assert [(b.xmin, b.xmax) for b in boxes] == [(89.9375, 180.0), (-180.0, -175.0625)]


def test_a_file_counted_from_0_to_360_is_one_turn(tmp_path):
    source = open_file(str(write_raster(tmp_path / "a.tif", numbered(18, 36), bounds=(0, -90, 360, 90))))
    assert [b.bounds for b in source.footprint.bboxes] == [(-180, -90, 180, 90)]
    raster = read_all(source, grid_of("EPSG:4326", (-180, -90, 180, 90), 36, 18))
    assert (raster.values[0] == np.roll(numbered(18, 36), 18, axis=1)).all()


def test_cells_around_a_pole_do_not_make_the_footprint_reach_beyond_it(tmp_path):
    source = open_file(str(write_raster(tmp_path / "a.tif", numbered(19, 36), bounds=(-185, -95, 175, 95))))
    assert [b.bounds for b in source.footprint.bboxes] == [(-180, -90, 180, 90)]


# Revisions


def test_a_file_that_changes_is_read_anew(tmp_path):
    path = write_raster(tmp_path / "a.tif", numbered(8, 8), bounds=(0, 0, 8, 8))
    source = open_file(str(path))
    before, first = source.revision(), read_all(source, source.grid)
    write_raster(path, numbered(16, 16) + 7, bounds=(0, 0, 8, 8))
    os.utime(path, ns=(1, 1))
    forget_revisions()
    assert source.revision() != before
    assert (read_all(source, source.grid).values[0, :8, :8] != first.values[0]).any()
    assert read_all(source, source.grid).grid.shape == (16, 16)


def test_fields_of_a_file_that_has_other_ones_now_are_not_taken_for_these(tmp_path):
    def write(names):
        values = np.array([np.full((4, 4), 10 * len(name), "uint8") for name in names])
        return write_raster(tmp_path / "a.tif", values, bounds=(0, 0, 4, 4), descriptions=names)

    source = open_file(str(write(["red", "infra"])))
    grid, bands = source.grid, source.bands
    write(["infra", "red"])
    assert read_all(source, grid).values[:, 0, 0].tolist() == [30, 50]  # asked for by their names
    into, valid = np.zeros((1, 4, 4), "uint8"), np.zeros((1, 4, 4), bool)
    with pytest.raises(SourceFailed, match="just changed"):
        source.fill(grid, bands, [1], [Resampling.NEAREST], into, valid)
    assert not valid.any()
    source.fill(grid, source.bands, [1], [Resampling.NEAREST], into, valid)
    assert (into == 30).all()
    write(["thermal"])
    with pytest.raises(SourceFailed, match="just changed"):
        source.read(grid, Selection(fields=("red",)))


def test_what_lies_in_memory_is_read_in_a_moment_and_all_else_asks_for_time(tmp_path):
    values = np.arange(64 * 64, dtype="int16").reshape(64, 64)
    write_raster(tmp_path / "a.tif", values, bounds=(0, 0, 64, 64))
    source = open_file(str(tmp_path / "a.tif"))
    selection = Selection(fields=tuple(field.name for field in source.fields))

    def in_a_moment():
        with stoppable(Stop(60)):
            return source.read(source.grid, selection)

    for forget in (shared_cache().clear, forget_headers):
        forget()
        with pytest.raises(Stopped):
            in_a_moment()
        whole = source.read(source.grid, selection)
        assert np.array_equal(in_a_moment().values, whole.values)
        assert np.array_equal(whole.values[0], values)


def test_files_may_be_of_any_format_that_gdal_reads(tmp_path):
    import rasterio.shutil

    tif = write_raster(tmp_path / "a.tif", numbered(8, 8, "uint8"), bounds=(500000, 0, 500080, 80), crs="EPSG:32618")
    for driver, name in (("PNG", "a.png"), ("VRT", "a.vrt"), ("HFA", "a.img")):
        rasterio.shutil.copy(tif, tmp_path / name, driver=driver)
        source = open_file(str(tmp_path / name))
        assert (read_all(source, source.grid).values[0] == numbered(8, 8, "uint8")).all()


def test_bands_of_different_types_are_read_as_one_that_holds_all(tmp_path):
    write_raster(tmp_path / "a.tif", np.full((2, 2), 200, "uint8"), bounds=(0, 0, 2, 2))
    write_raster(tmp_path / "b.tif", np.full((2, 2), 0.1, "float64"), bounds=(0, 0, 2, 2))
    bands = "".join(
        f'<VRTRasterBand dataType="{kind}" band="{number}"><SimpleSource><SourceFilename relativeToVRT="1">{name}.tif'
        "</SourceFilename></SimpleSource></VRTRasterBand>"
        for number, (kind, name) in enumerate((("Byte", "a"), ("Float64", "b")), 1)
    )
    (tmp_path / "a.vrt").write_text(
        '<VRTDataset rasterXSize="2" rasterYSize="2"><SRS>EPSG:4326</SRS><GeoTransform>0,1,0,2,0,-1</GeoTransform>'
        f"{bands}</VRTDataset>"
    )
    source = open_file(str(tmp_path / "a.vrt"))
    assert [field.dtype for field in source.fields] == ["uint8", "float64"]
    assert read_all(source, source.grid).values[:, 0, 0].tolist() == [200.0, 0.1]
    alone = source.read(source.grid, Selection(fields=("b1",)))
    assert alone.values.dtype == "uint8"


def test_a_sample_of_a_large_file_without_overviews_is_sparse(tmp_path):
    path = write_raster(
        tmp_path / "a.tif", np.ones((1, 4100, 4100), "uint8"), bounds=(0, 0, 41, 41), compress="deflate", tiled=True
    )
    assert open_file(str(path)).sample().grid.shape == (64, 64)
    with rasterio.open(path, "r+") as dataset:
        dataset.build_overviews([2])
    forget_revisions()
    assert open_file(str(path)).sample().grid.shape == (512, 512)


def test_the_grid_of_a_rotated_file_has_cells_of_its_size(tmp_path):
    turned = rasterio.Affine.rotation(30) @ rasterio.Affine.scale(1, -1)
    source = open_file(str(write_raster(tmp_path / "a.tif", numbered(10, 20), transform=tuple(turned)[:6])))
    assert source.grid.cell_width == pytest.approx(1, abs=0.05)
    assert replace(source.grid, width=1, height=1).bbox == source.footprint.bboxes[0]


def _patch(folders):
    """A file of 3,000 km a side near the middle of UTM zone 18."""
    path = folders.getbasetemp() / "patch.tif"
    if not path.exists():
        write_raster(path, numbered(30, 30), bounds=(-1e6, 3e6, 2e6, 6e6), crs="EPSG:32618")
    return open_file(str(path))


@given(
    st.sampled_from(["EPSG:4326", "EPSG:3857", "EPSG:32618", "EPSG:3413"]),
    st.floats(-1, 1),
    st.floats(-1, 1),
    st.sampled_from([1e3, 1e5, 3e6]),
)
def test_a_file_meets_the_grids_whose_reach_its_footprint_meets(tmp_path_factory, crs, x, y, side):
    source = _patch(tmp_path_factory)
    metre = 1e-5 if crs == "EPSG:4326" else 1.0
    middle = (300 * x, 100 * y) if crs == "EPSG:4326" else (2.5e7 * x, 2.5e7 * y)
    half = side * metre / 2
    grid = grid_of(crs, (middle[0] - half, middle[1] - half, middle[0] + half, middle[1] + half), 8, 8)
    theirs = reach(grid, source.storage_crs)
    assert source.meets(grid) == any(mine.meets(box) for mine in source.footprint.bboxes for box in theirs)
