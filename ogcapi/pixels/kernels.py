# ruff: noqa: C901 - loops within loops
"""The compiled loops that place cells and gather values, and nothing else.

`control` and `gather` say what they are for and call them; `warp` and `resampling` are what they are tested against.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numba
import numpy as np

from ogcapi.pixels.compiled import kernel

PATCH = 32
"""Output cells a side that one set of control points serves."""
EXACT = 1
"""Step of a patch that has a position for each cell."""
LINES = -1
"""Step of a patch whose columns depend on x alone and whose rows depend on y alone."""
NOTHING = 0
"""Step of a patch that has nothing of the raster."""
CENTRES = PATCH * PATCH
"""Positions of an exact patch, before those of its cells' corners."""
BORDER = 1e-6  # of a cell, as in `warp`
SPAN = PATCH + 1
"""Corners of cells a side."""
_MAX_TAPS = 1024  # as in `resampling`


def part(loop: Callable[..., Any]) -> Callable[..., Any]:
    """A piece of loops, compiled into each of them."""
    made: Callable[..., Any] = numba.njit(nogil=True, error_model="numpy")(loop)
    return made


# --- positions -------------------------------------------------------------------------------------------------------


@part
def turned(difference, period):  # type: ignore[no-untyped-def]
    """The short way around the body; a period of 0 is none."""
    return difference - period * np.floor(difference / period + 0.5) if period > 0 else difference


@part
def _cubic(g0, g1, g2, g3):  # type: ignore[no-untyped-def]
    """The coefficients, from t to the power of 0 on, of the cubic through values at t = -1, 0, 1 and 2."""
    return g1, g2 - (2 * g0 + 3 * g1 + g3) / 6, (g0 + g2) / 2 - g1, (g3 - g0) / 6 + (g1 - g2) / 2


@part
def cubics(step, start, nodes, offset, count, out):  # type: ignore[no-untyped-def]
    """Positions of count x count points of a patch, `offset` cells after the centres, by cubics through its nodes."""
    blocks, inverse = PATCH // step, 1.0 / step
    side = blocks + 3
    for block in range(blocks):
        for other in range(blocks):
            at = start + block * side + other
            a0, a1, a2, a3 = _cubic(nodes[at], nodes[at + 1], nodes[at + 2], nodes[at + 3])
            at += side
            b0, b1, b2, b3 = _cubic(nodes[at], nodes[at + 1], nodes[at + 2], nodes[at + 3])
            at += side
            c0, c1, c2, c3 = _cubic(nodes[at], nodes[at + 1], nodes[at + 2], nodes[at + 3])
            at += side
            d0, d1, d2, d3 = _cubic(nodes[at], nodes[at + 1], nodes[at + 2], nodes[at + 3])
            a0, b0, c0, d0 = _cubic(a0, b0, c0, d0)
            a1, b1, c1, d1 = _cubic(a1, b1, c1, d1)
            a2, b2, c2, d2 = _cubic(a2, b2, c2, d2)
            a3, b3, c3, d3 = _cubic(a3, b3, c3, d3)
            high = count - block * step if block == blocks - 1 else step
            wide = count if other == blocks - 1 else (other + 1) * step
            for k in range(high):
                t = (k + offset) * inverse
                q0 = ((d0 * t + c0) * t + b0) * t + a0
                q1 = ((d1 * t + c1) * t + b1) * t + a1
                q2 = ((d2 * t + c2) * t + b2) * t + a2
                q3 = ((d3 * t + c3) * t + b3) * t + a3
                line = out[block * step + k, other * step : wide]
                for x in range(line.size):
                    u = (x + offset) * inverse
                    line[x] = ((q3 * u + q2) * u + q1) * u + q0


@part
def positions_of(step, start, nodes, line, first, is_row, out):  # type: ignore[no-untyped-def]
    """Positions of the centres of a patch's cells: columns, or rows."""
    if step == LINES:
        for k in range(PATCH):
            for x in range(PATCH):
                out[k, x] = line[first + k] if is_row else line[first + x]
    elif step == EXACT:
        for k in range(PATCH):
            for x in range(PATCH):
                out[k, x] = nodes[start + k * PATCH + x]
    else:
        cubics(step, start, nodes, 0.0, PATCH, out)


