"""The tile engine: cells of a grid out of the decoded blocks of a file."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from ogcapi.model.grid import Grid
from ogcapi.model.media import MediaType
from ogcapi.model.raster import Resampling, Valid, Values
from ogcapi.model.stop import check
from ogcapi.pixels.control import Control, control, parts, side, steps
from ogcapi.pixels.gather import Piece, fill, need
from ogcapi.pixels.warp import Geometry, Window
from ogcapi.sources.blocks import Block, Level, Pyramid, across, down, edges, shared_cache

_WINDOW_BYTES = 64 << 20  # of decoded cells in the hands of one reader
_SAME = 1e-6  # relative: an overview this little coarser than asked is not
_ALIGNED = 1e-4  # stored cells: so near, no method makes another value of 8 bits


def read_onto(
    pyramid: Pyramid,
    grid: Grid,
    bands: Sequence[int],
    method: Resampling,
    values: Values,
    valid: Valid,
    rows: range | None = None,
    *,
    by_area: bool = False,
) -> None:
    """Write bands of a file, numbered from 0, into values and valid (field, row, col) on those rows of a grid.

    Cells that are valid already stay as they are. Memory stays bounded however large the file is. `by_area`: where
    cells are wide but low, as at the poles of a cylindrical projection, the overview is the one that has cells as
    large, not as low. Raises `SourceFailed`, `Changed`.
    """
    level, geometry = _level(pyramid, grid, side if by_area else steps)
    rows = range(grid.height) if rows is None else rows
    for part_rows, part_cols in parts(grid, rows):
        placed = control(grid, geometry, part_rows, part_cols, corners=method is not Resampling.NEAREST)
        if placed.is_empty:
            continue
        task = _Task(
            level=level, grid=grid, placed=placed, method=method, origin=(part_rows.start - rows.start, part_cols.start)
        )
        if level.planes == 1:
            task.write(0, bands, values, valid)
        else:
            for number, band in enumerate(bands):
                task.write(band, None, values[number : number + 1], valid[number : number + 1])


def stored_on(pyramid: Pyramid, grid: Grid, media: MediaType) -> bytes | None:
    """The block of a file that is exactly that grid, as the file holds it; None where there is no such picture.

    Raises `SourceFailed`, `Changed`.
    """
    own = pyramid.header.geometry
    if grid.crs != own.crs or own.is_rotated:
        return None
    for level in pyramid.levels:
        box = _box(grid, own.at(level.width, level.height))
        if box is not None:
            return level.stored(box, media)
    return None


def _box(grid: Grid, geometry: Geometry) -> tuple[int, int, int, int] | None:
    """(top, left, bottom, right) of the stored cells that are those of a grid, one by one; None where they are not."""
    a, _, c, _, e, f = geometry.transform
    bbox = grid.bbox
    places = (bbox.ymax - f) / e, (bbox.xmin - c) / a, (bbox.ymin - f) / e, (bbox.xmax - c) / a
    top, left, bottom, right = (round(place) for place in places)
    is_inside = top >= 0 and left >= 0 and bottom <= geometry.height and right <= geometry.width
    if not is_inside or (bottom - top, right - left) != grid.shape:
        return None
    misses = (abs(place - whole) for place, whole in zip(places, (top, left, bottom, right), strict=True))
    return (top, left, bottom, right) if max(misses) < _ALIGNED else None


def _level(pyramid: Pyramid, grid: Grid, measure: Callable[[Grid, Geometry], float]) -> tuple[Level, Geometry]:
    """The coarsest overview that is not coarser than the grid asks for; the file's own cells where none is."""
    own, overviews = pyramid.header.geometry, pyramid.header.overviews
    chosen = pyramid.levels[0], own
    if not overviews:
        return chosen
    asked = measure(grid, own) * (1 + _SAME)
    for level, (width, height) in zip(pyramid.levels[1:], overviews, strict=True):
        if max(own.width / width, own.height / height) <= asked:
            chosen = level, own.at(width, height)
    return chosen


