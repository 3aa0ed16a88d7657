"""Scales of colours: which colours a style of one field has, in order, and at which place a value stands.

This is the rule itself, for values of any type and shape, in numpy. `style` draws by tables made of it, or by the
compiled loops that do the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from math import inf
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from ogcapi.model.raster import Field, Rgba, Values
from ogcapi.model.style import Categories, Intervals, Ramp, Range, Style

Pixels = npt.NDArray[np.uint8]
Packed = npt.NDArray[np.uint32]
Places = npt.NDArray[np.intp]
T = TypeVar("T", bound=np.generic)

MOST = 256  # colours that one byte can name
MOST_PLACES = 1 << 16  # that two bytes can count
_GRAY = tuple((level, level, level, 255) for level in range(MOST))


@dataclass(frozen=True, kw_only=True, eq=False)
class Scale:
    """The colours of a style of one field, and the palette that names them by one byte."""

    colors: Packed
    """By place, along the scale."""
    palette: Pixels | None
    """(index, 4): the same colours with room for a clear one where 255 or less; None where they are more than 256."""
    indices: Pixels | None
    """By place: the index in the palette; None where there is no palette, and where it is the place itself."""
    clear: int | None
    """Index of the clear colour; None where all 256 are taken."""
    is_gray: bool
    """Whether the palette is gray, from black to white."""


@lru_cache(maxsize=256)
def scale_of(style: Style) -> Scale:
    """The scale of a style of one field."""
    colors = _read_only(_colors(style))
    distinct, first, indices = np.unique(colors, return_index=True, return_inverse=True)
    if len(distinct) > MOST or len(colors) > MOST_PLACES:
        return Scale(colors=colors, palette=None, indices=None, clear=None, is_gray=False)
    if len(colors) > MOST:  # repeated ones: in the order in which they come, so that near values have near indices
        order = np.argsort(first)
        shown, indices = distinct[order], np.argsort(order)[indices]
    else:
        shown, indices = colors, np.arange(len(colors))
    clears = np.flatnonzero(shown == 0)
    if not clears.size and len(shown) < MOST:
        shown, indices, clears = np.append(np.uint32(0), shown), indices + 1, np.zeros(1, int)
    is_identity = np.array_equal(indices, np.arange(len(colors)))
    return Scale(
        colors=colors,
        palette=_read_only(unpacked(shown)),
        indices=None if is_identity else _read_only(indices.astype(np.uint8)),
        clear=int(clears[0]) if clears.size else None,
        is_gray=style.colormap is None,
    )


def places(style: Style, field: Field, values: Values) -> Places:
    """Where along the scale of a style of one field its stored values stand."""
    if isinstance(style.colormap, Categories):
        return _category_places(style.colormap, values)
    if isinstance(style.colormap, Intervals):
        return np.searchsorted(_ends(style.colormap), physical(field, values), side="right")
    return leveled(style.ranges[0], style.gamma, field, values, len(_colors(style)) - 1)


def leveled(range_: Range, gamma: float, field: Field, values: Values, top: int) -> Places:
    """Whole numbers from 0 at the start of the range to `top` at its end, whichever is greater; 0 for NaN."""
    start, end = range_
    numbers = physical(field, values)
    if start == end:
        return np.where(numbers > start, top, 0)
    with np.errstate(over="ignore", invalid="ignore"):
        share = np.clip((numbers - start) / (end - start), 0, 1)
    if gamma != 1:
        share **= 1 / gamma
    return np.rint(np.nan_to_num(share, copy=False, nan=0.0) * top).astype(np.intp)


def physical(field: Field, values: Values) -> npt.NDArray[np.float64]:
    """Stored values as what they mean."""
    with np.errstate(over="ignore", invalid="ignore"):
        return values.astype(np.float64) * field.scale + field.offset


def packed(colors: Sequence[Rgba] | Pixels) -> Packed:
    """Colours (color, 4) as one number each, in the order of their bytes in memory; all clear ones are 0."""
    rgba = np.array(colors, np.uint8)
    rgba[rgba[:, 3] == 0] = 0
    return rgba.view(np.uint32)[:, 0]


def unpacked(colors: Packed) -> Pixels:
    """Packed colours of any shape with their four channels as the last axis."""
    return np.ascontiguousarray(colors).view(np.uint8).reshape(*colors.shape, 4)


@lru_cache(maxsize=256)
def _colors(style: Style) -> Packed:
    match style.colormap:
        case Categories() as categories:
            return packed([(0, 0, 0, 0), *(rgba for _, rgba in _sorted(categories))])
        case Intervals() as intervals:
            return _interval_colors(intervals)
        case Ramp() as ramp:
            return packed(ramp.colors)
    return packed(_GRAY)


def _read_only(array: npt.NDArray[T]) -> npt.NDArray[T]:
    array.flags.writeable = False
    return array


def _ends(colormap: Intervals) -> npt.NDArray[np.float64]:
    """Where intervals start or end, ascending."""
    return np.array(sorted({end for low, high, _ in colormap.steps for end in (low, high)}), np.float64)


def _interval_colors(colormap: Intervals) -> Packed:
    """The colour of the first interval that holds the values from each end to the next; none before the first."""
    ends = _ends(colormap)
    between = np.zeros(len(ends) + 1, np.uint32)
    for low, high, rgba in reversed(colormap.steps):
        first, last = np.searchsorted(ends, (low, high)) + 1
        between[first : None if high == inf else last] = packed((rgba,))  # an open end holds infinity too
    return between


def _sorted(colormap: Categories) -> list[tuple[int, Rgba]]:
    return sorted((value, rgba) for value, rgba, _ in colormap.colors)


def _category_places(colormap: Categories, values: Values) -> Places:
    """One more than the rank of the category that each value is; 0 where it is none."""
    known = [(value, i) for i, (value, _) in enumerate(_sorted(colormap), 1) if _is_value(value, values.dtype)]
    if not known:
        return np.zeros(values.shape, np.intp)
    keys = np.array([value for value, _ in known], values.dtype)
    ranks = np.array([rank for _, rank in known])
    place = np.minimum(np.searchsorted(keys, values), len(keys) - 1)
    return np.where(keys[place] == values, ranks[place], 0)


def _is_value(value: int, dtype: np.dtype[Any]) -> bool:
    """Whether a type has that whole number."""
    if dtype.kind in "iu":
        return bool(np.iinfo(dtype).min <= value <= np.iinfo(dtype).max)
    return abs(value) <= 1 << int(np.finfo(dtype).nmant)
