import contextlib
import logging
import os
from dataclasses import replace

import numpy as np
import pytest
import rasterio
import tifffile
from hypothesis import given, settings
from hypothesis import strategies as st

from ogcapi.model.problem import SourceFailed
from ogcapi.model.raster import Resampling, Selection
from ogcapi.pixels.overlay import MosaicMethod
from ogcapi.sources import assets as shelves
from ogcapi.sources import gdal
from ogcapi.sources import mosaic as mosaics
from ogcapi.sources.mosaicjson import read_document
from ogcapi.sources.pyramids import forget_headers
from ogcapi.sources.raster import open_file
from tests.contract import SourceContract
from tests.data import (
    DEMO,
    SHARED,
    forget_revisions,
    grid_of,
    needs_shared,
    open_trusted,
    read_all,
    square,
    write_mosaic,
    write_raster,
)

METHODS = list(MosaicMethod)
NAMES = ["a.tif", "b.tif", "c.tif"]


class TestMars(SourceContract):
    @pytest.fixture
    def source(self):
        return open_trusted(DEMO / "mars" / "mosaic.json")


class TestTheMeanOfThree(SourceContract):
    @pytest.fixture
    def source(self, three):
        return open_trusted(three, MosaicMethod.MEAN)


class TestTheLastOfThree(SourceContract):
    @pytest.fixture
    def source(self, three):
        return open_trusted(three, MosaicMethod.LAST)


class TestMontreal(SourceContract):
    pytestmark = needs_shared

    @pytest.fixture
    def source(self):
        return open_trusted(SHARED / "landsat" / "montreal_overlap" / "mosaic3.json")


# Overlay


def layers_of(path, grid, names):
    rasters = [read_all(open_file(str(path.parent / name)), grid) for name in names]
    return [np.where(raster.valid, raster.values, np.nan)[0] for raster in rasters]


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("resampling", [Resampling.NEAREST, Resampling.BILINEAR])
def test_a_mosaic_is_what_its_method_makes_of_each_cell(three, method, resampling):
    source = open_trusted(three, method)
    grid = grid_of("EPSG:4326", (-2, -2, 17, 22), 38, 48)
    raster = read_all(source, grid, resampling)
    stack = np.array(layers_of(three, grid, ["a.tif", "b.tif", "c.tif"]))
    for row, col in np.ndindex(*grid.shape):
        own = stack[:, row, col][~np.isnan(stack[:, row, col])]
        assert raster.valid[0, row, col] == bool(own.size)
        if own.size:
            made = {
                MosaicMethod.FIRST: own[0],
                MosaicMethod.LAST: own[-1],
                MosaicMethod.HIGHEST: own.max(),
                MosaicMethod.LOWEST: own.min(),
                MosaicMethod.MEAN: own.mean(),
                MosaicMethod.MEDIAN: np.median(own),
                MosaicMethod.STDEV: own.std(),
                MosaicMethod.SUM: own.sum(),
                MosaicMethod.COUNT: own.size,
            }[method]
            assert raster.values[0, row, col] == pytest.approx(made)


@st.composite
def assets(draw):
    """Some assets of two named bands, by file name: values, nodata, mask, box, order of the bands, whether it fails."""
    found = {}
    for number in range(draw(st.integers(1, 4))):
        dtype = draw(st.sampled_from(["uint8", "int16", "uint16", "int32", "float32"]))
        left, top = draw(st.integers(0, 12)), draw(st.integers(0, 12))
        shape = draw(st.integers(4, 20)), draw(st.integers(4, 20))
        luck = np.random.default_rng(draw(st.integers(0, 99)))
        found[f"{number}.tif"] = {
            "values": luck.integers(0, 5, (2, *shape)).astype(dtype),
            "nodata": draw(st.sampled_from([None, 0, 3])),
            "mask": (luck.random(shape) > 0.4).astype("uint8") * 255 if draw(st.booleans()) else None,
            "bounds": (left, top, left + shape[1], top + shape[0]),
            "descriptions": draw(st.permutations(["red", "green"])),
            "fails": draw(st.booleans()) and number > 0,
        }
    return found


