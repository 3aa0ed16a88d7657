"""Positions around a pole, where longitude is singular, without PROJ for each cell.

Where parallels of the grid become circles around a pole in the raster, three places on each say where all others are.

A raster whose columns are meridians and whose rows are parallels is unrolled onto the plane that touches the pole
(stereographic, of any sphere): there cubics between few control points are exact, and each cell's place in the plane
gives its column by its direction and its row by its distance.
"""

from __future__ import annotations

from functools import lru_cache
from math import isfinite, pi

import numpy as np

from ogcapi.model.crs import Crs, transformation
from ogcapi.model.grid import Array, Grid
from ogcapi.pixels.compiled import kernel
from ogcapi.pixels.kernels import CENTRES, NOTHING, PATCH, SPAN, cubics, misses, part
from ogcapi.pixels.placing import RING, miss
from ogcapi.pixels.warp import Geometry, carried

CHARTED = 3
"""Step of a patch, while others are pending, that has a position for each cell already; no step of control points."""
_ROUND = 1e-11  # of a circle: what rounding may add


@lru_cache(maxsize=64)
def _heights(crs: Crs) -> tuple[float, float] | None:
    """y of the equator and of the north pole; None where the plane does not repeat in x, or the pole is not on it."""
    if crs.x_period is None:
        return None
    if crs.is_geographic:
        return 0.0, crs.x_period / 4
    right = (crs.geodetic.x_period or 360.0) / 4
    (_, equator), (_, pole) = (transformation(crs.geodetic, crs)(0.0, lat) for lat in (0.0, right))
    return (float(equator), float(pole)) if isfinite(pole) and abs(pole - equator) <= crs.x_period else None


def plane(geometry: Geometry, x: Array, y: Array) -> tuple[Array, Array, tuple[float, float, float, float]] | None:
    """Places of the raster's system in the plane at the nearer pole, and what columns and rows are there.

    These are the column of direction 0, columns in a radian, the row of the pole, and rows in a radian. None where
    the raster has no such plane.
    """
    heights = None if geometry.period is None else _heights(geometry.crs)
    if heights is None or geometry.period is None:
        return None
    equator, pole = heights
    known = np.isfinite(x) & np.isfinite(y)
    x, y = np.where(known, x, np.nan), np.where(known, y, np.nan)
    side = 1.0 if np.nansum(y - equator) >= 0 else -1.0
    a, _, c, _, e, f = geometry.transform
    period = geometry.period * abs(a)
    direction = (x - (c + a * geometry.width / 2)) * (2 * pi / period)
    high = pole - equator
    distance = np.tan((1 - side * (y - equator) / high) * (pi / 4))
    radian = -side * high / (pi / 2) / e
    numbers = geometry.width / 2, period / (2 * pi) / a, (equator + side * high - f) / e, radian
    return distance * np.cos(direction), distance * np.sin(direction), numbers


@lru_cache(maxsize=1024)
def is_wheel(source: Crs, target: Crs) -> bool:
    """Whether lines of equal y become circles of the other system that turn with x."""
    if source.x_period is None or target.x_period is not None:
        return False
    to_source = transformation(source.geodetic, source)
    unit = (source.geodetic.x_period or 360.0) / 360
    lat = np.linspace(-80, 80, 9) * unit
    _, y = to_source(np.zeros(lat.size), lat)
    x = np.linspace(-0.4, 0.4, 10) * source.x_period
    expected = np.stack(transformation(source, target)(*np.meshgrid(x, y)))
    spokes = np.stack(transformation(source, target)(*np.meshgrid(_spokes(source), y)))
    with np.errstate(invalid="ignore"):
        missed = np.abs(spokes @ _turns(source, x) - expected).max(axis=(0, 2)) / np.ptp(expected, axis=2).max(axis=0)
    return bool((missed < _ROUND).all())


def _spokes(crs: Crs) -> Array:
    return np.arange(3) / 3 * (crs.x_period or 0.0)


def _turns(crs: Crs, x: Array) -> Array:
    """(3, x): by how much what is on the spokes counts at each x."""
    return 1 / 3 + 2 / 3 * np.cos((x - _spokes(crs)[:, None]) * (2 * pi / (crs.x_period or 1.0)))


def turned_cells(grid: Grid, geometry: Geometry, patches: Array, count: int, offset: float) -> tuple[Array, Array]:
    """As `mesh.carried_cells`, where the grid's parallels are such circles, by PROJ for three places on each."""
    first, last = patches.min(axis=0) * PATCH, (patches.max(axis=0) + 1) * PATCH + count - PATCH
    rows, cols = (np.arange(start, stop) + offset for start, stop in zip(first, last, strict=True))
    y, x = grid.bbox.ymax - rows * grid.cell_height, grid.bbox.xmin + cols * grid.cell_width
    at_row, at_col = (patches * PATCH - first).T[:, :, None] + np.arange(count)
    col, row = (
        (of @ _turns(grid.crs, x))[at_row[:, :, None], at_col[:, None, :]].reshape(len(patches), -1)
        for of in carried(grid, geometry, *np.meshgrid(_spokes(grid.crs), y))
    )
    return col, row


