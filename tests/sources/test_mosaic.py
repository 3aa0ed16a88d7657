import logging
import os
from dataclasses import replace

import numpy as np
import pytest
import rasterio

from ogcapi.model.problem import SourceFailed
from ogcapi.model.raster import Resampling, Selection
from ogcapi.pixels import overlay
from ogcapi.pixels.overlay import MosaicMethod
from ogcapi.sources import assets as shelves
from ogcapi.sources import gdal
from ogcapi.sources import mosaic as mosaics
from ogcapi.sources.mosaicjson import open_mosaic
from ogcapi.sources.raster import open_file
from tests.contract import SourceContract
from tests.data import DEMO, SHARED, forget_revisions, grid_of, needs_shared, read_all, write_mosaic, write_raster

METHODS = list(MosaicMethod)


def opened(path, method=MosaicMethod.FIRST, **options):
    return open_mosaic(str(path), method=method, trusted=True, roots=(), **options)


def square(folder, name, value, bounds, **options):
    """A raster of one value, with cells of a degree."""
    xmin, ymin, xmax, ymax = bounds
    values = np.full((ymax - ymin, xmax - xmin), value, options.pop("dtype", "int16"))
    return write_raster(folder / name, values, bounds=bounds, nodata=options.pop("nodata", -1), **options)


@pytest.fixture
def opens(monkeypatch):
    """Which files are opened."""
    seen = []
    real = rasterio.open

    def spy(path, *args, **kwargs):
        seen.append(os.path.basename(path))  # noqa: PTH119
        return real(path, *args, **kwargs)

    monkeypatch.setattr(rasterio, "open", spy)
    return seen


@pytest.fixture
def three(tmp_path):
    """Three overlapping squares, 1 above 2 above 3."""
    square(tmp_path, "a.tif", 1, (0, 0, 10, 10))
    square(tmp_path, "b.tif", 2, (5, 0, 15, 10))
    square(tmp_path, "c.tif", 3, (0, 5, 15, 20))
    return write_mosaic(tmp_path / "mosaic.json", ["a.tif", "b.tif", "c.tif"], zoom=3)


class TestMars(SourceContract):
    @pytest.fixture
    def source(self):
        return opened(DEMO / "mars" / "mosaic.json")


class TestTheMeanOfThree(SourceContract):
    @pytest.fixture
    def source(self, three):
        return opened(three, MosaicMethod.MEAN)


class TestTheLastOfThree(SourceContract):
    @pytest.fixture
    def source(self, three):
        return opened(three, MosaicMethod.LAST)


class TestMontreal(SourceContract):
    pytestmark = needs_shared

    @pytest.fixture
    def source(self):
        return opened(SHARED / "landsat" / "montreal_overlap" / "mosaic3.json")


# Overlay


def layers_of(path, grid, names):
    rasters = [read_all(open_file(str(path.parent / name)), grid) for name in names]
    return [np.where(raster.valid, raster.values, np.nan)[0] for raster in rasters]


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("resampling", [Resampling.NEAREST, Resampling.BILINEAR])
def test_a_mosaic_is_what_its_method_makes_of_each_cell(three, method, resampling):
    source = opened(three, method)
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


def test_a_median_in_strips_equals_one_at_once(three, monkeypatch):
    grid = grid_of("EPSG:3857", (-2e5, -2e5, 2e6, 2.5e6), 30, 40)
    whole = read_all(opened(three, MosaicMethod.MEDIAN), grid)
    monkeypatch.setattr(mosaics, "_STACK_CELLS", 400)
    strips = read_all(opened(three, MosaicMethod.MEDIAN), grid)
    assert (whole.values == strips.values).all()
    assert (whole.valid == strips.valid).all()


def test_no_asset_is_opened_beneath_a_full_raster(three, opens):
    source = opened(three)
    assert set(opens) == {"a.tif"}  # what the mosaic is of, it learns from the first
    assert read_all(source, grid_of("EPSG:4326", (1, 1, 9, 9), 8, 8)).is_full
    assert set(opens) == {"a.tif"}
    assert read_all(source, grid_of("EPSG:4326", (1, 1, 14, 9), 13, 8)).is_full
    assert set(opens) == {"a.tif", "b.tif"}


def test_an_asset_that_is_known_to_lie_elsewhere_is_not_read(three, opens):
    source = opened(three)
    read_all(source, grid_of("EPSG:4326", (-5, -5, 20, 25), 25, 30))  # opens all
    shelves_opened = len(opens)
    gdal._pool.idle.clear()
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
    source = opened(path)
    assert len(set(opens)) == 1
    assert source.footprint.bboxes[0].bounds == pytest.approx((0, 0, 50, 20))
    assert len(set(opens)) <= 33
    opens.clear()
    raster = read_all(source, grid_of("EPSG:4326", (7.1, 1.1, 7.9, 1.9), 8, 8))
    assert raster.is_full
    assert set(opens) <= {f"{row}_{col}.tif" for row in range(4) for col in range(5, 10)}


# Assets that differ


