"""What a cell's value is made of: the weights of the stored cells around its centre."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np

from ogcapi.model.grid import Array
from ogcapi.model.raster import Resampling, Valid, Values

MAX_TAPS = 1024  # stored cells a side that one kernel reaches over at most
_NOTHING = 1e-6  # a weight this small is rounding
_LANCZOS = 3  # lobes


@dataclass(frozen=True, kw_only=True)
class Kernel:
    """Weights along one axis."""

    radius: float
    """How far it reaches, in stored cells, where an output cell is not wider than a stored one."""
    weights: Callable[[Array, Array, Array], Array]
    """From indices of stored cells (n, taps), positions (n, 1) and widths of output cells (n, 1) to (n, taps)."""
    has_lobes: bool = False
    """Whether weights may be negative."""

    def scale(self, size: Array) -> Array:
        """By how much the kernel widens for output cells of that size in stored cells, so that none is left out."""
        return np.clip(np.where(np.isfinite(size), size, 1.0), 1.0, MAX_TAPS / (2 * self.radius))

    def taps(self, scale: float) -> int:
        """Stored cells along one axis that a kernel so widened can touch."""
        return int(np.ceil(2 * self.radius * scale)) + 1

    def indices(self, position: Array, scale: Array) -> Array:
        """(n, taps): the stored cells that the kernels at (n,) positions touch, and some beyond that weigh nothing."""
        first = np.floor(position - self.radius * scale)
        taps = np.arange(self.taps(float(scale.max())) + 1)
        return np.asarray(first[:, None] + taps).astype(np.int64)


def _overlap(index: Array, position: Array, scale: Array) -> Array:
    """The share of each stored cell that lies under the output cell."""
    low, high = position - scale / 2, position + scale / 2
    return np.asarray(np.clip(np.minimum(index + 1, high) - np.maximum(index, low), 0, None))


def _linear(index: Array, position: Array, scale: Array) -> Array:
    return np.asarray(np.clip(1 - np.abs(index + 0.5 - position) / scale, 0, None))


def _cubic(index: Array, position: Array, scale: Array) -> Array:
    """Catmull and Rom's cubic convolution (a = -1/2)."""
    t = np.abs(index + 0.5 - position) / scale
    near = (1.5 * t - 2.5) * t * t + 1
    far = ((-0.5 * t + 2.5) * t - 4) * t + 2
    return np.where(t < 1, near, np.where(t < 2, far, 0))


def _lanczos(index: Array, position: Array, scale: Array) -> Array:
    t = (index + 0.5 - position) / scale
    return np.where(np.abs(t) < _LANCZOS, np.sinc(t) * np.sinc(t / _LANCZOS), 0)


_BILINEAR = Kernel(radius=1, weights=_linear)
KERNELS: Mapping[Resampling, Kernel] = MappingProxyType(
    {
        Resampling.BILINEAR: _BILINEAR,
        Resampling.CUBIC: Kernel(radius=2, weights=_cubic, has_lobes=True),
        Resampling.LANCZOS: Kernel(radius=_LANCZOS, weights=_lanczos, has_lobes=True),
        Resampling.AVERAGE: Kernel(radius=0.5, weights=_overlap),
        Resampling.MODE: Kernel(radius=0.5, weights=_overlap),
    }
)
"""Nearest has none. Bilinear, cubic and Lanczos widen where output cells are wider than stored ones."""


@dataclass(frozen=True, kw_only=True)
class Taps:
    """The stored cells under n kernels along one axis."""

    index: Array
    """(n, taps): column or row of the stored raster."""
    position: Array
    """(n,): of the output cell's centre."""
    scale: Array
    """(n,): how far the kernel is widened."""

    def weights(self, kernel: Kernel) -> Array:
        """(n, taps), not normalised."""
        weights = kernel.weights(self.index, self.position[:, None], self.scale[:, None])
        return np.where(np.abs(weights) < _NOTHING, 0, weights)

    def of(self, chosen: Valid) -> Taps:
        """Those of some of the kernels."""
        return Taps(index=self.index[chosen], position=self.position[chosen], scale=self.scale[chosen])


