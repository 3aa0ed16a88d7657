# ruff: noqa: C901 - loops within loops
"""The compiled loops that make values of several stored cells. `resampling` says the same in numpy.

What is not valid is NaN here, so that numbers with fractions are the only ones.
"""

from __future__ import annotations

import math

import numpy as np

from ogcapi.pixels.compiled import kernel
from ogcapi.pixels.kernels import (
    CENTRES,
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

BILINEAR, CUBIC, LANCZOS, AVERAGE = range(4)
ROUNDING = 1e-6
"""A weight, or a difference of areas, that is no more than this is none, as in `resampling`."""
TAPS = 1030
"""Stored cells a side that a kernel touches at most."""
_LOBES = 3  # of Lanczos' kernel
_CENTRE = 1e-9  # so near to it, a sine is its angle
_QUICK = 16  # of them, where many cells are done at once
_COPIED = ("uint8", "int16", "uint16", "float32", "float64")


@part
def _sine(t):  # type: ignore[no-untyped-def]
    """Sine of so many half turns, to eleven digits."""
    whole = np.floor(t + 0.5)
    x = math.pi * (t - whole)
    y = x * x
    sine = 1 / 6227020800 - y / 1307674368000
    sine = 1 / 362880 + y * (-1 / 39916800 + y * sine)
    sine = 1 + y * (-1 / 6 + y * (1 / 120 + y * (-1 / 5040 + y * sine)))
    is_odd = whole - 2 * np.floor(whole / 2)
    return x * sine * (1 - 2 * is_odd)


@part
def _linear(t):  # type: ignore[no-untyped-def]
    return max(1 - abs(t), 0.0)


@part
def _cubic(t):  # type: ignore[no-untyped-def]
    far = abs(t)
    near, rest = (1.5 * far - 2.5) * far * far + 1, ((-0.5 * far + 2.5) * far - 4) * far + 2
    return near if far < 1 else (rest if far < 2 else 0.0)


@part
def _lanczos(t, sines):  # type: ignore[no-untyped-def]
    """With the product of the sines of t and of a third of it."""
    turn = math.pi * (t if abs(t) > _CENTRE else _CENTRE)
    weight = 3 * sines / (turn * turn) if abs(t) < _LOBES else 0.0
    return weight if abs(t) > _CENTRE else 1.0


@part
def _share(index, position, scale):  # type: ignore[no-untyped-def]
    return max(min(index + 1, position + scale / 2) - max(index, position - scale / 2), 0.0)


@part
def _fill_weights(method, first, position, scale, inverse, out):  # type: ignore[no-untyped-def]
    """Weights of the stored cells `first`, at each position, under kernels so widened."""
    if method == AVERAGE:
        for x in range(out.size):
            out[x] = _share(first[x], position[x], scale[x])
    elif method == BILINEAR:
        for x in range(out.size):
            out[x] = _linear((first[x] + 0.5 - position[x]) * inverse[x])
    elif method == CUBIC:
        for x in range(out.size):
            out[x] = _cubic((first[x] + 0.5 - position[x]) * inverse[x])
    else:
        for x in range(out.size):  # loops so small that they become vector instructions
            out[x] = _sine((first[x] + 0.5 - position[x]) * inverse[x])
        for x in range(out.size):
            out[x] *= _sine((first[x] + 0.5 - position[x]) * inverse[x] / _LOBES)
        for x in range(out.size):
            out[x] = _lanczos((first[x] + 0.5 - position[x]) * inverse[x], out[x])
    for x in range(out.size):
        out[x] = out[x] if abs(out[x]) >= ROUNDING else 0.0


@part
def weights_of(method, radius, position, scale, out):  # type: ignore[no-untyped-def]
    """The first stored cell that weighs anything, and how many do; their weights go to `out`."""
    first = np.floor(position - radius * scale)
    count = int(np.ceil(2 * radius * scale)) + 1
    start, stop = count, 0
    for k in range(count):
        index = first + k
        t = (index + 0.5 - position) / scale
        if method == BILINEAR:
            weight = _linear(t)
        elif method == CUBIC:
            weight = _cubic(t)
        elif method == LANCZOS:
            weight = _lanczos(t, _sine(t) * _sine(t / _LOBES))
        else:
            weight = _share(index, position, scale)
        out[k] = weight if abs(weight) >= ROUNDING else 0.0
        if out[k] != 0:
            start, stop = min(start, k), k + 1
    for k in range(start, stop):
        out[k - start] = out[k]
    return first + start, max(stop - start, 0)


@part
def _many_weights(method, radius, positions, scales, count, weights, totals, firsts):  # type: ignore[no-untyped-def]
    """The same of `count` stored cells for all cells of a patch."""
    edge = 0.0 if method == AVERAGE else 0.5  # else cells weigh by their centres
    totals[:] = 0.0
    inverse = np.empty(CENTRES)
    for x in range(CENTRES):
        firsts[x] = np.floor(positions[x] - radius * scales[x] + edge)
        inverse[x] = 1 / scales[x]
    for k in range(count):
        line = weights[k]
        _fill_weights(method, firsts, positions, scales, inverse, line)
        for x in range(CENTRES):
            totals[x] += line[x]
            firsts[x] += 1
    for x in range(CENTRES):
        firsts[x] -= count


@part
def _mean(stored, strides, size, turn, row, rows, col, cols):  # type: ignore[no-untyped-def]
    """Weighted mean of the valid cells, and whether some that weigh are not valid.

    size: rows and columns of the window. row, col: the first that weigh. rows, cols: the weights.
    """
    total, mean = 0.0, 0.0
    is_beside = False
    for i in range(rows.size):
        for j in range(cols.size):
            at_col = (col + j) % turn if turn > 0 else col + j
            weight = rows[i] * cols[j]
            if weight == 0:
                continue
            value = np.nan
            if 0 <= row + i < size[0] and 0 <= at_col < size[1]:
                value = float(stored[(row + i) * strides[0] + at_col * strides[1]])
            if value == value:
                total += weight
                mean += weight * value
            else:
                is_beside = True
    return mean / total, is_beside


@part
def counted(cell, low, turn):  # type: ignore[no-untyped-def]
    """A stored column counted from a window's first; around the body, the one that is not before it."""
    cell -= low
    return int(cell - turn * np.floor(cell / turn)) if turn > 0 else int(cell)


def _signature(name: str) -> str:
    return (
        f"void({CONTROL}, {FRAME}, {WINDOW}, {WINDOW}, Array({name}, 1, 'C', readonly=True), UniTuple(int64, 3),"
        " int64[::1], int64, float64, float64, float64[:,:,::1], uint8[:,:,::1])"
    )


@kernel(*map(_signature, ("float32", "float64")))
def interpolate(control, frame, window, core, stored, strides, samples, method, radius, period, made, is_made):  # type: ignore[no-untyped-def]
    """Make the values (field, row, col) of a part where the stored cell under the centre is valid and in the core.

    Cells that are made already are not wanted. core: as the window, around which there is room for kernels; what they
    reach beyond the window has no weight.
    """
    steps, starts, boxes, node_col, node_row, line_col, line_row, edge_col, edge_row = control
    skip_rows, skip_cols, height, width, turn = frame
    left, top, cols, rows = window
    core_left, core_top, core_cols, core_rows = core
    size = rows, cols
    position, corners = np.empty((2, PATCH, PATCH)), np.empty((SPAN, SPAN))
    cells, scales = np.empty((2, PATCH, PATCH), np.int32), np.empty((2, PATCH, PATCH))
    at_row, at_col = position[0].reshape(-1), position[1].reshape(-1)
    cell_row, cell_col = cells[0].reshape(-1), cells[1].reshape(-1)
    high, wide = scales[0].reshape(-1), scales[1].reshape(-1)
    weights, totals, firsts = np.empty((2, _QUICK, CENTRES)), np.empty((2, CENTRES)), np.empty((2, CENTRES))
    place, centre = np.empty(CENTRES, np.uint64), np.empty(CENTRES, np.uint64)
    is_inside, is_wanted, is_known = np.empty((3, CENTRES), np.uint8)
    along, mean = np.empty(CENTRES), np.full(CENTRES, np.nan)
    row_weights, col_weights = np.empty(TAPS), np.empty(TAPS)
    for patch_row in range(steps.shape[0]):
        first_y, last_y = max(0, skip_rows - patch_row * PATCH), min(PATCH, skip_rows + height - patch_row * PATCH)
        for patch_col in range(steps.shape[1]):
            step, start, box = steps[patch_row, patch_col], starts[patch_row, patch_col], boxes[patch_row, patch_col]
            if step == NOTHING or misses(box, core_left, core_top, core_left + core_cols, core_top + core_rows, turn):
                continue
            taps = np.ones(2, np.int64)
            for axis in range(2):
                is_row = axis == 0
                nodes = node_row if is_row else node_col
                first = (patch_row if is_row else patch_col) * PATCH
                positions_of(step, start, nodes, line_row if is_row else line_col, first, is_row, position[axis])
                corners_of(step, start, nodes, edge_row if is_row else edge_col, first, is_row, corners)
                most = scales_of(corners, 0.0 if is_row else period, radius, scales[axis])
                taps[axis] = int(np.ceil(2 * radius * most)) + (method == AVERAGE)
                first, count = (core_top, core_rows) if is_row else (core_left, core_cols)
                cells_of(position[axis], first, count, 0 if is_row else turn, cells[axis])
            mean[:] = np.nan
            is_quick = max(taps[0], taps[1]) <= _QUICK and taps[0] <= rows and taps[1] <= cols
            if is_quick:
                for axis in range(2):
                    at, by = position[axis].reshape(-1), scales[axis].reshape(-1)
                    _many_weights(method, radius, at, by, taps[axis], weights[axis], totals[axis], firsts[axis])
                for x in range(CENTRES):
                    row, col = firsts[0, x] - top, firsts[1, x] - left
                    if turn > 0:
                        col -= turn * np.floor(col / turn)
                    is_in = row >= 0 and col >= 0 and row + taps[0] <= rows and col + taps[1] <= cols
                    is_inside[x] = 1 if is_in else 0
                    place[x] = np.uint64(row * strides[0] + col * strides[1]) if is_in else np.uint64(0)
            for x in range(CENTRES):
                is_wanted[x] = 1 if (cell_row[x] >= 0 and cell_col[x] >= 0) else 0
                row, col = float(core_top + cell_row[x] - top), float(core_left + cell_col[x] - left)
                if turn > 0:
                    col -= turn * np.floor(col / turn)
                centre[x] = np.uint64(row * strides[0] + col * strides[1]) if is_wanted[x] else np.uint64(0)
            first_x, last_x = max(0, skip_cols - patch_col * PATCH), min(PATCH, skip_cols + width - patch_col * PATCH)
            first_col = patch_col * PATCH + first_x - skip_cols
            for field in range(made.shape[0]):
                found = stored[samples[field] * strides[2] :]
                for x in range(CENTRES):
                    value = found[centre[x]]
                    is_known[x] = is_wanted[x] if value == value else 0
                if is_quick:
                    mean[:] = 0.0
                    for i in range(taps[0]):
                        along[:] = 0.0
                        for j in range(taps[1]):
                            line, there = weights[1, j], found[i * strides[0] + j * strides[1] :]
                            for x in range(CENTRES):
                                along[x] += line[x] * there[place[x]]
                        line = weights[0, i]
                        for x in range(CENTRES):
                            mean[x] += line[x] * along[x]
                    for x in range(CENTRES):
                        mean[x] = mean[x] / (totals[0, x] * totals[1, x]) if is_inside[x] else np.nan
                for y in range(first_y, last_y):
                    out_row, from_x = patch_row * PATCH + y - skip_rows, y * PATCH + first_x
                    into = made[field, out_row, first_col : first_col + last_x - first_x]
                    there_is = is_made[field, out_row, first_col : first_col + last_x - first_x]
                    known, means = is_known[from_x : from_x + into.size], mean[from_x : from_x + into.size]
                    left_over = 0
                    for k in range(into.size):
                        left_over += known[k] != 0 and means[k] != means[k]
                    for k in range(into.size):
                        into[k] = means[k] if (known[k] != 0 and there_is[k] == 0) else into[k]
                    if left_over:
                        for k in range(into.size):
                            if known[k] == 0 or there_is[k] or means[k] == means[k]:
                                continue
                            x = from_x + k
                            # with neighbours that are not valid, bilinear weights stand in for those with lobes
                            for attempt in (method, BILINEAR):
                                reach = radius if attempt == method else 1.0
                                first_row, row_count = weights_of(attempt, reach, at_row[x], high[x], row_weights)
                                left_col, col_count = weights_of(attempt, reach, at_col[x], wide[x], col_weights)
                                into[k], is_beside = _mean(
                                    found,
                                    strides,
                                    size,
                                    turn,
                                    int(first_row) - top,
                                    row_weights[:row_count],
                                    counted(left_col, left, turn),
                                    col_weights[:col_count],
                                )
                                if not is_beside or method in (BILINEAR, AVERAGE):
                                    break
                    for k in range(into.size):
                        there_is[k] |= known[k]


@kernel(
    *(
        f"void(Array({name}, 3, 'C', readonly=True), int64[::1], Array(uint8, 3, 'C', readonly=True),"
        f" Array({name}, 1, 'C', readonly=True), Array(boolean, 1, 'C', readonly=True), {wide}[:,:,::1])"
        for name, wide in zip(_COPIED, ("float32",) * 4 + ("float64",), strict=True)
    )
)
def fractions(stored, samples, mask, nodata, has_nodata, out):  # type: ignore[no-untyped-def]
    """Stored cells (row, col, sample) as numbers with fractions (row, col, field), NaN where they are not valid.

    mask: (row, col, 1 or field), 0 where not valid; empty where there is none.
    """
    for row in range(stored.shape[0]):
        for field in range(samples.size):
            sample, of_mask = samples[field], min(field, mask.shape[2] - 1)
            if not has_nodata[field] and mask.size == 0:
                for col in range(stored.shape[1]):
                    out[row, col, field] = stored[row, col, sample]
                continue
            for col in range(stored.shape[1]):
                value = stored[row, col, sample]
                is_missing = has_nodata[field] and value == nodata[field]
                out[row, col, field] = np.nan if is_missing else value
            if mask.size:
                for col in range(stored.shape[1]):
                    if mask[row, col, of_mask] == 0:
                        out[row, col, field] = np.nan


@kernel(
    *(
        f"void(float64[:,:,::1], boolean[:,:,::1], float64, float64, {name}[:,:,::1], boolean[:,:,::1],"
        " UniTuple(int64, 2))"
        for name in _COPIED
    )
)
def store(made, is_made, low, high, values, valid, origin):  # type: ignore[no-untyped-def]
    """Write what is made (field, row, col) where nothing is valid; between low and high, where they differ, rounded."""
    for field in range(made.shape[0]):
        for row in range(made.shape[1]):
            here, is_here = made[field, row], is_made[field, row]
            into = values[field, origin[0] + row, origin[1] : origin[1] + here.size]
            there = valid[field, origin[0] + row, origin[1] : origin[1] + here.size]
            for x in range(here.size):
                value = here[x]
                if high > low:
                    value = min(max(np.rint(value), low), high)
                if is_here[x] and not there[x]:
                    into[x] = value
                    there[x] = True
