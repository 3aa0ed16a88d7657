"""Overlays: what is made of the cells of many rasters laid on top of each other, and of their fields."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from enum import StrEnum
from math import nan
from types import MappingProxyType

import numpy as np

from ogcapi.model.raster import Field


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
