import time

import numpy as np
import pytest
import rasterio
from hypothesis import given, settings
from hypothesis import strategies as st
from rasterio import enums
from rasterio.warp import reproject

from ogcapi.model.crs import parse_crs
from ogcapi.model.raster import Resampling
from ogcapi.pixels import warp as warping
from ogcapi.pixels.resampling import KERNELS
from ogcapi.pixels.warp import Geometry, Window, carried, steps, warp
from tests.data import grid_of, numbered

METHODS = list(Resampling)
EXACT = pytest.mark.parametrize("method", METHODS)


class Stored:
    """A raster in memory that notes which windows are read of it."""

    def __init__(self, values, bounds=None, crs="EPSG:4326", valid=None, transform=None):
        self.values = values[None] if values.ndim == 2 else values
        self.valid = np.ones(self.values.shape, bool) if valid is None else np.broadcast_to(valid, self.values.shape)
        height, width = self.values.shape[1:]
        if transform is None:
            xmin, ymin, xmax, ymax = bounds
            transform = ((xmax - xmin) / width, 0.0, xmin, 0.0, -(ymax - ymin) / height, ymax)
        self.geometry = Geometry(crs=parse_crs(crs), width=width, height=height, transform=transform)
        self.windows = []

    def read(self, window: Window):
        assert 0 <= window.left < window.right <= self.geometry.width
        assert 0 <= window.top < window.bottom <= self.geometry.height
        self.windows.append(window)
        part = np.s_[:, window.top : window.bottom, window.left : window.right]
        return self.values[part], self.valid[part]

    def on(self, grid, method=Resampling.NEAREST, rows=None):
        return warp(grid, self.geometry, self.read, len(self.values), self.values.dtype.name, method, rows)


def noise(height, width, dtype="float64", seed=7):
    return (np.random.default_rng(seed).random((height, width)) * 200).astype(dtype)


def holes(height, width, share=0.2, seed=3):
    return np.random.default_rng(seed).random((height, width)) >= share


small = st.integers(1, 12)


@given(height=small, width=small, top=small, left=small, rows=small, cols=small)
def test_on_cells_that_coincide_nearest_is_indexing(height, width, top, left, rows, cols):
    stored = Stored(numbered(12, 12), (10, 20, 22, 32), valid=holes(12, 12))
    top, left = min(top, 11), min(left, 11)
    rows, cols = min(rows, 12 - top), min(cols, 12 - left)
    values, valid = stored.on(
        grid_of("EPSG:4326", (10 + left, 32 - top - rows, 10 + left + cols, 32 - top), cols, rows)
    )
    there = np.s_[0, top : top + rows, left : left + cols]
    assert (valid[0] == stored.valid[there]).all()
    assert (values[0] == np.where(stored.valid[there], stored.values[there], 0)).all()


@EXACT
def test_on_cells_that_coincide_every_method_gives_the_stored_values(method):
    stored = Stored(noise(20, 30, "float32"), (100.1, 20.3, 130.7, 40.9), valid=holes(20, 30))
    values, valid = stored.on(grid_of("EPSG:4326", (100.1, 20.3, 130.7, 40.9), 30, 20), method)
    assert (valid == stored.valid).all()
    assert (values[valid] == stored.values[valid]).all()


@EXACT
@settings(max_examples=20, deadline=None)
@given(data=st.data())
def test_a_read_in_many_small_parts_equals_one_at_once(method, data):
    bounds = (
        tuple(sorted(data.draw(st.tuples(*[st.floats(-250, 250)] * 2)))),
        tuple(sorted(data.draw(st.tuples(*[st.floats(-88, 88)] * 2)))),
    )
    (xmin, xmax), (ymin, ymax) = bounds
    asked = grid_of("EPSG:4326", (xmin, ymin, xmax + 1e-3, ymax + 1e-3), data.draw(small) + 5, data.draw(small) + 5)
    stored = Stored(noise(18, 36), (-180, -90, 180, 90), valid=holes(18, 36))
    whole = stored.on(asked, method)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(warping, "_WINDOW_CELLS", 7)
        patch.setattr(warping, "_TAPS", 50)
        patch.setattr(warping, "_PART", 3)
        parts = stored.on(asked, method)
    assert (whole[1] == parts[1]).all()
    assert (whole[0] == parts[0]).all()


