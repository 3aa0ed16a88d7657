"""The compiled loops that lay another layer beneath a mosaic's others.

All arrays are flat, C-contiguous and of one size; values that are not valid are not looked at.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import numpy as np

from ogcapi.pixels.compiled import kernel


def _types(names: Mapping[str, str]) -> Mapping[np.dtype[Any], np.dtype[Any]]:
    return MappingProxyType({np.dtype(name): np.dtype(other) for name, other in names.items()})


_OWN = {name: name for name in ("uint8", "int16", "uint16", "float32", "float64")}
_WIDE = {"int8": "int64", "int32": "int64", "int64": "int64", "uint32": "uint64", "uint64": "uint64"}
NUMBERS = _types(_OWN)
"""The types that sums are compiled for; others are carried into float64."""
ORDERED = _types({**_OWN, **_WIDE, "float16": "float32"})
"""Each type, and the one that holds all its values and that extremes are compiled for."""
_VALID = "Array(boolean, 1, 'C', readonly=True)"


def _layer(name: str) -> str:
    return f"Array({name}, 1, 'C', readonly=True), {_VALID}"


_LAYERS = tuple(map(_layer, _OWN))


@kernel(
    *(f"void({_layer(name)}, boolean, {name}[::1], boolean[::1])" for name in sorted(map(str, {*ORDERED.values()})))
)
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
