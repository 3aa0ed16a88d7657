from __future__ import annotations

from io import BytesIO
from math import inf, log10
from xml.etree import ElementTree as ET

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from ogcapi.model.raster import Field
from ogcapi.model.style import Categories, Intervals, Ramp, Style
from ogcapi.pixels import drawing
from ogcapi.pixels.colormaps import color, colormap, ramp
from ogcapi.pixels.legend import legend_png, legend_svg, numbers, ticks

SVG = "{http://www.w3.org/2000/svg}"
HEIGHT = Field(name="height", dtype="float32", unit="m")
RGB = tuple(Field(name=name, dtype="uint16") for name in ("B04", "B03", "B02"))
CLASSES = colormap({1: {"color": "#0b6623", "label": "Forest"}, 2: {"color": "#1e90ff", "label": "Water"}})
STEPS = Intervals(steps=((-inf, 5.0, color("blue")), (5.0, 12.5, color("green")), (12.5, inf, color("red"))))


def style_of(colors: Ramp | Intervals | Categories | None = None, fields: int = 1, title: str = "Terrain") -> Style:
    names = ("height",) if fields == 1 else tuple(field.name for field in RGB)
    return Style(id="s", title=title, fields=names, ranges=((-8000.0, 21000.0),) * fields, colormap=colors)


STYLES = [style_of(), style_of(ramp("terrain")), style_of(CLASSES), style_of(STEPS), style_of(None, 3)]


def texts(svg: str) -> list[str]:
    return [element.text or "" for element in ET.fromstring(svg).iter(f"{SVG}text")]


def fills(svg: str) -> set[str]:
    return {element.get("fill", "") for element in ET.fromstring(svg).iter(f"{SVG}rect")}


def pixels(png: bytes) -> np.ndarray:
    with Image.open(BytesIO(png)) as image:
        return np.asarray(image.convert("RGB"))


@pytest.mark.parametrize("style", STYLES)
def test_both_formats_have_one_size_and_nothing_sticks_out(style: Style) -> None:
    root = ET.fromstring(legend_svg(style, (HEIGHT, *RGB)))
    image = pixels(legend_png(style, (HEIGHT, *RGB)))
    assert (int(root.get("height")), int(root.get("width"))) == image.shape[:2]
    frame = image[1:4, 1:-1].reshape(-1, 3), image[-4:-1, 1:-1].reshape(-1, 3), image[:, -4:-1][1:-1].reshape(-1, 3)
    assert all((edge == 255).all() for edge in frame)


@pytest.mark.parametrize("style", STYLES[:4])
def test_title_field_and_unit_stand_above_the_colours(style: Style) -> None:
    assert texts(legend_svg(style, [HEIGHT]))[:2] == ["Terrain", "height (m)"]


def test_a_ramp_has_its_colours_from_end_to_end_and_ticks_at_round_numbers() -> None:
    style = style_of(ramp("viridis"))
    svg, image = legend_svg(style, [HEIGHT]), pixels(legend_png(style, [HEIGHT]))
    assert texts(svg)[2:] == ["−5\u2009000", "0", "5\u2009000", "10\u2009000", "15\u2009000", "20\u2009000"]
    drawn = {tuple(cell) for cell in image.reshape(-1, 3).tolist()}
    for rgba in ramp("viridis").colors[2:254:25]:
        assert rgba[:3] in drawn
        assert "#" + bytes(rgba[:3]).hex() in fills(svg)


def test_a_descending_range_still_reads_from_the_left_to_the_right() -> None:
    style = Style(id="s", title="Depth", fields=("height",), ranges=((100.0, 0.0),), colormap=ramp("gray"))
    assert texts(legend_svg(style, [HEIGHT]))[2:] == ["0", "20", "40", "60", "80", "100"]
    bar = pixels(legend_png(style, [HEIGHT]))
    row = next(
        row for row in bar if (np.abs(np.diff(row[14:290, 0].astype(int))) < 3).all() and row[14, 0] != row[288, 0]
    )
    assert row[14, 0] > row[288, 0]


def test_intervals_and_categories_are_swatches_with_labels() -> None:
    assert texts(legend_svg(style_of(STEPS), [HEIGHT]))[2:] == ["< 5.0", "5.0 to 12.5", "≥ 12.5"]
    assert texts(legend_svg(style_of(CLASSES), [HEIGHT]))[2:] == ["Forest", "Water"]
    assert {"#0b6623", "#1e90ff"} <= fills(legend_svg(style_of(CLASSES), [HEIGHT]))


