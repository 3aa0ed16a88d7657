"""Levels of a pyramid, each made of the one beneath it."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from ogcapi.model.raster import Resampling
from ogcapi.pixels.halving import halved

METHODS = [Resampling.AVERAGE, Resampling.NEAREST, Resampling.MODE]
SHAPE = (6, 8)
CELLS = arrays.arrays(np.int16, SHAPE, elements=st.integers(-3, 3))
KNOWN = arrays.arrays(bool, SHAPE)


@given(CELLS, KNOWN, st.sampled_from(METHODS))
def test_a_cell_is_made_of_the_valid_ones_of_the_four_beneath_it(cells, known, method):
    values, valid = halved(cells, known, method)
    for row, col in np.ndindex(3, 4):
        four = np.s_[2 * row : 2 * row + 2, 2 * col : 2 * col + 2]
        there = cells[four][known[four]]
        if method is Resampling.NEAREST:
            assert valid[row, col] == known[2 * row + 1, 2 * col + 1]
            assert values[row, col] == cells[2 * row + 1, 2 * col + 1]
            continue
        assert valid[row, col] == (there.size >= 2)
        if there.size and method is Resampling.AVERAGE:
            assert values[row, col] == pytest.approx(there.mean())
        if there.size and method is Resampling.MODE:
            votes = [int((there == value).sum()) for value in there]
            assert values[row, col] == there[int(np.argmax(votes))]


@given(st.integers(-1000, 1000), KNOWN, st.sampled_from(METHODS))
def test_where_all_cells_are_the_same_so_is_what_is_made_of_them(value, known, method):
    values, valid = halved(np.full(SHAPE, value, np.int32), known, method)
    assert (values[valid] == value).all()


@given(arrays.arrays(np.float32, SHAPE), st.sampled_from([Resampling.NEAREST, Resampling.MODE]))
def test_classes_are_never_mixed(cells, method):
    values, _ = halved(cells, np.isfinite(cells), method)
    assert np.isin(values[np.isfinite(values)], cells).all()
