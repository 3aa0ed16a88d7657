"""The compiled loops that finish what a decompressor leaves: predictors, and an alpha band among the others."""

from __future__ import annotations

import numpy as np

from ogcapi.pixels.compiled import kernel

_WORDS = ("uint8", "uint16", "uint32", "uint64")


@kernel(*(f"void({word}[:,:,::1])" for word in _WORDS))
def undo_horizontal(cells):  # type: ignore[no-untyped-def]
    """Running sums along the rows of cells (row, col, sample), in place."""
    rows, cols, samples = cells.shape
    for row in range(rows):
        if samples == 1:
            total = cells[row, 0, 0]
            for col in range(1, cols):
                total += cells[row, col, 0]
                cells[row, col, 0] = total
        elif samples == 3:
            red, green, blue = cells[row, 0, 0], cells[row, 0, 1], cells[row, 0, 2]
            for col in range(1, cols):
                red += cells[row, col, 0]
                green += cells[row, col, 1]
                blue += cells[row, col, 2]
                cells[row, col, 0], cells[row, col, 1], cells[row, col, 2] = red, green, blue
        elif samples == 4:
            red, green, blue, alpha = cells[row, 0, 0], cells[row, 0, 1], cells[row, 0, 2], cells[row, 0, 3]
            for col in range(1, cols):
                red += cells[row, col, 0]
                green += cells[row, col, 1]
                blue += cells[row, col, 2]
                alpha += cells[row, col, 3]
                cells[row, col, 0], cells[row, col, 1] = red, green
                cells[row, col, 2], cells[row, col, 3] = blue, alpha
        else:
            for col in range(1, cols):
                for sample in range(samples):
                    cells[row, col, sample] += cells[row, col - 1, sample]


@kernel("void(uint8[:,::1], int64, int64, boolean, uint8[:,::1])")
def undo_floating(stored, size, samples, is_little, values):  # type: ignore[no-untyped-def]
    """Values of `size` bytes, row by row, of running sums along the rows of bytes, which are summed in place.

    A stored row holds the highest bytes of all its values, then the next lower ones, and so on; `is_little` is the
    byte order that is wanted.
    """
    rows, length = stored.shape
    count = length // size
    for row in range(rows):
        line, out = stored[row], values[row]
        if samples == 1:
            total = line[0]
            for at in range(1, length):
                total = np.uint8(total + line[at])
                line[at] = total
        else:
            for at in range(samples, length):
                line[at] = np.uint8(line[at] + line[at - samples])
        if size == 4 and is_little:
            for at in range(count):
                out[4 * at] = line[3 * count + at]
                out[4 * at + 1] = line[2 * count + at]
                out[4 * at + 2] = line[count + at]
                out[4 * at + 3] = line[at]
        else:
            for byte in range(size):
                place = size - 1 - byte if is_little else byte
                for at in range(count):
                    out[at * size + place] = line[byte * count + at]


@kernel(*(f"boolean({word}[:,:,::1], int64, {word}[:,:,::1], boolean[:,::1])" for word in _WORDS))
def split(cells, alpha, values, shown):  # type: ignore[no-untyped-def]
    """Write the samples but `alpha` (row, col, sample), and where that is not 0 (row, col); whether it is nowhere 0."""
    rows, cols, samples = cells.shape
    is_full = True
    if samples == 4 and alpha == 3:  # as pictures have it
        for row in range(rows):
            for col in range(cols):
                there = cells[row, col, 3] != 0
                shown[row, col] = there
                is_full &= there
                values[row, col, 0] = cells[row, col, 0]
                values[row, col, 1] = cells[row, col, 1]
                values[row, col, 2] = cells[row, col, 2]
        return is_full
    for row in range(rows):
        for col in range(cols):
            there = cells[row, col, alpha] != 0
            shown[row, col] = there
            is_full &= there
            for sample in range(alpha):
                values[row, col, sample] = cells[row, col, sample]
            for sample in range(alpha + 1, samples):
                values[row, col, sample - 1] = cells[row, col, sample]
    return is_full
