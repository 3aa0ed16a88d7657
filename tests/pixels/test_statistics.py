from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from ogcapi.model.crs import CRS84
from ogcapi.model.grid import BBox, Grid
from ogcapi.model.raster import Field, FieldStatistics, Raster
from ogcapi.pixels import statistics as module
from ogcapi.pixels.statistics import statistics


def raster_of(values, valid=None, **attributes) -> Raster:
    values = np.asarray(values)
    grid = Grid(crs=CRS84, bbox=BBox(xmin=0, ymin=0, xmax=1, ymax=1), width=values.shape[2], height=values.shape[1])
    fields = tuple(Field(name=f"b{i}", dtype=values.dtype.name, **attributes) for i in range(len(values)))
    return Raster(
        grid=grid, fields=fields, values=values, valid=np.ones(values.shape, bool) if valid is None else valid
    )


DTYPES = st.sampled_from(["uint8", "int16", "uint64", "float32", "float64"])
SHAPES = st.tuples(st.integers(1, 3), st.integers(1, 8), st.integers(1, 8))


@given(st.data(), DTYPES, SHAPES)
def test_numbers_are_those_of_the_finite_valid_cells_alone(data: st.DataObject, dtype: str, shape) -> None:
    values = data.draw(hnp.arrays(dtype, shape))
    valid = data.draw(hnp.arrays(bool, shape))
    for found, plane, ok in zip(statistics(raster_of(values, valid)), values, valid, strict=True):
        used = plane[ok].astype(float)
        used = np.sort(used[np.isfinite(used)])
        assert found.count == used.size
        if used.size == 0:
            assert found == FieldStatistics(count=0)
            continue
        assert (found.minimum, found.maximum) == (used[0], used[-1])
        assert found.p2 in used
        assert found.p98 in used
        assert found.minimum <= found.p2 <= found.p98 <= found.maximum


def test_scale_and_offset_make_the_numbers_physical() -> None:
    (found,) = statistics(raster_of(np.arange(101, dtype=np.int16).reshape(1, 1, 101), scale=0.5, offset=-10.0))
    deviation = 0.5 * np.arange(101).std()
    assert found == FieldStatistics(count=101, minimum=-10, maximum=40, p2=-9, p98=39, mean=15, deviation=deviation)


def test_a_mean_that_floats_cannot_hold_is_not_told() -> None:
    (found,) = statistics(raster_of(np.full((1, 1, 4), 1e308)))
    assert (found.maximum, found.mean, found.deviation) == (1e308, None, None)


def test_values_that_overflow_when_scaled_are_left_out() -> None:
    (found,) = statistics(raster_of(np.array([[[1.0, 1e308]]]), scale=100.0))
    assert (found.count, found.maximum) == (1, 100)


def test_large_rasters_are_thinned_for_percentiles_but_not_for_the_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    values = np.random.default_rng(1).permutation(10_000).astype(np.float64).reshape(1, 100, 100)
    monkeypatch.setattr(module, "_MAX_RANKED", 1000)
    (found,) = statistics(raster_of(values))
    assert (found.count, found.minimum, found.maximum) == (10_000, 0, 9999)
    assert found.p2 == pytest.approx(200, abs=150)
    assert found.p98 == pytest.approx(9800, abs=150)


@given(hnp.arrays(np.float32, (1, 4, 4)))
def test_statistics_survive_json(values) -> None:
    (found,) = statistics(raster_of(values))
    assert FieldStatistics(**json.loads(json.dumps(found.document, allow_nan=False))) == found