@part
def cells_of(positions, first, count, turn, out):  # type: ignore[no-untyped-def]
    """Which of `count` stored cells from `first` on each position is in; -1 where in none. A turn of 0 is none."""
    for k in range(PATCH):
        for x in range(PATCH):
            cell = np.floor(positions[k, x] + BORDER) - first
            if turn > 0:
                cell -= turn * np.floor(cell / turn)
            out[k, x] = np.int32(cell) if (cell >= 0 and cell < count) else np.int32(-1)


CONTROL = (
    "Tuple((int64[:,::1], int64[:,::1], float64[:,:,::1], float64[::1], float64[::1], float64[::1], float64[::1],"
    " float64[::1], float64[::1]))"
)
"""Of each patch (row, col): step, where its nodes start, box (4,); columns and rows of nodes, of lines' centres and of
lines' corners."""
WINDOW = "UniTuple(int64, 4)"
"""First stored column and row, columns, rows."""
FRAME = "UniTuple(int64, 5)"
"""Cells of the first patch row and column before the part, rows and columns of the part, columns in a turn or 0."""


# --- what is touched -------------------------------------------------------------------------------------------------


@part
def corners_of(step, start, nodes, line, first, is_row, out):  # type: ignore[no-untyped-def]
    """Positions of the corners of a patch's cells (33, 33): columns, or rows."""
    if step == LINES:
        for k in range(SPAN):
            for x in range(SPAN):
                out[k, x] = line[first + k] if is_row else line[first + x]
    elif step == EXACT:
        for k in range(SPAN):
            for x in range(SPAN):
                out[k, x] = nodes[start + CENTRES + k * SPAN + x]
    else:
        cubics(step, start, nodes, -0.5, SPAN, out)


@part
def scales_of(corners, period, radius, out):  # type: ignore[no-untyped-def]
    """By how much kernels widen along an axis, for cells that span so much of it; returns the most."""
    limit = _MAX_TAPS / (2 * radius)
    for y in range(PATCH):
        upper, lower, line = corners[y], corners[y + 1], out[y]
        for x in range(PATCH):
            a, b, c, d = upper[x], upper[x + 1], lower[x], lower[x + 1]
            right, right_below, down, down_beside = b - a, d - c, c - a, d - b
            if period > 0:
                right, right_below = turned(right, period), turned(right_below, period)
                down, down_beside = turned(down, period), turned(down_beside, period)
            line[x] = max(abs(right), abs(right_below)) + max(abs(down), abs(down_beside))
    for y in range(PATCH):
        line = out[y]
        for x in range(PATCH):
            line[x] = min(max(line[x], 1.0), limit) if line[x] < np.inf else 1.0
    columns = np.ones(PATCH)
    for y in range(PATCH):
        line = out[y]
        for x in range(PATCH):
            columns[x] = max(columns[x], line[x])
    return columns.max()


@part
def _most_scale(step, start, nodes, line, first, period, radius, corners, scales):  # type: ignore[no-untyped-def]
    """The most by which a patch's kernels widen along an axis, or a little more."""
    most = 1.0
    if step == LINES:
        for k in range(PATCH):
            size = abs(turned(line[first + k + 1] - line[first + k], period))
            most = max(most, size if size < np.inf else 1.0)
    elif step == EXACT:
        corners_of(step, start, nodes, line, first, False, corners)
        most = scales_of(corners, period, radius, scales)
    else:
        side = PATCH // step + 3
        right, down = 0.0, 0.0
        for k in range(side * side):
            if k % side:
                right = max(right, abs(nodes[start + k] - nodes[start + k - 1]))
            if k >= side:
                down = max(down, abs(nodes[start + k] - nodes[start + k - side]))
        most = max(most, (right + down) / step * 1.02)
    return min(most, _MAX_TAPS / (2 * radius))