def spoil(path):
    """Make every block of a file one that cannot be decoded."""
    with tifffile.TiffFile(path) as file:
        blocks = [block for page in file.pages for block in zip(page.dataoffsets, page.databytecounts, strict=True)]
    with path.open("r+b") as file:
        for offset, count in blocks:
            file.seek(offset)
            file.write(b"\xff" * count)


@settings(max_examples=25)
@given(assets(), st.sampled_from([MosaicMethod.FIRST, MosaicMethod.LAST]), st.sampled_from(list(Resampling)))
def test_what_lies_first_is_that_of_the_assets_read_alone(tmp_path_factory, drawn, method, resampling):
    folder = tmp_path_factory.mktemp("assets")
    grid = grid_of("EPSG:4326", (2, 3, 26, 27), 31, 29)
    values, valid = np.zeros((2, 29, 31)), np.zeros((2, 29, 31), bool)
    for name, asset in drawn.items():
        fails = asset.pop("fails")
        write_raster(folder / name, compress="deflate", **asset)
        if fails:
            spoil(folder / name)
    source = open_trusted(write_mosaic(folder / "mosaic.json", list(drawn), zoom=3), method)
    for name in list(drawn)[:: 1 if method is MosaicMethod.FIRST else -1]:
        with contextlib.suppress(SourceFailed):
            alone = open_file(str(folder / name))
            raster = alone.read(grid, Selection(fields=("red", "green"), method=resampling))
            new = raster.valid & ~valid
            values[new] = raster.values[new]
            valid |= raster.valid
    raster = source.read(grid, Selection(fields=("red", "green"), method=resampling))
    assert (raster.valid == valid).all()
    assert (raster.values[valid] == values[valid]).all()


def test_an_asset_that_holds_narrower_numbers_leaves_those_above_it_as_they_are(tmp_path):
    write_raster(tmp_path / "a.tif", np.array([[0.5, np.nan]], "float32"), bounds=(0, 0, 2, 1), nodata=np.nan)
    write_raster(tmp_path / "b.tif", np.array([[7, 8]], "uint8"), bounds=(0, 0, 2, 1))
    source = open_trusted(write_mosaic(tmp_path / "mosaic.json", ["a.tif", "b.tif"], zoom=3))
    assert read_all(source, grid_of("EPSG:4326", (0, 0, 2, 1), 2, 1)).values.tolist() == [[[0.5, 8]]]


def test_nothing_stays_of_an_asset_that_fails_after_some_of_its_fields(tmp_path):
    """Each band in blocks of its own, of which the second's cannot be decoded."""
    both = np.ones((2, 16, 16), "uint8")
    write_raster(tmp_path / "a.tif", both, bounds=(0, 0, 16, 16), interleave="band", compress="deflate")
    square(tmp_path, "b.tif", 2, (0, 0, 16, 16), dtype="uint8", nodata=0)
    with tifffile.TiffFile(tmp_path / "a.tif") as file:
        offset = file.pages[0].dataoffsets[1]
    with (tmp_path / "a.tif").open("r+b") as file:
        file.seek(offset)
        file.write(b"\xff" * 8)
    source = open_trusted(write_mosaic(tmp_path / "mosaic.json", ["a.tif", "b.tif"], zoom=3))
    raster = source.read(grid_of("EPSG:4326", (0, 0, 16, 16), 4, 4), Selection(fields=("b1", "b2")))
    assert raster.missing == ("a.tif",)
    assert raster.valid[0].all()
    assert not raster.valid[1].any()
    assert (raster.values[0] == 2).all()


