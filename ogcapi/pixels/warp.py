"""Warping: the cells of a stored raster onto any grid, every cell on its own, exactly.

Each output cell's centre is carried into the stored raster's system by PROJ, without approximation, and becomes a
position counted in cells from the raster's corner. Nothing depends on where a grid is cut into tiles, but the
resolution that is read, which `steps` of the whole grid decides.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from math import ceil

import numpy as np

from ogcapi.model.crs import Crs, transformation
from ogcapi.model.grid import Array, Grid
from ogcapi.model.raster import Resampling, Valid, Values
from ogcapi.pixels.resampling import KERNELS, Kernel, Patch, Taps, interpolated, most_frequent

BORDER = 1e-6  # of a cell: a centre this near before a border belongs to the cell after it, so rounding never decides
_CYCLIC = 1e-3  # of a cell: by how much a raster around the whole body may miss a whole turn
_POLE = 1e-9  # relative: what rounding may add to the latitude of a pole
_WINDOW_CELLS = 4_000_000  # of the stored raster, read at once
_TAPS = 2_000_000  # cells under kernels, gathered at once
_PART = 256  # output cells a side, carried at once; of a grid of few rows or columns, as many cells in the other way
_LATTICE = 17  # points a side where steps are measured
_COARSE_LATTICE = 5


@dataclass(frozen=True, kw_only=True)
class Window:
    """Cells of a stored raster: columns from `left` to `right` and rows from `top` to `bottom`, ends excluded."""

    left: int
    top: int
    right: int
    bottom: int

    @property
    def shape(self) -> tuple[int, int]:
        """(rows, columns)."""
        return self.bottom - self.top, self.right - self.left

    @property
    def count(self) -> int:
        """Cells."""
        return (self.bottom - self.top) * (self.right - self.left)


Read = Callable[[Window], tuple[Values, Valid]]
"""Values and valid (field, row, col) of a window that lies within the stored raster."""


@dataclass(frozen=True, kw_only=True)
class Geometry:
    """Where the cells of a stored raster lie."""

    crs: Crs
    width: int
    """Columns."""
    height: int
    """Rows."""
    transform: tuple[float, float, float, float, float, float]
    """(a, b, c, d, e, f): x = a·col + b·row + c, y = d·col + e·row + f. May rotate."""

    @property
    def is_rotated(self) -> bool:
        """Whether rows or columns lie askew to the axes."""
        return bool(self.transform[1] or self.transform[3])

    @cached_property
    def period(self) -> float | None:
        """Columns in one turn around the body; None where the plane does not repeat along the rows."""
        period = None if self.is_rotated else self.crs.x_period
        return None if period is None else period / abs(self.transform[0])

    @cached_property
    def is_cyclic(self) -> bool:
        """Whether the last column is the first one's neighbour."""
        return self.period is not None and abs(self.period - self.width) < _CYCLIC

    def at(self, width: int, height: int) -> Geometry:
        """The same area in that many cells: an overview."""
        a, b, c, d, e, f = self.transform
        x, y = self.width / width, self.height / height
        return Geometry(crs=self.crs, width=width, height=height, transform=(a * x, b * y, c, d * x, e * y, f))

    def position(self, x: Array, y: Array) -> tuple[Array, Array]:
        """Columns and rows, with fractions, of places in the raster's CRS; NaN where a place is none.

        Meridians are counted from the raster's middle, so each place is sought where the raster has it.
        """
        a, b, c, d, e, f = self.transform
        known = np.isfinite(x) & np.isfinite(y) & _on_body(self.crs, y)
        x, y = np.where(known, x, np.nan), np.where(known, y, np.nan)
        turn = self.crs.x_period
        if turn is not None:
            middle = c + a * self.width / 2 + b * self.height / 2
            x = x - turn * np.floor((x - middle) / turn + 0.5)
        area = a * e - b * d
        return (e * (x - c) - b * (y - f)) / area, (a * (y - f) - d * (x - c)) / area


def _on_body(crs: Crs, y: Array) -> Valid:
    """Whether y is no latitude beyond a pole."""
    if not crs.is_geographic or crs.x_period is None:
        return np.ones(np.shape(y), bool)
    return np.asarray(np.abs(y) <= crs.x_period / 4 * (1 + _POLE))


def carried(grid: Grid, geometry: Geometry, x: Array, y: Array) -> tuple[Array, Array]:
    """Columns and rows (each of x's shape) of places in the grid's CRS; NaN where a place is none."""
    y = np.where(_on_body(grid.crs, y), y, np.nan)
    if grid.crs != geometry.crs:
        x, y = (np.asarray(axis, float) for axis in transformation(grid.crs, geometry.crs)(x, y))
    return geometry.position(x, y)


