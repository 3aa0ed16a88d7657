from __future__ import annotations

from math import inf

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rio_tiler.colormap import cmap

from ogcapi.model.style import Categories, Intervals, Ramp
from ogcapi.pixels.colormaps import color, colormap, ramp, stated_range

BYTES = st.integers(0, 255)


@given(st.tuples(BYTES, BYTES, BYTES, BYTES))
def test_a_hexadecimal_colour_is_its_four_bytes(rgba: tuple[int, int, int, int]) -> None:
    text = "#" + bytes(rgba).hex()
    assert color(text) == rgba
    assert color(text[:7].upper()) == (*rgba[:3], 255)


@pytest.mark.parametrize(
    ("text", "rgba"),
    [
        ("#f80", (255, 136, 0, 255)),
        ("#f808", (255, 136, 0, 136)),
        ("rebeccapurple", (102, 51, 153, 255)),
        (" White ", (255, 255, 255, 255)),
        ("transparent", (0, 0, 0, 0)),
    ],
)
def test_short_and_named_colours_are_those_of_css(text: str, rgba: tuple[int, int, int, int]) -> None:
    assert color(text) == rgba


@pytest.mark.parametrize("text", ["#12", "#12345", "#gggggg", "f80", "redd", "", 255, None, ["red"], "rgb(1,2,3)"])
def test_other_texts_are_no_colours(text: object) -> None:
    with pytest.raises(ValueError, match="expected a CSS name"):
        color(text)


def test_an_empty_yaml_value_gets_the_advice_to_use_quotes() -> None:
    with pytest.raises(ValueError, match="stands in quotes"):
        color(None)


@pytest.mark.parametrize("name", ["terrain", "viridis_r", "gray", "tab10"])
def test_named_ramps_are_those_of_rio_tiler(name: str) -> None:
    oracle = [tuple(int(channel) for channel in rgba) for _, rgba in sorted(cmap.get(name).items())]
    assert ramp(name) == colormap(name) == Ramp(colors=tuple(oracle), name=name)


def test_names_that_end_in_r_are_reversed() -> None:
    assert ramp("magma_r").colors == ramp("magma").colors[::-1]


@pytest.mark.parametrize(("name", "near"), [("virids", "viridis"), ("Terrain", "terrain"), ("zzzzz", "viridis")])
def test_an_unknown_ramp_is_refused_with_names_that_are_near(name: str, near: str) -> None:
    with pytest.raises(ValueError, match=rf"no colormap: expected .*{near}"):
        colormap(name)


def test_colours_are_spread_evenly_and_mixed_between() -> None:
    found = colormap(["black", "#ff0000", "white"])
    assert isinstance(found, Ramp)
    assert (found.colors[0], found.colors[-1]) == ((0, 0, 0, 255), (255, 255, 255, 255))
    red, green, _, _ = np.array(found.colors).T
    assert (np.diff(red) >= 0).all()
    assert green[: len(green) // 2].max() == 0


def test_a_ramp_of_values_has_each_colour_at_its_value_and_hard_edges_where_values_repeat() -> None:
    spec = [[-8000, "navy"], [0, "lightblue"], [0, "green"], [2000, "white"]]
    found = colormap(spec)
    assert isinstance(found, Ramp)
    assert stated_range(spec) == (-8000, 2000)
    place = {value: round((value + 8000) / 10_000 * (len(found.colors) - 1)) for value in (-8000, -10, 10, 2000)}
    assert found.colors[place[-8000]] == color("navy")
    assert found.colors[place[2000]] == color("white")
    assert np.abs(np.subtract(found.colors[place[-10]], color("lightblue"))).max() <= 2
    assert np.abs(np.subtract(found.colors[place[10]], color("green"))).max() <= 2


def test_intervals_are_mappings_with_ends_that_may_be_open() -> None:
    spec = [{"to": 0, "color": "blue"}, {"from": 0, "to": 10.5, "color": "green"}, {"from": 10.5, "color": "red"}]
    blue, green, red = color("blue"), color("green"), color("red")
    assert colormap(spec) == Intervals(steps=((-inf, 0, blue), (0, 10.5, green), (10.5, inf, red)))
    assert stated_range(spec) == (0, 10.5)


def test_categories_are_a_mapping_of_stored_values_to_colours_and_labels() -> None:
    spec = {1: "#0b6623", 7: {"color": "blue", "label": "Water"}, -2: {"color": "red"}}
    green, blue, red = color("#0b6623"), color("blue"), color("red")
    assert colormap(spec) == Categories(colors=((1, green, None), (7, blue, "Water"), (-2, red, None)))
    assert stated_range(spec) == (-2, 7)


@pytest.mark.parametrize("spec", ["viridis", ["red", "blue"]])
def test_ramps_without_values_leave_the_range_to_the_style(spec: object) -> None:
    assert stated_range(spec) is None


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        (None, "expected the name of a colormap"),
        ([], "expected the name of a colormap"),
        ({}, "expected the name of a colormap"),
        (17, "expected the name of a colormap"),
        (["red"], "at least two"),
        (["red", "bleu"], "1: 'bleu' is no colour"),
        ([[0, "red"], [1]], "1: .* is no .value, colour."),
        ([[0, "red"], ["1", "blue"]], "1.0: '1' is no number"),
        ([[0, "red"], [1, "bleu"]], "1.1: 'bleu' is no colour"),
        ([[1, "red"], [0, "blue"]], "ascend"),
        ([[0, "red"], [0, "blue"]], "ascend"),
        ([[0, "red"], [float("nan"), "blue"]], "is no number"),
        ([[0, "red"], [inf, "blue"]], "ascend"),
        ([{"from": 0, "color": "red"}, "blue"], "1: 'blue' is no interval"),
        ([{"from": 0, "colour": "red"}], "0: has the keys from, colour; expected color"),
        ([{"from": 3, "to": 3, "color": "red"}], "is empty"),
        ([{"from": True, "color": "red"}], "0.from: True is no number"),
        ({"a": "red"}, "'a' is no category"),
        ({1.5: "red"}, "1.5 is no category"),
        ({1: {"label": "x"}}, "1: has the keys label; expected color"),
        ({1: {"color": "rot"}}, "1.color: 'rot' is no colour"),
    ],
)
def test_mistakes_are_named_with_their_place_and_what_was_expected(spec: object, message: str) -> None:
    for read in (colormap, stated_range):
        with pytest.raises(ValueError, match=message):
            read(spec)
