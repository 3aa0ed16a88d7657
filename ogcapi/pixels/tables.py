"""Pictures by tables: a style is compiled once for each field and type, and a cell's colour is looked up.

Values of up to 16 bits are looked up as they are; others are first put on the style's scale, which is the same as the
rule in `scales`, cell by cell.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ogcapi.model.raster import Field, Valid, Values
from ogcapi.model.style import Ramp, Range, Style
from ogcapi.pixels.scales import MOST, MOST_PLACES, Packed, Pixels, Places, Scale, leveled, places, scale_of, unpacked

if TYPE_CHECKING:
    from types import ModuleType

_TABLE_BYTES = 2  # stored values of at most so many bytes are looked up as they are

Cells = tuple[Pixels, Pixels | None]
"""A picture's cells and palette."""


def nothing(shape: tuple[int, ...]) -> Cells:
    """Clear cells."""
    return np.zeros(shape, np.uint8), np.zeros((1, 4), np.uint8)


def drawn_by_one(style: Style, field: Field, values: Values, valid: Valid) -> Cells:
    """The picture of one field; values and valid are (row, col)."""
    scale = scale_of(style)
    plane, known = _flat(values), _flat(valid)
    stored: str | None = None
    if _is_small(values.dtype):
        plane, stored = _as_index(plane), plane.dtype.str
    else:
        plane, known = _on_scale(style, field, scale, plane, known)
    if scale.palette is None:
        return _drawn_by_many_colors(style, field, stored, plane, known, values.shape)
    table = _index_table(style, field, stored)
    if table is None:
        cells, drawn = plane, int(np.count_nonzero(known))
    else:
        cells = np.empty(plane.size, np.uint8)
        drawn = _paint().looked_up(plane, known, table, scale.clear or 0, cells)
    palette = None if scale.is_gray else scale.palette
    if drawn == 0:
        return nothing(values.shape)
    if drawn < cells.size and scale.clear is None:
        cells, palette = _with_a_clear_color(scale.palette, cells, known, is_gray=scale.is_gray)
    return cells.reshape(*values.shape, *cells.shape[1:]), palette


def drawn_by_three(style: Style, fields: Sequence[Field], planes: Sequence[Values], valid: Sequence[Valid]) -> Cells:
    """The picture of red, green and blue; each of planes and of valid is (row, col)."""
    indices, knowns, tables = [], [], []
    for range_, field, values, one in zip(style.ranges, fields, planes, valid, strict=True):
        plane, known = _flat(values), _flat(one)
        if _is_small(values.dtype):
            plane, table = _as_index(plane), _level_table(range_, style.gamma, field, plane.dtype.str)
        else:
            plane, known = _leveled(range_, style.gamma, field, plane, known, MOST - 1, 0)
            table = _all_levels()
        indices.append(plane)
        knowns.append(known)
        tables.append(table)
    return _composed(indices, knowns, tables, planes[0].shape)


@lru_cache(maxsize=256)
def is_plain(style: Style, fields: Sequence[Field]) -> bool:
    """Whether a style draws values of 8 bits as the levels that they are: of gray, or of red, green and blue.

    `fields` are those that there are, as a tuple. Raises KeyError where one of the style is not among them.
    """
    by_name = {field.name: field for field in fields}
    chosen = [by_name[name] for name in style.fields]
    return style.colormap is None and all(
        field.dtype == "uint8" and np.array_equal(_level_table(range_, style.gamma, field, "|u1"), _all_levels())
        for range_, field in zip(style.ranges, chosen, strict=True)
    )


def _drawn_by_many_colors(
    style: Style, field: Field, stored: str | None, plane: Values, known: Valid, shape: tuple[int, ...]
) -> Cells:
    """The picture of one field in more colours than a palette holds."""
    channels = _channel_tables(style, field, stored)
    if channels is not None:
        return _composed([plane] * 3, [known] * 3, channels, shape)
    if not known.any():
        return nothing(shape)
    colors = np.take(_color_table(style, field, stored), plane)
    return unpacked(np.where(known, colors, np.uint32(0)).reshape(shape)), None


def _composed(
    planes: Sequence[Values], valid: Sequence[Valid], tables: Sequence[Pixels], shape: tuple[int, ...]
) -> Cells:
    if all(one.all() for one in valid):
        rgb = np.empty(3 * planes[0].size, np.uint8)
        _paint().rgb(tuple(planes), tuple(tables), rgb)
        return rgb.reshape(*shape, 3), None
    rgba = np.empty(planes[0].size, np.uint32)
    _paint().rgba(tuple(planes), tuple(valid), tuple(tables), rgba)
    return (unpacked(rgba.reshape(shape)), None) if rgba.any() else nothing(shape)


def _on_scale(style: Style, field: Field, scale: Scale, values: Values, valid: Valid) -> tuple[Values, Valid]:
    """The places of values on a scale, in one byte or two, and where they are known.

    Elsewhere what is clear, where the places are the palette's indices.
    """
    top = len(scale.colors) - 1
    clear = (scale.clear or 0) if scale.indices is None else 0
    if style.colormap is None or isinstance(style.colormap, Ramp):
        return _leveled(style.ranges[0], style.gamma, field, values, valid, top, clear)
    return _counted(places(style, field, values), values, valid, top, clear)


