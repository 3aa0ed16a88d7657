import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from ogcapi.model.raster import Field
from ogcapi.pixels.layers import no_layers
from ogcapi.pixels.overlay import MosaicMethod, fields_of
from tests.strategies import grid_of, raster_of

DTYPES = ["int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64", "float16", "float32", "float64"]


@st.composite
def layers(draw, count, dtypes=DTYPES):
    """Rasters of one grid and one type."""
    shape = draw(st.tuples(st.integers(1, 2), st.integers(1, 4), st.integers(1, 4)))
    dtype = np.dtype(draw(st.sampled_from(dtypes)))
    plain = {"allow_nan": False, "allow_infinity": False} if dtype.kind == "f" else {}
    limits = {"min_value": -32768, "max_value": 32768} if dtype.kind == "f" else {}
    elements = hnp.from_dtype(dtype, **plain, **limits)
    return [
        raster_of(draw(hnp.arrays(dtype, shape, elements=elements)), draw(hnp.arrays(bool, shape)), *[None] * shape[0])
        for _ in range(draw(count))
    ]


Layer = tuple[np.ndarray, np.ndarray]


def lay(whole, own, known):
    """Lay a layer beneath the others."""
    values, valid = whole.next()
    new = known & ~valid
    values[new] = own[new]
    valid |= known
    whole.lay()


def laid(method, fields, some: list[Layer], shape) -> Layer:
    """Values and valid of layers, topmost first."""
    whole = no_layers(method, shape, fields)
    for layer in some:
        lay(whole, *layer)
    return whole.result()


def first(drawn, some: list[Layer]) -> Layer:
    return laid(MosaicMethod.FIRST, drawn[0].fields, some, drawn[0].values.shape)


def same(one: Layer, other: Layer) -> bool:
    """Equal where it counts."""
    return bool((one[1] == other[1]).all() and (one[0][one[1]] == other[0][other[1]]).all())


@given(layers(st.integers(1, 5)), st.data())
def test_an_empty_layer_changes_nothing(drawn, data):
    some = [(raster.values, raster.valid) for raster in drawn]
    nothing = (drawn[0].values, np.zeros(drawn[0].valid.shape, bool))  # whatever the values are
    place = data.draw(st.integers(0, len(some)))
    assert same(first(drawn, [*some[:place], nothing, *some[place:]]), first(drawn, some))


@given(layers(st.integers(1, 5)), st.data())
def test_layers_may_be_put_together_in_groups(drawn, data):
    some = [(raster.values, raster.valid) for raster in drawn]
    start, stop = sorted(data.draw(st.tuples(*[st.integers(0, len(some))] * 2)))
    together = first(drawn, some[start:stop])
    assert same(first(drawn, [*some[:start], together, *some[stop:]]), first(drawn, some))


@given(layers(st.integers(1, 5)))
def test_a_valid_cell_is_never_covered(drawn):
    some = [(raster.values, raster.valid) for raster in drawn]
    above = (drawn[0].values, np.zeros(drawn[0].valid.shape, bool))
    for count in range(1, len(some) + 1):
        seen = first(drawn, some[:count])
        assert (seen[0][above[1]] == above[0][above[1]]).all()
        assert (seen[1] == (above[1] | some[count - 1][1])).all()
        above = seen


def stacked(method, drawn):
    return laid(method, drawn[0].fields, [(raster.values, raster.valid) for raster in drawn], drawn[0].values.shape)


PLAIN = {  # what each method makes of the valid values of one cell, topmost first
    MosaicMethod.FIRST: lambda values: values[0],
    MosaicMethod.HIGHEST: max,
    MosaicMethod.LOWEST: min,
    MosaicMethod.MEAN: lambda values: np.mean([float(v) for v in values]),
    MosaicMethod.MEDIAN: lambda values: np.median([float(v) for v in values]),
    MosaicMethod.STDEV: lambda values: np.std([float(v) for v in values]),
    MosaicMethod.SUM: lambda values: sum(float(v) for v in values),
    MosaicMethod.COUNT: len,
}


@pytest.mark.parametrize("method", PLAIN)
@given(data=st.data())
def test_layers_together_are_what_each_cell_gives(method, data):
    drawn = data.draw(layers(st.integers(1, 5)))
    values, valid = stacked(method, drawn)
    for at in np.ndindex(values.shape):
        own = [raster.values[at] for raster in drawn if raster.valid[at]]
        assert valid[at] == bool(own)
        if own:
            assert values[at] == pytest.approx(PLAIN[method](own), rel=1e-9, abs=1e-6)


@pytest.mark.parametrize("method", MosaicMethod)
def test_no_layers_are_empty(method):
    fields = [Field(name="a", dtype="int16"), Field(name="b", dtype="int16")]
    values, valid = no_layers(method, (2, 3, 4), fields).result()
    assert values.shape == valid.shape == (2, 3, 4)
    assert not valid.any()


@given(layers(st.just(3)))
def test_highest_and_lowest_keep_every_digit(drawn):
    for method in (MosaicMethod.HIGHEST, MosaicMethod.LOWEST):
        values, valid = stacked(method, drawn)
        assert values.dtype == drawn[0].values.dtype
        for at in np.argwhere(valid):
            assert values[tuple(at)] in [raster.values[tuple(at)] for raster in drawn if raster.valid[tuple(at)]]


def test_a_sum_is_that_of_the_physical_values():
    field = Field(name="t", dtype="int16", scale=0.5, offset=100.0)
    (made,) = fields_of(MosaicMethod.SUM, [field])
    whole = no_layers(MosaicMethod.SUM, (1, 1, 1), [field])
    for stored in (2, 4):  # 101 and 102
        lay(whole, np.full((1, 1, 1), stored, "int16"), np.ones((1, 1, 1), bool))
    assert whole.result()[0][0, 0, 0] * made.scale + made.offset == 203.0


def test_layers_are_full_when_no_layer_could_add_to_it():
    whole = no_layers(MosaicMethod.FIRST, (1, *grid_of(1, 2).shape), [Field(name="a", dtype="uint8")])
    lay(whole, np.zeros((1, 1, 2), "uint8"), np.array([[[True, False]]]))
    assert not whole.is_full
    lay(whole, np.zeros((1, 1, 2), "uint8"), np.array([[[False, True]]]))
    assert whole.is_full


@given(layers(st.integers(1, 4)), st.data())
@pytest.mark.parametrize("method", MosaicMethod)
def test_what_was_written_but_not_laid_counts_for_nothing(method, drawn, data):
    place = data.draw(st.integers(0, len(drawn)))
    whole = no_layers(method, drawn[0].values.shape, drawn[0].fields)
    for number in range(len(drawn) + 1):
        if number == place:
            values, valid = whole.next()
            values[~valid] = 1  # as a layer does that fails before it says what is valid
        if number < len(drawn):
            lay(whole, drawn[number].values, drawn[number].valid)
    assert same(whole.result(), stacked(method, drawn))
