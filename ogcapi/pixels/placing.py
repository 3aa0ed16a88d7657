# ruff: noqa: C901 - loops within loops
"""The compiled loops that settle how far apart a control's points may be."""

from __future__ import annotations

import numpy as np

from ogcapi.pixels.compiled import kernel
from ogcapi.pixels.kernels import EXACT, NOTHING, PATCH, part, turned

RING = 2
"""Nodes before the first patch and after the last one."""
SINGULAR = -3
"""Step of a patch for which control points somewhat closer would not do either."""


@part
def _bend(nodes, at, period):  # type: ignore[no-untyped-def]
    """By how much cubics of twice the step would miss around a node: what its fourth difference says."""
    here = nodes[at]
    near = turned(nodes[at - 1] - here, period) + turned(nodes[at + 1] - here, period)
    far = turned(nodes[at - 2] - here, period) + turned(nodes[at + 2] - here, period)
    return abs(far - 4.0 * near) * 0.375


@part
def miss(nodes, top, left, size, period):  # type: ignore[no-untyped-def]
    """The most that cubics of twice the step miss in a patch: along the rows and along the columns together.

    Nothing but the nodes around the patch counts, so it is the same in whatever part of a grid the patch is.
    """
    along, across = 0.0, 0.0
    for i in range(-1, size + 2):
        for j in range(size + 1):
            error = _bend(nodes[top + i], left + j, period)
            if not error <= along:  # NaN too
                along = error
            error = _bend(nodes[:, left + i], top + j, period)
            if not error <= across:
                across = error
    return along + across


@kernel("float64(float64[:,::1], int64, int64, float64)")
def missed(nodes, rows, cols, period):  # type: ignore[no-untyped-def]
    """The most that cubics between every other node miss anywhere in so many patches; NaN where nodes are not known."""
    most = 0.0
    for row in range(rows):
        for col in range(cols):
            error = miss(nodes, row + RING, col + RING, 1, period)
            if not error <= most:
                most = error
    return most


@kernel(
    "int64(int64, boolean, float64[:,::1], float64[:,::1], UniTuple(float64, 13), int64[:,::1], int64[:,::1],"
    " float64[:,:,::1], float64[::1], float64[::1], int64)"
)
def settle(step, is_last, x, y, place, steps, starts, boxes, node_col, node_row, used):  # type: ignore[no-untyped-def]
    """Give the patches whose step is still negative this step where it is exact enough.

    x, y: places of nodes, `step` cells apart, from two steps before the first patch on; NaN where not known.
    place: (a, b, c, d, e, f, period, middle, columns, rows, is cyclic, tolerance in cells, hopeless error in
    cells) of the stored raster.
    Nodes of settled patches go to node_col and node_row from `used` on; returns how many are used then.
    """
    a, b, c, d, e, f, period, middle, columns, rows, is_cyclic, tolerance, hopeless = place
    area = a * e - b * d
    size = PATCH // step
    side = size + 3
    for patch_row in range(steps.shape[0]):
        for patch_col in range(steps.shape[1]):
            if steps[patch_row, patch_col] >= 0:
                continue
            top, left = patch_row * size + RING, patch_col * size + RING
            known = 0
            for i in range(top - 1, top + size + 2):
                for j in range(left - 1, left + size + 2):
                    known += np.isfinite(x[i, j]) and np.isfinite(y[i, j])
            if known < side * side:
                if is_last and not known:
                    steps[patch_row, patch_col] = NOTHING
                elif known:
                    steps[patch_row, patch_col] = EXACT if is_last else SINGULAR
                continue
            off_x, off_y = miss(x, top, left, size, period), miss(y, top, left, size, 0.0)
            off_col = (abs(e) * off_x + abs(b) * off_y) / abs(area)
            off_row = (abs(a) * off_y + abs(d) * off_x) / abs(area)
            # columns and rows, counted on past the antimeridian, and in the turn where the raster has them
            shift = period * np.floor((x[top, left] - middle) / period + 0.5) if period > 0 else 0.0
            base = x[top, left] - shift
            base -= turned(x[top, left] - x[top - 1, left - 1], period)
            at = used
            west, east = np.inf, -np.inf
            for i in range(top - 1, top + size + 2):
                if i > top - 1:
                    base += turned(x[i, left - 1] - x[i - 1, left - 1], period)
                here = base
                for j in range(left - 1, left + size + 2):
                    if j > left - 1:
                        here += turned(x[i, j] - x[i, j - 1], period)
                    node_col[at] = (e * (here - c) - b * (y[i, j] - f)) / area
                    node_row[at] = (a * (y[i, j] - f) - d * (here - c)) / area
                    at += 1
                    if top <= i <= top + size and left <= j <= left + size:
                        west, east = min(west, here), max(east, here)
            box = boxes[patch_row, patch_col]
            box[0], box[2] = _ends(node_col, used, side)
            box[1], box[3] = _ends(node_row, used, side)
            wide, high = box[2] - box[0] + off_col, box[3] - box[1] + off_row
            if not (off_col < wide + 1 and off_row < high + 1):
                steps[patch_row, patch_col] = EXACT if is_last else SINGULAR
                continue
            outside = box[1] - high > rows or box[3] + high < 0
            if b != 0 or d != 0:  # a turn changes rows too
                outside = outside and period == 0
            elif period == 0:
                outside |= box[0] - wide > columns or box[2] + wide < 0
            elif not is_cyclic and wide < 0.2 * abs(period / a):  # farther on, the other turn's end comes near
                outside |= box[0] - wide > columns and box[2] + wide < abs(period / a)
                outside |= box[2] + wide < 0 and box[0] - wide > columns - abs(period / a)
            if outside:
                steps[patch_row, patch_col] = NOTHING
            elif off_col <= tolerance and off_row <= tolerance:
                half = period / 2
                if period > 0 and not is_cyclic and (west < middle - half or east > middle + half):
                    steps[patch_row, patch_col] = EXACT
                else:
                    steps[patch_row, patch_col], starts[patch_row, patch_col] = step, used
                    used = at
            elif is_last:
                steps[patch_row, patch_col] = EXACT
            elif max(off_col, off_row) > hopeless:
                steps[patch_row, patch_col] = SINGULAR
    return used


@part
def _ends(nodes, start, side):  # type: ignore[no-untyped-def]
    """Least and greatest of what lies between a patch's nodes, with room for its curvature."""
    low, high = np.inf, -np.inf
    along, across = 0.0, 0.0
    for i in range(1, side - 1):
        for j in range(1, side - 1):
            at = start + i * side + j
            low, high = min(low, nodes[at]), max(high, nodes[at])
            along = max(along, abs(nodes[at - 1] - 2 * nodes[at] + nodes[at + 1]))
            across = max(across, abs(nodes[at - side] - 2 * nodes[at] + nodes[at + side]))
    room = (along + across) / 4 + 0.01
    return low - room, high + room