def _leveled(
    range_: Range, gamma: float, field: Field, values: Values, valid: Valid, top: int, clear: int
) -> tuple[Values, Valid]:
    """Levels from 0 to `top`, and where values are valid numbers; `clear` where they are not."""
    start, end = range_
    if gamma != 1 or start == end or top >= MOST_PLACES:
        return _counted(leveled(range_, gamma, field, values, top), values, valid, top, clear)
    if values.dtype.name not in {"float32", "float64"}:
        values = _read_only(values.astype(np.float64))
    levels = np.empty(values.size, np.uint8 if top < MOST else np.uint16)
    drawn = _paint().levels(
        values, valid, float(field.scale), float(field.offset), float(start), float(end - start), top, clear, levels
    )
    return _read_only(levels), valid if drawn == levels.size else _numbers(values, valid)


def _counted(found: Places, values: Values, valid: Valid, top: int, clear: int) -> tuple[Values, Valid]:
    known = _numbers(values, valid)
    dtype = np.uint8 if top < MOST else np.uint16 if top < MOST_PLACES else np.intp
    return _read_only(np.where(known, found, clear).astype(dtype)), known


def _numbers(values: Values, valid: Valid) -> Valid:
    """Where values are valid and not NaN."""
    return _read_only(valid & (values == values)) if values.dtype.kind == "f" else valid  # NaN is not equal to itself


def _with_a_clear_color(
    palette: Pixels, indices: Pixels, known: Valid, *, is_gray: bool
) -> tuple[Pixels, Pixels | None]:
    """Cells with a clear one where not known, be it for a colour that does not occur, or as opacity of their own."""
    cells = np.empty_like(indices)
    free = _paint().freed(_read_only(indices), known, cells)
    if free >= 0:
        palette = palette.copy()
        palette[free] = 0
        return cells, palette
    if is_gray:
        return np.stack([indices, np.where(known, np.uint8(255), np.uint8(0))], axis=1), None
    colors = np.take(palette.view(np.uint32)[:, 0], indices)
    return unpacked(np.where(known, colors, np.uint32(0))), None


@lru_cache(maxsize=64)
def _color_table(style: Style, field: Field, stored: str | None) -> Packed:
    """The colours of all values of a type of whole numbers; without a type, of all places on the scale."""
    colors = scale_of(style).colors
    return colors if stored is None else np.take(colors, places(style, field, _all_values(stored)))


@lru_cache(maxsize=64)
def _channel_tables(style: Style, field: Field, stored: str | None) -> tuple[Pixels, ...] | None:
    """The same for red, green and blue apart; None where any colour is not opaque."""
    rgba = unpacked(_color_table(style, field, stored))
    if len(rgba) > MOST_PLACES or (rgba[:, 3] < 255).any():
        return None
    return tuple(_read_only(rgba[:, i].copy()) for i in range(3))


@lru_cache(maxsize=64)
def _index_table(style: Style, field: Field, stored: str | None) -> Pixels | None:
    """The same as indices in the style's palette; None where an index is the place itself."""
    scale = scale_of(style)
    if stored is None:
        return scale.indices
    found = places(style, field, _all_values(stored))
    return _read_only(found.astype(np.uint8) if scale.indices is None else np.take(scale.indices, found))


@lru_cache(maxsize=64)
def _level_table(range_: Range, gamma: float, field: Field, stored: str) -> Pixels:
    return _read_only(leveled(range_, gamma, field, _all_values(stored), MOST - 1).astype(np.uint8))


@lru_cache(maxsize=1)
def _all_levels() -> Pixels:
    return _read_only(np.arange(MOST, dtype=np.uint8))


def _is_small(dtype: np.dtype[Any]) -> bool:
    return dtype.kind in "iu" and dtype.itemsize <= _TABLE_BYTES


def _as_index(values: Values) -> npt.NDArray[Any]:
    """Whole numbers as their bits, counted from 0."""
    return _read_only(values.view(f"u{values.dtype.itemsize}"))


def _all_values(dtype: str) -> Values:
    """Every value of a type of whole numbers, in the order of `_as_index`."""
    kind = np.dtype(dtype)
    return np.arange(2 ** (8 * kind.itemsize)).astype(f"u{kind.itemsize}").view(kind.newbyteorder("="))


def _flat(array: Values) -> Values:
    """The array in one row, in this machine's byte order."""
    return _read_only(np.ascontiguousarray(array, array.dtype.newbyteorder("=")).reshape(-1))


def _read_only(array: Values) -> Values:
    """The array, not to be written: loops are compiled once for these, not again for others."""
    view = array.view()
    view.flags.writeable = False
    return view


def _paint() -> ModuleType:
    from ogcapi.pixels import paint  # noqa: PLC0415 - numba takes its time, and few commands draw

    return paint