def steps(grid: Grid, geometry: Geometry) -> float:
    """The shortest way in stored cells from an output cell to its neighbour; 0 where none can be told.

    Measured to the right and downward at a lattice of cells over the whole grid.
    """
    lattice = (np.linspace(0, count - 1, _LATTICE).round().astype(int) for count in (grid.width, grid.height))
    x, y = _centres(grid, *map(np.unique, lattice))
    col, row = carried(grid, geometry, x, y)
    found = []
    for right, down in ((grid.cell_width, 0.0), (0.0, grid.cell_height)):
        next_col, next_row = carried(grid, geometry, x + right, y - down)
        length = np.hypot(_turned(next_col - col, geometry.period), next_row - row)
        found.append(length[np.isfinite(length)])
    lengths = np.concatenate(found)
    return float(lengths.min()) if lengths.size else 0.0


def least_side(grid: Grid, geometry: Geometry) -> float:
    """The side, in stored cells, of a square as large as the smallest output cell; 0 where none can be told.

    Measured at a coarse lattice of cells over the whole grid, its corners included.
    """
    lattice = (np.linspace(0, count - 1, _COARSE_LATTICE).round().astype(int) for count in (grid.width, grid.height))
    x, y = _centres(grid, *map(np.unique, lattice))
    places = ((x, y), (x + grid.cell_width, y), (x, y - grid.cell_height))
    (col, row), *others = (carried(grid, geometry, *place) for place in places)
    (a, b), (c, d) = ((_turned(there - col, geometry.period), below - row) for there, below in others)
    areas = np.abs(a * d - b * c)
    areas = areas[np.isfinite(areas)]
    return float(np.sqrt(areas.min())) if areas.size else 0.0


def _centres(grid: Grid, cols: Array, rows: Array) -> tuple[Array, Array]:
    """x and y, each (row, col), of the centres of cells in those columns and rows: the numbers of `grid.centres()`.

    That makes all of them, which a grid of very many columns can afford once, but not for each of its parts.
    """
    x = grid.bbox.xmin + (cols + 0.5) * grid.cell_width
    y = grid.bbox.ymax - (rows + 0.5) * grid.cell_height
    across, down = np.meshgrid(x, y)
    return across, down


def _turned(columns: Array, period: float | None) -> Array:
    """A difference of columns the short way around the body."""
    return columns if period is None else columns - period * np.round(columns / period)