@dataclass(frozen=True, kw_only=True)
class Patch:
    """Part of a stored raster under n kernels, and where in it each finds its cells."""

    values: Values
    """(field, row, col)."""
    valid: Valid
    """(field, row, col)."""
    rows: Array
    """(n, taps): the row of the patch for each tap; anything where a tap has no weight."""
    cols: Array
    """(n, taps)."""

    def of(self, chosen: Valid) -> Patch:
        """The same for some of the kernels."""
        return Patch(values=self.values, valid=self.valid, rows=self.rows[chosen], cols=self.cols[chosen])


def interpolated(kernel: Kernel, rows: Taps, cols: Taps, patch: Patch) -> Array:
    """(field, n) float64: the weighted means of the valid cells under n kernels; NaN where nothing weighs.

    Beside cells that are not valid, bilinear weights stand in for those with negative lobes: what remains of such a
    kernel may add up to almost nothing, and would magnify the values. Sums run through the taps one after the other, so
    that taps without weight never change the rounding.
    """
    down, across = rows.weights(kernel), cols.weights(kernel)
    shape = (len(patch.values), *down.shape)
    sums, totals, gaps = np.zeros(shape), np.zeros(shape), np.zeros(shape, bool)
    is_whole = bool(patch.valid.all())
    for tap in np.flatnonzero(across.any(axis=0)):
        here = np.s_[:, patch.rows, patch.cols[:, tap, None]]
        weight = across[:, tap, None]
        if not is_whole:
            valid = patch.valid[here]
            gaps |= (weight != 0) & ~valid
            weight = np.where(valid, weight, 0)
        with np.errstate(invalid="ignore"):  # infinite values of both signs have no mean
            sums += weight * np.where(weight != 0, patch.values[here], 0)  # an infinite value without weight is nothing
        totals += weight
    with np.errstate(invalid="ignore"):
        mean = _sum(sums, down)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean /= _sum(totals, down)
    gaps &= down != 0
    beside = np.asarray(gaps.any(axis=(0, 2)))
    if kernel.has_lobes and beside.any():
        gentle = interpolated(_BILINEAR, rows.of(beside), cols.of(beside), patch.of(beside))
        mean[:, beside] = np.where(gaps[:, beside].any(axis=2), gentle, mean[:, beside])
    return mean


def _sum(values: Array, weights: Array) -> Array:
    """(field, n) of (field, n, taps) and weights (n, taps)."""
    total = np.zeros(values.shape[:2])
    for tap, weight in enumerate(weights.T):
        total += weight * np.where(weight != 0, values[:, :, tap], 0)
    return total


def most_frequent(rows: Taps, cols: Taps, patch: Patch) -> Values:
    """(field, n): of the valid cells under n kernels, the value with most of the output cell; of equals the least."""
    kernel = KERNELS[Resampling.MODE]
    shares = rows.weights(kernel)[:, :, None] * cols.weights(kernel)[:, None, :]
    here = patch.rows[:, :, None], patch.cols[:, None, :]
    made = np.zeros((len(patch.values), len(shares)), patch.values.dtype)
    for number, (values, valid) in enumerate(zip(patch.values, patch.valid, strict=True)):
        made[number] = _most_frequent(values[here].reshape(len(shares), -1), np.where(valid[here], shares, 0))
    return made


def _most_frequent(values: Values, shares: Array) -> Values:
    """(n,) of values (n, taps) and the area that each takes."""
    order = np.argsort(values, axis=1, kind="stable")
    values = np.take_along_axis(values, order, axis=1)
    shares = np.take_along_axis(shares.reshape(values.shape), order, axis=1)
    group = np.zeros(values.shape, np.int64)  # equal values are one group, numbered in their order
    group[:, 1:] = np.cumsum(values[:, 1:] != values[:, :-1], axis=1)
    area = np.zeros(values.shape)
    np.add.at(area, (np.arange(len(values))[:, None], group), shares)
    most = (area >= area.max(axis=1, keepdims=True) - _NOTHING).argmax(axis=1)  # the first of those that are equal
    first = (group == most[:, None]).argmax(axis=1)
    return np.asarray(np.take_along_axis(values, first[:, None], axis=1)[:, 0])
