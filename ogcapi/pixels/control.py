"""Where an output grid's cell centres lie in a stored raster, by few exact positions and cubics between them.

PROJ places control points every 32 cells; cubics give what lies between. They are measured, in stored cells, against
control points that they leave out; where they miss by more than allowed, the patch of 32 x 32 cells gets closer control
points, or cubics in the plane at a pole, and in the end a position for each cell. Where columns depend on x alone and
rows on y alone, both are exact.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from ogcapi.model.crs import Crs
from ogcapi.model.grid import Array, Grid
from ogcapi.pixels import placing, polar
from ogcapi.pixels.kernels import CENTRES, EXACT, LINES, NOTHING, PATCH, SPAN
from ogcapi.pixels.mesh import LATTICE, Mesh, anchor_of, carried_cells, kept, mesh_of, nodes_of, patch_range, wraps
from ogcapi.pixels.warp import Geometry, carried, least_side
from ogcapi.pixels.warp import steps as exact_steps

PART = 512
"""Cells a side that one control serves at most; a multiple of a patch."""
TOLERANCE = 2.0**-15
"""Stored cells by which cubics may miss where it is measured: of 16,384 cells one may get its neighbour's value, and
where datums shift by grids, which have kinks, cubics miss by more elsewhere."""
_ALLOWED = 4 * TOLERANCE  # of cubics between control points twice as far apart, which miss by 16 times as much
_STEPS = (32, 16, 8, 4)
_NEAR = 8  # cells: closer control points cost more than a place for each cell in the plane at a pole
_FEW = 256  # cells that are as cheaply placed one by one
_PENDING = -2
_ALIGNED = 5e-7  # stored cells: so near to centres, no neighbour weighs anything
_NONE = np.empty(0)
_STEP_MISS = 1e-3  # of a step: what cubics may miss where it is measured


@dataclass(frozen=True, kw_only=True, eq=False)
class Control:
    """Positions of the cell centres of a part of a grid, in columns and rows of a stored raster."""

    geometry: Geometry
    rows: range
    """Of the grid."""
    cols: range
    patches: tuple[Array, ...]
    """As the kernels want them: steps, starts, boxes; columns and rows of nodes, of lines' centres and of corners."""
    aligned: tuple[int, int] | None
    """(row, col) of the stored cell that coincides with the first one, where all cells of the part coincide with those
    beneath, one by one; None where they do not, or where some lie outside."""

    @property
    def frame(self) -> tuple[int, int, int, int, int]:
        """Cells of the first patches before the part, rows and columns of the part, stored columns in a turn or 0."""
        turn = self.geometry.width if self.geometry.is_cyclic else 0
        return self.rows.start % PATCH, self.cols.start % PATCH, len(self.rows), len(self.cols), turn

    @property
    def is_empty(self) -> bool:
        """Whether no cell can lie in the raster."""
        return not self.patches[0].any()

    @property
    def nbytes(self) -> int:
        """Bytes in memory."""
        return sum(array.nbytes for array in self.patches)


def parts(grid: Grid, rows: range | None = None) -> Iterator[tuple[range, range]]:
    """Rows and columns of the parts of a grid that one control serves each."""
    rows = range(grid.height) if rows is None else rows
    for top in range(rows.start, rows.stop, PART):
        for left in range(0, grid.width, PART):
            yield range(top, min(top + PART, rows.stop)), range(left, min(left + PART, grid.width))


def control(
    grid: Grid, geometry: Geometry, rows: range | None = None, cols: range | None = None, *, corners: bool = False
) -> Control:
    """The positions of a part of a grid (None: all of it), which is at most 512 cells a side; kept for the next time.

    With those of the cells' `corners` it also serves methods other than nearest.

    Raises `UnknownCrs` between two bodies.
    """
    rows, cols = range(grid.height) if rows is None else rows, range(grid.width) if cols is None else cols
    made: Control = kept.get(
        (grid, geometry, rows.start, rows.stop, cols.start, cols.stop, corners),
        lambda: _made(grid, geometry, rows, cols, corners),
        lambda control: control.nbytes + 500,
    )
    return made


def _made(grid: Grid, geometry: Geometry, rows: range, cols: range, corners: bool) -> Control:
    anchor = None if geometry.is_rotated else anchor_of(grid.crs, geometry.crs)
    if anchor is not None:
        return _of_lines(grid, geometry, rows, cols, anchor, corners)
    return _of_patches(grid, geometry, rows, cols, corners)