@EXACT
def test_rows_read_apart_are_the_rows_of_the_whole(method):
    stored = Stored(noise(30, 60), (-180, -90, 180, 90), valid=holes(30, 60))
    asked = grid_of("EPSG:3857", (-2e7, -1e7, 1e7, 2e7), 40, 33)
    whole = stored.on(asked, method)
    for rows in (range(11), range(11, 33)):
        values, valid = stored.on(asked, method, rows)
        assert (values == whole[0][:, rows.start : rows.stop]).all()
        assert (valid == whole[1][:, rows.start : rows.stop]).all()


@EXACT
def test_two_halves_are_the_whole(method):
    stored = Stored(noise(30, 60), (-180, -90, 180, 90), valid=holes(30, 60))
    whole = stored.on(grid_of("EPSG:4326", (100, -32, 228, 32), 64, 32), method)
    halves = [stored.on(grid_of("EPSG:4326", (x, -32, x + 64, 32), 32, 32), method) for x in (100, 164)]
    assert (np.concatenate([half[1] for half in halves], axis=2) == whole[1]).all()
    assert np.concatenate([half[0] for half in halves], axis=2) == pytest.approx(whole[0], rel=1e-12)


@EXACT
@given(turns=st.integers(-3, 3), columns=st.integers(0, 35))
@settings(max_examples=20, deadline=None)
def test_a_raster_around_the_body_may_start_at_any_meridian(method, turns, columns):
    values, valid = noise(18, 36), holes(18, 36)
    west = turns * 360 + columns * 10 - 180
    rolled = Stored(
        np.roll(values, -columns, axis=1), (west, -90, west + 360, 90), valid=np.roll(valid, -columns, axis=1)
    )
    asked = grid_of("EPSG:3857", (-2e7, -1.5e7, 2e7, 1.5e7), 21, 19)
    one, other = Stored(values, (-180, -90, 180, 90), valid=valid).on(asked, method), rolled.on(asked, method)
    assert (one[1] == other[1]).all()
    assert other[0] == pytest.approx(one[0], rel=1e-9)


@given(turns=st.integers(-3, 3), west=st.floats(-180, 180))
def test_a_grid_whole_turns_away_gets_the_same_cells(turns, west):
    stored = Stored(numbered(20, 20), (170, -10, 190, 10))
    near = stored.on(grid_of("EPSG:4326", (west, -5, west + 20.3, 5.1), 23, 7))
    far = stored.on(grid_of("EPSG:4326", (west + 360 * turns, -5, west + 360 * turns + 20.3, 5.1), 23, 7))
    assert (near[1] == far[1]).all()
    assert (near[0] == far[0]).all()


def test_a_raster_past_the_antimeridian_is_found_from_either_side():
    stored = Stored(numbered(20, 95), (90, -10, 185, 10))
    for west in (-182, 178):
        values, valid = stored.on(grid_of("EPSG:4326", (west, -10, west + 10, 10), 10, 20))
        assert valid[0].sum(axis=1).tolist() == [7] * 20
        assert values[0, 0, :7].tolist() == [88, 89, 90, 91, 92, 93, 94]


def test_a_raster_wider_than_a_turn_is_read_from_its_middle():
    values = np.tile(numbered(4, 36), (1, 2))[:, :40]
    stored = Stored(values, (-180, -20, 220, 20))
    asked = grid_of("EPSG:4326", (-180, -20, 180, 20), 36, 4)
    got, valid = stored.on(asked)
    assert valid.all()
    assert (got[0] == numbered(4, 36)).all()


@EXACT
def test_neighbours_around_the_body_count(method):
    stored = Stored(np.full((18, 36), 5.0), (-180, -90, 180, 90))
    values, valid = stored.on(grid_of("EPSG:4326", (175, -85, 185, 85), 13, 40), method)
    assert valid.all()
    assert values == pytest.approx(5.0)


