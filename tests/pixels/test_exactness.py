"""Tiles between many pairs of systems: their cells against PROJ for each cell, and their values against neighbours."""

from math import pi

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from ogcapi.model.crs import parse_crs, transformation
from ogcapi.model.raster import Resampling
from ogcapi.pixels import warp
from ogcapi.pixels.control import control, steps
from ogcapi.pixels.gather import Piece, fill, need
from ogcapi.pixels.kernels import PATCH
from ogcapi.pixels.warp import Geometry
from tests.data import grid_of

EARTH, MARS, MOON = (radius * pi for radius in (6378137, 3396190, 1737400))
SIZE = 256


def stored(crs, bounds, width, height):
    xmin, ymin, xmax, ymax = bounds
    transform = ((xmax - xmin) / width, 0.0, xmin, 0.0, -(ymax - ymin) / height, ymax)
    return Geometry(crs=parse_crs(crs), width=width, height=height, transform=transform)


def turned(crs, bounds, width, height):
    a, _, c, _, e, f = stored(crs, bounds, width, height).transform
    return Geometry(crs=parse_crs(crs), width=width, height=height, transform=(a, a / 9, c, e / 7, e, f))


RASTERS = {
    "degrees": stored("EPSG:4326", (-180, -90, 180, 90), 86400, 43200),
    "degrees from 0": stored("EPSG:4326", (0, -90, 360, 90), 3600, 1800),
    "degrees of cells' centres": stored("EPSG:4326", (-180.125, -90.125, 179.875, 90.125), 1440, 721),
    "degrees across the antimeridian": stored("EPSG:4326", (160, -20, 200, 60), 4000, 8000),
    "degrees, turned": turned("EPSG:4326", (5, 40, 25, 60), 4000, 4000),
    "nad27": stored("EPSG:4267", (-130, 20, -60, 70), 7000, 5000),
    "mercator": stored("EPSG:3857", (-EARTH, -EARTH, EARTH, EARTH), 32768, 32768),
    "utm": stored("EPSG:32633", (399960, 5090220, 509760, 5200020), 10980, 10980),
    "utm of the south": stored("EPSG:32718", (500000, 9000000, 600000, 9100000), 3334, 3334),
    "utm at the antimeridian": stored("EPSG:32660", (600000, 7000000, 820000, 7220000), 7334, 7334),
    "lambert azimuthal": stored("EPSG:3035", (2.5e6, 1.3e6, 7.5e6, 5.5e6), 5000, 4200),
    "lambert conic": stored("EPSG:2154", (1e5, 6e6, 1.3e6, 7.2e6), 12000, 12000),
    "arctic": stored("EPSG:3413", (-4e6, -4e6, 4e6, 4e6), 16000, 16000),
    "antarctic": stored("EPSG:3031", (-4e6, -4e6, 4e6, 4e6), 16000, 16000),
    "mars degrees": stored("IAU_2015:49900", (-180, -90, 180, 90), 23040, 11520),
    "mars degrees across": stored("IAU_2015:49900", (90, -2, 185, 90), 760, 736),
    "mars equidistant": stored("IAU_2015:49910", (-MARS, -MARS / 2, MARS, MARS / 2), 5760, 2880),
    "mars north": stored("IAU_2015:49930", (-2e6, -2e6, 2e6, 2e6), 8000, 8000),
    "mars south": stored("IAU_2015:49935", (-2e6, -2e6, 2e6, 2e6), 8000, 8000),
    "moon degrees": stored("IAU_2015:30100", (0, -90, 360, 90), 7200, 3600),
    "moon south": stored("IAU_2015:30135", (-9e5, -9e5, 9e5, 9e5), 6000, 6000),
}
QUADS = {
    "mercator": ("EPSG:3857", EARTH),
    "degrees": ("EPSG:4326", 180),
    "arctic": ("EPSG:3413", 4194304),
    "antarctic": ("EPSG:3031", 4194304),
    "lambert azimuthal": ("EPSG:3035", 8e6),
    "lambert at the pole": ("EPSG:3571", 9e6),
    "utm": ("EPSG:32633", 1e7),
    "mars degrees": ("IAU_2015:49900", 180),
    "mars mercator": ("IAU_2015:49990", MARS),
    "mars equidistant": ("IAU_2015:49910", MARS),
    "mars north": ("IAU_2015:49930", 2357032),
    "mars south": ("IAU_2015:49935", 2357032),
    "moon degrees": ("IAU_2015:30100", 180),
    "moon equidistant": ("IAU_2015:30110", MOON),
    "moon south": ("IAU_2015:30135", 931067),
}
BODIES = "mars", "moon"
PAIRS = [
    (raster, quad)
    for raster in RASTERS
    for quad in QUADS
    if next((body for body in BODIES if body in raster), None) == next((body for body in BODIES if body in quad), None)
]


