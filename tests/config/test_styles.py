"""Styles in a configuration."""

from pathlib import Path

import pytest

from ogcapi.model.style import Categories, Intervals, Ramp
from tests.config.files import collection, load, mistakes, style_mistakes, style_of


class TestStyles:
    def test_one_field_has_one_range(self, folder: Path) -> None:
        style = style_of(folder, "{fields: [height], range: [-8000, 2.1e4], colormap: terrain}")
        assert (style.id, style.title, style.fields, style.ranges) == ("s", "S", ("height",), ((-8000.0, 21000.0),))
        assert isinstance(style.colormap, Ramp)

    def test_three_fields_share_a_range_or_have_their_own(self, folder: Path) -> None:
        assert style_of(folder, "{fields: [r, g, b], range: [0, 1]}").ranges == ((0.0, 1.0),) * 3
        own = style_of(folder, "{fields: [r, g, b], range: [[0, 1], [0, 2], [3, 0]], gamma: 2}")
        assert own.ranges == ((0.0, 1.0), (0.0, 2.0), (3.0, 0.0))
        assert own.gamma == 2.0

    def test_a_colormap_with_values_needs_no_range(self, folder: Path) -> None:
        ramp = style_of(folder, "{fields: [a], colormap: [[-5, navy], [0, white], [5, green]]}")
        assert ramp.ranges == ((-5.0, 5.0),)
        steps = style_of(folder, "{fields: [a], colormap: [{from: 1, to: 3, color: red}, {from: 3, color: blue}]}")
        assert isinstance(steps.colormap, Intervals)
        classes = style_of(folder, "{fields: [a], colormap: {1: red, 7: {color: '#00f', label: Water}}}")
        assert isinstance(classes.colormap, Categories)
        assert classes.colormap.colors == ((1, (255, 0, 0, 255), None), (7, (0, 0, 255, 255), "Water"))

    def test_the_first_style_comes_first(self, folder: Path) -> None:
        text = "{styles: {b: {fields: [h], range: [0, 1]}, a: {fields: [h], range: [0, 1]}}}"
        options = load(folder, collection(text)).resources["dem"].options
        assert [style.id for style in options.styles] == ["b", "a"]

    @pytest.mark.parametrize(
        ("style", "expected"),
        [
            ("{fields: [a], range: [5, 5]}", "range (line 4): [5, 5] was given; expected [low, high], two different"),
            ("{fields: [a], range: [0, .nan]}", "two different numbers"),
            ("{fields: [a]}", "range (line 4): nothing was given"),
            ("{fields: [a, b, c], range: [[0, 1], [0, 1]]}", "or 3 such pairs"),
            ("{fields: [a, b], range: [0, 1]}", "one field, or three"),
            ("{fields: height, range: [0, 1]}", "a list of at least one name"),
            ("{range: [0, 1]}", "fields (line 4): nothing was given"),
            ("{fields: [a], range: [0, 1], gamma: 0}", "greater than zero"),
            ("{fields: [a], range: [0, 1], colormap: terain}", "(did you mean terrain?)"),
            ("{fields: [a], range: [0, 1], colormap: virdis}", "(did you mean viridis?)"),
            ("{fields: [a], range: [0, 1], colormap: ['#12345', red]}", "is no colour"),
            ("{fields: [a], range: [0, 2], colormap: [[0, red], [1, blue]]}", "no range, as the values"),
            ("{fields: [a, b, c], range: [0, 1], colormap: terrain}", "one field instead of three"),
        ],
    )
    def test_what_cannot_be_drawn_is_a_mistake(self, folder: Path, style: str, expected: str) -> None:
        assert expected in style_mistakes(folder, style)

    def test_ids_of_styles_keep_the_rules_of_ids(self, folder: Path) -> None:
        said = mistakes(folder, collection("{styles: {a/b: {fields: [h], range: [0, 1]}}}"))
        assert "styles.a/b (line 4): 'a/b' was given; expected an id" in said
