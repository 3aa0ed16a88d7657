from math import asinh, pi, radians, tan

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ogcapi.model.crs import parse_crs, transformation
from ogcapi.model.raster import Resampling
from ogcapi.pixels import warp
from ogcapi.pixels.control import PART, bounds, control, parts, steps
from ogcapi.pixels.gather import Piece, fill, need
from ogcapi.pixels.warp import Geometry
from tests.data import grid_of

EARTH = 20037508.342789244
MARS = 3396190 * pi


def stored(crs, bounds, width, height):
    xmin, ymin, xmax, ymax = bounds
    transform = ((xmax - xmin) / width, 0.0, xmin, 0.0, -(ymax - ymin) / height, ymax)
    return Geometry(crs=parse_crs(crs), width=width, height=height, transform=transform)


def mercator(zoom, col, row, size=256):
    side = 2 * EARTH / 2**zoom
    left, top = -EARTH + col * side, EARTH - row * side
    return grid_of("EPSG:3857", (left, top - side, left + side, top), size, size)


def mercator_at(lon, lat, zoom, size=256):
    row = (1 - asinh(tan(radians(lat))) / pi) / 2 * 2**zoom
    return mercator(zoom, int((lon + 180) / 360 * 2**zoom), int(row), size)


UTM = stored("EPSG:32631", (300000, 5590200, 409800, 5700000), 10980, 10980)
WORLD = stored("EPSG:4326", (-180, -90, 180, 90), 3600, 1800)
MARS_WORLD = stored("IAU_2015:49900", (-180, -90, 180, 90), 5760, 2880)
MARS_ACROSS = stored("IAU_2015:49900", (170, -60, 190, 89), 1000, 7450)
PLANETARY = {
    "mars to equidistant": ("IAU_2015:49910", (-MARS, -MARS / 2, MARS, MARS / 2)),
    "mars to mercator": ("IAU_2015:49990", (-MARS, -MARS, MARS, MARS)),
    "mars to north": ("IAU_2015:49930", (-2e6, -2e6, 2e6, 2e6)),
    "mars to south": ("IAU_2015:49935", (-1e6, -1e6, 1e6, 1e6)),
    "mars to north, near": ("IAU_2015:49930", (-5e4, -3e4, 3e4, 5e4)),
}
CASES = {
    **{f"utm to mercator {zoom}": (mercator_at(0.9, 51, zoom), UTM) for zoom in (4, 8, 10, 11, 12, 13, 14)},
    **{f"degrees to mercator {zoom}": (mercator(zoom, 0, 0), WORLD) for zoom in range(6)},
    "degrees to mercator, beyond the antimeridian": (grid_of("EPSG:3857", (1.9e7, 0, 2.3e7, 4e6), 256, 256), WORLD),
    **{name: (grid_of(*of, 256, 256), MARS_WORLD) for name, of in PLANETARY.items()},
    **{f"{name}, across the antimeridian": (grid_of(*of, 256, 256), MARS_ACROSS) for name, of in PLANETARY.items()},
    "mars equidistant to north": (
        grid_of("IAU_2015:49930", (-1e6, -1e6, 1e6, 1e6), 256, 256),
        stored("IAU_2015:49910", (-MARS, -MARS / 2, MARS, MARS / 2), 5760, 2880),
    ),
    "degrees to laea": (grid_of("EPSG:3035", (2e6, 1e6, 7e6, 6e6), 256, 256), WORLD),
    "utm to laea": (grid_of("EPSG:3035", (3.70e6, 3.10e6, 3.80e6, 3.2e6), 256, 256), UTM),
    "degrees to ups": (grid_of("EPSG:32661", (0, 0, 4e6, 4e6), 256, 256), WORLD),
    "degrees to ups, far from the pole": (grid_of("EPSG:32661", (3e6, 3e6, 3.4e6, 3.4e6), 256, 256), WORLD),
    "ups to mercator": (mercator_at(20, 80, 5), stored("EPSG:32661", (0, 0, 4e6, 4e6), 2000, 2000)),
    "datum to datum": (
        grid_of("EPSG:4267", (-100, 30, -90, 40), 300, 200),
        stored("EPSG:4326", (-101, 29, -89, 41), 4000, 4000),
    ),
    "same": (grid_of("EPSG:4326", (10.03, 10.01, 35.63, 35.61), 256, 256), WORLD),
    "beyond a turn": (grid_of("EPSG:4326", (-500, -95, 500, 95), 300, 100), WORLD),
    "half of it nowhere": (
        grid_of("+proj=ortho +lat_0=10 +lon_0=170 +type=crs", (-7e6, -7e6, 7e6, 7e6), 256, 256),
        WORLD,
    ),
}
EVERY = pytest.mark.parametrize(("grid", "geometry"), CASES.values(), ids=CASES)


