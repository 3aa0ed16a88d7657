"""Tile matrix sets and their arithmetic (2D Tile Matrix Set 2.0, OGC 17-083r4)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from math import ceil, floor
from typing import Any

import numpy as np

from ogcapi.model.body import Body, body_of
from ogcapi.model.crs import Crs, transformation
from ogcapi.model.grid import Array, BBox, Grid
from ogcapi.model.problem import NotFound, shown

PIXEL_M = 0.28e-3  # the standardized rendering pixel (TMS 2.0, 6.1.1.1)
_LATTICE = 33  # positions a side at which a grid is looked at
_EDGE = 1e-6  # of a tile: a box that reaches less far into a tile does not touch it
_SAME = 1e-6  # relative: cell sizes this near are one size
_NEAR = 1e-9  # relative: numbers of documents this near are one number


@dataclass(frozen=True)
class VariableWidth:
    """Rows whose tiles are several columns wide (TMS 2.0 `/req/variablematrixwidth/model`)."""

    coalesce: int
    min_row: int
    max_row: int


@dataclass(frozen=True, kw_only=True)
class TileMatrix:
    """One level: a grid of tiles."""

    id: str
    scale_denominator: float
    cell_size: float
    """Side of a cell in units of the set's CRS."""
    origin: tuple[float, float]
    """x, y of the corner of origin, whatever the axis order of the CRS."""
    bottom_left: bool = False
    """Whether the corner of origin is the bottom left one and rows count upward."""
    tile_width: int
    """Cells."""
    tile_height: int
    matrix_width: int
    """Columns of tiles."""
    matrix_height: int
    """Rows of tiles."""
    variable_widths: tuple[VariableWidth, ...] = ()

    @property
    def tile_span(self) -> tuple[float, float]:
        """Extent of a tile in x and y, in units of the CRS."""
        return self.tile_width * self.cell_size, self.tile_height * self.cell_size

    @property
    def bbox(self) -> BBox:
        """The whole matrix."""
        return self._box(0, self.matrix_width, 0, self.matrix_height)

    @property
    def whole(self) -> TileLimits:
        """All tiles."""
        return TileLimits(
            matrix_id=self.id, min_row=0, max_row=self.matrix_height - 1, min_col=0, max_col=self.matrix_width - 1
        )

    def coalesce(self, row: int) -> int:
        """How many columns one tile of that row takes."""
        return next((w.coalesce for w in self.variable_widths if w.min_row <= row <= w.max_row), 1)

    def tile_bbox(self, row: int, col: int) -> BBox:
        """The box of a tile; every column of a coalesced group names the same one."""
        group = self.coalesce(row)
        first = col - col % group
        return self._box(first, first + group, row, row + 1)

    def _box(self, left: int, right: int, first: int, last: int) -> BBox:
        """Columns left to right, rows first to last, ends excluded. An edge is one number for both its sides."""
        (x, y), (span_x, span_y) = self.origin, self.tile_span
        low, high = (
            (y + first * span_y, y + last * span_y) if self.bottom_left else (y - last * span_y, y - first * span_y)
        )
        return BBox(xmin=x + left * span_x, ymin=low, xmax=x + right * span_x, ymax=high)


@dataclass(frozen=True, kw_only=True)
class TileLimits:
    """The rows and columns of one matrix that hold data (TMS 2.0 `/req/tilematrixsetlimits/model`)."""

    matrix_id: str
    min_row: int
    max_row: int
    min_col: int
    max_col: int

    def union(self, other: TileLimits) -> TileLimits:
        """The smallest limits around both."""
        return TileLimits(
            matrix_id=self.matrix_id,
            min_row=min(self.min_row, other.min_row),
            max_row=max(self.max_row, other.max_row),
            min_col=min(self.min_col, other.min_col),
            max_col=max(self.max_col, other.max_col),
        )


