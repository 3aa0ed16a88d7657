"""What a cell's value is made of: the weights of the stored cells around its centre."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np

from ogcapi.model.grid import Array
from ogcapi.model.raster import Resampling, Valid

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


def interpolated(kernel: Kernel, rows: Taps, cols: Taps, values: Array, valid: Valid) -> Array:
    """(n,) float64: the weighted mean of values (n, rows, cols) where they are valid; NaN where nothing weighs.

    Beside cells that are not valid, bilinear weights stand in for those with negative lobes: what remains of such a
    kernel may add up to almost nothing, and would magnify the values.
    """
    weights = rows.weights(kernel)[:, :, None] * cols.weights(kernel)[:, None, :]
    mean = _mean(weights, values, valid)
    if kernel.has_lobes:
        beside = ((weights != 0) & ~valid).any(axis=(1, 2))
        if beside.any():
            mean[beside] = interpolated(_BILINEAR, rows.of(beside), cols.of(beside), values[beside], valid[beside])
    return mean


def _mean(weights: Array, values: Array, valid: Valid) -> Array:
    """Sums run through the taps one after the other, so taps without weight never change the rounding."""
    count = len(values)
    weights = np.where(valid, weights, 0).reshape(count, -1)
    values = np.where(weights != 0, values.reshape(count, -1), 0)  # an infinite value without weight is nothing
    total = np.cumsum(weights, axis=1)[:, -1]
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(np.cumsum(weights * values, axis=1)[:, -1] / total)


def most_frequent(rows: Taps, cols: Taps, values: Array, valid: Valid) -> Array:
    """(n,): of valid values (n, rows, cols), the one that takes most of the output cell; of equals the least."""
    kernel = KERNELS[Resampling.MODE]
    count = len(values)
    weights = np.where(valid, rows.weights(kernel)[:, :, None] * cols.weights(kernel)[:, None, :], 0).reshape(count, -1)
    values = values.reshape(count, -1)
    order = np.argsort(values, axis=1, kind="stable")
    values, weights = np.take_along_axis(values, order, axis=1), np.take_along_axis(weights, order, axis=1)
    group = np.zeros(values.shape, np.int64)  # equal values are one group, numbered in their order
    group[:, 1:] = np.cumsum(values[:, 1:] != values[:, :-1], axis=1)
    area = np.zeros(values.shape)
    np.add.at(area, (np.arange(count)[:, None], group), weights)
    best = area.argmax(axis=1)
    return np.asarray(np.take_along_axis(values, (group == best[:, None]).argmax(axis=1)[:, None], axis=1)[:, 0])