def tile(quad, zoom, x, y):
    """The tile that holds a place, in a pyramid of squares around the origin."""
    crs, half = QUADS[quad]
    side = 2 * half / 2**zoom
    left, top = ((np.clip(of, 0, 2 * half * (1 - 1e-9)) // side) * side for of in (x + half, half - y))
    return grid_of(crs, (left - half, half - top - side, left - half + side, half - top), SIZE, SIZE)


def overview(grid, geometry):
    """The raster in cells about as large as those of the grid, as its overviews have them."""
    factor = 2 ** int(np.log2(max(1.0, min(steps(grid, geometry), geometry.width / 16, geometry.height / 16))))
    return geometry.at(-(-geometry.width // factor), -(-geometry.height // factor))


def exact(grid, geometry):
    """Columns and rows, and (row, col) of cells, -1 where in none: by PROJ for each cell."""
    col, row = warp.carried(grid, geometry, *np.meshgrid(*grid.centres()))
    at_col, at_row = np.floor(col + warp.BORDER), np.floor(row + warp.BORDER)
    if geometry.is_cyclic:
        at_col %= geometry.width
    with np.errstate(invalid="ignore"):
        inside = (at_row >= 0) & (at_row < geometry.height) & (at_col >= 0) & (at_col < geometry.width)
    return col, row, np.where(inside, at_row, -1).astype(int), np.where(inside, at_col, -1).astype(int)


def found(grid, geometry):
    """(row, col) of cells, -1 where in none, from pieces that say which cell is which."""
    made, block = control(grid, geometry), 4096
    values, valid = np.zeros((2, *grid.shape), np.uint32), np.zeros((2, *grid.shape), bool)
    needed = need(made, Resampling.NEAREST, (block, 64))
    for row, col in [] if needed is None else needed.blocks.tolist():
        top, left = row * 64, col * block
        shape = min(64, geometry.height - top), min(block, geometry.width - left)
        numbers = np.stack(np.mgrid[top : top + shape[0], left : left + shape[1]], axis=2).astype(np.uint32)
        fill(made, Piece(values=numbers, top=top, left=left), Resampling.NEAREST, values, valid)
    return (np.where(valid[field], values[field].astype(int), -1) for field in range(2))


@pytest.mark.parametrize(("raster", "quad"), PAIRS)
@settings(max_examples=2, deadline=None)
@given(zoom=st.integers(0, 14), across=st.floats(0, 1), down=st.floats(0, 1))
@example(zoom=0, across=0.5, down=0.5)
@example(zoom=3, across=0.5, down=0.0)
@example(zoom=6, across=1.0, down=0.5)
def test_tiles_have_the_cells_that_exact_positions_give(raster, quad, zoom, across, down):
    geometry = RASTERS[raster]
    a, b, c, d, e, f = geometry.transform
    col, row = across * geometry.width, down * geometry.height
    x, y = transformation(geometry.crs, parse_crs(QUADS[quad][0]))(a * col + b * row + c, d * col + e * row + f)
    grid = tile(quad, zoom, *(np.nan_to_num(of, posinf=0, neginf=0) for of in (x, y)))
    geometry = overview(grid, geometry)
    col, row, *expected = exact(grid, geometry)
    differs = np.logical_or(*(one != other for one, other in zip(expected, found(grid, geometry), strict=True)))
    assert differs.mean() <= 1e-4
    col, row = col[differs], row[differs]
    assert (np.minimum(np.abs(col - np.round(col)), np.abs(row - np.round(row))) < 1e-3).all()


def written(grid, geometry, method, dtype):
    """Values and valid (field, row, col) of a raster whose cells are noise with holes."""
    made = control(grid, geometry, corners=method is not Resampling.NEAREST)
    values, valid = np.zeros((2, *grid.shape), dtype), np.zeros((2, *grid.shape), bool)
    needed = need(made, method, (64, 64))
    if needed is not None:
        window = needed.window
        row, col = np.mgrid[window.top : window.bottom, window.left : window.right]
        noise = (row * 7919 + col % geometry.width * 104729) % 65521 % 251
        stored = np.stack((noise, np.where(noise < 9, 0, 60000 - noise)), axis=2).astype(dtype)
        fill(made, Piece(values=stored, top=window.top, left=window.left, nodata=(None, 0)), method, values, valid)
    return values, valid


def in_quarters(raster, quad, zoom, lon, lat, method, dtype):
    """Values and valid of a tile of six patches a side; and of the four that it is made of."""
    name, crs = QUADS[quad][0], parse_crs(QUADS[quad][0])
    bounds = tile(quad, zoom, *transformation(crs.geodetic, crs)(lon, lat)).bbox.bounds
    (left, bottom, right, top), (x, y) = bounds, ((bounds[0] + bounds[2]) / 2, (bounds[1] + bounds[3]) / 2)
    whole = grid_of(name, bounds, 6 * PATCH, 6 * PATCH)
    geometry = overview(whole, RASTERS[raster])
    quarters = [
        written(grid_of(name, of, 3 * PATCH, 3 * PATCH), geometry, method, dtype)
        for of in ((left, y, x, top), (x, y, right, top), (left, bottom, x, y), (x, bottom, right, y))
    ]
    return written(whole, geometry, method, dtype), [
        np.block([[[a, b], [c, d]]]) for a, b, c, d in zip(*quarters, strict=True)
    ]


METHODS = pytest.mark.parametrize("method", list(Resampling))


@METHODS
@pytest.mark.parametrize("dtype", ["uint16", "float32"])
@pytest.mark.parametrize(
    ("raster", "quad", "zoom", "lon", "lat"),
    [
        ("degrees", "arctic", 3, 10, 85),
        ("degrees", "arctic", 1, 10, 89),
        ("degrees", "lambert azimuthal", 4, 10, 52),
        ("arctic", "degrees", 5, 20, 70),
        ("mars degrees across", "mars north", 2, 170, 85),
        ("utm", "degrees", 9, 15, 46.5),
    ],
)
def test_four_tiles_are_to_the_bit_one_of_twice_their_size(raster, quad, zoom, lon, lat, method, dtype):
    whole, quarters = in_quarters(raster, quad, zoom, lon, lat, method, dtype)
    assert whole[1].any()
    assert [of.tobytes() for of in quarters] == [of.tobytes() for of in whole]


@METHODS
@pytest.mark.parametrize(
    ("raster", "quad", "zoom", "lon", "lat"),
    [
        ("utm", "mercator", 11, 15, 46.5),
        ("degrees", "mercator", 5, 179.9, 60),
        ("arctic", "mercator", 4, 40, 80),
    ],
)
def test_tiles_whose_edges_are_rounded_differ_from_their_neighbours_by_rounding_alone(
    raster, quad, zoom, lon, lat, method
):
    (values, valid), (others, known) = in_quarters(raster, quad, zoom, lon, lat, method, "float32")
    assert valid.any()
    assert (valid == known).all()
    assert np.allclose(others, values, rtol=1e-6, atol=1e-4)