class Counted:
    """An index that counts how often it is asked."""

    def __init__(self, index):
        self._index = index
        self.asked = 0

    def __getattr__(self, name):
        return getattr(self._index, name)

    def find(self, grid, interval=None):
        self.asked += 1
        return self._index.find(grid, interval)


def test_the_index_is_asked_once_for_all_that_a_request_wants_to_know(three):
    index = Counted(read_document(str(three), trusted=True, roots=()))
    source = mosaics.MosaicSource(index, method=MosaicMethod.FIRST, headers=3)
    grid = grid_of("EPSG:4326", (1, 1, 14, 9), 13, 8)
    for _ in range(2):
        source.revision(grid)
        assert source.meets(grid)
        assert read_all(source, grid).is_full
    assert index.asked == 1


def test_a_median_in_strips_equals_one_at_once(three, monkeypatch):
    grid = grid_of("EPSG:3857", (-2e5, -2e5, 2e6, 2.5e6), 30, 40)
    whole = read_all(open_trusted(three, MosaicMethod.MEDIAN), grid)
    monkeypatch.setattr(mosaics, "_STACK_CELLS", 400)
    strips = read_all(open_trusted(three, MosaicMethod.MEDIAN), grid)
    assert (whole.values == strips.values).all()
    assert (whole.valid == strips.valid).all()


def test_no_asset_is_opened_beneath_a_full_raster(three, opens):
    source = open_trusted(three)
    assert set(opens) == {"a.tif"}
    assert read_all(source, grid_of("EPSG:4326", (1, 1, 9, 9), 8, 8)).is_full
    assert set(opens) == {"a.tif"}
    assert read_all(source, grid_of("EPSG:4326", (1, 1, 14, 9), 13, 8)).is_full
    assert set(opens) == {"a.tif", "b.tif"}


def test_an_asset_that_is_known_to_lie_elsewhere_is_not_read(three, opens):
    source = open_trusted(three)
    read_all(source, grid_of("EPSG:4326", (-5, -5, 20, 25), 25, 30))  # opens all
    shelves_opened = len(opens)
    gdal._pool.idle.clear()
    forget_headers()
    raster = read_all(source, grid_of("EPSG:4326", (11, 6, 14, 19), 3, 13))
    assert raster.is_full
    assert set(opens[shelves_opened:]) == {"b.tif", "c.tif"}


def test_a_mosaic_of_a_thousand_assets_opens_few(tmp_path, opens):
    tiles = {}
    names = [f"{row}_{col}.tif" for row in range(20) for col in range(50)]
    for name in names:
        row, col = map(int, name.removesuffix(".tif").split("_"))
        tiles[name] = (col, row, col + 1, row + 1)
    square(tmp_path, "one.tif", 1, (0, 0, 1, 1))
    for name, bounds in tiles.items():
        if bounds[0] % 7 == 0 or bounds[1] < 3:
            square(tmp_path, name, 1, bounds)
    path = write_mosaic(tmp_path / "mosaic.json", names, zoom=8, bounds=tiles)
    opens.clear()
    source = open_trusted(path)
    assert len(set(opens)) <= 4
    assert source.footprint.bboxes[0].bounds == pytest.approx((0, 0, 50, 20))
    assert len(set(opens)) <= 36
    opens.clear()
    raster = read_all(source, grid_of("EPSG:4326", (7.1, 1.1, 7.9, 1.9), 8, 8))
    assert raster.is_full
    assert set(opens) <= {f"{row}_{col}.tif" for row in range(4) for col in range(5, 10)}


# Assets that fail


