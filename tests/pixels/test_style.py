from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from rio_tiler.colormap import apply_cmap, cmap
from rio_tiler.utils import linear_rescale

from ogcapi.model.crs import CRS84
from ogcapi.model.grid import BBox, Grid
from ogcapi.model.raster import Field, Raster
from ogcapi.model.style import Categories, Intervals, Ramp, Style
from ogcapi.pixels.colormaps import color, colormap, ramp
from ogcapi.pixels.scales import leveled, packed, places, scale_of, unpacked
from ogcapi.pixels.statistics import statistics
from ogcapi.pixels.style import Picture, automatic, colors_at, overlay, render
from ogcapi.pixels.tables import is_plain

RED, BLUE, WHITE = color("red"), color("blue"), color("white")
COLORMAPS = [
    None,
    ramp("viridis"),
    colormap([[-100, "navy"], [0, "#8888"], [0, "green"], [90, "white"]]),
    colormap([{"to": -50, "color": "blue"}, {"from": 0, "to": 20, "color": "green"}, {"from": 10, "color": "red"}]),
    colormap({-3: "red", 0: "blue", 77: {"color": "transparent", "label": "nothing"}, 300: "white"}),
]
DTYPES = ["uint8", "int8", "uint16", "int16", "int32", "uint64", "float32", "float64"]


def raster_of(values: npt.ArrayLike, valid: npt.ArrayLike | None = None, **attributes: object) -> Raster:
    values = np.asarray(values)
    grid = Grid(crs=CRS84, bbox=BBox(xmin=0, ymin=0, xmax=1, ymax=1), width=values.shape[2], height=values.shape[1])
    fields = tuple(Field(name=f"b{i}", dtype=values.dtype.name, **attributes) for i in range(1, len(values) + 1))
    known = np.ones(values.shape, bool) if valid is None else np.asarray(valid)
    return Raster(grid=grid, fields=fields, values=values, valid=known)


def style_of(colormap: Ramp | Intervals | Categories | None = None, *ranges: tuple[float, float], gamma: float = 1.0):
    ranges = ranges or ((-100.0, 90.0),)
    fields = tuple(f"b{i}" for i in range(1, len(ranges) + 1))
    return Style(id="s", title="S", fields=fields, ranges=ranges, gamma=gamma, colormap=colormap)


@st.composite
def styled(draw: st.DrawFn, dtypes: list[str] = DTYPES) -> tuple[Style, Raster]:
    """A style and a raster that has its fields."""
    dtype = np.dtype(draw(st.sampled_from(dtypes)))
    count = draw(st.sampled_from([1, 1, 3]))
    shape = (count, draw(st.integers(1, 12)), draw(st.integers(1, 12)))
    near = st.integers(-120, 120) if dtype.kind != "u" else st.integers(0, 120)
    values = draw(hnp.arrays(dtype, shape, elements=st.one_of(near.map(dtype.type), hnp.from_dtype(dtype))))
    ranges = draw(st.lists(st.tuples(st.integers(-90, 90), st.integers(-90, 90)), min_size=count, max_size=count))
    colors = draw(st.sampled_from(COLORMAPS)) if count == 1 else None
    style = style_of(colors, *((float(a), float(b)) for a, b in ranges), gamma=draw(st.sampled_from([0.5, 1.0, 2.2])))
    scale, offset = draw(st.sampled_from([(1.0, 0.0), (0.1, -5.0), (-2.0, 3.0)]))
    return style, raster_of(values, draw(hnp.arrays(bool, shape)), scale=scale, offset=offset)


LEVELS = np.stack([np.arange(256, dtype="uint8").reshape(16, 16)] * 3)


