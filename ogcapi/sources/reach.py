"""Where the cells of a grid lie in another system."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from ogcapi.model.crs import Crs, transformation
from ogcapi.model.grid import BBox, Grid
from ogcapi.pixels.control import bounds

_EDGE_POINTS = 21  # a side


@lru_cache(maxsize=64)
def reach(grid: Grid, crs: Crs) -> tuple[BBox, ...]:
    """Boxes of another system that hold every cell centre of a grid.

    Where part of the grid lies nowhere in that system, its edge there is known to a step of the lattice only, and the
    boxes are that much larger.
    """
    if grid.crs == crs:
        return grid.bboxes_in(crs)
    known = bounds(grid, crs)  # of what will place the cells too
    if known is not None:
        xmin, ymin, xmax, ymax = known
        return (BBox(xmin=xmin, ymin=ymin, xmax=xmax, ymax=ymax),)
    bboxes = grid.bboxes_in(crs)
    x = np.linspace(grid.bbox.xmin, grid.bbox.xmax, _EDGE_POINTS)
    y = np.linspace(grid.bbox.ymin, grid.bbox.ymax, _EDGE_POINTS)
    if all(np.isfinite(axis).all() for axis in transformation(grid.crs, crs)(*np.meshgrid(x, y))):
        return bboxes
    return tuple(
        BBox(
            xmin=bbox.xmin - bbox.width / _EDGE_POINTS,
            ymin=bbox.ymin - bbox.height / _EDGE_POINTS,
            xmax=bbox.xmax + bbox.width / _EDGE_POINTS,
            ymax=bbox.ymax + bbox.height / _EDGE_POINTS,
        )
        for bbox in bboxes
    )
