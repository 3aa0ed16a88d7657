# ruff: noqa: C901 - loops within loops
"""The compiled loops that find the most frequent of several stored cells. `resampling` says the same in numpy."""

from __future__ import annotations

import numpy as np

from ogcapi.pixels.compiled import kernel
from ogcapi.pixels.interpolating import AVERAGE, ROUNDING, TAPS, counted, weights_of
from ogcapi.pixels.kernels import (
    CONTROL,
    FRAME,
    NOTHING,
    PATCH,
    SPAN,
    WINDOW,
    cells_of,
    corners_of,
    misses,
    part,
    positions_of,
    scales_of,
)

_FEW = 48  # values that are sorted as they come


@part
def _most_frequent(found, areas, count, order):  # type: ignore[no-untyped-def]
    """Of values, the one that takes most area; of equals the least."""
    if count <= _FEW:
        for i in range(count):
            k = i
            while k > 0 and found[order[k - 1]] > found[i]:
                order[k] = order[k - 1]
                k -= 1
            order[k] = i
    else:
        order[:count] = np.argsort(found[:count], kind="mergesort")
    most = area = 0.0
    for i in range(count):
        area = area + areas[order[i]] if i and found[order[i]] == found[order[i - 1]] else areas[order[i]]
        most = max(most, area)
    for i in range(count):
        area = area + areas[order[i]] if i and found[order[i]] == found[order[i - 1]] else areas[order[i]]
        if area >= most - ROUNDING:
            return found[order[i]]
    return found[order[0]]


@kernel(
    f"void({CONTROL}, {FRAME}, {WINDOW}, {WINDOW}, int64[:,:,::1], boolean[:,:,::1], float64, int64[:,:,::1],"
    " boolean[:,:,::1])"
)
def mode(control, frame, window, core, stored, known, period, made, is_made):  # type: ignore[no-untyped-def]
    """As `interpolate`, with the value that takes most of the output cell; stored, known: (row, col, field)."""
    steps, starts, boxes, node_col, node_row, line_col, line_row, edge_col, edge_row = control
    skip_rows, skip_cols, height, width, turn = frame
    left, top, cols, rows = window
    core_left, core_top, core_cols, core_rows = core
    position, corners = np.empty((2, PATCH, PATCH)), np.empty((SPAN, SPAN))
    cells, scales = np.empty((2, PATCH, PATCH), np.int32), np.empty((2, PATCH, PATCH))
    row_weights, col_weights = np.empty(TAPS), np.empty(TAPS)
    found, areas, order = np.empty(_FEW, np.int64), np.empty(_FEW), np.empty(_FEW, np.int64)
    for patch_row in range(steps.shape[0]):
        first_y, last_y = max(0, skip_rows - patch_row * PATCH), min(PATCH, skip_rows + height - patch_row * PATCH)
        for patch_col in range(steps.shape[1]):
            step, start, box = steps[patch_row, patch_col], starts[patch_row, patch_col], boxes[patch_row, patch_col]
            if step == NOTHING or misses(box, core_left, core_top, core_left + core_cols, core_top + core_rows, turn):
                continue
            for axis in range(2):
                is_row = axis == 0
                nodes = node_row if is_row else node_col
                first = (patch_row if is_row else patch_col) * PATCH
                positions_of(step, start, nodes, line_row if is_row else line_col, first, is_row, position[axis])
                corners_of(step, start, nodes, edge_row if is_row else edge_col, first, is_row, corners)
                scales_of(corners, 0.0 if is_row else period, 0.5, scales[axis])
                first, count = (core_top, core_rows) if is_row else (core_left, core_cols)
                cells_of(position[axis], first, count, 0 if is_row else turn, cells[axis])
            first_x, last_x = max(0, skip_cols - patch_col * PATCH), min(PATCH, skip_cols + width - patch_col * PATCH)
            for y in range(first_y, last_y):
                out_row = patch_row * PATCH + y - skip_rows
                for x in range(first_x, last_x):
                    if cells[0, y, x] < 0 or cells[1, y, x] < 0:
                        continue
                    out_col = patch_col * PATCH + x - skip_cols
                    centre_row = core_top + cells[0, y, x] - top
                    centre_col = counted(float(core_left + cells[1, y, x]), left, turn)
                    first_row, row_count = weights_of(AVERAGE, 0.5, position[0, y, x], scales[0, y, x], row_weights)
                    first_col, col_count = weights_of(AVERAGE, 0.5, position[1, y, x], scales[1, y, x], col_weights)
                    row, col = int(first_row) - top, counted(first_col, left, turn)
                    if row_count * col_count > found.size:
                        found, areas = np.empty(row_count * col_count, np.int64), np.empty(row_count * col_count)
                        order = np.empty(row_count * col_count, np.int64)
                    for field in range(made.shape[0]):
                        if is_made[field, out_row, out_col] or not known[centre_row, centre_col, field]:
                            continue
                        count = 0
                        for i in range(row_count):
                            for j in range(col_count):
                                at = (col + j) % turn if turn > 0 else col + j
                                if 0 <= row + i < rows and 0 <= at < cols and known[row + i, at, field]:
                                    found[count] = stored[row + i, at, field]
                                    areas[count] = row_weights[i] * col_weights[j]
                                    count += 1
                        made[field, out_row, out_col] = _most_frequent(found, areas, count, order)
                        is_made[field, out_row, out_col] = True