@settings(deadline=None)
@given(
    st.sampled_from([1, 3]),
    st.sampled_from([(0.0, 255.0), (255.0, 0.0), (0.0, 256.0), (0.4, 254.9), (0.0, 25.5), (-5.0, 20.5)]),
    st.sampled_from([1.0, 1.001, 2.0]),
    st.sampled_from([(1.0, 0.0), (0.1, 0.0), (0.1, -5.0), (-1.0, 255.0)]),
    st.sampled_from(COLORMAPS),
)
def test_a_style_is_plain_where_its_picture_has_the_values_themselves(count, range_, gamma, scaled, colormap):
    style = style_of(colormap if count == 1 else None, *[range_] * count, gamma=gamma)
    raster = raster_of(LEVELS, scale=scaled[0], offset=scaled[1])
    drawn = render(style, raster).rgba
    is_same = (drawn[..., :3] == LEVELS.transpose(1, 2, 0)).all() and (drawn[..., 3] == 255).all()
    assert is_plain(style, raster.fields) == is_same


def test_fields_of_more_than_8_bits_are_never_plain():
    assert is_plain(style_of(None, (0.0, 255.0)), raster_of(LEVELS).fields)
    assert not is_plain(style_of(None, (0.0, 255.0)), raster_of(LEVELS.astype("uint16")).fields)


@settings(deadline=None)
@given(styled(), st.data())
def test_drawing_and_cutting_is_cutting_and_drawing(pair: tuple[Style, Raster], data: st.DataObject) -> None:
    style, raster = pair
    height, width = raster.grid.shape
    bottom, right = data.draw(st.integers(1, height)), data.draw(st.integers(1, width))
    top, left = data.draw(st.integers(0, bottom - 1)), data.draw(st.integers(0, right - 1))
    window = np.s_[:, top:bottom, left:right]
    grid = replace(raster.grid, width=right - left, height=bottom - top)
    part = replace(raster, grid=grid, values=raster.values[window], valid=raster.valid[window])
    assert np.array_equal(render(style, part).rgba, render(style, raster).rgba[window[1:]])


@settings(deadline=None)
@given(styled())
def test_cells_without_data_or_that_are_not_numbers_are_wholly_clear(pair: tuple[Style, Raster]) -> None:
    style, raster = pair
    rgba = render(style, raster).rgba
    nothing = ~(raster.valid & ~np.isnan(raster.values.astype(float))).all(axis=0)
    assert not rgba[nothing].any()
    assert not rgba[rgba[..., 3] == 0].any()
    if not isinstance(style.colormap, Intervals | Categories):
        assert (rgba[~nothing][:, 3] > 0).all()


@settings(deadline=None)
@given(styled(["uint8", "int8", "uint16", "int16"]))
def test_small_whole_numbers_have_the_colours_that_the_same_floats_have(pair: tuple[Style, Raster]) -> None:
    style, raster = pair
    floats = replace(
        raster,
        values=raster.values.astype(np.float64),
        fields=tuple(replace(field, dtype="float64") for field in raster.fields),
    )
    assert np.array_equal(render(style, raster).rgba, render(style, floats).rgba)


def test_whole_numbers_of_either_byte_order_have_the_same_colours() -> None:
    values = np.arange(-300, 300, 7).astype(np.int16)[None, None]
    raster = raster_of(values)
    swapped = replace(raster, values=values.astype(">i2"))
    assert np.array_equal(render(style_of(ramp("jet")), swapped).rgba, render(style_of(ramp("jet")), raster).rgba)


@given(hnp.arrays(np.float32, (1, 4, 4), elements=st.floats(-200, 200, width=32)))
def test_ramps_agree_with_rio_tiler_to_the_nearest_colour(values: npt.NDArray[np.float32]) -> None:
    rgba = render(style_of(ramp("terrain"), (-128.0, 127.0)), raster_of(values)).rgba
    levels = np.rint(linear_rescale(values.astype(float), (-128, 127), (0, 255))).astype(np.uint8)
    oracle, alpha = apply_cmap(levels, cmap.get("terrain"))
    assert np.array_equal(rgba[..., :3], np.moveaxis(oracle, 0, 2))
    assert np.array_equal(rgba[..., 3], alpha)