def test_categories_without_a_label_are_named_by_their_value_and_clear_ones_left_out() -> None:
    classes = colormap({1: {"color": "red", "label": "Fire"}, 2: "blue", 3: {"color": "transparent", "label": "None"}})
    assert texts(legend_svg(style_of(classes), [HEIGHT]))[2:] == ["Fire", "2"]


def test_where_not_all_categories_have_room_those_without_a_label_are_left_out() -> None:
    many = dict.fromkeys(range(2, 256), "blue")
    classes = colormap({1: {"color": "red", "label": "Fire"}, **many})
    assert texts(legend_svg(style_of(classes), [HEIGHT]))[2:] == ["Fire"]


def test_more_categories_than_there_is_room_for_are_counted() -> None:
    svg = legend_svg(style_of(colormap(dict.fromkeys(range(256), "red"))), [HEIGHT])
    assert texts(svg)[-1] == "and 208 more"
    assert int(ET.fromstring(svg).get("height")) < 400


def test_three_fields_are_three_bars_with_names_and_ranges() -> None:
    svg = legend_svg(style_of(None, 3, title="True colour"), RGB)
    assert texts(svg)[:4] == ["True colour", "B04", "−8\u2009000", "21\u2009000"]
    assert {"#ff0000", "#00ff00", "#0000ff"} <= fills(svg)


@given(st.text(max_size=40), st.text(max_size=10))
def test_any_title_and_unit_make_a_well_formed_legend(title: str, unit: str) -> None:
    style, field = style_of(CLASSES, title=title), Field(name="height", dtype="uint8", unit=unit)
    ET.fromstring(legend_svg(style, [field]))
    assert pixels(legend_png(style, [field])).shape[1] < 340


def test_markup_in_a_title_is_text() -> None:
    svg = legend_svg(style_of(CLASSES, title='<script>"&'), [HEIGHT])
    assert texts(svg)[0] == '<script>"&'


def test_where_no_wide_font_is_installed_letters_lose_their_accents(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(drawing, "_WIDE_FONTS", ())
    drawing._wide_font.cache_clear()
    drawing._font.cache_clear()
    try:
        assert drawing._printable("Höhe in km² – 水") == "Hohe in km2 - ?"
        accented, plain = (legend_png(style_of(CLASSES, title=title), [HEIGHT]) for title in ("Höhe", "Hohe"))
        assert accented == plain
    finally:
        drawing._wide_font.cache_clear()
        drawing._font.cache_clear()


@given(st.floats(-1e6, 1e6), st.floats(1e-3, 1e6), st.integers(2, 8))
def test_ticks_are_few_round_and_inside(low: float, extent: float, count: int) -> None:
    high = low + extent
    found = ticks(low, high, count)
    assert len(found) <= count
    assert all(low - extent * 1e-6 <= value <= high + extent * 1e-6 for value in found)
    if len(found) > 1:
        step = found[1] - found[0]
        assert np.allclose(np.diff(found), step, rtol=1e-6)
        leading = step / 10 ** np.floor(log10(step) + 1e-9)
        assert min(abs(leading - round_) for round_ in (1, 2, 2.5, 5, 10)) < 1e-3


@pytest.mark.parametrize("bounds", [(3.0, 3.0), (-1.7e308, 1.7e308)])
def test_a_range_that_cannot_be_parted_has_one_tick(bounds: tuple[float, float]) -> None:
    assert ticks(*bounds, 5) == [bounds[0]]


@pytest.mark.parametrize("count", [5, 6, 7])
@pytest.mark.parametrize("bounds", [(0, 1), (-8000, 21000), (0, 255), (0.013, 0.285), (-0.5, 0.5), (3e14, 2.3e15)])
def test_common_ranges_have_at_least_three_ticks(bounds: tuple[float, float], count: int) -> None:
    assert len(ticks(*bounds, count)) >= 3


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([0, 0.5, 1], ["0.0", "0.5", "1.0"]),
        ([-1000, 0, 1000], ["−1000", "0", "1000"]),
        ([-10000, 0, 5000], ["−10\u2009000", "0", "5\u2009000"]),
        ([0, 2.5, 5], ["0.0", "2.5", "5.0"]),
        ([0, 5e14, 1e15], ["0", "5e14", "1e15"]),
        ([0, 2e-6], ["0", "2e-6"]),
        ([0.1 + 0.2, 0.6], ["0.3", "0.6"]),
        ([-0.0, 1], ["0", "1"]),
        ([1234.5678], ["1235"]),
        ([12345678, 12345679], ["12345678", "12345679"]),
        ([5, 5], ["5", "5"]),
        ([], []),
    ],
)
def test_numbers_have_the_decimals_that_they_need(values: list[float], expected: list[str]) -> None:
    assert numbers(values) == expected
