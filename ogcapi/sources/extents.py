"""The grid of a whole mosaic, from the grids of its assets."""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil, floor, hypot, isfinite

from ogcapi.model.crs import Crs, transformation
from ogcapi.model.grid import BBox, Grid

_ROUNDING = 1e-6  # of a cell
_TURN = 1e-9  # relative


def whole_grid(box: BBox, crs: Crs, grids: Sequence[Grid], cell_size: float) -> Grid:
    """The finest of the grids' cells over a box, which grows to whole cells in line with theirs.

    Cells of other systems are measured in the middle of their grid. Where there are no grids, cells of that size.
    """
    sizes = [(_cell(grid, crs), grid) for grid in grids]
    known = [(size, grid) for size, grid in sizes if all(isfinite(side) and side > 0 for side in size)]
    if not known:
        return _filled(box, crs, (cell_size, cell_size), (box.xmin, box.ymax))
    size, finest = min(known, key=lambda one: one[0][0] * one[0][1])
    origin = (finest.bbox.xmin, finest.bbox.ymax) if finest.crs == crs else (box.xmin, box.ymax)
    return _filled(box, crs, size, origin)


def _cell(grid: Grid, crs: Crs) -> tuple[float, float]:
    """Extent of a cell in x and y, in units of another system."""
    if grid.crs == crs:
        return grid.cell_width, grid.cell_height
    x, y = grid.bbox.xmin + grid.bbox.width / 2, grid.bbox.ymin + grid.bbox.height / 2
    to_crs = transformation(grid.crs, crs)
    here, right, down = to_crs(x, y), to_crs(x + grid.cell_width, y), to_crs(x, y - grid.cell_height)
    return hypot(right[0] - here[0], right[1] - here[1]), hypot(down[0] - here[0], down[1] - here[1])


def _filled(box: BBox, crs: Crs, size: tuple[float, float], origin: tuple[float, float]) -> Grid:
    (wide, high), (x, y) = size, origin
    left, right = _outward((box.xmin - x) / wide, (box.xmax - x) / wide)
    top, bottom = _outward((y - box.ymax) / high, (y - box.ymin) / high)
    if crs.x_period is not None and box.width >= crs.x_period * (1 - _TURN):
        right = left + max(1, round(crs.x_period / wide))  # once around, not a cell more
    bbox = BBox(xmin=x + left * wide, ymin=y - bottom * high, xmax=x + right * wide, ymax=y - top * high)
    return Grid(crs=crs, bbox=bbox, width=right - left, height=bottom - top)


def _outward(low: float, high: float) -> tuple[int, int]:
    first = floor(low + _ROUNDING)
    return first, max(first + 1, ceil(high - _ROUNDING))