@pytest.mark.parametrize("dtype", ["int16", "int32", "float32", "float64"])
@pytest.mark.parametrize("range_", [(-100.0, 90.0), (90.0, -100.0)], ids=["ascending", "descending"])
def test_the_ends_of_a_range_and_all_beyond_have_the_end_colours(dtype: str, range_: tuple[float, float]) -> None:
    start, end = range_
    far = 10_000 if end > start else -10_000
    colors = ramp("viridis").colors
    rgba = render(
        style_of(ramp("viridis"), range_), raster_of(np.array([[[start, start - far, end, end + far]]], dtype))
    )
    assert [tuple(cell) for cell in rgba.rgba[0].tolist()] == [colors[0], colors[0], colors[-1], colors[-1]]


def test_infinite_values_lie_beyond_the_range() -> None:
    rgba = render(style_of(None, (0.0, 1.0)), raster_of(np.array([[[-np.inf, np.inf]]]))).rgba
    assert rgba.tolist() == [[[0, 0, 0, 255], [255, 255, 255, 255]]]


def test_a_range_without_extent_parts_values_in_two() -> None:
    rgba = render(style_of(None, (5.0, 5.0)), raster_of(np.array([[[4, 5, 6]]], np.int16))).rgba
    assert rgba[0, :, 0].tolist() == [0, 0, 255]


def test_8_bit_red_green_and_blue_are_drawn_as_they_are() -> None:
    values = np.arange(256, dtype=np.uint8)[[np.arange(256), np.arange(256)[::-1], np.roll(np.arange(256), 7)]]
    rgba = render(style_of(None, *[(0.0, 255.0)] * 3), raster_of(values[:, None])).rgba
    assert np.array_equal(np.moveaxis(rgba[..., :3], 2, 0), values[:, None])


def test_gamma_above_one_brightens_and_leaves_the_ends() -> None:
    raster = raster_of(np.linspace(0, 1, 50)[None, None])
    plain, bright = (render(style_of(None, (0.0, 1.0), gamma=g), raster).rgba[0, :, 0].astype(int) for g in (1, 2))
    assert (bright >= plain).all()
    assert (bright[0], bright[-1]) == (plain[0], plain[-1]) == (0, 255)
    assert np.array_equal(bright, np.rint(np.linspace(0, 1, 50) ** 0.5 * 255))


def test_scale_and_offset_are_applied_before_the_range() -> None:
    raster = raster_of(np.array([[[100, 300]]], np.uint16), scale=0.1, offset=-10.0)
    assert render(style_of(None, (0.0, 20.0)), raster).rgba[0, :, 0].tolist() == [0, 255]


def test_intervals_hold_their_lower_end_the_first_of_two_wins_and_gaps_are_clear() -> None:
    steps = Intervals(steps=((0.0, 10.0, RED), (5.0, 20.0, BLUE), (30.0, float("inf"), WHITE)))
    raster = raster_of(np.array([[[-1, 0, 9.99, 10, 20, 29, 30, 1e9, np.inf]]]))
    clear = (0, 0, 0, 0)
    expected = [clear, RED, RED, BLUE, clear, clear, WHITE, WHITE, WHITE]
    assert [tuple(cell) for cell in render(style_of(steps), raster).rgba[0].tolist()] == expected


@pytest.mark.parametrize("dtype", ["uint8", "int16", "uint64", "float32"])
def test_categories_are_stored_values_and_others_are_clear(dtype: str) -> None:
    classes = Categories(colors=((7, BLUE, "Water"), (1, RED, None), (-1, WHITE, None), (2**40, WHITE, None)))
    raster = raster_of(np.array([[[1, 7, 6, 0, 255 if dtype == "uint8" else 200]]], dtype), scale=0.5, offset=3.0)
    clear = (0, 0, 0, 0)
    drawn = [tuple(cell) for cell in render(style_of(classes), raster).rgba[0].tolist()]
    assert drawn == [RED, BLUE, clear, clear, clear]


def test_neighbouring_large_categories_are_told_apart() -> None:
    classes = Categories(colors=((2**60, RED, None), (2**60 + 1, BLUE, None)))
    rgba = render(style_of(classes), raster_of(np.array([[[2**60, 2**60 + 1, 2**60 + 2]]], np.int64))).rgba
    assert rgba.tolist() == [[list(RED), list(BLUE), [0, 0, 0, 0]]]