def _of_lines(
    grid: Grid, geometry: Geometry, rows: range, cols: range, anchor: tuple[float, float], corners: bool
) -> Control:
    col, row = _lines(grid, geometry, rows, cols, anchor, 0.5)
    patch_rows, patch_cols = patch_range(rows), patch_range(cols)
    shape = len(patch_rows), len(patch_cols)
    line_col, line_row = _padded(col, cols), _padded(row, rows)
    boxes = np.empty((*shape, 4))
    boxes[..., 0::2] = _spans(line_col)[None]
    boxes[..., 1::2] = _spans(line_row)[:, None]
    inside = (boxes[..., 3] >= -1) & (boxes[..., 1] <= geometry.height + 1) & np.isfinite(boxes[..., 2])
    if not geometry.is_cyclic:
        inside &= (boxes[..., 2] >= -1) & (boxes[..., 0] <= geometry.width + 1)
    steps = np.where(inside, LINES, NOTHING)
    edge_col = edge_row = _NONE
    if corners:
        of_rows, of_cols = (range(of.start, of.stop + 1) for of in (rows, cols))
        edge_col, edge_row = _lines(grid, geometry, of_rows, of_cols, anchor, 0)
        edge_col, edge_row = _padded(edge_col, cols, 1), _padded(edge_row, rows, 1)
    return Control(
        geometry=geometry,
        rows=rows,
        cols=cols,
        patches=(steps, np.zeros(shape, np.int64), boxes, _NONE, _NONE, line_col, line_row, edge_col, edge_row),
        aligned=_aligned(col, row, geometry),
    )


def _lines(
    grid: Grid, geometry: Geometry, rows: range, cols: range, anchor: tuple[float, float], offset: float
) -> tuple[Array, Array]:
    """Columns and rows of lines through cells, `offset` cells after their first edges."""
    x = grid.bbox.xmin + (np.arange(cols.start, cols.stop) + offset) * grid.cell_width
    y = grid.bbox.ymax - (np.arange(rows.start, rows.stop) + offset) * grid.cell_height
    points = np.full((2, x.size + y.size), anchor[0])
    points[0, : x.size], points[1, : x.size], points[1, x.size :] = x, anchor[1], y
    col, row = carried(grid, geometry, *points)
    return col[: x.size], row[x.size :]


def _padded(line: Array, cells: range, more: int = 0) -> Array:
    """A line's positions from the beginning of its first patch to the end of its last, and so many more."""
    padded = np.full(len(patch_range(cells)) * PATCH + more, np.nan)
    padded[cells.start % PATCH :][: line.size] = line
    return padded


def _spans(line: Array) -> Array:
    """(patch, 2): the least and greatest position in each patch of a line; NaN where there is none."""
    patches = line.reshape(-1, PATCH)
    return np.stack((np.fmin.reduce(patches, axis=1), np.fmax.reduce(patches, axis=1)), axis=1)


def _aligned(col: Array, row: Array, geometry: Geometry) -> tuple[int, int] | None:
    found = []
    for line, count in ((row, geometry.height), (col, geometry.width)):
        if not np.isfinite(line[0]):
            return None
        first = int(np.floor(line[0]))
        if first < 0 or first + line.size > count:
            return None
        if not (np.abs(line - 0.5 - np.arange(first, first + line.size)) < _ALIGNED).all():
            return None
        found.append(first)
    return found[0], found[1]


def _of_patches(grid: Grid, geometry: Geometry, rows: range, cols: range, corners: bool) -> Control:
    patch_rows, patch_cols = patch_range(rows), patch_range(cols)
    shape = len(patch_rows), len(patch_cols)
    steps, starts = np.full(shape, _PENDING, np.int64), np.zeros(shape, np.int64)
    boxes = np.zeros((*shape, 4))
    node_cols, node_rows, used = [], [], 0
    place, is_wheel = _place(geometry), polar.is_wheel(grid.crs, geometry.crs)
    place_cells = polar.turned_cells if is_wheel else carried_cells
    if len(rows) * len(cols) <= _FEW or wraps(grid):
        steps[:] = EXACT
    for step in _STEPS:
        pending = steps < 0
        count = int(pending.sum())
        if not count:
            break
        size = PATCH // step
        if step == PATCH:
            x, y = mesh_of(grid, geometry.crs, patch_rows, patch_cols).nodes
        else:
            x, y = nodes_of(grid, geometry.crs, patch_rows.start, patch_cols.start, pending, step)
        col, row = np.empty((2, count * (size + 3) ** 2))
        settled = np.zeros_like(starts)
        is_last = step == _STEPS[-1]
        limits = _ALLOWED, _ALLOWED * max(1.0, (step / _NEAR) ** 4)
        made = placing.settle(step, is_last, x, y, (*place, *limits), steps, settled, boxes, col, row, 0)
        starts += np.where(steps == step, settled + used, 0)
        node_cols.append(col[:made])
        node_rows.append(row[:made])
        used += made
        if is_wheel:
            steps[steps == placing.SINGULAR] = EXACT
        wanted = steps == (EXACT if is_last else placing.SINGULAR)
        if wanted.any() and (plane := polar.plane(geometry, x, y)) is not None:
            col, row = np.empty((2, int(wanted.sum()) * (CENTRES + SPAN * SPAN * corners)))
            stored = geometry.width, geometry.height, geometry.width if geometry.is_cyclic else 0
            made = polar.chart(step, wanted, corners, *plane, stored, _ALLOWED, steps, settled, boxes, col, row)
            starts += np.where(wanted & (steps == polar.CHARTED), settled + used, 0)
            node_cols.append(col[:made])
            node_rows.append(row[:made])
            used += made
    exact = np.argwhere(steps == EXACT)
    if exact.size:
        numbers = exact + np.array((patch_rows.start, patch_cols.start))
        parts = [place_cells(grid, geometry, numbers, PATCH, 0.5)]
        boxes[tuple(exact.T)] = np.stack(
            [reduce(axis, axis=1) for reduce in (np.fmin.reduce, np.fmax.reduce) for axis in parts[0]], axis=1
        )
        if corners:
            parts.append(place_cells(grid, geometry, numbers, PATCH + 1, 0))
        col, row = (np.concatenate(axes, axis=1) for axes in zip(*parts, strict=True))
        starts[tuple(exact.T)] = used + np.arange(len(exact)) * col.shape[1]
        node_cols.append(col.ravel())
        node_rows.append(row.ravel())
    steps[steps == polar.CHARTED] = EXACT
    col, row = (np.concatenate(of) if len(of) > 1 else of[0] for of in (node_cols, node_rows))
    return Control(
        geometry=geometry,
        rows=rows,
        cols=cols,
        patches=(steps, starts, boxes, col, row, _NONE, _NONE, _NONE, _NONE),
        aligned=None,
    )


