import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ogcapi.model.raster import Resampling
from ogcapi.pixels.resampling import KERNELS, MAX_TAPS, Patch, Taps, interpolated, most_frequent

KERNEL = pytest.mark.parametrize("method", KERNELS)
positions = st.floats(-1000, 1000)
sizes = st.floats(0.1, 40)


def taps_of(kernel, position, size):
    scale = kernel.scale(np.array([size]))
    at = np.array([position])
    return Taps(index=kernel.indices(at, scale), position=at, scale=scale)


@KERNEL
@given(position=positions, size=sizes)
def test_the_taps_of_a_kernel_hold_all_of_its_weight(method, position, size):
    kernel = KERNELS[method]
    taps = taps_of(kernel, position, size)
    every = np.arange(np.floor(position) - 200, np.floor(position) + 201)[None]
    all_weights = kernel.weights(every, taps.position[:, None], taps.scale[:, None])
    assert taps.weights(kernel).sum() == pytest.approx(all_weights.sum(), abs=1e-3)


@pytest.mark.parametrize("method", [Resampling.BILINEAR, Resampling.CUBIC])
@given(position=positions)
def test_weights_of_cells_that_are_not_widened_add_up_to_one(method, position):
    assert taps_of(KERNELS[method], position, 1.0).weights(KERNELS[method]).sum() == pytest.approx(1, abs=1e-5)


@given(position=positions, size=sizes)
def test_shares_of_an_output_cell_add_up_to_its_size_but_never_to_less_than_a_cell(position, size):
    kernel = KERNELS[Resampling.AVERAGE]
    assert taps_of(kernel, position, size).weights(kernel).sum() == pytest.approx(max(size, 1), abs=1e-4)


@KERNEL
@given(position=positions, size=sizes)
def test_the_cell_under_the_centre_has_weight(method, position, size):
    kernel = KERNELS[method]
    taps = taps_of(kernel, position, size)
    under = taps.index[0] == np.floor(position)
    assert taps.weights(kernel)[0, under][0] > 0


@KERNEL
def test_a_kernel_reaches_over_no_more_cells_than_memory_holds(method):
    kernel = KERNELS[method]
    for size in (1e9, np.inf, np.nan):
        assert taps_of(kernel, 0.0, size).index.size <= MAX_TAPS + 3


@pytest.mark.parametrize("method", [m for m in KERNELS if m is not Resampling.MODE])
@given(data=st.data())
def test_a_weighted_mean_is_the_plain_sum_over_valid_cells(method, data):
    kernel = KERNELS[method]
    rng = np.random.default_rng(data.draw(st.integers(0, 99)))
    values, valid = rng.random((2, 30, 30)), rng.random((2, 30, 30)) > data.draw(st.sampled_from([0.0, 0.3]))
    row, col = data.draw(st.tuples(st.floats(8, 22), st.floats(8, 22)))
    rows, cols = taps_of(kernel, row, 1.0), taps_of(kernel, col, 1.0)
    got = interpolated(kernel, rows, cols, Patch(values=values, valid=valid, rows=rows.index, cols=cols.index))
    for number in range(2):
        expected, is_beside = plain_mean(kernel, rows, cols, values[number], valid[number])
        if kernel.has_lobes and is_beside:
            expected, _ = plain_mean(KERNELS[Resampling.BILINEAR], rows, cols, values[number], valid[number])
        assert got[number, 0] == pytest.approx(expected, nan_ok=True)


def plain_mean(kernel, rows, cols, values, valid):
    """The weighted mean of the valid cells under one kernel, and whether some that weigh are not valid."""
    weights = rows.weights(kernel)[0][:, None] * cols.weights(kernel)[0][None, :]
    under = np.ix_(rows.index[0], cols.index[0])
    known = np.where(valid[under], weights, 0)
    total = known.sum()
    return (known * values[under]).sum() / total if total else np.nan, ((weights != 0) & ~valid[under]).any()


def test_of_values_with_equal_shares_the_least_is_most_frequent():
    kernel = KERNELS[Resampling.MODE]
    rows, cols = taps_of(kernel, 1.0, 2.0), taps_of(kernel, 1.0, 2.0)
    patch = Patch(
        values=np.array([[[7, 3], [3, 7]], [[7, 3], [7, 9]]], "uint8"),
        valid=np.ones((2, 2, 2), bool),
        rows=np.clip(rows.index, 0, 1),
        cols=np.clip(cols.index, 0, 1),
    )
    assert most_frequent(rows, cols, patch).tolist() == [[3], [7]]