def test_fields_are_chosen_by_name_whatever_their_order() -> None:
    raster = raster_of(np.array([[[0]], [[255]], [[51]]], np.uint8))
    style = Style(id="s", title="S", fields=("b3", "b1", "b2"), ranges=((0, 255),) * 3)
    assert render(style, raster).rgba.tolist() == [[[51, 0, 255, 255]]]


@settings(deadline=None)
@given(st.sampled_from(COLORMAPS[:4]), st.sampled_from([1.0, 2.2]))
def test_a_legend_asks_for_the_colours_that_pictures_have(colors: Ramp | Intervals | None, gamma: float) -> None:
    style, values = style_of(colors, gamma=gamma), np.linspace(-150, 150, 40)
    assert np.array_equal(colors_at(style, 0, values), render(style, raster_of(values[None, None])).rgba[0])


def picture_of(*cells: tuple[int, int, int, int]) -> Picture:
    return Picture(grid=None, cells=np.array([cells], np.uint8))


def test_a_picture_says_whether_it_is_opaque_or_empty() -> None:
    assert picture_of(RED, BLUE).is_opaque
    assert not picture_of(RED, (0, 0, 0, 0)).is_opaque
    assert picture_of((0, 0, 0, 0)).is_empty
    assert not picture_of((0, 0, 0, 0), (9, 9, 9, 1)).is_empty


def test_pictures_lie_over_each_other_from_the_first_at_the_bottom() -> None:
    half = (255, 0, 0, 128)
    below, above = picture_of(BLUE, BLUE, BLUE, (0, 0, 0, 0)), picture_of(RED, (0, 0, 0, 0), half, half)
    assert overlay([below, above]).rgba.tolist() == [[list(RED), list(BLUE), [128, 0, 127, 255], list(half)]]


@given(hnp.arrays(np.uint8, (2, 3, 4)))
def test_an_empty_picture_changes_nothing_above_or_below(rgba: npt.NDArray[np.uint8]) -> None:
    rgba[rgba[..., 3] == 0] = 0
    one, nothing = Picture(grid=None, cells=rgba), Picture(grid=None, cells=np.zeros_like(rgba))
    for pictures in ([one], [one, nothing], [nothing, one], [nothing, one, nothing]):
        assert np.array_equal(overlay(pictures).rgba, rgba)


@given(hnp.arrays(np.uint8, (2, 3, 4)), hnp.arrays(np.uint8, (2, 3, 4)))
def test_an_opaque_picture_covers_all_below(below: npt.NDArray[np.uint8], above: npt.NDArray[np.uint8]) -> None:
    above[..., 3] = 255
    assert np.array_equal(overlay([Picture(grid=None, cells=below), Picture(grid=None, cells=above)]).rgba, above)


def test_the_automatic_style_of_a_field_with_a_colour_table_is_that_table() -> None:
    table, names = {3: RED, 1: BLUE}, {1: "Water"}
    raster = raster_of(np.ones((1, 2, 2), np.uint8), colors=table, categories=names)
    style = automatic(raster.fields, lambda: statistics(raster)[0])
    assert style.id == "default"
    assert style.colormap == Categories(colors=((1, BLUE, "Water"), (3, RED, None)))
    assert tuple(render(style, raster).rgba[0, 0].tolist()) == BLUE


def test_the_automatic_style_of_8_bit_colours_shows_them_as_they_are() -> None:
    names = ("blue", "green", "red", "undefined")
    fields = tuple(Field(name=f"b{i}", dtype="uint8", interpretation=name) for i, name in enumerate(names, start=1))
    style = automatic(fields, lambda: statistics(raster_of(np.zeros((4, 1, 1), np.uint8)))[0])
    assert (style.fields, style.ranges) == (("b3", "b2", "b1"), ((0, 255),) * 3)


