"""Control points of a part of a grid in the system of stored rasters, and what does not depend on one of them."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

import numpy as np

from ogcapi.model.crs import Crs, transformation
from ogcapi.model.grid import Array, Grid
from ogcapi.pixels import placing
from ogcapi.pixels.kernels import PATCH
from ogcapi.pixels.warp import Geometry, carried

LATTICE = 17
"""Points a side where steps are measured, as in `warp`."""
_KEPT_BYTES = 16 << 20
_SEPARABLE = 1e-12  # relative
_MISSED = 0.01  # of a box


class Kept:
    """What was made last, by what it was made from, up to a number of bytes."""

    def __init__(self, limit: int) -> None:
        self._limit, self._bytes, self._lock = limit, 0, threading.Lock()
        self._made: OrderedDict[Hashable, tuple[Any, int]] = OrderedDict()

    def get(self, key: Hashable, make: Callable[[], Any], size: Callable[[Any], int]) -> Any:
        """What was made from `key`, else what `make` makes, whose bytes `size` tells; several threads may make it."""
        with self._lock:
            if key in self._made:
                self._made.move_to_end(key)
                return self._made[key][0]
        made = make()
        nbytes = size(made)
        with self._lock:
            if key not in self._made:
                self._made[key] = made, nbytes
                self._bytes += nbytes
            while self._bytes > self._limit:
                self._bytes -= self._made.popitem(last=False)[1][1]
        return made


kept = Kept(_KEPT_BYTES)


@lru_cache(maxsize=1024)
def anchor_of(source: Crs, target: Crs) -> tuple[float, float] | None:
    """A place of the first system through which lines of equal x, and of equal y, become such lines of the other.

    None where lines do not become lines.
    """
    if source == target:
        return 0.0, 0.0
    if source.x_period is None or target.x_period is None:
        return None
    to_source = transformation(source.geodetic, source)
    unit = source.geodetic.x_period / 360 if source.geodetic.x_period else 1.0
    lon, lat = np.linspace(-170, 170, 11) * unit, np.linspace(-80, 80, 9) * unit
    place: tuple[float, float] = to_source(0.0, 0.0)
    x, _ = to_source(lon, np.zeros(lon.size))
    _, y = to_source(np.zeros(lat.size), lat)
    there_x, there_y = transformation(source, target)(*np.meshgrid(x, y))
    turns = (there_x - there_x[0]) / target.x_period
    turns -= np.round(turns)
    is_straight = np.abs(turns).max() < _SEPARABLE
    is_straight &= np.abs(there_y - there_y[:, :1]).max() < _SEPARABLE * target.x_period
    return place if is_straight else None


def patch_range(cells: range) -> range:
    """Patches that hold those cells of an axis."""
    return range(cells.start // PATCH, -(-cells.stop // PATCH))


def wraps(grid: Grid) -> bool:
    """Whether a patch may reach so far around the body that its control points tell nothing."""
    period = grid.crs.x_period
    return period is not None and PATCH * grid.cell_width > period / 4


def placed(grid: Grid, crs: Crs, rows: Array, cols: Array) -> tuple[Array, Array]:
    """Places in another system of the centres of cells, even beyond the grid; not finite where there is none."""
    x, y = grid.bbox.xmin + (cols + 0.5) * grid.cell_width, grid.bbox.ymax - (rows + 0.5) * grid.cell_height
    if grid.crs.is_geographic:
        y[np.abs(y) > _pole(grid.crs)] = np.nan
    if grid.crs != crs:
        x, y = transformation(grid.crs, crs)(x, y)
    if crs.is_geographic:
        y[np.abs(y) > _pole(crs)] = np.nan
    return x, y


def carried_cells(grid: Grid, geometry: Geometry, patches: Array, count: int, offset: float) -> tuple[Array, Array]:
    """Exact columns and rows (patch, count * count) of points one cell apart in patches of those (row, col)."""
    cells = patches[:, :, None] * PATCH + np.arange(count) + offset
    shape = len(patches), count, count
    x = np.broadcast_to((grid.bbox.xmin + cells[:, 1] * grid.cell_width)[:, None, :], shape)
    y = np.broadcast_to((grid.bbox.ymax - cells[:, 0] * grid.cell_height)[:, :, None], shape)
    col, row = carried(grid, geometry, x, y)
    return col.reshape(len(patches), -1), row.reshape(len(patches), -1)


def _pole(crs: Crs) -> float:
    return (crs.x_period or np.inf) / 4 * (1 + 1e-9)


@dataclass(frozen=True, kw_only=True, eq=False)
class Mesh:
    """Control points a patch apart, from two before the first patch on: the same for all rasters of a system."""

    crs: Crs
    nodes: tuple[Array, Array]
    """x and y (row, col) in a raster's system."""
    shape: tuple[int, int]
    """Patches."""

    @cached_property
    def missed(self) -> tuple[float, float]:
        """What cubics between every other control point miss at most, in x and in y."""
        x, y = self.nodes
        return placing.missed(x, *self.shape, self.crs.x_period or 0.0), placing.missed(y, *self.shape, 0.0)

    def box(self, height: int, width: int) -> tuple[float, float, float, float] | None:
        """xmin, ymin, xmax, ymax around so many rows and columns of cells, and what this may miss of them.

        None where this system counts its meridians anew, where cells lie nowhere, or where too much may be missed.
        """
        is_known = self.crs.x_period is None and min(height, width) > 1
        if not is_known or not all(np.isfinite(of).all() for of in (*self.nodes, *self.missed)):
            return None
        (down, _), (right, _) = (
            _weights(count, nodes) for count, nodes in zip((height, width), self.nodes[0].shape, strict=True)
        )
        limits = []
        for axis, missed in zip(self.nodes, self.missed, strict=True):
            at = down @ axis @ right.T
            low, high = float(at.min()), float(at.max())
            outer = sum(
                _most(at, 1, side) * (of.shape[0] - 1) / (2 * (count - 1))
                for side, of, count in ((0, down, height), (1, right, width))
            )
            slack = missed + outer + sum(_most(at, 2, side) for side in (0, 1))
            if not low < high or missed > _MISSED * (high - low):
                return None
            limits.append((low - slack, high + slack))
        (xmin, xmax), (ymin, ymax) = limits
        return xmin, ymin, xmax, ymax

    def moves(self, height: int, width: int) -> tuple[Array, Array]:
        """x and y (2, n) from cells to their neighbours, to the right and downward, at a lattice of cells."""
        x, y = self.nodes
        period = self.crs.x_period
        if period is not None:
            x = np.unwrap(np.unwrap(x, axis=0, period=period), axis=1, period=period)
        (down, down_step), (right, right_step) = (
            _weights(count, nodes) for count, nodes in zip((height, width), x.shape, strict=True)
        )
        along, across = ((a.T, b) for a, b in ((right_step, down), (right, down_step)))
        moves = [np.concatenate([(b @ of @ a).ravel() for a, b in (along, across)]) for of in (x, y)]
        return moves[0], moves[1]


