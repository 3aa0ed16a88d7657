# ruff: noqa: C901 - loops within loops
"""The compiled loops that make values of several stored cells. `resampling` says the same in numpy."""

from __future__ import annotations

import math

import numpy as np

from ogcapi.pixels.compiled import kernel
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

BILINEAR, CUBIC, LANCZOS, AVERAGE, MODE = range(5)
_NOTHING = 1e-6  # a weight this small is rounding, as in `resampling`
_TAPS = 1030  # stored cells a side that a kernel touches at most
_FEW = 48  # values that are sorted as they come


@part
def _weights(method, radius, position, scale, out):  # type: ignore[no-untyped-def]
    """First stored cell that weighs anything, and how many do; their weights go to `out`."""
    first = np.floor(position - radius * scale)
    count = int(np.ceil(2 * radius * scale)) + 1
    low, high = position - scale / 2, position + scale / 2
    start, stop = count, 0
    for k in range(count):
        index = first + k
        t = (index + 0.5 - position) / scale
        far = abs(t)
        if method == BILINEAR:
            weight = max(1 - far, 0.0)
        elif method == CUBIC and far < 1:
            weight = (1.5 * far - 2.5) * far * far + 1
        elif method == CUBIC:
            weight = ((-0.5 * far + 2.5) * far - 4) * far + 2 if far < 2 else 0.0
        elif method == LANCZOS:
            turn = math.pi * t
            weight = 3 * math.sin(turn) * math.sin(turn / 3) / (turn * turn) if 0 < far < 3 else 0.0
            weight = 1.0 if far == 0 else weight
        else:
            weight = max(min(index + 1, high) - max(index, low), 0.0)
        weight = weight if abs(weight) >= _NOTHING else 0.0
        out[k] = weight
        if weight != 0:
            start, stop = min(start, k), k + 1
    for k in range(start, stop):
        out[k - start] = out[k]
    return first + start, max(stop - start, 0)


@part
def _first(cell, low, turn):  # type: ignore[no-untyped-def]
    """A stored column counted from a window's first; around the body, the one that is not before it."""
    cell -= low
    return int(cell - turn * np.floor(cell / turn)) if turn > 0 else int(cell)


@part
def _is_valid(value, nodata, has_nodata):  # type: ignore[no-untyped-def]
    return value == value and not (has_nodata and value == nodata)  # NaN is not equal to itself


@part
def _mean(stored, strides, mask, mask_strides, nodata, has_nodata, size, turn, row, rows, col, cols):  # type: ignore[no-untyped-def]
    """Weighted mean of the valid cells of one sample, and whether some that weigh are not valid.

    size: rows and columns there are. row, col: the first that weigh. rows, cols: the weights.
    """
    total, mean = 0.0, 0.0
    is_beside = False
    for i in range(rows.size):
        at_row = row + i
        for j in range(cols.size):
            at_col = (col + j) % turn if turn > 0 else col + j
            weight = rows[i] * cols[j]
            if weight == 0:
                continue
            is_there = 0 <= at_row < size[0] and 0 <= at_col < size[1]
            if is_there and mask.size:
                is_there = mask[at_row * mask_strides[0] + at_col * mask_strides[1]] != 0
            if is_there:
                value = stored[at_row * strides[0] + at_col * strides[1]]
                if _is_valid(value, nodata, has_nodata):
                    total += weight
                    mean += weight * value
                    continue
            is_beside = True
    return mean / total, is_beside


@part
def _quick_mean(stored, at, row_stride, col_stride, nodata, has_nodata, rows, cols, total):  # type: ignore[no-untyped-def]
    """The same where all cells are there; NaN where some are not valid."""
    mean = 0.0
    is_missing = False
    for i in range(rows.size):
        along = 0.0
        here = at + i * row_stride
        for j in range(cols.size):
            value = stored[here + np.uint64(j * col_stride)]
            is_missing |= value == nodata
            along += cols[j] * value
        mean += rows[i] * along
    return np.nan if is_missing and has_nodata else mean / total