@pytest.mark.parametrize(("count", "chosen"), [(1, 1), (2, 1), (3, 3), (4, 3), (5, 1)])
def test_just_three_or_four_fields_of_8_bits_are_taken_for_colours(count: int, chosen: int) -> None:
    raster = raster_of(np.zeros((count, 1, 1), np.uint8))
    assert automatic(raster.fields, lambda: statistics(raster)[0]).fields == ("b1", "b2", "b3")[:chosen]


def test_the_automatic_style_of_other_data_leaves_two_percent_at_each_end() -> None:
    raster = raster_of(np.arange(1001, dtype=np.float32).reshape(1, 7, 143), scale=0.1)
    style = automatic(raster.fields, lambda: statistics(raster)[0])
    assert style.fields == ("b1",)
    assert style.colormap is None
    assert style.ranges[0] == pytest.approx((2.0, 98.0))


@pytest.mark.parametrize("value", [0.0, -3.5, np.nan, np.inf])
def test_the_automatic_style_of_a_constant_or_empty_sample_still_has_a_range(value: float) -> None:
    raster = raster_of(np.full((1, 3, 3), value))
    ((low, high),) = automatic(raster.fields, lambda: statistics(raster)[0]).ranges
    assert low < high


def test_the_automatic_style_of_data_with_few_exceptions_shows_them() -> None:
    values = np.zeros((1, 100, 100))
    values[0, 0, 0] = 8.0
    raster = raster_of(values)
    assert automatic(raster.fields, lambda: statistics(raster)[0]).ranges == ((0.0, 8.0),)


@pytest.mark.parametrize("cells", [np.zeros((2, 2, 5), np.uint8), np.zeros((2, 2, 3)), np.zeros(4, np.uint8)])
def test_a_picture_has_at_most_four_channels_of_8_bits(cells) -> None:
    with pytest.raises(ValueError, match="uint8"):
        Picture(grid=None, cells=cells)


@pytest.mark.parametrize("shape", [(257, 4), (0, 4), (3, 3)])
def test_a_palette_has_1_to_256_colours(shape: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match="palette"):
        Picture(grid=None, cells=np.zeros((2, 2), np.uint8), palette=np.zeros(shape, np.uint8))


@given(
    hnp.arrays(np.uint8, st.tuples(st.just(3), st.just(5), st.integers(2, 4))),
    hnp.arrays(np.uint8, (256, 4)),
)
def test_the_colours_of_a_picture_are_those_of_its_channels_or_of_its_palette(cells, palette) -> None:
    channels = {2: [0, 0, 0, 1], 3: [0, 1, 2], 4: [0, 1, 2, 3]}[cells.shape[2]]
    rgba = Picture(grid=None, cells=cells).rgba
    assert np.array_equal(rgba[..., : len(channels)], cells[..., channels])
    assert len(channels) == 4 or (rgba[..., 3] == 255).all()
    plane = np.ascontiguousarray(cells[..., 0])
    assert np.array_equal(Picture(grid=None, cells=plane).rgba, np.dstack([plane] * 3 + [np.full_like(plane, 255)]))
    assert np.array_equal(Picture(grid=None, cells=plane, palette=palette).rgba, palette[plane])


@given(hnp.arrays(np.uint8, (3, 5)), hnp.arrays(np.uint8, (256, 4), elements=st.sampled_from([0, 255])))
def test_a_picture_with_a_palette_is_as_opaque_as_its_cells(cells, palette) -> None:
    picture = Picture(grid=None, cells=cells, palette=palette)
    alpha = palette[cells][..., 3]
    assert picture.is_opaque == (alpha == 255).all()
    assert picture.is_empty == (alpha == 0).all()


