"""The tile matrix set of a coverage's own cells."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ogcapi.model.native import collection_of, native_id, native_matrix_set
from tests.data import grid_of


@given(st.integers(1, 100_000), st.integers(1, 100_000), st.sampled_from([0.1, 1 / 3, 10.0, 651.2112765011669]))
def test_tiles_are_whole_cells_of_the_grid_and_cover_it(width: int, height: int, cell: float) -> None:
    grid = grid_of("EPSG:32633", (4e5, 5e6 - height * cell, 4e5 + width * cell, 5e6), width, height)
    found = native_matrix_set("one", "One", grid, 1)
    assert found is not None
    first, last = found.matrices[0], found.matrices[-1]
    assert (first.matrix_width, first.matrix_height) == (1, 1)
    assert last.cell_size == grid.cell_width
    for level, matrix in enumerate(found.matrices):
        cells = matrix.tile_width << (len(found.matrices) - 1 - level)
        assert matrix.id == str(level)
        assert matrix.matrix_width * cells >= width > (matrix.matrix_width - 1) * cells
        assert matrix.matrix_height * cells >= height > (matrix.matrix_height - 1) * cells


def test_cells_that_are_not_square_have_no_set() -> None:
    assert native_matrix_set("one", "One", grid_of("EPSG:4326", (0, 0, 10, 20), 100, 100), 1) is None
    almost = grid_of("EPSG:4326", (0, 0, 10, 10 + 1e-9), 100, 100)
    assert native_matrix_set("one", "One", almost, 1) is not None


@pytest.mark.parametrize(("fields", "side"), [(1, 512), (200, 256)])
def test_tiles_of_many_fields_are_smaller(fields: int, side: int) -> None:
    found = native_matrix_set("one", "One", grid_of("EPSG:4326", (0, 0, 10, 10), 1000, 1000), fields)
    assert found is not None
    assert {matrix.tile_width for matrix in found.matrices} == {side}


def test_its_id_tells_the_collection() -> None:
    assert collection_of(native_id("one")) == "one"
    assert collection_of("WebMercatorQuad") is None
