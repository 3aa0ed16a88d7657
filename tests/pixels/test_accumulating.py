import numpy as np
import pytest

from ogcapi.pixels import accumulating

LAYERS = 7
NUMBERS = pytest.mark.parametrize("dtype", sorted(map(str, accumulating.NUMBERS)))
ORDERED = pytest.mark.parametrize("dtype", sorted({str(dtype) for dtype in accumulating.ORDERED.values()}))


def layers(dtype):
    """Values and valid (layer, cell), some cells never valid."""
    rng = np.random.default_rng(3)
    values = rng.integers(0, 50, (LAYERS, 1000)).astype(dtype)
    valid = rng.random(values.shape) > 0.4
    valid[:, :20] = False
    if values.dtype.kind == "f":
        values[~valid] = np.nan
    return values, valid


@ORDERED
@pytest.mark.parametrize(("is_least", "twin"), [(False, np.ma.max), (True, np.ma.min)])
def test_extremes_are_those_of_the_twin(dtype, is_least, twin):
    best, known = np.zeros(1000, dtype), np.zeros(1000, bool)
    values, valid = layers(dtype)
    for layer in zip(values, valid, strict=True):
        accumulating.extreme(*layer, is_least, best, known)
    assert (known == valid.any(axis=0)).all()
    assert (best[known] == twin(np.ma.array(values, mask=~valid), axis=0)[known]).all()


@pytest.mark.parametrize("dtype", [str(dtype) for dtype in accumulating.ORDERED])
def test_extremes_are_compiled_for_types_that_hold_every_value(dtype):
    assert np.can_cast(dtype, accumulating.ORDERED[np.dtype(dtype)], "safe")


@NUMBERS
def test_sums_are_those_of_the_twin(dtype):
    count, total = np.zeros(1000, np.int64), np.zeros(1000)
    values, valid = layers(dtype)
    for layer in zip(values, valid, strict=True):
        accumulating.add(*layer, count, total)
    assert (count == valid.sum(axis=0)).all()
    assert (total == np.where(valid, values, 0).sum(axis=0)).all()


@NUMBERS
def test_deviations_are_those_of_the_twin(dtype):
    count, mean, squares = np.zeros(1000, np.int64), np.zeros(1000), np.zeros(1000)
    values, valid = layers(dtype)
    for layer in zip(values, valid, strict=True):
        accumulating.deviate(*layer, count, mean, squares)
    known = valid.any(axis=0)
    expected = np.ma.array(values.astype(float), mask=~valid)
    assert mean[known] == pytest.approx(expected.mean(axis=0)[known].data, rel=1e-12)
    assert np.sqrt(squares / np.maximum(count, 1))[known] == pytest.approx(
        expected.std(axis=0)[known].data, rel=1e-12, abs=1e-7
    )
