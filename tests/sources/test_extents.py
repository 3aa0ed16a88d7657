import pytest
from hypothesis import given
from hypothesis import strategies as st

from ogcapi.model.crs import parse_crs
from ogcapi.model.grid import BBox
from ogcapi.sources.extents import whole_grid
from tests.data import grid_of

LATLON = parse_crs("EPSG:4326")
UTM = parse_crs("EPSG:32618")


@given(left=st.integers(-500, 500), top=st.integers(-500, 500), width=st.integers(1, 400), height=st.integers(1, 400))
def test_a_box_of_whole_cells_stays_as_it_is(left, top, width, height):
    cell = grid_of("EPSG:32618", (400_000.25, 4_000_000.5, 400_030.25, 4_000_020.5), 3, 2)  # of 10
    box = BBox(
        xmin=400_000.25 + left * 10,
        ymin=4_000_000.5 + top * 10,
        xmax=400_000.25 + (left + width) * 10,
        ymax=4_000_000.5 + (top + height) * 10,
    )
    grid = whole_grid(box, UTM, [cell], 1.0)
    assert grid.shape == (height, width)
    assert grid.bbox.bounds == pytest.approx(box.bounds)


@given(x=st.floats(-1e5, 1e5), y=st.floats(-1e5, 1e5), width=st.floats(1, 1e4), height=st.floats(1, 1e4))
def test_any_other_box_grows_by_less_than_a_cell_a_side(x, y, width, height):
    cell = grid_of("EPSG:32618", (0, 0, 30, 20), 3, 2)
    box = BBox(xmin=x, ymin=y, xmax=x + width, ymax=y + height)
    bounds = whole_grid(box, UTM, [cell], 1.0).bbox.bounds
    for got, own, side in zip(bounds, box.bounds, (-1, -1, 1, 1), strict=True):
        assert -1e-4 <= (got - own) * side < 10 + 1e-4


def test_once_around_the_body_is_once_around():
    cell = grid_of("EPSG:4326", (-180.0625, 0, -180.0625 + 95, 90), 760, 720)
    grid = whole_grid(BBox(xmin=-180, ymin=-90, xmax=180, ymax=90), LATLON, [cell], 1.0)
    assert (grid.width, grid.bbox.xmin, grid.bbox.xmax) == (2880, -180.0625, 179.9375)


def test_the_finest_cells_count_whatever_their_system():
    coarse = grid_of("EPSG:4326", (-75, 40, -74, 41), 10, 10)
    fine = grid_of("EPSG:32618", (500_000, 4_500_000, 501_000, 4_501_000), 100, 100)  # of 10 m
    grid = whole_grid(BBox(xmin=-76, ymin=40, xmax=-74, ymax=41), LATLON, [coarse, fine], 1.0)
    assert grid.cell_height == pytest.approx(10 / 111_000, rel=0.01)


def test_without_any_grid_cells_are_as_promised():
    grid = whole_grid(BBox(xmin=0, ymin=0, xmax=10, ymax=5), UTM, [], 0.5)
    assert grid.shape == (10, 20)
