"""GeoTIFF: a raster as it is, bit by bit, with its place and with where it has no data."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import rasterio
from rasterio.enums import ColorInterp
from rasterio.io import DatasetWriter, MemoryFile
from rasterio.transform import Affine

from ogcapi.model.crs import Crs
from ogcapi.model.raster import Field, Raster, Valid, Values

_STRIP_BYTES = 1 << 17  # before compression: few enough strips to compress well, small enough to read a part
_DEFLATE_LEVEL = 4  # 1 to 9: from 6 on a third more time for a few percent
_PREDICTORS = {"u": 2, "i": 2, "f": 3}  # by numpy's kind: differences of whole numbers, of floats byte by byte
_EXACT_NODATA = 1 << 53  # GDAL's tag is written through a float64
_GDAL_ULPS = 4  # a value so near to nodata may count as it: GDAL compares floats with a tolerance of 2
_FLOAT_CANDIDATES = (np.nan, -9999.0, -99999.0, -1e20)
_RGB = ("red", "green", "blue")


@dataclass(frozen=True, kw_only=True)
class Absence:
    """How a GeoTIFF says where there are no data: at most one of the two; neither where all cells are valid."""

    nodata: int | float | None = None
    """The tag's value; no valid cell has it."""
    mask: Valid | None = None
    """(row, col): the mask that all bands share, True where there are data."""


def geotiff(raster: Raster) -> bytes:
    """A GeoTIFF of strips, never of tiles (Tiles `/req/tiff/content`), compressed without loss; one band each field.

    Names, units, scales, offsets and colours of the fields are kept. The format has no axis order of its own: a raster
    in CRS84 reads back as EPSG:4326, and longitude comes first in both.
    """
    absence = find_absence(raster)
    values = filled(raster, absence.nodata)
    palette = _palette(raster)
    count, height, width = values.shape
    creation = {
        "compress": "DEFLATE",
        "zlevel": _DEFLATE_LEVEL,
        "predictor": 1 if palette else _PREDICTORS[values.dtype.kind],
        "tiled": False,
        "blockysize": max(1, min(height, _STRIP_BYTES // (count * width * values.itemsize))),
        "interleave": "pixel",
        "photometric": "RGB" if _is_rgb(raster) else "MINISBLACK",
        "alpha": "NO",
        "bigtiff": "IF_SAFER",
    }
    with MemoryFile() as file:
        with file.open(
            driver="GTiff",
            width=width,
            height=height,
            count=count,
            dtype=values.dtype.name,
            nodata=absence.nodata,
            crs=_crs(raster.grid.crs),
            transform=Affine(*raster.grid.transform),
            **creation,
        ) as dataset:
            _describe(dataset, raster.fields)
            if palette:
                dataset.write_colormap(1, palette)
            dataset.write(values)
            if absence.mask is not None:
                with rasterio.Env(GDAL_TIFF_INTERNAL_MASK=True):
                    dataset.write_mask(absence.mask)
        return bytes(file.getbuffer())


def find_absence(raster: Raster) -> Absence:
    """The way to say which cells hold no data, chosen so that no valid cell is lost.

    The fields' nodata, where they share it and no valid cell has it; else nothing, where all cells are valid; else a
    mask, where all fields are valid in the same cells; else a value that no valid cell has. Where whole numbers leave
    no such value, a mask of the cells in which every field is valid: what is no data never passes for data.
    """
    used = raster.values[raster.valid]
    shared = _shared_nodata(raster.fields, raster.values.dtype)
    if shared is not None and _is_free(shared, used):
        return Absence(nodata=shared.item())
    if raster.is_full:
        return Absence()
    if (raster.valid == raster.valid[0]).all():
        return Absence(mask=raster.valid[0])
    for candidate in _candidates(used):
        if _is_free(candidate, used):
            return Absence(nodata=candidate.item())
    return Absence(mask=np.logical_and.reduce(raster.valid))


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
        # one by one: together, whole numbers beyond 2^63 and others become floats
        return np.array([np.array(value).astype(dtype) for value in values], dtype)


def _shared_nodata(fields: tuple[Field, ...], dtype: np.dtype[Any]) -> np.generic | None:
    """The nodata of all fields where they have the same."""
    declared = [field.nodata for field in fields if field.nodata is not None]
    if len(declared) < len(fields):
        return None
    first, *others = _cast(declared, dtype)
    return first if all(other == first or (other != other and first != first) for other in others) else None


def _is_free(nodata: np.generic, used: Values) -> bool:
    """Whether no value that is used would be taken for that nodata."""
    if used.dtype.kind in "iu":
        return abs(int(nodata)) <= _EXACT_NODATA and not (used == nodata).any()
    if np.isnan(nodata):
        return not np.isnan(used).any()
    with np.errstate(over="ignore", invalid="ignore"):  # sums overflow in GDAL just as here
        tolerance = np.finfo(used.dtype).eps * np.abs(used + nodata) * _GDAL_ULPS
        return not ((used == nodata) | (np.abs(used - nodata) < tolerance)).any()


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


@lru_cache(maxsize=256)
def _crs(crs: Crs) -> rasterio.crs.CRS:
    return rasterio.crs.CRS.from_wkt(crs.wkt)


def _is_rgb(raster: Raster) -> bool:
    return raster.values.dtype.kind == "u" and tuple(field.interpretation for field in raster.fields) == _RGB


def _palette(raster: Raster) -> dict[int, tuple[int, ...]]:
    """The colour table of a single field of up to 16 bits without sign, which is what TIFF can hold."""
    colors = raster.fields[0].colors
    if len(raster.fields) != 1 or not colors or raster.values.dtype.name not in {"uint8", "uint16"}:
        return {}
    return {value: rgba for value, rgba in colors.items() if 0 <= value <= np.iinfo(raster.values.dtype).max}


def _describe(dataset: DatasetWriter, fields: tuple[Field, ...]) -> None:
    dataset.descriptions = [field.name for field in fields]
    if any(field.unit for field in fields):
        dataset.units = [field.unit or "" for field in fields]
    if any((field.scale, field.offset) != (1.0, 0.0) for field in fields):
        dataset.scales = [field.scale for field in fields]
        dataset.offsets = [field.offset for field in fields]
    meanings = [ColorInterp.__members__.get(field.interpretation or "", ColorInterp.undefined) for field in fields]
    keeps = {ColorInterp.palette, ColorInterp.alpha}  # said by a colour table, and by a mask
    meanings = [ColorInterp.undefined if meaning in keeps else meaning for meaning in meanings]
    if len(fields) > 1 and set(meanings) != {ColorInterp.undefined}:
        dataset.colorinterp = meanings