@dataclass(frozen=True, kw_only=True)
class _Task:
    """A part of a grid, and the level that its cells come from."""

    level: Level
    grid: Grid
    placed: Control
    method: Resampling
    origin: tuple[int, int]
    """Row and column of the part's first cell in the arrays that are written."""

    def write(self, plane: int, samples: Sequence[int] | None, values: Values, valid: Valid) -> None:
        """Write fields of one plane (`samples`: which of a block's; None: all)."""
        level = self.level
        needed = need(self.placed, self.method, (level.block_width, level.block_height), valid, self.origin)
        if needed is None:
            return
        window_bytes = needed.window.count * values.dtype.itemsize * len(values)
        if self.method is not Resampling.NEAREST and window_bytes > _WINDOW_BYTES and self._is_divisible:
            for half in self._halves():
                half.write(plane, samples, values, valid)
            return
        nodata = [level.nodata[plane]] if samples is None else [level.nodata[band] for band in samples]
        first = plane * across(level) * down(level)
        indices = [first + int(row) * across(level) + int(col) for row, col in needed.blocks]
        for piece in self._pieces(indices, needed.window, nodata, samples):
            if not fill(self.placed, piece, self.method, values, valid, self.origin):
                return

    def _blocks(self, indices: Sequence[int]) -> Iterator[tuple[int, Block]]:
        """Each block by its number; no more of them are in hand at a time than memory allows."""
        level = self.level
        cells = level.block_width * level.block_height * (1 if level.planes > 1 else len(level.dtypes))
        at_once = max(1, _WINDOW_BYTES // (cells * level.dtypes[0].itemsize))
        for start in range(0, len(indices), at_once):
            check()
            some = indices[start : start + at_once]
            yield from zip(some, shared_cache().get(level, some), strict=True)

    @property
    def _is_divisible(self) -> bool:
        return len(self.placed.rows) > 1 or len(self.placed.cols) > 1

    def _halves(self) -> list[_Task]:
        """The part in two, cut across its longer side."""
        rows, cols, (top, left) = self.placed.rows, self.placed.cols, self.origin
        if len(rows) >= len(cols):
            middle = rows.start + len(rows) // 2
            cuts = [
                (range(rows.start, middle), cols, (top, left)),
                (range(middle, rows.stop), cols, (top + len(rows) // 2, left)),
            ]
        else:
            middle = cols.start + len(cols) // 2
            cuts = [
                (rows, range(cols.start, middle), (top, left)),
                (rows, range(middle, cols.stop), (top, left + len(cols) // 2)),
            ]
        return [
            replace(self, placed=control(self.grid, self.placed.geometry, *of, corners=True), origin=origin)
            for *of, origin in cuts
        ]

    def _pieces(
        self,
        indices: Sequence[int],
        window: Window,
        nodata: Sequence[float | int | None],
        samples: Sequence[int] | None,
    ) -> Iterator[Piece]:
        """The blocks as they are for nearest, for which each cell lies in one of them; else all in one window."""
        if self.method is not Resampling.NEAREST and len(indices) > 1:
            yield self._assembled(indices, window, nodata, samples)
            return
        for index, block in self._blocks(indices):
            _, top, left, _, _ = edges(self.level, index)
            yield Piece(values=block.values, top=top, left=left, nodata=nodata, mask=block.valid, samples=samples)

    def _assembled(
        self,
        indices: Sequence[int],
        window: Window,
        nodata: Sequence[float | int | None],
        samples: Sequence[int] | None,
    ) -> Piece:
        """The cells of a window that may reach on around the body, and that is cut where blocks are not needed."""
        turn = self.level.width
        values = np.zeros((*window.shape, len(nodata)), self.level.dtypes[0])
        mask: Values | None = None
        for index, block in self._blocks(indices):
            _, top, start, bottom, stop = edges(self.level, index)
            for left, right in ((start, stop), (start + turn, stop + turn)):
                inner = (
                    max(top, window.top),
                    max(left, window.left),
                    min(bottom, window.bottom),
                    min(right, window.right),
                )
                if inner[0] >= inner[2] or inner[1] >= inner[3]:
                    continue
                there = np.s_[
                    inner[0] - window.top : inner[2] - window.top, inner[1] - window.left : inner[3] - window.left
                ]
                here = np.s_[inner[0] - top : inner[2] - top, inner[1] - left : inner[3] - left]
                cells = block.values[here]
                values[there] = cells if samples is None or len(samples) == cells.shape[2] else cells[..., samples]
                if block.valid is not None:
                    mask = np.ones(window.shape, np.uint8) if mask is None else mask
                    mask[there] = block.valid[here]
        return Piece(values=values, top=window.top, left=window.left, nodata=nodata, mask=mask)