def _signature(name: str) -> str:
    return (
        f"void({CONTROL}, {FRAME}, {WINDOW}, {WINDOW}, Array({name}, 1, 'C', readonly=True), UniTuple(int64, 3),"
        f" int64[::1], Array(uint8, 1, 'C', readonly=True), UniTuple(int64, 3), Array({name}, 1, 'C', readonly=True),"
        f" Array(boolean, 1, 'C', readonly=True), int64, float64, float64, UniTuple(float64, 2), {name}[:,:,::1],"
        " uint8[:,:,::1], UniTuple(int64, 2))"
    )


@kernel(*map(_signature, ("uint8", "int16", "uint16", "float32", "float64")))
def interpolate(  # type: ignore[no-untyped-def]
    control,
    frame,
    window,
    core,
    stored,
    strides,
    samples,
    mask,
    mask_strides,
    nodata,
    has_nodata,
    method,
    radius,
    period,
    limits,
    values,
    valid,
    origin,
):
    """Fill what is not valid yet and whose centre lies in the core of the window; as `nearest` in all else.

    core: as the window. limits: least and greatest whole number; both 0 for numbers with fractions. Values are numbers,
    not bits. What a kernel touches outside the window is outside the raster, or is asked for in vain.
    """
    steps, starts, boxes, node_col, node_row, line_col, line_row, edge_col, edge_row = control
    skip_rows, skip_cols, height, width, turn = frame
    left, top, cols, rows = window
    core_left, core_top, core_cols, core_rows = core
    col_at, row_at = np.empty((PATCH, PATCH)), np.empty((PATCH, PATCH))
    at_col, at_row = np.empty((PATCH, PATCH), np.int32), np.empty((PATCH, PATCH), np.int32)
    corners, wide, high = np.empty((SPAN, SPAN)), np.empty((PATCH, PATCH)), np.empty((PATCH, PATCH))
    row_weights, col_weights = np.empty(_TAPS), np.empty(_TAPS)
    row_plain, col_plain = np.empty(_TAPS), np.empty(_TAPS)
    has_lobes = method in (CUBIC, LANCZOS)
    is_whole = limits[1] > limits[0]
    for patch_row in range(steps.shape[0]):
        first_y, last_y = max(0, skip_rows - patch_row * PATCH), min(PATCH, skip_rows + height - patch_row * PATCH)
        for patch_col in range(steps.shape[1]):
            step, start, box = steps[patch_row, patch_col], starts[patch_row, patch_col], boxes[patch_row, patch_col]
            if step == NOTHING or misses(box, core_left, core_top, core_left + core_cols, core_top + core_rows, turn):
                continue
            positions_of(step, start, node_col, line_col, patch_col * PATCH, False, col_at)
            cells_of(col_at, core_left, core_cols, turn, at_col)
            positions_of(step, start, node_row, line_row, patch_row * PATCH, True, row_at)
            cells_of(row_at, core_top, core_rows, 0, at_row)
            corners_of(step, start, node_col, edge_col, patch_col * PATCH, False, corners)
            scales_of(corners, period, radius, wide)
            corners_of(step, start, node_row, edge_row, patch_row * PATCH, True, corners)
            scales_of(corners, 0.0, radius, high)
            first_x, last_x = max(0, skip_cols - patch_col * PATCH), min(PATCH, skip_cols + width - patch_col * PATCH)
            for y in range(first_y, last_y):
                out_row = patch_row * PATCH + y - skip_rows + origin[0]
                last_position, last_scale = np.nan, np.nan
                row, row_count, row_total = 0, 0, 0.0
                for x in range(first_x, last_x):
                    if at_col[y, x] < 0 or at_row[y, x] < 0:
                        continue
                    out_col = patch_col * PATCH + x - skip_cols + origin[1]
                    # the stored cell under the centre, in the window
                    centre_col, centre_row = _first(core_left + at_col[y, x], left, turn), core_top + at_row[y, x] - top
                    centre = centre_row * strides[0] + centre_col * strides[1]
                    mask_centre = centre_row * mask_strides[0] + centre_col * mask_strides[1]
                    col_count = -1
                    for field in range(values.shape[0]):
                        if valid[field, out_row, out_col]:
                            continue
                        if mask.size and mask[mask_centre + field * mask_strides[2]] == 0:
                            continue
                        found = stored[samples[field] * strides[2] :]
                        if not _is_valid(found[centre], nodata[field], has_nodata[field]):
                            continue
                        if row_at[y, x] != last_position or high[y, x] != last_scale:
                            last_position, last_scale = row_at[y, x], high[y, x]
                            first_row, row_count = _weights(method, radius, last_position, last_scale, row_weights)
                            row, row_total = int(first_row) - top, 0.0
                            for i in range(row_count):
                                row_total += row_weights[i]
                        if col_count < 0:
                            first_col, col_count = _weights(method, radius, col_at[y, x], wide[y, x], col_weights)
                            col, col_total = _first(first_col, left, turn), 0.0
                            for i in range(col_count):
                                col_total += col_weights[i]
                            is_inside = row >= 0 and col >= 0 and row + row_count <= rows and col + col_count <= cols
                        value = np.nan
                        if is_inside and mask.size == 0:
                            value = _quick_mean(
                                found,
                                np.uint64(row * strides[0] + col * strides[1]),
                                np.uint64(strides[0]),
                                strides[1],
                                nodata[field],
                                has_nodata[field],
                                row_weights[:row_count],
                                col_weights[:col_count],
                                row_total * col_total,
                            )
                        if value != value:
                            value, is_beside = _mean(
                                found,
                                strides,
                                mask[field * mask_strides[2] :],
                                mask_strides,
                                nodata[field],
                                has_nodata[field],
                                (rows, cols),
                                turn,
                                row,
                                row_weights[:row_count],
                                col,
                                col_weights[:col_count],
                            )
                            if has_lobes and is_beside:
                                plain_row, row_taps = _weights(BILINEAR, 1.0, row_at[y, x], high[y, x], row_plain)
                                plain_col, col_taps = _weights(BILINEAR, 1.0, col_at[y, x], wide[y, x], col_plain)
                                value, _ = _mean(
                                    found,
                                    strides,
                                    mask[field * mask_strides[2] :],
                                    mask_strides,
                                    nodata[field],
                                    has_nodata[field],
                                    (rows, cols),
                                    turn,
                                    int(plain_row) - top,
                                    row_plain[:row_taps],
                                    _first(plain_col, left, turn),
                                    col_plain[:col_taps],
                                )
                        if is_whole:
                            value = min(max(np.rint(value), limits[0]), limits[1])
                        values[field, out_row, out_col] = value
                        valid[field, out_row, out_col] = 1


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
    best, most = found[order[0]], -1.0
    area = 0.0
    for i in range(count):
        area += areas[order[i]]
        if i + 1 == count or found[order[i + 1]] != found[order[i]]:
            if area > most:
                best, most = found[order[i]], area
            area = 0.0
    return best


