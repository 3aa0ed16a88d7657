"""Half as many rows and columns: each cell of the four beneath it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

import numpy as np

from ogcapi.model.raster import Resampling, Valid, Values

_ENOUGH = 2  # of four cells must be valid


def halved(values: Values, valid: Valid, method: Resampling) -> tuple[Values, Valid]:
    """Values and valid (row, col) of even shape in half as many rows and columns.

    By `average`, a cell is the mean of the valid ones beneath it, with fractions; by `mode` the most frequent of them,
    of equals the first; by `nearest` the one under its centre, which belongs to the last of the four. Of the others, a
    cell is valid where at least two of the four are: data neither spread nor shrink from level to level.
    """
    four = [(values[row::2, col::2], valid[row::2, col::2]) for row in (0, 1) for col in (0, 1)]
    return _METHODS[method]([one for one, _ in four], [known for _, known in four])


def _mean(values: list[Values], valid: list[Valid]) -> tuple[Values, Valid]:
    amount = np.sum(valid, axis=0, dtype=np.uint8)
    parts = (np.where(known, one, 0).astype(np.float64) for one, known in zip(values, valid, strict=True))
    return np.sum(list(parts), axis=0) / np.maximum(amount, 1), np.asarray(amount >= _ENOUGH)


def _mode(values: list[Values], valid: list[Valid]) -> tuple[Values, Valid]:
    votes = [
        known * np.sum([known & there & (one == other) for other, there in zip(values, valid, strict=True)], axis=0)
        for one, known in zip(values, valid, strict=True)
    ]
    chosen = np.argmax(votes, axis=0)
    return np.choose(chosen, values), np.asarray(np.sum(valid, axis=0) >= _ENOUGH)


def _last(values: list[Values], valid: list[Valid]) -> tuple[Values, Valid]:
    return values[-1], valid[-1]


_METHODS: Mapping[Resampling, Callable[[list[Values], list[Valid]], tuple[Values, Valid]]] = MappingProxyType(
    {Resampling.AVERAGE: _mean, Resampling.MODE: _mode, Resampling.NEAREST: _last}
)