@part
def _pending(valid, row, rows, col, cols):  # type: ignore[no-untyped-def]
    """Whether a cell of some field is not valid yet."""
    for field in range(valid.shape[0]):
        for y in range(row, row + rows):
            for x in range(col, col + cols):
                if valid[field, y, x] == 0:
                    return True
    return valid.size == 0


@kernel(
    f"int64({CONTROL}, {FRAME}, UniTuple(int64, 2), UniTuple(int64, 2), float64, float64, uint8[:,:,::1],"
    " UniTuple(int64, 2), uint8[:,::1], int64[:,::1], int64[:,::1], int64[::1])"
)
def touch(  # type: ignore[no-untyped-def]
    control, frame, stored, block, radius, period, valid, origin, marks, needs, blocks, box_of_all
):
    """Number of the blocks that cells which are not valid yet need; `blocks` begins with their (row, col).

    stored, block: columns and rows of the raster and of a block. radius: of the kernel, 0 for nearest. marks: of all
    blocks (row, col), all 0 before. needs: of each patch (left, top, right, bottom), columns counted on around the
    body; all 0, and as it was before, where it needs none. box_of_all: the same of all together. An empty `valid`
    (field, row, col) says that no cell is valid yet.
    """
    steps, starts, boxes, node_col, node_row, line_col, line_row, edge_col, edge_row = control
    skip_rows, skip_cols, height, width, turn = frame
    position, corners, scales = np.empty((PATCH, PATCH)), np.empty((SPAN, SPAN)), np.empty((PATCH, PATCH))
    at_col, at_row = np.empty((PATCH, PATCH), np.int32), np.empty((PATCH, PATCH), np.int32)
    across, down = 1.0 / block[0], 1.0 / block[1]
    for patch_row in range(steps.shape[0]):
        first_y, last_y = max(0, skip_rows - patch_row * PATCH), min(PATCH, skip_rows + height - patch_row * PATCH)
        for patch_col in range(steps.shape[1]):
            step, start, box = steps[patch_row, patch_col], starts[patch_row, patch_col], boxes[patch_row, patch_col]
            first_x, last_x = max(0, skip_cols - patch_col * PATCH), min(PATCH, skip_cols + width - patch_col * PATCH)
            first_row, first_col = patch_row * PATCH - skip_rows + origin[0], patch_col * PATCH - skip_cols + origin[1]
            if step == NOTHING or not _pending(
                valid, first_row + first_y, last_y - first_y, first_col + first_x, last_x - first_x
            ):
                continue
            need = needs[patch_row * steps.shape[1] + patch_col]
            is_inside = box[0] >= 0 and box[1] >= 0 and box[2] <= stored[0] - 1 and box[3] <= stored[1] - 1
            # what lies on the edge of a cell may be taken for either side's
            low_col, low_row = int(max(box[0] - BORDER, 0.0)), int(max(box[1] - BORDER, 0.0))
            high_col, high_row = int(box[2] + BORDER), int(box[3] + BORDER)
            is_one = low_col // block[0] == high_col // block[0] and low_row // block[1] == high_row // block[1]
            if is_inside and (is_one or radius > 0) and step != EXACT:
                need[0], need[1], need[2], need[3] = low_col, low_row, high_col + 1, high_row + 1
                marks[low_row // block[1], low_col // block[0]] = 1
            else:
                positions_of(step, start, node_row, line_row, patch_row * PATCH, True, position)
                cells_of(position, 0, stored[1], 0, at_row)
                positions_of(step, start, node_col, line_col, patch_col * PATCH, False, position)
                cells_of(position, 0, stored[0], turn, at_col)
                base = -1.0
                for y in range(first_y, last_y):
                    for x in range(first_x, last_x):
                        if at_col[y, x] < 0 or at_row[y, x] < 0:
                            continue
                        if valid.size and not _pending(valid, first_row + y, 1, first_col + x, 1):
                            continue
                        col, row = float(at_col[y, x]), float(at_row[y, x])
                        marks[int((row + 0.5) * down), int((col + 0.5) * across)] = 1
                        if base < 0:
                            base = col
                            need[0], need[1], need[2], need[3] = int(col), int(row), int(col) + 1, int(row) + 1
                        if turn > 0:
                            col = base + turned(col - base, float(turn))
                        need[0], need[1] = min(need[0], int(col)), min(need[1], int(row))
                        need[2], need[3] = max(need[2], int(col) + 1), max(need[3], int(row) + 1)
                if base < 0:
                    continue
            if radius == 0:
                continue
            wide = _most_scale(step, start, node_col, edge_col, patch_col * PATCH, period, radius, corners, scales)
            high = _most_scale(step, start, node_row, edge_row, patch_row * PATCH, 0.0, radius, corners, scales)
            need[0], need[2] = need[0] - int(np.ceil(radius * wide)) - 1, need[2] + int(np.ceil(radius * wide)) + 1
            need[1], need[3] = need[1] - int(np.ceil(radius * high)) - 1, need[3] + int(np.ceil(radius * high)) + 1
            need[1], need[3] = max(need[1], 0), min(need[3], stored[1])
            if turn == 0:
                need[0], need[2] = max(need[0], 0), min(need[2], stored[0])
            for row in range(need[1] // block[1], (need[3] - 1) // block[1] + 1):
                if turn == 0:
                    for col in range(need[0] // block[0], (need[2] - 1) // block[0] + 1):
                        marks[row, col] = 1
                else:
                    for col in range(need[0], min(need[2], need[0] + turn)):
                        marks[row, (col % turn) // block[0]] = 1
    left, top, right, bottom = stored[0] + turn, stored[1], np.int64(0), np.int64(0)
    for k in range(needs.shape[0]):
        need = needs[k]
        if need[2] > need[0]:
            left, top, right, bottom = min(left, need[0]), min(top, need[1]), max(right, need[2]), max(bottom, need[3])
    box_of_all[0], box_of_all[1], box_of_all[2], box_of_all[3] = left, top, right, bottom
    count = 0
    for row in range(top // block[1], (bottom - 1) // block[1] + 1):
        for col in range(marks.shape[1]):
            if marks[row, col]:
                blocks[count, 0], blocks[count, 1] = row, col
                count += 1
    return count


# --- nearest ---------------------------------------------------------------------------------------------------------


@part
def misses(box, left, top, right, bottom, turn):  # type: ignore[no-untyped-def]
    """Whether a patch has no cell within stored cells."""
    if box[3] < top - 1 or box[1] > bottom + 1:
        return True
    if turn > 0:
        shift = turn * np.floor((left - 1 - box[2]) / turn + 1)  # the first turn where the patch ends after the left
        return box[0] + shift > right + 1
    return box[2] < left - 1 or box[0] > right + 1


def _nearest_signature(name: str) -> str:
    return (
        f"void({CONTROL}, {FRAME}, {WINDOW}, Array({name}, 1, 'C', readonly=True), UniTuple(int64, 3), int64[::1],"
        f" Array(uint8, 1, 'C', readonly=True), UniTuple(int64, 3), Array({name}, 2, 'C', readonly=True),"
        f" UniTuple({name}, 2), {name}[:,:,::1], uint8[:,:,::1], UniTuple(int64, 2))"
    )


@kernel(*map(_nearest_signature, ("uint8", "uint16", "uint32", "uint64")))
def nearest(  # type: ignore[no-untyped-def]
    control, frame, window, stored, strides, samples, mask, mask_strides, nodata, bits, values, valid, origin
):
    """Fill what is not valid yet with the stored cells under the centres.

    All values are bits. stored: those of the window, with the strides of its rows, columns and samples in cells;
    samples: which of them is each field. mask: the same, 0 where not valid; empty where there is none. nodata: of each
    field (value, digits, whether there is one): not valid is also what equals the value in those digits. bits:
    (magnitude, infinite): nor is what is above infinite in the digits of its magnitude, where there are any.
    """
    steps, starts, boxes, node_col, node_row, line_col, line_row, _, _ = control
    skip_rows, skip_cols, height, width, turn = frame
    left, top, cols, rows = window
    origin_row, origin_col = origin
    magnitude, infinite = bits
    kind = values.dtype.type
    position = np.empty((PATCH, PATCH))
    at_col, at_row = np.empty((PATCH, PATCH), np.int32), np.empty((PATCH, PATCH), np.int32)
    place, inside = np.empty(CENTRES, np.uint64), np.empty(CENTRES, np.uint8)
    taken, is_new = np.empty(CENTRES, values.dtype), np.empty(CENTRES, np.uint8)
    for patch_row in range(steps.shape[0]):
        first_y, last_y = max(0, skip_rows - patch_row * PATCH), min(PATCH, skip_rows + height - patch_row * PATCH)
        for patch_col in range(steps.shape[1]):
            step, start, box = steps[patch_row, patch_col], starts[patch_row, patch_col], boxes[patch_row, patch_col]
            if step == NOTHING or misses(box, left, top, left + cols, top + rows, turn):
                continue
            first_x, last_x = max(0, skip_cols - patch_col * PATCH), min(PATCH, skip_cols + width - patch_col * PATCH)
            out_col = patch_col * PATCH - skip_cols + origin_col
            first_row = patch_row * PATCH + first_y - skip_rows + origin_row
            if not _pending(valid, first_row, last_y - first_y, out_col + first_x, last_x - first_x):
                continue
            positions_of(step, start, node_col, line_col, patch_col * PATCH, False, position)
            cells_of(position, left, cols, turn, at_col)
            positions_of(step, start, node_row, line_row, patch_row * PATCH, True, position)
            cells_of(position, top, rows, 0, at_row)
            flat_col, flat_row = at_col.reshape(-1), at_row.reshape(-1)
            for x in range(CENTRES):
                inside[x] = 1 if (flat_col[x] >= 0 and flat_row[x] >= 0) else 0
            if mask.size and mask_strides[2] == 0:
                for x in range(CENTRES):
                    if inside[x]:
                        inside[x] = mask[flat_row[x] * mask_strides[0] + flat_col[x] * mask_strides[1]] != 0
            for x in range(CENTRES):
                place[x] = np.uint64(flat_row[x] * strides[0] + flat_col[x] * strides[1]) if inside[x] else np.uint64(0)
            for field in range(values.shape[0]):
                found, missing = stored[samples[field] * strides[2] :], nodata[field, 0]
                for x in range(CENTRES):
                    taken[x] = found[place[x]]
                digits = nodata[field, 1]
                if nodata[field, 2]:
                    for x in range(CENTRES):
                        is_new[x] = 1 if (inside[x] != 0 and kind(taken[x] & digits) != missing) else 0
                else:
                    is_new[:] = inside
                if magnitude:
                    for x in range(CENTRES):
                        is_new[x] = is_new[x] if kind(taken[x] & magnitude) <= infinite else 0
                if mask.size and mask_strides[2]:
                    for x in range(CENTRES):
                        if is_new[x]:
                            at = flat_row[x] * mask_strides[0] + flat_col[x] * mask_strides[1]
                            is_new[x] = mask[at + field * mask_strides[2]] != 0
                for y in range(first_y, last_y):
                    out_row = patch_row * PATCH + y - skip_rows + origin_row
                    into = values[field, out_row, out_col + first_x : out_col + last_x]
                    there = valid[field, out_row, out_col + first_x : out_col + last_x]
                    new = is_new[y * PATCH + first_x : y * PATCH + last_x]
                    take = taken[y * PATCH + first_x : y * PATCH + last_x]
                    for x in range(into.size):
                        into[x] = take[x] if (new[x] != 0 and there[x] == 0) else into[x]
                    for x in range(into.size):
                        there[x] |= new[x]