def _most(at: Array, order: int, side: int) -> float:
    """The greatest difference between neighbours, or of such differences."""
    return float(np.abs(np.diff(at, order, axis=side)).max(initial=0.0))


@lru_cache(maxsize=64)
def _weights(count: int, nodes: int) -> tuple[Array, Array]:
    """(n, nodes): cubics of control points at n cells of `count`; and the same of the next cells less these."""
    cells = np.unique(np.linspace(0, count - 1, LATTICE).round())
    made = []
    for at in (cells, cells + 1):
        patch = np.minimum(at // PATCH, -(-count // PATCH) - 1).astype(int)
        t = at / PATCH - patch
        weights = np.zeros((cells.size, nodes))
        every = np.arange(cells.size)
        weights[every, patch + 1] = -t * (t - 1) * (t - 2) / 6
        weights[every, patch + 2] = (t + 1) * (t - 1) * (t - 2) / 2
        weights[every, patch + 3] = -(t + 1) * t * (t - 2) / 2
        weights[every, patch + 4] = (t + 1) * t * (t - 1) / 6
        made.append(weights)
    return made[0], made[1] - made[0]


def mesh_of(grid: Grid, crs: Crs, patch_rows: range, patch_cols: range) -> Mesh:
    """The control points of a part of a grid; the same for all rasters of one system."""

    def make() -> Mesh:
        rows, cols = (
            (np.arange(len(of) + 1 + 2 * placing.RING) + of.start - placing.RING) * PATCH
            for of in (patch_rows, patch_cols)
        )
        x, y = placed(grid, crs, np.repeat(rows, cols.size), np.tile(cols, rows.size))
        shape = rows.size, cols.size
        return Mesh(crs=crs, nodes=(x.reshape(shape), y.reshape(shape)), shape=(len(patch_rows), len(patch_cols)))

    key = grid, crs, patch_rows.start, patch_rows.stop, patch_cols.start, patch_cols.stop
    mesh: Mesh = kept.get(key, make, lambda mesh: 2 * mesh.nodes[0].nbytes + 500)
    return mesh


def nodes_of(grid: Grid, crs: Crs, first_row: int, first_col: int, pending: Array, step: int) -> tuple[Array, Array]:
    """Places, in the raster's system, of the control points that pending patches need; NaN elsewhere."""
    size = PATCH // step
    rows, cols = (np.arange(length * size + 1 + 2 * placing.RING) - placing.RING for length in pending.shape)
    needed = np.zeros((rows.size, cols.size), bool)
    for row, col in np.argwhere(pending) * size:
        needed[row : row + size + 5, col : col + size + 5] = True
    at_row, at_col = np.nonzero(needed)
    nodes = np.full((2, rows.size, cols.size), np.nan)
    nodes[:, at_row, at_col] = placed(
        grid, crs, first_row * PATCH + rows[at_row] * step, first_col * PATCH + cols[at_col] * step
    )
    return nodes[0], nodes[1]
