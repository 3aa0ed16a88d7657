"""From values to colours: a style, a raster, a picture.

A picture depends on the values alone: each cell is coloured for itself, so that neighbouring tiles always fit.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from ogcapi.model.grid import Grid
from ogcapi.model.raster import Field, FieldStatistics, Raster
from ogcapi.model.style import Categories, Range, Style
from ogcapi.pixels.scales import MOST, Pixels, leveled, places, scale_of, unpacked
from ogcapi.pixels.tables import drawn_by_one, drawn_by_three

_RGB = ("red", "green", "blue")
_FEW = 8  # colours that are looked for one by one


@dataclass(frozen=True, kw_only=True, eq=False)
class Picture:
    """Colours on a grid, with no more channels than their style yields."""

    grid: Grid | None
    """None for what lies nowhere, such as a legend."""
    cells: Pixels
    """Colours that are not premultiplied, all channels 0 where there is nothing:

    (row, col): gray from black to white, or indices of the palette;
    (row, col, 2): gray and opacity (255 is opaque); (row, col, 3): red, green, blue; (row, col, 4): these and opacity.
    """
    palette: Pixels | None = None
    """(index, 4): red, green, blue and opacity of at most 256 colours."""

    def __post_init__(self) -> None:
        shape = self.cells.shape
        if self.cells.dtype != np.uint8 or len(shape) not in {2, 3} or (len(shape) == 3 and shape[2] not in {2, 3, 4}):
            raise ValueError(f"a picture is uint8 (row, col) or (row, col, 2 to 4), not {self.cells.dtype} {shape}")
        if self.palette is not None and (
            len(shape) != 2
            or self.palette.dtype != np.uint8
            or self.palette.shape[1:] != (4,)
            or not 0 < len(self.palette) <= MOST
        ):
            raise ValueError(f"a palette is uint8 (1 to 256, 4) of cells (row, col), not {self.palette.shape}")

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width in cells."""
        return self.cells.shape[0], self.cells.shape[1]

    @cached_property
    def rgba(self) -> Pixels:
        """(row, col, 4): red, green, blue and opacity."""
        if self.cells.ndim == 2:
            palette = scale_of(_GRAY).palette if self.palette is None else self.palette
            return unpacked(np.take(np.ascontiguousarray(palette).view(np.uint32)[:, 0], self.cells))
        channels = self.cells.shape[2]
        if channels == 4:
            return self.cells
        rgba = np.full((*self.shape, 4), 255, np.uint8)
        for i in range(3):
            rgba[..., i] = self.cells[..., i if channels == 3 else 0]
        if channels == 2:
            rgba[..., 3] = self.cells[..., 1]
        return rgba

    @cached_property
    def is_opaque(self) -> bool:
        """Whether nothing beneath shows through any cell."""
        if self.palette is not None:
            return not self._has(np.flatnonzero(self.palette[:, 3] < 255))
        return self.cells.ndim == 2 or self.cells.shape[2] == 3 or bool((self.cells[..., -1] == 255).all())

    @cached_property
    def is_empty(self) -> bool:
        """Whether nothing is drawn in any cell."""
        if self.palette is not None:
            return not self._has(np.flatnonzero(self.palette[:, 3]))
        return self.cells.ndim == 3 and self.cells.shape[2] != 3 and not self.cells[..., -1].any()

    def _has(self, indices: npt.NDArray[np.intp]) -> bool:
        """Whether any of these colours of the palette occurs."""
        if len(indices) <= _FEW:
            return any(bool((self.cells == index).any()) for index in indices)
        wanted = np.zeros(MOST, bool)
        wanted[indices] = True
        return bool(wanted[self.cells[0, 0]]) or bool(np.take(wanted, self.cells).any())


def render(style: Style, raster: Raster) -> Picture:
    """The picture that a style makes of a raster; cells where a field of the style is not valid, or is NaN, are clear.

    Raises KeyError where the raster lacks a field of the style.
    """
    by_name = {field.name: i for i, field in enumerate(raster.fields)}
    chosen = [by_name[name] for name in style.fields]
    fields, planes, valid = zip(*((raster.fields[i], raster.values[i], raster.valid[i]) for i in chosen), strict=True)
    if len(chosen) == 1:
        cells, palette = drawn_by_one(style, fields[0], planes[0], valid[0])
    else:
        cells, palette = drawn_by_three(style, fields, planes, valid)
    return Picture(grid=raster.grid, cells=cells, palette=palette)


def colors_at(style: Style, channel: int, physical: npt.NDArray[np.float64]) -> Pixels:
    """(value, 4): the colours of physical values; of one of three fields, what its channel alone adds to black."""
    field = Field(name=style.fields[channel], dtype="float64")
    if len(style.fields) == 1:
        return unpacked(np.take(scale_of(style).colors, places(style, field, physical)))
    rgba = np.zeros((*physical.shape, 4), np.uint8)
    rgba[:, channel] = leveled(style.ranges[channel], style.gamma, field, physical, MOST - 1)
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
    under, over = below.rgba, above.rgba
    opacity = over[..., 3]
    if ((opacity == 0) | (opacity == 255)).all():
        packed = (np.ascontiguousarray(rgba).view(np.uint32)[..., 0] for rgba in (over, under))
        return Picture(grid=below.grid, cells=unpacked(np.where(opacity == 255, *packed)))
    a = over[..., 3:].astype(np.float32) / 255
    b = under[..., 3:].astype(np.float32) / 255 * (1 - a)
    alpha = a + b
    mixed = (over[..., :3] * a + under[..., :3] * b) / np.where(alpha > 0, alpha, 1)
    rgba = np.rint(np.concatenate([mixed, alpha * 255], axis=2)).astype(np.uint8)
    return Picture(grid=below.grid, cells=rgba)


_GRAY = Style(id="gray", title="Gray", fields=("gray",), ranges=((0.0, 255.0),))