def _place(geometry: Geometry) -> tuple[float, ...]:
    a, b, c, d, e, f = geometry.transform
    middle = c + a * geometry.width / 2 + b * geometry.height / 2
    period = geometry.crs.x_period or 0.0
    size = float(geometry.width), float(geometry.height)
    return a, b, c, d, e, f, period, middle, *size, float(geometry.is_cyclic)


def steps(grid: Grid, geometry: Geometry) -> float:
    """As `warp.steps`, of the same control points as `control` where they are exact enough; kept for the next time."""
    made: float = kept.get((grid, geometry), lambda: _steps(grid, geometry), lambda _: 300)
    return made


def side(grid: Grid, geometry: Geometry) -> float:
    """As `warp.least_side`; kept for the next time."""
    made: float = kept.get((grid, geometry, "side"), lambda: least_side(grid, geometry), lambda _: 300)
    return made


def bounds(grid: Grid, crs: Crs) -> tuple[float, float, float, float] | None:
    """xmin, ymin, xmax, ymax around all cell centres in a system whose meridians never come again; a little too wide.

    None where the control points do not tell it. Kept for the next time.
    """

    def made() -> tuple[float, float, float, float] | None:
        mesh = _whole_mesh(grid, crs)
        return None if mesh is None else mesh.box(*grid.shape)

    box: tuple[float, float, float, float] | None = kept.get((grid, crs), made, lambda _: 400)
    return box


def _whole_mesh(grid: Grid, crs: Crs) -> Mesh | None:
    """The control points of all of a grid that needs no more than those of one part, where they are worth it."""
    if max(grid.shape) > PART or grid.width * grid.height <= _FEW or wraps(grid):
        return None
    return mesh_of(grid, crs, patch_range(range(grid.height)), patch_range(range(grid.width)))


def _steps(grid: Grid, geometry: Geometry) -> float:
    anchor = None if geometry.is_rotated else anchor_of(grid.crs, geometry.crs)
    if anchor is not None:
        return _steps_of_lines(grid, geometry, anchor)
    mesh = _whole_mesh(grid, geometry.crs)
    if mesh is None:
        return exact_steps(grid, geometry)
    if not np.isfinite((*mesh.missed, *map(np.sum, mesh.nodes))).all():
        return exact_steps(grid, geometry)
    a, b, _, d, e, _ = geometry.transform
    area = abs(a * e - b * d)
    x, y = mesh.moves(*grid.shape)
    shortest = float(np.hypot((e * x - b * y) / area, (a * y - d * x) / area).min())
    off = mesh.missed[0] * max(abs(e), abs(d)) + mesh.missed[1] * max(abs(a), abs(b))
    return shortest if off / area < _STEP_MISS * shortest else exact_steps(grid, geometry)


def _steps_of_lines(grid: Grid, geometry: Geometry, anchor: tuple[float, float]) -> float:
    x, y = grid.centres()
    x, y = (axis[np.unique(np.linspace(0, axis.size - 1, LATTICE).round().astype(int))] for axis in (x, y))
    points = np.full((2, 2 * (x.size + y.size)), anchor[0])
    points[1] = anchor[1]
    points[0, : 2 * x.size] = np.concatenate((x, x + grid.cell_width))
    points[1, 2 * x.size :] = np.concatenate((y, y - grid.cell_height))
    col, row = carried(grid, geometry, *points)
    cols, rows = np.diff(col[: 2 * x.size].reshape(2, -1), axis=0), np.diff(row[2 * x.size :].reshape(2, -1), axis=0)
    if geometry.period is not None:
        cols -= geometry.period * np.round(cols / geometry.period)
    lengths = np.abs(np.concatenate((cols, rows), axis=None))
    is_known = np.isfinite(col[: x.size]).any() and np.isfinite(row[2 * x.size : 2 * x.size + y.size]).any()
    lengths = lengths[np.isfinite(lengths)]
    return float(lengths.min()) if lengths.size and is_known else 0.0