def test_assets_may_differ_in_system_resolution_type_nodata_and_bands(tmp_path):
    square(tmp_path, "a.tif", 1, (0, 0, 10, 10))
    write_raster(
        tmp_path / "b.tif",
        np.full((2, 50, 55), 9, "uint8"),
        bounds=(1100000, 0, 2200000, 1000000),
        crs="EPSG:3857",
        nodata=0,
    )
    source = opened(write_mosaic(tmp_path / "mosaic.json", ["a.tif", "b.tif"], zoom=3))
    assert source.storage_crs == open_file(str(tmp_path / "a.tif")).storage_crs
    assert [field.dtype for field in source.fields] == ["int16"]
    raster = read_all(source, grid_of("EPSG:4326", (0, 1, 19, 8), 19, 7))
    assert raster.is_full
    assert not raster.missing
    assert sorted(np.unique(raster.values)) == [1, 9]
    assert source.grid.cell_width == pytest.approx(20000 / 111319.49, rel=1e-3)  # the finer ones of the second


def test_a_band_that_an_asset_lacks_is_not_valid_there(tmp_path):
    write_raster(tmp_path / "a.tif", np.ones((2, 5, 5), "int16"), bounds=(0, 0, 5, 5))
    write_raster(tmp_path / "b.tif", np.full((1, 5, 5), 2, "int16"), bounds=(5, 0, 10, 5))
    source = opened(write_mosaic(tmp_path / "mosaic.json", ["a.tif", "b.tif"], zoom=3))
    raster = read_all(source, grid_of("EPSG:4326", (0, 0, 10, 5), 10, 5))
    assert raster.valid[0].all()
    assert raster.valid[1].any(axis=0).tolist() == [True] * 5 + [False] * 5


def test_bands_are_matched_by_name_where_all_have_names(tmp_path):
    ones = np.stack([np.full((5, 5), n, "int16") for n in (1, 2)])
    write_raster(tmp_path / "a.tif", ones, bounds=(0, 0, 5, 5), descriptions=["red", "blue"])
    write_raster(tmp_path / "b.tif", ones, bounds=(5, 0, 10, 5), descriptions=["blue", "red"])
    write_raster(tmp_path / "c.tif", ones, bounds=(10, 0, 15, 5))
    source = opened(write_mosaic(tmp_path / "mosaic.json", ["a.tif", "b.tif", "c.tif"], zoom=3))
    values = read_all(source, grid_of("EPSG:4326", (0, 0, 15, 5), 15, 5)).values
    assert values[0, 0].tolist() == [1] * 5 + [2] * 5 + [1] * 5
    assert source.read(grid_of("EPSG:4326", (5, 0, 10, 5), 5, 5), Selection(fields=("blue",))).values.max() == 1


def test_an_asset_whose_values_the_mosaics_type_cannot_hold_fails_alone(tmp_path):
    square(tmp_path, "a.tif", 1, (0, 0, 5, 5), dtype="uint8", nodata=0)
    square(tmp_path, "b.tif", 300, (5, 0, 10, 5))
    square(tmp_path, "c.tif", 7, (10, 0, 15, 5))
    source = opened(write_mosaic(tmp_path / "mosaic.json", ["a.tif", "b.tif", "c.tif"], zoom=3))
    raster = read_all(source, grid_of("EPSG:4326", (0, 0, 15, 5), 15, 5))
    assert raster.values[0, 0].tolist() == [1] * 5 + [0] * 5 + [7] * 5
    assert raster.missing == ("b.tif",)
    assert "uint8" in source.status.failures["b.tif"]


def test_an_asset_of_other_units_fails_alone(tmp_path):
    square(tmp_path, "a.tif", 1, (0, 0, 5, 5))
    square(tmp_path, "b.tif", 2, (5, 0, 10, 5))
    with rasterio.open(tmp_path / "b.tif", "r+") as dataset:
        dataset.scales = (0.1,)
    source = opened(write_mosaic(tmp_path / "mosaic.json", ["a.tif", "b.tif"], zoom=3))
    assert read_all(source, grid_of("EPSG:4326", (0, 0, 10, 5), 10, 5)).missing == ("b.tif",)


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
    source = opened(write_mosaic(tmp_path / "mosaic.json", names, zoom=3))
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
    source = opened(write_mosaic(tmp_path / "mosaic.json", ["a.tif", "b.tif"], zoom=3))
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
    source = opened(path)
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
    source = opened(write_mosaic(tmp_path / "mosaic.json", ["a.tif", "b.tif"], zoom=3))
    assert source.fields[0].dtype == "int16"
    assert "a.tif" in source.status.failures


