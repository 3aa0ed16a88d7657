"""Layers of a mosaic put together, one after the other from the top, as its method says.

The laws of what lies first: an empty layer changes nothing, layers may be put together in groups before they are put
together (overlay is associative), and a valid cell is never covered. Validity belongs to each cell of each field.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from types import MappingProxyType
from typing import Any, Protocol

import numpy as np

from ogcapi.model.raster import Field, Valid, Values
from ogcapi.pixels import accumulating
from ogcapi.pixels.overlay import MosaicMethod

_MOST = int(np.iinfo(np.uint16).max)  # that a count can be


class Layers(Protocol):
    """Layers of one shape (field, row, col). Each is written into what `next` gives, and counts once it is laid."""

    def next(self) -> tuple[Values, Valid]:
        """Values and valid for the layer beneath all others, to be written where they are not valid yet."""
        ...

    def lay(self) -> None:
        """Take the layer that has been written; without it, the next one is written in its place."""
        ...

    @property
    def is_full(self) -> bool:
        """Whether no further layer can change the result."""
        ...

    def result(self) -> tuple[Values, Valid]:
        """Values and valid of the whole; nothing may be laid any more."""
        ...


class _First:
    """One layer, for what is beneath is written only where nothing is yet."""

    def __init__(self, shape: tuple[int, ...], fields: Sequence[Field]) -> None:
        self._values, self._valid = np.zeros(shape, _dtype(fields)), np.zeros(shape, bool)

    def next(self) -> tuple[Values, Valid]:
        return self._values, self._valid

    def lay(self) -> None:
        """It lies where it was written."""

    @property
    def is_full(self) -> bool:
        return bool(self._valid.all())

    def result(self) -> tuple[Values, Valid]:
        return self._values, self._valid


class _Streamed:
    """What keeps a summary of the layers, and one of them at a time."""

    is_full = False

    def __init__(self, shape: tuple[int, ...], fields: Sequence[Field]) -> None:
        self._layer = np.zeros(shape, _dtype(fields)), np.zeros(shape, bool)

    def next(self) -> tuple[Values, Valid]:
        self._layer[1][...] = False
        return self._layer

    def _flat(self, types: Mapping[np.dtype[Any], np.dtype[Any]]) -> tuple[Values, Valid]:
        """The layer as the loops want it."""
        values, valid = (of.reshape(-1) for of in self._layer)
        return values.astype(types.get(values.dtype, np.dtype(float)), copy=False), valid


class _Extreme(_Streamed):
    """The highest value, or the lowest."""

    def __init__(self, shape: tuple[int, ...], fields: Sequence[Field], is_least: bool) -> None:
        super().__init__(shape, fields)
        self._is_least = is_least
        self._best = np.zeros(self._layer[0].size, accumulating.ORDERED[self._layer[0].dtype])
        self._known = np.zeros(self._best.size, bool)

    def lay(self) -> None:
        accumulating.extreme(*self._flat(accumulating.ORDERED), self._is_least, self._best, self._known)

    def result(self) -> tuple[Values, Valid]:
        values, valid = self._layer
        return self._best.astype(values.dtype, copy=False).reshape(values.shape), self._known.reshape(valid.shape)


class _Totals(_Streamed):
    """Count and sum of the layers, and what `finish` makes of them."""

    def __init__(self, shape: tuple[int, ...], fields: Sequence[Field], finish: Callable[[_Totals], Values]) -> None:
        super().__init__(shape, fields)
        self._finish = finish
        self._fields = fields
        self.count, self.total = np.zeros(shape, np.int64), np.zeros(shape)

    def lay(self) -> None:
        accumulating.add(*self._flat(accumulating.NUMBERS), self.count.reshape(-1), self.total.reshape(-1))

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


class _Deviation(_Streamed):
    """Standard deviation of the layers as the whole population: a single one deviates by 0."""

    def __init__(self, shape: tuple[int, ...], fields: Sequence[Field]) -> None:
        super().__init__(shape, fields)
        self._count, self._mean, self._squares = np.zeros(shape, np.int64), np.zeros(shape), np.zeros(shape)

    def lay(self) -> None:
        summary = (of.reshape(-1) for of in (self._count, self._mean, self._squares))
        accumulating.deviate(*self._flat(accumulating.NUMBERS), *summary)

    def result(self) -> tuple[Values, Valid]:
        return np.sqrt(self._squares / np.maximum(self._count, 1)), self._count > 0


class _Median:
    """All layers are kept until the end."""

    is_full = False

    def __init__(self, shape: tuple[int, ...], fields: Sequence[Field]) -> None:
        self._next = np.zeros(shape, _dtype(fields)), np.zeros(shape, bool)
        self._layers: list[Values] = [np.full(shape, np.nan)]

    def next(self) -> tuple[Values, Valid]:
        self._next[1][...] = False
        return self._next

    def lay(self) -> None:
        values, valid = self._next
        self._layers.append(np.where(valid, values.astype(float), np.nan))

    def result(self) -> tuple[Values, Valid]:
        layers = np.stack(self._layers)
        layers.sort(axis=0)  # NaN comes last
        count = (~np.isnan(layers)).sum(axis=0)
        lower, upper = np.maximum(count - 1, 0) // 2, count // 2
        low, high = (np.take_along_axis(layers, half[None], axis=0)[0] for half in (lower, upper))
        return np.where(count > 0, low / 2 + high / 2, 0), count > 0


def _dtype(fields: Sequence[Field]) -> np.dtype[Any]:
    return np.result_type(*(field.dtype for field in fields))


_LAYERS: Mapping[MosaicMethod, Callable[[tuple[int, ...], Sequence[Field]], Layers]] = MappingProxyType(
    {
        MosaicMethod.FIRST: _First,
        MosaicMethod.LAST: _First,
        MosaicMethod.HIGHEST: partial(_Extreme, is_least=False),
        MosaicMethod.LOWEST: partial(_Extreme, is_least=True),
        MosaicMethod.MEAN: partial(_Totals, finish=lambda totals: totals.mean),
        MosaicMethod.MEDIAN: _Median,
        MosaicMethod.STDEV: _Deviation,
        MosaicMethod.SUM: partial(_Totals, finish=lambda totals: totals.sum),
        MosaicMethod.COUNT: partial(_Totals, finish=lambda totals: np.minimum(totals.count, _MOST)),
    }
)


def no_layers(method: MosaicMethod, shape: tuple[int, ...], fields: Sequence[Field]) -> Layers:
    """Nothing yet, for layers (field, row, col) of those fields; for `last`, layers come in reversed order."""
    return _LAYERS[method](shape, fields)