@dataclass(frozen=True, kw_only=True)
class TileMatrixSet:
    """Tile matrices of one CRS, coarsest first."""

    id: str
    title: str
    crs: Crs
    matrices: tuple[TileMatrix, ...]
    uri: str | None = None
    """Its address in OGC's registry; None for all others."""
    document: dict[str, Any] = field(repr=False, compare=False, hash=False)
    """The set as `application/json` (TMS 2.0 `/req/json-tilematrixset/schema`)."""

    def __post_init__(self) -> None:
        if not self.matrices:
            raise ValueError("a tile matrix set has matrices")

    @cached_property
    def body(self) -> Body:
        """The body that the set is for."""
        return body_of(self.crs)

    @cached_property
    def bbox(self) -> BBox:
        """What all matrices together cover."""
        whole = self.matrices[0].bbox
        for matrix in self.matrices[1:]:
            whole = whole.union(matrix.bbox)
        return whole

    @cached_property
    def _by_id(self) -> dict[str, TileMatrix]:
        return {matrix.id: matrix for matrix in self.matrices}

    def __getitem__(self, matrix_id: str) -> TileMatrix:
        if matrix_id not in self._by_id:
            raise NotFound(
                f"{self.id} has no tile matrix {shown(matrix_id)}; "
                f"expected one of {self.matrices[0].id} to {self.matrices[-1].id}."
            )
        return self._by_id[matrix_id]

    def same_as(self, other: TileMatrixSet) -> bool:
        """Whether the two cut the same plane into the same tiles, to 1e-9."""
        return (
            len(self.matrices) == len(other.matrices)
            and _same_plane(self.crs, other.crs, self.bbox)
            and all(_same_matrix(a, b) for a, b in zip(self.matrices, other.matrices, strict=True))
        )

    def turned(self, bboxes: Sequence[BBox]) -> tuple[BBox, ...]:
        """Boxes as the set counts meridians: those a whole turn away count, too, where they meet the set."""
        period, own = self.crs.x_period, self.bbox
        found = []
        for bbox in bboxes:
            is_within = own.xmin <= bbox.xmin and bbox.xmax <= own.xmax
            for turn in (0.0,) if period is None or is_within else (0.0, -period, period):
                turned = replace(bbox, xmin=bbox.xmin + turn, xmax=bbox.xmax + turn)
                if turned.meets(own):
                    found.append(turned)
        return tuple(found)

    def limits(self, bboxes: Sequence[BBox], cell_size: float | None = None) -> tuple[TileLimits, ...]:
        """What boxes of the set's CRS touch in each matrix, from the first to one at least as fine as `cell_size`.

        Matrices that no box touches are left out; None: all matrices.
        """
        found = []
        turned = self.turned(bboxes)
        for matrix in self.matrices:
            touched = [t for t in (_touched(matrix, bbox) for bbox in turned) if t is not None]
            if touched:
                whole = touched[0]
                for more in touched[1:]:
                    whole = whole.union(more)
                found.append(whole)
            if cell_size is not None and matrix.cell_size <= cell_size * (1 + _SAME):
                break
        return tuple(found)


def tile_grid(
    matrix_set: TileMatrixSet,
    limits: Iterable[TileLimits],
    matrix_id: str,
    row: str,
    col: str,
    size: tuple[int | None, int | None] = (None, None),
) -> Grid:
    """The grid of a tile, with other cell counts than the set's where `size` (width, height) says so.

    Raises `NotFound` beyond the matrix or the limits (Tiles `/req/core/tc-error` A), for any text of any length.
    """
    matrix = matrix_set[matrix_id]
    known = next((limit for limit in limits if limit.matrix_id == matrix_id), None)
    if known is None:
        raise NotFound(f"There are no tiles in the tile matrix {shown(matrix_id)} of {matrix_set.id}.")
    row_number = _index("tileRow", row, known.min_row, known.max_row)
    col_number = _index("tileCol", col, known.min_col, known.max_col)
    width, height = size
    return Grid(
        crs=matrix_set.crs,
        bbox=matrix.tile_bbox(row_number, col_number),
        width=width or matrix.tile_width,
        height=height or matrix.tile_height,
    )


