"""Overlays: one raster out of many, laid on top of each other.

The laws of what lies first: an empty layer changes nothing, layers may be put together in groups before they are put
together (overlay is associative), and a valid cell is never covered. Validity belongs to each cell of each field.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from enum import StrEnum
from functools import partial
from math import nan
from types import MappingProxyType
from typing import Any, Protocol

import numpy as np

from ogcapi.model.raster import Field, Valid, Values

_MOST = int(np.iinfo(np.uint16).max)  # that a count can be


class MosaicMethod(StrEnum):
    """What a cell that several assets cover gets."""

    FIRST = "first"
    LAST = "last"
    HIGHEST = "highest"
    LOWEST = "lowest"
    MEAN = "mean"
    MEDIAN = "median"
    STDEV = "stdev"
    SUM = "sum"
    COUNT = "count"


def _beneath(top: Values, is_valid: Valid, values: Values, valid: Valid) -> tuple[Values, Valid]:
    return np.where(is_valid, top, values), is_valid | valid


class Stack(Protocol):
    """Layers laid one beneath the other; all of one shape (field, row, col)."""

    def add(self, values: Values, valid: Valid) -> None:
        """Lay another one beneath all others."""
        ...

    @property
    def is_full(self) -> bool:
        """Whether no further layer can change the result."""
        ...

    def result(self) -> tuple[Values, Valid]:
        """Values and valid of the whole."""
        ...


class _First:
    def __init__(self, shape: tuple[int, ...], fields: Sequence[Field]) -> None:
        self._values, self._valid = np.zeros(shape, _dtype(fields)), np.zeros(shape, bool)

    def add(self, values: Values, valid: Valid) -> None:
        self._values, self._valid = _beneath(self._values, self._valid, values.astype(self._values.dtype), valid)

    @property
    def is_full(self) -> bool:
        return bool(self._valid.all())

    def result(self) -> tuple[Values, Valid]:
        return self._values, self._valid


class _Extreme:
    """The value that `better` (numpy's maximum or minimum) chooses."""

    is_full = False

    def __init__(self, shape: tuple[int, ...], fields: Sequence[Field], better: np.ufunc) -> None:
        self._better = better
        self._values, self._valid = np.zeros(shape, _dtype(fields)), np.zeros(shape, bool)

    def add(self, values: Values, valid: Valid) -> None:
        values = values.astype(self._values.dtype)
        both = self._valid & valid
        self._values[both] = self._better(self._values[both], values[both])
        self._values, self._valid = _beneath(self._values, self._valid, values, valid)

    def result(self) -> tuple[Values, Valid]:
        return self._values, self._valid


class _Totals:
    """Count and sum of the layers, and what `finish` makes of them."""

    is_full = False

    def __init__(self, shape: tuple[int, ...], fields: Sequence[Field], finish: Callable[[_Totals], Values]) -> None:
        self._finish = finish
        self._fields = fields
        self.count, self.total = np.zeros(shape, np.int64), np.zeros(shape)

    def add(self, values: Values, valid: Valid) -> None:
        self.count += valid
        self.total += np.where(valid, values, 0)

    def result(self) -> tuple[Values, Valid]:
        return self._finish(self), self.count > 0

    @property
    def mean(self) -> Values:
        return np.asarray(self.total / np.maximum(self.count, 1))

    @property
    def sum(self) -> Values:
        """With what an offset adds to each layer: of a sum it cannot be taken out again."""
        shift = np.array([field.offset / field.scale for field in self._fields]).reshape(-1, 1, 1)
        return np.asarray(self.total + shift * self.count)


class _Deviation:
    """Standard deviation of the layers as the whole population (Welford): a single one deviates by 0."""

    is_full = False

    def __init__(self, shape: tuple[int, ...], fields: Sequence[Field]) -> None:  # noqa: ARG002 - as the others
        self._count, self._mean, self._squares = np.zeros(shape, np.int64), np.zeros(shape), np.zeros(shape)

    def add(self, values: Values, valid: Valid) -> None:
        self._count += valid
        delta = np.where(valid, values - self._mean, 0)
        self._mean += delta / np.maximum(self._count, 1)
        self._squares += np.where(valid, delta * (values - self._mean), 0)

    def result(self) -> tuple[Values, Valid]:
        return np.sqrt(self._squares / np.maximum(self._count, 1)), self._count > 0


class _Median:
    """All layers are kept until the end."""

    is_full = False

    def __init__(self, shape: tuple[int, ...], fields: Sequence[Field]) -> None:  # noqa: ARG002 - as the others
        self._layers: list[Values] = [np.full(shape, np.nan)]

    def add(self, values: Values, valid: Valid) -> None:
        self._layers.append(np.where(valid, values.astype(float), np.nan))

    def result(self) -> tuple[Values, Valid]:
        layers = np.sort(np.stack(self._layers), axis=0)  # NaN comes last
        count = (~np.isnan(layers)).sum(axis=0)
        lower, upper = np.maximum(count - 1, 0) // 2, count // 2
        low, high = (np.take_along_axis(layers, half[None], axis=0)[0] for half in (lower, upper))
        return np.where(count > 0, low / 2 + high / 2, 0), count > 0


def _dtype(fields: Sequence[Field]) -> np.dtype[Any]:
    return np.result_type(*(field.dtype for field in fields))


_STACKS: Mapping[MosaicMethod, Callable[[tuple[int, ...], Sequence[Field]], Stack]] = MappingProxyType(
    {
        MosaicMethod.FIRST: _First,
        MosaicMethod.LAST: _First,
        MosaicMethod.HIGHEST: partial(_Extreme, better=np.maximum),
        MosaicMethod.LOWEST: partial(_Extreme, better=np.minimum),
        MosaicMethod.MEAN: partial(_Totals, finish=lambda totals: totals.mean),
        MosaicMethod.MEDIAN: _Median,
        MosaicMethod.STDEV: _Deviation,
        MosaicMethod.SUM: partial(_Totals, finish=lambda totals: totals.sum),
        MosaicMethod.COUNT: partial(_Totals, finish=lambda totals: np.minimum(totals.count, _MOST)),
    }
)


def stack(method: MosaicMethod, shape: tuple[int, ...], fields: Sequence[Field]) -> Stack:
    """An empty stack of layers (field, row, col) of those fields; for `last`, layers come in reversed order."""
    return _STACKS[method](shape, fields)


def fields_of(method: MosaicMethod, fields: Sequence[Field]) -> tuple[Field, ...]:
    """What the fields of assets become in a mosaic by that method.

    Means, medians and deviations are float32 of types that fit, else float64; sums float64; counts uint16, where 0 is
    nodata because no cell without an asset is valid. Sums and deviations have no offset left.
    """
    return tuple(_CHANGES[method](field) if method in _CHANGES else field for field in fields)


def _blended(field: Field) -> Field:
    kind = np.dtype(field.dtype)
    dtype = "float32" if kind.itemsize <= 2 or kind == np.float32 else "float64"
    return replace(field, dtype=dtype, nodata=nan, colors=None, categories=None)


def _spread(field: Field) -> Field:
    return replace(_blended(field), offset=0.0, interpretation=None)


def _summed(field: Field) -> Field:
    return replace(_spread(field), dtype="float64")


def _counted(field: Field) -> Field:
    return replace(_spread(field), dtype="uint16", nodata=0, unit="1", scale=1.0)


_CHANGES: Mapping[MosaicMethod, Callable[[Field], Field]] = MappingProxyType(
    {
        MosaicMethod.MEAN: _blended,
        MosaicMethod.MEDIAN: _blended,
        MosaicMethod.STDEV: _spread,
        MosaicMethod.SUM: _summed,
        MosaicMethod.COUNT: _counted,
    }
)
