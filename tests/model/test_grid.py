"""Boxes and grids carried from one system to another."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ogcapi.model.crs import parse_crs, transformation
from ogcapi.model.grid import BBox, Footprint, Grid, carry, normal, span, text_bbox

WGS84, MERCATOR = parse_crs("EPSG:4326"), parse_crs("EPSG:3857")
MARS, MARS_NORTH = parse_crs("IAU_2015:49900"), parse_crs("IAU_2015:49930")
HALF = 20037508.342789244

longitudes = st.floats(-180, 179)
latitudes = st.floats(-85, 84)


def box(xmin: float, ymin: float, xmax: float, ymax: float) -> BBox:
    return BBox(xmin=xmin, ymin=ymin, xmax=xmax, ymax=ymax)


@st.composite
def boxes(draw: st.DrawFn) -> BBox:
    """Boxes in degrees; some reach past the antimeridian."""
    west, south = draw(longitudes), draw(latitudes)
    return box(west, south, west + draw(st.floats(0.5, 300)), min(85, south + draw(st.floats(0.5, 170))))


@pytest.mark.parametrize("numbers", [(0, 0, 0, 1), (1, 0, 0, 1), (0, 0, math.inf, 1), (0, math.nan, 1, 1)])
def test_a_box_has_an_area_and_finite_sides(numbers: tuple[float, float, float, float]) -> None:
    with pytest.raises(ValueError, match="not a box"):
        box(*numbers)


@given(boxes())
def test_boxes_in_another_system_hold_every_point_of_the_box(bbox: BBox) -> None:
    found = carry(bbox, WGS84, MERCATOR)
    lattice = np.meshgrid(np.linspace(bbox.xmin, bbox.xmax, 7), np.linspace(bbox.ymin, bbox.ymax, 7))
    for x, y in zip(*(axis.ravel() for axis in transformation(WGS84, MERCATOR)(*lattice)), strict=True):
        turned = [x, x - 2 * HALF, x + 2 * HALF]
        assert any(
            b.xmin - 1e-3 <= t <= b.xmax + 1e-3 and b.ymin - 1e-3 <= y <= b.ymax + 1e-3 for b in found for t in turned
        )


@given(boxes())
def test_carried_boxes_lie_within_one_turn(bbox: BBox) -> None:
    for found in carry(bbox, WGS84, MERCATOR):
        assert found.xmin >= -HALF * (1 + 1e-8)
        assert found.xmax <= HALF * (1 + 1e-8)


@given(boxes())
def test_a_box_cut_at_the_antimeridian_is_put_together_again(bbox: BBox) -> None:
    whole = span(normal(bbox, WGS84), WGS84)
    assert whole.width == pytest.approx(min(bbox.width, 360), rel=1e-9)
    assert (whole.xmin - bbox.xmin) / 360 == pytest.approx(round((whole.xmin - bbox.xmin) / 360), abs=1e-9)


def test_a_box_across_the_antimeridian_becomes_two() -> None:
    west, east = carry(box(170, -10, 190, 10), WGS84, MERCATOR)
    assert west.xmax == pytest.approx(HALF)
    assert east.xmin == pytest.approx(-HALF)


def test_a_box_around_a_pole_reaches_every_meridian() -> None:
    (found,) = carry(box(-1e6, -1e6, 1e6, 1e6), MARS_NORTH, MARS)
    assert (found.xmin, found.xmax, found.ymax) == (-180, 180, 90)


def test_a_box_beside_a_pole_does_not_reach_it() -> None:
    found = carry(box(-1e6, 2e5, 1e6, 2e6), MARS_NORTH, MARS)
    assert max(b.ymax for b in found) < 87
    assert not any(b.xmin < 0 < b.xmax for b in found)


def test_numbers_in_texts_are_in_the_order_of_the_axes_and_begin_in_the_west() -> None:
    assert text_bbox(box(170, -10, 190, 10), WGS84) == (-10, 170, 10, -170)
    assert text_bbox(box(-180, -90, 180, 90), WGS84) == (-90, -180, 90, 180)
    assert text_bbox(box(190, -10, 200, 10), MARS) == (-10, -170, 10, -160)
    assert text_bbox(box(0, 1, 2, 3), MERCATOR) == (0, 1, 2, 3)


@given(boxes())
def test_numbers_in_texts_count_meridians_from_the_middle_one(bbox: BBox) -> None:
    south, west, north, east = text_bbox(bbox, WGS84)
    assert (south, north) == (bbox.ymin, bbox.ymax)
    assert -180 <= west <= 180
    assert -180 - 1e-6 <= east <= 180 + 1e-6
    assert (east - west) % 360 == pytest.approx(bbox.width % 360, abs=1e-6)


@given(boxes(), st.integers(1, 40), st.integers(1, 40))
def test_centres_lie_half_a_cell_within_the_edges(bbox: BBox, width: int, height: int) -> None:
    grid = Grid(crs=WGS84, bbox=bbox, width=width, height=height)
    x, y = grid.centres()
    assert (len(y), len(x)) == grid.shape
    assert x[0] - bbox.xmin == pytest.approx(bbox.xmax - x[-1], abs=1e-9)
    assert bbox.ymax - y[0] == pytest.approx(y[-1] - bbox.ymin, abs=1e-9)
    a, b, c, d, e, f = grid.transform
    assert (a * 0.5 + c, e * 0.5 + f) == (pytest.approx(x[0]), pytest.approx(y[0]))
    assert (b, d) == (0, 0)


def test_a_footprint_meets_what_shares_an_area_with_it_and_nothing_else() -> None:
    footprint = Footprint(crs=WGS84, bboxes=normal(box(170, -10, 190, 10), WGS84))

    def grid(*numbers: float) -> Grid:
        return Grid(crs=WGS84, bbox=box(*numbers), width=1, height=1)

    assert footprint.meets(grid(-175, 0, -172, 5))
    assert footprint.meets(grid(532, 0, 533, 5))
    assert not footprint.meets(grid(-170, 0, -160, 5))
    assert not footprint.meets(grid(0, 0, 10, 5))
