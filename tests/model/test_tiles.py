"""Tile arithmetic."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ogcapi.model.body import bodies
from ogcapi.model.crs import parse_crs
from ogcapi.model.grid import BBox, Grid
from ogcapi.model.problem import NotFound
from ogcapi.model.tiles import TileLimits, TileMatrix, TileMatrixSet, finest_cell, tile_grid
from ogcapi.sources.tile_matrix_sets import planetary, registered

MARS = next(body for body in bodies() if body.name == "Mars")
SETS = (*registered().values(), *planetary(MARS))


def tiles_in(limits: TileLimits) -> int:
    return (limits.max_row - limits.min_row + 1) * (limits.max_col - limits.min_col + 1)


@st.composite
def tiles(draw: st.DrawFn) -> tuple[TileMatrixSet, TileMatrix, int, int]:
    """A tile of any set."""
    matrix_set = draw(st.sampled_from(SETS))
    matrix = draw(st.sampled_from(matrix_set.matrices))
    row, col = draw(st.integers(0, matrix.matrix_height - 1)), draw(st.integers(0, matrix.matrix_width - 1))
    return matrix_set, matrix, row, col


@given(tiles())
def test_the_limits_of_a_tile_are_the_tile_and_what_is_coalesced_with_it(
    tile: tuple[TileMatrixSet, TileMatrix, int, int],
) -> None:
    matrix_set, matrix, row, col = tile
    group = matrix.coalesce(row)
    found = {limit.matrix_id: limit for limit in matrix_set.limits([matrix.tile_bbox(row, col)])}
    first = col - col % group
    assert found[matrix.id] == TileLimits(
        matrix_id=matrix.id, min_row=row, max_row=row, min_col=first, max_col=first + group - 1
    )


@given(tiles())
def test_neighbouring_tiles_share_their_edge_to_the_bit(tile: tuple[TileMatrixSet, TileMatrix, int, int]) -> None:
    _, matrix, row, col = tile
    here = matrix.tile_bbox(row, col)
    right = col - col % matrix.coalesce(row) + matrix.coalesce(row)
    if right < matrix.matrix_width:
        assert here.xmax == matrix.tile_bbox(row, right).xmin
    if row + 1 < matrix.matrix_height:
        below = matrix.tile_bbox(row + 1, col)
        assert (here.ymax == below.ymin) if matrix.bottom_left else (here.ymin == below.ymax)


@given(tiles(), st.data())
def test_every_column_of_a_coalesced_group_names_one_tile(
    tile: tuple[TileMatrixSet, TileMatrix, int, int], data: st.DataObject
) -> None:
    _, matrix, row, col = tile
    group = matrix.coalesce(row)
    alias = col - col % group + data.draw(st.integers(0, group - 1))
    assert matrix.tile_bbox(row, alias) == matrix.tile_bbox(row, col)


@given(tiles())
def test_limits_of_the_whole_set_are_the_whole_matrices(tile: tuple[TileMatrixSet, TileMatrix, int, int]) -> None:
    matrix_set, matrix, _, _ = tile
    limits = {limit.matrix_id: limit for limit in matrix_set.limits([matrix.bbox])}
    assert tiles_in(limits[matrix.id]) == matrix.matrix_width * matrix.matrix_height


def test_rows_count_upward_from_a_bottom_left_corner() -> None:
    matrix = TileMatrix(
        id="0",
        scale_denominator=1,
        cell_size=1,
        origin=(0, 0),
        bottom_left=True,
        tile_width=10,
        tile_height=5,
        matrix_width=2,
        matrix_height=2,
    )
    assert matrix.tile_bbox(0, 0) == BBox(xmin=0, ymin=0, xmax=10, ymax=5)
    assert matrix.tile_bbox(1, 1) == BBox(xmin=10, ymin=5, xmax=20, ymax=10)


def test_limits_end_with_the_first_matrix_as_fine_as_the_data() -> None:
    mercator = registered()["WebMercatorQuad"]
    cell = mercator["4"].cell_size
    assert [limit.matrix_id for limit in mercator.limits([mercator.bbox], cell)] == ["0", "1", "2", "3", "4"]
    assert len(mercator.limits([mercator.bbox], cell * 0.9)) == 6
    assert len(mercator.limits([mercator.bbox], cell * 1.1)) == 5


def test_a_box_that_a_set_does_not_reach_has_no_limits_in_it() -> None:
    utm = registered()["UTM31WGS84Quad"]
    far = utm.bbox.xmax + 1e6
    assert utm.limits([BBox(xmin=far, ymin=0, xmax=far + 1, ymax=1)]) == ()


@pytest.mark.parametrize(
    ("matrix_id", "row", "col"),
    [
        ("0", "-1", "0"),
        ("0", "0", "2147483647"),
        ("0", "9" * 5000, "0"),
        ("0", "0" * 5000 + "1", "0"),
        ("0", "1.5", "0"),
        ("0", "0", "٣"),
        ("0", " 0", "0"),
        ("0", "", "0"),
        ("00", "0", "0"),
        ("99", "0", "0"),
        ("nope", "0", "0"),
    ],
)
def test_a_tile_beyond_the_limits_is_not_found_whatever_its_name(matrix_id: str, row: str, col: str) -> None:
    mercator = registered()["WebMercatorQuad"]
    with pytest.raises(NotFound):
        tile_grid(mercator, mercator.limits([mercator.bbox]), matrix_id, row, col)


@given(st.sampled_from(["EPSG:4326", "EPSG:3857"]), st.floats(-170, 150), st.floats(-60, 50), st.integers(1, 2000))
def test_cells_as_small_as_needed_find_the_centre_of_every_cell(
    system: str, west: float, south: float, count: int
) -> None:
    crs = parse_crs(system)
    mercator = registered()["WebMercatorQuad"]
    degree = 1.0 if crs.is_geographic else 111319.5
    bbox = BBox(xmin=west * degree, ymin=south * degree, xmax=(west + 20) * degree, ymax=(south + 10) * degree)
    grid = Grid(crs=crs, bbox=bbox, width=count * 2, height=count)
    cell = finest_cell(grid, mercator)
    assert cell is not None
    if crs == mercator.crs:
        assert cell == pytest.approx(min(grid.cell_width, grid.cell_height), rel=1e-6)
    else:
        assert cell <= grid.cell_width * 111319.5 * 1.0001


def test_sets_with_the_same_numbers_are_the_same_however_their_systems_are_named() -> None:
    other = parse_crs("+proj=merc +lon_0=0 +k=1 +x_0=0 +y_0=0 +R=3396190 +units=m +type=crs")
    made = next(s for s in planetary(MARS) if s.id == "MarsMercatorSphere")
    again = TileMatrixSet(id="other", title="", crs=other, matrices=made.matrices, document={})
    assert again.same_as(made)
    shifted = parse_crs("+proj=merc +lon_0=10 +k=1 +x_0=0 +y_0=0 +R=3396190 +units=m +type=crs")
    assert not TileMatrixSet(id="o", title="", crs=shifted, matrices=made.matrices, document={}).same_as(made)


def test_an_index_may_have_zeros_before_it() -> None:
    mercator = registered()["WebMercatorQuad"]
    limits = mercator.limits([mercator.bbox])
    assert tile_grid(mercator, limits, "1", "0" * 5000 + "1", "00") == tile_grid(mercator, limits, "1", "1", "0")


def test_meridians_are_counted_as_the_set_counts_them() -> None:
    made = next(s for s in planetary(MARS) if s.id == "MarsGeographicSphere")
    matrices = tuple(replace(matrix, origin=(0.0, 90.0)) for matrix in made.matrices)
    turned = TileMatrixSet(id="Turned", title="", crs=made.crs, matrices=matrices, document={})
    west = BBox(xmin=-90, ymin=0, xmax=-45, ymax=10)
    found = turned.limits([west])[1]
    assert (found.min_col, found.max_col) == (3, 3)
    assert tiles_in(turned.limits([BBox(xmin=-180, ymin=-90, xmax=180, ymax=90)])[1]) == 4 * 2