def test_an_asset_that_fails_spoils_only_its_own_cells(tmp_path, caplog, monkeypatch):
    square(tmp_path, "a.tif", 1, (0, 0, 5, 5))
    broken = write_raster(
        tmp_path / "b.tif",
        np.random.default_rng(1).integers(0, 9, (500, 500), "int16"),
        bounds=(5, 0, 10, 5),
        tiled=True,
    )
    with broken.open("r+b") as file:
        file.truncate(broken.stat().st_size // 3)
    (tmp_path / "c.tif").write_text("hello")
    square(tmp_path, "e.tif", 4, (0, 0, 10, 10))
    names = ["a.tif", "b.tif", "c.tif", "d.tif", "e.tif"]
    source = open_trusted(write_mosaic(tmp_path / "mosaic.json", names, zoom=3))
    grid = grid_of("EPSG:4326", (0, 0, 10, 10), 10, 10)
    with caplog.at_level(logging.WARNING, "ogcapi.sources"):
        raster = read_all(source, grid)
        again = read_all(source, grid)
        monkeypatch.setattr(shelves, "_RETRY_S", 0.0)
    assert raster.is_full
    assert set(raster.missing) == set(again.missing) == {"b.tif", "c.tif", "d.tif"}
    assert raster.values[0, 5:].tolist() == [[1] * 5 + [4] * 5] * 5
    assert set(source.status.failures) == set(raster.missing)
    assert source.status.assets == 5
    logged = [record.getMessage() for record in caplog.records if record.name == "ogcapi.sources"]
    assert len([text for text in logged if "b.tif" in text]) == 1


def test_an_asset_that_failed_is_left_alone_for_a_while_then_tried_again(tmp_path, monkeypatch):
    square(tmp_path, "a.tif", 1, (0, 0, 5, 5))
    source = open_trusted(write_mosaic(tmp_path / "mosaic.json", ["a.tif", "b.tif"], zoom=3))
    grid = grid_of("EPSG:4326", (0, 0, 10, 5), 10, 5)
    assert read_all(source, grid).missing == ("b.tif",)
    square(tmp_path, "b.tif", 2, (5, 0, 10, 5))
    forget_revisions()
    assert read_all(source, grid).missing == ("b.tif",)
    clock = shelves.time.monotonic
    monkeypatch.setattr(shelves.time, "monotonic", lambda: clock() + shelves._RETRY_S)
    raster = read_all(source, grid)
    assert raster.is_full
    assert not raster.missing
    assert not source.status.failures


def test_a_mosaic_none_of_whose_assets_open_is_empty_and_says_so(tmp_path):
    path = write_mosaic(tmp_path / "mosaic.json", ["a.tif", "b.tif"], zoom=3, box=(0, 0, 10, 5))
    source = open_trusted(path)
    assert [field.name for field in source.fields] == ["b1"]
    assert source.footprint.carried(open_file(str(DEMO / "earth" / "relief.tif")).storage_crs)[
        0
    ].bounds == pytest.approx((0, 0, 10, 5), abs=1e-6)
    raster = read_all(source, grid_of("EPSG:4326", (0, 0, 10, 5), 10, 5))
    assert not raster.valid.any()
    assert set(raster.missing) == {"a.tif", "b.tif"}
    assert not source.sample().valid.any()


def test_the_first_asset_that_opens_says_what_the_mosaic_is_of(tmp_path):
    square(tmp_path, "b.tif", 2, (5, 0, 10, 5))
    source = open_trusted(write_mosaic(tmp_path / "mosaic.json", ["a.tif", "b.tif"], zoom=3))
    assert source.fields[0].dtype == "int16"
    assert "a.tif" in source.status.failures


# Mars: overlaps agree, so there is no seam


@pytest.mark.parametrize(
    ("crs", "bounds"),
    [
        ("IAU_2015:49990", (10.4e6, -1e6, 10.9e6, 1e6)),
        ("IAU_2015:49930", (-1e6, -1e6, 1e6, 1e6)),
        ("IAU_2015:49935", (-1e6, -1e6, 1e6, 1e6)),
        ("IAU_2015:49910", (-1e6, -3e5, 1e6, 3e5)),
        ("IAU_2015:49900", (-4, 84, 6, 90)),
    ],
)
def test_the_mosaic_of_mars_has_no_seam_whatever_lies_on_top(crs, bounds):
    grid = grid_of(crs, bounds, 150, 130)
    first, last, lowest, highest = (
        read_all(open_trusted(DEMO / "mars" / "mosaic.json", MosaicMethod(name)), grid)
        for name in ("first", "last", "lowest", "highest")
    )
    assert first.valid.any()
    for other in (last, lowest, highest):
        assert (other.valid == first.valid).all()
        assert (other.values == first.values).all()


def test_the_mosaic_of_mars_has_no_gap():
    world = grid_of("IAU_2015:49900", (-180, -89.9, 180, 89.9), 720, 360)
    assert read_all(open_trusted(DEMO / "mars" / "mosaic.json"), world).is_full


@pytest.mark.parametrize(
    "path",
    [
        DEMO / "mars" / "mosaic.json",
        pytest.param(SHARED / "mars" / "mola_shape_0125deg" / "mosaic_MarsMercatorSphere.json", marks=needs_shared),
    ],
    ids=["the demonstration's", "the shared one"],
)
@pytest.mark.parametrize(
    ("crs", "bounds", "shape"),
    [
        ("IAU_2015:49900", (-180.5, -89.9, -179.5, 89.9), (200, 64)),
        ("IAU_2015:49900", (-180, -89.9, -179.9, 89.9), (200, 16)),
        ("IAU_2015:49900", (179.9, -89.9, 180, 89.9), (200, 16)),
        ("IAU_2015:49990", (-10669478, -1e6, -10664000, 1e6), (200, 16)),
        ("IAU_2015:49930", (-5000, 100000, 5000, 2e6), (300, 64)),
    ],
)
def test_the_mosaic_of_mars_has_no_empty_column_at_the_antimeridian(path, crs, bounds, shape):
    height, width = shape
    assert read_all(open_trusted(path), grid_of(crs, bounds, width, height)).is_full


# Assets across the antimeridian that their document lists on one side


def cut(folder, bounds, crs="EPSG:4326", **options):
    """A mosaic of one asset across the antimeridian, and one above it to the west; cells list both up to 180 only."""
    values = np.full((40, 40), 2, "int16")
    write_raster(folder / "b.tif", values, bounds=bounds, crs=crs, nodata=-1)
    square(folder, "a.tif", 1, (160, 0, 178, 10))
    listed = {"a.tif": (160, 0, 178, 10), "b.tif": (170, 0, 179.99, 10)}
    return write_mosaic(folder / "mosaic.json", ["a.tif", "b.tif"], zoom=5, bounds=listed, **options)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(
    ("crs", "bounds"),
    [
        ("EPSG:4326", (170, 0, 190, 10)),
        ("EPSG:4326", (-190, 0, -170, 10)),
        ("EPSG:4326", (0, -90, 360, 90)),
        ("EPSG:3857", (19e6, 0, 21.2e6, 1.2e6)),
        ("EPSG:32601", (-1e6, 0, 1.2e6, 1.2e6)),
    ],
)
def test_an_asset_across_the_antimeridian_is_there_on_both_sides(tmp_path, method, crs, bounds):
    source = open_trusted(cut(tmp_path, bounds, crs), method)
    for west in (-179.9, 180.1, 175):
        grid = grid_of("EPSG:4326", (west, 1, west + 5, 9), 10, 8)
        assert source.meets(grid)
        raster = read_all(source, grid)
        assert raster.valid.all()
        assert not raster.missing


def test_what_is_only_found_by_its_header_lies_beneath(tmp_path):
    source = open_trusted(cut(tmp_path, (170, 0, 190, 10)))
    assert read_all(source, grid_of("EPSG:4326", (175, 0, 180, 10), 5, 10)).values[0, 0].tolist() == [1, 1, 1, 2, 2]
    square(tmp_path, "a.tif", 3, (-180, 0, -170, 10))
    forget_revisions()
    source = open_trusted(
        write_mosaic(
            tmp_path / "mosaic.json",
            ["b.tif", "a.tif"],
            zoom=5,
            bounds={"a.tif": (-180, 0, -170, 10), "b.tif": (170, 0, 179.99, 10)},
        )
    )
    assert np.unique(read_all(source, grid_of("EPSG:4326", (-180, 0, -175, 10), 5, 10)).values) == [3]
    assert np.unique(read_all(source, grid_of("EPSG:4326", (175, 0, 180, 10), 5, 10)).values) == [2]


def test_an_asset_on_one_side_is_sought_where_its_document_lists_it_only(tmp_path):
    path = cut(tmp_path, (170, 0, 180, 10))
    source = open_trusted(path)
    beyond = grid_of("EPSG:4326", (-179.9, 1, -175, 9), 10, 8)
    assert not source.meets(beyond)
    assert not read_all(source, beyond).valid.any()


def test_a_revision_covers_what_is_only_found_by_its_header(tmp_path):
    source = open_trusted(cut(tmp_path, (170, 0, 190, 10)))
    grid = grid_of("EPSG:4326", (-179.9, 1, -175, 9), 10, 8)
    before = source.revision(grid)
    os.utime(tmp_path / "b.tif", ns=(1, 1))
    forget_revisions()
    assert source.revision(grid) != before


# Extent, grid, revision


def test_the_grid_of_a_mosaic_is_in_line_with_its_assets_cells(three):
    grid = open_trusted(three).grid
    assert grid.bbox.bounds == (0, 0, 15, 20)
    assert grid.shape == (20, 15)
    mars = open_trusted(DEMO / "mars" / "mosaic.json").grid
    assert (mars.width, mars.bbox.xmin, mars.bbox.xmax) == (2880, -180.0625, 179.9375)


def test_an_extent_past_the_antimeridian_stays_narrow(tmp_path):
    square(tmp_path, "a.tif", 1, (170, 0, 180, 5))
    square(tmp_path, "b.tif", 2, (-180, 0, -175, 5))
    source = open_trusted(write_mosaic(tmp_path / "mosaic.json", ["a.tif", "b.tif"], zoom=3, box=(170, 0, -175, 5)))
    assert [b.bounds for b in source.footprint.bboxes] == [(170, 0, 180, 5), (-180, 0, -175, 5)]
    assert source.grid.shape == (5, 15)
    assert read_all(source, source.grid).is_full
    for west in (-190, 170):
        assert read_all(source, grid_of("EPSG:4326", (west, 0, west + 15, 5), 15, 5)).is_full


def test_the_extent_of_many_assets_is_that_of_the_document_too(tmp_path):
    for name, west in (("a.tif", 0), ("b.tif", 10), ("c.tif", 20)):
        square(tmp_path, name, 1, (west, 0, west + 5, 5))
    path = write_mosaic(tmp_path / "mosaic.json", ["a.tif", "b.tif", "c.tif"], zoom=3, box=(-10, -1, 30, 6))
    assert open_trusted(path, headers=3).footprint.bboxes[0].bounds == (0, 0, 25, 5)
    assert open_trusted(path, headers=2).footprint.bboxes[0].bounds == (-10, -1, 30, 6)


def test_a_revision_changes_with_the_assets_on_the_grid_only(three):
    source = open_trusted(three)
    here, there = grid_of("EPSG:4326", (0, 0, 9, 9), 4, 4), grid_of("EPSG:4326", (60, 60, 70, 70), 4, 4)
    before = [source.revision(grid) for grid in (None, here, there)]
    assert before == [open_trusted(three).revision(grid) for grid in (None, here, there)]
    os.utime(three.parent / "a.tif", ns=(1, 1))
    forget_revisions()
    after = [source.revision(grid) for grid in (None, here, there)]
    assert [one == other for one, other in zip(before, after, strict=True)] == [False, False, True]


def test_a_revision_does_not_depend_on_what_has_been_read(three):
    source = open_trusted(three)
    grid = grid_of("EPSG:4326", (0, 0, 3, 3), 4, 4)
    before = source.revision(grid)
    read_all(source, grid_of("EPSG:4326", (0, 0, 15, 20), 15, 20))
    assert source.revision(grid) == before


def test_an_asset_that_changes_its_place_is_found_there(tmp_path):
    square(tmp_path, "a.tif", 1, (0, 0, 5, 5))
    square(tmp_path, "b.tif", 2, (5, 0, 10, 5))
    source = open_trusted(write_mosaic(tmp_path / "mosaic.json", ["a.tif", "b.tif"], zoom=3))
    grid = grid_of("EPSG:4326", (0, 0, 20, 5), 20, 5)
    assert read_all(source, grid).valid[0, 0].tolist() == [True] * 10 + [False] * 10
    square(tmp_path, "b.tif", 2, (15, 0, 20, 5))
    forget_revisions()
    assert read_all(source, grid).valid[0, 0].tolist() == [True] * 5 + [False] * 10 + [True] * 5


def test_where_no_asset_may_be_nothing_meets(three):
    source = open_trusted(three)
    assert source.meets(grid_of("EPSG:4326", (0, 0, 9, 9), 4, 4))
    assert not source.meets(grid_of("EPSG:4326", (60, 60, 70, 70), 4, 4))


def test_fields_of_a_selection_are_the_mosaics(three):
    source = open_trusted(three, MosaicMethod.COUNT)
    raster = source.read(replace(source.grid, width=3, height=3), Selection(fields=("b1",)))
    assert raster.fields == source.fields
    assert raster.values.dtype == "uint16"


def test_a_field_of_an_asset_that_fails_spoils_none_of_the_others(tmp_path):
    for name, left, scales in (("a", 0, (1, 1)), ("b", 10, (1, 2))):
        values = np.ones((2, 10, 10), "uint8")
        path = write_raster(tmp_path / f"{name}.tif", values, bounds=(left, 0, left + 10, 10))
        with rasterio.open(path, "r+") as dataset:
            dataset.scales = scales
    source = open_trusted(write_mosaic(tmp_path / "m.json", ["a.tif", "b.tif"], zoom=3))
    grid = grid_of("EPSG:4326", (10, 0, 20, 10), 10, 10)
    first, second = (Selection(fields=(name,)) for name in ("b1", "b2"))
    assert source.read(grid, first).valid.all()
    assert source.read(grid, second).missing == ("b.tif",)
    assert source.read(grid, first).valid.all()


# Where values come from


@pytest.mark.parametrize("method", METHODS)
def test_the_assets_that_a_value_came_from_are_named(three, method):
    source = open_trusted(three, method)
    grid = grid_of("EPSG:4326", (-2, -2, 17, 22), 38, 48)
    whole, stack = read_all(source, grid), np.array(layers_of(three, grid, NAMES))
    x, y = grid.centres()
    for row, col in [*np.ndindex(*grid.shape)][::7]:
        box = (x[col] - 0.25, y[row] - 0.25, x[col] + 0.25, y[row] + 0.25)
        named = source.assets(grid_of("EPSG:4326", box, 1, 1), Selection(fields=(source.fields[0].name,)))
        there = [name for name, value in zip(NAMES, stack[:, row, col], strict=True) if not np.isnan(value)]
        match method:
            case MosaicMethod.FIRST:
                assert named == tuple(there[:1])
            case MosaicMethod.LAST:
                assert named == tuple(there[-1:])
            case MosaicMethod.HIGHEST | MosaicMethod.LOWEST:
                values = [stack[NAMES.index(name), row, col] for name in named]
                assert values == ([whole.values[0, row, col]] if there else [])
            case _:
                assert sorted(named) == there