def finest_cell(grid: Grid, matrix_set: TileMatrixSet) -> float | None:
    """How small a set's cells must be so that each cell of a coverage's grid holds the centre of one of them.

    The smallest side is what counts, anywhere on the grid and in any direction: where J takes steps of one cell on the
    grid to steps in the set's CRS, 1 / max(row sums of |J⁻¹|). None where no cell lies within the set.
    """
    cols = np.unique(np.linspace(0, grid.width - 1, _LATTICE).round()) + 0.5
    rows = np.unique(np.linspace(0, grid.height - 1, _LATTICE).round()) + 0.5
    col, row = np.meshgrid(cols, rows)
    carry = transformation(grid.crs, matrix_set.crs) if grid.crs != matrix_set.crs else None

    def there(col: Array, row: Array) -> tuple[Array, Array]:
        x, y = grid.bbox.xmin + col * grid.cell_width, grid.bbox.ymax - row * grid.cell_height
        return carry(x, y) if carry else (x, y)

    with np.errstate(all="ignore"):
        x, y = there(col, row)
        box = matrix_set.bbox
        inside = np.isfinite(x) & np.isfinite(y) & (box.ymin <= y) & (y <= box.ymax)
        if not matrix_set.crs.x_period:
            inside &= (box.xmin <= x) & (x <= box.xmax)
        steps = []
        for right, down in ((0.5, 0.0), (0.0, 0.5)):
            (x1, y1), (x2, y2) = there(col - right, row - down), there(col + right, row + down)
            period = matrix_set.crs.x_period
            across = x2 - x1
            steps.append((across - period * np.round(across / period) if period else across, y2 - y1))
        (a, c), (b, d) = steps
        area = np.abs(a * d - b * c)
        needed = area / np.maximum(np.abs(d) + np.abs(b), np.abs(c) + np.abs(a))
    found = needed[inside & np.isfinite(needed) & (needed > 0)]
    return float(found.min()) if found.size else None


def _index(name: str, text: str, low: int, high: int) -> int:
    digits = text.lstrip("0") or text[:1]
    if text.isascii() and text.isdigit() and len(digits) <= 12 and low <= int(digits) <= high:
        return int(digits)
    raise NotFound(f"{name} {shown(text)} holds no tile; expected a whole number from {low} to {high}.")


def _touched(matrix: TileMatrix, bbox: BBox) -> TileLimits | None:
    (x, y), (span_x, span_y) = matrix.origin, matrix.tile_span
    low, high = (bbox.ymin - y, bbox.ymax - y) if matrix.bottom_left else (y - bbox.ymax, y - bbox.ymin)
    min_col, max_col = _cells((bbox.xmin - x) / span_x, (bbox.xmax - x) / span_x, matrix.matrix_width)
    min_row, max_row = _cells(low / span_y, high / span_y, matrix.matrix_height)
    if min_col > max_col or min_row > max_row:
        return None
    widest = max((matrix.coalesce(row) for row in _ends(matrix, min_row, max_row)), default=1)
    return TileLimits(
        matrix_id=matrix.id,
        min_row=min_row,
        max_row=max_row,
        min_col=min_col - min_col % widest,
        max_col=min(max_col - max_col % widest + widest, matrix.matrix_width) - 1,
    )


def _ends(matrix: TileMatrix, min_row: int, max_row: int) -> set[int]:
    """Rows that between them have every width found from one row to another."""
    ends = {min_row, max_row}
    ends |= {row for width in matrix.variable_widths for row in (width.min_row, width.max_row)}
    return {row for row in ends if min_row <= row <= max_row}


def _cells(start: float, end: float, count: int) -> tuple[int, int]:
    """First and last whole number touched from start to end, within 0 and count - 1; first > last where none is."""
    return max(0, floor(start + _EDGE)), min(count - 1, ceil(end - _EDGE) - 1)


def _same_plane(one: Crs, other: Crs, bbox: BBox) -> bool:
    """Whether coordinates mean the same places: names and datums of planetary systems are spelled in many ways."""
    if one == other:
        return True
    if one.is_yx != other.is_yx or one.is_geographic != other.is_geographic or body_of(one) != body_of(other):
        return False
    x, y = np.meshgrid(np.linspace(bbox.xmin, bbox.xmax, 9)[1:-1], np.linspace(bbox.ymin, bbox.ymax, 9)[1:-1])
    there = transformation(one, other)(x, y)
    near = _NEAR * max(bbox.width, bbox.height)
    return all(bool(np.allclose(a, b, rtol=0, atol=near)) for a, b in zip((x, y), there, strict=True))


def _same_matrix(one: TileMatrix, other: TileMatrix) -> bool:
    def near(a: float, b: float) -> bool:
        return abs(a - b) <= _NEAR * max(abs(a), abs(b))

    return (
        (one.id, one.bottom_left, one.variable_widths) == (other.id, other.bottom_left, other.variable_widths)
        and (one.tile_width, one.tile_height) == (other.tile_width, other.tile_height)
        and (one.matrix_width, one.matrix_height) == (other.matrix_width, other.matrix_height)
        and near(one.cell_size, other.cell_size)
        and all(near(a, b) for a, b in zip(one.origin, other.origin, strict=True))
    )
