import numpy as np
import pytest

from ogcapi.model.raster import Field
from ogcapi.pixels import accumulating
from ogcapi.pixels.overlay import MosaicMethod, stack

LAYERS = 7
KINDS = pytest.mark.parametrize("dtype", sorted(dtype.name for dtype in accumulating.TYPES))


def layers(dtype):
    rng = np.random.default_rng(3)
    values = rng.integers(0, 50, (LAYERS, 1000)).astype(dtype)
    valid = rng.random(values.shape) > 0.4
    valid[:, :20] = False
    if values.dtype.kind == "f":
        values[~valid] = np.nan
    return list(zip(values, valid, strict=True))


def reference(method, dtype):
    whole = stack(method, (1, 1, 1000), [Field(name="b1", dtype=dtype)])
    for values, valid in layers(dtype):
        whole.add(values.reshape(1, 1, -1), valid.reshape(1, 1, -1))
    values, valid = whole.result()
    return values.ravel(), valid.ravel()


@KINDS
@pytest.mark.parametrize("method", [MosaicMethod.HIGHEST, MosaicMethod.LOWEST])
def test_extremes_are_those_of_the_reference(dtype, method):
    best, known = np.zeros(1000, dtype), np.zeros(1000, bool)
    for values, valid in layers(dtype):
        accumulating.extreme(values, valid, method is MosaicMethod.LOWEST, best, known)
    values, valid = reference(method, dtype)
    assert (known == valid).all()
    assert (best[known] == values[known]).all()


@KINDS
def test_sums_and_means_are_those_of_the_reference(dtype):
    count, total = np.zeros(1000, np.int64), np.zeros(1000)
    for values, valid in layers(dtype):
        accumulating.add(values, valid, count, total)
    assert (total == reference(MosaicMethod.SUM, dtype)[0]).all()
    assert (total / np.maximum(count, 1) == reference(MosaicMethod.MEAN, dtype)[0]).all()


@KINDS
def test_deviations_are_those_of_the_reference(dtype):
    count, mean, squares = np.zeros(1000, np.int64), np.zeros(1000), np.zeros(1000)
    for values, valid in layers(dtype):
        accumulating.deviate(values, valid, count, mean, squares)
    expected, known = reference(MosaicMethod.STDEV, dtype)
    assert np.sqrt(squares / np.maximum(count, 1))[known] == pytest.approx(expected[known], rel=1e-12)
