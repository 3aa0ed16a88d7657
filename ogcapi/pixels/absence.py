"""Absence: how an encoded raster says which cells hold no data, so that no valid cell is lost."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from ogcapi.model.raster import Field, Raster, Valid, Values

_EXACT_NODATA = 1 << 53  # GDAL's tag is read through a float64
_GDAL_ULPS = 4  # a value so near to nodata may count as it: GDAL compares floats with a tolerance of 2
_FLOAT_CANDIDATES = (np.nan, -9999.0, -99999.0, -1e20)


@dataclass(frozen=True, kw_only=True)
class Absence:
    """How a GeoTIFF says where there are no data: at most one of the two; neither where all cells are valid."""

    nodata: int | float | None = None
    """The tag's value; no valid cell has it."""
    mask: Valid | None = None
    """(row, col): the mask that all bands share, True where there are data."""


def find_absence(raster: Raster) -> Absence:
    """The way to say which cells hold no data, chosen so that no valid cell is lost.

    The fields' nodata, where they share it and no valid cell has it; else nothing, where all cells are valid; else a
    mask, where all fields are valid in the same cells; else a value that no valid cell has. Where whole numbers leave
    no such value, a mask of the cells in which every field is valid: what is no data never passes for data.
    """
    values, valid = raster.values, None if raster.is_full else raster.valid
    shared = shared_nodata(raster.fields, values.dtype)
    if shared is not None and is_free(shared, values, valid):
        return Absence(nodata=shared.item())
    if valid is None:
        return Absence()
    if (valid == valid[0]).all():
        return Absence(mask=valid[0])
    for candidate in _candidates(values[valid]):
        if is_free(candidate, values, valid):
            return Absence(nodata=candidate.item())
    return Absence(mask=np.logical_and.reduce(valid))


def filled(raster: Raster, nodata: int | float | None = None) -> Values:
    """The values, with `nodata` in cells that are not valid; None: each field's own, else NaN for floats, else 0."""
    if raster.is_full:
        return raster.values
    dtype = raster.values.dtype
    missing = np.nan if dtype.kind == "f" else 0
    own = [missing if field.nodata is None else field.nodata for field in raster.fields]
    fills = own if nodata is None else [nodata] * len(own)
    column = _cast(fills, dtype)[:, None, None]
    return np.where(raster.valid, raster.values, column)


def _cast(values: Sequence[float], dtype: np.dtype[Any]) -> Values:
    with np.errstate(over="ignore"):  # a nodata beyond float32 is infinite there
        return np.array([np.array(value).astype(dtype) for value in values])  # one by one: together they are floats


@lru_cache(maxsize=256)
def shared_nodata(fields: tuple[Field, ...], dtype: np.dtype[Any]) -> np.generic | None:
    """The nodata of all fields where they have the same."""
    declared = [field.nodata for field in fields if field.nodata is not None]
    if len(declared) < len(fields):
        return None
    first, *others = _cast(declared, dtype)
    return first if all(other == first or (other != other and first != first) for other in others) else None


def is_free(nodata: np.generic, values: Values, valid: Valid | None) -> bool:
    """Whether no valid value would be taken for that nodata; all are valid where `valid` is None."""
    if values.dtype.kind in "iu":
        return abs(int(nodata)) <= _EXACT_NODATA and not _any(values == nodata, valid)
    if np.isnan(nodata):
        return not _any(np.isnan(values), valid)
    used = values if valid is None else values[valid]
    kind = np.finfo(values.dtype)
    size = abs(float(nodata))
    # sums do not overflow, and nothing vanishes: only values near nodata need the full test
    if kind.tiny / kind.eps < size < kind.max * kind.eps / 8:
        reach = size * kind.eps * _GDAL_ULPS * 4
        used = used[(used >= nodata - reach) & (used <= nodata + reach)]
    with np.errstate(over="ignore", invalid="ignore"):  # sums overflow in GDAL just as here
        tolerance = kind.eps * np.abs(used + nodata) * _GDAL_ULPS
        return not ((used == nodata) | (np.abs(used - nodata) < tolerance)).any()


def _any(cells: Valid, valid: Valid | None) -> bool:
    return bool((cells if valid is None else cells & valid).any())


def _candidates(used: Values) -> Iterator[np.generic]:
    """Values that could mean no data, customary ones first; for whole numbers one is unused if any is."""
    if used.dtype.kind == "f":
        yield from np.array(_FLOAT_CANDIDATES, used.dtype)
        return
    limits = np.iinfo(used.dtype)
    yield from np.array([limits.min, limits.max] if limits.min < 0 else [limits.max, 0], used.dtype)
    taken = np.unique(used)
    few = np.arange(min(limits.max, taken.size) + 1).astype(used.dtype)
    low = np.arange(max(limits.min, -taken.size), 0).astype(used.dtype)
    yield from np.setdiff1d(few, taken)[:1]
    yield from np.setdiff1d(low, taken)[:1]