def test_assets_of_two_bodies_are_no_mosaic(tmp_path):
    square(tmp_path, "a.tif", 1, (0, 0, 5, 5), crs="IAU_2015:49900")
    with pytest.raises(SourceFailed, match="another body"):
        opened(write_mosaic(tmp_path / "mosaic.json", ["a.tif"], zoom=3))
    square(tmp_path, "b.tif", 1, (0, 0, 5, 5))
    source = opened(write_mosaic(tmp_path / "mosaic.json", ["b.tif", "a.tif"], zoom=3))
    grid = grid_of("EPSG:4326", (0, 0, 8, 5), 8, 5)
    assert read_all(source, grid).missing == ("a.tif",)


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
        read_all(opened(DEMO / "mars" / "mosaic.json", MosaicMethod(name)), grid)
        for name in ("first", "last", "lowest", "highest")
    )
    assert first.valid.any()
    for other in (last, lowest, highest):
        assert (other.valid == first.valid).all()
        assert (other.values == first.values).all()


def test_the_mosaic_of_mars_has_no_gap():
    world = grid_of("IAU_2015:49900", (-180, -89.9, 180, 89.9), 720, 360)
    assert read_all(opened(DEMO / "mars" / "mosaic.json"), world).is_full


# Extent, grid, revision


def test_the_grid_of_a_mosaic_is_in_line_with_its_assets_cells(three):
    grid = opened(three).grid
    assert grid.bbox.bounds == (0, 0, 15, 20)
    assert grid.shape == (20, 15)
    mars = opened(DEMO / "mars" / "mosaic.json").grid
    assert (mars.width, mars.bbox.xmin, mars.bbox.xmax) == (2880, -180.0625, 179.9375)


def test_an_extent_past_the_antimeridian_stays_narrow(tmp_path):
    square(tmp_path, "a.tif", 1, (170, 0, 180, 5))
    square(tmp_path, "b.tif", 2, (-180, 0, -175, 5))
    source = opened(write_mosaic(tmp_path / "mosaic.json", ["a.tif", "b.tif"], zoom=3, box=(170, 0, -175, 5)))
    assert [b.bounds for b in source.footprint.bboxes] == [(170, 0, 180, 5), (-180, 0, -175, 5)]
    assert source.grid.shape == (5, 15)
    assert read_all(source, source.grid).is_full
    for west in (-190, 170):
        assert read_all(source, grid_of("EPSG:4326", (west, 0, west + 15, 5), 15, 5)).is_full


def test_the_extent_of_many_assets_is_that_of_the_document_too(tmp_path):
    for name, west in (("a.tif", 0), ("b.tif", 10), ("c.tif", 20)):
        square(tmp_path, name, 1, (west, 0, west + 5, 5))
    path = write_mosaic(tmp_path / "mosaic.json", ["a.tif", "b.tif", "c.tif"], zoom=3, box=(-10, -1, 30, 6))
    assert opened(path, headers=3).footprint.bboxes[0].bounds == (0, 0, 25, 5)
    assert opened(path, headers=2).footprint.bboxes[0].bounds == (-10, -1, 30, 6)


def test_a_revision_changes_with_the_assets_on_the_grid_only(three):
    source = opened(three)
    here, there = grid_of("EPSG:4326", (0, 0, 9, 9), 4, 4), grid_of("EPSG:4326", (60, 60, 70, 70), 4, 4)
    before = [source.revision(grid) for grid in (None, here, there)]
    assert before == [opened(three).revision(grid) for grid in (None, here, there)]
    os.utime(three.parent / "a.tif", ns=(1, 1))
    forget_revisions()
    after = [source.revision(grid) for grid in (None, here, there)]
    assert [one == other for one, other in zip(before, after, strict=True)] == [False, False, True]


def test_a_revision_does_not_depend_on_what_has_been_read(three):
    source = opened(three)
    grid = grid_of("EPSG:4326", (0, 0, 3, 3), 4, 4)
    before = source.revision(grid)
    read_all(source, grid_of("EPSG:4326", (0, 0, 15, 20), 15, 20))
    assert source.revision(grid) == before


def test_an_asset_that_changes_its_place_is_found_there(tmp_path):
    square(tmp_path, "a.tif", 1, (0, 0, 5, 5))
    square(tmp_path, "b.tif", 2, (5, 0, 10, 5))
    source = opened(write_mosaic(tmp_path / "mosaic.json", ["a.tif", "b.tif"], zoom=3))
    grid = grid_of("EPSG:4326", (0, 0, 20, 5), 20, 5)
    assert read_all(source, grid).valid[0, 0].tolist() == [True] * 10 + [False] * 10
    square(tmp_path, "b.tif", 2, (15, 0, 20, 5))
    forget_revisions()
    assert read_all(source, grid).valid[0, 0].tolist() == [True] * 5 + [False] * 10 + [True] * 5


def test_where_no_asset_may_be_nothing_meets(three):
    source = opened(three)
    assert source.meets(grid_of("EPSG:4326", (0, 0, 9, 9), 4, 4))
    assert not source.meets(grid_of("EPSG:4326", (60, 60, 70, 70), 4, 4))


def test_numbers_are_shaped_by_the_method_alone():
    assert set(overlay._STACKS) == set(MosaicMethod)


def test_fields_of_a_selection_are_the_mosaics(three):
    source = opened(three, MosaicMethod.COUNT)
    raster = source.read(replace(source.grid, width=3, height=3), Selection(fields=("b1",)))
    assert raster.fields == source.fields
    assert raster.values.dtype == "uint16"
