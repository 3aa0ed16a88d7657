"""The loops that finish what a decompressor leaves, against numpy."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from ogcapi.pixels.undoing import split, undo_floating, undo_horizontal

shapes = st.tuples(st.integers(1, 5), st.integers(1, 40), st.integers(1, 6))
words = st.sampled_from(["uint8", "uint16", "uint32", "uint64"])


@given(words, shapes, st.data())
def test_running_sums_undo_differences(dtype, shape, data):
    cells = data.draw(hnp.arrays(dtype, shape))
    made = cells.copy()
    made[:, 1:] -= cells[:, :-1]
    undo_horizontal(made)
    np.testing.assert_array_equal(made, cells)


@pytest.mark.parametrize("is_little", [True, False])
@given(st.sampled_from(["f2", "f4", "f8"]), shapes, st.data())
def test_parted_bytes_are_put_together(is_little, dtype, shape, data):
    values = data.draw(hnp.arrays(dtype, shape))
    rows, cols, samples = shape
    size = values.itemsize
    big = values.astype(f">{dtype}").view(np.uint8).reshape(rows, cols * samples, size)
    parted = big.transpose(0, 2, 1).reshape(rows, size * cols, samples)
    stored = parted.copy()
    stored[:, 1:] -= parted[:, :-1]
    made = np.empty((rows, cols * samples * size), np.uint8)
    undo_floating(np.ascontiguousarray(stored.reshape(rows, -1)), size, samples, is_little, made)
    expected = values.astype(f"{'<' if is_little else '>'}{dtype}")
    assert made.tobytes() == expected.tobytes()


@given(words, st.tuples(st.integers(1, 5), st.integers(1, 20), st.integers(2, 6)), st.data())
def test_an_alpha_sample_is_taken_from_among_the_others(dtype, shape, data):
    cells = data.draw(hnp.arrays(dtype, shape))
    alpha = data.draw(st.integers(0, shape[2] - 1))
    values, shown = np.empty((*shape[:2], shape[2] - 1), dtype), np.empty(shape[:2], bool)
    is_full = split(cells, alpha, values, shown)
    np.testing.assert_array_equal(values, np.delete(cells, alpha, axis=-1))
    np.testing.assert_array_equal(shown, cells[..., alpha] != 0)
    assert is_full == shown.all()