@EXACT
def test_all_methods_are_valid_where_nearest_is(method):
    stored = Stored(noise(40, 40, "int16"), (400000, 4500000, 440000, 4540000), "EPSG:32618", holes(40, 40))
    asked = grid_of("EPSG:3857", (-8480000, 4940000, -8440000, 4990000), 50, 50)
    assert (stored.on(asked, method)[1] == stored.on(asked)[1]).all()


@pytest.mark.parametrize("method", [m for m in METHODS if m not in {Resampling.CUBIC, Resampling.LANCZOS}])
@pytest.mark.parametrize("size", [3, 17, 90])
def test_these_methods_stay_within_the_stored_values(method, size):
    stored = Stored(noise(40, 40), (0, 0, 40, 40), valid=holes(40, 40))
    values, valid = stored.on(grid_of("EPSG:4326", (-3, -3, 43, 43), size, size), method)
    own = stored.values[stored.valid]
    assert valid.any()
    assert (values[valid] >= own.min() - 1e-9).all()
    assert (values[valid] <= own.max() + 1e-9).all()


@EXACT
def test_values_that_are_not_valid_never_show(method):
    values, valid = np.full((20, 20), 10.0), holes(20, 20, 0.4)
    values[~valid] = 1e30
    stored = Stored(values, (0, 0, 20, 20), valid=valid)
    for size in (7, 20, 53):
        got, known = stored.on(grid_of("EPSG:4326", (0.3, 0.3, 19.9, 19.9), size, size), method)
        assert got[known] == pytest.approx(10.0)