def warp(
    grid: Grid, geometry: Geometry, read: Read, fields: int, dtype: str, method: Resampling, rows: range | None = None
) -> tuple[Values, Valid]:
    """Values and valid (field, row, col) of those rows of the grid (None: all).

    `fields` counts what `read` gives, `dtype` is its type. A cell is valid where the stored cell under its centre is,
    whatever the method: interpolation neither widens nor narrows the data; others are 0. Stored cells that are not
    valid, or outside the raster, have no weight. Memory stays bounded however large the stored raster is.
    """
    rows = range(grid.height) if rows is None else rows
    shape = (fields, len(rows), grid.width)
    values, valid = np.zeros(shape, dtype), np.zeros(shape, bool)
    warper = _Warper(geometry=geometry, read=read, method=method, fields=fields, dtype=dtype)
    wide = min(grid.width, _PART * max(1, _PART // max(1, len(rows))))
    high = _PART * max(1, _PART // wide)
    for top in range(0, len(rows), high):
        for left in range(0, grid.width, wide):
            part = np.s_[:, top : top + high, left : left + wide]
            height, width = values[part].shape[1:]
            first = rows.start + top
            cells = _cells(grid, geometry, range(first, first + height), range(left, left + width), warper.kernel)
            warper.fill(cells, values[part], valid[part])
    return values, valid


@dataclass(frozen=True, kw_only=True)
class _Cells:
    """Output cells (row, col) as the stored raster sees them: positions of their centres, and their extents."""

    col: Array
    row: Array
    width: Array
    """How far the kernel is widened along the stored rows; 1 for nearest."""
    height: Array

    def __getitem__(self, part: tuple[slice, slice]) -> _Cells:
        return _Cells(col=self.col[part], row=self.row[part], width=self.width[part], height=self.height[part])

    def halves(self) -> Iterator[tuple[slice, slice]]:
        """Two parts, cut across the longer side."""
        rows, cols = self.col.shape
        if rows > cols:
            yield from (np.s_[: rows // 2, :], np.s_[rows // 2 :, :])
        else:
            yield from (np.s_[:, : cols // 2], np.s_[:, cols // 2 :])


def _cells(grid: Grid, geometry: Geometry, rows: range, cols: range, kernel: Kernel | None) -> _Cells:
    x, y = _centres(grid, np.arange(cols.start, cols.stop), np.arange(rows.start, rows.stop))
    col, row = carried(grid, geometry, x, y)
    if kernel is None:
        ones = np.ones(col.shape)
        return _Cells(col=col, row=row, width=ones, height=ones)
    x = grid.bbox.xmin + np.arange(cols.start, cols.stop + 1) * grid.cell_width
    y = grid.bbox.ymax - np.arange(rows.start, rows.stop + 1) * grid.cell_height
    corner_col, corner_row = carried(grid, geometry, *np.meshgrid(x, y))
    return _Cells(
        col=col,
        row=row,
        width=kernel.scale(_extent(corner_col, geometry.period)),
        height=kernel.scale(_extent(corner_row, None)),
    )


def _extent(corners: Array, period: float | None) -> Array:
    """How many stored columns (or rows) each output cell spans: that of the parallelogram of its longer edges."""
    right, down = (np.abs(_turned(np.diff(corners, axis=axis), period)) for axis in (1, 0))
    return np.asarray(np.maximum(right[:-1], right[1:]) + np.maximum(down[:, :-1], down[:, 1:]))


@dataclass(frozen=True, kw_only=True)
class _Warper:
    geometry: Geometry
    read: Read
    method: Resampling
    fields: int
    dtype: str

    @property
    def kernel(self) -> Kernel | None:
        return KERNELS.get(self.method)

    def fill(self, cells: _Cells, values: Values, valid: Valid) -> None:
        """Write the values of cells (row, col) into values and valid (field, row, col)."""
        turns = self._turns(cells.col)
        nearest_row, nearest_col = np.floor(cells.row + BORDER), np.floor(cells.col + BORDER) - turns
        inside = (nearest_row >= 0) & (nearest_row < self.geometry.height) & np.isfinite(nearest_col)
        if not self.geometry.is_cyclic:
            inside &= (nearest_col >= 0) & (nearest_col < self.geometry.width)
        if not inside.any():
            return
        row, col, turns = nearest_row[inside].astype(np.int64), nearest_col[inside].astype(np.int64), turns[inside]
        scales = cells.height[inside], cells.width[inside]
        high, wide = (0 if self.kernel is None else ceil(self.kernel.radius * float(s.max())) + 1 for s in scales)
        window = Window(
            left=int(col.min()) - wide,
            top=int(row.min()) - high,
            right=int(col.max()) + wide + 1,
            bottom=int(row.max()) + high + 1,
        )
        taps = row.size * (2 * high + 1) * (2 * wide + 1)
        if (window.count * self.fields > _WINDOW_CELLS or taps * self.fields > _TAPS) and inside.size > 1:
            for part in cells.halves():
                self.fill(cells[part], values[:, *part], valid[:, *part])
            return
        stored, known = self._window(window)
        at = row - window.top, col - window.left
        there = known[:, *at]
        valid[:, inside] = there
        if self.kernel is None:
            values[:, inside] = np.where(there, stored[:, *at], 0)
            return
        rows, cols = (
            Taps(index=self.kernel.indices(position, scale), position=position, scale=scale)
            for position, scale in zip((cells.row[inside], cells.col[inside]), scales, strict=True)
        )
        patch = Patch(  # what lies beyond the window weighs nothing
            values=stored,
            valid=known,
            rows=np.clip(rows.index - window.top, 0, window.shape[0] - 1),
            cols=np.clip(cols.index - turns[:, None] - window.left, 0, window.shape[1] - 1),
        )
        if self.method is Resampling.MODE:
            made = most_frequent(rows, cols, patch)
        else:
            made = as_stored(interpolated(self.kernel, rows, cols, patch), self.dtype)
        values[:, inside] = np.where(there, made, 0)

    def _turns(self, col: Array) -> Array:
        """Columns to take from each cell's so that, around the body, those of a small part are neighbours."""
        known = np.isfinite(col)
        if not self.geometry.is_cyclic or not known.any():
            return np.zeros(col.shape, np.int64)
        turns = np.round((col - col[known][0]) / self.geometry.width)
        return np.where(known, turns, 0).astype(np.int64) * self.geometry.width

    def _window(self, window: Window) -> tuple[Values, Valid]:
        """Values and valid of a window that may reach beyond the raster, or on around the body."""
        values = np.zeros((self.fields, *window.shape), self.dtype)
        valid = np.zeros(values.shape, bool)
        width = self.geometry.width
        top, bottom = max(window.top, 0), min(window.bottom, self.geometry.height)
        turns = range(window.left // width, -(-window.right // width)) if self.geometry.is_cyclic else range(1)
        for start in (turn * width for turn in turns):
            left, right = max(window.left, start), min(window.right, start + width)
            if left >= right or top >= bottom:
                continue
            there = np.s_[:, top - window.top : bottom - window.top, left - window.left : right - window.left]
            inner = Window(left=left - start, top=top, right=right - start, bottom=bottom)
            values[there], valid[there] = self.read(inner)
        return values, valid


def as_stored(values: Array, dtype: str) -> Values:
    """Means as the stored type: whole numbers are rounded, and none leaves the type's range."""
    kind = np.dtype(dtype)
    if kind.kind not in "iu":
        return values.astype(kind)
    low, high = float(np.iinfo(kind).min), float(np.iinfo(kind).max)
    if int(high) > np.iinfo(kind).max:  # the next float above the largest int64 or uint64
        high = float(np.nextafter(high, 0))
    return np.asarray(np.clip(np.rint(np.nan_to_num(values)), low, high).astype(kind))
