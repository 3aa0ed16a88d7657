"""How the bands of assets become the fields of a mosaic."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache
from math import nan

import numpy as np

from ogcapi.model.crs import Crs, UnknownCrs, transformation
from ogcapi.model.problem import SourceFailed
from ogcapi.model.raster import Field
from ogcapi.sources.raster import FileSource


def is_near(crs: Crs, other: Crs) -> bool:
    """Whether the two are systems of one body."""
    try:
        transformation(crs, other)
    except UnknownCrs:
        return False
    return True


def band_of(fields: Sequence[Field], number: int, bands: Sequence[Field]) -> int | None:
    """Which of an asset's bands is a field of the mosaic: that of its name where all have names, else of its place."""
    if all(_is_named(one) for one in (*fields, *bands)):
        return next((place for place, band in enumerate(bands) if band.name == fields[number].name), None)
    return number if number < len(bands) else None


@lru_cache(maxsize=1024)
def bands_of(fields: tuple[Field, ...], bands: tuple[Field, ...]) -> tuple[int | None, ...]:
    """Which of an asset's bands is each field of the mosaic."""
    return tuple(band_of(fields, number, bands) for number in range(len(fields)))


def _is_named(field: Field) -> bool:
    return not re.fullmatch(r"b\d+", field.name)


def widened(fields: Sequence[Field], sources: Sequence[FileSource], crs: Crs) -> tuple[Field, ...]:
    """The fields of a mosaic's first asset, of types that hold the values of those sources of this body too."""
    bands = [source.bands for source in sources if is_near(source.storage_crs, crs)]
    return tuple(_widened(fields, number, bands) for number in range(len(fields)))


def _widened(fields: Sequence[Field], number: int, assets: Sequence[Sequence[Field]]) -> Field:
    field = fields[number]
    places = [(bands, band_of(fields, number, bands)) for bands in assets]
    same = [bands[place] for bands, place in places if place is not None and _has_units(bands[place], field)]
    dtype = np.result_type(field.dtype, *(band.dtype for band in same))
    return replace(field, dtype=dtype.name, nodata=nan if field.nodata is None and dtype.kind == "f" else field.nodata)


def check_band(asset: str, field: Field, band: Field) -> None:
    """Raise `SourceFailed` where an asset's header tells that a band cannot be the mosaic's field.

    Its type may be narrower: then all its values, whatever they are, are also the field's.
    """
    if not _has_units(band, field):
        raise SourceFailed(asset, f"the scale or offset of {band.name} is not that of the mosaic")
    if not np.can_cast(band.dtype, field.dtype, "safe"):
        reason = f"{band.name} is {band.dtype}, whose values the mosaic's {field.dtype} cannot hold"
        raise SourceFailed(asset, f"{reason}; only the first assets widen it")


def _has_units(band: Field, field: Field) -> bool:
    return (band.scale, band.offset) == (field.scale, field.offset)
