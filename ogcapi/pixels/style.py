"""From values to colours: a style, a raster, a picture.

A picture depends on the values alone: each cell is coloured for itself, so that neighbouring tiles always fit.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from math import inf
from typing import Any

import numpy as np
import numpy.typing as npt

from ogcapi.model.grid import Grid
from ogcapi.model.raster import Field, FieldStatistics, Raster, Rgba, Values
from ogcapi.model.style import Categories, Intervals, Ramp, Range, Style

Pixels = npt.NDArray[np.uint8]
_Packed = npt.NDArray[np.uint32]

_GRAY = tuple((level, level, level, 255) for level in range(256))
_TABLE_BYTES = 2  # stored values of at most so many bytes are coloured through a table of all of them
_RGB = ("red", "green", "blue")


@dataclass(frozen=True, kw_only=True, eq=False)
class Picture:
    """Colours on a grid."""

    grid: Grid | None
    """None for what lies nowhere, such as a legend."""
    rgba: Pixels
    """(row, col, 4): red, green, blue and opacity (255 is opaque), not premultiplied; all 0 where there is nothing."""

    def __post_init__(self) -> None:
        if self.rgba.dtype != np.uint8 or self.rgba.ndim != 3 or self.rgba.shape[2] != 4:
            raise ValueError(f"a picture is uint8 (row, col, 4), not {self.rgba.dtype} {self.rgba.shape}")

    @cached_property
    def is_opaque(self) -> bool:
        """Whether nothing beneath shows through any cell."""
        return bool((self.rgba[..., 3] == 255).all())

    @cached_property
    def is_empty(self) -> bool:
        """Whether nothing is drawn in any cell."""
        return not self.rgba[..., 3].any()


def render(style: Style, raster: Raster) -> Picture:
    """The picture that a style makes of a raster; cells where a field of the style is not valid, or is NaN, are clear.

    Raises KeyError where the raster lacks a field of the style.
    """
    places = {field.name: i for i, field in enumerate(raster.fields)}
    chosen = [places[name] for name in style.fields]
    planes = [(raster.fields[i], raster.values[i]) for i in chosen]
    drawn = raster.valid[chosen].all(axis=0)
    if raster.values.dtype.kind == "f":
        drawn &= ~np.isnan(raster.values[chosen]).any(axis=0)
    if len(planes) == 1:
        colors = _colors(style, *planes[0])
    else:
        rgba = np.full((*drawn.shape, 4), 255, np.uint8)
        for channel, (plane, range_) in enumerate(zip(planes, style.ranges, strict=True)):
            rgba[..., channel] = _levels(range_, style.gamma, *plane)
        colors = rgba.view(np.uint32)[..., 0]
    rgba = np.where(drawn, colors, np.uint32(0)).view(np.uint8).reshape(*drawn.shape, 4)
    return Picture(grid=raster.grid, rgba=rgba)


def colors_at(style: Style, channel: int, physical: npt.NDArray[np.float64]) -> Pixels:
    """(value, 4): the colours of physical values; of one of three fields, what its channel alone adds to black."""
    field = Field(name=style.fields[channel], dtype="float64")
    if len(style.fields) == 1:
        return _paint(style, field, physical).view(np.uint8).reshape(-1, 4)
    rgba = np.zeros((*physical.shape, 4), np.uint8)
    rgba[:, channel] = _levels(style.ranges[channel], style.gamma, field, physical)
    rgba[:, 3] = 255
    return rgba


def overlay(pictures: Sequence[Picture]) -> Picture:
    """Pictures of one size drawn over each other, the first at the bottom."""
    below = pictures[0]
    for above in pictures[1:]:
        if above.is_empty:
            continue
        below = above if above.is_opaque or below.is_empty else _over(below, above)
    return below


def automatic(fields: Sequence[Field], measure: Callable[[], FieldStatistics]) -> Style:
    """The style of a collection that none was written for, with the id `default`.

    The first field's colour table; else three fields of 8 bits that are red, green and blue, or the first three of
    just three or four such fields; else the first field in gray, between its 2nd and 98th percentile: only then are its
    statistics measured.
    """
    first = fields[0]
    if first.colors:
        labels = first.categories or {}
        colors = tuple((value, rgba, labels.get(value)) for value, rgba in sorted(first.colors.items()))
        return _default((first,), ((float(colors[0][0]), float(colors[-1][0])),), Categories(colors=colors))
    channels = _rgb_fields(fields)
    if channels:
        return _default(channels, tuple((field.offset, 255 * field.scale + field.offset) for field in channels))
    found = measure()
    if found.minimum is None or found.maximum is None or found.p2 is None or found.p98 is None:
        return _default((first,), ((0.0, 1.0),))
    low, high = (found.p2, found.p98) if found.p2 < found.p98 else (found.minimum, found.maximum)
    return _default((first,), ((low, high if low < high else low + 1.0),))


def _default(fields: Sequence[Field], ranges: tuple[Range, ...], colormap: Categories | None = None) -> Style:
    names = tuple(field.name for field in fields)
    return Style(id="default", title="Default", fields=names, ranges=ranges, colormap=colormap)


def _rgb_fields(fields: Sequence[Field]) -> tuple[Field, ...]:
    """The fields that are red, green and blue as they are; none where there are no such three."""
    named = {field.interpretation: field for field in reversed(fields) if field.dtype == "uint8"}
    if all(name in named for name in _RGB):
        return tuple(named[name] for name in _RGB)
    if len(fields) in {3, 4} and all(field.dtype == "uint8" for field in fields):
        return tuple(fields[:3])
    return ()


def _over(below: Picture, above: Picture) -> Picture:
    """Porter and Duff's `over` of colours that are not premultiplied."""
    a = above.rgba[..., 3:].astype(np.float32) / 255
    b = below.rgba[..., 3:].astype(np.float32) / 255 * (1 - a)
    alpha = a + b
    mixed = (above.rgba[..., :3] * a + below.rgba[..., :3] * b) / np.where(alpha > 0, alpha, 1)
    rgba = np.rint(np.concatenate([mixed, alpha * 255], axis=2)).astype(np.uint8)
    return Picture(grid=below.grid, rgba=rgba)


