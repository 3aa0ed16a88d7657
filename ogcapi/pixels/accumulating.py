"""The compiled loops that lay another layer beneath a mosaic's others. `overlay` says the same in numpy.

All arrays are flat, C-contiguous and of one size; values that are not valid are not looked at.
"""

from __future__ import annotations

import numpy as np

from ogcapi.pixels.compiled import kernel

TYPES = frozenset(map(np.dtype, ("uint8", "int16", "uint16", "float32", "float64")))
"""Of the values that the loops are compiled for."""
_VALID = "Array(boolean, 1, 'C', readonly=True)"
_LAYERS = tuple(f"Array({dtype.name}, 1, 'C', readonly=True), {_VALID}" for dtype in sorted(TYPES, key=str))


@kernel(*(f"void({layer}, boolean, {layer.split('(')[1].split(',')[0]}[::1], boolean[::1])" for layer in _LAYERS))
def extreme(values, valid, is_least, best, known):  # type: ignore[no-untyped-def]
    """The greatest of the values, or the least; `known` says where there are any."""
    if is_least:
        for i in range(values.size):
            best[i] = values[i] if (valid[i] and (not known[i] or values[i] < best[i])) else best[i]
    else:
        for i in range(values.size):
            best[i] = values[i] if (valid[i] and (not known[i] or values[i] > best[i])) else best[i]
    for i in range(values.size):
        known[i] |= valid[i]


@kernel(*(f"void({layer}, int64[::1], float64[::1])" for layer in _LAYERS))
def add(values, valid, count, total):  # type: ignore[no-untyped-def]
    """How many values there are, and their sum."""
    for i in range(values.size):
        count[i] += valid[i]
    for i in range(values.size):
        total[i] += np.float64(values[i]) if valid[i] else 0.0


@kernel(*(f"void({layer}, int64[::1], float64[::1], float64[::1])" for layer in _LAYERS))
def deviate(values, valid, count, mean, squares):  # type: ignore[no-untyped-def]
    """How many values there are, their mean, and the sum of the squares of their deviations (Welford)."""
    for i in range(values.size):
        count[i] += valid[i]
        delta = np.float64(values[i]) - mean[i] if valid[i] else 0.0
        mean[i] += delta / max(count[i], 1)
        squares[i] += delta * (np.float64(values[i]) - mean[i]) if valid[i] else 0.0