def test_pictures_have_no_more_channels_than_their_style_yields() -> None:
    values = np.linspace(-100, 90, 256, dtype=np.float32).reshape(1, 16, 16)
    some = np.arange(256).reshape(1, 16, 16) % 7 > 0
    none = np.zeros((1, 16, 16), bool)
    wide = colormap([[-100, "navy"], [0, "#88f"], [0, "green"], [90, "white"]])
    three = style_of(None, *[(-100.0, 90.0)] * 3)
    fits = style_of(None, (-200.0, 90.0))
    for style, fields, valid, channels, has_palette in [
        (style_of(), 1, None, 1, False),
        (fits, 1, some, 1, True),
        (style_of(), 1, some, 1, True),
        (style_of(ramp("viridis")), 1, None, 1, True),
        (style_of(COLORMAPS[3]), 1, some, 1, True),
        (style_of(wide), 1, None, 3, False),
        (style_of(wide), 1, some, 4, False),
        (three, 3, None, 3, False),
        (three, 3, some, 4, False),
        (style_of(), 1, none, 1, True),
        (style_of(wide), 1, none, 1, True),
        (three, 3, none, 1, True),
    ]:
        whole = None if valid is None else valid.repeat(fields, 0)
        picture = render(style, raster_of(values.repeat(fields, 0), whole))
        assert (1 if picture.cells.ndim == 2 else picture.cells.shape[2]) == channels
        assert (picture.palette is not None) == has_palette
        assert picture.is_empty == (valid is none)
        assert picture.is_opaque == (valid is None)


@pytest.mark.parametrize("dtype", ["uint8", "float64"])
@pytest.mark.parametrize("colors", [None, ramp("viridis")], ids=["gray", "ramp"])
def test_where_all_256_colours_occur_opacity_stands_beside_them(dtype: str, colors: Ramp | None) -> None:
    values = np.arange(260).astype(np.uint8).astype(dtype).reshape(1, 13, 20)
    valid = np.arange(260).reshape(1, 13, 20) < 256
    style = style_of(colors, (0.0, 255.0))
    full, part = (render(style, raster_of(values, known)) for known in (None, valid))
    assert np.array_equal(part.rgba[valid[0]], full.rgba[valid[0]])
    assert not part.rgba[~valid[0]].any()
    assert part.cells.shape[2] == (2 if colors is None else 4)


@settings(deadline=None, max_examples=300)
@given(styled([*DTYPES, "float16", ">i2", ">f4", ">i8"]))
def test_pictures_have_the_colours_that_the_rule_gives_to_each_cell(pair: tuple[Style, Raster]) -> None:
    style, raster = pair
    values, fields = raster.values, raster.fields
    drawn = (raster.valid & (values == values)).all(axis=0)
    if len(fields) == 1:
        expected = scale_of(style).colors[places(style, fields[0], values[0])]
    else:
        rgba = np.full((*drawn.shape, 4), 255, np.uint8)
        for i, (range_, field) in enumerate(zip(style.ranges, fields, strict=True)):
            rgba[..., i] = leveled(range_, style.gamma, field, values[i], 255)
        expected = packed(rgba.reshape(-1, 4)).reshape(drawn.shape)
    assert np.array_equal(render(style, raster).rgba, unpacked(np.where(drawn, expected, np.uint32(0))))


@pytest.mark.parametrize("many", [False, True], ids=["indices", "more colours than indices"])
def test_ramps_of_any_number_of_colours_are_drawn_alike_from_all_types(many: bool) -> None:
    count = 300 if many else 200
    ramp_ = Ramp(colors=tuple((i % 256, i // 256, 7, 255) for i in range(count)) * (2 if many else 3))
    values = np.arange(-130, 126).reshape(1, 16, 16)
    drawn = [render(style_of(ramp_), raster_of(values.astype(dtype))) for dtype in ("int16", "int32", "float32")]
    assert np.array_equal(drawn[0].rgba, drawn[1].rgba)
    assert np.array_equal(drawn[0].rgba, drawn[2].rgba)
    assert (drawn[0].palette is None) == many


@given(hnp.arrays(np.uint8, (2, 3, 4)), hnp.arrays(np.uint8, (2, 3, 4)), hnp.arrays(bool, (2, 3)))
def test_cells_that_are_clear_or_opaque_are_chosen_as_mixing_would(below, above, opaque) -> None:
    above[..., 3] = np.where(opaque, 255, 0)
    above[~opaque] = 0
    below[below[..., 3] == 0] = 0
    chosen = overlay([Picture(grid=None, cells=below), Picture(grid=None, cells=above)]).rgba
    assert np.array_equal(chosen, np.where(opaque[..., None], above, below))