def positions(grid, geometry):
    return warp.carried(grid, geometry, *np.meshgrid(*grid.centres()))


def cells(grid, geometry):
    """(row, col) of the stored cell under each centre; -1 where there is none: by PROJ for each cell."""
    col, row = (np.floor(axis + warp.BORDER) for axis in positions(grid, geometry))
    if geometry.is_cyclic:
        col %= geometry.width
    with np.errstate(invalid="ignore"):
        inside = (row >= 0) & (row < geometry.height) & (col >= 0) & (col < geometry.width)
    return np.where(inside, row, -1).astype(int), np.where(inside, col, -1).astype(int)


def found(grid, geometry, rows=None, cols=None):
    """The same by control points, from rasters that say which cell is which."""
    made = control(grid, geometry, rows, cols)
    shape = len(made.rows), len(made.cols)
    values, valid = np.zeros((2, *shape), np.uint32), np.zeros((2, *shape), bool)
    needed = need(made, Resampling.NEAREST, (500, 500))
    for top, left in [] if needed is None else (needed.blocks * 500).tolist():
        height, width = min(500, geometry.height - top), min(500, geometry.width - left)
        numbers = np.stack(np.mgrid[top : top + height, left : left + width], axis=2).astype(np.uint32)
        fill(made, Piece(values=numbers, top=top, left=left), Resampling.NEAREST, values, valid)
    return tuple(np.where(valid[field], values[field].astype(int), -1) for field in range(2))


@EVERY
def test_cells_are_those_that_exact_positions_give_but_for_centres_at_borders(grid, geometry):
    expected, got = cells(grid, geometry), found(grid, geometry)
    differs = (expected[0] != got[0]) | (expected[1] != got[1])
    assert differs.mean() <= 1e-4
    col, row = (axis[differs] for axis in positions(grid, geometry))
    assert (np.minimum(np.abs(col - np.round(col)), np.abs(row - np.round(row))) < 1e-3).all()


@EVERY
def test_steps_are_the_exact_ones(grid, geometry):
    assert steps(grid, geometry) == pytest.approx(warp.steps(grid, geometry), rel=1e-5, abs=1e-12)


@pytest.mark.parametrize("zoom", range(6, 16))
def test_steps_of_tiles_over_a_utm_zone_are_the_exact_ones(zoom):
    grid = mercator_at(1.3, 50.9, zoom)
    assert steps(grid, UTM) == pytest.approx(warp.steps(grid, UTM), rel=1e-6)


@EVERY
def test_a_part_has_the_cells_that_it_has_in_the_whole(grid, geometry):
    whole = found(grid, geometry)
    rows, cols = range(37, 90), range(100, 171)
    part = found(grid, geometry, rows, cols)
    differs = [
        np.asarray(one != of[rows.start : rows.stop, cols.start : cols.stop])
        for one, of in zip(part, whole, strict=True)
    ]
    assert np.logical_or(*differs).mean() <= 1e-4