@part
def _arc(y, x):  # type: ignore[no-untyped-def]
    """The angle of (x, y) from the x axis, to 15 digits and without branches, so that many are made at once."""
    wide, high = abs(x), abs(y)
    is_steep = high > wide
    low, top = (wide, high) if is_steep else (high, wide)
    t = low / top if top > 0 else 0.0
    is_far = t > 0.66
    t = (t - 1) / (t + 1) if is_far else t
    z = t * t
    # the rational approximation of Moshier's Cephes
    over = (((-0.8750608600031904 * z - 16.157537187333652) * z - 75.00855792314705) * z - 122.88666844901361) * z
    over -= 64.85021904942025
    under = ((((z + 24.858464901423062) * z + 165.02700983169885) * z + 432.88106049129027) * z + 485.3903996359137) * z
    under += 194.5506571482614
    angle = t + t * z * over / under
    angle = angle + pi / 4 if is_far else angle
    angle = pi / 2 - angle if is_steep else angle
    angle = pi - angle if x < 0 else angle
    return -angle if y < 0 else angle


@part
def _unroll(p, q, numbers, col, row):  # type: ignore[no-untyped-def]
    middle, across, pole, down = numbers
    for k in range(p.size):
        col[k] = middle + across * _arc(q[k], p[k])
    for k in range(p.size):
        row[k] = pole + 2 * down * _arc(np.sqrt(p[k] * p[k] + q[k] * q[k]), 1.0)


@kernel(
    "int64(int64, boolean[:,::1], boolean, float64[:,::1], float64[:,::1], UniTuple(float64, 4),"
    " UniTuple(int64, 3), float64, int64[:,::1], int64[:,::1], float64[:,:,::1], float64[::1], float64[::1])"
)
def chart(step, wanted, corners, p, q, numbers, stored, tolerance, steps, starts, boxes, col, row):  # type: ignore[no-untyped-def]
    """Give wanted patches a position for each cell where cubics in the plane at a pole are exact enough.

    p, q: places of nodes in the plane, `step` cells apart, from two steps before the first patch on; NaN where not
    known. stored: columns and rows of the raster, and columns in a turn or 0. Positions of cells, and of their corners
    where these are asked for, go to col and row; returns how many.
    """
    size, used = PATCH // step, 0
    side = size + 3
    across, down = abs(numbers[1]), abs(numbers[3])
    node_p, node_q = np.empty(side * side), np.empty(side * side)
    at_p, at_q = np.empty((PATCH, PATCH)), np.empty((PATCH, PATCH))
    edge_p, edge_q = np.empty((SPAN, SPAN)), np.empty((SPAN, SPAN))
    flat_p, flat_q = at_p.reshape(-1), at_q.reshape(-1)
    for patch_row in range(steps.shape[0]):
        for patch_col in range(steps.shape[1]):
            if not wanted[patch_row, patch_col]:
                continue
            top, left = patch_row * size + RING, patch_col * size + RING
            off = np.hypot(miss(p, top, left, size, 0.0), miss(q, top, left, size, 0.0))
            if not 2 * down * off <= tolerance:  # NaN too
                continue
            for i in range(side):
                for j in range(side):
                    node_p[i * side + j] = p[top - 1 + i, left - 1 + j]
                    node_q[i * side + j] = q[top - 1 + i, left - 1 + j]
            cubics(step, 0, node_p, 0.0, PATCH, at_p)
            cubics(step, 0, node_q, 0.0, PATCH, at_q)
            nearest = np.inf
            for k in range(CENTRES):
                nearest = min(nearest, flat_p[k] * flat_p[k] + flat_q[k] * flat_q[k])
            if not across * off <= tolerance * np.sqrt(nearest):
                continue
            at_col, at_row = col[used : used + CENTRES], row[used : used + CENTRES]
            _unroll(flat_p, flat_q, numbers, at_col, at_row)
            box = boxes[patch_row, patch_col]
            box[0], box[1], box[2], box[3] = at_col.min(), at_row.min(), at_col.max(), at_row.max()
            if misses(box, 0, 0, stored[0], stored[1], stored[2]):
                steps[patch_row, patch_col] = NOTHING
                continue
            steps[patch_row, patch_col], starts[patch_row, patch_col] = CHARTED, used
            used += CENTRES
            if corners:
                cubics(step, 0, node_p, -0.5, SPAN, edge_p)
                cubics(step, 0, node_q, -0.5, SPAN, edge_q)
                stop = used + SPAN * SPAN
                _unroll(edge_p.reshape(-1), edge_q.reshape(-1), numbers, col[used:stop], row[used:stop])
                used = stop
    return used