@pytest.mark.parametrize("factor", [2, 3, 8])
def test_average_is_the_mean_of_the_valid_cells_beneath(factor):
    values, valid = noise(48, 48), holes(48, 48)
    got, known = Stored(values, (0, 0, 48, 48), valid=valid).on(
        grid_of("EPSG:4326", (0, 0, 48, 48), 48 // factor, 48 // factor), Resampling.AVERAGE
    )
    blocks, is_valid = (
        of.reshape(48 // factor, factor, 48 // factor, factor).swapaxes(1, 2).reshape(48 // factor, 48 // factor, -1)
        for of in (values, valid)
    )
    mean = (blocks * is_valid).sum(axis=2) / np.maximum(is_valid.sum(axis=2), 1)
    assert got[0][known[0]] == pytest.approx(mean[known[0]])


def test_mode_is_the_value_most_cells_beneath_have_and_of_equals_the_least():
    values = np.random.default_rng(5).integers(0, 4, (30, 30)).astype("uint8")
    got, known = Stored(values, (0, 0, 30, 30)).on(grid_of("EPSG:4326", (0, 0, 30, 30), 10, 10), Resampling.MODE)
    assert known.all()
    for row, col in np.ndindex(10, 10):
        block = values[3 * row : 3 * row + 3, 3 * col : 3 * col + 3]
        assert got[0, row, col] == np.bincount(block.ravel()).argmax()


@pytest.mark.parametrize("dtype", ["uint8", "int16", "uint64", "int64"])
def test_means_of_whole_numbers_are_rounded_and_stay_in_range(dtype):
    limits = np.iinfo(dtype)
    values = np.full((20, 20), limits.max, dtype)
    values[::3, ::2] = limits.min
    got, known = Stored(values, (0, 0, 20, 20)).on(grid_of("EPSG:4326", (0, 0, 20, 20), 47, 47), Resampling.CUBIC)
    assert got.dtype == dtype
    assert known.all()
    assert (got == limits.min).any()  # a lobe below the least value is cut


@pytest.mark.parametrize(
    ("method", "theirs"),
    [
        (Resampling.BILINEAR, enums.Resampling.bilinear),
        (Resampling.CUBIC, enums.Resampling.cubic),
        (Resampling.LANCZOS, enums.Resampling.lanczos),
    ],
)
def test_interpolation_is_gdals_where_all_cells_are_valid(method, theirs):
    stored = Stored(noise(60, 60), (500000, 4000000, 506000, 4006000), "EPSG:32618")
    asked = grid_of("EPSG:32618", (501013, 4001017, 505000, 4005000), 111, 97)
    got, _ = stored.on(asked, method)
    expected = np.zeros((97, 111))
    reproject(
        stored.values[0],
        expected,
        src_transform=rasterio.Affine(*stored.geometry.transform),
        dst_transform=rasterio.Affine(*asked.transform),
        src_crs="EPSG:32618",
        dst_crs="EPSG:32618",
        resampling=theirs,
        tolerance=0,
    )
    assert got[0] == pytest.approx(expected, abs=0.01)


@pytest.mark.parametrize(
    ("crs", "bounds"),
    [
        ("EPSG:3857", (-8480000, 4940000, -8440000, 4990000)),
        ("EPSG:4326", (-76.2, 40.6, -75.8, 40.9)),
        ("EPSG:2263", (480000, 100000, 620000, 220000)),
    ],
)
def test_nearest_is_gdals_at_middle_latitudes(crs, bounds):
    stored = Stored(numbered(400, 400, "float64"), (400000, 4480000, 440000, 4540000), "EPSG:32618")
    asked = grid_of(crs, bounds, 150, 140)
    got, valid = stored.on(asked)
    expected = np.full(asked.shape, -1.0)
    reproject(
        stored.values[0],
        expected,
        src_transform=rasterio.Affine(*stored.geometry.transform),
        dst_transform=rasterio.Affine(*asked.transform),
        src_crs="EPSG:32618",
        dst_crs=crs,
        dst_nodata=-1,
        resampling=enums.Resampling.nearest,
    )
    position = carried(asked, stored.geometry, *np.meshgrid(*asked.centres()))
    inner = np.all(
        [np.abs(axis % 1 - 0.5) < 0.5 - 0.13 for axis in position], axis=0
    )  # GDAL is an eighth of a cell off
    assert valid[0][inner].any()
    assert (np.where(valid[0], got[0], -1) == expected)[inner].all()


def test_a_rotated_raster_is_read_through_its_own_axes():
    turned = rasterio.Affine.translation(30, 50) @ rasterio.Affine.rotation(30) @ rasterio.Affine.scale(1, -1)
    stored = Stored(numbered(10, 14), transform=tuple(turned)[:6])
    asked = grid_of("EPSG:4326", (20, 35, 45, 60), 60, 60)
    values, valid = stored.on(asked)
    xs, ys = asked.centres()
    for row, col in np.ndindex(*asked.shape):
        there_col, there_row = (int(np.floor(at)) for at in ~turned @ (xs[col], ys[row]))
        inside = 0 <= there_col < 14 and 0 <= there_row < 10
        assert valid[0, row, col] == inside
        assert not inside or values[0, row, col] == there_row * 1000 + there_col


def test_a_raster_upside_down_is_read_the_right_way():
    values = numbered(10, 14)
    stored = Stored(values, transform=(1.0, 0.0, 5.0, 0.0, 1.0, 20.0))
    got, valid = stored.on(grid_of("EPSG:4326", (5, 20, 19, 30), 14, 10))
    assert valid.all()
    assert (got[0] == values[::-1]).all()


def test_latitudes_beyond_a_pole_are_not_valid():
    stored = Stored(numbered(18, 36), (-180, -91, 180, 91))
    _, valid = stored.on(grid_of("EPSG:4326", (0, 80, 10, 100), 10, 40))
    assert valid[0].any(axis=1).tolist() == [False] * 20 + [True] * 20


def test_a_centre_on_a_border_belongs_to_the_cell_after_it_whatever_the_rounding():
    stored = Stored(numbered(100, 100), (0.1, 0.1, 10.1, 10.1))
    for shift in (-1e-9, 0, 1e-9):
        bounds = (0.15 + shift, 0.15 - shift, 10.05 + shift, 10.05 - shift)  # centres on the borders
        values, _ = stored.on(grid_of("EPSG:4326", bounds, 99, 99))
        assert (values[0] == numbered(100, 100)[1:, 1:]).all()


def test_memory_stays_bounded_where_few_cells_spread_over_a_large_raster():
    size = 200_000

    class Endless:
        largest = 0

        def read(self, window):
            self.largest = max(self.largest, window.count)
            rows, cols = np.arange(window.top, window.bottom), np.arange(window.left, window.right)
            values = (rows[:, None] * size + cols).astype("float64")[None]
            return values, np.ones(values.shape, bool)

    geometry = Geometry(crs=parse_crs("EPSG:32618"), width=size, height=size, transform=(1, 0, 0, 0, -1, size))
    asked = grid_of("EPSG:32618", (0, 0, size, size), 4, 4)
    for method in Resampling:
        endless = Endless()
        values, valid = warp(asked, geometry, endless.read, 1, "float64", method)
        assert valid.all()
        assert endless.largest <= warping._WINDOW_CELLS
        if method is Resampling.NEAREST:
            assert values[0, 2, 3] == 125_000 * size + 175_000


def test_steps_are_the_shortest_way_between_cells():
    geometry = Stored(noise(180, 360), (-180, -90, 180, 90)).geometry
    assert steps(grid_of("EPSG:4326", (0, 0, 40, 20), 10, 10), geometry) == pytest.approx(2)
    assert steps(grid_of("EPSG:4326", (170, 0, 210, 20), 40, 10), geometry) == pytest.approx(1)


def test_steps_over_a_pole_are_those_along_the_meridians():
    geometry = Stored(noise(180, 360), (-180, -90, 180, 90)).geometry
    polar = grid_of("EPSG:3413", (-1e6, -1e6, 1e6, 1e6), 100, 100)
    assert 0.05 < steps(polar, geometry) < 0.2  # 20 km are 0.18 degrees


def test_a_grid_that_lies_nowhere_in_the_rasters_system_is_empty():
    stored = Stored(noise(20, 20), (0, 0, 20, 20))
    ortho = grid_of("+proj=ortho +lat_0=0 +lon_0=180 +type=crs", (-6e6, -6e6, 6e6, 6e6), 16, 16)
    _, valid = stored.on(ortho)
    assert not valid.any()
    beyond = grid_of("+proj=ortho +lat_0=10 +lon_0=10 +type=crs", (7e6, 7e6, 8e6, 8e6), 16, 16)
    assert not stored.on(beyond)[1].any()
    assert steps(beyond, stored.geometry) == 0


def test_every_method_but_nearest_has_a_kernel():
    assert set(KERNELS) == set(Resampling) - {Resampling.NEAREST}


# What a read costs


@pytest.mark.parametrize("shape", [(1, 1_000_000), (1_000_000, 1)], ids=["one row", "one column"])
@pytest.mark.parametrize("method", [Resampling.NEAREST, Resampling.BILINEAR])
def test_a_million_cells_in_one_line_cost_no_more_than_in_a_square(shape, method):
    stored = Stored(noise(50, 50), (0, 0, 10, 10))
    height, width = shape
    began = time.process_time()
    values, valid = stored.on(grid_of("EPSG:4326", (0, 0, 10, 10), width, height), method)
    assert time.process_time() - began < 15  # each cell once; a whole line for each part of it takes minutes
    assert valid.all()
    assert np.unique(values).size >= 50


@given(lines=st.integers(1, 9), count=st.integers(1, 4), across=st.booleans())
def test_the_parts_of_a_narrow_grid_are_its_whole(lines, count, across):
    stored = Stored(numbered(12, 12), (0, 0, 12, 12))
    height, width = (count, lines) if across else (lines, count)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(warping, "_PART", 2)
        values, valid = stored.on(grid_of("EPSG:4326", (0, 12 - height, width, 12), width, height))
    assert valid.all()
    assert (values[0] == numbered(12, 12)[:height, :width]).all()