@EVERY
def test_two_tiles_have_the_cells_of_one_that_is_as_wide_as_both(grid, geometry):
    half = grid.width // 64 * 32
    left, right = (found(grid, geometry, cols=cols) for cols in (range(half), range(half, grid.width)))
    whole = found(grid, geometry)
    for one, other, both in zip(left, right, whole, strict=True):
        assert (np.concatenate((one, other), axis=1) != both).mean() <= 1e-4


@EVERY
def test_the_blocks_that_are_needed_are_those_under_the_centres(grid, geometry):
    row, col = found(grid, geometry)
    needed = need(control(grid, geometry), Resampling.NEAREST, (37, 53))
    there = row >= 0
    expected = {*zip((row[there] // 53).tolist(), (col[there] // 37).tolist(), strict=True)}
    got = set() if needed is None else {*map(tuple, needed.blocks.tolist())}
    assert got == expected
    if needed is not None:
        assert needed.window.top <= row[there].min() <= row[there].max() < needed.window.bottom
        inside = (col[there] - needed.window.left) % geometry.width < needed.window.shape[1]
        assert inside.all()


def test_only_cells_that_are_not_valid_yet_need_blocks():
    grid, made = CASES["utm to mercator 12"][0], control(*CASES["utm to mercator 12"])
    valid = np.ones((2, 300, 300), bool)
    assert need(made, Resampling.NEAREST, (64, 64), valid, (20, 30)) is None
    valid[1, 20 + 100, 30 + 50] = False
    row, col = (int(axis[100, 50]) for axis in cells(grid, UTM))
    needed = need(made, Resampling.NEAREST, (64, 64), valid, (20, 30))
    assert needed.blocks.tolist() == [[row // 64, col // 64]]
    assert needed.window.left <= col < needed.window.right
    assert needed.window.top <= row < needed.window.bottom


def test_a_window_around_the_body_is_the_short_one():
    grid = grid_of("EPSG:3857", (EARTH - 1e6, 0, EARTH + 1e6, 1e6), 256, 128)
    window = need(control(grid, WORLD), Resampling.NEAREST, (512, 512)).window
    assert 3500 < window.left < 3600 < window.right < 3700


@given(top=st.integers(0, 40), left=st.integers(0, 40), rows=st.integers(1, 90), cols=st.integers(1, 90))
def test_cells_that_coincide_are_a_slice(top, left, rows, cols):
    geometry = stored("EPSG:32631", (300000.1, 5590200.3, 300000.1 + 130 * 9.7, 5590200.3 + 130 * 9.7), 130, 130)
    xmin, ymax = 300000.1 + left * 9.7, 5590200.3 + (130 - top) * 9.7
    grid = grid_of("EPSG:32631", (xmin, ymax - rows * 9.7, xmin + cols * 9.7, ymax), cols, rows)
    assert control(grid, geometry).aligned == (top, left)
    beside = grid_of("EPSG:32631", (xmin + 0.01, ymax - rows * 9.7, xmin + 0.01 + cols * 9.7, ymax), cols, rows)
    assert control(beside, geometry).aligned is None


def test_where_nothing_of_the_raster_lies_there_is_nothing_to_do():
    for grid in (mercator_at(100, 51, 12), mercator_at(0.9, -51, 12), mercator_at(0.9, 51, 0)):
        made = control(grid, UTM)
        assert made.is_empty == (need(made, Resampling.NEAREST, (512, 512)) is None)


@given(height=st.integers(1, 1300), width=st.integers(1, 1300), data=st.data())
def test_parts_are_the_whole(height, width, data):
    grid = grid_of("EPSG:4326", (0, 0, 1, 1), width, height)
    first = data.draw(st.integers(0, height - 1))
    rows = range(first, data.draw(st.integers(first + 1, height)))
    covered = np.zeros(grid.shape, int)
    for part_rows, part_cols in parts(grid, rows):
        assert max(len(part_rows), len(part_cols)) <= PART
        covered[part_rows.start : part_rows.stop, part_cols.start : part_cols.stop] += 1
    assert (covered[rows.start : rows.stop] == 1).all()
    assert covered.sum() == len(rows) * width


@settings(max_examples=60, deadline=None)
@given(
    lon=st.floats(-180, 180), lat=st.floats(-84, 84), zoom=st.integers(0, 12), size=st.sampled_from([1, 17, 64, 200])
)
@pytest.mark.parametrize("geometry", [WORLD, MARS_ACROSS, UTM], ids=["world", "mars", "utm"])
def test_every_tile_has_the_exact_cells(geometry, lon, lat, zoom, size):
    grid = mercator_at(lon, lat, zoom, size)
    if geometry is MARS_ACROSS:
        grid = grid_of("IAU_2015:49990", [of * MARS / EARTH for of in grid.bbox.bounds], size, size)
    expected, got = cells(grid, geometry), found(grid, geometry)
    assert np.logical_or(expected[0] != got[0], expected[1] != got[1]).mean() <= 2e-4


@given(
    st.sampled_from(["EPSG:32631", "EPSG:3035", "EPSG:32661", "EPSG:27700"]),
    st.tuples(st.floats(-20, 25), st.floats(30, 80)),
    st.floats(2, 16),
    st.tuples(st.integers(1, PART), st.integers(1, PART)),
)
def test_bounds_hold_every_cell_and_little_more(crs, place, zoom, shape):
    grid = mercator_at(*place, 16)
    reach, (height, width) = EARTH / 2**zoom, shape
    x, y = grid.bbox.xmin, grid.bbox.ymax
    grid = grid_of("EPSG:3857", (x, y - reach * height / 256, x + reach * width / 256, y), width, height)
    found = bounds(grid, parse_crs(crs))
    if found is None:
        return
    xmin, ymin, xmax, ymax = found
    edges = [np.arange(0, count + 0.25, 0.5) for count in (width, height)]
    x, y = np.meshgrid(x + edges[0] * grid.cell_width, y - edges[1] * grid.cell_height)
    x, y = transformation(grid.crs, parse_crs(crs))(x, y)
    assert xmin <= x.min() <= x.max() <= xmax
    assert ymin <= y.min() <= y.max() <= ymax
    if min(shape) >= 64:
        assert xmax - xmin <= 1.1 * (x.max() - x.min())
        assert ymax - ymin <= 1.1 * (y.max() - y.min())


def test_bounds_are_told_of_common_tiles_and_not_where_meridians_come_again():
    assert bounds(mercator_at(0.9, 51, 12), UTM.crs) is not None
    assert bounds(mercator(3, 0, 0), WORLD.crs) is None


@pytest.mark.parametrize("side", [0.1, 0.3, 0.7, 1 / 3, 10 / 3, 30.1])
def test_a_cell_whose_centre_is_on_the_edge_of_a_block_has_the_block_that_it_is_read_from(side):
    crs, missing = parse_crs("EPSG:32633"), 0
    for left in np.random.default_rng(1).uniform(3e5, 6e5, 20):
        geometry = Geometry(crs=crs, width=1024, height=64, transform=(side, 0, left, 0, -side, 5e6))
        first = left + (512 - 2 * 31 - 1) * side  # the last of 32 centres lies on column 512
        grid = grid_of("EPSG:32633", (first, 5e6 - 64 * side, first + 64 * side, 5e6), 32, 32)
        placed = control(grid, geometry)
        values, valid = np.zeros((1, 32, 32), "uint8"), np.zeros((1, 32, 32), bool)
        for row, col in need(placed, Resampling.NEAREST, (512, 512)).blocks:
            block = Piece(values=np.ones((64, 512, 1), "uint8"), top=int(row) * 512, left=int(col) * 512)
            fill(placed, block, Resampling.NEAREST, values, valid)
        missing += int((~valid).sum())
    assert missing == 0