def _mode_signature(name: str) -> str:
    return (
        f"void({CONTROL}, {FRAME}, {WINDOW}, {WINDOW}, Array({name}, 1, 'C', readonly=True), UniTuple(int64, 3),"
        f" int64[::1], Array(uint8, 1, 'C', readonly=True), UniTuple(int64, 3), Array({name}, 1, 'C', readonly=True),"
        f" Array(boolean, 1, 'C', readonly=True), float64, {name}[:,:,::1], uint8[:,:,::1], UniTuple(int64, 2))"
    )


@kernel(*map(_mode_signature, ("uint8", "int64", "uint64", "float64")))
def mode(  # type: ignore[no-untyped-def]
    control,
    frame,
    window,
    core,
    stored,
    strides,
    samples,
    mask,
    mask_strides,
    nodata,
    has_nodata,
    period,
    values,
    valid,
    origin,
):
    """As `interpolate`, with the value that takes most of the output cell."""
    steps, starts, boxes, node_col, node_row, line_col, line_row, edge_col, edge_row = control
    skip_rows, skip_cols, height, width, turn = frame
    left, top, cols, rows = window
    core_left, core_top, core_cols, core_rows = core
    col_at, row_at = np.empty((PATCH, PATCH)), np.empty((PATCH, PATCH))
    at_col, at_row = np.empty((PATCH, PATCH), np.int32), np.empty((PATCH, PATCH), np.int32)
    corners, wide, high = np.empty((SPAN, SPAN)), np.empty((PATCH, PATCH)), np.empty((PATCH, PATCH))
    row_weights, col_weights = np.empty(_TAPS), np.empty(_TAPS)
    found, areas, order = np.empty(_FEW, values.dtype), np.empty(_FEW), np.empty(_FEW, np.int64)
    for patch_row in range(steps.shape[0]):
        first_y, last_y = max(0, skip_rows - patch_row * PATCH), min(PATCH, skip_rows + height - patch_row * PATCH)
        for patch_col in range(steps.shape[1]):
            step, start, box = steps[patch_row, patch_col], starts[patch_row, patch_col], boxes[patch_row, patch_col]
            if step == NOTHING or misses(box, core_left, core_top, core_left + core_cols, core_top + core_rows, turn):
                continue
            positions_of(step, start, node_col, line_col, patch_col * PATCH, False, col_at)
            cells_of(col_at, core_left, core_cols, turn, at_col)
            positions_of(step, start, node_row, line_row, patch_row * PATCH, True, row_at)
            cells_of(row_at, core_top, core_rows, 0, at_row)
            corners_of(step, start, node_col, edge_col, patch_col * PATCH, False, corners)
            scales_of(corners, period, 0.5, wide)
            corners_of(step, start, node_row, edge_row, patch_row * PATCH, True, corners)
            scales_of(corners, 0.0, 0.5, high)
            first_x, last_x = max(0, skip_cols - patch_col * PATCH), min(PATCH, skip_cols + width - patch_col * PATCH)
            for y in range(first_y, last_y):
                out_row = patch_row * PATCH + y - skip_rows + origin[0]
                for x in range(first_x, last_x):
                    if at_col[y, x] < 0 or at_row[y, x] < 0:
                        continue
                    out_col = patch_col * PATCH + x - skip_cols + origin[1]
                    centre_col, centre_row = _first(core_left + at_col[y, x], left, turn), core_top + at_row[y, x] - top
                    centre = centre_row * strides[0] + centre_col * strides[1]
                    mask_centre = centre_row * mask_strides[0] + centre_col * mask_strides[1]
                    first_row, row_count = _weights(AVERAGE, 0.5, row_at[y, x], high[y, x], row_weights)
                    first_col, col_count = _weights(AVERAGE, 0.5, col_at[y, x], wide[y, x], col_weights)
                    row, col = int(first_row) - top, _first(first_col, left, turn)
                    if row_count * col_count > found.size:
                        found, areas = np.empty(row_count * col_count, values.dtype), np.empty(row_count * col_count)
                        order = np.empty(row_count * col_count, np.int64)
                    for field in range(values.shape[0]):
                        if valid[field, out_row, out_col]:
                            continue
                        if mask.size and mask[mask_centre + field * mask_strides[2]] == 0:
                            continue
                        of = samples[field] * strides[2]
                        if not _is_valid(stored[centre + of], nodata[field], has_nodata[field]):
                            continue
                        count = 0
                        for i in range(row_count):
                            for j in range(col_count):
                                at_j = (col + j) % turn if turn > 0 else col + j
                                if not (0 <= row + i < rows and 0 <= at_j < cols):
                                    continue
                                at = (row + i) * mask_strides[0] + at_j * mask_strides[1] + field * mask_strides[2]
                                if mask.size and mask[at] == 0:
                                    continue
                                value = stored[(row + i) * strides[0] + at_j * strides[1] + of]
                                if _is_valid(value, nodata[field], has_nodata[field]):
                                    found[count], areas[count] = value, row_weights[i] * col_weights[j]
                                    count += 1
                        values[field, out_row, out_col] = _most_frequent(found, areas, count, order)
                        valid[field, out_row, out_col] = 1