def _colors(style: Style, field: Field, values: Values) -> _Packed:
    """The colours of one field's values, packed in one number each."""
    if values.dtype.kind in "iu" and values.dtype.itemsize <= _TABLE_BYTES:
        return np.take(_color_table(style, field, values.dtype.str), _as_index(values))
    return _paint(style, field, values)


def _levels(range_: Range, gamma: float, field: Field, values: Values) -> Pixels:
    """The intensity of one field's values, 0 to 255."""
    if values.dtype.kind in "iu" and values.dtype.itemsize <= _TABLE_BYTES:
        return np.take(_level_table(range_, gamma, field, values.dtype.str), _as_index(values))
    return _scaled(range_, gamma, field, values, 255).astype(np.uint8)


@lru_cache(maxsize=64)
def _color_table(style: Style, field: Field, dtype: str) -> _Packed:
    return _paint(style, field, _all_values(dtype))


@lru_cache(maxsize=64)
def _level_table(range_: Range, gamma: float, field: Field, dtype: str) -> Pixels:
    return _scaled(range_, gamma, field, _all_values(dtype), 255).astype(np.uint8)


def _as_index(values: Values) -> npt.NDArray[Any]:
    """Whole numbers as their bits, counted from 0."""
    return values.view(np.dtype(f"u{values.dtype.itemsize}").newbyteorder(values.dtype.byteorder))


def _all_values(dtype: str) -> Values:
    """Every value of a type of whole numbers, in the order of `_as_index`."""
    kind = np.dtype(dtype)
    return np.arange(2 ** (8 * kind.itemsize)).astype(np.dtype(f"u{kind.itemsize}")).view(kind.newbyteorder("="))


def _paint(style: Style, field: Field, values: Values) -> _Packed:
    """The rule itself, for values of any type and shape."""
    if isinstance(style.colormap, Categories):
        return _category_colors(style.colormap, values)
    if isinstance(style.colormap, Intervals):
        return _interval_colors(style.colormap, _physical(field, values))
    colors = _ramp_colors(style)
    return np.take(colors, _scaled(style.ranges[0], style.gamma, field, values, len(colors) - 1))


@lru_cache(maxsize=256)
def _ramp_colors(style: Style) -> _Packed:
    return _pack(style.colormap.colors if isinstance(style.colormap, Ramp) else _GRAY)


def _physical(field: Field, values: Values) -> npt.NDArray[np.float64]:
    with np.errstate(over="ignore", invalid="ignore"):
        return values.astype(np.float64) * field.scale + field.offset


def _scaled(range_: Range, gamma: float, field: Field, values: Values, top: int) -> npt.NDArray[np.intp]:
    """Whole numbers from 0 at the start of the range to `top` at its end, whichever is greater; 0 for NaN."""
    start, end = range_
    physical = _physical(field, values)
    if start == end:
        return np.where(physical > start, top, 0)
    with np.errstate(over="ignore", invalid="ignore"):
        share = np.clip((physical - start) / (end - start), 0, 1)
    if gamma != 1:
        share **= 1 / gamma
    return np.rint(np.nan_to_num(share, copy=False, nan=0.0) * top).astype(np.intp)


def _interval_colors(colormap: Intervals, physical: npt.NDArray[np.float64]) -> _Packed:
    """The colour of the first interval that holds each value."""
    ends = np.array(sorted({end for low, high, _ in colormap.steps for end in (low, high)}), np.float64)
    between = np.zeros(len(ends) + 1, np.uint32)  # from each end to the next; nothing before the first
    for low, high, rgba in reversed(colormap.steps):
        first, last = np.searchsorted(ends, (low, high)) + 1
        between[first : None if high == inf else last] = _pack((rgba,))  # an open end holds infinity too
    return between[np.searchsorted(ends, physical, side="right")]


def _category_colors(colormap: Categories, values: Values) -> _Packed:
    known = sorted((value, rgba) for value, rgba, _ in colormap.colors if _is_value(value, values.dtype))
    if not known:
        return np.zeros(values.shape, np.uint32)
    keys = np.array([value for value, _ in known], values.dtype)
    colors = _pack([rgba for _, rgba in known])
    place = np.minimum(np.searchsorted(keys, values), len(keys) - 1)
    return np.where(keys[place] == values, colors[place], np.uint32(0))


def _is_value(value: int, dtype: np.dtype[Any]) -> bool:
    """Whether a type has that whole number."""
    if dtype.kind in "iu":
        return bool(np.iinfo(dtype).min <= value <= np.iinfo(dtype).max)
    return abs(value) <= 1 << int(np.finfo(dtype).nmant)


def _pack(colors: Sequence[Rgba]) -> _Packed:
    """Colours as one number each, in the order of their bytes in memory; all clear ones are 0."""
    rgba = np.array(colors, np.uint8)
    rgba[rgba[:, 3] == 0] = 0
    return rgba.view(np.uint32)[:, 0]
